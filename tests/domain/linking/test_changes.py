"""What changes of a message's links follows from what there is, what is due, what people decided, and the folder alone."""

from __future__ import annotations

from typing import Any

import pytest

from domain.linking.changes import Changed, Record, StoredLink, changes
from domain.linking.model import RECEIVED, SENT, Correspondence, Direction

ANNA: Record = ("crm", "contact", "anna")
DEAL: Record = ("crm", "deal", "boat")
BY_FROM = {"rule": "address", "field": "from"}
CRMS = ("crm",)


def due(record: Record = ANNA, direction: Direction = RECEIVED, **evidence: Any) -> Correspondence:
    return Correspondence(*record, direction, "anna@example.org", evidence or BY_FROM)


def kept(
    *, manual: bool = False, unlinked: bool = False, direction: Direction = RECEIVED, **evidence: Any
) -> StoredLink:
    return StoredLink(7, direction, manual, unlinked, "anna@example.org", evidence or BY_FROM)


def test_what_is_due_and_not_there_is_inserted() -> None:
    found = changes({}, [due()], (), "Inbox", CRMS)
    assert (found.insert, found.counts, found.passes_on) == ([due()], {"crm": Changed(linked=1)}, False)


def test_what_is_there_as_it_is_due_stays() -> None:
    found = changes({ANNA: kept()}, [due()], (), "Inbox", CRMS)
    assert found == changes({}, [], (), "Inbox", CRMS)


def test_what_is_no_longer_due_is_removed_once() -> None:
    assert changes({ANNA: kept()}, [], (), "Inbox", CRMS).remove == [7]
    assert changes({ANNA: kept(unlinked=True)}, [], (), "Inbox", CRMS).remove == []


def test_what_a_person_unlinked_is_not_linked_again() -> None:
    found = changes({ANNA: kept(unlinked=True)}, [due()], {ANNA}, "Inbox", CRMS)
    assert (found.insert, found.update, found.counts) == ([], [], {})
    assert changes({}, [due()], {ANNA}, "Inbox", CRMS).insert == []


def test_what_is_due_again_is_linked_again() -> None:
    found = changes({ANNA: kept(unlinked=True, direction=SENT)}, [due()], (), "Inbox", CRMS)
    assert (found.update, found.counts) == ([(7, due())], {"crm": Changed(linked=1)})


def test_another_direction_is_a_turn_and_another_evidence_is_none() -> None:
    turned = changes({ANNA: kept(direction=SENT)}, [due()], (), "Inbox", CRMS)
    assert (turned.update, turned.counts) == ([(7, due())], {"crm": Changed(turned=1)})
    found = changes({ANNA: kept()}, [due(rule="address", field="cc")], (), "Inbox", CRMS)
    assert (found.update, found.counts) == ([(7, due(rule="address", field="cc"))], {"crm": Changed()})


@pytest.mark.parametrize(("crms", "manual"), [(CRMS, True), ((), False)], ids=["of a person", "of a CRM taken off"])
def test_a_link_that_rules_do_not_decide_stays_and_follows_the_folder(crms: tuple[str, ...], manual: bool) -> None:
    found = changes({ANNA: kept(manual=manual)}, [], (), SENT, crms)
    assert (found.remove, found.turn, found.counts) == ([], [(7, SENT)], {"crm": Changed(turned=1)})
    assert changes({ANNA: kept(manual=manual)}, [], (), "Inbox", crms) == changes({}, [], (), "Inbox", crms)


def test_an_unlinked_one_of_a_person_follows_the_folder_without_being_counted() -> None:
    found = changes({ANNA: kept(manual=True, unlinked=True)}, [], (), SENT, CRMS)
    assert (found.turn, found.counts) == ([(7, SENT)], {})
    assert changes({ANNA: kept(unlinked=True)}, [], (), SENT, ()).turn == []


@pytest.mark.parametrize(
    ("record", "evidence", "passes_on"),
    [(DEAL, BY_FROM, True), (ANNA, {"rule": "thread"}, True), (ANNA, BY_FROM, False)],
)
def test_what_a_thread_inherits_is_passed_on_when_it_comes_and_when_it_goes(
    record: Record, evidence: dict[str, Any], passes_on: bool
) -> None:
    link = due(record, **evidence)
    assert changes({}, [link], (), "Inbox", CRMS).passes_on is passes_on
    assert changes({record: kept(**evidence)}, [], (), "Inbox", CRMS).passes_on is passes_on
    assert changes({record: kept(unlinked=True, **evidence)}, [link], (), "Inbox", CRMS).passes_on is passes_on
    assert changes({record: kept(**evidence)}, [link], (), "Inbox", CRMS).passes_on is False

"""How an erasure's events name the person, and what its answer says."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.privacy.erasure import Erased, Naming, erased_rule, is_meant, left_of_filter, pseudonym
from domain.privacy.rules import Privacy, rule_for

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_an_event_names_the_person_so_that_only_who_knows_the_address_can_tell() -> None:
    named = pseudonym(ONE, "anna@example.org")
    assert named == pseudonym(ONE, "anna@example.org")
    assert named != pseudonym(OTHER, "anna@example.org")
    assert named != pseudonym(ONE, "bo@example.org")
    assert "anna" not in named


def test_a_count_says_that_nothing_was_done_and_records_that_are_left_are_named() -> None:
    counted = Erased(erasure=ONE, dry_run=True, accounts=2, removed=3, bytes=4096, kept=1, records=1)
    assert counted.summary == (
        "3 messages (4,096 bytes) would be removed and 1 others would be kept without the person, in 2 accounts. "
        "1 records of CRMs have the address: erase them there."
    )
    assert "were removed" in counted.model_copy(update={"dry_run": False}).summary


def test_a_rule_without_the_address_still_covers_it_and_nobody_else() -> None:
    rule = erased_rule(ONE, "anna@example.org")
    assert "anna" not in rule
    for rules in ((rule, "doctor.example"), {rule}, [rule]):
        assert rule_for("anna@example.org", rules) == rule
        assert rule_for("bo@example.org", rules) is None
    assert is_meant(rule, "anna@example.org")
    assert Privacy(never_log=(rule,)).never_log == (rule,)
    assert Privacy(never_log=("Doctor.example", rule)).never_log == ("doctor.example", rule)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("anna@xn--bcher-kva.example", True),
        ("Write to <ANNA@BÜCHER.example>.", True),
        (r"anna@bücher\.example", True),
        ({"value": ["x", {"y": "'anna@bücher.example'"}]}, True),
        ("joanna@bücher.example", False),
        ("anna@bücher.example.org", False),
        ("anna@bücher.example-shop", False),
        ("bücher.example", False),
        (7, False),
    ],
)
def test_an_address_is_found_as_people_write_it_and_not_within_another_one(text: object, named: bool) -> None:
    assert Naming("anna@xn--bcher-kva.example").is_in(text) is named


def test_a_filter_loses_the_condition_that_names_the_person_only_where_it_takes_no_more_mail_then() -> None:
    naming, theirs, other = Naming("anna@example.org"), {"value": "anna@example.org"}, {"value": "bo@example.org"}
    label = [{"label": "x"}]
    assert left_of_filter("f", "any", [theirs, other], label, naming) == [other]
    assert left_of_filter("f", "any", [theirs], label, naming) is None
    assert left_of_filter("f", "all", [theirs, other], label, naming) is None
    assert left_of_filter("f", "always", [], [{"move": "anna@example.org"}], naming) is None
    assert left_of_filter("anna@example.org", "any", [other], label, naming) is None


def test_the_answer_says_what_else_named_the_person() -> None:
    done = Erased(erasure=ONE, dry_run=False, filters=1, rules=2, builtin_records=1, crms=("sales",))
    assert done.summary.endswith(
        "The person was removed from 1 filters, 3 privacy rules, 1 records of the built-in CRM."
    )


def test_a_person_whom_nothing_names_is_said_to_be_that() -> None:
    nobody = Erased(erasure=ONE, dry_run=True)
    assert nobody.knows_nobody
    assert "Is it spelled as they write it?" in nobody.summary
    for found in ({"removed": 1}, {"people": 1}, {"rules": 1}, {"crms": ("sales",)}, {"records": 1}):
        assert not nobody.model_copy(update=found).knows_nobody

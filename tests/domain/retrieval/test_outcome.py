"""What a session was: news or none, how much it left, and whether another follows at once."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product
from typing import Any

import pytest

from domain.retrieval.outcome import Agenda, Counts, Ended, outcome
from domain.retrieval.plan import Listed

NOTHING = Ended(Agenda(on_server=3), Counts())
TOO_MUCH = Listed(number=3, uidl="u3", occurrence=0, size=100)


def ended(**facts: Any) -> Ended:
    """A session that had stored two of five messages, and was to fetch no more; with these facts instead."""
    agenda: dict[str, Any] = {"backlog": 5, "to_fetch": 2, "on_server": 5}
    agenda |= {name: facts.pop(name) for name in [field.name for field in fields(Agenda)] if name in facts}
    return replace(Ended(Agenda(**agenda), Counts(stored=2), done=2), **facts)


def test_a_session_that_found_nothing_is_no_news_and_is_not_followed_at_once() -> None:
    came = outcome(NOTHING)
    assert (came.kind, came.remaining, came.more, came.reported) == ("nothing_new", 0, False, False)


@pytest.mark.parametrize("what", ["stored", "skipped", "quarantined", "deleted", "recognised"])
def test_whatever_became_of_a_message_is_news(what: str) -> None:
    assert outcome(replace(NOTHING, counts=Counts(**{what: 1}))).reported
    assert not outcome(replace(NOTHING, counts=Counts(bytes=1))).reported


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"unreported": 2}, "mail"),
        ({"unreported": -2}, "nothing_new"),
        ({"noticed": True}, "nothing_new"),
        ({"unknown_quarantine": True}, "nothing_new"),
        ({"asked_for": True}, "nothing_new"),
        ({"agenda": Agenda(blocked_by_quota=TOO_MUCH)}, "over_quota"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_a_session_that_stored_nothing_is_reported_for_what_the_workflow_does_not_know(
    facts: dict[str, Any], kind: str
) -> None:
    came = outcome(replace(NOTHING, **facts))
    assert (came.reported, came.kind, came.more) == (True, kind, False)


def test_what_is_left_is_the_backlog_and_what_was_not_looked_at() -> None:
    assert outcome(ended()).remaining == 3
    assert outcome(ended(undecided=10, not_entered=100)).remaining == 113
    assert outcome(ended(done=7, undecided=1)).remaining == 1, "what was put aside is counted as done, too"


@pytest.mark.parametrize(
    ("left", "got_on", "full_pace"), list(product([False, True], repeat=3)), ids=lambda value: str(int(value))
)
def test_another_follows_where_something_is_left_this_one_got_on_and_the_pace_is_full(
    left: bool, got_on: bool, full_pace: bool
) -> None:
    counts = Counts(stored=2) if got_on else Counts()
    assert outcome(ended(backlog=5 if left else 2, counts=counts, at_full_pace=full_pace)).more == (
        left and got_on and full_pace
    )


def test_another_follows_to_delete_what_is_left_on_the_server() -> None:
    assert outcome(ended(backlog=2, left_to_delete=1)).more
    assert not outcome(ended(backlog=2, counts=Counts(), left_to_delete=1)).more, "a server may refuse every DELE"


def test_another_follows_where_a_queue_gave_its_whole_length() -> None:
    assert outcome(ended(backlog=2, queue_size=2)).more
    assert outcome(ended(backlog=2, queue_size=2, counts=Counts(stored=1, recognised=1))).more
    assert not outcome(ended(backlog=2, queue_size=3)).more
    assert not outcome(ended(backlog=2, queue_size=None)).more


def test_no_other_follows_to_the_message_that_finds_no_room() -> None:
    over_quota = outcome(ended(blocked_by_quota=TOO_MUCH, room=99))
    assert (over_quota.kind, over_quota.blocked, over_quota.more) == ("over_quota", TOO_MUCH, False)
    assert over_quota.remaining == 3
    for_today = outcome(ended(blocked_for_today=TOO_MUCH))
    assert (for_today.kind, for_today.blocked, for_today.more) == ("mail", None, False)


def test_one_follows_to_it_where_there_turns_out_to_be_room() -> None:
    came = outcome(ended(blocked_by_quota=TOO_MUCH, room=100))
    assert (came.kind, came.blocked, came.more) == ("mail", None, True)


def test_the_quota_is_in_nobodys_way_who_did_not_come_to_it() -> None:
    for blocked in ("blocked_by_quota", "blocked_for_today"):
        came = outcome(ended(to_fetch=3, **{blocked: TOO_MUCH}))
        assert (came.kind, came.more) == ("mail", True)


def test_with_the_quota_used_up_from_the_start_its_room_says_nothing() -> None:
    came = outcome(ended(to_fetch=0, done=0, counts=Counts(), blocked_by_quota=TOO_MUCH, room=1000))
    assert (came.kind, came.blocked, came.reported) == ("over_quota", TOO_MUCH, True)


def test_what_a_session_counts_adds_up() -> None:
    one = Counts(stored=1, skipped=2, quarantined=3, deleted=4, recognised=5, bytes=6)
    assert one + one == Counts(stored=2, skipped=4, quarantined=6, deleted=8, recognised=10, bytes=12)
    assert one + Counts() == one

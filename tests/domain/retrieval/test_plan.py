"""The plan of one session: what is fetched, skipped, quarantined and deleted, in which order."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mailbox.settings import Retrieval
from domain.retrieval.deletion import is_to_be_deleted
from domain.retrieval.plan import (
    MOST_PLANNED,
    Entry,
    Identity,
    LedgerState,
    Listed,
    Plan,
    listing,
    next_try,
    room_again_at,
    volume_left,
)
from domain.retrieval.plan import plan as plan_session

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LARGEST = 1000


def mail(number: int, size: int = 100) -> Listed:
    return Listed(number=number, uidl=f"u{number}", occurrence=0, size=size)


def plan(
    listed: list[Listed],
    ledger: Mapping[Identity, Entry] | None = None,
    *,
    first: bool = False,
    room: int = 1_000_000,
    most: int | None = None,
    largest: int = LARGEST,
    now: datetime = NOON,
    old: Container[Identity] = (),
    volume: int | None = None,
    **settings: Any,
) -> Plan:
    return plan_session(
        listed,
        ledger or {},
        Retrieval(**settings),
        now=now,
        first=first,
        largest=largest,
        room=room,
        most=most,
        old=old,
        volume=volume,
    )


def known(state: LedgerState, *numbers: int, **facts: Any) -> dict[Identity, Entry]:
    return {(f"u{number}", 0): Entry(state=state, **{"size": 100, **facts}) for number in numbers}


def numbers(messages: list[Listed]) -> list[int]:
    return [message.number for message in messages]


# What is listed


def test_uids_and_sizes_are_put_together() -> None:
    assert listing([(1, "a"), (2, "b")], {1: 10, 2: 20}, {}) == [Listed(1, "a", 0, 10), Listed(2, "b", 0, 20)]


def test_a_uid_that_is_listed_twice_is_two_messages() -> None:
    listed = listing([(1, "a"), (2, "b"), (3, "a"), (4, "a")], dict.fromkeys(range(1, 5), 1), {})
    assert [message.identity for message in listed] == [("a", 0), ("b", 0), ("a", 1), ("a", 2)]
    assert numbers(plan(listed).fetch) == [1, 2, 3, 4]


def test_of_a_uid_that_is_listed_twice_one_may_be_stored_and_one_not() -> None:
    ledger = {("a", 0): Entry(state="stored", size=1)}
    listed = listing([(1, "a"), (2, "a")], {1: 1, 2: 1}, ledger)
    assert numbers(plan(listed, ledger).fetch) == [2]


def test_a_uid_that_is_used_again_for_a_message_of_another_size_is_another_message() -> None:
    ledger = {("a", 0): Entry(state="stored", size=4000)}
    listed = listing([(1, "a")], {1: 90_000}, ledger)
    assert [message.identity for message in listed] == [("a", 1)]
    assert numbers(plan(listed, ledger, largest=100_000, after_store="delete").fetch) == [1]


def test_messages_of_one_uid_are_told_apart_by_their_sizes_in_whatever_order_they_are_listed() -> None:
    ledger = {("a", 0): Entry(state="stored", size=4000), ("a", 1): Entry(state="skipped", size=90_000)}
    listed = listing([(1, "a"), (2, "a"), (3, "a")], {1: 90_000, 2: 10, 3: 4000}, ledger)
    assert [(message.number, message.occurrence) for message in listed] == [(1, 1), (2, 2), (3, 0)]


def test_a_skipped_message_whose_size_is_estimated_anew_stays_skipped() -> None:
    ledger = {("a", 0): Entry("skipped", size=4000)}
    assert listing([(1, "a")], {1: 4010}, ledger)[0].occurrence == 0


def test_a_stored_message_is_known_by_its_exact_size_alone() -> None:
    ledger = {("a", 0): Entry("stored", size=4000)}
    assert listing([(1, "a")], {1: 4010}, ledger)[0].occurrence == 1


def test_a_message_without_a_size_is_no_reason_to_go_without_it() -> None:
    assert numbers(listing([(1, "a"), (2, "b")], {2: 20}, {})) == [1, 2]


# What is fetched


def test_from_an_empty_maildrop_nothing_is_planned() -> None:
    assert plan([], first=True) == Plan()


@pytest.mark.parametrize("first", [True, False])
def test_start_all_fetches_everything_that_is_not_known(first: bool) -> None:
    made = plan([mail(1), mail(2), mail(3)], known("stored", 2), first=first, start="all")
    assert (numbers(made.fetch), made.backlog, made.skip) == ([1, 3], 2, [])


def test_start_from_now_skips_what_the_first_list_names() -> None:
    made = plan([mail(1), mail(2)], first=True, start="from_now")
    assert (numbers(made.skip), made.fetch, made.backlog) == ([1, 2], [], 0)


def test_start_from_now_fetches_what_arrives_after_the_first_list() -> None:
    made = plan([mail(1), mail(2), mail(3)], known("skipped", 1, 2), first=False, start="from_now")
    assert (numbers(made.fetch), made.skip) == ([3], [])


def test_start_recent_skips_what_is_old_on_the_first_list_and_fetches_the_rest() -> None:
    made = plan([mail(1), mail(2)], first=True, start="recent", old={("u1", 0)})
    assert (numbers(made.skip), numbers(made.fetch), made.backlog) == ([1], [2], 1)


def test_start_from_now_skips_messages_of_any_size() -> None:
    made = plan([mail(1, LARGEST + 1)], first=True, start="from_now")
    assert (numbers(made.skip), made.oversized) == ([1], [])


@pytest.mark.parametrize("state", ["stored", "skipped", "deleted"])
def test_what_the_ledger_knows_is_never_fetched_again(state: LedgerState) -> None:
    made = plan([mail(1)], known(state, 1), first=True)
    assert (made.fetch, made.skip, made.oversized, made.backlog) == ([], [], [], 0)


@pytest.mark.requirement("R19")
@pytest.mark.parametrize(("order", "expected"), [("oldest_first", [1, 2, 3]), ("newest_first", [3, 2, 1])])
def test_the_order_is_that_of_the_settings_whatever_the_servers_is(order: str, expected: list[int]) -> None:
    assert numbers(plan([mail(2), mail(3), mail(1)], order=order).fetch) == expected


def test_a_phase_takes_the_first_messages_in_that_order_and_the_rest_remains_in_the_backlog() -> None:
    made = plan([mail(n) for n in range(1, 6)], most=2, order="newest_first")
    assert (numbers(made.fetch), made.backlog) == ([5, 4], 5)


# What is too large, and what the server would not hand out


def test_a_message_of_the_largest_size_is_fetched_and_a_larger_one_quarantined() -> None:
    made = plan([mail(1, LARGEST), mail(2, LARGEST + 1), mail(3)])
    assert (numbers(made.fetch), numbers(made.oversized), made.backlog) == ([1, 3], [2], 2)


def test_a_message_that_is_quarantined_for_its_size_is_quarantined_once() -> None:
    made = plan([mail(1, LARGEST + 1)], known("quarantined", 1, size=LARGEST + 1, attempts=1))
    assert (made.fetch, made.oversized) == ([], [])


def test_a_message_that_is_quarantined_for_its_size_is_fetched_once_the_limit_is_raised() -> None:
    made = plan([mail(1, LARGEST + 1)], known("quarantined", 1, size=LARGEST + 1, attempts=1), largest=LARGEST + 1)
    assert numbers(made.fetch) == [1]


def test_a_quarantined_message_is_asked_for_again_when_its_time_has_come() -> None:
    entry = known("quarantined", 1, retry_at=NOON, attempts=1)
    assert plan([mail(1)], entry, now=NOON - timedelta(seconds=1)).fetch == []
    assert numbers(plan([mail(1)], entry, now=NOON).fetch) == [1]


def test_a_quarantined_message_is_not_skipped_by_start_from_now() -> None:
    assert numbers(plan([mail(1)], known("quarantined", 1, attempts=1), first=True, start="from_now").fetch) == [1]


def test_a_message_that_is_not_handed_out_is_asked_for_after_an_hour_six_a_day_and_then_every_week() -> None:
    hours = [(next_try(attempts, NOON) - NOON) / timedelta(hours=1) for attempts in range(1, 6)]
    assert hours == [1, 6, 24, 168, 168]


def test_what_is_due_in_quarantine_comes_first_as_it_has_waited_longest() -> None:
    due = known("quarantined", 3, retry_at=NOON - timedelta(hours=1))
    made = plan([mail(1), mail(2), mail(3)], due, most=2)
    assert (numbers(made.fetch), made.backlog) == ([3, 1], 3)


def test_what_is_due_in_quarantine_and_has_no_room_in_the_quota_holds_up_nobody() -> None:
    due = known("quarantined", 1, size=900, retry_at=NOON - timedelta(hours=1))
    made = plan([mail(1, 900), mail(2, 100)], due, room=500)
    assert (numbers(made.fetch), made.backlog, made.blocked_by_quota) == ([2], 1, None)


# The quota


def test_messages_are_fetched_as_long_as_the_quota_has_room_for_them() -> None:
    made = plan([mail(1, 100), mail(2, 100), mail(3, 100)], room=200)
    assert (numbers(made.fetch), made.backlog) == ([1, 2], 3)
    assert made.blocked_by_quota == mail(3, 100)


def test_a_message_that_fits_exactly_is_fetched() -> None:
    assert plan([mail(1, 100)], room=100).blocked_by_quota is None


def test_no_message_overtakes_one_that_the_quota_has_no_room_for() -> None:
    made = plan([mail(1, 900), mail(2, 10)], room=100)
    assert (made.fetch, made.blocked_by_quota) == ([], mail(1, 900))


@pytest.mark.parametrize("room", [0, -5])
def test_with_the_quota_used_up_only_new_mail_is_blocked(room: int) -> None:
    assert plan([mail(1)], room=room).blocked_by_quota == mail(1)
    assert plan([mail(1)], known("stored", 1), room=room).blocked_by_quota is None


def test_the_quota_is_not_to_blame_where_a_phase_ends_first() -> None:
    assert plan([mail(1, 100), mail(2, 100)], room=100, most=1).blocked_by_quota is None


def test_what_is_cut_off_is_left_to_the_next_session_and_whatever_would_have_blocked_it() -> None:
    made = plan([mail(1, 100), mail(2, 100), mail(3, 100)], room=200, volume=150)
    made = made.cut(2)
    assert (numbers(made.fetch), made.blocked_for_today) == ([1], mail(2, 100)), "it is no longer than that"
    made = made.cut(0)
    assert (made.fetch, made.blocked_for_today, made.blocked_by_quota, made.backlog) == ([], None, None, 3)


def test_a_session_plans_no_more_than_it_may_keep_in_memory() -> None:
    made = plan([mail(number, 0) for number in range(1, MOST_PLANNED + 3)])
    assert (len(made.fetch), made.backlog) == (MOST_PLANNED, MOST_PLANNED + 2)


def test_what_is_in_quarantine_and_finds_no_room_takes_nobodys_place_in_the_plan() -> None:
    quarantined = range(1, 4)
    made = plan(
        [*(mail(number, 100) for number in quarantined), mail(4, 10)],
        known("quarantined", *quarantined),
        room=50,
        most=1,
    )
    assert (numbers(made.fetch), made.backlog) == ([4], 1)


def test_without_room_nothing_is_deleted_that_is_not_stored() -> None:
    made = plan([mail(1), mail(2)], known("stored", 1), room=0, after_store="delete")
    assert numbers(made.delete) == [1]


# The provider's daily volume


def test_a_session_takes_no_more_than_the_provider_still_hands_out_today() -> None:
    made = plan([mail(1, 100), mail(2, 100), mail(3, 10)], volume=150)
    assert (numbers(made.fetch), made.blocked_for_today, made.backlog) == ([1], mail(2, 100), 3)
    assert made.blocked_by_quota is None


def test_without_a_daily_volume_nothing_waits_for_tomorrow() -> None:
    assert plan([mail(1), mail(2)]).blocked_for_today is None


def test_a_message_that_fits_exactly_is_taken_today() -> None:
    assert plan([mail(1, 100)], volume=100).blocked_for_today is None


def test_what_is_left_of_a_day_is_what_its_sessions_did_not_take() -> None:
    assert volume_left([(NOON, 300), (NOON, 500)], daily=1000, largest=100) == 200
    assert volume_left([(NOON, 1100)], daily=1000, largest=100) == -100


def test_a_message_larger_than_a_days_volume_is_taken_on_a_day_without_any_other() -> None:
    assert volume_left([], daily=1000, largest=5000) == 5000
    assert volume_left([(NOON, 1)], daily=1000, largest=5000) == 999


def test_there_is_room_again_a_day_after_the_session_whose_bytes_are_in_the_way() -> None:
    hour = timedelta(hours=1)
    taken = [(NOON + hour, 500), (NOON, 100), (NOON + 2 * hour, 400)]
    assert room_again_at(taken, daily=1000, size=50) == NOON + timedelta(days=1)
    assert room_again_at(taken, daily=1000, size=300) == NOON + timedelta(days=1) + hour
    assert room_again_at(taken, daily=1000, size=9000) == NOON + timedelta(days=1) + 2 * hour


# Deleting


def test_by_default_mail_is_left_on_the_server() -> None:
    assert plan([mail(1)], known("stored", 1, stored_at=NOON - timedelta(days=999))).delete == []


def test_delete_deletes_what_was_stored_before() -> None:
    made = plan([mail(1), mail(2)], known("stored", 1, stored_at=NOON), after_store="delete")
    assert (numbers(made.delete), numbers(made.fetch)) == ([1], [2])


@pytest.mark.parametrize("state", ["skipped", "quarantined", "deleted"])
def test_what_is_not_stored_is_never_deleted(state: LedgerState) -> None:
    entry = known(state, 1, stored_at=NOON - timedelta(days=9), retry_at=NOON + timedelta(days=1))
    assert plan([mail(1)], entry, after_store="delete").delete == []
    assert plan([mail(1)], entry, after_store="delete_after_days", delete_after_days=1).delete == []


def test_the_days_until_deletion_count_from_the_storing() -> None:
    week = Retrieval(after_store="delete_after_days", delete_after_days=7)
    assert not is_to_be_deleted(week, NOON, NOON + timedelta(days=7) - timedelta(seconds=1))
    assert is_to_be_deleted(week, NOON, NOON + timedelta(days=7))
    old = known("stored", 1, stored_at=NOON - timedelta(days=8)) | known("stored", 2, stored_at=NOON)
    made = plan([mail(1), mail(2)], old, after_store="delete_after_days", delete_after_days=7)
    assert numbers(made.delete) == [1]


# Whatever the server lists

SIZES = st.sampled_from([0, 1, 100, LARGEST, LARGEST + 1]) | st.integers(0, LARGEST + 50)
LEDGERS = st.dictionaries(
    st.tuples(st.sampled_from(["u1", "u2", "u3", "u4", "u5"]), st.integers(0, 1)),
    st.builds(
        Entry,
        state=st.sampled_from(["stored", "skipped", "quarantined", "deleted"]),
        size=SIZES,
        stored_at=st.just(NOON - timedelta(days=2)),
        retry_at=st.sampled_from([None, NOON - timedelta(hours=1), NOON + timedelta(hours=1)]),
        attempts=st.integers(0, 9),
    ),
)
LISTS = st.lists(st.tuples(st.sampled_from(["u1", "u2", "u3", "u4", "u5", "u6"]), SIZES))
POLICIES = st.builds(
    Retrieval,
    start=st.sampled_from(["all", "from_now"]),
    order=st.sampled_from(["oldest_first", "newest_first"]),
    after_store=st.sampled_from(["leave", "delete", "delete_after_days"]),
    delete_after_days=st.integers(1, 3),
)


@given(LISTS, LEDGERS, POLICIES, st.booleans(), st.integers(-10, 5000), st.none() | st.integers(0, 5))
def test_every_message_has_at_most_one_fate_and_no_limit_is_passed(
    uids: list[tuple[str, int]],
    ledger: dict[Identity, Entry],
    policy: Retrieval,
    first: bool,
    room: int,
    most: int | None,
) -> None:
    sizes = dict(enumerate((size for _, size in uids), start=1))
    listed = listing(enumerate((uidl for uidl, _ in uids), start=1), sizes, ledger)
    assert numbers(listed) == list(sizes)
    assert len({message.identity for message in listed}) == len(listed)
    made = plan_session(listed, ledger, policy, now=NOON, first=first, largest=LARGEST, room=room, most=most)

    touched = [*made.skip, *made.fetch, *made.oversized, *made.delete]
    assert len({message.identity for message in touched}) == len(touched)
    assert set(touched) <= set(listed)
    assert all(message.size <= LARGEST for message in made.fetch)
    assert sum(message.size for message in made.fetch) <= max(room, 0)
    assert most is None or len(made.fetch) <= most
    assert len(made.fetch) <= made.backlog
    assert made.blocked_by_quota not in made.fetch
    states = {message.identity: ledger[message.identity].state for message in listed if message.identity in ledger}
    assert all(states.get(message.identity) in (None, "quarantined") for message in made.fetch)
    assert all(states.get(message.identity) == "stored" for message in made.delete)
    assert policy.after_store != "leave" or not made.delete

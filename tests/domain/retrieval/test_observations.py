"""What sessions make of what they see: a full queue, another client, a gap, and when each of them is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.mailbox.providers import PROFILES
from domain.retrieval.observations import Look, Memory, Observation, differing, digest_of, observe

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def look(provider: str = "google", *, at: datetime = NOON, listed: int = 60, digest: str = "a", **seen: Any) -> Look:
    """A session that worked and found nothing new."""
    counted = seen.pop("counted", listed)
    return Look(
        at=at,
        last_look=seen.pop("last_look", at - timedelta(minutes=5)),
        profile=PROFILES[provider],  # type: ignore[index]  # a parameter of a test is a plain string
        epoch=seen.pop("epoch", 1),
        counted=counted,
        listed=listed,
        stored=seen.pop("stored", listed),
        digest=digest,
        complete=seen.pop("complete", 0 < counted == listed),
        **seen,
    )


def after(*looks: Look, recent_mode: bool = False) -> tuple[Memory, list[str]]:
    """What is remembered after these looks, and the codes of what holds after the last."""
    memory, found = Memory().entering(recent_mode=recent_mode, at=NOON), list[str]()
    for one in looks:
        memory, observed = observe(memory, one)
        found = [observation.code for observation in observed]
        memory = Memory.model_validate_json(memory.model_dump_json())  # as it is kept
    return memory, found


def codes(*looks: Look, recent_mode: bool = False) -> list[str]:
    return after(*looks, recent_mode=recent_mode)[1]


class TestAFullQueue:
    pytestmark = pytest.mark.requirement("R56")

    def test_three_clean_looks_at_a_queue_that_does_not_drain_are_a_stall_and_two_are_not(self) -> None:
        assert codes(look(), look()) == []
        assert codes(look(), look(), look()) == ["queue_saturated"]

    def test_a_server_that_counts_more_than_it_lists_stalls_at_any_provider(self) -> None:
        assert codes(*[look("generic", listed=7, counted=9)] * 3) == ["queue_saturated"]

    def test_its_facts_are_those_of_the_third_look_for_as_long_as_it_lasts(self) -> None:
        memory, _ = after(*[look()] * 3)
        _, (found,) = observe(memory, look(digest="b", listed=59))
        assert found.facts == {"counted": 60, "listed": 60, "stored": 60}

    @pytest.mark.parametrize(
        "between",
        [look(quiet=False), look(digest="b"), look(listed=49), look(epoch=2)],
        ids=["something new came", "another list", "a queue that is not full", "another server"],
    )
    def test_anything_else_in_between_begins_the_count_anew(self, between: Look) -> None:
        assert codes(look(), look(), between, look()) == []

    def test_an_ordinary_maildrop_that_is_full_of_stored_mail_is_no_stall(self) -> None:
        assert codes(*[look("generic", listed=5000)] * 5) == []

    def test_in_recent_mode_a_long_list_is_as_it_should_be(self) -> None:
        assert codes(*[look()] * 5, recent_mode=True) == []

    @pytest.mark.parametrize("drained", [look(listed=10), look(quiet=False)])
    def test_it_is_over_when_the_queue_drains_or_something_new_comes(self, drained: Look) -> None:
        assert codes(look(), look(), look(), drained) == []


class TestAnotherClient:
    pytestmark = pytest.mark.requirement("R65")

    def test_mail_that_leaves_a_list_which_still_has_other_mail_was_taken_by_somebody(self) -> None:
        assert codes(look("generic"), look("generic", missing={"stored": 1}, staying=3)) == ["other_pop_client"]

    def test_an_empty_list_proves_nothing(self) -> None:
        assert codes(look("generic"), look("generic", listed=0, missing={"stored": 9})) == []

    def test_a_list_that_is_cut_short_proves_nothing(self) -> None:
        assert codes(look("generic"), look("generic", listed=5, counted=9, missing={"stored": 4}, staying=5)) == []

    def test_a_list_with_nothing_of_the_one_before_may_be_a_moved_server_and_the_third_of_them_is_not(self) -> None:
        turned = [look("generic", at=NOON + n * DAY, missing={"stored": 2}) for n in range(1, 4)]
        assert codes(look("generic"), *turned[:2]) == []
        assert codes(look("generic"), *turned) == ["other_pop_client"]

    def test_turnovers_far_apart_are_not_added_up(self) -> None:
        turned = [look("generic", at=NOON + n * 20 * DAY, missing={"stored": 2}) for n in range(1, 6)]
        assert codes(look("generic"), *turned) == []

    def test_after_a_change_of_the_server_the_lists_cannot_be_compared(self) -> None:
        assert codes(look("generic"), look("generic", epoch=2, missing={"stored": 2}, staying=1)) == []

    def test_what_a_queue_was_retrieved_from_leaves_it_by_design(self) -> None:
        assert codes(look(), look(missing={"stored": 9, "quarantined": 1}, staying=3)) == []

    def test_what_leaves_a_queue_without_having_been_retrieved_was_taken_by_somebody(self) -> None:
        assert codes(look(), look(missing={"skipped": 1}, staying=3)) == ["other_pop_client"]

    def test_recent_mode_loses_mail_by_its_age(self) -> None:
        assert codes(look(), look(missing={"stored": 9, "skipped": 9}, staying=3), recent_mode=True) == []

    def test_a_server_that_removes_mail_by_itself_proves_nothing(self) -> None:
        looked = [look("generic", expire_days=30), look("generic", expire_days=30, missing={"stored": 1}, staying=3)]
        assert codes(*looked) == ["expire"]

    def test_it_is_over_thirty_days_after_the_last_time_and_names_the_first(self) -> None:
        first = look("generic", at=NOON + DAY, missing={"stored": 1}, staying=3)
        again = look("generic", at=NOON + 20 * DAY, missing={"stored": 1}, staying=3)
        memory, _ = after(look("generic"), first, again)
        _, (found,) = observe(memory, look("generic", at=NOON + 49 * DAY))
        assert found.facts == {"since": (NOON + DAY).isoformat()}
        assert observe(memory, look("generic", at=NOON + 50 * DAY))[1] == ()


class TestAGapInRecentMode:
    pytestmark = pytest.mark.requirement("R66")

    def test_more_than_thirty_days_without_a_look_are_named(self) -> None:
        late = look(at=NOON + 31 * DAY, last_look=NOON)
        memory, _ = after(look(), recent_mode=True)
        _, (found,) = observe(memory, late)
        assert found == Observation(
            code="recent_gap", facts={"from": NOON.isoformat(), "to": (NOON + 31 * DAY).isoformat()}
        )

    def test_thirty_days_are_what_the_mode_shows(self) -> None:
        assert codes(look(), look(at=NOON + 30 * DAY, last_look=NOON), recent_mode=True) == []

    def test_without_recent_mode_a_pause_loses_nothing(self) -> None:
        assert codes(look(), look(at=NOON + 99 * DAY, last_look=NOON)) == []

    def test_the_first_look_in_recent_mode_ends_no_gap(self) -> None:
        memory, _ = after(look())
        memory = memory.entering(recent_mode=True, at=NOON + 99 * DAY)
        assert observe(memory, look(at=NOON + 99 * DAY, last_look=NOON))[1] == ()

    def test_it_stays_for_thirty_days(self) -> None:
        late = look(at=NOON + 31 * DAY, last_look=NOON)
        assert codes(look(), late, look(at=NOON + 60 * DAY), recent_mode=True) == ["recent_gap"]
        assert codes(look(), late, look(at=NOON + 61 * DAY), recent_mode=True) == []

    def test_it_is_over_when_the_mode_is_turned_off(self) -> None:
        memory, _ = after(look(), look(at=NOON + 31 * DAY, last_look=NOON), recent_mode=True)
        memory = memory.entering(recent_mode=False, at=NOON + 32 * DAY)
        assert observe(memory, look(at=NOON + 32 * DAY))[1] == ()


def test_the_memory_knows_when_the_mode_was_last_turned_on_or_off() -> None:
    first = Memory().entering(recent_mode=False, at=NOON)
    assert first.toggled_at is None
    on = first.entering(recent_mode=True, at=NOON + DAY)
    assert (on.recent_mode, on.toggled_at) == (True, NOON + DAY)
    assert on.entering(recent_mode=True, at=NOON + 2 * DAY) == on
    assert observe(on, look())[0].toggled_at == NOON + DAY


def test_looks_that_find_the_same_are_no_news() -> None:
    seen = look("generic", listed=7, counted=9, expire_days=30, room_again_at=NOON + DAY)
    memory, observed = Memory(), tuple[Observation, ...]()
    for number in range(6):
        before = observed
        memory, observed = observe(memory, seen)
        assert differing(before, observed) is (number in (0, 2)), number
    assert [one.code for one in observed] == ["daily_limit", "expire", "queue_saturated"]


def test_a_list_is_the_same_in_whatever_order_it_comes() -> None:
    assert digest_of(["a", "b"]) == digest_of(["b", "a"]) != digest_of(["ab"])
    assert digest_of(["a", "a"]) != digest_of(["a"])

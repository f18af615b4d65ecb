"""The kinds of failure: what they count to, whether they suspend, how long they wait, and whom they send where."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.failures.failure import FATES, Diagnosis, Failure, Kind, minutes_until_retry
from domain.failures.pop_rules import POP
from domain.failures.remedy import Remedy
from domain.failures.user_actions import user_action

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def failure(kind: Kind, remedy: str = "Do this.") -> Failure:
    return Diagnosis(kind, None, Remedy.of(remedy)).failure(reference="f-1", support="help@example.com", at=NOON)


def waits(kind: Kind, failures: int, *, interval: float = 5, login_delay: float = 0) -> list[float]:
    return [minutes_until_retry(kind, n, interval=interval, login_delay=login_delay) for n in range(1, failures + 1)]


def test_only_a_wrong_password_and_a_lost_connection_are_counted() -> None:
    counted = {kind: fate.counts for kind, fate in FATES.items() if fate.counts}
    assert counted == {Kind.AUTHENTICATION: "authentication", Kind.CONNECTION: "connection"}


def test_what_only_a_person_can_mend_suspends() -> None:
    assert {kind for kind, fate in FATES.items() if fate.suspends} == {
        Kind.CERTIFICATE,
        Kind.CONFIGURATION,
        Kind.POP_UNAVAILABLE,
        Kind.PROVIDER_LOCKED,
        Kind.WEB_LOGIN_REQUIRED,
    }


def test_every_kind_that_a_rule_yields_has_a_fate() -> None:
    assert {rule.kind for rule in (*POP.marks, *POP.meanings)} <= set(FATES)


def test_a_wrong_password_is_tried_again_after_1_5_15_and_then_every_60_minutes() -> None:
    assert waits(Kind.AUTHENTICATION, 6) == [1, 5, 15, 60, 60, 60]


def test_a_lost_connection_waits_for_the_interval_growing_to_half_an_hour() -> None:
    assert waits(Kind.CONNECTION, 5, interval=5) == [5, 10, 20, 30, 30]


def test_a_lost_connection_never_shortens_an_interval_of_an_hour() -> None:
    assert waits(Kind.CONNECTION, 3, interval=60) == [60, 60, 60]


@pytest.mark.parametrize("kind", [Kind.CERTIFICATE, Kind.CONFIGURATION, Kind.POP_UNAVAILABLE])
def test_what_an_administrator_must_mend_is_looked_at_once_a_day(kind: Kind) -> None:
    assert waits(kind, 3) == [1440, 1440, 1440]


@pytest.mark.requirement("R53")
@pytest.mark.requirement("R59")
@pytest.mark.parametrize("kind", [Kind.PROVIDER_LOCKED, Kind.WEB_LOGIN_REQUIRED])
def test_what_the_owner_must_do_in_a_browser_is_looked_at_every_six_hours_and_never_counted(kind: Kind) -> None:
    assert waits(kind, 3) == [360, 360, 360]
    assert failure(kind).counts is None


def test_a_throttled_account_waits_15_minutes_doubling_to_a_day() -> None:
    assert waits(Kind.THROTTLED, 9) == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


def test_a_throttled_account_never_waits_less_than_the_login_delay() -> None:
    assert waits(Kind.THROTTLED, 3, login_delay=40) == [40, 40, 60]


@pytest.mark.parametrize("kind", [Kind.MAILBOX_BUSY, Kind.SERVER_ERROR, Kind.PROTOCOL_ERROR])
def test_passing_trouble_is_tried_again_after_a_minute_doubling_to_half_an_hour(kind: Kind) -> None:
    assert waits(kind, 7) == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("kind", list(FATES))
def test_waits_never_shrink_and_never_overflow(kind: Kind) -> None:
    series = [*waits(kind, 60), minutes_until_retry(kind, 10**9, interval=5)]
    assert series == sorted(series)
    assert series[-1] <= 1440


def test_a_failure_survives_json() -> None:
    told = failure(Kind.AUTHENTICATION)
    assert Failure.model_validate_json(told.model_dump_json()) == told


def test_a_failure_counts_what_its_kind_counts() -> None:
    assert failure(Kind.AUTHENTICATION).counts == "authentication"
    assert failure(Kind.CONNECTION).counts == "connection"
    assert failure(Kind.THROTTLED).counts is None


@pytest.mark.parametrize("kind", sorted(set(FATES) - {Kind.PROVIDER_LOCKED, Kind.WEB_LOGIN_REQUIRED}))
def test_other_kinds_ask_nothing_of_the_owner(kind: Kind) -> None:
    assert user_action(failure(kind)) is None


def test_without_a_known_page_the_owner_is_still_told_what_to_do() -> None:
    for kind in (Kind.PROVIDER_LOCKED, Kind.WEB_LOGIN_REQUIRED):
        action = user_action(failure(kind, "A remedy without a link."))
        assert action is not None
        assert action.url is None
        assert "web browser" in action.step

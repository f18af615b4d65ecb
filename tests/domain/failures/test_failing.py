"""One rule counts the failures of accounts and of CRM connections, and says what each comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from domain.crm import failures as of_crms
from domain.failures import failure as of_accounts
from domain.failures.failing import Consequence, consequence
from domain.failures.failure import Diagnosis, Failure, Failures, Fate, Kind, Limits, Steps
from domain.failures.remedy import Remedy

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIMITS = Limits(authentication=2, connection=3)
TRIED_AGAIN = Fate(counts=None, suspends=False, waits=Steps((1.0,)))
NONE = Failures()
SUSPENDS = Fate(counts=None, suspends=True, waits=Steps((1.0,)))


@dataclass(frozen=True)
class Tried:
    failures: Failures = NONE
    last_failure: Failure | None = None
    in_a_row: int = 0
    failed_sessions: int = 0
    stuck: bool = False
    reason: str | None = None


def failed(kind: Kind) -> Failure:
    return Diagnosis(kind, None, Remedy.of("Do this.")).failure(reference="f-1", support="help@example.com", at=NOON)


def after(
    tried: Tried, kind: Kind, fate: Fate = TRIED_AGAIN, *, let_in: bool = False, suspended: bool = False
) -> Consequence:
    return consequence(tried, failed(kind), fate, LIMITS, let_in=let_in, suspended=suspended)


def test_the_counters_never_mix() -> None:
    wrong = after(Tried(Failures(connection=2)), Kind.AUTHENTICATION)
    assert (wrong.failures, wrong.exhausted) == (Failures(authentication=1), None)
    lost = after(Tried(Failures(authentication=1)), Kind.CONNECTION)
    assert (lost.failures, lost.exhausted) == (Failures(authentication=1, connection=1), None)


def test_the_limit_that_is_reached_is_named() -> None:
    assert after(Tried(Failures(authentication=1)), Kind.AUTHENTICATION).exhausted == "authentication_failures"
    assert after(Tried(Failures(connection=2)), Kind.CONNECTION).exhausted == "connection_failures"


@pytest.mark.parametrize(("let_in", "left"), [(True, 0), (False, 1)])
def test_what_was_let_in_ends_the_refused_logins_and_any_answer_ends_the_lost_connections(
    let_in: bool, left: int
) -> None:
    found = after(Tried(Failures(authentication=1, connection=2)), Kind.SERVER_ERROR, let_in=let_in)
    assert found.failures == Failures(authentication=left)


def test_failures_of_one_kind_are_in_a_row_until_another_comes() -> None:
    tried = Tried(last_failure=failed(Kind.SERVER_ERROR), in_a_row=4)
    assert after(tried, Kind.SERVER_ERROR).in_a_row == 5
    assert after(tried, Kind.CONNECTION).in_a_row == 1


@pytest.mark.parametrize(
    ("fate", "suspended", "reason", "suspends", "resumes"),
    [
        (SUSPENDS, False, None, True, False),
        (SUSPENDS, True, "configuration", False, False),
        (SUSPENDS, True, "certificate", True, False),
        (TRIED_AGAIN, True, "certificate", False, True),
        (TRIED_AGAIN, False, None, False, False),
    ],
)
def test_it_is_suspended_once_for_a_reason_and_goes_on_with_another_kind(
    fate: Fate, suspended: bool, reason: str | None, suspends: bool, resumes: bool
) -> None:
    found = after(Tried(reason=reason), Kind.CONFIGURATION, fate, suspended=suspended)
    assert (found.suspends, found.resumes) == (suspends, resumes)


def test_what_is_disabled_is_neither_suspended_nor_resumed() -> None:
    found = after(Tried(Failures(connection=2)), Kind.CONNECTION, suspended=True)
    assert (found.exhausted, found.suspends, found.resumes) == ("connection_failures", False, False)


def test_ten_wrong_passwords_or_fifty_lost_connections_disable_accounts_and_crm_connections() -> None:
    assert of_accounts.LIMITS == of_crms.LIMITS == Limits(authentication=10, connection=50)

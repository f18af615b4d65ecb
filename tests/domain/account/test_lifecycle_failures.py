"""What a failed session counts to, where it leaves the account and when the next one is: docs/reference.md's failure table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.account import events as happened
from domain.account.commands import ChangeCredential, ChangeSettings, Disable, Enable, SessionFailed, SessionSucceeded
from domain.account.lifecycle import Account, State, decide
from domain.failures.classification import diagnose_reply
from domain.failures.failure import FATES, LIMITS, Failures, Kind
from tests.support.accounts import (
    LATER,
    NOON,
    SET_UP,
    active,
    after,
    disabled_by_lost_connections,
    failed,
    no_connection,
    obeyed,
    over_quota,
    suspended,
    worked,
    wrong_password,
)

SUSPENDING = [
    Kind.CERTIFICATE,
    Kind.CONFIGURATION,
    Kind.POP_UNAVAILABLE,
    Kind.PROVIDER_LOCKED,
    Kind.WEB_LOGIN_REQUIRED,
]
PASSING = [Kind.THROTTLED, Kind.MAILBOX_BUSY, Kind.SERVER_ERROR, Kind.PROTOCOL_ERROR]
COUNTED = [Kind.AUTHENTICATION, Kind.CONNECTION]
UNCOUNTED = SUSPENDING + PASSING


def wait(account: Account, failure: SessionFailed) -> timedelta:
    """How long after the failure the next attempt is."""
    next_attempt_at = after(account, failure).next_attempt_at
    assert next_attempt_at is not None
    return next_attempt_at - NOON


def waits(account: Account, failure: SessionFailed, times: int) -> list[float]:
    """The waits in minutes after so many such failures in a row."""
    found = []
    for _ in range(times):
        found.append(wait(account, failure) / timedelta(minutes=1))
        account = after(account, failure)
    return found


def test_these_are_all_kinds_that_retrieval_ends_in() -> None:
    assert {*COUNTED, *SUSPENDING, *PASSING} == set(FATES)


# Counting and disabling


def test_the_tenth_wrong_password_in_a_row_disables_and_not_the_ninth() -> None:
    account = after(active(), *[wrong_password()] * 9)
    assert (account.state, account.failures) == (State.ACTIVE, Failures(authentication=9))
    events = decide(account, wrong_password(), LATER)
    assert events[-1] == happened.AccountDisabled(reason="authentication_failures", at=LATER)
    account = after(account, wrong_password(), now=LATER)
    assert (account.state, account.reason, account.since) == (State.DISABLED, "authentication_failures", LATER)
    assert account.failures == Failures(authentication=10)
    assert not account.watched
    assert account.next_attempt_at is None


def test_the_fiftieth_lost_connection_in_a_row_disables_and_not_the_forty_ninth() -> None:
    account = after(active(), *[no_connection()] * 49)
    assert (account.state, account.failures) == (State.ACTIVE, Failures(connection=49))
    events = decide(account, no_connection(), LATER)
    assert events[-1] == happened.AccountDisabled(reason="connection_failures", at=LATER)
    account = after(account, no_connection(), now=LATER)
    assert (account.state, account.reason, account.since) == (State.DISABLED, "connection_failures", LATER)
    assert account.failures == Failures(connection=50)
    assert account.next_attempt_at is None


def test_the_failure_that_disables_is_recorded_before_the_disabling_and_promises_no_next_attempt() -> None:
    failing, disabling = decide(after(active(), *[wrong_password()] * 9), wrong_password(), NOON)
    assert isinstance(failing, happened.RetrievalFailed)
    assert isinstance(disabling, happened.AccountDisabled)
    assert failing.next_attempt_at is None


def test_the_last_failure_stays_readable_once_it_has_disabled() -> None:
    last = disabled_by_lost_connections().last_failure
    assert last is not None
    assert last.kind is Kind.CONNECTION


def test_the_two_counters_never_mix() -> None:
    account = after(active(), *[wrong_password(), no_connection()] * 9)
    assert (account.state, account.failures) == (State.ACTIVE, Failures(authentication=9, connection=1))
    account = after(account, *[no_connection()] * 48)
    assert (account.state, account.failures) == (State.ACTIVE, Failures(authentication=9, connection=49))
    by_password = after(account, wrong_password())
    assert (by_password.reason, by_password.failures) == ("authentication_failures", Failures(authentication=10))
    by_connection = after(account, no_connection())
    assert by_connection.reason == "connection_failures"
    assert by_connection.failures == Failures(authentication=9, connection=50)


@pytest.mark.parametrize("kind", UNCOUNTED)
def test_other_kinds_count_nothing_however_often_they_come(kind: Kind) -> None:
    account = after(active(), *[failed(kind)] * 120)
    assert account.failures == Failures()
    assert account.watched


@pytest.mark.requirement("R81")
def test_trouble_behind_the_server_at_login_disables_nothing() -> None:
    """hmailserver/hmailserver#594."""
    said = "-ERR Server error: Failed to fetch messages in Inbox."
    for command in "PASS", "APOP", "AUTH":
        assert diagnose_reply(said, phase="login", command=command).kind is Kind.SERVER_ERROR
    troubled = failed(diagnose_reply(said, phase="login", command="PASS").kind)
    account = after(active(), *[troubled] * 60)
    assert (account.state, account.failures) == (State.ACTIVE, Failures())
    assert account.next_attempt_at is not None
    assert after(account, worked("mail")).last_failure is None


# What zeroes a counter


@pytest.mark.parametrize("success", [worked("mail"), worked("nothing_new", stored=0), worked("over_quota")])
def test_a_session_that_works_zeroes_both_counters(success: SessionSucceeded) -> None:
    account = after(active(), *[wrong_password()] * 9, *[no_connection()] * 49)
    assert happened.RetrievalRecovered(at=NOON) in decide(account, success, NOON)
    account = after(account, success)
    assert (account.failures, account.last_failure, account.in_a_row) == (Failures(), None, 0)


def test_after_a_success_it_takes_ten_more_to_disable() -> None:
    account = after(active(), *[wrong_password()] * 9, worked(), *[wrong_password()] * 9)
    assert account.state is State.ACTIVE
    assert after(account, wrong_password()).state is State.DISABLED


def test_a_success_without_failures_before_it_is_no_recovery() -> None:
    assert [type(event) for event in decide(active(), worked(), NOON)] == [happened.MailRetrieved]


@pytest.mark.parametrize("kind", sorted(set(FATES) - {Kind.CONNECTION}))
def test_every_session_that_reaches_the_server_zeroes_the_lost_connections(kind: Kind) -> None:
    account = after(active(), *[no_connection()] * 49, failed(kind))
    assert account.failures.connection == 0


@pytest.mark.parametrize("kind", sorted(set(FATES) - {Kind.AUTHENTICATION}))
def test_only_an_accepted_password_zeroes_the_wrong_passwords(kind: Kind) -> None:
    account = after(active(), *[wrong_password()] * 9)
    assert after(account, failed(kind)).failures.authentication == 9
    assert after(account, failed(kind, password_accepted=True)).failures.authentication == 0


def test_a_mailbox_in_use_means_that_the_password_was_right() -> None:
    in_use = failed(Kind.MAILBOX_BUSY, password_accepted=True)
    account = after(active(), *[wrong_password()] * 9, in_use, *[wrong_password()] * 9)
    assert account.state is State.ACTIVE


def test_a_connection_lost_after_the_login_counts_and_zeroes_the_wrong_passwords() -> None:
    lost = failed(Kind.CONNECTION, password_accepted=True)
    account = after(active(), *[wrong_password()] * 9, lost)
    assert account.failures == Failures(authentication=0, connection=1)


def test_a_login_refused_at_the_first_command_after_it_counts_as_a_wrong_password() -> None:
    refused = failed(Kind.AUTHENTICATION, password_accepted=True)
    assert after(active(), *[refused] * 10).reason == "authentication_failures"


# Outcomes of older versions


@pytest.mark.parametrize(
    "command",
    [
        ChangeCredential(secret="vault:new"),
        ChangeSettings(settings={"incoming": {"host": "mail.example.com"}}),
        ChangeSettings(settings={"crm": ["builtin"]}),
    ],
)
@pytest.mark.parametrize("kind", list(FATES))
def test_a_failure_of_an_older_version_changes_nothing(command: ChangeCredential | ChangeSettings, kind: Kind) -> None:
    account = obeyed(active(), command)
    assert decide(account, failed(kind), LATER) == []
    assert decide(account, failed(kind, of=account), LATER) != []


def test_ten_failures_of_an_old_password_do_not_disable_and_ten_of_the_new_one_do() -> None:
    account = obeyed(after(active(), *[wrong_password()] * 9), ChangeCredential(secret="vault:new"))
    assert after(account, *[wrong_password()] * 10) == account
    assert after(account, *[failed(Kind.AUTHENTICATION, of=account)] * 10).state is State.DISABLED


def test_a_success_of_an_older_version_keeps_its_mail_and_zeroes_nothing() -> None:
    failing = after(active(), wrong_password())
    account = after(failing, ChangeSettings(settings={"crm": ["builtin"]}))
    assert [type(event) for event in decide(account, worked(), NOON)] == [happened.MailRetrieved]
    account = after(account, worked())
    assert (account.failures, account.total_stored) == (Failures(authentication=1), 3)


def test_a_success_of_an_older_version_ends_no_suspension() -> None:
    account = after(suspended(), ChangeSettings(settings={"crm": ["builtin"]}))
    assert after(account, worked()).state is State.SUSPENDED
    assert after(account, worked(of=account)).state is State.ACTIVE


# Progress


def test_what_a_session_stored_before_it_failed_is_shown() -> None:
    lost = failed(Kind.CONNECTION, password_accepted=True, stored=3)
    account = after(active(), lost)
    assert (account.progress.stored, account.progress.remaining, account.total_stored) == (3, 6, 3)
    assert account.failures == Failures(connection=1)


def test_a_session_that_failed_before_it_knew_anything_leaves_the_progress_as_it_was() -> None:
    account = after(active(), worked(stored=3))
    failing = after(account, no_connection())
    assert (failing.progress, failing.total_stored) == (account.progress, 3)


# Suspension


@pytest.mark.parametrize("kind", SUSPENDING)
def test_what_only_a_person_can_mend_suspends_for_that_reason(kind: Kind) -> None:
    account = after(active(), failed(kind), now=LATER)
    assert (account.state, account.reason, account.since) == (State.SUSPENDED, kind, LATER)
    assert account.watched  # though rarely


@pytest.mark.parametrize("kind", SUSPENDING)
def test_a_suspension_is_said_once(kind: Kind) -> None:
    account = suspended(kind)
    assert [type(event) for event in decide(account, failed(kind), LATER)] == [happened.RetrievalFailed]
    assert after(account, failed(kind), now=LATER).since == NOON


def test_a_suspension_for_another_reason_is_said_again() -> None:
    account = after(suspended(Kind.CERTIFICATE), failed(Kind.PROVIDER_LOCKED), now=LATER)
    assert (account.state, account.reason, account.since) == (State.SUSPENDED, Kind.PROVIDER_LOCKED, LATER)


@pytest.mark.parametrize("kind", COUNTED + PASSING)
def test_a_suspension_ends_when_the_next_session_fails_for_a_reason_that_suspends_nobody(kind: Kind) -> None:
    account = after(suspended(), failed(kind))
    assert (account.state, account.reason) == (State.ACTIVE, None)


@pytest.mark.parametrize("state", [State.SUSPENDED, State.OVER_QUOTA])
@pytest.mark.parametrize("success", [worked("mail"), worked("nothing_new", stored=0)])
def test_a_session_that_works_resumes(state: State, success: SessionSucceeded) -> None:
    events = decide(SET_UP[state](), success, LATER)
    assert events[-1] == happened.AccountResumed(at=LATER)
    account = after(SET_UP[state](), success, now=LATER)
    assert (account.state, account.reason, account.since, account.needed_bytes) == (State.ACTIVE, None, LATER, 0)
    assert account.last_failure is None


def test_an_account_can_be_disabled_by_failures_between_which_it_was_suspended() -> None:
    account = after(active(), *[wrong_password(), failed(Kind.PROVIDER_LOCKED)] * 9)
    assert (account.state, account.failures.authentication) == (State.SUSPENDED, 9)
    account = after(account, wrong_password())
    assert (account.state, account.reason) == (State.DISABLED, "authentication_failures")


# Over quota


def test_without_room_for_the_next_message_an_account_is_over_its_quota_and_that_is_no_failure() -> None:
    account = after(active(), worked("over_quota", needed_bytes=4000), now=LATER)
    assert (account.state, account.reason, account.since) == (State.OVER_QUOTA, None, LATER)
    assert (account.failures, account.last_failure, account.needed_bytes) == (Failures(), None, 4000)
    assert account.watched


def test_still_over_the_quota_is_no_news() -> None:
    again = worked("over_quota", needed_bytes=4000)
    assert [type(event) for event in decide(over_quota(), again, LATER)] == [happened.MailRetrieved]


def test_a_look_at_the_quota_alone_ends_no_failure_and_forgets_no_progress() -> None:
    account = after(active(), worked(stored=3), worked("over_quota", stored=3, needed_bytes=4000), wrong_password())
    looked = after(account, worked("over_quota", stored=3, needed_bytes=4000, server_asked=False), now=LATER)
    assert (looked.failures, looked.last_failure) == (Failures(authentication=1), account.last_failure)
    assert (looked.progress, looked.last_success_at) == (account.progress, account.last_success_at)


def test_another_message_that_has_no_room_is_remembered_and_the_account_is_over_quota_since_the_first() -> None:
    account = after(over_quota(), worked("over_quota", needed_bytes=9000), now=LATER)
    assert (account.state, account.needed_bytes, account.since) == (State.OVER_QUOTA, 9000, NOON)


@pytest.mark.parametrize(("failure", "limit"), [(wrong_password(), 10), (no_connection(), 50)])
def test_failures_count_over_quota_as_well(failure: SessionFailed, limit: int) -> None:
    account = after(over_quota(), *[failure] * (limit - 1))
    assert account.state is State.OVER_QUOTA
    assert after(account, failure).state is State.DISABLED


# Waits


@pytest.mark.parametrize(
    ("kind", "minutes"),
    [
        (Kind.AUTHENTICATION, [1, 5, 15, 60, 60, 60]),
        (Kind.CONNECTION, [5, 10, 20, 30, 30]),
        (Kind.CERTIFICATE, [1440, 1440]),
        (Kind.CONFIGURATION, [1440, 1440]),
        (Kind.POP_UNAVAILABLE, [1440, 1440]),
        (Kind.PROVIDER_LOCKED, [360, 360]),
        (Kind.WEB_LOGIN_REQUIRED, [360, 360]),
        (Kind.THROTTLED, [15, 30, 60, 120, 240, 480, 960, 1440, 1440]),
        (Kind.MAILBOX_BUSY, [1, 2, 4, 8, 16, 30, 30]),
        (Kind.SERVER_ERROR, [1, 2, 4, 8, 16, 30, 30]),
        (Kind.PROTOCOL_ERROR, [1, 2, 4, 8, 16, 30, 30]),
    ],
)
def test_an_account_waits_after_each_failure_in_a_row(kind: Kind, minutes: list[float]) -> None:
    assert waits(active(), failed(kind), len(minutes)) == minutes


def test_after_a_lost_connection_the_accounts_own_interval_counts() -> None:
    assert waits(active(retrieval={"interval_minutes": 60}), no_connection(), 2) == [60, 60]
    assert waits(active(retrieval={"interval_minutes": 1}), no_connection(), 6) == [1, 2, 4, 8, 16, 30]


def test_waits_start_over_with_a_failure_of_another_kind_or_a_success() -> None:
    busy = failed(Kind.MAILBOX_BUSY)
    assert waits(after(active(), busy, busy, busy, no_connection()), busy, 2) == [1, 2]
    assert waits(after(active(), busy, busy, busy, worked()), busy, 2) == [1, 2]


def test_waits_start_over_once_the_account_is_enabled() -> None:
    account = after(active(), wrong_password(), wrong_password(), Disable())
    assert waits(obeyed(account, Enable()), wrong_password(), 2) == [1, 5]


@pytest.mark.parametrize("kind", list(FATES))
def test_jitter_only_ever_adds_and_at_most_a_tenth(kind: Kind) -> None:
    least, most = wait(active(), failed(kind)), wait(active(), failed(kind, jitter=0.999))
    assert least < most <= least * 1.1


def test_a_minute_may_be_short() -> None:
    assert wait(active(), failed(Kind.AUTHENTICATION, minute_seconds=0.02)) == timedelta(seconds=0.02)
    assert wait(active(), failed(Kind.CERTIFICATE, minute_seconds=0.02)) == timedelta(seconds=28.8)


@pytest.mark.parametrize("minute_seconds", [60.0, 0.02])
def test_a_throttled_account_never_waits_less_than_the_servers_login_delay(minute_seconds: float) -> None:
    throttled = failed(Kind.THROTTLED, login_delay_seconds=3600, minute_seconds=minute_seconds)
    assert wait(active(), throttled) >= timedelta(hours=1)
    jittered = failed(Kind.THROTTLED, login_delay_seconds=3600, minute_seconds=minute_seconds, jitter=0.5)
    assert wait(active(), jittered) > timedelta(hours=1)


def test_the_limits_are_those_of_the_contract() -> None:
    assert (LIMITS.authentication, LIMITS.connection) == (10, 50)

"""Every command of an operator in every state of an account (new settings and credentials: test_account_changes.py).

See the table "behaviour by state" of docs/reference.md.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.account import events as happened
from domain.account.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Connected,
    Disable,
    Enable,
    LoginWorked,
    PollNow,
    QuarantineChanged,
    RetryQuarantined,
    SetQuota,
    SetUpFailed,
    SkipMessage,
)
from domain.account.lifecycle import Account, OperatorCommand, State, decide, settings_to_try
from domain.core.commands import WasRefused
from domain.core.events import CommandRefused
from domain.core.refusal import Refused
from domain.failures.failure import Failures, Kind
from domain.retrieval.reports import InQuarantine, LoginReport
from tests.support.accounts import (
    ANOTHER_HOST,
    ANOTHER_INTERVAL,
    ANOTHER_SECRET,
    LATER,
    NOON,
    SET_UP,
    active,
    after,
    changed_fields,
    closed,
    disabled,
    disabled_by_lost_connections,
    disabled_by_wrong_passwords,
    failed,
    failure,
    in_every_open_state,
    login_worked,
    obeyed,
    over_quota,
    settings,
    suspended,
    verifying,
    worked,
    wrong_password,
)

EVERY_COMMAND: list[OperatorCommand] = [
    Disable(by="ops"),
    Enable(by="ops"),
    PollNow(by="ops"),
    ANOTHER_INTERVAL,
    SetQuota(bytes=1, by="ops"),
    RetryQuarantined(by="ops"),
    SkipMessage(uidl="u1", by="ops"),
    Close(by="ops"),
]


# Set-up


def test_an_account_is_active_once_its_first_login_worked() -> None:
    connected = Connected(login=LoginReport(at=NOON, minute_seconds=0.5))
    events = decide(verifying(), connected, LATER)
    assert events == [happened.AccountConnected(settings=settings(), minute_seconds=0.5, at=LATER)]
    account = after(verifying(), connected, now=LATER)
    assert (account.state, account.since, account.minute_seconds) == (State.ACTIVE, LATER, 0.5)
    assert account.watched
    assert account.next_attempt_at is None


def test_an_account_whose_first_login_failed_never_was_one() -> None:
    refused = SetUpFailed(failure=failure(Kind.AUTHENTICATION))
    assert decide(verifying(), refused, NOON) == [happened.SetUpRefused(failure=refused.failure, at=NOON)]
    ended = after(verifying(), refused)
    assert (ended.state, ended.last_failure) == (State.CLOSED, refused.failure)


def test_the_set_up_counts_nothing() -> None:
    assert after(verifying(), SetUpFailed(failure=failure(Kind.AUTHENTICATION))).failures == Failures()
    assert after(verifying(), wrong_password()) == verifying()
    assert after(verifying(), worked()) == verifying()


# disable


@pytest.mark.parametrize("state", [State.ACTIVE, State.SUSPENDED, State.OVER_QUOTA])
def test_disable_stops_an_account_and_says_who_and_why(state: State) -> None:
    account = SET_UP[state]()
    asked = Disable(reason="vacation", by="ops")
    assert decide(account, asked, LATER) == [
        happened.AccountDisabled(reason="operator", because="vacation", actor="ops", at=LATER)
    ]
    stopped = after(account, asked, now=LATER)
    assert (stopped.state, stopped.reason, stopped.since) == (State.DISABLED, "operator", LATER)
    assert not stopped.watched
    assert stopped.next_attempt_at is None


@pytest.mark.parametrize("account", [disabled(), disabled_by_wrong_passwords(), disabled_by_lost_connections()])
def test_disabling_a_disabled_account_changes_nothing_not_even_the_reason(account: Account) -> None:
    assert decide(account, Disable(reason="again", by="someone"), LATER) == []


# enable


@pytest.mark.parametrize(
    "account", [disabled(), disabled_by_wrong_passwords(), disabled_by_lost_connections(), suspended()]
)
def test_enable_needs_a_live_login_and_then_starts_over(account: Account) -> None:
    asked = Enable(by="ops")
    assert settings_to_try(account, asked) == account.settings
    assert decide(account, login_worked(account, asked), LATER) == [happened.AccountEnabled(actor="ops", at=LATER)]
    enabled = obeyed(account, asked, now=LATER)
    assert (enabled.state, enabled.reason, enabled.since) == (State.ACTIVE, None, LATER)
    assert (enabled.failures, enabled.last_failure, enabled.in_a_row) == (Failures(), None, 0)
    assert enabled.next_attempt_at is None


@pytest.mark.parametrize("state", [State.ACTIVE, State.OVER_QUOTA])
def test_enable_changes_nothing_where_nothing_is_disabled(state: State) -> None:
    account = SET_UP[state]()
    assert settings_to_try(account, Enable()) is None
    assert decide(account, Enable(), LATER) == []


def test_enable_does_not_forget_the_failures_of_an_account_that_was_never_disabled() -> None:
    account = after(active(), wrong_password())
    assert after(account, Enable()) == account


# poll_now


@pytest.mark.parametrize("state", [State.ACTIVE, State.SUSPENDED, State.OVER_QUOTA])
def test_poll_now_is_recorded_and_changes_no_state(state: State) -> None:
    account = SET_UP[state]()
    assert decide(account, PollNow(by="ops"), LATER) == [happened.PollRequested(actor="ops", at=LATER)]
    assert after(account, PollNow(by="ops"), now=LATER) == account


@pytest.mark.parametrize(
    ("account", "reason"),
    [(disabled(), "operator"), (disabled_by_wrong_passwords(), "authentication_failures")],
)
def test_poll_now_of_a_disabled_account_is_refused_naming_the_reason_and_enable(account: Account, reason: str) -> None:
    with pytest.raises(Refused, match=rf"poll_now.*{reason}.*enable") as refused:
        decide(account, PollNow(), NOON)
    assert refused.value.refusal.code == "disabled"


# set_quota


@in_every_open_state
def test_a_quota_belongs_to_the_accounts_user_and_changes_no_state(state: State) -> None:
    account = SET_UP[state]()
    [event] = decide(account, SetQuota(bytes=7, by="ops"), LATER)
    assert event == happened.QuotaSet(user="jane@example.com", bytes=7, actor="ops", at=LATER)
    assert changed_fields(account, after(account, SetQuota(bytes=7))) <= {"next_attempt_at"}


def test_a_quota_is_that_of_the_user_whom_the_settings_name() -> None:
    [event] = decide(active(user="jane"), SetQuota(bytes=7), NOON)
    assert isinstance(event, happened.QuotaSet)
    assert event.user == "jane"


def test_with_a_new_quota_an_account_that_was_over_it_looks_at_once() -> None:
    account = over_quota()
    assert account.next_attempt_at is not None
    assert after(account, SetQuota(bytes=7)).next_attempt_at is None


# retry_quarantined and skip_message: what they do is done in the database


@in_every_open_state
def test_what_a_command_left_in_quarantine_is_known_and_released_mail_is_asked_for_at_once(state: State) -> None:
    account = SET_UP[state]()
    left = InQuarantine(waiting=2)
    released = after(account, QuarantineChanged(in_quarantine=left, released=True, by="ops"))
    assert (released.in_quarantine, released.next_attempt_at) == (left, None)
    assert changed_fields(account, released) <= {"in_quarantine", "next_attempt_at"}
    skipped = after(account, QuarantineChanged(in_quarantine=left, released=False, by="ops"))
    assert changed_fields(account, skipped) == {"in_quarantine"}


def test_a_quarantine_that_was_changed_while_the_account_was_closed_changes_no_account() -> None:
    late = QuarantineChanged(in_quarantine=InQuarantine(waiting=2), released=True, by="ops")
    assert decide(closed(), late, NOON) == []


@pytest.mark.parametrize("command", [RetryQuarantined(), SkipMessage(uidl="u1")], ids=lambda c: type(c).__name__)
def test_the_commands_about_the_quarantine_decide_nothing_by_themselves(command: OperatorCommand) -> None:
    assert decide(active(), command, NOON) == []


def test_a_session_tells_what_is_in_quarantine_and_one_that_did_not_look_changes_nothing() -> None:
    counted = worked()
    report = counted.report.model_copy(update={"in_quarantine": InQuarantine(gone=1)})
    account = after(active(), counted.model_copy(update={"report": report}))
    assert account.in_quarantine == InQuarantine(gone=1)
    assert after(account, worked()).in_quarantine == InQuarantine(gone=1)


# close


@in_every_open_state
def test_close_ends_an_account(state: State) -> None:
    account = SET_UP[state]()
    assert decide(account, Close(by="ops"), LATER) == [happened.AccountClosed(actor="ops", at=LATER)]
    ended = after(account, Close(by="ops"), now=LATER)
    assert (ended.state, ended.reason, ended.since, ended.next_attempt_at) == (State.CLOSED, None, LATER, None)
    assert not ended.watched


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda command: type(command).__name__)
def test_a_closed_account_refuses_every_command(command: OperatorCommand) -> None:
    with pytest.raises(Refused, match="closed") as refused:
        decide(closed(), command, NOON)
    assert refused.value.refusal.code == "closed"


@pytest.mark.parametrize("command", [Enable(), ANOTHER_HOST, ANOTHER_SECRET], ids=lambda c: type(c).__name__)
def test_a_login_that_ends_after_the_account_was_closed_does_not_bring_it_back(
    command: Enable | ChangeSettings | ChangeCredential,
) -> None:
    late = LoginWorked(command=command, settings=settings(), login=LoginReport(at=NOON))
    with pytest.raises(Refused) as refused:
        decide(closed(), late, NOON)
    assert refused.value.refusal.code == "closed"


# Outcomes that come too late, and refusals


@pytest.mark.parametrize("account", [disabled(), closed()])
@pytest.mark.parametrize("kind", [Kind.AUTHENTICATION, Kind.CONNECTION, Kind.CERTIFICATE, Kind.THROTTLED])
def test_a_session_that_ends_after_disable_or_close_changes_nothing(account: Account, kind: Kind) -> None:
    assert decide(account, failed(kind), LATER) == []
    assert decide(account, worked(), LATER) == []
    assert decide(account, worked("over_quota", needed_bytes=1), LATER) == []


@pytest.mark.parametrize("state", SET_UP)
def test_a_refused_signal_is_recorded_and_changes_nothing(state: State) -> None:
    account = SET_UP[state]()
    refused = WasRefused(command="enable", code="unknown_field", field="x", message="enable: x is not known", by="ops")
    assert decide(account, refused, LATER) == [
        CommandRefused(
            command="enable", code="unknown_field", field="x", message="enable: x is not known", actor="ops", at=LATER
        )
    ]
    assert after(account, refused, now=LATER) == account


def test_a_session_with_more_to_fetch_is_followed_by_the_next_at_once() -> None:
    assert after(active(), worked(more=True)).next_attempt_at is None
    assert after(active(), worked()).next_attempt_at == NOON + timedelta(minutes=5)

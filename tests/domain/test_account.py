"""Every command of an operator in every state of an account: docs/reference.md's table "behaviour by state"."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain import events as happened
from domain.account import Account, OperatorCommand, State, decide, settings_to_try
from domain.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Connected,
    Disable,
    Enable,
    InQuarantine,
    LoginReport,
    LoginWorked,
    PollNow,
    QuarantineChanged,
    RetryQuarantined,
    SetQuota,
    SetUpFailed,
    SkipMessage,
    WasRefused,
)
from domain.events import Failures
from domain.failures import Kind
from domain.refusal import Refused
from tests.domain.given import (
    LATER,
    NOON,
    OPEN,
    SET_UP,
    active,
    after,
    closed,
    disabled,
    disabled_by_lost_connections,
    disabled_by_wrong_passwords,
    failed,
    failure,
    login_worked,
    no_connection,
    obeyed,
    over_quota,
    settings,
    suspended,
    verifying,
    worked,
    wrong_password,
)

ANOTHER_HOST = ChangeSettings(settings={"incoming": {"host": "mail.example.com"}}, by="ops")
ANOTHER_INTERVAL = ChangeSettings(settings={"retrieval": {"interval_minutes": 9}}, by="ops")
ANOTHER_SECRET = ChangeCredential(secret="vault:new", by="ops")
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

in_every_open_state = pytest.mark.parametrize("state", OPEN)


def changed_fields(before: Account, now: Account) -> set[str]:
    return {name for name in Account.model_fields if getattr(before, name) != getattr(now, name)}


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


# change_settings


@in_every_open_state
def test_a_setting_that_the_server_need_not_know_changes_at_once_and_nothing_else_does(state: State) -> None:
    account = SET_UP[state]()
    assert settings_to_try(account, ANOTHER_INTERVAL) is None
    assert decide(account, ANOTHER_INTERVAL, LATER) == [
        happened.SettingsChanged(
            settings=settings(retrieval={"interval_minutes": 9}),
            fields=["retrieval.interval_minutes"],
            version=2,
            actor="ops",
            at=LATER,
        )
    ]
    changed = after(account, ANOTHER_INTERVAL)
    assert changed.settings_version == 2
    assert changed_fields(account, changed) <= {"settings", "settings_version", "next_attempt_at"}


def test_a_shorter_interval_does_not_wait_for_the_end_of_the_longer_one() -> None:
    account = after(active(retrieval={"interval_minutes": 60}), worked())
    assert account.next_attempt_at is not None
    assert after(account, ANOTHER_INTERVAL).next_attempt_at is None


def test_a_change_of_settings_does_not_cut_short_the_wait_after_a_failure() -> None:
    account = after(active(), wrong_password())
    assert account.next_attempt_at is not None
    assert after(account, ANOTHER_INTERVAL).next_attempt_at == account.next_attempt_at


def test_settings_that_are_so_already_are_no_change() -> None:
    same = ChangeSettings(settings={"incoming": {"host": "POP.example.com"}, "retrieval": {"interval_minutes": 5}})
    assert settings_to_try(active(), same) is None
    assert decide(active(), same, NOON) == []


@pytest.mark.parametrize(
    "partial",
    [
        {"incoming": {"host": "mail.example.com"}},
        {"incoming": {"port": 1995}},
        {"incoming": {"tls": "starttls"}},
        {"incoming": {"username": "jane"}},
        {"incoming": {"secret": "vault:other"}},
        {"retrieval": {"recent_mode": True}},
        {"retrieval": {"after_store": "delete"}},
        {"retrieval": {"after_store": "delete_after_days", "delete_after_days": 3}},
    ],
)
def test_what_the_server_must_accept_is_tried_with_a_live_login_first(partial: dict[str, Any]) -> None:
    tried = settings_to_try(active(), ChangeSettings(settings=partial))
    assert tried is not None
    for group, fields in partial.items():
        for name, value in fields.items():
            assert getattr(getattr(tried, group), name) == value


@pytest.mark.parametrize(
    "partial",
    [
        {"crm": ["builtin"]},
        {"aliases": ["j@example.com"]},
        {"organisation": "sales"},
        {"user": "jane"},
        {"provider": "exchange"},
        {"retrieval": {"interval_minutes": 1, "messages_per_phase": 20, "pace": "steady", "order": "newest_first"}},
    ],
)
def test_what_does_not_concern_the_server_needs_no_login(partial: dict[str, Any]) -> None:
    assert settings_to_try(active(), ChangeSettings(settings=partial)) is None


@in_every_open_state
def test_a_change_that_makes_no_sense_is_refused_before_any_login(state: State) -> None:
    with pytest.raises(Refused) as refused:
        settings_to_try(SET_UP[state](), ChangeSettings(settings={"kind": "imap"}))
    assert (refused.value.refusal.code, refused.value.refusal.field) == ("kind_not_supported", "kind")


def test_changed_settings_of_a_healthy_account_tell_nobody_that_it_was_enabled() -> None:
    account = active()
    events = decide(account, login_worked(account, ANOTHER_HOST), LATER)
    assert [type(event) for event in events] == [happened.SettingsChanged]
    changed = obeyed(account, ANOTHER_HOST, now=LATER)
    assert changed_fields(account, changed) == {"settings", "settings_version"}
    assert changed.settings.incoming.host == "mail.example.com"


def test_a_login_that_works_with_new_settings_ends_a_row_of_failures() -> None:
    account = after(active(), no_connection(), no_connection())
    changed = obeyed(account, ANOTHER_HOST)
    assert (changed.state, changed.failures, changed.last_failure) == (State.ACTIVE, Failures(), None)
    assert changed.next_attempt_at is None


def test_a_login_that_works_with_new_settings_ends_a_suspension() -> None:
    changed = obeyed(suspended(), ANOTHER_HOST, now=LATER)
    assert (changed.state, changed.reason, changed.last_failure, changed.since) == (State.ACTIVE, None, None, LATER)


def test_changed_settings_make_no_room_where_the_quota_is_reached() -> None:
    account = over_quota()
    changed = obeyed(account, ANOTHER_HOST, now=LATER)
    assert changed_fields(account, changed) == {"settings", "settings_version", "next_attempt_at"}
    assert (changed.state, changed.needed_bytes) == (State.OVER_QUOTA, 4000)


@pytest.mark.parametrize("account", [disabled(), disabled_by_wrong_passwords(), disabled_by_lost_connections()])
def test_change_settings_never_enables(account: Account) -> None:
    changed = obeyed(account, ANOTHER_HOST)
    assert changed_fields(account, changed) == {"settings", "settings_version"}


# change_credential


@in_every_open_state
def test_a_new_credential_is_tried_with_a_live_login_first(state: State) -> None:
    account = SET_UP[state]()
    asked = ChangeCredential(secret="vault:new", username="jane.doe")
    tried = settings_to_try(account, asked)
    assert tried == settings(incoming={"secret": "vault:new", "username": "jane.doe"})
    changed = obeyed(account, asked)
    assert (changed.settings, changed.credential_version, changed.settings_version) == (tried, 2, 1)


def test_without_a_user_name_the_old_one_stays() -> None:
    changed = obeyed(active(incoming={"username": "jane.doe"}), ANOTHER_SECRET)
    assert changed.settings.incoming.username == "jane.doe"


def test_the_same_reference_may_hold_a_new_password() -> None:
    changed = obeyed(active(), ChangeCredential(secret="vault:jane"))
    assert (changed.settings, changed.credential_version) == (settings(), 2)


def test_a_new_credential_enables_what_wrong_passwords_disabled() -> None:
    account = disabled_by_wrong_passwords()
    events = decide(account, login_worked(account, ANOTHER_SECRET), LATER)
    assert [type(event) for event in events] == [happened.CredentialChanged, happened.AccountEnabled]
    assert {event.actor for event in events} == {"ops"}
    enabled = obeyed(account, ANOTHER_SECRET, now=LATER)
    assert (enabled.state, enabled.reason, enabled.failures) == (State.ACTIVE, None, Failures())
    assert enabled.next_attempt_at is None  # what was missed is fetched at once


@pytest.mark.parametrize("account", [disabled(), disabled_by_lost_connections()])
def test_a_new_credential_enables_nothing_that_was_disabled_for_another_reason(account: Account) -> None:
    changed = obeyed(account, ANOTHER_SECRET)
    assert changed_fields(account, changed) == {"settings", "credential_version"}


def test_a_new_credential_ends_a_row_of_wrong_passwords() -> None:
    changed = obeyed(after(active(), *[wrong_password()] * 9), ANOTHER_SECRET)
    assert (changed.state, changed.failures, changed.last_failure) == (State.ACTIVE, Failures(), None)


def test_a_new_credential_ends_a_suspension() -> None:
    assert obeyed(suspended(Kind.WEB_LOGIN_REQUIRED), ANOTHER_SECRET).state is State.ACTIVE


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
        happened.CommandRefused(
            command="enable", code="unknown_field", field="x", message="enable: x is not known", actor="ops", at=LATER
        )
    ]
    assert after(account, refused, now=LATER) == account


def test_a_session_with_more_to_fetch_is_followed_by_the_next_at_once() -> None:
    assert after(active(), worked(more=True)).next_attempt_at is None
    assert after(active(), worked()).next_attempt_at == NOON + timedelta(minutes=5)

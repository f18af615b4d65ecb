"""New settings and new credentials in every state of an account: what needs a login first, and what it ends."""

from __future__ import annotations

from typing import Any

import pytest

from domain.account import events as happened
from domain.account.commands import ChangeCredential, ChangeSettings
from domain.account.lifecycle import Account, State, decide, settings_to_try
from domain.core.refusal import Refused
from domain.failures.failure import Failures, Kind
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
    disabled,
    disabled_by_lost_connections,
    disabled_by_wrong_passwords,
    in_every_open_state,
    login_worked,
    no_connection,
    obeyed,
    over_quota,
    settings,
    suspended,
    worked,
    wrong_password,
)

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

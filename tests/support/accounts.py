"""Accounts as tests are given them, and the commands that operators and sessions send them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from domain.account.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Connected,
    Disable,
    Enable,
    LoginWorked,
    SessionFailed,
    SessionSucceeded,
)
from domain.account.lifecycle import (
    Account,
    AnyCommand,
    OperatorCommand,
    State,
    decide,
    evolve,
    new_account,
    settings_to_try,
)
from domain.core.validation import parse
from domain.failures.failure import Diagnosis, Failure, Kind
from domain.failures.remedy import Remedy
from domain.mailbox.settings import AccountSettings
from domain.retrieval.observations import Observation
from domain.retrieval.reports import FailureReport, LoginReport, Progress, SessionReport

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)

WRITTEN: dict[str, Any] = {
    "address": "jane@example.com",
    "incoming": {"host": "pop.example.com", "secret": "vault:jane"},
}


def settings(*, incoming: dict[str, Any] | None = None, **fields: Any) -> AccountSettings:
    """Jane's settings with these fields as an operator would write them."""
    written = {**WRITTEN, **fields, "incoming": {**WRITTEN["incoming"], **(incoming or {})}}
    return parse(AccountSettings, written, what="MailAccount")


def failure(kind: Kind, *, at: datetime = NOON) -> Failure:
    return Diagnosis(kind, None, Remedy.of(f"What mends {kind}.")).failure(
        reference="MR-1", support="help@example.com", at=at, server_said=f"-ERR {kind}"
    )


def failed(
    kind: Kind,
    *,
    of: Account | None = None,
    password_accepted: bool = False,
    stored: int = 0,
    jitter: float = 0.0,
    login_delay_seconds: float = 0.0,
    minute_seconds: float = 60.0,
) -> SessionFailed:
    """A session that ended in `kind`, begun with the versions of the account `of`, or with the first ones."""
    report = FailureReport(
        failure=failure(kind),
        password_accepted=password_accepted,
        settings_version=of.settings_version if of else 1,
        credential_version=of.credential_version if of else 1,
        minute_seconds=minute_seconds,
        login_delay_seconds=login_delay_seconds,
        progress=Progress(on_server=9, stored=stored, remaining=9 - stored) if stored else None,
        total_stored=stored,
    )
    return SessionFailed(report=report, jitter=jitter)


def worked(
    outcome: Literal["mail", "nothing_new", "over_quota"] = "mail",
    *,
    of: Account | None = None,
    stored: int = 3,
    needed_bytes: int = 0,
    more: bool = False,
    server_asked: bool = True,
    observed: tuple[Observation, ...] | None = None,
) -> SessionSucceeded:
    """A session that worked, begun with the versions of the account `of`, or with the first ones."""
    report = SessionReport(
        outcome=outcome,
        at=NOON,
        settings_version=of.settings_version if of else 1,
        credential_version=of.credential_version if of else 1,
        stored=stored,
        progress=Progress(on_server=stored, stored=stored, bytes=1000 * stored) if server_asked else None,
        total_stored=stored,
        more=more,
        next_attempt_at=None if more else NOON + timedelta(minutes=5),
        needed_bytes=needed_bytes,
        observed=observed,
    )
    return SessionSucceeded(report=report)


def wrong_password() -> SessionFailed:
    return failed(Kind.AUTHENTICATION)


def no_connection() -> SessionFailed:
    return failed(Kind.CONNECTION)


def login_worked(account: Account, command: Enable | ChangeSettings | ChangeCredential) -> LoginWorked:
    """The live login that `command` asked for, and that the server accepted."""
    tried = settings_to_try(account, command)
    assert tried is not None, "this command needs no login"
    return LoginWorked(command=command, settings=tried, login=LoginReport(at=NOON))


def after(account: Account, *commands: AnyCommand, now: datetime = NOON) -> Account:
    """The account once these commands have taken effect, one after the other."""
    for command in commands:
        for event in decide(account, command, now):
            account = evolve(account, event)
    return account


def obeyed(account: Account, command: OperatorCommand, *, now: datetime = NOON) -> Account:
    """The account after an operator's command whose live login, where it needs one, worked."""
    if isinstance(command, Enable | ChangeSettings | ChangeCredential) and settings_to_try(account, command):
        return after(account, login_worked(account, command), now=now)
    return after(account, command, now=now)


def verifying(**fields: Any) -> Account:
    return new_account(settings(**fields), NOON)


def active(**fields: Any) -> Account:
    return after(verifying(**fields), Connected(login=LoginReport(at=NOON)))


def suspended(kind: Kind = Kind.CERTIFICATE, **fields: Any) -> Account:
    return after(active(**fields), failed(kind))


def over_quota(**fields: Any) -> Account:
    return after(active(**fields), worked("over_quota", needed_bytes=4000))


def disabled(**fields: Any) -> Account:
    return after(active(**fields), Disable(by="ops"))


def disabled_by_wrong_passwords(**fields: Any) -> Account:
    return after(active(**fields), *[wrong_password()] * 10)


def disabled_by_lost_connections(**fields: Any) -> Account:
    return after(active(**fields), *[no_connection()] * 50)


def closed(**fields: Any) -> Account:
    return after(active(**fields), Close(by="ops"))


SET_UP: dict[State, Callable[[], Account]] = {
    State.ACTIVE: active,
    State.SUSPENDED: suspended,
    State.OVER_QUOTA: over_quota,
    State.DISABLED: disabled,
    State.CLOSED: closed,
}
OPEN = [state for state in SET_UP if state is not State.CLOSED]

in_every_open_state = pytest.mark.parametrize("state", OPEN)

ANOTHER_HOST = ChangeSettings(settings={"incoming": {"host": "mail.example.com"}}, by="ops")
ANOTHER_INTERVAL = ChangeSettings(settings={"retrieval": {"interval_minutes": 9}}, by="ops")
ANOTHER_SECRET = ChangeCredential(secret="vault:new", by="ops")


def changed_fields(before: Account, now: Account) -> set[str]:
    return {name for name in Account.model_fields if getattr(before, name) != getattr(now, name)}

"""The life of a CRM connection: what may happen to it (`decide`) and what it becomes (`evolve`), as pure functions.

The same kind of life as an account's (domain/account/lifecycle.py), with counters of its own (R97; notes, D10): ten times in a
row not let in, or fifty times in a row not reached, and the connection is disabled. No account is.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.core.commands import Command, CountedRefusals, WasRefused, name_of
from domain.core.events import CommandRefused, Happened
from domain.core.foreign_text import By
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.crm.commands import (
    AnyCommand,
    ChangeSettings,
    CheckWorked,
    Close,
    Counted,
    Counts,
    Disable,
    Enable,
    ForgetPerson,
    OperatorCommand,
    RetryFailed,
    SetUpFailed,
    Synced,
    SyncFailed,
    SyncNow,
    SyncReport,
    Verified,
)
from domain.crm.events import (
    CrmClosed,
    CrmConnected,
    CrmDisabled,
    CrmEnabled,
    CrmFailed,
    CrmRecovered,
    CrmResumed,
    CrmSettingsChanged,
    CrmSetUpRefused,
    CrmSuspended,
    CrmSynced,
    SyncRequested,
)
from domain.crm.failures import FATES, LIMITS, wait_after
from domain.crm.settings import CrmSettings
from domain.failures import failing
from domain.failures.failing import HEALTHY, has_failed
from domain.failures.failure import FAILED_SESSIONS, Failure, Failures, Kind
from domain.privacy.erasure import erased_rule, pseudonym


class CrmState(StrEnum):
    VERIFYING = "verifying"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DISABLED = "disabled"
    CLOSED = "closed"


class Connection(BaseModel):
    """A connection between two events; fields as those of `domain.account.lifecycle.Account`."""

    model_config = ConfigDict(frozen=True)

    settings: CrmSettings
    state: CrmState = CrmState.VERIFYING
    reason: str | None = None
    disabled: str = ""
    since: datetime
    failures: Failures = Failures()
    last_failure: Failure | None = None
    in_a_row: int = 0
    failed_sessions: int = 0
    stuck: bool = False
    counts: Counts = Counts()
    pulled_at: datetime | None = None
    next_attempt_at: datetime | None = None
    settings_version: int = 1
    minute_seconds: float = 60.0
    refused_signals: tuple[CountedRefusals, ...] = ()  # that a run of the workflow hands on to the next

    @property
    def served(self) -> bool:
        """Whether sessions are held at all; in suspension they are rare."""
        return self.state in (CrmState.ACTIVE, CrmState.SUSPENDED)

    @property
    def recovering(self) -> bool:
        """Whether a session that works is news, because it ends failures."""
        return has_failed(self) or self.state is CrmState.SUSPENDED

    def limited_until(self, now: datetime) -> datetime | None:
        """Until when the CRM, or `daily_calls`, takes no requests: a wait that no command but a change of settings cuts short."""
        limited = self.served and self.last_failure is not None and self.last_failure.kind is Kind.CRM_RATE_LIMITED
        due = self.next_attempt_at
        return due if limited and due is not None and now < due else None


def changed(settings: CrmSettings, partial: dict[str, Any]) -> CrmSettings:
    """`settings` with the fields of `partial` laid over it; raises Refused where that makes no sense."""
    base = settings.model_dump(mode="json")
    for field in ("name", "kind", "profile"):
        if partial.get(field, base[field]) != base[field]:
            raise Refused(
                "invalid_field",
                f"change_settings: {field} stays what it is: start a connection of another name",
                field=f"settings.{field}",
            )
    rules = partial.get("linking")
    if isinstance(rules, dict):
        partial = {**partial, "linking": {**base["linking"], **rules}}
    return parse(CrmSettings, {**base, **partial}, what="change_settings")


def needs_a_look(before: CrmSettings, after: CrmSettings) -> bool:
    """Whether a change is to another CRM, or with another secret, so that it has to let us in first."""
    return (before.url, before.secret, before.data_centre) != (after.url, after.secret, after.data_centre)


def without_person(settings: CrmSettings, command: ForgetPerson) -> ChangeSettings:
    """The change of settings by which the never-log list names the person no more and still keeps their mail from this CRM."""
    rules = [
        erased_rule(command.erasure, rule) if pseudonym(command.erasure, rule) == command.person else rule
        for rule in settings.linking.never_log
    ]
    return ChangeSettings(settings={"linking": {"never_log": rules}}, by=command.by)


def settings_to_try(connection: Connection, command: OperatorCommand) -> CrmSettings | None:
    """The settings with which the CRM must let us in before `command` may take effect; None where no look is needed."""
    match command:
        case Enable() if connection.state in (CrmState.DISABLED, CrmState.SUSPENDED):
            return connection.settings
        case ChangeSettings(settings=partial):
            after = changed(connection.settings, partial)
            return after if needs_a_look(connection.settings, after) else None
        case _:
            return None


def decide(connection: Connection, command: AnyCommand, now: datetime) -> list[Happened]:
    """What follows from `command`, in order, and nothing where it changes nothing; raises Refused where it cannot be."""
    if connection.state is CrmState.CLOSED:
        asked = command.command if isinstance(command, CheckWorked) else command
        if isinstance(asked, Command):
            raise Refused("closed", f"{name_of(asked)}: the connection is closed: start it again")
    match command:
        case Verified(checked=checked):
            return [
                CrmConnected(settings=connection.settings, at=now),
                CrmSynced(counts=Counts(), pulled_at=None, minute_seconds=checked.minute_seconds, at=now),
            ]
        case SetUpFailed(failure=failure):
            return [CrmSetUpRefused(failure=failure, at=now)]
        case Synced(report=report):
            return _after_success(connection, report, now)
        case SyncFailed():
            return _after_failure(connection, command, now)
        case Counted(counts=counts):
            minute = connection.minute_seconds
            return [CrmSynced(counts=counts, pulled_at=connection.pulled_at, minute_seconds=minute, at=now)]
        case CheckWorked():
            return _after_check(connection, command, now)
        case Disable(reason=because, by=by):
            if connection.state is CrmState.DISABLED:
                return []
            return [CrmDisabled(reason="operator", because=because, actor=by, at=now)]
        case Enable():
            return []  # one that needs a look at the CRM comes back as CheckWorked
        case ChangeSettings(settings=partial, by=by):
            return _settings_changed(connection, changed(connection.settings, partial), by, now)
        case SyncNow(by=by):
            if connection.state is CrmState.DISABLED:
                raise Refused(
                    "disabled", f"sync_now: the connection is disabled ({connection.reason}): use enable first"
                )
            return [SyncRequested(actor=by, at=now)]
        case RetryFailed():
            return []  # its activity logs it, in the transaction that does it
        case WasRefused(by=by):
            return [CommandRefused(**command.model_dump(exclude={"by"}), actor=by, at=now)]
        case Close(by=by):
            return [CrmClosed(actor=by, at=now)]


def _after_check(connection: Connection, worked: CheckWorked, now: datetime) -> list[Happened]:
    """The change that was tried, and the end of the failures before it; of disabling only with `enable`."""
    by = worked.command.by
    events: list[Happened] = []
    if isinstance(worked.command, ChangeSettings):
        events = _settings_changed(connection, worked.settings, by, now)
    if connection.state is CrmState.SUSPENDED or (
        connection.state is CrmState.DISABLED and isinstance(worked.command, Enable)
    ):
        events.append(CrmEnabled(actor=by, at=now))
    elif connection.state is CrmState.ACTIVE and connection.recovering:
        events.append(CrmRecovered(actor=by, at=now))
    return events


def _after_success(connection: Connection, report: SyncReport, now: datetime) -> list[Happened]:
    if not connection.served:
        return []
    events: list[Happened] = []
    if report.settings_version == connection.settings_version:
        if has_failed(connection):
            events.append(CrmRecovered(at=now))
        if connection.state is CrmState.SUSPENDED:
            events.append(CrmResumed(at=now))
    events.append(
        CrmSynced(
            counts=report.counts,
            pulled_at=report.pulled_at or connection.pulled_at,
            minute_seconds=report.minute_seconds,
            at=now,
        )
    )
    return events


def _after_failure(connection: Connection, command: SyncFailed, now: datetime) -> list[Happened]:
    report = command.report
    if not connection.served or report.settings_version != connection.settings_version:
        return []  # what the settings before these came to says nothing about these
    failure = report.failure
    fate = FATES[failure.kind]
    follows = failing.consequence(
        connection,
        failure,
        fate,
        LIMITS,
        # A CRM that answers with anything but a refusal to let us in has let us in.
        let_in=report.authenticated or failure.counts != "connection",
        suspended=connection.state is CrmState.SUSPENDED,
    )
    wait = wait_after(
        failure.kind,
        follows.in_a_row,
        retry_after=report.retry_after,
        minute_seconds=report.minute_seconds,
        jitter=command.jitter,
    )
    events: list[Happened] = [
        CrmSynced(
            counts=report.counts,
            pulled_at=report.pulled_at or connection.pulled_at,
            minute_seconds=report.minute_seconds,
            at=now,
        ),
        CrmFailed(
            failure=failure,
            failures=follows.failures,
            in_a_row=follows.in_a_row,
            next_attempt_at=None if follows.exhausted else now + wait,
            stuck=not connection.stuck
            and not (failure.counts or fate.suspends)
            and connection.failed_sessions + 1 >= FAILED_SESSIONS,
            at=now,
        ),
    ]
    if follows.exhausted:
        events.append(CrmDisabled(reason=follows.exhausted, at=now))
    if follows.suspends:
        events.append(CrmSuspended(reason=failure.kind, at=now))
    if follows.resumes:
        events.append(CrmResumed(at=now))
    return events


def _settings_changed(connection: Connection, after: CrmSettings, by: By, now: datetime) -> list[Happened]:
    before = connection.settings
    fields = [name for name in CrmSettings.model_fields if getattr(before, name) != getattr(after, name)]
    if not fields:
        return []
    version = connection.settings_version + 1
    return [CrmSettingsChanged(settings=after, fields=fields, version=version, actor=by, at=now)]


def evolve(connection: Connection, event: Happened) -> Connection:
    """The connection after `event`."""
    return connection.model_copy(update=_effect(connection, event))


def _effect(connection: Connection, event: Happened) -> dict[str, object]:
    entered: dict[str, object] = {"since": event.at, "reason": None}
    match event:
        case CrmConnected():
            return entered | {"state": CrmState.ACTIVE}
        case CrmSetUpRefused(failure=failure):
            return entered | {"state": CrmState.CLOSED, "last_failure": failure}
        case CrmSynced(counts=counts, pulled_at=pulled_at, minute_seconds=minute):
            return {"counts": counts, "pulled_at": pulled_at, "minute_seconds": minute}
        case CrmFailed():
            return failing.after(connection, event)
        case CrmRecovered():
            return HEALTHY
        case CrmDisabled(reason=reason, because=because, actor=by):
            told = f"by {by}" + (f": {because}" if because else "")
            return entered | {"state": CrmState.DISABLED, "reason": reason, "disabled": told, "next_attempt_at": None}
        case CrmSuspended(reason=reason):
            return entered | {"state": CrmState.SUSPENDED, "reason": reason}
        case CrmResumed():
            return entered | {"state": CrmState.ACTIVE}
        case CrmEnabled():
            return entered | HEALTHY | {"state": CrmState.ACTIVE}
        case CrmSettingsChanged(settings=settings, version=version):
            return {"settings": settings, "settings_version": version, "next_attempt_at": None}
        case CrmClosed():
            return entered | {"state": CrmState.CLOSED, "next_attempt_at": None}
        case _:
            return {}


def taken_over(state: dict[str, Any]) -> Connection:
    """The connection that a run before this one handed on."""
    return Connection.model_validate_json(json.dumps(state))

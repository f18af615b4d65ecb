"""The life of a sending route: what may happen to it (`decide`) and what it becomes (`evolve`), as pure functions.

The same kind of life as an account's (domain/account/lifecycle.py), with a secret and counters of its own (R93): ten logins in a
row refused, or fifty times in a row not reached, and the route is disabled. Whatever happens to it, no message is lost: what
cannot go out is held, and goes out when the route works again.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.core.commands import Command, CountedRefusals, WasRefused, name_of
from domain.core.events import CommandRefused, Happened
from domain.core.refusal import Refused
from domain.failures import failing
from domain.failures.failing import HEALTHY, has_failed
from domain.failures.failure import FAILED_SESSIONS, Failure, Failures, Kind
from domain.sending.commands import (
    AnyCommand,
    AttemptFailed,
    AttemptWorked,
    ChangeCredential,
    ChangeSettings,
    CheckNow,
    Close,
    Disable,
    Enable,
    LoginWorked,
    OperatorCommand,
    ProbeWorked,
    SetUpFailed,
    Verified,
)
from domain.sending.events import (
    CredentialChanged,
    RouteCheckRequested,
    RouteClosed,
    RouteConnected,
    RouteDisabled,
    RouteEnabled,
    RouteFailed,
    RouteRecovered,
    RouteResumed,
    RouteSettingsChanged,
    RouteSetUpRefused,
    RouteSuspended,
)
from domain.sending.failures import LIMITS, fate_of, wait_after
from domain.sending.settings import RouteSettings, changed


class RouteState(StrEnum):
    VERIFYING = "verifying"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DISABLED = "disabled"
    CLOSED = "closed"


class Route(BaseModel):
    """A route between two events; fields as those of `domain.account.lifecycle.Account`."""

    model_config = ConfigDict(frozen=True)

    settings: RouteSettings
    state: RouteState = RouteState.VERIFYING
    reason: str | None = None
    disabled: str = ""
    since: datetime
    failures: Failures = Failures()
    last_failure: Failure | None = None
    in_a_row: int = 0
    failed_sessions: int = 0
    stuck: bool = False
    verified_at: datetime | None = None
    next_attempt_at: datetime | None = None
    settings_version: int = 1
    refused_signals: tuple[CountedRefusals, ...] = ()  # that a run of the workflow hands on to the next

    @property
    def takes_mail(self) -> bool:
        """Whether messages may be tried; otherwise they are held."""
        return self.state is RouteState.ACTIVE

    @property
    def probes(self) -> bool:
        """Whether the route itself logs in, when `next_attempt_at` has come."""
        return self.state is RouteState.SUSPENDED


def settings_to_try(route: Route, command: OperatorCommand) -> RouteSettings | None:
    """The settings with which the server must let us in before `command` may take effect; None where no login is needed."""
    match command:
        case Enable() if route.state in (RouteState.DISABLED, RouteState.SUSPENDED):
            return route.settings
        case ChangeCredential(secret=secret):
            return changed(route.settings, {"outgoing": {"secret": secret}} if secret else {})
        case ChangeSettings(settings=partial):
            after = changed(route.settings, partial)
            return after if after.outgoing != route.settings.outgoing else None
        case _:
            return None


def decide(route: Route, command: AnyCommand, now: datetime) -> list[Happened]:
    """What follows from `command`, in order, and nothing where it changes nothing; raises Refused where it cannot be."""
    if route.state is RouteState.CLOSED:
        asked = command.command if isinstance(command, LoginWorked) else command
        if isinstance(asked, Command):
            raise Refused("closed", f"{name_of(asked)}: the route is closed: start it again")
        return []
    match command:
        case Verified():
            return [RouteConnected(settings=route.settings, at=now)]
        case SetUpFailed(failure=failure):
            return [RouteSetUpRefused(failure=failure, at=now)]
        case AttemptWorked(settings_version=version):
            works = route.takes_mail and version == route.settings_version and has_failed(route)
            return [RouteRecovered(at=now)] if works else []
        case ProbeWorked(settings_version=version):
            return _after_probe(route, version, now)
        case AttemptFailed():
            return _after_failure(route, command, now)
        case LoginWorked():
            return _after_login(route, command, now)
        case Disable(reason=because, by=by):
            if route.state is RouteState.DISABLED:
                return []
            return [RouteDisabled(reason="operator", because=because, actor=by, at=now)]
        case CheckNow(by=by):
            if route.state is RouteState.DISABLED:
                raise Refused("disabled", f"check_now: the route is disabled ({route.reason}): use enable first")
            return [RouteCheckRequested(actor=by, at=now)]
        case Enable() | ChangeCredential():
            return []  # what needs a login comes back as LoginWorked
        case ChangeSettings(settings=partial, by=by):
            return _settings_changed(route, changed(route.settings, partial), by, now)
        case WasRefused(by=by):
            return [CommandRefused(**command.model_dump(exclude={"by"}), actor=by, at=now)]
        case Close(by=by):
            return [RouteClosed(actor=by, at=now)]


def _after_probe(route: Route, version: int, now: datetime) -> list[Happened]:
    """A login that works ends what a login can end. That too much was sent it cannot: of that the next message tells, and until
    then the failures are remembered, so that the next wait is longer."""
    if version != route.settings_version or not (route.takes_mail or route.probes):
        return []
    events: list[Happened] = []
    throttled = route.last_failure is not None and route.last_failure.kind is Kind.THROTTLED
    if has_failed(route) and not throttled:
        events.append(RouteRecovered(at=now))
    if route.state is RouteState.SUSPENDED:
        events.append(RouteResumed(at=now))
    return events


def _after_failure(route: Route, command: AttemptFailed, now: datetime) -> list[Happened]:
    if not (route.takes_mail or route.probes) or command.settings_version != route.settings_version:
        return []  # what the settings before these came to says nothing about these
    failure = command.failure
    if route.last_failure is not None and route.last_failure.reference == failure.reference:
        return []  # told a second time
    again = route.last_failure is not None and route.last_failure.kind is failure.kind
    follows = failing.consequence(
        route,
        failure,
        fate_of(failure.kind, route.in_a_row + 1 if again else 1),
        LIMITS,
        let_in=command.let_in,
        suspended=route.state is RouteState.SUSPENDED,
    )
    wait = wait_after(failure.kind, follows.in_a_row, minute_seconds=command.minute_seconds, jitter=command.jitter)
    waits = follows.suspends or route.probes  # while it is active the messages wait, each for itself
    stuck = not (failure.counts or follows.suspends or route.stuck) and route.failed_sessions + 1 >= FAILED_SESSIONS
    events: list[Happened] = [
        RouteFailed(
            failure=failure,
            failures=follows.failures,
            in_a_row=follows.in_a_row,
            next_attempt_at=now + wait if waits and not follows.exhausted else None,
            stuck=stuck,
            at=now,
        )
    ]
    if follows.exhausted:
        events.append(RouteDisabled(reason=follows.exhausted, at=now))
    elif follows.suspends:
        events.append(RouteSuspended(reason=failure.kind, at=now))
    # A route that probes goes on only when a login has worked: `resumes` is for what is looked at by being used.
    return events


def _after_login(route: Route, worked: LoginWorked, now: datetime) -> list[Happened]:
    """The change that was tried, and the end of the failures before it; of disabling only with `enable` or another secret."""
    command, by = worked.command, worked.command.by
    events: list[Happened] = []
    if isinstance(command, ChangeSettings):
        events = _settings_changed(route, worked.settings, by, now)
    elif isinstance(command, ChangeCredential):
        version = route.settings_version + 1
        events = [CredentialChanged(settings=worked.settings, version=version, actor=by, at=now)]
    if route.state is RouteState.SUSPENDED or (
        route.state is RouteState.DISABLED
        and (isinstance(command, Enable) or (isinstance(command, ChangeCredential) and route.reason != "operator"))
    ):
        events.append(RouteEnabled(actor=by, at=now))
    elif route.state is RouteState.ACTIVE and has_failed(route):
        events.append(RouteRecovered(actor=by, at=now))
    return events


def _settings_changed(route: Route, after: RouteSettings, by: str, now: datetime) -> list[Happened]:
    before = route.settings
    fields = [name for name in RouteSettings.model_fields if getattr(before, name) != getattr(after, name)]
    if not fields:
        return []
    return [RouteSettingsChanged(settings=after, fields=fields, version=route.settings_version + 1, actor=by, at=now)]


def evolve(route: Route, event: Happened) -> Route:
    """The route after `event`."""
    return route.model_copy(update=_effect(route, event))


def _effect(route: Route, event: Happened) -> dict[str, object]:
    entered: dict[str, object] = {"since": event.at, "reason": None}
    match event:
        case RouteConnected():
            return entered | {"state": RouteState.ACTIVE, "verified_at": event.at}
        case RouteSetUpRefused(failure=failure):
            return entered | {"state": RouteState.CLOSED, "last_failure": failure}
        case RouteFailed():
            return failing.after(route, event)
        case RouteRecovered():
            return HEALTHY | {"verified_at": event.at}
        case RouteDisabled(reason=reason, because=because, actor=by):
            told = f"by {by}" + (f": {because}" if because else "")
            return entered | {"state": RouteState.DISABLED, "reason": reason, "disabled": told, "next_attempt_at": None}
        case RouteSuspended(reason=reason):
            return entered | {"state": RouteState.SUSPENDED, "reason": reason}
        case RouteResumed():
            return entered | {"state": RouteState.ACTIVE, "next_attempt_at": None}
        case RouteEnabled():
            return entered | HEALTHY | {"state": RouteState.ACTIVE, "verified_at": event.at}
        case (
            RouteSettingsChanged(settings=settings, version=version)
            | CredentialChanged(settings=settings, version=version)
        ):
            return {"settings": settings, "settings_version": version}
        case RouteClosed():
            return entered | {"state": RouteState.CLOSED, "next_attempt_at": None}
        case _:
            return {}


def taken_over(state: dict[str, Any]) -> Route:
    """The route that a run before this one handed on."""
    return Route.model_validate_json(json.dumps(state))

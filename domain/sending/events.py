"""What happened to a sending route, as the log keeps it under `route/<address>`."""

from __future__ import annotations

from datetime import datetime

from domain.core.events import DisabledReason, Happened
from domain.failures.failure import Failure, Failures
from domain.sending.settings import RouteSettings


class RouteConnected(Happened):
    """The server let us in, and mail of the address may be sent."""

    settings: RouteSettings


class RouteSetUpRefused(Happened):
    failure: Failure


class RouteFailed(Happened):
    """`stuck` as in `domain.account.events.RetrievalFailed`."""

    failure: Failure
    failures: Failures
    in_a_row: int
    next_attempt_at: datetime | None
    stuck: bool = False


class RouteRecovered(Happened):
    """The first login or message that worked after failures."""


class RouteDisabled(Happened):
    reason: DisabledReason
    because: str | None = None


class RouteEnabled(Happened):
    pass


class RouteSuspended(Happened):
    reason: str


class RouteResumed(Happened):
    pass


class RouteSettingsChanged(Happened):
    settings: RouteSettings
    fields: list[str]
    version: int


class CredentialChanged(Happened):
    """Another secret is used, or the same one was stored anew."""

    settings: RouteSettings
    version: int


class RouteCheckRequested(Happened):
    pass


class RouteClosed(Happened):
    pass

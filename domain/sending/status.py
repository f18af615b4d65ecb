"""What people see of a route: the answer to the `status` query, notices, and the page that the Temporal UI shows."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from domain.core.events import Happened
from domain.core.foreign_text import in_notice, markdown
from domain.core.log_event import Notice
from domain.failures.failure import Failure, Failures
from domain.failures.wording import clock, failed, quoted
from domain.sending.events import RouteDisabled, RouteEnabled, RouteFailed, RouteResumed, RouteSuspended
from domain.sending.failures import LIMITS
from domain.sending.route import Route, RouteState

WHO = "The outgoing server"
HELD = "What is to be sent is held, and goes out when it works again."


class RouteStatus(BaseModel):
    """What a `SendingRoute` answers to the query `status`, as of the last outcome that the workflow was told."""

    address: str
    kind: str
    organisation: str
    host: str
    state: RouteState
    reason: str | None = None
    since: datetime | None = None
    failures: Failures = Failures()
    last_failure: Failure | None = None
    verified_at: datetime | None = None
    next_attempt_at: datetime | None = None
    settings_version: int = 1


def route_status(route: Route) -> RouteStatus:
    settings = route.settings
    return RouteStatus(
        address=settings.address,
        kind=settings.kind,
        organisation=settings.organisation,
        host=settings.outgoing.host,
        state=route.state,
        reason=route.reason,
        since=route.since,
        failures=route.failures,
        last_failure=route.last_failure,
        verified_at=route.verified_at,
        next_attempt_at=route.next_attempt_at,
        settings_version=route.settings_version,
    )


def notice(event: Happened, route: Route) -> Notice | None:
    """What people are told of `event`; `route` is the route after it."""
    name, failure = f"Sending from {in_notice(route.settings.address)}", route.last_failure
    command = in_notice(f"route/{route.settings.address}")
    match event:
        case RouteDisabled(reason="operator", actor=by):
            return Notice(
                code="disabled",
                text=f"{name} was disabled by {in_notice(by)}. {HELD}",
                remedy=f"Use enable on {command} to take it back into service.",
            )
        case RouteDisabled(reason=reason) if failure:
            limit = LIMITS.authentication if reason == "authentication_failures" else LIMITS.connection
            what = "the login was refused" if reason == "authentication_failures" else "the server could not be reached"
            return Notice(
                code="disabled",
                text=f"{name} is disabled: {what} {limit} times in a row. {HELD} {quoted(failure, WHO)}",
                remedy=f"{failure.remedy} Then give enable to {command}.",
            )
        case RouteFailed(failure=broken, stuck=True):
            return Notice(
                code="stuck",
                text=f"{name} gets stuck ({broken.kind}), again and again. {HELD} {quoted(broken, WHO)}",
                remedy=broken.remedy,
            )
        case RouteSuspended() if failure:
            return Notice(
                code="suspended",
                text=f"{name} is suspended ({failure.kind}). {HELD} {quoted(failure, WHO)}",
                remedy=failure.remedy,
            )
        case RouteEnabled(actor=by):
            return Notice(
                code="enabled",
                text=f"{name} was enabled by {in_notice(by)}: what was held goes out.",
                remedy="There is nothing to do.",
            )
        case RouteResumed():
            return Notice(
                code="resumed", text=f"{name} goes on: what was held goes out.", remedy="There is nothing to do."
            )
        case _:
            return None


def details(route: Route) -> str:
    """The route in a few lines of markdown, for the Temporal UI."""
    settings, outgoing = route.settings, route.settings.outgoing
    state = f"**{route.state}**" + (f" ({route.reason})" if route.reason else "")
    lines = [f"Sending from {in_notice(settings.address)} is {state} since {clock(route.since)}", ""]
    if route.state is RouteState.DISABLED:
        lines += [f"Disabled {markdown(route.disabled)}. Use enable to take it back into service.", ""]
    lines += [
        f"- {in_notice(outgoing.host)}:{outgoing.port}, {outgoing.tls}, organisation {in_notice(settings.organisation)}",
        (
            f"- failures in a row: authentication {route.failures.authentication} of {LIMITS.authentication}, "
            f"connection {route.failures.connection} of {LIMITS.connection}"
        ),
    ]
    if route.verified_at:
        lines.append(f"- last login that worked: {clock(route.verified_at)}")
    if route.next_attempt_at:
        lines.append(f"- next login: {clock(route.next_attempt_at)}")
    if route.last_failure:
        lines += failed(route.last_failure, route.reason, WHO)
    if not route.takes_mail and route.state is not RouteState.VERIFYING:
        lines.append(f"\n> {HELD}")
    return "\n".join(lines)

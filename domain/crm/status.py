"""What people see of a CRM connection: the answer to the `status` query, notices, and the page that the Temporal UI shows."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from pydantic import BaseModel

from domain.core.events import Happened
from domain.core.foreign_text import in_notice, markdown
from domain.core.log_event import Notice
from domain.crm.commands import Counts
from domain.crm.events import CrmDisabled, CrmEnabled, CrmFailed, CrmResumed, CrmSuspended
from domain.crm.failures import LIMITS
from domain.crm.lifecycle import Connection, CrmState
from domain.crm.settings import CrmSettings
from domain.failures.failure import Failure, Failures
from domain.failures.wording import clock, failed, quoted


class CrmStatus(BaseModel):
    """What a `CrmConnection` answers to the query `status`, as of the last outcome that the workflow was told."""

    name: str
    kind: str
    profile: str
    state: CrmState
    reason: str | None = None
    since: datetime | None = None
    failures: Failures = Failures()
    last_failure: Failure | None = None
    backlog: int = 0
    counts: Counts = Counts()
    pulled_at: datetime | None = None
    next_attempt_at: datetime | None = None
    settings_version: int = 1


def crm_status(connection: Connection) -> CrmStatus:
    settings = connection.settings
    return CrmStatus(
        name=settings.name,
        kind=settings.kind,
        profile=settings.profile,
        state=connection.state,
        reason=connection.reason,
        since=connection.since,
        failures=connection.failures,
        last_failure=connection.last_failure,
        backlog=connection.counts.backlog,
        counts=connection.counts,
        pulled_at=connection.pulled_at,
        next_attempt_at=connection.next_attempt_at,
        settings_version=connection.settings_version,
    )


def host_of(settings: CrmSettings) -> str | None:
    """What `MailroomHost` shows: the host of the URL, else the data centre; None for the built-in CRM."""
    if settings.url is not None:
        return urlsplit(settings.url).hostname or settings.url
    return f"{settings.kind}:{settings.data_centre}" if settings.data_centre else None


def notice(event: Happened, connection: Connection) -> Notice | None:
    """What people are told of `event`; `connection` is the connection after it."""
    name, failure = f"The CRM {in_notice(connection.settings.name)}", connection.last_failure
    match event:
        case CrmDisabled(reason="operator", actor=by):
            return Notice(
                code="disabled",
                text=f"{name} was disabled by {in_notice(by)}: it is told nothing, and what it must be told waits.",
                remedy=f"Use enable on {in_notice(f'crm/{connection.settings.name}')} to take it back into service.",
            )
        case CrmDisabled(reason=reason) if failure:
            limit = LIMITS.authentication if reason == "authentication_failures" else LIMITS.connection
            what = "it did not let us in" if reason == "authentication_failures" else "it could not be reached"
            return Notice(
                code="disabled",
                text=f"{name} is disabled: {what} {limit} times in a row. Mail keeps arriving. {quoted(failure, 'The CRM')}",
                remedy=failure.remedy,
            )
        case CrmFailed(failure=broken, stuck=True):
            return Notice(
                code="stuck",
                text=(
                    f"{name} gets stuck: {connection.failed_sessions} sessions in a row failed ({broken.kind}). It is tried "
                    f"again and again, and nothing is lost. Mail keeps arriving. {quoted(broken, 'The CRM')}"
                ),
                remedy=broken.remedy,
            )
        case CrmSuspended() if failure:
            return Notice(
                code="suspended",
                text=f"{name} is suspended ({failure.kind}). Mail keeps arriving. {quoted(failure, 'The CRM')}",
                remedy=failure.remedy,
            )
        case CrmEnabled(actor=by):
            return Notice(
                code="enabled", text=f"{name} was enabled by {in_notice(by)}.", remedy="There is nothing to do."
            )
        case CrmResumed() if failure:
            return Notice(
                code="resumed",
                text=f"{name} is no longer suspended, but does not work yet ({failure.kind}). {quoted(failure, 'The CRM')}",
                remedy=failure.remedy,
            )
        case CrmResumed():
            return Notice(code="resumed", text=f"{name} works again.", remedy="There is nothing to do.")
        case _:
            return None


def details(connection: Connection) -> str:
    """The connection in a few lines of markdown, for the Temporal UI."""
    settings, counts = connection.settings, connection.counts
    state = f"**{connection.state}**" + (f" ({connection.reason})" if connection.reason else "")
    lines = [f"The CRM {in_notice(settings.name)} is {state} since {clock(connection.since)}", ""]
    if connection.state is CrmState.DISABLED:
        lines += [f"Disabled {markdown(connection.disabled)}. Use enable to take it back into service.", ""]
    where = f" at {host_of(settings)}" if host_of(settings) else ""
    lines += [
        f"- {settings.kind}{where}, profile {settings.profile}, organisation {in_notice(settings.organisation)}",
        (
            f"- failures in a row: authentication {connection.failures.authentication} of {LIMITS.authentication}, "
            f"connection {connection.failures.connection} of {LIMITS.connection}"
        ),
        (
            f"- entries: {counts.delivered} delivered, {counts.backlog} to push"
            + (f" ({counts.uncertain} uncertain)" if counts.uncertain else "")
            + f", {counts.failed} failed"
        ),
    ]
    if connection.pulled_at:
        lines.append(f"- directory pulled: {clock(connection.pulled_at)}")
    if connection.next_attempt_at:
        lines.append(f"- next attempt: {clock(connection.next_attempt_at)}")
    if connection.last_failure:
        lines += failed(connection.last_failure, connection.reason, "The CRM")
    if counts.failed:
        lines.append("\n> The CRM has rejected entries: the view outbox says why. Mend it, then give retry_failed.")
    return "\n".join(lines)

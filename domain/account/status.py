"""What people see of an account: the answer to the `status` query and the page that the Temporal UI shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from pydantic import BaseModel

from domain.account import AUTHENTICATION_LIMIT, CONNECTION_LIMIT, Account, State
from domain.audit import Notice
from domain.cautions import NOTICED, caution, cautions
from domain.commands import HostOutage, InQuarantine, Progress
from domain.events import (
    AccountDisabled,
    AccountEnabled,
    AccountResumed,
    AccountSuspended,
    Event,
    Failures,
    QuotaReached,
    RetrievalFailed,
    WarningRaised,
)
from domain.failures import Failure, Kind, UserAction, user_action
from domain.foreign_text import address_in_notice, address_on_page, in_notice, markdown
from domain.hosts import enable_all
from domain.providers import profile_of

_WHY_STUCK = {
    Kind.PROTOCOL_ERROR: "the server does not keep to POP3",
    Kind.SERVER_ERROR: "the server refuses, or has trouble",
    Kind.THROTTLED: "the server finds that it is asked too often",
}


class Warned(BaseModel):
    """One item of `warnings`."""

    code: str
    text: str
    remedies: list[str]


class AccountStatus(BaseModel):
    """docs/reference.md's AccountStatus, as of the last outcome that the workflow was told."""

    address: str
    state: State
    reason: str | None
    since: datetime
    failures: Failures
    last_failure: Failure | None
    needs_user_action: UserAction | None
    progress: Progress
    last_success_at: datetime | None
    next_attempt_at: datetime | None
    warnings: list[Warned]
    checklist: list[str]
    settings_version: int
    credential_version: int


def status(account: Account) -> AccountStatus:
    profile = profile_of(account.settings)
    suspended = account.state is State.SUSPENDED and account.last_failure is not None
    return AccountStatus(
        address=account.settings.address,
        state=account.state,
        reason=account.reason,
        since=account.since,
        failures=account.failures,
        last_failure=account.last_failure,
        needs_user_action=user_action(account.last_failure) if suspended and account.last_failure else None,
        progress=account.progress,
        last_success_at=account.last_success_at,
        next_attempt_at=account.next_attempt_at,
        warnings=warnings(account),
        checklist=list(profile.checklist),
        settings_version=account.settings_version,
        credential_version=account.credential_version,
    )


def warnings(account: Account) -> list[Warned]:
    found = []
    if not account.settings.crm:  # R3
        found.append(
            Warned(
                code="crm_not_configured",
                text="The CRM add-on is not configured for this account: its mail is kept, and linked to nobody.",
                remedies=['change_settings {"settings": {"crm": ["builtin"]}}'],
            )
        )
    if account.host_outage:
        found.append(_host_outage(account.host_outage))
    found += [
        Warned(code=code, text=text, remedies=list(remedies))
        for code, text, remedies in cautions(account.settings, account.observed)
    ]
    if account.in_quarantine.total:
        found.append(_quarantined(account.in_quarantine, account.settings.address))
    return found


def _quarantined(counts: InQuarantine, address: str) -> Warned:
    parts = [
        (counts.waiting, "asked for again by itself"),
        (counts.undownloadable, "undownloadable: refused in three sessions or more, and only asked for now and then"),
        (counts.too_large, "larger than MAILROOM_MAX_MESSAGE_BYTES allows: taken once that is raised"),
        (counts.gone, "no longer on the server"),
    ]
    which = "; ".join(f"{number} {what}" for number, what in parts if number)
    one, quoted = counts.total == 1, address.replace("'", "''")
    return Warned(
        code="quarantined",
        text=f"{counts.total} message{'' if one else 's'} could not be taken from the server: {which}. The view "
        "quarantine lists each with its reason.",
        remedies=[
            f"select * from mailroom.quarantine where address = '{quoted}'",
            "retry_quarantined {}",
            'skip_message {"uidl": "UIDL of the view"}',
        ],
    )


def _host_outage(outage: HostOutage) -> Warned:
    return Warned(
        code="host_outage",
        text=(
            f"{outage.host} is out since {clock(outage.since)}: {outage.accounts} of {outage.of} accounts there do not "
            "reach it. Nothing is wrong with this account. An active one goes on by itself when the host is back; one "
            "command brings back all that the outage disabled."
        ),
        remedies=[enable_all(outage.host)],
    )


def host_outage_notice(outage: HostOutage, cause: str | None) -> Notice:
    """What people are told, once, when a whole host is out."""
    return Notice(
        code="host_outage",
        text=(
            f"{outage.host} is out since {clock(outage.since)}{f' ({in_notice(cause)})' if cause else ''}: {outage.accounts} of "
            f"{outage.of} accounts there do not reach it. Nothing is wrong with these accounts; each is tried "
            f"{CONNECTION_LIMIT} times in a row before it is disabled."
        ),
        remedy=(
            "Tell the host's administrator, or look whether it is our own network. Active accounts go on by themselves; "
            f"when it is back, this takes those that were disabled back into service: {enable_all(outage.host)}"
        ),
    )


def host_back_notice(host: str, since: datetime, at: datetime, disabled: int) -> Notice:
    """What people are told, once, when its outage is over; `disabled` is how many accounts it has disabled."""
    if disabled:
        text = f"{disabled} accounts there are disabled because they could not reach it."
        remedy = f"Take them back into service: {enable_all(host)}"
    else:
        text, remedy = "No account was disabled.", "There is nothing to do."
    return Notice(
        code="host_back",
        text=f"{host} can be reached again; it was out from {clock(since)} to {clock(at)}. {text}",
        remedy=remedy,
    )


def notice(event: Event, account: Account) -> Notice | None:
    """What people are told of `event`; `account` is the account after it. None where they need not be told (R82)."""
    address = address_in_notice(account.settings.address)
    failure = account.last_failure
    match event:
        case AccountDisabled(reason="operator", actor=by):
            return Notice(
                code="disabled",
                text=f"{address} was disabled by {in_notice(by)}.",
                remedy="Use enable to take it back into service.",
            )
        case AccountDisabled(reason=reason) if failure:
            limit = AUTHENTICATION_LIMIT if reason == "authentication_failures" else CONNECTION_LIMIT
            outage = f" {_host_outage(account.host_outage).text}" if account.host_outage else ""
            what = "the login was refused" if reason == "authentication_failures" else "the server could not be reached"
            return Notice(
                code="disabled",
                text=f"Retrieval for {address} is disabled: {what} {limit} times in a row. {quoted(failure)}{outage}",
                remedy=enable_all(account.host_outage.host) if account.host_outage else failure.remedy,
            )
        case RetrievalFailed(failure=broken, stuck=True):
            return Notice(
                code="stuck",
                text=(
                    f"Retrieval for {address} gets stuck: {account.failed_sessions} sessions in a row failed, the last one "
                    f"because {_WHY_STUCK[broken.kind]} ({broken.kind}). It is tried again and again, and nothing is lost. "
                    f"{quoted(broken)}"
                ),
                remedy=broken.remedy,
            )
        case AccountSuspended() if failure:
            return Notice(
                code="suspended",
                text=f"Retrieval for {address} is suspended ({failure.kind}). {quoted(failure)}",
                remedy=failure.remedy,
            )
        case QuotaReached(at=at) if account.since == at:  # and not when only the next message is another one
            return Notice(
                code="over_quota",
                text=f"{address} has no room for its next message; retrieval waits. Nothing is deleted from the server.",
                remedy="Raise the quota with set_quota, or make room with delete_messages; retrieval then goes on by itself.",
            )
        case AccountEnabled(actor=by):
            return Notice(
                code="enabled", text=f"{address} was enabled by {in_notice(by)}.", remedy="There is nothing to do."
            )
        case AccountResumed() if failure:  # what suspended it is over, but its session failed for another reason
            return Notice(
                code="resumed",
                text=f"{address} is no longer suspended, but cannot retrieve yet ({failure.kind}). {quoted(failure)}",
                remedy=failure.remedy,
            )
        case AccountResumed():
            return Notice(code="resumed", text=f"{address} retrieves mail again.", remedy="There is nothing to do.")
        case WarningRaised(observation=one) if one.code in NOTICED and (said := caution(account.settings, one)):
            code, text, remedies = said
            return Notice(code=code, text=f"{address}: {text}", remedy=" Or: ".join(remedies))
        case _:
            return None


def quoted(failure: Failure, who: str = "The server") -> str:
    """For a notice: what the other side said, and by what the failure is known in the log."""
    said = f'{who} said: "{in_notice(failure.server_said)}". ' if failure.server_said else ""
    return f"{said}{_known_as(failure)}"


def _known_as(failure: Failure) -> str:
    return f"Reference {failure.reference}; support: {failure.support}."


def failed(failure: Failure, reason: str | None, who: str = "The server") -> list[str]:
    """The last failure in lines of markdown, with what to do; `reason` is why it is in the state that it is in."""
    before = "Before that: " if reason == "operator" else ""
    cause = f" ({in_notice(failure.cause)})" if failure.cause else ""
    said = f"{who} said: {markdown(failure.server_said)}. " if failure.server_said else ""
    told = f"{before}**{failure.kind}**{cause} at {clock(failure.at)}. {said}{_known_as(failure)}"
    return ["", told, "", f"What to do: {failure.remedy}"]


def details(account: Account, now: datetime) -> str:
    """The account in a few lines of markdown, for the Temporal UI."""
    settings, progress = account.settings, account.progress
    state = f"**{account.state}**" + (f" ({account.reason})" if account.reason else "")
    lines = [f"{address_on_page(settings.address)} is {state} since {clock(account.since)}", ""]
    if account.state is State.DISABLED:
        lines += [f"Disabled {markdown(account.disabled)}. {_way_back(account)}", ""]
    lines += [
        f"- server: {settings.incoming.host}:{settings.incoming.port} (tls: {settings.incoming.tls})",
        (
            f"- failures in a row: authentication {account.failures.authentication} of {AUTHENTICATION_LIMIT}, "
            f"connection {account.failures.connection} of {CONNECTION_LIMIT}"
        ),
        f"- mail: {progress.stored} stored, {progress.remaining} to fetch, {progress.on_server} on the server",
    ]
    if settings.crm:
        lines.append(f"- linked with the CRM connections: {', '.join(map(in_notice, settings.crm))}")
    if progress.eta and progress.eta > now:
        lines.append(f"- the rest is expected by {clock(progress.eta)}")
    if account.last_success_at:
        lines.append(f"- last success: {clock(account.last_success_at)}")
    if account.next_attempt_at:
        lines.append(f"- next look: {clock(account.next_attempt_at)}")
    if account.last_failure:
        lines += failed(account.last_failure, account.reason)
    lines += [f"\n> {item.text}" for item in warnings(account)]
    return "\n".join(lines)


def _way_back(account: Account) -> str:
    if account.reason == "authentication_failures":
        return "Use change_credential to take it back into service."
    return "Use enable to take it back into service."


class Failing(Protocol):
    """An account or a CRM connection, as far as its failures go."""

    @property
    def last_failure(self) -> Failure | None: ...
    @property
    def failures(self) -> Failures: ...
    @property
    def in_a_row(self) -> int: ...


def waiting(failing: Failing) -> str:
    """What the wait after a failure is called in the Temporal UI: "wait after authentication failure 3 of 10"."""
    failure, failures = failing.last_failure, failing.failures
    match failure.counts if failure else None:
        case "authentication":
            return f"wait after authentication failure {failures.authentication} of {AUTHENTICATION_LIMIT}"
        case "connection":
            return f"wait after connection failure {failures.connection} of {CONNECTION_LIMIT}"
        case _:
            return f"wait after {failure.kind if failure else 'a failure'}, {failing.in_a_row} in a row"


def clock(at: datetime) -> str:
    return (at + timedelta(microseconds=500_000)).strftime("%Y-%m-%d %H:%M:%S UTC")

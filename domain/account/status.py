"""What people see of an account: the answer to the `status` query and the page that the Temporal UI shows."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from domain.account.lifecycle import Account, State
from domain.account.warnings import cautions
from domain.core.foreign_text import address_on_page, in_notice, markdown
from domain.failures.failure import LIMITS, Failure, Failures, Kind
from domain.failures.remedy import UserAction
from domain.failures.user_actions import user_action
from domain.failures.wording import clock, failed
from domain.mailbox.providers import profile_of
from domain.retrieval.hosts import enable_all
from domain.retrieval.reports import HostOutage, InQuarantine, Progress

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
        found.append(warning_of_outage(account.host_outage))
    found += [
        Warned(code=code, text=text + _not_yet(code, account), remedies=list(remedies))
        for code, text, remedies in cautions(account.settings, account.observed)
    ]
    if account.in_quarantine.total:
        found.append(_quarantined(account.in_quarantine, account.settings.address))
    return found


def _not_yet(code: str, account: Account) -> str:
    """That what a change has deleted can still be kept."""
    begins, seen = account.deletes_from, account.last_success_at
    if code != "deletes_on_server" or begins is None or (seen is not None and seen >= begins):
        return ""
    return f" Nothing is deleted before {clock(begins)}: what is changed back until then has deleted nothing."


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


def warning_of_outage(outage: HostOutage) -> Warned:
    return Warned(
        code="host_outage",
        text=(
            f"{outage.host} is out since {clock(outage.since)}: {outage.accounts} of {outage.of} accounts there do not "
            "reach it. Nothing is wrong with this account. An active one goes on by itself when the host is back; one "
            "command brings back all that the outage disabled."
        ),
        remedies=[enable_all(outage.host)],
    )


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
            f"- failures in a row: authentication {account.failures.authentication} of {LIMITS.authentication}, "
            f"connection {account.failures.connection} of {LIMITS.connection}"
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

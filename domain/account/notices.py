"""What an account's owner is told by a notice, and when."""

from __future__ import annotations

from datetime import datetime

from domain.account.events import (
    AccountDisabled,
    AccountEnabled,
    AccountResumed,
    AccountSuspended,
    QuotaReached,
    RetrievalFailed,
    WarningRaised,
)
from domain.account.lifecycle import Account
from domain.account.status import _WHY_STUCK, warning_of_outage
from domain.account.warnings import NOTICED, caution
from domain.core.events import Event
from domain.core.foreign_text import address_in_notice, in_notice
from domain.core.log_event import Notice
from domain.failures.failure import LIMITS
from domain.failures.wording import clock, quoted
from domain.retrieval.hosts import enable_all
from domain.retrieval.reports import HostOutage


def host_outage_notice(outage: HostOutage, cause: str | None) -> Notice:
    """What people are told, once, when a whole host is out."""
    return Notice(
        code="host_outage",
        text=(
            f"{outage.host} is out since {clock(outage.since)}{f' ({in_notice(cause)})' if cause else ''}: {outage.accounts} of "
            f"{outage.of} accounts there do not reach it. Nothing is wrong with these accounts; each is tried "
            f"{LIMITS.connection} times in a row before it is disabled."
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
            limit = LIMITS.authentication if reason == "authentication_failures" else LIMITS.connection
            outage = f" {warning_of_outage(account.host_outage).text}" if account.host_outage else ""
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

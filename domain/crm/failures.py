"""What can go wrong with a CRM: what each kind counts to, where it leaves the connection, how it goes on, what to do.

A CRM's failures have counters of their own: no account is ever disabled because of its CRM.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.failures.failure import Doubling, Failure, Fate, Kind, Limits, Steps
from domain.failures.remedy import Prospect, Remedy

HOUR = 60.0
A_DAY = 1440.0

LIMITS = Limits(authentication=10, connection=50)  # of a connection: R97

FATES: dict[Kind, Fate] = {
    Kind.CRM_AUTHENTICATION: Fate(counts="authentication", suspends=False, waits=Steps((1.0, 5.0, 15.0, 60.0))),
    Kind.CRM_PERMISSION: Fate(counts=None, suspends=True, waits=Steps((A_DAY,))),
    Kind.CRM_RATE_LIMITED: Fate(counts=None, suspends=False, waits=Doubling(first=1.0, most=HOUR)),
    Kind.CRM_UNAVAILABLE: Fate(counts="connection", suspends=False, waits=Doubling(first=1.0, most=30.0)),
    Kind.CRM_UNCERTAIN: Fate(counts=None, suspends=False, waits=Doubling(first=1.0, most=30.0)),
    # Of the CRM as a whole, and not of one entry: its address or its set-up is not what the adapter needs.
    Kind.CRM_REJECTED: Fate(counts=None, suspends=True, waits=Steps((A_DAY,))),
    Kind.CRM_GONE: Fate(counts=None, suspends=True, waits=Steps((A_DAY,))),
}

GOES_ON = Prospect(
    "Mail keeps arriving, what the CRM must be told waits, and it goes on by itself once the CRM is back."
)
"""Holds of a connection that there is, and not of one that was never made."""

REMEDIES: dict[Kind, Remedy] = {
    Kind.CRM_AUTHENTICATION: Remedy.of(
        "The CRM does not take the secret any more. Make a new one in the CRM, store it with `mailroom vault set NAME` "
        "(an OAuth grant: `mailroom oauth connect NAME`), and give `enable`, or `sync_now` while the connection is active."
    ),
    Kind.CRM_PERMISSION: Remedy.of(
        "The CRM lets us in and does not let us do what is needed. Give the user or the grant the rights that the CRM's page "
        "lists (docs/tryton.md, docs/zoho.md), then give `enable`."
    ),
    Kind.CRM_RATE_LIMITED: Remedy.of(
        "The CRM, or daily_calls of the connection, allows no more requests for now. Nothing is lost: it goes on by itself at "
        "next_attempt_at. If it happens often, raise the CRM's limit or daily_calls."
    ),
    Kind.CRM_UNAVAILABLE: Remedy.of(
        "The CRM cannot be reached, or does not work. Look whether it is up and whether its address and certificate are right.",
        GOES_ON,
    ),
    Kind.CRM_UNCERTAIN: Remedy.of(
        "The CRM did not say whether it has done what it was asked. There is nothing to do: it is asked what it has before "
        "anything is sent again. If it lasts, look at the CRM's own log."
    ),
    Kind.CRM_REJECTED: Remedy.of(
        "The CRM does not understand what it is asked. Look whether url and kind of the connection are right, and whether the "
        "CRM is of the version that its page names (docs/tryton.md, docs/zoho.md); mend it with change_settings, then give "
        "`enable`."
    ),
    Kind.CRM_GONE: Remedy.of(
        "The CRM has nothing at the address that it was asked at. Look whether url and the database in it are right; mend it "
        "with change_settings, then give `enable`."
    ),
}


def crm_failure(
    kind: Kind,
    cause: str | None,
    *,
    said: str | None,
    reference: str,
    support: str,
    at: datetime,
    remedy: Remedy | None = None,
) -> Failure:
    """The whole failure (R97). `said` must be redacted already; `remedy` where there is a better one than the kind's."""
    return Failure(
        kind=kind,
        cause=cause,
        server_said=said,
        remedy=(remedy or REMEDIES[kind]).of_watching,
        reference=reference,
        support=support,
        at=at,
        counts=FATES[kind].counts,
    )


def wait_after(
    kind: Kind, in_a_row: int, *, retry_after: float | None, minute_seconds: float, jitter: float
) -> timedelta:
    """From the failure to the next attempt. `retry_after` seconds, which a CRM asked for, are a floor; jitter only ever adds."""
    minutes = FATES[kind].waits.after(in_a_row)
    if kind is Kind.CRM_RATE_LIMITED and retry_after is not None:
        return timedelta(seconds=min(retry_after, A_DAY * 60) * (1 + jitter / 10))
    return timedelta(seconds=minutes * minute_seconds * (1 + jitter / 10))

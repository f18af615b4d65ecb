"""What can go wrong with a route: what each kind counts to, whether mail is held, when the route looks again (R92, R93).

The counters are the route's own: the account's POP failures and these never mix.
"""

from __future__ import annotations

from datetime import timedelta

from domain.failures.failure import Counter, Doubling, Fate, Kind, Limits, Steps

HOUR = 60.0
SIX_HOURS = 360.0
A_DAY = 1440.0
HERD = 3
"""Failures in a row after which only the route itself tries, and messages wait for it."""

LIMITS = Limits(authentication=10, connection=50)

_DAILY = Fate(counts=None, suspends=True, waits=Steps((A_DAY,)))
_AFTER_THE_OWNER = Fate(counts=None, suspends=True, waits=Steps((SIX_HOURS,)))
_SOON = Steps((1.0, 2.0, 5.0, 15.0, 30.0, HOUR))

FATES: dict[Kind, Fate] = {
    # At the first: every message would be another wrong password, and providers lock mailboxes for that.
    Kind.SMTP_AUTHENTICATION: Fate(counts="authentication", suspends=True, waits=Steps((1.0, 5.0, 15.0, HOUR))),
    Kind.CONNECTION: Fate(counts="connection", suspends=False, waits=_SOON),
    Kind.SERVER_ERROR: Fate(counts=None, suspends=False, waits=_SOON),
    Kind.PROTOCOL_ERROR: Fate(counts=None, suspends=False, waits=_SOON),
    Kind.CERTIFICATE: _DAILY,
    Kind.CONFIGURATION: _DAILY,
    Kind.PROVIDER_LOCKED: _AFTER_THE_OWNER,
    Kind.WEB_LOGIN_REQUIRED: _AFTER_THE_OWNER,
    Kind.THROTTLED: Fate(counts=None, suspends=True, waits=Doubling(first=15.0, most=A_DAY)),
}


def counter_of(kind: Kind) -> Counter | None:
    """The counter of the route that a failure of this kind adds to; None where it adds to none."""
    fate = FATES.get(kind)
    return fate.counts if fate else None


def fate_of(kind: Kind, in_a_row: int) -> Fate:
    """Where a failure leaves the route, the `in_a_row`-th of its kind. One that no route ends in is trouble of the server."""
    fate = FATES.get(kind, FATES[Kind.SERVER_ERROR])
    return fate if fate.suspends else Fate(fate.counts, in_a_row >= HERD, fate.waits)


def wait_after(kind: Kind, in_a_row: int, *, minute_seconds: float = 60.0, jitter: float = 0.0) -> timedelta:
    """From the failure to the route's next login; up to a tenth longer, so that many routes do not come at once."""
    minutes = FATES.get(kind, FATES[Kind.SERVER_ERROR]).waits.after(in_a_row)
    return timedelta(seconds=minutes * minute_seconds * (1 + jitter / 10))

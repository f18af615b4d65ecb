"""What can go wrong with a mailbox: the kinds of failure, what each counts to, and how it goes on.

The table `FATES` is docs/reference.md's table "Failure kinds" as data. Nothing here looks at a server's words or at an
exception; domain/failures/classification.py does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.failures.remedy import Remedy

Counter = Literal["authentication", "connection"]

HALF_AN_HOUR = 30.0
SIX_HOURS = 360.0
A_DAY = 1440.0


class Kind(StrEnum):
    """Every kind of failure that Mailroom names. Those of sending and of CRMs have no row in `FATES`."""

    AUTHENTICATION = "authentication"
    CONNECTION = "connection"
    CERTIFICATE = "certificate"
    CONFIGURATION = "configuration"
    POP_UNAVAILABLE = "pop_unavailable"
    PROVIDER_LOCKED = "provider_locked"
    WEB_LOGIN_REQUIRED = "web_login_required"
    THROTTLED = "throttled"
    MAILBOX_BUSY = "mailbox_busy"
    SERVER_ERROR = "server_error"
    PROTOCOL_ERROR = "protocol_error"

    SMTP_AUTHENTICATION = "smtp_authentication"
    SMTP_REJECTED = "smtp_rejected"
    RELAY_LIMIT = "relay_limit"

    CRM_AUTHENTICATION = "crm_authentication"
    CRM_PERMISSION = "crm_permission"
    CRM_RATE_LIMITED = "crm_rate_limited"
    CRM_UNAVAILABLE = "crm_unavailable"
    CRM_UNCERTAIN = "crm_uncertain"
    CRM_REJECTED = "crm_rejected"
    CRM_GONE = "crm_gone"


class Certificate(BaseModel):
    """One certificate of the chain that a server presented. `sha256` is the hex fingerprint of its DER form."""

    model_config = ConfigDict(frozen=True)

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    sha256: str
    names: tuple[str, ...] = ()


class TlsEvidence(BaseModel):
    """What an administrator needs to mend a certificate: the presented chain, leaf first, where and when (R91)."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int
    at: datetime
    chain: tuple[Certificate, ...] = ()


class Failures(BaseModel):
    """The two counters of failures in a row; they never mix (R82, R86)."""

    model_config = ConfigDict(frozen=True)

    authentication: int = 0
    connection: int = 0


class Failure(BaseModel):
    """One failed attempt as it is logged, shown and counted: docs/reference.md's `last_failure`.

    `server_said` is redacted (classification.redact); `decided_by` names the rule and the words of the vocabulary that made
    it this kind (never the server's own); `reference` is the id to quote to `support` (R97); `counts` is the counter that
    this failure adds to, None where it adds to none. `remedy` is shown as it is: what in it is not our own text has been
    through `in_notice` (domain/core/foreign_text.py).
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    cause: str | None = None
    server_said: str | None = None
    remedy: str
    reference: str
    support: str
    at: datetime
    counts: Counter | None = None
    tls: TlsEvidence | None = None
    decided_by: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an error or a reply means: all of a `Failure` that does not depend on who asked and when.

    `decided_by` is "" where no words decided. `about_the_password`: the words say that the password is wrong, whatever kind
    the server's codes made of it.
    """

    kind: Kind
    cause: str | None
    remedy: Remedy
    decided_by: str = ""
    about_the_password: bool = False

    def failure(
        self,
        *,
        reference: str,
        support: str,
        at: datetime,
        server_said: str | None = None,
        tls: TlsEvidence | None = None,
    ) -> Failure:
        """The whole failure. `server_said` must be redacted already."""
        fate = FATES.get(self.kind)
        return Failure(
            kind=self.kind,
            cause=self.cause,
            server_said=server_said,
            remedy=self.remedy.of_watching,
            reference=reference,
            support=support,
            at=at,
            counts=fate.counts if fate else None,
            tls=tls,
            decided_by=self.decided_by or None,
        )


class Diagnosed(Exception):
    """What went wrong has a meaning already where it is raised; `said` are the server's words, redacted."""

    def __init__(self, diagnosis: Diagnosis, said: str | None = None) -> None:
        super().__init__(diagnosis.kind)
        self.diagnosis = diagnosis
        self.said = said


@dataclass(frozen=True, slots=True)
class Steps:
    """Waits in minutes after the first, second, ... failure in a row; the last one repeats."""

    minutes: tuple[float, ...]

    def after(self, in_a_row: int, *, interval: float = 1.0) -> float:
        """Minutes after the `in_a_row`-th failure; an interval changes nothing here."""
        return self.minutes[min(max(in_a_row, 1), len(self.minutes)) - 1]


@dataclass(frozen=True, slots=True)
class Doubling:
    """A wait in minutes that doubles with every failure in a row up to `most`. `first` None: the account's interval."""

    first: float | None
    most: float

    def after(self, in_a_row: int, *, interval: float = 1.0) -> float:
        """Minutes after the `in_a_row`-th failure; never less than the first wait, however long an interval that is."""
        first = interval if self.first is None else self.first
        doublings = min(max(in_a_row, 1) - 1, 20)  # past every limit already; a count in the thousands would overflow
        return min(first * 2.0**doublings, max(first, self.most))


@dataclass(frozen=True, slots=True)
class Fate:
    """Where a kind of failure leaves an account: which counter it adds to, whether it suspends, how long it waits."""

    counts: Counter | None
    suspends: bool
    waits: Steps | Doubling


@dataclass(frozen=True, slots=True)
class Limits:
    """How many failures in a row disable what fails."""

    authentication: int
    connection: int


LIMITS = Limits(authentication=10, connection=50)  # of an account: R82, R86

_DAILY = Fate(counts=None, suspends=True, waits=Steps((A_DAY,)))
_AFTER_THE_OWNER = Fate(counts=None, suspends=True, waits=Steps((SIX_HOURS,)))
_SOON = Fate(counts=None, suspends=False, waits=Doubling(first=1.0, most=HALF_AN_HOUR))

FATES: dict[Kind, Fate] = {
    Kind.AUTHENTICATION: Fate(counts="authentication", suspends=False, waits=Steps((1.0, 5.0, 15.0, 60.0))),
    Kind.CONNECTION: Fate(counts="connection", suspends=False, waits=Doubling(first=None, most=HALF_AN_HOUR)),
    Kind.CERTIFICATE: _DAILY,
    Kind.CONFIGURATION: _DAILY,
    Kind.POP_UNAVAILABLE: _DAILY,
    Kind.PROVIDER_LOCKED: _AFTER_THE_OWNER,
    Kind.WEB_LOGIN_REQUIRED: _AFTER_THE_OWNER,
    Kind.THROTTLED: Fate(counts=None, suspends=False, waits=Doubling(first=15.0, most=A_DAY)),
    Kind.MAILBOX_BUSY: _SOON,
    Kind.SERVER_ERROR: _SOON,
    Kind.PROTOCOL_ERROR: _SOON,
}


def minutes_until_retry(kind: Kind, in_a_row: int, *, interval: float, login_delay: float = 0) -> float:
    """Minutes from the failure to the next attempt, before jitter.

    `in_a_row` is how many failures of this kind came one after the other, this one included (1 = the first). `interval`
    is the account's effective interval and `login_delay` the server's LOGIN-DELAY (RFC 2449 section 6.5), both in
    minutes. Raises KeyError for a kind that retrieval never ends in.
    """
    wait = FATES[kind].waits.after(in_a_row, interval=interval)
    return max(wait, login_delay) if kind is Kind.THROTTLED else wait


REFUSED_SESSIONS, FAILED_SESSIONS = 3, 8


def gets_stuck(kind: Kind, in_a_row: int, *, failed_sessions: int, let_in: bool) -> bool:
    """Whether a person must hear that sessions keep failing, because no counter and no suspension will tell them.

    What counts nowhere passes by itself or never. Where the server does not keep to POP3, or lets us in (`let_in`) and refuses
    the mailbox, it is seldom the former: three of a kind in a row are enough. Of other trouble, `failed_sessions` of any
    kinds in a row must be eight, about an hour and a half. A mailbox that is in use is no trouble: another program of its owner
    has it, and lets go of it.
    """
    if FATES[kind].counts or FATES[kind].suspends or kind is Kind.MAILBOX_BUSY:
        return False
    refuses = kind is Kind.PROTOCOL_ERROR or (kind is Kind.SERVER_ERROR and let_in)
    return (refuses and in_a_row >= REFUSED_SESSIONS) or failed_sessions >= FAILED_SESSIONS

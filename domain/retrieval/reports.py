"""What sessions report of a mailbox: progress, quarantine, outages and failures."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from domain.core.commands import Report
from domain.failures.failure import Failure
from domain.retrieval.observations import Observation


class Progress(Report):
    """How far a mailbox is retrieved; `bytes` are those stored, `eta` when the rest should be there."""

    on_server: int = 0
    stored: int = 0
    remaining: int = 0
    bytes: int = 0
    eta: datetime | None = None


class InQuarantine(Report):
    """How many messages of an account could not be taken so far; each is in one of the counts.

    `waiting` are asked for again, and so are the `undownloadable`, which three sessions or more were refused. `too_large`
    wait for a higher MAILROOM_MAX_MESSAGE_BYTES, and `gone` are on the server no more.
    """

    waiting: int = 0
    undownloadable: int = 0
    too_large: int = 0
    gone: int = 0

    @property
    def total(self) -> int:
        return self.waiting + self.undownloadable + self.too_large + self.gone


class LoginReport(Report):
    """What a live login found out. `minute_seconds` is the length of a minute in waits, set for tests only. `deletable`: so many
    messages that were stored before, and are on the server still, the policy has deleted there."""

    at: datetime
    minute_seconds: float = 60.0
    login_delay_seconds: float = 0.0
    expire_days: int | None = None
    deletable: int = 0


class SessionReport(Report):
    """A session that brought news: what it stored and what remains.

    `progress` is None where the server was not asked; `more` asks for the next session at once; `needed_bytes` is the size
    of the message that the quota has no room for; `observed` is what holds of the mailbox and `in_quarantine` what could not
    be taken of it, None where nobody looked.
    """

    outcome: Literal["mail", "nothing_new", "over_quota"]
    at: datetime
    settings_version: int
    credential_version: int
    stored: int = 0
    skipped: int = 0
    quarantined: int = 0
    deleted: int = 0
    progress: Progress | None = None
    total_stored: int = 0
    more: bool = False
    next_attempt_at: datetime | None = None
    needed_bytes: int = 0
    minute_seconds: float = 60.0
    observed: tuple[Observation, ...] | None = None
    in_quarantine: InQuarantine | None = None


class HostOutage(Report):
    """An outage of a whole host as one of its accounts met it: `accounts` of the host's `of` do not reach it."""

    host: str
    since: datetime
    accounts: int
    of: int


class FailureReport(Report):
    """A session that failed. `password_accepted`: the server took the password before it went wrong ([IN-USE])."""

    failure: Failure
    password_accepted: bool
    settings_version: int
    credential_version: int
    minute_seconds: float = 60.0
    login_delay_seconds: float = 0.0
    progress: Progress | None = None
    total_stored: int = 0
    host_outage: HostOutage | None = None

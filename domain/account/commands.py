"""What may be asked of an account: the operators' commands as they are typed, and what sessions report."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.failures import Failure
from domain.foreign_text import By, Reason
from domain.observations import Observation
from domain.privacy import Rule
from domain.settings import AccountSettings, Line, SecretReference, Strict

Uidl = Annotated[str, Field(max_length=255)]  # as the views show it; some servers have blank ones


class Command(Strict):
    """An operator's command; `by` says who gives it and is kept in the log."""

    by: By = "operator"


class Disable(Command):
    """Stop retrieval until the account is enabled again."""

    reason: Reason | None = None


class Enable(Command):
    """Take a disabled or suspended account back into service, after a live login (R83, R87)."""


class PollNow(Command):
    """Look for mail now, without waiting for the interval."""


class ChangeSettings(Command):
    """Lay the given fields over the settings, after a live login where it matters (R21, R64, R68, R87)."""

    settings: dict[str, Any]


class ChangeCredential(Command):
    """Use another secret, and another user name if given, after a live login (R83)."""

    secret: SecretReference
    username: Line | None = None


class SetQuota(Command):
    """Set how many bytes of mail the account's user may keep, over all of the user's accounts (R20)."""

    bytes: Annotated[int, Field(ge=0, le=10**18)]


class RetryQuarantined(Command):
    """Ask at once for what could not be taken: for all of it, or for one UIDL."""

    uidl: Uidl | None = None


class SkipMessage(Command):
    """Give up one message that could not be taken. `occurrence` tells messages of the same UIDL apart."""

    uidl: Uidl
    occurrence: Annotated[int, Field(ge=0, le=32767)] | None = None
    reason: Reason | None = None


class SetPrivacy(Command):
    """Set whose mail is not stored, whose is stored and linked to nothing, and what becomes of internal mail; what is left out
    stays as it is."""

    never_log: Annotated[tuple[Rule, ...], Field(max_length=1000)] | None = None
    private: Annotated[tuple[Rule, ...], Field(max_length=1000)] | None = None
    internal: Literal["private", "never_log", "link"] | None = None
    reason: Reason | None = None


class Close(Command):
    """End the account's workflow; its log and its mail stay."""


class Report(BaseModel):
    model_config = ConfigDict(frozen=True)


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
    """What a live login found out. `minute_seconds` is the length of a minute in waits, set for tests only."""

    at: datetime
    minute_seconds: float = 60.0
    login_delay_seconds: float = 0.0
    expire_days: int | None = None


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


class SessionFailed(Report):
    """A failed session as a command; `jitter` in [0, 1) spreads the next attempts of many accounts."""

    report: FailureReport
    jitter: float = 0.0


class SessionSucceeded(Report):
    report: SessionReport


class Connected(Report):
    """The login of the set-up worked."""

    login: LoginReport


class SetUpFailed(Report):
    """The server refused the login of the set-up."""

    failure: Failure


class LoginWorked(Report):
    """An operator's command whose live login worked, with the settings that were tried."""

    command: Enable | ChangeSettings | ChangeCredential
    settings: AccountSettings
    login: LoginReport


class QuarantineChanged(Report):
    """An operator's command has changed the quarantine and the log; `released`: something is to be asked for at once."""

    in_quarantine: InQuarantine
    released: bool
    by: str


class WasRefused(Report):
    """A command that came as a signal, or got as far as a login, and was refused; `times`: as often, of the same kind."""

    command: str
    code: str
    message: str
    field: str | None = None
    by: str
    times: int = 1


def name_of(command: BaseModel | type[BaseModel]) -> str:
    """The name that people type: `ChangeSettings` is `change_settings`."""
    kind = command if isinstance(command, type) else type(command)
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()

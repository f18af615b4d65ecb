"""What may be asked of an account: the operators' commands as they are typed, and what sessions report."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from domain.core.commands import Command, Report
from domain.core.foreign_text import Reason
from domain.core.validation import Line, SecretReference
from domain.failures.failure import Failure
from domain.mailbox.settings import AccountSettings
from domain.retrieval.reports import FailureReport, InQuarantine, LoginReport, SessionReport

Uidl = Annotated[str, Field(max_length=255)]  # as the views show it; some servers have blank ones


class Disable(Command):
    """Stop retrieval until the account is enabled again."""

    reason: Reason | None = None


class Enable(Command):
    """Take a disabled or suspended account back into service, after a live login (R83, R87)."""


class PollNow(Command):
    """Look for mail now, without waiting for the interval."""


class ChangeSettings(Command):
    """Lay the given fields over the settings, after a live login where it matters (R21, R64, R68, R87).

    `confirm_deletes`: how many stored messages may be deleted from the server by it. `dry_run`: only say what would change.
    """

    settings: dict[str, Any]
    confirm_deletes: Annotated[int, Field(ge=0)] | None = None
    dry_run: bool = False


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


class Close(Command):
    """End the account's workflow; its log and its mail stay."""


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

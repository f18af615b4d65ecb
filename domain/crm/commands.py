"""What may be asked of a CRM connection: the operators' commands as they are typed, and what sessions report."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.core.commands import Command, WasRefused
from domain.core.foreign_text import Reason
from domain.core.validation import Strict
from domain.crm.settings import CrmSettings
from domain.failures.failure import Failure


class Disable(Command):
    """Tell the CRM nothing and ask it nothing until the connection is enabled again; what it must be told waits."""

    reason: Reason | None = None


class Enable(Command):
    """Take a disabled or suspended connection back into service, after a look whether the CRM lets us in."""


class SyncNow(Command):
    """Pull the directory and push what waits, now."""


class ChangeSettings(Command):
    """Lay the given fields over the settings, after a look at the CRM where its address or secret changes. `dry_run`: only say
    what would change."""

    settings: dict[str, Any]
    dry_run: bool = False


class RetryFailed(Command):
    """Queue again what the CRM has rejected."""


class ForgetPerson(Command):
    """Take a person who is erased off the never-log list, which goes on without their address; given by the erasure itself."""

    erasure: UUID
    person: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Their address, as `domain.privacy.erasure.pseudonym` names it: no history is to hold it."""


class Close(Command):
    """End the connection's workflow; what was pulled and pushed stays."""


# What sessions report -----------------------------------------------------------------------------------------------------


class Counts(Strict):
    """How many entries the CRM has, must still be told (of those, how many are uncertain), and has rejected."""

    delivered: int = 0
    backlog: int = 0
    uncertain: int = 0
    failed: int = 0


class Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class CrmChecked(Report):
    """The CRM was reached and let us in."""

    minute_seconds: float = 60.0


class SyncReport(Report):
    """A session that brought news. `pulled` records, `pushed` entries, `linked` messages that were stored before."""

    settings_version: int
    counts: Counts
    pulled: int = 0
    pushed: int = 0
    linked: int = 0
    pulled_at: datetime | None = None
    minute_seconds: float = 60.0


class SyncFailure(Report):
    """A session that failed. `retry_after`: seconds that the CRM asked for. `authenticated`: it had let us in before."""

    failure: Failure
    settings_version: int
    counts: Counts
    authenticated: bool = False
    retry_after: float | None = None
    pulled_at: datetime | None = None
    minute_seconds: float = 60.0


class Verified(Report):
    """The look at the CRM at set-up worked."""

    checked: CrmChecked


class SetUpFailed(Report):
    failure: Failure


class CheckWorked(Report):
    """An operator's command whose look at the CRM worked, with the settings that were tried."""

    command: Enable | ChangeSettings
    settings: CrmSettings


class Synced(Report):
    report: SyncReport


class SyncFailed(Report):
    """`jitter` in [0, 1) spreads the next attempts of many connections."""

    report: SyncFailure
    jitter: float = 0.0


class Counted(Report):
    counts: Counts


OperatorCommand = Disable | Enable | SyncNow | ChangeSettings | RetryFailed | Close
AnyCommand = OperatorCommand | Verified | SetUpFailed | CheckWorked | Synced | SyncFailed | Counted | WasRefused

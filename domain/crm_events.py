"""What happened to a CRM connection, as the log keeps it under `crm/<name>`."""

from __future__ import annotations

from datetime import datetime

from domain.crm import CrmSettings
from domain.crm_commands import Counts
from domain.events import DisabledReason, Event, Failures
from domain.failures import Failure


class CrmConnected(Event):
    settings: CrmSettings


class CrmSetUpRefused(Event):
    failure: Failure


class CrmSynced(Event):
    """A session's result; what it did is in the view outbox and the directory, so it is not logged."""

    in_log = False

    counts: Counts
    pulled_at: datetime | None
    minute_seconds: float


class CrmFailed(Event):
    failure: Failure
    failures: Failures
    in_a_row: int
    next_attempt_at: datetime | None


class CrmRecovered(Event):
    """The first session that worked after failures."""


class CrmDisabled(Event):
    reason: DisabledReason
    because: str | None = None


class CrmEnabled(Event):
    pass


class CrmSuspended(Event):
    reason: str


class CrmResumed(Event):
    pass


class CrmSettingsChanged(Event):
    settings: CrmSettings
    fields: list[str]
    version: int


class SyncRequested(Event):
    pass


class FailedEntriesQueued(Event):
    """What the CRM had rejected is pushed again. Appended in the transaction that does it."""

    entries: int


class CrmClosed(Event):
    pass

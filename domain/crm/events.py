"""What happened to a CRM connection, as the log keeps it under `crm/<name>`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import field_serializer

from domain.core.events import DisabledReason, Happened
from domain.crm.commands import Counts
from domain.crm.settings import CrmSettings
from domain.failures.failure import Failure, Failures


class _OfSettings(Happened):
    """Of the people on the list that is never logged, the log keeps only how many they are: they are rows that can be erased."""

    settings: CrmSettings

    @field_serializer("settings")
    def _without_people(self, settings: CrmSettings) -> dict[str, Any]:
        kept = settings.model_dump(mode="json")
        kept["linking"]["never_log"] = len(settings.linking.never_log)
        return kept


class CrmConnected(_OfSettings):
    """The CRM let us in, and the connection is one that accounts may name."""


class CrmSetUpRefused(Happened):
    failure: Failure


class CrmSynced(Happened):
    """A session's result; what it did is in the view outbox and the directory, so it is not logged."""

    in_log: ClassVar[bool] = False

    counts: Counts
    pulled_at: datetime | None
    minute_seconds: float


class CrmFailed(Happened):
    """`stuck` as in `domain.account.events.RetrievalFailed`."""

    failure: Failure
    failures: Failures
    in_a_row: int
    next_attempt_at: datetime | None
    stuck: bool = False


class CrmRecovered(Happened):
    """The first session that worked after failures."""


class CrmDisabled(Happened):
    reason: DisabledReason
    because: str | None = None


class CrmEnabled(Happened):
    pass


class CrmSuspended(Happened):
    reason: str


class CrmResumed(Happened):
    pass


class CrmSettingsChanged(_OfSettings):
    fields: list[str]
    version: int


class SyncRequested(Happened):
    pass


class FailedEntriesQueued(Happened):
    """What the CRM had rejected is pushed again. Appended in the transaction that does it."""

    entries: int


class CrmClosed(Happened):
    pass

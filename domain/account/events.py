"""What happened to an account: one small frozen fact per event, named in the past tense, as the log keeps it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

from domain.core.events import DisabledReason, Event
from domain.failures.failure import Failure, Failures
from domain.mailbox.settings import AccountSettings
from domain.retrieval.observations import Observation
from domain.retrieval.reports import HostOutage, InQuarantine, Progress


class AccountConnected(Event):
    """`deletes_from`: of an account that was there before, and has mail of then deleted from the server from that time on."""

    settings: AccountSettings
    minute_seconds: float
    deletes_from: datetime | None = None


class SetUpRefused(Event):
    failure: Failure


class MailRetrieved(Event):
    """A session's result; `progress` is None where the server was not asked. The session itself logged `MessagesStored` in
    the transaction of each batch, so this is not logged a second time."""

    in_log: ClassVar[bool] = False

    progress: Progress | None
    total_stored: int
    more: bool
    next_attempt_at: datetime | None
    minute_seconds: float
    in_quarantine: InQuarantine | None = None


class ProgressMade(Event):
    """What a session that failed had come to; not logged, for the same reason."""

    in_log: ClassVar[bool] = False

    progress: Progress
    total_stored: int


class RetrievalFailed(Event):
    """`stuck`: with this one people are told that such failures follow each other and that no counter ends them."""

    failure: Failure
    failures: Failures
    in_a_row: int
    next_attempt_at: datetime | None
    minute_seconds: float
    host_outage: HostOutage | None = None
    stuck: bool = False


class RetrievalRecovered(Event):
    """The first session or live login that worked after failures; both counters are zero again."""


class AccountDisabled(Event):
    reason: DisabledReason
    because: str | None = None


class AccountSuspended(Event):
    reason: str


class AccountResumed(Event):
    """A suspended account, or one that was over its quota, retrieves again."""


class AccountEnabled(Event):
    """A live login took a disabled or suspended account back into service; both counters are zero."""


class QuotaReached(Event):
    needed_bytes: int


class WarningRaised(Event):
    """A session observed something that the account's owner should know; it replaces what held under the same code."""

    observation: Observation


class WarningCleared(Event):
    """What was observed under this code holds no longer."""

    code: str


class SettingsChanged(Event):
    settings: AccountSettings
    fields: list[str]
    version: int


class CredentialChanged(Event):
    settings: AccountSettings
    version: int


class QuotaSet(Event):
    user: str
    bytes: int


class PollRequested(Event):
    pass


class QuarantineReleased(Event):
    """What could not be taken is asked for again at once: all of it, or one UIDL. Appended in the transaction that does it,
    like `MessageSkipped`."""

    uidl: str | None
    messages: int


class MessageSkipped(Event):
    """A message that could not be taken, for the reason `quarantined`, is given up."""

    uidl: str
    occurrence: int
    epoch: int
    size: int
    quarantined: str | None
    because: str | None = None


class QuarantineCounted(Event):
    """What is in quarantine after a command; not logged, because the command's transaction logged what it did."""

    in_log: ClassVar[bool] = False

    in_quarantine: InQuarantine
    released: bool


class AccountClosed(Event):
    pass


TYPES: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


def from_log(type_name: str, at: datetime, actor: str, data: dict[str, Any]) -> Event | None:
    """The event of one row of the log; None for what sessions wrote, which changes no lifecycle."""
    kind = TYPES.get(type_name)
    if kind is None:
        return None
    # Through JSON, because settings are strict about types and the log holds plain JSON.
    return kind.model_validate_json(json.dumps({**data, "at": at.isoformat(), "actor": actor}))

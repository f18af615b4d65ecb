"""What a CRM connection's workflow and its activities say to each other."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from domain.core.foreign_text import By
from domain.core.validation import Strict
from domain.crm.commands import Counts
from domain.crm.settings import CrmSettings
from domain.directory.records import RecordKind
from domain.linking.rules import Rules
from workflows.contract.request import Request


class RecordedCrm(Request):
    """What the view `crms` shows of a connection's life, and its settings."""

    settings: CrmSettings
    state: str
    reason: str | None
    last_failure: str | None
    authentication_failures: int
    connection_failures: int
    next_attempt_at: datetime | None


class SaveRecord(Strict):
    """Save a record of the built-in CRM: a new one where `record_id` is null, otherwise that one as it is to be. What is left out
    stays as it is. `dry_run`: only say what would change."""

    record_kind: RecordKind
    record_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=500)]
    addresses: Annotated[list[Annotated[str, Field(max_length=320)]], Field(max_length=500)] | None = None
    contacts: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    open: bool = True
    converted_to: str | None = None
    merged_into: str | None = None
    dry_run: bool = False
    by: By = "operator"

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is not to change. Null addresses are no addresses that anybody meant."""
        given = self.model_fields_set - ({"addresses"} if self.addresses is None else set())
        return tuple(
            one for one in ("addresses", "contacts", "open", "converted_to", "merged_into") if one not in given
        )


class SaveRecordRequest(Request):
    """`record_id` is that of the record, or a new one that the workflow made, so that a retry makes no second record. `left_out`
    are the fields of `record` that stay what they are."""

    crm: CrmSettings
    record: SaveRecord
    record_id: str
    left_out: tuple[str, ...] = ()


class DeleteRecord(Strict):
    """Delete a record of the built-in CRM: mail is linked with it no more, and its name and addresses are gone."""

    record_kind: RecordKind
    record_id: Annotated[str, Field(min_length=1, max_length=200)]
    by: By = "operator"


class DeleteRecordRequest(Request):
    crm: CrmSettings
    record_kind: RecordKind
    record_id: str


class DirectoryRecord(BaseModel):
    """A record of a CRM's directory, as the view `directory` shows it. `changes`: each field that was another before, as it was
    and as it is."""

    crm: str
    record_kind: RecordKind
    record_id: str
    name: str
    addresses: list[str]
    changes: dict[str, tuple[Any, Any]] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)


class RecordDeleted(BaseModel):
    """A record that the directory has no more."""

    crm: str
    record_kind: RecordKind
    record_id: str


class UnlinkedByRequest(Request):
    """Which links of the CRM would end if its rules were `after` instead of `before`."""

    crm: str
    before: Rules
    after: Rules


class UnlinkedBy(BaseModel):
    """How many messages would be linked with this CRM no more, and the ids of the latest."""

    messages: int
    examples: tuple[int, ...] = ()


class CrmSettingsPreview(BaseModel):
    """What change_settings with `dry_run` answers: each field that would change, as it is and as it would be; whether the CRM is
    looked at first; and what the rules would unlink (None: they stay as they are)."""

    changes: dict[str, tuple[Any, Any]]
    checks: bool
    unlinks: UnlinkedBy | None


class CheckCrmRequest(Request):
    """A look whether the CRM lets us in. It stores nothing and counts nothing."""

    settings: CrmSettings
    command: str


class ServeRequest(Request):
    """A session with a CRM. `recovering`: one that works is news; `report`: any is, as soon as nothing more is due (sync_now);
    `pull`: the directory is pulled though its interval is not over. `counts` and `pulled_at` are
    what the workflow knows of."""

    settings: CrmSettings
    settings_version: int
    recovering: bool
    report: bool
    pull: bool
    counts: Counts
    pulled_at: datetime | None = None


class RetryFailedRequest(Request):
    """`event_id` as for `RetryQuarantinedRequest`."""

    crm: str
    by: str
    event_id: UUID
    at: datetime


class FailedQueued(BaseModel):
    """How many entries that the CRM had rejected are pushed again, and how the outbox stands now."""

    entries: int
    counts: Counts


class SyncAnswer(BaseModel):
    """What sync_now answers: records of the directory that changed, entries pushed, links of older mail that changed.

    `waiting`: the CRM was not asked, because it takes no requests before `waits_until`; then it goes on by itself.
    """

    outcome: Literal["synced", "nothing_new", "failed", "waiting"]
    pulled: int
    pushed: int
    linked: int
    failure: dict[str, Any] | None
    status: dict[str, Any]
    waits_until: datetime | None = None


class RetryFailedAnswer(BaseModel):
    """What retry_failed answers."""

    entries: int
    status: dict[str, Any]

"""Every name that people, workers and tests share: workflow types and ids, task queues, activities, search attributes.

Importing this module starts nothing and needs no worker.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from temporalio.common import SearchAttributeKey

from domain.account import State
from domain.audit import LoggedEvent, Notice
from domain.commands import InQuarantine
from domain.crm import RECORD_KINDS as RECORD_KINDS
from domain.crm import CrmSettings as CrmSettings
from domain.crm import RecordKind as RecordKind
from domain.crm_commands import Counts
from domain.foreign_text import By
from domain.observations import Observation
from domain.reconciliation import Mended, Report
from domain.settings import AccountSettings, Address, Name, Strict

MAIL_ACCOUNT = "MailAccount"
CRM_CONNECTION = "CrmConnection"
RECONCILE = "Reconcile"
ERASE_PERSON = "ErasePerson"

WORKFLOW_QUEUE = "mailroom"
RETRIEVAL_QUEUE = "mailroom-retrieval"
CRM_QUEUE = "mailroom-crm"

REFUSED = "Refused"  # the type of every ApplicationError that refuses a request
NOTHING_NEW = "NothingNew"  # BENIGN: nothing to say, look again after next_retry_delay
WAITING = "Waiting"  # BENIGN: not started yet, because a lease, a host's slot or LOGIN-DELAY is waited for


def account_workflow_id(address: str) -> str:
    return f"mail-account/{address}"


def crm_workflow_id(name: str) -> str:
    return f"crm/{name}"


BUILTIN_CRM = "builtin"

STATE = SearchAttributeKey.for_keyword("MailroomState")
REASON = SearchAttributeKey.for_keyword("MailroomReason")
FAILURE = SearchAttributeKey.for_keyword("MailroomFailure")
HOST = SearchAttributeKey.for_keyword("MailroomHost")
ORGANISATION = SearchAttributeKey.for_keyword("MailroomOrganisation")
PROVIDER = SearchAttributeKey.for_keyword("MailroomProvider")
AUTHENTICATION_FAILURES = SearchAttributeKey.for_int("MailroomAuthenticationFailures")
CONNECTION_FAILURES = SearchAttributeKey.for_int("MailroomConnectionFailures")
BACKLOG = SearchAttributeKey.for_int("MailroomBacklog")
SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (
    STATE,
    REASON,
    FAILURE,
    HOST,
    ORGANISATION,
    PROVIDER,
    AUTHENTICATION_FAILURES,
    CONNECTION_FAILURES,
    BACKLOG,
)


class Request(BaseModel):
    model_config = ConfigDict(frozen=True)


class LoginRequest(Request):
    """A live login: at set-up, and before a command that needs one. It stores nothing and counts nothing."""

    settings: AccountSettings
    command: str


class WatchRequest(Request):
    """One watch: sessions until one brings news.

    `recovering`: a session that works is news. `report`: any session is (poll_now), and it ends after one phase.
    `total_stored` is what the workflow knows of; more in the database is news too, so nothing a lost worker stored goes
    unreported. `needed_bytes` > 0: look at the quota first. `observed` and `in_quarantine` are what the workflow knows of the
    mailbox; anything else is news, except to a workflow of a version that knows of no such thing (None).
    """

    settings: AccountSettings
    settings_version: int
    credential_version: int
    total_stored: int
    recovering: bool
    report: bool
    not_before: datetime | None
    needed_bytes: int
    observed: tuple[Observation, ...] | None = None
    remaining: int | None = None
    in_quarantine: InQuarantine | None = None


class RetryQuarantinedRequest(Request):
    """`uidl` None: all. `event_id` is the command's, so that an activity that is tried again does not do it twice."""

    address: str
    uidl: str | None
    by: str
    event_id: UUID
    at: datetime


class SkipMessageRequest(Request):
    """`occurrence` None: the one of this UIDL that is in quarantine. `event_id` as for `RetryQuarantinedRequest`."""

    address: str
    uidl: str
    occurrence: int | None
    reason: str | None
    by: str
    event_id: UUID
    at: datetime


class DeskRequest(Request):
    """A command about stored mail: `given` is the command as it was typed. `event_id` as for `RetryQuarantinedRequest`."""

    address: str
    given: dict[str, Any]
    event_id: UUID
    at: datetime


class QuarantineChange(BaseModel):
    """How many messages a command has released or given up, and what is in quarantine now."""

    messages: int
    in_quarantine: InQuarantine


class RecordedAccount(Request):
    """What the view `accounts` shows of the lifecycle."""

    organisation: str
    owner: str
    host: str
    crm: list[str]
    aliases: list[str] = []
    state: State
    reason: str | None
    authentication_failures: int
    connection_failures: int
    next_attempt_at: datetime | None


class RecordedCrm(Request):
    """What the view `crms` shows of a connection's life, and its settings."""

    settings: CrmSettings
    state: str
    reason: str | None
    last_failure: str | None
    authentication_failures: int
    connection_failures: int
    next_attempt_at: datetime | None


class RecordRequest(Request):
    """Events to append, in order, with the account they lead to (None: it never was one, the set-up failed).

    `notices` go with the event of the same position.
    """

    address: str
    events: list[LoggedEvent]
    notices: list[Notice | None]
    account: RecordedAccount | None
    quota: tuple[str, int] | None = None
    crm: RecordedCrm | None = None


class PollAnswer(BaseModel):
    """What poll_now answers."""

    outcome: Literal["mail", "nothing_new", "failed"]
    stored: int
    failure: dict[str, Any] | None
    status: dict[str, Any]


class QuarantineAnswer(BaseModel):
    """What retry_quarantined and skip_message answer. `waits_for` is the command that has to come first before anything is
    asked for: `enable` in a disabled account, `set_quota` in one over its quota."""

    messages: int
    waits_for: Literal["enable", "set_quota"] | None
    status: dict[str, Any]


class Reconciled(Strict):
    """Input of `Reconcile`: which account, whether to mend what is found, and whether to ask the server of an account that
    somebody disabled."""

    address: Address
    repair: bool = False
    ask_server: bool = False


class ReconcileRequest(Request):
    """One pass over an account. `mended` is what a pass before it did, where it follows one."""

    address: str
    repair: bool
    mended: Mended | None = None
    ask_server: bool = False


class Erasure(Strict):
    """Input of `ErasePerson`: whom, in which organisation's mailboxes, and whether to count only."""

    address: Address
    organisation: Name = "default"
    by: By = "operator"
    dry_run: bool = False


class ErasureRequest(Request):
    """`erasure` names this run in its events, in all attempts."""

    given: Erasure
    erasure: UUID
    at: datetime


class Hashed(BaseModel):
    """How far the hashes are recomputed, as heartbeats keep it: up to and with the message `through` of `stored_at`."""

    checked: int = 0
    bytes: int = 0
    stored_at: datetime | None = None
    through: int = 0


class Pass(BaseModel):
    """What one pass came to. `to_fetch`: the account's next session has mail to bring, and is asked for by poll_now once
    `login_delay_seconds` have passed. `last_checked_at` is when a session last looked."""

    report: Report
    to_fetch: bool = False
    login_delay_seconds: float = 0.0
    last_checked_at: datetime | None = None


class AwaitedRetrieval(Request):
    """A look at the mailbox that is later than `last_checked_at`, and leaves nothing behind."""

    address: str
    last_checked_at: datetime | None


class SaveRecord(Strict):
    """Save a record of the built-in CRM: a new one where `record_id` is null, otherwise that one as it is to be."""

    record_kind: RecordKind
    record_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=500)]
    addresses: Annotated[list[Annotated[str, Field(max_length=320)]], Field(default_factory=list, max_length=500)]
    contacts: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    open: bool = True
    converted_to: str | None = None
    merged_into: str | None = None
    by: By = "operator"


class SaveRecordRequest(Request):
    """`record_id` is that of the record, or a new one that the workflow made, so that a retry makes no second record."""

    crm: CrmSettings
    record: SaveRecord
    record_id: str


class DirectoryRecord(BaseModel):
    """A record of a CRM's directory, as the view `directory` shows it."""

    crm: str
    record_kind: RecordKind
    record_id: str
    name: str
    addresses: list[str]


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

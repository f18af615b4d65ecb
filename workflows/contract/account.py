"""What an account's workflow and its activities say to each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from domain.account.lifecycle import State
from domain.account.status import Warned
from domain.mailbox.settings import AccountSettings, Retrieval
from domain.retrieval.deletion import Deletable
from domain.retrieval.observations import Observation
from domain.retrieval.reports import InQuarantine
from workflows.contract.request import Request


class LoginRequest(Request):
    """A live login: at set-up, and before a command that needs one. It stores nothing and counts nothing.

    `before`: the policy that holds; one of `settings` that deletes sooner has to be confirmed.
    """

    settings: AccountSettings
    command: str
    before: Retrieval | None = None
    confirm_deletes: int | None = None


class WatchRequest(Request):
    """One watch: sessions until one brings news.

    `recovering`: a session that works is news. `report`: any session is (poll_now), and it ends after one phase.
    `total_stored` is what the workflow knows of; more in the database is news too, so nothing a lost worker stored goes
    unreported. `needed_bytes` > 0: look at the quota first. `observed` and `in_quarantine` are what the workflow knows of the
    mailbox; anything else is news, except to a workflow of a version that knows of no such thing (None). Before `deletes_from`
    nothing is deleted from the server.
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
    deletes_from: datetime | None = None


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
    aliases: list[str] = Field(default_factory=list)
    state: State
    reason: str | None
    authentication_failures: int
    connection_failures: int
    next_attempt_at: datetime | None


class DeletionsRequest(Request):
    """What `policy` would have deleted from the server."""

    address: str
    policy: Retrieval


class SettingsPreview(BaseModel):
    """What change_settings with `dry_run` answers: each field that would change, as it is and as it would be; whether a live
    login comes first; what would be deleted from the server (None: nothing sooner than now); and what it would warn of."""

    changes: dict[str, tuple[Any, Any]]
    logs_in: bool
    deletes_on_server: Deletable | None
    warnings: list[Warned]


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

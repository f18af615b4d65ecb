"""What Mailroom asks of a CRM: one small protocol, and one adapter for each kind of CRM behind it.

An adapter speaks with one CRM and keeps nothing: what was pulled, pushed and created is known to the database, and adapters are
made anew whenever. All their errors are `CrmFailure`. Of what changes something in the CRM, an adapter raises CRM_UNCERTAIN
wherever it may have been carried out all the same; whoever asked finds out with `find` or `find_activity` before asking again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from domain.directory.records import Cursor, Page, Record, RecordKind
from domain.failures.failure import Kind
from domain.linking.model import Direction

ActivityKind = Literal["task", "event", "note"]


class CrmFailure(Exception):
    """A CRM did not do what it was asked. `said` are its words, redacted and bounded; `retry_after` seconds that it asked for."""

    def __init__(self, kind: Kind, cause: str, said: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {cause}")
        self.kind = kind
        self.cause = cause
        self.said = said
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Entry:
    """One message on one record, as the CRM is to show it. `key` (64 hex digits) is what the CRM knows it by. `collides`: another
    message on that record, which came to it first, has the same Message-ID. `probe`: it was told to the CRM before, and whether
    the CRM shows it is to find out by this, whatever has become of the message since. `retried`: it had failed, and somebody who
    saw why has it tried again."""

    key: str
    record_kind: RecordKind
    record_id: str
    direction: Direction
    message_id: str | None
    sent_at: datetime
    subject: str
    text: str
    sender: tuple[str, str]  # name and address
    to: Sequence[tuple[str, str]] = ()
    cc: Sequence[tuple[str, str]] = ()
    account: str = ""  # the mailbox that it lies in
    collides: bool = False
    probe: Mapping[str, Any] | None = None
    retried: bool = False

    @property
    def bare(self) -> bool:
        """Whether its message is no more: nothing but key, record, direction and probe is known of it."""
        return not self.account


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that the CRM has."""

    remote_id: str
    direction: Direction | None  # None: the CRM does not say


@dataclass(frozen=True, slots=True)
class NewRecord:
    """`contacts` of a deal: whose it is."""

    kind: RecordKind
    name: str
    addresses: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    request_key: str = ""  # names the request, where the CRM can keep it


@dataclass(frozen=True, slots=True)
class NewActivity:
    """A task (due at `due`), an event (from `due` to `until`) or a note on a record."""

    kind: ActivityKind
    record_kind: RecordKind
    record_id: str
    subject: str
    text: str = ""
    due: datetime | None = None
    until: datetime | None = None
    request_key: str = ""


@dataclass(frozen=True, slots=True)
class Activity:
    """A task, event or note as the CRM has it."""

    kind: ActivityKind
    id: str
    subject: str
    text: str = ""
    due: datetime | None = None
    until: datetime | None = None
    open: bool = True
    request_key: str = field(default="")


class Crm(Protocol):
    """One CRM. The host that it speaks with is made and closed by who makes the adapter (activities/crm/adapters/registry.py).
    Refused, of a secret or of that host, passes through."""

    async def check(self) -> None:
        """Whether the CRM can be reached and lets us in, with all that is needed of it."""

    def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        """What has changed since `cursor`, oldest change first; everything without one (a sweep: what it lacks is gone)."""

    async def push(self, entry: Entry) -> str:
        """Shows the entry, and answers its id. Where it is shown already under its key, that is what it finds."""

    def probe(self, entry: Entry) -> Mapping[str, Any]:
        """What `find` needs of the entry besides its key and record, should its message be gone by then, as plain JSON. It is
        kept until it is known what the CRM shows, also of a person who is erased: no more of them than it takes."""

    async def find(self, entry: Entry, remote_id: str = "") -> Found | None:
        """The entry, if the CRM has it; what was pushed half a minute ago is found. `remote_id` where one is known."""

    async def turn(self, entry: Entry, remote_id: str) -> str:
        """Shows the entry in its other direction; answers its id, which may be another one."""

    async def remove(self, entry: Entry, remote_id: str) -> None:
        """Shows it no more; nothing to do where it is gone already. Of erased mail the entry has key and record alone, and
        its probe where there is one."""

    async def add_record(self, new: NewRecord) -> Record: ...

    async def find_record(self, new: NewRecord) -> Record | None:
        """The record that `add_record` made of this request; or, but of deals, one of its kind that has one of its addresses."""

    async def add_activity(self, new: NewActivity) -> str: ...

    async def find_activity(self, new: NewActivity) -> str | None:
        """The id of what `add_activity` made of this request."""

    async def activities(self, record_kind: RecordKind, record_id: str) -> Sequence[Activity]:
        """The tasks, events and notes of a record, the latest first, at most 200."""

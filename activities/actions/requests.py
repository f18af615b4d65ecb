"""Requests of people to a CRM: each is written down before the CRM is asked, and done once whatever dies or is lost.

The row comes first, then the call, then what came of it. Whoever takes a request up again finds how often the CRM was asked
to make something; then it is looked for before it is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from psycopg.rows import class_row

from activities.core.attempts import call_again
from activities.crm.adapters.faults import told_as
from activities.crm.adapters.protocol import Activity, CrmFailure, NewActivity, NewRecord
from domain.core.commands import name_of
from domain.core.refusal import Refused
from domain.core.text import storable
from domain.crm.actions import AddActivity, AddRecord, digest, request_key, said_of
from domain.directory.records import Record, RecordKind
from domain.failures.failure import Failure, Kind
from infra.database.locks import Guarded, Lock, try_to_hold
from infra.database.pool import Connection, Pool

CALL_SECONDS = 30.0  # that a CRM has for one answer
LOOK_AGAIN = timedelta(seconds=1)
# Of what a CRM says, in an answer: Temporal keeps no answer of more than 2 MB, and a `context` may have 200 activities.
LONGEST_SUBJECT = 200  # characters
LONGEST_TEXT = 500
# A request keeps a connection of the pool while its CRM is asked, and needs a second one to write down what came of it.
REQUESTS_AT_ONCE = 5  # a quarter of the pool; the sessions of the same process need the rest
REQUESTS_OF_A_CRM = 3  # of them, so that a CRM that hangs does not hold up the requests to all others

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

Answer = TypeVar("Answer")


class ActionsCrm(Protocol):
    """What actions ask of a CRM: part of `activities.crm.adapters.protocol.Crm`."""

    async def add_record(self, new: NewRecord) -> Record: ...
    async def find_record(self, new: NewRecord) -> Record | None: ...
    async def add_activity(self, new: NewActivity) -> str: ...
    async def find_activity(self, new: NewActivity) -> str | None: ...
    async def activities(self, record_kind: RecordKind, record_id: str) -> Collection[Activity]: ...


OpenCrm = Callable[[str], AbstractAsyncContextManager[ActionsCrm]]
"""Opens the CRM of that name; what goes wrong in between is a CrmFailure."""


@dataclass(slots=True)
class CrmRequest:
    """A request as it is written down. `record_kind` and `record_id`: what it is about (no id: a record to be made)."""

    address: str
    request_id: str
    command: str
    asked: bytes
    message: int
    crm: str
    record_kind: RecordKind
    record_id: str | None
    attempts: int
    remote_id: str | None
    created: bool | None
    done_at: datetime | None

    @property
    def key(self) -> str:
        return request_key(self.address, self.request_id)

    @property
    def reference(self) -> str:
        return f"request {self.request_id}"


class CrmRequests:
    def __init__(self, pool: Pool, support: str) -> None:
        self._pool = pool
        self._support = support
        self._asking = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._asking_of: dict[str, asyncio.Semaphore] = {}

    async def known(self, address: str, given: AddRecord | AddActivity) -> CrmRequest | None:
        """The request, where it came before; raises Refused where something else was asked under its id."""
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(CrmRequest)) as cursor,
        ):
            await cursor.execute(
                """
                select address, request_id, command, asked, message, crm, record_kind, record_id, attempts, remote_id,
                    created, done_at
                from crm_requests where address = %s and request_id = %s
                """,
                [address, given.request_id],
            )
            request = await cursor.fetchone()
        if request is not None and bytes(request.asked) != digest(given):
            raise Refused(
                "request_conflict",
                f"request_id {given.request_id} was used for another request ({request.command} of message "
                f"{request.message}): take a new one, or repeat that request as it was",
                field="request_id",
            )
        return request

    async def write_down(
        self,
        address: str,
        given: AddRecord | AddActivity,
        record_kind: RecordKind,
        record_id: str | None,
        at: datetime,
    ) -> CrmRequest:
        """Keeps the request and what it is about; whoever wrote it down first is right."""
        async with self._pool.connection() as connection:
            await connection.execute(
                """
                insert into crm_requests (
                    address, request_id, command, asked, message, crm, record_kind, record_id, asked_at
                ) values (%s, %s, %s, %b, %s, %s, %s, %s, %s) on conflict do nothing
                """,
                [
                    address,
                    given.request_id,
                    name_of(given),
                    digest(given),
                    given.message,
                    given.crm,
                    record_kind,
                    record_id,
                    at,
                ],
            )
        request = await self.known(address, given)
        assert request is not None
        return request

    async def begin_attempt(self, request: CrmRequest) -> None:
        """To be committed before the CRM is asked to make anything."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "update crm_requests set attempts = attempts + 1 where address = %s and request_id = %s",
                [request.address, request.request_id],
            )
        request.attempts += 1

    async def done(
        self, connection: Connection, request: CrmRequest, record: tuple[RecordKind, str], remote_id: str, created: bool
    ) -> None:
        """In the transaction of what follows from it."""
        await connection.execute(
            """
            update crm_requests set record_kind = %s, record_id = %s, remote_id = %s, created = %s, done_at = now()
            where address = %s and request_id = %s
            """,
            [*record, remote_id, created, request.address, request.request_id],
        )
        request.record_kind, request.record_id = record
        request.remote_id, request.created = remote_id, created

    @contextlib.asynccontextmanager
    async def alone(self, crm: str, *subjects: str) -> AsyncIterator[None]:
        """Nobody else, in any worker, is at one of these subjects; asks to be called again where somebody is. Waits its turn
        where many requests are at their CRMs.

        The locks are gone with the connection, so with a worker that dies.
        """
        of_the_crm = self._asking_of.setdefault(crm, asyncio.Semaphore(REQUESTS_OF_A_CRM))
        async with of_the_crm, self._asking, self._pool.connection() as connection, connection.transaction():
            await connection.execute("set local idle_in_transaction_session_timeout = '5min'")  # for several calls
            for subject in sorted(subjects):
                if not await try_to_hold(connection, Lock(Guarded.ACTION, subject)):
                    call_again("somebody else is at it", LOOK_AGAIN)
            yield

    def refused(self, crm: str, failure: CrmFailure, reference: str, at: datetime) -> Refused:
        """The failure as it is told to who asked; it counts nowhere."""
        words, remedy = said_of(crm, failure.kind, failure.cause, failure.said, failure.retry_after)
        classified = Failure(
            kind=failure.kind,
            cause=failure.cause,
            server_said=failure.said,
            remedy=remedy,
            reference=reference,
            support=self._support,
            at=at,
        )
        return Refused(failure.kind.value, f"{words}. {remedy}", failure=classified.model_dump(mode="json"))


async def asked(call: Awaitable[Answer], *, changes: bool = False, seconds: float = CALL_SECONDS) -> Answer:
    """What a CRM answers, within bounds; raises CrmFailure. Of a call that `changes` something, silence is uncertain."""
    kind = Kind.CRM_UNCERTAIN if changes else Kind.CRM_UNAVAILABLE
    with told_as(kind):
        try:
            async with asyncio.timeout(seconds):
                return await call
        except TimeoutError:
            raise CrmFailure(kind, f"no answer within {seconds:.0f} seconds") from None


def plain(activity: Activity) -> dict[str, Any]:
    """An activity as an answer shows it."""
    return {
        "kind": activity.kind,
        "id": shown(activity.id, LONGEST_SUBJECT),
        "subject": shown(activity.subject, LONGEST_SUBJECT),
        "text": shown(activity.text, LONGEST_TEXT),
        "due": activity.due and activity.due.isoformat(),
        "until": activity.until and activity.until.isoformat(),
        "open": activity.open,
    }


def shown(text: str, most: int) -> str:
    """The beginning of a CRM's text, of at most that many characters, without those that JSON spells with six."""
    return _CONTROLS.sub(" ", storable(text[:most]))

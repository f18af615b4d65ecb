"""The quarantine: what could not be taken, kept current by sessions, and released or given up by operators.

Sessions enter messages (`MailStore`) and settle what the server's list tells of them; `retry_quarantined` and `skip_message`
are the operators' commands as activities. A command and a session never undo each other: the workflow stops its watch first,
and should a worker that it lost still hold a session, the lease's row and the entry's state decide. A batch that would store
what was given up in the meantime is a `LedgerConflict`, and nothing of it is committed.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row
from pydantic import BaseModel
from temporalio import activity

from activities.core.locks import keep_sessions_out
from activities.core.log import append, logged
from activities.mailbox.leases import Lease
from activities.mailbox.ledger import AT_ONCE, NEVER_PREPARED, ONE, fenced, log, portions
from activities.mailbox.state import SessionRow
from domain.account.events import MessageSkipped, QuarantineReleased
from domain.core.events import Event, facts
from domain.core.log_event import LoggedEvent
from domain.core.refusal import Refused
from domain.retrieval.plan import UNDOWNLOADABLE_AFTER, Identity, LedgerState, Listed
from domain.retrieval.reports import InQuarantine
from infra.database.pool import Connection, Pool
from workflows.contract import QuarantineChange, RetryQuarantinedRequest, SkipMessageRequest

logger = logging.getLogger(__name__)


class Entry(BaseModel):
    """One message of the UIDL that a command names."""

    epoch: int
    occurrence: int
    state: LedgerState
    size: int
    reason: str | None
    mail: int | None
    gone: bool
    too_large: bool


class Quarantine:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # Sessions ----------------------------------------------------------------------------------------------------------

    async def counts(self, address: str) -> InQuarantine:
        async with self._pool.connection() as connection:
            return await _counts(connection, address)

    async def settle(
        self, lease: Lease, session: SessionRow, epoch: int, listed: Collection[Identity], at: datetime
    ) -> None:
        """What a complete list tells of the messages in quarantine.

        One that is not listed any more is gone: it stays in quarantine as such, and is asked for again should it be listed
        again. One of an earlier epoch is on a server that is no longer asked: it is given up, and the log says so.
        """
        query: LiteralString = """
            select epoch, uidl, occurrence, vanished_at is not null from pop_ledger
            where address = %s and state = 'quarantined'
        """
        left_behind: list[tuple[int, str, int]] = []
        gone: list[Identity] = []
        back: list[Identity] = []
        async with (
            self._pool.connection() as connection,
            connection.transaction(),
            contextlib.aclosing(portions(connection, query, [session.address])) as found,
        ):
            async for rows in found:
                left_behind += [(of, uidl, occurrence) for of, uidl, occurrence, _ in rows if of < epoch]
                current = [((uidl, occurrence), marked) for of, uidl, occurrence, marked in rows if of == epoch]
                gone += [identity for identity, marked in current if not marked and identity not in listed]
                back += [identity for identity, marked in current if marked and identity in listed]
        if not (left_behind or gone or back):
            return
        async with fenced(self._pool, lease) as connection:
            await _mark(connection, session.address, epoch, gone, at)
            await _mark(connection, session.address, epoch, back, None)
            for of_epoch, uidl, occurrence in left_behind:
                await _give_up(connection, session.address, of_epoch, uidl, occurrence)
            await log(
                connection,
                session,
                "quarantine",
                at,
                "QuarantineSettled",
                epoch=epoch,
                gone=[uidl for uidl, _ in gone],
                listed_again=[uidl for uidl, _ in back],
                left_behind=[uidl for _, uidl, *_ in left_behind],
            )
        if left_behind:
            words = "%s: %d messages in quarantine are given up: they are on a server that is no longer asked"
            logger.warning(words, session.address, len(left_behind))

    async def disclaimed(self, address: str, epoch: int, listed: Collection[Identity]) -> set[Identity]:
        """The messages that the server said it did not have, and lists still. The others are forgotten: they are gone, or
        the ledger knows of them."""
        async with self._pool.connection() as connection, connection.transaction():
            rows = await (
                await connection.execute(
                    """
                    select d.epoch, d.uidl, d.occurrence, exists (
                        select from pop_ledger l
                        where (l.address, l.epoch, l.uidl, l.occurrence) = (d.address, d.epoch, d.uidl, d.occurrence)
                    )
                    from disclaimed d where d.address = %s
                    """,
                    [address],
                )
            ).fetchall()
            # They are few, and the list is long: PostgreSQL would go through all of it for each of them.
            still = {
                (uidl, occurrence)
                for of_epoch, uidl, occurrence, in_ledger in rows
                if of_epoch == epoch and not in_ledger and (uidl, occurrence) in listed
            }
            forgotten = [
                (of_epoch, uidl, occurrence)
                for of_epoch, uidl, occurrence, _ in rows
                if of_epoch != epoch or (uidl, occurrence) not in still
            ]
            if forgotten:
                await connection.execute(
                    """
                    delete from disclaimed d
                    using unnest(%s::int[], %s::text[], %s::smallint[]) as forgotten (epoch, uidl, occurrence)
                    where d.address = %s and (d.epoch, d.uidl, d.occurrence)
                        = (forgotten.epoch, forgotten.uidl, forgotten.occurrence)
                    """,
                    [*([row[n] for row in forgotten] for n in range(3)), address],
                    prepare=NEVER_PREPARED,
                )
        return still

    async def disclaim(self, lease: Lease, epoch: int, messages: Sequence[Listed]) -> None:
        """Remembers until the next list that the server said it does not have these messages."""
        async with fenced(self._pool, lease) as connection:
            await connection.execute(
                """
                insert into disclaimed select %s, %s, uidl, occurrence
                from unnest(%s::text[], %s::smallint[]) as new (uidl, occurrence)
                on conflict do nothing
                """,
                [lease.address, epoch, [one.uidl for one in messages], [one.occurrence for one in messages]],
            )

    # Operators' commands -----------------------------------------------------------------------------------------------

    @activity.defn
    async def retry_quarantined(self, request: RetryQuarantinedRequest) -> QuarantineChange:
        """Lets the next session ask for what is in quarantine: for one UIDL, or for all that the server may hand out.

        What was tried so far stays on record. Raises Refused for a UIDL with nothing to ask for. Tried again after a lost
        answer, it changes nothing more.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await keep_sessions_out(connection, request.address)
            done = await _logged(connection, request)
            if done is None:
                if request.uidl is not None:
                    entries = await _entries(connection, request.address, request.uidl)
                    _refuse_unless_one_can_be_tried(entries, request.address, request.uidl)
                released = await connection.execute(
                    """
                    update pop_ledger set retry_at = %s
                    where address = %s and state = 'quarantined' and vanished_at is null and retry_at is not null
                        and uidl = coalesce(%s, uidl)
                    """,
                    [request.at, request.address, request.uidl],
                )
                event = QuarantineReleased(
                    at=request.at, actor=request.by, uidl=request.uidl, messages=released.rowcount
                )
                done = event.messages
                if done:
                    await append(connection, request.address, _as_logged(request.event_id, event))
            # append locks the log's head until the end, so nothing is written after it.
            return QuarantineChange(messages=done, in_quarantine=await _counts(connection, request.address))

    @activity.defn
    async def skip_message(self, request: SkipMessageRequest) -> QuarantineChange:
        """Gives one message in quarantine up: it is skipped for ever, and what stood for it in `messages` goes.

        Raises Refused where no message of that UIDL is in quarantine, or several are and `occurrence` does not say which.
        Tried again after a lost answer, it changes nothing more.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await keep_sessions_out(connection, request.address)
            if await _logged(connection, request) is None:
                entries = await _entries(connection, request.address, request.uidl)
                entry = _the_one_to_skip(entries, request)
                await _give_up(connection, request.address, entry.epoch, request.uidl, entry.occurrence)
                event = MessageSkipped(
                    at=request.at,
                    actor=request.by,
                    uidl=request.uidl,
                    occurrence=entry.occurrence,
                    epoch=entry.epoch,
                    size=entry.size,
                    quarantined=entry.reason,
                    because=request.reason,
                )
                await append(connection, request.address, _as_logged(request.event_id, event))
            return QuarantineChange(messages=1, in_quarantine=await _counts(connection, request.address))


def _refuse_unless_one_can_be_tried(entries: Sequence[Entry], address: str, uidl: str) -> None:
    found = [entry for entry in entries if entry.state == "quarantined"]
    if not found:
        raise _not_in_quarantine(entries, address, uidl)
    if all(entry.gone for entry in found):
        why = "it is no longer on the server, so there is nothing to ask for: skip_message gives it up"
    elif all(entry.gone or entry.too_large for entry in found):
        why = "it is larger than MAILROOM_MAX_MESSAGE_BYTES allows: raise that on the workers, then poll_now takes it"
    else:
        return
    raise Refused("nothing_to_retry", f"the message with the UIDL {uidl!r} cannot be asked for: {why}", field="uidl")


def _the_one_to_skip(entries: Sequence[Entry], request: SkipMessageRequest) -> Entry:
    meant = [entry for entry in entries if request.occurrence in (None, entry.occurrence)]
    found = [entry for entry in meant if entry.state == "quarantined"]
    if not found:
        raise _not_in_quarantine(meant, request.address, request.uidl)
    if len({entry.occurrence for entry in found}) > 1:
        several = ", ".join(str(entry.occurrence) for entry in found)
        raise Refused(
            "invalid_field",
            f"{len(found)} messages with the UIDL {request.uidl!r} are in quarantine: say in occurrence which ({several})",
            field="occurrence",
        )
    return found[0]


def _not_in_quarantine(entries: Sequence[Entry], address: str, uidl: str) -> Refused:
    match entries[0].state if entries else None:
        case "stored":
            what = f"it is stored, as message {entries[0].mail}"
        case "deleted":
            what = f"it is stored, as message {entries[0].mail}, and deleted from the server"
        case "skipped":
            what = "it is skipped already"
        case _:
            what = f"no such message was ever listed for {address}, or none that could not be taken"
    words = f"the message with the UIDL {uidl!r} is not in quarantine: {what}. The view quarantine shows what is"
    return Refused("not_in_quarantine", words, field="uidl")


async def _logged(connection: Connection, request: RetryQuarantinedRequest | SkipMessageRequest) -> int | None:
    """How many messages the command changed, where it has logged itself; None where it has not."""
    done = await logged(connection, request.address, request.event_id, request.at, request.by)
    return None if done is None else int(done.get("messages", 1))


async def _entries(connection: Connection, address: str, uidl: str) -> list[Entry]:
    """All messages of one UIDL, those of the current server first."""
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(
            """
            select epoch, occurrence, state, size, reason, mail, vanished_at is not null as gone, retry_at is null as too_large
            from pop_ledger where address = %s and uidl = %s order by epoch desc, occurrence for update
            """,
            [address, uidl],
        )
        return await cursor.fetchall()


async def _give_up(connection: Connection, address: str, epoch: int, uidl: str, occurrence: int) -> None:
    """Never to be fetched again, and nothing stands for it in `messages` any more."""
    place = [address, epoch, uidl, occurrence]
    await connection.execute(
        """
        with given_up as (
            select mail from pop_ledger
            where address = %s and epoch = %s and uidl = %s and occurrence = %s and state = 'quarantined'
        ), skipped as (
            update pop_ledger set state = 'skipped', mail = null, retry_at = null
            where address = %s and epoch = %s and uidl = %s and occurrence = %s and state = 'quarantined'
        )
        delete from mail m using given_up where m.id = given_up.mail and m.state = 'quarantined'
        """,
        place * 2,
    )


async def _mark(
    connection: Connection, address: str, epoch: int, messages: Sequence[Identity], vanished_at: datetime | None
) -> None:
    for first in range(0, len(messages), AT_ONCE):
        await connection.cursor().executemany(
            f"update pop_ledger set vanished_at = %s where {ONE} and state = 'quarantined'",
            [(vanished_at, address, epoch, *identity) for identity in messages[first : first + AT_ONCE]],
        )


async def _counts(connection: Connection, address: str) -> InQuarantine:
    async with connection.cursor(row_factory=class_row(InQuarantine)) as cursor:
        await cursor.execute(
            """
            select
                count(*) filter (where vanished_at is null and retry_at is not null and attempts < %(often)s) as waiting,
                count(*) filter (where vanished_at is null and retry_at is not null and attempts >= %(often)s)
                    as undownloadable,
                count(*) filter (where vanished_at is null and retry_at is null) as too_large,
                count(*) filter (where vanished_at is not null) as gone
            from pop_ledger where address = %(address)s and state = 'quarantined'
            """,
            {"often": UNDOWNLOADABLE_AFTER, "address": address},
        )
        counted = await cursor.fetchone()
    assert counted is not None
    return counted


def _as_logged(event_id: object, event: Event) -> LoggedEvent:
    return LoggedEvent.model_validate(
        {"event_id": event_id, "at": event.at, "type": type(event).__name__, "actor": event.actor, "data": facts(event)}
    )

"""The ledger: what became of every message that a server listed - stored, skipped, quarantined or deleted there.

`MailStore` enters what it stores in the transaction that stores it; here is everything else that is done with the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import LiteralString, get_args

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow

from activities.core.log import append
from activities.mailbox.leases import Lease
from activities.mailbox.state import Mailbox, SessionRow, save_session
from domain.core.log_event import LoggedEvent, session_event_id
from domain.retrieval.outcome import Counts
from domain.retrieval.plan import Entry, Identity, LedgerState, Listed
from infra.database.pool import Pool

STATES: Mapping[str, LedgerState] = {state: state for state in get_args(LedgerState)}
ASKED_AT_ONCE = 10_000  # UIDLs; for each such part PostgreSQL may go through all of the account's rows
AT_ONCE = 2_500  # rows: there may be hundreds of thousands, and nobody else works while something is made of them

# For statements with lists of UIDLs. Planned for its list, PostgreSQL hashes it; prepared for any list, it may compare each
# of the account's rows with each UIDL in turn, which takes minutes until it has gathered statistics of a grown table.
NEVER_PREPARED = False

# For what is done to few of many messages: one by one, because joined with a list, an account's rows may all be compared with it.
ONE: LiteralString = "address = %s and epoch = %s and uidl = %s and occurrence = %s"


class Ledger:
    """Every transaction that writes is fenced by the session's lease. One that settles messages answers what it came to, for the
    session to count: what is rolled back, nobody counts."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def entries(
        self, address: str, epoch: int, uidls: Collection[str], *, emptied_at: datetime | None = None
    ) -> dict[Identity, Entry]:
        """All that is known of these UIDLs. `emptied_at`: the last list was empty, so nothing that was known then stayed."""
        known: dict[Identity, Entry] = {}
        moments: dict[datetime | None, datetime | None] = {}
        asked = iter(uidls)
        async with self._pool.connection() as connection:
            while part := list(islice(asked, ASKED_AT_ONCE)):
                cursor = await connection.execute(
                    """
                    select l.uidl, l.occurrence, l.state, l.size, l.stored_at, l.retry_at, l.attempts,
                        l.state <> 'quarantined' and (l.vanished_at is not null
                            or (l.state <> 'deleted' and l.first_seen_at <= %s::timestamptz)) is true,
                        l.first_seen_at
                    from pop_ledger l
                    where l.address = %s and l.epoch = %s and l.uidl = any(%b::text[])
                    """,
                    [emptied_at, address, epoch, part],
                    prepare=NEVER_PREPARED,
                )
                # Of hundreds of thousands of entries most have the caller's UIDL, one of four states and their batch's time:
                # one object for all of them halves the memory.
                names = {uidl: uidl for uidl in part}
                async for rows in _fetched(cursor):
                    for uidl, occurrence, state, size, stored_at, retry_at, attempts, vanished, first_seen_at in rows:
                        known[names[uidl], occurrence] = Entry(
                            STATES[state],
                            size,
                            moments.setdefault(stored_at, stored_at),
                            retry_at,
                            attempts,
                            vanished,
                            moments.setdefault(first_seen_at, first_seen_at),
                        )
        return known

    async def envelopes(
        self, address: str, epoch: int, uidls: Collection[str]
    ) -> dict[Identity, tuple[str | None, datetime | None]]:
        """Message-ID and Date of the stored mail under these UIDLs."""
        found: dict[Identity, tuple[str | None, datetime | None]] = {}
        asked = iter(uidls)
        async with self._pool.connection() as connection:
            while part := list(islice(asked, ASKED_AT_ONCE)):
                cursor = await connection.execute(
                    """
                    select l.uidl, l.occurrence, m.message_id, m.sent_at
                    from pop_ledger l join mail m on m.id = l.mail
                    where l.address = %s and l.epoch = %s and l.uidl = any(%s) and m.state = 'stored'
                    """,
                    [address, epoch, part],
                    prepare=NEVER_PREPARED,
                )
                async for rows in _fetched(cursor):
                    found.update({(uidl, occurrence): (message_id, at) for uidl, occurrence, message_id, at in rows})
        return found

    async def note_deleted_ones_gone(
        self, lease: Lease, address: str, epoch: int, listed: Container[str], at: datetime
    ) -> None:
        """What was deleted and has left the list of UIDLs is gone: should its UIDL be listed again, it is other mail."""
        deleted = """
            select uidl, occurrence from pop_ledger
            where address = %s and epoch = %s and state = 'deleted' and vanished_at is null
        """
        async with (
            fenced(self._pool, lease) as connection,
            contextlib.aclosing(portions(connection, deleted, [address, epoch])) as found,
        ):
            async for rows in found:
                gone = [row for row in rows if row[0] not in listed]  # few beside a long list: see `settle_deletions`
                await connection.cursor().executemany(
                    f"update pop_ledger set vanished_at = %s where {ONE}",
                    [(at, address, epoch, uidl, occurrence) for uidl, occurrence in gone],
                )

    async def begin_epoch(self, lease: Lease, session: SessionRow, mailbox: Mailbox, at: datetime) -> Mailbox:
        """From now on UIDLs mean other mail: the server behind the same name is not the one it was."""
        async with fenced(self._pool, lease) as connection:
            await connection.execute(
                "update mailboxes set epoch = %s, epoch_listed_at = null where address = %s",
                [mailbox.epoch + 1, session.address],
            )
            await save_session(connection, session)
            await log(connection, session, "epoch", at, "ServerChanged", epoch=mailbox.epoch + 1)
        return replace(mailbox, epoch=mailbox.epoch + 1, epoch_listed=False, deletions_unsettled=False)

    async def expected(self, address: str, epoch: int) -> int:
        """How many messages were left on the server by us, whatever others have done to them."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select count(*) from pop_ledger
                    where address = %s and epoch = %s and state <> 'deleted' and deletion_asked_at is null
                    """,
                    [address, epoch],
                )
            ).fetchone()
        return int(row[0]) if row else 0

    async def any_stored(self, address: str, envelopes: Sequence[tuple[str | None, datetime | None]]) -> bool:
        """Whether mail with the Message-ID and Date of any of these is stored."""
        named = [(message_id, sent_at) for message_id, sent_at in envelopes if message_id and sent_at]
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select exists (
                        select from mail m join unnest(%s::text[], %s::timestamptz[]) as asked (message_id, sent_at)
                            on m.message_id = asked.message_id and m.sent_at = asked.sent_at
                        where m.address = %s and m.state = 'stored'
                    )
                    """,
                    [[message_id for message_id, _ in named], [sent_at for _, sent_at in named], address],
                )
            ).fetchone()
        return bool(row and row[0])

    async def skip(
        self, lease: Lease, session: SessionRow, epoch: int, skipped: Sequence[Listed], at: datetime, *, complete: bool
    ) -> Counts:
        """Records that messages are not to be fetched (R49, R50).

        `complete`: the whole first list was decided on. It is recorded in the same transaction, or a worker that died in
        between would have the next session skip what came meanwhile.
        """
        async with fenced(self._pool, lease) as connection:
            for first in range(0, len(skipped), AT_ONCE):
                await connection.execute(
                    """
                    insert into pop_ledger (address, epoch, uidl, occurrence, state, size, first_seen_at)
                    select %s, %s, uidl, occurrence, 'skipped', size, %s
                    from unnest(%s::text[], %s::smallint[], %s::bigint[]) as new (uidl, occurrence, size)
                    on conflict do nothing
                    """,
                    [session.address, epoch, at, *_columns(skipped[first : first + AT_ONCE])],
                )
            if complete:
                await connection.execute(
                    """
                    update mailboxes set
                        listed_at = coalesce(listed_at, %(at)s), epoch_listed_at = coalesce(epoch_listed_at, %(at)s)
                    where address = %(address)s
                    """,
                    {"at": at, "address": session.address},
                )
            counts = Counts(skipped=len(skipped))
            await save_session(connection, session, counts)
            await log(connection, session, "skip", at, "MessagesSkipped", count=len(skipped), epoch=epoch)
        return counts

    async def ask_deletion(
        self, lease: Lease, address: str, epoch: int, messages: Sequence[Listed], at: datetime
    ) -> list[Listed]:
        """Notes what is about to be deleted: should QUIT's answer be lost, the next list tells whether it was. Answers those of
        `messages` that are stored: what somebody has deleted here since stays on the server."""
        async with fenced(self._pool, lease) as connection:
            cursor = connection.cursor()
            await cursor.executemany(
                f"update pop_ledger set deletion_asked_at = %s where {ONE} and state = 'stored' returning uidl, occurrence",
                [(at, address, epoch, *one.identity) for one in messages],
                returning=True,
            )
            stored = (
                {row async for result in cursor.results() for row in await result.fetchall()} if messages else set()
            )
        return [one for one in messages if one.identity in stored]

    async def deleted(
        self, lease: Lease, session: SessionRow, epoch: int, messages: Sequence[Listed], at: datetime
    ) -> Counts:
        """Records what a QUIT that was answered has deleted (RFC 1939, section 6)."""
        async with fenced(self._pool, lease) as connection:
            count = await _note_deleted(connection, session.address, epoch, [one.identity for one in messages], at)
            counts = Counts(deleted=count)
            await save_session(connection, session, counts)
            await log(connection, session, "deleted", at, "MessagesDeletedOnServer", epoch=epoch, count=count)
        return counts

    async def settle_deletions(
        self, lease: Lease, session: SessionRow, epoch: int, listed: Container[Identity], at: datetime
    ) -> Counts:
        """What an unanswered QUIT was to delete and the server lists no more is deleted.

        What was asked for is fetched and compared with the list here: PostgreSQL, when it takes its rows for fewer than they are,
        goes through the whole list for each of them.
        """
        asked = """
            select uidl, occurrence from pop_ledger
            where address = %s and epoch = %s and deletion_asked_at is not null and state = 'stored'
        """
        count = 0
        async with fenced(self._pool, lease) as connection:
            async with contextlib.aclosing(portions(connection, asked, [session.address, epoch])) as found:
                async for rows in found:
                    gone = [(uidl, occurrence) for uidl, occurrence in rows if (uidl, occurrence) not in listed]
                    count += await _note_deleted(connection, session.address, epoch, gone, at) if gone else 0
            counts = Counts(deleted=count)
            if count:
                await save_session(connection, session, counts)
                await log(connection, session, "settled", at, "MessagesDeletedOnServer", epoch=epoch, count=count)
        return counts


async def _note_deleted(
    connection: AsyncConnection[TupleRow], address: str, epoch: int, messages: Sequence[Identity], at: datetime
) -> int:
    """Enters stored messages as deleted from the server; answers how many of them were stored."""
    cursor = connection.cursor()
    await cursor.executemany(
        f"update pop_ledger set state = 'deleted', deleted_at = %s where {ONE} and state = 'stored'",
        [(at, address, epoch, *identity) for identity in messages],
    )
    return max(cursor.rowcount, 0)


async def _fetched(cursor: AsyncCursor[TupleRow]) -> AsyncIterator[list[TupleRow]]:
    """What a query has found, some of it at a time, with the work of others in between."""
    while rows := await cursor.fetchmany(AT_ONCE):
        yield rows
        await asyncio.sleep(0)


async def portions(
    connection: AsyncConnection[TupleRow], query: LiteralString, values: Sequence[object]
) -> AsyncGenerator[list[TupleRow]]:
    """What a query finds that may find as much as a mailbox has messages, some of it at a time; in a transaction."""
    async with connection.cursor(name="portions") as cursor:
        await cursor.execute(query, values)
        while rows := await cursor.fetchmany(AT_ONCE):
            yield rows


@contextlib.asynccontextmanager
async def fenced(pool: Pool, lease: Lease | None) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """A transaction that only the holder of `lease` can commit; without one, for what needs no session, anybody."""
    async with (
        pool.connection() as connection,
        connection.transaction(),
        contextlib.nullcontext() if lease is None else lease.fence(connection),
    ):
        yield connection


async def log(
    connection: AsyncConnection[TupleRow], session: SessionRow, step: str, at: datetime, kind: str, **facts: object
) -> None:
    """Appends what a session did at one of its steps; last in the transaction, as `append` says."""
    event = LoggedEvent(
        event_id=session_event_id(session.id, step),
        at=at,
        type=kind,
        actor=session.worker,
        data={"session": str(session.id), **facts},
    )
    await append(connection, session.address, event)


def _columns(messages: Sequence[Listed]) -> tuple[list[str], list[int], list[int]]:
    return [m.uidl for m in messages], [m.occurrence for m in messages], [m.size for m in messages]

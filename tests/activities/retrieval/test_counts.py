"""What a session counts: what a transaction that is rolled back did never counts, what is committed always does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from activities.core.log import append
from activities.mailbox.leases import Lease, Leases
from activities.mailbox.ledger import Ledger
from activities.mailbox.state import Mailboxes, SessionRow, save_session
from domain.core.log_event import LoggedEvent
from domain.retrieval.outcome import Counts
from domain.retrieval.plan import Listed
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mailbox
from tests.support.running import until
from tests.support.services import as_owner

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
THREE = [Listed(number=number, uidl=f"uid-{number}", size=100, occurrence=0) for number in (1, 2, 3)]

Step = Callable[[Ledger, Lease, SessionRow], Awaitable[None]]


async def skips(ledger: Ledger, lease: Lease, row: SessionRow) -> None:
    row.count(await ledger.skip(lease, row, 1, THREE, NOON, complete=True))


async def deletes(ledger: Ledger, lease: Lease, row: SessionRow) -> None:
    row.count(await ledger.deleted(lease, row, 1, THREE, NOON))


async def settles(ledger: Ledger, lease: Lease, row: SessionRow) -> None:
    row.count(await ledger.settle_deletions(lease, row, 1, [], NOON))


async def stored(pool: Pool) -> None:
    """Three messages in the ledger, of which the server was asked to delete all."""
    async with pool.connection() as connection:
        await connection.execute("insert into mailboxes (address, server_key) values (%s, %s)", [JANE, "a server"])
        await connection.execute(
            """
            insert into pop_ledger (address, epoch, uidl, occurrence, state, size, first_seen_at, stored_at, deletion_asked_at)
            select %s, 1, 'uid-' || n, 0, 'stored', 100, %s, %s, %s from generate_series(1, 3) n
            """,
            [JANE, NOON, NOON, NOON],
        )


async def refuse(pool: Pool, table: str) -> None:
    """Has the transaction fail in which anything is written there: what came before it in that transaction is rolled back."""
    async with await as_owner(pool) as connection:
        await connection.execute(
            "create function refuse_it() returns trigger language plpgsql as $$ begin raise exception 'full'; end $$"
        )
        await connection.execute(
            sql.SQL("create trigger refuse_it before insert on {} execute function refuse_it()").format(
                sql.Identifier(table)
            )
        )


@pytest.mark.parametrize("step", [skips, deletes, settles], ids=lambda step: step.__name__)
async def test_what_is_rolled_back_is_not_counted(pool: Pool, step: Step) -> None:
    row = SessionRow(id=uuid4(), address=JANE, started_at=NOON, worker="worker-1")
    if step is not skips:
        await stored(pool)
    await refuse(pool, "log")
    async with Leases(pool, "worker-1", 8).hold(JANE, "pop.example.com") as lease:
        with pytest.raises(psycopg.errors.RaiseException, match="full"):
            await step(Ledger(pool), lease, row)
    assert row.counts == Counts()


@pytest.mark.parametrize("step", [skips, deletes, settles], ids=lambda step: step.__name__)
async def test_what_is_committed_is_counted(pool: Pool, step: Step) -> None:
    row = SessionRow(id=uuid4(), address=JANE, started_at=NOON, worker="worker-1")
    if step is not skips:
        await stored(pool)
    async with Leases(pool, "worker-1", 8).hold(JANE, "pop.example.com") as lease:
        await step(Ledger(pool), lease, row)
    assert row.counts == (Counts(skipped=3) if step is skips else Counts(deleted=3))
    async with pool.connection() as connection:
        kept = await (await connection.execute("select skipped, deleted from sessions")).fetchall()
    assert kept == [(row.counts.skipped, row.counts.deleted)]


async def test_a_session_that_is_cancelled_while_it_commits_what_it_skips_shows_none_of_it(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with pool.connection() as connection, connection.transaction():
        await append(
            connection, JANE, LoggedEvent(event_id=uuid4(), at=NOON, type="AccountConnected", actor="ops", data={})
        )
    async with (
        MailboxServer(password=PASSWORD, messages=mailbox(3)) as server,
        await as_owner(pool) as holder,
        holder.transaction(),
    ):
        await holder.execute("select from log_heads where address = %s for update", [JANE])
        session = asyncio.create_task(watcher.watch(account(server.port, start="from_now")))

        async def waits() -> bool:
            return bool(
                await watcher.rows(
                    "select from pg_stat_activity where pg_blocking_pids(pid) @> array[%s::integer]",
                    holder.info.backend_pid,
                )
            )

        await until(waits, "the session waits for the log's head")
        watcher.environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session
    assert await watcher.ledger() == {}
    assert await watcher.rows("select * from retrievals where skipped > 0") == []


async def test_what_was_committed_stands_though_the_session_never_heard_of_it(pool: Pool) -> None:
    row = SessionRow(id=uuid4(), address=JANE, started_at=NOON, worker="worker-1")
    row.count(Counts(stored=5, skipped=3, deleted=2, bytes=9))
    unaware = SessionRow(id=row.id, address=JANE, started_at=NOON, worker="worker-1", counts=Counts(stored=4))
    unaware.finished_at, unaware.outcome = NOON + timedelta(minutes=1), "interrupted"
    async with pool.connection() as connection:
        await save_session(connection, row)
    await Mailboxes(pool, 1000).ended(unaware)
    async with pool.connection() as connection:
        kept = await (
            await connection.execute("select stored, skipped, deleted, bytes, outcome from sessions")
        ).fetchall()
    assert kept == [(5, 3, 2, 9, "interrupted")]

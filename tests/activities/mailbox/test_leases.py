"""Leases: one session per mailbox, a bounded number per host, and nobody commits who lost the lease."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any, cast
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from temporalio.exceptions import ApplicationError

from activities.mailbox import leases as leases_module
from activities.mailbox.leases import Lease, LeaseLost, Leases, NotNow
from activities.mailbox.state import Live, SessionRow
from activities.pop.session import now_utc
from activities.retrieval.mail_store import MailStore, Source
from activities.storage.batch import Batch
from infra import tasks
from infra.database.pool import Pool, open_pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mailbox
from tests.support.running import PATIENCE, until

BOB = "bob@example.com"
HOST = "pop.example.com"


def leases(pool: Pool, worker: str = "worker-1", most_per_host: int = 8) -> Leases:
    return Leases(pool, worker, most_per_host)


async def expire(pool: Pool, address: str = JANE) -> None:
    """What happens to the lease of a worker that is frozen or dead: nobody renews it."""
    async with pool.connection() as connection:
        await connection.execute(
            "update leases set expires_at = clock_timestamp() - interval '1 second' where address = %s", [address]
        )


async def holders(pool: Pool) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        return await (await connection.execute("select address, worker from leases order by address")).fetchall()


async def fence(pool: Pool, lease: Lease) -> None:
    async with pool.connection() as connection, connection.transaction(), lease.fence(connection):
        pass


async def test_a_mailbox_has_one_holder(pool: Pool) -> None:
    async with leases(pool).hold(JANE, HOST) as lease:
        lease.check()
        await fence(pool, lease)
        with pytest.raises(NotNow, match="another session") as busy:
            async with leases(pool, "worker-2").hold(JANE, "another.example.com"):
                pass
        assert 0 < busy.value.seconds <= 2
        async with leases(pool, "worker-2").hold(BOB, HOST):
            assert await holders(pool) == [(BOB, "worker-2"), (JANE, "worker-1")]


async def test_a_lease_is_given_back_however_the_session_ends(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with leases(pool).hold(JANE, HOST):
            raise ZeroDivisionError
    entered = asyncio.Event()

    async def session() -> None:
        async with leases(pool).hold(JANE, HOST):
            entered.set()
            await asyncio.Event().wait()

    cancelled = asyncio.create_task(session())
    await entered.wait()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await holders(pool) == []


async def test_a_session_that_the_database_fails_says_so_and_does_not_wait_for_it_to_take_the_lease_back(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "RELEASE_SECONDS", 0.1)
    one = await open_pool(database_url, most=1)
    busy = contextlib.AsyncExitStack()

    async def session() -> None:
        async with leases(one).hold(JANE, HOST):
            connection = await busy.enter_async_context(one.connection())  # which is all that there is
            await connection.execute("select no_such_column")

    with pytest.raises(psycopg.errors.UndefinedColumn):
        await session()
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == f"{JANE}: the session ends, because the database failed (UndefinedColumn)"
    await busy.aclose()
    assert await holders(one) == [(JANE, "worker-1")], "it runs out by itself"
    await one.close()


async def test_a_session_ends_while_its_renewal_waits_for_the_connection_that_it_gives_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with a pool that loses cancellations there, as psycopg's own does before Python 3.12."""
    monkeypatch.setattr(leases_module, "RENEWED_EVERY", 0.005)
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.05)
    ours = await open_pool(database_url, most=1)
    losing: Pool = AsyncConnectionPool(
        ours.conninfo, kwargs=cast("dict[str, Any]", ours.kwargs), min_size=1, max_size=1, open=False
    )
    await losing.open(wait=True)
    for pool in (ours, losing):
        async with asyncio.timeout(PATIENCE):
            for _ in range(30):
                async with leases(pool).hold(JANE, HOST), pool.connection() as connection:
                    await connection.execute("select pg_sleep(%s)", [random.uniform(0.004, 0.012)])
        assert await holders(pool) == []
        await pool.close()


async def test_of_many_that_ask_at_once_one_gets_it(pool: Pool) -> None:
    decided = asyncio.Event()
    answers: list[bool] = []

    def answered(yes: bool) -> None:
        answers.append(yes)
        if len(answers) == 8:
            decided.set()

    async def ask(number: int) -> None:
        try:
            async with leases(pool, f"worker-{number}").hold(JANE, HOST):
                answered(True)
                await decided.wait()
        except NotNow:
            answered(False)

    asking = [asyncio.create_task(ask(number)) for number in range(8)]
    async with asyncio.timeout(30):
        await decided.wait()
        await asyncio.gather(*asking)
    assert answers.count(True) == 1


async def test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_is_fenced_off(pool: Pool) -> None:
    async with leases(pool, "frozen").hold(JANE, HOST) as old:
        await expire(pool)
        with pytest.raises(LeaseLost):
            await fence(pool, old)
        async with leases(pool, "successor").hold(JANE, HOST) as new:
            await fence(pool, new)
            with pytest.raises(LeaseLost):
                await fence(pool, old)
            assert await holders(pool) == [(JANE, "successor")]
    assert await holders(pool) == []


async def test_a_frozen_holder_that_wakes_up_does_not_release_its_successors_lease(pool: Pool) -> None:
    async with leases(pool, "frozen").hold(JANE, HOST):
        await expire(pool)
        successor = leases(pool, "successor").hold(JANE, HOST)
        new = await successor.__aenter__()
    await fence(pool, new)
    await successor.__aexit__(None, None, None)
    assert await holders(pool) == []


async def test_a_lease_cannot_run_out_during_a_commit_that_is_under_way(pool: Pool) -> None:
    async with leases(pool, "slow").hold(JANE, HOST) as old:
        async with pool.connection() as connection, connection.transaction(), old.fence(connection):
            expiring = asyncio.create_task(expire(pool))  # it can run out only once the transaction has ended
            await until(lambda: blocked(pool), "the expiry waits for the transaction")
            assert not expiring.done()
        await expiring


async def test_a_transaction_that_outlasts_the_lease_prolongs_it_at_its_end(pool: Pool) -> None:
    ran_out = "update leases set expires_at = clock_timestamp() - interval '1 minute'"
    async with leases(pool, "slow").hold(JANE, HOST) as lease:
        async with pool.connection() as connection, connection.transaction(), lease.fence(connection):
            await connection.execute(ran_out)  # what a long time does to it: nobody else can change it now
            lease.valid_until = 0.0
            lease.check()  # while the transaction is open, nobody takes the lease over
            assert await renew(pool, lease), "it may have run out, and the transaction will prolong it"
        assert await renew(pool, lease), "what the transaction prolonged is there to be renewed"
        lease.check()
        with pytest.raises(NotNow, match="another session"):
            async with leases(pool, "taker").hold(JANE, HOST):
                pass
        await fence(pool, lease)


async def test_who_comes_for_a_lease_that_its_holders_transaction_is_prolonging_is_turned_away(pool: Pool) -> None:
    async with leases(pool, "slow").hold(JANE, HOST) as lease:
        async with pool.connection() as connection:
            await connection.execute("update leases set expires_at = clock_timestamp() + interval '2 seconds'")
        async with pool.connection() as connection, connection.transaction(), lease.fence(connection):
            await until(lambda: has_run_out(pool), "the end of the lease, as others see it")
            busy = await take(leases(pool, "taker"))
        assert isinstance(busy, NotNow)
        assert "another session" in str(busy)
        assert await holders(pool) == [(JANE, "slow")]
        lease.check()
        await fence(pool, lease)


async def test_nobody_waits_for_a_holder_that_froze_in_the_middle_of_a_transaction(
    pool: Pool, database_url: str
) -> None:
    few = await open_pool(database_url, most=2)
    taker = leases(few, "taker")
    async with leases(pool, "frozen").hold(JANE, HOST) as lease:
        async with pool.connection() as connection:
            await connection.execute("update leases set expires_at = clock_timestamp() + interval '5 seconds'")
        async with pool.connection() as connection, connection.transaction(), lease.fence(connection):
            await until(lambda: has_run_out(pool), "the end of the lease, as others see it")
            async with asyncio.timeout(30):
                answers = await asyncio.gather(*(take(taker) for _ in range(4)), take(taker, BOB))
            assert [isinstance(answer, NotNow) for answer in answers] == [True] * 4 + [False]
    await few.close()


async def test_a_transaction_that_nobody_ends_is_ended_by_the_database(pool: Pool) -> None:
    async with pool.connection() as connection:
        row = await (
            await connection.execute("select current_setting('idle_in_transaction_session_timeout')")
        ).fetchone()
        assert row == ("1min",)
        await connection.execute("set idle_in_transaction_session_timeout = '50ms'")
        await connection.execute("begin")
        backend = connection.info.backend_pid
        await until(lambda: is_ended(pool, backend), "the end of the idle transaction")
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            await connection.execute("select")


async def is_ended(pool: Pool, backend: int) -> bool:
    async with pool.connection() as connection:
        found = await connection.execute("select from pg_stat_activity where pid = %s", [backend])
    return found.rowcount == 0


async def test_a_lease_is_not_renewed_beside_its_own_transaction_which_would_take_a_connection_to_wait_with(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "RENEWED_EVERY", 0.05)
    two = await open_pool(database_url, most=2)
    async with (
        leases(two).hold(JANE, HOST) as committing,
        leases(two).hold(BOB, HOST),
        two.connection() as connection,
        connection.transaction(),
        committing.fence(connection),
    ):
        for _ in range(3):
            before = await ends_of(two, BOB)

            async def renewed(since: Any = before) -> bool:
                return bool(await ends_of(two, BOB) > since)

            await until(renewed, "the renewal of the other lease")
    await two.close()


async def test_a_renewal_that_comes_while_a_transaction_is_fenced_does_not_wait_for_its_end(pool: Pool) -> None:
    """It may have asked for its connection before the fence was opened, and would keep that until the transaction ends."""
    async with (
        leases(pool).hold(JANE, HOST) as lease,
        pool.connection() as connection,
        connection.transaction(),
        lease.fence(connection),
    ):
        async with asyncio.timeout(10):
            assert await renew(pool, lease)


async def ends_of(pool: Pool, address: str) -> Any:
    async with pool.connection() as connection:
        query = "select expires_at from leases where address = %s"
        row = await (await connection.execute(query, [address])).fetchone()
    assert row is not None
    return row[0]


async def take(of: Leases, address: str = JANE, host: str = HOST) -> NotNow | None:
    """Takes a lease and gives it back; what it was turned away with, if it was."""
    try:
        async with of.hold(address, host):
            return None
    except NotNow as busy:
        return busy


async def renew(pool: Pool, lease: Lease) -> bool:
    async with pool.connection() as connection:
        return await lease.renew(connection)


async def has_run_out(pool: Pool) -> bool:
    async with pool.connection() as connection:
        row = await (await connection.execute("select expires_at <= clock_timestamp() from leases")).fetchone()
    assert row is not None
    return bool(row[0])


async def blocked(pool: Pool) -> bool:
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            )
        ).fetchone()
    assert row is not None
    return bool(row[0])


async def test_no_more_sessions_than_allowed_are_open_with_a_host(pool: Pool) -> None:
    allowing_two = leases(pool, most_per_host=2)
    async with allowing_two.hold("a@example.com", HOST), allowing_two.hold("b@example.com", HOST):
        with pytest.raises(NotNow, match=r"2 sessions with pop\.example\.com are open"):
            async with allowing_two.hold("c@example.com", HOST):
                pass
        async with allowing_two.hold("c@example.com", "another.example.com"):
            pass
        await expire(pool, "a@example.com")
        async with allowing_two.hold("c@example.com", HOST):
            pass


async def test_the_more_are_turned_away_from_a_host_the_later_each_is_to_come_back(pool: Pool) -> None:
    full = leases(pool, most_per_host=1)
    async with full.hold(JANE, HOST), full.hold(BOB, "another.example.com"):
        pauses = [busy.seconds for number in range(60) if (busy := await take(full, f"{number}@example.com"))]
        assert len(pauses) == 60
        assert pauses == sorted(pauses)
        assert 1 <= pauses[0] < 2 * pauses[0] < pauses[-1] <= 30
        elsewhere = await take(full, "c@example.com", "another.example.com")
        assert elsewhere is not None
        assert elsewhere.seconds == pauses[0], "each host has a queue of its own"


async def test_what_a_session_without_a_lease_would_store_is_not_stored(pool: Pool) -> None:
    async with leases(pool, "frozen").hold(JANE, HOST) as lease:
        await expire(pool)
        async with leases(pool, "successor").hold(JANE, HOST):
            session = SessionRow(id=uuid4(), address=JANE, started_at=now_utc(), worker="frozen")
            source = Source(lease, session, account(1), epoch=1)
            with pytest.raises(LeaseLost):
                await MailStore(pool).commit(source, Batch(number=1), [], Live(0, 0, None), now_utc())


async def test_a_lease_is_renewed_for_as_long_as_the_session_lasts(pool: Pool) -> None:
    async with leases(pool).hold(JANE, HOST):
        first = await ends(pool)

        async def renewed() -> bool:
            return bool(await ends(pool) > first)

        await until(renewed, "the lease is renewed")


async def ends(pool: Pool) -> Any:
    async with pool.connection() as connection:
        row = await (await connection.execute("select expires_at from leases")).fetchone()
    assert row is not None
    return row[0]


async def test_a_watch_of_a_mailbox_that_is_taken_asks_to_be_called_again_and_connects_to_nobody(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        async with leases(pool, "worker-2").hold(JANE, server.host):
            waiting = await watcher.finds_nothing(account(server.port))
            assert waiting.type == "Waiting"
            assert waiting.next_retry_delay is not None
            with pytest.raises(ApplicationError, match="another session"):
                await watcher.try_login(account(server.port))
            assert server.connections == 0
        assert (await watcher.watch(account(server.port))).stored == 3


async def test_a_session_that_loses_its_lease_stops_and_stores_nothing_more(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.hangs.add("RETR 3")
        session = asyncio.create_task(watcher.watch(account(server.port)))
        await server.until("RETR", times=3)
        await expire(pool)
        await server.hang_up()
        with pytest.raises(LeaseLost):
            await session
        assert await watcher.subjects() == []
        server.hangs.clear()
        assert (await watcher.watch(account(server.port))).stored == 3


async def test_those_who_wait_to_begin_at_a_host_leave_the_pool_to_others(pool: Pool) -> None:
    """A host with a hundred mailboxes, whose turn PostgreSQL gives to one at a time: renewals of leases go on meanwhile."""
    one = leases(pool, most_per_host=1000)
    async with await psycopg.AsyncConnection.connect(str(pool.conninfo)) as elsewhere:
        await elsewhere.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sessions:{HOST}"])
        async with contextlib.AsyncExitStack() as held, asyncio.TaskGroup() as waiting:
            for number in range(3 * pool.max_size):
                waiting.create_task(held.enter_async_context(one.hold(f"{number}@example.com", HOST)))
            await asyncio.sleep(0.5)
            async with one.hold(JANE, "another.example.com") as lease:
                await fence(pool, lease)
                assert await holders(pool) == [(JANE, "worker-1")]
            await elsewhere.rollback()


async def test_who_waits_to_begin_at_a_host_for_long_comes_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases_module, "POOL_SECONDS", 0.2)
    one = leases(pool)
    async with await psycopg.AsyncConnection.connect(str(pool.conninfo)) as elsewhere:
        await elsewhere.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sessions:{HOST}"])
        async with contextlib.AsyncExitStack() as held:
            first = asyncio.create_task(held.enter_async_context(one.hold(JANE, HOST)))
            await asyncio.sleep(0.1)
            with pytest.raises(NotNow, match="others begin at"):
                await held.enter_async_context(one.hold(BOB, HOST))
            await elsewhere.rollback()
            (await first).check()

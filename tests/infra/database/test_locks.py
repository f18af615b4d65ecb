"""Transactions take their locks in one order, whatever order they name them in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from infra.database.locks import Guarded, Lock, hold, try_to_hold
from infra.database.pool import Connection, Pool
from tests.support.running import until


@contextlib.asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    async with pool.connection() as connection, connection.transaction():
        yield connection


async def is_free(pool: Pool, lock: Lock) -> bool:
    async with transaction(pool) as connection:
        return await try_to_hold(connection, lock)


async def who_waits(pool: Pool) -> int:
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                "select count(*) from pg_locks l join pg_database d on d.oid = l.database "
                "where locktype = 'advisory' and not granted and datname = current_database()"
            )
        ).fetchone()
    assert row is not None
    return int(row[0])


DESK, DIRECTORY = Lock(Guarded.DESK, "jane@example.com"), Lock(Guarded.DIRECTORY, "tryton")


@pytest.mark.parametrize(("taken", "other", "is_had"), [(DIRECTORY, DESK, True), (DESK, DIRECTORY, False)])
async def test_whoever_waits_for_a_lock_has_the_earlier_ones_and_no_later_one_however_they_were_named(
    pool: Pool, taken: Lock, other: Lock, is_had: bool
) -> None:
    async def wait_for_both() -> None:
        async with transaction(pool) as connection:
            await hold(connection, DIRECTORY, DESK)

    async def one_waits() -> bool:
        return await who_waits(pool) == 1

    async with transaction(pool) as somebody:
        await hold(somebody, taken)
        waiting = asyncio.create_task(wait_for_both())
        await until(one_waits, "one to wait for the lock that is taken")
        assert await is_free(pool, other) is not is_had
    await waiting
    assert await is_free(pool, DESK)


@pytest.mark.parametrize("kind", [kind for kind in Guarded if kind is not Guarded.LINKS])
async def test_shared_locks_keep_out_who_wants_it_alone_and_nobody_else(pool: Pool, kind: Guarded) -> None:
    async with transaction(pool) as one, transaction(pool) as other:
        await hold(one, Lock(kind, "name", shared=True))
        await hold(other, Lock(kind, "name", shared=True))
        assert not await is_free(pool, Lock(kind, "name"))
        assert await is_free(pool, Lock(kind, "another name"))


async def test_the_links_of_very_many_accounts_are_held_by_few_locks(pool: Pool) -> None:
    async with transaction(pool) as connection:
        await hold(connection, *(Lock(Guarded.LINKS, f"jane{n}@example.com") for n in range(10_000)))
        row = await (
            await connection.execute(
                "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
            )
        ).fetchone()
    assert row == (128,)


async def test_what_is_named_twice_and_nothing_at_all_can_be_held(pool: Pool) -> None:
    async with transaction(pool) as connection:
        await hold(connection)
        await hold(connection, Lock(Guarded.DESK, "a"), Lock(Guarded.DESK, "a"))
    assert await is_free(pool, Lock(Guarded.DESK, "a"))

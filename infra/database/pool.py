"""PostgreSQL: the connection pool, the migrations that a starting worker applies, and what may be told of its errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from psycopg import AsyncConnection, Error
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from infra.settings import SettingsError
from infra.watchdog import awaits_an_answer

Connection = AsyncConnection[TupleRow]


# A process that is frozen or whose machine is gone keeps what its transaction has locked until PostgreSQL ends it. No
# transaction here waits that long for anything but PostgreSQL.
OPTIONS = {
    "search_path": "mailroom",
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60s",
}
KEEPALIVES = {  # the same, for a database whose machine is gone
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

# The pool's own pause before it connects again doubles with each attempt, so after an outage of minutes it would wait for minutes
# more. It gives up early instead, and begins anew at once.
RECONNECT_SECONDS = 3.0
# That anybody waits for a connection: less than the shortest attempt of an activity, which can then say why.
POOL_SECONDS = 20.0

# 'member' and not 'usage': whoever may become a role by `set role` has its rights as well.
MORE_THAN_WORK = """
    select * from (
        select case
            when worker.rolsuper then 'is a superuser'
            when worker.oid = any(owners.ids) then 'owns the schema of Mailroom or a table in it'
            when exists (select from pg_roles r where r.rolsuper and pg_has_role(worker.oid, r.oid, 'member'))
                then 'is a member of a superuser'
            when exists (select from unnest(owners.ids) owner where pg_has_role(worker.oid, owner, 'member'))
                then 'is a member of a role that owns the schema of Mailroom or a table in it'
            when pg_has_role(worker.oid, 'pg_write_all_data', 'member') then 'may write to all tables (pg_write_all_data)'
        end as more
        from pg_roles worker, (
            select array_agg(owner) as ids from (
                select nspowner as owner from pg_namespace where nspname = 'mailroom'
                union select relowner from pg_class where relnamespace = 'mailroom'::regnamespace
                union select proowner from pg_proc where pronamespace = 'mailroom'::regnamespace
            ) found
        ) owners
        where worker.rolname = %(role)s
    ) told where more is not null
"""
Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]

_asking: set[asyncio.Task[None]] = set()


class _Pool(Pool):
    """A pool in which no cancellation is lost.

    Before Python 3.12, `asyncio.wait_for`, with which psycopg_pool waits, returns instead of raising where it is cancelled in
    the moment in which a connection is handed over (python/cpython#86296): whoever was to end goes on, a time-out is none.
    """

    @contextlib.asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[AsyncConnection[TupleRow]]:
        with awaits_an_answer():
            async with super().connection(timeout) as connection:
                yield connection

    async def getconn(self, timeout: float | None = None) -> AsyncConnection[TupleRow]:
        task = asyncio.current_task()
        asked_before = task.cancelling() if task else 0
        connection = await super().getconn(timeout)
        if task and task.cancelling() > asked_before:
            await asyncio.shield(self.putconn(connection))
            raise asyncio.CancelledError
        return connection


async def open_pool(conninfo: str, *, most: int = 10) -> Pool:
    """Opens a pool of at most `most` connections; raises psycopg_pool.PoolTimeout when none can be had in 30 s."""
    pool = _Pool(
        conninfo,
        min_size=1,
        max_size=most,
        open=False,
        kwargs={
            "autocommit": True,
            "options": " ".join(f"-c {name}={value}" for name, value in OPTIONS.items()),
            **KEEPALIVES,
        },
        check=AsyncConnectionPool.check_connection,
        timeout=POOL_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        reconnect_failed=_ask_again,
    )
    await pool.open(wait=True, timeout=30)
    return pool


async def _ask_again(pool: Pool) -> None:
    """Has the pool connect again at once: whoever asks does that, but who has been waiting in it has asked before."""

    async def ask() -> None:
        with contextlib.suppress(Error):
            async with pool.connection():
                pass

    asking = asyncio.create_task(ask(), name="the pool connects again")
    _asking.add(asking)
    asking.add_done_callback(_asking.discard)


class MayDoMore(SettingsError):
    """A role that was to work may do more than that, and nothing that it is given takes it away; the text says what to do."""


async def _may_do_more(connection: AsyncConnection[TupleRow], role: str) -> str | None:
    """Why a role may change the log in spite of `GRANTS`, None where it may not (or where there is no such role)."""
    row = await (await connection.execute(MORE_THAN_WORK, {"role": role})).fetchone()
    return None if row is None else str(row[0])


def _missing(names: list[str]) -> str:
    if len(names) == 1:
        return f"the migration {names[0]} is missing"
    return f"{len(names)} migrations are missing, {names[0]} the first"

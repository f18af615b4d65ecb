"""The pool of connections to PostgreSQL, which loses no cancellation and comes back within seconds of an outage."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator

from psycopg import AsyncConnection, Error
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

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
# A connection that was given back so short a time ago is handed out without being asked first whether it still lives: it may be
# cut between question and use as well, and the question is a round trip for each of the many short uses in a row.
ALIVE_SECONDS = 0.5

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


class _Connection(AsyncConnection[TupleRow]):
    given_back_at = -math.inf  # by this process's monotonic clock


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

    async def putconn(self, conn: AsyncConnection[TupleRow]) -> None:
        conn.given_back_at = time.monotonic()  # type: ignore[attr-defined]  # all are `_Connection`s
        await super().putconn(conn)

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
        connection_class=_Connection,
        check=_check_if_idle,
        timeout=POOL_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        reconnect_failed=_ask_again,
    )
    await pool.open(wait=True, timeout=30)
    return pool


async def _check_if_idle(connection: AsyncConnection[TupleRow]) -> None:
    """Raises psycopg.OperationalError where the connection is dead, after which the pool makes another."""
    assert isinstance(connection, _Connection)
    if time.monotonic() - connection.given_back_at > ALIVE_SECONDS:
        await AsyncConnectionPool.check_connection(connection)


async def _ask_again(pool: Pool) -> None:
    """Has the pool connect again at once: whoever asks does that, but who has been waiting in it has asked before."""

    async def ask() -> None:
        with contextlib.suppress(Error):
            async with pool.connection():
                pass

    asking = asyncio.create_task(ask(), name="the pool connects again")
    _asking.add(asking)
    asking.add_done_callback(_asking.discard)

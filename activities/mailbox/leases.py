"""Leases: at most one session per mailbox, and a bounded number per host, over all workers and whatever happens.

A lease is a row that runs out by itself. Its token fences: a session whose lease was taken over cannot commit any more, so
even a worker that was frozen for an hour does no harm when it wakes up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextvars import Context
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from domain.retrieval.hosts import GIVES_WAY_MINUTES, Asked, Wait, turn
from infra.database.locks import Guarded, Lock, hold
from infra.database.pool import POOL_SECONDS, Pool
from infra.tasks import ended
from infra.watchdog import watched

logger = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
RENEWED_EVERY = 4.0
RELEASE_SECONDS = 5.0  # that a session waits for the database to take its lease back
LATEST = 1.5  # of a pause: the watch that waits adds up to half of it, so that not all come at once
MOMENT = 2.0  # seconds in which those who wait come for a place that is kept for them
MISSING = 5.0  # seconds after which nothing is kept any more for one who did not come

# Whether another session has the mailbox, the account's place in the queue, and the fields of `Asked` in their order.
ASKED = """
    select
        (select extract(epoch from expires_at - now) from leases where address = %(address)s and expires_at > now),
        turn_at,
        refused,
        refused and exists (
            select from accounts_recorded a left join login_refusals r using (address)
            where a.host = %(host)s and a.address <> %(address)s and a.state = 'active' and r.address is null
        ),
        (select count(*) from leases where host = %(host)s and expires_at > now),
        (select count(*) from leases l join login_refusals using (address) where l.host = %(host)s and expires_at > now),
        ahead,
        refused_ahead,
        waiting,
        (select extract(epoch from now - max(refused_at))::float from login_refusals where host = %(host)s),
        extract(epoch from turn_at - now)::float
    from (
        select clock_timestamp() as now,
            exists (select from login_refusals where address = %(address)s and host = %(host)s) as refused
    ) asked
    cross join lateral (
        select coalesce(
            (select turn_at from session_queue where address = %(address)s and host = %(host)s),
            now + make_interval(secs => case when refused then %(gives_way)s else 0 end)
        ) as turn_at
    ) own
    cross join lateral (
        select
            count(*) filter (where r.address is null and again_at < now + make_interval(secs => %(moment)s)) as ahead,
            count(*) filter (where r.address is not null and again_at < now + make_interval(secs => %(moment)s))
                as refused_ahead,
            count(*) as waiting
        from session_queue q left join login_refusals r using (address)
        where q.host = %(host)s and q.address <> %(address)s and q.turn_at < own.turn_at
            and again_at > now - make_interval(secs => %(missing)s)
    ) others
"""

# Who has not come back for ten minutes was disabled or closed, or its workers are gone.
QUEUE = """
    with gone as (
        delete from session_queue
        where host = %(host)s and address <> %(address)s and again_at < clock_timestamp() - interval '10 minutes'
    )
    insert into session_queue (address, host, turn_at, again_at)
    values (%(address)s, %(host)s, %(turn_at)s, clock_timestamp() + make_interval(secs => %(again)s))
    on conflict (address) do update set
        host = excluded.host, turn_at = excluded.turn_at, again_at = excluded.again_at
"""


RENEW = """
    with free as (select from leases where address = %(address)s and token = %(token)s for update skip locked),
    prolonged as (
        update leases set expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
        where address = %(address)s and token = %(token)s and expires_at > clock_timestamp() and exists (select from free)
        returning 1
    )
    select exists (select from prolonged), exists (
        select from leases where address = %(address)s and token = %(token)s
            and (expires_at > clock_timestamp() or not exists (select from free))
    )
"""


class NotNow(Exception):
    """The mailbox or its host is taken; nobody's failure. `seconds` is when to ask again."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class LeaseLost(Exception):
    """Another worker holds the lease now, so this session must stop; what it committed stands."""


@dataclass(slots=True)
class Lease:
    address: str
    token: UUID
    valid_until: float = 0.0  # by this process's monotonic clock
    _fences: int = 0
    _given_up: bool = False

    def give_up(self) -> None:
        """Lets it run out, whatever the session or a renewal still does: it is not prolonged any more."""
        self._given_up = True

    def check(self) -> None:
        """Raises LeaseLost once the lease may have run out. While a fenced transaction is open, nobody can take it over."""
        if self._given_up:
            raise LeaseLost(f"the lease of {self.address} was given up: its session stood still")
        if not self._fences and time.monotonic() >= self.valid_until:
            raise LeaseLost(f"the lease of {self.address} ran out")

    @property
    def fenced(self) -> bool:
        """Whether a fenced transaction is open."""
        return self._fences > 0

    @contextlib.asynccontextmanager
    async def fence(self, connection: AsyncConnection[TupleRow]) -> AsyncIterator[None]:
        """Makes the transaction on `connection`, which must last longer than the block, the holder's alone.

        It locks the lease's row, so that nobody takes it over before its end, and prolongs the lease at its beginning and its
        end: a renewal would have to wait, too. Raises LeaseLost.
        """
        if not await self._prolong(connection, "and expires_at > clock_timestamp()"):
            raise LeaseLost(f"the lease of {self.address} was lost")
        self._fences += 1
        try:
            yield
            await self._prolong(connection)
        finally:
            self._fences -= 1

    async def renew(self, connection: AsyncConnection[TupleRow]) -> bool:
        """Prolongs the lease unless it has run out; False when it has. Waits for nobody: a fence that was opened meanwhile has
        the row locked until its transaction ends, and prolongs the lease by itself."""
        if self._given_up:
            return False
        asked = time.monotonic()
        row = await (
            await connection.execute(RENEW, {"address": self.address, "token": self.token, "seconds": LEASE_SECONDS})
        ).fetchone()
        assert row is not None
        prolonged, holds = row
        if prolonged:
            self.valid_until = asked + LEASE_SECONDS
        return bool(holds)

    async def _prolong(self, connection: AsyncConnection[TupleRow], condition: LiteralString = "") -> bool:
        if self._given_up:
            return False
        asked = time.monotonic()
        done = await connection.execute(
            "update leases set expires_at = clock_timestamp() + make_interval(secs => %s) "
            "where address = %s and token = %s " + condition,
            [LEASE_SECONDS, self.address, self.token],
        )
        if done.rowcount:
            self.valid_until = asked + LEASE_SECONDS
        return bool(done.rowcount)


class Leases:
    def __init__(self, pool: Pool, worker: str, most_per_host: int, minute_seconds: float = 60.0) -> None:
        self._pool = pool
        self._worker = worker
        self._most_per_host = most_per_host
        self._minute_seconds = minute_seconds
        self._beginning: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def hold(self, address: str, host: str) -> AsyncIterator[Lease]:
        """Holds the mailbox's lease and renews it; raises NotNow when another session has it or the host is full."""
        lease = Lease(address, uuid4())
        async with self._one_at_a_time(host):
            await self._take(lease, host)
        # In a context of its own: what it does is not the session's doing.
        renewing = asyncio.create_task(self._renew(lease), context=Context())
        session = watched()
        with session.holding(lease.give_up):
            try:
                yield lease
            except psycopg.Error as error:  # said before anything else is asked of the database
                logger.warning("%s: the session ends, because the database failed (%s)", address, type(error).__name__)
                raise
            finally:
                with session.ending():
                    await self._end(lease, renewing)

    async def _end(self, lease: Lease, renewing: asyncio.Task[None]) -> None:
        try:
            if error := await ended(renewing):
                logger.error("the lease of %s was not renewed to the end", lease.address, exc_info=error)
        finally:
            await asyncio.shield(self._release(lease))

    @contextlib.asynccontextmanager
    async def _one_at_a_time(self, host: str) -> AsyncIterator[None]:
        """PostgreSQL lets one session at a host begin at a time. Whoever waits for that here does so without a connection of the
        pool: a hundred mailboxes of one host would have all of them, and nobody could renew a lease."""
        beginning = self._beginning.setdefault(host, asyncio.Lock())
        try:
            async with asyncio.timeout(POOL_SECONDS):
                await beginning.acquire()
        except TimeoutError:
            raise NotNow(f"others begin at {host}", 1.0) from None
        try:
            yield
        finally:
            beginning.release()

    async def _take(self, lease: Lease, host: str) -> None:
        asked = time.monotonic()
        async with self._pool.connection() as connection, connection.transaction():
            # One at a time per host, or several workers could each see the last free place.
            await hold(connection, Lock(Guarded.SESSIONS, host))
            await self._lock(connection, lease.address)
            wait = await self._turn(connection, lease.address, host)
            if wait is None:
                await self._insert(connection, lease, host)
        if wait is not None:  # only now: the place in the queue must be committed
            raise NotNow(wait.reason, wait.seconds)
        lease.valid_until = asked + LEASE_SECONDS

    async def _lock(self, connection: AsyncConnection[TupleRow], address: str) -> None:
        """Locks the lease that the mailbox may still have, until the transaction ends; raises NotNow where somebody else does.

        A fence locks it for as long as its transaction lasts, and that of a frozen process lasts until PostgreSQL ends it.
        Whoever waited for it here would have everybody at the host wait, each with a connection of the pool.
        """
        row = await (
            await connection.execute(
                """
                with free as (select from leases where address = %(address)s for update skip locked)
                select exists (select from leases where address = %(address)s) and not exists (select from free)
                """,
                {"address": address},
            )
        ).fetchone()
        if row and row[0]:
            raise NotNow("another session holds the mailbox", 1.0)

    async def _turn(self, connection: AsyncConnection[TupleRow], address: str, host: str) -> Wait | None:
        """Whether the account may begin now, by the rule of domain/retrieval/hosts.py; if not, it has its place in the queue."""
        about = {
            "address": address,
            "host": host,
            "gives_way": GIVES_WAY_MINUTES * self._minute_seconds,
            "moment": MOMENT,
            "missing": MISSING,
        }
        row = await (await connection.execute(ASKED, about)).fetchone()
        assert row is not None
        held_for, turn_at, *facts = row
        if held_for is not None:
            raise NotNow("another session holds the mailbox", min(float(held_for) + 0.1, 2.0))
        wait = turn(Asked(*facts), host, most=self._most_per_host, minute_seconds=self._minute_seconds)
        if wait is not None:
            again = wait.seconds * LATEST
            await connection.execute(QUEUE, {**about, "turn_at": turn_at, "again": again})
        return wait

    async def _insert(self, connection: AsyncConnection[TupleRow], lease: Lease, host: str) -> None:
        taken = await connection.execute(
            """
            with served as (delete from session_queue where address = %(address)s)
            insert into leases (address, host, token, worker, expires_at)
            values (%(address)s, %(host)s, %(token)s, %(worker)s, clock_timestamp() + make_interval(secs => %(seconds)s))
            on conflict (address) do update set
                host = excluded.host, token = excluded.token, worker = excluded.worker,
                expires_at = excluded.expires_at
            where leases.expires_at <= clock_timestamp()
            """,
            {
                "address": lease.address,
                "host": host,
                "token": lease.token,
                "worker": self._worker,
                "seconds": LEASE_SECONDS,
            },
        )
        if taken.rowcount == 0:  # a session with another host has just begun: that one waits for another place
            raise NotNow("another session holds the mailbox", 1.0)

    async def _renew(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(RENEWED_EVERY)
            if lease.fenced:  # which prolongs it
                continue
            with contextlib.suppress(psycopg.Error):  # a database that is away: the lease runs out, and `check` says so
                async with self._pool.connection() as connection:
                    if not await lease.renew(connection):
                        lease.valid_until = 0.0
                        return

    async def _release(self, lease: Lease) -> None:
        with contextlib.suppress(Exception):  # it runs out by itself
            async with asyncio.timeout(RELEASE_SECONDS), self._pool.connection() as connection:
                await connection.execute(
                    "delete from leases where address = %s and token = %s", [lease.address, lease.token]
                )

"""Leases: at most one session per mailbox, and a bounded number per host, over all workers and whatever happens.

A lease is a row that runs out by itself. Its token fences: a session whose lease was taken over cannot commit any more, so
even a worker that was frozen for an hour does no harm when it wakes up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from infra.database import Pool

LEASE_SECONDS = 15.0
RENEWED_EVERY = 4.0
REMEMBERED_SECONDS = 30.0


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

    def check(self) -> None:
        """Raises LeaseLost once the lease may have run out. While a fenced transaction is open, nobody can take it over."""
        if not self._fences and time.monotonic() >= self.valid_until:
            raise LeaseLost(f"the lease of {self.address} ran out")

    @contextlib.asynccontextmanager
    async def fence(self, connection: AsyncConnection[TupleRow]) -> AsyncIterator[None]:
        """Makes the transaction on `connection`, which must last longer than the block, the holder's alone.

        It locks the lease's row, so that a take-over waits for its end, and prolongs the lease at its beginning and its end:
        a renewal would have to wait, too. Raises LeaseLost.
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
        """Prolongs the lease unless it has run out; False when it has."""
        return await self._prolong(connection, "and expires_at > clock_timestamp()")

    async def _prolong(self, connection: AsyncConnection[TupleRow], condition: LiteralString = "") -> bool:
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
    def __init__(self, pool: Pool, worker: str, most_per_host: int) -> None:
        self._pool = pool
        self._worker = worker
        self._most_per_host = most_per_host
        self._turned_away: dict[str, deque[float]] = {}

    @contextlib.asynccontextmanager
    async def hold(self, address: str, host: str) -> AsyncIterator[Lease]:
        """Holds the mailbox's lease and renews it; raises NotNow when another session has it or the host is full."""
        lease = Lease(address, uuid4())
        await self._take(lease, host)
        renewing = asyncio.create_task(self._renew(lease))
        try:
            yield lease
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
            await asyncio.shield(self._release(lease))

    async def _take(self, lease: Lease, host: str) -> None:
        asked = time.monotonic()
        async with self._pool.connection() as connection, connection.transaction():
            # One at a time per host, or several workers could each see the last free place.
            await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sessions:{host}"])
            row = await (
                await connection.execute(
                    """
                    select
                        (select extract(epoch from expires_at - clock_timestamp()) from leases
                         where address = %(address)s and expires_at > clock_timestamp()),
                        (select count(*) from leases where host = %(host)s and expires_at > clock_timestamp())
                    """,
                    {"address": lease.address, "host": host},
                )
            ).fetchone()
            held_for, on_host = row or (None, 0)
            if held_for is not None:
                raise NotNow("another session holds the mailbox", min(float(held_for) + 0.1, 2.0))
            if on_host >= self._most_per_host:
                raise NotNow(f"{on_host} sessions with {host} are open, as many as allowed", self._queueing(host))
            taken = await connection.execute(
                """
                insert into leases (address, host, token, worker, expires_at)
                values (%s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s))
                on conflict (address) do update set
                    host = excluded.host, token = excluded.token, worker = excluded.worker,
                    expires_at = excluded.expires_at
                where leases.expires_at <= clock_timestamp()
                """,
                [lease.address, host, lease.token, self._worker, LEASE_SECONDS],
            )
            if taken.rowcount == 0:  # its holder was prolonging it in a transaction that had not ended
                raise NotNow("another session holds the mailbox", 1.0)
        lease.valid_until = asked + LEASE_SECONDS

    def _queueing(self, host: str) -> float:
        """Seconds after which an account asks again: the longer, the more of them this worker has just turned away."""
        now = time.monotonic()
        recent = self._turned_away.setdefault(host, deque())
        recent.append(now)
        while recent[0] < now - REMEMBERED_SECONDS:
            recent.popleft()
        return min(1.0 + len(recent) / 20, REMEMBERED_SECONDS)

    async def _renew(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(RENEWED_EVERY)
            with contextlib.suppress(psycopg.Error):  # a database that is away: the lease runs out, and `check` says so
                async with self._pool.connection() as connection:
                    if not await lease.renew(connection):
                        lease.valid_until = 0.0
                        return

    async def _release(self, lease: Lease) -> None:
        with contextlib.suppress(Exception):  # it runs out by itself
            async with self._pool.connection() as connection:
                await connection.execute(
                    "delete from leases where address = %s and token = %s", [lease.address, lease.token]
                )

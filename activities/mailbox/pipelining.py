"""Whether commands are sent together (PIPELINING, RFC 2449, section 6.6), and what speaks against it: remembered by host.

Not every server that offers it does it. Some mix up their answers, which ends the session as a violation of the protocol: a
host that did so twice is not pipelined with for a week. Others hang up, fall silent or refuse what they were sent too early.
That looks like a line that the network lost, so it raises a doubt alone: the mailbox's next session sends one command after
the other. If that one works, the doubt is a proof, and the second proof in a row keeps the host from being pipelined with for a
week; a session that works with pipelining ends the row. An outage that ends the sessions of many mailboxes is one proof at
most.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from activities.pop.connection import PopConnection, ProtocolViolation, ServerRefused
from infra.database.pool import Pool

MOST_DESYNCHRONISATIONS = 2
MOST_PROOFS = 2
AHEAD = ("UIDL", "LIST")  # sent before STAT is answered; another refusal is about what was asked for
WITHOUT_PIPELINING = timedelta(days=7)


class Pipelining:
    """One session's part in it."""

    def __init__(self, pool: Pool, address: str, host: str) -> None:
        self._pool = pool
        self._address = address
        self._host = host.lower()
        self._used = False
        self._doubted = False
        self._proofs = 0

    async def allow(self, connection: PopConnection, now: datetime) -> None:
        """Has the connection send commands one by one where that is known, or suspected, to be needed."""
        async with self._pool.connection() as database:
            row = await (
                await database.execute(
                    """
                    select d.times >= %s and d.last_at > %s, d.proofs >= %s and d.proven_at > %s, coalesce(d.proofs, 0),
                        exists (select from pipelining_doubts where address = %s)
                    from (select) one left join desynchronisations d on d.host = %s
                    """,
                    [
                        MOST_DESYNCHRONISATIONS,
                        now - WITHOUT_PIPELINING,
                        MOST_PROOFS,
                        now - WITHOUT_PIPELINING,
                        self._address,
                        self._host,
                    ],
                )
            ).fetchone()
        assert row is not None
        out_of_step, proven, self._proofs, self._doubted = row
        if out_of_step or proven or self._doubted:
            connection.pipelining = False
        self._used = connection.pipelining

    async def broke(self, connection: PopConnection, fault: Exception, now: datetime) -> None:
        """Notes what a session that ended in `fault` says of its pipelined commands."""
        if not self._used:
            return
        if isinstance(fault, ProtocolViolation):
            await self._out_of_step(now)
        elif connection.sent_together or (isinstance(fault, ServerRefused) and fault.command in AHEAD):
            await self._doubt(now)

    async def worked(self, now: datetime) -> None:
        """Notes that a session came to its end."""
        if self._used and self._proofs:
            await self._execute("update desynchronisations set proofs = 0 where host = %s", self._host)
        elif not self._used and self._doubted:
            await self._prove(now)

    async def _out_of_step(self, now: datetime) -> None:
        await self._execute(
            """
            insert into desynchronisations as d (host, times, last_at) values (%s, 1, %s)
            on conflict (host) do update set
                times = case when d.last_at <= %s then 1 else d.times + 1 end, last_at = excluded.last_at
            """,
            self._host,
            now,
            now - WITHOUT_PIPELINING,
        )

    async def _doubt(self, now: datetime) -> None:
        await self._execute(
            """
            insert into pipelining_doubts (address, lost_at) values (%s, %s)
            on conflict (address) do update set lost_at = excluded.lost_at
            """,
            self._address,
            now,
        )

    async def _prove(self, now: datetime) -> None:
        """A doubt about what was lost before the last proof adds nothing to that."""
        await self._execute(
            """
            with doubt as (delete from pipelining_doubts where address = %s returning lost_at)
            insert into desynchronisations as d (host, times, last_at, proofs, proven_at)
            select %s, 0, lost_at, 1, %s from doubt
            on conflict (host) do update set
                proofs = case when d.proven_at > %s then d.proofs + 1 else 1 end, proven_at = excluded.proven_at
            where d.proven_at is null or excluded.last_at > d.proven_at
            """,
            self._address,
            self._host,
            now,
            now - WITHOUT_PIPELINING,
        )

    async def _execute(self, statement: str, *values: object) -> None:
        async with self._pool.connection() as database:
            await database.execute(statement.encode(), values)

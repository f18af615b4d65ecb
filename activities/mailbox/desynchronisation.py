"""What a broken conversation teaches the next one about messages: which to ask for alone.

A server that does not stuff a message's dots ends it early, and what it says from then on answers other commands than
those it was asked. So at a line that breaks, two messages may be to blame: the one that was awaited, and the one before it
unless it had just the size that was listed. Each is asked for once more, after all others and without pipelining; only the
message that breaks the conversation even then is put in quarantine.
"""

from __future__ import annotations

from activities.pop.connection import ProtocolViolation
from domain.retrieval.plan import Identity, Listed
from infra.database.pool import Pool

LOST_LINE = 1  # the network may be to blame, so once is no evidence
BROKEN_PROTOCOL = 2
ALONE_FROM = 2


class Suspects:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, address: str, epoch: int) -> set[Identity]:
        """The messages of a mailbox that are to be asked for alone. What has come since is suspected no more."""
        async with self._pool.connection() as connection:
            await connection.execute(
                """
                delete from suspects s using pop_ledger l
                where s.address = %s and s.epoch = %s and l.address = s.address and l.epoch = s.epoch
                    and l.uidl = s.uidl and l.occurrence = s.occurrence and l.state <> 'quarantined'
                """,
                [address, epoch],
            )
            rows = await (
                await connection.execute(
                    "select uidl, occurrence from suspects where address = %s and epoch = %s and weight >= %s",
                    [address, epoch, ALONE_FROM],
                )
            ).fetchall()
        return {(uidl, occurrence) for uidl, occurrence in rows}

    async def blame(
        self, address: str, epoch: int, broke: Exception, awaited: Listed, before: Listed | None = None
    ) -> None:
        """Notes where a session broke: at the message that was `awaited`, or, if the server broke the protocol, perhaps at
        the one `before`."""
        violated = isinstance(broke, ProtocolViolation)
        blamed = {awaited.identity} | ({before.identity} if violated and before else set())
        async with self._pool.connection() as connection:
            await connection.execute(
                """
                insert into suspects as s (address, epoch, uidl, occurrence, weight)
                select %s, %s, uidl, occurrence, %s from unnest(%s::text[], %s::smallint[]) as blamed (uidl, occurrence)
                on conflict (address, epoch, uidl, occurrence) do update set weight = s.weight + excluded.weight
                """,
                [
                    address,
                    epoch,
                    BROKEN_PROTOCOL if violated else LOST_LINE,
                    [uidl for uidl, _ in blamed],
                    [occurrence for _, occurrence in blamed],
                ],
            )

"""What a policy would have deleted from the server: counted before anybody may say so."""

from __future__ import annotations

from temporalio import activity

from activities.pop.session import Clock, now_utc
from domain.mailbox.settings import Retrieval
from domain.retrieval.deletion import EXAMPLES, Deletable, kept_for
from infra.database.pool import Pool
from workflows.contract import DeletionsRequest

# Not what an earlier list lacked already, nor what was on another server.
DELETABLE = """
    select l.mail from pop_ledger l join mailboxes b on b.address = l.address and b.epoch = l.epoch
    where l.address = %s and l.state = 'stored' and l.vanished_at is null and l.stored_at <= %s
"""


class Deletions:
    def __init__(self, pool: Pool, clock: Clock = now_utc) -> None:
        self._pool = pool
        self._clock = clock

    @activity.defn
    async def deletable_messages(self, request: DeletionsRequest) -> Deletable:
        """How many messages that policy would have deleted at the next session, and the latest of them."""
        return await self.deletable(request.address, request.policy)

    async def deletable(self, address: str, policy: Retrieval) -> Deletable:
        kept = kept_for(policy)
        if kept is None:
            return Deletable(messages=0)
        given = [address, self._clock() - kept]
        async with self._pool.connection() as connection:
            counted = await (await connection.execute(f"select count(*) from ({DELETABLE}) as found", given)).fetchone()
            latest = await (
                await connection.execute(f"{DELETABLE} order by l.mail desc nulls last limit {EXAMPLES}", given)
            ).fetchall()
        assert counted is not None
        return Deletable(messages=counted[0], examples=tuple(row[0] for row in latest if row[0] is not None))

"""What other rules of a CRM would unlink: counted before anybody changes them."""

from __future__ import annotations

from temporalio import activity

from domain.privacy.rules import rule_for
from infra.database.pool import Pool
from workflows.contract import UnlinkedBy, UnlinkedByRequest

EXAMPLES = 5


class LinkingPreview:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def unlinked_by(self, request: UnlinkedByRequest) -> UnlinkedBy:
        """The messages that are linked now and would not be: by addresses that `never_log` has from then on, and with records of
        kinds that take part no more. What a narrower match of addresses would lose is not among them."""
        never = frozenset(request.after.never_log) - frozenset(request.before.never_log)
        left_out = set(request.before.kinds) - set(request.after.kinds)
        async with self._pool.connection() as connection:
            rows = await (
                await connection.execute(
                    """
                    select matched_address, record_kind, array_agg(distinct message) from links
                    where crm = %s and unlinked_at is null group by 1, 2
                    """,
                    [request.crm],
                )
            ).fetchall()
        found: set[int] = set()
        for address, kind, messages in rows:
            if kind in left_out or (address and rule_for(address, never)):
                found.update(messages)
        return UnlinkedBy(messages=len(found), examples=tuple(sorted(found, reverse=True)[:EXAMPLES]))

"""The command `make_private`: messages that a person keeps out of every CRM, one by one, whatever the rules say.

Their links are unlinked, and CRMs are told; what was decided about them by hand is kept, and holds again once they are private no
more. A colleague's copy of the same message is the colleague's, and stays linked.
"""

from __future__ import annotations

from typing import Any

from temporalio import activity

from activities.core.commands import at_the_desk, given, log, logged
from activities.filing.refile import places
from activities.linking.links import relink
from domain.privacy.commands import MakePrivate
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest


class PrivateMail:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def make_private(self, request: DeskRequest) -> dict[str, Any]:
        """All of them, or none where one is unknown. `messages` in the answer counts those that were not so before; tried again
        after a lost answer, it changes nothing more."""
        asked = given(MakePrivate, request)
        async with at_the_desk(self._pool, request.address) as connection:
            there = await places(connection, request.address, asked.messages)
            if (done := await logged(connection, request, asked.by)) is None:
                ids, links = await (_hide if asked.private else _show)(connection, sorted(there), request)
                changed = await relink(connection, ids, replies=True)
                linked = changed.linked + (0 if asked.private else links)
                unlinked = changed.unlinked + (links if asked.private else 0)
                done = {"messages": len(ids), "linked": linked, "unlinked": unlinked}
                if ids:
                    facts = {**done, "private": asked.private, "changed": ids}
                    await log(connection, request, "MessagesMadePrivate", asked.by, facts)
        return {name: done[name] for name in ("messages", "linked", "unlinked")}


async def _hide(connection: Connection, messages: list[int], request: DeskRequest) -> tuple[list[int], int]:
    """The messages that were not private before, and how many links they had, those that were made by hand among them."""
    rows = await (
        await connection.execute(
            """
            insert into kept_private select message, %s, %s from unnest(%s::bigint[]) message
            on conflict do nothing returning message
            """,
            [request.given.get("by", "operator"), request.at, messages],
        )
    ).fetchall()
    hidden = sorted(row[0] for row in rows)
    done = await connection.execute(
        "update links set unlinked_at = now() where message = any(%s) and unlinked_at is null", [hidden]
    )
    return hidden, done.rowcount


async def _show(connection: Connection, messages: list[int], request: DeskRequest) -> tuple[list[int], int]:
    """The messages that were private, and how many links that were made by hand they have again; the rules make the others."""
    rows = await (
        await connection.execute("delete from kept_private where message = any(%s) returning message", [messages])
    ).fetchall()
    shown = sorted(row[0] for row in rows)
    done = await connection.execute(
        """
        update links l set unlinked_at = null, linked_at = now() from link_decisions d
        where (d.message, d.crm, d.record_kind, d.record_id) = (l.message, l.crm, l.record_kind, l.record_id)
            and l.message = any(%s) and l.source = 'manual' and l.unlinked_at is not null and d.decision = 'linked'
        """,
        [shown],
    )
    return shown, done.rowcount

"""Deleting stored mail for good, and keeping it from being imported again.

What goes: the message with its links, its bytes where nobody else has the same, and its share of the counters. What stays: a
tombstone of hashes, and the ledger's entries, which say that it was deleted here. On the server nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from temporalio import activity

from activities.core.commands import at_the_desk, given, log, logged
from activities.core.locks import hold_links, keep_sessions_out
from activities.delivery.tombstones import DELETED
from activities.filing.refile import unknown_messages
from activities.linking.links import MOST_FOLLOWERS, relink_others
from activities.linking.outbox_entries import refresh_entries
from activities.linking.relinking import ask_to_relink_crms
from activities.linking.reports import reported
from activities.linking.threads import followers_of, passing_on
from domain.filing.commands import DeleteMessages
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest

GONE = "a message of its thread, or a report on it, was deleted"


@dataclass(frozen=True, slots=True)
class Removed:
    """The messages that were there, and how many bytes of quota they give back."""

    messages: list[int]
    bytes: int


class Removal:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def delete_messages(self, request: DeskRequest) -> dict[str, Any]:
        """All of them, or none where one is unknown. Tried again after a lost answer, it changes nothing more."""
        asked = given(DeleteMessages, request)
        if asked.dry_run:
            return await self._would_go(request.address, asked.messages)
        async with at_the_desk(self._pool, request.address) as connection:
            done = await logged(connection, request, asked.by)
            if done is None:
                await keep_sessions_out(connection, request.address)
                removed = await remove(connection, request.address, asked.messages, cause="deleted", at=request.at)
                if missing := set(asked.messages) - set(removed.messages):
                    raise unknown_messages(request.address, missing)
                done = {"messages": len(removed.messages), "bytes": removed.bytes}
                await log(connection, request, "MessagesDeleted", asked.by, done | {"withdrawn": removed.messages})
            return {"messages": done["messages"], "bytes": done["bytes"]}

    async def _would_go(self, address: str, messages: Collection[int]) -> dict[str, Any]:
        async with self._pool.connection() as connection:
            rows = await (
                await connection.execute(
                    """
                    select m.id, m.size, exists (select from links l where l.message = m.id and l.unlinked_at is null)
                    from mail m where m.address = %s and m.state = 'stored' and m.id = any(%s) order by m.id
                    """,
                    [address, sorted(messages)],
                )
            ).fetchall()
        if missing := set(messages) - {message for message, *_ in rows}:
            raise unknown_messages(address, missing)
        return {
            "dry_run": True,
            "messages": len(rows),
            "bytes": sum(size for _, size, _ in rows),
            "linked": sum(linked for *_, linked in rows),
        }


async def remove(
    connection: Connection,
    address: str,
    messages: Collection[int],
    *,
    cause: Literal["deleted", "erased"],
    at: datetime,
) -> Removed:
    """Removes stored messages of the account, in the caller's transaction, which has kept sessions out. The caller logs their
    ids as `withdrawn`, in an event of a type that `activities.reconciliation.comparison.TOLD` knows."""
    # Blobs before links and entries, as everybody locks them. Whoever stores the same bytes has locked them, or waits here.
    await connection.execute(
        """
        select from blobs
        where sha256 = any(array(select m.sha256 from mail m where m.address = %s and m.id = any(%s)))
        order by sha256 for update
        """,
        [address, sorted(messages)],
    )
    await hold_links(connection, [address])
    rows = await (
        await connection.execute(
            """
            select id, sha256, identity, size, traits ->> 'about' from mail
            where address = %s and state = 'stored' and id = any(%s) order by id for update
            """,
            [address, sorted(messages)],
        )
    ).fetchall()
    if not rows:
        return Removed([], 0)
    ids = [message for message, *_ in rows]
    digests = sorted({bytes(sha256) for _, sha256, *_ in rows})
    identities = {bytes(identity) for _, _, identity, _, _ in rows if identity is not None}
    others = await followers_of(connection, await passing_on(connection, ids), MOST_FOLLOWERS + 1)
    more = len(others) > MOST_FOLLOWERS
    others += await reported(connection, {(address, about) for *_, about in rows if about is not None})
    await connection.execute(
        """
        insert into tombstones (address, identity, sha256, cause, at)
        select address, identity, sha256, %s, %s from mail where id = any(%s) order by id
        """,
        [cause, at, ids],
    )
    await connection.execute("delete from links where message = any(%s)", [ids])
    await connection.execute(
        """
        update pop_ledger set mail = null, reason = %s, state = case when state = 'stored' then 'skipped' else state end
        where mail = any(%s)
        """,
        [DELETED, ids],
    )
    await connection.execute("delete from mail where id = any(%s)", [ids])
    await _drop_bytes(connection, digests)
    await refresh_entries(connection, identities)
    size = sum(size for *_, size, _ in rows)
    await connection.execute(
        "update mailboxes set messages = messages - %s, bytes = bytes - %s where address = %s",
        [len(ids), size, address],
    )
    await relink_others(connection, set(others) - set(ids), cause=GONE)
    if more:
        await ask_to_relink_crms(connection, address, cause=GONE)
    return Removed(ids, size)


async def _drop_bytes(connection: Connection, digests: Sequence[bytes]) -> None:
    """Those of `digests` that no mail has any more."""
    await connection.execute(
        """
        with gone as (
            delete from blobs b where b.sha256 = any(%b::bytea[])
                and not exists (select from mail m where m.sha256 = b.sha256)
            returning b.sha256, b.chunks
        ), healed as (
            delete from damaged_blobs d using gone where d.sha256 = gone.sha256
        )
        delete from uploads u using gone where u.chunks = gone.chunks
        """,
        [digests],
    )

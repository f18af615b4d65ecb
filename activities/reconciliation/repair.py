"""Mending what a reconciliation finds: each step is one audited transaction, fenced by the mailbox's lease.

Nothing is fetched here. A message whose row or bytes are lost or damaged is made unknown to the ledger again, so that the
account's own next session brings it; the damaged row stays until then, and good bytes replace damaged ones in the transaction
that stores them. That message then stands in two rows, and `restore` makes them one: the row that was there first is kept, with
all that refers to it.

Every step finds by itself what there is to do. Dead before its commit, it has done nothing, and nothing is in the log; dead
after it, the next attempt finds that much less to do. So a repair that is run twice, or died anywhere, doubles nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, LiteralString
from uuid import uuid4

from psycopg.rows import dict_row

from activities.core.log import append
from activities.mailbox.leases import Lease
from activities.mailbox.ledger import fenced
from activities.pop.session import Clock
from activities.reconciliation.comparison import (
    MAILBOX_DIFFERS,
    SESSIONS_DIFFER,
    TOLD,
    UNKNOWN_TO_LEDGER,
    WITHOUT_MAIL,
    log_broken,
)
from domain.core.log_event import LoggedEvent
from domain.reconciliation import Mended
from domain.retrieval.plan import Identity, Listed
from infra.database.planner import compare_whole_sets, row_by_row_again
from infra.database.pool import Connection, Pool

ACTOR = "reconcile"
AT_ONCE = 200  # messages of one transaction and its event, as many as a batch has


class Repair:
    """Mends one account whose mailbox the caller holds. `epoch` is the ledger's present one."""

    def __init__(self, pool: Pool, lease: Lease, epoch: int, clock: Clock) -> None:
        self._pool = pool
        self._lease = lease
        self._address = lease.address
        self._epoch = epoch
        self._clock = clock

    async def mend(self, listed: Sequence[Listed] | None, unknown: Sequence[Listed]) -> Mended:
        """Everything that can be mended. `listed` is the server's list, None where it was not asked; `unknown` the part of it
        that the ledger does not know."""
        done = Mended(restored=await self._restore(), relinked=await self._point_to_mail())
        if listed is not None:
            there = await asyncio.to_thread(_identities, listed)
            done += Mended(
                relinked=await self._enter_unknown_mail(await asyncio.to_thread(_by_uidl, unknown)),
                released=await self._release_damaged(there) + await self._release_lost(there),
            )
        return done + Mended(counters=await self._correct_counters())

    async def _restore(self) -> int:
        """Makes one message of each that was fetched again: the row that the ledger lost sight of is the one that links and
        the log refer to, so it stays; the ledger points to it again, and the other row goes.

        The same message is what has the same UIDL and the same bytes, or instead of damaged ones the same Message-ID: some
        servers write into the header of what they hand out.
        """
        restored = 0
        while True:
            async with fenced(self._pool, self._lease) as connection:
                pairs = await self._fetched_again(connection)
                if not pairs:
                    return restored
                values = {
                    "address": self._address,
                    "kept": [pair["kept"] for pair in pairs],
                    "again": [pair["again"] for pair in pairs],
                }
                for statement in MAKE_ONE:
                    await connection.execute(statement, values)
                await connection.execute(
                    "update mailboxes set messages = messages - %s, bytes = bytes - %s where address = %s",
                    [len(pairs), sum(pair["was"] for pair in pairs), self._address],
                )
                await self._log(connection, "MessagesRestored", messages=values["kept"], withdrawn=values["again"])
            restored += len(pairs)

    async def _fetched_again(self, connection: Connection) -> list[dict[str, Any]]:
        """Pairs of rows that are one message, no row in two of them."""
        rows = await _rows(connection, FETCHED_AGAIN, {"address": self._address, "most": AT_ONCE})
        pairs: dict[int, dict[str, Any]] = {}
        for row in rows:
            pairs.setdefault(row["again"], row)
        return list(pairs.values())

    async def _point_to_mail(self) -> int:
        """Ledger entries that lost their message, and messages that lost their entry: of one UIDL and size they belong
        together. Where a server only estimates sizes they are not found here, but fetched again and then made one."""
        relinked = 0
        while True:
            async with fenced(self._pool, self._lease) as connection:
                rows = await _rows(connection, LOST_EACH_OTHER, {"address": self._address, "most": AT_ONCE})
                if not rows:
                    return relinked
                await connection.execute(
                    """
                    update pop_ledger l set mail = pair.id
                    from unnest(%s::int[], %s::text[], %s::smallint[], %s::bigint[]) as pair (epoch, uidl, occurrence, id)
                    where l.address = %s and l.epoch = pair.epoch and l.uidl = pair.uidl
                        and l.occurrence = pair.occurrence
                    """,
                    [
                        *([row[name] for row in rows] for name in ("epoch", "uidl", "occurrence", "id")),
                        self._address,
                    ],
                )
                await self._log(connection, "MessagesRelinked", messages=sorted(row["id"] for row in rows))
            relinked += len(rows)

    async def _enter_unknown_mail(self, on_server: Mapping[str, list[Listed]]) -> int:
        """Enters messages that no ledger entry knows, so that the server's copies are not fetched a second time.

        Where the server lists the UIDL with another size, it may be other mail: that is fetched, and told apart by its bytes.
        """
        entered, after = 0, 0
        while True:
            async with fenced(self._pool, self._lease) as connection:
                rows = await _rows(
                    connection,
                    f"select * from ({UNKNOWN_TO_LEDGER}) unknown where id > %(after)s order by id limit %(most)s",
                    {"address": self._address, "after": after, "most": AT_ONCE},
                )
                if not rows:
                    return entered
                after = rows[-1]["id"]
                done = []
                for row in rows:
                    there = on_server.get(row["uidl"], [])
                    same = next((one for one in there if one.size == row["size"]), None)
                    if there and same is None:
                        continue
                    if same is not None:
                        there.remove(same)
                    await connection.execute(
                        ENTER,
                        {
                            **row,
                            "address": self._address,
                            "epoch": self._epoch,
                            "occurrence": None if same is None else same.occurrence,
                        },
                    )
                    done.append(row["id"])
                if done:
                    await self._log(connection, "MessagesRelinked", messages=done)
            entered += len(done)

    async def _release_damaged(self, there: Container[Identity]) -> int:
        """Makes messages with lost or damaged bytes fetchable again, where the server still lists them. Their rows stay."""
        released, after = 0, ("", -1)
        while True:
            async with fenced(self._pool, self._lease) as connection:
                rows = await _rows(
                    connection,
                    """
                    select l.uidl, l.occurrence, m.id
                    from pop_ledger l join mail m on m.id = l.mail join damaged_blobs d using (sha256)
                    where l.address = %(address)s and l.epoch = %(epoch)s and l.state = 'stored'
                        and (l.uidl, l.occurrence) > (%(uidl)s, %(occurrence)s::smallint)
                    order by l.uidl, l.occurrence limit %(most)s
                    """,
                    {
                        "address": self._address,
                        "epoch": self._epoch,
                        "uidl": after[0],
                        "occurrence": after[1],
                        "most": AT_ONCE,
                    },
                )
                if not rows:
                    return released
                after = rows[-1]["uidl"], rows[-1]["occurrence"]
                rows = [row for row in rows if (row["uidl"], row["occurrence"]) in there]
                if rows:
                    await self._forget(connection, rows)
                    ids = sorted({row["id"] for row in rows})
                    await self._log_release(connection, rows, messages=ids, withdrawn=[])
            released += len(rows)

    async def _release_lost(self, there: Container[Identity]) -> int:
        """Makes messages whose rows are lost fetchable again, where the server still lists them; batch by batch as they were
        stored, because a batch's event tells which ids stood for them. Those ids are withdrawn: a new row gets a new id."""
        released = 0
        async with self._pool.connection() as connection, connection.transaction():
            batches = await _rows(
                connection, f"select distinct stored_at from ({WITHOUT_MAIL}) lost", {"address": self._address}
            )
        for batch in batches:
            async with fenced(self._pool, self._lease) as connection:
                values = {"address": self._address, "stored_at": batch["stored_at"]}
                lost = await _rows(
                    connection,
                    f"select * from ({WITHOUT_MAIL}) lost where stored_at is not distinct from %(stored_at)s",
                    values,
                )
                rows = [
                    row
                    for row in lost
                    if row["epoch"] == self._epoch
                    and row["state"] == "stored"
                    and (row["uidl"], row["occurrence"]) in there
                ]
                if not rows:
                    continue
                missing = [int(row["id"]) for row in await _rows(connection, MISSING_OF_BATCH, values)]
                if len(rows) == len(missing) == len(lost):
                    withdrawn = missing
                else:  # which id stood for which of them is only known where the entry still says so
                    withdrawn = sorted({row["mail"] for row in rows} & set(missing))
                await self._forget(connection, rows)
                await self._log_release(connection, rows, messages=[], withdrawn=withdrawn)
            released += len(rows)
        return released

    async def _forget(self, connection: Connection, entries: Sequence[dict[str, Any]]) -> None:
        await connection.execute(
            """
            delete from pop_ledger l using unnest(%s::text[], %s::smallint[]) as released (uidl, occurrence)
            where l.address = %s and l.epoch = %s and l.uidl = released.uidl and l.occurrence = released.occurrence
            """,
            [
                [entry["uidl"] for entry in entries],
                [entry["occurrence"] for entry in entries],
                self._address,
                self._epoch,
            ],
        )

    async def _correct_counters(self) -> int:
        """Counts the account's mail anew, and each session's from the log, as far as the log is intact."""
        async with fenced(self._pool, self._lease) as connection:
            values = {"address": self._address}
            mailbox = await _rows(connection, MAILBOX_DIFFERS, values)
            sessions = []
            if await log_broken(connection, self._address) is None:
                sessions = await _rows(
                    connection, f"select * from ({SESSIONS_DIFFER}) d where d.stored is not null", values
                )
            if not mailbox and not sessions:
                return 0
            facts: dict[str, Any] = {"sessions": len(sessions)}
            for row in mailbox:
                facts |= {
                    "messages": [row["messages"], row["kept_messages"]],
                    "bytes": [row["bytes"], row["kept_bytes"]],
                }
                await connection.execute(
                    "update mailboxes set messages = %s, bytes = %s where address = %s",
                    [row["kept_messages"], row["kept_bytes"], self._address],
                )
            for row in sessions:
                told = [row[f"told_{name}"] or 0 for name in ("stored", "bytes", "skipped", "deleted")]
                await connection.execute(
                    "update sessions set stored = %s, bytes = %s, skipped = %s, deleted = %s where id = %s::uuid",
                    [*told, row["session"]],
                )
            await self._log(connection, "CountersCorrected", **facts)
        return len(mailbox) + len(sessions)

    async def _log_release(
        self, connection: Connection, entries: Sequence[dict[str, Any]], *, messages: list[int], withdrawn: list[int]
    ) -> None:
        await self._log(
            connection,
            "MessagesReleasedForRepair",
            epoch=self._epoch,
            count=len(entries),
            messages=messages,
            withdrawn=withdrawn,
        )

    async def _log(self, connection: Connection, kind: str, **facts: Any) -> None:
        """Last in the transaction, as `append` says. A fresh id: a transaction that is tried again finds nothing to do."""
        event = LoggedEvent(event_id=uuid4(), at=self._clock(), type=kind, actor=ACTOR, data=facts)
        await append(connection, self._address, event)


def _identities(listed: Iterable[Listed]) -> set[Identity]:
    return {one.identity for one in listed}


def _by_uidl(listed: Iterable[Listed]) -> dict[str, list[Listed]]:
    found: dict[str, list[Listed]] = {}
    for one in listed:
        found.setdefault(one.uidl, []).append(one)
    return found


FETCHED_AGAIN: LiteralString = """
    select distinct on (kept.id) kept.id as kept, again.id as again, kept.size as was
    from mail kept join mail again
        on again.address = kept.address and again.uidl = kept.uidl and again.id > kept.id and again.state = 'stored'
    where kept.address = %(address)s and kept.state = 'stored'
        and not exists (select from pop_ledger l where l.mail = kept.id and l.address = kept.address)
        and exists (select from pop_ledger l where l.mail = again.id and l.address = again.address)
        and not exists (select from damaged_blobs d where d.sha256 = again.sha256)
        and (again.sha256 = kept.sha256 or (
            again.message_id = kept.message_id and exists (select from damaged_blobs d where d.sha256 = kept.sha256)
        ))
    order by kept.id, again.id limit %(most)s
"""

_PAIRS: LiteralString = "unnest(%(kept)s::bigint[], %(again)s::bigint[]) as pair (kept, again)"

MAKE_ONE: tuple[LiteralString, ...] = (
    f"update pop_ledger l set mail = pair.kept from {_PAIRS} where l.address = %(address)s and l.mail = pair.again",
    f"""
    update mail kept set sha256 = again.sha256, size = again.size
    from {_PAIRS} join mail again on again.id = pair.again where kept.id = pair.kept
    """,
    f"update mail_words w set words = null, claimed_until = null from {_PAIRS} where w.message = pair.kept",
    f"""
    update links made set message = pair.kept, identity = kept.identity
    from {_PAIRS} join mail kept on kept.id = pair.kept
    where made.message = pair.again and not exists (
        select from links there where there.message = pair.kept
            and (there.crm, there.record_kind, there.record_id) = (made.crm, made.record_kind, made.record_id)
    )
    """,
    f"""
    update links kept set unlinked_at = made.unlinked_at, source = made.source
    from {_PAIRS} join links made on made.message = pair.again
    where kept.message = pair.kept and kept.source = 'automatic' and made.source = 'manual'
        and (kept.crm, kept.record_kind, kept.record_id) = (made.crm, made.record_kind, made.record_id)
    """,
    f"""
    insert into link_decisions as there (message, crm, record_kind, record_id, decision, by, at)
    select pair.kept, crm, record_kind, record_id, decision, by, at
    from {_PAIRS} join link_decisions made on made.message = pair.again
    on conflict (message, crm, record_kind, record_id) do update set
        decision = excluded.decision, by = excluded.by, at = excluded.at
    where excluded.at > there.at
    """,
    f"""
    update links kept set unlinked_at = case d.decision when 'unlinked' then coalesce(kept.unlinked_at, now()) end
    from {_PAIRS} join link_decisions d on d.message = pair.kept
    where kept.message = pair.kept and kept.source = 'manual'
        and (kept.crm, kept.record_kind, kept.record_id) = (d.crm, d.record_kind, d.record_id)
    """,
    "delete from links where message = any(%(again)s)",
    "select refresh_entries(array(select identity from mail where id = any(%(kept)s) or id = any(%(again)s)))",
    "delete from mail where id = any(%(again)s)",
)

LOST_EACH_OTHER: LiteralString = f"""
    with lost as (
        select *, row_number() over (partition by uidl, size order by epoch, occurrence) as position
        from ({WITHOUT_MAIL}) entries
    ), unknown as (
        select *, row_number() over (partition by uidl, size order by id) as position from ({UNKNOWN_TO_LEDGER}) messages
    )
    select lost.epoch, lost.uidl, lost.occurrence, unknown.id
    from lost join unknown using (uidl, size, position) limit %(most)s
"""

ENTER: LiteralString = """
    insert into pop_ledger (address, epoch, uidl, occurrence, state, size, mail, first_seen_at, stored_at)
    select %(address)s, %(epoch)s, %(uidl)s, coalesce(
            %(occurrence)s::int,
            (select max(occurrence) + 1 from pop_ledger
             where address = %(address)s and epoch = %(epoch)s and uidl = %(uidl)s),
            0
        ), 'stored', %(size)s, %(id)s, %(stored_at)s, %(stored_at)s
"""

MISSING_OF_BATCH: LiteralString = f"""
    select distinct told.id from ({TOLD}) told
    join log l on l.address = %(address)s and l.type = 'MessagesStored' and l.at = %(stored_at)s
        and l.data -> 'messages' @> to_jsonb(told.id)
    where not exists (select from mail m where m.id = told.id and m.address = %(address)s and m.state = 'stored')
"""


async def _rows(connection: Connection, query: LiteralString, values: dict[str, Any]) -> list[dict[str, Any]]:
    """What a query finds that compares all of an account's rows."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await compare_whole_sets(connection)
        await cursor.execute(query, values)
        rows = await cursor.fetchall()
        await row_by_row_again(connection)
    return rows

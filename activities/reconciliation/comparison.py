"""The database's part of a reconciliation: ledger, mail, blobs, counters and log of one account, compared in one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.rows import dict_row

from domain.reconciliation import MOST_SHOWN, Difference, Differences, LogPart
from infra.database.planner import compare_whole_sets
from infra.database.pool import Connection

# The messages that the log says are stored: told by the batch that stored them, or as attached, and not withdrawn since. Whatever
# somebody may have made of an entry's data, it must not keep the account from being compared: what is no number is left out.
TOLD: LiteralString = """
    select (told #>> '{}')::numeric as id
    from log l, jsonb_path_query(l.data, '$.messages[*] ? (@.type() == "number")') told
    where l.address = %(address)s and l.type in ('MessagesStored', 'MessageAttached')
    except
    select (withdrawn #>> '{}')::numeric
    from log l, jsonb_path_query(l.data, '$.withdrawn[*] ? (@.type() == "number")') withdrawn
    where l.address = %(address)s
        and l.type in ('MessagesReleasedForRepair', 'MessagesRestored', 'MessagesDeleted', 'PersonErased')
"""

# Ledger entries that count as stored, of any epoch, whose message is not there, though nobody deleted it here.
WITHOUT_MAIL: LiteralString = """
    select l.epoch, l.uidl, l.occurrence, l.size, l.state, l.stored_at, l.mail
    from pop_ledger l left join mail m on m.id = l.mail and m.address = l.address and m.state = 'stored'
    where l.address = %(address)s and l.state in ('stored', 'deleted') and m.id is null
        and l.reason is distinct from 'deleted here'
"""

# Messages that no ledger entry knows. One with damaged bytes is a damaged one first of all: it waits to be fetched again.
UNKNOWN_TO_LEDGER: LiteralString = """
    select m.id, m.uidl, m.size, m.stored_at from mail m
    where m.address = %(address)s and m.state = 'stored'
        and not exists (select from pop_ledger l where l.mail = m.id and l.address = m.address)
        and not exists (select from damaged_blobs d where d.sha256 = m.sha256)
"""

# What each session stored, skipped and deleted, as the log has it and as `retrievals` shows it.
SESSIONS_DIFFER: LiteralString = """
    select coalesce(s.id::text, told.session) as session,
        s.stored, told.stored as told_stored, s.bytes, told.bytes as told_bytes,
        s.skipped, told.skipped as told_skipped, s.deleted, told.deleted as told_deleted
    from (
        select data ->> 'session' as session,
            coalesce(sum(amount(data, 'count')) filter (where type = 'MessagesStored'), 0) as stored,
            coalesce(sum(amount(data, 'bytes')) filter (where type = 'MessagesStored'), 0) as bytes,
            coalesce(sum(amount(data, 'count')) filter (where type = 'MessagesSkipped'), 0) as skipped,
            coalesce(sum(amount(data, 'count')) filter (where type = 'MessagesDeletedOnServer'), 0) as deleted
        from log
        where address = %(address)s and type in ('MessagesStored', 'MessagesSkipped', 'MessagesDeletedOnServer')
        group by 1
    ) told
    full join (select * from sessions where address = %(address)s) s on s.id::text = told.session
    where (coalesce(s.stored, 0), coalesce(s.bytes, 0), coalesce(s.skipped, 0), coalesce(s.deleted, 0))
        is distinct from (coalesce(told.stored, 0), coalesce(told.bytes, 0), coalesce(told.skipped, 0),
                          coalesce(told.deleted, 0))
"""

MAILBOX_DIFFERS: LiteralString = """
    select b.messages, kept.messages as kept_messages, b.bytes, kept.bytes as kept_bytes
    from mailboxes b cross join (
        select count(*) as messages, coalesce(sum(size), 0)::bigint as bytes
        from mail where address = %(address)s and state = 'stored'
    ) kept
    where b.address = %(address)s and (b.messages, b.bytes) is distinct from (kept.messages, kept.bytes)
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds of an account; `ledger` counts the present epoch's entries by state."""

    messages: int
    bytes: int
    ledger: dict[str, int]
    log: LogPart
    differences: Differences


async def compare_stored(connection: Connection, address: str, epoch: int) -> Stored:
    """Compares what the tables say of each other. To be called in a snapshot, or what is committed meanwhile would show."""
    # All of an account's rows: row by row, a mailbox of 300,000 messages would take hours.
    await compare_whole_sets(connection)
    told = await _one(connection, f"select count(*) from ({TOLD}) told", address)
    (messages, size) = await _row(
        connection,
        "select count(*), coalesce(sum(size), 0)::bigint from mail where address = %(address)s and state = 'stored'",
        address,
    )
    ledger = await _rows(
        connection,
        "select state, count(*) as count from pop_ledger where address = %(address)s and epoch = %(epoch)s group by state",
        {"address": address, "epoch": epoch},
    )
    states = dict.fromkeys(("stored", "skipped", "quarantined", "deleted"), 0)
    return Stored(
        messages=int(messages),
        bytes=int(size),
        ledger=states | {row["state"]: row["count"] for row in ledger},
        log=LogPart(
            versions=await _one(connection, "select count(*) from log where address = %(address)s", address),
            told=told,
            broken=await log_broken(connection, address),
        ),
        differences=Differences(
            stored_without_mail=await _difference(
                connection,
                f"select epoch, uidl, occurrence, size, state, mail from ({WITHOUT_MAIL}) lost",
                "epoch, uidl, occurrence",
                address,
            ),
            damaged=await _difference(
                connection,
                """
                select m.id, m.uidl, m.size, encode(m.sha256, 'hex') as sha256, d.problem
                from mail m join damaged_blobs d using (sha256) where m.address = %(address)s and m.state = 'stored'
                """,
                "id",
                address,
            ),
            unknown_to_ledger=await _difference(
                connection, f"select id, uidl, size from ({UNKNOWN_TO_LEDGER}) unknown", "id", address
            ),
            untold=await _difference(
                connection,
                f"""
                select m.id, m.uidl, m.size from mail m
                where m.address = %(address)s and m.state = 'stored'
                    and not exists (select from ({TOLD}) told where told.id = m.id)
                """,
                "id",
                address,
            ),
            told_but_missing=await _difference(
                connection,
                f"""
                select told.id::text as id from ({TOLD}) told
                where not exists (
                    select from mail m where m.id = told.id and m.address = %(address)s and m.state = 'stored'
                )
                """,
                "id",
                address,
            ),
            counters=await _counters(connection, address),
        ),
    )


async def log_broken(connection: Connection, address: str) -> dict[str, Any] | None:
    """The first broken version of the account's log and what is wrong with it; None when the chain is intact."""
    rows = await _rows(connection, "select version, problem from verify_log(%(address)s)", {"address": address})
    return rows[0] if rows else None


async def _counters(connection: Connection, address: str) -> Difference:
    mailbox = await _rows(connection, MAILBOX_DIFFERS, {"address": address})
    wrong = [
        {"counter": f"accounts.{name}", "says": row[name], "is": row[f"kept_{name}"]}
        for row in mailbox
        for name in ("messages", "bytes")
        if row[name] != row[f"kept_{name}"]
    ]
    sessions = await _difference(connection, SESSIONS_DIFFER, "session", address)
    wrong += [
        {
            "counter": f"retrievals.{name}",
            "session": row["session"],
            "says": row[name],
            "is": int(row[f"told_{name}"] or 0),
        }
        for row in sessions.first
        for name in ("stored", "bytes", "skipped", "deleted")
        if (row[name] or 0) != (row[f"told_{name}"] or 0)
    ]
    # Of sessions beyond those that are shown it is only known that there are some: each is counted as one.
    return Difference(count=len(wrong) + sessions.count - len(sessions.first), first=wrong[:MOST_SHOWN])


async def _difference(connection: Connection, select: LiteralString, order: LiteralString, address: str) -> Difference:
    rows = await _rows(
        connection,
        f"select *, count(*) over () as counted from ({select}) found order by {order} limit %(most)s",
        {"address": address, "most": MOST_SHOWN},
    )
    count = rows[0].pop("counted") if rows else 0
    for row in rows[1:]:
        del row["counted"]
    return Difference(count=count, first=rows)


async def _rows(connection: Connection, query: LiteralString, values: dict[str, Any]) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()


async def _row(connection: Connection, query: LiteralString, address: str) -> Sequence[Any]:
    row = await (await connection.execute(query, {"address": address})).fetchone()
    assert row is not None
    return row


async def _one(connection: Connection, query: LiteralString, address: str) -> int:
    return int((await _row(connection, query, address))[0])

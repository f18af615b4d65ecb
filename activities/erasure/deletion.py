"""Deleting stored mail for good, and keeping it from being imported again.

What goes: the message with its links, its bytes where nobody else has the same, and its share of the counters. What stays: a
tombstone of hashes, and the ledger's entries, which say that it was deleted here. On the server nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from temporalio import activity

from activities.arrivals import Retrieved
from activities.back_linking import ask_to_relink_crms
from activities.desk import at_the_desk, given, log, logged
from activities.linking import MOST_FOLLOWERS, hold_links, refresh_entries, relink_others
from activities.matching import colleagues_among, followers_of, passing_on, reported
from activities.places import unknown_messages
from domain.erasure import pseudonym
from domain.filing import DeleteMessages
from domain.retrieval import Identity
from domain.settings import AccountSettings
from infra.database import Pool
from workflows.contract import DeskRequest

DELETED = "deleted here"  # the reason in the ledger; activities/comparison.py goes by it
GONE = "a message of its thread, or a report on it, was deleted"

Connection = AsyncConnection[TupleRow]


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


async def keep_sessions_out(connection: Connection, address: str) -> None:
    """Until the transaction ends, no session stores mail of this account, and no command changes its quarantine."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"quarantine:{address}"])
    await connection.execute("select from leases where address = %s for update", [address])


async def remove(
    connection: Connection,
    address: str,
    messages: Collection[int],
    *,
    cause: Literal["deleted", "erased"],
    at: datetime,
) -> Removed:
    """Removes stored messages of the account, in the caller's transaction, which has kept sessions out. The caller logs their
    ids as `withdrawn`, in an event of a type that `activities.comparison.TOLD` knows."""
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
    ids = [row[0] for row in rows]
    digests = sorted({bytes(row[1]) for row in rows})
    identities = {bytes(row[2]) for row in rows if row[2] is not None}
    others = await followers_of(connection, await passing_on(connection, ids), MOST_FOLLOWERS + 1)
    more = len(others) > MOST_FOLLOWERS
    others += await reported(connection, {(address, row[4]) for row in rows if row[4] is not None})
    # Blobs before entries, as everybody locks them. Whoever stores the same bytes has locked them, or waits here.
    await connection.execute("select from blobs where sha256 = any(%b::bytea[]) order by sha256 for update", [digests])
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
    size = sum(row[3] for row in rows)
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


async def buried(
    connection: Connection, settings: AccountSettings, epoch: int, arrived: Sequence[Retrieved], *, any_erased: bool
) -> set[Identity]:
    """Which of these are not to come (again): what was deleted here, as the same message or the same bytes under whatever UIDL,
    and what lay in quarantine when the person whose mail it is was erased. `any_erased`: people were erased from the account."""
    if not arrived:
        return set()
    address = settings.address
    rows = await (
        await connection.execute(
            """
            select sha256 from tombstones where address = %(address)s and sha256 = any(%(digests)b::bytea[])
            union all
            select identity from tombstones where address = %(address)s and identity = any(%(identities)b::bytea[])
            """,
            {
                "address": address,
                "digests": [one.sha256 for one in arrived],
                "identities": [one.identity for one in arrived],
            },
        )
    ).fetchall()
    dead = {bytes(row[0]) for row in rows}
    dead_here = {one.listed.identity for one in arrived if one.sha256 in dead or one.identity in dead}
    if not any_erased:
        return dead_here
    return dead_here | await _of_erased(connection, settings, epoch, arrived)


async def _of_erased(
    connection: Connection, settings: AccountSettings, epoch: int, arrived: Sequence[Retrieved]
) -> set[Identity]:
    """Mail that was in quarantine when its author, or its only counterpart, was erased: until it came nobody knew whose it is."""
    rows = await (
        await connection.execute(
            """
            select l.uidl, l.occurrence, e.erasure, e.person
            from erased_people e
            join unnest(%(uidl)b::text[], %(occurrence)b::smallint[]) as arrived (uidl, occurrence) on true
            join pop_ledger l on (l.address, l.epoch, l.uidl, l.occurrence)
                = (e.address, %(epoch)s, arrived.uidl, arrived.occurrence)
            where e.address = %(address)s and l.state = 'quarantined' and l.first_seen_at <= e.at
            """,
            {
                "address": settings.address,
                "epoch": epoch,
                "uidl": [one.listed.uidl for one in arrived],
                "occurrence": [one.listed.occurrence for one in arrived],
            },
        )
    ).fetchall()
    messages = {one.listed.identity: one.message for one in arrived}
    found: set[Identity] = set()
    for uidl, occurrence, erasure, digest in rows:
        mail = messages[uidl, occurrence]
        people = {who.normal for who in mail.participants} | ({mail.author} if mail.author else set())
        person = next((who for who in people if pseudonym(erasure, who) == digest), None)
        if person is None:
            continue
        others = people - settings.own_addresses - {person}
        colleagues = await colleagues_among(connection, {settings.organisation}, others)
        if person in (mail.author, mail.from_address) or others <= colleagues.get(settings.organisation, set()):
            found.add((uidl, occurrence))
    return found

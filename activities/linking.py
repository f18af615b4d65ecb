"""Links between mail and CRM records: made when a message is stored, and made anew when anything that they follow from changes.

All of it is a local join with the directory, inside the transaction of what it follows from; no CRM is asked. What CRMs must be
told of the links goes to their entries (`refresh_entries`) in that same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from domain.addresses import normal_address
from domain.linking import Correspondence, DirectoryMatch, Mail, Owner, correspondents, link
from domain.message import Participant, storable
from domain.settings import AccountSettings

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, slots=True)
class Linkable:
    """One stored message, and where it is filed."""

    id: int
    identity: bytes
    folder: str
    mail: Mail


@dataclass(slots=True)
class Changed:
    """What linking anew came to, in links."""

    linked: int = 0
    unlinked: int = 0
    turned: int = 0

    def __iadd__(self, other: Changed) -> Changed:
        self.linked += other.linked
        self.unlinked += other.unlinked
        self.turned += other.turned
        return self


async def link_new(connection: Connection, settings: AccountSettings, mail: Sequence[Linkable]) -> int:
    """Links messages that this transaction stores; answers how many links."""
    owner = Owner(settings.address, settings.own_addresses)
    matches = await _matches(connection, _wanted(mail), settings.crm)
    found = [(one, made) for one in mail for made in link(one.mail, one.folder, owner, matches)]
    await _insert(connection, settings.address, found)
    await refresh_entries(connection, {one.identity for one, _ in found})
    return len(found)


async def relink(connection: Connection, ids: Collection[int], crms: Sequence[str] | None = None) -> Changed:
    """Links stored messages anew, with `crms` or all of their account's: what no longer follows is unlinked, what follows now is
    linked, and a direction follows the folder. What a person decided stays. Done twice, it changes nothing.

    The messages are locked until the transaction ends, so nothing moves them in between.
    """
    rows = await (
        await connection.execute(
            """
            select m.id, m.identity, m.folder, m.address, m.participants, m.author, m.kind, m.automatic, m.traits,
                a.crm, a.aliases
            from mail m join accounts_recorded a using (address)
            where m.id = any(%s) and m.state = 'stored'
            order by m.id for no key update of m
            """,
            [sorted(ids)],
        )
    ).fetchall()
    if not rows:
        return Changed()
    mail = [Linkable(row[0], bytes(row[1]), row[2], _mail(*row[4:9])) for row in rows]
    theirs = {row[0]: [name for name in row[9] if crms is None or name in crms] for row in rows}
    owners = {row[3]: _owner(row[3], row[10]) for row in rows}
    matches = await _matches(connection, _wanted(mail), sorted({name for names in theirs.values() for name in names}))
    wanted: dict[tuple[int, str, str, str], tuple[str, Linkable, Correspondence]] = {}
    for row, one in zip(rows, mail, strict=True):
        usable = [match for match in matches if match.crm in theirs[one.id]]
        for made in link(one.mail, one.folder, owners[row[3]], usable):
            wanted[one.id, made.crm, made.record_kind, made.record_id] = (row[3], one, made)
    former = await _former(connection, [one.id for one in mail], crms)
    for row, one in zip(rows, mail, strict=True):
        evidence = former.get(one.id, {})
        kept = [DirectoryMatch(*match) for match in evidence if match[0] in theirs[one.id]]
        for made in link(one.mail, one.folder, owners[row[3]], kept):
            why = evidence[made.crm, made.record_kind, made.record_id, made.matched_address]
            key = (one.id, made.crm, made.record_kind, made.record_id)
            wanted.setdefault(key, (row[3], one, replace(made, evidence=why)))
    changed = await _bring_up(connection, [one.id for one in mail], crms, wanted)
    await refresh_entries(connection, {one.identity for one in mail})
    return changed


async def _former(
    connection: Connection, ids: Sequence[int], crms: Sequence[str] | None
) -> dict[int, dict[tuple[str, str, str, str], dict[str, Any]]]:
    """Addresses by which messages are linked with records that have them no more, and the evidence of those links: what was
    written to a person stays theirs when they change their address, unless the CRM's rules say otherwise."""
    rows = await (
        await connection.execute(
            """
            select l.message, l.crm, l.record_kind, l.record_id, l.matched_address, l.evidence
            from links l join records r using (crm, record_kind, record_id) join crms c on c.name = l.crm
            where l.message = any(%s) and (%s::text[] is null or l.crm = any(%s))
                and l.unlinked_at is null and l.source = 'automatic' and l.record_kind <> 'deal'
                and l.evidence ->> 'level' = 'exact'
                and (
                    r.merged_into is not null or r.converted_to is not null -- it follows (activities/following.py)
                    or r.gone_at is null and c.linking ->> 'removed_addresses' is distinct from 'unlink'
                )
                and not exists (
                    select from record_addresses a
                    where (a.crm, a.record_kind, a.record_id) = (l.crm, l.record_kind, l.record_id)
                        and a.address = l.matched_address
                )
            """,
            [list(ids), crms, crms],
        )
    ).fetchall()
    former: dict[int, dict[tuple[str, str, str, str], dict[str, Any]]] = {}
    for message, crm, kind, record_id, address, evidence in rows:
        former.setdefault(message, {})[crm, kind, record_id, address] = evidence
    return former


async def refresh_entries(connection: Connection, identities: Collection[bytes]) -> None:
    """Brings what CRMs must be told up to the links of these messages."""
    if identities:
        await connection.execute("select refresh_entries(%b::bytea[])", [sorted(identities)])


async def _bring_up(
    connection: Connection,
    ids: Sequence[int],
    crms: Sequence[str] | None,
    wanted: Mapping[tuple[int, str, str, str], tuple[str, Linkable, Correspondence]],
) -> Changed:
    rows = await (
        await connection.execute(
            """
            select l.id, l.message, l.crm, l.record_kind, l.record_id, l.direction, l.source, l.unlinked_at is not null,
                l.matched_address, l.evidence, m.folder
            from links l join mail m on m.id = l.message
            where l.message = any(%s) and (%s::text[] is null or l.crm = any(%s))
            """,
            [list(ids), crms, crms],
        )
    ).fetchall()
    changed = Changed()
    known = set()
    for link_id, message, crm, kind, record, direction, source, unlinked, matched, evidence, folder in rows:
        known.add((message, crm, kind, record))
        found = wanted.get((message, crm, kind, record))
        if source == "manual":
            due = "Sent" if folder == "Sent" else "Received"
            if direction != due:
                changed.turned += not unlinked
                await connection.execute("update links set direction = %s where id = %s", [due, link_id])
            continue
        if found is None:
            if not unlinked:
                changed.unlinked += 1
                await connection.execute("update links set unlinked_at = now() where id = %s", [link_id])
            continue
        made = found[2]
        if not unlinked and (made.direction, made.matched_address, made.evidence) == (direction, matched, evidence):
            continue
        changed.linked += unlinked
        changed.turned += not unlinked and made.direction != direction
        await connection.execute(
            """
            update links set direction = %s, matched_address = %s, evidence = %s, unlinked_at = null,
                linked_at = case when unlinked_at is null then linked_at else now() end
            where id = %s
            """,
            [made.direction, storable(made.matched_address), _json(made.evidence), link_id],
        )
    for address in {address for address, _, _ in wanted.values()}:
        new = [(one, made) for key, (of, one, made) in wanted.items() if of == address and key not in known]
        await _insert(connection, address, new)
        changed.linked += len(new)
    return changed


async def _matches(connection: Connection, addresses: Collection[str], crms: Sequence[str]) -> list[DirectoryMatch]:
    """The records of these CRMs that have one of `addresses`.

    The shared lock tells who changes the directory that a transaction is under way which has not seen the change: what is linked
    anew because of it waits for that transaction, or would miss what it stores.
    """
    if not addresses or not crms:
        return []
    await connection.execute(
        "select pg_advisory_xact_lock_shared(hashtextextended('directory:' || crm, 0)) from unnest(%s::text[]) crm order by crm",
        [sorted(crms)],
    )
    rows = await (
        await connection.execute(
            """
            select distinct crm, case when r.converted_to is null then record_kind else 'contact' end,
                coalesce(r.converted_to, record_id), address
            from record_addresses join records r using (crm, record_kind, record_id)
            where address = any(%s) and crm = any(%s) and record_kind <> 'deal'
            """,
            [sorted(addresses), list(crms)],
        )
    ).fetchall()
    return [DirectoryMatch(*row) for row in rows]


async def _insert(connection: Connection, address: str, found: Sequence[tuple[Linkable, Correspondence]]) -> None:
    if found:
        await connection.execute(
            """
            insert into links (message, address, identity, crm, record_kind, record_id, direction, matched_address, evidence)
            select message, %s, identity, crm, record_kind, record_id, direction, matched_address, evidence
            from unnest(
                %b::bigint[], %b::bytea[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[]::jsonb[]
            ) as new (message, identity, crm, record_kind, record_id, direction, matched_address, evidence)
            """,
            [
                address,
                [one.id for one, _ in found],
                [one.identity for one, _ in found],
                [made.crm for _, made in found],
                [made.record_kind for _, made in found],
                [made.record_id for _, made in found],
                [made.direction for _, made in found],
                [storable(made.matched_address) for _, made in found],
                [_json(made.evidence) for _, made in found],
            ],
        )


def _wanted(mail: Sequence[Linkable]) -> set[str]:
    return {who.normal for one in mail for who in correspondents(one.mail, one.folder)}


def _owner(address: str, aliases: Sequence[str]) -> Owner:
    return Owner(address, frozenset(normal_address(own) or own for own in (address, *aliases)))


def _mail(
    participants: Sequence[Mapping[str, str]],
    author: str | None,
    kind: str,
    automatic: bool,
    traits: Mapping[str, object],
) -> Mail:
    return Mail(tuple(Participant(**one) for one in participants), author, kind, automatic, traits)  # type: ignore[arg-type]  # as stored


def _json(evidence: Mapping[str, object]) -> str:
    return storable(json.dumps(evidence, ensure_ascii=False))

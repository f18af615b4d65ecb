"""The directory: what is known here of a CRM's records, and the one way into it.

Pulled, added from a message and saved by hand, every record comes through `store_records`. What changes for linking is asked for
in the same transaction (activities/linking/relinking.py); where nothing changes, nothing is asked.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from activities.linking.relinking import ask_to_follow_records, ask_to_relink_addresses
from domain.core.redaction import cleaned
from domain.core.text import storable
from domain.directory.records import Page, Record
from domain.mime.addresses import normal_address
from infra.database.pool import Connection, Pool

logger = logging.getLogger(__name__)

AT_ONCE = 1000  # records that one transaction takes off the directory

# What a CRM says is bounded: an index takes no more than 2,704 bytes, and one record must not hold up the others.
LONGEST_ID = 200  # characters; a record with a longer one is left out
LONGEST_NAME = 1600  # bytes
LONGEST_SPELLED = 400  # characters of what stands for an address; no address is as long
MOST_ADDRESSES = 1000  # of one record
MOST_CONTACTS = 1000  # of one deal

Key = tuple[str, str]  # kind and id


Changes = dict[str, tuple[Any, Any]]
SAVED = ("name", "addresses", "contacts", "open", "converted_to", "merged_into")
MOST_OTHERS = 20  # records with an address of another that are named


class Directory:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def clock(self) -> datetime:
        """The time by which records are seen: where a sweep begins, `swept` wants this one."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute("select clock_timestamp()")).fetchone()
        assert row is not None
        at: datetime = row[0]
        return at

    async def apply(self, crm: str, page: Page, *, sweep: bool = False) -> int:
        """Stores one page of a pull with its cursor; answers how many records are not what they were.

        `sweep`: the page is part of a comparison with everything that the CRM has, so what is as it was counts as seen, too.
        Stored twice, the second time changes nothing.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await keep_others_out(connection, crm)
            changed = await store_records(connection, crm, page.records, seen=sweep)
            await connection.execute(
                "update crms set cursor = %s::jsonb, pulled_at = now() where name = %s",
                [storable(json.dumps(page.cursor, ensure_ascii=False)), crm],
            )
        return changed

    async def save(
        self, crm: str, record: Record, *, left_out: Collection[str] = (), dry_run: bool = False
    ) -> tuple[Record, Changes]:
        """Makes the directory say of one record what it says, but for the fields `left_out`, which stay as they are. Answers the
        record as it is now, and its fields that were others; in a dry run as they would be."""
        async with self._pool.connection() as connection, connection.transaction():
            await keep_others_out(connection, crm)
            key = record.kind, id_to_keep(record.id) or ""
            was = (await _known(connection, crm, [key])).get(key, NOTHING)
            record = replace(record, **{field: getattr(was, field) for field in left_out})
            now = _to_keep(record)
            if not dry_run:
                await store_records(connection, crm, [record])
        changes = {field: (getattr(was, field), getattr(now, field)) for field in SAVED}
        return record, {field: (old, new) for field, (old, new) in changes.items() if old != new}

    async def others_with(self, crm: str, record: Record) -> list[tuple[str, str, str]]:
        """Who else has an address of the record: the address, kind and id, by address."""
        async with self._pool.connection() as connection:
            rows = await (
                await connection.execute(
                    """
                    select a.address, a.record_kind, a.record_id from record_addresses a
                    where a.crm = %s and a.address = any(%s) and (a.record_kind, a.record_id) <> (%s, %s)
                    order by 1, 2, 3 limit %s
                    """,
                    [crm, sorted(_to_keep(record).normal), record.kind, record.id, MOST_OTHERS],
                )
            ).fetchall()
        return [(str(address), str(kind), str(record_id)) for address, kind, record_id in rows]

    async def swept(self, crm: str, began: datetime) -> int:
        """What a whole sweep has not shown since `began` is gone; answers how many records. Not to be called after a sweep
        that was broken off: what came after the break would be taken for gone."""
        gone = 0
        while True:
            async with self._pool.connection() as connection, connection.transaction():
                await keep_others_out(connection, crm)
                rows = await (
                    await connection.execute(
                        """
                        select record_kind, record_id from records
                        where crm = %s and gone_at is null and seen_at < %s order by record_kind, record_id limit %s
                        """,
                        [crm, began, AT_ONCE],
                    )
                ).fetchall()
                if not rows:
                    await connection.execute("update crms set swept_at = %s where name = %s", [began, crm])
                    return gone
                gone += await store_gone(connection, crm, rows)

    async def gone(self, crm: str, record_kind: str, record_id: str) -> bool:
        """The CRM has said that it does not have this record; answers whether the directory had it, or had it once."""
        async with self._pool.connection() as connection, connection.transaction():
            await keep_others_out(connection, crm)
            key = record_kind, record_id
            known = await _known(connection, crm, [key])
            await store_gone(connection, crm, [key])
        return key in known


@dataclass(frozen=True, slots=True)
class Known:
    """A record as it is in the directory: `normal` are the addresses by which mail is linked to it."""

    name: str
    addresses: tuple[str, ...]
    contacts: tuple[str, ...]
    open: bool
    converted_to: str | None
    merged_into: str | None
    gone: bool
    normal: frozenset[str]

    def is_now(self) -> tuple[bool, bool, str | None, str | None]:
        """Whether it counts, and as what."""
        return self.open, self.gone, self.converted_to, self.merged_into


NOTHING = Known("", (), (), True, None, None, True, frozenset())


async def store_records(connection: Connection, crm: str, records: Iterable[Record], *, seen: bool = False) -> int:
    """Makes the directory say of these records what they say, each as a whole; answers how many are not what they were."""
    given: dict[Key, Known] = {}
    for record in records:
        if (record_id := id_to_keep(record.id)) is None:
            words = "crm/%s: a %s is left out of the directory: its id is none of 1 to %d characters"
            logger.warning(words, crm, record.kind, LONGEST_ID)
            continue
        given[record.kind, record_id] = _to_keep(record)
    before = await _known(connection, crm, given)
    given = {key: now for key, now in given.items() if key in before or not now.gone}
    changed = {key: now for key, now in given.items() if before.get(key) != now}
    if seen:
        await _note_seen(connection, crm, [key for key in given if key not in changed])
    if changed:
        await _write(connection, crm, changed)
        await _ask(connection, crm, {key: (before.get(key, NOTHING), now) for key, now in changed.items()})
    return len(changed)


async def store_gone(connection: Connection, crm: str, keys: Sequence[Key]) -> int:
    """Takes records off the directory. What they had become is kept: mail follows a merged record, gone or not."""
    before = await _known(connection, crm, keys)
    changed = {
        key: replace(NOTHING, converted_to=was.converted_to, merged_into=was.merged_into)
        for key, was in before.items()
        if not was.gone
    }
    if changed:
        await _write(connection, crm, changed)
        await _ask(connection, crm, {key: (before[key], now) for key, now in changed.items()})
    return len(changed)


async def store_shown(connection: Connection, crm: str, records: Iterable[Record]) -> None:
    """Enters what the CRM has shown outside of a pull. A record that the directory has stays what it is there: a pull that came
    in between knows it later than this answer does. One that was taken for gone is back."""
    await keep_others_out(connection, crm)
    shown = {(record.kind, kept): record for record in records if (kept := id_to_keep(record.id))}
    there = await _known(connection, crm, shown)
    await store_records(
        connection, crm, [record for key, record in shown.items() if there.get(key, NOTHING) == NOTHING]
    )


def _to_keep(record: Record) -> Known:
    """Of a record that is gone nothing is kept but what it became."""
    became = replace(
        NOTHING,
        converted_to=id_to_keep(record.converted_to),
        merged_into=id_to_keep(record.merged_into),
    )
    if record.gone:
        return became
    addresses = record.addresses[:MOST_ADDRESSES]
    normal = frozenset(found for address in addresses if (found := normal_address(address)) is not None)
    return replace(
        became,
        gone=False,
        name=cleaned(record.name).encode()[:LONGEST_NAME].decode(errors="ignore"),
        addresses=tuple(storable(address)[:LONGEST_SPELLED] for address in addresses),
        contacts=tuple(sorted({one for contact in record.contacts if (one := id_to_keep(contact))})[:MOST_CONTACTS]),
        open=record.open,
        normal=normal,
    )


def id_to_keep(given: str | None) -> str | None:
    """The id of a record as it is kept; None for one that can be none."""
    return storable(given) if given and len(given) <= LONGEST_ID else None


async def keep_others_out(connection: Connection, crm: str) -> None:
    """Until the transaction ends, nobody else changes this CRM's directory."""
    await connection.execute("select from crms where name = %s for no key update", [crm])


async def _known(connection: Connection, crm: str, keys: Iterable[Key]) -> dict[Key, Known]:
    kinds, ids = _columns(keys)
    rows = await (
        await connection.execute(
            """
            select r.record_kind, r.record_id, r.name, r.addresses, r.contacts, r.open, r.converted_to, r.merged_into,
                r.gone_at is not null,
                array(
                    select a.address from record_addresses a
                    where (a.crm, a.record_kind, a.record_id) = (r.crm, r.record_kind, r.record_id)
                )
            from unnest(%b::text[], %b::text[]) as asked (record_kind, record_id)
            join records r on r.crm = %s and (r.record_kind, r.record_id) = (asked.record_kind, asked.record_id)
            """,
            [kinds, ids, crm],
        )
    ).fetchall()
    return {
        (kind, record): Known(
            name, tuple(addresses), tuple(contacts), still_open, converted, merged, gone, frozenset(found_by)
        )
        for kind, record, name, addresses, contacts, still_open, converted, merged, gone, found_by in rows
    }


async def _note_seen(connection: Connection, crm: str, keys: Sequence[Key]) -> None:
    await connection.execute(
        """
        update records r set seen_at = clock_timestamp() from unnest(%b::text[], %b::text[]) as seen (record_kind, record_id)
        where r.crm = %s and (r.record_kind, r.record_id) = (seen.record_kind, seen.record_id)
        """,
        [*_columns(keys), crm],
    )


async def _write(connection: Connection, crm: str, changed: dict[Key, Known]) -> None:
    rows = sorted(changed.items())
    await connection.execute(
        """
        insert into records (
            crm, record_kind, record_id, name, addresses, contacts, open, converted_to, merged_into, gone_at, changed_at,
            seen_at
        )
        select %s, record_kind, record_id, name, array(select jsonb_array_elements_text(addresses)),
            array(select jsonb_array_elements_text(contacts)), open, converted_to, merged_into,
            case when gone then now() end, now(), clock_timestamp()
        from unnest(
            %b::text[], %b::text[], %b::text[], %b::text[]::jsonb[], %b::text[]::jsonb[], %b::boolean[], %b::text[],
            %b::text[], %b::boolean[]
        ) as new (record_kind, record_id, name, addresses, contacts, open, converted_to, merged_into, gone)
        on conflict (crm, record_kind, record_id) do update set
            name = excluded.name, addresses = excluded.addresses, contacts = excluded.contacts, open = excluded.open,
            converted_to = excluded.converted_to, merged_into = excluded.merged_into, gone_at = excluded.gone_at,
            changed_at = excluded.changed_at, seen_at = excluded.seen_at
        """,
        [
            crm,
            *_columns(key for key, _ in rows),
            [now.name for _, now in rows],
            [json.dumps(now.addresses) for _, now in rows],
            [json.dumps(now.contacts) for _, now in rows],
            [now.open for _, now in rows],
            [now.converted_to for _, now in rows],
            [now.merged_into for _, now in rows],
            [now.gone for _, now in rows],
        ],
    )
    await connection.execute(
        """
        delete from record_addresses a using unnest(%b::text[], %b::text[]) as changed (record_kind, record_id)
        where a.crm = %s and (a.record_kind, a.record_id) = (changed.record_kind, changed.record_id)
        """,
        [*_columns(changed), crm],
    )
    linked_by = [(*key, address) for key, now in rows for address in sorted(now.normal)]
    await connection.execute(
        "insert into record_addresses select %s, kind, id, address from unnest(%b::text[], %b::text[], %b::text[]) "
        "as new (kind, id, address)",
        [crm, *([row[n] for row in linked_by] for n in range(3))],
    )


async def _ask(connection: Connection, crm: str, changes: dict[Key, tuple[Known, Known]]) -> None:
    """Asks for what may be linked otherwise now: by addresses that came or went, by all addresses of a record that counts for
    more or less than before, and where it is another's now, for what is linked with it. What is linked with the contacts of a
    deal, or what they were merged into, may be so by addresses of others that they have been, or had."""
    addresses: set[str] = set()
    contacts: set[str] = set()
    follow: list[Key] = []
    for key, (was, now) in changes.items():
        addresses |= was.normal ^ now.normal
        counts = was.is_now() != now.is_now()
        if counts:
            addresses |= was.normal | now.normal
        if key[0] == "deal":
            contacts |= {*was.contacts, *now.contacts} if counts else set(was.contacts) ^ set(now.contacts)
        if was is not NOTHING and was.is_now()[1:] != now.is_now()[1:]:
            follow.append(key)
    if contacts:
        rows = await (
            await connection.execute(
                """
                with recursive theirs (record_id) as (
                    select unnest(%(contacts)s::text[])
                    union
                    select r.merged_into from theirs join records r using (record_id)
                    where r.crm = %(crm)s and r.record_kind = 'contact' and r.merged_into is not null
                )
                select address from record_addresses
                where crm = %(crm)s and record_kind = 'contact' and record_id = any(array(select record_id from theirs))
                union
                select matched_address from links
                where crm = %(crm)s and record_kind = 'contact' and record_id = any(array(select record_id from theirs))
                    and unlinked_at is null and matched_address <> ''
                """,
                {"crm": crm, "contacts": sorted(contacts)},
            )
        ).fetchall()
        addresses |= {row[0] for row in rows}
    await ask_to_follow_records(connection, crm, follow, cause="a record was merged, converted or deleted")
    await ask_to_relink_addresses(connection, crm, addresses, cause="the CRM's directory changed")


def _columns(keys: Iterable[Key]) -> tuple[list[str], list[str]]:
    keys = list(keys)
    return [kind for kind, _ in keys], [record_id for _, record_id in keys]

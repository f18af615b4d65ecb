"""What linking looks up for a batch of messages: rules, colleagues, records and deals. Each is one query for
the whole batch, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, LiteralString

from psycopg.rows import TupleRow

from domain.linking.matches import Deal, DirectoryMatch, Matches
from domain.linking.rules import Rules, as_rules, loose
from domain.mime.addresses import normal_address
from domain.privacy.rules import Privacy
from infra.database.pool import Connection

MOST_HOPS = 10  # from a lead to its contact to the record that was merged with: more is a circle


async def rules_of(connection: Connection, crms: Collection[str]) -> dict[str, Rules]:
    """The rules of each CRM, in the order given."""
    rows = await (
        await connection.execute("select name, linking from crms where name = any(%s)", [sorted(crms)])
    ).fetchall()
    said: dict[str, Any] = dict(rows)
    return {crm: as_rules(said.get(crm)) for crm in crms}


async def searched(connection: Connection, crm: str, addresses: Collection[str]) -> set[str]:
    """What to look for in `mail.addresses` and `mail.loose`: it finds all mail that these addresses may link to a record."""
    given = (await rules_of(connection, [crm]))[crm]
    if not (given.subaddresses or given.gmail_dots):
        return set(addresses)
    forms = {loose(address) for address in addresses}
    return set(addresses) | forms | {f"loose:{form}" for form in forms}


async def privacy_of(connection: Connection, accounts: Collection[str]) -> dict[str, Privacy]:
    rows = await (
        await connection.execute(
            "select address, rules from account_privacy where address = any(%s)", [sorted(accounts)]
        )
    ).fetchall()
    return {address: Privacy.model_validate(rules, strict=False) for address, rules in rows}


async def kept_private(connection: Connection, messages: Collection[int]) -> set[int]:
    """Those of these messages that a person keeps to themselves."""
    rows = await (
        await connection.execute("select message from kept_private where message = any(%s)", [list(messages)])
    ).fetchall()
    return {row[0] for row in rows}


async def colleagues_among(
    connection: Connection, organisations: Collection[str], addresses: Collection[str]
) -> dict[str, set[str]]:
    """The addresses and aliases of each organisation's accounts among `addresses`."""
    rows = await (
        await connection.execute(
            """
            select organisation, array_prepend(address, aliases) from accounts_recorded
            where address = any(%(known)s) or aliases && %(known)s
            """,
            {"known": sorted(addresses)},
        )
    ).fetchall()
    found: dict[str, set[str]] = {}
    for organisation, theirs in rows:
        if organisation in organisations:
            found.setdefault(organisation, set()).update(theirs)
    return found


async def matches_of(connection: Connection, addresses: Collection[str], rules: Mapping[str, Rules]) -> Matches:
    """The records that have one of `addresses`, at any level that the CRM's rules allow; what was converted or merged is the
    record that it is now."""
    if not addresses or not rules:
        return Matches([])
    further = [crm for crm, given in rules.items() if given.subaddresses or given.gmail_dots]
    known = sorted(addresses)
    query = """
        select a.crm, a.record_kind, a.record_id, a.address, r.addresses[1], r.open, r.converted_to, r.merged_into, r.gone_at
        from record_addresses a join records r using (crm, record_kind, record_id)
    """
    rows = await (
        await connection.execute(
            query + "where a.address = any(%s) and a.crm = any(%s) and a.record_kind <> 'deal'", [known, list(rules)]
        )
    ).fetchall()
    if further:
        rows += await (
            await connection.execute(
                query + "where loose_address(a.address) = any(%s) and a.crm = any(%s) and a.record_kind <> 'deal' "
                "and a.address <> all(%s)",
                [sorted({loose(address) for address in known}), further, known],
            )
        ).fetchall()
    return Matches(await _as_they_are_now(connection, rows))


async def _as_they_are_now(connection: Connection, rows: Sequence[TupleRow]) -> list[DirectoryMatch]:
    moved = {
        (crm, *target)
        for crm, kind, _, _, _, _, converted, merged, _ in rows
        if (target := _moved_to(kind, converted, merged))
    }
    now: dict[tuple[str, str, str], tuple[str, str] | None] = {}  # None: gone; missing: not in the directory
    is_open: dict[tuple[str, str, str], bool] = {}
    asked: set[tuple[str, str, str]] = set()
    while moved - asked and len(asked) < 1000 * MOST_HOPS:
        wanted = sorted(moved - asked)
        asked |= set(wanted)
        found = await (
            await connection.execute(
                """
                select crm, record_kind, record_id, open, converted_to, merged_into, gone_at is not null
                from records join unnest(%s::text[], %s::text[], %s::text[]) as wanted (crm, record_kind, record_id)
                    using (crm, record_kind, record_id)
                """,
                [[one[0] for one in wanted], [one[1] for one in wanted], [one[2] for one in wanted]],
            )
        ).fetchall()
        for crm, kind, record, still_open, converted, merged, gone in found:
            target = _moved_to(kind, converted, merged)
            now[crm, kind, record] = target or (None if gone else (kind, record))
            is_open[crm, kind, record] = still_open
            if target:
                moved.add((crm, *target))
    matches = []
    for crm, kind, record, address, first, still_open, converted, merged, gone_at in rows:
        target = _moved_to(kind, converted, merged)
        via = (kind, record) if target else None
        for _ in range(MOST_HOPS):
            if target is None or now.get((crm, *target), target) == target:
                break
            target = now[crm, *target]
        else:
            continue  # a circle
        if target is None and (via or gone_at is not None):
            continue
        kind, record = target or (kind, record)
        still_open = is_open.get((crm, kind, record), bool(still_open))
        matches.append(DirectoryMatch(crm, kind, record, address, _is_first(first, address), still_open, via))
    return matches


def _moved_to(kind: str, converted_to: str | None, merged_into: str | None) -> tuple[str, str] | None:
    if merged_into:
        return kind, merged_into
    return ("contact", converted_to) if converted_to else None


def _is_first(first: str | None, address: str) -> bool:
    return first is not None and (first == address or normal_address(first) == address)


async def deals_of(
    connection: Connection, contacts: Collection[tuple[str, str]], kept: Collection[tuple[str, str]]
) -> dict[tuple[str, str], list[Deal]]:
    """The open deals of each contact (crm, id), and of those that are `kept` the closed ones, too. A deal of a contact that was
    merged is the survivor's: the CRM may say so of the deal much later."""
    if not contacts:
        return {}
    rows = await (
        await connection.execute(
            """
            with recursive theirs (crm, contact, record_id) as (
                select crm, id, id from unnest(%(crms)s::text[], %(contacts)s::text[]) as given (crm, id)
                union
                select t.crm, t.contact, r.record_id
                from theirs t join records r on r.crm = t.crm and r.record_kind = 'contact' and r.merged_into = t.record_id
            )
            select d.crm, d.record_id,
                array(select distinct contact from theirs t where t.crm = d.crm and t.record_id = any(d.contacts) order by 1),
                d.open
            from records d
            where d.record_kind = 'deal' and d.contacts && array(select record_id from theirs) and d.crm = any(%(crms)s)
                and d.gone_at is null and d.merged_into is null and (d.open or d.record_id = any(%(kept)s))
            order by d.crm, d.record_id
            """,
            {
                "crms": [crm for crm, _ in sorted(contacts)],
                "contacts": [record for _, record in sorted(contacts)],
                "kept": sorted({record for _, record in kept}),
            },
        )
    ).fetchall()
    found: dict[tuple[str, str], list[Deal]] = {}
    for crm, record, of, still_open in rows:
        for contact in of:
            found.setdefault((crm, contact), []).append(Deal(crm, record, tuple(of), still_open))
    return found


# `offset 0` keeps the account out of the look-up: by that, all of its replies would be compared with each of the messages.
FOLLOWERS: LiteralString = """
    with recursive found (id) as (
        select id from unnest(%(messages)s::bigint[]) given (id)
        union
        select reply.id from found join mail m using (id) cross join lateral (
            select id, address from mail
            where (in_reply_to || message_references) @> array[m.message_id]
                and (in_reply_to <> '{}' or message_references <> '{}') and state = 'stored'
            offset 0
        ) reply
        where m.message_id is not null and reply.address = m.address
    )
    select id from found where id <> all(%(messages)s) and id > %(after)s order by id limit %(most)s
"""

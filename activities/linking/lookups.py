"""What linking looks up for a batch of messages: rules, colleagues, records, deals, threads and reports. Each is one query for
the whole batch, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from pydantic import ValidationError

from domain.addresses import normal_address
from domain.linking import Correspondence, Deal, DirectoryMatch, Matches, Rules, facts, loose
from domain.privacy import Privacy

Connection = AsyncConnection[TupleRow]
Report = tuple[str | None, dict[str, Any]]

MOST_HOPS = 10  # from a lead to its contact to the record that was merged with: more is a circle
MOST_ANCESTORS = 32  # Message-IDs of a message's thread that are looked at
MOST_ROUNDS = 4  # in which more of them are found, where a mail names its parent alone


async def hold_directory(connection: Connection, crms: Collection[str]) -> None:
    """Tells who changes a directory, or the rules of linking, that a transaction is under way which has not seen the change:
    what is linked anew because of it waits for that transaction, or would miss what it stores."""
    await connection.execute(
        "select pg_advisory_xact_lock_shared(hashtextextended('directory:' || crm, 0)) from unnest(%s::text[]) crm order by crm",
        [sorted(crms)],
    )


async def rules_of(connection: Connection, crms: Collection[str]) -> dict[str, Rules]:
    """The rules of each CRM, in the order given."""
    rows = await (
        await connection.execute("select name, linking from crms where name = any(%s)", [sorted(crms)])
    ).fetchall()
    said: dict[str, Any] = dict(rows)
    return {crm: as_rules(said.get(crm)) for crm in crms}


def as_rules(said: Any) -> Rules:
    try:
        return Rules.model_validate(said or {}, strict=False)
    except ValidationError:  # of a later version: the plain rules are safe
        return Rules()


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
    moved = {(row[0], *target) for row in rows if (target := _moved_to(row[1], row[6], row[7]))}
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


async def ancestors_of(
    connection: Connection, replies: Mapping[tuple[str, int], Sequence[str]]
) -> dict[tuple[str, int], list[int]]:
    """The stored messages of each reply's thread before it, of the same account: `replies` are the Message-IDs that a message
    (account, id) names. At most 32 Message-IDs of each are looked at, so circles end."""
    seen = {reply: list(dict.fromkeys(named))[-MOST_ANCESTORS:] for reply, named in replies.items() if named}
    stored: dict[tuple[str, str], list[tuple[int, list[str]]]] = {}
    for _ in range(MOST_ROUNDS):
        wanted = {(account, name) for (account, _), named in seen.items() for name in named} - stored.keys()
        if wanted:
            stored |= {one: [] for one in wanted}
            rows = await (
                await connection.execute(
                    """
                    select m.address, m.message_id, m.id, m.in_reply_to || m.message_references
                    from mail m
                    where m.message_id = any(%s) and m.address = any(%s) and m.state = 'stored'
                    """,
                    [sorted({name for _, name in wanted}), sorted({account for account, _ in wanted})],
                )
            ).fetchall()
            for account, name, message, named in rows:
                if (account, name) in wanted:
                    stored[account, name].append((message, named))
        grown = False  # also by what was found for another reply before
        for (account, _), named in seen.items():
            for name in list(named):
                more = [one for _, names in stored.get((account, name), ()) for one in names if one not in named]
                more = list(dict.fromkeys(more))[: max(MOST_ANCESTORS - len(named), 0)]
                named += more
                grown = grown or bool(more)
        if not grown:
            break
    return {
        (account, reply): sorted(
            {message for name in named for message, _ in stored.get((account, name), ()) if message != reply}
        )
        for (account, reply), named in seen.items()
    }


async def anchors_of(
    connection: Connection, messages: Iterable[int], computed: Collection[int]
) -> dict[int, list[Correspondence]]:
    """What threads pass on of these messages: links to deals, except those that came by a thread, and links made by hand. Of
    the messages that are being `computed`, links made by hand alone."""
    rows = await (
        await connection.execute(
            """
            select message, crm, record_kind, record_id, direction, matched_address, evidence from links
            where message = any(%s) and unlinked_at is null and (
                source = 'manual'
                or (record_kind = 'deal' and evidence ->> 'rule' = 'deal' and message <> all(%s))
            )
            order by message, crm, record_kind, record_id
            """,
            [sorted(messages), sorted(computed)],
        )
    ).fetchall()
    found: dict[int, list[Correspondence]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(Correspondence(*row[1:]))
    return found


async def threads_pass_on(connection: Connection, accounts: Collection[str]) -> bool:
    """Whether there is anything in these accounts that a thread could pass on."""
    row = await (
        await connection.execute(
            """
            select exists (
                select from links where address = any(%s) and unlinked_at is null and (record_kind = 'deal' or source = 'manual')
            )
            """,
            [sorted(accounts)],
        )
    ).fetchone()
    return bool(row and row[0])


async def passing_on(connection: Connection, messages: Collection[int]) -> list[int]:
    """Those of these messages that have a link which their replies may have inherited."""
    rows = await (
        await connection.execute(
            """
            select distinct message from links where message = any(%s) and unlinked_at is null
                and (record_kind = 'deal' or source = 'manual' or evidence ->> 'rule' = 'thread')
            """,
            [sorted(messages)],
        )
    ).fetchall()
    return [row[0] for row in rows]


async def reports_on(connection: Connection, sent: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[Report]]:
    """What bounces, receipts and abuse reports say of sent messages, by account and Message-ID."""
    if not sent:
        return {}
    rows = await (
        await connection.execute(
            """
            select address, traits ->> 'about', kind, traits, id from mail
            where traits ? 'about' and traits ->> 'about' = any(%s) and address = any(%s) and state = 'stored'
            order by id
            """,
            [sorted({name for _, name in sent}), sorted({account for account, _ in sent})],
        )
    ).fetchall()
    found: dict[tuple[str, str], list[Report]] = {}
    for account, about, kind, traits, message in rows:
        found.setdefault((account, about), []).extend(facts(kind, traits, message))
    return found


async def reported(connection: Connection, about: Collection[tuple[str, str]]) -> list[int]:
    """The stored messages that these reports (account and Message-ID) are about."""
    if not about:
        return []
    rows = await (
        await connection.execute(
            """
            select id from mail
            where message_id = any(%s) and address = any(%s) and state = 'stored' and folder = 'Sent' order by id
            """,
            [sorted({name for _, name in about}), sorted({account for account, _ in about})],
        )
    ).fetchall()
    return [row[0] for row in rows]


async def followers_of(connection: Connection, messages: Collection[int], most: int, after: int = 0) -> list[int]:
    """The stored messages of the same account that answer one of `messages`, or one that answers it, and so on, in the order of
    their ids. They are looked up by what they name: read in the order of the ids until there are `most`, it may be all mail."""
    if not messages:
        return []
    given = {"messages": sorted(messages), "most": most, "after": after}
    return [row[0] for row in await (await connection.execute(FOLLOWERS, given)).fetchall()]


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

"""What names a person besides mail: filters, privacy rules, the withheld log, and the records and notes of the built-in CRM.

Each function runs in the caller's transaction, and answers what there is; where `erasing`, it is no more once that is committed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from activities.core.log import append
from activities.directory.directory import keep_others_out, store_gone
from domain.core.log_event import LoggedEvent
from domain.privacy.erasure import Naming, erased_rule, left_of_filter, pseudonym, spellings
from infra.database.locks import Guarded, Lock, hold
from infra.database.pool import Connection
from workflows.contract import ErasureRequest


@dataclass(frozen=True, slots=True)
class OfAccount:
    """Filters and privacy rules that name the person, and mail withheld by such a rule."""

    filters: int
    rules: int
    withheld: int


@dataclass(frozen=True, slots=True)
class OfCrm:
    """Records of the person in a built-in CRM, and activities on them or with the address in their text."""

    records: int
    activities: int


async def of_account(
    connection: Connection, account: str, person: str, request: ErasureRequest, *, erasing: bool
) -> OfAccount:
    """The caller has locked the desk and kept sessions out."""
    if erasing:
        await hold(connection, Lock(Guarded.PRIVACY, account))
    filters = await _filters(connection, account, Naming(person), request, erasing=erasing)
    rules = await _rules(connection, account, person, request.erasure, erasing=erasing)
    withheld = await _withheld(connection, account, person, request.erasure, erasing=erasing)
    return OfAccount(filters, rules, withheld)


async def _filters(
    connection: Connection, account: str, naming: Naming, request: ErasureRequest, *, erasing: bool
) -> int:
    """A filter that would take more mail without the condition that names the person goes altogether
    (domain/privacy/erasure.py)."""
    rows = await (
        await connection.execute(
            "select id, version, position, name, match, conditions, actions, enabled from account_filters where address = %s",
            [account],
        )
    ).fetchall()
    named = 0
    for number, version, position, name, match, conditions, actions, enabled in rows:
        if not naming.is_in([name, match, conditions, actions]):
            continue
        named += 1
        if not erasing:
            continue
        left = left_of_filter(name, match, conditions, actions, naming)
        facts: dict[str, object] = {"filter": number, "version": version, "erasure": str(request.erasure)}
        if left is None:
            await connection.execute("delete from account_filters where id = %s", [number])
            await _log(connection, account, "FilterRemoved", request, facts)
        else:
            await connection.execute(
                "update account_filters set conditions = %s, version = version + 1 where id = %s",
                [Jsonb(left), number],
            )
            facts |= {"version": version + 1, "position": position, "enabled": enabled}
            await _log(connection, account, "FilterSaved", request, facts)
    if erasing:
        versions = await (
            await connection.execute(
                "select filter, version, name, conditions, actions from filter_texts where address = %s", [account]
            )
        ).fetchall()
        forgotten = [(number, version) for number, version, *texts in versions if naming.is_in(texts)]
        await connection.execute(
            """
            delete from filter_texts t using unnest(%s::bigint[], %s::int[]) as forgotten (filter, version)
            where (t.filter, t.version) = (forgotten.filter, forgotten.version)
            """,
            [[filter_ for filter_, _ in forgotten], [version for _, version in forgotten]],
        )
    return named


async def _rules(connection: Connection, account: str, person: str, erasure: UUID, *, erasing: bool) -> int:
    """A rule that names the person goes on by a digest of the address: without it their next mail would be stored, or linked."""
    row = await (await connection.execute("select rules from account_privacy where address = %s", [account])).fetchone()
    if row is None:
        return 0
    rules: dict[str, object] = dict(row[0])
    count = 0
    for kind in ("never_log", "private"):
        listed = rules.get(kind)
        if isinstance(listed, list) and person in listed:
            rules[kind] = [erased_rule(erasure, person) if rule == person else rule for rule in listed]
            count += 1
    if erasing and count:
        await connection.execute(
            "update account_privacy set rules = %s::jsonb where address = %s", [json.dumps(rules), account]
        )
    return count


async def _withheld(connection: Connection, account: str, person: str, erasure: UUID, *, erasing: bool) -> int:
    rule = f"never_log: {person}"
    if erasing:
        done = await connection.execute(
            "update withheld set rule = %s where address = %s and rule = %s",
            [f"never_log: {erased_rule(erasure, person)}", account, rule],
        )
    else:
        done = await connection.execute("select from withheld where address = %s and rule = %s", [account, rule])
    return done.rowcount


async def built_in_crms(connection: Connection, organisation: str) -> list[str]:
    """Those that accounts of this organisation are linked with, and of no other: what is in them is theirs alone."""
    rows = await (
        await connection.execute(
            """
            select c.name from crms c
            where c.kind = 'builtin'
                and exists (select from accounts_recorded a where a.organisation = %(ours)s and c.name = any(a.crm))
                and not exists (select from accounts_recorded a where a.organisation <> %(ours)s and c.name = any(a.crm))
            order by c.name
            """,
            {"ours": organisation},
        )
    ).fetchall()
    return [row[0] for row in rows]


async def of_crm(connection: Connection, crm: str, person: str, request: ErasureRequest, *, erasing: bool) -> OfCrm:
    """Of a built-in CRM. What it shows of mail goes as from any CRM, by its outbox."""
    if erasing:
        await keep_others_out(connection, crm)
    rows = await (
        await connection.execute(
            """
            select distinct record_kind, record_id from record_addresses
            where crm = %s and address = %s and record_kind <> 'deal' order by 1, 2
            """,
            [crm, person],
        )
    ).fetchall()
    records = [(kind, record) for kind, record in rows]
    theirs, naming = await _activities(connection, crm, person, records), Naming(person)
    others = [
        (number, subject, text)
        for number, subject, text in await _with_the_address(connection, crm, person, theirs)
        if naming.is_in([subject, text])
    ]
    if erasing and (records or others):
        await connection.execute("delete from builtin_activities where id = any(%s)", [theirs])
        for number, subject, text in others:
            await connection.execute(
                "update builtin_activities set subject = %s, text = %s where id = %s",
                [naming.removed_from(subject), naming.removed_from(text), number],
            )
        await store_gone(connection, crm, records)
        facts: dict[str, object] = {
            "erasure": str(request.erasure),
            "person": pseudonym(request.erasure, person),
            "records": [{"record_kind": kind, "record_id": record} for kind, record in records],
            "activities": len(theirs) + len(others),
        }
        await _log(connection, f"crm/{crm}", "PersonErased", request, facts)
    return OfCrm(len(records), len(theirs) + len(others))


async def _activities(connection: Connection, crm: str, person: str, records: Sequence[tuple[str, str]]) -> list[UUID]:
    rows = await (
        await connection.execute(
            """
            select a.id from builtin_activities a
            join unnest(%s::text[], %s::text[]) as theirs (record_kind, record_id) using (record_kind, record_id)
            where a.crm = %s
            """,
            [[kind for kind, _ in records], [record for _, record in records], crm],
        )
    ).fetchall()
    return [row[0] for row in rows]


async def _with_the_address(
    connection: Connection, crm: str, person: str, besides: Sequence[UUID]
) -> list[tuple[UUID, str, str]]:
    rows = await (
        await connection.execute(
            """
            select id, subject, text from builtin_activities
            where crm = %s and id <> all(%s) and exists (
                select from unnest(%s::text[]) as spelled where strpos(lower(subject || ' ' || text), spelled) > 0
            )
            order by id
            """,
            [crm, list(besides), spellings(person)],
        )
    ).fetchall()
    return [(number, subject, text) for number, subject, text in rows]


async def crms_with_a_rule(connection: Connection, organisation: str, person: str) -> list[str]:
    """The CRM connections whose own never-log list names the person: it is in the settings of their workflow."""
    rows = await (
        await connection.execute(
            """
            select name from crms
            where linking -> 'never_log' ? %(person)s and state <> 'closed' and (
                organisation = %(ours)s
                or exists (select from accounts_recorded a where a.organisation = %(ours)s and crms.name = any(a.crm))
            )
            order by name
            """,
            {"person": person, "ours": organisation},
        )
    ).fetchall()
    return [row[0] for row in rows]


async def _log(
    connection: Connection, address: str, kind: str, request: ErasureRequest, facts: dict[str, object]
) -> None:
    """A fresh id: an attempt that comes later finds nothing to do."""
    event = LoggedEvent(event_id=uuid4(), at=request.at, type=kind, actor=request.given.by, data=facts)
    await append(connection, address, event)

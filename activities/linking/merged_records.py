"""Mail follows its records: what is linked with a record that was merged or converted is linked with what it became."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from domain.linking.changes import Record
from domain.linking.model import Correspondence
from infra.database.pool import Connection

MOST_STEPS = 10  # from record to record; more is a circle, or as good as one


async def what_became(connection: Connection, crm: str, kind: str, record_id: str) -> tuple[str, str] | None:
    """The record (kind and id) that this one is part of or was converted to, itself where it is neither; None where the CRM
    has it no more, or its records point to each other in a circle."""
    for _ in range(MOST_STEPS):
        row = await (
            await connection.execute(
                "select merged_into, converted_to, gone_at is not null from records "
                "where crm = %s and record_kind = %s and record_id = %s",
                [crm, kind, record_id],
            )
        ).fetchone()
        if row is None:
            return None
        merged, converted, gone = row
        if merged is not None:
            record_id = merged
        elif converted is not None:
            kind, record_id = "contact", converted
        else:
            return None if gone else (kind, record_id)
    return None


async def former_links(connection: Connection, messages: Collection[int]) -> dict[int, list[Correspondence]]:
    """Links of `messages` by addresses that their records have no more. What was written to a person stays with them when they
    change their address, unless the CRM's rules say otherwise, also where the message was in Sent or private meanwhile; with a
    record that has become another it stays until it has followed it."""
    if not messages:
        return {}
    rows = await (
        await connection.execute(
            """
            select l.message, l.crm, l.record_kind, l.record_id, l.direction, l.matched_address, l.evidence
            from links l join records r using (crm, record_kind, record_id) join crms c on c.name = l.crm
            where l.message = any(%s) and l.source = 'automatic'
                and l.evidence ->> 'rule' = 'address' and l.evidence ->> 'level' in ('exact', 'secondary')
                and (
                    l.unlinked_at is null and (r.merged_into is not null or r.converted_to is not null)
                    or r.merged_into is null and r.converted_to is null and r.gone_at is null
                        and c.linking ->> 'removed_addresses' is distinct from 'unlink'
                )
                and not exists (
                    select from record_addresses a
                    where (a.crm, a.record_kind, a.record_id) = (l.crm, l.record_kind, l.record_id)
                        and a.address = l.matched_address
                        and r.merged_into is null and r.converted_to is null
                )
            order by l.message, l.id
            """,
            [list(messages)],
        )
    ).fetchall()
    found: dict[int, list[Correspondence]] = {}
    for message, *link in rows:
        found.setdefault(message, []).append(Correspondence(*link))
    return found


async def unlinked_by_hand(connection: Connection, messages: Collection[int]) -> dict[int, set[Record]]:
    """The records that people have unlinked messages from; of a record that has become another also what it is now, which the
    decision is yet to follow to."""
    rows = await (
        await connection.execute(
            """
            with recursive decided (message, crm, record_kind, record_id) as (
                select message, crm, record_kind, record_id from link_decisions
                where message = any(%s) and decision = 'unlinked'
                union
                select d.message, d.crm, case when r.merged_into is null then 'contact' else r.record_kind end,
                    coalesce(r.merged_into, r.converted_to)
                from decided d join records r using (crm, record_kind, record_id)
                where coalesce(r.merged_into, r.converted_to) is not null
            )
            select message, crm, record_kind, record_id from decided
            """,
            [list(messages)],
        )
    ).fetchall()
    decided: dict[int, set[Record]] = {}
    for message, crm, kind, record in rows:
        decided.setdefault(message, set()).add((crm, kind, record))
    return decided


async def follow(connection: Connection, crm: str, kind: str, record_id: str, messages: Sequence[int]) -> None:
    """Moves links and decisions of `messages` to what the record became. Where there is one already, both are one: what a
    person decided counts, the latest if there is more. With a record that is gone nothing is linked; what was decided is
    kept, and holds again when it comes back."""
    of = {"crm": crm, "kind": kind, "record": record_id, "messages": list(messages)}
    became = await what_became(connection, crm, kind, record_id)
    if became is not None and became != (kind, record_id):
        of |= {"new_kind": became[0], "new_record": became[1]}
        for statement in MOVE:
            await connection.execute(statement, of)
        await connection.execute(KEEP_DECISIONS, {**of, "kind": became[0], "record": became[1]})
    elif became is not None:
        await connection.execute(KEEP_DECISIONS, of)
    else:
        await connection.execute(UNLINK, of)


MOVE = (
    """
    insert into link_decisions as there (message, crm, record_kind, record_id, decision, by, at)
    select message, crm, %(new_kind)s, %(new_record)s, decision, by, at from link_decisions
    where crm = %(crm)s and record_kind = %(kind)s and record_id = %(record)s and message = any(%(messages)s)
    on conflict (message, crm, record_kind, record_id) do update set
        decision = excluded.decision, by = excluded.by, at = excluded.at
    where excluded.at > there.at
    """,
    """
    delete from link_decisions
    where crm = %(crm)s and record_kind = %(kind)s and record_id = %(record)s and message = any(%(messages)s)
    """,
    """
    insert into links as there (
        message, address, identity, crm, record_kind, record_id, direction, matched_address, evidence, source, linked_at,
        unlinked_at
    )
    select message, address, identity, crm, %(new_kind)s, %(new_record)s, direction, matched_address,
        evidence || jsonb_build_object('moved_from', jsonb_build_object('record_kind', record_kind, 'record_id', record_id)),
        source, linked_at, unlinked_at
    from links
    where crm = %(crm)s and record_kind = %(kind)s and record_id = %(record)s and message = any(%(messages)s)
        and (unlinked_at is null or source = 'manual')
    on conflict (message, crm, record_kind, record_id) do update set unlinked_at = null, linked_at = now()
    where there.unlinked_at is not null and there.source = 'automatic' and excluded.unlinked_at is null
    """,
    """
    update links set source = 'automatic', unlinked_at = coalesce(unlinked_at, now())
    where crm = %(crm)s and record_kind = %(kind)s and record_id = %(record)s and message = any(%(messages)s)
    """,
)

KEEP_DECISIONS = """
    update links l set
        source = 'manual',
        unlinked_at = case
            when d.decision = 'unlinked' or exists (select from kept_private k where k.message = l.message)
            then coalesce(l.unlinked_at, now())
        end
    from link_decisions d
    where (d.message, d.crm, d.record_kind, d.record_id) = (l.message, l.crm, l.record_kind, l.record_id)
        and l.crm = %(crm)s and l.record_kind = %(kind)s and l.record_id = %(record)s and l.message = any(%(messages)s)
"""

UNLINK = """
    update links set unlinked_at = now()
    where crm = %(crm)s and record_kind = %(kind)s and record_id = %(record)s and message = any(%(messages)s)
        and unlinked_at is null
"""

"""What a CRM is shown of a message: its envelope and the beginning of its text."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from activities.crm.adapters.protocol import Entry
from activities.crm.outbox import Waiting
from domain.linking.model import Direction
from domain.message.body import HEAD, plain_text
from infra.database.pool import Pool

# Of the copies that link it, one in Sent first: it is whole, with its Bcc. Of one that nobody links any more, any.
COPY = """
    select m.address, m.message_id, m.subject, coalesce(m.sent_at, m.stored_at), m.participants,
        coalesce(
            substring(b.raw for %(head)s),
            (select string_agg(c.data, ''::bytea order by c.position) from blob_chunks c
             where c.chunks = b.chunks and c.position <= first.position)
        ),
        exists (
            select from mail o join entries e using (identity)
            where o.message_id = m.message_id and o.identity <> m.identity and e.id < %(entry)s
                and e.crm = %(crm)s and e.record_kind = %(kind)s and e.record_id = %(record)s
        )
    from mail m
    left join links l on l.message = m.id and l.crm = %(crm)s and l.record_kind = %(kind)s and l.record_id = %(record)s
        and l.unlinked_at is null
    join blobs b using (sha256)
    left join lateral (select min(position) as position from blob_chunks where chunks = b.chunks) first on true
    where m.identity = %(identity)s and m.state = 'stored'
    order by l.id is null, l.direction = 'Sent' desc, m.id limit 1
"""


async def content(pool: Pool, crm: str, entry: Waiting, direction: Direction) -> Entry:
    """The entry as the CRM is to show it; of mail that was erased, what its key, record and probe say."""
    bare = Entry(
        key=entry.key.hex(),
        record_kind=entry.record_kind,
        record_id=entry.record_id,
        direction=direction,
        message_id=None,
        sent_at=datetime(1970, 1, 1, tzinfo=UTC),
        subject="",
        text="",
        sender=("", ""),
        probe=entry.probe,
        retried=entry.retried,
    )
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                COPY,
                {
                    "head": HEAD,
                    "crm": crm,
                    "kind": entry.record_kind,
                    "record": entry.record_id,
                    "identity": entry.identity,
                    "entry": entry.id,
                },
            )
        ).fetchone()
    if row is None:
        return bare
    address, message_id, subject, sent_at, participants, raw, collides = row
    fields: dict[str, list[tuple[str, str]]] = {"from": [], "to": [], "cc": []}
    for one in participants:
        fields.setdefault(one["field"], []).append((one["name"], one["address"]))
    return replace(
        bare,
        message_id=message_id,
        sent_at=sent_at,
        subject=subject or "",
        text=await asyncio.to_thread(plain_text, bytes(raw or b"")[:HEAD]),
        sender=fields["from"][0] if fields["from"] else ("", ""),
        to=fields["to"],
        cc=fields["cc"],
        account=address,
        collides=collides,
    )

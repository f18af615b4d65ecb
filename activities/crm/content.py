"""What a CRM is shown of a message: its envelope and the beginning of its text."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from activities.crm.adapters.protocol import Entry
from activities.crm.outbox import Waiting
from domain.core.text import storable
from domain.linking.model import Direction
from domain.mime.charsets import labelled_text
from domain.mime.nesting import structure_error
from infra.database.pool import Pool

LONGEST_TEXT = 64 * 1024  # characters of UTF-8 at most as many bytes
HEAD = 1 << 20  # bytes of a message that are read for its text

_UNSEEN = re.compile(r"(?is)<(script|style|head)\b.*?(?:</\1\s*>|\Z)")
_BREAK = re.compile(r"(?i)<(?:br|/p|/div|/tr|/h[1-6]|/li)\b[^<>]{0,200}>")
_TAG = re.compile(r"<[^<>]{0,2000}>")

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


def plain_text(raw: bytes) -> str:
    """The text of a message's body, at most 64 KiB of it; of HTML what is left without its tags."""
    try:
        found = _text(raw)
    except Exception:  # the parser of the standard library raises whatever it likes at odd input
        return ""
    return storable(found).encode("utf-8", "replace")[:LONGEST_TEXT].decode("utf-8", "ignore").strip()


def _text(raw: bytes) -> str:
    parser: BytesParser[EmailMessage] = BytesParser(policy=policy.default)
    header = parser.parsebytes(raw[:HEAD].split(b"\r\n\r\n", 1)[0].split(b"\n\n", 1)[0], headersonly=True)
    if structure_error(raw, str(header.get("content-type", ""))):
        return ""
    part = parser.parsebytes(raw).get_body(("plain", "html"))
    if part is None:
        return ""
    payload: Any = part.get_payload(decode=True)
    text = labelled_text(payload, part.get_content_charset("utf-8"))[: 8 * LONGEST_TEXT]
    if part.get_content_type() == "text/html":
        text = html.unescape(_TAG.sub("", _BREAK.sub("\n", _UNSEEN.sub("", text))))
        text = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    return text

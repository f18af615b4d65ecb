"""Records of the CRMs, and a record's mail and activities as one timeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.reading import Reader
from console.search import cut
from console.terminal import Column, Row, Terminal
from domain.core.refusal import Refused
from domain.mime.addresses import normal_address

RECORDS = """
    select crm, record_kind, record_id, name, addresses, open, contacts, converted_to, merged_into from directory
    where (%(like)s::text is null or name ilike %(like)s or record_id = %(words)s
        or exists (select from unnest(addresses) one where one ilike %(like)s))
        and (%(crm)s::text is null or crm = %(crm)s)
    order by name, crm, record_kind, record_id limit %(most)s offset %(skip)s
"""
OF_ADDRESS = """
    select crm, record_kind, record_id, d.name, d.addresses
    from record_addresses a join directory d using (crm, record_kind, record_id)
    where a.address = %(address)s order by crm, record_kind, record_id
"""
OF_ID = """
    select crm, record_kind, record_id, name, addresses from directory
    where record_id = %(id)s and (%(kind)s::text is null or record_kind = %(kind)s) and (%(crm)s::text is null or crm = %(crm)s)
    order by crm, record_kind
"""
# One message that lies in several mailboxes is one line, of the copy that was sent, where there is one.
TIMELINE = """
    with chosen as (
        select * from unnest(%(crms)s::text[], %(kinds)s::text[], %(ids)s::text[]) as c (crm, record_kind, record_id)
    ), shown as (
        (
            select distinct on (m.identity, l.crm, l.record_kind, l.record_id)
                coalesce(m.sent_at, m.stored_at) as at, l.direction as what, m.subject, m.id as message, m.address as account,
                m.from_address as who, l.crm, l.record_kind, l.record_id, null::timestamptz as due, null::boolean as open
            from correspondence l join chosen using (crm, record_kind, record_id) join messages m on m.id = l.message
            where l.unlinked_at is null
            order by m.identity, l.crm, l.record_kind, l.record_id, l.direction desc, m.id
        )
        union all
        select a.created_at, a.kind, a.subject, null, null, null, a.crm, a.record_kind, a.record_id, a.due, a.open
        from activities a join chosen using (crm, record_kind, record_id)
    )
    select * from shown where %(before)s::timestamptz is null or at < %(before)s
    order by at desc fetch first (%(most)s) rows with ties
"""


async def records(reader: Reader, terminal: Terminal, words: str, *, crm: str | None, most: int, skip: int) -> None:
    like = f"%{_literal(words)}%" if words else None
    found = await reader.rows(RECORDS, like=like, words=words, crm=crm, most=most + 1, skip=skip)
    rest, found = found[most:], found[:most]

    def show() -> None:
        terminal.table(
            found, _COLUMNS, empty=f"no record has {words!r} in its name, id or addresses" if words else "none yet"
        )
        if rest:
            terminal.line(f"there are more: --skip {skip + most}")

    terminal.answer({"records": found, "more": bool(rest)}, show)


async def chosen(reader: Reader, what: str) -> list[Row]:
    """The records that RECORD|ADDRESS means: all of an address, or of an id, that may say kind:id or crm:kind:id."""
    if "@" in what:
        address = normal_address(what)
        found = await reader.rows(OF_ADDRESS, address=address) if address else []
        if not found:
            raise Refused(
                "unknown_record",
                f"no record has the address {what}: `mailroom search --from {what}` has the mail that is linked to nobody",
            )
        return list(found)
    *before, number = what.split(":")
    kind, crm = (before[-1] if before else None), (before[-2] if len(before) > 1 else None)
    found = await reader.rows(OF_ID, id=number, kind=kind, crm=crm)
    if not found:
        raise Refused("unknown_record", f"there is no record {what}: `mailroom records WORDS` finds them by name")
    return list(found)


async def timeline(reader: Reader, terminal: Terminal, what: str, *, before: datetime | None, most: int) -> None:
    whose = await chosen(reader, what)
    rows = await reader.rows(
        TIMELINE,
        crms=[row["crm"] for row in whose],
        kinds=[row["record_kind"] for row in whose],
        ids=[row["record_id"] for row in whose],
        before=before,
        most=most + 1,
    )
    found, more = cut(rows, most)
    several = len(whose) > 1

    def show() -> None:
        for row in whose:
            terminal.line(
                f"{row['name']}, {row['record_kind']} {row['record_id']} of {row['crm']}: {', '.join(row['addresses'])}"
            )
        terminal.line()
        columns: list[Column] = [
            ("at", lambda row: row["at"]),
            ("what", _what),
            ("subject", lambda row: row["subject"]),
            ("message", lambda row: row["message"]),
            ("account", lambda row: row["account"]),
        ]
        if several:
            columns.append(("record", lambda row: f"{row['record_kind']} {row['record_id']}"))
        terminal.table(list(reversed(found)), columns, empty="no mail, tasks, events or notes yet")
        if more:
            terminal.line(f"there is more, before that: --before {found[-1]['at'].isoformat()}")

    terminal.answer({"records": whose, "timeline": found, "more": more}, show)


def _what(row: Row) -> str:
    match row["what"]:
        case "Sent":
            return "→ Sent"
        case "Received":
            return "← Received"
        case "task":
            due = f", due {row['due']:%Y-%m-%d}" if row["due"] else ""
            return f"task{due}" if row["open"] else "task, done"
        case other:
            return str(other)


def _literal(words: str) -> str:
    """`words` for LIKE, in which nothing stands for anything else."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_COLUMNS: Sequence[Column] = (
    ("name", lambda row: row["name"]),
    ("kind", lambda row: row["record_kind"]),
    ("record", lambda row: row["record_id"]),
    ("CRM", lambda row: row["crm"]),
    ("addresses", lambda row: row["addresses"]),
    ("is now", lambda row: row["merged_into"] or row["converted_to"]),
)

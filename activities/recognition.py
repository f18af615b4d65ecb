"""Which of the messages that have arrived are stored already: known by another UIDL, or by none that can be trusted.

A message is compared with stored mail in two cases only. Its UIDL stands for several messages, in the list or over time:
then it may be one of those. Or the ledger is in a later epoch: then the server (or the account's host) is not the one it
was, every UIDL is new, and what was stored before must not be stored twice. Everywhere else the UIDL alone decides, and
equal bytes under two UIDLs are two messages, because the server says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.arrivals import Retrieved
from domain.identity import fingerprint
from domain.retrieval import Identity

SIZE_TOLERANCE = 0.05  # a move adds header fields, and some servers write MIME anew
LARGEST_COMPARED = 8 << 20  # bytes of a message whose body is compared with another one's


@dataclass(slots=True)
class Stored:
    """One mail that a message may be. `claimed`: the present epoch has it already, under one of `uidls`."""

    id: int
    sha256: bytes
    message_id: str | None
    sent_at: datetime | None
    from_address: str | None
    size: int
    claimed: bool
    uidls: list[str]


async def recognise(
    connection: AsyncConnection[TupleRow], address: str, epoch: int, arrived: Sequence[Retrieved]
) -> dict[Identity, int]:
    """The arrived messages that are stored mail, with its id. Mail of earlier epochs is recognised once each: of two equal
    messages that a server lists, the second is another one."""
    suspects = [one for one in arrived if epoch > 1 or one.listed.shared]
    if not suspects:
        return {}
    candidates = await _candidates(connection, address, epoch, suspects)
    known = {one.listed.identity: found.id for one in suspects if (found := _in_the_same_place(one, candidates))}
    if epoch == 1:
        return known
    unclaimed = [stored for stored in candidates if not stored.claimed]
    for matches in (_same_bytes, _same_envelope):
        for one in suspects:
            if one.listed.identity in known:
                continue
            alike = [stored for stored in unclaimed if matches(one, stored)]
            found = await _best(connection, one, alike)
            if found is not None:
                known[one.listed.identity] = found.id
                unclaimed.remove(found)
    return known


async def _candidates(
    connection: AsyncConnection[TupleRow], address: str, epoch: int, suspects: Sequence[Retrieved]
) -> list[Stored]:
    rows = await (
        await connection.execute(
            """
            select m.id, m.sha256, m.message_id, m.sent_at, m.from_address, m.size,
                bool_or(l.epoch is not null), coalesce(array_agg(l.uidl) filter (where l.epoch is not null), '{}')
            from mail m left join pop_ledger l on l.mail = m.id and l.epoch = %(epoch)s
            where m.address = %(address)s and m.state = 'stored' and (
                m.sha256 = any(%(sha256)b::bytea[])
                or m.message_id = any(%(message_id)s)
                or m.message_id is null and m.sent_at = any(%(sent_at)s::timestamptz[])
                or m.id in (
                    select mail from pop_ledger
                    where address = %(address)s and epoch = %(epoch)s and uidl = any(%(uidl)s)
                )
            )
            group by m.id
            order by m.id
            """,
            {
                "address": address,
                "epoch": epoch,
                "sha256": [one.sha256 for one in suspects],
                "message_id": _present(one.message.message_id for one in suspects),
                "sent_at": [
                    one.message.sent_at for one in suspects if one.message.sent_at and not one.message.message_id
                ],
                "uidl": [one.listed.uidl for one in suspects if one.listed.shared],
            },
        )
    ).fetchall()
    return [Stored(*row) for row in rows]


def _in_the_same_place(one: Retrieved, candidates: Iterable[Stored]) -> Stored | None:
    """The mail that is known by the message's own UIDL and is the same: some servers write into a header, which changes a
    message's size, and some list one message twice."""
    for stored in candidates:
        if one.listed.uidl in stored.uidls and (_same_bytes(one, stored) or _same_message_id(one, stored)):
            return stored
    return None


def _same_bytes(one: Retrieved, stored: Stored) -> bool:
    return one.sha256 == stored.sha256


def _same_message_id(one: Retrieved, stored: Stored) -> bool:
    return stored.message_id is not None and stored.message_id == one.message.message_id


def _same_envelope(one: Retrieved, stored: Stored) -> bool:
    """Never the Message-ID alone: programs use one twice, and answers quote it."""
    return (
        (stored.message_id, stored.sent_at, stored.from_address)
        == (one.message.message_id, one.message.sent_at, one.message.from_address)
        and stored.sent_at is not None
        and abs(stored.size - one.size) <= max(SIZE_TOLERANCE * stored.size, 4096)
    )


async def _best(connection: AsyncConnection[TupleRow], one: Retrieved, alike: Sequence[Stored]) -> Stored | None:
    """The one whose body is the same; without any, the first with the same Message-ID, for a server may write MIME anew."""
    for stored in alike:
        if _same_bytes(one, stored):
            return stored
    if isinstance(one.content, bytes) and one.size <= LARGEST_COMPARED:
        wanted = fingerprint(one.content)
        for stored in alike:
            if stored.size <= LARGEST_COMPARED and wanted == fingerprint(await _bytes_of(connection, stored)):
                return stored
    return next((stored for stored in alike if stored.message_id is not None), None)


async def _bytes_of(connection: AsyncConnection[TupleRow], stored: Stored) -> bytes:
    row = await (
        await connection.execute("select blob_bytes(blobs) from blobs where sha256 = %b", [stored.sha256])
    ).fetchone()
    return bytes(row[0]) if row else b""


def _present(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value})

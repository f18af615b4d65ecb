"""Which of the messages that have arrived are stored already: known by another UIDL, or by none that can be trusted.

A message is compared with stored mail in two cases only. Its UIDL stands for several messages, in the list or over time:
then it may be one of those. Or the ledger is in a later epoch: then the server (or the account's host) is not the one it
was, every UIDL is new, and what was stored before must not be stored twice. Everywhere else the UIDL alone decides, and
equal bytes under two UIDLs are two messages, because the server says so. Mail that somebody has attached by hand is that of
an epoch before the first one: a server may bring it, too, and then it is recognised.

What is recognised is not stored, and may be deleted from the server. So when in doubt it is another message: one that is
stored twice is better than one that is lost.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from activities.storage.batch import Retrieved
from activities.storage.uploads import Upload
from domain.message.identity import Fingerprint, fingerprint
from domain.retrieval.plan import ATTACHED, Identity
from infra.database.pool import Connection

SIZE_TOLERANCE = 0.05  # of a message whose MIME a server has written anew
LARGEST_COMPARED = 64 << 20  # bytes of a message whose body is compared with another one's
MOST_COMPARED = 256 << 20  # bytes of stored mail that are read for one batch
LEAST_COUNTED = 256 << 10  # bytes that reading any mail counts for, which limits how many are read for one batch

Envelope = tuple[str | None, datetime | None, str | None, str]  # Message-ID, Date, From, Subject


@dataclass(slots=True)
class Stored:
    """One mail that a message may be. `claimed`: the present epoch has it already, under one of `uidls`. `left`: earlier
    epochs have it, and left it on the server. `damaged`: its bytes were found not to be those that came."""

    id: int
    sha256: bytes
    envelope: Envelope
    size: int
    claimed: bool
    uidls: list[str]
    left: bool
    damaged: bool


async def recognise(
    connection: Connection, address: str, epoch: int, arrived: Sequence[Retrieved], *, any_attached: bool
) -> dict[Identity, int]:
    """The arrived messages that are stored mail, with its id. Mail of earlier epochs is recognised once each: of two equal
    messages that a server lists, the second is another one.

    A message is stored mail if it has the same bytes; or the same envelope, and a body that is the same and not empty; or,
    as long as the first list of an epoch is worked through, the envelope of one mail alone that was left on the server, and
    about its size. Mail whose bytes are damaged is recognised by the same bytes alone, for those replace them. `any_attached`:
    mail was attached to the account.
    """
    if epoch == ATTACHED:
        return await _here_already(connection, address, arrived)
    suspects = [one for one in arrived if epoch > 1 or any_attached or one.listed.shared]
    if not suspects:
        return {}
    candidates = await _candidates(connection, address, epoch, suspects)
    bodies = Bodies(connection)
    known: dict[Identity, int] = {}
    for one in suspects:
        found = await _in_the_same_place(one, candidates, bodies)
        if found is not None:
            known[one.listed.identity] = found.id
    if epoch == 1 and not any_attached:
        return known
    unclaimed = [stored for stored in candidates if not stored.claimed]

    def settle(one: Retrieved, found: Stored | None) -> None:
        if found is not None:
            known[one.listed.identity] = found.id
            unclaimed.remove(found)

    def unknown() -> list[Retrieved]:
        return [one for one in suspects if one.listed.identity not in known]

    for one in unknown():
        settle(one, next((stored for stored in unclaimed if stored.sha256 == one.sha256), None))
    for one in unknown():
        settle(one, await _same_body(one, unclaimed, bodies))
    if epoch == 1 or not await _first_list(connection, address):
        return known
    # Programs that use one Message-ID for all they send give no envelope that is one mail's alone.
    names = Counter(_envelope(one) for one in suspects)
    stored_names = Counter(stored.envelope for stored in candidates)
    for one in unknown():
        envelope = _envelope(one)
        if envelope[0] and names[envelope] == stored_names[envelope] == 1:
            settle(one, await _written_anew(one, unclaimed, bodies))
    return known


async def _here_already(connection: Connection, address: str, attached: Sequence[Retrieved]) -> dict[Identity, int]:
    """What somebody attaches and the account has: the same bytes, or the same message in whatever bytes. The caller keeps others
    from attaching (`hold_rules`)."""
    known: dict[Identity, int] = {}
    for one in attached:
        found = await stored_as(connection, address, one)
        if found is not None:
            known[one.listed.identity] = found
    return known


async def stored_as(connection: Connection, address: str, one: Retrieved) -> int | None:
    """The account's message that has the same bytes or the same identity."""
    row = await (
        await connection.execute(
            """
            select min(id) from (
                select id from mail where address = %(address)s and sha256 = %(sha256)b and state = 'stored'
                union all
                select id from mail where address = %(address)s and identity = %(identity)b and state = 'stored'
            ) same
            """,
            {"address": address, "sha256": one.sha256, "identity": one.identity},
        )
    ).fetchone()
    return None if row is None else row[0]


async def _candidates(connection: Connection, address: str, epoch: int, suspects: Sequence[Retrieved]) -> list[Stored]:
    rows = await (
        await connection.execute(
            """
            with alike as (
                select id from mail where address = %(address)s and sha256 = any(%(sha256)b::bytea[])
                union
                select id from mail where address = %(address)s and message_id = any(%(message_id)s)
                union
                select id from mail
                where cardinality(%(sent_at)s::timestamptz[]) > 0
                    and address = %(address)s and message_id is null and sent_at = any(%(sent_at)s::timestamptz[])
                union
                select mail from pop_ledger
                where address = %(address)s and epoch = %(epoch)s and uidl = any(%(uidl)s)
            )
            select m.id, m.sha256, m.message_id, m.sent_at, m.from_address, coalesce(m.subject, ''), m.size,
                coalesce(bool_or(l.epoch = %(epoch)s), false),
                coalesce(array_agg(l.uidl) filter (where l.epoch = %(epoch)s), '{}'),
                coalesce(bool_and(l.state <> 'deleted') filter (where l.epoch < %(epoch)s), false),
                exists (select from damaged_blobs d where d.sha256 = m.sha256)
            from mail m join alike using (id) left join pop_ledger l on l.mail = m.id
            where m.state = 'stored'
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
    return [
        Stored(mail, bytes(sha256), (message_id, sent_at, sender, subject), *rest)
        for mail, sha256, message_id, sent_at, sender, subject, *rest in rows
    ]


async def _first_list(connection: Connection, address: str) -> bool:
    """Whether the first list of the present epoch is still being worked through."""
    query = "select epoch_listed_at is null from mailboxes where address = %s"
    row = await (await connection.execute(query, [address])).fetchone()
    return bool(row and row[0])


async def _in_the_same_place(one: Retrieved, candidates: Iterable[Stored], bodies: Bodies) -> Stored | None:
    """The mail that is known by the message's own UIDL and is the same: some servers write into a header, which changes a
    message's size, and some list one message twice."""
    here = [stored for stored in candidates if one.listed.uidl in stored.uidls]
    same = next((stored for stored in here if stored.sha256 == one.sha256), None)
    return same or await _same_body(one, here, bodies)


async def _same_body(one: Retrieved, candidates: Iterable[Stored], bodies: Bodies) -> Stored | None:
    """The mail with the same envelope and the same body. Never the Message-ID alone: programs use one twice."""
    for stored in _same_envelope(one, candidates):
        body = await bodies.of_stored(stored)
        if body is not None and body == await bodies.of_arrived(one):
            return stored
    return None


async def _written_anew(one: Retrieved, candidates: Iterable[Stored], bodies: Bodies) -> Stored | None:
    """The mail with the same envelope that was left on the server, where a server has written its MIME anew in a move."""
    for stored in _same_envelope(one, candidates):
        if not stored.left or abs(stored.size - one.size) > SIZE_TOLERANCE * stored.size:
            continue
        if await bodies.of_stored(stored) is not None and await bodies.of_arrived(one) is not None:
            return stored
    return None


def _same_envelope(one: Retrieved, candidates: Iterable[Stored]) -> list[Stored]:
    envelope = _envelope(one)
    if envelope[1] is None:
        return []
    return [stored for stored in candidates if stored.envelope == envelope and not stored.damaged]


def _envelope(one: Retrieved) -> Envelope:
    message = one.message
    return message.message_id, message.sent_at, message.from_address, message.subject


class Bodies:
    """Fingerprints of the bodies that are compared for one batch; None for one that is empty, or not to be compared."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left = MOST_COMPARED
        self._arrived: dict[Identity, bytes | None] = {}
        self._stored: dict[int, bytes | None] = {}

    async def of_arrived(self, one: Retrieved) -> bytes | None:
        identity = one.listed.identity
        if identity not in self._arrived:
            self._arrived[identity] = await self._of_content(one)
        return self._arrived[identity]

    async def of_stored(self, stored: Stored) -> bytes | None:
        """None also where the bytes that are there are not those that came: the good ones are on the server."""
        if stored.id not in self._stored:
            self._stored[stored.id] = await self._of_blob(stored)
        return self._stored[stored.id]

    async def _of_content(self, one: Retrieved) -> bytes | None:
        if one.size > LARGEST_COMPARED:
            return None
        if isinstance(one.content, Upload):
            return (await _read(_chunks(self._connection, one.content.chunks)))[1]
        return await asyncio.to_thread(fingerprint, one.content)

    async def _of_blob(self, stored: Stored) -> bytes | None:
        if stored.size > LARGEST_COMPARED or self._left <= 0:
            return None
        self._left -= max(stored.size, LEAST_COUNTED)
        digest, body = await _read(_blob(self._connection, stored.sha256))
        return body if digest == stored.sha256 else None


async def _read(pieces: AsyncIterator[bytes]) -> tuple[bytes, bytes | None]:
    """The SHA-256 of all the bytes, and the fingerprint of the body."""
    digest, body = hashlib.sha256(), Fingerprint()
    async for piece in pieces:
        await asyncio.to_thread(digest.update, piece)
        await asyncio.to_thread(body.update, piece)
    return digest.digest(), body.digest()


async def _blob(connection: Connection, sha256: bytes) -> AsyncIterator[bytes]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute("select raw, chunks from blobs where sha256 = %b", [sha256])
        raw, chunks = await cursor.fetchone() or (None, None)
    if raw is not None:
        yield raw
    elif chunks is not None:
        async for piece in _chunks(connection, chunks):
            yield piece


async def _chunks(connection: Connection, chunks: UUID) -> AsyncIterator[bytes]:
    query = "select position, data from blob_chunks where chunks = %s and position > %s order by position limit 1"
    position = -1
    async with connection.cursor(binary=True) as cursor:
        while row := await (await cursor.execute(query, [chunks, position])).fetchone():
            position, data = row
            yield data


def _present(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value})

"""The bytes of mail: kept once, however many messages have the same, in the transaction that stores them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from activities.storage.batch import Retrieved
from activities.storage.uploads import Upload, held, keep
from infra.database.pool import Connection

STATEMENT_BYTES = 2 << 20  # of mail in one statement, which is copied twice on its way


async def keep_blobs(
    connection: Connection, indexed: Sequence[Retrieved], new: Sequence[Retrieved], known: Iterable[int]
) -> None:
    """Keeps the bytes that mail refers to: those of `new` messages, and of the mail that is `known` where the very same
    have come again, so that they replace damaged ones. Nobody would ever ask for the others."""
    wanted = {one.sha256 for one in new} | await _digests(connection, known)
    kept = [one for one in indexed if one.sha256 in wanted]
    # In one order for everybody: two batches with the same mail would otherwise wait for each other.
    contents = sorted({one.sha256: one.content for one in kept}.items())
    blobs = [(digest, content) for digest, content in contents if isinstance(content, bytes)]
    while blobs:
        async with connection.pipeline():
            inserts = [
                await connection.execute(
                    """
                    insert into blobs (sha256, size, raw)
                    select sha256, octet_length(raw), raw from unnest(%b::bytea[], %b::bytea[]) as new (sha256, raw)
                    on conflict do nothing
                    """,
                    [[digest for digest, _ in part], [raw for _, raw in part]],
                )
                for part in _of_bounded_size(blobs)
            ]
        made = sum(insert.rowcount for insert in inserts)
        if made == len(blobs):
            break
        there = await held(connection, [digest for digest, _ in blobs])
        blobs = [(digest, raw) for digest, raw in blobs if digest not in there]
    for one in indexed:
        if isinstance(one.content, Upload) and one.sha256 in wanted:
            await keep(connection, one.content)
        elif isinstance(one.content, Upload):
            await connection.execute("delete from uploads where chunks = %s", [one.content.chunks])


async def _digests(connection: Connection, mail: Iterable[int]) -> set[bytes]:
    if not (ids := list(mail)):
        return set()
    rows = await (await connection.execute("select sha256 from mail where id = any(%s)", [ids])).fetchall()
    return {bytes(row[0]) for row in rows}


def _of_bounded_size(blobs: Sequence[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    part: list[tuple[bytes, bytes]] = []
    size = 0
    for blob in blobs:
        if part and size + len(blob[1]) > STATEMENT_BYTES:
            yield part
            part, size = [], 0
        part.append(blob)
        size += len(blob[1])
    if part:
        yield part

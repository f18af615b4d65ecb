"""Large messages: written to the database piece by piece while they arrive, so that no worker ever holds one whole.

The pieces are nobody's until the batch that takes the message is committed: a session that dies before leaves them behind,
and the mailbox's next session removes them. Only in the batch's transaction do they become a blob.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.mailbox.leases import Lease
from infra.database.pool import Pool

CHUNK_BYTES = 1 << 20
INDEXED_BYTES = 4 << 20  # of a large message's beginning: far more than any header block has
ABANDONED_AFTER = "1 day"  # longer than any session lasts: what the last sessions of closed accounts left


@dataclass(frozen=True, slots=True)
class Upload:
    """A message whose bytes are in the database already; `head` is how it begins, enough to index it. Of one that a rule keeps
    from being stored (`withheld`) they are not."""

    chunks: UUID
    head: bytes
    size: int
    sha256: bytes
    withheld: str | None = None


class Uploads:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def write(
        self, lease: Lease, head: bytes, rest: AsyncIterator[bytes], *, withheld: str | None = None
    ) -> Upload:
        """Writes a message of which `head` is here and `rest` is on its way. Whatever `rest` raises is raised on, and what
        had come of the message is dropped. One that is `withheld` by a rule is only read to its end."""
        chunks = uuid4()
        digest, size, position = hashlib.sha256(head), len(head), 0
        if withheld is not None:
            async for piece in rest:
                lease.check()
                digest.update(piece)
                size += len(piece)
            return Upload(chunks, head[:INDEXED_BYTES], size, digest.digest(), withheld)
        async with self._pool.connection() as connection:
            await connection.execute("insert into uploads (chunks, address) values (%s, %s)", [chunks, lease.address])
        try:
            pending = bytearray(head)
            async for piece in rest:
                digest.update(piece)
                size += len(piece)
                pending += piece
                while len(pending) >= CHUNK_BYTES:
                    lease.check()
                    await self._put(chunks, position, bytes(pending[:CHUNK_BYTES]))
                    del pending[:CHUNK_BYTES]
                    position += 1
            await self._put(chunks, position, bytes(pending))
        except Exception:
            async with self._pool.connection() as connection:
                await connection.execute("delete from uploads where chunks = %s", [chunks])
            raise
        return Upload(chunks, head[:INDEXED_BYTES], size, digest.digest())

    async def _put(self, chunks: UUID, position: int, data: bytes) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("insert into blob_chunks values (%s, %s, %b)", [chunks, position, data])

    async def sweep(self, lease: Lease) -> None:
        """Removes what sessions that died have left; the caller holds the mailbox, so none of its own is under way."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "delete from uploads where address = %s or (address is not null and began_at < now() - %s::interval)",
                [lease.address, ABANDONED_AFTER],
            )


async def keep(connection: AsyncConnection[TupleRow], upload: Upload) -> None:
    """Makes an upload the blob that it is, unless those bytes are there already; then its chunks go."""
    while True:
        made = await connection.execute(
            "insert into blobs (sha256, size, chunks) values (%b, %s, %s) on conflict do nothing",
            [upload.sha256, upload.size, upload.chunks],
        )
        if made.rowcount:
            await connection.execute("update uploads set address = null where chunks = %s", [upload.chunks])
            return
        if upload.sha256 in await held(connection, [upload.sha256]):
            await connection.execute("delete from uploads where chunks = %s", [upload.chunks])
            return


async def held(connection: AsyncConnection[TupleRow], digests: Sequence[bytes]) -> set[bytes]:
    """Which of these blobs are there, and stay until the transaction ends: somebody may be deleting the last mail that has
    their bytes."""
    rows = await (
        await connection.execute(
            "select sha256 from blobs where sha256 = any(%b::bytea[]) order by sha256 for key share", [list(digests)]
        )
    ).fetchall()
    return {bytes(row[0]) for row in rows}

"""Recomputing the hashes of stored bytes, piece by piece, and keeping which blobs are lost or damaged."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from infra.database.pool import Connection, Pool
from workflows.contract import Hashed

MESSAGES_AT_ONCE = 128
FIRST_PIECE = 64 * 1024  # of each blob; with MESSAGES_AT_ONCE at most 8 MiB are held, whatever the tables say of sizes
FURTHER_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bytes:
    """What the bytes of a blob really are."""

    sha256: bytes
    size: int


async def bytes_of(connection: Connection, blobs: Sequence[bytes]) -> dict[bytes, Bytes]:
    """Reads each blob and hashes it; a blob that is not there is left out."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            """
            select sha256, chunks, coalesce(octet_length(raw), 0), coalesce(substring(raw from 1 for %s::int), '')
            from blobs where sha256 = any(%s)
            """,
            [FIRST_PIECE, list(set(blobs))],
        )
        rows = await cursor.fetchall()
    # In a thread, so that heartbeats and other sessions go on meanwhile.
    digests = await asyncio.to_thread(lambda: [hashlib.sha256(first) for *_, first in rows])
    found = {}
    for (blob, chunks, size, first), digest in zip(rows, digests, strict=True):
        read = len(first)
        further = _chunks(connection, chunks) if chunks else _pieces(connection, blob, read, size)
        async for piece in further:
            await asyncio.to_thread(digest.update, piece)
            read += len(piece)
        found[blob] = Bytes(digest.digest(), read)
    return found


async def _pieces(connection: Connection, blob: bytes, position: int, size: int) -> AsyncIterator[bytes]:
    """The rest of a blob that is one value, from `position` on."""
    while position < size:
        query = "select substring(raw from %s::int for %s::int) from blobs where sha256 = %s"
        row = await _first_row(connection, query, [position + 1, FURTHER_PIECE, blob])
        if row is None or not row[0]:
            return  # it is being replaced: what was read of it is no blob, and `recheck` reads the new one
        yield row[0]
        position += len(row[0])


async def _chunks(connection: Connection, chunks: UUID) -> AsyncIterator[bytes]:
    """A blob that is in chunks, in their order; one that is missing shows in the hash."""
    position = -1
    query = "select position, data from blob_chunks where chunks = %s and position > %s order by position limit 1"
    while row := await _first_row(connection, query, [chunks, position]):
        position, data = row
        yield data


async def _first_row(connection: Connection, query: LiteralString, values: list[Any]) -> tuple[Any, ...] | None:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()


class BlobHashes:
    """Goes through an account's stored messages in the order in which they were stored; `hashed` is how far it is."""

    def __init__(self, pool: Pool, address: str, hashed: Hashed) -> None:
        self._pool = pool
        self._address = address
        self.hashed = hashed

    async def page(self) -> bool:
        """Checks the next page of messages; False when there is none. What it finds is in `damaged_blobs`.

        Killed before its commit, the page is checked again; killed after it and before the heartbeat that says so, too. The
        table holds what is true of each blob, so checking twice changes nothing.
        """
        hashed = self.hashed
        async with self._pool.connection() as connection:
            messages = await (
                await connection.execute(
                    """
                    select id, stored_at, sha256 from mail
                    where address = %(address)s and state = 'stored'
                        and (stored_at, id) > (coalesce(%(at)s::timestamptz, '-infinity'), %(through)s)
                    order by stored_at, id limit %(most)s
                    """,
                    {
                        "address": self._address,
                        "at": hashed.stored_at,
                        "through": hashed.through,
                        "most": MESSAGES_AT_ONCE,
                    },
                )
            ).fetchall()
            if not messages:
                return False
            found = await bytes_of(connection, [blob for _, _, blob in messages])
            await self._keep(connection, {blob: found.get(blob) for _, _, blob in messages})
        through, stored_at, _ = messages[-1]
        self.hashed = Hashed(
            checked=hashed.checked + len(messages),
            bytes=hashed.bytes + sum(found[blob].size for _, _, blob in messages if blob in found),
            stored_at=stored_at,
            through=through,
        )
        return True

    async def _keep(self, connection: Connection, found: dict[bytes, Bytes | None]) -> None:
        problems = {
            blob: "lost" if real is None else "differs"
            for blob, real in sorted(found.items())
            if real is None or real.sha256 != blob
        }
        async with connection.transaction():
            await connection.execute(
                "delete from damaged_blobs where sha256 = any(%s)",
                [[blob for blob in found if blob not in problems]],
            )
            await connection.execute(
                """
                insert into damaged_blobs (sha256, problem) select * from unnest(%s::bytea[], %s::text[])
                on conflict (sha256) do update set problem = excluded.problem
                """,
                [list(problems), list(problems.values())],
            )

    async def recheck(self) -> None:
        """Checks what is kept as damaged once more: another account's session may just have brought the bytes."""
        after = b""
        while True:
            async with self._pool.connection() as connection:
                rows = await (
                    await connection.execute(
                        """
                        select distinct m.sha256 from mail m join damaged_blobs using (sha256)
                        where m.address = %s and m.sha256 > %s order by m.sha256 limit %s
                        """,
                        [self._address, after, MESSAGES_AT_ONCE],
                    )
                ).fetchall()
                if not rows:
                    return
                blobs = [bytes(blob) for (blob,) in rows]
                found = await bytes_of(connection, blobs)
                await self._keep(connection, {blob: found.get(blob) for blob in blobs})
                after = blobs[-1]

    async def is_whole(self) -> bool:
        """Whether every message up to where it came was checked. A batch whose commit took long shows up behind others that
        were stored after it; then all is to be done again."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select count(*) from mail where address = %s and state = 'stored'
                        and (stored_at, id) <= (%s::timestamptz, %s)
                    """,
                    [self._address, self.hashed.stored_at, self.hashed.through],
                )
            ).fetchone()
        return row is not None and int(row[0]) == self.hashed.checked

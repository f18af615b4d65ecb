"""What CRMs are to be told of links: their entries in the outbox, brought in line with the links."""

from __future__ import annotations

from collections.abc import Collection

from infra.database.pool import Connection


async def refresh_entries(connection: Connection, identities: Collection[bytes]) -> None:
    """Brings what CRMs must be told up to the links of these messages."""
    if identities:
        await connection.execute("select refresh_entries(%b::bytea[])", [sorted(identities)])

"""An account's own addresses, and the form in which they are compared."""

from __future__ import annotations

from domain.mime.addresses import normal_address
from infra.database.pool import Connection


async def own_addresses(connection: Connection, address: str) -> list[str]:
    """The account's address and its aliases, as they are spelled."""
    row = await (
        await connection.execute("select aliases from accounts_recorded where address = %s", [address])
    ).fetchone()
    return [address, *(row[0] if row else ())]


def compared(own: list[str]) -> frozenset[str]:
    return frozenset(normal_address(address) or address for address in own)

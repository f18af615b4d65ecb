"""An account's folders: which name is one."""

from __future__ import annotations

from infra.database.pool import Connection


async def own_folder(connection: Connection, address: str, name: str) -> str:
    """The folder of this name, as it was first spelled; one that there was not comes to exist."""
    await connection.execute("insert into own_folders values (%s, %s) on conflict do nothing", [address, name])
    row = await (
        await connection.execute(
            "select name from own_folders where address = %s and lower(name) = lower(%s)", [address, name]
        )
    ).fetchone()
    assert row is not None
    return str(row[0])

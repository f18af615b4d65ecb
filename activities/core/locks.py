"""The locks of those who change an account's stored mail, with the rows that belong to them."""

from __future__ import annotations

from collections.abc import Collection

from infra.database.locks import Guarded, Lock, hold
from infra.database.pool import Connection


async def keep_sessions_out(connection: Connection, address: str) -> None:
    """Until the transaction ends, no session stores mail of this account, and no other command changes its quarantine."""
    await hold(connection, Lock(Guarded.QUARANTINE, address))
    await connection.execute("select from leases where address = %s for update", [address])


async def hold_links(connection: Connection, accounts: Collection[str]) -> None:
    """Until the transaction ends, nobody else links stored mail of these accounts anew, or takes it away.

    Which replies follow is found out on the way, and they may be older than what they answer: without this, two who lock
    messages one after the other would wait for each other.
    """
    rows = await (
        await connection.execute(
            "select distinct unnest(crm) from accounts_recorded where address = any(%s)", [sorted(accounts)]
        )
    ).fetchall()
    await hold(
        connection, *linking_by({row[0] for row in rows}), *(Lock(Guarded.LINKS, account) for account in accounts)
    )


def linking_by(crms: Collection[str]) -> list[Lock]:
    """Tells who changes a directory, or the rules of linking, that a transaction is under way which has not seen the change:
    what is linked anew because of it waits for that transaction, or would miss what it stores."""
    return [Lock(Guarded.DIRECTORY, crm, shared=True) for crm in crms]

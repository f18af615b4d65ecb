"""The locks that transactions take, and who they keep out."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from infra.database.pool import Connection


async def at_the_desk_of(connection: Connection, address: str) -> None:
    """Until the transaction ends, no command about this account's filing runs."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"desk:{address}"])


async def hold_host(connection: AsyncConnection[TupleRow], host: str) -> None:
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"outage:{host}"])


LINKS = 0x4D4C  # the class of advisory locks
BUCKETS = 128


async def hold_links(connection: Connection, accounts: Collection[str]) -> None:
    """Until the transaction ends, nobody else links stored mail of these accounts anew, or takes it away.

    Which replies follow is found out on the way, and they may be older than what they answer: without this, two who lock
    messages one after the other would wait for each other. Everybody has their locks in one order: the account's desk, its
    quarantine, its lease, the directory, this, its messages, entries, and the log. There are only so many of these locks, or
    a page of very many accounts would use up what the server has.
    """
    rows = await (
        await connection.execute(
            "select distinct unnest(crm) from accounts_recorded where address = any(%s)", [sorted(accounts)]
        )
    ).fetchall()
    await hold_directory(connection, {row[0] for row in rows})
    await connection.execute(
        """
        select pg_advisory_xact_lock(%(links)s, bucket)
        from (select distinct abs(hashtext(address) %% %(buckets)s) as bucket from unnest(%(accounts)s::text[]) address) locks
        order by bucket
        """,
        {"links": LINKS, "buckets": BUCKETS, "accounts": sorted(accounts)},
    )


async def hold_directory(connection: Connection, crms: Collection[str]) -> None:
    """Tells who changes a directory, or the rules of linking, that a transaction is under way which has not seen the change:
    what is linked anew because of it waits for that transaction, or would miss what it stores."""
    await connection.execute(
        "select pg_advisory_xact_lock_shared(hashtextextended('directory:' || crm, 0)) from unnest(%s::text[]) crm order by crm",
        [sorted(crms)],
    )


async def keep_sessions_out(connection: Connection, address: str) -> None:
    """Until the transaction ends, no session stores mail of this account, and no other command changes its quarantine. All
    who write there lock in this order."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"quarantine:{address}"])
    await connection.execute("select from leases where address = %s for update", [address])

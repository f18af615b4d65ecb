"""The advisory locks of transactions: all that there are, and the one way to take them.

Two transactions that take the same locks in different orders wait for each other. So all of them have one order, that of
`Guarded`, in which `hold` takes whatever it is given, and who calls it twice in a transaction keeps to it. The rows that are
locked beside them follow it too: after an account's quarantine its lease, before links the bytes of mail (`blobs`), after all of
these its messages, entries of the outbox, and last the head of its log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

_MIGRATIONS = 0x6D61696C726F6F6D  # "mailroom"
_LINKS = 0x4D4C  # the class of the buckets' keys
_BUCKETS = 128


class Guarded(StrEnum):
    """What a lock is about, in the order in which locks are taken. Keys begin with these words, in every release."""

    ACTION = "action"  # what is asked of a CRM about one subject; only tried, never waited for
    SESSIONS = "sessions"  # a host's sessions that begin
    SECRET = "secret"  # whose a secret is
    OUTAGE = "outage"  # a host's outage
    DESK = "desk"  # commands about an account's filing
    QUARANTINE = "quarantine"  # of an account; its lease is locked next
    PRIVACY = "privacy"  # an account's rules of privacy
    ATTACH = "attach"  # which mail an account has: alone for who attaches or counts it, shared by sessions
    DIRECTORY = "directory"  # a CRM's records and rules of linking: shared by who links by them
    LINKS = "links"  # of an account's stored mail


_ORDER = {guarded: place for place, guarded in enumerate(Guarded)}


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock: `name` is the account, host, CRM or secret. Several who take it `shared` do not keep each other out."""

    guarded: Guarded
    name: str
    shared: bool = False


async def hold(connection: AsyncConnection[TupleRow], *locks: Lock) -> None:
    """Waits for these locks, in their order, and has them until the transaction ends.

    Of links there are only so many locks, each for many accounts: a page of very many accounts would use up what the server has.
    """
    await connection.execute(
        """
        select case
            when bucket is not null then pg_advisory_xact_lock(%(links)s, bucket)::text
            when shared then pg_advisory_xact_lock_shared(hashtextextended(guarded || ':' || name, 0))::text
            else pg_advisory_xact_lock(hashtextextended(guarded || ':' || name, 0))::text
        end
        from (
            select guarded, name, shared, case guarded when 'links' then abs(hashtext(name) %% %(buckets)s) end as bucket
            from unnest(%(places)s::int[], %(guarded)s::text[], %(names)s::text[], %(shared)s::boolean[])
                as asked (place, guarded, name, shared)
            order by place, bucket, name
        ) in_order
        """,
        {
            "links": _LINKS,
            "buckets": _BUCKETS,
            "places": [_ORDER[lock.guarded] for lock in locks],
            "guarded": [lock.guarded.value for lock in locks],
            "names": [lock.name for lock in locks],
            "shared": [lock.shared for lock in locks],
        },
    )


async def try_to_hold(connection: AsyncConnection[TupleRow], lock: Lock) -> bool:
    """Has the lock until the transaction ends, for itself alone, unless somebody else has it: False."""
    row = await (
        await connection.execute(
            "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"{lock.guarded}:{lock.name}"]
        )
    ).fetchone()
    return row is not None and bool(row[0])


async def hold_migrations(connection: AsyncConnection[TupleRow]) -> None:
    """Waits until nobody else migrates the database, and keeps them out until the connection is closed."""
    await connection.execute("select pg_advisory_lock(%s)", [_MIGRATIONS])

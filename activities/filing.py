"""Filing: where each message goes, before anybody can see it, inside the transaction that stores it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.arrivals import Retrieved

INBOX = "Inbox"

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, slots=True)
class Filed:
    """One message with its place. `by`: the filters that filed it, as (id, version)."""

    one: Retrieved
    folder: str = INBOX
    labels: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    by: tuple[tuple[int, int], ...] = field(default=())


async def file(connection: Connection, address: str, new: Sequence[Retrieved]) -> list[Filed]:
    """Where each of `new` goes: Inbox, where no filter of the account says otherwise (R32)."""
    return [Filed(one) for one in new]

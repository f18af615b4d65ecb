"""What all commands about stored mail have in common: one at a time for an account, once each, told to the log with who."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities import log as the_log
from domain.addresses import normal_address
from domain.audit import LoggedEvent
from domain.commands import Command, name_of
from domain.message import storable_all
from domain.settings import parse
from infra.database import Pool
from workflows.contract import DeskRequest

Connection = AsyncConnection[TupleRow]
Given = TypeVar("Given", bound=Command)


def given(model: type[Given], request: DeskRequest) -> Given:
    """The command as it was typed, but for what PostgreSQL does not keep: of a NUL, an activity would be tried for ever."""
    return parse(model, storable_all(request.given), what=name_of(model))


@contextlib.asynccontextmanager
async def at_the_desk(pool: Pool, address: str) -> AsyncIterator[Connection]:
    """A transaction in which no other command about this account's filing runs, nor this one a second time."""
    async with pool.connection() as connection, connection.transaction():
        await at_the_desk_of(connection, address)
        yield connection


async def at_the_desk_of(connection: Connection, address: str) -> None:
    """Until the transaction ends, no command about this account's filing runs."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"desk:{address}"])


async def logged(connection: Connection, request: DeskRequest, by: str) -> dict[str, Any] | None:
    """What the command wrote into the log when it did its work; None where it has not. Raises Refused `log_conflict`."""
    return await the_log.logged(connection, request.address, request.event_id, request.at, by)


async def log(
    connection: Connection, request: DeskRequest, kind: str, by: str, facts: Mapping[str, Any], *, page: bool = False
) -> None:
    """Last in the transaction, as `append` says. A `page` of a command's work is an event of its own: done again, it finds
    nothing to do."""
    event_id = uuid4() if page else request.event_id
    event = LoggedEvent(event_id=event_id, at=request.at, type=kind, actor=by, data=dict(facts))
    await the_log.append(connection, request.address, event)


async def own_addresses(connection: Connection, address: str) -> list[str]:
    """The account's address and its aliases, as they are spelled."""
    row = await (
        await connection.execute("select aliases from accounts_recorded where address = %s", [address])
    ).fetchone()
    return [address, *(row[0] if row else ())]


def compared(own: list[str]) -> frozenset[str]:
    return frozenset(normal_address(address) or address for address in own)


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

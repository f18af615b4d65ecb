"""What all commands about stored mail have in common: one at a time for an account, once each, told to the log with who."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar
from uuid import uuid4

from activities.core import log as the_log
from domain.core.commands import Command, name_of
from domain.core.log_event import LoggedEvent
from domain.core.text import storable_all
from domain.core.validation import parse
from infra.database.locks import Guarded, Lock, hold
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest

Given = TypeVar("Given", bound=Command)


def given(model: type[Given], request: DeskRequest) -> Given:
    """The command as it was typed, but for what PostgreSQL does not keep: of a NUL, an activity would be tried for ever."""
    return parse(model, storable_all(request.given), what=name_of(model))


@contextlib.asynccontextmanager
async def at_the_desk(pool: Pool, address: str) -> AsyncIterator[Connection]:
    """A transaction in which no other command about this account's filing runs, nor this one a second time."""
    async with pool.connection() as connection, connection.transaction():
        await hold(connection, Lock(Guarded.DESK, address))
        yield connection


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

"""Appending to the log: the one way in which anything gets into `account_events`."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from temporalio import activity

from domain.audit import LoggedEvent
from domain.message import storable
from domain.redaction import without_addresses


async def append(connection: AsyncConnection[TupleRow], address: str, event: LoggedEvent) -> int:
    """Appends one event and answers its version; an event whose id is there already is not appended twice.

    Why a person did it (`because`) is kept without addresses. Call it last in the transaction of the event's effect: it
    locks the account's head until that transaction ends.
    """
    data = event.data
    if isinstance(because := data.get("because"), str):  # what a person has typed, who may have named somebody
        data = {**data, "because": without_addresses(because, "[address]")}
    info = activity.info() if activity.in_activity() else None
    row = await (
        await connection.execute(
            "select append_event(%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                address,
                event.event_id,
                event.at,
                event.type,
                Jsonb(_storable(data)),
                storable(event.actor),
                info.workflow_id if info else None,
                info.workflow_run_id if info else None,
            ],
        )
    ).fetchone()
    assert row is not None
    return int(row[0])


def _storable(value: Any) -> Any:
    """Text as PostgreSQL takes it: jsonb has no NUL, and a server may say one."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(key): _storable(below) for key, below in value.items()}
        case list() | tuple():
            return [_storable(below) for below in value]
        case _:
            return value

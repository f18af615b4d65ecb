"""Appending to the log: the one way in which anything gets into `account_events`."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Error
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from temporalio import activity

from domain.core.log_event import LoggedEvent
from domain.core.redaction import without_addresses
from domain.core.refusal import Refused
from domain.core.text import storable
from infra.telemetry.telemetry import LOG_CONFLICTS

CONFLICT = "MR001"  # append_event's SQLSTATE
REMEDY = 'docs/production.md, section "Temporal was set back", says what to do'

logger = logging.getLogger(__name__)


async def append(connection: AsyncConnection[TupleRow], address: str, event: LoggedEvent) -> int:
    """Appends one event and answers its version; an event whose id is there already is not appended twice.

    Raises Refused `log_conflict` where the id is another event's, which says that Temporal was set back. Why a person did it
    (`because`) is kept without addresses. Call it last in the transaction of the event's effect: it locks the account's head
    until that transaction ends.
    """
    data = event.data
    if isinstance(because := data.get("because"), str):  # what a person has typed, who may have named somebody
        data = {**data, "because": without_addresses(because, "[address]")}
    info = activity.info() if activity.in_activity() else None
    try:
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
    except Error as error:
        if error.sqlstate != CONFLICT:
            raise
        raise _conflict(address, error.diag.message_primary or "the log has another event under that id") from None
    assert row is not None
    return int(row[0])


async def logged(
    connection: AsyncConnection[TupleRow], address: str, event_id: UUID, at: datetime, actor: str
) -> dict[str, Any] | None:
    """The data of the event that a command has logged under its id, so that tried again it does nothing twice; None where it
    has not. `at` is the command's own time, the same whenever it is tried again.

    Raises Refused `log_conflict` where the id is another command's: to take that for this one would be to lose it.
    """
    row = await (
        await connection.execute(
            "select address, at, actor, data, version, type from log where event_id = %s", [event_id]
        )
    ).fetchone()
    if row is None:
        return None
    of, when, who, data, version, kind = row
    if (of, when, who) != (address, at, storable(actor)):
        had = f"the log has version {version} of {of}, {kind} by {who} at {when:%Y-%m-%d %H:%M:%S} UTC"
        raise _conflict(address, f"{had}, under the id of a command of {actor}")
    found: dict[str, Any] = data
    return found


def _conflict(address: str, what: str) -> Refused:
    """Says it in the log and counts it: whoever is refused may not be listening any more."""
    workflow = activity.info().workflow_id if activity.in_activity() else address
    told = f"Temporal was set back to an earlier state: {what}. Nothing was changed or logged; {REMEDY}"
    logger.error("%s: %s", workflow, told)
    LOG_CONFLICTS.add(1)
    return Refused("log_conflict", f"{workflow}: {told}")


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

"""Tells people: a notice is a row that is sent by whichever worker finds it first."""

from __future__ import annotations

from uuid import uuid5

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from domain.core.log_event import LoggedEvent, Notice
from domain.core.text import storable


async def tell(connection: AsyncConnection[TupleRow], address: str, event: LoggedEvent, notice: Notice) -> None:
    """Puts up the notice that goes with `event`, once."""
    await connection.execute(
        "insert into notices (id, address, at, code, text, remedy) values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
        [
            uuid5(event.event_id, "notice"),
            address,
            event.at,
            notice.code,
            storable(notice.text),
            storable(notice.remedy),
        ],
    )

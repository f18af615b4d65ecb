"""Commands about stored mail, as the workflow of their account gives them to their activities."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from temporalio.testing import ActivityEnvironment

from activities.linking.decisions import Decisions
from activities.pop.session import now_utc
from domain.directory.records import Record
from infra.database.pool import Pool
from tests.support.mailboxes import JANE
from workflows.contract import DeskRequest

GIVEN_AT: dict[UUID, datetime] = {}  # commands, by their event ids: tried again they are of the same time


async def attempt(
    activity: Callable[[DeskRequest], Awaitable[Any]],
    given: Mapping[str, Any],
    *,
    address: str = JANE,
    event_id: UUID | None = None,
    environment: ActivityEnvironment | None = None,
) -> dict[str, Any]:
    """The answer to a command; the same event id is the same command tried again."""
    event_id = event_id or uuid4()
    request = DeskRequest(
        address=address, given=dict(given), event_id=event_id, at=GIVEN_AT.setdefault(event_id, now_utc())
    )
    answer: dict[str, Any] = await (environment or ActivityEnvironment()).run(activity, request)
    return answer


async def decide(
    pool: Pool,
    name: str,
    message: int,
    record: Record,
    *,
    address: str = JANE,
    event_id: UUID | None = None,
    **given: Any,
) -> dict[str, Any]:
    """A decision about a message and a record of the built-in CRM."""
    what = {"message": message, "crm": "builtin", "record_kind": record.kind, "record_id": record.id, "by": "ops"}
    return await attempt(getattr(Decisions(pool), name), what | given, address=address, event_id=event_id)

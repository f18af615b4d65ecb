"""What every event has, and the events that accounts and CRM connections share."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from domain.core.log_event import SYSTEM

DisabledReason = Literal["authentication_failures", "connection_failures", "operator"]


class Happened(BaseModel):
    """`at` and `actor` are columns of the log; every other field is its `data`."""

    model_config = ConfigDict(frozen=True)

    in_log: ClassVar[bool] = True

    at: datetime
    actor: str = SYSTEM


class Event(Happened):
    """Of an account; those of CRM connections are in domain/crm/events.py."""


class CommandRefused(Event):
    """`times` such signals were refused: after the first, those of a minute are one event, which tells of the last."""

    command: str
    code: str
    field: str | None = None
    message: str
    times: int = 1


def facts(event: Happened) -> dict[str, Any]:
    """What the log keeps as `data`."""
    return event.model_dump(mode="json", exclude={"at", "actor"})

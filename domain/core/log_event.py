"""The envelope in which every event goes to the log: who did what to which account, when, under which unique id."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict

SYSTEM = "mailroom"


class LoggedEvent(BaseModel):
    """One entry of `account_events` before the log gives it its version and hash.

    `event_id` is made by its author and unique, so an append that is tried again is not a second event. `data` holds
    ids and facts, never a correspondent's address or a subject: those live in rows that can be erased.
    """

    model_config = ConfigDict(frozen=True)

    event_id: UUID
    at: datetime
    type: str
    actor: str
    data: dict[str, Any]


class Notice(BaseModel):
    """What people are told when an account changes state (`notices`); written with the event that it tells of."""

    model_config = ConfigDict(frozen=True)

    code: str
    text: str
    remedy: str


def session_event_id(session: UUID, step: str) -> UUID:
    """The id of what a session did at one step, the same when that step's transaction is tried again."""
    return uuid5(NAMESPACE_URL, f"mailroom:session:{session}:{step}")

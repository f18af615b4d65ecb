"""What the workflows of sending - routes and messages - and their activities say to each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from domain.failures.failure import Failure
from domain.sending.commands import AttemptFailed, AttemptWorked
from domain.sending.message import MessageStatus, OutgoingMessage
from domain.sending.settings import RouteSettings
from workflows.contract.request import Request


class RecordedRoute(Request):
    """What the view `routes` shows of a route's life, and its settings. `reference`: of the last failure."""

    settings: RouteSettings
    settings_version: int
    state: str
    reason: str | None
    last_failure: str | None
    reference: str | None
    authentication_failures: int
    connection_failures: int
    verified_at: datetime | None
    next_attempt_at: datetime | None


class CheckRouteRequest(Request):
    """A login that sends nothing, stores nothing and counts nothing."""

    settings: RouteSettings
    command: str


class RouteAddressRequest(Request):
    """Whether a route's address is an account's, or one of its aliases, in the organisation."""

    address: str
    organisation: str


class RouteChecked(BaseModel):
    """The server was reached and let us in."""


class CheckAnswer(BaseModel):
    """What check_now answers."""

    worked: bool
    failure: dict[str, Any] | None
    status: dict[str, Any]


class QueueRequest(Request):
    """A message to be composed and queued, once. `at`: when it was asked for."""

    message: OutgoingMessage
    at: datetime


class SendRequest(Request):
    """One attempt. `by_hand`: also where the route takes no mail (retry_now)."""

    request_id: str
    by_hand: bool = False


class Attempted(BaseModel):
    """How an attempt left the message, and what the route has to know of it."""

    status: MessageStatus
    route: AttemptFailed | AttemptWorked | None = None


class MessageCommandRequest(Request):
    """A command about a message, carried out in its row. `given` as it was typed."""

    request_id: str
    command: str
    given: dict[str, Any]
    at: datetime


class ReleaseRequest(Request):
    """Messages that are held by a route that takes mail again."""

    route: str


class ProbeFailed(BaseModel):
    """How a route's own login failed."""

    failure: Failure
    minute_seconds: float = 60.0

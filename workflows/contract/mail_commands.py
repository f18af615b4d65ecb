"""What commands about stored mail are carried out by."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.core.validation import Strict
from domain.mailbox.settings import Address
from workflows.contract.request import Request


class StoredMailCommand(Strict):
    """Input of `StoredMail`: a command's name and its input, as a living account's workflow takes it."""

    address: Address
    command: str
    input: dict[str, Any]


class DeskRequest(Request):
    """A command about stored mail: `given` is the command as it was typed. `event_id` as for `RetryQuarantinedRequest`."""

    address: str
    given: dict[str, Any]
    event_id: UUID
    at: datetime

"""A request that cannot be done: which field or command, why, and what to do instead."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.core.foreign_text import one_log_line

LONGEST_MESSAGE = 4000  # what is refused may be megabytes long, and the refusal goes into histories


class Refusal(BaseModel):
    """What a refused caller is told in data: `details[0]` of the `Refused` error.

    `code` is one of docs/reference.md's refusal codes; `field` the dotted name of the offending field, or None;
    `failure` the classified failure (domain.failures.Failure as JSON) where a server refused.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    field: str | None = None
    failure: dict[str, Any] | None = None


class Refused(Exception):
    """Raised by rules and activities when a request cannot be done.

    `message` is for a person: what is wrong with what, and what to do. It never holds a value that may be secret.
    """

    def __init__(
        self, code: str, message: str, *, field: str | None = None, failure: dict[str, Any] | None = None
    ) -> None:
        self.message = one_log_line(message[:LONGEST_MESSAGE])  # it may quote how a field was spelled
        super().__init__(self.message)
        self.refusal = Refusal(code=code, field=field, failure=failure)


class WorkerLacks(Refused):
    """Refused because of something that the worker, not the account, lacks: no account is to suffer for it."""

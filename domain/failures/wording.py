"""Failures in words: what happened, when, and when it is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from domain.core.foreign_text import in_notice, markdown
from domain.failures.failure import LIMITS, Failure, Failures


def quoted(failure: Failure, who: str = "The server") -> str:
    """For a notice: what the other side said, and by what the failure is known in the log."""
    said = f'{who} said: "{in_notice(failure.server_said)}". ' if failure.server_said else ""
    return f"{said}{_known_as(failure)}"


def _known_as(failure: Failure) -> str:
    return f"Reference {failure.reference}; support: {failure.support}."


def failed(failure: Failure, reason: str | None, who: str = "The server") -> list[str]:
    """The last failure in lines of markdown, with what to do; `reason` is why it is in the state that it is in."""
    before = "Before that: " if reason == "operator" else ""
    cause = f" ({in_notice(failure.cause)})" if failure.cause else ""
    said = f"{who} said: {markdown(failure.server_said)}. " if failure.server_said else ""
    told = f"{before}**{failure.kind}**{cause} at {clock(failure.at)}. {said}{_known_as(failure)}"
    return ["", told, "", f"What to do: {failure.remedy}"]


class Failing(Protocol):
    """An account or a CRM connection, as far as its failures go."""

    @property
    def last_failure(self) -> Failure | None: ...
    @property
    def failures(self) -> Failures: ...
    @property
    def in_a_row(self) -> int: ...


def waiting(failing: Failing) -> str:
    """What the wait after a failure is called in the Temporal UI: "wait after authentication failure 3 of 10"."""
    failure, failures = failing.last_failure, failing.failures
    match failure.counts if failure else None:
        case "authentication":
            return f"wait after authentication failure {failures.authentication} of {LIMITS.authentication}"
        case "connection":
            return f"wait after connection failure {failures.connection} of {LIMITS.connection}"
        case _:
            return f"wait after {failure.kind if failure else 'a failure'}, {failing.in_a_row} in a row"


def clock(at: datetime) -> str:
    return (at + timedelta(microseconds=500_000)).strftime("%Y-%m-%d %H:%M:%S UTC")

"""Failing in a row: the one rule by which whatever is tried again and again counts its failures, is disabled, is suspended and
goes on again. Accounts and CRM connections go by it, each with the limits and fates of its own kinds of failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from domain.failures.failure import Failure, Failures, Fate, Limits

Exhausted = Literal["authentication_failures", "connection_failures"]


class Tried(Protocol):
    """What is known of it before a session. `in_a_row` counts failures of the last failure's kind, `failed_sessions` those of any
    kind since one worked; `stuck` says that people have been told of them; `reason` is that of its state."""

    @property
    def failures(self) -> Failures: ...
    @property
    def last_failure(self) -> Failure | None: ...
    @property
    def in_a_row(self) -> int: ...
    @property
    def failed_sessions(self) -> int: ...
    @property
    def stuck(self) -> bool: ...
    @property
    def reason(self) -> str | None: ...


class Recorded(Protocol):
    """What the event of a failure says."""

    @property
    def failures(self) -> Failures: ...
    @property
    def failure(self) -> Failure: ...
    @property
    def in_a_row(self) -> int: ...
    @property
    def stuck(self) -> bool: ...
    @property
    def next_attempt_at(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a failure comes to. `exhausted` is the counter that has reached its limit: it is disabled. Otherwise it is suspended
    (`suspends`) or goes on after a suspension (`resumes`), where that changes anything."""

    failures: Failures
    in_a_row: int
    exhausted: Exhausted | None
    suspends: bool
    resumes: bool


HEALTHY: dict[str, object] = {
    "failures": Failures(),
    "last_failure": None,
    "in_a_row": 0,
    "failed_sessions": 0,
    "stuck": False,
    "next_attempt_at": None,
}


def has_failed(tried: Tried) -> bool:
    return tried.last_failure is not None or tried.failures != Failures()


def consequence(
    tried: Tried, failure: Failure, fate: Fate, limits: Limits, *, let_in: bool, suspended: bool
) -> Consequence:
    """What the next failure comes to. `let_in`: the session got past the login all the same; `suspended`: it is so now."""
    failures = counted(tried.failures, failure, let_in=let_in)
    repeated = tried.last_failure is not None and tried.last_failure.kind is failure.kind
    exhausted = exhausted_by(failures, limits)
    return Consequence(
        failures,
        tried.in_a_row + 1 if repeated else 1,
        exhausted,
        suspends=exhausted is None and fate.suspends and not (suspended and tried.reason == failure.kind),
        # What suspended it is over, even if something else is wrong.
        resumes=exhausted is None and not fate.suspends and suspended,
    )


def counted(before: Failures, failure: Failure, *, let_in: bool) -> Failures:
    """The counters after it: `connection` ends with any session that got an answer, `authentication` with one that was let in."""
    if failure.counts == "authentication":
        return Failures(authentication=before.authentication + 1)
    return Failures(
        authentication=0 if let_in else before.authentication,
        connection=before.connection + 1 if failure.counts == "connection" else 0,
    )


def exhausted_by(failures: Failures, limits: Limits) -> Exhausted | None:
    if failures.authentication >= limits.authentication:
        return "authentication_failures"
    if failures.connection >= limits.connection:
        return "connection_failures"
    return None


def after(tried: Tried, event: Recorded) -> dict[str, object]:
    """The fields of it that the failure changes."""
    return {
        "failures": event.failures,
        "last_failure": event.failure,
        "in_a_row": event.in_a_row,
        "failed_sessions": tried.failed_sessions + 1,
        "stuck": tried.stuck or event.stuck,
        "next_attempt_at": event.next_attempt_at,
    }

"""How workflows call activities: when they are tried again, and what it means how they end."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from domain.core.refusal import Refused
from domain.failures.failure import Kind
from workflows import contract

# For attempts that end without a word of their own, as when their worker dies: whoever can speak says when to be called again
# (activities/pauses.py). It does not grow, because the server counts looks without news as attempts, too.
RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), backoff_coefficient=1.0)
HEARTBEAT_TIMEOUT = timedelta(seconds=15)
KINDS = frozenset(Kind)


def cancel_requested() -> bool:
    """Whether Temporal's own cancel was asked for."""
    return workflow.cancellation_reason() is not None


def refused_by(error: ActivityError, asked_by: str) -> Refused | None:
    """What an activity refused, or a server's failure as a refusal; None for any other end of an activity."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or not cause.details:
        return None
    if cause.type == contract.REFUSED:
        detail = cause.details[0]
        return Refused(detail["code"], f"{asked_by}: {cause.message}", field=detail["field"], failure=detail["failure"])
    if cause.type in KINDS:
        return Refused("login_failed", f"{asked_by}: {cause.message}", failure=cause.details[0])
    return None


def log_conflict(error: ActivityError) -> Refused | None:
    """That the log has another event under the id of one that was to be recorded; None for any other end of an activity."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or cause.type != contract.REFUSED:
        return None
    return Refused(cause.details[0]["code"], cause.message)


def not_answered(error: ActivityError, asked_by: str) -> Refused:
    """An activity that ended in a way of no meaning here; raised in a handler, its own error would end the workflow."""
    return Refused("not_answered", f"{asked_by}: the worker could not do it ({error.cause or error}): try again")

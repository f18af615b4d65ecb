"""The pause after an attempt that ended with an error of our own side: a database that is away, a lease that was lost, a bug.

Temporal's back-off grows with the number of attempts, and each look without news is an attempt (activities/core/attempts.py).
Left to it, the first error after an hour of looks would wait the longest pause at once, and all whom an outage of a second has
hit would come back a minute later, in the same second. So whoever ends with an error says here when to be called again: soon,
at random, and longer only where one error follows another.
"""

from __future__ import annotations

import logging
import random
from concurrent.futures import BrokenExecutor
from datetime import timedelta
from typing import Any, NoReturn

import psycopg
from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.core.attempts import call_again
from activities.mailbox.leases import LeaseLost
from domain.core.refusal import Refused
from infra.database.errors import without_values
from infra.temporal.client import DATABASE_UNAVAILABLE

logger = logging.getLogger(__name__)

SHORTEST = 1.0  # seconds
LONGEST = 5.0
LONGEST_OF_A_BUG = 60.0  # which somebody has to mend: it grows to this, from one error in a row to the next
REMEMBERED = 10_000  # activities whose last attempt here was a bug; some of them went on elsewhere

# What PostgreSQL's own state is the reason for; the other classes are about the statement, and so a bug.
OF_THE_DATABASE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)

Attempted = tuple[str | None, str | None, str]


class Pauses(Interceptor):
    """Given to a worker, once, so that no activity can be forgotten. Its errors in a row are those that it saw itself."""

    def __init__(self) -> None:
        self._bugs: dict[Attempted, int] = {}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 -- the SDK's name for it
        return _Pausing(next, self)

    def after(self, error: Exception) -> NoReturn:
        """Ends the attempt that ended with `error`, and says when it is made again."""
        without_values(error)
        info = activity.info()
        name = f"{info.workflow_id}: {info.activity_type}"
        bugs = self._bugs.pop(_attempted(info), 0)
        pause = random.uniform(SHORTEST, LONGEST)
        if isinstance(error, LeaseLost):
            logger.warning("%s: %s: again in %.0f s", name, error, pause)
            call_again(f"{error}: again in {pause:.0f} s", timedelta(seconds=pause))
        if isinstance(error, OF_THE_DATABASE):
            words = f"{_condition(error)}: again in {pause:.0f} s ({error})"
            logger.warning("%s: %s", name, words)
            raise ApplicationError(
                words, type=DATABASE_UNAVAILABLE, next_retry_delay=timedelta(seconds=pause)
            ) from None
        pause = random.uniform(SHORTEST, min(LONGEST * 2 ** min(bugs, 10), LONGEST_OF_A_BUG))
        self._bugs[_attempted(info)] = bugs + 1
        while len(self._bugs) > REMEMBERED:
            del self._bugs[next(iter(self._bugs))]
        logger.error("%s: %s, %d in a row: again in %.0f s", name, type(error).__name__, bugs + 1, pause)
        raise ApplicationError(
            f"{error}: again in {pause:.0f} s", type=type(error).__name__, next_retry_delay=timedelta(seconds=pause)
        ) from error

    def forget(self) -> None:
        """What comes next begins a new row of errors."""
        self._bugs.pop(_attempted(activity.info()), None)


class _Pausing(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, pauses: Pauses) -> None:  # noqa: A002 -- as above
        super().__init__(next)
        self._pauses = pauses

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 -- as above
        try:
            result = await super().execute_activity(input)
        except (FailureError, Refused):  # which say themselves what comes next
            self._pauses.forget()
            raise
        except BrokenExecutor:  # has the SDK end the worker
            raise
        except Exception as error:
            self._pauses.after(error)
        self._pauses.forget()
        return result


def _attempted(info: activity.Info) -> Attempted:
    return info.workflow_id, info.workflow_run_id, info.activity_id


def _condition(error: psycopg.Error) -> str:
    """SQLSTATE class 08 and 57P0x are connections that ended (PostgreSQL, appendix A); without one it is psycopg that says so."""
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57P")):
        return "the database does not answer"
    return "the database could not do it"

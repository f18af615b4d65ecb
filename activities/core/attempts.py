"""What attempts of a long activity share: being called again without counting as failed, and heartbeats that carry progress."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, NoReturn

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from infra.tasks import ended, stack
from infra.watchdog import Watched, watching
from workflows.contract import WAITING

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0


def call_again(message: str, after: timedelta, kind: str = WAITING) -> NoReturn:
    """Ends the attempt: it is no failure, costs no history, and the server calls again after that time."""
    raise ApplicationError(
        message,
        type=kind,
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=max(after, timedelta(milliseconds=1)),
    ) from None


@contextlib.asynccontextmanager
async def heartbeats(details: Callable[[], Any]) -> AsyncIterator[None]:
    """Heartbeats for as long as the block runs, and with its last word, from which the next attempt goes on.

    They stop where the block is a session that hangs: Temporal gives it to another worker then, and its lease runs out.
    """
    session = asyncio.current_task()
    assert session is not None

    async def beat(watched: Watched) -> None:
        while not watched.given_up:
            activity.heartbeat(details())
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if wrong := watched.look():
                about = activity.info()
                logger.error(
                    "%s of %s %s: its heartbeats stop, so that another worker goes on. It stands at\n%s",
                    *(about.activity_type, about.workflow_id, wrong, stack(session)),
                )
                watched.give_up()

    with watching() as watched:
        beating = asyncio.create_task(beat(watched))
        try:
            yield
        finally:
            await ended(beating)
            if not watched.given_up:
                activity.heartbeat(details())

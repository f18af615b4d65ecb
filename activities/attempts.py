"""What attempts of a long activity share: being called again without counting as failed, and heartbeats that carry progress."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, NoReturn

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from infra.tasks import ended
from workflows.contract import WAITING

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
    """Heartbeats for as long as the block runs, and with its last word, from which the next attempt goes on."""

    async def beat() -> None:
        while True:
            activity.heartbeat(details())
            await asyncio.sleep(HEARTBEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        await ended(beating)
        activity.heartbeat(details())

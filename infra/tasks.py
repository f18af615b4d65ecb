"""Tasks of one's own: ending them whatever they wait for, and where they stand."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from collections.abc import Iterator
from types import AsyncGeneratorType, CoroutineType, FrameType
from typing import Any

AGAIN_SECONDS = 1.0
MOST_CANCELLATIONS = 5

logger = logging.getLogger(__name__)


async def ended(task: asyncio.Task[Any]) -> BaseException | None:
    """Cancels `task` until it is done, because code that it runs may lose a cancellation; the error that it ended with.

    None where it ended otherwise. One that does not end at all is an error in the log and left to itself after some seconds:
    nobody waits without end for what others make of a cancellation. A cancellation of the caller passes through at once.
    """
    cancellations = 0
    while not task.done():
        if cancellations == MOST_CANCELLATIONS:
            logger.error("a task does not end, however often it is cancelled, and is left to itself:\n%s", stack(task))
            return None
        task.cancel()
        cancellations += 1
        await asyncio.wait([task], timeout=AGAIN_SECONDS)
    return None if task.cancelled() else task.exception()


def stack(task: asyncio.Task[Any]) -> str:
    """Where `task` waits at the moment, outermost call first: code alone, no value of anything."""
    found = ((frame, frame.f_lineno) for frame in frames(task.get_coro()))
    return "".join(traceback.StackSummary.extract(found).format()).rstrip()


def frames(waiting: Any) -> Iterator[FrameType]:
    """Those of a coroutine and of what it awaits, which `Task.get_stack` leaves out."""
    while waiting is not None:
        for kind in ("cr", "gi", "ag"):
            if frame := getattr(waiting, f"{kind}_frame", None):
                yield frame
        if hasattr(waiting, "cr_await"):
            waiting = waiting.cr_await
        elif hasattr(waiting, "gi_yieldfrom"):
            waiting = waiting.gi_yieldfrom
        elif hasattr(waiting, "ag_await"):
            waiting = waiting.ag_await
        else:  # what `async with` and `async for` await of a generator shows it to nobody but the garbage collector
            inside = (one for one in gc.get_referents(waiting) if isinstance(one, AsyncGeneratorType | CoroutineType))
            waiting = next(inside, None)

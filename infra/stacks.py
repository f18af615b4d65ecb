"""Where everything in a process stands, asked for by a signal: for a worker that does nothing and says nothing."""

from __future__ import annotations

import asyncio
import logging
import signal
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

ASKED_BY = signal.SIGUSR1

logger = logging.getLogger(__name__)


def say_on_signal() -> None:
    """From now on SIGUSR1 has the running loop's tasks written to the log, each with where it waits."""
    asyncio.get_running_loop().add_signal_handler(ASKED_BY, say)


def say() -> None:
    """Writes to the log where each task of the running loop waits, and whether a cancellation of it was asked for."""
    tasks = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())
    told = [f"{task.get_name()}, cancelling {task.cancelling()}:\n{stack(task)}" for task in tasks]
    logger.warning("%d tasks, as asked by %s:\n%s", len(tasks), ASKED_BY.name, "\n".join(told))


def stack(task: asyncio.Task[Any]) -> str:
    """Where `task` waits at the moment, outermost call first: code alone, no value of anything."""
    frames = ((frame, frame.f_lineno) for frame in _frames(task.get_coro()))
    return "".join(traceback.StackSummary.extract(frames).format()).rstrip()


def _frames(waiting: Any) -> Iterator[FrameType]:
    """Those of a coroutine and of what it awaits, which `Task.get_stack` leaves out."""
    while waiting is not None:
        for kind, awaits in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            if frame := getattr(waiting, f"{kind}_frame", None):
                yield frame
            if hasattr(waiting, awaits):
                waiting = getattr(waiting, awaits)
                break
        else:
            return

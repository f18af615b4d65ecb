"""Where everything in a process stands, asked for by a signal: for a worker that does nothing and says nothing."""

from __future__ import annotations

import asyncio
import logging
import signal

from infra.tasks import stack

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

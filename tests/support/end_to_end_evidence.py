"""What a failed test leaves of a Mailroom that stood still or did something else: all that tells why, where pytest shows it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from infra.stacks import ASKED_BY
from tests.end_to_end.operating import Operator
from tests.support.evidence import database, last
from tests.support.running import until

Log = Callable[[], str]


@asynccontextmanager
async def evidence(operator: Operator, logs: Mapping[str, Log], workflows: Sequence[str]) -> AsyncIterator[None]:
    """Where the block fails, prints what the database, Temporal and the servers say; the workers log where their tasks wait."""
    try:
        yield
    except BaseException as error:
        print(f"\n=== {type(error).__name__}: {error}")  # noqa: T201 -- pytest shows it where the test fails
        await _said("the workers' tasks (in their logs)", partial(_tasks, operator))
        await _said("database", partial(asyncio.to_thread, database, operator.environment["DATABASE_URL"]))
        for workflow in workflows:
            await _said(f"{workflow}, described", partial(_described, operator, workflow))
            await _said(f"{workflow}, history", partial(_history, operator, workflow))
        for name, log in logs.items():
            print(f"--- {name}\n{last(log())}")  # noqa: T201 -- as above
        raise


async def _said(what: str, ask: Callable[[], Awaitable[str]]) -> None:
    """One part; where it is not to be had, the others are."""
    try:
        told = await ask()
    except Exception as error:
        told = f"not to be had: {type(error).__name__}: {error}"
    print(f"--- {what}\n{told}")  # noqa: T201 -- as above


async def _tasks(operator: Operator) -> str:
    for worker in operator.workers:
        if worker.running:
            before = worker.said().count("tasks, as asked by")
            worker.send(ASKED_BY)

            async def wrote(worker: Any = worker, before: int = before) -> bool:
                return bool(worker.said().count("tasks, as asked by") > before)

            with contextlib.suppress(AssertionError):  # its loop stands still: the log has nothing, which tells as well
                await until(wrote, "the tasks", patience=10)
    return "".join(f"{worker.log.name}: {'runs' if worker.running else 'has ended'}\n" for worker in operator.workers)


async def _described(operator: Operator, workflow: str) -> str:
    """The state with its pending activities: attempts, last failures, last heartbeats."""
    return await operator.temporal("workflow", "describe", "--workflow-id", workflow, "--output", "json")


async def _history(operator: Operator, workflow: str) -> str:
    printed = await operator.temporal("workflow", "show", "--workflow-id", workflow)
    return last(printed)

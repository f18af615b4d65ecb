"""What a failed test leaves of a Mailroom that stood still or did something else: all that tells why, where pytest shows it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from infra.stacks import ASKED_BY
from tests.end_to_end.operating import Operator
from tests.running import until

TABLES = {
    "outbox": """
        select crm, state, failure, last_error, min(attempts) as least_attempts, max(attempts) as most_attempts,
            min(next_attempt_at) as next_attempt_at, min(claimed_at) as claimed_at, count(*)
        from entries group by 1, 2, 3, 4 order by 1, 2
    """,
    "crms": "select * from crms",
    "accounts": "select * from accounts",
    "leases": "select *, expires_at - clock_timestamp() as still from leases",
    "queue": "select * from session_queue",
    "connections": "select pid, state, wait_event_type, wait_event, xact_start, left(query, 200) as query from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid()",
}
LAST = 60  # lines of a server's log

Log = Callable[[], str]


@asynccontextmanager
async def evidence(operator: Operator, logs: Mapping[str, Log], workflows: Sequence[str]) -> AsyncIterator[None]:
    """Where the block fails, prints what the database, Temporal and the servers say; the workers log where their tasks wait."""
    try:
        yield
    except BaseException as error:
        print(f"\n=== {type(error).__name__}: {error}")  # noqa: T201 -- pytest shows it where the test fails
        await _said("the workers' tasks (in their logs)", partial(_tasks, operator))
        for name, query in TABLES.items():
            await _said(name, partial(_rows, operator, query))
        for workflow in workflows:
            await _said(f"{workflow}, described", partial(_described, operator, workflow))
            await _said(f"{workflow}, history", partial(_history, operator, workflow))
        for name, log in logs.items():
            print(f"--- {name}\n" + "\n".join(log().splitlines()[-LAST:]))  # noqa: T201 -- as above
        raise


async def _said(what: str, ask: Callable[[], Awaitable[str]]) -> None:
    """One part; where it is not to be had, the others are."""
    try:
        told = await ask()
    except Exception as error:
        told = f"not to be had: {type(error).__name__}: {error}"
    print(f"--- {what}\n{told}")  # noqa: T201 -- as above


async def _rows(operator: Operator, query: str) -> str:
    rows: Sequence[Mapping[str, Any]] = await operator.rows(query)
    return "\n".join(json.dumps(row, default=str) for row in rows)


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
    return "\n".join(printed.splitlines()[-LAST:])

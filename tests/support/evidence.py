"""What a test that fails leaves: where everything stands while it still stands, before the fixtures are taken down.

To the report of a failed phase this plugin of pytest adds where the tasks of this process wait, what the test's database and
Temporal say of accounts, CRMs, entries, leases and notices, and how the servers' logs end. It takes some seconds at most, leaves
out what is not to be had, and never changes what became of the test. What is taken down by the test itself, in a block that is
left by an error, prints the same before it goes (`tasks`, `database`, `last`).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import re
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from temporalio.client import Client

from infra.stacks import ASKED_BY
from infra.tasks import frames
from tests.servers.process import ServerProcess
from tests.support.services import VARIABLE, Services

SECONDS = 30.0  # that all of it may take
ANSWER_SECONDS = 5  # that one server may
LAST = 40  # lines of a log
MOST_ROWS = 30
MOST_CHARACTERS = 30_000  # of one part
FRAMES_SHOWN = 12  # of a task, those nearest to where it waits
SHORTEST_SECRET = 6
LIBRARY = sysconfig.get_path("stdlib")

TABLES = {
    "accounts": "select * from accounts order by address",
    "CRMs": "select * from crms order by name",
    "outbox by state": """
        select crm, state, failure, last_error, count(*), min(next_attempt_at) as next_attempt_at, min(claimed_at) as claimed_at,
            max(attempts) as most_attempts
        from entries group by 1, 2, 3, 4 order by 1, 2
    """,
    "leases": "select address, host, worker, expires_at, expires_at - clock_timestamp() as left from leases order by 1",
    "waiting for a session": "select * from session_queue order by 1",
    "notices": "select * from notices order by at desc",
    "the log's end": "select address, version, at, type, actor from account_events order by at desc, address, version desc",
    "statements": """
        select pid, state, wait_event_type, wait_event, clock_timestamp() - query_start as since, left(query, 200) as query
        from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() order by query_start
    """,
}

Part = tuple[str, Callable[[], str]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        try:
            found = collected(item)
        except (Exception, pytest.fail.Exception) as error:  # its own time may be up meanwhile
            found = f"not to be had: {type(error).__name__}: {error}"
        if found:
            report.sections.append(("where everything stood", found))
    return report


def collected(item: pytest.Item, *, seconds: float = SECONDS) -> str:
    """All parts that are to be had in that time, without the secrets that the test has."""
    funcargs: dict[str, Any] = getattr(item, "funcargs", {})
    parts: list[Part] = [("tasks", tasks)]
    if "services" in getattr(item, "fixturenames", ()) and VARIABLE in os.environ:
        parts += _of_servers(Services(**json.loads(os.environ[VARIABLE])), funcargs)
    told: dict[str, str] = {}

    def collect() -> None:
        for name, ask in parts:
            try:
                told[name] = ask()[-MOST_CHARACTERS:]
            except Exception as error:
                told[name] = f"not to be had: {type(error).__name__}: {error}"

    collecting = threading.Thread(target=collect, daemon=True)
    collecting.start()
    collecting.join(seconds)
    for name, _ in parts[len(told) :]:
        told[name] = f"not to be had in {seconds:.0f} s"
    text = "\n".join(f"--- {name}\n{said}" for name, said in dict(told).items() if said)
    return without_secrets(text, _secrets(funcargs))


def _of_servers(services: Services, funcargs: dict[str, Any]) -> Iterator[Part]:
    if (operator := funcargs.get("operator")) is not None:
        yield "workers' tasks", lambda: _of_workers(operator)
    if (url := funcargs.get("database_url")) is not None:
        yield "database", lambda: database(url)
    if (client := funcargs.get("temporal_client")) is not None:
        yield "workflows", lambda: asyncio.run(_workflows(services.temporal, client.namespace))
    for server in list(ServerProcess.at_work):
        if (log := getattr(server, "log", None)) is not None:
            yield f"{type(server).__name__}'s log", partial(_last_said, log)
    for path in sorted(Path(services.folder).glob("*.log")):
        yield f"{path.stem}'s log", partial(_last_written, path)


# What there is to tell ---------------------------------------------------------------------------------------------------


def tasks() -> str:
    """Where each task of this process's event loops waits: code alone, no value of anything."""
    loops = [one for one in gc.get_objects() if isinstance(one, asyncio.BaseEventLoop) and not one.is_closed()]
    found = sorted((task for loop in loops for task in asyncio.all_tasks(loop)), key=lambda task: task.get_name())
    ours = [task for task in found if any(_is_ours(frame) for frame in frames(task.get_coro()))]
    told = [f"{task.get_name()}, cancelling {task.cancelling()}:\n{stack(task)}" for task in ours]
    return "\n".join([*told, f"and {len(found) - len(ours)} of libraries alone"] if found else [])


def stack(task: asyncio.Task[Any]) -> str:
    shown = list(frames(task.get_coro()))[-FRAMES_SHOWN:]
    return "".join(traceback.StackSummary.extract((frame, frame.f_lineno) for frame in shown).format()).rstrip()


def _is_ours(frame: FrameType) -> bool:
    return "site-packages" not in frame.f_code.co_filename and not frame.f_code.co_filename.startswith(LIBRARY)


def database(url: str) -> str:
    """What the database of Mailroom's at `url` says."""
    told = []
    with psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=ANSWER_SECONDS,
        row_factory=dict_row,
        options=f"-c search_path=mailroom -c timezone=UTC -c statement_timeout={ANSWER_SECONDS}s",
    ) as connection:
        for name, query in TABLES.items():
            try:
                rows = connection.execute(query.encode()).fetchmany(MOST_ROWS)
            except psycopg.Error as error:
                told.append(f"{name}: not to be had: {error}")
                continue
            told += [f"{name}: {json.dumps(row, default=str)}" for row in rows] or [f"{name}: none"]
    return "\n".join(told)


async def _workflows(target: str, namespace: str) -> str:
    """The namespace's running workflows with what they wait for: each pending activity's attempt, failure and heartbeat."""
    told: list[str] = []
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_describe(target, namespace, told), 2 * ANSWER_SECONDS)
        return "\n".join(told)
    return "\n".join([*told, "and what else there is was not told in time"])


async def _describe(target: str, namespace: str, told: list[str]) -> None:
    client = await Client.connect(target, namespace=namespace)
    async for execution in client.list_workflows('ExecutionStatus = "Running"', limit=MOST_ROWS):
        described = await client.get_workflow_handle(execution.id).describe()
        told.append(f"{execution.id}: {described.history_length} events")
        for pending in described.raw_description.pending_activities:
            told.append(
                f"  {pending.activity_type.name}, attempt {pending.attempt}, last heartbeat "
                f"{pending.last_heartbeat_time.ToJsonString()}, last failure {pending.last_failure.message!r}"
            )


def _of_workers(operator: Any) -> str:
    """Worker processes write where their tasks wait to their logs, which the test prints at its end, when a signal asks them to;
    one that does not know it would end."""
    running = [worker for worker in getattr(operator, "workers", ()) if worker.running]
    for worker in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, ASKED_BY)
    if running:
        time.sleep(1)  # they write within milliseconds, or their loops stand still
    return f"{len(running)} workers were asked for them: see their logs"


def last(log: str) -> str:
    return "\n".join(log.splitlines()[-LAST:])


def _last_said(log: Callable[[], str]) -> str:
    return last(log())


def _last_written(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - MOST_CHARACTERS, 0))
        return last(file.read().decode(errors="replace"))


# What must not be told ---------------------------------------------------------------------------------------------------


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """`text` without these, and without the passwords of URLs."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[hidden]")
    return re.sub(r"(://[^:/@\s]*:)[^@/\s]+@", r"\1[hidden]@", text)


def _secrets(funcargs: dict[str, Any]) -> set[str]:
    """The passwords and keys that the test's fixtures know of."""
    found: list[str] = []
    with contextlib.suppress(KeyError, AttributeError, OSError, TypeError):
        found += [path.read_text() for path in funcargs["worker_settings"].secret_dir.iterdir()]
    with contextlib.suppress(KeyError, AttributeError):
        found += [
            value for name, value in funcargs["operator"].environment.items() if "KEY" in name or "SECRET" in name
        ]
    for server in list(ServerProcess.at_work):
        found += getattr(server, "_passwords", {}).values()
    return {secret for secret in found if len(secret) >= SHORTEST_SECRET}

"""Mailroom's retrieval in a process of its own: the real `watch`, session after session, as a worker runs it.

Only the Temporal server is not there. What its databases, mailboxes and settings are comes as JSON on standard input, and
what it took goes as JSON to standard output.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.pop.auth_codes import AuthCodes
from activities.pop.session import Sessions
from activities.retrieval.watch import Retrieval
from bench.mailboxes import PASSWORD
from domain.core.validation import parse
from domain.mailbox.settings import AccountSettings
from domain.retrieval.reports import SessionReport
from infra.database.pool import open_pool
from infra.settings import WorkerSettings
from infra.telemetry.metrics import SessionMetrics
from infra.vault.references import Secrets
from worker import DATABASE_CONNECTIONS, SESSIONS_AT_ONCE
from workflows.contract import WAITING, WatchRequest

ROOT = Path(__file__).parent.parent
ENOUGH = 10**12  # bytes of quota


@dataclass(frozen=True)
class Job:
    """Whose mail is to be retrieved, from where to where; with `look_again` there is a last session that finds nothing new."""

    database: str
    port: int
    users: Sequence[str]
    look_again: bool = False
    crm: Sequence[str] = ("builtin",)


@dataclass(frozen=True)
class Took:
    """What came of a job. `cpu` are seconds of this process, `peak_memory` the most bytes it had (VmHWM); `look` are the
    seconds of the session that found nothing new."""

    messages: int
    sessions: int
    seconds: float
    cpu: float
    look: float
    peak_memory: int


def retrieve(job: Job, *, patience: float = 1800) -> Took:
    """Does the job in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.mailroom"],
        input=json.dumps(asdict(job)),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        timeout=patience,
        check=True,
    )
    return Took(**json.loads(done.stdout))


async def _do(job: Job) -> Took:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(SESSIONS_AT_ONCE + 20, "mailroom"))
    settings = WorkerSettings(
        database_url=job.database,
        allow_hosts=("127.0.0.1",),
        max_sessions_per_host=len(job.users),
        quota_bytes=ENOUGH,
    )
    async with await open_pool(job.database, most=DATABASE_CONNECTIONS) as pool:
        secrets = Secrets(pool, settings, environ={secret(user): PASSWORD for user in job.users})
        sessions = Sessions(secrets, settings, AuthCodes(pool))
        retrieval = Retrieval(pool, sessions, settings, SessionMetrics(), "bench")
        began, cpu = time.perf_counter(), time.process_time()
        came = await asyncio.gather(*(_mailbox(retrieval, account(user, job.port, job.crm)) for user in job.users))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        began = time.perf_counter()
        if job.look_again:
            await asyncio.gather(*(_session(retrieval, account(user, job.port), 0, report=True) for user in job.users))
        look = time.perf_counter() - began
    messages, sessions = (sum(column) for column in zip(*came, strict=True))
    return Took(messages, sessions, seconds, cpu, look, peak_memory())


def secret(user: str) -> str:
    """The variable with that user's password: a secret is for one login."""
    return "MAILROOM_SECRET_" + re.sub("[^a-z0-9]", "_", user)


def account(user: str, port: int, crm: Sequence[str] = ("builtin",)) -> AccountSettings:
    incoming = {"host": "127.0.0.1", "port": port, "tls": "none", "secret": f"env:{secret(user)}"}
    return parse(AccountSettings, {"address": user, "incoming": incoming, "crm": list(crm)}, what="bench")


async def _mailbox(retrieval: Retrieval, settings: AccountSettings) -> tuple[int, int]:
    """Messages stored, and sessions held, until nothing remains."""
    stored, sessions, more = 0, 0, True
    while more:
        report = await _session(retrieval, settings, stored)
        if report is not None:
            stored, sessions, more = report.total_stored, sessions + 1, report.more
    return stored, sessions


async def _session(
    retrieval: Retrieval, settings: AccountSettings, stored: int, *, report: bool = False
) -> SessionReport | None:
    """What a session reported; None when its turn has not come, after the wait that it asks for. With `report` it reports,
    like `poll_now`, even that there is nothing new."""
    request = WatchRequest(
        settings=settings,
        settings_version=1,
        credential_version=1,
        total_stored=stored,
        recovering=False,
        report=report,
        not_before=None,
        needed_bytes=0,
    )
    try:
        return await ActivityEnvironment().run(retrieval.watch, request)
    except ApplicationError as asked:
        if asked.type != WAITING or asked.next_retry_delay is None:
            raise
        await asyncio.sleep(asked.next_retry_delay.total_seconds())
        return None


def peak_memory() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_do(Job(**json.load(sys.stdin)))))))

"""Mailroom as its operators have it: `worker.py` processes, the Temporal CLI, and what the database's views say."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.support.running import until

PROJECT = Path(__file__).parents[2]
FOREIGN = ("MAILROOM_", "TEMPORAL_", "OTEL_", "DATABASE_URL", "PG")
"""A developer's own settings, which must not reach what a test starts."""
TEMPORAL_IS_BUSY = ("Workflow is busy", "consistent query buffer is full")
"""Answers of a Temporal server on a busy machine, which did nothing. Its CLI does not ask again; a person does."""
BUSY_SECONDS = 60


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without Mailroom's settings, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


class CommandFailed(Exception):
    """A command ended with another status than 0; the text is what it said."""


class WorkerProcess:
    """One `python worker.py`; everything that it writes is in `log`."""

    def __init__(self, log: Path, *arguments: str, environment: Mapping[str, str]) -> None:
        self.log = log
        self._arguments = arguments
        self._environment = environment
        self._process: asyncio.subprocess.Process

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(PROJECT / "worker.py"),
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self.log.parent,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    async def until_said(self, words: str) -> None:
        """Returns once it wrote these words; fails with its whole log when it ends without them."""

        async def wrote() -> bool:
            assert self.running or words in self.said(), f"ended with {self._process.returncode}:\n{self.said()}"
            return words in self.said()

        await until(wrote, f"{words!r} in {self.log}")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9; `ended` tells when it is gone."""
        if self.running:
            self._process.kill()

    def peak_memory(self) -> int:
        """The most bytes that it has had in memory so far, as the kernel counts (VmHWM)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024

    async def ended(self, *, patience: float = 60) -> int:
        """Its exit status, once it has ended."""
        async with asyncio.timeout(patience):
            return await self._process.wait()


class Operator:
    """Runs workers of one database and one namespace, and asks only what operators can ask."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.workers: list[WorkerProcess] = []

    async def worker(self, **settings: str) -> WorkerProcess:
        """Another worker, once it takes work; `settings` are environment variables of its own."""
        worker = await self.starting_worker(**settings)
        await worker.until_said("workers started")
        return worker

    async def starting_worker(self, **settings: str) -> WorkerProcess:
        """Another worker that has only just been started, and may refuse to."""
        log = self.folder / f"worker-{len(self.workers) + 1}.log"
        worker = WorkerProcess(log, environment={**self.environment, **settings})
        self.workers.append(worker)
        await worker.start()
        return worker

    async def aclose(self) -> None:
        """Ends every worker that still runs, whatever a test did to it."""
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            await worker.ended()

    def worker_logs(self) -> str:
        """All that any worker wrote."""
        return "".join(worker.said() for worker in self.workers)

    async def temporal(self, *arguments: str) -> str:
        """What the Temporal CLI prints; raises CommandFailed with what it complains of. Asks again where the server is busy."""
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return await self.run("temporal", *arguments)
            except CommandFailed as error:
                if time.monotonic() > until or not any(answer in str(error) for answer in TEMPORAL_IS_BUSY):
                    raise
            await asyncio.sleep(1)

    async def store_secret(self, name: str, secret: str) -> str:
        """Puts a secret into the vault with the command for it, and answers the reference to it."""
        await self.run(sys.executable, "-m", "infra.vault", "set", name, given=secret)
        return f"vault:{name}"

    async def run(self, *command: str, given: str = "") -> str:
        """What a command prints; raises CommandFailed where it ends with another status than 0."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
            cwd=PROJECT,
        )
        async with asyncio.timeout(120):
            printed, complaint = await process.communicate(given.encode())
        if process.returncode != 0:
            raise CommandFailed(f"{' '.join(command)}: {printed.decode()}{complaint.decode()}")
        return printed.decode()

    # Accounts ----------------------------------------------------------------------------------------------------------

    async def start(self, settings: Mapping[str, Any]) -> None:
        """`temporal workflow start`, as docs and contract print it; waits for nothing."""
        address = settings["address"]
        file = self.folder / f"{address}.json"
        file.write_text(json.dumps(settings))
        await self.temporal(
            *("workflow", "start", "--type", "MailAccount", "--task-queue", "mailroom"),
            *("--workflow-id", f"mail-account/{address}", "--input-file", str(file)),
        )

    async def connect(self, address: str, port: int, secret: str, **more: Any) -> None:
        """Starts an account on 127.0.0.1 and returns once it is active; `more` are other fields of its settings."""
        incoming = {"host": "127.0.0.1", "port": port, "tls": "none", "secret": secret}
        await self.start({"address": address, "incoming": incoming, **more})
        await self.until_state(address, "active")

    async def command(self, address: str, name: str, /, **given: Any) -> dict[str, Any]:
        """`temporal workflow update execute`: the answer, or CommandFailed with the refusal's words."""
        arguments = ["workflow", "update", "execute", "--workflow-id", f"mail-account/{address}", "--name", name]
        arguments += ["--input", json.dumps(given)] if given else []
        answer: dict[str, Any] = json.loads(await self.temporal(*arguments, "--output", "json"))["result"]
        return answer

    async def status(self, address: str) -> dict[str, Any]:
        """The query `status`."""
        arguments = ["workflow", "query", "--workflow-id", f"mail-account/{address}", "--name", "status"]
        answer: dict[str, Any] = json.loads(await self.temporal(*arguments, "--output", "json"))["queryResult"][0]
        return answer

    async def found(self, query: str) -> list[str]:
        """The workflow ids that `temporal workflow list --query` finds among those that run, in order."""
        running = f'({query}) AND ExecutionStatus = "Running"'  # what other tests have terminated is found for ever
        printed = await self.temporal("workflow", "list", "--query", running, "--output", "json")
        return sorted(execution["execution"]["workflowId"] for execution in json.loads(printed))

    # The database's views ----------------------------------------------------------------------------------------------

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with await psycopg.AsyncConnection.connect(
            self.environment["DATABASE_URL"], autocommit=True, options="-c search_path=mailroom -c timezone=UTC"
        ) as connection:
            cursor = await connection.cursor(row_factory=dict_row).execute(statement, values)
            return await cursor.fetchall()

    async def number(self, statement: str, *values: Any) -> int:
        """The one number that a statement selects."""
        (row,) = await self.rows(statement, *values)
        (value,) = row.values()
        return int(value)

    async def events(self, address: str, *types: str) -> list[dict[str, Any]]:
        """The account's log, in order; only entries of `types` where any are named."""
        entries = await self.rows("select * from account_events where address = %s order by version", address)
        return [entry for entry in entries if not types or entry["type"] in types]

    async def stored(self, address: str) -> int:
        return await self.number("select count(*) from messages where address = %s and state = 'stored'", address)

    async def until_stored(self, address: str, count: int, *, patience: float = 120) -> None:
        async def all_there() -> bool:
            return await self.stored(address) >= count

        await until(all_there, f"{count} stored messages of {address}", patience=patience, every=0.1)

    async def until_reported(self, address: str, count: int) -> None:
        """Returns once the workflow itself knows of so many messages."""

        async def told() -> bool:
            return int((await self.status(address))["progress"]["stored"]) >= count

        await until(told, f"{count} messages in the status of {address}")

    async def until_state(self, address: str, state: str) -> None:
        """Returns once the view `accounts` says so."""

        async def reached() -> bool:
            rows = await self.rows("select state from accounts where address = %s", address)
            return [row["state"] for row in rows] == [state]

        await until(reached, f"{address} to be {state}")

    async def assert_log_is_whole(self, address: str) -> None:
        """The account's log is there, gapless and unchanged."""
        assert await self.number("select count(*) from account_events where address = %s", address) > 0
        assert await self.rows("select * from verify_log(%s)", address) == []

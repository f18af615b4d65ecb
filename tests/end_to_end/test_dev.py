"""`worker.py --dev` as people run it: it comes up, says what to try, goes on after every kind of end, and leaves nothing."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.dev.children import Child
from tests.end_to_end.operating import Operator, WorkerProcess, clean_environment
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import a_new_address
from tests.support.services import with_postgres

SERVICES = ("postgres", "temporal", "sandbox")
NAMES = ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_UI", "DATABASE_URL", "MAILROOM_KEY_FILE", "PATH")
OF_THE_SANDBOX = ("MAILROOM_SANDBOX_ADDRESS", "MAILROOM_SANDBOX_POP")
READY = "\nmailroom: ready\n"


class Developer:
    """Runs `worker.py --dev` with one state folder."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        with_postgres(self.state)
        self._path = path
        self._runs: list[WorkerProcess] = []

    async def run(self, *options: str) -> WorkerProcess:
        log = self.folder / f"dev-{len(self._runs) + 1}.log"
        run = WorkerProcess(
            log, "--dev", *options, "--state", str(self.state), environment=clean_environment(PATH=self._path)
        )
        self._runs.append(run)
        await run.start()
        return run

    async def ready(self, *options: str) -> tuple[WorkerProcess, Operator]:
        """A run that said it is ready, and the operator that its dev.env makes."""
        run = await self.run(*options)
        await run.until_said(READY)
        return run, Operator(self.folder, clean_environment(**self.variables()))

    def variables(self) -> dict[str, str]:
        """What dev.env says."""
        lines = (self.state / "dev.env").read_text().splitlines()
        assert all(line.startswith("export ") for line in lines)
        pairs = (shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines)
        return {name: value for name, _, value in pairs}

    def services(self) -> list[psutil.Process]:
        return [process for name in SERVICES if (process := Child(self.state, name).running())]

    def clear_up(self) -> None:
        for run in self._runs:
            run.kill()
        for name in SERVICES:
            Child(self.state, name).end(patience=2)


@pytest.fixture
def developer(tmp_path: Path, temporal_environment: dict[str, str]) -> Iterator[Developer]:
    developing = Developer(tmp_path, temporal_environment["PATH"])
    yield developing
    developing.clear_up()


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


async def test_once_retrieves_and_links_the_sandbox_and_leaves_again_with_the_same_state(developer: Developer) -> None:
    shutil.rmtree(developer.state)  # all is made by the first of the two
    for _ in range(2):
        run = await developer.run("--once")
        assert await run.ended(patience=300) == 0, run.said()
        assert READY in run.said()
        assert re.search(r"^sandbox@example\.com: (\d+) of \1 messages retrieved, [1-9]", run.said(), re.MULTILINE)
        assert "Anna Lindqvist (contact)" in run.said()
        assert "Temporal UI      http://127.0.0.1:" in run.said()
        assert developer.services() == []
        assert not (developer.state / "dev.env").exists()


async def test_what_it_prints_to_try_works_and_a_second_one_is_refused(developer: Developer) -> None:
    run, operator = await developer.ready()
    assert set(developer.variables()) >= {*NAMES, *OF_THE_SANDBOX}
    commands = [
        line.strip()
        for line in run.said().splitlines()
        if line.startswith(("  temporal workflow", "  psql ", "  DRAFT="))
    ]
    assert len(commands) >= 5
    for command in commands:
        await operator.run("sh", "-ec", f". {developer.state}/dev.env; {command}")
    await operator.until_state("sandbox@example.com", "disabled")  # by the last but one of them

    second = await developer.run("--empty")
    assert await second.ended() == 1
    assert f"{developer.state} is in use by process {run.pid}" in second.said()
    assert await operator.stored("sandbox@example.com") > 0  # the first one is unharmed

    started = [*developer.services(), *psutil.Process(run.pid).children(recursive=True)]
    assert len(developer.services()) == 3
    run.send(signal.SIGINT)
    assert await run.ended() == 0
    assert gone(started)
    assert not (developer.state / "dev.env").exists()


@pytest.mark.parametrize("patience", [0.0, 0.5])
async def test_a_second_ctrl_c_leaves_nothing_running_either(developer: Developer, patience: float) -> None:
    run, _ = await developer.ready("--empty")
    started = [*developer.services(), *psutil.Process(run.pid).children(recursive=True)]
    assert len(developer.services()) == 2
    run.send(signal.SIGINT)
    await asyncio.sleep(patience)  # how quickly somebody presses it again
    run.send(signal.SIGINT)
    await run.ended()
    assert gone(started)


@pytest.mark.requirement("R6", "R84")
async def test_an_empty_one_goes_on_with_account_and_mail_after_kill_9_of_itself_and_of_everything(
    developer: Developer,
) -> None:
    address = a_new_address()
    async with MailboxServer(messages={"uid1": b"Subject: one\r\n\r\nHello\r\n"}) as server:
        run, operator = await developer.ready("--empty")
        assert set(developer.variables()) >= set(NAMES)
        assert "sandbox" not in run.said()
        await operator.connect(address, server.port, await operator.store_secret("jane", server.password))
        await operator.until_reported(address, 1)  # what a lost worker could not report counts in the next answer
        before = developer.variables()

        run.kill()
        await run.ended()
        server.messages["uid2"] = b"Subject: two\r\n\r\nHello\r\n"
        run, operator = await developer.ready("--empty")
        assert developer.variables() == before
        answer = await operator.command(address, "poll_now")
        assert (answer["outcome"], answer["stored"]) == ("mail", 1)

        everything = [psutil.Process(run.pid), *developer.services()]
        assert len(everything) == 3
        for process in everything:
            process.kill()
        await run.ended()
        server.messages["uid3"] = b"Subject: three\r\n\r\nHello\r\n"
        run, operator = await developer.ready("--empty")
        answer = await operator.command(address, "poll_now")
        assert (answer["outcome"], answer["stored"], answer["status"]["progress"]["stored"]) == ("mail", 1, 3)
        assert await operator.rows("select uidl from messages order by uidl") == [
            {"uidl": f"uid{number}"} for number in (1, 2, 3)
        ]
        assert len(await operator.events(address, "AccountConnected")) == 1
        await operator.assert_log_is_whole(address)

        started = developer.services()
        run.send(signal.SIGTERM)
        assert await run.ended() == 0
        assert gone(started)

"""The embedded development services: kept state, recovery after kill -9, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import poplib
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from temporalio.client import Client

from infra.dev.children import Child, Ports, free_port
from infra.dev.services import PROJECT, DevServices
from tests.support.endurance import sized
from tests.support.services import Services, with_postgres

OWNER = """
import pathlib, sys, time
from infra.dev.services import DevServices
with DevServices(pathlib.Path(sys.argv[1]), sandbox="sandbox" in sys.argv) as services:
    services.announce()
    print("ready", flush=True)
    sys.stdin.readline()
"""
SERVICES = ("postgres", "temporal", "sandbox")


class Owner:
    """A process that holds the services of a state folder, as `worker.py --dev` does."""

    def __init__(self, state: Path, *options: str, **environ: str) -> None:
        self.state = state
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "MAILROOM_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(state), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            env={**clean, **environ},
            text=True,
        )

    def ready(self) -> dict[str, str]:
        """Waits for the services and returns what dev.env says."""
        assert self.process.stdout
        assert self.process.stderr
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError(self.process.stderr.read())
        lines = (self.state / "dev.env").read_text().splitlines()
        pairs = [shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines]
        return {name: value for name, _, value in pairs}

    def end(self) -> str:
        """Lets the owner leave in order; returns what it said on standard error."""
        return self.process.communicate("\n", timeout=60)[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def no_state(tmp_path: Path) -> Iterator[Path]:
    """Where the first start makes everything."""
    folder = tmp_path / "state"
    yield folder
    for name in SERVICES:
        Child(folder, name).end()


@pytest.fixture
def state(services: Services, no_state: Path) -> Path:
    """Where the data of a PostgreSQL lies already."""
    no_state.mkdir()
    return with_postgres(no_state)


def children(state: Path) -> list[psutil.Process]:
    return [process for name in SERVICES if (process := Child(state, name).running())]


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


async def start_workflow(environment: dict[str, str]) -> None:
    client = await Client.connect(environment["TEMPORAL_ADDRESS"], namespace=environment["TEMPORAL_NAMESPACE"])
    await client.start_workflow("Anything", id="kept", task_queue="nobody-listens")


async def workflow_is_kept(environment: dict[str, str]) -> bool:
    client = await Client.connect(environment["TEMPORAL_ADDRESS"], namespace=environment["TEMPORAL_NAMESPACE"])
    return (await client.get_workflow_handle("kept").describe()).workflow_type == "Anything"


async def test_a_restart_finds_everything_at_the_same_addresses(no_state: Path) -> None:
    owner = Owner(no_state)
    before = owner.ready()
    query(before["DATABASE_URL"], "insert into mailroom.users values ('kept', 42)")
    await start_workflow(before)
    assert owner.end() == ""

    owner = Owner(no_state)
    assert owner.ready() == before
    assert query(before["DATABASE_URL"], "select quota_bytes from mailroom.users where name = 'kept'") == [(42,)]
    assert await workflow_is_kept(before)
    owner.end()


async def test_nothing_is_left_running_behind(state: Path) -> None:
    owner = Owner(state)
    environment = owner.ready()
    started = children(state)
    assert len(started) == 2
    owner.end()
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in started)
    with socket.socket() as probe:
        host, _, port = environment["TEMPORAL_ADDRESS"].partition(":")
        assert probe.connect_ex((host, int(port))) != 0
    assert not (state / "dev.env").exists()


async def test_kill_9_of_the_owner_alone_loses_nothing(state: Path) -> None:
    owner = Owner(state)
    before = owner.ready()
    query(before["DATABASE_URL"], "insert into mailroom.users values ('kept', 42)")
    await start_workflow(before)
    left = children(state)
    owner.kill()
    assert all(process.is_running() for process in left)

    owner = Owner(state)
    assert owner.ready() == before
    assert query(before["DATABASE_URL"], "select quota_bytes from mailroom.users where name = 'kept'") == [(42,)]
    assert await workflow_is_kept(before)
    assert {process.pid for process in children(state)}.isdisjoint(process.pid for process in left)
    owner.end()
    assert children(state) == []


@pytest.mark.parametrize("time_around", range(sized(3, 1)))
async def test_kill_9_of_everything_loses_nothing(state: Path, time_around: int) -> None:
    owner = Owner(state)
    before = owner.ready()
    await start_workflow(before)
    with psycopg.connect(before["DATABASE_URL"], autocommit=True) as connection:
        for number in range(100 * time_around + 1):
            connection.execute("insert into mailroom.users values (%s, %s)", [f"kept-{number}", number])
        for pid in (owner.process.pid, *(process.pid for process in children(state))):
            os.kill(pid, signal.SIGKILL)
    owner.process.communicate()

    owner = Owner(state)  # at once: some of the killed may still be exiting
    assert owner.ready() == before
    assert query(before["DATABASE_URL"], "select count(*) from mailroom.users where name like 'kept-%'") == [
        (100 * time_around + 1,)
    ]
    assert await workflow_is_kept(before)
    owner.end()


def test_the_sandbox_serves_mail_and_is_there_again_after_kill_9(state: Path) -> None:
    def uidls() -> list[bytes]:
        host, _, port = environment["MAILROOM_SANDBOX_POP"].partition(":")
        session = poplib.POP3(host, int(port), timeout=30)
        session.user(environment["MAILROOM_SANDBOX_ADDRESS"])
        session.pass_((state / "sandbox.password").read_text().strip())
        try:
            return session.uidl()[1]
        finally:
            session.quit()

    owner = Owner(state, "sandbox")
    environment = owner.ready()
    before = uidls()
    assert len(before) >= 20
    owner.kill()
    owner = Owner(state, "sandbox")
    assert owner.ready() == environment
    assert uidls() == before
    owner.end()
    assert children(state) == []


def test_kill_9_during_the_start_leaves_a_folder_that_starts(no_state: Path) -> None:
    for milliseconds in (150, 300, 450, 600, 750, 900, 1200):
        owner = Owner(no_state)
        time.sleep(milliseconds / 1000)
        owner.kill()
    owner = Owner(no_state)
    environment = owner.ready()
    assert query(environment["DATABASE_URL"], "select 1") == [(1,)]
    owner.end()


def test_a_second_owner_is_refused_and_harms_nothing(state: Path) -> None:
    owner = Owner(state)
    environment = owner.ready()
    second = Owner(state)
    _, complaint = second.process.communicate(timeout=60)
    assert second.process.returncode != 0
    assert f"in use by process {owner.process.pid}" in complaint
    assert query(environment["DATABASE_URL"], "select 1") == [(1,)]
    owner.end()


def test_ctrl_c_in_the_terminal_reaches_the_owner_and_not_its_services(state: Path) -> None:
    owner = Owner(state)
    owner.ready()
    groups = {os.getpgid(process.pid) for process in children(state)}
    assert os.getpgid(owner.process.pid) not in groups
    owner.end()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_stops_what_was_started(state: Path, number: signal.Signals) -> None:
    owner = Owner(state)
    while Child(state, "temporal").running() is None:
        assert owner.process.poll() is None
        time.sleep(0.01)
    owner.process.send_signal(number)
    owner.process.communicate(timeout=60)
    assert owner.process.returncode != 0
    assert children(state) == []


def test_dev_env_serves_a_shell(state: Path) -> None:
    owner = Owner(state)
    environment = owner.ready()
    assert stat.S_IMODE((state / "dev.env").stat().st_mode) == 0o600
    done = subprocess.run(
        [
            "sh",
            "-c",
            f". {state}/dev.env; psql \"$DATABASE_URL\" -Atc 'select 6*7'; command -v python; temporal --version",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    answer, python, version = done.stdout.splitlines()
    assert answer == "42"
    assert Path(python).parent == Path(sys.executable).parent
    assert "Server" in version
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert len(Path(environment["MAILROOM_KEY_FILE"]).read_text()) == 45  # 32 bytes in base64 and a line end
    assert stat.S_IMODE(Path(environment["MAILROOM_KEY_FILE"]).stat().st_mode) == 0o600
    owner.end()


def test_dev_env_is_there_once_it_is_announced_and_until_the_end(state: Path) -> None:
    file = state / "dev.env"
    file.write_text("export TEMPORAL_ADDRESS=127.0.0.1:9  # what a killed owner left behind\n")
    elsewhere = {"PATH": os.environ["PATH"], "TEMPORAL_ADDRESS": "127.0.0.1:1"}  # spares the start of a server
    with DevServices(state, sandbox=False, environ=elsewhere) as services:
        assert query(services.database_url, "select 1") == [(1,)]
        assert not file.exists(), "scripts wait for it, so nobody may see it before the workers are there"
        services.announce()
        assert "export TEMPORAL_ADDRESS=127.0.0.1:1\n" in file.read_text()
    assert not file.exists()


def test_the_ports_that_people_ask_for_are_used(state: Path) -> None:
    port, ui_port = free_port(), free_port()
    owner = Owner(state, MAILROOM_TEMPORAL_PORT=str(port), MAILROOM_UI_PORT=str(ui_port))
    environment = owner.ready()
    assert environment["TEMPORAL_ADDRESS"] == f"127.0.0.1:{port}"
    assert environment["TEMPORAL_UI"] == f"http://127.0.0.1:{ui_port}"
    owner.end()


def test_a_port_that_is_taken_is_named(state: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        owner = Owner(state, MAILROOM_TEMPORAL_PORT=str(port))
        _, complaint = owner.process.communicate(timeout=60)
    assert f"port {port}, which temporal was to use, is in use" in complaint
    assert children(state) == []


def test_a_kept_port_that_somebody_took_is_replaced(tmp_path: Path) -> None:
    kept = Ports(tmp_path).choose("postgres")
    assert Ports(tmp_path).choose("postgres") == kept
    with socket.socket() as other:
        other.bind(("127.0.0.1", kept))
        other.listen()
        assert Ports(tmp_path).choose("postgres") != kept


def test_a_folder_with_a_long_path_serves(tmp_path: Path) -> None:
    state = tmp_path / ("deep" * 20) / ("deeper" * 20)
    owner = Owner(state)
    assert query(owner.ready()["DATABASE_URL"], "select 1") == [(1,)]
    owner.end()


def test_a_stale_pid_file_that_names_a_stranger_harms_neither(state: Path) -> None:
    owner = Owner(state)
    before = owner.ready()
    owner.end()
    stranger = subprocess.Popen(["sleep", "300"])
    try:
        # What a machine that went down leaves behind: numbers that meanwhile belong to somebody else.
        (state / "temporal.pid").write_text(json.dumps({"pid": stranger.pid, "born": "another time"}))
        (state / "postgres.pid").write_text(json.dumps({"pid": stranger.pid, "born": "another time"}))
        data = state / "postgres" / "data"
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1\n5432\n\n127.0.0.1\n 1 1\nready\n")
        owner = Owner(state)
        assert owner.ready() == before
        owner.end()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_the_server_that_temporal_address_names_is_used_instead(state: Path) -> None:
    owner = Owner(state, TEMPORAL_ADDRESS="127.0.0.1:1", TEMPORAL_NAMESPACE="mine")
    environment = owner.ready()
    assert (environment["TEMPORAL_ADDRESS"], environment["TEMPORAL_NAMESPACE"]) == ("127.0.0.1:1", "mine")
    assert Child(state, "temporal").running() is None
    owner.end()


def test_the_address_of_an_old_dev_env_is_not_taken_for_a_wish(state: Path) -> None:
    owner = Owner(state, TEMPORAL_ADDRESS="127.0.0.1:1", MAILROOM_DEV_STATE="elsewhere")
    assert owner.ready()["TEMPORAL_ADDRESS"] != "127.0.0.1:1"
    owner.end()


def test_a_start_from_the_environment_of_the_one_before_has_the_same_path(tmp_path: Path) -> None:
    first = DevServices(tmp_path, sandbox=False, environ={"PATH": "/usr/bin:/bin"}).environment["PATH"]
    assert DevServices(tmp_path, sandbox=False, environ={"PATH": first}).environment["PATH"] == first


def test_a_service_that_is_killed_alone_is_said_to_be_gone_and_what_to_do(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def kill_and_listen(services: DevServices) -> None:
        stop = asyncio.Event()
        telling = asyncio.create_task(services.tell_of_ended(stop))
        sandbox = Child(state, "sandbox").running()
        assert sandbox is not None
        sandbox.kill()
        async with asyncio.timeout(60):
            while not caplog.messages:  # noqa: ASYNC110 -- it looks now and then
                await asyncio.sleep(0.1)
        stop.set()
        await telling

    with DevServices(state, sandbox=True, environ={**os.environ, "TEMPORAL_ADDRESS": "127.0.0.1:1"}) as services:
        asyncio.run(kill_and_listen(services))
    assert len(caplog.messages) == 1
    assert "sandbox has ended by itself, and is not started again" in caplog.messages[0]
    assert str(state / "sandbox.log") in caplog.messages[0]
    assert "Ctrl-C" in caplog.messages[0]

"""What all tests share: the servers of the run, a database and a Temporal client per test, and the summary of rows proven."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import hypothesis
import psycopg
import pytest

from infra.database.pool import Pool, open_pool
from tests.support import evidence
from tests.support.seeds import VARIABLE, seed
from tests.support.services import TEMPLATE, Services, Starter

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter
    from temporalio.client import Client

    from infra.settings import WorkerSettings
    from tests.servers.dovecot import Dovecot
    from tests.servers.oauth_server import OAuthServer
    from tests.servers.tryton import TrytonDatabase, TrytonServer
    from tests.support.running import Mailroom

STARTER = Starter()
# Minutes each: begun at the end of a run they are all that still runs.
LONGEST = ("test_tryton_kill.py", "test_endurance.py", "test_outages.py", "test_kill.py")

hypothesis.settings.register_profile("shared machine", deadline=None)  # a busy core is no slow example
hypothesis.settings.load_profile("shared machine")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(evidence)
    drawn_by = seed()  # before other processes are started, which have the same
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(drawn_by)
    if _is_worker(config):
        return
    signal.signal(signal.SIGTERM, _interrupt)  # so that a run that is told to end still stops its servers
    processes = config.getoption("numprocesses", None)
    if processes and not config.option.collectonly:
        STARTER.services(namespaces=int(processes))


def pytest_report_header() -> str:
    return f"what is drawn at random: {VARIABLE}={seed()}"


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        STARTER.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def services() -> Services:
    """The servers of this run; the first test that needs them starts them."""
    return STARTER.services()


@pytest.fixture
def database_url(services: Services) -> Iterator[str]:
    """The URL of a fresh database with all migrations applied, dropped after the test whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        # Copied as files: through the log, as PostgreSQL does by itself, it costs several times as much.
        connection.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
        yield services.database(name)
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on the test's own database."""
    opened = await open_pool(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def temporal_namespace(services: Services) -> str:
    """This test process's own namespace, so that the same address in two processes is two accounts."""
    return os.environ.get("PYTEST_XDIST_WORKER", "default")


@pytest.fixture
def temporal_environment(services: Services, temporal_namespace: str) -> dict[str, str]:
    """What a worker or the CLI needs in its environment to reach this run's Temporal server; the binary is on its PATH."""
    return {
        "TEMPORAL_ADDRESS": services.temporal,
        "TEMPORAL_NAMESPACE": temporal_namespace,
        "PATH": f"{Path(services.temporal_binary).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


@pytest.fixture
async def temporal_client(services: Services, temporal_namespace: str) -> Client:
    """A client as the workers have it (converter, interceptor), of this test process's namespace."""
    from infra.temporal.client import connect

    return await connect(environ={}, target_host=services.temporal, namespace=temporal_namespace)


@pytest.fixture
def worker_settings(database_url: str, tmp_path: Path) -> WorkerSettings:
    """Settings for workers on the test's database: loopback allowed, `file:` secrets, minutes of one second.

    A test module that wants others has a fixture of this name that makes them of this one (dataclasses.replace).
    """
    from infra.settings import LOOPBACK, WorkerSettings

    secrets = tmp_path / "secrets"
    secrets.mkdir()
    return WorkerSettings(database_url=database_url, secret_dir=secrets, allow_hosts=LOOPBACK, minute_seconds=1.0)


@pytest.fixture
async def mailroom(temporal_client: Client, pool: Pool, worker_settings: WorkerSettings) -> AsyncIterator[Mailroom]:
    """Mailroom's workers running in this process, on the test's database and this process's namespace."""
    from tests.support.running import Mailroom

    async with Mailroom(temporal_client, pool, worker_settings) as running:
        yield running


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """A Dovecot POP3 server of the test's own. Without Dovecot the test is skipped, and fails where it must not be."""
    from tests.servers.dovecot import Dovecot

    _need_dovecot()
    with Dovecot() as server:
        yield server


@pytest.fixture
def oauth_server() -> Iterator[OAuthServer]:
    """An OAuth authorisation server of the test's own."""
    from tests.servers.oauth_server import OAuthServer

    with OAuthServer() as server:
        yield server


@pytest.fixture
def token_dovecot(oauth_server: OAuthServer) -> Iterator[Dovecot]:
    """A Dovecot that takes the access tokens of `oauth_server`, too."""
    from tests.servers.dovecot import Dovecot

    _need_dovecot()
    with Dovecot(introspection_url=oauth_server.introspection_url) as server:
        yield server


@pytest.fixture
def dovecot_with_penalty() -> Iterator[Dovecot]:
    """The same as Dovecot comes: slow for everybody after a wrong password."""
    from tests.servers.dovecot import PENALTY, Dovecot

    _need_dovecot()
    with Dovecot(more=PENALTY) as server:
        yield server


@pytest.fixture
def dovecot_with_recent_mode() -> Iterator[Dovecot]:
    """One that takes the user names of recent mode, too, each with a mailbox of its own."""
    from tests.servers.dovecot import RECENT, Dovecot

    _need_dovecot()
    with Dovecot(more=RECENT) as server:
        yield server


@pytest.fixture(scope="session")
def tryton_server(services: Services) -> Iterator[TrytonServer]:
    """A Tryton server of this test process's. Without Tryton the test is skipped, and fails where it must not be."""
    from tests.servers.tryton import PYTHON, TrytonServer

    if not PYTHON.exists():
        missing = "Tryton is not installed: make test installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with TrytonServer(services.postgres) as server:
        yield server


@pytest.fixture
def tryton(tryton_server: TrytonServer) -> Iterator[TrytonDatabase]:
    """A company's own Tryton, with nothing in it."""
    from tests.servers.tryton import TrytonDatabase

    with TrytonDatabase(tryton_server) as database:
        yield database


def _need_dovecot() -> None:
    from tests.servers.dovecot import dovecot_binary

    if dovecot_binary() is None:
        missing = "Dovecot is not installed: apt-get install dovecot-pop3d"
        if os.environ.get("CI") == "true" or os.environ.get("MAILROOM_REQUIRE_DOVECOT"):
            pytest.fail(missing)
        pytest.skip(missing)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = longest_first(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    for item in items:
        for marker in item.iter_markers("requirement"):
            # User properties travel in the reports, also from the processes of pytest-xdist.
            item.user_properties.extend(("requirement", str(row)) for row in marker.args)


def longest_first(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """`items` so that each test process, which gets an equal share of them at first, begins with one that takes minutes."""
    if processes == 1:
        return items
    long = sorted((item for item in items if item.path.name in LONGEST), key=lambda item: LONGEST.index(item.path.name))
    others = [item for item in items if item.path.name not in LONGEST]
    shares = [long[number::processes] for number in range(processes)]
    ordered: list[pytest.Item] = []
    for number, share in enumerate(shares):
        end = len(items) * (number + 1) // processes if number + 1 < processes else len(items)
        ordered += share
        room = max(0, end - len(ordered))
        ordered += others[:room]
        del others[:room]
    return ordered


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    def rows(outcome: str) -> set[str]:
        reports = terminalreporter.stats.get(outcome, [])
        return {
            str(value)
            for report in reports
            for name, value in getattr(report, "user_properties", ())
            if name == "requirement"
        }

    failed = rows("failed") | rows("error")
    for what, found in ("proven", rows("passed") - failed), ("failed", failed):
        if found:
            in_order = sorted(found, key=lambda row: (len(row), row))
            terminalreporter.write_line(f"requirement rows {what}: {' '.join(in_order)} ({len(in_order)})")

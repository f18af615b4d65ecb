"""The servers that a test run shares: one PostgreSQL and one Temporal, started once, by the first process that needs them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from infra.database.pool import Pool
from infra.dev.children import Child, Ports
from infra.dev.embedded_postgres import EmbeddedPostgres, migrate_for_workers
from infra.dev.embedded_temporal import EmbeddedTemporal
from infra.dev.launcher import birth
from infra.dev.temporal.provision import temporal_binary

VARIABLE = "MAILROOM_TEST_SERVICES"
TEMPLATE = "mailroom_template"
PREFIX = "mailroom-tests-"
PREPARED = "prepared"
MEMORY = Path("/dev/shm")
ROOM = 6 * 2**30  # bytes: what a run has at once is a tenth of it


@dataclass(frozen=True)
class Services:
    """Where the servers of this run are. `postgres` is the URL of a database to create others from, as their owner; `worker` the
    same as workers have it; `folder` has their logs."""

    postgres: str
    worker: str
    temporal: str
    temporal_ui: str
    temporal_binary: str
    folder: str

    def database(self, name: str) -> str:
        """The URL of the database of that name, as workers have it."""
        return f"{self.worker.rpartition('/')[0]}/{name}"

    def owned(self, name: str) -> str:
        """The same, as the owner of its schema."""
        return f"{self.postgres.rpartition('/')[0]}/{name}"


async def as_owner(pool: Pool) -> AsyncConnection[TupleRow]:
    """A connection to the pool's database as the role that owns its schema, for what no worker may do; to be closed."""
    services = Services(**json.loads(os.environ[VARIABLE]))
    assert isinstance(pool.conninfo, str)
    url = services.owned(pool.conninfo.rpartition("/")[2])
    return await AsyncConnection.connect(url, autocommit=True, options="-c search_path=mailroom -c timezone=UTC")


def with_postgres(state: Path) -> Path:
    """`state` with the data of a PostgreSQL that was never used, as its first start makes it in two seconds of work."""
    services = Services(**json.loads(os.environ[VARIABLE]))
    return _copied(Path(services.folder) / PREPARED, state)


def _copied(prepared: Path, state: Path) -> Path:
    subprocess.run(["cp", "-a", prepared / "postgres", state / "postgres"], check=True)
    return state


class Starter:
    """Starts the servers on demand, tells this run's other processes by an environment variable, and stops them."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._postgres: EmbeddedPostgres | None = None
        self._temporal: EmbeddedTemporal | None = None

    def services(self, *, namespaces: int = 0) -> Services:
        """The servers, started if nobody did yet; with `namespaces` test processes, gw0, gw1 ... have one each."""
        told = os.environ.get(VARIABLE)
        if told is None:
            os.environ[VARIABLE] = told = json.dumps(asdict(self._start(namespaces)))
        return Services(**json.loads(told))

    def stop(self) -> None:
        """Stops what this process started, and only that."""
        if self._folder is None:
            return
        os.environ.pop(VARIABLE, None)
        for server in (self._temporal, self._postgres):
            if server is not None:
                server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def _start(self, namespaces: int) -> Services:
        end_leftovers()
        binary = temporal_binary()
        self._folder = folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place()))
        me = psutil.Process()
        (folder / "owner.json").write_text(json.dumps({"pid": me.pid, "born": birth(me)}))
        ports = Ports(folder)
        # A developer's own choice of ports is for their `make run`, which may be running.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MAILROOM_")}
        prepared = folder / PREPARED
        prepared.mkdir()
        self._postgres = EmbeddedPostgres(prepared, Ports(prepared), durable=False)
        self._postgres.start()
        self._postgres.stop()
        self._postgres = EmbeddedPostgres(_copied(prepared, folder), ports, durable=False)
        self._temporal = EmbeddedTemporal(
            folder,
            ports,
            durable=False,
            more_namespaces=[f"gw{number}" for number in range(namespaces)],
            environ=environ,
        )
        self._postgres.start()
        self._temporal.start(binary)
        urls = self._postgres.owner_url, self._postgres.url
        services = Services(*urls, self._temporal.address, self._temporal.ui, str(binary), str(folder))
        with psycopg.connect(services.postgres, autocommit=True) as connection:
            connection.execute(f"create database {TEMPLATE} is_template true")
        asyncio.run(migrate_for_workers(services.owned(TEMPLATE)))
        return services


def place() -> Path:
    """Where the databases are: in memory, where there is room. Thousands are made and dropped, of some hundred files each, and a
    disk's file system (ext4) looks for a free inode among all that were freed in the last seconds: ten times the CPU."""
    with suppress(OSError):
        if min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) >= ROOM and os.access(
            MEMORY, os.W_OK
        ):
            return MEMORY
    return Path(tempfile.gettempdir())


def end_leftovers() -> None:
    """Ends the servers of test runs that were killed, known by the folders they left."""
    for folder in (found for parent in {MEMORY, Path(tempfile.gettempdir())} for found in parent.glob(f"{PREFIX}*")):
        with suppress(OSError, ValueError, KeyError):
            if folder.stat().st_uid == os.geteuid() and not _owner_lives(folder):
                for record in folder.glob("*.pid"):
                    Child(folder, record.stem).end(patience=2)
                shutil.rmtree(folder, ignore_errors=True)


def _owner_lives(folder: Path) -> bool:
    owner = folder / "owner.json"
    if not owner.exists():
        return time.time() - folder.stat().st_mtime < 600  # being made
    known = json.loads(owner.read_text())
    try:
        return bool(birth(psutil.Process(known["pid"])) == known["born"])
    except (psutil.NoSuchProcess, OSError):
        return False

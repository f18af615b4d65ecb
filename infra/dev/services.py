"""Everything that `worker.py --dev` needs besides the worker: PostgreSQL, Temporal, the sandbox mail server, the vault key."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import logging
import os
import secrets
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Self

from infra.dev.children import Child, Ports, ServiceFailed
from infra.dev.embedded_postgres import EmbeddedPostgres, binaries
from infra.dev.embedded_temporal import NAMESPACE, EmbeddedTemporal
from infra.dev.temporal.provision import temporal_binary

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parents[2]
SANDBOX_ADDRESS = "sandbox@example.com"
STATE_VARIABLE = "MAILROOM_DEV_STATE"
LOOK_EVERY = 1.0  # seconds
LOCK_PATIENCE = 3  # seconds in which a killed owner's lock is given up by the system


class DevServices:
    """The embedded services of one state folder: `with DevServices(state, sandbox=True) as services`.

    Entering starts them, `announce` writes `state/dev.env`; leaving stops them, and only them. All they keep is in
    `state`, so the same folder goes on where it was, also after kill -9 of the owner alone or of everything: what is left
    of it is found by recorded pid and creation time, ended and started anew on the same ports. An owner holds
    `state/lock`.

    Entering blocks, outside of any event loop: nothing else is to run before the services do. SIGINT and SIGTERM end the
    waiting with KeyboardInterrupt once what was started has been stopped. Raises ServiceFailed and NoTemporal with words for
    the user.
    """

    def __init__(self, state: Path, *, sandbox: bool, environ: Mapping[str, str] = os.environ) -> None:
        self.state = state.resolve()
        self.database_url = ""
        self.temporal_address = ""
        self.temporal_namespace = NAMESPACE
        self.temporal_ui = ""
        self.key_file = self.state / "vault.key"
        self.sandbox_address = SANDBOX_ADDRESS if sandbox else ""
        self.sandbox_pop = ""
        self.sandbox_smtp = ""
        self.sandbox_password_file = self.state / "sandbox.password"
        self._sandbox_wanted = sandbox
        self._environ = environ
        self._path: list[str] = []
        self._lock: IO[str] | None = None
        self._ports: Ports | None = None
        self._postgres: EmbeddedPostgres | None = None
        self._temporal: EmbeddedTemporal | None = None
        self._sandbox: Child | None = None

    @property
    def env_file(self) -> Path:
        """Shell lines that set up a terminal to talk to these services; there exactly while they are up."""
        return self.state / "dev.env"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of `dev.env`, which are also the worker's own."""
        variables = {
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": self.temporal_namespace,
            "TEMPORAL_UI": self.temporal_ui,
            "DATABASE_URL": self.database_url,
            "MAILROOM_KEY_FILE": str(self.key_file),
            STATE_VARIABLE: str(self.state),
        }
        if self._sandbox_wanted:
            variables |= {
                "MAILROOM_SANDBOX_ADDRESS": self.sandbox_address,
                "MAILROOM_SANDBOX_POP": self.sandbox_pop,
                "MAILROOM_SANDBOX_SMTP": self.sandbox_smtp,
            }
        last = str(binaries())  # the wheel's psql serves those who have none
        given = self._environ.get("PATH", os.defpath).split(os.pathsep)
        rest = [part for part in given if part not in (*self._path, last)]
        return variables | {"PATH": os.pathsep.join([*self._path, *rest, last])}

    def __enter__(self) -> Self:
        with _on_signals(_interrupt):
            try:
                self._start()
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stops what was started. Blocks and awaits nothing, so that no cancellation leaves a service behind."""
        if self._lock is None:
            return
        failures = []
        with _on_signals(signal.SIG_IGN):  # a second Ctrl-C must not leave half of them running
            self.env_file.unlink(missing_ok=True)
            for service in (self._stop_sandbox, self._stop_temporal, self._stop_postgres):
                try:
                    service()
                except ServiceFailed as error:
                    failures.append(error)
            self._lock.close()
            self._lock = None
        if failures:
            raise failures[0]

    def _start(self) -> None:
        # As root the PostgreSQL server, which then is another user, passes through this folder on the way to its data.
        self.state.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        self._lock = _locked(self.state / "lock")
        self.env_file.unlink(missing_ok=True)
        self._ports = ports = Ports(self.state)
        _make_key(self.key_file)
        self._path = [str(Path(sys.executable).parent), str(PROJECT)]  # `mailroom` is there
        self._postgres = EmbeddedPostgres(self.state, ports)
        self._temporal = EmbeddedTemporal(self.state, ports, environ=self._environ)
        self._sandbox = Child(self.state, "sandbox")
        self._stop_sandbox()
        self._start_temporal()
        self._postgres.start()
        self.database_url = self._postgres.url
        if self._sandbox_wanted:
            self._start_sandbox(ports)

    def _start_temporal(self) -> None:
        assert self._temporal is not None
        elsewhere = self._environ.get("TEMPORAL_ADDRESS")
        # An address that a dev.env brought along belongs to some embedded server, which may be gone, and not to the user.
        if elsewhere and STATE_VARIABLE not in self._environ:
            self._temporal.stop()
            self.temporal_address = elsewhere
            self.temporal_namespace = self._environ.get("TEMPORAL_NAMESPACE") or NAMESPACE
            self.temporal_ui = self._environ.get("TEMPORAL_UI", "")
            on_path = shutil.which("temporal", path=self._environ.get("PATH"))
            self._path += [str(Path(on_path).parent)] if on_path else []
            return
        binary = temporal_binary(self._environ)
        self._path.append(str(binary.parent))
        self._temporal.start(binary)
        self.temporal_address, self.temporal_ui = self._temporal.address, self._temporal.ui

    def _start_sandbox(self, ports: Ports) -> None:
        assert self._sandbox is not None
        if not self.sandbox_password_file.exists():
            _write_private(self.sandbox_password_file, secrets.token_urlsafe(18) + "\n")
        pop, smtp = ports.choose("sandbox-pop"), ports.choose("sandbox-smtp")
        command = [sys.executable, "-m", "infra.dev.sandbox", "--state", str(self.state / "sandbox")]
        command += ["--pop-port", str(pop), "--smtp-port", str(smtp)]
        command += ["--password-file", str(self.sandbox_password_file)]
        self._sandbox.start(command, cwd=PROJECT)
        self._sandbox.wait_until(lambda: _greets(pop, b"+OK") and _greets(smtp, b"220"), seconds=60)
        self.sandbox_pop, self.sandbox_smtp = f"127.0.0.1:{pop}", f"127.0.0.1:{smtp}"

    def _stop_sandbox(self) -> None:
        if self._sandbox is not None:
            self._sandbox.end()

    def _stop_temporal(self) -> None:
        if self._temporal is not None:
            self._temporal.stop()

    def _stop_postgres(self) -> None:
        if self._postgres is not None:
            self._postgres.stop()

    async def tell_of_ended(self, stop: asyncio.Event) -> None:
        """Says of each service that ends alone, once, that nobody starts it again and what to do; until `stop`."""
        children = [one.child for one in (self._postgres, self._temporal) if one] + [self._sandbox]
        left = {child.name: child for child in children if child is not None}
        while not stop.is_set():
            for child in [child for child in left.values() if child.ended_alone]:
                del left[child.name]
                logger.error(
                    "%s has ended by itself, and is not started again: what needs it fails until everything is. Stop this "
                    "process (Ctrl-C) and start it as before; what is stored is kept. The end of %s may say why",
                    *(child.name, child.log),
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY)

    def announce(self) -> None:
        """Writes `dev.env`: to be called once everything is up, the workers included, because scripts wait for it."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in self.environment.items()]
        _write_private(self.env_file, "".join(lines))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    """Has SIGINT and SIGTERM handled so in the block, whatever an event loop would do with them; only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _locked(path: Path) -> IO[str]:
    """The lock file, locked until it is closed or its process ends; raises ServiceFailed when another process has it.

    A record lock: unlike flock's it stays behind in no forked child.
    """
    file = path.open("a+")
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise ServiceFailed(
                f"{path.parent} is in use by process {owner}: stop that one, or choose another folder with --state"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        return file


def _make_key(path: Path) -> None:
    """Makes the vault's key, once: a new key would make every stored secret unreadable."""
    if not path.exists():
        _write_private(path, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")


def _write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, in one step and to the disk."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _greets(port: int, beginning: bytes) -> bool:
    """Whether a server on that port of 127.0.0.1 begins its greeting so."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            return line.recv(512).startswith(beginning)
    except OSError:
        return False

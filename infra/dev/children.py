"""Service processes that belong to a state folder: started, recorded, found again after a kill, and ended."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from infra.dev.launcher import birth

LAUNCHER = Path(__file__).with_name("launcher.py")
# All that a service needs of its owner's environment, which may hold secrets: others may read a service's own.
NEEDED = re.compile(r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|SSL_CERT_(FILE|DIR)")


class ServiceFailed(Exception):
    """A service did not start or did not stop; the text says which, why, and where its log is."""


class Child:
    """One service of a state folder, known by `FOLDER/NAME.pid`; its output is appended to `FOLDER/NAME.log`.

    The service runs in a session of its own: Ctrl-C in a terminal reaches its owner, which ends it when the time has come.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._record = folder / f"{name}.pid"
        self._started: subprocess.Popen[bytes] | None = None

    def start(
        self, command: Sequence[str], *, environ: Mapping[str, str] = os.environ, cwd: Path | None = None
    ) -> None:
        """Starts `command` with what it needs of `environ`; whether it works is for `wait_until` to find out."""
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            self._started = subprocess.Popen(
                [sys.executable, "-I", str(LAUNCHER), str(os.getpid()), str(self._record), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=needed(environ),
                cwd=cwd,
                start_new_session=True,
                umask=0o077,  # what services keep is their owner's alone: mail, histories, secrets
            )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Returns once `ready()`; raises ServiceFailed with the end of the log if the service ends first or takes longer."""
        assert self._started is not None, "a service that was not started cannot become ready"
        deadline = time.monotonic() + seconds
        while not ready():
            if self._started.poll() is not None:
                raise ServiceFailed(f"{self.name} ended at its start.{self._last_words()}")
            if time.monotonic() > deadline:
                raise ServiceFailed(f"{self.name} was not ready after {seconds:g} seconds.{self._last_words()}")
            time.sleep(0.05)

    @property
    def ended_alone(self) -> bool:
        """Whether it was started and is gone, though nobody here has ended it."""
        return self._started is not None and self._started.poll() is not None

    def running(self) -> psutil.Process | None:
        """The recorded process if it still runs: the same pid *and* the same birth, so never a stranger's."""
        try:
            record = json.loads(self._record.read_text())
            process = psutil.Process(record["pid"])
            if birth(process) != record["born"] or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
            return None
        return process

    def end(self, *, ask: signal.Signals = signal.SIGTERM, patience: float = 15) -> None:
        """Ends the recorded process, if it runs: asks, waits `patience` seconds, then kills. Returns when it is gone."""
        self._settle()
        process = self.running()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(ask)
                if not self._gone(process, patience):
                    process.kill()
                    if not self._gone(process, 10):
                        raise ServiceFailed(f"{self.name} (process {process.pid}) does not end, not even by SIGKILL")
        self._record.unlink(missing_ok=True)
        self._started = None

    def _settle(self) -> None:
        """Waits until a service started a moment ago has recorded itself: until then it cannot be told from a stranger."""
        if self._started is None:
            return
        deadline = time.monotonic() + 10
        while self._started.poll() is None and time.monotonic() < deadline:
            process = self.running()
            if process is not None and process.pid == self._started.pid:
                return
            time.sleep(0.01)

    def _gone(self, process: psutil.Process, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._started is not None:
                self._started.poll()  # collects our own child, which would stay a zombie
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
            time.sleep(0.02)
        return False

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-15:] if self.log.exists() else []
        return f" Its log {self.log} ends with:\n" + "\n".join(lines) if lines else f" Its log is {self.log}."


def needed(environ: Mapping[str, str]) -> dict[str, str]:
    """What a program that is no part of Mailroom gets of an environment: where things are, and no secret."""
    return {name: value for name, value in environ.items() if NEEDED.fullmatch(name)}


class Ports:
    """The TCP ports of a state folder's services on 127.0.0.1, chosen once and kept in `FOLDER/ports.json`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ports.json"
        self._kept: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def choose(self, name: str, *, wanted: int | None = None) -> int:
        """The port for that service: `wanted`, else the kept one, else a new one.

        Raises ServiceFailed when `wanted` is in use. A kept port that somebody else took meanwhile is replaced by a new one.
        """
        port = wanted or self._kept.get(name)
        if port is not None and not _becomes_free(port):
            if wanted:
                raise ServiceFailed(
                    f"port {wanted}, which {name} was to use, is in use by another program: choose another"
                )
            port = None
        port = port or free_port(besides=self._kept.values())
        if self._kept.get(name) != port:
            self._kept[name] = port
            unfinished = self._file.with_suffix(".new")
            unfinished.write_text(json.dumps(self._kept, indent=1) + "\n")
            unfinished.replace(self._file)
        return port


def free_port(*, besides: Iterable[int] = ()) -> int:
    """A TCP port nobody listens on, below the range from which systems take the ports of outgoing connections.

    Such a port is still ours after a restart; one from that range could meanwhile belong to anybody's connection, even to
    a client that tries to reach the very service that is being restarted.
    """
    taken = set(besides)
    choices = random.SystemRandom()
    for _ in range(200):
        port = choices.randrange(15000, 30000)
        if port not in taken and is_free(port):
            return port
    raise ServiceFailed("no free TCP port was found between 15000 and 30000 on 127.0.0.1")


def _becomes_free(port: int, *, seconds: float = 5) -> bool:
    """Whether that port is free within a moment: a killed process may hold its sockets while it is being taken down."""
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_free(port: int) -> bool:
    """Whether a server could listen on that port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""What a benchmark runs beside the worker: a PostgreSQL that syncs to disk, and how much CPU each part takes."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg

from infra.dev.children import Ports
from infra.dev.embedded_postgres import EmbeddedPostgres


@contextlib.contextmanager
def database(folder: Path) -> Iterator[str]:
    """The URL of a new database of Mailroom's, with everything durable as in production."""
    # Told to end, by `timeout` for one, a benchmark ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server = EmbeddedPostgres(folder, Ports(folder))
    server.start()
    try:
        yield server.owner_url
    finally:
        server.stop()


@contextlib.contextmanager
def copy_of(url: str) -> Iterator[str]:
    """The URL of a copy of that database, which nobody is connected to."""
    server, name = f"{url.rpartition('/')[0]}/postgres", f"copy_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name} template {url.rpartition('/')[2]}")
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(f"drop database {name} with (force)")


class Effort:
    """The CPU seconds of the services that this process has started, since `Effort()`: by the name of their program."""

    def __init__(self) -> None:
        self._before = _spent()

    def spent(self) -> dict[str, float]:
        return {name: seconds - self._before.get(name, 0.0) for name, seconds in _spent().items()}


def shares(effort: dict[str, float], messages: int) -> str:
    """Who had which share of the CPU, and how much of it a message takes."""
    total = sum(effort.values())
    parts = sorted(effort.items(), key=lambda part: -part[1])
    return f"{1000 * total / messages:.2f} ms of CPU a message: " + ", ".join(
        f"{name} {100 * seconds / total:.0f} %" for name, seconds in parts if seconds >= total / 200
    )


def _spent() -> dict[str, float]:
    spent: dict[str, float] = {}
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            name = "proxy" if child.name().startswith("python") else child.name()
            spent[name] = spent.get(name, 0.0) + sum(_of(one) for one in (child, *child.children(recursive=True)))
    return spent


def _of(process: psutil.Process) -> float:
    """A process's own time, and that of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)

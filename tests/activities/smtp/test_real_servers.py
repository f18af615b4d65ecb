"""Servers that others wrote: the sandbox's (Twisted), and Postfix's smtp-sink where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from activities.smtp.envelope import Envelope
from activities.smtp.session import Server
from activities.smtp.transmission import Transmission, transmission
from tests.support.submission import BOB, CAROL, JANE, MESSAGE, Mark, pieces, sessions

SINK = shutil.which("smtp-sink", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
needs_postfix = pytest.mark.skipif(SINK is None, reason="smtp-sink is not installed: apt-get install postfix")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def sent(port: int, *to: str) -> Transmission:
    async with transmission(
        sessions(),
        Server("127.0.0.1", port, "none"),
        None,
        Envelope(JANE, to),
        pieces(MESSAGE),
        size=len(MESSAGE),
        mark=Mark(),
    ) as one:
        return one


def states(one: Transmission) -> list[str]:
    return [recipient.state for recipient in one.recipients]


@asynccontextmanager
async def running(*command: str, port: int) -> AsyncIterator[None]:
    """A server while the block lasts, which begins once it listens."""
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert child.returncode is None
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield
    finally:
        child.terminate()
        await child.wait()


async def test_the_sandbox_delivers_what_is_sent_to_it(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")  # nothing else runs yet
    port = free_port()
    command = [sys.executable, "-m", "infra.dev.sandbox", "--state", str(tmp_path), "--pop-port", str(free_port())]
    async with running(*command, "--smtp-port", str(port), "--password-file", str(password), port=port):
        one = await sent(port, "sales@example.com", "nobody@example.com")
    assert states(one) == ["accepted", "rejected"]
    newest = max((tmp_path / "sales@example.com" / "new").iterdir())
    assert newest.read_bytes().endswith(MESSAGE)


def sink(port: int, folder: Path, *options: str) -> list[str]:
    assert SINK is not None
    (folder / "mail").mkdir()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder / "mail", "nobody")
        of_tests = Path(tempfile.gettempdir())
        for parent in (folder, *folder.parents):
            if parent != of_tests and parent.is_relative_to(of_tests):
                parent.chmod(0o711)  # nobody passes through them, and cannot look around
    return [SINK, *user, "-d", f"{folder}/mail/%M.", *options, f"127.0.0.1:{port}", "10"]


def kept(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in (folder / "mail").iterdir()]


@needs_postfix
async def test_postfixs_sink_gets_it_with_its_dots(tmp_path: Path) -> None:
    port = free_port()
    async with running(*sink(port, tmp_path), port=port):
        one = await sent(port, BOB, CAROL)
    assert states(one) == ["accepted", "accepted"]
    (received,) = kept(tmp_path)
    assert received.replace(b"\r\n", b"\n").rstrip(b"\n").endswith(MESSAGE.replace(b"\r\n", b"\n").rstrip(b"\n"))


@needs_postfix
async def test_a_sink_that_keeps_the_message_and_hangs_up_leaves_doubt(tmp_path: Path) -> None:
    port = free_port()
    async with running(*sink(port, tmp_path, "-q", "."), port=port):
        one = await sent(port, BOB)
    assert states(one) == ["uncertain"]
    assert len(kept(tmp_path)) == 1


@needs_postfix
@pytest.mark.parametrize(("option", "state"), [("-r", "deferred"), ("-f", "rejected")])
@pytest.mark.parametrize("point", ["rcpt", "data", "."])
async def test_what_a_sink_refuses_is_deferred_or_rejected_by_its_code(
    tmp_path: Path, option: str, state: str, point: str
) -> None:
    port = free_port()
    async with running(*sink(port, tmp_path, option, point), port=port):
        one = await sent(port, BOB)
    assert states(one) == [state]

"""A process that dies in a transmission: what the mark then says, and what the server has, agree."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.servers.scripted_smtp import DOT, SubmissionServer

SENDING = """
import asyncio, os, sys
from pathlib import Path
from activities.smtp.envelope import Envelope
from activities.smtp.transmission import transmission
from tests.support.submission import BOB, JANE, LOGIN, MESSAGE, at, sessions

port, dies, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])

class There:
    port = int(sys.argv[1])

def here(point):
    if dies == point:
        os._exit(9)

async def body():
    here("at the body")
    yield MESSAGE[:20]
    here("in the body")
    yield MESSAGE[20:]

async def mark():
    here("before the mark")
    (folder / "marked").touch()
    here("after the mark")
    return True

async def main():
    here("at the start")
    async with transmission(
        sessions(), at(There), LOGIN, Envelope(JANE, (BOB,)), body(), size=len(MESSAGE), mark=mark
    ) as one:
        here("after the answer")
        (folder / one.recipients[0].state).touch()

asyncio.run(main())
"""


async def died(server: SubmissionServer, point: str, folder: Path) -> set[str]:
    """What a process that dies at a point left behind of its marks."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", SENDING, str(server.port), point, str(folder))
    if point == "after the dot":
        await server.until_received()
        child.kill()
    await child.wait()
    if point == "after the dot":
        await server.hang_up()
    if point != "at the start":
        await server.until_over()
    return {name for name in ("marked", "accepted", "uncertain", "deferred") if (folder / name).exists()}


@pytest.mark.parametrize("point", ["at the start", "at the body", "in the body", "before the mark"])
async def test_who_dies_before_the_mark_has_sent_nothing(point: str, tmp_path: Path) -> None:
    async with SubmissionServer() as server:
        assert await died(server, point, tmp_path) == set()
        assert server.messages == []
        assert await died(server, "never", tmp_path) == {"marked", "accepted"}  # so it may be sent again
        assert len(server.messages) == 1


@pytest.mark.parametrize(("point", "received"), [("after the mark", 0), ("after the dot", 1), ("after the answer", 1)])
async def test_who_dies_after_the_mark_leaves_it_behind(point: str, received: int, tmp_path: Path) -> None:
    """From the mark alone nobody can tell whether it was sent: so it is never sent again by itself."""
    async with SubmissionServer() as server:
        if point == "after the dot":
            server.pauses[DOT] = 60
        assert await died(server, point, tmp_path) == {"marked"}
        assert len(server.messages) == received

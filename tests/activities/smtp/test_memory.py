"""A large message, and replies without end, cost no memory: measured in a process of its own."""

from __future__ import annotations

import asyncio
import sys

import pytest

MOST_GROWTH = 24 << 20  # bytes; the interpreter's own share of what is imported late

SENDING = """
import asyncio, resource, sys
from activities.smtp.envelope import Envelope
from activities.smtp.transmission import transmission
from tests.support.submission import BOB, JANE, LOGIN, Mark, at, sessions

what = sys.argv[1]
PIECE = (b"x" * 76 + b"\\r\\n") * (1 << 14)  # 1.3 MB
PIECES = 80 if what == "large" else 1  # about 100 MB

class There:
    port = int(sys.argv[2])

async def body():
    for _ in range(PIECES):
        yield PIECE

async def one():
    async with transmission(
        sessions(), at(There), LOGIN, Envelope(JANE, (BOB,)), body(),
        size=len(PIECE) * PIECES, mark=Mark()
    ) as came_of_it:
        return came_of_it

async def main():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = await one()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(result.recipients[0].state, (after - before) * 1024)

asyncio.run(main())
"""

SINK = """
import asyncio, sys, ssl

FLOOD = sys.argv[1]

async def serve(reader, writer):
    try:
        writer.write(b"220 hi\\r\\n")
        while True:
            line = await reader.readuntil(b"\\n")
            verb = line.split()[0].upper().decode()
            if verb == FLOOD:
                for _ in range(1 << 14):
                    writer.write(b"250-" + b"x" * 500 + b"\\r\\n")
                    await writer.drain()
            if verb == "EHLO":
                writer.write(b"250-hi\\r\\n250 AUTH PLAIN\\r\\n")
            elif verb == "AUTH":
                writer.write(b"235 ok\\r\\n")
            elif verb == "DATA":
                writer.write(b"354 go\\r\\n")
                tail = b""
                while not (tail := (tail + await reader.read(1 << 20))[-5:]).endswith(b"\\r\\n.\\r\\n"):
                    pass
                if FLOOD == ".":
                    for _ in range(1 << 14):
                        writer.write(b"250-" + b"x" * 500 + b"\\r\\n")
                        await writer.drain()
                writer.write(b"250 ok\\r\\n")
            else:
                writer.write(b"250 ok\\r\\n")
    except (OSError, EOFError):
        pass
    finally:
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


async def measured(what: str, flood: str) -> tuple[str, int]:
    """The recipient's state, and by how many bytes the sending process grew."""
    sink = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SINK, flood, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert sink.stdout is not None
        port = (await sink.stdout.readline()).decode().strip()
        sending = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SENDING, what, port, stdout=asyncio.subprocess.PIPE
        )
        said = (await sending.communicate())[0].decode().split()
    finally:
        sink.kill()
        await sink.wait()
    return said[0], int(said[1])


async def test_a_hundred_megabytes_are_not_held() -> None:
    state, growth = await measured("large", "never")
    assert state == "accepted"
    assert growth < MOST_GROWTH


@pytest.mark.parametrize(("point", "state"), [("EHLO", "deferred"), ("RCPT", "deferred"), (".", "uncertain")])
async def test_a_reply_of_megabytes_is_not_held(point: str, state: str) -> None:
    came_of_it, growth = await measured("small", point)
    assert came_of_it == state
    assert growth < MOST_GROWTH

"""What a server sends without end costs no more memory than one message may have: measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LARGEST = 8 << 20
HELD = 4 << 20
MOST_GROWTH = 64 << 20  # bytes; the message twice, and what Python's allocator keeps of it

SESSION = f"""
import asyncio, resource, ssl, sys
from activities.pop.connection import PopConnection, ProtocolViolation

ENDLESS = {{"greeting": b"+OK ", "STAT": b"+OK ", "LIST": b"+OK\\r\\n1 ", "UIDL": b"+OK\\r\\n1 "}}
endless = sys.argv[1]

async def serve(reader, writer):
    command = "greeting"
    try:
        while True:
            if command == endless:
                writer.write(ENDLESS.get(command, b"+OK\\r\\n"))
                for _ in range(1 << 14):  # a gigabyte
                    writer.write(b"x" * (1 << 16))
                    await writer.drain()
            writer.write(b"+OK 1 100\\r\\n")
            command = (await reader.readuntil(b"\\n")).decode().split()[0]
    except (OSError, EOFError):
        pass
    finally:
        writer.close()

async def session(port):
    pop = PopConnection("127.0.0.1", port, tls="none", context=ssl.create_default_context())
    try:
        await pop.connect()
        await pop.stat()
        match endless:
            case "LIST":
                await pop.list_sizes()
            case "UIDL":
                await pop.list_uids()
            case "TOP":
                async for _ in pop.headers([1]):
                    pass
            case "RETR":
                async for _ in pop.retrieve([(1, 100)], largest={LARGEST}, held={HELD}):
                    pass
    finally:
        await pop.abort()

async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            await session(server.sockets[0].getsockname()[1])
        except ProtocolViolation:
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

asyncio.run(main())
"""


@pytest.mark.parametrize("endless", ["greeting", "STAT", "LIST", "UIDL", "TOP", "RETR"])
def test_a_gigabyte_without_a_line_end_is_a_violation_in_bounded_memory(endless: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SESSION, endless],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout, ended.stderr
    assert int(ended.stdout) * 1024 < MOST_GROWTH

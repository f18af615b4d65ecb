"""What has come is looked through piece by piece: a line that is flooded leaves the loop to its neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from activities.pop.protocol import GREETING, Accepted, EndOfData, Event, Greeting, ListingLine
from activities.pop.transport import EVENT, MOST_AT_ONCE, MOST_UNREAD, Line, ServerRefused

LISTED = b"".join(b"%d uid-%d\r\n" % (number, number) for number in range(1, 15_001))
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def line(talk: Talk) -> AsyncIterator[Line]:
    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        reached = await Line.reach(["127.0.0.1"], server.sockets[0].getsockname()[1], seconds=20)
        try:
            yield reached
        finally:
            reached.abort()


async def soon(of: Line) -> Event:
    return await of.event(asyncio.get_running_loop().time() + 20)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"+OK\r\n")
    await reader.read()
    writer.close()


async def test_no_more_than_a_piece_is_looked_through_before_the_loop_goes_round() -> None:
    async with line(silent) as flooded:
        assert isinstance(await soon(flooded), Greeting)
        flooded.protocol.send("UIDL")
        flooded.data_received(b"+OK\r\n" + LISTED + b".\r\n")
        most = MOST_AT_ONCE // len(b"1 uid-1\r\n")
        before, seen = 0, list[Event]()
        while EndOfData("UIDL") not in seen[-1:]:
            assert len(flooded._events) - before <= most
            if len(flooded._events) == before:
                seen.append(await soon(flooded))
            before = len(flooded._events)
            await asyncio.sleep(0)
        assert isinstance(seen[0], Accepted)
        assert seen[1:-1] == [ListingLine("UIDL", b"%d uid-%d" % (number, number)) for number in range(1, 15_001)]


async def test_lines_that_have_nothing_in_them_are_no_more_than_others_before_anybody_wants_them() -> None:
    async with line(silent) as flooded:
        assert isinstance(await soon(flooded), Greeting)
        flooded.protocol.send("UIDL")
        flooded.data_received(b"+OK\r\n" + b"\n" * 300_000 + b".\r\n")
        flooded.eof_received()  # and what the server said before it hung up is not looked through at once either
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(flooded._events) * EVENT <= 2 * MOST_UNREAD
        assert isinstance(await soon(flooded), Accepted)
        lines = 0
        while isinstance(await soon(flooded), ListingLine):
            lines += 1
            assert len(flooded._events) * EVENT <= 2 * MOST_UNREAD
        assert lines == 300_000
        with pytest.raises(EOFError):
            await soon(flooded)


async def test_all_that_came_before_the_end_is_read_however_much_it_was() -> None:
    async def says_much_and_hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n")
        await reader.readline()
        writer.write(b"+OK\r\n" + LISTED * 3 + b".\r\n-ERR too much\r\n")
        writer.close()

    async with line(says_much_and_hangs_up) as flooded:
        assert isinstance(await soon(flooded), Greeting)
        flooded.write(flooded.protocol.send("UIDL"))
        assert isinstance(await soon(flooded), Accepted)
        lines = 0
        while isinstance(await soon(flooded), ListingLine):
            lines += 1
        assert lines == 45_000
        with pytest.raises(ServerRefused, match="too much"):
            await soon(flooded)


async def test_a_server_that_sends_without_end_is_not_read_without_end() -> None:
    async def floods(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n" + b"+OK\r\n" * 2_000_000)
        await writer.drain()

    async with line(floods) as flooded:
        assert flooded.protocol.current == GREETING
        before = -1
        while flooded.received != before:
            before = flooded.received
            await asyncio.sleep(0.2)
        assert flooded.received <= 2 * MOST_UNREAD + MOST_AT_ONCE

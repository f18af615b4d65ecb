"""Lists of many mailboxes at once: one budget, one large mailbox at a time, and nobody who waits with a session open."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from activities.pop.connection import PopConnection
from activities.pop.listing_budget import COST, STEP, ListingBudget, NoRoom

UIDL = b"".join(b"%d %064d\r\n" % (number, number) for number in range(1, 30_001))
LINES = b"+OK\r\n" + UIDL + b".\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"+OK\r\n")
    while command := await reader.readline():
        writer.write(LINES if command == b"UIDL\r\n" else b"+OK\r\n")
    writer.close()


async def connected(port: int, budget: ListingBudget) -> PopConnection:
    pop = PopConnection(
        ["127.0.0.1"], port, tls="none", context=ssl.create_default_context(), server_name="localhost", lists=budget
    )
    await pop.connect()
    return pop


async def test_a_list_that_finds_no_room_beside_another_ends_its_session_and_has_room_once_that_is_over() -> None:
    budget = ListingBudget(most=5 * STEP * COST)  # each list takes more than half of it
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        first, second = await connected(port, budget), await connected(port, budget)
        assert len(await first.list_uids()) == 30_000
        assert budget.taken > 0
        with pytest.raises(NoRoom):
            await second.list_uids()
        await second.abort()
        await first.abort()
        assert budget.taken == 0
        third = await connected(port, budget)
        assert len(await third.list_uids()) == 30_000
        await third.abort()


async def test_a_list_that_is_alone_may_be_longer_than_the_budget() -> None:
    budget = ListingBudget(most=1)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        alone = await connected(server.sockets[0].getsockname()[1], budget)
        assert len(await alone.list_uids()) == 30_000
        await alone.abort()


def test_a_share_is_given_back_once() -> None:
    budget = ListingBudget()
    share = budget.share()
    share.grow(100)
    share.give_back()
    share.give_back()
    assert budget.taken == 0

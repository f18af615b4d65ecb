"""Lists of many mailboxes at once: one budget, one large mailbox at a time, and nobody who waits with a session open."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from activities.pop.connection import PopConnection, Timeouts
from activities.pop.listing_budget import COST, KEPT_BYTES, LEAST_KEPT, STEP, ListingBudget, NoRoom, Share
from activities.pop.transport import LEAST_PROGRESS
from tests.servers.scripted_pop import MailboxServer

UIDL = b"".join(b"%d %064d\r\n" % (number, number) for number in range(1, 30_001))
LINES = b"+OK\r\n" + UIDL + b".\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"+OK\r\n")
    while command := await reader.readline():
        short = b"+OK\r\n1 100\r\n.\r\n" if command == b"LIST\r\n" else b"+OK\r\n"
        writer.write(LINES if command == b"UIDL\r\n" else short)
    writer.close()


@contextlib.asynccontextmanager
async def connected(port: int, share: Share, timeouts: Timeouts | None = None) -> AsyncIterator[PopConnection]:
    pop = PopConnection(
        ["127.0.0.1"],
        port,
        tls="none",
        context=ssl.create_default_context(),
        server_name="localhost",
        lists=share,
        timeouts=timeouts,
    )
    await pop.connect()
    try:
        yield pop
    finally:
        await pop.abort()


async def test_a_list_that_finds_no_room_beside_another_ends_its_session_and_has_room_once_that_is_dropped() -> None:
    budget = ListingBudget(most=5 * STEP * COST)  # each list takes more than half of it
    first, second = budget.share("first"), budget.share("second")
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connected(port, first) as pop:
            assert len(await pop.list_uids()) == 30_000
        assert budget.taken > 0, "its list is held still, though its session is over"
        async with connected(port, second) as pop:
            with pytest.raises(NoRoom):
                await pop.list_uids()
        second.give_back()
        with pytest.raises(NoRoom, match="without a session, for room of"):
            budget.share("second")
        first.give_back()
        assert budget.taken == 0
        third = budget.share("second")
        assert budget.taken > 0, "what it will need is reserved before it logs in"
        async with connected(port, third) as pop:
            assert len(await pop.list_uids()) == 30_000


async def test_a_list_that_is_alone_may_be_longer_than_the_budget() -> None:
    budget = ListingBudget(most=1)
    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        connected(server.sockets[0].getsockname()[1], budget.share()) as alone,
    ):
        assert len(await alone.list_uids()) == 30_000


async def test_long_lists_take_turns_and_a_short_one_waits_for_none_of_them() -> None:
    budget = ListingBudget()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connected(port, budget.share()) as long, connected(port, budget.share()) as short:
            for turn in (budget.reading, budget.working):
                async with turn:
                    waiting = asyncio.create_task(long.list_uids())
                    before = -1
                    while long.received != before:  # it goes on until it has to wait
                        before = long.received
                        await asyncio.sleep(0.2)
                    assert not waiting.done()
                    if turn is budget.reading:
                        assert long.received < len(LINES), "what nobody may read is left to the server"
                    assert await short.list_sizes() == {1: 100}
                assert len(await waiting) == 30_000


def test_a_share_is_given_back_once() -> None:
    budget = ListingBudget()
    share = budget.share()
    share.grow(100)
    share.give_back()
    share.give_back()
    assert budget.taken == 0


def test_mailboxes_that_all_want_more_than_there_is_are_told_so_some_times_and_then_look_one_after_the_other() -> None:
    """100 hostile ones: what each does is count its steps until it is told to come again."""
    budget, logins, looked = ListingBudget(), dict.fromkeys(map(str, range(100)), 0), set[str]()
    for _ in range(150):
        held: dict[str, Share] = {}
        for name in logins.keys() - looked:
            with contextlib.suppress(NoRoom):
                held[name] = budget.share(name)
                logins[name] += 1
        steps = dict.fromkeys(held, 120)  # of 4 MiB each: alone it is more than the budget
        while steps:
            for name in list(steps):
                try:
                    held[name].grow(STEP)
                    steps[name] -= 1
                except NoRoom:
                    held.pop(name).give_back()
                    del steps[name]
                else:
                    if not steps[name]:
                        del steps[name]
                        looked.add(name)
        for share in held.values():
            share.give_back()
        assert budget.taken == 0
    assert len(looked) == 100
    assert max(logins.values()) <= 9, "a login for each doubling, and one for the look"


def test_a_mailbox_that_became_small_reserves_nothing_for_long() -> None:
    budget = ListingBudget(most=100 * STEP)
    share = budget.share("jane")
    share.grow(10 * STEP)
    share.give_back()
    for _ in range(10):
        budget.share("jane").give_back()
    budget.share("jane")
    assert budget.taken == 0


async def test_a_list_that_only_proves_an_answer_is_not_held_and_needs_no_room() -> None:
    budget = ListingBudget(most=5 * STEP * COST)
    budget.share("other").grow(STEP)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        share = budget.share("jane")
        async with connected(server.sockets[0].getsockname()[1], share) as pop:
            assert await pop.stat() is None, "no answer that could prove anything"
            assert len(await pop.list_uids()) == 30_000
            share.keep([])
            held = budget.taken
            for _ in range(3):
                await pop.prove_in_step()
                assert budget.taken == held


def test_what_is_kept_of_a_dropped_list_takes_no_room_of_other_lists_and_little_of_its_own() -> None:
    budget = ListingBudget(most=100 * STEP * COST)
    shares = [budget.share(str(number)) for number in range(100)]
    kept = []
    for share in shares:
        share.grow(20 * STEP)
        kept.append(share.keep([256] * 100_000))
        assert budget.taken == 0
    assert kept[0] == 100_000
    assert kept[-1] == LEAST_KEPT, "it gets on all the same"
    assert budget.kept <= KEPT_BYTES + 100 * LEAST_KEPT * 256
    for share in shares:
        share.give_back()
    assert budget.kept == budget.taken == 0
    for number in range(5):
        budget.share(str(number))  # which has room for what it needed the last time: its list
    with pytest.raises(NoRoom):
        budget.share("5")


def test_room_that_nothing_comes_for_is_not_held() -> None:
    budget = ListingBudget(most=100 * STEP * COST)
    share = budget.share("jane")
    share.grow(20 * STEP)
    share.give_back()
    again = budget.share("jane")
    again.grow(2 * STEP)
    assert budget.taken == 20 * STEP * COST
    again.release_unused()
    assert budget.taken == 2 * STEP * COST
    again.grow(STEP)
    assert budget.taken == 3 * STEP * COST


async def test_a_list_that_drips_ends_the_session_however_steadily_it_drips() -> None:
    """Each wait is short; together they are not."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n")
        with contextlib.suppress(OSError):
            while command := await reader.readline():
                writer.write(b"+OK 9 9\r\n")
                while command != b"STAT\r\n":
                    writer.write(b"1 " + b"x" * LEAST_PROGRESS + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.05)
        writer.close()

    async def shown(pop: PopConnection) -> None:
        async for _ in pop.headers([1]):
            pass

    asked: dict[str, Callable[[PopConnection], Awaitable[object]]] = {
        "UIDL": PopConnection.list_uids,
        "LIST": PopConnection.list_sizes,
        "TOP": shown,
    }
    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        for command, ask in asked.items():
            share = ListingBudget().share()
            port = server.sockets[0].getsockname()[1]
            async with connected(port, share, timeouts=Timeouts(lists=2)) as pop:
                assert await pop.stat() == 9
                with pytest.raises(TimeoutError, match=command):
                    await ask(pop)


async def test_headers_that_each_come_in_time_may_take_longer_together_than_lists_may() -> None:
    mail = {f"uid{number}": b"Subject: x\r\n\r\n" for number in range(1, 31)}
    async with MailboxServer(messages=mail, capabilities=("TOP", "UIDL", "USER")) as server:
        server.pauses["TOP"] = 0.1
        async with connected(server.port, ListingBudget().share(), timeouts=Timeouts(lists=1)) as pop:
            await pop.login("jane", server.password)
            assert [number async for number, _ in pop.headers(range(1, 31))] == list(range(1, 31))


async def test_a_list_that_is_to_prove_an_answer_and_drips_ends_the_session_too() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n")
        lists = 0
        with contextlib.suppress(OSError):
            while command := await reader.readline():
                lists += command == b"LIST\r\n"
                writer.write(b"+OK\r\n1 100\r\n.\r\n" if lists == 1 else b"+OK\r\n")
                while lists == 2:
                    writer.write(b"1 " + b"1" * LEAST_PROGRESS + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.05)
        writer.close()

    async with (
        await asyncio.start_server(drip, "127.0.0.1", 0) as server,
        connected(server.sockets[0].getsockname()[1], ListingBudget().share(), timeouts=Timeouts(lists=2)) as pop,
    ):
        assert await pop.stat() is None, "no answer that could prove anything"
        assert await pop.list_sizes() == {1: 100}
        pop.lists_done()
        with pytest.raises(TimeoutError, match="LIST"):
            await pop.prove_in_step()

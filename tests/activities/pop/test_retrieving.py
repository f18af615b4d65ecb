"""Retrieving messages over the POP3 connection: what is asked for ahead, what is too large, and who leaves early."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from activities.pop.connection import WINDOW_COMMANDS, MessageTooLarge, PopConnection, ProtocolViolation, ServerRefused
from activities.pop.transport import MOST_UNREAD
from tests.servers.scripted_pop import Expect, MailboxServer, ScriptedServer, Send
from tests.support.pop import CAPA, LOGIN, MIB, all_of, impatient, logged_in, mail, opened


async def test_what_is_sent_ahead_is_answered_in_turn() -> None:
    answers = b"+OK 1 5\r\n-ERR what is that\r\n+OK\r\n1 5\r\n.\r\n"
    script = [*CAPA, *LOGIN[1:], Expect("STAT"), Expect("UIDL"), Expect("LIST"), Send(answers)]
    async with ScriptedServer([LOGIN[0], *script, Expect("QUIT"), Send(b"+OK\r\n")]) as server:
        pop = await opened(server)
        await pop.ask_capabilities()
        await pop.login("jane", "secret")
        await pop.send_ahead("STAT", "UIDL", "LIST")
        assert await pop.stat() == 1
        with pytest.raises(ServerRefused, match="what is that"):
            await pop.list_uids()
        assert await pop.list_sizes() == {1: 5}
        assert await pop.quit()


async def test_what_is_sent_ahead_and_not_wanted_is_read_past() -> None:
    async with MailboxServer(messages=mail(3)) as server:
        pop = await opened(server)
        await pop.ask_capabilities()
        await pop.login("jane", "secret")
        await pop.send_ahead("STAT", "UIDL", "LIST")
        assert await pop.stat() == 3
        assert await pop.delete([2]) == [2]
        assert set(await pop.list_sizes()) == {1, 3}
        assert await pop.quit()


async def test_nothing_is_sent_ahead_without_pipelining() -> None:
    async with MailboxServer(messages=mail(3), capabilities=["UIDL"]) as server:
        pop = await logged_in(server)
        await pop.send_ahead("STAT", "UIDL", "LIST")
        assert await pop.stat() == 3
        assert await pop.quit()
        assert [command for command in server.commands if command in ("UIDL", "LIST")] == []


async def test_a_refused_message_is_reported_and_the_next_one_is_fetched() -> None:
    async with MailboxServer(messages=mail(3)) as server:
        server.replies["RETR 2"] = "-ERR Download exceed. msg=10"
        pop = await logged_in(server)
        await pop.ask_capabilities()
        got = await all_of(pop.retrieve([(1, 1000), (2, 1000), (3, 1000)], largest=MIB, held=MIB))
        assert list(got) == [1, 2, 3]
        refused = got[2]
        assert isinstance(refused, ServerRefused)
        assert refused.text == "Download exceed. msg=10"
        assert got[3] == mail(3)["uid-3"]
        await pop.quit()


async def test_a_message_that_is_listed_as_too_large_is_not_asked_for() -> None:
    async with MailboxServer(messages=mail(3)) as server:
        pop = await logged_in(server)
        await pop.ask_capabilities()
        got = await all_of(pop.retrieve([(1, 1000), (2, 10**9), (3, 1000)], largest=2000, held=2000))
        assert isinstance(got[2], MessageTooLarge)
        assert [isinstance(got[n], bytes) for n in (1, 3)] == [True, True]
        assert server.count("RETR") == 2
        await pop.quit()


async def test_a_message_that_turns_out_too_large_is_read_past() -> None:
    async with MailboxServer(messages=mail(2, size=50_000)) as server:
        pop = await logged_in(server)
        got = await all_of(pop.retrieve([(1, 10)], largest=20_000, held=20_000))
        assert isinstance(got[1], MessageTooLarge)
        assert await pop.quit()


async def test_a_message_without_end_is_a_violation() -> None:
    async with MailboxServer() as server:
        server.replies["RETR"] = b"+OK\r\n" + b"x" * (2 * MIB)
        pop = await logged_in(server)
        with pytest.raises(ProtocolViolation, match="does not end"):
            await all_of(pop.retrieve([(1, 10)], largest=1000, held=1000))
        await pop.abort()


async def test_a_large_message_comes_through_whole() -> None:
    message = b"Subject: large\r\n\r\n" + b"x" * (5 * MIB) + b"\r\n"
    async with MailboxServer(messages={"large": message}) as server:
        pop = await logged_in(server)
        assert await all_of(pop.retrieve([(1, 10)], largest=100 * MIB, held=100 * MIB)) == {1: message}
        await pop.quit()


async def test_leaving_early_is_made_good_by_the_next_command() -> None:
    async with MailboxServer(messages=mail(200)) as server:
        pop = await logged_in(server)
        await pop.ask_capabilities()
        async for number, _ in pop.retrieve([(n, 1000) for n in range(1, 201)], largest=MIB, held=MIB):
            if number == 3:
                break
        assert await pop.delete([1, 2, 3]) == [1, 2, 3]
        assert await pop.quit()
        assert server.count("RETR") <= WINDOW_COMMANDS + 3


@pytest.mark.parametrize("size", [100, 1_000_000])
async def test_no_more_is_asked_for_than_the_window_holds(size: int) -> None:
    async with MailboxServer(messages=mail(200, size=100)) as server:
        server.hangs.add("RETR 1")
        pop = await logged_in(server, impatient("RETR"))
        await pop.ask_capabilities()
        with pytest.raises(TimeoutError):
            await all_of(pop.retrieve([(n, size) for n in range(1, 201)], largest=2 * MIB, held=2 * MIB))
        await pop.abort()
        # The server reads no further than the command it hangs at, so look at what was sent.
        assert pop._wire.protocol.awaited == (WINDOW_COMMANDS if size == 100 else 4)


async def test_what_nobody_wants_yet_stays_with_the_server() -> None:
    message = b"x" * 500_000 + b"\r\n"
    async with MailboxServer(messages={f"u{n}": message for n in range(60)}) as server:
        pop = await logged_in(server)
        await pop.ask_capabilities()
        count = 0
        # Listed as tiny, so the window lets all of them be asked for: the socket is what holds the server back.
        async for _, got in pop.retrieve([(n, 1) for n in range(1, 61)], largest=MIB, held=MIB):
            await asyncio.sleep(0.02)
            assert got == message
            assert pop._wire._unread <= 3 * MOST_UNREAD
            count += 1
        assert count == 60
        assert await pop.quit()


async def test_a_cancelled_retrieval_can_be_aborted_and_leaves_nothing_open() -> None:
    async with MailboxServer(messages=mail(5)) as server:
        server.hangs.add("RETR 3")
        pop = await logged_in(server)
        await pop.ask_capabilities()
        task = asyncio.create_task(all_of(pop.retrieve([(n, 1000) for n in range(1, 6)], largest=MIB, held=MIB)))
        await server.until("RETR", 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await pop.abort()
        await pop.abort()
        assert not await pop.quit()
        assert server.quits == 0


async def test_a_cancelled_connection_attempt_leaves_nothing_open() -> None:
    async with MailboxServer() as server:
        server.replies["STLS"] = b""
        context = ssl.create_default_context()
        task = asyncio.create_task(PopConnection.open(server.host, server.port, tls="starttls", context=context))
        await server.until("STLS")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

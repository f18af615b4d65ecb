"""The POP3 connection and servers that hang up, or keep it waiting."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import ExitStack

import pytest

from activities.pop.connection import PopConnection, ServerRefused, Timeouts
from infra.network.tls import trusting
from tests.servers.scripted_pop import CONNECT, Close, Drip, Expect, Hang, MailboxServer, ScriptedServer, Send, Sleep
from tests.support.pop import CAPA, LOGIN, MIB, all_of, impatient, logged_in, mail, opened, whole_session

# Servers that hang up


ANSWERED = {
    CONNECT: b"",
    "USER": b"+OK rea",
    "PASS": b"+O",
    "STAT": b"+OK 1 ",
    "LIST": b"+OK\r\n1 10\r\n",
    "UIDL": b"+OK\r\n1 uid",
    "RETR": b"+OK\r\nhalf a mess",
    "DELE": b"",
}


@pytest.mark.parametrize("part", [True, False])
@pytest.mark.parametrize("command", list(ANSWERED))
async def test_a_server_that_hangs_up_is_an_eof_at_any_command(command: str, part: bool) -> None:
    async with MailboxServer(messages=mail(2)) as server:
        server.closes.add(command)
        if part:
            server.replies[command] = ANSWERED[command]
        with pytest.raises(EOFError):
            await whole_session(server)


async def test_a_server_that_hangs_up_instead_of_confirming_quit_confirms_nothing() -> None:
    async with MailboxServer(messages=mail(1)) as server:
        pop = await logged_in(server)
        await pop.delete([1])
        server.closes.add("QUIT")
        assert await pop.quit() is False


@pytest.mark.parametrize("answer", ["-ERR [SYS/TEMP] some messages not deleted", "garbage"])
async def test_a_quit_that_is_not_accepted_is_false(answer: str) -> None:
    async with MailboxServer() as server:
        pop = await logged_in(server)
        server.replies["QUIT"] = answer
        assert await pop.quit() is False


async def test_messages_that_came_whole_are_given_before_the_line_is_lost() -> None:
    script = [*LOGIN, *CAPA, Expect("RETR 1"), Send(b"+OK\r\nHi\r\n.\r\n+OK\r\nhalf a"), Close()]
    async with ScriptedServer(script) as server:
        pop = await logged_in(server)
        await pop.ask_capabilities()
        retrieved = pop.retrieve([(1, 4), (2, 4)], largest=MIB, held=MIB)
        assert await anext(retrieved) == (1, b"Hi\r\n")
        with pytest.raises(EOFError):
            await anext(retrieved)
        await pop.abort()


async def test_a_server_that_takes_its_leave_is_heard() -> None:
    script = [*LOGIN, Send(b"-ERR Disconnected for inactivity.\r\n"), Close()]
    async with ScriptedServer(script) as server:
        pop = await logged_in(server)
        while pop._wire.open:  # noqa: ASYNC110 -- nothing tells that the line was heard to close, before something is asked
            await asyncio.sleep(0)
        with pytest.raises(ServerRefused, match=r"Disconnected for inactivity\.") as refused:
            await pop.stat()
        assert refused.value.command == "", "it was said unasked"
        await pop.abort()


async def test_a_port_where_nobody_listens_refuses() -> None:
    async with MailboxServer() as server:
        await server.down()
        with pytest.raises(ConnectionRefusedError):
            await opened(server)
        await server.up()
        await (await opened(server)).quit()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse where Linux lets a full queue wait")
async def test_a_host_that_does_not_take_the_connection_is_waited_for_only_so_long() -> None:
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        place = full.getsockname()
        sockets.enter_context(socket.create_connection(place))  # all that the queue holds
        pop = PopConnection(*place, tls="none", context=trusting("POP", None), timeouts=impatient("connect"))
        with pytest.raises(TimeoutError):
            await pop.connect()
        assert pop.phase == "connect"
        assert await pop.quit() is False


@pytest.mark.parametrize("name", ["pop..example", "x" * 64 + ".example"])
async def test_a_name_that_is_nobodys_is_a_dns_error(name: str) -> None:
    with pytest.raises(socket.gaierror):
        await PopConnection.open(name, 110, tls="none", context=trusting("POP", None), timeouts=Timeouts(connect=5))


async def test_the_addresses_of_a_host_are_tried_in_turn() -> None:
    async with MailboxServer() as server:
        pop = await PopConnection.open(
            ["127.0.0.99", "127.0.0.1"], server.port, tls="none", context=trusting("POP", None)
        )
        assert await pop.quit()


async def test_addresses_need_a_name_to_check_the_certificate_against() -> None:
    with pytest.raises(ValueError, match="server_name"):
        PopConnection(["127.0.0.1"], 995, tls="implicit", context=trusting("POP", None))


# Servers that keep us waiting


@pytest.mark.parametrize("command", [CONNECT, "USER", "PASS", "STAT", "UIDL", "RETR", "DELE"])
async def test_a_server_that_says_nothing_is_waited_for_only_so_long(command: str) -> None:
    async with MailboxServer(messages=mail(1)) as server:
        server.hangs.add(command)
        with pytest.raises(TimeoutError, match="greeting" if command == CONNECT else command):
            await whole_session(server, impatient(command))


@pytest.mark.parametrize("before", [b"+OK ", b"+OK\r\n"])
async def test_a_server_that_drips_for_ever_is_not_waited_for(before: bytes) -> None:
    async with ScriptedServer([*LOGIN, Expect("RETR 1"), Send(before), Drip(b"x" * 1000, 0.1)]) as server:
        pop = await logged_in(server, impatient("RETR"))
        with pytest.raises(TimeoutError):
            await all_of(pop.retrieve([(1, 1000)], largest=MIB, held=MIB))
        await pop.abort()


async def test_a_greeting_that_drips_for_ever_is_not_waited_for() -> None:
    async with ScriptedServer([Drip(b"+OK " + b"x" * 1000, 0.1)]) as server:
        with pytest.raises(TimeoutError):
            await opened(server, impatient(CONNECT))


async def test_a_listing_that_drips_for_ever_is_not_waited_for() -> None:
    async with ScriptedServer([*LOGIN, Expect("UIDL"), Send(b"+OK\r\n"), Drip(b"1 a\r\n" * 200, 0.1)]) as server:
        pop = await logged_in(server, impatient("RETR"))
        with pytest.raises(TimeoutError):
            await pop.list_uids()
        await pop.abort()


async def test_a_slow_message_is_waited_for_as_long_as_it_moves() -> None:
    pieces = [step for _ in range(8) for step in (Send(b"x" * 5000), Sleep(0.4))]
    script = [*LOGIN, Expect("RETR 1"), Send(b"+OK\r\n"), *pieces, Send(b"\r\n.\r\n"), Hang()]
    async with ScriptedServer(script) as server:
        pop = await logged_in(server, Timeouts(transfer_idle=2))
        assert await all_of(pop.retrieve([(1, 40002)], largest=MIB, held=MIB)) == {1: b"x" * 40000 + b"\r\n"}
        await pop.abort()


async def test_an_answer_in_single_bytes_is_an_answer() -> None:
    script = [*LOGIN, Expect("RETR 1"), Drip(b"+OK\r\n..\r\n.\r\n"), Expect("QUIT"), Drip(b"+OK\r\n")]
    async with ScriptedServer(script) as server:
        pop = await logged_in(server)
        assert await all_of(pop.retrieve([(1, 3)], largest=MIB, held=MIB)) == {1: b".\r\n"}
        assert await pop.quit()


@pytest.mark.parametrize("pipelining", [True, False])
async def test_the_line_is_kept_alive_while_the_caller_is_busy(pipelining: bool) -> None:
    async with MailboxServer(messages=mail(100), capabilities=["PIPELINING"] * pipelining) as server:
        pop = await logged_in(server, Timeouts(keep_alive=0.05))
        await pop.ask_capabilities()
        got = []
        async for number, _ in pop.retrieve([(n, 1000) for n in range(1, 101)], largest=MIB, held=MIB):
            got.append(number)
            if number == 50:
                await server.until("NOOP", 3)
        assert got == list(range(1, 101))
        assert await pop.stat() == 100
        assert await pop.quit()
        assert server.commands[-1] == "QUIT"

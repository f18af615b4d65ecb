"""The POP3 connection against servers that speak real TCP, behaving and misbehaving."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack

import pytest

from activities.pop.certificates import client_context
from activities.pop.connection import (
    WINDOW_COMMANDS,
    Arrival,
    Arriving,
    MessageTooLarge,
    PopConnection,
    ProtocolViolation,
    ServerRefused,
    Timeouts,
)
from activities.pop.line import MOST_UNREAD
from tests.servers.scripted_pop import (
    CONNECT,
    Close,
    Drip,
    Expect,
    Hang,
    MailboxServer,
    ScriptedServer,
    Send,
    Sleep,
    Step,
)

MIB = 1024 * 1024
BRIEF = Timeouts(connect=0.3, greeting=0.3, login=0.3, reply=0.3, transfer_idle=0.3)
LOGIN: Sequence[Step] = [
    Send(b"+OK ready\r\n"),
    Expect("USER jane"),
    Send(b"+OK\r\n"),
    Expect("PASS secret"),
    Send(b"+OK\r\n"),
]
CAPA: Sequence[Step] = [Expect("CAPA"), Send(b"+OK\r\nUIDL\r\nPIPELINING\r\n.\r\n")]


async def opened(server: MailboxServer | ScriptedServer, timeouts: Timeouts | None = None) -> PopConnection:
    return await PopConnection.open(
        server.host, server.port, tls="none", context=ssl.create_default_context(), timeouts=timeouts
    )


async def logged_in(server: MailboxServer | ScriptedServer, timeouts: Timeouts | None = None) -> PopConnection:
    pop = await opened(server, timeouts)
    await pop.login("jane", "secret")
    return pop


def mail(count: int, size: int = 1000) -> dict[str, bytes]:
    return {f"uid-{n}": b"Subject: %d\r\n\r\n%s\r\n" % (n, b"x" * size) for n in range(1, count + 1)}


async def all_of(
    retrieved: AsyncIterator[tuple[int, Arrival]],
) -> dict[int, bytes | ServerRefused | MessageTooLarge]:
    return {number: await whole(message) async for number, message in retrieved}


async def whole(message: Arrival) -> bytes | ServerRefused | MessageTooLarge:
    if not isinstance(message, Arriving):
        return message
    try:
        return message.head + b"".join([piece async for piece in message.rest()])
    except MessageTooLarge as too_large:
        return too_large


async def whole_session(server: MailboxServer, timeouts: Timeouts | None = None) -> None:
    """A session that does a bit of everything, and aborts when anything goes wrong."""
    pop = await opened(server, timeouts)
    try:
        await pop.login("jane", "secret")
        await pop.stat()
        await pop.list_sizes()
        await pop.list_uids()
        await all_of(pop.retrieve([(1, 10)], largest=MIB, held=MIB))
        await pop.delete([1])
        assert await pop.quit()
    finally:
        await pop.abort()
        assert not await pop.quit()


# A whole session


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_session_retrieves_and_deletes(pipelining: bool) -> None:
    messages = {**mail(150), "dots": b".\r\n..\r\n", "empty": b""}
    async with MailboxServer(messages=messages, capabilities=["UIDL"] + ["PIPELINING"] * pipelining) as server:
        pop = await opened(server)
        assert pop.greeting == "POP3 ready"
        assert await pop.ask_capabilities() == {"UIDL": (), **({"PIPELINING": ()} if pipelining else {})}
        await pop.login("jane", "secret")
        assert (await pop.stat())[0] == 152
        uids = await pop.list_uids()
        assert [uid for _, uid in uids] == list(messages)
        sizes = await pop.list_sizes()
        retrieved = await all_of(pop.retrieve(list(sizes.items()), largest=MIB, held=MIB))
        assert [retrieved[number] for number, _ in uids] == list(messages.values())
        assert list(retrieved) == list(sizes)
        assert await pop.delete([1, 2, 9999]) == [1, 2]
        assert await pop.quit()
        assert server.deleted == ["uid-1", "uid-2"]
        assert server.retrieved == list(messages)


async def test_nothing_is_sent_to_the_server_that_was_not_asked_for() -> None:
    async with MailboxServer(messages=mail(2), capabilities=["UIDL"]) as server:
        pop = await opened(server)
        await pop.ask_capabilities()
        await pop.login("jane", "secret")
        sizes = await pop.list_sizes()
        await pop.list_uids()
        await all_of(pop.retrieve(list(sizes.items()), largest=MIB, held=MIB))
        await pop.quit()
        assert server.commands == [
            "CAPA",
            "USER jane",
            "PASS secret",
            "LIST",
            "UIDL",
            "RETR 1",
            "RETR 2",
            "QUIT",
        ]


async def test_a_server_without_capa_has_no_capabilities() -> None:
    async with MailboxServer() as server:
        server.replies["CAPA"] = "-ERR what?"
        pop = await opened(server)
        assert await pop.ask_capabilities() == {}
        assert not pop.pipelining
        await pop.quit()


async def test_capabilities_keep_their_arguments_and_are_asked_again_after_login() -> None:
    async with MailboxServer(capabilities=["sasl PLAIN XOAUTH2", "user", "LOGIN-DELAY 300"]) as server:
        server.capabilities_after_login = ["PIPELINING"]
        pop = await opened(server)
        assert await pop.ask_capabilities() == {"SASL": ("PLAIN", "XOAUTH2"), "USER": (), "LOGIN-DELAY": ("300",)}
        await pop.login("jane", "secret")
        assert await pop.ask_capabilities() == {"PIPELINING": ()}
        assert pop.pipelining
        await pop.quit()


async def test_a_misspelt_pipeline_does_not_count() -> None:
    async with MailboxServer(capabilities=["PIPELINE"]) as server:
        pop = await opened(server)
        await pop.ask_capabilities()
        assert not pop.pipelining
        await pop.quit()


async def test_headers_come_without_their_bodies_and_one_that_is_refused_does_not_keep_the_others() -> None:
    messages = {f"uid-{n}": b"Subject: %d\r\n\r\none\r\ntwo\r\n" % n for n in range(1, 201)}
    async with MailboxServer(messages=messages) as server:
        server.replies["TOP 2 0"] = "-ERR no such thing"
        server.replies["TOP 3 0"] = b"+OK\r\n" + b"X: y\r\n" * (MIB // 5) + b".\r\n"
        pop = await logged_in(server)
        shown = {number: header async for number, header in pop.headers(range(1, 201))}
        assert isinstance(shown.pop(2), ServerRefused)
        assert isinstance(shown.pop(3), MessageTooLarge)
        assert shown == {n: b"Subject: %d\r\n\r\n" % n for n in range(1, 201) if n not in (2, 3)}
        await pop.noop()
        await pop.quit()


# Login


async def test_a_refused_password_is_raised_with_the_servers_words() -> None:
    async with MailboxServer() as server:
        pop = await opened(server)
        with pytest.raises(ServerRefused) as refused:
            await pop.login("jane", "wrong")
        assert (refused.value.command, refused.value.text) == ("PASS", "[AUTH] Authentication failed.")
        assert pop.phase == "login"
        assert await pop.quit()


async def test_auth_plain_is_used_where_only_that_is_offered() -> None:
    async with MailboxServer(capabilities=["SASL LOGIN PLAIN"], password="pä ss" * 60) as server:
        pop = await opened(server)
        await pop.ask_capabilities()
        await pop.login("jane", "pä ss" * 60)
        assert server.commands == ["CAPA", "AUTH PLAIN"]
        await pop.quit()


async def test_a_challenge_that_plain_does_not_have_is_cancelled() -> None:
    script: Sequence[Step] = [
        Send(b"+OK\r\n"),
        Expect("CAPA"),
        Send(b"+OK\r\nSASL PLAIN\r\n.\r\n"),
        Expect("AUTH PLAIN"),
        Send(b"+ \r\n"),
        Expect("AGphbmUAc2VjcmV0"),
        Send(b"+ e30=\r\n"),
        Expect("*"),
        Send(b"-ERR no\r\n"),
    ]
    async with ScriptedServer(script) as server:
        pop = await opened(server)
        await pop.ask_capabilities()
        with pytest.raises(ServerRefused, match="AUTH refused: no"):
            await pop.login("jane", "secret")
        await pop.abort()


@pytest.mark.parametrize("bad", ["x\r\nDELE 1", "x\ny", "x\0y"])
@pytest.mark.parametrize("capability", ["USER", "SASL PLAIN"])
async def test_a_password_that_would_inject_a_command_is_not_sent(bad: str, capability: str) -> None:
    async with MailboxServer(capabilities=[capability]) as server:
        pop = await opened(server)
        await pop.ask_capabilities()
        with pytest.raises(ValueError, match="PASS"):
            await pop.login("jane", bad)
        with pytest.raises(ValueError, match="USER"):
            await pop.login(bad, "secret")
        await pop.quit()
        assert server.commands == ["CAPA", "QUIT"]


async def test_a_login_is_not_over_until_a_first_command_is_answered() -> None:
    async with MailboxServer() as server:
        pop = await logged_in(server)
        phases = [pop.phase]
        server.replies["STAT"] = "-ERR [SYS/PERM] Your account is not enabled for POP access."
        with pytest.raises(ServerRefused):
            await pop.stat()
        phases.append(pop.phase)
        del server.replies["STAT"]
        await pop.stat()
        assert [*phases, pop.phase] == ["login", "login", "transaction"]
        await pop.quit()


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
        pop = PopConnection(*place, tls="none", context=client_context(None), timeouts=BRIEF)
        with pytest.raises(TimeoutError):
            await pop.connect()
        assert pop.phase == "connect"
        assert await pop.quit() is False


@pytest.mark.parametrize("name", ["pop..example", "x" * 64 + ".example"])
async def test_a_name_that_is_nobodys_is_a_dns_error(name: str) -> None:
    with pytest.raises(socket.gaierror):
        await PopConnection.open(name, 110, tls="none", context=client_context(None), timeouts=Timeouts(connect=5))


async def test_the_addresses_of_a_host_are_tried_in_turn() -> None:
    async with MailboxServer() as server:
        pop = await PopConnection.open(
            ["127.0.0.99", "127.0.0.1"], server.port, tls="none", context=client_context(None)
        )
        assert await pop.quit()


async def test_addresses_need_a_name_to_check_the_certificate_against() -> None:
    with pytest.raises(ValueError, match="server_name"):
        PopConnection(["127.0.0.1"], 995, tls="implicit", context=client_context(None))


# Servers that keep us waiting


@pytest.mark.parametrize("command", [CONNECT, "USER", "PASS", "STAT", "UIDL", "RETR", "DELE"])
async def test_a_server_that_says_nothing_is_waited_for_only_so_long(command: str) -> None:
    async with MailboxServer(messages=mail(1)) as server:
        server.hangs.add(command)
        with pytest.raises(TimeoutError, match="greeting" if command == CONNECT else command):
            await whole_session(server, BRIEF)


@pytest.mark.parametrize("before", [b"+OK ", b"+OK\r\n"])
async def test_a_server_that_drips_for_ever_is_not_waited_for(before: bytes) -> None:
    async with ScriptedServer([*LOGIN, Expect("RETR 1"), Send(before), Drip(b"x" * 1000, 0.1)]) as server:
        pop = await logged_in(server, BRIEF)
        with pytest.raises(TimeoutError):
            await all_of(pop.retrieve([(1, 1000)], largest=MIB, held=MIB))
        await pop.abort()


async def test_a_greeting_that_drips_for_ever_is_not_waited_for() -> None:
    async with ScriptedServer([Drip(b"+OK " + b"x" * 1000, 0.1)]) as server:
        with pytest.raises(TimeoutError):
            await opened(server, BRIEF)


async def test_a_listing_that_drips_for_ever_is_not_waited_for() -> None:
    async with ScriptedServer([*LOGIN, Expect("UIDL"), Send(b"+OK\r\n"), Drip(b"1 a\r\n" * 200, 0.1)]) as server:
        pop = await logged_in(server, BRIEF)
        with pytest.raises(TimeoutError):
            await pop.list_uids()
        await pop.abort()


async def test_a_slow_message_is_waited_for_as_long_as_it_moves() -> None:
    pieces = [step for _ in range(8) for step in (Send(b"x" * 5000), Sleep(0.1))]
    script = [*LOGIN, Expect("RETR 1"), Send(b"+OK\r\n"), *pieces, Send(b"\r\n.\r\n"), Hang()]
    async with ScriptedServer(script) as server:
        pop = await logged_in(server, BRIEF)
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
        assert (await pop.stat())[0] == 100
        assert await pop.quit()
        assert server.commands[-1] == "QUIT"


# Servers that talk nonsense


@pytest.mark.parametrize(
    ("answer", "what"),
    [(b"+ERR no\r\n", "neither"), (b"+OK many messages\r\n", "two numbers"), (b"+OK 9999999999999 1\r\n", "cannot be")],
)
async def test_a_stat_that_makes_no_sense_is_a_violation(answer: bytes, what: str) -> None:
    async with ScriptedServer([*LOGIN, Expect("STAT"), Send(answer), Hang()]) as server:
        pop = await logged_in(server)
        with pytest.raises(ProtocolViolation, match=what):
            await pop.stat()
        await pop.abort()


async def test_after_a_violation_no_quit_is_sent() -> None:
    async with MailboxServer(messages=mail(1)) as server:
        pop = await logged_in(server)
        server.replies["RETR 1"] = b"+OK 3 octets\r\n.\r\n.\r\n"  # Dovecot's unstuffed dot
        await all_of(pop.retrieve([(1, 3)], largest=MIB, held=MIB))
        with pytest.raises(ProtocolViolation):
            await pop.delete([1])
        assert await pop.quit() is False
        assert server.quits == 0


async def test_listings_are_read_past_their_garbage() -> None:
    async with MailboxServer() as server:
        server.replies["LIST"] = "+OK\r\n1 120\r\n2 -5\r\nnonsense\r\n\r\n 3  77 and more\r\n4\r\n."
        server.replies["UIDL"] = "+OK\r\n1 same\r\n2 same\r\n3\r\n4 \r\nnonsense\r\n5 with blank \r\n6 a\0b\r\n."
        pop = await logged_in(server)
        assert await pop.list_sizes() == {1: 120, 3: 77}
        assert await pop.list_uids() == [(1, "same"), (2, "same"), (3, ""), (4, ""), (5, "with blank"), (6, "a\\x00b")]
        await pop.quit()


@pytest.mark.parametrize(
    "line", ["1 99999999999999999999", "99999999999 1", "0 1", "1 " + "9" * 5000, "9" * 5000 + " 1"]
)
async def test_a_number_that_cannot_be_spoils_no_other(line: str) -> None:
    async with MailboxServer() as server:
        server.replies["LIST"] = f"+OK\r\n{line}\r\n2 20\r\n."
        pop = await logged_in(server)
        assert await pop.list_sizes() == {2: 20}
        await pop.quit()


async def test_a_message_that_uidl_lists_twice_is_one_message() -> None:
    async with MailboxServer() as server:
        server.replies["UIDL"] = "+OK\r\n1 a\r\n1 b\r\n2 c\r\n1 a\r\n."
        pop = await logged_in(server)
        assert await pop.list_uids() == [(1, "a"), (2, "c")]
        await pop.quit()


async def test_a_uidl_of_absurd_length_is_a_violation() -> None:
    async with MailboxServer(messages={"x" * 300: b"Hi\r\n"}) as server:
        pop = await logged_in(server)
        with pytest.raises(ProtocolViolation, match="UIDL"):
            await pop.list_uids()
        await pop.abort()


async def test_a_listing_without_end_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.pop.conversation.LARGEST_LISTING", 100_000)
    async with MailboxServer() as server:
        server.replies["UIDL"] = "+OK\r\n" + "1 x\r\n" * 10_000
        pop = await logged_in(server)
        with pytest.raises(ProtocolViolation, match="does not end"):
            await pop.list_uids()
        await pop.abort()


# Retrieval


async def test_what_is_sent_ahead_is_answered_in_turn() -> None:
    answers = b"+OK 1 5\r\n-ERR what is that\r\n+OK\r\n1 5\r\n.\r\n"
    script = [*CAPA, *LOGIN[1:], Expect("STAT"), Expect("UIDL"), Expect("LIST"), Send(answers)]
    async with ScriptedServer([LOGIN[0], *script, Expect("QUIT"), Send(b"+OK\r\n")]) as server:
        pop = await opened(server)
        await pop.ask_capabilities()
        await pop.login("jane", "secret")
        await pop.send_ahead("STAT", "UIDL", "LIST")
        assert await pop.stat() == (1, 5)
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
        assert (await pop.stat())[0] == 3
        assert await pop.delete([2]) == [2]
        assert set(await pop.list_sizes()) == {1, 3}
        assert await pop.quit()


async def test_nothing_is_sent_ahead_without_pipelining() -> None:
    async with MailboxServer(messages=mail(3), capabilities=["UIDL"]) as server:
        pop = await logged_in(server)
        await pop.send_ahead("STAT", "UIDL", "LIST")
        assert (await pop.stat())[0] == 3
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
        pop = await logged_in(server, BRIEF)
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

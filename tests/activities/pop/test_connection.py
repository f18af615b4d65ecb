"""The POP3 connection against servers that speak real TCP, behaving and misbehaving."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest

from activities.pop.connection import ListTooLong, MessageTooLarge, OutOfStep, ProtocolViolation, ServerRefused
from tests.servers.scripted_pop import Expect, Hang, MailboxServer, ScriptedServer, Send, Step
from tests.support.pop import LOGIN, MIB, all_of, logged_in, mail, opened

# A whole session


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_session_retrieves_and_deletes(pipelining: bool) -> None:
    messages = {**mail(150), "dots": b".\r\n..\r\n", "empty": b""}
    async with MailboxServer(messages=messages, capabilities=["UIDL"] + ["PIPELINING"] * pipelining) as server:
        pop = await opened(server)
        assert pop.greeting == "POP3 ready"
        assert await pop.ask_capabilities() == {"UIDL": (), **({"PIPELINING": ()} if pipelining else {})}
        await pop.login("jane", "secret")
        assert await pop.stat() == 152
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


@pytest.mark.parametrize("flood", ["ab " * 30_000, "UIDL\r\n" * 300], ids=["words", "lines"])
async def test_capabilities_without_end_are_a_violation(flood: str) -> None:
    async with MailboxServer() as server:
        server.replies["CAPA"] = f"+OK\r\n{flood}\r\n.\r\n".replace("ab " * 10_000, "ab " * 10_000 + "\r\n")
        pop = await opened(server)
        with pytest.raises(ProtocolViolation, match="longer than any list"):
            await pop.ask_capabilities()
        await pop.abort()


async def test_of_capabilities_only_those_that_mean_something_are_kept_and_few_of_their_words() -> None:
    async with MailboxServer(
        capabilities=["SASL PLAIN" + " X" * 10_000, *(f"X-{n} words" for n in range(100))]
    ) as server:
        pop = await opened(server)
        ((keyword, mechanisms),) = (await pop.ask_capabilities()).items()
        assert (keyword, mechanisms[:2], len(mechanisms)) == ("SASL", ("PLAIN", "X"), 32)
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


# Servers that talk nonsense


async def test_a_stat_that_is_no_answer_is_a_violation() -> None:
    async with ScriptedServer([*LOGIN, Expect("STAT"), Send(b"+ERR no\r\n"), Hang()]) as server:
        pop = await logged_in(server)
        with pytest.raises(ProtocolViolation, match="neither"):
            await pop.stat()
        await pop.abort()


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ("5 1500", 5),
        ("5", 5),
        ("5 unknown", 5),
        ("5 " + "9" * 400, 5),
        ("5 1500 octets", 5),
        ("5 messages (1500 octets)", 5),
        ("many messages", None),
        ("5messages", None),
        ("-5 -100", None),
        ("9999999999999 1", None),
        ("", None),
    ],
)
async def test_a_stat_is_a_hint_of_which_the_number_of_messages_is_taken(answer: str, count: int | None) -> None:
    async with MailboxServer() as server:
        pop = await logged_in(server)
        server.replies["STAT"] = f"+OK {answer}"
        assert await pop.stat() == count
        await pop.quit()


@pytest.mark.parametrize("answer", ["+OK many messages", "+OK", "+OK 2", "-ERR unknown command"])
async def test_where_stat_is_odd_the_list_proves_that_the_server_is_in_step(answer: str) -> None:
    async with MailboxServer(messages=mail(2)) as server:
        server.replies["STAT"] = answer
        server.replies["UIDL"] = "+OK\r\nhere they are\r\n1 a\r\n2 b\r\n."
        pop = await logged_in(server)
        with contextlib.suppress(ServerRefused):
            await pop.stat()
        await pop.list_uids()
        await pop.prove_in_step()
        for out_of_step in ("+OK\r\n1 a\r\n.", "+OK\r\n1 a\r\n2 b\r\nSubject: x\r\n\r\n.", "-ERR gone"):
            server.replies["UIDL"] = out_of_step
            with pytest.raises(OutOfStep):
                await pop.prove_in_step()
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


async def test_a_uidl_beyond_any_length_goes_by_a_shorter_name_that_is_always_the_same() -> None:
    long = {
        "x" * 255: b"1\r\n",
        "x" * 256: b"2\r\n",
        "x" * 288: b"3\r\n",
        "x" * 60_000: b"4\r\n",
        "x" * 287 + "y": b"5\r\n",
    }
    async with MailboxServer(messages=long) as server:
        pop = await logged_in(server)
        named = [uid for _, uid in await pop.list_uids()]
        assert named[0] == "x" * 255
        assert [len(uid) for uid in named] == [255] * 5
        assert len(set(named)) == 5
        assert [uid for _, uid in await pop.list_uids()] == named
        await pop.quit()


async def test_a_listing_without_end_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.pop.conversation.LARGEST_LISTING", 100_000)
    async with MailboxServer() as server:
        server.replies["UIDL"] = "+OK\r\n" + "1 x\r\n" * 10_000
        pop = await logged_in(server)
        with pytest.raises(ProtocolViolation, match="does not end"):
            await pop.list_uids()
        await pop.abort()


async def test_a_listing_of_more_messages_than_there_is_memory_for_is_refused_however_short_its_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("activities.pop.conversation.LONGEST_LISTING", 100)
    async with MailboxServer() as server:
        server.replies["UIDL"] = "+OK\r\n" + "1 x\r\n" * 100 + ".\r\n"
        server.replies["LIST"] = "+OK\r\n" + "1 2\r\n" * 101 + ".\r\n"
        pop = await logged_in(server)
        assert await pop.list_uids() == [(1, "x")]
        with pytest.raises(ListTooLong, match="more than 100 lines"):
            await pop.list_sizes()
        await pop.abort()

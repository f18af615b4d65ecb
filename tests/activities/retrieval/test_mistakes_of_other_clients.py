"""What other POP clients are known to get wrong, once each: none of it happens here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, Watcher, account, mail, mailbox

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def test_an_empty_maildrop_makes_nothing_forgotten_and_a_later_twin_is_seen(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        await watcher.watch(account(server.port))
        server.messages = {}
        await watcher.finds_nothing(account(server.port))
        server.messages = mailbox(2)
        await watcher.finds_nothing(account(server.port))
        server.messages["twin"] = mail(2)
        assert (await watcher.watch(account(server.port))).stored == 1
    assert await watcher.subjects() == ["message 1", "message 2", "message 2"]


async def test_messages_keep_who_they_are_when_their_numbers_change(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        await watcher.watch(account(server.port))
        del server.messages["uid-1"]  # another client
        await watcher.finds_nothing(account(server.port))
        server.messages = {"uid-9": mail(9)} | server.messages
        assert (await watcher.watch(account(server.port, after_store="delete"))).deleted == 5
        assert server.retrieved == ["uid-1", "uid-2", "uid-3", "uid-4", "uid-5", "uid-9"]


async def test_messages_with_the_same_header_are_as_many_as_the_server_says(pool: Pool) -> None:
    watcher = Watcher(pool)
    messages = {"a": mail(1), "b": mail(1) + b"another end\r\n", "c": mail(1)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        assert (await watcher.watch(account(server.port))).stored == 3
    assert await watcher.subjects() == ["message 1"] * 3


@pytest.mark.parametrize("bad", [range(1, 61), range(20, 80), range(61, 121)], ids=["first", "amid", "last"])
async def test_sixty_bad_messages_do_not_stand_in_the_way(pool: Pool, bad: range) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(120)) as server:
        server.replies = {f"RETR {number}": "-ERR message is corrupt" for number in bad}
        assert (await watcher.watch(account(server.port))).stored == 60
        if bad.start == 61:  # who refuses all that is left may have had enough: only later mail tells
            assert (await watcher.fails(account(server.port))).kind is Kind.SERVER_ERROR
            server.messages["later"] = mail(121)
            assert (await watcher.watch(account(server.port))).quarantined == 60
        asked = server.count("RETR")
        await watcher.finds_nothing(account(server.port))
        assert server.count("RETR") == asked, "and they are not asked for over and over"
    assert await watcher.value("select count(*) from messages where state = 'quarantined'") == 60


@pytest.mark.parametrize("closing", ["RETR 2", "RETR 5"], ids=["amid", "last"])
async def test_a_message_at_which_the_server_always_hangs_up_stands_in_nobodys_way(pool: Pool, closing: str) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.replies[closing] = b"+OK\r\nhalf a mess"
        server.closes.add(closing)
        for _ in range(3):  # a line that is lost may be the network's fault, and twice, too
            assert (await watcher.fails(account(server.port, after_store="delete"))).kind is Kind.CONNECTION
        await watcher.watch(account(server.port, after_store="delete"))
        assert list(server.messages) == [f"uid-{closing[-1]}"]
        (reason,) = await watcher.column("select parse_error from messages where state = 'quarantined'")
        assert reason == "the server drops the line when it is asked for it"
        server.replies.clear()
        server.closes.clear()
        watcher.clock = lambda: NOON + timedelta(hours=2)
        assert (await watcher.watch(account(server.port, after_store="delete"))).stored == 1
        assert server.messages == {}
    assert sorted(await watcher.subjects()) == [f"message {number}" for number in range(1, 6)]


async def test_a_line_that_is_lost_once_changes_no_order(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.closes.add("RETR 2")
        assert (await watcher.fails(account(server.port))).kind is Kind.CONNECTION
        server.closes.clear()
        assert (await watcher.watch(account(server.port))).stored == 4
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 6)]


async def test_start_recent_is_not_blocked_by_a_message_whose_header_breaks_the_conversation(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(4)) as server:
        server.replies["TOP 2 0"] = b"+OK\r\n.\r\n.\r\n"  # a header that begins with an unstuffed dot
        settings = account(server.port, start="recent")
        assert (await watcher.fails(settings)).kind is Kind.PROTOCOL_ERROR
        assert (await watcher.watch(settings)).stored == 4
    assert sorted(await watcher.subjects()) == [f"message {number}" for number in range(1, 5)]

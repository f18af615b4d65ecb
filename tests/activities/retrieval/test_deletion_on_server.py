"""Deleting from the server: only what is committed, only what the policy names, and only a QUIT makes it real."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mail, mailbox

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.requirement("R62")
async def test_stored_mail_is_deleted_in_the_session_that_stored_it(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        report = await watcher.watch(account(server.port, after_store="delete"))
        assert report.progress is not None
        assert (report.stored, report.deleted, report.progress.on_server) == (3, 3, 0)
        assert server.messages == {}
        assert server.deleted == ["uid-1", "uid-2", "uid-3"]
        await watcher.finds_nothing(account(server.port, after_store="delete"))
    assert set((await watcher.ledger()).values()) == {"deleted"}
    assert await watcher.value("select count(*) from ledger where deleted_at >= stored_at") == 3
    assert await watcher.value("select count(*) from messages where state = 'stored'") == 3
    assert await watcher.events() == ["MessagesStored", "MessagesDeletedOnServer"]
    assert await watcher.rows("select stored, deleted from retrievals") == [{"stored": 3, "deleted": 3}]


@pytest.mark.requirement("R62")
async def test_dovecot_is_told_to_delete_what_is_stored(pool: Pool, dovecot: Dovecot) -> None:
    dovecot.add_user(JANE, PASSWORD)
    for number in range(1, 6):
        dovecot.deliver(JANE, mail(number))
    watcher = Watcher(pool)
    await watcher.watch(account(dovecot.port))
    assert dovecot.count(JANE) == 5
    dovecot.deliver(JANE, mail(6))
    report = await watcher.watch(account(dovecot.port, after_store="delete"))
    assert (report.stored, report.deleted) == (1, 6)
    assert dovecot.count(JANE) == 0
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 7)]


@pytest.mark.requirement("R62")
async def test_dele_is_said_only_once_everything_is_committed_and_a_lost_line_deletes_nothing(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.hangs.add("DELE 3")
        settings = account(server.port, after_store="delete")
        session = asyncio.create_task(watcher.fails(settings))
        await server.until("DELE")
        assert await watcher.subjects() == ["message 1", "message 2", "message 3"]
        await server.until("DELE", times=3)
        await server.down()  # it dies before QUIT
        assert (await session).kind is Kind.CONNECTION
        assert len(server.messages) == 3
        assert set((await watcher.ledger()).values()) == {"stored"}
        server.hangs.clear()
        await server.up()
        report = await watcher.watch(settings)
        assert (report.stored, report.deleted) == (0, 3)
        assert server.messages == {}
        assert len(server.retrieved) == 3
    assert set((await watcher.ledger()).values()) == {"deleted"}


async def test_a_quit_whose_answer_was_lost_is_settled_by_the_next_list(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.closes.add("QUIT")
        settings = account(server.port, after_store="delete")
        report = await watcher.watch(settings)
        assert (report.stored, report.deleted) == (3, 0)
        assert set((await watcher.ledger()).values()) == {"stored"}
        server.closes.clear()
        del server.messages["uid-1"], server.messages["uid-2"]  # it got as far as the second before it died
        report = await watcher.watch(settings)
        assert (report.stored, report.deleted) == (0, 3)
        assert server.deleted == ["uid-3"]
        assert len(server.retrieved) == 3
    assert set((await watcher.ledger()).values()) == {"deleted"}


@pytest.mark.parametrize("left", [0, 1], ids=["an empty list", "a list without them"])
async def test_a_lost_quit_is_settled_under_another_policy_too(pool: Pool, left: int) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.closes.add("QUIT")
        await watcher.watch(account(server.port, after_store="delete"))
        server.closes.clear()
        server.messages = mailbox(left, first=4)
        await watcher.watch(account(server.port, after_store="leave"), recovering=True)
    assert [state for uidl, state in (await watcher.ledger()).items() if uidl != "uid-4"] == ["deleted"] * 3


async def test_a_refused_quit_has_deleted_nothing(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["QUIT"] = "-ERR some deleted messages not removed"
        settings = account(server.port, after_store="delete")
        assert (await watcher.watch(settings)).deleted == 0
        assert set((await watcher.ledger()).values()) == {"stored"}
        server.replies.clear()
        assert (await watcher.watch(settings)).deleted == 2


async def test_a_refused_dele_is_not_taken_for_done(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["DELE 2"] = "-ERR not now"
        settings = account(server.port, after_store="delete")
        assert (await watcher.watch(settings)).deleted == 2
        assert await watcher.ledger() == {"uid-1": "deleted", "uid-2": "stored", "uid-3": "deleted"}
        server.replies.clear()
        assert (await watcher.watch(settings)).deleted == 1


async def test_a_server_that_keeps_what_it_deleted_is_not_asked_again_and_nothing_is_doubled(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.keeps_deleted = True
        settings = account(server.port, after_store="delete")
        await watcher.watch(settings)
        await watcher.finds_nothing(settings)
        assert (server.count("DELE"), server.count("RETR")) == (2, 2)


@pytest.mark.requirement("R62")
async def test_days_count_from_when_a_message_was_stored(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        settings = account(server.port, after_store="delete_after_days", delete_after_days=7)
        assert (await watcher.watch(settings)).deleted == 0
        watcher.clock = lambda: NOON + timedelta(days=3)
        server.messages["uid-2"] = mail(2)
        assert (await watcher.watch(settings)).deleted == 0
        watcher.clock = lambda: NOON + timedelta(days=7, seconds=-1)
        await watcher.finds_nothing(settings)
        watcher.clock = lambda: NOON + timedelta(days=7)
        assert (await watcher.watch(settings)).deleted == 1
        assert list(server.messages) == ["uid-2"]


async def test_what_is_not_stored_here_is_never_deleted_there(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        settings = account(server.port, start="from_now", after_store="delete")
        await watcher.watch(settings)
        server.messages.update(mailbox(3, first=3))
        server.replies["RETR 4"] = "-ERR corrupt"
        report = await watcher.watch(settings)
        assert (report.stored, report.quarantined, report.deleted) == (2, 1, 2)
        assert list(server.messages) == ["uid-1", "uid-2", "uid-4"]


async def test_a_large_mailbox_is_deleted_in_several_sessions(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(600)) as server:
        settings = account(server.port, after_store="delete")
        report = await watcher.watch(settings)
        assert (report.stored, report.deleted, report.more) == (500, 500, True)
        report = await watcher.watch(settings)
        assert (report.stored, report.deleted, report.more) == (100, 100, False)
        assert server.messages == {}


async def test_mail_of_before_is_deleted_in_several_sessions_too(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(600)) as server:
        await watcher.watch(account(server.port))
        settings = account(server.port, after_store="delete")
        report = await watcher.watch(settings)
        assert (report.stored, report.deleted, report.more) == (0, 500, True)
        assert ((await watcher.watch(settings)).deleted, server.messages) == (100, {})


async def test_a_server_that_refuses_every_dele_is_asked_once_per_look_and_that_is_no_news(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["DELE"] = "-ERR not allowed"
        settings = account(server.port, after_store="delete", interval_minutes=60)
        report = await watcher.watch(settings)
        assert (report.stored, report.deleted, report.more) == (3, 0, False)
        for look in range(1, 4):
            waiting = await watcher.finds_nothing(settings)
            assert waiting.next_retry_delay is not None
            assert waiting.next_retry_delay >= timedelta(minutes=60) * (watcher.worker.minute_seconds / 60)
            assert server.count("DELE") == 3 + 3 * look
        assert (await watcher.watch(settings, report=True)).more is False
        assert len(server.messages) == 3
    assert await watcher.events() == ["MessagesStored"]
    assert await watcher.rows("select stored, deleted from retrievals") == [{"stored": 3, "deleted": 0}]


async def test_a_large_mailbox_that_a_server_will_not_empty_is_not_looked_at_without_a_pause(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(600)) as server:
        server.replies["DELE"] = "-ERR not allowed"
        settings = account(server.port, after_store="delete")
        assert (await watcher.watch(settings)).stored == 500
        assert (await watcher.watch(settings)).stored == 100
        waiting = await watcher.finds_nothing(settings)
        assert waiting.type == "NothingNew"
        assert (await watcher.watch(settings, report=True)).more is False
    assert await watcher.events() == ["MessagesStored"] * 4
    assert len(await watcher.rows("select * from retrievals")) == 2


@pytest.mark.requirement("R62")
async def test_a_uidl_that_is_used_again_never_has_an_unread_message_deleted(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={"reused": mail(1)}) as server:
        await watcher.watch(account(server.port))
        server.messages["reused"] = mail(2, size=5000)
        settings = account(server.port, after_store="delete")
        server.replies["RETR 1"] = "-ERR not now"
        assert (await watcher.watch(settings)).deleted == 0
        assert server.count("DELE") == 0, "what could not be fetched stays there"
        assert list(server.messages) == ["reused"]

        server.messages["reused"] = mail(3, size=9000)
        server.replies.clear()
        server.hangs.add("DELE 1")
        session = asyncio.create_task(watcher.fails(settings))
        await server.until("DELE")
        stored = await watcher.column("select subject from messages where state = 'stored' order by id")
        assert stored == ["message 1", "message 3"], "stored before the server is told to delete it"
        await server.hang_up()
        await session
        server.hangs.clear()
        assert (await watcher.watch(settings)).deleted == 1
        assert server.messages == {}
        assert len(server.retrieved) == 2

"""Servers that hand out only so many messages at a time: the rest comes with the next sessions, and nobody is to blame."""

from __future__ import annotations

import pytest

from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, Watcher, account, mailbox

EVERYTHING = [f"message {number}" for number in range(1, 101)]


@pytest.mark.requirement("R61")
async def test_a_server_that_lists_only_its_oldest_messages_is_drained_by_deleting_them(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(100)) as server:
        server.lists = 25
        for session in range(1, 5):
            report = await watcher.watch(account(server.port, after_store="delete"))
            assert (report.stored, report.deleted, report.total_stored) == (25, 25, 25 * session)
        assert server.messages == {}
    assert await watcher.subjects() == EVERYTHING


@pytest.mark.requirement("R61")
async def test_a_server_that_lists_only_its_oldest_messages_goes_on_once_policy_is_to_delete(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(100)) as server:
        server.lists = 25
        assert (await watcher.watch(account(server.port))).stored == 25
        await watcher.finds_nothing(account(server.port))
        assert (await watcher.watch(account(server.port, after_store="delete"))).deleted == 25
        for _ in range(3):
            assert (await watcher.watch(account(server.port, after_store="delete"))).stored == 25
    assert await watcher.subjects() == EVERYTHING


@pytest.mark.requirement("R61")
@pytest.mark.parametrize("after_store", ["leave", "delete"])
async def test_a_server_that_refuses_after_so_many_messages_hands_out_the_rest_session_by_session(
    pool: Pool, after_store: str
) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(100)) as server:
        server.hands_out = 40
        first = await watcher.watch(account(server.port, after_store=after_store))
        assert (first.stored, first.quarantined, first.more) == (40, 0, True)
        assert first.progress is not None
        assert first.progress.remaining == 60
        for stored in 40, 20:
            assert (await watcher.watch(account(server.port, after_store=after_store))).stored == stored
        assert await watcher.subjects() == EVERYTHING
        assert server.messages == ({} if after_store == "delete" else mailbox(100))
        assert len(server.retrieved) == 100, "each message once"


@pytest.mark.requirement("R61")
async def test_a_server_that_hands_out_nothing_any_more_today_blames_no_message(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(60)) as server:
        server.hands_out = 0
        assert (await watcher.fails(account(server.port))).kind is Kind.SERVER_ERROR
        assert await watcher.ledger() == {}
        server.hands_out = None
        assert (await watcher.watch(account(server.port))).stored == 60

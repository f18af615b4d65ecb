"""UIDLs that are used again (RFC 1939, section 7: they are unique only while their message exists), and blank ones."""

from __future__ import annotations

import pytest

from domain.failures.failure import Kind
from domain.retrieval.identity import MOST_OF_ONE_UIDL
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, Watcher, account, mail, mailbox


@pytest.mark.parametrize("policy", ["leave", "delete"])
@pytest.mark.parametrize("in_between", ["nothing", "other mail"])
async def test_other_mail_of_the_same_size_under_a_uidl_that_was_free_is_fetched(
    pool: Pool, policy: str, in_between: str
) -> None:
    watcher = Watcher(pool)
    other = {} if in_between == "nothing" else {"2": mail(2)}
    async with MailboxServer(password=PASSWORD, messages={"1": mail(1), **other}) as server:
        settings = account(server.port, after_store=policy)
        assert (await watcher.watch(settings)).stored == 1 + len(other)
        server.messages = dict(other)
        await watcher.attempt(settings)
        server.messages = {"1": mail(3), **other}
        assert len(mail(3)) == len(mail(1))
        assert (await watcher.watch(settings)).stored >= 1
        assert "message 3" in await watcher.subjects()
        if policy == "delete":
            assert "1" not in server.messages
    assert len(await watcher.subjects()) == 2 + len(other)


async def test_a_message_that_its_owner_deleted_is_not_taken_for_the_one_that_has_its_uidl_now(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={"1": mail(1), "2": mail(2)}) as server:
        await watcher.watch(account(server.port))
        del server.messages["1"]
        await watcher.attempt(account(server.port))
        server.messages["1"] = mail(3)
        report = await watcher.watch(account(server.port, after_store="delete"))
        assert report.stored == 1
        assert server.messages == {}
    assert sorted(await watcher.subjects()) == ["message 1", "message 2", "message 3"]


async def test_what_is_listed_again_after_a_while_is_recognised_by_its_header_alone(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        settings = account(server.port)
        await watcher.watch(settings)
        server.messages = {"uid-5": mail(5)}
        await watcher.attempt(settings)
        server.messages = mailbox(5)
        await watcher.attempt(settings)
        assert server.retrieved == list(mailbox(5))
    assert len(await watcher.subjects()) == 5


async def test_without_top_what_is_listed_again_is_fetched_again_once_and_stored_once(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.replies["TOP"] = "-ERR Unknown command."
        settings = account(server.port)
        await watcher.watch(settings)
        server.messages = {}
        await watcher.attempt(settings)
        server.messages = mailbox(5)
        for _ in range(3):
            await watcher.attempt(settings)
        assert len(server.retrieved) == 10
    assert len(await watcher.subjects()) == 5


async def test_what_start_from_now_left_out_stays_so_when_it_is_listed_again(pool: Pool) -> None:
    watcher = Watcher(pool)
    old = mail(1).replace(b"Mon, 23 Nov 2026", b"Mon, 02 Mar 2026")
    async with MailboxServer(password=PASSWORD, messages={"old": old, "older": old}) as server:
        settings = account(server.port, start="from_now")
        await watcher.watch(settings)
        server.messages = {}
        await watcher.attempt(settings)
        server.messages = {"old": old, "older": old}
        await watcher.attempt(settings)
        assert server.retrieved == []


async def test_blank_uidls_are_told_apart_by_the_headers(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["UIDL"] = "+OK\r\n1 uid-1\r\n2 \r\n3 \r\n."
        settings = account(server.port)
        assert (await watcher.watch(settings)).stored == 3
        await watcher.attempt(settings)
        server.messages = {"uid-1": mail(1), "uid-3": mail(3), "uid-4": mail(4)}
        assert (await watcher.watch(settings)).stored == 1
        assert len(server.retrieved) == 4
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 5)]


async def test_a_server_that_gives_one_uidl_to_everything_is_refused_with_the_reason(pool: Pool) -> None:
    watcher = Watcher(pool)
    count = MOST_OF_ONE_UIDL + 1
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        server.replies["STAT"] = f"+OK {count} 1"
        server.replies["UIDL"] = "\r\n".join(["+OK", *(f"{n} same" for n in range(1, count + 1)), "."])
        server.replies["LIST"] = "\r\n".join(["+OK", *(f"{n} 100" for n in range(1, count + 1)), "."])
        failure = await watcher.fails(account(server.port))
        assert failure.kind is Kind.CONFIGURATION
        assert "1001 messages the same UIDL" in failure.remedy


async def test_old_mail_that_waits_its_turn_is_no_sign_of_another_server(pool: Pool) -> None:
    watcher = Watcher(pool)
    old = {f"uid-{n}": mail(n).replace(b"Mon, 23 Nov 2026", b"Mon, 02 Mar 2026") for n in range(1, 61)}
    async with MailboxServer(password=PASSWORD, messages=old) as server:
        settings = account(server.port, pace="steady", messages_per_phase=20)
        await watcher.watch(settings)
        server.messages = {uidl: message for uidl, message in old.items() if uidl not in server.retrieved}
        await watcher.watch(settings)
    assert await watcher.value("select max(epoch) from ledger") == 1

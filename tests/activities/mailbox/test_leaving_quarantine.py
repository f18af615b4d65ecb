"""What is in quarantine is released and taken, or given up, whatever a session does at the same time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities.delivery.deliver import LedgerConflict
from domain.retrieval.reports import InQuarantine
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, account, mail, mailbox
from tests.support.quarantine import NOON, Jane, jane, refused
from workflows.contract import QuarantineChange

# Released --------------------------------------------------------------------------------------------------------------


async def test_what_is_released_is_asked_for_at_once_and_its_attempts_stay_on_record(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(4)) as server:
        server.replies["RETR 2"] = server.replies["RETR 3"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        it.at(minutes=1)
        await it.looks()
        assert len(server.retrieved) == server.count("RETR") - 2
        assert await it.retries() == QuarantineChange(messages=2, in_quarantine=InQuarantine(waiting=2))
        del server.replies["RETR 2"]
        report = await it.watcher.watch(it.settings)
        assert (report.stored, report.quarantined) == (1, 1)
    assert [(row["uidl"], row["attempts"]) for row in await it.listed()] == [("uid-3", 2)]
    assert await it.logged("QuarantineReleased") == [{"actor": "ops", "uidl": None, "messages": 2}]
    assert await it.watcher.rows("select * from mailroom.verify_log(%s)", JANE) == []


async def test_one_uidl_is_released_and_the_others_wait_on(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(4)) as server:
        server.replies["RETR 2"] = server.replies["RETR 3"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        server.replies.clear()
        assert (await it.retries("uid-3")).messages == 1
        assert (await it.watcher.watch(it.settings)).stored == 1
    assert list(await it.reasons()) == ["uid-2"]
    assert [event["uidl"] for event in await it.logged("QuarantineReleased")] == ["uid-3"]


async def test_an_empty_quarantine_releases_nothing_and_logs_nothing(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        assert await it.retries() == QuarantineChange(messages=0, in_quarantine=InQuarantine())
    assert await it.logged("QuarantineReleased") == []


async def test_what_cannot_be_asked_for_is_refused_with_what_helps(pool: Pool) -> None:
    messages = {"small": mail(1), "gone": mail(2), "large": mail(3, size=5000)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server, max_message_bytes=2000)
        await it.watcher.watch(it.settings)
        del server.messages["gone"]
        await it.looks()
        for uidl, words in (("gone", "skip_message"), ("large", "MAILROOM_MAX_MESSAGE_BYTES")):
            error = await refused(it.retries(uidl))
            assert (error.refusal.code, error.refusal.field) == ("nothing_to_retry", "uidl")
            assert words in error.message
        assert (await it.retries()).messages == 0
        error = await refused(it.retries("small"))
        assert error.refusal.code == "not_in_quarantine"


async def test_a_release_whose_answer_was_lost_is_not_done_twice(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        command = uuid4()
        first = await it.retries(event_id=command)
        await it.watcher.watch(it.settings)
        again = await it.retries(event_id=command)
        assert (first.messages, again.messages) == (1, 1)
        assert [row["retry_at"] for row in await it.listed()] == [NOON + timedelta(hours=6)], "the next pause goes on"
    assert len(await it.logged("QuarantineReleased")) == 1


# Given up --------------------------------------------------------------------------------------------------------------


async def test_what_is_given_up_is_never_asked_for_again_and_leaves_the_messages(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        assert await it.skips("uid-2", reason="spam") == QuarantineChange(messages=1, in_quarantine=InQuarantine())
        server.replies.clear()
        it.at(days=30)
        await it.watcher.finds_nothing(it.settings)
        assert server.retrieved == ["uid-1", "uid-3"]
        assert await it.watcher.ledger() == {"uid-1": "stored", "uid-2": "skipped", "uid-3": "stored"}
        await it.watcher.watch(account(server.port, after_store="delete"))
        assert list(server.messages) == ["uid-2"], "what is not stored is not deleted"
    assert await it.listed() == []
    assert await it.watcher.column("select distinct state from messages") == ["stored"]
    assert await it.logged("MessageSkipped") == [
        {
            "actor": "ops",
            "uidl": "uid-2",
            "occurrence": 0,
            "epoch": 1,
            "size": len(mail(2)),
            "quarantined": 'the server would not hand it out: "corrupt"',
            "because": "spam",
        }
    ]
    assert await it.watcher.rows("select * from mailroom.verify_log(%s)", JANE) == []


async def test_what_is_not_in_quarantine_is_refused_with_what_it_is(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        await it.skips("uid-2")
        await it.watcher.watch(account(server.port, after_store="delete"))
        log = await it.watcher.events()
        for uidl, words in (
            ("uid-1", "stored, as message 1, and deleted from the server"),
            ("uid-2", "skipped already"),
            ("uid-9", f"ever listed for {JANE}"),
        ):
            error = await refused(it.skips(uidl))
            assert (error.refusal.code, error.refusal.field) == ("not_in_quarantine", "uidl")
            assert words in error.message
    assert await it.watcher.events() == log


async def test_of_messages_with_the_same_uidl_the_occurrence_says_which_is_meant(pool: Pool) -> None:
    messages = {"x": mail(1, size=1000), "y": mail(2, size=3000), "z": mail(3, size=6000)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        server.replies["UIDL"] = "+OK\r\n1 same\r\n2 same\r\n3 same\r\n."
        server.replies["RETR 2"] = server.replies["RETR 3"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        error = await refused(it.skips("same"))
        assert (error.refusal.code, error.refusal.field) == ("invalid_field", "occurrence")
        assert "(1, 2)" in error.message
        assert (await refused(it.skips("same", occurrence=0))).refusal.code == "not_in_quarantine"
        await it.skips("same", occurrence=1)
        assert [row["occurrence"] for row in await it.listed()] == [2]
        await it.skips("same")
    assert await it.watcher.column("select state from ledger order by size") == ["stored", "skipped", "skipped"]


async def test_giving_up_twice_by_one_command_is_done_once_even_at_the_same_time(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
    command = uuid4()
    answers = await asyncio.gather(*(it.skips("uid-2", event_id=command) for _ in range(5)))
    assert {answer.messages for answer in answers} == {1}
    assert len(await it.logged("MessageSkipped")) == 1


# Beside a session that was cut off from Temporal -----------------------------------------------------------------------


async def fetching(it: Jane, server: MailboxServer) -> asyncio.Task[Any]:
    """A session that has asked for the quarantined message and waits for its bytes."""
    server.replies.clear()
    it.at(hours=2)
    server.pauses["RETR 2"] = 0.5
    before = server.count("RETR")
    session = asyncio.create_task(it.watcher.watch(it.settings))
    await server.until("RETR", before + 1)
    return session


async def test_a_message_that_is_on_its_way_while_it_is_given_up_is_given_up(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        session = await fetching(it, server)
        await it.skips("uid-2")
        with pytest.raises(LedgerConflict):
            await session
        server.pauses.clear()
        server.messages["uid-3"] = mail(3)
        assert (await it.watcher.watch(it.settings)).stored == 1
    assert await it.watcher.ledger() == {"uid-1": "stored", "uid-2": "skipped", "uid-3": "stored"}
    assert await it.watcher.subjects() == ["message 1", "message 3"]
    assert await it.watcher.value("select count(*) from messages where uidl = 'uid-2'") == 0


async def test_a_message_that_was_stored_before_it_could_be_given_up_is_stored(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        await (await fetching(it, server))
        assert "it is stored" in (await refused(it.skips("uid-2"))).message
    assert await it.watcher.ledger() == {"uid-1": "stored", "uid-2": "stored"}
    assert await it.logged("MessageSkipped") == []


async def test_a_message_that_is_refused_again_while_it_is_given_up_stays_given_up(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        session = await fetching(it, server)
        server.replies["RETR 2"] = "-ERR corrupt"
        await it.skips("uid-2")
        assert (await session).in_quarantine == InQuarantine()
    assert (await it.watcher.ledger())["uid-2"] == "skipped"


@pytest.mark.parametrize("times", range(3))
async def test_commands_and_sessions_at_the_same_time_end_in_one_state_each(pool: Pool, times: int) -> None:
    count = 12
    async with MailboxServer(password=PASSWORD, messages=mailbox(count)) as server:
        server.replies |= {f"RETR {number}": "-ERR corrupt" for number in range(2, count + 1)}
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        server.replies.clear()
        it.at(hours=2)
        skips = [it.skips(f"uid-{number}") for number in range(2, count + 1, 2)]
        retries = [it.retries() for _ in range(3)]
        await asyncio.gather(it.watcher.watch(it.settings), *skips, *retries, return_exceptions=True)
        while await it.counts() != InQuarantine():
            await it.looks()
    ledger = await it.watcher.ledger()
    skipped = {event["uidl"] for event in await it.logged("MessageSkipped")}
    assert {uidl for uidl, state in ledger.items() if state == "skipped"} == skipped
    stored = await it.watcher.column("select uidl from messages where state = 'stored'")
    assert sorted(stored) == sorted(set(ledger) - skipped)
    assert await it.watcher.value("select count(*) from messages") == len(stored)
    assert await it.watcher.rows("select * from mailroom.verify_log(%s)", JANE) == []

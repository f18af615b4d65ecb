"""The quarantine: what cannot be taken is listed with its reason, holds up nothing, and is released, taken or given up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from activities.quarantine import Quarantine
from activities.store import LedgerConflict
from domain.commands import InQuarantine
from domain.failures import Kind
from domain.refusal import Refused
from domain.settings import AccountSettings
from infra.database import Pool
from tests.activities.watching import JANE, PASSWORD, Watcher, account, local_worker, mail, mailbox
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from workflows.contract import QuarantineChange, RetryQuarantinedRequest, SkipMessageRequest

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class Jane:
    """Jane's mailbox as a worker watches it, with a clock that is set by hand, and what an operator does and sees."""

    watcher: Watcher
    server: MailboxServer | Dovecot
    now: datetime = NOON

    @property
    def settings(self) -> AccountSettings:
        return account(self.server.port)

    def at(self, **later: float) -> None:
        self.now = NOON + timedelta(**later)

    async def looks(self) -> None:
        """One session that works, whether or not it brings news."""
        await self.watcher.watch(self.settings, report=True)

    async def listed(self) -> list[dict[str, Any]]:
        return await self.watcher.rows("select * from quarantine where address = %s order by uidl", JANE)

    async def reasons(self) -> dict[str, str]:
        return {row["uidl"]: row["reason"] for row in await self.listed()}

    async def counts(self) -> InQuarantine:
        return await Quarantine(self.watcher.pool).counts(JANE)

    async def retries(self, uidl: str | None = None, event_id: UUID | None = None) -> QuarantineChange:
        request = RetryQuarantinedRequest(address=JANE, uidl=uidl, by="ops", event_id=event_id or uuid4(), at=self.now)
        return await self.watcher.environment.run(Quarantine(self.watcher.pool).retry_quarantined, request)

    async def skips(
        self, uidl: str, occurrence: int | None = None, reason: str | None = None, event_id: UUID | None = None
    ) -> QuarantineChange:
        request = SkipMessageRequest(
            address=JANE,
            uidl=uidl,
            occurrence=occurrence,
            reason=reason,
            by="ops",
            event_id=event_id or uuid4(),
            at=self.now,
        )
        return await self.watcher.environment.run(Quarantine(self.watcher.pool).skip_message, request)

    async def logged(self, kind: str) -> list[dict[str, Any]]:
        rows = await self.watcher.rows(
            "select actor, data from account_events where address = %s and type = %s order by version", JANE, kind
        )
        return [{"actor": row["actor"], **row["data"]} for row in rows]


def jane(pool: Pool, server: MailboxServer | Dovecot, **worker: Any) -> Jane:
    watcher = Watcher(pool, worker=local_worker(**worker))
    made = Jane(watcher, server)
    watcher.clock = lambda: made.now
    return made


async def refused(asked: Any) -> Refused:
    with pytest.raises(Refused) as told:
        await asked
    return told.value


# What is listed, and why -----------------------------------------------------------------------------------------------


async def test_what_is_refused_is_listed_with_its_reason_and_counted(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR 2"] = "-ERR Download exceed. msg=10"
        it = jane(pool, server)
        await it.watcher.record(it.settings)
        report = await it.watcher.watch(it.settings)
        assert (report.stored, report.quarantined, report.in_quarantine) == (2, 1, InQuarantine(waiting=1))
    (row,) = await it.listed()
    assert row == {
        "address": JANE,
        "epoch": 1,
        "uidl": "uid-2",
        "occurrence": 0,
        "size": len(mail(2)),
        "reason": 'the server would not hand it out: "Download exceed. msg=10"',
        "attempts": 1,
        "first_seen_at": NOON,
        "retry_at": NOON + timedelta(hours=1),
        "message": await it.watcher.value("select id from messages where state = 'quarantined'"),
    }
    assert await it.watcher.value("select quarantined from accounts") == 1


async def test_after_three_sessions_that_refuse_it_a_message_counts_as_undownloadable(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        for hours, expected in ((0, InQuarantine(waiting=1)), (2, InQuarantine(waiting=1))):
            it.at(hours=hours)
            assert (await it.watcher.watch(it.settings)).in_quarantine == expected
        it.at(hours=9)
        report = await it.watcher.watch(it.settings)
        assert report.in_quarantine == InQuarantine(undownloadable=1)
    assert [row["attempts"] for row in await it.listed()] == [3]


async def test_too_large_a_message_is_told_from_the_others_and_taken_once_the_limit_is_raised(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages={"a": mail(1), "b": mail(2, size=5000)}) as server:
        it = jane(pool, server, max_message_bytes=2000)
        report = await it.watcher.watch(it.settings)
        assert report.in_quarantine == InQuarantine(too_large=1)
        it.watcher.worker = local_worker(max_message_bytes=10_000)
        report = await it.watcher.watch(it.settings)
        assert (report.stored, report.in_quarantine) == (1, InQuarantine())
    assert await it.listed() == []
    assert await it.watcher.column("select distinct state from messages") == ["stored"]


async def test_an_idle_look_at_a_mailbox_with_a_quarantine_is_no_news_once_it_is_known(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        await it.watcher.finds_nothing(it.settings, in_quarantine=InQuarantine(waiting=1))
        report = await it.watcher.watch(it.settings, in_quarantine=InQuarantine())
        assert (report.outcome, report.in_quarantine) == ("nothing_new", InQuarantine(waiting=1))
        assert len(await it.watcher.rows("select * from retrievals")) == 1


# What another client deleted -------------------------------------------------------------------------------------------


async def test_a_message_that_is_gone_when_it_is_asked_for_is_not_put_in_quarantine(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR 2"] = "-ERR Message 2 expunged."
        it = jane(pool, server)
        report = await it.watcher.watch(it.settings)
        assert (report.stored, report.quarantined, report.more) == (2, 0, True)
        del server.messages["uid-2"], server.replies["RETR 2"]
        await it.watcher.finds_nothing(it.settings)
        assert server.retrieved == ["uid-1", "uid-3"]
    assert await it.watcher.ledger() == {"uid-1": "stored", "uid-3": "stored"}
    assert await it.listed() == []
    assert await it.watcher.value("select count(*) from disclaimed") == 0


async def test_a_message_that_is_said_to_be_gone_and_listed_still_is_put_in_quarantine(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR 2"] = "-ERR There's no message 2."
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        report = await it.watcher.watch(it.settings)
        assert (report.stored, report.quarantined) == (0, 1)
        server.replies.clear()
        it.at(hours=2)
        assert (await it.watcher.watch(it.settings)).stored == 1
        await it.watcher.finds_nothing(it.settings)
    assert await it.watcher.value("select count(*) from disclaimed") == 0
    assert sorted(await it.watcher.subjects()) == ["message 1", "message 2", "message 3"]


async def test_a_server_that_has_none_of_what_it_lists_has_a_trouble_of_its_own(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR"] = "-ERR no such message"
        it = jane(pool, server)
        assert (await it.watcher.fails(it.settings)).kind is Kind.SERVER_ERROR
    assert await it.listed() == []


async def test_dovecot_names_a_message_that_it_cannot_read_as_expunged_and_lists_it_still(
    pool: Pool, dovecot: Dovecot
) -> None:
    dovecot.add_user(JANE, PASSWORD)
    for number in range(1, 5):
        dovecot.deliver(JANE, mail(number))
    unreadable = sorted((dovecot.maildir(JANE) / "new").iterdir())[1]
    unreadable.chmod(0o000)
    it = jane(pool, dovecot)
    assert (await it.watcher.watch(it.settings)).stored == 3
    report = await it.watcher.watch(it.settings)
    assert (report.stored, report.in_quarantine) == (0, InQuarantine(waiting=1))
    (row,) = await it.listed()
    assert row["reason"] == 'the server would not hand it out: "Message 2 expunged."'
    dovecot.deliver(JANE, mail(5))
    assert (await it.watcher.watch(it.settings)).stored == 1, "the others come all the same"
    next((dovecot.maildir(JANE) / "cur").glob(f"{unreadable.name}*")).chmod(0o644)
    it.at(minutes=1)
    assert (await it.retries()).messages == 1
    assert (await it.watcher.watch(it.settings)).stored == 1
    assert await it.watcher.subjects() == [f"message {number}" for number in (1, 3, 4, 5, 2)]
    assert await it.listed() == []


# What leaves the server ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("others", [0, 2])
async def test_a_quarantined_message_that_leaves_the_server_is_listed_as_such_and_not_as_to_be_tried(
    pool: Pool, others: int
) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(1 + others)) as server:
        server.replies["RETR 1"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        del server.messages["uid-1"]
        server.replies.clear()
        report = await it.watcher.watch(it.settings, in_quarantine=InQuarantine(waiting=1))
        assert (report.outcome, report.in_quarantine) == ("nothing_new", InQuarantine(gone=1))
        (row,) = await it.listed()
        assert row["retry_at"] is None
        assert row["reason"] == 'no longer on the server; before that: the server would not hand it out: "corrupt"'
        assert [event["gone"] for event in await it.logged("QuarantineSettled")] == [["uid-1"]]
        await it.looks()
        assert len(await it.logged("QuarantineSettled")) == 1

        server.messages["uid-1"] = mail(1)
        it.at(hours=2)
        report = await it.watcher.watch(it.settings)
        assert (report.stored, report.in_quarantine) == (1, InQuarantine())
        assert (await it.logged("QuarantineSettled"))[-1]["listed_again"] == ["uid-1"]


async def test_a_list_that_is_not_complete_proves_nothing(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        server.replies["LIST"] = f"+OK\r\n1 {len(mail(1))}\r\n3 {len(mail(3))}\r\n."
        await it.looks()
        server.replies["UIDL"] = "+OK\r\n1 uid-1\r\n3 uid-3\r\n."
        await it.looks()
        assert await it.counts() == InQuarantine(waiting=1)
        server.replies["STAT"] = "+OK 2 500"
        await it.looks()
        assert await it.counts() == InQuarantine(gone=1)


async def test_what_another_server_was_to_hand_out_is_given_up_with_that_server(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        it = jane(pool, server)
        await it.watcher.watch(it.settings)
        server.replies.clear()
        moved = account(server.port, host="localhost")
        report = await it.watcher.watch(moved)
        assert (report.stored, report.in_quarantine) == (1, InQuarantine())
    rows = await it.watcher.rows("select epoch, uidl, state from ledger order by epoch, uidl")
    assert [tuple(row.values()) for row in rows] == [
        (1, "uid-1", "stored"),
        (1, "uid-2", "skipped"),
        (2, "uid-1", "stored"),
        (2, "uid-2", "stored"),
    ]
    assert await it.watcher.column("select state from messages") == ["stored", "stored"]
    (event,) = await it.logged("QuarantineSettled")
    assert (event["epoch"], event["left_behind"]) == (2, ["uid-2"])


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

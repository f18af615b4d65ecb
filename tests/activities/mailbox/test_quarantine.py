"""The quarantine: what cannot be taken is listed with its reason, and holds up nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.failures.failure import Kind
from domain.retrieval.reports import InQuarantine
from infra.database.pool import Pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, account, local_worker, mail, mailbox
from tests.support.quarantine import NOON, jane

# What is listed, and why -----------------------------------------------------------------------------------------------


async def test_what_is_refused_is_listed_with_its_reason_and_counted(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
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
    said = [record.getMessage() for record in caplog.records if "quarantine" in record.getMessage()]
    assert said == [f"{JANE}: message {row['message']} cannot be taken and is in quarantine"]


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


async def test_what_another_server_was_to_hand_out_is_given_up_with_that_server(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
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
    assert f"{JANE}: 1 messages in quarantine are given up" in caplog.text

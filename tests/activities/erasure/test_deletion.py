"""Deleted mail is gone, gives its room back, is never imported again, and leaves an account that is complete."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from activities.reconciliation.comparison import compare_stored
from activities.retrieval.fetching import HELD_BYTES
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import save_record
from tests.support.filing import Jane, letter
from tests.support.mailboxes import JANE, PASSWORD, account, mailbox


@pytest.fixture
async def jane(pool: Pool) -> Jane:
    await save_record(pool, "contact", "anna", "anna@example.org")
    return Jane(pool)


async def is_complete(jane: Jane, epoch: int = 1) -> None:
    async with jane.pool.connection() as connection, connection.transaction():
        stored = await compare_stored(connection, jane.settings.address, epoch)
    differing = {name: found for name, found in stored.differences if found.count}
    assert differing == {}


async def used(jane: Jane) -> tuple[int, int]:
    (row,) = await jane.watcher.rows("select messages, bytes from accounts where address = %s", jane.settings.address)
    return row["messages"], row["bytes"]


@pytest.mark.requirement("R17")
async def test_a_deleted_message_is_gone_with_links_and_bytes_and_the_account_is_complete(jane: Jane) -> None:
    first, second = await jane.gets(letter(1), letter(2))
    before = await used(jane)
    answer = await jane.commands("delete_messages", messages=[first])
    assert answer == {"messages": 1, "bytes": len(letter(1))}
    assert await jane.ids() == [second]
    assert await used(jane) == (before[0] - 1, before[1] - len(letter(1)))
    assert await jane.watcher.value("select count(*) from blobs") == 1
    assert await jane.links() == [("anna", "Received")]
    directions = await jane.watcher.column("select direction from outbox order by direction nulls first")
    assert directions == [None, "Received"], "the CRM is told to show it no more"
    (entry,) = await jane.watcher.rows("select uidl, reason from ledger where state = 'skipped'")
    assert entry == {"uidl": "uid-1", "reason": "deleted here"}
    (told,) = await jane.logged("MessagesDeleted")
    assert (told["actor"], told["withdrawn"], told["messages"]) == ("ops", [first], 1)
    await is_complete(jane)


async def test_tried_again_after_a_lost_answer_it_answers_the_same(jane: Jane) -> None:
    (one,) = await jane.gets(letter(1))
    once = uuid4()
    first = await jane.commands("delete_messages", event_id=once, messages=[one])
    assert await jane.commands("delete_messages", event_id=once, messages=[one]) == first
    assert len(await jane.logged("MessagesDeleted")) == 1


@pytest.mark.requirement("R43")
async def test_it_is_imported_again_under_no_uidl_and_from_no_other_server(jane: Jane) -> None:
    messages = {"a": letter(1), "b": letter(2)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        settings = account(server.port, crm=("builtin",))
        await jane.watcher.record(settings)
        await jane.watcher.watch(settings)
        first, _ = await jane.ids()
        await jane.commands("delete_messages", messages=[first])
        await jane.watcher.finds_nothing(settings)
        server.messages["again"] = letter(1)
        report = await jane.watcher.watch(settings)
        assert (report.stored, report.skipped, report.outcome) == (0, 1, "nothing_new")
        await jane.watcher.finds_nothing(settings)
        await is_complete(jane)
    header_added = letter(1, header="X-Scanned: yes")
    async with MailboxServer(password=PASSWORD, messages={"x": header_added, "y": letter(2)}) as moved:
        settings = account(moved.port, crm=("builtin",), username="another")
        report = await jane.watcher.watch(settings)
        assert (report.stored, report.skipped) == (0, 1)
    assert await jane.watcher.subjects() == ["message 2"]
    told = await jane.logged("MessagesSkipped")
    assert [one["because"] for one in told if one["count"]] == ["deleted here", "deleted here"]
    await is_complete(jane, epoch=2)


async def test_mail_that_was_deleted_here_is_not_deleted_on_the_server(jane: Jane) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        leaving = account(server.port, crm=("builtin",))
        await jane.watcher.record(leaving)
        await jane.watcher.watch(leaving)
        first, _ = await jane.ids()
        await jane.commands("delete_messages", messages=[first])
        server.messages["again"] = server.messages["uid-1"]
        await jane.watcher.watch(account(server.port, crm=("builtin",), after_store="delete"))
        assert sorted(server.messages) == ["again", "uid-1"]


async def test_the_entry_of_mail_that_is_gone_from_the_server_stays_deleted(jane: Jane) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        settings = account(server.port, crm=("builtin",), after_store="delete")
        await jane.watcher.record(settings)
        await jane.watcher.watch(settings)
        await jane.commands("delete_messages", messages=await jane.ids())
        assert await jane.watcher.ledger() == {"uid-1": "deleted"}
        await is_complete(jane)
        assert await jane.watcher.attempt(settings, total_stored=0) is None


async def test_a_workflow_that_knows_of_more_mail_than_there_is_is_told_and_that_is_no_mail(jane: Jane) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        settings = account(server.port, crm=("builtin",))
        await jane.watcher.record(settings)
        await jane.watcher.watch(settings)
        await jane.commands("delete_messages", messages=(await jane.ids())[:2])
        report = await jane.watcher.watch(settings, total_stored=3)
        assert (report.outcome, report.stored, report.total_stored) == ("nothing_new", 0, 1)
        server.messages |= mailbox(1, first=4)
        report = await jane.watcher.watch(settings, total_stored=3)
        assert (report.outcome, report.stored, report.total_stored) == ("mail", 1, 2)


async def test_bytes_that_another_account_has_stay(jane: Jane) -> None:
    (hers,) = await jane.gets(letter(1))
    bob = Jane(jane.pool)
    (his,) = await bob.gets(letter(1), address="bob@example.com")
    await jane.commands("delete_messages", messages=[hers])
    assert await jane.watcher.value("select raw from raw_messages where id = %s", his) == letter(1)
    rows = await jane.watcher.rows("select direction from outbox")
    assert [row["direction"] for row in rows] == ["Received"], "it lies in Bob's mailbox still"
    await bob.commands("delete_messages", messages=[his])
    assert await jane.watcher.value("select count(*) from blobs") == 0


async def test_the_pieces_of_a_large_message_go_too(jane: Jane) -> None:
    (one,) = await jane.gets(letter(1) + (b"x" * 70 + b"\r\n") * (HELD_BYTES // 72 + 1))
    assert await jane.watcher.value("select count(*) from blob_chunks") > 0
    await jane.commands("delete_messages", messages=[one])
    assert await jane.watcher.value("select count(*) from blob_chunks") == 0
    assert await jane.watcher.value("select count(*) from uploads") == 0


async def test_two_messages_with_the_same_bytes_lose_them_with_the_second(jane: Jane) -> None:
    first, second = await jane.gets(letter(1), letter(1))
    await jane.commands("delete_messages", messages=[first])
    assert await jane.watcher.value("select raw from raw_messages where id = %s", second) == letter(1)
    await jane.commands("delete_messages", messages=[second])
    assert await jane.watcher.value("select count(*) from blobs") == 0
    await is_complete(jane)


async def test_bytes_are_never_lost_to_who_stores_the_same_at_that_moment(jane: Jane) -> None:
    """Three accounts delete a message while three others store it, over and over: whoever stored it can read it."""
    having: list[Jane] = []
    for turn in range(4):
        storing = [Jane(jane.pool) for _ in range(3)]
        deleting = [one.commands("delete_messages", messages=await one.ids()) for one in having]
        stores = [one.gets(letter(1), address=f"bob{turn}{number}@example.com") for number, one in enumerate(storing)]
        await asyncio.gather(*deleting, *stores)
        rows = await jane.watcher.rows("select r.raw from messages m left join raw_messages r using (id)")
        assert [row["raw"] for row in rows] == [letter(1)] * len(storing)
        having = storing


async def test_what_was_filed_anew_before_it_was_deleted_leaves_nothing_behind(jane: Jane) -> None:
    first, second = await jane.gets(letter(1), letter(2))
    run = (await jane.commands("move_messages", messages=[first, second], folder="Archive"))["run"]
    await jane.commands("delete_messages", messages=[first])
    assert (await jane.commands("undo_filing", run=run))["messages"] == 1
    assert await jane.watcher.value("select count(*) from filing_changes where message = %s", first) == 0


async def test_own_mail_in_another_account_is_another_account_s(jane: Jane) -> None:
    """A tombstone is one account's: the same message still comes to everybody else."""
    (hers,) = await jane.gets(letter(1))
    await jane.commands("delete_messages", messages=[hers])
    bob = Jane(jane.pool)
    assert len(await bob.gets(letter(1), address="bob@example.com")) == 1
    assert jane.settings.address == JANE


@pytest.mark.requirement("R30")
async def test_a_device_that_always_writes_one_message_id_and_no_date_sends_many_messages(jane: Jane) -> None:
    def fax(number: int) -> bytes:
        header = b"From: anna@example.org\r\nTo: jane@example.com\r\nMessage-ID: <fax@device>\r\n"
        return header + b"Subject: fax\r\n\r\nPage %d\r\n" % number

    first, second = await jane.gets(fax(1), fax(2))
    assert await jane.watcher.value("select count(*) from outbox") == 2
    await jane.commands("delete_messages", messages=[first])
    kept, third = await jane.gets(fax(3), first=3)
    assert (kept, third > kept) == (second, True)

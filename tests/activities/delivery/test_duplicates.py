"""Which message is which: servers that are no longer what they were, equal messages, servers without UIDL."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from activities.mailbox.ledger import Ledger
from activities.retrieval.fetching import HELD_BYTES
from domain.failures.failure import Kind
from domain.message.index import IndexedMessage
from domain.retrieval.identity import MOST_WITHOUT_UIDL
from infra.database.pool import Pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mail, mailbox
from tests.support.services import as_owner

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NO_UIDL = ("TOP", "USER", "PIPELINING")


def moved(messages: Iterable[bytes], added: bytes = b"") -> dict[str, bytes]:
    """The same mail under other UIDLs, each with a header field that the move has `added`."""
    return {f"moved-{number:03}": added + message for number, message in enumerate(messages, 1)}


def received(message: bytes, at: datetime) -> bytes:
    """`message` as a server that takes it in at that time keeps it."""
    return f"Received: from mx by mail.example.com; {format_datetime(at)}\r\n".encode() + message


class Moving:
    """A clock and a worker for an account whose provider moves its mailboxes."""

    def __init__(self, pool: Pool) -> None:
        self.now = NOON
        self.watcher = Watcher(pool, clock=lambda: self.now)


@pytest.mark.parametrize("added", [b"", b"X-Migrated: yes\r\n"], ids=["as it was", "with a header field more"])
async def test_a_provider_that_moves_its_mailboxes_behind_one_name_doubles_nothing(pool: Pool, added: bytes) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(30)) as server:
        settings = account(server.port)
        assert (await watcher.watch(settings)).stored == 30
        server.messages = moved(mailbox(30).values(), added) | {"new": mail(31)}
        report = await watcher.watch(settings)
        assert (report.stored, report.more) == (1, False)
        await watcher.finds_nothing(settings)
        server.messages["newer"] = mail(32)
        assert (await watcher.watch(settings)).stored == 1
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 33)]
    assert "ServerChanged" in await watcher.events()
    epochs = await watcher.rows(
        "select epoch, count(*) from ledger where state = 'stored' group by epoch order by epoch"
    )
    assert [(row["epoch"], row["count"]) for row in epochs] == [(1, 30), (2, 32)]


async def test_of_the_headers_that_tell_a_move_no_more_is_held_than_what_is_looked_up(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may make each of them a megabyte, whose index takes a multiple of that."""
    watcher, held, any_stored = Watcher(pool), list[int](), Ledger.any_stored

    async def looked_up(*given: Any) -> bool:
        gc.collect()
        held.append(sum(isinstance(one, IndexedMessage) for one in gc.get_objects()))
        return await any_stored(*given)

    monkeypatch.setattr(Ledger, "any_stored", looked_up)
    async with MailboxServer(password=PASSWORD, messages=mailbox(30)) as server:
        assert (await watcher.watch(account(server.port))).stored == 30
        server.messages = moved(mailbox(30).values()) | {"new": mail(31)}
        before = sum(isinstance(one, IndexedMessage) for one in gc.get_objects())
        assert (await watcher.watch(account(server.port))).stored == 1
    assert len(held) == 1
    assert held[0] - before <= 1


async def test_dovecot_that_gives_every_message_another_uidl_doubles_nothing(pool: Pool, dovecot: Dovecot) -> None:
    """A new UIDVALIDITY, as after a restore from a backup, changes all of its UIDLs."""
    dovecot.add_user(JANE, PASSWORD)
    for number in range(1, 21):
        dovecot.deliver(JANE, mail(number))
    watcher = Watcher(pool)
    assert (await watcher.watch(account(dovecot.port))).stored == 20
    dovecot.forget_uids(JANE)
    dovecot.deliver(JANE, mail(21))
    assert (await watcher.watch(account(dovecot.port))).stored == 1
    assert await watcher.value("select epoch from ledger order by epoch desc limit 1") == 2
    assert await watcher.value("select count(*) from messages") == 21


async def test_after_a_move_what_policy_deletes_is_what_is_stored(pool: Pool) -> None:
    moving = Moving(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(10)) as server:
        settings = account(server.port, after_store="delete_after_days", delete_after_days=7)
        assert (await moving.watcher.watch(settings)).stored == 10
        server.messages = moved(mailbox(10).values()) | {"new": mail(11)}
        assert (await moving.watcher.watch(settings)).stored == 1
        moving.now += timedelta(days=8)
        report = await moving.watcher.watch(settings)
        assert (report.stored, report.deleted, server.messages) == (0, 11, {})
    assert await moving.watcher.value("select count(*) from messages") == 11


async def test_equal_messages_are_recognised_once_each(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5) | {"again": mail(1)}) as server:
        settings = account(server.port)
        assert (await watcher.watch(settings)).stored == 6
        server.messages = moved([*mailbox(5).values(), mail(1), mail(1)])
        assert (await watcher.watch(settings)).stored == 1  # there are three of it now
    assert (await watcher.subjects()).count("message 1") == 3


async def test_messages_with_one_message_id_and_other_contents_are_not_taken_for_one(pool: Pool) -> None:
    watcher = Watcher(pool)
    reminder = mail(1, size=9000)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        settings = account(server.port)
        assert (await watcher.watch(settings)).stored == 5
        server.messages = moved([*mailbox(5).values(), reminder])
        assert (await watcher.watch(settings)).stored == 1
    assert reminder in await watcher.column("select raw from raw_messages")


def alarm(number: int, *, subject: str = "alarm", text: str = "") -> bytes:
    """What a device sends that has no clock and gives all its mail one Message-ID."""
    header = (
        "From: ups@example.org\r\nTo: jane@example.com\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
        f"Message-ID: <0@ups.local>\r\nSubject: {subject}\r\n\r\n"
    )
    return (header + (text or f"Text of alarm {number:03}, unlike any other.\r\n")).encode()


@pytest.mark.parametrize("after_store", ["leave", "delete"])
@pytest.mark.parametrize("subject", ["alarm", "alarm {}"], ids=["one subject", "a subject each"])
async def test_no_mail_is_lost_of_a_device_that_gives_all_of_it_one_message_id(
    pool: Pool, subject: str, after_store: str
) -> None:
    watcher = Watcher(pool)
    alarms = {f"a{n}": alarm(n, subject=subject.format(n)) for n in range(8)}
    first = dict(list(alarms.items())[:5])
    async with MailboxServer(password=PASSWORD, messages=dict(first)) as server:
        assert (await watcher.watch(account(server.port, after_store=after_store))).stored == 5
        server.messages = moved(alarms.values() if after_store == "leave" else [*alarms.values()][5:])
        settings = account(server.port, host="localhost", after_store=after_store)
        assert (await watcher.watch(settings)).stored == 3
        server.messages["later"] = alarm(200, subject=subject.format(200))
        assert (await watcher.watch(settings)).stored == 1
    kept = await watcher.column("select raw from raw_messages")
    assert sorted(kept) == sorted([*alarms.values(), alarm(200, subject=subject.format(200))])


async def test_after_the_first_list_of_a_move_the_same_envelope_does_not_do(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={"a": alarm(1), "b": mail(1)}) as server:
        await watcher.watch(account(server.port))
        server.messages = moved([mail(1)])
        settings = account(server.port, host="localhost")
        await watcher.watch(settings, recovering=True)
        server.messages["later"] = alarm(2)
        assert (await watcher.watch(settings)).stored == 1


async def test_an_empty_body_tells_no_message_from_another(pool: Pool) -> None:
    watcher = Watcher(pool)
    empty = alarm(1, text="\r\n")
    async with MailboxServer(password=PASSWORD, messages={"a": empty}) as server:
        await watcher.watch(account(server.port, after_store="delete"))
        server.messages = {"b": b"X-Sensor: 2\r\n" + empty}
        assert (await watcher.watch(account(server.port, host="localhost", after_store="delete"))).stored == 1


@pytest.mark.parametrize("after_store", ["leave", "delete"])
async def test_mime_that_a_move_writes_anew_is_known_only_where_the_mail_was_left(pool: Pool, after_store: str) -> None:
    watcher = Watcher(pool)
    messages = {f"uid-{n}": mail(n, size=4000) for n in range(1, 6)}
    async with MailboxServer(password=PASSWORD, messages=dict(messages)) as server:
        await watcher.watch(account(server.port, after_store=after_store))
        server.messages = moved([raw.replace(b"This is message", b"This was message") for raw in messages.values()])
        server.messages["new"] = mail(9)
        report = await watcher.watch(account(server.port, host="localhost"))
        assert report.stored == (1 if after_store == "leave" else 6)


@pytest.mark.parametrize(
    ("added", "found"),
    [(b"", True), (b"X-Migrated: yes\r\n", True), (b"X-Migrated: yes\r\n", False)],
    ids=["as it was", "with a header field more", "before a check has found the damage"],
)
async def test_damaged_mail_is_not_taken_for_the_good_copy_on_the_server(pool: Pool, added: bytes, found: bool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        await watcher.watch(account(server.port))
        async with pool.connection() as connection:
            damaged = "select sha256 from mail where uidl = 'uid-2'"
            await connection.execute(f"update blobs set raw = 'garbage' where sha256 = ({damaged})".encode())
            if found:
                await connection.execute(
                    f"insert into damaged_blobs select sha256, 'differs' from ({damaged})".encode()
                )
        server.messages = moved(mailbox(3).values(), added) | {"new": mail(4)}
        await watcher.watch(account(server.port, host="localhost", after_store="delete"))
        assert server.messages == {}
    kept = await watcher.column("select raw from raw_messages")
    assert added + mail(2) in kept
    assert len(kept) == (5 if added else 4)
    assert await watcher.value("select count(*) from damaged_blobs") == (1 if added and found else 0)


async def test_a_move_leaves_no_bytes_that_belong_to_no_mail(pool: Pool) -> None:
    watcher = Watcher(pool)
    messages = mailbox(3) | {"large": mail(4, size=HELD_BYTES + 70_000)}
    async with MailboxServer(password=PASSWORD, messages=dict(messages)) as server:
        assert (await watcher.watch(account(server.port))).stored == 4
        server.messages = moved(messages.values(), b"X-Migrated: yes\r\n") | {"new": mail(5)}
        assert (await watcher.watch(account(server.port, host="localhost"))).stored == 1
    assert await watcher.value("select count(*) from blobs") == 5
    assert await watcher.value("select count(*) from uploads") == 1


async def test_uidls_that_stand_for_other_mail_begin_a_new_epoch_and_bring_all_of_it(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={str(n): mail(n) for n in range(1, 11)}) as server:
        settings = account(server.port)
        assert (await watcher.watch(settings)).stored == 10
        server.messages = {str(n): mail(n + 100, size=n * 3000) for n in range(1, 11)}
        assert (await watcher.watch(settings)).stored == 10
        await watcher.finds_nothing(settings)
    assert await watcher.value("select max(epoch) from ledger") == 2
    assert await watcher.value("select count(*) from messages") == 20


async def test_an_emptied_mailbox_with_new_mail_is_the_same_server(pool: Pool) -> None:
    moving = Moving(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(10)) as server:
        settings = account(server.port)
        await moving.watcher.watch(settings)
        moving.now += timedelta(hours=1)
        server.messages = {f"uid-{n}": received(mail(n), moving.now) for n in range(11, 14)}
        assert (await moving.watcher.watch(settings)).stored == 3
    assert await moving.watcher.value("select max(epoch) from ledger") == 1


async def test_a_window_that_moves_on_over_a_mailbox_is_no_move_of_the_server(pool: Pool) -> None:
    moving = Moving(pool)
    week = NOON - timedelta(days=7)
    async with MailboxServer(password=PASSWORD) as server:
        settings = account(server.port).model_copy(update={"provider": "google"})
        for first in (1, 11, 21):  # Gmail shows the oldest that were not taken yet
            server.messages = {f"uid-{n}": received(mail(n), week) for n in range(first, first + 10)}
            assert (await moving.watcher.watch(settings)).stored == 10
    assert await moving.watcher.value("select max(epoch) from ledger") == 1


async def test_a_move_does_not_bring_what_start_from_now_left_out(pool: Pool) -> None:
    moving = Moving(pool)
    before = [received(mail(n), NOON - timedelta(days=n)) for n in range(2, 12)]
    async with MailboxServer(password=PASSWORD, messages=moved(before)) as server:
        settings = account(server.port, start="from_now")
        assert (await moving.watcher.watch(settings)).skipped == 10
        moving.now += timedelta(days=3)
        came = received(mail(50), moving.now - timedelta(hours=1))
        server.messages = {f"other-{n}": message for n, message in enumerate([*before, came])}
        report = await moving.watcher.watch(settings)
        assert (report.stored, report.skipped) == (1, 10)
        await moving.watcher.finds_nothing(settings)
    assert await moving.watcher.subjects() == ["message 50"]
    assert await moving.watcher.value("select max(epoch) from ledger") == 2


async def test_a_move_to_another_host_does_not_bring_what_start_from_now_left_out(pool: Pool) -> None:
    moving = Moving(pool)
    before = [received(mail(n), NOON - timedelta(days=n)) for n in range(2, 12)]
    async with MailboxServer(password=PASSWORD, messages=moved(before)) as server:
        await moving.watcher.watch(account(server.port, start="from_now"))
        server.messages = {f"other-{n}": message for n, message in enumerate(before)}
        report = await moving.watcher.watch(account(server.port, start="from_now", host="localhost"))
        assert (report.stored, report.skipped) == (0, 10)


async def test_a_list_that_is_empty_for_a_while_changes_nothing(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(10)) as server:
        settings = account(server.port)
        await watcher.watch(settings)
        server.messages = {}
        await watcher.finds_nothing(settings)
        server.messages = mailbox(10)
        await watcher.finds_nothing(settings)
    assert server.retrieved == list(mailbox(10))


@pytest.mark.parametrize("order", ["oldest_first", "newest_first"])
async def test_one_message_listed_twice_under_its_uidl_is_stored_once_in_any_order(pool: Pool, order: str) -> None:
    """The two are far enough apart to come in different batches."""
    watcher = Watcher(pool)
    numbers = list(range(1, 252))
    async with MailboxServer(password=PASSWORD, messages={f"uid-{n}": mail(n) for n in numbers[:-1]}) as server:
        server.messages["twin"] = mail(1)
        uidls = ["uid-1", *list(server.messages)[1:-1], "uid-1"]
        lines = [f"{number} {uidl}" for number, uidl in enumerate(uidls, 1)]
        server.replies["UIDL"] = "\r\n".join(["+OK", *lines, "."])
        report = await watcher.watch(account(server.port, order=order))
        assert report.stored == 250
    assert len(set(await watcher.subjects())) == 250


@pytest.mark.parametrize("known_as_empty", [False, True], ids=["no statistics", "statistics from when it was empty"])
async def test_more_than_a_hundred_thousand_entries_are_listed_and_worked_through(
    pool: Pool, known_as_empty: bool
) -> None:
    watcher = Watcher(pool)
    if known_as_empty:
        async with await as_owner(pool) as connection:
            await connection.execute("analyze pop_ledger")
    count = 120_000
    lines = "\r\n".join(f"{n} uidl-of-some-length-{n:08}" for n in range(1, count + 1))
    sizes = "\r\n".join(f"{n} 2000" for n in range(1, count + 1))
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        server.replies |= {"STAT": f"+OK {count} 1", "UIDL": f"+OK\r\n{lines}\r\n.", "LIST": f"+OK\r\n{sizes}\r\n."}
        report = await watcher.watch(account(server.port, start="from_now"))
        assert report.skipped == count
        await watcher.finds_nothing(account(server.port, start="from_now"))


async def test_a_server_without_uidl_has_its_mail_told_apart_by_the_headers(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5), capabilities=NO_UIDL) as server:
        server.replies["UIDL"] = "-ERR Unknown command."
        settings = account(server.port)
        assert (await watcher.watch(settings)).stored == 5
        await watcher.finds_nothing(settings)
        del server.messages["uid-2"]
        server.messages = {u: b"Status: RO\r\n" + raw for u, raw in server.messages.items()} | {"new": mail(6)}
        assert (await watcher.watch(settings)).stored == 1
        await watcher.try_login(settings)
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 7)]


async def test_without_uidl_what_is_stored_can_be_deleted(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5), capabilities=NO_UIDL) as server:
        server.replies["UIDL"] = "-ERR Unknown command."
        report = await watcher.watch(account(server.port, after_store="delete"))
        assert (report.stored, report.deleted, server.messages) == (5, 5, {})


async def test_without_uidl_a_mailbox_may_not_be_large(pool: Pool) -> None:
    watcher = Watcher(pool)
    count = MOST_WITHOUT_UIDL + 1
    async with MailboxServer(password=PASSWORD, messages=mailbox(1), capabilities=NO_UIDL) as server:
        server.replies["UIDL"] = "-ERR Unknown command."
        server.replies["STAT"] = f"+OK {count} 1"
        server.replies["LIST"] = "\r\n".join(["+OK", *(f"{n} 100" for n in range(1, count + 1)), "."])
        failure = await watcher.fails(account(server.port))
        assert failure.kind is Kind.CONFIGURATION
        assert "2001 messages" in failure.remedy
        assert server.count("RETR") == server.count("TOP") == 0


@pytest.mark.parametrize("how", ["watched", "set up"])
async def test_a_server_with_neither_uidl_nor_top_is_refused_with_the_reason(pool: Pool, how: str) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3), capabilities=("USER",)) as server:
        server.replies |= {"UIDL": "-ERR Unknown command.", "TOP": "-ERR Unknown command."}
        settings = account(server.port)
        if how == "watched":
            failure = await watcher.fails(settings)
        else:
            failure = await watcher.refuses_login(settings)
        assert failure.kind is Kind.CONFIGURATION
        assert "UIDL" in failure.remedy
        assert server.count("RETR") == 0

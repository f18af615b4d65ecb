"""Storing a batch: all of it or nothing, nothing twice, and each message with its links."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from activities.delivery.deliver import LedgerConflict
from activities.mailbox.leases import Lease, Leases
from activities.mailbox.state import Live, Mailboxes, SessionRow
from activities.pop.session import now_utc
from activities.retrieval.mail_store import MailStore, Source
from activities.storage.batch import Batch, NotRetrieved, Retrieved
from domain.retrieval.outcome import Counts
from domain.retrieval.plan import Listed
from infra.database.pool import Pool
from tests.support.mailboxes import JANE, account, mail, rows
from tests.support.services import as_owner

LIVE = Live(on_server=9, remaining=4, eta=None)
NUMBER = "4711"


class Storing:
    """One account's mailbox and the session that stores into it."""

    def __init__(self, pool: Pool, lease: Lease, address: str = JANE) -> None:
        self.pool = pool
        self.lease = lease
        self.address = address
        self.batches = 0

    async def open(self, host: str = "127.0.0.1") -> int:
        """The epoch of the mailbox at that host."""
        settings = account(1, address=self.address, host=host)
        return (await Mailboxes(self.pool, 10**9).open(settings)).epoch

    async def store(
        self,
        *messages: tuple[Listed, bytes],
        refused: tuple[NotRetrieved, ...] = (),
        epoch: int = 1,
        crms: tuple[str, ...] = ("builtin",),
        through: AsyncConnectionPool[Any] | None = None,
        session: SessionRow | None = None,
    ) -> SessionRow:
        """Commits one batch of a session of its own."""
        session = session or SessionRow(id=uuid4(), address=self.address, started_at=now_utc(), worker="worker-1")
        self.batches += 1
        batch = Batch(number=1, arrived=list(messages), refused=list(refused))
        indexed = [Retrieved.of(listed, raw) for listed, raw in messages]
        settings = account(1, address=self.address, crm=crms)
        source = Source(self.lease, session, settings, epoch)
        committed = await MailStore(through or self.pool).commit(source, batch, indexed, LIVE, now_utc())
        session.count(committed.counts)
        return session

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            return await rows(connection, query)

    async def snapshot(self) -> dict[str, list[str]]:
        """Everything that is stored, table by table."""
        tables = await self.rows("select tablename from pg_tables where schemaname = 'mailroom' order by 1")
        names = [row["tablename"] for row in tables if row["tablename"] != "leases"]
        return {
            name: [row["t"] for row in await self.rows(f"select t::text as t from {name} t order by 1")]
            for name in names
        }


@pytest.fixture
async def storing(pool: Pool) -> AsyncIterator[Storing]:
    async with Leases(pool, "worker-1", 8).hold(JANE, "127.0.0.1") as lease:
        made = Storing(pool, lease)
        await made.open()
        yield made


def listed(number: int, uidl: str | None = None, *, occurrence: int = 0, size: int = 100) -> Listed:
    return Listed(number=number, uidl=uidl or f"uid-{number}", occurrence=occurrence, size=size, shared=occurrence > 0)


def not_retrieved(one: Listed, attempts: int = 1) -> NotRetrieved:
    return NotRetrieved(one, "the server would not hand it out", attempts, now_utc())


async def save_record(pool: Pool, kind: str, record_id: str, address: str, crm: str = "builtin") -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "insert into records (crm, record_kind, record_id, name, addresses) values (%s, %s, %s, 'Anna', %s)",
            [crm, kind, record_id, [address]],
        )
        await connection.execute(
            "insert into record_addresses values (%s, %s, %s, %s)", [crm, kind, record_id, address.lower()]
        )


A_BATCH = ((listed(1), mail(1)), (listed(2), mail(2, sender="bob@example.net")), (listed(3), mail(3)))


async def test_a_batch_is_stored_with_all_that_belongs_to_it(storing: Storing) -> None:
    await save_record(storing.pool, "contact", NUMBER, "anna@example.org")
    session = await storing.store(*A_BATCH, refused=(not_retrieved(listed(4)),))
    stored = await storing.rows("select uidl, subject, from_address, state, folder from messages order by id")
    assert [(row["uidl"], row["state"], row["folder"]) for row in stored] == [
        ("uid-1", "stored", "Inbox"),
        ("uid-2", "stored", "Inbox"),
        ("uid-3", "stored", "Inbox"),
        ("uid-4", "quarantined", "Inbox"),
    ]
    assert [row["from_address"] for row in stored] == ["anna@example.org", "bob@example.net", "anna@example.org", None]
    raw = await storing.rows("select raw from raw_messages order by id")
    assert [row["raw"] for row in raw] == [raw for _, raw in A_BATCH]
    assert len(await storing.rows("select * from correspondence")) == 2
    (event,) = await storing.rows("select type, actor, data from account_events")
    assert (event["type"], event["actor"]) == ("MessagesStored", "worker-1")
    assert event["data"]["count"] == 3
    assert event["data"]["links"] == 2
    assert event["data"]["quarantined"] == 1
    assert event["data"]["session"] == str(session.id)
    (counted,) = await storing.rows("select messages, bytes, on_server, remaining from mailboxes")
    assert counted == {
        "messages": 3,
        "bytes": sum(len(raw) for _, raw in A_BATCH),
        "on_server": LIVE.on_server,
        "remaining": LIVE.remaining,
    }
    (seen,) = await storing.rows("select stored, bytes, worker from retrievals")
    assert seen == {"stored": 3, "bytes": counted["bytes"], "worker": "worker-1"}


async def test_the_log_holds_no_correspondents_address_and_no_subject(storing: Storing) -> None:
    await save_record(storing.pool, "contact", NUMBER, "anna@example.org")
    await storing.store(*A_BATCH)
    (event,) = await storing.rows("select data::text as data from account_events")
    for fact in ("anna@example.org", "bob@example.net", "message 1"):
        assert fact not in event["data"]


class Interrupted(AsyncConnection[TupleRow]):
    """A connection that breaks before the n-th statement that is executed on it."""

    statements_left = 0

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        Interrupted.statements_left -= 1
        if Interrupted.statements_left < 0:
            await self.close()
        return await super().execute(*arguments, **options)


async def test_broken_off_before_any_of_its_statements_a_batch_leaves_nothing(
    storing: Storing, database_url: str
) -> None:
    await save_record(storing.pool, "contact", NUMBER, "anna@example.org")
    batch = (*A_BATCH, (listed(1, "uid-1", occurrence=1), mail(9)))
    before = await storing.snapshot()
    breaking: AsyncConnectionPool[Interrupted] = AsyncConnectionPool(
        database_url,
        connection_class=Interrupted,
        min_size=1,
        open=False,
        kwargs={"autocommit": True, "options": "-c search_path=mailroom"},
    )
    async with breaking:
        for statements in range(100):
            Interrupted.statements_left = statements
            try:
                await storing.store(*batch, refused=(not_retrieved(listed(5)),), through=breaking)
            except psycopg.OperationalError:
                assert await storing.snapshot() == before, f"after {statements} statements"
            else:
                break
    assert statements > 10
    assert len(await storing.rows("select * from messages where state = 'stored'")) == 4
    assert await storing.rows("select * from mailroom.verify_log('jane@example.com')") == []


@pytest.mark.parametrize("table", ["blobs", "mail", "pop_ledger", "links", "mailboxes", "sessions", "log", "log_heads"])
@pytest.mark.parametrize("moment", ["at once", "at the commit"])
async def test_a_failure_in_any_table_leaves_nothing_and_the_batch_can_be_stored_later(
    storing: Storing, table: str, moment: str
) -> None:
    await save_record(storing.pool, "contact", NUMBER, "anna@example.org")
    kind, timing = ("trigger", "") if moment == "at once" else ("constraint trigger", "deferrable initially deferred")
    async with await as_owner(storing.pool) as connection:
        await connection.execute(
            "create function break_it() returns trigger language plpgsql as $$ begin raise 'the disk is full'; end $$"
        )
        await connection.execute(
            f"create {kind} broken after insert or update on {table} {timing} "
            "for each row execute function break_it()".encode()
        )
    before = await storing.snapshot()
    session = SessionRow(id=uuid4(), address=JANE, started_at=now_utc(), worker="worker-1")
    with pytest.raises(psycopg.errors.RaiseException, match="the disk is full"):
        await storing.store(*A_BATCH, refused=(not_retrieved(listed(4)),), session=session)
    assert await storing.snapshot() == before
    assert session.counts == Counts(), "nothing that was rolled back is counted"
    async with await as_owner(storing.pool) as connection:
        await connection.execute(f"drop trigger broken on {table}".encode())
    await storing.store(*A_BATCH, refused=(not_retrieved(listed(4)),))
    assert len(await storing.rows("select * from messages")) == 4


async def test_the_same_batch_is_refused_by_the_ledger_when_it_comes_again(storing: Storing) -> None:
    session = await storing.store(*A_BATCH)
    before = await storing.snapshot()
    with pytest.raises(LedgerConflict):
        await storing.store(*A_BATCH, session=replace(session))
    with pytest.raises(LedgerConflict):  # another session, with one message that is new
        await storing.store((listed(9), mail(9)), A_BATCH[1])
    assert await storing.snapshot() == before


async def test_the_same_mail_in_two_accounts_is_two_messages_of_one_blob(storing: Storing) -> None:
    await storing.store((listed(1), mail(1)))
    async with Leases(storing.pool, "worker-1", 8).hold("bob@example.com", "127.0.0.1") as lease:
        bobs = Storing(storing.pool, lease, "bob@example.com")
        await bobs.open()
        await bobs.store((listed(1), mail(1)))
    assert len(await storing.rows("select * from blobs")) == 1
    stored = await storing.rows("select address, raw from messages join raw_messages using (id) order by 1")
    assert [row["address"] for row in stored] == ["bob@example.com", JANE]
    assert {row["raw"] for row in stored} == {mail(1)}


async def test_two_messages_of_equal_bytes_are_two_messages_where_the_server_says_so(storing: Storing) -> None:
    await storing.store((listed(1), mail(1)), (listed(2), mail(1)))
    await storing.store((listed(3), mail(1)))
    assert len(await storing.rows("select * from messages")) == 3
    assert len(await storing.rows("select * from blobs")) == 1


async def test_messages_under_one_uidl_are_both_kept(storing: Storing) -> None:
    await storing.store((listed(1, "same"), mail(1)), (listed(2, "same", occurrence=1), mail(2)))
    assert [row["subject"] for row in await storing.rows("select subject from messages order by id")] == [
        "message 1",
        "message 2",
    ]


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two batches"])
async def test_one_message_that_is_listed_twice_under_its_uidl_is_kept_once(storing: Storing, together: bool) -> None:
    once, again = (listed(1, "same"), mail(1)), (listed(2, "same", occurrence=1), mail(1))
    if together:
        session = await storing.store(once, again)
        assert session.counts.stored == 1
    else:
        await storing.store(once)
        assert (await storing.store(again)).counts.stored == 0
    assert len(await storing.rows("select * from messages")) == 1
    assert [row["state"] for row in await storing.rows("select state from ledger")] == ["stored", "stored"]
    (counted,) = await storing.rows("select messages, bytes from mailboxes")
    assert counted == {"messages": 1, "bytes": len(mail(1))}


async def test_a_mailbox_that_moves_to_another_server_is_not_doubled(storing: Storing) -> None:
    await storing.store((listed(1), mail(1)), (listed(2), mail(2)))
    assert await storing.open(host="127.0.0.2") == 2
    session = await storing.store((listed(1, "new-a"), mail(2)), (listed(2, "new-b"), mail(3)), epoch=2)
    assert session.counts.stored == 1
    assert [row["subject"] for row in await storing.rows("select subject from messages order by id")] == [
        "message 1",
        "message 2",
        "message 3",
    ]
    entered = await storing.rows("select epoch, uidl, state from ledger order by epoch, uidl")
    assert [tuple(row.values()) for row in entered] == [
        (1, "uid-1", "stored"),
        (1, "uid-2", "stored"),
        (2, "new-a", "stored"),
        (2, "new-b", "stored"),
    ]


async def test_the_uidls_of_another_server_mean_other_messages(storing: Storing) -> None:
    await storing.store((listed(1, "1"), mail(1)))
    epoch = await storing.open(host="127.0.0.2")
    await storing.store((listed(1, "1"), mail(2)), epoch=epoch)
    assert len(await storing.rows("select * from messages")) == 2
    assert await storing.open(host="127.0.0.2") == 2  # the same server again: the same epoch


async def test_a_quarantined_message_makes_way_for_the_message_itself(storing: Storing) -> None:
    await storing.store(refused=(not_retrieved(listed(1)),))
    (reference,) = await storing.rows("select uidl, state, sha256, parse_error, size from messages")
    assert reference == {
        "uidl": "uid-1",
        "state": "quarantined",
        "sha256": None,
        "parse_error": "the server would not hand it out",
        "size": 100,
    }
    await storing.store(refused=(not_retrieved(listed(1), attempts=2),))
    assert len(await storing.rows("select * from messages")) == 1
    assert await storing.rows("select state, attempts from pop_ledger") == [{"state": "quarantined", "attempts": 2}]
    await storing.store((listed(1), mail(1)))
    assert await storing.rows("select subject, state from messages") == [{"subject": "message 1", "state": "stored"}]
    assert await storing.rows("select state, reason, retry_at from pop_ledger") == [
        {"state": "stored", "reason": None, "retry_at": None}
    ]


async def test_what_is_stored_is_not_quarantined_afterwards(storing: Storing) -> None:
    await storing.store((listed(1), mail(1)))
    await storing.store(refused=(not_retrieved(listed(1)),))
    assert await storing.rows("select state from messages") == [{"state": "stored"}]
    assert await storing.rows("select state from ledger") == [{"state": "stored"}]


HOSTILE = [
    b"",
    b"\0",
    b"\xff\xfe\0\0 no header at all \x80",
    b"From: \0@\0.example\r\nSubject: a\0b =?utf-8?q?=00=ED=A0=80?=\r\n\r\n",
    b"From: =?utf-8?q?=00?= <anna@example.org>\r\nMessage-ID: <\0@x>\r\n\r\n",
    b"In-Reply-To: <a\0@x>\r\nReferences: <\xed\xa0\x80@x> <\\u0000@x>\r\n\r\n",
    b'From: "\\u0000" <\\u0000@example.org>\r\nTo: \xed\xb2\x80@example.org\r\nSubject: \\u0000 {"\r\n\r\n',
    b"Date: Fri, 31 Feb 99999 25:61:61 +9999\r\nSubject: " + b"x" * 200_000 + b"\r\n\r\n",
    b"Date: Mon, 1 Jan 0001 00:00:00 +1400\r\n\r\n",
    b'Content-Type: multipart/mixed; boundary="\0"\r\n\r\n--\0\r\n',
]


async def test_no_message_can_make_its_batch_fail(storing: Storing) -> None:
    await save_record(storing.pool, "contact", NUMBER, "anna@example.org")
    await storing.store(*((listed(number), raw) for number, raw in enumerate(HOSTILE)))
    assert [row["raw"] for row in await storing.rows("select raw from raw_messages order by id")] == HOSTILE
    assert len(await storing.rows("select * from correspondence")) == 1

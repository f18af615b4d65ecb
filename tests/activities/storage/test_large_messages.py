"""Large messages: written to the database while they arrive, whole or not at all."""

from __future__ import annotations

import hashlib

import pytest

from activities.retrieval import session
from activities.retrieval.fetching import HELD_BYTES
from infra.database.pool import Pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, local_worker, mail, mailbox

LARGE = 3 * HELD_BYTES + 12345


async def left_over(watcher: Watcher) -> int:
    """Chunks that belong to no message."""
    orphans = "select count(*) from blob_chunks c where not exists (select from blobs b where b.chunks = c.chunks)"
    uploads = "select count(*) from uploads where address is not null"
    return int(await watcher.value(orphans)) + int(await watcher.value(uploads))


async def test_a_large_message_is_kept_byte_for_byte_among_the_others(pool: Pool, dovecot: Dovecot) -> None:
    dovecot.add_user(JANE, PASSWORD)
    messages = [mail(1), mail(2, size=LARGE), mail(3), mail(4, size=HELD_BYTES), mail(5)]
    for message in messages:
        dovecot.deliver(JANE, message)
    watcher = Watcher(pool)
    assert (await watcher.watch(account(dovecot.port))).stored == 5
    assert await watcher.column("select raw from raw_messages order by id") == messages
    kept = await watcher.rows("select sha256, size, subject from messages order by id")
    assert [row["sha256"] for row in kept] == [hashlib.sha256(message).digest() for message in messages]
    assert [row["size"] for row in kept] == [len(message) for message in messages]
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 6)]
    assert await left_over(watcher) == 0


async def test_the_same_large_message_in_two_mailboxes_is_kept_once(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={"large": mail(1, size=LARGE)}) as server:
        for address in ("one@example.com", "two@example.com"):
            assert (await watcher.watch(account(server.port, address=address))).stored == 1
    assert await watcher.value("select count(*) from messages") == 2
    assert await watcher.value("select count(*) from blobs") == 1
    assert await left_over(watcher) == 0


async def test_a_line_that_drops_within_a_large_message_leaves_nothing_of_it(pool: Pool) -> None:
    watcher = Watcher(pool)
    large = mail(2, size=LARGE)
    async with MailboxServer(password=PASSWORD, messages=mailbox(1) | {"large": large, "last": mail(3)}) as server:
        server.replies["RETR 2"] = b"+OK\r\n" + large[: LARGE - 5000]
        server.closes.add("RETR 2")
        await watcher.fails(account(server.port))
        assert await watcher.subjects() == ["message 1"]
        assert await left_over(watcher) == 0
        server.replies.clear()
        server.closes.clear()
        assert (await watcher.watch(account(server.port))).stored == 2
    assert (
        await watcher.value("select raw from raw_messages r join messages m using (id) where m.uidl = 'large'") == large
    )


async def test_what_a_worker_that_died_had_written_is_removed_by_the_next_session(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with pool.connection() as connection:
        for address in (JANE, "other@example.com"):
            await connection.execute(
                "with made as (insert into uploads values (gen_random_uuid(), %s) returning chunks) "
                "insert into blob_chunks select chunks, 0, 'half'::bytea from made",
                [address],
            )
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        await watcher.watch(account(server.port))
    assert await watcher.column("select address from uploads") == ["other@example.com"]  # that one may be at it
    assert await watcher.value("select count(*) from blob_chunks") == 1


async def test_a_message_that_turns_out_beyond_the_limit_is_dropped_on_the_way(pool: Pool) -> None:
    watcher = Watcher(pool, worker=local_worker(max_message_bytes=2 * HELD_BYTES))
    large = mail(2, size=LARGE)
    async with MailboxServer(password=PASSWORD, messages=mailbox(1) | {"large": large, "last": mail(3)}) as server:
        sizes = ["1 300", "2 1000", "3 300"]
        server.replies["LIST"] = "\r\n".join(["+OK", *sizes, "."])
        report = await watcher.watch(account(server.port))
        assert (report.stored, report.quarantined) == (2, 1)
    assert (await watcher.ledger())["large"] == "quarantined"
    assert await left_over(watcher) == 0


async def test_a_large_message_that_does_not_end_is_put_aside(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SESSION_SECONDS", 5.0)  # enough to come to the message on a busy machine
    monkeypatch.setattr(session, "MESSAGE_SECONDS", 0.5)
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={"endless": mail(1), "last": mail(2)}) as server:
        server.replies["RETR 1"] = b"+OK\r\n" + b"x" * (2 * HELD_BYTES)
        server.hangs.add("RETR 1")
        await watcher.fails(account(server.port))
        assert await watcher.ledger() == {"endless": "quarantined"}
        assert (await watcher.watch(account(server.port))).stored == 1
    assert await left_over(watcher) == 0

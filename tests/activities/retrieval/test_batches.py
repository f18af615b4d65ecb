"""Where a batch ends: at so many messages, so many bytes or so long a time, whichever comes first."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from activities.storage import batch as arrivals
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, PATIENT, Watcher, account, mail, mailbox
from tests.support.running import PATIENCE, until

MIB = 1024 * 1024


async def test_a_batch_ends_at_two_hundred_messages(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(450)) as server:
        assert (await watcher.watch(account(server.port))).stored == 450
    counts = await watcher.column("select (data->>'count')::int from account_events order by version")
    assert counts == [200, 200, 50]
    assert len(await watcher.column("select distinct subject from messages")) == 450
    assert await watcher.rows("select stored, outcome, worker from retrievals") == [
        {"stored": 450, "outcome": "mail", "worker": "worker-1"}
    ]


async def test_a_batch_ends_at_sixteen_megabytes(pool: Pool) -> None:
    watcher = Watcher(pool)
    messages = mailbox(40, size=MIB // 2)
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        assert (await watcher.watch(account(server.port))).stored == 40
    sizes = await watcher.column("select (data->>'bytes')::int from account_events order by version")
    one = len(messages["uid-1"])
    assert sum(sizes) == sum(map(len, messages.values()))
    assert len(sizes) == 2
    assert 16 * MIB - one < sizes[0] <= 16 * MIB, "it is filled, and not beyond"


async def test_a_message_larger_than_a_batch_is_a_batch_of_its_own(pool: Pool) -> None:
    watcher = Watcher(pool)
    messages = {"a": mail(1), "b": mail(2, size=17 * 1024 * 1024), "c": mail(3)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        await watcher.watch(account(server.port))
    assert await watcher.column("select (data->>'count')::int from account_events order by version") == [1, 1, 1]
    assert await watcher.column("select length(raw) from raw_messages order by id") == [
        len(raw) for raw in messages.values()
    ]


@pytest.mark.parametrize("hangs", [False, True], ids=["the next message is slow", "the next message never comes"])
async def test_a_batch_ends_at_its_time_limit(pool: Pool, monkeypatch: pytest.MonkeyPatch, hangs: bool) -> None:
    monkeypatch.setattr(arrivals, "BATCH_SECONDS", 0.05)
    # Time-outs that do not end the session first, which would commit what there is, too.
    watcher = Watcher(pool, timeouts=replace(PATIENT, reply=4 * PATIENCE, transfer_idle=4 * PATIENCE))
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        if hangs:
            server.hangs.add("RETR 4")
        else:
            server.pauses["RETR 4"] = 0.5
            server.hangs.add("RETR 5")
        running = asyncio.create_task(watcher.watch(account(server.port)))

        async def there() -> bool:
            assert not running.done(), running
            return (await watcher.subjects())[:3] == ["message 1", "message 2", "message 3"]

        try:
            await until(there, "what came before the message that is waited for")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        server.hangs.clear()
        server.pauses.clear()
        await watcher.watch(account(server.port))
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 6)]

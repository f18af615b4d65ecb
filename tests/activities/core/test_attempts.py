"""The watchdog: a session that hangs is told of, its heartbeats stop and its lease runs out; one that works is left alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.core import attempts
from activities.core.attempts import heartbeats
from activities.mailbox import leases as leases_module
from activities.mailbox.leases import Lease, LeaseLost, Leases
from infra import watchdog
from infra.database.pool import Pool
from infra.watchdog import awaits_an_answer
from tests.support.mailboxes import JANE
from tests.support.running import PATIENCE, until

HOST = "pop.example.com"
LOOKS = 20  # that a watchdog of these tests has before it is sure


@pytest.fixture(autouse=True)
def it_looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(watchdog, "STILL_SECONDS", LOOKS)
    monkeypatch.setattr(watchdog, "ENDING_SECONDS", LOOKS)


class Running:
    """A session with the mailbox, as an activity has it."""

    def __init__(self, pool: Pool, work: Callable[[Lease], Awaitable[None]]) -> None:
        self.beats = 0
        self.lease: Lease | None = None
        self._leases = Leases(pool, "worker-1", 8)
        self._work = work
        environment = ActivityEnvironment()
        environment.on_heartbeat = self._beat
        self.task: asyncio.Task[Any] = asyncio.ensure_future(environment.run(self._session))

    def _beat(self, *_: Any) -> None:
        self.beats += 1

    async def _session(self) -> None:
        async with heartbeats(lambda: self.beats), self._leases.hold(JANE, HOST) as lease:
            self.lease = lease
            await self._work(lease)


@contextlib.asynccontextmanager
async def session(pool: Pool, work: Callable[[Lease], Awaitable[None]]) -> AsyncIterator[Running]:
    running = Running(pool, work)
    try:
        yield running
    finally:
        running.task.cancel()
        await asyncio.wait([running.task], timeout=PATIENCE)


async def until_told(caplog: pytest.LogCaptureFixture) -> str:
    async def told() -> bool:
        return bool(errors(caplog))

    await until(told, "an error in the log")
    return errors(caplog)[0]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def nothing_for_ever(_: Lease) -> None:
    await asyncio.Event().wait()


async def is_given_up(running: Running, pool: Pool) -> None:
    beats = running.beats
    assert running.lease is not None
    with pytest.raises(LeaseLost, match="given up"):
        running.lease.check()
    async with pool.connection() as connection, connection.transaction():
        with pytest.raises(LeaseLost):
            async with running.lease.fence(connection):
                pass
        assert not await running.lease.renew(connection)
    await asyncio.sleep(5 * attempts.HEARTBEAT_SECONDS)
    assert running.beats == beats


async def test_a_session_that_does_nothing_and_waits_for_nobody_is_given_up(
    pool: Pool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "RENEWED_EVERY", 0.01)  # which is none of the session's doing
    async with session(pool, nothing_for_ever) as running:
        told = await until_told(caplog)
        assert "has done nothing" in told
        assert "in nothing_for_ever" in told
        assert running.beats >= LOOKS
        await is_given_up(running, pool)
    assert len(errors(caplog)) == 1


async def test_a_session_that_does_not_end_after_its_work_is_given_up_and_its_lease_taken_over(
    pool: Pool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(leases_module, "RENEWED_EVERY", 0.1)

    async def never_ended(_: asyncio.Task[Any]) -> None:
        """As before Python 3.12 where the renewal lost its cancellation, and renewed on."""
        while True:
            with awaits_an_answer():
                await asyncio.sleep(0.01)

    async def works(_: Lease) -> None:
        pass

    monkeypatch.setattr(leases_module, "ended", never_ended)
    async with session(pool, works) as running:
        told = await until_told(caplog)
        assert "has not ended" in told
        assert "in never_ended" in told
        await is_given_up(running, pool)
        monkeypatch.undo()

        async def taken_over() -> bool:
            with contextlib.suppress(leases_module.NotNow):
                async with Leases(pool, "worker-2", 8).hold(JANE, HOST):
                    return True
            return False

        await until(taken_over, "the lease")


async def test_a_session_that_waits_for_an_answer_is_left_alone_however_long_it_takes(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    async def asks(_: Lease) -> None:
        async with pool.connection() as connection:
            await connection.execute("select pg_sleep(1)")

    async def has_another_task_ask(lease: Lease) -> None:
        await asyncio.create_task(asks(lease))

    for work in asks, has_another_task_ask:
        async with session(pool, work) as running:
            await running.task
            assert running.beats > 2 * LOOKS
    assert errors(caplog) == []


async def test_a_session_that_looks_for_work_again_and_again_is_left_alone(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    async def looks(_: Lease) -> None:
        for _again in range(20):
            async with pool.connection() as connection:
                await connection.execute("select")
            await asyncio.sleep(0.05)

    async with session(pool, looks) as running:
        await running.task
        assert running.beats > LOOKS
    assert errors(caplog) == []


async def test_an_activity_that_holds_no_lease_is_no_session(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    async def waits() -> None:
        async with heartbeats(lambda: None):
            await asyncio.sleep(0.5)

    await ActivityEnvironment().run(waits)
    assert errors(caplog) == []
    async with Leases(pool, "worker-1", 8).hold(JANE, HOST) as lease:  # nor is a lease without an activity
        lease.check()

"""Tasks of one's own: they end, and one that does not says where it stands."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from infra import tasks
from infra.tasks import ended, stack


@pytest.fixture(autouse=True)
def again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)


async def loses(cancellations: int) -> None:
    """Something that takes so many cancellations for nothing."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if not cancellations:
                raise
            cancellations -= 1


async def begun(task: asyncio.Task[None]) -> asyncio.Task[None]:
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("lost", [0, 1, tasks.MOST_CANCELLATIONS - 1])
async def test_a_task_that_loses_cancellations_is_cancelled_until_it_ends(lost: int) -> None:
    task = await begun(asyncio.create_task(loses(lost)))
    assert await ended(task) is None
    assert task.cancelled()


async def test_what_a_task_ended_with_is_told() -> None:
    async def fails() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ZeroDivisionError

    assert isinstance(await ended(await begun(asyncio.create_task(fails()))), ZeroDivisionError)

    done = await begun(asyncio.create_task(asyncio.sleep(0)))
    await done
    assert await ended(done) is None


async def test_a_task_that_never_ends_is_left_to_itself_and_the_log_says_where_it_stands(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stubborn = await begun(asyncio.create_task(loses(tasks.MOST_CANCELLATIONS)))
    assert await ended(stubborn) is None
    assert not stubborn.done()
    [said] = caplog.records
    assert said.levelno == logging.ERROR
    assert "in loses\n" in said.getMessage()
    assert await ended(stubborn) is None
    assert stubborn.cancelled()


async def test_who_ends_a_task_can_be_cancelled_meanwhile() -> None:
    stubborn = await begun(asyncio.create_task(loses(tasks.MOST_CANCELLATIONS)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await ended(stubborn)
    await ended(stubborn)


async def test_a_stack_shows_the_calls_down_to_what_is_awaited_and_no_value() -> None:
    entered = asyncio.Event()

    @contextlib.asynccontextmanager
    async def held(secret: str) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await the_innermost(secret)

    async def the_innermost(_: str) -> None:
        entered.set()
        await asyncio.sleep(3600)

    async def session(secret: str) -> None:
        async with held(secret):
            pass

    task = asyncio.create_task(session("hunter" + "2"))
    await entered.wait()
    shown = stack(task)
    calls = [line.rpartition(" in ")[2] for line in shown.splitlines() if line.startswith("  File")]
    assert [call for call in calls if call != "__aexit__"] == ["session", "held", "the_innermost", "sleep"]
    assert "hunter2" not in shown
    await ended(task)

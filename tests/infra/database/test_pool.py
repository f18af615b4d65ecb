"""The pool: who is cancelled while a connection is handed over to them is cancelled, and the connection goes to the next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from infra.database.pool import Pool, open_pool
from tests.support.running import PATIENCE, until

HAND_OVERS = 200
LATEST = 6  # rounds of the event loop after which a connection that was handed over is long in use


@pytest.fixture
async def one(database_url: str) -> AsyncIterator[Pool]:
    """A pool of a single connection: whoever comes second waits for it."""
    opened = await open_pool(database_url, most=1)
    yield opened
    await opened.close()


async def waits(pool: Pool) -> None:
    async with pool.connection():
        await asyncio.sleep(3600)


async def queued(pool: Pool) -> bool:
    return bool(pool.get_stats().get("requests_waiting"))


async def handed_over(
    pool: Pool, to: Coroutine[Any, Any, None], stop: Callable[[asyncio.Task[None]], object], rounds: int
) -> Counter[str]:
    """Hands the connection over to who waits for it, who is stopped so many rounds of the event loop later; how that ended."""
    waiting = asyncio.create_task(to)
    async with pool.connection():
        await until(lambda: queued(pool), "one who waits for the connection", every=0)
    for _ in range(rounds):
        await asyncio.sleep(0)
    stop(waiting)
    done, _ = await asyncio.wait([waiting], timeout=PATIENCE)
    assert done, f"stopped {rounds} rounds after the hand-over, and did not end"
    return Counter(["CancelledError" if waiting.cancelled() else type(waiting.exception()).__name__])


def from_outside(stop: Callable[[], object]) -> Callable[[asyncio.Task[None]], object]:
    return lambda _: stop()


async def test_a_cancellation_in_the_moment_of_the_hand_over_is_not_lost(one: Pool) -> None:
    ended = Counter[str]()
    for number in range(HAND_OVERS):
        ended += await handed_over(one, waits(one), lambda waiting: waiting.cancel(), number % LATEST)
    assert ended == {"CancelledError": HAND_OVERS}
    await gives_out_its_connection(one)


async def test_a_time_out_in_the_moment_of_the_hand_over_is_one(one: Pool) -> None:
    async def timed(limit: asyncio.Timeout) -> None:
        async with limit:
            await waits(one)

    ended, loop = Counter[str](), asyncio.get_running_loop()
    for number in range(HAND_OVERS):
        limit = asyncio.timeout(None)
        expire = partial(limit.reschedule, loop.time())
        ended += await handed_over(one, timed(limit), from_outside(expire), number % LATEST)
    assert ended == {"TimeoutError": HAND_OVERS}
    await gives_out_its_connection(one)


async def test_a_group_whose_other_task_fails_in_the_moment_of_the_hand_over_ends(one: Pool) -> None:
    async def fails(failing: asyncio.Event) -> None:
        await failing.wait()
        raise ZeroDivisionError

    async def grouped(failing: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails(failing))
            await waits(one)

    ended = Counter[str]()
    for number in range(HAND_OVERS):
        failing = asyncio.Event()
        ended += await handed_over(one, grouped(failing), from_outside(failing.set), number % LATEST)
    assert ended == {"ExceptionGroup": HAND_OVERS}
    await gives_out_its_connection(one)


async def test_who_was_cancelled_before_and_goes_on_gets_a_connection(one: Pool) -> None:
    """As what cleans up after a cancellation does."""

    async def cleans_up() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            async with one.connection() as connection:
                await connection.execute("select")

    task = asyncio.create_task(cleans_up())
    await asyncio.sleep(0)
    async with one.connection():
        task.cancel()
        await until(lambda: queued(one), "one who waits for the connection")
    async with asyncio.timeout(PATIENCE):
        await task


async def gives_out_its_connection(pool: Pool) -> None:
    async with pool.connection(timeout=PATIENCE) as connection:
        await connection.execute("select")

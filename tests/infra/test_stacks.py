"""What SIGUSR1 has a process say of its tasks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import pytest

from infra import stacks


async def waits_for(event: asyncio.Event, secret: str) -> None:
    async with passing_on(event):
        await event.wait()


@contextlib.asynccontextmanager
async def passing_on(event: asyncio.Event) -> AsyncIterator[None]:
    yield


async def test_the_signal_has_each_task_say_where_it_waits_and_no_value(caplog: pytest.LogCaptureFixture) -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(waits_for(event, "hunter2"), name="the one that waits")
    await asyncio.sleep(0)
    stacks.say_on_signal()
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        while not caplog.records:  # noqa: ASYNC110 -- a line in the log is what comes
            await asyncio.sleep(0)
    finally:
        asyncio.get_running_loop().remove_signal_handler(stacks.ASKED_BY)
        event.set()
        await waiting
    assert "the one that waits, cancelling 0:" in caplog.text
    assert "in waits_for\n    await event.wait()" in caplog.text
    assert "locks.py" in caplog.text, "down to what it waits for"
    assert "hunter2" not in caplog.text

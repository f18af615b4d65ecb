"""A session that hangs: Temporal gives its account to another worker within seconds, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from activities.mailbox import leases as leases_module
from infra import watchdog
from infra.tasks import ended
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, until

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"


async def test_an_account_whose_session_never_ends_is_looked_at_again(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchdog, "ENDING_SECONDS", 2)
    hung = asyncio.Event()

    async def hangs_once(task: asyncio.Task[Any]) -> BaseException | None:
        if not hung.is_set():
            hung.set()
            await asyncio.Event().wait()
        return await ended(task)

    async def has_hung() -> bool:
        return hung.is_set()

    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server)
        await account.until_mail(1)
        monkeypatch.setattr(leases_module, "ended", hangs_once)
        await until(has_hung, "a session that does not end")
        server.messages["two"] = HELLO
        assert await account.until_mail(2) == ["one", "two"]
    [told] = [record.getMessage() for record in caplog.records if "its heartbeats stop" in record.getMessage()]
    assert account.handle.id in told
    assert "in hangs_once" in told

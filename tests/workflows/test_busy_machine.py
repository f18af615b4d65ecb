"""A machine that is busy makes workflows slow, and stops none."""

from __future__ import annotations

import time
from typing import Any

import pytest

from domain.account.lifecycle import State
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom
from workflows.entity import messages


async def test_a_workflow_task_that_takes_three_seconds_is_done_and_the_account_goes_on(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = messages.read

    def slowly(*arguments: Any, **named: Any) -> Any:
        time.sleep(3)
        return read(*arguments, **named)

    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
        monkeypatch.setattr(messages, "read", slowly)
        await account.signal("disable", {"by": 7})
        [entry] = await account.until_logged("CommandRefused")
        assert entry.data["code"] == "invalid_field"
        monkeypatch.setattr(messages, "read", read)
        assert (await account.command("poll_now"))["outcome"] == "nothing_new"
        assert (await account.status()).state is State.ACTIVE

"""Commands that wait for a CRM: mail keeps coming meanwhile, and none of them waits for ever."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal, until
from tests.support.workflows.replaying import replay
from tests.workflows.account.test_actions import HELLO, with_a_message
from workflows.account import mail_commands
from workflows.entity import entity


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    """No worker speaks with CRMs."""
    without = worker_settings.roles - {"crm"}
    return dataclasses.replace(worker_settings, roles=without, minute_seconds=0.01)


async def test_mail_keeps_coming_while_a_command_waits_for_a_crm_and_the_run_is_cut_after_it(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entity, "RESULTS_PER_RUN", 2)
    async with MailboxServer(messages={"one": HELLO}) as server:
        account, message = await with_a_message(mailroom, server)
        first = (await account.handle.describe()).run_id
        asked = asyncio.create_task(account.command("context", message=message))
        await until(lambda: waits(account, "context"), "the command at its CRM")
        for number in range(4):
            server.messages[f"more{number}"] = HELLO
            await account.command("poll_now")
            await account.until_mail(number + 2)
        await mailroom.start_workers_of("crm")
        assert (await asked)["message"] == message

        async def continued() -> bool:
            return (await account.handle.describe()).run_id != first

        await until(continued, "a new run")
        await account.until_watched()
        before = mailroom.client.get_workflow_handle(account.handle.id, run_id=first)
        await replay(await before.fetch_history())
        await replay(await account.handle.fetch_history())


async def test_a_run_that_is_as_long_as_one_may_be_waits_for_the_command(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entity, "RESULTS_PER_RUN", 2)
    monkeypatch.setattr(mail_commands, "MOST_RESULTS", 3)
    async with MailboxServer(messages={"one": HELLO}) as server:
        account, message = await with_a_message(mailroom, server)
        asked = asyncio.create_task(account.command("context", message=message))
        await until(lambda: waits(account, "context"), "the command at its CRM")
        for number in range(2):
            server.messages[f"more{number}"] = HELLO
            await account.command("poll_now")

        async def holds() -> bool:
            return await account.attempts() == 0

        await until(holds, "a run without a watch")
        await mailroom.start_workers_of("crm")
        assert (await asked)["message"] == message
        await account.until_watched()


async def test_a_command_that_no_crm_takes_is_refused_in_the_end_and_its_account_closes(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_commands, "AT_A_CRM", timedelta(seconds=2))
    async with MailboxServer(messages={"one": HELLO}) as server:
        account, message = await with_a_message(mailroom, server)
        asked = asyncio.create_task(refusal(account.command("context", message=message)))
        await until(lambda: waits(account, "context"), "the command at its CRM")
        assert (await account.command("close"))["state"] == "closed"
        refused = await asked
        assert refused.code == "not_answered"
        assert "role crm" in refused.message
        await account.handle.result()
        await replay(await account.handle.fetch_history())


async def waits(account: RunningAccount, activity: str) -> bool:
    pending = (await account.handle.describe()).raw_description.pending_activities
    return any(one.activity_type.name == activity for one in pending)

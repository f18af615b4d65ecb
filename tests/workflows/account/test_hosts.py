"""Accounts of one host inside Temporal: their fair share of the retrieval queue, and an outage in each one's status."""

from __future__ import annotations

import dataclasses
import json

import pytest

from domain.account.lifecycle import State
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, until
from workflows import contract


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, minute_seconds=0.01)


async def fairness_keys(account: RunningAccount) -> dict[str, tuple[str, str]]:
    """Activity type -> task queue and fairness key, as the history has them."""
    history = json.loads((await account.handle.fetch_history()).to_json())
    scheduled = [
        event["activityTaskScheduledEventAttributes"]
        for event in history["events"]
        if "activityTaskScheduledEventAttributes" in event
    ]
    return {
        one["activityType"]["name"]: (one["taskQueue"]["name"], one.get("priority", {}).get("fairnessKey", ""))
        for one in scheduled
    }


async def test_each_host_has_its_share_of_the_retrieval_queue(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.until_watched()
        keys = await fairness_keys(account)
    assert keys["try_login"] == keys["watch"] == (contract.RETRIEVAL_QUEUE, server.host)
    assert keys["record"] == (contract.WORKFLOW_QUEUE, "")


async def test_a_host_with_a_name_longer_than_a_fairness_key_is_watched_like_any_other(mailroom: Mailroom) -> None:
    host = "a-rather-long-name-of-a-mail-server.in-a-rather-long-department.of-a-company.localhost"
    async with MailboxServer() as server:
        account = await mailroom.start(mailroom.given(server, incoming={"host": host}))

        async def tried() -> bool:
            return "try_login" in await fairness_keys(account)

        await until(tried, "the login to be tried")
        assert (await fairness_keys(account))["try_login"][1] == host[-64:]


async def test_an_outage_is_in_the_status_of_every_account_until_it_succeeds(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        accounts = [await mailroom.connect(server) for _ in range(3)]
        await server.down()
        for account in accounts:
            status = await account.until(
                lambda now: any(item.code == "host_outage" for item in now.warnings), "the outage as a warning"
            )
            (warning,) = (item for item in status.warnings if item.code == "host_outage")
            assert "3 of 3 accounts" in warning.text
            assert "Nothing is wrong with this account" in warning.text
            assert 'MailroomHost = "127.0.0.1"' in warning.remedies[0]
            assert "Nothing is wrong with this account" in await account.page()
            failed = await account.log("RetrievalFailed")
            counted = [entry.data["failures"]["connection"] for entry in failed]
            assert counted == list(range(1, len(counted) + 1)), "counting does not change"
        await server.up()
        for account in accounts:
            await account.until(lambda now: not now.failures.connection, "the end of the failures")
            status = await account.status()
            assert status.state is State.ACTIVE
            assert [item.code for item in status.warnings] == ["crm_not_configured"]
    codes = [notice["code"] for notice in await mailroom.notices("host/127.0.0.1")]
    assert codes == ["host_outage", "host_back"]


async def test_an_account_that_an_outage_disabled_says_so_and_names_the_command_for_all(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        accounts = [await mailroom.connect(server) for _ in range(3)]
        await server.down()
        for account in accounts:
            await account.until_logged("AccountDisabled")
            status = await account.status()
            assert (status.state, status.failures.connection) == (State.DISABLED, 50)
            assert "host_outage" in [item.code for item in status.warnings]
            (notice,) = await mailroom.notices(account.address)
            assert notice["code"] == "disabled"
            assert "Nothing is wrong with this account" in notice["text"]
            assert "--name enable" in notice["remedy"]
            row = await account.seen()
            assert row is not None
            assert row["host_outage_since"] is not None
    assert len(await mailroom.notices("host/127.0.0.1")) == 1

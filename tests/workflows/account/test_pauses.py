"""The database goes away under activities that have looked many times without news: what is then scheduled, and said."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowHandle

from activities.pauses import LONGEST
from domain.account.lifecycle import State
from infra.database.pool import open_pool
from infra.settings import WorkerSettings
from infra.temporal.client import DATABASE_UNAVAILABLE
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, until
from tests.support.services import Services
from tests.support.workflows.crms import connect_crm
from tests.support.workflows.reconciling import reconcile
from workflows import contract

LOOKED = (contract.NOTHING_NEW, contract.WAITING)
LOOKS = 5  # without news, after which Temporal's own pause would be 16 s


@pytest.fixture
async def mailroom(temporal_client: Client, worker_settings: WorkerSettings) -> AsyncIterator[Mailroom]:
    """With a pool that does not wait long for a database that is away."""
    pool = await open_pool(worker_settings.database_url)
    pool.timeout = 2
    async with Mailroom(temporal_client, pool, worker_settings) as running:
        yield running
    await pool.close()


@contextlib.asynccontextmanager
async def away(services: Services, url: str) -> AsyncIterator[None]:
    """The database takes no connections, and has ended those that it had."""
    name = url.rpartition("/")[2]
    async with await psycopg.AsyncConnection.connect(services.postgres, autocommit=True) as connection:
        await connection.execute(f"alter database {name} allow_connections false".encode())
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
            [name],
        )
        try:
            yield
        finally:
            await connection.execute(f"alter database {name} allow_connections true".encode())


async def pending(handle: WorkflowHandle[Any, Any]) -> PendingActivityInfo | None:
    found = (await handle.describe()).raw_description.pending_activities
    return next((one for one in found if one.activity_type.name in ("watch", "serve_crm", "reconcile")), None)


async def has_looked(handle: WorkflowHandle[Any, Any]) -> bool:
    one = await pending(handle)
    return one is not None and one.attempt > LOOKS


def _kind(one: PendingActivityInfo) -> str:
    return one.last_failure.application_failure_info.type


async def after_an_error(handle: WorkflowHandle[Any, Any]) -> PendingActivityInfo:
    """What is scheduled after an attempt that was no look without news."""
    found: list[PendingActivityInfo] = []

    async def failed() -> bool:
        one = await pending(handle)
        if one is not None and one.HasField("current_retry_interval") and _kind(one) not in LOOKED:
            found.append(one)
        return bool(found)

    await until(failed, f"{handle.id}: an error")
    return found[0]


async def held(mailroom: Mailroom, of: str) -> None:
    """A session that is somebody else's, so that all that want one look again and again."""
    async with mailroom.pool.connection() as connection:
        await connection.execute(
            "insert into leases (address, host, token, worker, expires_at) "
            "values (%s, 'pop.example.com', gen_random_uuid(), 'another', now() + interval '1 day') "
            "on conflict (address) do update set token = excluded.token, expires_at = excluded.expires_at",
            [of],
        )


@pytest.mark.requirement("R19")
async def test_the_pause_after_an_error_does_not_depend_on_looks_without_news(
    mailroom: Mailroom, services: Services, worker_settings: WorkerSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 1})
        crm = await connect_crm(mailroom)
        for of in (account.address, f"crm/{crm.name}"):
            await held(mailroom, of)
        proof = await reconcile(mailroom, {"address": account.address})
        mailroom.started(account.address, proof)
        all_three = (account.handle, crm.handle, proof)
        for handle in all_three:
            await until(partial(has_looked, handle), f"{handle.id}: {LOOKS} looks without news")

        async with away(services, worker_settings.database_url):
            scheduled = await asyncio.gather(*(after_an_error(handle) for handle in all_three))
        for one in scheduled:
            assert one.attempt > LOOKS
            assert timedelta(0) < one.current_retry_interval.ToTimedelta() <= timedelta(seconds=LONGEST), one
            assert _kind(one) == DATABASE_UNAVAILABLE
            assert one.last_failure.message.startswith("the database does not answer: again in ")
            assert one.last_failure.stack_trace == ""
        for handle, name in zip(all_three, ("watch", "serve_crm", "reconcile"), strict=True):
            assert f"{handle.id}: {name}: the database does not answer: again in " in caplog.text

        async with mailroom.pool.connection(timeout=60) as connection:
            await connection.execute("delete from leases")
        await proof.result()
        assert (await account.status()).state is State.ACTIVE
        assert (await account.status()).last_failure is None


async def test_an_attempt_that_ends_without_a_word_is_made_again_soon_however_often_it_has_looked(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.until_watched()
        policies = [
            event.activity_task_scheduled_event_attributes.retry_policy
            async for event in account.handle.fetch_history_events()
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
    assert len(policies) > 1
    for policy in policies:
        assert policy.backoff_coefficient == 1.0, "the server counts looks without news as attempts"
        assert policy.initial_interval.ToTimedelta() <= timedelta(seconds=LONGEST)

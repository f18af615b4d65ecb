"""What is said of a CRM connection while it is set up, and after its set-up was refused or cancelled."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import WorkflowQueryFailedError

from activities.crm.connections import CrmConnections
from domain.core.refusal import Refused
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from tests.servers.failing_http import Fault
from tests.servers.scripted_pop import MailboxServer
from tests.servers.zoho_twin import ZohoTwin
from tests.support.granted import KEY, store
from tests.support.running import Mailroom, Refusal, refusal, until
from tests.support.workflows.crms import RunningCrm, connect_crm, start_crm


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, key=KEY.hex())


@pytest.fixture
def zoho() -> Iterator[ZohoTwin]:
    with ZohoTwin() as twin:
        yield twin


async def given(mailroom: Mailroom, zoho: ZohoTwin) -> dict[str, Any]:
    secret = await store(mailroom.pool, zoho.grant(), "zoho")
    return {"kind": "zoho", "url": zoho.url, "data_centre": "eu", "secret": secret}


async def queries_tell(crm: RunningCrm, refused: Refusal) -> None:
    """That the ended workflow's status and settings answer with the refusal: its code, its field and its words."""
    for query in ("status", "settings"):
        with pytest.raises(WorkflowQueryFailedError) as told:
            await crm.handle.query(query)
        assert refused.message.partition(" (reference:")[0] in str(told.value)
        assert refused.code in str(told.value)
        assert refused.field is None or f"field {refused.field}" in str(told.value)


async def test_a_crm_is_active_only_once_accounts_may_name_it(mailroom: Mailroom, zoho: ZohoTwin) -> None:
    settings = await given(mailroom, zoho)
    async with MailboxServer() as server, mailroom.pool.connection() as other:
        async with other.transaction():  # others wait for it who write there, and nobody who reads
            await other.execute("lock table crm_connections in exclusive mode")
            crm = await start_crm(mailroom, **settings)

            async def decided() -> bool:
                return (await crm.search_attributes()).get("MailroomState") == "active"

            await until(decided, "the end of the look at the CRM")
            assert (await crm.status()).state == "verifying"
            assert await mailroom.rows("select from crms where name = %s", crm.name) == []
        await crm.until(lambda now: now.state == "active", "its row to be there")
        account = await mailroom.connect(server, crm=[crm.name])
    assert (await account.settings())["crm"] == [crm.name]


async def test_a_set_up_that_is_refused_without_asking_the_crm_is_told_as_that(
    mailroom: Mailroom, zoho: ZohoTwin
) -> None:
    settings = await given(mailroom, zoho)
    crm = await start_crm(mailroom, **{**settings, "secret": "vault:nothing-of-that-name"})
    refused = await refusal(crm.handle.result())
    assert refused.failure is None
    await queries_tell(crm, refused)
    with pytest.raises(WorkflowQueryFailedError, match=refused.code):
        await connect_crm(mailroom, **{**settings, "secret": "vault:nothing-of-that-name"})


async def test_a_built_in_crm_that_would_change_its_profile_is_told_as_refused(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom, profile="crm")
    await crm.command("close")
    await crm.handle.result()
    again = await start_crm(mailroom, crm.name, profile="recruit")
    refused = await refusal(again.handle.result())
    assert (refused.code, refused.field) == ("invalid_field", "profile")
    await queries_tell(again, refused)


async def test_a_set_up_that_is_cancelled_is_told_as_that(mailroom: Mailroom, zoho: ZohoTwin) -> None:
    settings = await given(mailroom, zoho)
    zoho.fail("POST", "token", Fault(silent=True), times=1000)
    crm = await start_crm(mailroom, **settings)

    async def looks() -> bool:
        pending = (await crm.handle.describe()).raw_description.pending_activities
        return any(one.activity_type.name == "check_crm" and one.HasField("last_started_time") for one in pending)

    await until(looks, "the look at the CRM")
    await crm.handle.cancel()
    refused = await refusal(crm.handle.result())
    assert refused.code == "closed"
    await queries_tell(crm, refused)
    assert (await crm.search_attributes())["MailroomState"] == "closed"


async def test_a_crm_that_is_just_being_started_is_waited_for(pool: Pool) -> None:
    name = f"crm-{uuid4().hex[:12]}"
    looked = asyncio.create_task(CrmConnections(pool).check_crms([name], "default"))
    await asyncio.sleep(0.5)
    assert not looked.done()
    async with pool.connection() as connection:
        await connection.execute("insert into crms (name, kind, profile) values (%s, 'builtin', 'crm')", [name])
    await looked
    with pytest.raises(Refused, match="there is no CRM connection named nowhere"):
        await CrmConnections(pool).check_crms(["nowhere"], "default")

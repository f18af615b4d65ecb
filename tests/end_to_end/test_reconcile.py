"""Reconciling as operators do it: the commands of docs/reconcile.md as printed, and workers that are killed meanwhile."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from temporalio.client import Client, WorkflowHandle

from infra.dev.embedded_postgres import binaries
from tests.end_to_end.operating import PROJECT, Operator
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import a_new_address, until
from tests.support.services import Services

SELDOM = {"interval_minutes": 60}
COMMANDS = re.findall(r"```\n(.*?)```", (PROJECT / "docs/reconcile.md").read_text(encoding="utf-8"), re.DOTALL)
OPTIONS = ("repair", "ask_server")


def printed(beginning: str, address: str, *, option: str | None = None) -> str:
    """The one command of the page that begins so and has that option, or none, for this account."""
    (command,) = [
        command
        for command in COMMANDS
        if command.startswith(beginning) and next((one for one in OPTIONS if f'"{one}"' in command), None) == option
    ]
    return str(command.replace("jane@example.com", address))


async def scheduled(client: Client, address: str, runs: int) -> dict[str, Any]:
    """The result of the account's schedule, once it has started that many runs."""
    schedule = client.get_schedule_handle(f"reconcile/{address}")

    async def started() -> bool:
        return (await schedule.describe()).info.num_actions >= runs

    await until(started, f"{runs} runs of the schedule")
    action = (await schedule.describe()).info.recent_actions[-1].action
    result: dict[str, Any] = await client.get_workflow_handle(action.workflow_id).result()  # type: ignore[attr-defined]  # a schedule starts nothing but workflows
    return result


async def start(client: Client, address: str, *, repair: bool = False) -> WorkflowHandle[Any, Any]:
    given = {"address": address, "repair": repair}
    return await client.start_workflow("Reconcile", given, id=f"reconcile/{uuid4()}", task_queue="mailroom")


async def on_dovecot(operator: Operator, dovecot: Dovecot, count: int) -> str:
    address = a_new_address()
    dovecot.add_user(address, "secret")
    for number in range(count):
        dovecot.deliver(address, mail(number))
    await operator.connect(
        address, dovecot.port, await operator.store_secret("jane", "secret"), retrieval={"interval_minutes": 60}
    )
    await operator.until_stored(address, count)
    return address


async def test_the_documented_commands_run_it_mend_it_and_put_it_on_a_schedule(
    operator: Operator, dovecot: Dovecot, temporal_client: Client, services: Services
) -> None:
    tools = (Path(sys.executable).parent, Path(services.temporal_binary).parent, binaries())
    operator.environment["PATH"] = os.pathsep.join([*map(str, tools), operator.environment["PATH"]])
    await operator.worker()
    address = await on_dovecot(operator, dovecot, 3)
    trigger = ("schedule", "trigger", "--schedule-id", f"reconcile/{address}")
    assert f"{address} is complete." in await operator.run("bash", "-c", printed("temporal workflow execute", address))

    try:
        await operator.run("bash", "-c", printed("temporal schedule create", address))
        await operator.temporal(*trigger)
        assert (await scheduled(temporal_client, address, 1))["complete"] is True
        await operator.temporal("schedule", "delete", "--schedule-id", f"reconcile/{address}")

        await operator.run("bash", "-c", printed("psql", address))
        await operator.rows("update mailboxes set messages = 9 where address = %s returning 1", address)
        await operator.temporal(*trigger)
        assert (await scheduled(temporal_client, address, 1))["complete"] is False

        async def visible() -> bool:  # the list of workflows is brought up to date a moment later
            listed = await operator.run("bash", "-c", printed("temporal workflow list", address))
            return f"{address} is not complete: 1 counter is wrong" in listed

        await until(visible, "the run in the list of those that were not complete")
    finally:
        await operator.temporal("schedule", "delete", "--schedule-id", f"reconcile/{address}")
    repair = printed("temporal workflow execute", address, option="repair")
    assert f"{address} is complete." in await operator.run("bash", "-c", repair)
    assert f"{address} is complete." in await operator.run("bash", "-c", repair)


async def test_killed_while_it_computes_hashes_it_goes_on_where_it_was(
    operator: Operator, dovecot: Dovecot, temporal_client: Client, database_url: str
) -> None:
    worker = await operator.worker()
    address = await on_dovecot(operator, dovecot, 300)
    ids = [
        row["id"]
        for row in await operator.rows("select id from mail where address = %s order by stored_at, id", address)
    ]
    damage = "update blobs set raw = 'damaged' where sha256 = (select sha256 from mail where id = %s) returning sha256"
    (damaged,) = await operator.rows(damage, ids[200])
    async with await psycopg.AsyncConnection.connect(database_url, options="-c search_path=mailroom") as holding:
        # The page that has this message cannot be committed, so that is where the worker dies.
        await holding.execute("insert into damaged_blobs values (%s, 'differs')", [damaged["sha256"]])
        reconciling = await start(temporal_client, address)

        async def one_page_is_done() -> bool:
            (pending,) = (await reconciling.describe()).raw_description.pending_activities or [None]
            beats = [json.loads(beat.data) for beat in pending.heartbeat_details.payloads] if pending else []
            return bool(beats and beats[0]["checked"])

        await until(one_page_is_done, "a heartbeat of the first page")
        worker.kill()
        await worker.ended()
        await holding.rollback()
    await operator.rows(damage, ids[0])  # seen already: who begins anew would find it
    await operator.worker()
    report = await reconciling.result()
    assert report["blobs"]["checked"] == 300
    assert [one["id"] for one in report["differences"]["damaged"]["first"]] == [ids[200]]
    report = await (await start(temporal_client, address)).result()
    assert [one["id"] for one in report["differences"]["damaged"]["first"]] == [ids[0], ids[200]]


@pytest.mark.requirement("R43", "R52")
@pytest.mark.parametrize("step", ["MessagesReleasedForRepair", "PollRequested", "MessagesStored", "MessagesRestored"])
async def test_killed_in_the_middle_of_a_repair_everything_is_there_exactly_once(
    operator: Operator, dovecot: Dovecot, temporal_client: Client, step: str
) -> None:
    worker = await operator.worker()
    address = await on_dovecot(operator, dovecot, 250)
    ids = [row["id"] for row in await operator.rows("select id from messages where address = %s", address)]
    before = await operator.events(address, step)
    await operator.rows("update blobs set raw = 'damaged' returning 1")
    reconciling = await start(temporal_client, address, repair=True)

    async def came_to_it() -> bool:
        return await operator.events(address, step) != before

    await until(came_to_it, step)
    worker.kill()
    await worker.ended()
    await operator.worker()
    report = await reconciling.result()
    if not report[
        "complete"
    ]:  # the session that was killed holds the mailbox for a while, and the repair waits only so long
        report = await (await start(temporal_client, address, repair=True)).result()
    assert report["complete"] is True, report["summary"]
    assert (report["messages"], report["ledger"]["stored"], report["log"]["told"]) == (250, 250, 250)
    assert {row["id"] for row in await operator.rows("select id from messages where address = %s", address)} == set(ids)
    hashes = await operator.number(
        "select count(distinct sha256(raw)) from messages join raw_messages using (id) where address = %s", address
    )
    assert hashes == 250
    await operator.assert_log_is_whole(address)


async def test_killed_while_it_holds_the_mailbox_the_lease_runs_out_and_it_goes_on(
    operator: Operator, temporal_client: Client
) -> None:
    worker = await operator.worker()
    address = a_new_address()
    async with MailboxServer(messages={"one": mail(1), "two": mail(2)}) as server:
        secret = await operator.store_secret("jane", server.password)
        await operator.connect(address, server.port, secret, retrieval={"interval_minutes": 60})
        await operator.until_stored(address, 2)
        looks = server.commands.count("UIDL")
        server.hangs.add("UIDL")
        reconciling = await start(temporal_client, address)

        async def lists() -> bool:
            return server.commands.count("UIDL") > looks

        await until(lists, "UIDL of the reconciliation")
        worker.kill()
        await worker.ended()
        server.hangs.clear()
        await operator.worker()
        report = await reconciling.result()
    assert report["complete"] is True, report["summary"]
    assert report["server"]["on_server"] == 2

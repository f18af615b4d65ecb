"""Determinism of `CrmConnection`: its histories, recorded and fresh ones, replay with today's workflow code.

Recorded like those of accounts (test_replay.py), into a folder of their own; those whose names end in `as_first_released` are
of the first release, which knew no more than a registration and `save_record`, and are never recorded again:

    MAILROOM_RECORD_HISTORIES=1 .venv/bin/pytest tests/workflows/test_crm_replay.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from infra.temporal_client import MailroomPlugin
from tests.running import Mailroom, refusal
from tests.workflows.crms import RunningCrm, connect_crm, start_crm
from workflows import crm_connection
from workflows.crm_connection import CrmConnection

HISTORIES = Path(__file__).parents[1] / "histories" / "crm"

Course = Callable[[Mailroom], Awaitable[RunningCrm]]


async def records_and_commands(mailroom: Mailroom) -> RunningCrm:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Anna Lind", "anna@example.org")
    await crm.command("sync_now", by="ops")
    await crm.command("change_settings", settings={"interval_minutes": 7}, by="ops")
    await refusal(crm.command("change_settings", settings={"profile": "recruit"}))
    await crm.handle.signal("no_such_thing", {"by": "batch"})
    await crm.until_logged("CommandRefused", 1)
    await crm.command("retry_failed", by="ops")
    await crm.command("disable", reason="maintenance", by="ops")
    await refusal(crm.command("sync_now"))
    await crm.command("enable", by="ops")
    await crm.command("close", by="ops")
    await crm.handle.result()
    return crm


async def cancelled(mailroom: Mailroom) -> RunningCrm:
    crm = await connect_crm(mailroom)
    await crm.handle.cancel()
    await crm.handle.result()
    return crm


async def a_refused_start(mailroom: Mailroom) -> RunningCrm:
    crm = await start_crm(mailroom, kind="tryton")
    await refusal(crm.handle.result())
    return crm


COURSES: tuple[Course, ...] = (records_and_commands, cancelled, a_refused_start)


async def replay(history: WorkflowHistory) -> None:
    await Replayer(workflows=[CrmConnection], plugins=[MailroomPlugin()]).replay_workflow(history)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__)
async def test_a_fresh_history_replays(mailroom: Mailroom, course: Course) -> None:
    crm = await course(mailroom)
    history = await crm.handle.fetch_history()
    if os.environ.get("MAILROOM_RECORD_HISTORIES"):
        events = [json.dumps(event, separators=(",", ":")) for event in json.loads(history.to_json())["events"]]
        text = '{"events": [\n' + ",\n".join(events) + "\n]}\n"  # an event a line
        (HISTORIES / f"{course.__name__}.json").write_text(text, encoding="utf-8")
    await replay(history)


RECORDED = sorted(path.stem for path in HISTORIES.glob("*.json"))


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_history_replays(name: str) -> None:
    text = (HISTORIES / f"{name}.json").read_text(encoding="utf-8")
    started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
    await replay(WorkflowHistory.from_json(started["workflowId"], text))


def test_every_course_is_recorded() -> None:
    released = {"as_first_released", "a_changed_profile_as_first_released", "a_refused_start_as_first_released"}
    assert {course.__name__ for course in COURSES} | released <= set(RECORDED)


async def test_a_run_that_continued_as_new_goes_on_where_the_one_before_it_was(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = await connect_crm(mailroom)
    await crm.command("change_settings", settings={"interval_minutes": 7}, by="ops")
    first = (await crm.handle.describe()).run_id
    monkeypatch.setattr(crm_connection, "COMMANDS_PER_RUN", 1)
    await crm.save("contact", "Anna Lind", "anna@example.org")
    await crm.command("disable", by="ops")
    second = (await crm.handle.describe()).run_id
    assert second != first
    status = await crm.status()
    assert (status.state, status.reason, status.settings_version) == ("disabled", "operator", 2)
    assert (await crm.logged()).count("CrmConnected") == 1
    monkeypatch.undo()
    run = mailroom.client.get_workflow_handle(crm.handle.id, run_id=second)
    await replay(await run.fetch_history())

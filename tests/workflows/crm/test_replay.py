"""Determinism of `CrmConnection`: its histories, recorded and fresh ones, replay with today's workflow code.

Those whose names end in `as_first_released` are of the first release, which knew no more than a registration and `save_record`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.support.running import Mailroom, refusal
from tests.support.workflows.crms import RunningCrm, connect_crm, start_crm
from tests.support.workflows.replaying import HISTORIES, Recorded, replay
from workflows.crm import crm_connection

RECORDED = Recorded(HISTORIES / "crm")

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


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__)
async def test_a_fresh_history_replays(mailroom: Mailroom, course: Course) -> None:
    crm = await course(mailroom)
    history = await crm.handle.fetch_history()
    RECORDED.record(course.__name__, history)
    await replay(history)


@pytest.mark.parametrize("name", RECORDED.names)
async def test_a_recorded_history_replays(name: str) -> None:
    await replay(RECORDED.history(name))


def test_every_course_is_recorded() -> None:
    released = {"as_first_released", "a_changed_profile_as_first_released", "a_refused_start_as_first_released"}
    assert {course.__name__ for course in COURSES} | released <= set(RECORDED.names)


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

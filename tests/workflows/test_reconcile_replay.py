"""Determinism of `Reconcile`: its histories, recorded and fresh ones, replay with today's workflow code.

Recorded like those of accounts (test_replay.py), into a folder of their own:

    MAILROOM_RECORD_HISTORIES=1 .venv/bin/pytest tests/workflows/test_reconcile_replay.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.worker import Replayer

from infra.temporal_client import MailroomPlugin
from tests.activities.watching import mail
from tests.running import Mailroom, a_new_address
from tests.servers.scripted_pop import MailboxServer
from tests.workflows.reconciling import on_a_scripted_server, reconcile
from workflows.reconcile import Reconcile

HISTORIES = Path(__file__).parents[1] / "histories" / "reconcile"

Course = Callable[[Mailroom, MailboxServer], Awaitable[WorkflowHandle[Any, Any]]]


async def compared(mailroom: Mailroom, server: MailboxServer) -> WorkflowHandle[Any, Any]:
    case = await on_a_scripted_server(mailroom, server)
    return await reconcile(mailroom, {"address": case.address})


async def repaired(mailroom: Mailroom, server: MailboxServer) -> WorkflowHandle[Any, Any]:
    case = await on_a_scripted_server(mailroom, server)
    await case.damage("update blobs set raw = 'damaged'")
    return await reconcile(mailroom, {"address": case.address, "repair": True})


async def repaired_with_a_login_delay(mailroom: Mailroom, server: MailboxServer) -> WorkflowHandle[Any, Any]:
    server.capabilities.append("LOGIN-DELAY 1")
    return await repaired(mailroom, server)


async def repaired_after_the_account_had_ended(mailroom: Mailroom, server: MailboxServer) -> WorkflowHandle[Any, Any]:
    case = await on_a_scripted_server(mailroom, server)
    await case.account.handle.terminate("gone")
    server.messages["new"] = mail(2)
    return await reconcile(mailroom, {"address": case.address, "repair": True})


async def an_unknown_address(mailroom: Mailroom, server: MailboxServer) -> WorkflowHandle[Any, Any]:
    return await reconcile(mailroom, {"address": a_new_address()})


async def no_sense(mailroom: Mailroom, server: MailboxServer) -> WorkflowHandle[Any, Any]:
    return await reconcile(mailroom, {"addres": "jane@example.com"})


COURSES: tuple[Course, ...] = (
    compared,
    repaired,
    repaired_with_a_login_delay,
    repaired_after_the_account_had_ended,
    an_unknown_address,
    no_sense,
)
REFUSED = (an_unknown_address, no_sense)


async def replay(history: WorkflowHistory) -> None:
    await Replayer(workflows=[Reconcile], plugins=[MailroomPlugin()]).replay_workflow(history)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__)
async def test_a_fresh_history_replays(mailroom: Mailroom, course: Course) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        handle = await course(mailroom, server)
        if course in REFUSED:
            with pytest.raises(WorkflowFailureError):
                await handle.result()
        else:
            await handle.result()
    history = await handle.fetch_history()
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
    assert {course.__name__ for course in COURSES} <= set(RECORDED)

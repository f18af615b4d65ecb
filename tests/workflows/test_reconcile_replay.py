"""Determinism of `Reconcile`: its histories, recorded and fresh ones, replay with today's workflow code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, a_new_address
from tests.support.workflows.reconciling import on_a_scripted_server, reconcile
from tests.support.workflows.replaying import HISTORIES, Recorded, replay

RECORDED = Recorded(HISTORIES / "reconcile")

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
    RECORDED.record(course.__name__, history)
    await replay(history)


@pytest.mark.parametrize("name", RECORDED.names)
async def test_a_recorded_history_replays(name: str) -> None:
    await replay(RECORDED.history(name))


def test_every_course_is_recorded() -> None:
    assert {course.__name__ for course in COURSES} <= set(RECORDED.names)

"""Determinism: histories of accounts, recorded and fresh ones, replay with today's workflow code.

`commands_of_people` is of a version in which a command that waited for its CRM held up mail, `counted_until_the_cut` of one that
told what it had counted of refused signals before it went on as a new run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.account import Recorder
from activities.crm.connections import CrmConnections
from domain.account.lifecycle import State
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.temporal.client import MailroomPlugin, connect, workflow_runner
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal
from tests.support.services import Services
from tests.support.workflows.replaying import HISTORIES, Recorded, replay
from workflows import contract
from workflows.account.mail_account import MailAccount
from workflows.entity import entity

RECORDED = Recorded(HISTORIES)
SHORT_RUN = 3  # results, where a history is to be one of two
SHORT_RUNS = ("continued_from", "commands_of_people", "counted_until_the_cut", "counts_handed_on_from")
HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"

Course = Callable[[Mailroom, MailboxServer], Awaitable[RunningAccount]]


async def set_up_and_mail(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    account = await mailroom.connect(server, crm=["builtin"])
    for number in range(3):
        server.messages[f"u{number}"] = HELLO
        await account.until_mail(number + 1)
    await account.until(lambda now: now.progress.stored == 3, "all three in the status")
    return account


async def a_refused_set_up(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    account = await mailroom.start(mailroom.given(server, incoming={"secret": mailroom.secret("wrong")}))
    await refusal(account.handle.result())
    return account


async def ten_failures_and_a_new_credential(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    account = await mailroom.connect(server)
    server.password = "changed"
    await account.until_logged("AccountDisabled")
    await refusal(account.command("enable", by="ops"))
    server.messages["missed"] = HELLO
    await account.command("change_credential", secret=mailroom.secret("changed"), by="ops")
    await account.until_mail(1)
    return account


async def signals_good_and_bad(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    account = await mailroom.connect(server)
    await account.signal("change_credential")
    await account.signal("no_such_thing", {"a": 1}, {"b": 2})
    await account.signal("disable", "maintenance")
    await account.until_logged("CommandRefused", 3)
    await account.signal("set_quota", {"bytes": 1000, "by": "batch"})
    await account.until_logged("QuotaSet")
    await account.signal("poll_now", {"by": "batch"})
    await account.until_logged("PollRequested")
    return account


async def disabled_enabled_and_closed(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
    await account.until_watched()
    await account.command("disable", reason="vacation", by="ops")
    await refusal(account.command("poll_now"))
    await account.command("enable", by="ops")
    await account.command("change_settings", settings={"retrieval": {"interval_minutes": 30}}, by="ops")
    await account.command(
        "change_settings",
        settings={"incoming": {"username": "jane", "secret": mailroom.secret(server.password)}},
        by="ops",
    )
    await account.command("poll_now", by="ops")
    await account.command("close", by="ops")
    await account.handle.result()
    return account


async def suspended_and_cancelled(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
    await account.until_watched()
    server.replies["PASS"] = "-ERR [WEBALERT] Please log in via your web browser"
    await account.command("poll_now")
    server.replies.clear()
    await account.command("poll_now")
    await account.until_state(State.ACTIVE)
    await account.handle.cancel()
    await account.handle.result()
    return account


COURSES: tuple[Course, ...] = (
    set_up_and_mail,
    a_refused_set_up,
    ten_failures_and_a_new_credential,
    signals_good_and_bad,
    disabled_enabled_and_closed,
    suspended_and_cancelled,
)


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, minute_seconds=0.01)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__)
async def test_a_fresh_history_replays(mailroom: Mailroom, course: Course) -> None:
    async with MailboxServer() as server:
        account = await course(mailroom, server)
        history = await account.handle.fetch_history()
    RECORDED.record(course.__name__, history)
    await replay(history)


async def test_both_runs_of_an_account_that_continued_as_new_replay(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        first = (await account.handle.describe()).run_id
        monkeypatch.setattr(entity, "RESULTS_PER_RUN", SHORT_RUN)
        for number in range(3):
            server.messages[f"u{number}"] = HELLO
            await account.until_mail(number + 1)
        server.password = "changed"
        await account.until_logged("RetrievalFailed")
        await account.command("disable")
        second = (await account.handle.describe()).run_id
        assert second != first
        for name, run in (("continued_from", first), ("continued_to", second)):
            handle = mailroom.client.get_workflow_handle(account.handle.id, run_id=run)
            history = await handle.fetch_history()
            RECORDED.record(name, history)
            await replay(history)


@pytest.mark.parametrize("name", RECORDED.names)
async def test_a_recorded_history_replays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in SHORT_RUNS:
        monkeypatch.setattr(entity, "RESULTS_PER_RUN", SHORT_RUN)
    await replay(RECORDED.history(name))


def test_every_course_is_recorded() -> None:
    assert {course.__name__ for course in COURSES} | {"continued_from", "continued_to"} <= set(RECORDED.names)


def test_a_recorded_history_is_never_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_RECORD_HISTORIES", "1")
    released, later = (RECORDED.history(name) for name in ("set_up_and_mail", "a_refused_set_up"))
    for history in (released, later):
        Recorded(tmp_path).record("one", history)
    assert Recorded(tmp_path).history("one").to_json_dict() == released.to_json_dict()


# In the default sandbox each task imports everything anew: seconds of work a task, which a course of few tasks shows as well.
@pytest.mark.parametrize(
    ("course", "runner"),
    [
        (ten_failures_and_a_new_credential, workflow_runner),
        (disabled_enabled_and_closed, workflow_runner),
        (a_refused_set_up, SandboxedWorkflowRunner),
        (set_up_and_mail, SandboxedWorkflowRunner),
    ],
)
async def test_a_course_is_the_same_replayed_at_every_task(
    course: Course,
    runner: Callable[[], SandboxedWorkflowRunner],
    services: Services,
    temporal_namespace: str,
    pool: Pool,
    worker_settings: WorkerSettings,
) -> None:
    client = await connect(
        environ={},
        target_host=services.temporal,
        namespace=temporal_namespace,
        plugins=[MailroomPlugin(runner=runner())],
    )
    forgetful = Worker(
        client,
        task_queue=contract.WORKFLOW_QUEUE,
        workflows=[MailAccount],
        activities=[Recorder(pool).record, CrmConnections(pool).check_crms],
        max_cached_workflows=0,
        debug_mode=True,  # a task of the default sandbox takes 2 s on a busy machine, which is taken for a deadlock
    )
    sessions_only = dataclasses.replace(worker_settings, roles=frozenset({"retrieval"}))
    async with forgetful, Mailroom(client, pool, sessions_only) as mailroom, MailboxServer() as server:
        account = await course(mailroom, server)
        entries = await account.log()
    assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))

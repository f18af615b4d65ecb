"""Watching a mailbox: what an empty look costs, news that come by themselves, a long life, and a worker that is lost."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from domain.account.lifecycle import State
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, until
from tests.support.services import as_owner
from workflows.account import mail_account
from workflows.entity import entity, refused_signals

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, minute_seconds=0.02)


async def until_another_run(account: RunningAccount, run: str) -> str:
    """The id of the account's run, once it is no longer `run`: it has continued as new."""
    runs: list[str] = []

    async def changed() -> bool:
        runs[:] = [(await account.handle.describe()).run_id or ""]
        return runs[0] != run

    await until(changed, f"another run of {account.address}")
    return runs[0]


async def run_of(account: RunningAccount) -> str:
    return (await account.handle.describe()).run_id or ""


@pytest.mark.requirement("R43")
async def test_twenty_empty_looks_add_nothing_to_the_history(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server)
        await account.until_mail(1)
        await account.until_watched()
        length, logins = await account.history_length(), server.logins

        async def looked_often() -> bool:
            return server.logins >= logins + 22

        await until(looked_often, "22 looks")
        assert await account.history_length() == length
        assert len(await mailroom.rows("select * from retrievals where address = %s", account.address)) == 1
        assert server.retrieved == ["one"], "each message is retrieved once"
        assert server.deleted == []


async def test_the_view_shows_each_look_and_when_the_next_one_is(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.until_watched()
        first = await account.seen()

        async def moved_on() -> bool:
            now = await account.seen()
            assert first is not None
            assert now is not None
            return bool(now["last_checked_at"] > first["last_checked_at"])

        await until(moved_on, "a later look in the view")
        seen = await account.seen()
        assert seen is not None
        assert seen["next_attempt_at"] >= seen["last_checked_at"] == seen["last_success_at"]


async def test_the_pending_look_says_what_it_waits_for(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.until_watched()
        description = (await account.handle.describe()).raw_description
        [pending] = description.pending_activities
        assert pending.activity_type.name == "watch"
        assert pending.last_failure.message == "nothing new at 127.0.0.1"
        assert pending.last_failure.stack_trace == "", "an idle account does not look broken"


async def test_mail_arrives_by_itself_in_the_order_of_the_server_and_once(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        for number in range(5):
            server.messages[f"u{number}"] = HELLO + b"%d\r\n" % number
            await account.until_mail(number + 1)
        assert await account.mail() == ["u0", "u1", "u2", "u3", "u4"]
        assert server.retrieved == ["u0", "u1", "u2", "u3", "u4"]
        status = await account.until(lambda now: now.progress.stored == 5, "a status with all five")
        assert (status.progress.on_server, status.progress.remaining) == (5, 0)
        assert status.last_success_at is not None


async def test_an_account_that_continues_as_new_is_the_same_account(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entity, "RESULTS_PER_RUN", 3)
    async with MailboxServer() as server:
        account = await mailroom.connect(server, organisation="acme")
        await account.command("change_credential", secret=mailroom.secret(server.password))
        run = await run_of(account)
        for number in range(4):
            server.messages[f"u{number}"] = HELLO
            await account.until_mail(number + 1)
        run = await until_another_run(account, run)
        server.replies["PASS"] = "-ERR [SYS/TEMP] try again later"
        status = await account.until(lambda now: now.last_failure is not None, "the failure")
        assert (status.state, status.credential_version, status.progress.stored) == (State.ACTIVE, 2, 4)
        assert (await account.settings())["organisation"] == "acme"
        await until_another_run(account, await until_another_run(account, run))  # this one began with a failure
        assert (await account.search_attributes())["MailroomFailure"] == "server_error"
        assert account.address in await account.page()
        server.replies.clear()
        await account.until(lambda now: now.last_failure is None, "the recovery")
        assert "MailroomFailure" not in await account.search_attributes(), "also where another run had set it"
        assert server.retrieved == ["u0", "u1", "u2", "u3"]
        versions = [entry.version for entry in await account.log()]
        assert versions == list(range(1, len(versions) + 1))
        assert await mailroom.rows("select * from verify_log(%s)", account.address) == []


async def test_commands_meet_an_account_that_continues_as_new_all_the_time(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entity, "RESULTS_PER_RUN", 1)
    monkeypatch.setattr(refused_signals, "COUNTED_FOR", timedelta(seconds=3))
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
        first = await run_of(account)
        for number in range(4):
            server.messages[f"u{number}"] = HELLO
            await asyncio.gather(
                account.signal("no_such_thing"),
                account.command("poll_now"),
                account.command("change_settings", settings={"retrieval": {"messages_per_phase": 20 + number}}),
            )
        await account.until_mail(4)

        async def all_refusals_are_logged() -> bool:
            return sum(int(entry.data["times"]) for entry in await account.log("CommandRefused")) == 4

        await until(all_refusals_are_logged, "all refused signals in the log, counted from run to run")
        assert (await account.settings())["retrieval"]["messages_per_phase"] == 23
        assert await run_of(account) != first
        assert (await account.command("disable"))["state"] == "disabled"
        assert (await account.command("enable"))["state"] == "active"
        assert (await account.command("close"))["state"] == "closed"


@pytest.mark.parametrize("state", [State.ACTIVE, State.DISABLED, State.SUSPENDED])
async def test_signals_alone_never_fill_the_history_of_an_idle_account(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
        await account.until_watched()
        if state is State.DISABLED:
            await account.command("disable")
        if state is State.SUSPENDED:
            server.replies["PASS"] = "-ERR [WEBALERT] Please log in via your web browser"
            assert (await account.command("poll_now"))["status"]["state"] == "suspended"
        first = await run_of(account)
        monkeypatch.setattr(mail_account.MailAccount, "_is_long", _many_signals)
        for _ in range(3):
            await account.signal("no_such_thing")
        await until_another_run(account, first)
        assert (await account.status()).state is state


def _many_signals(account: Any) -> bool:
    """Stands for the server's own suggestion, which comes after 4,096 events."""
    from temporalio import workflow

    return workflow.info().get_current_history_length() > 20


async def test_what_a_session_stored_without_being_able_to_report_it_is_still_told(mailroom: Mailroom) -> None:
    async with MailboxServer() as server, await as_owner(mailroom.pool) as connection:
        account = await mailroom.connect(server)
        await account.until_watched()
        await connection.execute(
            """
            create function breaks() returns trigger language plpgsql as $$ begin raise 'the disk is full'; end $$;
            create trigger breaks before update of last_checked_at on mailboxes execute function breaks();
            """
        )
        server.messages["one"] = HELLO
        await account.until_mail(1)
        assert (await account.status()).progress.stored == 0
        await connection.execute("drop trigger breaks on mailboxes")
        status = await account.until(lambda now: now.progress.stored == 1, "the message in the status")
        assert (status.progress.on_server, status.state, status.last_failure) == (1, State.ACTIVE, None)
        assert server.retrieved == ["one"]
        assert await account.log("RetrievalFailed") == [], "a database's trouble counts against no account"


async def test_workers_that_stop_and_start_again_go_on_where_they_were(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server)
        await account.until_mail(1)
        await mailroom.stop_workers()
        server.messages["two"] = HELLO
        await mailroom.start_workers()
        assert await account.until_mail(2) == ["one", "two"]
        started = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
        assert [event.event_type async for event in account.handle.fetch_history_events()].count(started) == 1
        assert await account.log("RetrievalFailed") == []
        assert await account.logged("AccountConnected") == ["AccountConnected"]

"""The commands `disable`, `enable`, `close` and Temporal's own cancel, as updates, by the state of the account."""

from __future__ import annotations

import asyncio
import re

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateStage

from domain.account.lifecycle import State
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
SELDOM = {"interval_minutes": 60}


async def suspended(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    """A connected account whose provider has locked it since."""
    account = await mailroom.connect(server)
    server.replies["PASS"] = "-ERR [WEBALERT] Please log in via your web browser"
    await account.until_logged("AccountSuspended")
    return account


async def test_the_ui_explains_each_command_in_a_line(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        told = await account.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    updates = {one.name: one.description for one in told.definition.update_definitions if one.name}
    assert updates == {one.name: one.description for one in told.definition.signal_definitions if one.name in updates}
    assert updates["poll_now"] == "Look for mail now, without waiting for the interval."
    for name, line in updates.items():
        assert line, f"{name} is explained"
        assert not re.search(r"\n|\(R\d", line), line


class TestDisable:
    async def test_a_watch_that_waits_is_stopped_and_nobody_looks_any_more(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            await account.until_watched()
            answer = await account.command("disable", reason="vacation", by="ops")
            connections = server.connections
            assert (answer["state"], answer["reason"], answer["next_attempt_at"]) == ("disabled", "operator", None)
            assert not await account.has_a_session()
            assert await account.attempts() == 0, "no watch is scheduled"
            [entry] = await account.log("AccountDisabled")
            assert entry.actor == "ops"
            assert entry.data == {"reason": "operator", "because": "vacation"}
            assert server.connections == connections
        attributes = await account.search_attributes()
        assert (attributes["MailroomState"], attributes["MailroomReason"]) == ("disabled", "operator")
        [told] = await mailroom.notices(account.address)
        assert (told["code"], "ops" in told["text"], "enable" in told["remedy"]) == ("disabled", True, True)
        seen = await account.seen()
        assert seen is not None
        assert (seen["state"], seen["reason"], seen["next_attempt_at"]) == ("disabled", "operator", None)

    async def test_a_session_that_is_fetching_is_stopped_and_what_it_committed_stays(self, mailroom: Mailroom) -> None:
        async with MailboxServer(messages={f"u{number}": HELLO for number in range(3)}) as server:
            server.hangs.add("RETR 2")
            account = await mailroom.connect(server)
            await server.until("RETR")
            answer = await account.command("disable")
            assert answer["state"] == "disabled"
            assert not await account.has_a_session()
            stored = await account.mail()
            server.hangs.clear()
            await account.command("enable")
            assert sorted(await account.until_mail(3)) == ["u0", "u1", "u2"]
            assert set(stored) <= {"u0", "u1", "u2"}

    async def test_a_wait_after_a_failure_is_ended(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server, retrieval=SELDOM)
            await account.until_watched()
            server.replies["USER"] = "-ERR [SYS/TEMP] try again later"
            assert (await account.command("poll_now"))["outcome"] == "failed"
            assert (await account.command("disable"))["state"] == "disabled"
            connections = server.connections
            assert (await account.status()).next_attempt_at is None
            assert server.connections == connections

    async def test_disabled_already_is_no_change(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            first = await account.command("disable", by="ops")
            assert await account.command("disable", by="somebody else") == first
            assert len(await account.log("AccountDisabled")) == 1

    async def test_a_suspended_account_can_be_disabled(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await suspended(mailroom, server)
            answer = await account.command("disable")
            assert (answer["state"], answer["reason"], answer["needs_user_action"]) == ("disabled", "operator", None)

    async def test_a_poll_that_is_waited_for_is_refused_naming_enable(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server, retrieval=SELDOM)
            await account.until_watched()
            server.hangs.add("STAT")
            seen = server.count("STAT")
            polled = asyncio.create_task(refusal(account.command("poll_now")))
            await server.until("STAT", seen + 1)
            await account.command("disable")
            refused = await polled
            assert refused.code == "disabled"
            assert "enable" in refused.message

    async def test_it_ends_an_enable_whose_login_is_still_running(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            await account.command("disable")
            server.hangs.add("PASS")
            seen = server.count("PASS")
            enabled = asyncio.create_task(refusal(account.command("enable")))
            await server.until("PASS", seen + 1)
            assert (await account.command("disable"))["state"] == "disabled"
            assert (await enabled).code == "disabled"
            assert (await account.status()).state is State.DISABLED

    async def test_it_ends_an_enable_that_came_first_even_before_its_login_begins(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await suspended(mailroom, server)
            server.replies.clear()
            server.hangs.add("PASS")
            seen = server.count("PASS")
            polled = asyncio.create_task(refusal(account.command("poll_now")))
            await server.until("PASS", seen + 1)
            server.hangs.clear()
            # The session must end before the login can begin, and `disable` comes in between.
            enabled = await account.handle.start_update("enable", wait_for_stage=WorkflowUpdateStage.ACCEPTED)
            assert (await account.command("disable"))["state"] == "disabled"
            assert (await refusal(enabled.result())).code == "disabled"
            assert (await polled).code == "disabled"
            assert (await account.status()).state is State.DISABLED


class TestEnable:
    @pytest.mark.requirement("R87")
    async def test_a_disabled_account_is_enabled_by_a_live_login_and_gets_what_came_meanwhile(
        self, mailroom: Mailroom
    ) -> None:
        async with MailboxServer(messages={"one": HELLO}) as server:
            account = await mailroom.connect(server)
            await account.until_mail(1)
            await account.command("disable")
            server.messages["two"] = HELLO
            logins = server.logins
            answer = await account.command("enable", by="ops")
            assert (answer["state"], answer["reason"], answer["last_failure"]) == ("active", None, None)
            assert server.logins > logins
            assert await account.until_mail(2) == ["one", "two"]
            [entry] = await account.log("AccountEnabled")
            assert entry.actor == "ops"
            assert [told["code"] for told in await mailroom.notices(account.address)] == ["disabled", "enabled"]

    @pytest.mark.requirement("R87")
    async def test_it_is_refused_with_the_failure_when_the_login_does_not_work_and_counts_nothing(
        self, mailroom: Mailroom
    ) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            before = await account.command("disable")
            server.password = "changed"
            refused = await refusal(account.command("enable", by="ops"))
            assert refused.code == "login_failed"
            assert refused.failure is not None
            assert refused.failure["kind"] == "authentication"
            assert refused.failure["remedy"] in refused.message
            assert (await account.status()).model_dump(mode="json") == before
            [entry] = await account.log("CommandRefused")
            assert (entry.actor, entry.data["command"], entry.data["code"]) == ("ops", "enable", "login_failed")

    async def test_a_suspended_account_goes_on_after_a_live_login(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await suspended(mailroom, server)
            assert (await refusal(account.command("enable"))).code == "login_failed"
            assert (await account.status()).state is State.SUSPENDED
            server.replies.clear()
            answer = await account.command("enable")
            assert (answer["state"], answer["reason"], answer["needs_user_action"]) == ("active", None, None)

    async def test_an_active_account_is_left_as_it_is(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server, retrieval=SELDOM)
            await account.until_watched()
            before, connections = await account.log(), server.connections
            assert (await account.command("enable"))["state"] == "active"
            assert (await account.log(), server.connections) == (before, connections)

    async def test_sessions_and_logins_never_overlap(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            server.locks = True
            account = await mailroom.connect(server)
            for _ in range(3):
                await account.command("disable")
                await asyncio.gather(account.command("enable"), account.command("enable"))
                await account.until_watched()
            assert server.most_sessions == 1
            assert await account.log("RetrievalFailed") == []


class TestClose:
    async def test_the_workflow_completes_and_the_log_and_the_mail_stay(self, mailroom: Mailroom) -> None:
        async with MailboxServer(messages={"one": HELLO}) as server:
            account = await mailroom.connect(server)
            await account.until_mail(1)
            answer = await account.command("close", by="ops")
            assert answer["state"] == "closed"
            assert (await account.handle.result())["state"] == "closed"
            assert not await account.has_a_session()
        last = (await account.log())[-1]
        assert (last.type, last.actor) == ("AccountClosed", "ops")
        assert await account.mail() == ["one"]
        seen = await account.seen()
        assert seen is not None
        assert (seen["state"], seen["next_attempt_at"]) == ("closed", None)

    async def test_a_session_that_is_fetching_is_stopped(self, mailroom: Mailroom) -> None:
        async with MailboxServer(messages={"one": HELLO}) as server:
            server.hangs.add("RETR")
            account = await mailroom.connect(server)
            await server.until("RETR")
            assert (await account.command("close"))["state"] == "closed"
            await account.handle.result()
            assert not await account.has_a_session()

    async def test_a_disabled_account_can_be_closed_and_started_again_with_its_log_going_on(
        self, mailroom: Mailroom
    ) -> None:
        async with MailboxServer(messages={"one": HELLO}) as server:
            account = await mailroom.connect(server)
            await account.until_mail(1)
            await account.command("disable")
            await account.command("close")
            await account.handle.result()
            server.messages["two"] = HELLO
            again = await mailroom.start(mailroom.given(server, account.address))
            assert await again.until_mail(2) == ["one", "two"], "what is stored is not fetched again"
            entries = await again.log()
            assert [entry.version for entry in entries] == list(range(1, len(entries) + 1))
            assert [entry.type for entry in entries].count("AccountConnected") == 2
            assert await mailroom.rows("select * from verify_log(%s)", account.address) == []

    @pytest.mark.parametrize("while_fetching", [False, True])
    async def test_temporals_own_cancel_means_the_same_by_temporal(
        self, mailroom: Mailroom, while_fetching: bool
    ) -> None:
        async with MailboxServer() as server:
            if while_fetching:
                server.messages["one"] = HELLO
                server.hangs.add("RETR")
            account = await mailroom.connect(server)
            await (server.until("RETR") if while_fetching else account.until_watched())
            await account.handle.cancel()
            assert (await account.handle.result())["state"] == "closed"
            assert not await account.has_a_session()
        described = await account.handle.describe()
        assert described.status is WorkflowExecutionStatus.COMPLETED
        last = (await account.log())[-1]
        assert (last.type, last.actor) == ("AccountClosed", "temporal")

    async def test_a_cancel_during_an_enable_closes_all_the_same(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server)
            await account.command("disable")
            server.pauses["PASS"] = 1.0
            seen = server.count("PASS")
            enabled = asyncio.create_task(refusal(account.command("enable")))
            await server.until("PASS", seen + 1)
            await account.handle.cancel()
            assert (await enabled).code in ("closed", "disabled")
            assert (await account.handle.result())["state"] == "closed"
        assert "AccountEnabled" not in await account.logged()

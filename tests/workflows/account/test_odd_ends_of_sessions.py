"""Sessions that end as none does by itself: by hand, on a worker that lacks something, and just when poll_now wants another."""

from __future__ import annotations

import asyncio
import dataclasses
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from activities.core import attempts
from domain.account.lifecycle import State
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal, until

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
SELDOM = {"interval_minutes": 60}


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, minute_seconds=0.05)


async def fail_by_hand(account: RunningAccount, error: Exception) -> None:
    """`temporal activity fail`, for the session that is under way."""
    description = await account.handle.describe()
    [pending] = description.raw_description.pending_activities
    client, run = account.mailroom.client, description.run_id
    session = client.get_async_activity_handle(
        workflow_id=account.handle.id, run_id=run, activity_id=pending.activity_id
    )
    await session.fail(error)


async def has_heard(account: RunningAccount) -> bool:
    """Whether the server has answered a heartbeat of the session's present attempt."""
    [pending] = (await account.handle.describe()).raw_description.pending_activities
    return pending.last_heartbeat_time.ToDatetime() >= pending.last_started_time.ToDatetime()


async def words_of_the_last_attempt(account: RunningAccount) -> str:
    pending = (await account.handle.describe()).raw_description.pending_activities
    return pending[0].last_failure.message if pending else ""


BY_HAND = pytest.mark.parametrize(
    "error",
    [
        ApplicationError("somebody did not like it", type="ByHand", non_retryable=True),
        ApplicationError("somebody did not like it", "for a reason", type="ByHand", non_retryable=True),
    ],
    ids=["without details", "with details"],
)


@BY_HAND
async def test_a_watch_that_somebody_fails_by_hand_ends_no_account(mailroom: Mailroom, error: ApplicationError) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        server.hangs.add("STAT")
        await server.until("STAT", times=server.count("STAT") + 1)
        await fail_by_hand(account, error)

        async def ended() -> bool:
            return not (await account.handle.describe()).raw_description.pending_activities

        await until(ended, "the end of the watch")
        server.hangs.clear()
        server.messages["one"] = HELLO
        await server.hang_up()
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["stored"]) == ("mail", 1)
        assert (answer["status"]["state"], answer["status"]["last_failure"]) == ("active", None)
        assert await account.log("RetrievalFailed") == []


@BY_HAND
async def test_a_live_login_that_somebody_fails_by_hand_is_refused(mailroom: Mailroom, error: ApplicationError) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        server.hangs.add("PASS")
        changing = asyncio.create_task(
            refusal(account.command("change_credential", secret=mailroom.secret(server.password)))
        )
        await server.until("PASS", times=server.count("PASS") + 1)
        await fail_by_hand(account, error)
        refused = await changing
        assert (refused.code, refused.failure) == ("not_answered", None)
        assert "change_credential: the worker could not do it" in refused.message
        server.hangs.clear()
        await server.hang_up()
        assert (await account.command("poll_now"))["outcome"] == "nothing_new"
        assert (await account.status()).credential_version == 1


async def test_a_secret_that_only_the_worker_lacks_is_waited_for(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"MAILROOM_SECRET_{uuid4().hex.upper()}"
    async with MailboxServer() as server:
        monkeypatch.setenv(name, server.password)
        account = await mailroom.connect(server, retrieval=SELDOM, incoming={"secret": f"env:{name}"})
        await account.until_watched()
        monkeypatch.delenv(name)

        async def misses_it() -> bool:
            return name in await words_of_the_last_attempt(account)

        await until(misses_it, "an attempt without the secret")
        status = await account.status()
        assert (status.state, status.last_failure) == (State.ACTIVE, None)
        server.messages["one"] = HELLO
        monkeypatch.setenv(name, server.password)
        await account.until_mail(1)
        assert await account.log("RetrievalFailed", "AccountSuspended") == []
        assert await mailroom.notices(account.address) == []


async def test_poll_now_is_refused_where_the_session_that_it_cuts_short_disables_the_account(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "HEARTBEAT_SECONDS", 10.0)  # so that the session fails before it hears of its end
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        server.replies["PASS"] = "-ERR [AUTH] Authentication failed"
        while (await account.command("poll_now"))["status"]["failures"]["authentication"] < 9:
            pass
        server.pauses["PASS"] = 6.0
        async with asyncio.timeout(60):
            await server.until("PASS", times=server.count("PASS") + 1)
            # The answer to the heartbeat that a session begins with would tell it of its end, too.
            await until(lambda: has_heard(account), "the answer to the session's first heartbeat")
            refused = await refusal(account.command("poll_now", by="ops"))
        assert (refused.code, refused.field, refused.failure) == ("disabled", None, None)
        assert "enable" in refused.message
        status = await account.status()
        assert (status.state, status.reason) == (State.DISABLED, "authentication_failures")
        assert len(await account.log("RetrievalFailed")) == 10
        [asked] = [entry for entry in await account.log("PollRequested") if entry.actor == "ops"]
        [disabled] = await account.log("AccountDisabled")
        assert asked.version < disabled.version

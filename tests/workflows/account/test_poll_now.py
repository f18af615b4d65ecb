"""The command `poll_now`, by the state of the account."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.api.enums.v1 import EventType

from domain.account.lifecycle import State
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, refusal, until

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
SELDOM = {"interval_minutes": 60}


async def test_mail_that_waits_is_fetched_and_told(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        server.messages["one"] = HELLO
        answer = await account.command("poll_now", by="ops")
        assert (answer["outcome"], answer["stored"], answer["failure"]) == ("mail", 1, None)
        assert answer["status"]["progress"]["stored"] == 1
        assert await account.mail() == ["one"], "it is stored when the answer comes"
        [entry] = await account.log("PollRequested")
        assert entry.actor == "ops"


async def test_an_empty_mailbox_is_told_as_nothing_new(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["stored"], answer["failure"]) == ("nothing_new", 0, None)
        assert answer["status"]["state"] == "active"


async def test_a_failure_is_told_and_counts_like_any_other(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        server.password = "changed"
        for times in (1, 2, 3):
            answer = await account.command("poll_now")
            assert answer["outcome"] == "failed"
            assert answer["failure"]["kind"] == "authentication"
            assert answer["failure"] == answer["status"]["last_failure"]
            assert answer["status"]["failures"]["authentication"] >= times
        failures = await account.log("RetrievalFailed")
        counted = [entry.data["failures"]["authentication"] for entry in failures]
        assert counted == list(range(1, len(counted) + 1))


async def test_the_tenth_failure_disables_also_when_it_was_asked_for(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        server.password = "changed"
        while (answer := await account.command("poll_now"))["status"]["state"] == "active":
            assert answer["outcome"] == "failed"
        assert answer["status"]["reason"] == "authentication_failures"
        assert answer["status"]["failures"]["authentication"] == 10
        refused = await refusal(account.command("poll_now"))
        assert (refused.code, refused.field) == ("disabled", None)


async def test_calls_at_the_same_time_share_one_session(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        server.messages["one"] = HELLO
        server.pauses["RETR"] = 0.5
        before = server.logins
        answers = asyncio.gather(*(account.command("poll_now") for _ in range(3)))
        await server.until("RETR")
        late = await account.command("poll_now")
        assert [answer["stored"] for answer in await answers] == [1, 1, 1]
        assert late["stored"] == 1
        assert server.logins == before + 1
        assert server.count("RETR") == 1
        assert len(await account.log("PollRequested")) == 1
        stopped = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
        assert [event.event_type async for event in account.handle.fetch_history_events()].count(stopped) == 1, (
            "the wait was cut short, the session that reports was not"
        )


async def test_it_answers_after_the_first_phase_and_the_rest_follows(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM | {"messages_per_phase": 20})
        await account.until_watched()
        server.messages |= {f"u{number}": HELLO for number in range(50)}
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["stored"]) == ("mail", 20)
        assert answer["status"]["progress"]["remaining"] == 30
        assert len(await account.until_mail(50)) == 50
        assert len(server.retrieved) == len(set(server.retrieved))


@pytest.mark.requirement("R19")
async def test_what_a_session_leaves_for_the_next_is_in_the_status_the_views_and_the_search_attributes(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer(messages={f"u{number}": HELLO for number in range(50)}) as server:
        steady = SELDOM | {"pace": "steady", "messages_per_phase": 20}
        account = await mailroom.connect(server, retrieval=steady)
        await account.until(lambda now: now.progress.stored == 20, "the end of its first session")
        for stored, remaining in ((20, 30), (40, 10), (50, 0)):
            progress = (await account.status()).progress
            assert (progress.stored, progress.remaining, progress.on_server) == (stored, remaining, 50)
            assert progress.bytes == stored * len(HELLO)
            seen = await account.seen()
            assert seen is not None
            assert (seen["messages"], seen["remaining"], seen["on_server"]) == (stored, remaining, 50)
            assert f"{stored} stored, {remaining} to fetch, 50 on the server" in await account.page()

            async def upserted(remaining: int = remaining) -> bool:
                return bool((await account.search_attributes())["MailroomBacklog"] == remaining)

            await until(upserted, f"MailroomBacklog to be {remaining}")
            assert len(await account.mail()) == stored, "the next session is an hour away"
            if remaining:
                answer = await account.command("poll_now")
                assert answer["stored"] == min(remaining, 20)


async def test_it_cuts_a_wait_after_a_failure_short(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        server.replies["USER"] = "-ERR [SYS/TEMP] too many connections, try again later"
        failed = await account.command("poll_now")
        assert failed["status"]["next_attempt_at"] is not None
        server.replies.clear()
        server.messages["one"] = HELLO
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["stored"]) == ("mail", 1)
        assert answer["status"]["last_failure"] is None


async def test_a_disabled_account_is_not_looked_at_and_enable_is_named(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.command("disable")
        before = server.connections
        refused = await refusal(account.command("poll_now", by="ops"))
        assert (refused.code, refused.field, refused.failure) == ("disabled", None, None)
        assert "enable" in refused.message
        assert server.connections == before


async def test_a_suspended_account_is_looked_at_once_and_goes_on_when_it_works(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server)
        server.replies["PASS"] = "-ERR [WEBALERT] Please log in via your web browser"
        await account.until_state(State.SUSPENDED)
        await account.until_logged("AccountSuspended")
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["status"]["state"]) == ("failed", "suspended")
        attempts = server.attempts
        assert (await account.command("poll_now"))["outcome"] == "failed"
        assert server.attempts == attempts + 1
        server.replies.clear()
        answer = await account.command("poll_now")
        assert answer["outcome"] in ("mail", "nothing_new")
        assert (answer["status"]["state"], answer["status"]["last_failure"]) == ("active", None)
        assert "AccountResumed" in await account.logged()


@pytest.mark.requirement("R20")
async def test_an_account_over_its_quota_looks_once_and_stays_so(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_mail(1)
        await account.command("set_quota", bytes=1)
        server.messages["two"] = HELLO
        first = await account.command("poll_now")
        assert (first["outcome"], first["status"]["state"]) == ("nothing_new", "over_quota")
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["status"]["state"]) == ("nothing_new", "over_quota")
        assert await account.mail() == ["one"]
        assert sorted(server.messages) == ["one", "two"]


async def test_over_quota_the_server_is_asked_and_an_account_goes_on_where_it_no_longer_has_what_had_no_room(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_mail(1)
        await account.command("set_quota", bytes=1)
        server.messages |= {"two": HELLO, "three": HELLO}
        before = (await account.command("poll_now"))["status"]
        assert (before["progress"]["on_server"], before["progress"]["remaining"]) == (3, 2)
        logins = server.logins
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["stored"], answer["failure"]) == ("nothing_new", 0, None)
        assert server.logins == logins + 1
        assert answer["status"]["progress"] == before["progress"]
        assert answer["status"]["since"] == before["since"]
        assert len(await account.log("QuotaReached")) == 1
        del server.messages["two"], server.messages["three"]  # their owner, in another program
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["status"]["state"]) == ("nothing_new", "active")


async def test_within_the_servers_login_delay_it_is_refused_with_the_time(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        server.capabilities.append("LOGIN-DELAY 600")
        account = await mailroom.connect(server)
        before = server.logins
        refused = await refusal(account.command("poll_now"))
        assert refused.code == "login_delay"
        [row] = await mailroom.rows("select login_at + interval '600 s' as earliest from mailboxes")
        assert f"{row['earliest']:%Y-%m-%d %H:%M:%S} UTC" in refused.message
        assert server.logins == before, "the server is not asked"
        status = await account.status()
        assert (status.state, status.last_failure) == (State.ACTIVE, None)
        assert await account.logged("RetrievalFailed") == []


async def test_it_works_as_a_signal(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        server.messages["one"] = HELLO
        await account.signal("poll_now", {"by": "batch"})
        await account.until_mail(1)
        [entry] = await account.until_logged("PollRequested")
        assert entry.actor == "batch"

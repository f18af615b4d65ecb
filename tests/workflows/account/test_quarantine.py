"""The commands `retry_quarantined` and `skip_message`, by the state of the account, and what the status tells."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateStage

from domain.account.lifecycle import State
from domain.account.status import AccountStatus
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, a_new_address, refusal
from tests.support.workflows.replaying import replay

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
SELDOM = {"interval_minutes": 60}
ACCEPTED = WorkflowUpdateStage.ACCEPTED
THREE = {"one": HELLO, "two": HELLO, "three": HELLO}


def quarantined(status: AccountStatus | dict[str, Any]) -> str | None:
    """What the status says of the quarantine; None where it says nothing."""
    shown = status if isinstance(status, dict) else status.model_dump(mode="json")
    texts: list[str] = [warning["text"] for warning in shown["warnings"] if warning["code"] == "quarantined"]
    return texts[0] if texts else None


async def with_a_refused_message(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    """An account whose second message the server does not hand out, and that looks for mail once an hour."""
    server.replies["RETR 2"] = "-ERR corrupt"
    account = await mailroom.connect(server, retrieval=SELDOM)
    await account.until_mail(2)
    await account.until(lambda now: quarantined(now) is not None, "a quarantine in its status")
    return account


async def in_quarantine(account: RunningAccount) -> list[str]:
    rows = await account.mailroom.rows("select uidl from quarantine where address = %s order by uidl", account.address)
    return [row["uidl"] for row in rows]


async def test_status_page_and_views_tell_what_is_in_quarantine(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        told = quarantined(await account.status())
        assert told is not None
        assert told.startswith("1 message could not be taken from the server: 1 asked for again by itself.")
        assert told in await account.page()
        assert await in_quarantine(account) == ["two"]
        seen = await account.seen()
        assert seen is not None
        assert (seen["quarantined"], seen["messages"]) == (1, 2)


async def test_idle_looks_at_an_account_with_a_quarantine_add_nothing_to_its_history(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        server.replies["RETR 2"] = "-ERR corrupt"
        account = await mailroom.connect(server)
        await account.until(lambda now: quarantined(now) is not None, "a quarantine in its status")
        await account.until_watched()
        length, polls = await account.history_length(), server.count("UIDL")
        await server.until("UIDL", polls + 3)
        assert await account.history_length() == length


async def test_what_is_released_is_fetched_at_once(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        server.replies.clear()
        answer = await account.command("retry_quarantined", by="ops")
        assert (answer["messages"], answer["waits_for"], answer["status"]["state"]) == (1, None, "active")
        assert sorted(await account.until_mail(3)) == ["one", "three", "two"]
        await account.until(lambda now: quarantined(now) is None, "a status without quarantine")
        [entry] = await account.log("QuarantineReleased")
        assert (entry.actor, entry.data) == ("ops", {"uidl": None, "messages": 1})
        assert entry.run_id is not None


async def test_a_history_with_both_commands_replays(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        await account.command("retry_quarantined", uidl="two")
        await refusal(account.command("skip_message", uidl="one"))
        await account.command("skip_message", uidl="two")
        await account.command("close")
        await account.handle.result()
        await replay(await account.handle.fetch_history())


async def test_with_nothing_in_quarantine_nothing_is_released_and_nobody_is_disturbed(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_mail(3)
        answer = await account.command("retry_quarantined")
        assert (answer["messages"], answer["waits_for"]) == (0, None)
        assert await account.log("QuarantineReleased") == []


async def test_what_is_given_up_is_gone_from_status_and_views_and_never_fetched(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        server.replies.clear()
        answer = await account.command("skip_message", uidl="two", reason="spam", by="ops")
        assert (answer["messages"], quarantined(answer["status"])) == (1, None)
        assert quarantined(await account.status()) is None
        assert await in_quarantine(account) == []
        assert (await account.command("poll_now"))["outcome"] == "nothing_new"
        assert server.retrieved == ["one", "three"]
        [entry] = await account.log("MessageSkipped")
        assert (entry.actor, entry.data["uidl"], entry.data["because"]) == ("ops", "two", "spam")


async def test_a_message_that_is_being_fetched_while_it_is_given_up_is_given_up(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        server.replies.clear()
        server.hangs.add("RETR 2")
        asked = server.count("RETR")
        await account.command("retry_quarantined")
        await server.until("RETR", asked + 1)
        assert await account.has_a_session()
        await account.command("skip_message", uidl="two")
        server.hangs.clear()
        server.messages["four"] = HELLO
        await account.command("poll_now")
        assert sorted(await account.mail()) == ["four", "one", "three"]
        rows = await mailroom.rows("select state from ledger where address = %s and uidl = 'two'", account.address)
        assert rows == [{"state": "skipped"}]
        assert await account.logged("RetrievalFailed") == []


async def test_a_poll_that_is_waited_for_is_answered_although_a_command_comes_in_between(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        server.messages["four"] = HELLO
        server.hangs.add("RETR 4")
        asked = server.count("RETR")
        poll = await account.handle.start_update("poll_now", wait_for_stage=ACCEPTED)
        await server.until("RETR", asked + 1)
        server.hangs.clear()
        await account.command("skip_message", uidl="two")
        assert (await poll.result())["stored"] == 1


async def test_a_command_on_what_is_not_in_quarantine_is_refused_with_what_it_is(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        for name in ("skip_message", "retry_quarantined"):
            refused = await refusal(account.command(name, uidl="one"))
            assert (refused.code, refused.field) == ("not_in_quarantine", "uidl")
            assert refused.message.startswith(
                f"{name}: the message with the UIDL 'one' is not in quarantine: it is stored"
            )
            assert "reference: update" in refused.message
        refused = await refusal(account.command("skip_message", uidl="nine"))
        assert "ever listed" in refused.message
        refused = await refusal(account.command("skip_message"))
        assert (refused.code, refused.field) == ("missing_field", "uidl")
        server.messages["four"] = HELLO
        await account.command("poll_now")
        assert "four" in await account.mail(), "a refusal leaves the account watched"


async def test_they_work_as_signals_and_a_refused_one_is_in_the_log(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        await account.signal("skip_message", {"uidl": "one", "by": "batch"})
        [entry] = await account.until_logged("CommandRefused")
        assert (entry.actor, entry.data["command"], entry.data["code"]) == (
            "batch",
            "skip_message",
            "not_in_quarantine",
        )
        await account.signal("retry_quarantined")
        await account.until_logged("QuarantineReleased")
        await account.signal("skip_message", {"uidl": "two", "by": "batch"})
        [entry] = await account.until_logged("MessageSkipped")
        assert entry.actor == "batch"


async def test_a_disabled_account_skips_at_once_and_a_retry_waits_for_enable_and_says_so(mailroom: Mailroom) -> None:
    messages = {"one": HELLO, "two": HELLO, "three": HELLO, "four": HELLO}
    async with MailboxServer(messages=messages) as server:
        server.replies["RETR 4"] = "-ERR corrupt"
        account = await with_a_refused_message(mailroom, server)
        await account.command("disable")
        connections = server.connections
        skipped = await account.command("skip_message", uidl="four")
        assert (skipped["messages"], skipped["waits_for"], skipped["status"]["state"]) == (1, None, "disabled")
        answer = await account.command("retry_quarantined")
        assert (answer["messages"], answer["waits_for"]) == (1, "enable")
        assert server.connections == connections
        server.replies.clear()
        await account.command("enable")
        assert sorted(await account.until_mail(3)) == ["one", "three", "two"]


async def test_a_suspended_account_looks_at_once_and_stays_suspended_where_that_does_not_work(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        server.replies["PASS"] = "-ERR [WEBALERT] Please log in via your web browser"
        assert (await account.command("poll_now"))["status"]["state"] == "suspended"
        attempts = server.attempts
        answer = await account.command("retry_quarantined")
        assert (answer["messages"], answer["waits_for"], answer["status"]["state"]) == (1, None, "suspended")
        await account.until_logged("RetrievalFailed", 2)
        assert server.attempts == attempts + 1
        server.replies.clear()
        await account.command("retry_quarantined", uidl="two")
        assert sorted(await account.until_mail(3)) == ["one", "three", "two"]
        await account.until_state(State.ACTIVE)


@pytest.mark.requirement("R20")
async def test_an_account_over_its_quota_skips_at_once_and_a_retry_waits_for_room(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=THREE) as server:
        account = await with_a_refused_message(mailroom, server)
        await account.command("set_quota", bytes=1)
        server.messages["four"] = HELLO
        assert (await account.command("poll_now"))["status"]["state"] == "over_quota"
        answer = await account.command("retry_quarantined")
        assert (answer["messages"], answer["waits_for"], answer["status"]["state"]) == (1, "set_quota", "over_quota")
        server.replies.clear()
        await account.command("set_quota", bytes=10**9)
        assert sorted(await account.until_mail(4)) == ["four", "one", "three", "two"]


@pytest.mark.parametrize("name", ["retry_quarantined", "skip_message"])
async def test_what_ends_before_it_was_connected_refuses_both(mailroom: Mailroom, name: str) -> None:
    async with MailboxServer() as server:
        server.pauses["PASS"] = 0.5
        server.replies["PASS"] = "-ERR [AUTH] no"
        account = await mailroom.start(mailroom.given(server))
        await server.until("PASS")
        assert (await refusal(account.command(name, uidl="two"))).code == "closed"


async def test_dovecots_unreadable_message_holds_up_nothing_and_comes_once_it_can_be_read(
    mailroom: Mailroom, dovecot: Dovecot
) -> None:
    address = a_new_address()
    dovecot.add_user(address, "secret")
    for _ in range(3):
        dovecot.deliver(address, HELLO)
    unreadable = sorted((dovecot.maildir(address) / "new").iterdir())[0]
    unreadable.chmod(0o000)
    given = {
        "address": address,
        "incoming": {"host": "127.0.0.1", "port": dovecot.port, "tls": "none", "secret": mailroom.secret("secret")},
        "retrieval": {"interval_minutes": 1},
    }
    account = await mailroom.start(given)
    assert len(await account.until_mail(2)) == 2
    await account.until(lambda now: quarantined(now) is not None, "a quarantine in its status")
    dovecot.deliver(address, HELLO)
    await account.until_mail(3)
    next((dovecot.maildir(address) / "cur").glob(f"{unreadable.name}*")).chmod(0o644)
    assert (await account.command("retry_quarantined"))["messages"] == 1
    await account.until_mail(4)
    status = await account.until(lambda now: quarantined(now) is None, "a status without quarantine")
    assert (status.state, status.progress.stored) == (State.ACTIVE, 4)
    assert await account.logged("RetrievalFailed") == []

"""Warnings as operators meet them: in the status, in the log, as notices, and gone once their remedy was pasted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal, until

FAST = {"interval_minutes": 1}


def mailbox(count: int) -> dict[str, bytes]:
    raw = "From: ann@example.org\r\nSubject: {0}\r\nMessage-ID: <{0}@example.org>\r\n\r\nHello {0}\r\n"
    return {f"u{number}": raw.format(number).encode() for number in range(count)}


async def paste(account: RunningAccount, remedy: str) -> dict[str, Any]:
    """Gives the command of a remedy, as it stands; where it would delete from the server, again with the number that it says."""
    name, _, given = remedy.partition(" ")
    fields = json.loads(given)
    try:
        answer: dict[str, Any] = await account.command(name, **fields)
    except WorkflowUpdateFailedError as error:
        if (found := re.search(r"confirm_deletes: (\d+)", str(error.cause))) is None:
            raise
        answer = await account.command(name, **fields, confirm_deletes=int(found[1]))
    return answer


async def codes(account: RunningAccount) -> list[str]:
    return [warning.code for warning in (await account.status()).warnings]


async def saturated(mailroom: Mailroom, server: MailboxServer) -> RunningAccount:
    account = await mailroom.connect(server, provider="google", crm=["builtin"], retrieval=FAST)
    await account.until(
        lambda now: "queue_saturated" in [one.code for one in now.warnings], "a warning that the queue is full"
    )
    return account


async def until_drained(account: RunningAccount) -> None:
    await account.until_logged("WarningCleared")
    await account.until(
        lambda now: "queue_saturated" not in [one.code for one in now.warnings], "the end of that warning"
    )


@pytest.mark.requirement("R56")
async def test_a_full_queue_is_told_once_and_adds_nothing_more_to_the_history(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=mailbox(60)) as server:
        account = await saturated(mailroom, server)
        await account.until_logged("WarningRaised")
        [told] = await mailroom.notices(account.address)
        assert told["code"] == "queue_saturated"
        assert 'change_settings {"settings": {"retrieval": {"recent_mode": true}}}' in told["remedy"]
        assert "its queue does not get shorter" in await account.page()
        await account.until_watched()
        before, looks = await account.history_length(), server.logins
        await server.until("PASS", times=looks + 3)
        assert await account.history_length() == before
        assert len(await account.log("WarningRaised")) == 1
        [row] = await mailroom.rows("select code, facts from warnings where address = %s", account.address)
        assert row == {"code": "queue_saturated", "facts": {"counted": 60, "listed": 60, "stored": 60}}


@pytest.mark.requirement("R57")
async def test_switching_to_recent_mode_as_the_first_remedy_says_ends_the_stall(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=mailbox(60)) as server:
        account = await saturated(mailroom, server)
        [warning] = [one for one in (await account.status()).warnings if one.code == "queue_saturated"]
        answer = await paste(account, warning.remedies[0])
        assert [one["code"] for one in answer["warnings"]] == ["recent_mode", "own_mail_in_inbox"]
        server.messages |= mailbox(61)
        assert len(await account.until_mail(61)) == 61
        assert await codes(account) == ["recent_mode", "own_mail_in_inbox"]


@pytest.mark.requirement("R57")
async def test_deleting_from_the_queue_as_the_second_remedy_says_ends_the_stall(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=mailbox(60)) as server:
        account = await saturated(mailroom, server)
        [warning] = [one for one in (await account.status()).warnings if one.code == "queue_saturated"]
        answer = await paste(account, warning.remedies[1])
        assert "deletes_on_server" in [one["code"] for one in answer["warnings"]]
        await until_drained(account)
        assert server.messages == {}
        assert len(await account.mail()) == 60


@pytest.mark.requirement("R57")
@pytest.mark.parametrize(("remedy", "left"), [(0, 80), (1, 0)], ids=["recent mode", "delete"])
async def test_either_remedy_brings_the_mail_that_was_hidden_behind_a_full_queue(
    mailroom: Mailroom, remedy: int, left: int
) -> None:
    async with MailboxServer(messages=mailbox(80)) as server:
        server.queue, server.keeps_deleted = 60, True  # what was retrieved stays in the queue: it stalls
        account = await saturated(mailroom, server)
        assert await account.mail() == [f"u{number}" for number in range(60)], "the others are not to be seen"
        server.keeps_deleted = False
        [warning] = [one for one in (await account.status()).warnings if one.code == "queue_saturated"]
        await paste(account, warning.remedies[remedy])
        assert sorted(await account.until_mail(80)) == sorted(mailbox(80))
        await account.until(
            lambda now: "queue_saturated" not in [one.code for one in now.warnings], "the end of that warning"
        )

        async def settled() -> bool:
            return len(server.messages) == left

        await until(settled, f"{left} messages on the server")
        assert len(await account.mail()) == 80
        counts = await mailroom.rows("select count(*) from messages where address = %s", account.address)
        assert counts == [{"count": 80}]


@pytest.mark.requirement("R63")
@pytest.mark.parametrize(("provider", "words"), [("google", "from the queue only"), ("generic", "gone there for good")])
async def test_who_changes_the_delete_policy_reads_in_the_answer_what_deleting_does_there(
    mailroom: Mailroom, provider: str, words: str
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, provider=provider, crm=["builtin"])
        answer = await account.command("change_settings", settings={"retrieval": {"after_store": "delete"}})
        [warning] = answer["warnings"]
        assert warning["code"] == "deletes_on_server"
        assert words in warning["text"]


@pytest.mark.requirement("R51")
async def test_the_checklist_is_part_of_the_answer_to_configuring_an_account(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, provider="google")
        assert any("enable POP" in item for item in (await account.status()).checklist)
        answer = await account.command("change_settings", settings={"provider": "yahoo"})
        assert any("app password" in item for item in answer["checklist"])


@pytest.mark.requirement("R65")
async def test_another_client_that_takes_mail_is_told_of_with_what_to_do(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=mailbox(3)) as server:
        account = await mailroom.connect(server, crm=["builtin"], retrieval=FAST)
        await account.until_mail(3)
        del server.messages["u0"]
        await account.until_logged("WarningRaised")
        assert await codes(account) == ["other_pop_client"]
        assert [told["code"] for told in await mailroom.notices(account.address)] == ["other_pop_client"]


@pytest.mark.requirement("R64")
@pytest.mark.requirement("R68")
@pytest.mark.parametrize(
    ("before", "change"),
    [({}, {"after_store": "delete"}), ({}, {"recent_mode": True}), ({"recent_mode": True}, {"recent_mode": False})],
    ids=["the delete policy", "recent mode on", "recent mode off"],
)
async def test_changing_what_may_lose_mail_needs_the_secret_again(
    mailroom: Mailroom, before: dict[str, Any], change: dict[str, Any]
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60} | before)
        settings = await account.settings()
        server.password = "changed meanwhile"
        refused = await refusal(account.command("change_settings", settings={"retrieval": change}))
        assert refused.code == "login_failed"
        assert await account.settings() == settings
        server.password = "secret"
        answer = await account.command("change_settings", settings={"retrieval": change})
        assert answer["settings_version"] == 2


@pytest.mark.requirement("R67")
@pytest.mark.requirement("R69")
async def test_recent_mode_is_turned_on_once_however_often_it_is_asked_for_and_off_again(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=mailbox(2)) as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60, "after_store": "delete"})
        await account.until_mail(2)

        async def deleted() -> bool:
            return not server.messages

        await until(deleted, "both to be deleted, so that nothing is there to be confirmed")
        before = await account.settings()
        on = {"retrieval": {"recent_mode": True}}
        for _ in range(3):
            answer = await account.command("change_settings", settings=on)
            assert answer["settings_version"] == 2
        assert len(await account.log("SettingsChanged")) == 1
        assert f"USER recent:{account.address}" in server.commands
        assert (await account.settings())["retrieval"]["after_store"] == "leave"
        off = {"retrieval": {"recent_mode": False, "after_store": "delete"}}
        await account.command("change_settings", settings=off)
        assert await account.settings() == before


@pytest.mark.requirement("R64")
@pytest.mark.requirement("R69")
async def test_deleting_and_recent_mode_are_refused_together_in_either_order(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
        both = {"retrieval": {"recent_mode": True, "after_store": "delete"}}
        assert (await refusal(account.command("change_settings", settings=both))).code == "recent_mode_conflict"
        await account.command("change_settings", settings={"retrieval": {"recent_mode": True}})
        for policy in ({"after_store": "delete"}, {"after_store": "delete_after_days", "delete_after_days": 3}):
            refused = await refusal(account.command("change_settings", settings={"retrieval": policy}))
            assert (refused.code, refused.field) == ("recent_mode_conflict", "retrieval.after_store")


@pytest.mark.requirement("R69")
async def test_recent_mode_cannot_be_had_behind_the_settings_back(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60, "after_store": "delete"})
        marked = {"incoming": {"username": "recent:jane"}}
        refused = await refusal(account.command("change_settings", settings=marked))
        assert (refused.code, refused.field) == ("recent_mode_conflict", "incoming.username")
        assert "USER recent:jane" not in server.commands
        started = await mailroom.start(mailroom.given(server, incoming={"username": "recent:jane"}))
        assert (await refusal(started.handle.result())).code == "recent_mode_conflict"


@pytest.mark.requirement("R71")
async def test_turning_recent_mode_on_offers_the_filter_for_own_mail(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, provider="google", crm=["builtin"])
        answer = await account.command("change_settings", settings={"retrieval": {"recent_mode": True}})
        [offer] = [one for one in answer["warnings"] if one["code"] == "own_mail_in_inbox"]
        name, _, given = offer["remedies"][0].partition(" ")
        assert name == "save_filter"
        assert json.loads(given)["conditions"][0]["value"] == account.address

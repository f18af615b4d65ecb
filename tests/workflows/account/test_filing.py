"""The commands about filters and stored mail as operators give them: to the account's workflow, as updates and as signals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.account.lifecycle import State
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal
from tests.support.workflows.replaying import replay


def letter(number: int, sender: str, to: str) -> bytes:
    return f"From: {sender}\r\nTo: {to}\r\nSubject: {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\nHello\r\n".encode()


async def rows(account: RunningAccount, columns: str = "id, folder, labels, flags") -> list[dict[str, Any]]:
    query = f"select {columns} from messages where address = %s order by id"
    return await account.mailroom.rows(query, account.address)


async def with_own_mail(mailroom: Mailroom, server: MailboxServer, **settings: Any) -> RunningAccount:
    """An account whose first message is its owner's, to Anna, and whose second is Anna's."""
    account = await mailroom.connect(server, retrieval={"interval_minutes": 60}, **settings)
    server.messages |= {
        "1": letter(1, account.address, "anna@example.org"),
        "2": letter(2, "anna@example.org", account.address),
    }
    await account.command("poll_now")
    await account.until_mail(2)
    return account


@pytest.mark.requirement("R35")
@pytest.mark.requirement("R36")
async def test_the_recipe_is_recommended_saved_tried_applied_undone_ordered_and_removed(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await with_own_mail(mailroom, server)
        own, _ = await rows(account)
        recipe, exact = (await account.command("recommend_filters"))["recommended"]
        saved = await account.command("save_filter", **recipe["filter"], by="jane")
        assert saved["warnings"]
        await account.command("save_filter", **exact["filter"])
        names = [recipe["filter"]["name"], exact["filter"]["name"]]
        tried = await account.command("apply_filter", name=names[0], dry_run=True)
        assert (tried["changed"], tried["examples"]) == (1, [own["id"]])
        applied = await account.command("apply_filter", name=names[0], dry_run=False, by="jane")
        assert [row["folder"] for row in await rows(account)] == ["Sent", "Inbox"]
        await account.command("undo_filing", run=applied["run"])
        assert [row["folder"] for row in await rows(account)] == ["Inbox", "Inbox"]
        ordered = await account.command("order_filters", names=names[::-1])
        assert ordered["names"] == names[::-1]
        await account.command("remove_filter", name=names[0])
        told = await account.log(
            "FilterSaved", "FilterApplied", "FilingUndone", "FiltersOrdered", "FilterRemoved", "MessagesMoved"
        )
        assert [(one.type, one.actor) for one in told] == [
            ("FilterSaved", "jane"),
            ("FilterSaved", "operator"),
            ("FilterApplied", "jane"),
            ("FilingUndone", "operator"),
            ("FiltersOrdered", "operator"),
            ("FilterRemoved", "operator"),
        ]
        assert all(one.run_id for one in told)
        await account.command("close")
        await account.handle.result()
        await replay(await account.handle.fetch_history())


@pytest.mark.requirement("R34")
async def test_messages_are_moved_labelled_and_marked(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await with_own_mail(mailroom, server)
        own, other = await rows(account)
        assert (await account.command("move_messages", messages=[own["id"]], folder="sent"))["messages"] == 1
        await account.command("label_messages", messages=[own["id"], other["id"]], add=["offer"])
        await account.command("mark_messages", messages=[other["id"]], seen=True)
        found = await rows(account, "folder, labels, flags")
        assert [tuple(row.values()) for row in found] == [("Sent", ["offer"], []), ("Inbox", ["offer"], ["seen"])]
        refused = await refusal(account.command("move_messages", messages=[4711], folder="Sent"))
        assert (refused.code, refused.field) == ("unknown_message", "messages")
        assert "4711" in refused.message
        refused = await refusal(account.command("move_messages", messages=[own["id"]], folder=""))
        assert (refused.code, refused.field) == ("invalid_field", "folder")


async def test_a_pattern_that_cannot_be_is_refused_and_as_a_signal_told_to_the_log_without_it(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        conditions = [{"field": "subject", "operator": "matches", "value": "(anna@example.org"}]
        given = {"name": "a", "conditions": conditions, "actions": [{"move": "Sent"}]}
        refused = await refusal(account.command("save_filter", **given))
        assert refused.code == "invalid_field"
        assert "missing )" in refused.message
        await account.signal("save_filter", given)
        (told,) = await account.until_logged("CommandRefused")
        assert "anna@example.org" not in json.dumps(told.data)


async def test_as_signals_they_do_the_same(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await with_own_mail(mailroom, server)
        own, _ = await rows(account)
        await account.signal("move_messages", {"messages": [own["id"]], "folder": "Archive", "by": "jane"})
        (told,) = await account.until_logged("MessagesMoved")
        assert (told.actor, told.data["changed"]) == ("jane", [own["id"]])


async def test_deleting_corrects_what_the_account_shows_and_is_no_mail(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await with_own_mail(mailroom, server)
        ids = [row["id"] for row in await rows(account)]
        answer = await account.command("delete_messages", messages=ids, by="jane")
        assert answer["messages"] == 2
        assert await account.mail() == []
        polled = await account.command("poll_now")
        assert (polled["outcome"], polled["stored"]) == ("nothing_new", 0)
        assert (await account.status()).progress.stored == 0
        server.messages["3"] = letter(3, "anna@example.org", account.address)
        polled = await account.command("poll_now")
        assert (polled["outcome"], polled["stored"]) == ("mail", 1)
        handle = await mailroom.client.start_workflow(
            "Reconcile", {"address": account.address}, id=f"reconcile-{account.address}", task_queue="mailroom"
        )
        report = await handle.result()
        assert report["complete"], report["summary"]


async def test_a_dry_run_of_deleting_says_what_would_go_and_deletes_nothing(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await with_own_mail(mailroom, server)
        ids = [row["id"] for row in await rows(account)]
        answer = await account.command("delete_messages", messages=ids, dry_run=True)
        seen = await account.seen()
        assert seen is not None
        assert answer == {"dry_run": True, "messages": 2, "bytes": seen["bytes"], "linked": 0}
        refused = await refusal(account.command("delete_messages", messages=[*ids, 2**62], dry_run=True))
        assert refused.code == "unknown_message"
        assert len(await account.mail()) == 2
        assert await account.log("MessagesDeleted") == []


@pytest.mark.requirement("R20")
async def test_deleting_makes_room_in_an_account_over_its_quota(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await with_own_mail(mailroom, server)
        seen = await account.seen()
        assert seen is not None
        await account.command("set_quota", bytes=seen["bytes"] + 10)
        server.messages["3"] = letter(3, "anna@example.org", account.address)
        await account.command("poll_now")
        await account.until_state(State.OVER_QUOTA)
        await account.command("delete_messages", messages=[row["id"] for row in await rows(account)])
        polled = await account.command("poll_now")
        assert (polled["outcome"], polled["stored"]) == ("mail", 1)
        assert await account.mail() == ["3"]
        await account.until_state(State.ACTIVE)


@pytest.mark.requirement("R71")
async def test_the_filter_that_recent_mode_offers_can_be_pasted_and_takes_own_mail(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, provider="google", retrieval={"interval_minutes": 60})
        answer = await account.command("change_settings", settings={"retrieval": {"recent_mode": True}})
        (offer,) = [one for one in answer["warnings"] if one["code"] == "own_mail_in_inbox"]
        name, _, given = offer["remedies"][0].partition(" ")
        await account.command(name, **json.loads(given))
        server.messages["1"] = letter(1, account.address, "anna@example.org")
        await account.command("poll_now")
        await account.until_mail(1)
        assert [row["folder"] for row in await rows(account)] == ["Sent"]

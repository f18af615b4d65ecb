"""The recipe for own mail - FROM contains own address, move to Sent - as its owner goes about it, on a real mailbox and a CRM."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from infra.settings import WorkerSettings
from tests.servers.dovecot import Dovecot
from tests.support.running import Mailroom, RunningAccount, a_new_address
from tests.support.workflows.crms import RunningCrm, connect_crm

ANNA = "anna@example.org"


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, minute_seconds=0.05)


def letter(number: int, *, sender: str, to: str, cc: str = "") -> bytes:
    lines = [
        f"From: Somebody <{sender}>",
        f"To: {to}",
        *([f"Cc: {cc}"] if cc else []),
        f"Subject: message {number}",
        f"Date: Mon, 23 Nov 2026 10:0{number}:00 +0100",
        f"Message-ID: <{number}@example.org>",
        "",
        "Hello",
        "",
    ]
    return "\r\n".join(lines).encode()


class Owner:
    """What the owner of one account sees of it, here and in the CRM."""

    def __init__(self, account: RunningAccount, crm: RunningCrm) -> None:
        self.account = account
        self.crm = crm

    async def folders(self) -> dict[str, str]:
        """Subject -> folder."""
        query = "select subject, folder from messages where address = %s order by subject"
        return {row["subject"]: row["folder"] for row in await self._rows(query, self.account.address)}

    async def linked(self) -> list[tuple[str, str, str]]:
        query = (
            "select subject, record_kind, direction from correspondence c join messages m on m.id = c.message "
            "where m.address = %s and unlinked_at is null order by 1, 2"
        )
        return [tuple(row.values()) for row in await self._rows(query, self.account.address)]

    async def shown(self, delivered: int) -> list[tuple[str, str, str]]:
        """What the CRM itself shows, once it has been told of so many entries and waits for none."""
        await self.crm.until(
            lambda now: (now.counts.delivered, now.counts.backlog) == (delivered, 0), f"{delivered} entries delivered"
        )
        query = "select subject, record_kind, direction from builtin_correspondence where crm = %s order by 1, 2"
        return [tuple(row.values()) for row in await self._rows(query, self.crm.name)]

    async def told(self, *types: str) -> list[dict[str, Any]]:
        return [{"by": one.actor, **one.data} for one in await self.account.log(*types)]

    async def _rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return await self.account.mailroom.rows(query, *values)


@pytest.mark.requirement("R32", "R33", "R34", "R35", "R36", "R71")
async def test_own_mail_that_recent_mode_brings_is_filed_by_the_recipe_and_shown_as_sent(
    mailroom: Mailroom, dovecot_with_recent_mode: Dovecot
) -> None:
    dovecot, address = dovecot_with_recent_mode, a_new_address()
    recent, longer = f"recent_{address}", f"my.{address}"
    for user in address, recent:
        dovecot.add_user(user, "secret")
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Anna Lind", ANNA)
    await crm.save("lead", "Somebody with a longer address", longer)
    received = letter(1, sender=ANNA, to=address)
    dovecot.deliver(address, received)
    incoming = {"host": "127.0.0.1", "port": dovecot.port, "tls": "none", "secret": mailroom.secret("secret")}
    account = await mailroom.start(
        {
            "address": address,
            "incoming": incoming,
            "retrieval": {"interval_minutes": 60},
            "provider": "google",
            "crm": [crm.name],
        }
    )
    owner = Owner(account, crm)
    await account.until_mail(1)

    # Recent mode shows what was sent, too. Nothing is filed in Sent that nobody asked for.
    answer = await account.command("change_settings", settings={"retrieval": {"recent_mode": True}}, by="jane")
    assert "own_mail_in_inbox" in [one["code"] for one in answer["warnings"]]
    dovecot.deliver(recent, received)
    dovecot.deliver(recent, letter(2, sender=address.upper(), to=ANNA))
    dovecot.deliver(recent, letter(3, sender=longer, to=f"{address}, bob@example.net", cc=longer))
    await account.command("poll_now")
    await account.until_mail(3)
    assert await owner.folders() == {"message 1": "Inbox", "message 2": "Inbox", "message 3": "Inbox"}
    before = [("message 1", "contact", "Received"), ("message 3", "lead", "Received")]
    assert await owner.linked() == before
    assert await owner.shown(2) == before

    # The recipe is offered in the very words, and saved in them, with a warning.
    recipe = {
        "name": "Sent mail",
        "match": "all",
        "conditions": [{"field": "from", "operator": "contains", "value": address}],
        "actions": [{"move": "Sent"}],
    }
    offered, _ = (await account.command("recommend_filters"))["recommended"]
    assert offered["filter"] == recipe
    assert await mailroom.rows("select from filters where address = %s", address) == [], "offered, not switched on"
    typed = recipe | {"conditions": [{"field": "FROM", "operator": "contains", "value": address}]}
    saved = await account.command("save_filter", **typed, by="jane")
    warning = f"from contains {address} also matches longer addresses, such as {longer}; from is {address} would not"
    assert saved["warnings"] == offered["warnings"] == [warning]
    [kept] = await mailroom.rows("select name, conditions, actions from filters where address = %s", address)
    assert kept == {name: recipe[name] for name in ("name", "conditions", "actions")}

    # It files what comes later, and nothing else.
    dovecot.deliver(recent, letter(4, sender=address, to=ANNA))
    await account.command("poll_now")
    await account.until_mail(4)
    assert (await owner.folders())["message 4"] == "Sent"
    assert await owner.linked() == [*before, ("message 4", "contact", "Sent")]
    assert await owner.shown(3) == [*before, ("message 4", "contact", "Sent")]
    assert await owner.told("MessagesMoved", "FilterApplied") == [], "it never was in the Inbox"

    # What was stored before is filed by an explicit run, which can be tried first.
    tried = await account.command("apply_filter", name="Sent mail", dry_run=True)
    rows = await mailroom.rows("select id from messages where address = %s order by subject", address)
    second, third = (row["id"] for row in rows[1:3])
    counted = {"checked": 4, "matching": 3, "changed": 2, "moved": 2, "labelled": 0, "marked": 0}
    assert tried == {
        "dry_run": True, "run": None, "filter": saved["filter"]["id"], "version": 1, **counted,
        "examples": [second, third],
    }  # fmt: skip
    assert await owner.linked() == [*before, ("message 4", "contact", "Sent")]
    applied = await account.command("apply_filter", name="Sent mail", dry_run=False, by="jane")
    assert {name: applied[name] for name in counted} == counted
    assert applied["examples"] == [second, third]
    assert await owner.folders() == {
        "message 1": "Inbox",
        "message 2": "Sent",
        "message 3": "Sent",
        "message 4": "Sent",
    }
    after = [
        ("message 1", "contact", "Received"),
        ("message 2", "contact", "Sent"),
        ("message 3", "lead", "Sent"),  # as it is written: the longer address was warned of
        ("message 4", "contact", "Sent"),
    ]
    assert await owner.linked() == after
    assert await owner.shown(4) == after

    # Once, however often it is asked for.
    again = await account.command("apply_filter", name="Sent mail", dry_run=False, by="jane")
    assert (again["matching"], again["changed"]) == (3, 0)
    assert await owner.linked() == after
    assert await owner.shown(4) == after
    [told] = await owner.told("FilterApplied")
    assert (told["by"], told["filter"], told["linked"], told["turned"], told["unlinked"], told["changed"]) == (
        "jane", saved["filter"]["id"], 1, 1, 0, [second, third]
    )  # fmt: skip
    entries = "select record_kind, direction, state from outbox where crm = %s order by record_kind, direction"
    assert [tuple(row.values()) for row in await mailroom.rows(entries, crm.name)] == [
        ("contact", "Received", "delivered"),
        ("contact", "Sent", "delivered"),
        ("contact", "Sent", "delivered"),
        ("lead", "Sent", "delivered"),
    ]
    assert await mailroom.rows("select * from verify_log(%s)", address) == []

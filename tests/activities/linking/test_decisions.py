"""What a person decides about a message and a record holds through everything, once, until it is undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from activities.directory.directory import Directory
from activities.linking.links import relink
from domain.core.refusal import Refused
from domain.directory.records import Record
from infra.database.pool import Pool
from tests.support.commands import decide
from tests.support.mailboxes import Watcher, account
from tests.support.stored_mail import ANNA, CRM, linked_anew, links, pulled, shown, stored, worked_off

BO = Record("contact", "c2", "Bo", ("bo@example.org",))
ROOF = Record("deal", "d1", "Roof")


async def test_a_message_that_is_unlinked_by_hand_stays_unlinked(pool: Pool) -> None:
    await pulled(pool, ANNA)
    message = await stored(pool, 1)
    answer = await decide(pool, "unlink_message", message, ANNA, reason="a namesake")
    assert (answer["linked"], answer["direction"], answer["decision"]) == (False, None, "unlinked")
    await linked_anew(pool)
    await pulled(pool, replace(ANNA, gone=True), BO)
    await worked_off(pool)
    await pulled(pool, ANNA)
    await worked_off(pool)
    assert await links(pool) == []
    assert await shown(pool) == [("contact", "c1", None)]


async def test_what_one_owner_unlinks_is_shown_as_long_as_another_owner_has_it(pool: Pool) -> None:
    await pulled(pool, ANNA)
    hers = await stored(pool, 1)
    bob = "bob@example.com"
    his = await stored(pool, 1, settings=account(995, address=bob, crm=(CRM,)))
    assert await shown(pool) == [("contact", "c1", "Received")]
    await decide(pool, "unlink_message", hers, ANNA)
    assert await links(pool) == [(his, "c1", "Received")]
    assert await shown(pool) == [("contact", "c1", "Received")]
    await decide(pool, "unlink_message", his, ANNA, address=bob)
    assert await shown(pool) == [("contact", "c1", None)]
    await decide(pool, "undo_decision", hers, ANNA)
    assert await shown(pool) == [("contact", "c1", "Received")]


async def test_a_message_that_is_linked_by_hand_stays_linked_and_turns_with_its_folder(pool: Pool) -> None:
    await pulled(pool, ROOF)
    message = await stored(pool, 1)
    assert (await decide(pool, "link_message", message, ROOF))["direction"] == "Received"
    await linked_anew(pool)
    assert await links(pool) == [(message, "d1", "Received")]
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("update mail set folder = 'Sent'")
        await relink(connection, [message])
    assert await links(pool) == [(message, "d1", "Sent")]
    assert await shown(pool) == [("deal", "d1", "Sent")]
    await Directory(pool).gone(CRM, "deal", "d1")
    await worked_off(pool)
    assert await links(pool) == []
    await pulled(pool, ROOF)
    await worked_off(pool)
    assert await links(pool) == [(message, "d1", "Sent")]


async def test_undone_it_is_as_the_rules_say(pool: Pool) -> None:
    await pulled(pool, ANNA, ROOF)
    message = await stored(pool, 1)
    await decide(pool, "unlink_message", message, ANNA)
    await decide(pool, "link_message", message, ROOF)
    assert (await decide(pool, "undo_decision", message, ANNA))["linked"] is True
    assert (await decide(pool, "undo_decision", message, ROOF))["linked"] is False
    assert await links(pool) == [(message, "c1", "Received")]
    assert await Watcher(pool).rows("select * from link_decisions") == []
    assert await shown(pool) == [("contact", "c1", "Received"), ("deal", "d1", None)]


@pytest.mark.parametrize(("decided", "linked"), [("unlink_message", False), ("link_message", True)])
async def test_a_decision_moves_to_the_survivor_of_a_merge(pool: Pool, decided: str, linked: bool) -> None:
    await pulled(pool, ANNA, replace(BO, addresses=("anna@example.org",)))
    message = await stored(pool, 1)
    await decide(pool, decided, message, BO)
    await pulled(pool, replace(BO, merged_into="c1"))
    await worked_off(pool)
    assert await links(pool) == ([(message, "c1", "Received")] if linked else [])
    assert await Watcher(pool).rows("select record_id, source from links where unlinked_at is null or not %s", linked)
    (kept,) = await Watcher(pool).rows("select record_id, decision, by from link_decisions")
    assert (kept["record_id"], kept["by"]) == ("c1", "ops")
    await linked_anew(pool)
    assert await links(pool) == ([(message, "c1", "Received")] if linked else [])
    assert (await decide(pool, "undo_decision", message, BO))["record_id"] == "c1"


async def test_of_two_decisions_about_merged_records_the_later_one_holds(pool: Pool) -> None:
    await pulled(pool, ANNA, BO)
    message = await stored(pool, 1)
    await decide(pool, "link_message", message, BO)
    await decide(pool, "unlink_message", message, ANNA)
    await pulled(pool, replace(BO, merged_into="c1"))
    await worked_off(pool)
    assert await links(pool) == []
    assert await shown(pool) == [("contact", "c1", None), ("contact", "c2", None)]


async def test_tried_again_it_is_done_once_and_in_the_log_once(pool: Pool) -> None:
    await pulled(pool, ANNA)
    message = await stored(pool, 1)
    once = uuid4()
    first = await decide(pool, "unlink_message", message, ANNA, event_id=once, reason="a namesake")
    assert await decide(pool, "unlink_message", message, ANNA, event_id=once) == first
    (event,) = await Watcher(pool).rows("select actor, data from account_events where type = 'MessageUnlinked'")
    assert event == {
        "actor": "ops",
        "data": {
            "message": message,
            "crm": CRM,
            "record_kind": "contact",
            "record_id": "c1",
            "linked": False,
            "because": "a namesake",
        },
    }


async def test_what_cannot_be_decided_is_refused_in_words(pool: Pool) -> None:
    await pulled(pool, ANNA, BO)
    message = await stored(pool, 1)
    cases: list[tuple[str, int, Record, dict[str, Any], str]] = [
        ("link_message", message + 1, ANNA, {}, "unknown_message"),
        ("link_message", message, ANNA, {"address": "bob@example.com"}, "unknown_message"),
        ("link_message", message, ANNA, {"crm": "other"}, "unknown_crm"),
        ("link_message", message, replace(ANNA, id="c9"), {}, "unknown_record"),
        ("unlink_message", message, BO, {}, "not_linked"),
        ("undo_decision", message, ANNA, {}, "nothing_decided"),
    ]
    for name, number, record, given, code in cases:
        with pytest.raises(Refused) as refused:
            await decide(pool, name, number, record, **given)
        assert refused.value.refusal.code == code
    assert await links(pool) == [(message, "c1", "Received")]


async def test_the_log_keeps_why_without_the_addresses_that_were_typed(pool: Pool) -> None:
    await pulled(pool, ANNA)
    message = await stored(pool, 1)
    await decide(
        pool, "unlink_message", message, ANNA, reason="meant is <bo@example.org>, not anna@example.org: a namesake"
    )
    [data] = await Watcher(pool).column("select data from account_events where type = 'MessageUnlinked'")
    assert data["because"] == "meant is [address], not [address]: a namesake"

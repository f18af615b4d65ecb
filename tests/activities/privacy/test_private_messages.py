"""A message that a person keeps to themselves is in no CRM, whatever comes, until that is taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from activities.privacy.private_messages import PrivateMail
from domain.core.refusal import Refused
from domain.directory.records import Record
from infra.database.pool import Pool
from tests.support.commands import attempt, decide
from tests.support.linked_mail import LinkedMail
from tests.support.mailboxes import JANE, Watcher, account
from tests.support.stored_mail import ANNA, CRM, linked_anew, links, pulled, shown, stored, worked_off

BO = Record("contact", "c2", "Bo", ("bo@example.org",))
ROOF = Record("deal", "d1", "Roof", contacts=("c1",))


async def make_private(
    pool: Pool, *messages: int, private: bool = True, event_id: UUID | None = None, address: str = JANE
) -> dict[str, Any]:
    given = {"messages": list(messages), "private": private, "by": "jane"}
    return await attempt(PrivateMail(pool).make_private, given, address=address, event_id=event_id)


async def test_it_is_unlinked_at_once_and_nothing_links_it_again(pool: Pool) -> None:
    await pulled(pool, ANNA)
    message, other = await stored(pool, 1), await stored(pool, 2)
    assert await make_private(pool, message) == {"messages": 1, "linked": 0, "unlinked": 1}
    assert await links(pool) == [(other, "c1", "Received")]
    assert await shown(pool) == [("contact", "c1", None), ("contact", "c1", "Received")]
    await linked_anew(pool)
    await pulled(pool, Record("lead", "l1", "Anna", ANNA.addresses))
    await worked_off(pool)
    await LinkedMail(pool).move("Sent", message)
    assert {link[0] for link in await links(pool)} == {other}
    [kept] = await Watcher(pool).rows("select message, address, by from private_messages")
    assert kept == {"message": message, "address": JANE, "by": "jane"}


async def test_taken_back_it_is_as_the_rules_and_people_say(pool: Pool) -> None:
    await pulled(pool, ANNA, BO)
    message = await stored(pool, 1)
    await decide(pool, "link_message", message, BO)
    assert (await make_private(pool, message))["unlinked"] == 2
    assert await links(pool) == []
    with pytest.raises(Refused, match="make_private") as refused:
        await decide(pool, "link_message", message, BO)
    assert refused.value.refusal.code == "private"
    await pulled(pool, replace(BO, merged_into="c3"), replace(BO, id="c3"))
    await worked_off(pool)
    assert await links(pool) == []
    assert (await make_private(pool, message, private=False)) == {"messages": 1, "linked": 2, "unlinked": 0}
    assert await links(pool) == [(message, "c1", "Received"), (message, "c3", "Received")]
    assert await Watcher(pool).rows("select * from private_messages") == []


async def test_a_thread_inherits_nothing_from_a_private_message(pool: Pool) -> None:
    await pulled(pool, ANNA)
    first = await stored(pool, 1)
    await pulled(pool, ROOF)
    await worked_off(pool)
    reply = await stored(pool, 2, sender="eve@example.org")
    await Watcher(pool).rows("update mail set in_reply_to = '{<1@example.org>}' where id = %s returning 1", reply)
    await linked_anew(pool)
    assert (reply, "d1", "Received") in await links(pool)
    await make_private(pool, first)
    assert await links(pool) == []
    await make_private(pool, first, private=False)
    assert (reply, "d1", "Received") in await links(pool)


async def test_a_colleagues_copy_stays_linked_and_the_crm_shows_it(pool: Pool) -> None:
    await pulled(pool, ANNA)
    mine = await stored(pool, 1)
    theirs = await stored(pool, 1, settings=account(995, address="bob@example.com", crm=(CRM,)))
    await make_private(pool, mine)
    assert await links(pool) == [(theirs, "c1", "Received")]
    assert await shown(pool) == [("contact", "c1", "Received")]


async def test_it_is_told_once_with_ids_alone_and_another_accounts_message_is_unknown(pool: Pool) -> None:
    await pulled(pool, ANNA)
    message = await stored(pool, 1)
    event_id = uuid4()
    first = await make_private(pool, message, event_id=event_id)
    assert await make_private(pool, message, event_id=event_id) == first
    assert (await make_private(pool, message))["messages"] == 0
    [event] = await Watcher(pool).rows("select actor, data from account_events where type = 'MessagesMadePrivate'")
    assert event == {
        "actor": "jane",
        "data": {"messages": 1, "linked": 0, "unlinked": 1, "private": True, "changed": [message]},
    }
    with pytest.raises(Refused, match="no stored messages"):
        await make_private(pool, message, address="bob@example.com")

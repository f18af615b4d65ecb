"""Mail that is stored already follows what changes: contacts that come and go, records that are merged, converted and deleted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any, LiteralString

import pytest

from activities.directory.directory import Directory
from activities.linking import relinking as back_linking
from activities.linking.links import relink
from activities.linking.relinking import BackLinking, ask_to_relink_account
from domain.directory.records import Page, Record
from domain.linking.changes import Changed
from infra.database.pool import Pool
from tests.support.mailboxes import JANE, Watcher, account
from tests.support.running import until
from tests.support.services import as_owner
from tests.support.stored_mail import ANNA, CRM, links, pulled, shown, store, stored, worked_off


async def events(pool: Pool, address: str = JANE) -> list[dict[str, Any]]:
    return await Watcher(pool).column(
        "select data from account_events where address = %s and type = 'MailRelinked' order by version", address
    )


async def test_a_contact_that_is_added_later_links_older_mail(pool: Pool) -> None:
    message = await stored(pool, 1)
    await stored(pool, 2, sender="eve@example.org")
    await worked_off(pool)
    await pulled(pool, ANNA)
    assert await worked_off(pool) == [Changed(linked=1)]
    assert await links(pool) == [(message, "c1", "Received")]
    assert await shown(pool) == [("contact", "c1", "Received")]
    assert await events(pool) == [
        {
            "crm": CRM,
            "cause": "the CRM's directory changed",
            "linked": 1,
            "unlinked": 0,
            "turned": 0,
            "messages": [message],
        }
    ]


async def test_a_change_that_links_nothing_is_not_in_the_log(pool: Pool) -> None:
    await stored(pool, 1)
    await pulled(pool, ANNA)
    await worked_off(pool)
    async with pool.connection() as connection:
        await ask_to_relink_account(connection, CRM, JANE, cause="once more")
    assert await worked_off(pool) == [Changed()]
    assert len(await events(pool)) == 1


@pytest.mark.requirement("R3")
async def test_a_crm_that_is_added_to_an_account_later_links_what_is_stored(pool: Pool) -> None:
    await pulled(pool, ANNA)
    await worked_off(pool)
    message = await stored(pool, 1, settings=account(995, crm=()))
    assert await links(pool) == []
    await Watcher(pool).record(account(995, crm=(CRM,)))
    await worked_off(pool)
    assert await links(pool) == [(message, "c1", "Received")]
    assert [event["cause"] for event in await events(pool)] == ["the CRM was added to the account"]


async def test_mail_stays_linked_with_a_crm_that_is_taken_off_its_account_and_turns_with_its_folder(pool: Pool) -> None:
    await pulled(pool, Record("contact", "c1", "Anna", ("anna@example.org",)))
    message = await stored(pool, 1, to=f"{JANE}, anna@example.org")
    await worked_off(pool)
    await Watcher(pool).record(account(995, crm=()))
    await worked_off(pool)
    for folder, direction in ("Archive", "Received"), ("Sent", "Sent"), ("Trash", "Received"):
        async with pool.connection() as connection, connection.transaction():
            await connection.execute("update mail set folder = %s where id = %s", [folder, message])
            await relink(connection, [message])
        assert await links(pool) == [(message, "c1", direction)]
        assert await shown(pool) == [("contact", "c1", direction)]
    later = await stored(pool, 2, settings=account(995, crm=()))
    assert later not in {linked for linked, _, _ in await links(pool)}


async def test_mail_stays_with_a_contact_whose_address_changed_and_the_old_address_links_no_more(pool: Pool) -> None:
    await pulled(pool, ANNA)
    before = await stored(pool, 1)
    await pulled(pool, replace(ANNA, addresses=("anna@new.example",)))
    await stored(pool, 2)
    await worked_off(pool)
    assert await links(pool) == [(before, "c1", "Received")]
    async with pool.connection() as connection:
        await ask_to_relink_account(connection, CRM, JANE, cause="once more")
    await worked_off(pool)
    assert await links(pool) == [(before, "c1", "Received")]


async def test_a_crm_may_want_mail_unlinked_when_an_address_is_removed(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute("""update crms set linking = '{"removed_addresses": "unlink"}'""")
    await pulled(pool, ANNA)
    await stored(pool, 1)
    await pulled(pool, replace(ANNA, addresses=()))
    await worked_off(pool)
    assert await links(pool) == []
    assert await shown(pool) == [("contact", "c1", None)]


async def test_mail_of_merged_records_moves_to_the_survivor_and_is_there_once(pool: Pool) -> None:
    double = Record("contact", "c2", "A. Lind", ("a.lind@example.org", "anna@example.org"))
    await pulled(pool, ANNA, double)
    both = await stored(pool, 1)
    one = await stored(pool, 2, sender="a.lind@example.org")
    await worked_off(pool)
    assert [record for _, record, _ in await links(pool)] == ["c1", "c2", "c2"]
    await pulled(pool, replace(double, merged_into="c1"))
    await worked_off(pool)
    assert await links(pool) == [(both, "c1", "Received"), (one, "c1", "Received")]
    assert await shown(pool) == [
        ("contact", "c1", "Received"),
        ("contact", "c1", "Received"),
        ("contact", "c2", None),
        ("contact", "c2", None),
    ]
    followed = [event for event in await events(pool) if "record_id" in event]
    assert [(event["record_id"], event["messages"]) for event in followed] == [("c2", [both, one])]


async def test_mail_follows_a_chain_of_merges_and_a_circle_of_them_ends(pool: Pool) -> None:
    people = [Record("contact", f"c{n}", "Anna", (f"anna{n}@example.org",)) for n in range(3)]
    await pulled(pool, *people)
    message = await stored(pool, 1, sender="anna0@example.org")
    await pulled(pool, replace(people[0], merged_into="c1"), replace(people[1], merged_into="c2"))
    await worked_off(pool)
    assert await links(pool) == [(message, "c2", "Received")]
    await pulled(pool, replace(people[2], merged_into="c0"))
    await worked_off(pool)
    assert await links(pool) == []


async def test_mail_of_a_lead_that_is_converted_moves_to_the_contact(pool: Pool) -> None:
    lead = Record("lead", "l1", "Anna", ("anna@home.example",))
    await pulled(pool, ANNA, lead)
    message = await stored(pool, 1, sender="anna@home.example")
    await pulled(pool, replace(lead, open=False, converted_to="c1"))
    await worked_off(pool)
    assert await links(pool) == [(message, "c1", "Received")]
    assert await shown(pool) == [("contact", "c1", "Received"), ("lead", "l1", None)]


async def test_mail_of_a_deleted_record_is_unlinked_and_linked_again_when_it_is_back(pool: Pool) -> None:
    await pulled(pool, ANNA)
    message = await stored(pool, 1)
    await Directory(pool).gone(CRM, "contact", "c1")
    await worked_off(pool)
    assert await links(pool) == []
    assert await shown(pool) == [("contact", "c1", None)]
    await pulled(pool, ANNA)
    await worked_off(pool)
    assert await links(pool) == [(message, "c1", "Received")]


async def test_mail_that_is_being_stored_by_an_older_directory_is_linked_in_the_end(pool: Pool) -> None:
    await Watcher(pool).record(account(995, crm=(CRM,)))
    await worked_off(pool)
    async with pool.connection() as storing:
        async with storing.transaction():
            message = await store(storing, 1)
            await pulled(pool, ANNA)
            paging = asyncio.create_task(worked_off(pool))

            async def waits() -> bool:
                return bool(
                    await Watcher(pool).rows("select from pg_locks where locktype = 'advisory' and not granted")
                )

            await until(waits, "the page that waits for what is being stored")
            assert not paging.done()
        await paging
    assert await links(pool) == [(message, "c1", "Received")]


async def test_what_is_asked_for_while_a_page_is_done_is_done_after_it(pool: Pool) -> None:
    await stored(pool, 1)
    await worked_off(pool)
    await pulled(pool, ANNA)
    working = BackLinking(pool)
    begun = await working._begin(CRM)  # a page that dies, or is slow, right after it was begun
    await pulled(pool, replace(ANNA, addresses=()), ANNA)
    assert begun is not None
    assert await Watcher(pool).column("select participant from relinking order by id") == ["anna@example.org"]
    await pulled(pool, replace(ANNA, addresses=()))
    assert await Watcher(pool).column("select begun_at is null from relinking order by id") == [False, True]
    assert len(await worked_off(pool)) == 1


async def test_work_goes_on_where_it_was_and_takes_turns(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(back_linking, "PAGE", 2)
    of_jane = [await stored(pool, number) for number in range(5)]
    of_bob = await stored(pool, 1, settings=account(995, address="bob@example.com", crm=(CRM,)))
    async with pool.connection() as connection:
        await connection.execute("delete from relinking")
        await connection.execute(
            "insert into records (crm, record_kind, record_id, name, addresses) values ('builtin', 'contact', 'c1', '', '{}')"
        )
        await connection.execute("insert into record_addresses values ('builtin', 'contact', 'c1', 'anna@example.org')")
        for address in (JANE, "bob@example.com"):
            await ask_to_relink_account(connection, CRM, address, cause="the CRM was added")
    seen = []
    while await BackLinking(pool).page(CRM) is not None:
        seen.append({message for message, _, _ in await links(pool)})
    assert seen == [{*of_jane[:2]}, {*of_jane[:2], of_bob}, {*of_jane[:4], of_bob}, {*of_jane, of_bob}]
    assert [event["messages"] for event in await events(pool)] == [of_jane[:2], of_jane[2:4], of_jane[4:]]


async def test_a_message_that_cannot_be_linked_is_set_aside_and_the_others_are_linked(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [await stored(pool, number) for number in range(7)]
    async with pool.connection() as connection:
        before = await Watcher(pool).value("select participants from mail where id = %s", messages[3])
        await connection.execute("""update mail set participants = '[{"no": "body"}]' where id = %s""", [messages[3]])
    await pulled(pool, ANNA)
    assert Changed(linked=6) in await worked_off(pool)
    assert [message for message, _, _ in await links(pool)] == [*messages[:3], *messages[4:]]
    assert "cannot be linked anew: " in caplog.text
    aside = await Watcher(pool).rows("select message, crm, cause, error from not_relinked")
    assert [(row["message"], row["crm"], row["error"]) for row in aside] == [(messages[3], CRM, "KeyError")]
    async with pool.connection() as connection:
        participants = json.dumps(before)
        await connection.execute("update mail set participants = %s where id = %s", [participants, messages[3]])
        await ask_to_relink_account(connection, CRM, JANE, cause="once more")
    await worked_off(pool)
    assert len(await links(pool)) == 7
    assert await Watcher(pool).rows("select * from not_relinked") == []


async def test_two_workers_do_no_page_twice(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(back_linking, "PAGE", 3)
    for number in range(20):
        await stored(pool, number)
    await worked_off(pool)
    await pulled(pool, ANNA)
    await asyncio.gather(*(worked_off(pool) for _ in range(3)))
    assert len(await links(pool)) == 20
    assert sum(event["linked"] for event in await events(pool)) == 20


async def test_the_page_of_a_pull_is_committed_with_what_it_asks_for(pool: Pool) -> None:
    class Broken(Exception):
        pass

    class Poison(dict[str, Any]):
        def items(self) -> Any:
            raise Broken

    with pytest.raises(Broken):
        await Directory(pool).apply(CRM, Page([ANNA], Poison(a=1)))
    assert await Watcher(pool).rows("select * from directory") == []
    assert await Watcher(pool).rows("select * from relinking") == []


async def test_many_addresses_with_little_mail_and_one_with_much_are_found_in_pages(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_linking, "PAGE", 4)
    monkeypatch.setattr(back_linking, "FEW", 6)
    people = [Record("contact", f"p{n}", "A", (f"p{n}@example.org",)) for n in range(5)]
    much = [await stored(pool, n, sender="anna@example.org") for n in range(9)]
    little = [await stored(pool, 20 + n, sender=f"p{n}@example.org") for n in range(5)]
    await worked_off(pool)
    await pulled(pool, ANNA, *people)
    await worked_off(pool)
    assert [message for message, _, _ in await links(pool)] == much + little


@pytest.mark.parametrize(
    ("query", "scanned"), [(back_linking.OF_RARE, "mail_addresses_idx"), (back_linking.OF_FREQUENT, "mail_pkey")]
)
async def test_mail_is_looked_up_by_its_addresses_or_read_in_order_whatever_the_statistics_say(
    pool: Pool, query: LiteralString, scanned: str
) -> None:
    """Either plan for the other's case reads the whole table for each page."""
    async with await as_owner(pool) as connection, connection.transaction():
        for senders in (["anna@example.org"] * 3, [f"p{n}@example.org" for n in range(40)]):
            for number, sender in enumerate(senders):
                await store(connection, number + len(senders), sender=sender)
            await connection.execute("analyze mail")
            await connection.execute("set local enable_seqscan = off")
            values = {"after": 0, "participants": ["anna@example.org"], "few": 5, "most": 5}
            plan = await (await connection.execute(b"explain " + query.encode(), values)).fetchall()
            assert [row[0] for row in plan if scanned in row[0]]

"""The adapter for Tryton, against a real Tryton 8.2 with the module of infra/tryton."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import psycopg
import pytest

from activities.crm.adapters.protocol import Crm, CrmFailure
from domain.directory.records import Record
from domain.failures.failure import Kind
from tests.servers.tryton import TrytonDatabase, TrytonServer
from tests.support.crm.entries import entry
from tests.support.crm.tryton import adapter, crm, failure_of, make_old, pulled

__all__ = ["crm"]


# Pulling --------------------------------------------------------------------------------------------------------------


async def test_parties_are_contacts_with_all_their_addresses_as_spelled(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna Lind", "Anna.Lind@Example.com", "anna@home.example", "not an address")
    nobody = tryton.party("Nobody")
    tryton.rest("POST", "party.contact_mechanism", {"party": int(anna), "type": "phone", "value": "+49 30 123456"})
    records, _ = await pulled(crm)
    assert records == {
        ("contact", anna): Record(
            "contact", anna, "Anna Lind", ("Anna.Lind@Example.com", "anna@home.example", "not an address")
        ),
        ("contact", nobody): Record("contact", nobody, "Nobody"),
    }


async def test_a_directory_of_more_than_a_page_is_pulled_whole_and_from_any_page_on(
    crm: Crm, tryton: TrytonDatabase
) -> None:
    made = tryton.parties(*((f"Person {n}", [f"person{n}@example.com"]) for n in range(1203)))
    pages = [page async for page in crm.pull(None)]
    assert {record.id for page in pages for record in page.records} >= set(made)
    assert len(pages) > 3
    rest, _ = await pulled(crm, pages[0].cursor)
    assert set(made) - {record.id for record in pages[0].records} == {record_id for _, record_id in rest}


async def test_what_changes_is_pulled_again_and_nothing_else(crm: Crm, tryton: TrytonDatabase) -> None:
    anna, bo = tryton.party("Anna", "anna@example.com"), tryton.party("Bo", "bo@example.com")
    _, cursor = await pulled(crm)
    make_old(tryton)
    cyd = tryton.party("Cyd", "cyd@example.com")
    tryton.rest("PUT", f"party.party/{bo}", {"name": "Bo Berg"})
    records, cursor = await pulled(crm, cursor)
    assert {record_id: record.name for (_, record_id), record in records.items()} == {bo: "Bo Berg", cyd: "Cyd"}
    make_old(tryton)
    tryton.rest("POST", "party.contact_mechanism", {"party": int(anna), "type": "email", "value": "anna@new.example"})
    records, cursor = await pulled(crm, cursor)
    assert {key: record.addresses for key, record in records.items()} == {
        ("contact", anna): ("anna@example.com", "anna@new.example")
    }
    make_old(tryton)
    assert (await pulled(crm, cursor))[0] == {}


@pytest.mark.parametrize("how", ["deactivated", "changed", "deleted on the party's form"])
async def test_an_address_that_a_party_loses_is_pulled(crm: Crm, tryton: TrytonDatabase, how: str) -> None:
    anna = tryton.party("Anna", "anna@example.com", "old@example.com")
    _, cursor = await pulled(crm)
    make_old(tryton)
    mechanism = tryton.mechanisms(anna)["old@example.com"]
    if how == "deactivated":
        tryton.rest("PUT", f"party.contact_mechanism/{mechanism}", {"active": False})
    elif how == "changed":
        tryton.rest("PUT", f"party.contact_mechanism/{mechanism}", {"type": "other"})
    else:
        tryton.rest("PUT", f"party.party/{anna}", {"contact_mechanisms": [["delete", [int(mechanism)]]]})
    records, _ = await pulled(crm, cursor)
    assert records["contact", anna].addresses == ("anna@example.com",)


async def test_a_party_that_is_deactivated_is_gone_and_is_no_part_of_a_sweep(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna", "anna@example.com")
    _, cursor = await pulled(crm)
    tryton.rest("PUT", f"party.party/{anna}", {"active": False})
    assert (await pulled(crm, cursor))[0]["contact", anna].gone
    assert (await pulled(crm))[0] == {}


async def test_a_party_that_was_replaced_is_merged_into_the_other_with_its_mail(
    crm: Crm, tryton: TrytonDatabase
) -> None:
    anna, twin = tryton.party("Anna", "anna@example.com"), tryton.party("Anna", "lind@example.com")
    await crm.push(entry(twin))
    _, cursor = await pulled(crm)
    tryton.replace(twin, by=anna)
    for records in ((await pulled(crm, cursor))[0], (await pulled(crm))[0]):
        assert records["contact", twin].merged_into == anna
        assert not records["contact", twin].gone
    assert [shown["subject"] for shown in tryton.correspondences(anna)] == ["Offer 1"]


@pytest.mark.requirement("R1", "R40")
async def test_an_opportunity_is_a_lead_then_a_deal_and_then_closed(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna", "anna@example.com")
    number = tryton.opportunity(anna, "Ten desks")
    records, cursor = await pulled(crm)
    assert records["lead", number] == Record("lead", number, "Anna", ("anna@example.com",), (anna,))
    assert ("deal", number) not in records

    tryton.press(number, "opportunity")
    records, cursor = await pulled(crm, cursor)
    assert records["deal", number] == Record("deal", number, "Ten desks", (), (anna,))
    assert records["lead", number].converted_to == anna
    assert not records["lead", number].open

    tryton.press(number, "lead")  # somebody thinks better of it
    records, cursor = await pulled(crm, cursor)
    assert records["deal", number].gone
    assert records["lead", number].open
    assert records["lead", number].converted_to is None

    tryton.press(number, "opportunity")
    tryton.press(number, "lost")
    for records in ((await pulled(crm, cursor))[0], (await pulled(crm))[0]):
        assert not records["deal", number].open
        assert not records["deal", number].gone
        assert records["lead", number].converted_to == anna


async def test_a_lead_without_a_party_is_closed_when_it_is_lost(crm: Crm, tryton: TrytonDatabase) -> None:
    number = tryton.opportunity(None, "Somebody who called")
    assert (await pulled(crm))[0]["lead", number] == Record("lead", number, "Somebody who called")
    tryton.press(number, "lost")
    records, _ = await pulled(crm)
    assert records == {("lead", number): Record("lead", number, "Somebody who called", open=False)}


async def test_a_new_address_of_a_party_is_one_of_its_leads(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna", "anna@example.com")
    number = tryton.opportunity(anna)
    _, cursor = await pulled(crm)
    make_old(tryton)
    tryton.rest("POST", "party.contact_mechanism", {"party": int(anna), "type": "email", "value": "anna@new.example"})
    records, _ = await pulled(crm, cursor)
    assert records["lead", number].addresses == ("anna@example.com", "anna@new.example")


async def test_a_change_is_not_missed_that_was_begun_before_a_pull_and_ended_after_it(
    crm: Crm, tryton: TrytonDatabase
) -> None:
    anna, bo = tryton.party("Anna", "anna@example.com"), tryton.party("Bo", "bo@example.com")
    make_old(tryton)
    with psycopg.connect(tryton.uri) as slow:  # an import that takes an hour
        slow.execute("select now()")
        tryton.rest("PUT", f"party.party/{bo}", {"name": "Bo Berg"})
        _, cursor = await pulled(crm)
        slow.execute("update party_party set name = 'Anna Lind', write_date = now() where id = %s", [int(anna)])
    records, _ = await pulled(crm, cursor)
    assert records["contact", anna].name == "Anna Lind"


async def test_a_database_in_another_time_zone_is_pulled_like_any_other(tryton: TrytonDatabase) -> None:
    with psycopg.connect(tryton.server.postgres, autocommit=True) as connection:
        connection.execute(f"alter database {tryton.name} set timezone to 'Asia/Tokyo'")
    async with adapter(tryton.url, tryton.key) as crm:
        _, cursor = await pulled(crm)
        anna = tryton.party("Anna", "anna@example.com")
        records, cursor = await pulled(crm, cursor)
        assert ("contact", anna) in records
        make_old(tryton)
        assert (await pulled(crm, cursor))[0] == {}


# Pushing --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R30", "R34")
async def test_a_message_is_shown_on_its_party_once_newest_first(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna Lind", "anna@example.com")
    copied = entry(anna, 1, cc=[("", "bo@example.com")])
    first = await crm.push(copied)
    assert await crm.push(copied) == first
    await crm.push(replace(entry(anna, 2), direction="Sent"))
    newest, oldest = tryton.correspondences(anna)
    assert newest["direction"] == "sent"
    assert {field: oldest[field] for field in ("direction", "subject", "sender", "recipients", "text", "account")} == {
        "direction": "received",
        "subject": "Offer 1",
        "sender": "Anna Lind <anna@client.example>",
        "recipients": "To: Jane Doe <jane@example.com>\nCc: bo@example.com",
        "text": "Dear Jane,\nhere it is.",
        "account": "jane@example.com",
    }
    assert [oldest["sent_at"][part] for part in ("year", "month", "day", "hour", "minute")] == [2026, 5, 4, 12, 1]


async def test_forty_pushes_of_five_messages_at_once_show_five(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna", "anna@example.com")
    ids = await asyncio.gather(*(crm.push(entry(anna, number % 5)) for number in range(40)))
    assert len(set(ids)) == 5
    assert len(tryton.correspondences(anna)) == 5


@pytest.mark.requirement("R40")
async def test_mail_of_leads_and_deals_is_shown_on_the_opportunity_and_not_twice_on_its_party(
    crm: Crm, tryton: TrytonDatabase
) -> None:
    anna = tryton.party("Anna", "anna@example.com")
    number = tryton.opportunity(anna)
    await crm.push(entry(number, 1, record_kind="lead"))
    await crm.push(entry(number, 2, record_kind="deal"))
    await crm.push(entry(anna, 3))
    assert [one["subject"] for one in tryton.correspondences_of_opportunity(number)] == ["Offer 2", "Offer 1"]
    assert [one["subject"] for one in tryton.correspondences(anna)] == ["Offer 3"]


@pytest.mark.requirement("R34", "R70")
async def test_a_message_that_goes_to_sent_is_turned_and_one_that_is_unlinked_removed(
    crm: Crm, tryton: TrytonDatabase
) -> None:
    anna = tryton.party("Anna", "anna@example.com")
    shown = entry(anna)
    remote = await crm.push(shown)
    sent = replace(shown, direction="Sent")
    assert await crm.turn(sent, remote) == remote
    assert [one["direction"] for one in tryton.correspondences(anna)] == ["sent"]
    assert await crm.push(shown) == remote  # a push finds it and says what it is now
    assert [one["direction"] for one in tryton.correspondences(anna)] == ["received"]
    await crm.remove(shown, remote)
    await crm.remove(shown, remote)
    assert tryton.correspondences(anna) == []
    assert await crm.find(shown) is None
    await crm.turn(sent, remote)  # somebody deleted it in Tryton
    assert [one["direction"] for one in tryton.correspondences(anna)] == ["sent"]


async def test_what_the_crm_has_is_found_after_its_answer_was_lost(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna", "anna@example.com")
    assert await crm.find(entry(anna)) is None
    remote = await crm.push(replace(entry(anna), direction="Sent"))
    found = await crm.find(entry(anna))
    assert found is not None
    assert (found.remote_id, found.direction) == (remote, "Sent")


async def test_hostile_text_is_shown_as_far_as_tryton_can(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna", "anna@example.com")
    hostile = replace(
        entry(anna),
        subject="a\tb\r\nc\x00d " + "x" * 5000,
        text="one\r\ntwo\x00\x0b\ud800" + "y" * 3_000_000,
        sender=("An\nna", "anna@example.com"),
        to=[("", f"person{n}@example.com") for n in range(5000)],
        account="",
        message_id=None,
    )
    await crm.push(hostile)
    (shown,) = tryton.correspondences(anna)
    assert shown["subject"].startswith("a b c d xxx")
    assert shown["text"].startswith("one\ntwoyyy")
    assert shown["sender"] == "An na <anna@example.com>"
    assert len(shown["recipients"]) > 90_000


async def test_a_message_for_a_party_that_is_no_more_is_gone_and_does_not_repeat_its_subject(
    crm: Crm, tryton: TrytonDatabase
) -> None:
    anna = tryton.party("Anna")
    tryton.rest("DELETE", f"party.party/{anna}")
    assert (await failure_of(crm, "push", entry(anna))).kind == Kind.CRM_GONE
    assert (await failure_of(crm, "push", entry("999999", record_kind="deal"))).kind == Kind.CRM_GONE
    assert (await failure_of(crm, "push", entry("1", record_kind="candidate"))).kind == Kind.CRM_REJECTED


# What goes wrong ------------------------------------------------------------------------------------------------------


async def test_a_tryton_with_all_that_is_needed_passes_the_check(crm: Crm) -> None:
    await crm.check()


@pytest.mark.requirement("R97")
async def test_a_wrong_key_is_a_failure_to_authenticate_and_is_told_to_nobody(tryton: TrytonDatabase) -> None:
    async with adapter(tryton.url, "No-Such-Key-0815") as wrong:
        for doing, arguments in (("check", ()), ("push", (entry("1"),)), ("find", (entry("1"),))):
            failure = await failure_of(wrong, doing, *arguments)
            assert failure.kind == Kind.CRM_AUTHENTICATION
            assert "No-Such-Key" not in f"{failure} {failure.said}"


@pytest.mark.requirement("R97")
async def test_rights_that_are_missing_are_named(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna")
    tryton.leave_group("Mailroom")
    for failure in (await failure_of(crm, "check"), await failure_of(crm, "push", entry(anna))):
        assert failure.kind == Kind.CRM_PERMISSION
        assert "the groups Mailroom and Sale Opportunity" in failure.cause


async def test_a_database_without_the_module_says_so(crm: Crm, tryton: TrytonDatabase) -> None:
    with psycopg.connect(tryton.uri, autocommit=True) as connection:
        connection.execute("update ir_module set state = 'not activated' where name = 'mailroom'")
    failure = await failure_of(crm, "check")
    assert failure.kind == Kind.CRM_PERMISSION
    assert "trytond-admin -u mailroom" in failure.cause


async def test_a_database_that_is_not_there_says_so(tryton: TrytonDatabase) -> None:
    async with adapter(tryton.url + "x", tryton.key) as nowhere:
        for doing, arguments in (("check", ()), ("push", (entry("1"),)), ("remove", (entry("1"), "1"))):
            failure = await failure_of(nowhere, doing, *arguments)
            assert failure.kind == Kind.CRM_UNAVAILABLE
            assert "https://HOST/DATABASE" in failure.cause


@pytest.mark.requirement("R97")
async def test_a_tryton_that_is_down_is_unavailable_and_killed_in_a_push_shows_it_once(
    tryton_server: TrytonServer,
) -> None:
    with TrytonServer(tryton_server.postgres) as server, TrytonDatabase(server) as tryton:
        async with adapter(tryton.url, tryton.key) as crm:
            anna = tryton.party("Anna")
            entries = [entry(anna, number) for number in range(30)]
            pushes = [asyncio.ensure_future(crm.push(one)) for one in entries]
            await asyncio.wait(pushes[:3])
            await asyncio.to_thread(server.kill)
            outcomes = await asyncio.gather(*pushes, return_exceptions=True)
            assert kinds(outcomes) <= {None, Kind.CRM_UNAVAILABLE, Kind.CRM_UNCERTAIN}
            assert (await failure_of(crm, "push", entries[0])).kind == Kind.CRM_UNAVAILABLE
            assert (await failure_of(crm, "check")).kind == Kind.CRM_UNAVAILABLE
            await asyncio.to_thread(server.start)
            for one in entries:
                if await crm.find(one) is None:
                    await crm.push(one)
            assert len(tryton.correspondences(anna)) == 30


def kinds(outcomes: Iterable[object]) -> set[Kind | None]:
    return {outcome.kind if isinstance(outcome, CrmFailure) else None for outcome in outcomes}

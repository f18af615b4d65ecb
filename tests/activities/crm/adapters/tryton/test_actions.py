"""Records, tasks, events and notes that the adapter for Tryton adds to a real Tryton 8.2, and reads back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from activities.crm.adapters.protocol import Crm, NewActivity, NewRecord
from domain.directory.records import Record
from domain.failures.failure import Kind
from tests.servers.tryton import COMPANY_PARTIES, TrytonDatabase
from tests.support.crm.entries import NOON
from tests.support.crm.tryton import crm, failure_of

__all__ = ["crm"]


@pytest.mark.requirement("R72")
async def test_a_contact_is_added_once_and_found_by_any_spelling_of_its_address(
    crm: Crm, tryton: TrytonDatabase
) -> None:
    new = NewRecord("contact", "Anna Lind", ("Anna_Lind@Example.com", "a%@Bücher.example"), request_key="request-1")
    assert await crm.find_record(new) is None
    made = await crm.add_record(new)
    assert made == Record("contact", made.id, "Anna Lind", new.addresses)
    assert await crm.add_record(new) == made
    assert await crm.find_record(new) == made
    for spelled in ("anna_lind@example.COM", "A%@xn--bcher-kva.example"):
        assert await crm.find_record(NewRecord("contact", "", (spelled,))) == made
    for other in ("annaXlind@example.com", "ab@bücher.example", "lind@example.com", "%@%", ""):
        assert await crm.find_record(NewRecord("contact", "", (other,))) is None


@pytest.mark.requirement("R72")
async def test_a_lead_and_a_deal_are_added_once_for_the_party_that_there_is(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna", "Anna@Example.com")
    new = NewRecord("lead", "Asks for desks", ("anna@example.com",), request_key="request-1")
    lead = await crm.add_record(new)
    assert (lead.kind, lead.contacts, lead.open) == ("lead", (anna,), True)
    assert await crm.add_record(new) == lead
    assert await crm.find_record(replace(new, request_key="")) == lead
    wanted = NewRecord("deal", "Ten desks", contacts=(anna,), request_key="request-2")
    deal = await crm.add_record(wanted)
    assert deal == Record("deal", deal.id, "Ten desks", (), (anna,))
    assert await crm.add_record(wanted) == deal
    assert await crm.find_record(wanted) == deal
    assert tryton.count("sale.opportunity") == 2


async def test_a_lead_of_somebody_new_brings_its_party(crm: Crm, tryton: TrytonDatabase) -> None:
    new = NewRecord("lead", "Bo Berg", ("bo@example.com",), request_key="request-1")
    made = await asyncio.gather(*(crm.add_record(new) for _ in range(4)))
    assert len({record.id for record in made}) == 1
    assert made[0].addresses == ("bo@example.com",)
    assert tryton.count("party.party") == len(COMPANY_PARTIES) + 1


@pytest.mark.requirement("R73", "R74")
async def test_tasks_events_and_notes_are_added_once_and_read_back_latest_first(
    crm: Crm, tryton: TrytonDatabase
) -> None:
    anna = tryton.party("Anna")
    later = NOON + timedelta(hours=1)
    wanted = [
        NewActivity("task", "contact", anna, "Call back", "about desks", due=NOON, request_key="r1"),
        NewActivity("event", "contact", anna, "Visit", due=NOON, until=later, request_key="r2"),
        NewActivity("note", "contact", anna, "Likes oak", "and walnut", request_key="r3"),
    ]
    for new in wanted:
        made = await crm.add_activity(new)
        assert await crm.add_activity(new) == made
        assert await crm.find_activity(new) == made
    tryton.rest("POST", "ir.note", {"resource": f"party.party,{anna}", "message": "Written in Tryton\nby hand"})
    own, note, event, task = await crm.activities("contact", anna)
    assert (own.kind, own.subject, own.text) == ("note", "Written in Tryton", "Written in Tryton\nby hand")
    assert (note.kind, note.subject, note.text, note.request_key) == ("note", "Likes oak", "and walnut", "r3")
    assert (event.kind, event.due, event.until) == ("event", NOON, later)
    assert (task.kind, task.due, task.until, task.open) == ("task", NOON, None, True)
    assert await crm.find_activity(replace(wanted[0], request_key="r9")) is None


async def test_an_activity_of_a_deal_is_none_of_its_party(crm: Crm, tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna")
    number = tryton.opportunity(anna)
    await crm.add_activity(NewActivity("task", "deal", number, "Call back", request_key="r1"))
    assert [one.subject for one in await crm.activities("deal", number)] == ["Call back"]
    assert await crm.activities("contact", anna) == []
    gone = NewActivity("task", "contact", "99999", "Call back", request_key="r2")
    assert (await failure_of(crm, "add_activity", gone)).kind == Kind.CRM_GONE

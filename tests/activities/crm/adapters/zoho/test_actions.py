"""Records, tasks, events and notes that Mailroom makes in Zoho, and Zoho Recruit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.crm.adapters.protocol import NewActivity, NewRecord
from domain.directory.records import RecordKind
from infra.database.pool import Pool
from tests.servers.zoho_twin import ZohoTwin
from tests.support.crm.entries import NOON
from tests.support.crm.zoho import connected, entry, pulled, running_twin


@pytest.fixture
def twin() -> Iterator[ZohoTwin]:
    yield from running_twin()


@pytest.mark.requirement("R72")
@pytest.mark.parametrize(("kind", "module"), [("contact", "Contacts"), ("lead", "Leads")])
async def test_a_correspondent_becomes_a_record(twin: ZohoTwin, pool: Pool, kind: RecordKind, module: str) -> None:
    async with connected(pool, twin) as zoho:
        made = await zoho.add_record(NewRecord(kind, "Anna Maria Lind", ("anna@client.example",)))
    row = twin.modules[module][made.id]
    assert (row["First_Name"], row["Last_Name"], row["Email"]) == ("Anna Maria", "Lind", "anna@client.example")


@pytest.mark.requirement("R72")
async def test_an_address_that_zoho_has_is_answered_and_left_as_it_is(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind", Email="a@b.example", Secondary_Email="Anna@Client.example")
    async with connected(pool, twin) as zoho:
        found = await zoho.add_record(NewRecord("contact", "Somebody Else", ("anna@client.example",)))
    assert (found.id, found.name) == (anna, "Lind")
    assert twin.requests("POST", "/Contacts") == []


@pytest.mark.requirement("R72")
async def test_a_deal_gets_the_first_open_stage_a_date_and_its_contact(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    new = NewRecord("deal", "Pumps", contacts=(anna,), request_key="k1")
    async with connected(pool, twin) as zoho:
        made = await zoho.add_record(new)
        assert (await zoho.add_record(new)).id == made.id
        other = await zoho.add_record(replace(new, request_key="k2"))
    row = twin.modules["Deals"][made.id]
    assert (row["Stage"], row["Contact_Name"]) == ("Qualification", {"id": anna})
    assert datetime.fromisoformat(row["Closing_Date"]).replace(tzinfo=UTC) > datetime.now(UTC) + timedelta(days=20)
    assert other.id != made.id


@pytest.mark.requirement("R73")
@pytest.mark.parametrize(("kind", "module"), [("contact", "Contacts"), ("lead", "Leads"), ("deal", "Deals")])
async def test_tasks_events_and_notes_hang_on_their_record_and_are_read_back(
    twin: ZohoTwin, pool: Pool, kind: RecordKind, module: str
) -> None:
    name = {"Deal_Name": "Pumps", "Stage": "Proposal"} if kind == "deal" else {"Last_Name": "Lind"}
    record = twin.add(module, **name)
    async with connected(pool, twin) as zoho:
        await zoho.add_activity(NewActivity("task", kind, record, "Call", "about pumps", due=NOON, request_key="k1"))
        until = NOON + timedelta(hours=2)
        await zoho.add_activity(NewActivity("event", kind, record, "Visit", due=NOON, until=until, request_key="k2"))
        await zoho.add_activity(NewActivity("note", kind, record, "Remember", "likes blue", request_key="k3"))
        note, event, task = await zoho.activities(kind, record)
    assert (task.subject, task.text, task.due, task.open) == (
        "Call",
        "about pumps",
        datetime(2026, 5, 4, tzinfo=UTC),
        True,
    )
    assert (event.subject, event.due, event.until) == ("Visit", NOON, until)
    assert (note.subject, note.text, note.request_key) == ("Remember", "likes blue", "k3")


async def test_two_requests_for_the_same_task_are_two_tasks(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        one = await zoho.add_activity(NewActivity("task", "contact", anna, "Call", request_key="k1"))
        other = await zoho.add_activity(NewActivity("task", "contact", anna, "Call", request_key="k2"))
    assert one != other


# Recruit --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R1")
async def test_recruit_has_candidates_and_contacts(twin: ZohoTwin, pool: Pool) -> None:
    bo = twin.add("Candidates", First_Name="Bo", Last_Name="Berg", Email="bo@client.example")
    anna = twin.add("Contacts", Last_Name="Lind")
    twin.add("Leads", Last_Name="Nobody")
    twin.pass_time(minutes=10)
    async with connected(pool, twin, profile="recruit") as zoho:
        await zoho.check()
        found, cursor = await pulled(zoho)
        assert {one.id: one.kind for one in found.values()} == {bo: "candidate", anna: "contact"}
        twin.pass_time(minutes=10)
        twin.delete("Candidates", bo)
        found, _ = await pulled(zoho, cursor)
    assert [one.gone for one in found.values()] == [True]


@pytest.mark.requirement("R1")
async def test_in_recruit_a_correspondence_is_a_note_that_can_turn_and_go(twin: ZohoTwin, pool: Pool) -> None:
    bo = twin.add("Candidates", Last_Name="Berg")
    given = entry(bo, record_kind="candidate")
    async with connected(pool, twin, profile="recruit") as zoho:
        remote_id = await zoho.push(given)
        again = replace(given, probe={})  # its answer might have been lost
        assert await zoho.push(again) == remote_id
        assert twin.modules["Notes"][remote_id]["Note_Title"] == "Received: An offer"
        turned = replace(given, direction="Sent")
        assert await zoho.turn(turned, remote_id) == remote_id
        assert await zoho.push(again) == await zoho.push(replace(turned, probe={})) == remote_id
        found = await zoho.find(given)
        assert found is not None
        assert found.direction == "Sent"
        assert len(twin.modules["Notes"]) == 1
        await zoho.remove(given, remote_id)
        await zoho.remove(given, remote_id)
    assert twin.modules["Notes"] == {}


@pytest.mark.requirement("R72", "R73")
async def test_recruit_takes_records_and_notes_as_its_api_has_them(twin: ZohoTwin, pool: Pool) -> None:
    async with connected(pool, twin, profile="recruit") as zoho:
        made = await zoho.add_record(NewRecord("candidate", "Bo Berg", ("bo@client.example",)))
        await zoho.add_activity(NewActivity("note", "candidate", made.id, "Remember", "likes blue", request_key="k1"))
        (note,) = await zoho.activities("candidate", made.id)
    (sent,) = twin.requests("POST", "/recruit/v2/Notes$")
    assert (sent.body["data"][0]["Parent_Id"], sent.body["data"][0]["se_module"]) == (made.id, "Candidates")
    assert note.text == "likes blue"

"""Zoho CRM behind the adapter's protocol: its directory, and the correspondences on its records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.failing_http import Fault
from tests.servers.zoho_twin import ZohoTwin, failing
from tests.support.crm.zoho import connected, entry, failure_of, pulled, running_twin

ASSOCIATED = "/actions/associate_email$"


@pytest.fixture
def twin() -> Iterator[ZohoTwin]:
    yield from running_twin()


# The directory --------------------------------------------------------------------------------------------------------


async def test_a_sweep_brings_contacts_leads_and_deals_with_all_their_addresses(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add(
        "Contacts", First_Name="Anna", Last_Name="Lind", Email="Anna@Client.example", Secondary_Email="a@b.example"
    )
    nobody = twin.add("Leads", Last_Name="Nobody")
    open_deal = twin.add("Deals", Deal_Name="Pumps", Stage="Proposal", Contact_Name={"id": anna, "name": "Anna Lind"})
    won = twin.add("Deals", Deal_Name="Pipes", Stage="Closed Won")
    lost = twin.add("Deals", Deal_Name="Taps", Stage="Lost")
    async with connected(pool, twin) as zoho:
        found, _ = await pulled(zoho)
    assert (found[anna].name, found[anna].addresses) == ("Anna Lind", ("Anna@Client.example", "a@b.example"))
    assert (found[nobody].kind, found[nobody].addresses, found[nobody].open) == ("lead", (), True)
    assert (found[open_deal].name, found[open_deal].contacts, found[open_deal].open) == ("Pumps", (anna,), True)
    assert [found[deal].open for deal in (won, lost)] == [False, False]


async def test_a_converted_lead_says_which_contact_it_became(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    lead = twin.add("Leads", Last_Name="Lind", Converted__s=True, Converted_Contact={"id": anna, "name": "Lind"})
    older = twin.add("Leads", Last_Name="Lind", Converted__s=True, **{"$converted_detail": {"contact": anna}})
    async with connected(pool, twin) as zoho:
        found, _ = await pulled(zoho)
    assert [(found[one].converted_to, found[one].open) for one in (lead, older)] == [(anna, False)] * 2


async def test_a_pull_brings_what_changed_since_and_what_is_gone(twin: ZohoTwin, pool: Pool) -> None:
    changed, untouched, deleted = (twin.add("Contacts", Last_Name=name) for name in ("One", "Two", "Three"))
    twin.pass_time(minutes=10)
    async with connected(pool, twin) as zoho:
        _, cursor = await pulled(zoho)
        twin.pass_time(minutes=10)
        twin.change("Contacts", changed, Email="one@client.example")
        twin.delete("Contacts", deleted)
        found, cursor = await pulled(zoho, cursor)
        assert set(found) == {changed, deleted}
        assert found[changed].addresses == ("one@client.example",)
        assert found[deleted].gone
        twin.pass_time(minutes=10)
        _, cursor = await pulled(zoho, cursor)
        twin.pass_time(minutes=10)
        assert (await pulled(zoho, cursor))[0] == {}
    assert untouched not in found


async def test_what_was_deleted_during_a_sweep_is_known_by_the_next_pull(twin: ZohoTwin, pool: Pool) -> None:
    early = twin.add("Contacts", Last_Name="Early")
    async with connected(pool, twin) as zoho:
        cursor = None
        async for page in zoho.pull(None):
            if early in twin.modules["Contacts"]:
                twin.delete("Contacts", early)
            cursor = page.cursor
        found, _ = await pulled(zoho, cursor)
    assert found[early].gone


async def test_many_pages_are_brought_whole_though_records_change_meanwhile(twin: ZohoTwin, pool: Pool) -> None:
    ids = [twin.add("Contacts", Last_Name=f"Number {number}") for number in range(650)]
    found = set()
    async with connected(pool, twin) as zoho:
        async for page in zoho.pull(None):
            found |= {record.id for record in page.records}
            twin.change("Contacts", ids[len(found) % 100], Email="moved@client.example")
    assert found == set(ids)


async def test_more_than_two_thousand_changed_in_one_second_are_brought_by_tokens(twin: ZohoTwin, pool: Pool) -> None:
    ids = [twin.add("Contacts", Last_Name=f"Number {number}") for number in range(2300)]
    for one in ids:
        twin.modules["Contacts"][one]["Modified_Time"] = "2026-06-01T00:00:00+00:00"
    async with connected(pool, twin) as zoho:
        found, _ = await pulled(zoho)
    assert set(found) == set(ids)


async def test_a_pull_that_broke_off_goes_on_after_its_last_page(twin: ZohoTwin, pool: Pool) -> None:
    ids = [twin.add("Contacts", Last_Name=f"Number {number}") for number in range(450)]
    lead = twin.add("Leads", Last_Name="Lead")
    async with connected(pool, twin) as zoho:
        pages = zoho.pull(None)
        first = await anext(pages)
        await pages.aclose()
        rest, _ = await pulled(zoho, first.cursor)
    assert {record.id for record in first.records} | set(rest) == {*ids, lead}
    assert ids[0] not in rest


# Correspondences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "sent"), [("Received", False), ("Sent", True)])
async def test_an_entry_is_shown_on_its_record_with_its_direction(
    twin: ZohoTwin, pool: Pool, direction: str, sent: bool
) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        given = entry(anna, direction=direction, cc=[("", "bo@client.example")])
        remote_id = await zoho.push(given)
        found = await zoho.find(given)
    (shown,) = twin.emails["Contacts", anna]
    assert (shown["sent"], shown["original_message_id"]) == (sent, "<one@client.example>")
    assert shown["from"] == {"user_name": "Anna Lind", "email": "anna@client.example"}
    assert shown["cc"] == [{"user_name": "bo@client.example", "email": "bo@client.example"}]
    assert shown["content"] == "<div>Dear Jane,<br>2 &lt; 3 &amp; so on</div>"
    assert shown["linked_record"]["id"] == anna
    assert found is not None
    assert (found.remote_id, found.direction) == (remote_id, direction) == (shown["message_id"], direction)


async def test_an_entry_that_is_shown_already_is_not_shown_again(twin: ZohoTwin, pool: Pool) -> None:
    anna, bo = twin.add("Contacts", Last_Name="Lind"), twin.add("Contacts", Last_Name="Berg")
    async with connected(pool, twin) as zoho:
        first = await zoho.push(entry(anna))
        assert await zoho.push(entry(anna)) == first
        await zoho.push(entry(bo))  # the same message, of another record
        await zoho.push(entry(bo))
    assert [len(twin.emails["Contacts", one]) for one in (anna, bo)] == [1, 1]


async def test_an_entry_is_found_behind_pages_of_others(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        first = await zoho.push(entry(anna))
        for number in range(25):
            await zoho.push(entry(anna, message_id=f"<{number}@client.example>", subject=f"Offer {number}"))
        found = await zoho.find(entry(anna))
    assert found is not None
    assert found.remote_id == first


async def test_mail_without_a_message_id_gets_one_of_its_entry(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna, message_id=None))
        await zoho.push(entry(anna, message_id=None))
    (shown,) = twin.emails["Contacts", anna]
    assert shown["original_message_id"] == f"<{'ab' * 32}@mailroom.invalid>"


async def test_what_zoho_has_no_room_for_is_cut_and_what_it_must_have_is_made_up(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    crowd = [("", f"{number}@client.example") for number in range(5000)]
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna, subject="x" * 400, to=crowd, sender=("y" * 60_000, "anna@client.example")))
        await zoho.push(entry(anna, message_id="<2@client.example>", subject=" \n ", text="", to=[], sender=("", "")))
    long, empty = twin.emails["Contacts", anna]
    assert (len(long["subject"]), len(long["to"]), len(long["from"]["user_name"])) == (250, 100, 100)
    assert (empty["subject"], empty["to"][0]["email"]) == ("(no subject)", "jane@example.com")


async def test_addresses_that_are_none_do_not_keep_a_message_from_being_shown(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    to = [("Undisclosed", "undisclosed-recipients:;"), ("Bo", "bo@bücher.example"), ("", '"two words"@client.example')]
    async with connected(pool, twin) as zoho:
        await zoho.push(entry(anna, to=to, subject="\N{GRINNING FACE}" * 250))
        assert await zoho.find(entry(anna, to=to, subject="\N{GRINNING FACE}" * 250)) is not None
    (shown,) = twin.emails["Contacts", anna]
    assert [one["email"] for one in shown["to"]] == ["bo@xn--bcher-kva.example", '"two words"@client.example']
    assert len(shown["subject"].encode("utf-16-le")) == 500


async def test_an_answer_that_was_lost_is_uncertain_and_found(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    twin.fail("POST", ASSOCIATED, Fault(500, {"code": "INTERNAL_ERROR", "status": "error"}, committed=True))
    async with connected(pool, twin) as zoho:
        assert (await failure_of(zoho.push(entry(anna)))).kind == Kind.CRM_UNCERTAIN
        found = await zoho.find(entry(anna))
        assert found is not None
        assert await zoho.push(entry(anna)) == found.remote_id
    assert len(twin.emails["Contacts", anna]) == 1


async def test_a_duplicate_is_adopted_once_it_is_seen_there(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    duplicate = {"Emails": [{"code": "DUPLICATE_DATA", "message": "there", "status": "error", "details": {}}]}
    async with connected(pool, twin) as zoho:
        twin.fail("POST", ASSOCIATED, Fault(400, duplicate, committed=True))
        remote_id = await zoho.push(entry(anna))
        assert remote_id == twin.emails["Contacts", anna][0]["message_id"]
        twin.fail("POST", ASSOCIATED, Fault(400, duplicate))
        failure = await failure_of(zoho.push(entry(anna, message_id="<2@client.example>")))
    assert (failure.kind, failure.cause) == (Kind.CRM_REJECTED, "duplicate_data")


async def test_a_direction_stays_until_somebody_removes_the_email_in_zoho(twin: ZohoTwin, pool: Pool) -> None:
    anna = twin.add("Contacts", Last_Name="Lind")
    async with connected(pool, twin) as zoho:
        remote_id = await zoho.push(entry(anna))
        turned = replace(entry(anna), direction="Sent")
        failure = await failure_of(zoho.turn(turned, remote_id))
        assert (failure.kind, failure.cause) == (Kind.CRM_REJECTED, "direction_fixed")
        assert failure.said is not None
        assert "remove it there" in failure.said
        failure = await failure_of(zoho.remove(entry(anna), remote_id))
        assert (failure.kind, failure.cause) == (Kind.CRM_REJECTED, "cannot_be_removed")
        twin.emails.clear()
        await zoho.remove(entry(anna), remote_id)
        await zoho.turn(turned, remote_id)
    assert [shown["sent"] for shown in twin.emails["Contacts", anna]] == [True]


async def test_an_entry_of_a_record_that_is_gone_says_so(twin: ZohoTwin, pool: Pool) -> None:
    async with connected(pool, twin) as zoho:
        failure = await failure_of(zoho.push(entry("4876876000000999999")))
    assert failure.kind == Kind.CRM_GONE


async def test_a_check_asks_for_each_permission(twin: ZohoTwin, pool: Pool) -> None:
    async with connected(pool, twin) as zoho:
        await zoho.check()
        twin.fail("GET", "email_available$", failing(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope"))
        failure = await failure_of(zoho.check())
    assert (failure.kind, failure.cause) == (Kind.CRM_PERMISSION, "oauth_scope_mismatch")

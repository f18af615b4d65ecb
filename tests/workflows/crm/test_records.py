"""Records of the built-in CRM as operators save and delete them: what is left out stays, what is deleted is linked no more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, refusal, until
from tests.support.workflows.crms import RunningCrm, connect_crm


async def record(crm: RunningCrm, record_id: str) -> dict[str, Any]:
    (row,) = await crm.mailroom.rows("select * from directory where crm = %s and record_id = %s", crm.name, record_id)
    return row


async def test_what_is_left_out_stays_as_it_is(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Anna Lind", "anna@example.org", record_id="17")
    await crm.command(
        *("save_record",), record_kind="deal", record_id="d", name="Boats", contacts=["17"], open=False, addresses=[]
    )
    renamed = await crm.command("save_record", record_kind="contact", record_id="17", name="Anna Berg")
    assert (renamed["name"], renamed["addresses"]) == ("Anna Berg", ["anna@example.org"])
    assert renamed["changes"] == {"name": ["Anna Lind", "Anna Berg"]}
    null = await crm.command("save_record", record_kind="contact", record_id="17", name="Anna Berg", addresses=None)
    assert (null["addresses"], null["changes"]) == (["anna@example.org"], {})
    await crm.command("save_record", record_kind="deal", record_id="d", name="Ships")
    deal = await record(crm, "d")
    assert (deal["name"], deal["contacts"], deal["open"]) == ("Ships", ["17"], False)
    await crm.command("save_record", record_kind="contact", record_id="17", name="Anna Berg", addresses=[])
    assert (await record(crm, "17"))["addresses"] == []
    await crm.save("contact", "Anna Lind", "anna@example.org", record_id="18")
    await crm.command("save_record", record_kind="contact", record_id="17", name="Anna Berg", merged_into="18")
    await crm.command("save_record", record_kind="contact", record_id="17", name="Anna B.")
    assert (await record(crm, "17"))["merged_into"] == "18"
    await crm.command("save_record", record_kind="contact", record_id="17", name="Anna B.", merged_into=None)
    assert (await record(crm, "17"))["merged_into"] is None


async def test_an_address_that_another_record_has_is_warned_of(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    assert (await crm.save("contact", "Anna Lind", "anna@example.org", record_id="17"))["warnings"] == []
    (warning,) = (await crm.save("lead", "Anna", "Anna@Example.org", record_id="l"))["warnings"]
    assert warning.startswith("anna@example.org is an address of the contact 17, too")


async def test_a_dry_run_of_saving_a_record_says_what_would_change_and_changes_nothing(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Anna Lind", "anna@example.org", record_id="17")
    wanted = {"record_kind": "contact", "record_id": "17", "name": "Anna Berg", "addresses": []}
    answer = await crm.command("save_record", **wanted, dry_run=True)
    assert answer["changes"] == {"name": ["Anna Lind", "Anna Berg"], "addresses": [["anna@example.org"], []]}
    kept = await record(crm, "17")
    assert (kept["name"], kept["addresses"]) == ("Anna Lind", ["anna@example.org"])


@pytest.mark.requirement("R3")
async def test_a_record_that_is_deleted_is_linked_no_more_and_its_mail_stays(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Anna Lind", "anna@example.org", record_id="17")
    async with MailboxServer(messages={"a": mail(1, sender="anna@example.org")}) as server:
        account = await mailroom.connect(server, crm=[crm.name])
        await account.until_mail(1)
        linked = "select * from correspondence where crm = %s and unlinked_at is null"
        assert len(await mailroom.rows(linked, crm.name)) == 1
        gone = {"record_kind": "contact", "record_id": "17", "by": "jane"}
        for _ in range(2):  # a repeated one is no other
            answer = await crm.command("delete_record", **gone)
            assert answer == {"crm": crm.name, "record_kind": "contact", "record_id": "17"}

        async def unlinked() -> bool:
            return not await mailroom.rows(linked, crm.name)

        await until(unlinked, "mail that is linked with nobody")
        assert await mailroom.rows("select from directory where crm = %s", crm.name) == []
        assert len(await account.mail()) == 1
        await crm.save("contact", "Anna Lind", "anna@example.org", record_id="18")

        async def linked_anew() -> bool:
            return [row["record_id"] for row in await mailroom.rows(linked, crm.name)] == ["18"]

        await until(linked_anew, "the mail on the new record")


async def test_a_record_that_is_not_there_cannot_be_deleted(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    refused = await refusal(crm.command("delete_record", record_kind="contact", record_id="nobody"))
    assert (refused.code, refused.field) == ("unknown_record", "record_id")
    for senseless in ({}, {"record_kind": "contact"}, {"record_kind": "company", "record_id": "1"}):
        assert (await refusal(crm.command("delete_record", **senseless))).code in ("missing_field", "invalid_field")


async def test_a_dry_run_of_other_rules_says_what_they_unlink_and_changes_nothing(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Anna Lind", "anna@example.org", record_id="17")
    await crm.save("lead", "Bo", "bo@example.org", record_id="l")
    messages = {"a": mail(1, sender="anna@example.org"), "b": mail(2, sender="bo@example.org")}
    async with MailboxServer(messages=messages) as server:
        account = await mailroom.connect(server, crm=[crm.name])
        await account.until_mail(2)
        linked = await mailroom.rows("select message, record_kind from correspondence where crm = %s", crm.name)
        of = {row["record_kind"]: row["message"] for row in linked}
        never = await crm.command(
            "change_settings", settings={"linking": {"never_log": ["anna@example.org"]}}, dry_run=True
        )
        assert never["changes"] == {"linking.never_log": [[], ["anna@example.org"]]}
        assert (never["checks"], never["unlinks"]) == (False, {"messages": 1, "examples": [of["contact"]]})
        contacts = await crm.command("change_settings", settings={"linking": {"records": "contacts"}}, dry_run=True)
        assert contacts["unlinks"] == {"messages": 1, "examples": [of["lead"]]}
        seldom = await crm.command("change_settings", settings={"interval_minutes": 60}, dry_run=True)
        assert (seldom["changes"], seldom["unlinks"]) == ({"interval_minutes": [5, 60]}, None)
        assert await crm.log("CrmSettingsChanged") == []
        await crm.handle.signal("change_settings", {"settings": {"interval_minutes": 60}, "dry_run": True})
        (entry,) = await crm.until_logged("CommandRefused")
        assert entry.data["field"] == "dry_run"

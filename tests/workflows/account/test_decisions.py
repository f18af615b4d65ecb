"""Linking by hand and erasing a person, as operators ask for it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from activities.directory.directory import Directory
from domain.directory.records import Page, Record
from domain.privacy.rules import rule_for
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, RunningAccount, refusal
from tests.support.workflows.crms import connect_crm
from tests.support.workflows.replaying import replay
from workflows import contract

ANNA = {"crm": "builtin", "record_kind": "contact", "record_id": "c1"}


async def connected(mailroom: Mailroom, server: MailboxServer) -> tuple[RunningAccount, int]:
    """An account with one message of a contact."""
    record = Record("contact", "c1", "Anna", ("anna@example.org",))
    await Directory(mailroom.pool).apply("builtin", Page([record], {}))
    account = await mailroom.connect(server, crm=["builtin"], organisation=f"of-{uuid4().hex[:8]}")
    await account.until_mail(1)
    rows = await mailroom.rows("select id from messages where address = %s order by id", account.address)
    return account, int(rows[0]["id"])


async def linked(mailroom: Mailroom, account: RunningAccount) -> list[str]:
    rows = await mailroom.rows(
        "select record_id from correspondence where address = %s and unlinked_at is null", account.address
    )
    return [row["record_id"] for row in rows]


async def test_a_message_is_unlinked_linked_and_left_to_the_rules_again_by_commands(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        account, message = await connected(mailroom, server)
        assert await linked(mailroom, account) == ["c1"]
        answer = await account.command("unlink_message", message=message, **ANNA, by="ops", reason="a namesake")
        assert (answer["linked"], answer["decision"]) == (False, "unlinked")
        assert await linked(mailroom, account) == []
        assert (await account.command("link_message", message=message, **ANNA))["direction"] == "Received"
        assert (await account.command("undo_decision", message=message, **ANNA))["decision"] is None
        assert await linked(mailroom, account) == ["c1"]
        refused = await refusal(account.command("undo_decision", message=message, **ANNA))
        assert (refused.code, refused.field) == ("nothing_decided", "record_id")
        assert await account.logged("MessageUnlinked", "MessageLinked", "DecisionUndone") == [
            "MessageUnlinked",
            "MessageLinked",
            "DecisionUndone",
        ]


@pytest.mark.requirement("R43")
async def test_a_person_is_counted_and_then_erased_and_the_account_stays_complete(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1), "two": mail(2, sender="eve@example.org")}) as server:
        account, _ = await connected(mailroom, server)
        await account.until_mail(2)
        organisation = (await account.settings())["organisation"]

        async def run(name: str, **given: object) -> dict[str, object]:
            answer: dict[str, object] = await mailroom.client.execute_workflow(
                name, given, id=f"erase/{uuid4()}", task_queue=contract.WORKFLOW_QUEUE, result_type=dict
            )
            return answer

        asked = {"address": "Anna@Example.org", "organisation": organisation, "by": "dpo"}
        counted = await run(contract.ERASE_PERSON, **asked, dry_run=True)
        assert (counted["removed"], counted["kept"], counted["dry_run"]) == (1, 0, True)
        [first] = await mailroom.rows("select id from messages where address = %s and uidl = 'one'", account.address)
        assert (counted["to_remove"], counted["to_keep"]) == ([first["id"]], [])
        nobody = await run(contract.ERASE_PERSON, **{**asked, "address": "ana@example.org"}, dry_run=True)
        assert nobody["removed"] == 0
        assert len(await account.mail()) == 2
        assert (await run(contract.ERASE_PERSON, **asked))["removed"] == 1
        assert await account.mail() == ["two"]
        await account.command("poll_now")
        assert await account.mail() == ["two"]
        assert (await run(contract.RECONCILE, address=account.address))["complete"] is True
        refused = await refusal(run(contract.ERASE_PERSON, address="Anna@Example.org", organisation="nobody"))
        assert (refused.code, refused.field) == ("invalid_field", "organisation")


async def test_a_crms_own_list_goes_on_without_the_address_of_who_is_erased(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom, linking={"never_log": ["union.example", "anna@example.org"]})
    await crm.save("contact", "Anna Lind", "joanna@example.org")
    organisation = f"org-{uuid4().hex[:12]}"
    await crm.command("change_settings", settings={"organisation": organisation}, by="ops")
    async with MailboxServer(messages={"one": mail(1)}) as server:
        await mailroom.connect(server, crm=[crm.name], organisation=organisation)
    given = {"address": "Anna@Example.org", "organisation": organisation, "by": "dpo"}
    erased = await mailroom.client.execute_workflow(
        contract.ERASE_PERSON, given, id=f"erase/{uuid4()}", task_queue=contract.WORKFLOW_QUEUE, result_type=dict
    )
    assert erased["crms"] == [crm.name]
    await crm.until_logged("CrmSettingsChanged", 2)
    settings = await crm.handle.query("settings")
    domain, rule = settings["linking"]["never_log"]
    assert domain == "union.example"
    assert rule_for("anna@example.org", (rule,)) == rule
    (row,) = await mailroom.rows("select linking::text || settings::text as kept from crms where name = %s", crm.name)
    assert "anna@example.org" not in row["kept"]
    assert (await crm.log("CrmSettingsChanged"))[-1].actor == "dpo"
    await replay(await crm.handle.fetch_history())

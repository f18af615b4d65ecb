"""Commands about the mail of an address that has no account, or whose account is closed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from activities.attach.attach import Attaching
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, a_new_address, refusal
from tests.support.workflows.crms import connect_crm
from workflows import contract


async def give(mailroom: Mailroom, address: str, command: str, **given: Any) -> Any:
    return await mailroom.client.execute_workflow(
        contract.STORED_MAIL,
        {"address": address, "command": command, "input": {"by": "ops", **given}},
        id=f"stored-mail/{uuid4()}",
        task_queue=contract.WORKFLOW_QUEUE,
        result_type=dict,
    )


async def attached(mailroom: Mailroom, address: str, *messages: bytes, crm: tuple[str, ...] = ()) -> list[int]:
    attaching = Attaching(mailroom.pool, mailroom.settings)
    for raw in messages:
        await attaching.attach(await attaching.account(address, crm), raw, None, "jane")
    rows = await mailroom.rows("select id from messages where address = %s order by id", address)
    return [row["id"] for row in rows]


async def test_mail_of_an_address_without_an_account_is_moved_labelled_linked_and_deleted(mailroom: Mailroom) -> None:
    crm = await connect_crm(mailroom)
    await crm.save("contact", "Anna Lind", "anna@example.org", record_id="17")
    address = a_new_address()
    letters = mail(1, sender="anna@example.org"), mail(2, sender="eve@example.net")
    one, two = await attached(mailroom, address, *letters, crm=(crm.name,))
    moved = await give(mailroom, address, "move_messages", messages=[one], folder="Sent")
    assert (moved["messages"], moved["unlinked"]) == (1, 1)  # in Sent it is with whom it went to
    await give(mailroom, address, "undo_filing", run=moved["run"])
    await give(mailroom, address, "label_messages", messages=[one], add=["offer"])
    decided = {"message": one, "crm": crm.name, "record_kind": "contact", "record_id": "17"}
    await give(mailroom, address, "unlink_message", **decided)
    linked = "select message from correspondence where address = %s and unlinked_at is null"
    assert await mailroom.rows(linked, address) == []
    await give(mailroom, address, "link_message", **decided)
    assert await mailroom.rows(linked, address) == [{"message": one}]
    [kept] = await mailroom.rows("select folder, labels from messages where id = %s", one)
    assert kept == {"folder": "Inbox", "labels": ["offer"]}
    assert (await give(mailroom, address, "delete_messages", messages=[two]))["messages"] == 1
    told = await mailroom.log(address, "MessagesMoved", "MessageUnlinked", "MessageLinked", "MessagesDeleted")
    assert [(one.type, one.actor) for one in told] == [
        ("MessagesMoved", "ops"),
        ("MessageUnlinked", "ops"),
        ("MessageLinked", "ops"),
        ("MessagesDeleted", "ops"),
    ]
    assert await mailroom.rows("select * from verify_log(%s)", address) == []


async def test_mail_of_a_closed_account_can_be_deleted_and_an_account_that_lives_refuses_it_here(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        account = await mailroom.connect(server, retrieval={"interval_minutes": 60})
        await account.until_mail(1)
        [row] = await mailroom.rows("select id from messages where address = %s", account.address)
        refused = await refusal(give(mailroom, account.address, "delete_messages", messages=[row["id"]]))
        assert (refused.code, refused.field) == ("account_lives", "address")
        assert f"mail-account/{account.address}" in refused.message
        await account.command("close", by="ops")
        await account.handle.result()
        assert (await give(mailroom, account.address, "delete_messages", messages=[row["id"]]))["messages"] == 1
        again = await mailroom.connect(server, account.address)
        await again.command("poll_now")
        assert await again.mail() == [], "what was deleted here is not imported again"


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({}, "missing_field", "address"),
        ({"address": "nobody at all", "command": "delete_messages", "input": {}}, "invalid_field", "address"),
        ({"address": "kate@example.com", "command": "poll_now", "input": {}}, "unknown_command", "command"),
        ({"address": "kate@example.com", "command": "delete_messages", "input": {}}, "missing_field", "messages"),
        (
            {"address": "kate-nobody@example.com", "command": "delete_messages", "input": {"messages": [1]}},
            "unknown_address",
            "address",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    mailroom: Mailroom, given: dict[str, Any], code: str, field: str
) -> None:
    started = mailroom.client.execute_workflow(
        contract.STORED_MAIL, given, id=f"stored-mail/{uuid4()}", task_queue=contract.WORKFLOW_QUEUE
    )
    refused = await refusal(started)
    assert (refused.code, refused.field) == (code, field)

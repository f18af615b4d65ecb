"""The commands about what is made of a message, as operators give them: the way through `MailAccount`."""

from __future__ import annotations

import pytest

from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, a_new_address, refusal
from tests.support.workflows.replaying import replay

HELLO = b"From: Anna Lind <anna@example.org>\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n"
OWN = b"From: %s\r\nTo: anna@example.org, bob@example.net\r\nSubject: two\r\n\r\nHello\r\n"
ANNA = {"crm": "builtin", "record_kind": "contact"}


async def with_a_message(mailroom: Mailroom, server: MailboxServer, address: str = "") -> tuple[RunningAccount, int]:
    account = await mailroom.connect(server, address, crm=["builtin"], retrieval={"interval_minutes": 60})
    await account.until_mail(1)
    await account.until_watched()
    [row] = await mailroom.rows("select id from messages where address = %s", account.address)
    return account, row["id"]


@pytest.mark.requirement("R72", "R73", "R74", "R75")
async def test_each_command_answers_and_repeats_and_replays(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account, message = await with_a_message(mailroom, server)
        added = await account.command("add_record", request_id="a", message=message, by="jane", **ANNA)
        record = added["record"]
        assert (added["created"], record["name"]) == (True, "Anna Lind")
        assert added == await account.command("add_record", request_id="a", message=message, by="bob", **ANNA)
        due = "2026-12-01T09:00:00Z"
        for command, more in (("add_task", {"due": due}), ("add_event", {"due": due}), ("add_note", {})):
            given = {"request_id": command, "message": message, "crm": "builtin", "subject": "roof", **more}
            answer = await account.command(command, **given)
            assert answer == await account.command(command, **given)
            assert answer["record"]["record_id"] == record["record_id"]
            assert answer["activities"][0]["id"] == answer["id"]
        seen = await account.command("context", message=message)
        assert [one["kind"] for one in seen["records"][0]["open"]] == ["event", "task"]
        kept = [(entry.type, entry.actor) for entry in await account.log() if entry.type.endswith("Added")]
        assert kept == [
            ("RecordAdded", "jane"),
            ("TaskAdded", "operator"),
            ("EventAdded", "operator"),
            ("NoteAdded", "operator"),
        ]
        assert len(await mailroom.rows("select * from activities")) == 3
        await account.command("close")
        await account.handle.result()
        await replay(await account.handle.fetch_history())


async def test_what_is_not_clear_is_refused_in_words_and_a_refused_signal_names_nobody_in_the_log(
    mailroom: Mailroom,
) -> None:
    address = a_new_address()
    async with MailboxServer(messages={"one": OWN % address.encode()}) as server:
        account, message = await with_a_message(mailroom, server, address)
        given = {"request_id": "a", "message": message, **ANNA}
        error = await refusal(account.command("add_record", **given))
        assert (error.code, error.field) == ("ambiguous_correspondent", "address")
        assert "anna@example.org, bob@example.net" in error.message
        await account.signal("add_record", given)
        [entry] = await account.until_logged("CommandRefused")
        assert entry.data["code"] == "ambiguous_correspondent"
        assert "anna" not in str(entry.data)
        unknown = await refusal(account.command("context", message=10**9))
        assert unknown.code == "unknown_message"

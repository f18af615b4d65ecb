"""Input that nobody meant, for CRM connections and for what people make of messages: it wedges neither workflow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, refusal, until
from tests.support.workflows.crms import connect_crm
from tests.workflows.account.test_malformed_input import UNREADABLE
from workflows.entity import refused_signals

SOUND = {"record_kind": "contact", "name": "Anna Lind", "addresses": ["anna@example.org"]}
SENSELESS: list[tuple[str, Any]] = [
    ("save_record", {}),
    ("save_record", {**SOUND, "record_kind": "company"}),
    ("save_record", {**SOUND, "record_id": "a\0b"}),
    ("save_record", {**SOUND, "record_id": "x" * 201}),
    ("save_record", {**SOUND, "name": ""}),
    ("save_record", {**SOUND, "name": "x" * 1_000_000}),
    ("save_record", {**SOUND, "addresses": ["nobody"]}),
    ("save_record", {**SOUND, "addresses": ["anna@example.org"] * 501}),
    ("save_record", {**SOUND, "addresses": "anna@example.org"}),
    ("save_record", {**SOUND, "converted_to": "x" * 5000}),
    ("save_record", {**SOUND, "contacts": [""]}),
    ("sync_now", {"now": True}),
    ("change_settings", {"settings": {"interval_minutes": 0}}),
    ("change_settings", {"settings": {"daily_calls": 10**400}}),
    ("change_settings", {"settings": {"linking": {"never_log": ["nobody at all"]}}}),
    ("change_settings", {"settings": {"url": "https://user:password@crm.example.com"}}),
    ("retry_failed", []),
]


async def test_what_makes_no_sense_is_refused_by_a_crm_connection_and_it_goes_on(
    mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_signals, "COUNTED_FOR", timedelta(seconds=2))
    crm = await connect_crm(mailroom)
    for name, given in SENSELESS:
        refused = await refusal(crm.handle.execute_update(name, given))
        assert refused.code in ("invalid_field", "missing_field", "unknown_field"), (name, refused)
        assert 10 < len(refused.message) < 2000
        assert "password" not in refused.message.replace("user, password or", "").replace("without user", "")
    for unreadable in UNREADABLE:
        assert (await refusal(crm.handle.execute_update("save_record", unreadable.values[0]))).code == "invalid_field"
        await crm.handle.signal("sync_now", unreadable.values[0])
    counted = """
        select coalesce(sum((data ->> 'times')::int), 0) as n from account_events
        where type = 'CommandRefused' and address = %s
    """

    async def all_are_logged() -> bool:
        [row] = await mailroom.rows(counted, f"crm/{crm.name}")
        return int(row["n"]) == len(UNREADABLE)

    await until(all_are_logged, "the refused signals in the log")
    await crm.handle.execute_update("save_record", {**SOUND, "name": "a\0b", "record_id": "'; --"})
    assert (await crm.command("sync_now"))["outcome"] in ("synced", "nothing_new")
    assert (await crm.status()).state == "active"
    rows = await mailroom.rows("select record_id, name from directory where crm = %s", crm.name)
    assert [(row["record_id"], row["name"]) for row in rows] == [("'; --", "a b")]


@pytest.mark.requirement("R73")
async def test_an_update_that_no_database_would_take_is_answered_and_mail_keeps_arriving(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"a": mail(1)}) as server:
        account = await mailroom.connect(server, crm=["builtin"], retrieval={"interval_minutes": 60})
        await account.command("poll_now")
        (row,) = await mailroom.rows("select id from messages where address = %s", account.address)
        record = {"message": row["id"], "crm": "builtin", "record_kind": "contact", "record_id": "a\0b"}
        action = {**record, "request_id": "r1", "subject": "call back"}
        for name, given, code in (
            ("link_message", record, "unknown_record"),
            ("unlink_message", record, "not_linked"),
            ("add_note", action, "unknown_record"),
            ("add_event", {**action, "due": "9999-12-31T23:30:00Z"}, "invalid_field"),
            ("context", {"message": 2**62}, "unknown_message"),
        ):
            assert (await refusal(account.command(name, **given))).code == code, name
        server.messages["b"] = mail(2)
        assert (await account.command("poll_now"))["stored"] == 1

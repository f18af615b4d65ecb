"""Erasing a person reaches what names them besides mail: rules and filters, the built-in CRM, and mail that comes only now."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities.erasure.erase_person import Erasing
from domain.core.validation import parse
from domain.crm.settings import CrmSettings
from domain.privacy.erasure import Erased, Naming, erased_rule
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.actions import Asking
from tests.support.directory import record_crm
from tests.support.filing import Jane
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account
from tests.support.stored_mail import CRM, worked_off
from workflows.contract import Erasure, ErasureRequest

PERSON = "anna@example.org"
BOB = "bob@example.com"


async def erase(pool: Pool, **given: Any) -> Erased:
    request = ErasureRequest(given=Erasure(address=PERSON, by="dpo", **given), erasure=uuid4(), at=datetime.now(UTC))
    return await ActivityEnvironment().run(Erasing(pool).erase_person, request)


async def names_the_person(pool: Pool) -> list[str]:
    """The tables that do."""
    watcher = Watcher(pool)
    tables = await watcher.column(
        "select table_name from information_schema.tables where table_schema = 'mailroom' and table_type = 'BASE TABLE'"
    )
    naming = Naming(PERSON)
    return [table for table in tables if naming.is_in(await watcher.column(f"select t::text from {table} t"))]


# Privacy rules --------------------------------------------------------------------------------------------------------------


async def test_a_never_log_rule_goes_on_without_the_address(pool: Pool) -> None:
    mail = LinkedMail(pool)
    jane = await mail.account()
    await mail.set_privacy(never_log=[PERSON, "doctor.example"], private=["eve@example.org"])
    await mail.store(jane, letter(1), letter(2, sender="dr@doctor.example"))
    assert (await erase(pool, dry_run=True)).rules == 1
    erased = await erase(pool)
    assert (erased.rules, erased.withheld, erased.accounts) == (1, 1, 1)
    assert await names_the_person(pool) == []
    assert await mail.store(jane, letter(3), letter(4, sender=JANE, to=PERSON)) == []
    assert len(await mail.store(jane, letter(5, sender="joanna@example.org"))) == 1
    rule = f"never_log: {erased_rule(erased.erasure, PERSON)}"
    assert {row["rule"] for row in await mail.rows("select rule from withheld")} == {rule, "never_log: doctor.example"}
    assert await mail.set_privacy(private=[]) == {"never_log": 2, "private": 0, "internal": "private"}
    assert await mail.store(jane, letter(6)) == []
    [kept] = await mail.rows("select rules -> 'never_log' as rules from account_privacy")
    await mail.set_privacy(never_log=kept["rules"])
    assert await mail.store(jane, letter(7)) == []


async def test_a_private_rule_goes_on_without_the_address(pool: Pool) -> None:
    mail = LinkedMail(pool)
    jane = await mail.account()
    await mail.set_privacy(private=[PERSON])
    assert (await erase(pool)).rules == 1
    await mail.record("contact", "anna", PERSON)
    assert len(await mail.store(jane, letter(1))) == 1
    assert await mail.linked() == []


async def test_a_rule_about_the_domain_names_nobody_and_stays(pool: Pool) -> None:
    mail = LinkedMail(pool)
    await mail.account()
    await mail.set_privacy(never_log=["example.org"])
    assert (await erase(pool)).rules == 0
    assert await mail.rows("select rules -> 'never_log' as kept from account_privacy") == [{"kept": ["example.org"]}]


async def test_a_crm_whose_own_list_names_the_person_is_named(pool: Pool) -> None:
    await LinkedMail(pool).account()
    given = {"name": CRM, "linking": {"never_log": [PERSON]}}
    await record_crm(pool, parse(CrmSettings, given, what="change_settings"))
    assert (await erase(pool, dry_run=True)).crms == (CRM,)


# Filters --------------------------------------------------------------------------------------------------------------------


def of(value: str, field: str = "from", operator: str = "is") -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


async def test_filters_that_name_the_person_go_or_do_without(pool: Pool) -> None:
    jane = Jane(pool)
    await jane.gets(letter(1, sender="eve@example.org"))
    conditions = {
        "only theirs": [of(f"<{PERSON.upper()}>", operator="contains")],
        "a pattern": [of(r"^anna@example\.org$", operator="matches")],
        "all of it": [of(PERSON), of("Roof", "subject", "contains")],
        "somebody else": [of("joanna@example.org"), of("example.org", operator="ends_with")],
    }
    for name, some in conditions.items():
        await jane.commands("save_filter", name=name, conditions=some, actions=[{"label": "x"}])
    await jane.commands(
        "save_filter", name="any", match="any", conditions=[of(PERSON), of(BOB)], actions=[{"label": "x"}]
    )
    await jane.commands("save_filter", name=f"for {PERSON}", match="always", actions=[{"label": "x"}])
    assert (await erase(pool, dry_run=True)).filters == 5
    assert (await erase(pool)).filters == 5
    left = await jane.watcher.rows("select name, version, conditions from filters order by position")
    assert [(row["name"], row["version"]) for row in left] == [("somebody else", 1), ("any", 2)]
    assert [one["value"] for one in left[1]["conditions"]] == [BOB]
    events = await jane.watcher.rows(
        "select type, actor from account_events where data ? 'erasure' and type like 'Filter%'"
    )
    assert sorted(event["type"] for event in events) == ["FilterRemoved"] * 4 + ["FilterSaved"]
    assert {event["actor"] for event in events} == {"dpo"}
    assert await names_the_person(pool) == []


# The built-in CRM -------------------------------------------------------------------------------------------------------------


async def test_their_record_in_the_built_in_crm_goes_with_its_tasks_and_notes(pool: Pool) -> None:
    asking = Asking(pool)
    [message, other] = await asking.retrieve(letter(1), letter(2, sender="eve@example.org"))
    await asking.ask("add_record", message=message, record_kind="contact")
    eve = await asking.ask("add_record", request_id="r2", message=other, record_kind="contact")
    await asking.ask("add_note", request_id="n1", message=message, subject="Anna", text="likes red")
    text = "knows Anna@example.org; not joanna@example.org"
    await asking.ask("add_note", request_id="n2", message=other, subject="Eve", text=text)
    counted = await erase(pool, dry_run=True)
    assert (counted.builtin_records, counted.builtin_activities, counted.records) == (1, 2, 0)
    erased = await erase(pool)
    assert (erased.builtin_records, erased.builtin_activities, erased.records) == (1, 2, 0)
    [note] = await asking.rows("select record_id, text from activities")
    assert note == {"record_id": eve["record"]["record_id"], "text": "knows [erased]; not joanna@example.org"}
    assert [row["record_id"] for row in await asking.rows("select record_id from directory")] == [note["record_id"]]
    [event] = await asking.rows("select data from account_events where address = 'crm/builtin'")
    assert (len(event["data"]["records"]), event["data"]["activities"]) == (1, 2)
    assert PERSON not in json.dumps(event)
    await worked_off(pool)
    assert await names_the_person(pool) == []


async def test_a_built_in_crm_that_another_organisation_uses_too_is_left_and_counted(pool: Pool) -> None:
    mail = LinkedMail(pool)
    await mail.account()
    await Watcher(pool).record(account(1, address=BOB, crm=(CRM,)).model_copy(update={"organisation": "other"}))
    await mail.record("contact", "anna", PERSON)
    erased = await erase(pool)
    assert (erased.builtin_records, erased.records) == (0, 1)


# Quarantine -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R43")
async def test_mail_in_quarantine_is_not_stored_once_it_can_be_taken_and_new_mail_is(pool: Pool) -> None:
    watcher = Watcher(pool)
    theirs, others = letter(1), letter(2, sender="eve@example.org")
    async with MailboxServer(
        password=PASSWORD, messages={"a": theirs, "b": others, "c": letter(3, sender="eve@example.org")}
    ) as server:
        settings = account(server.port, crm=(CRM,))
        await watcher.record(settings)
        server.replies = {"RETR 1": "-ERR Download exceed. msg=1", "RETR 2": "-ERR Download exceed. msg=2"}
        await watcher.watch(settings)
        assert len(await watcher.rows("select from quarantine")) == 2
        await erase(pool)
        server.replies.clear()
        await watcher.rows(
            "update pop_ledger set retry_at = now() - interval '1 day' where state = 'quarantined' returning 1"
        )
        server.messages["d"] = letter(4)
        await watcher.watch(settings)
    assert sorted(await watcher.subjects()) == ["message 2", "message 3", "message 4"]
    assert await watcher.column("select uidl from ledger where state = 'skipped'") == ["a"]
    assert PERSON not in str(await watcher.rows("select * from erased_people"))


async def test_of_quarantined_mail_what_went_to_others_too_comes_and_what_was_with_colleagues_alone_does_not(
    pool: Pool,
) -> None:
    mail = LinkedMail(pool)
    jane = await mail.account()
    await mail.account(BOB)
    await mail.store(jane, letter(9, sender="eve@example.org"))
    async with pool.connection() as connection:
        for number in (2, 3, 4):
            await connection.execute(
                "insert into pop_ledger (address, epoch, uidl, occurrence, state, size, first_seen_at, attempts) "
                "values (%s, 1, %s, 0, 'quarantined', 1, now(), 1)",
                [JANE, f"uid-{number}"],
            )
    await erase(pool)
    stored = await mail.store(
        jane,
        letter(1, sender=JANE, to=f"{PERSON}, {BOB}"),
        letter(2, sender=JANE, to=f"{PERSON}, eve@example.org"),
        letter(3, sender="eve@example.org", to=f"{JANE}, {PERSON}"),
    )
    subjects = await mail.rows("select subject from messages where id = any(%s) order by id", stored)
    assert [row["subject"] for row in subjects] == ["message 2", "message 3"]

"""Records, tasks, events and notes of a message: made once, whatever the CRM does, and read back."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from activities.crm.adapters.protocol import CrmFailure
from domain.core.refusal import Refused
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.support.actions import Asking, Died
from tests.support.directory import register_crm, save_record
from tests.support.mailboxes import JANE, mail

ANNA = "anna@example.org"
HELLO = mail(1).replace(b"Somebody", b'"Lind, Anna"')
OWN = mail(2, sender=JANE).replace(f"To: {JANE}".encode(), b"To: Anna <anna@example.org>, bob@example.net")
DUE = "2026-12-01T09:00:00Z"
LOST = CrmFailure(Kind.CRM_UNCERTAIN, "the answer was lost")


@pytest.fixture
def asking(pool: Pool) -> Asking:
    return Asking(pool)


async def refused(asked: Any) -> Refused:
    with pytest.raises(Refused) as error:
        await asked
    return error.value


@pytest.mark.requirement("R72")
@pytest.mark.parametrize("kind", ["contact", "lead"])
async def test_the_correspondent_becomes_a_record_and_the_message_is_linked_to_it(asking: Asking, kind: str) -> None:
    [message] = await asking.retrieve(HELLO)
    answer = await asking.ask("add_record", message=message, record_kind=kind)
    record_id = answer["record"]["record_id"]
    assert answer["created"] is True
    assert answer["record"] == {"crm": "builtin", "record_kind": kind, "record_id": record_id, "name": "Anna Lind"}
    assert answer["linked"] == [{"record_kind": kind, "record_id": record_id}]
    [record] = await asking.rows("select * from directory")
    assert (record["name"], record["addresses"]) == ("Anna Lind", [ANNA])
    [link] = await asking.rows("select * from correspondence")
    assert (link["message"], link["record_id"], link["direction"]) == (message, record_id, "Received")
    [entry] = await asking.rows("select action, record_id from outbox")
    assert entry == {"action": "add", "record_id": record_id}
    assert [event["record_id"] for event in await asking.events("RecordAdded")] == [record_id]


@pytest.mark.requirement("R72")
async def test_one_that_is_there_already_is_the_answer(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "contact", "17", "ANNA@example.org", name="Anna from Lund")
    [message] = await asking.retrieve(HELLO)
    for number, kind in enumerate(("contact", "lead")):  # who is a contact is no lead any more
        answer = await asking.ask("add_record", request_id=f"r{number}", message=message, record_kind=kind)
        assert (answer["created"], answer["record"]["record_id"]) == (False, "17")
        assert answer["record"]["name"] == "Anna from Lund"
    assert len(await asking.rows("select * from directory")) == 1
    assert asking.crm.calls == []


async def test_one_that_only_the_crm_knows_yet_is_the_answer_too_and_linked_at_once(asking: Asking, pool: Pool) -> None:
    [message] = await asking.retrieve(HELLO)
    await save_record(pool, "lead", "l1", ANNA)
    async with pool.connection() as connection:  # as with a CRM whose directory was not pulled since
        await connection.execute("delete from record_addresses")
    found = asking.crm._crm.find_record

    async def knows(new: Any) -> Any:
        record = await found(new)
        from domain.directory.records import Record

        return record or (Record("lead", "l9", "Anna", (ANNA,)) if new.kind == "lead" else None)

    asking.crm.find_record = knows  # type: ignore[method-assign]  # what another system would answer
    answer = await asking.ask("add_record", message=message, record_kind="lead")
    assert (answer["created"], answer["record"]["record_id"]) == (False, "l9")
    assert answer["linked"] == [{"record_kind": "lead", "record_id": "l9"}]


async def test_a_converted_lead_is_its_contact(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "lead", "l1", ANNA)
    await save_record(pool, "contact", "c1", "other@example.org")
    async with pool.connection() as connection:
        await connection.execute("update records set converted_to = 'c1' where record_id = 'l1'")
    [message] = await asking.retrieve(HELLO)
    answer = await asking.ask("add_record", message=message, record_kind="contact")
    assert (answer["created"], answer["record"]["record_id"]) == (False, "c1")


@pytest.mark.requirement("R72")
async def test_a_deal_comes_with_its_contact(asking: Asking) -> None:
    [message] = await asking.retrieve(HELLO)
    answer = await asking.ask("add_record", message=message, record_kind="deal", name="New roof")
    assert (answer["created"], answer["record"]["name"]) == (True, "New roof")
    [contact] = await asking.rows("select * from directory where record_kind = 'contact'")
    [deal] = await asking.rows("select * from directory where record_kind = 'deal'")
    assert deal["contacts"] == [contact["record_id"]]
    assert answer["linked"] == [
        {"record_kind": "contact", "record_id": contact["record_id"]},
        {"record_kind": "deal", "record_id": deal["record_id"]},
    ], "the only open deal of a contact is linked with it"
    again = await asking.ask("add_record", request_id="r2", message=message, record_kind="deal")
    assert (again["created"], again["record"]) == (False, answer["record"])
    other = await asking.ask("add_record", request_id="r3", message=message, record_kind="deal", name="New floor")
    assert other["created"] is True
    assert len(await asking.rows("select * from directory where record_kind = 'contact'")) == 1


async def test_of_several_recipients_somebody_has_to_say_who(asking: Asking) -> None:
    [message] = await asking.retrieve(OWN)
    error = await refused(asking.ask("add_record", message=message, record_kind="contact"))
    assert error.refusal.code == "ambiguous_correspondent"
    assert ANNA in error.message
    assert "bob@example.net" in error.message
    answer = await asking.ask(
        "add_record", message=message, record_kind="contact", address="Bob@example.net", name="Bob B"
    )
    assert answer["record"]["name"] == "Bob B"
    nobody = await refused(
        asking.ask("add_record", request_id="r2", message=message, record_kind="contact", address="eve@example.org")
    )
    assert nobody.refusal.code == "unknown_correspondent"


async def test_neither_log_nor_request_holds_a_name_or_an_address(asking: Asking) -> None:
    [message] = await asking.retrieve(HELLO)
    await asking.ask("add_record", message=message, record_kind="contact")
    await asking.ask("add_note", request_id="r2", message=message, subject="about roses", text="red ones")
    kept = str(await asking.rows("select data::text from account_events union all select r::text from crm_requests r"))
    for word in ("anna", "Anna", "Lind", "roses", "red ones"):
        assert word not in kept


@pytest.mark.requirement("R73", "R74")
@pytest.mark.parametrize(
    ("command", "more"),
    [("add_task", {"due": DUE}), ("add_event", {"due": DUE}), ("add_note", {})],
)
async def test_a_task_an_event_and_a_note_are_on_the_record_of_the_message(
    asking: Asking, pool: Pool, command: str, more: dict[str, str]
) -> None:
    await save_record(pool, "contact", "17", ANNA)
    [message] = await asking.retrieve(HELLO)
    answer = await asking.ask(command, message=message, subject="call back", text="about the roof", **more)
    assert answer["record"] == {"crm": "builtin", "record_kind": "contact", "record_id": "17"}
    [shown] = answer["activities"]
    assert (shown["id"], shown["kind"], shown["subject"]) == (answer["id"], command[4:], "call back")
    assert shown["due"] == ("2026-12-01T09:00:00+00:00" if more else None)
    assert shown["until"] == ("2026-12-01T10:00:00+00:00" if command == "add_event" else None)
    again = await asking.ask(command, message=message, subject="call back", text="about the roof", **more)
    assert again == answer
    [kept] = await asking.rows("select * from activities")
    assert (str(kept["id"]), kept["record_id"], kept["text"]) == (answer["id"], "17", "about the roof")
    assert len(await asking.events(f"{command[4:].title()}Added")) == 1


async def test_the_same_id_for_something_else_is_refused(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "contact", "17", ANNA)
    [message] = await asking.retrieve(HELLO)
    await asking.ask("add_note", message=message, subject="one")
    error = await refused(asking.ask("add_note", message=message, subject="two"))
    assert (error.refusal.code, error.refusal.field) == ("request_conflict", "request_id")
    assert len(await asking.rows("select * from activities")) == 1


async def test_which_record_is_meant_has_to_be_clear(asking: Asking, pool: Pool) -> None:
    [message] = await asking.retrieve(HELLO)
    none = await refused(asking.ask("add_note", message=message, subject="one"))
    assert none.refusal.code == "no_record"
    await save_record(pool, "contact", "17", ANNA)
    await save_record(pool, "lead", "18", ANNA)
    [_, second] = await asking.retrieve(mail(3))
    error = await refused(asking.ask("add_note", message=second, subject="one"))
    assert error.refusal.code == "ambiguous_record"
    assert "contact 17, lead 18" in error.message
    by_kind = await asking.ask("add_note", message=second, subject="one", record_kind="lead")
    assert by_kind["record"]["record_id"] == "18"
    named = await asking.ask(
        "add_note", request_id="r2", message=second, subject="one", record_kind="contact", record_id="17"
    )
    assert named["record"]["record_id"] == "17"
    unknown = await refused(
        asking.ask("add_note", request_id="r3", message=second, subject="one", record_kind="contact", record_id="99")
    )
    assert unknown.refusal.code == "unknown_record"


async def test_another_accounts_message_and_another_accounts_crm_are_refused(asking: Asking, pool: Pool) -> None:
    await register_crm(pool, "people", "recruit")
    [message] = await asking.retrieve(HELLO)
    await asking.retrieve(mail(4), address="bob@example.com")
    other = await refused(asking.ask("add_note", of_account="bob@example.com", message=message, subject="one"))
    assert other.refusal.code == "unknown_message"
    crm = await refused(asking.ask("add_note", message=message, crm="people", subject="one"))
    assert crm.refusal.code == "unknown_crm"
    kind = await refused(asking.ask("add_record", message=message, record_kind="candidate"))
    assert (kind.refusal.code, kind.refusal.field) == ("invalid_field", "record_kind")


@pytest.mark.requirement("R72", "R1")
async def test_a_recruiter_adds_candidates(asking: Asking, pool: Pool) -> None:
    await register_crm(pool, "people", "recruit")
    [message] = await asking.retrieve(HELLO, crm=("people",))
    answer = await asking.ask("add_record", crm="people", message=message, record_kind="candidate")
    assert (answer["created"], answer["record"]["name"]) == (True, "Anna Lind")


FAILURES = [
    CrmFailure(Kind.CRM_AUTHENTICATION, "401", "token revoked"),
    CrmFailure(Kind.CRM_PERMISSION, "403"),
    CrmFailure(Kind.CRM_RATE_LIMITED, "429", retry_after=90),
    CrmFailure(Kind.CRM_UNAVAILABLE, "refused"),
    CrmFailure(Kind.CRM_REJECTED, "422", "closing date missing"),
    CrmFailure(Kind.CRM_GONE, "404"),
]


@pytest.mark.requirement("R97")
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.kind.value)
@pytest.mark.parametrize("step", ["find_record", "add_record"])
async def test_a_crm_that_fails_is_a_clear_refusal_and_the_request_can_be_repeated(
    asking: Asking, failure: CrmFailure, step: str
) -> None:
    [message] = await asking.retrieve(HELLO)
    asking.crm.before[step] = failure
    error = await refused(asking.ask("add_record", message=message, record_kind="contact"))
    assert error.refusal.code == failure.kind
    told = error.refusal.failure
    assert told is not None
    assert (told["kind"], told["server_said"], told["reference"]) == (failure.kind, failure.said, "request r1")
    assert told["support"] == "help@mailroom.example"
    assert told["remedy"] in error.message
    assert ("90 seconds" in error.message) == (failure.retry_after is not None)
    assert await asking.rows("select * from directory") == []
    answer = await asking.ask("add_record", message=message, record_kind="contact")
    assert answer["created"] is True
    assert len(await asking.rows("select * from directory")) == 1


async def test_a_record_whose_answer_was_lost_is_found_and_not_made_again(asking: Asking) -> None:
    [message] = await asking.retrieve(HELLO)
    asking.crm.after["add_record"] = LOST
    answer = await asking.ask("add_record", message=message, record_kind="contact")
    assert asking.crm.calls == ["find_record", "add_record", "find_record"]
    assert answer["created"] is True
    assert len(await asking.rows("select * from directory")) == 1


@pytest.mark.parametrize("kind", ["contact", "deal"])
@pytest.mark.parametrize("at", ["before", "after"])
async def test_a_worker_that_dies_while_a_record_is_made_leaves_one_of_it(asking: Asking, at: str, kind: str) -> None:
    [message] = await asking.retrieve(HELLO)
    getattr(asking.crm, at)["add_record"] = Died()
    with pytest.raises(Died):
        await asking.ask("add_record", message=message, record_kind=kind)
    answer = await asking.ask("add_record", message=message, record_kind=kind)
    assert (answer["created"], answer["record"]["record_kind"]) == (True, kind)
    assert len(await asking.rows("select * from directory")) == (2 if kind == "deal" else 1)
    assert len(await asking.events("RecordAdded")) == 1


@pytest.mark.requirement("R73")
async def test_a_lost_answer_is_looked_up_before_anything_is_made_again(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "contact", "17", ANNA)
    [message] = await asking.retrieve(HELLO)
    asking.crm.after["add_activity"] = LOST
    answer = await asking.ask("add_task", message=message, subject="call")
    assert asking.crm.calls == ["add_activity", "find_activity", "activities"]
    assert len(answer["activities"]) == 1
    asking.crm.calls.clear()
    asking.crm.after["add_activity"] = LOST
    asking.crm.before["find_activity"] = CrmFailure(Kind.CRM_UNAVAILABLE, "timeout")
    await refused(asking.ask("add_task", request_id="r2", message=message, subject="again"))
    answer = await asking.ask("add_task", request_id="r2", message=message, subject="again")
    assert asking.crm.calls == ["add_activity", "find_activity", "find_activity", "activities"]
    assert len(await asking.rows("select * from activities")) == 2
    assert len(await asking.events("TaskAdded")) == 2


async def test_an_answer_that_nothing_can_be_made_of_is_a_refusal_and_is_not_tried_for_ever(
    asking: Asking, pool: Pool
) -> None:
    await save_record(pool, "contact", "17", ANNA)
    [message] = await asking.retrieve(HELLO)
    asking.crm.before["add_activity"] = KeyError("id")
    error = await refused(asking.ask("add_note", message=message, subject="call back"))
    assert (error.refusal.code, "KeyError" in error.message) == ("crm_uncertain", True)
    asking.crm.before["find_activity"] = AttributeError("get")
    error = await refused(asking.ask("add_note", message=message, subject="call back"))
    assert error.refusal.code == "crm_unavailable"
    assert (await asking.ask("add_note", message=message, subject="call back"))["created"] is True
    assert len(await asking.rows("select from activities")) == 1


async def test_a_worker_that_dies_at_any_call_leaves_nothing_twice(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "contact", "17", ANNA)
    [message] = await asking.retrieve(HELLO)
    for number, (at, step) in enumerate(
        (at, step) for at in ("before", "after") for step in ("add_activity", "activities")
    ):
        getattr(asking.crm, at)[step] = Died()
        with pytest.raises(Died):
            await asking.ask("add_note", request_id=f"n{number}", message=message, subject="note")
        await asking.ask("add_note", request_id=f"n{number}", message=message, subject="note")
        assert len(await asking.rows("select * from activities")) == number + 1
        assert len(await asking.events("NoteAdded")) == number + 1


async def test_the_same_request_twice_at_a_time_is_done_once(asking: Asking, pool: Pool) -> None:
    [message] = await asking.retrieve(HELLO)
    asked = [asking.ask("add_record", request_id=f"r{n}", message=message, record_kind="lead") for n in (1, 1, 2, 3)]
    await asyncio.gather(*asked, return_exceptions=True)  # who finds another at it is called again
    answers = [
        await asking.ask("add_record", request_id=f"r{n}", message=message, record_kind="lead") for n in (1, 2, 3)
    ]
    assert len({answer["record"]["record_id"] for answer in answers}) == 1
    assert [answer["created"] for answer in answers].count(True) == 1
    assert len(await asking.rows("select * from directory")) == 1


async def test_a_crm_that_keeps_silent_after_it_has_done_it_still_has_done_it(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "contact", "17", ANNA)
    [message] = await asking.retrieve(HELLO)
    asking.crm.before["activities"] = CrmFailure(Kind.CRM_UNAVAILABLE, "timeout")
    answer = await asking.ask("add_note", message=message, subject="note")
    assert (answer["created"], answer["activities"]) == (True, None)


async def test_a_disabled_crm_names_what_enables_it(asking: Asking, pool: Pool) -> None:
    [message] = await asking.retrieve(HELLO)
    async with pool.connection() as connection:
        await connection.execute("update crms set state = 'disabled'")
    error = await refused(asking.ask("add_record", message=message, record_kind="contact"))
    assert error.refusal.code == "disabled"
    assert "crm/builtin" in error.message


async def test_a_note_for_a_record_that_is_gone_names_what_to_do(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "contact", "17", ANNA)
    [message] = await asking.retrieve(HELLO)
    asking.crm.before["add_activity"] = CrmFailure(Kind.CRM_GONE, "it has no contact 17")
    error = await refused(asking.ask("add_note", message=message, subject="note"))
    assert error.refusal.code == "crm_gone"
    assert "Name another record" in error.message


@pytest.mark.requirement("R75")
async def test_the_context_of_a_message(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "contact", "17", ANNA)
    messages = await asking.retrieve(*(mail(n) for n in range(1, 15)), mail(99, sender="eve@example.org"))
    message = messages[0]
    await asking.ask("add_record", message=message, record_kind="deal", name="New roof")
    await asking.ask("add_task", request_id="t", message=message, subject="call", due=DUE)
    await asking.ask("add_note", request_id="n", message=message, subject="likes red")
    seen = await asking.ask("context", message=message)
    [record, deal] = seen["records"]
    assert (record["record_kind"], record["record_id"], record["direction"]) == ("contact", "17", "Received")
    assert record["evidence"]["field"] == "from"
    assert (deal["record_kind"], deal["name"]) == ("deal", "New roof")
    assert [deal["name"] for deal in record["open_deals"]] == ["New roof"]
    assert [one["subject"] for one in record["open"]] == ["call"]
    assert seen["crms"] == [{"crm": "builtin", "asked": True, "kind": None, "reason": None}]
    assert (seen["folder"], seen["labels"], seen["hints"]) == ("Inbox", [], [])
    assert seen["correspondents"] == [{"name": "Somebody", "address": ANNA}]
    assert [one["id"] for one in seen["last_mail"]] == list(reversed(messages[1:14]))[:10]
    assert {one["direction"] for one in seen["last_mail"]} == {"Received"}


@pytest.mark.requirement("R75")
async def test_the_context_says_which_crm_is_away_and_what_is_known_all_the_same(asking: Asking, pool: Pool) -> None:
    await save_record(pool, "contact", "17", ANNA)
    [message] = await asking.retrieve(HELLO)
    before = await asking.rows("select count(*) from account_events")
    asking.crm.before["activities"] = CrmFailure(Kind.CRM_UNAVAILABLE, "refused")
    seen = await asking.ask("context", message=message)
    [crm] = seen["crms"]
    assert (crm["asked"], crm["kind"]) == (False, "crm_unavailable")
    assert "cannot be reached" in crm["reason"]
    assert (seen["records"][0]["record_id"], seen["records"][0]["open"]) == ("17", None)
    assert await asking.rows("select count(*) from account_events") == before


async def test_a_database_that_goes_away_is_no_failure_of_the_crm(asking: Asking) -> None:
    [message] = await asking.retrieve(HELLO)
    asking.crm.before["add_record"] = psycopg.OperationalError("the connection is lost")
    with pytest.raises(psycopg.OperationalError):
        await asking.ask("add_record", message=message, record_kind="contact")
    assert (await asking.ask("add_record", message=message, record_kind="contact"))["created"] is True


async def test_what_keeps_a_message_out_of_the_crm_is_said_instead_of_advice_that_cannot_help(
    asking: Asking, pool: Pool
) -> None:
    [message] = await asking.retrieve(HELLO)
    rule = 'insert into account_privacy values (%s, \'{"private": ["example.org"]}\')'
    async with pool.connection() as connection:
        await connection.execute(rule, [JANE])
    made = await asking.ask("add_record", message=message, record_kind="contact")
    assert (made["created"], made["linked"]) == (True, [])
    assert "the rule example.org of the account's private list keeps it out" in made["not_linked_because"]
    with pytest.raises(Refused, match=r"and will be to none: the rule example\.org of the account's private") as ruled:
        await asking.ask("add_task", request_id="r2", message=message, subject="Call")
    assert ruled.value.refusal.code == "no_record"
    assert "add_record" not in ruled.value.message
    async with pool.connection() as connection:
        await connection.execute("delete from account_privacy")
        await connection.execute("insert into kept_private values (%s, 'jane', now())", [message])
    with pytest.raises(Refused, match="it is kept private by jane: make_private with private: false ends that"):
        await asking.ask("add_task", request_id="r3", message=message, subject="Call")
    named = await asking.ask(
        "add_task",
        request_id="r4",
        message=message,
        subject="Call",
        record_kind="contact",
        record_id=made["record"]["record_id"],
    )
    assert named["created"] is True


async def test_own_mail_outside_sent_is_said_to_be_that(asking: Asking, pool: Pool) -> None:
    [message] = await asking.retrieve(OWN)
    made = await asking.ask("add_record", message=message, record_kind="contact", address=ANNA)
    assert "does not lie in Sent: move_messages to Sent links it" in made["not_linked_because"]

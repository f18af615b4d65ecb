"""The command `context`: whose CRMs it asks, and how large its answer may become."""

from __future__ import annotations

from typing import Any

import pytest

from activities.actions.requests import LONGEST_SUBJECT, LONGEST_TEXT
from activities.crm.adapters.protocol import Activity
from domain.core.refusal import Refused
from domain.directory.records import RecordKind
from infra.database.pool import Pool
from infra.temporal.client import data_converter
from tests.support.actions import Asking
from tests.support.directory import register_crm, save_record
from tests.support.mailboxes import mail

ANNA = "anna@example.org"
MOST_BYTES = 1_000_000  # Temporal takes twice as many


@pytest.fixture
def asking(pool: Pool) -> Asking:
    return Asking(pool)


async def with_two_crms(asking: Asking, pool: Pool) -> int:
    await register_crm(pool, "sales", "crm")
    for crm in ("builtin", "sales"):
        await save_record(pool, "contact", "17", ANNA, crm=crm)
    [message] = await asking.retrieve(mail(1), crm=("builtin", "sales"))
    return message


async def test_a_crm_that_was_taken_off_the_account_is_asked_no_more_and_its_links_stay(
    asking: Asking, pool: Pool
) -> None:
    message = await with_two_crms(asking, pool)
    note: dict[str, Any] = {"message": message, "crm": "sales", "subject": "call"}
    await asking.ask("add_note", **note)
    before = await asking.ask("context", message=message)
    assert [one["crm"] for one in before["crms"]] == ["builtin", "sales"]
    async with pool.connection() as connection:
        await connection.execute("update accounts_recorded set crm = array['builtin']")
    asking.crm.calls.clear()
    seen = await asking.ask("context", message=message)
    assert [one["crm"] for one in seen["crms"]] == [one["crm"] for one in seen["records"]] == ["builtin"]
    assert asking.crm.calls == ["activities"]
    for request_id in ("r1", "r2"):  # one that was done, and a new one
        with pytest.raises(Refused) as refused:
            await asking.ask("add_note", request_id=request_id, **note)
        assert refused.value.refusal.code == "unknown_crm"
    assert asking.crm.calls == ["activities"]
    assert {row["crm"] for row in await asking.rows("select crm from correspondence")} == {"builtin", "sales"}


async def test_a_crm_of_another_organisation_is_not_asked(asking: Asking, pool: Pool) -> None:
    message = await with_two_crms(asking, pool)
    async with pool.connection() as connection:
        await connection.execute("update crm_connections set organisation = 'other' where name = 'sales'")
    seen = await asking.ask("context", message=message)
    assert [one["crm"] for one in seen["crms"]] == ["builtin"]
    with pytest.raises(Refused) as refused:
        await asking.ask("add_note", message=message, crm="sales", subject="call")
    assert refused.value.refusal.code == "unknown_crm"


@pytest.mark.parametrize("letter", ["\U0001f600", "\0", "\x1b", "\\", "\ud800"], ids=ascii)
async def test_an_answer_stays_small_whatever_a_crm_says(asking: Asking, pool: Pool, letter: str) -> None:
    for number in range(12):
        await save_record(pool, "contact", f"c{number}", ANNA, name=f"{number}" + "n" * 400)
    [message] = await asking.retrieve(mail(1))
    said = letter * 100_000
    many = [Activity(kind, f"{kind}{number}", said, said) for number in range(100) for kind in ("task", "event")]

    async def activities(record_kind: RecordKind, record_id: str) -> list[Activity]:
        return many

    asking.crm.activities = activities  # type: ignore[method-assign]  # what another system would answer
    answers = [await asking.ask("context", message=message)]
    named = {"record_kind": "contact", "record_id": "c1"}
    answers.append(await asking.ask("add_note", message=message, subject="call", **named))
    for answer in answers:
        [payload] = await data_converter.encode([answer])
        assert len(payload.data) < MOST_BYTES
    shown = answers[0]["records"][0]["open"][0]
    assert (len(shown["subject"]), len(shown["text"])) == (LONGEST_SUBJECT, LONGEST_TEXT)

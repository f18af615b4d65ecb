"""The command `context`: whose CRMs it asks."""

from __future__ import annotations

from typing import Any

import pytest

from domain.refusal import Refused
from infra.database import Pool
from tests.activities.asking import Asking
from tests.activities.directory import register_crm, save_record
from tests.activities.watching import mail

ANNA = "anna@example.org"


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

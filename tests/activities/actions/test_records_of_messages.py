"""Records that an action adds enter the directory as pulled ones do: older mail follows, and nothing newer is overwritten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.crm.adapters.protocol import NewRecord
from activities.directory.directory import store_shown
from domain.core.refusal import Refused
from domain.directory.records import Record
from infra.database.pool import Pool
from tests.support.actions import Asking
from tests.support.mailboxes import mail
from tests.support.stored_mail import ANNA, CRM, pulled, worked_off

OPEN_ROOF = Record("deal", "d1", "Roof", contacts=("c1",))


async def enter(pool: Pool, *records: Record) -> None:
    async with pool.connection() as connection, connection.transaction():
        await store_shown(connection, CRM, records)


@pytest.mark.requirement("R72", "R3")
async def test_older_mail_is_linked_with_a_record_that_was_made_of_a_later_message(pool: Pool) -> None:
    asking = Asking(pool)
    [older, message] = await asking.retrieve(mail(1), mail(2))
    answer = await asking.ask("add_record", message=message, record_kind="contact")
    await worked_off(pool)
    linked = await asking.rows("select message, record_id from correspondence order by message")
    assert linked == [{"message": one, "record_id": answer["record"]["record_id"]} for one in (older, message)]


async def test_older_mail_of_a_contact_follows_the_deal_that_was_made_of_a_later_message(pool: Pool) -> None:
    asking = Asking(pool)
    await pulled(pool, ANNA)
    [older, message] = await asking.retrieve(mail(1), mail(2))
    answer = await asking.ask("add_record", message=message, record_kind="deal", name="Roof")
    await worked_off(pool)
    linked = await asking.rows("select message, record_id from correspondence where record_kind = 'deal' order by 1")
    assert linked == [{"message": one, "record_id": answer["record"]["record_id"]} for one in (older, message)]


@pytest.mark.parametrize(
    "later",
    [replace(ANNA, name="Anna Berg"), replace(ANNA, merged_into="c2"), replace(ANNA, open=False)],
    ids=["renamed", "merged", "closed"],
)
async def test_what_a_pull_has_found_out_in_the_meantime_is_kept(pool: Pool, later: Record) -> None:
    asking = Asking(pool)
    await pulled(pool, later)
    await enter(pool, ANNA)
    [kept] = await asking.rows("select name, merged_into, open from records")
    assert kept == {"name": later.name, "merged_into": later.merged_into, "open": later.open}


async def test_a_record_that_was_taken_for_gone_is_back_when_the_crm_shows_it(pool: Pool) -> None:
    asking = Asking(pool)
    [message] = await asking.retrieve(mail(1))
    await pulled(pool, ANNA)
    await pulled(pool, replace(ANNA, gone=True))
    await enter(pool, ANNA)
    await worked_off(pool)
    [link] = await asking.rows("select message, record_id from correspondence where unlinked_at is null")
    assert link == {"message": message, "record_id": "c1"}


async def test_a_record_entered_twice_asks_for_nothing_the_second_time(pool: Pool) -> None:
    asking = Asking(pool)
    await pulled(pool, ANNA)
    await worked_off(pool)
    await enter(pool, OPEN_ROOF)
    assert await asking.rows("select participant from relinking") == [{"participant": "anna@example.org"}]
    await worked_off(pool)
    await enter(pool, OPEN_ROOF, ANNA)
    assert await asking.rows("select participant from relinking") == []


async def test_a_record_of_the_built_in_crm_that_changed_since_stays_changed_when_the_request_is_repeated(
    pool: Pool,
) -> None:
    asking = Asking(pool)
    new = NewRecord("contact", "Anna Lind", ("anna@example.org",), request_key="once")
    asking.crm.name = CRM
    made = await asking.crm.add_record(new)
    await pulled(pool, replace(ANNA, id=made.id, name="Anna Berg"))
    await asking.crm.add_record(new)
    assert [row["name"] for row in await asking.rows("select name from directory")] == ["Anna Berg"]


@pytest.mark.requirement("R72")
async def test_neither_a_list_nor_a_mail_system_becomes_a_record(pool: Pool) -> None:
    asking = Asking(pool)
    by_list = mail(1, sender="dev@lists.example.net").replace(b"To: ", b"List-Id: <dev.lists.example.net>\r\nTo: ")
    bounce = mail(2, sender="mailer-daemon@example.net").replace(
        b'Content-Type: text/plain; charset="utf-8"',
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    )
    for message in await asking.retrieve(by_list, bounce):
        for kind in "contact", "deal":
            with pytest.raises(Refused) as refused:
                await asking.ask("add_record", request_id=f"{message}-{kind}", message=message, record_kind=kind)
            assert refused.value.refusal.code == "no_correspondent"
    assert await asking.rows("select from directory") == []

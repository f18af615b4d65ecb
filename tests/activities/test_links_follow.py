"""Links of stored mail follow what they came from, over several steps: threads, deals, records that became others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.crm.adapter import Page, Record
from activities.directory import Directory
from infra.database import Pool
from tests.activities.desk import decide
from tests.activities.linked_mail import LinkedMail, letter

ANNA = Record("contact", "anna", "Anna", ("anna@example.org",))
LEAD = Record("lead", "lead", "A. Lind", ("a.lind@home.example",))
DEAL = Record("deal", "deal", "Roof", contacts=("anna",))


@pytest.fixture
def mail(pool: Pool) -> LinkedMail:
    return LinkedMail(pool)


async def pull(mail: LinkedMail, *records: Record) -> None:
    await Directory(mail.pool).apply("builtin", Page(records, {}))
    await mail.work_off()


def answer(number: int) -> bytes:
    """The answer to the message before it; the first message is Anna's and answers nothing."""
    if number == 1:
        return letter(1)
    return letter(number, f"In-Reply-To: <{number - 1}@example.org>", sender="carl@example.net")


async def test_each_answer_of_a_chain_has_the_deal_of_the_first_message_in_whatever_order_they_come(
    mail: LinkedMail,
) -> None:
    await pull(mail, ANNA, DEAL)
    jane = await mail.account()
    await mail.work_off()
    for number in 4, 2, 3, 1:
        await mail.store(jane, answer(number))
    assert [link["record_id"] for link in await mail.links()].count("deal") == 4


async def test_each_answer_of_a_chain_follows_what_becomes_of_the_first_message(mail: LinkedMail) -> None:
    await pull(mail, ANNA, DEAL)
    jane = await mail.account()
    await mail.work_off()
    first, *_ = [(await mail.store(jane, answer(number)))[0] for number in range(1, 5)]
    assert [link["record_id"] for link in await mail.links()].count("deal") == 4
    await decide(mail.pool, "unlink_message", first, DEAL)
    assert await mail.linked() == [("anna", "Received")]


async def test_a_deal_takes_the_mail_of_a_lead_that_became_its_contact(mail: LinkedMail) -> None:
    await pull(mail, ANNA, replace(LEAD, converted_to="anna", open=False))
    [one] = await mail.store(await mail.account(), letter(1, sender="a.lind@home.example"))
    await mail.work_off()
    await pull(mail, DEAL)
    assert await mail.linked(one) == [("anna", "Received"), ("deal", "Received")]


async def test_a_record_that_was_merged_with_one_that_is_gone_and_then_with_another_is_the_other(
    mail: LinkedMail,
) -> None:
    double = Record("contact", "double", "A. Lind", ("a.lind@home.example",))
    await pull(mail, ANNA, replace(double, merged_into="nobody"), Record("contact", "nobody", "N", gone=True))
    await pull(mail, Record("contact", "nobody", "N"))
    await pull(mail, Record("contact", "nobody", "N", gone=True))
    [one] = await mail.store(await mail.account(), letter(1, sender="a.lind@home.example"))
    await mail.work_off()
    assert await mail.linked(one) == []
    await pull(mail, replace(double, merged_into="anna"))
    assert await mail.linked(one) == [("anna", "Received")]

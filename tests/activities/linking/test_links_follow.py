"""Links of stored mail follow what they came from, over several steps: threads, deals, records that became others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.directory.directory import Directory
from domain.directory.records import Page, Record
from infra.database.pool import Pool
from tests.support.commands import decide
from tests.support.linked_mail import LinkedMail, letter

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


@pytest.mark.requirement("R34")
async def test_a_message_that_was_in_sent_by_mistake_is_back_with_all_that_it_had(mail: LinkedMail) -> None:
    await pull(mail, ANNA, DEAL)
    (message,) = await mail.store(await mail.account(), letter())
    await pull(mail, replace(ANNA, addresses=("anna@home.example",)), replace(DEAL, open=False))
    assert await mail.linked() == [("anna", "Received"), ("deal", "Received")]
    await mail.move("Sent", message)
    assert await mail.linked() == []
    await mail.move("Inbox", message)
    assert await mail.linked() == [("anna", "Received"), ("deal", "Received")]


async def test_a_deal_that_was_closed_meanwhile_is_not_taken_for_another_that_is_open_now(mail: LinkedMail) -> None:
    await pull(mail, ANNA, DEAL)
    (message,) = await mail.store(await mail.account(), letter())
    await mail.move("Sent", message)
    await pull(mail, replace(DEAL, open=False), replace(DEAL, id="next"))
    await mail.move("Inbox", message)
    assert await mail.linked() == [("anna", "Received"), ("deal", "Received")]


async def test_a_deal_is_the_survivors_when_its_contact_is_merged_whatever_the_crm_says_of_it_yet(
    mail: LinkedMail,
) -> None:
    survivor = Record("contact", "other", "A. Lind", ("anna@example.org",))
    await pull(mail, ANNA, DEAL)
    await mail.store(await mail.account(), letter())
    await pull(mail, replace(ANNA, addresses=(), merged_into="other", gone=True), survivor)
    assert await mail.linked() == [("other", "Received"), ("deal", "Received")]
    await pull(mail, replace(DEAL, open=False), replace(DEAL, id="next"))
    (later,) = await mail.store(await mail.account(), letter(2))
    assert await mail.linked(later) == [("other", "Received"), ("next", "Received")]
    await pull(mail, replace(DEAL, id="next", gone=True))
    assert await mail.linked(later) == [("other", "Received")]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (replace(ANNA, id="old"), replace(ANNA, id="old", merged_into="anna")),
        (replace(LEAD, addresses=ANNA.addresses), replace(LEAD, addresses=ANNA.addresses, converted_to="anna")),
    ],
)
async def test_a_message_that_was_unlinked_by_hand_is_not_linked_before_it_has_followed_its_record(
    mail: LinkedMail, before: Record, now: Record
) -> None:
    await pull(mail, before)
    (message,) = await mail.store(await mail.account(), letter())
    await decide(mail.pool, "unlink_message", message, before)
    await Directory(mail.pool).apply("builtin", Page([now, ANNA], {}))
    await mail.move("Archive", message)
    assert await mail.linked() == []
    await mail.work_off()
    assert await mail.linked() == []

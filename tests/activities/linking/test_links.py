"""Stored mail belongs to the records of its author: which, why, and which not."""

from __future__ import annotations

from typing import Any

import pytest

from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import register_crm, save_record
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mail


async def correspondence_of(
    pool: Pool, *messages: bytes, crm: tuple[str, ...] = ("builtin",), **settings: Any
) -> list[dict[str, Any]]:
    """What is linked once these messages are retrieved."""
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={f"uid-{n}": raw for n, raw in enumerate(messages)}) as server:
        await watcher.watch(account(server.port, crm=crm, **settings))
    return await watcher.rows("select * from correspondence order by message, crm, record_kind, record_id")


def records(links: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(link["record_kind"], link["record_id"]) for link in links]


async def test_a_message_is_received_from_every_contact_and_lead_with_its_authors_address(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org", "anna@home.example")
    await save_record(pool, "contact", "c2", "anna@example.org")
    await save_record(pool, "lead", "l1", "anna@example.org")
    await save_record(pool, "contact", "c3", "bob@example.net")
    links = await correspondence_of(pool, mail(1, sender="anna@example.org"), mail(2, sender="eve@example.org"))
    assert records(links) == [("contact", "c1"), ("contact", "c2"), ("lead", "l1")]
    assert {link["direction"] for link in links} == {"Received"}
    assert {link["address"] for link in links} == {JANE}
    assert {link["crm"] for link in links} == {"builtin"}
    assert all(link["linked_at"].tzinfo and link["unlinked_at"] is None for link in links)


async def test_a_link_says_why_it_is_there(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org")
    (link,) = await correspondence_of(pool, mail(1, sender="Anna@Example.org"))
    assert link["matched_address"] == "anna@example.org"
    assert link["evidence"] == {"field": "from", "address": "Anna@Example.org", "level": "exact", "rule": "address"}


async def test_deals_are_not_linked_by_an_address(pool: Pool) -> None:
    await save_record(pool, "deal", "d1", "anna@example.org")
    assert await correspondence_of(pool, mail(1, sender="anna@example.org")) == []


@pytest.mark.parametrize("spelling", ["ANNA@EXAMPLE.ORG", "Anna@example.Org", '"anna"@example.org'])
async def test_letters_may_be_large_or_small(pool: Pool, spelling: str) -> None:
    await save_record(pool, "contact", "c1", "aNNa@Example.org")
    assert records(await correspondence_of(pool, mail(1).replace(b"anna@example.org", spelling.encode()))) == [
        ("contact", "c1")
    ]


@pytest.mark.parametrize(
    "other", ["anna@example.org.evil.example", "xanna@example.org", "anna+lists@example.org", "anna@sub.example.org"]
)
async def test_an_address_that_only_resembles_it_is_another(pool: Pool, other: str) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org")
    assert await correspondence_of(pool, mail(1, sender=other)) == []


async def test_a_recipient_is_not_who_it_was_received_from(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "bob@example.net")
    message = mail(1).replace(f"To: {JANE}".encode(), b"To: bob@example.net\r\nReply-To: bob@example.net")
    assert await correspondence_of(pool, message) == []


@pytest.mark.requirement("R2")
async def test_it_is_the_configured_address_that_counts_and_neither_login_nor_header(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org")
    message = mail(1).replace(f"To: {JANE}".encode(), b"To: somebody.else@example.com")
    (link,) = await correspondence_of(pool, message, username="pop3-0815")
    assert (link["address"], link["direction"]) == (JANE, "Received")


async def test_the_same_mail_in_two_accounts_is_linked_for_each(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org")
    for address in JANE, "bob@example.com":
        links = await correspondence_of(pool, mail(1), address=address)
    assert sorted(link["address"] for link in links) == ["bob@example.com", JANE]


@pytest.mark.requirement("R3")
async def test_without_a_crm_nothing_is_linked(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org")
    assert await correspondence_of(pool, mail(1), crm=()) == []


async def test_only_the_records_of_the_accounts_own_crms_are_linked(pool: Pool) -> None:
    await register_crm(pool, "people", "recruit")
    await save_record(pool, "contact", "c1", "anna@example.org")
    await save_record(pool, "candidate", "k1", "anna@example.org", crm="people", profile="recruit")
    assert records(await correspondence_of(pool, mail(1), crm=("people",))) == [("candidate", "k1")]
    again = await correspondence_of(pool, mail(1), crm=("people", "builtin"), address="bob@example.com")
    assert records([link for link in again if link["address"] != JANE]) == [("contact", "c1"), ("candidate", "k1")]

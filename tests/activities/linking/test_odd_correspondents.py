"""Messages that are made to break linking: each is stored, filed and linked in the one transaction, in bounded time and rows."""

from __future__ import annotations

from typing import Any

import pytest

from activities.directory.address_book import AddressBook
from activities.directory.directory import Directory
from domain.directory.records import Page, Record
from domain.mime.addresses import normal_address
from infra.database.pool import Pool
from tests.support.crm import served
from tests.support.crm.zoho import running_twin
from tests.support.filing import Jane, letter
from tests.support.linked_mail import LinkedMail
from tests.support.linked_mail import letter as addressed
from tests.support.mailboxes import JANE, account

CRM = "builtin"
OWN_TO_SENT: dict[str, Any] = {
    "name": "own",
    "match": "all",
    "conditions": [{"field": "from", "operator": "is", "value": JANE}],
    "actions": [{"move": "Sent"}],
}


@pytest.fixture
def jane(pool: Pool) -> Jane:
    return Jane(pool)


async def known(pool: Pool, *records: Record) -> None:
    await Directory(pool).apply(CRM, Page(records, {}))


def crowd(count: int) -> str:
    return ",\r\n ".join(f"Number {number} <u{number}@example.org>" for number in range(count))


# 5,000 recipients -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R30")
async def test_mail_to_five_thousand_people_is_sent_to_each_of_them(jane: Jane, pool: Pool) -> None:
    await known(pool, *(Record("contact", f"c{n}", f"N {n}", (f"u{n}@example.org",)) for n in range(5000)))
    await jane.watcher.record(jane.settings)
    await jane.commands("save_filter", **OWN_TO_SENT)
    await jane.gets(letter(1, sender=JANE, to=crowd(5000)), letter(2, sender="u7@example.org"))
    sent = "select count(*) from correspondence where direction = 'Sent' and message = %s"
    first, second = await jane.ids()
    assert await jane.watcher.value(sent, first) == 5000
    assert await jane.watcher.value("select count(*) from outbox") == 5001
    assert await jane.watcher.column("select parse_error from messages order by id") == [None, None]
    assert await jane.watcher.value("select count(*) from correspondence where message = %s", second) == 1
    again = await jane.commands("move_messages", messages=[first], folder="Archive")
    assert again["unlinked"] == 5000


async def test_mail_from_one_to_five_thousand_is_received_from_that_one_and_says_so(jane: Jane, pool: Pool) -> None:
    await known(
        pool, Record("contact", "anna", "Anna", ("anna@example.org",)), Record("contact", "u", "U", ("u1@example.org",))
    )
    await jane.gets(letter(1, to=crowd(5000)))
    (link,) = await jane.watcher.rows("select record_id, evidence from correspondence")
    assert (link["record_id"], link["evidence"]["many_participants"]) == ("anna", 5001)
    assert await jane.watcher.value("select count(*) from people") == 1, "nobody's address book has the crowd"


async def test_an_address_that_ten_thousand_records_have_is_linked_to_a_hundred(jane: Jane, pool: Pool) -> None:
    await known(pool, *(Record("contact", f"c{n}", "Info", ("info@example.org",)) for n in range(10_000)))
    await jane.gets(letter(1, sender="info@example.org"))
    evidence = await jane.watcher.column("select evidence from correspondence")
    assert len(evidence) == 100
    assert {one["ambiguous"] for one in evidence} == {10_000}


# References -----------------------------------------------------------------------------------------------------------


async def test_messages_that_refer_to_themselves_to_each_other_and_to_ten_thousand_are_stored_and_linked(
    jane: Jane, pool: Pool
) -> None:
    await known(
        pool,
        Record("contact", "anna", "Anna", ("anna@example.org",)),
        Record("deal", "roof", "Roof", contacts=("anna",)),
    )
    many = "\r\n ".join(f"<r{number}@example.org>" for number in range(10_000))
    await jane.gets(
        letter(1, header="In-Reply-To: <1@example.org>\nReferences: <1@example.org> <2@example.org>"),
        letter(2, header="In-Reply-To: <3@example.org>"),
        letter(3, header="In-Reply-To: <2@example.org>\nReferences: <1@example.org> <2@example.org> <3@example.org>"),
        letter(4).replace(b"\r\n\r\n", f"\r\nReferences: {many}\r\n <1@example.org>\r\n\r\n".encode(), 1),
        letter(5, sender="stranger@example.net", header="References: <1@example.org>"),
    )
    linked = await jane.watcher.rows("select message, record_id from correspondence where unlinked_at is null")
    ids = await jane.ids()
    assert {(row["message"], row["record_id"]) for row in linked} == {
        *((message, record) for message in ids[:4] for record in ("anna", "roof")),
        (ids[4], "roof"),
    }
    kept = await jane.watcher.column("select max(cardinality(message_references)) from mail")
    assert kept == [32]


# Forged Message-IDs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("date", ["Mon, 23 Nov 2026 10:00:00 +0100", "Tue, 24 Nov 2026 10:00:00 +0100"])
@pytest.mark.parametrize("sender", ["anna@example.org", "anna.lind@example.net"])
async def test_two_messages_with_one_forged_id_on_one_record_are_both_shown_in_zoho(
    pool: Pool, date: str, sender: str
) -> None:
    """The same author and Date as well make it the same message: whoever forges all of that has forged the message."""
    for twin in running_twin():
        crm = await served.zoho(pool, twin)
        twin.change("Contacts", crm.anna, Secondary_Email="anna.lind@example.net")
        real = letter(1, subject="offer")
        forged = letter(1, subject="forged", sender=sender).replace(b"Mon, 23 Nov 2026 10:00:00 +0100", date.encode())
        jane = Jane(pool, account(1, crm=(served.NAME,)))
        await jane.watcher.record(jane.settings)
        store = LinkedMail(pool).store
        await store(jane.settings, real)
        await store(jane.settings, forged)
        await crm.serving.sync()
        one = date.startswith("Mon") and sender == "anna@example.org"
        assert crm.shown() == (["offer Received"] if one else ["forged Received", "offer Received"])
        await crm.serving.sync()
        assert set(await crm.serving.states()) == {"delivered"}
        assert len(crm.shown()) == (1 if one else 2)


# Addresses in other letters ---------------------------------------------------------------------------------------------

SPELLINGS = [
    ("jo@bücher.example", "JO@XN--BCHER-KVA.example"),
    ("jo@xn--bcher-kva.example", "jo@BÜCHER.example"),
    ("jo@bücher.example", "jo@bu\u0308cher.example"),  # the umlaut in two characters
    ("jörg@example.org", "JO\u0308RG@example.org"),
    ('"jo"@example.org', "jo@example.org"),
    ('"two words"@example.org', '"two words"@EXAMPLE.org'),
    ('"a@b"@example.org', '"a@b"@example.org'),
    ('"a,b;c:d"@example.org', '"a,b;c:d"@example.org'),
]


@pytest.mark.parametrize(("directory", "header"), SPELLINGS)
async def test_spellings_of_one_address_are_one_in_directory_mail_rules_and_address_book(
    jane: Jane, pool: Pool, directory: str, header: str
) -> None:
    normal = normal_address(directory)
    assert normal is not None
    assert normal == normal_address(header)
    await known(pool, Record("contact", "jo", "Jo", (directory,)))
    await jane.watcher.record(jane.settings)
    await jane.commands("save_filter", **OWN_TO_SENT)
    condition = {"field": "from", "operator": "is", "value": directory}
    await jane.commands("save_filter", name="jo", conditions=[condition], actions=[{"label": "jo"}])
    await jane.gets(addressed(1, sender=f"<{header}>"), addressed(2, sender=JANE, to=f"<{header}>"))
    assert await jane.links() == [("jo", "Received"), ("jo", "Sent")]
    assert await jane.watcher.column("select labels from messages order by id") == [["jo"], []]
    await AddressBook(pool).catch_up(JANE, {JANE})
    people = await jane.watcher.rows("select written, wrote from address_book where in_group = 'contacts'")
    assert people == [{"written": 1, "wrote": 1}]


@pytest.mark.parametrize("rule", ["bücher.example", "XN--BCHER-KVA.example", "@bücher.example", "jo@BÜCHER.example"])
@pytest.mark.parametrize("sender", ["jo@bücher.example", "JO@xn--bcher-kva.example"])
async def test_a_rule_about_a_domain_holds_for_it_in_any_letters(pool: Pool, rule: str, sender: str) -> None:
    mail = LinkedMail(pool)
    jane = await mail.account()
    await mail.set_privacy(never_log=[rule])
    assert await mail.store(jane, addressed(1, sender=f"<{sender}>")) == []
    assert len(await mail.store(jane, addressed(2, sender="jo@books.example"))) == 1


# Time -----------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R78")
@pytest.mark.parametrize(
    "date", ["1 Jan 0001 00:00:00 +0000", "1 Jan 1904 00:00:00 +0000", "31 Dec 9999 23:59:59 +0000"]
)
async def test_mail_of_any_year_ends_no_session_and_is_counted_in_the_address_book(jane: Jane, date: str) -> None:
    await jane.gets(letter(1).replace(b"Mon, 23 Nov 2026 10:00:00 +0100", date.encode()))
    await jane.gets(letter(2), first=2)
    (anna,) = await jane.watcher.rows("select wrote from people")
    assert anna["wrote"] == 2


# Size -------------------------------------------------------------------------------------------------------------------


async def test_a_header_of_a_megabyte_and_names_of_many_kilobytes_are_stored_linked_and_counted(
    jane: Jane, pool: Pool
) -> None:
    await known(pool, Record("contact", "anna", "Anna", ("anna@example.org",)))
    name = "".join(chr(0x4E00 + number) for number in range(10_000))
    await jane.watcher.record(jane.settings)
    await jane.commands("save_filter", **OWN_TO_SENT)
    await jane.gets(
        letter(1, header="X-Long: " + "y" * (1 << 20)),
        letter(2).replace(b"From: Somebody", f'From: "{name}"'.encode()),
        letter(3, subject="z" * 200_000),
    )
    assert await jane.links() == [("anna", "Received")] * 3
    (anna,) = await jane.watcher.rows("select wrote, length(name) as name from people")
    assert (anna["wrote"], anna["name"] <= 200) == (3, True)

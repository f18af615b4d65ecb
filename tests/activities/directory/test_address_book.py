"""The address book: whom an account writes to and hears from, and who is found by what is typed."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

import pytest

from activities.directory.address_book import AddressBook
from activities.directory.directory import Directory
from domain.directory.records import Page, Record
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import register_crm, save_record
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account
from tests.support.running import Mailroom, refusal

OWN = frozenset({JANE})


def letter(
    number: int, *, sender: str, to: str = JANE, date: str = "Mon, 23 Nov 2026 10:00:00 +0100", **more: str
) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Date"] = sender, to, date
    message["Message-ID"] = f"<{number}@example.org>"
    for name, value in more.items():
        message[name.replace("_", "-")] = value
    message.set_content(f"This is letter {number}.\n")
    return message.as_bytes().replace(b"\n", b"\r\n")


async def retrieved(pool: Pool, *letters: bytes, crm: tuple[str, ...] = ("builtin",)) -> Watcher:
    """An account of Jane's that has retrieved these."""
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={f"uid-{n}": raw for n, raw in enumerate(letters)}) as server:
        settings = account(server.port, crm=crm)
        await watcher.record(settings)
        await watcher.attempt(settings)
    return watcher


async def completed(watcher: Watcher, typed: str, group: str | None = None) -> Sequence[str]:
    rows = await watcher.rows("select * from complete(%s, %s)", JANE, typed)
    return [f"{row['name']} <{row['address']}>" for row in rows if group in (None, row["in_group"])]


@pytest.mark.requirement("R78")
async def test_the_address_book_starts_with_those_who_wrote_and_those_written_to(pool: Pool) -> None:
    watcher = await retrieved(
        pool,
        letter(1, sender="Anna Lind <anna@example.org>"),
        letter(2, sender=f"Jane <{JANE}>", to="Bob Berg <Bob@Example.net>", Cc="Carl <carl@example.net>"),
    )
    rows = await watcher.rows(
        "select name, address, written, wrote from address_book where account = %s order by 1", JANE
    )
    assert rows == [
        {"name": "Anna Lind", "address": "anna@example.org", "written": 0, "wrote": 1},
        {"name": "Bob Berg", "address": "Bob@Example.net", "written": 1, "wrote": 0},
        {"name": "Carl", "address": "carl@example.net", "written": 1, "wrote": 0},
    ]


@pytest.mark.parametrize(
    "typed",
    [
        "ann",
        "LIND",
        "lin",
        "anna.l",
        "example.org",
        "anna.lind@exa",
        "l",
        "anna li",
        "lind ann",
        "Ánna",
        '"Anna Lind" <an',
    ],
)
async def test_who_is_meant_is_found_by_the_beginning_of_any_word_of_name_or_address(pool: Pool, typed: str) -> None:
    watcher = await retrieved(
        pool, letter(1, sender="Anna Lind <anna.lind@example.org>"), letter(2, sender="bob@example.net")
    )
    assert await completed(watcher, typed) == ["Anna Lind <anna.lind@example.org>"]


@pytest.mark.parametrize("typed", ["nna", "xample", "anna bob", "%", "_", "annax"])
async def test_who_is_not_meant_is_not_found(pool: Pool, typed: str) -> None:
    watcher = await retrieved(pool, letter(1, sender="Anna Lind <anna.lind@example.org>"))
    assert await completed(watcher, typed) == []


async def test_accents_make_no_difference(pool: Pool) -> None:
    watcher = await retrieved(pool, letter(1, sender="=?utf-8?q?J=C3=BCrgen_Stra=C3=9Fer?= <j@example.org>"))
    for typed in ("jurgen", "JÜRGEN", "strasser", "straßer"):
        assert len(await completed(watcher, typed)) == 1, typed


async def test_people_written_to_come_before_people_who_wrote_and_the_recent_before_the_old(pool: Pool) -> None:
    old = "Mon, 1 Jun 2026 10:00:00 +0100"
    watcher = await retrieved(
        pool,
        *(letter(n, sender="Ada <ada@example.org>") for n in range(5)),
        letter(10, sender="Alf <alf@example.org>"),
        letter(11, sender=JANE, to="Amy <amy@example.org>", date=old),
        letter(12, sender=JANE, to="Ann <ann@example.org>"),
    )
    assert [who[:3] for who in await completed(watcher, "a")] == ["Ann", "Amy", "Ada", "Alf"]


async def test_programs_lists_and_the_account_itself_are_in_no_address_book(pool: Pool) -> None:
    watcher = await retrieved(
        pool,
        letter(1, sender="No Reply <no-reply@example.org>"),
        letter(2, sender="News <news@example.org>", List_Id="<news.example.org>"),
        letter(3, sender="Mail Delivery <mailer-daemon@example.org>"),
        letter(4, sender=JANE, to=JANE),
    )
    assert await completed(watcher, "") == []


async def test_the_name_is_the_one_that_is_used_most(pool: Pool) -> None:
    names = ["Anna", "Anna Lind", "Anna Lind", "A."]
    watcher = await retrieved(pool, *(letter(n, sender=f"{name} <anna@example.org>") for n, name in enumerate(names)))
    assert await completed(watcher, "anna") == ["Anna Lind <anna@example.org>"]


async def test_counting_again_counts_nothing_twice(pool: Pool) -> None:
    watcher = await retrieved(pool, letter(1, sender="Anna <anna@example.org>"))
    for _ in range(2):
        await AddressBook(pool).catch_up(JANE, OWN)
    assert await watcher.value("select wrote from people") == 1


@pytest.mark.requirement("R79", "R80")
async def test_completion_is_grouped_in_contacts_contacts_of_the_crm_and_its_leads(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org", name="Anna Lind")
    await save_record(pool, "lead", "l1", "annika@example.net", name="Annika Berg")
    await save_record(pool, "deal", "d1", "anna@example.org", name="Annual contract")
    watcher = await retrieved(
        pool, letter(1, sender="Anton <anton@example.org>"), letter(2, sender="Anna <anna@example.org>")
    )
    assert await completed(watcher, "ann", "contacts") == ["Anna <anna@example.org>"]
    assert await completed(watcher, "ann", "crm_contacts") == ["Anna Lind <anna@example.org>"]
    assert await completed(watcher, "ann", "crm_leads") == ["Annika Berg <annika@example.net>"]
    rows = await watcher.rows("select in_group, address from address_book where account = %s and crm is not null", JANE)
    assert {(row["in_group"], row["address"]) for row in rows} == {
        ("crm_contacts", "anna@example.org"),
        ("crm_leads", "annika@example.net"),
    }


async def test_records_that_the_account_corresponds_with_come_first(pool: Pool) -> None:
    for number, name in enumerate(["Anna Aal", "Anna Berg", "Anna Zorn"]):
        await save_record(pool, "contact", f"c{number}", f"a{number}@example.org", name=name)
    watcher = await retrieved(pool, letter(1, sender="Anna Zorn <a2@example.org>"))
    assert [who.split(" <")[0] for who in await completed(watcher, "anna", "crm_contacts")] == [
        "Anna Zorn",
        "Anna Aal",
        "Anna Berg",
    ]


async def test_only_the_records_of_the_accounts_crms_are_offered(pool: Pool) -> None:
    await register_crm(pool, "people", "recruit")
    await save_record(pool, "candidate", "k1", "anna@example.org", crm="people", profile="recruit")
    watcher = await retrieved(pool, crm=())
    assert await completed(watcher, "anna") == []
    watcher = await retrieved(pool, crm=("people",))
    assert await completed(watcher, "anna", "crm_contacts") == ["Anna Lind <anna@example.org>"]


async def test_a_record_is_found_by_its_new_name_and_not_by_its_old_one(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org", name="Anna Lind")
    await save_record(pool, "contact", "c1", "anna@example.org", name="Anna Berg")
    watcher = await retrieved(pool)
    assert await completed(watcher, "lind") == []
    assert await completed(watcher, "berg") == ["Anna Berg <anna@example.org>"]


async def test_of_several_addresses_the_one_that_was_typed_is_offered(pool: Pool) -> None:
    await save_record(pool, "contact", "c1", "anna@example.org", "lind@home.example", name="Anna")
    watcher = await retrieved(pool)
    assert await completed(watcher, "lind") == ["Anna <lind@home.example>"]
    assert await completed(watcher, "anna") == ["Anna <anna@example.org>"]


async def test_rare_beginnings_are_found_among_many_entries(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            """
            insert into people (account, address, spelled, name, score)
            select %s, 'p' || n || '@example.org', 'p' || n || '@example.org', 'Person Nr' || n, n from generate_series(1, 3000) n
            """,
            [JANE],
        )
    watcher = Watcher(pool)
    assert await completed(watcher, "p17@") == ["Person Nr17 <p17@example.org>"]
    assert await completed(watcher, "person nr17") == [
        f"Person Nr{n} <p{n}@example.org>" for n in (*range(1799, 1790, -1), 1790)
    ]
    # Of several words the rarest leads to what is meant.
    assert await completed(watcher, "person p1771") == ["Person Nr1771 <p1771@example.org>"]
    assert await completed(watcher, "nr1771 nobody") == []


async def test_among_records_that_are_all_called_alike_the_rarest_word_finds_the_one_that_is_meant(pool: Pool) -> None:
    watcher = await retrieved(pool)
    async with pool.connection() as connection:
        await connection.execute(
            """
            insert into records (crm, record_kind, record_id, name, addresses)
            select 'builtin', 'contact', 'r' || n, 'Contact ' || n, array['c' || n || '@example.org']
            from generate_series(1, 3000) n
            """
        )
    assert await completed(watcher, "contact 1771") == ["Contact 1771 <c1771@example.org>"]
    assert await completed(watcher, "177 contact") == [
        f"Contact {n} <c{n}@example.org>" for n in (177, *range(1770, 1779))
    ]
    assert await completed(watcher, "contact 1771x") == []


@pytest.mark.requirement("R78")
async def test_a_saved_contact_keeps_its_name_and_a_pinned_one_comes_first(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"1": letter(1, sender="A. L. <anna@example.org>")}) as server:
        jane = await mailroom.connect(server)
        await jane.until_mail(1)
        await jane.command("save_contact", address="Anna@example.org", name="Anna Lind", by="jane")
        await jane.command("save_contact", address="zoe@example.org", name="Zoe", pinned=True)
        rows = await mailroom.rows("select name, address from complete(%s, '')", jane.address)
        assert [(row["name"], row["address"]) for row in rows] == [
            ("Zoe", "zoe@example.org"),
            ("Anna Lind", "Anna@example.org"),
        ]
        [saved, _] = await jane.log("ContactSaved")
        assert saved.actor == "jane"
        assert "anna" not in str(saved.data).lower()
        await jane.command("remove_contact", address="zoe@EXAMPLE.org")
        refused = await refusal(jane.command("remove_contact", address="zoe@example.org"))
        assert (refused.code, refused.field) == ("unknown_contact", "address")
        assert refused.message.count("remove_contact") == 1


@pytest.mark.parametrize("given", [{"address": "no address", "name": "x"}, {"address": "a@example.org", "name": ""}])
async def test_a_contact_that_is_none_is_refused(mailroom: Mailroom, given: dict[str, Any]) -> None:
    async with MailboxServer() as server:
        jane = await mailroom.connect(server)
        assert (await refusal(jane.command("save_contact", **given))).code == "invalid_field"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("anna-l", "al"),
        ("lena", "al"),
        ('"Lind, Anna-Lena" <al@', "al"),
        ("o\N{RIGHT SINGLE QUOTATION MARK}b", "ob"),
        ("brien", "ob"),
        ("m\u00fcller (ac", "mu"),
        ("gro\u00df", "gro\u00df"),
        ("gross", "gro\u00df"),
    ],
)
async def test_hyphens_apostrophes_and_brackets_in_a_name_are_no_obstacle(pool: Pool, typed: str, found: str) -> None:
    watcher = await retrieved(pool)
    names = {"al": "Anna-Lena Lind", "ob": "Pat O'Brien", "mu": "M\u00fcller (ACME)", "gro\u00df": "Someone"}
    for local, name in names.items():
        await save_record(pool, "contact", local, f"{local}@example.org", name=name)
    assert await completed(watcher, typed) == [f"{names[found]} <{found}@example.org>"]


@pytest.mark.requirement("R79")
async def test_what_is_no_address_is_offered_to_nobody(pool: Pool) -> None:
    watcher = await retrieved(pool)
    both = Record("contact", "c1", "Berta Berg", ("none", "+49 40 1234", "b.berg@example.org"))
    await Directory(pool).apply("builtin", Page([both, Record("lead", "l1", "Berta Holm", ("n/a", "berta@"))], {}))
    assert await completed(watcher, "berta") == ["Berta Berg <b.berg@example.org>"]


@pytest.mark.requirement("R80")
async def test_a_converted_lead_is_offered_as_the_contact_and_of_merged_records_the_survivor_alone(pool: Pool) -> None:
    watcher = await retrieved(pool)
    anna = ("Anna Lind", ("anna@example.org",))
    converted, merged = Record("lead", "l1", *anna, converted_to="c1"), Record("contact", "c0", *anna, merged_into="c1")
    await Directory(pool).apply("builtin", Page([Record("contact", "c1", *anna), converted, merged], {}))
    for query in ("select * from complete(%s, 'anna')", "select * from address_book where account = %s"):
        assert [(row["in_group"], row["record_id"]) for row in await watcher.rows(query, JANE)] == [
            ("crm_contacts", "c1")
        ]


@pytest.mark.parametrize("most", [-1, 0, 2_000_000_000, None])
async def test_however_many_are_asked_for_it_is_an_answer(pool: Pool, most: int | None) -> None:
    watcher = await retrieved(pool, letter(1, sender="Anna Lind <anna@example.org>"))
    rows = await watcher.rows("select * from complete(%s, 'anna', %s)", JANE, most)
    assert len(rows) == (0 if most in (-1, 0) else 1)

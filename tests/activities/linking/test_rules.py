"""What decides whose a stored message is, on a database: the same now and whenever it is linked anew."""

from __future__ import annotations

import pytest

from domain.linking.rules import loose
from domain.mime.addresses import normal_address
from infra.database.pool import Pool
from tests.support.directory import save_record
from tests.support.linked_mail import LinkedMail, bounce, letter
from tests.support.mailboxes import JANE

BOB = "bob@example.com"


@pytest.fixture
def mail(pool: Pool) -> LinkedMail:
    return LinkedMail(pool)


async def test_a_secondary_address_and_a_second_person_in_cc_are_both_linked(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@work.example", "anna@home.example")
    await mail.record("contact", "carl", "carl@example.net")
    jane = await mail.account()
    [one] = await mail.store(jane, letter(1, "Cc: carl@example.net", sender=JANE, to="anna@home.example"))
    await mail.move("Sent", one)
    assert await mail.linked() == [("anna", "Sent"), ("carl", "Sent")]
    assert (await mail.links())[0]["evidence"]["level"] == "secondary"


@pytest.mark.requirement("R40")
@pytest.mark.parametrize("kind", ["contact", "lead"])
async def test_leads_are_linked_like_contacts_received_and_sent(mail: LinkedMail, kind: str) -> None:
    await mail.record(kind, "r1", "anna@example.org")
    jane = await mail.account()
    _, sent = await mail.store(jane, letter(1), letter(2, "Bcc: anna@example.org", sender=JANE, to="x@example.net"))
    await mail.move("Sent", sent)
    assert await mail.linked() == [("r1", "Received"), ("r1", "Sent")]


@pytest.mark.requirement("R34")
async def test_moving_into_sent_and_out_again_flips_the_correspondence(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane = await mail.account()
    [one] = await mail.store(jane, letter(1, to="anna@example.org"))
    assert await mail.linked() == [("anna", "Received")]
    await mail.move("Sent", one)
    assert await mail.linked() == [("anna", "Sent")]
    await mail.move("Archive", one)
    assert await mail.linked() == [("anna", "Received")]


async def test_a_converted_lead_is_its_contact_and_a_merged_record_its_survivor(mail: LinkedMail) -> None:
    await mail.record("lead", "lead", "anna@example.org", converted_to="old", open=False)
    await mail.record("contact", "old", merged_into="new", gone_at="2026-11-01T00:00:00Z")
    await mail.record("contact", "new", "other@example.net")
    await mail.store(await mail.account(), letter(1))
    [link] = await mail.links()
    assert (link["record_kind"], link["record_id"]) == ("contact", "new")
    assert link["evidence"]["via"] == {"record_kind": "lead", "record_id": "lead"}


async def test_records_that_are_merged_in_a_circle_or_gone_link_nothing_and_block_nothing(mail: LinkedMail) -> None:
    await mail.record("contact", "a", "anna@example.org", merged_into="b")
    await mail.record("contact", "b", "anna@example.org", merged_into="a")
    await mail.record("contact", "gone", "anna@example.org", gone_at="2026-11-01T00:00:00Z")
    await mail.record("contact", "here", "anna@example.org")
    await mail.store(await mail.account(), letter(1))
    assert await mail.linked() == [("here", "Received")]


async def test_records_without_addresses_or_with_a_hundred_are_no_trouble(mail: LinkedMail) -> None:
    await mail.record("contact", "none")
    await mail.record("contact", "many", *(f"a{n}@example.org" for n in range(100)), "not an address", "@", "")
    await mail.store(await mail.account(), letter(1, sender="a99@example.org"))
    assert await mail.linked() == [("many", "Received")]


@pytest.mark.parametrize("sender", ["Jörg@Bücher.example", '"j o e"@example.org', "<josé@example.org>"])
async def test_international_and_quoted_addresses_are_linked(mail: LinkedMail, sender: str) -> None:
    normal = normal_address(sender.strip("<>"))
    assert normal is not None
    await mail.record("contact", "c1", normal)
    await mail.store(await mail.account(), letter(1, sender=sender))
    assert await mail.linked() == [("c1", "Received")]


async def test_the_levels_of_the_database_are_those_of_the_rules(mail: LinkedMail) -> None:
    odd = [
        "a+b@example.org",
        "+b@example.org",
        "a.b+c@gmail.com",
        "a.b@googlemail.com",
        '"a+b"@gmail.com',
        "a@b+c.example",
    ]
    rows = await mail.rows("select a, loose_address(a) as loose from unnest(%s::text[]) a", odd)
    assert {row["a"]: row["loose"] for row in rows} == {one: loose(one) for one in odd}
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("contact", "gina", "gi.na@gmail.com")
    jane = await mail.account()
    ids = await mail.store(jane, letter(1, sender="anna+x@example.org"), letter(2, sender="gina@googlemail.com"))
    assert await mail.linked() == []
    await mail.rules(subaddresses=True, gmail_dots=True)
    await mail.relink(*ids)
    assert [link["evidence"]["level"] for link in await mail.links()] == ["subaddress", "gmail"]


async def test_a_record_that_comes_later_links_older_mail_at_every_level_that_the_crm_allows(mail: LinkedMail) -> None:
    await mail.rules(subaddresses=True, gmail_dots=True)
    jane = await mail.account()
    await mail.store(jane, letter(1, sender="an.na+x@googlemail.com"), letter(2, sender="anna@gmail.com"))
    await mail.work_off()
    await save_record(mail.pool, "contact", "anna", "a.nna@gmail.com")
    await mail.work_off()
    assert [link["evidence"]["level"] for link in await mail.links()] == ["gmail", "gmail"]


# --- colleagues


async def test_a_colleagues_address_is_never_linked_and_becomes_one_when_the_account_is_added(mail: LinkedMail) -> None:
    await mail.record("contact", "bob", BOB, "robert@example.com")
    jane = await mail.account()
    await mail.store(jane, letter(1, sender=BOB, to=f"{JANE}, anna@example.org"))
    await mail.work_off()
    assert await mail.linked() == [("bob", "Received")]
    await mail.account(BOB, aliases=("robert@example.com",))
    await mail.work_off()
    assert await mail.linked() == []
    await mail.store(jane, letter(2, sender="robert@example.com", to=f"{JANE}, anna@example.org"))
    assert await mail.linked() == []


# --- linking anew


async def test_linking_anew_finds_what_storing_found_to_the_letter(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org", "a@home.example")
    await mail.record("contact", "twin", "a@home.example")
    await mail.record("lead", "lead", "carl@example.net", open=False)
    await mail.record("deal", "deal", contacts=["anna"])
    jane = await mail.account(aliases=("me@example.net",))
    await mail.store(
        jane,
        letter(1),
        letter(2, "In-Reply-To: <1@example.org>", sender="someone@else.example"),
        letter(3, "Auto-Submitted: auto-replied", sender="carl@example.net"),
        letter(4, sender="a@home.example"),
        letter(5, "Resent-From: eve@example.net", sender="=?utf-8?q?J=C3=B6rg?= <carl@example.net>"),
        letter(
            6,
            "List-Id: <dev.lists.example.net>",
            "Reply-To: anna@example.org",
            sender="Anna via Dev <dev@lists.example.net>",
        ),
        letter(7, to=", ".join(f"p{n}@example.net" for n in range(60))),
        letter(8, sender="me@example.net", to="anna@example.org"),
    )
    before = await mail.snapshot()
    changed = await mail.relink()
    assert (changed.linked, changed.unlinked, changed.turned) == (0, 0, 0)
    assert await mail.snapshot() == before
    assert len(await mail.links()) == 12


async def test_what_a_person_decided_survives_linking_anew(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("contact", "carl", "carl@example.net")
    jane = await mail.account()
    [one] = await mail.store(jane, letter(1))
    async with mail.pool.connection() as connection:
        await connection.execute(
            "update links set source = 'manual', unlinked_at = now() where message = %s and record_id = 'anna'", [one]
        )
        await connection.execute(
            "insert into link_decisions values (%s, 'builtin', 'contact', 'carl', 'unlinked', 'jane', now())", [one]
        )
        await connection.execute("update mail set participants = participants || %s::jsonb where id = %s", [
            '[{"field": "from", "name": "", "address": "carl@example.net", "normal": "carl@example.net"}]', one
        ])  # fmt: skip
    await mail.relink()
    await mail.relink()
    assert await mail.linked() == []


# --- deals and threads


async def test_a_single_open_deal_is_linked_and_of_several_none(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("deal", "won", contacts=["anna"], open=False)
    await mail.record("deal", "open", contacts=["anna"])
    jane = await mail.account()
    [first] = await mail.store(jane, letter(1))
    assert await mail.linked(first) == [("anna", "Received"), ("open", "Received")]
    assert (await mail.links(first))[1]["evidence"] == {"rule": "deal", "contact": "anna"}
    await mail.record("deal", "second", contacts=["anna"])
    [later] = await mail.store(jane, letter(2))
    assert await mail.linked(later) == [("anna", "Received")]
    await mail.relink()
    assert await mail.linked(first) == [("anna", "Received"), ("open", "Received")]


async def test_a_thread_passes_on_its_deal_and_no_contact(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("contact", "carl", "carl@example.net")
    await mail.record("deal", "deal", contacts=["anna"])
    jane = await mail.account()
    [first] = await mail.store(jane, letter(1))
    second, third = await mail.store(
        jane,
        letter(2, "In-Reply-To: <1@example.org>", sender="carl@example.net"),
        letter(3, "In-Reply-To: <2@example.org>", sender="stranger@example.net"),
    )
    assert await mail.linked(second) == [("carl", "Received"), ("deal", "Received")]
    assert await mail.linked(third) == [("deal", "Received")]
    assert (await mail.links(third))[0]["evidence"] == {"rule": "thread", "message": first}


async def test_a_thread_that_arrives_newest_first_is_linked_all_the_same(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("deal", "deal", contacts=["anna"])
    jane = await mail.account()
    [reply] = await mail.store(jane, letter(2, "References: <1@example.org>", sender="carl@example.net"))
    assert await mail.linked(reply) == []
    await mail.store(jane, letter(1))
    assert await mail.linked(reply) == [("deal", "Received")]


async def test_what_a_thread_passed_on_goes_with_its_reason_though_the_thread_is_a_circle(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("deal", "deal", contacts=["anna"])
    jane = await mail.account()
    first, second, third = await mail.store(
        jane,
        letter(1, "References: <3@example.org> <2@example.org> <1@example.org>"),
        letter(2, "References: <1@example.org> <3@example.org>", sender="carl@example.net"),
        letter(3, "References: <2@example.org> <1@example.org>", sender="carl@example.net"),
    )
    assert [await mail.linked(one) for one in (second, third)] == [[("deal", "Received")]] * 2
    async with mail.pool.connection() as connection:
        await connection.execute("update records set gone_at = now() where record_kind = 'deal'")
    await mail.relink(first)
    assert [await mail.linked(one) for one in (first, second, third)] == [[("anna", "Received")], [], []]


async def test_neither_a_subject_nor_ids_in_references_link_anything(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane = await mail.account()
    await mail.store(jane, letter(1))
    [one] = await mail.store(
        jane,
        letter(1, "References: <contact/anna@builtin> <1@example.org>", sender="eve@example.net", message_id="<2@e>"),
    )
    assert await mail.linked(one) == []


async def test_a_thread_of_another_account_passes_on_nothing(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("deal", "deal", contacts=["anna"])
    jane, bob = await mail.account(), await mail.account(BOB)
    await mail.store(jane, letter(1))
    [one] = await mail.store(bob, letter(2, "In-Reply-To: <1@example.org>", sender="carl@example.net"))
    assert await mail.linked(one) == []


# --- reports


@pytest.mark.parametrize("bounce_first", [False, True])
async def test_a_bounce_marks_the_correspondence_of_who_did_not_get_it(mail: LinkedMail, bounce_first: bool) -> None:
    await mail.record("contact", "daemon", "mailer-daemon@example.net")
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("contact", "carl", "carl@example.net")
    jane = await mail.account()
    sent = letter(1, sender=JANE, to="anna@example.org, carl@example.net")
    batches = [sent, bounce(2, "Anna@example.org")]
    for raw in reversed(batches) if bounce_first else batches:
        await mail.store(jane, raw)
    [one] = [row["id"] for row in await mail.rows("select id from messages where kind = 'personal'")]
    [report] = [row["id"] for row in await mail.rows("select id from messages where kind = 'bounce'")]
    await mail.move("Sent", one)
    marks = {link["record_id"]: link["evidence"].get("bounced") for link in await mail.links()}
    assert marks == {
        "anna": {"by": report, "severity": "hard", "status": "5.1.1", "reason": "unknown user"},
        "carl": None,
    }


async def test_a_bounce_names_none_of_the_accounts_own_addresses(mail: LinkedMail) -> None:
    jane = await mail.account()
    await mail.store(jane, bounce(2, JANE.title()), bounce(3, "anna@example.org"))
    rows = await mail.rows(
        "select traits -> 'bounce' -> 'recipients' as named from message_traits where kind = 'bounce' order by 1"
    )
    named = [one["addresses"] for row in rows for one in row["named"]]
    assert (len(rows), named) == (2, [["anna@example.org"]])


async def test_a_bounce_that_comes_after_its_message_is_in_sent_marks_it_at_once(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane = await mail.account()
    [one] = await mail.store(jane, letter(1, sender=JANE, to="anna@example.org"))
    await mail.move("Sent", one)
    await mail.store(jane, bounce(2, "anna@example.org", action="delayed", status="4.4.1"))
    assert "bounced" not in (await mail.links())[0]["evidence"]
    await mail.store(jane, bounce(3, "anna@example.org", status="4.4.7"))
    assert (await mail.links())[0]["evidence"]["bounced"]["severity"] == "soft"
    assert len(await mail.links()) == 1

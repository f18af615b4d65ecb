"""One message that is seen several times, in one mailbox or in several, is one correspondence of each and one entry."""

from __future__ import annotations

import pytest

from infra.database.pool import Pool
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import JANE

BOB = "bob@example.com"


@pytest.fixture
def mail(pool: Pool) -> LinkedMail:
    return LinkedMail(pool)


@pytest.mark.requirement("R2")
async def test_a_message_in_two_accounts_is_a_correspondence_of_each_and_one_entry(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane, bob = await mail.account(), await mail.account(BOB)
    raw = letter(1, to=f"{JANE}, {BOB}")
    await mail.store(jane, raw)
    await mail.store(bob, raw)
    assert [link["address"] for link in await mail.links()] == [JANE, BOB]
    [entry] = await mail.rows("select direction, action from outbox")
    assert entry == {"direction": "Received", "action": "add"}


@pytest.mark.requirement("R38")
@pytest.mark.parametrize(("copy", "field"), [("Cc: " + JANE, "cc"), ("X-None: y", "bcc")])
async def test_a_copy_to_oneself_is_recognised_and_is_one_message_with_what_is_in_sent(
    mail: LinkedMail, copy: str, field: str
) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane = await mail.account()
    raw = letter(1, copy, sender=JANE, to="anna@example.org")
    original, returned = await mail.store(jane, raw, b"Received: by mx\r\n" + raw)
    traits = await mail.rows("select traits from message_traits order by message")
    assert [row["traits"]["own_copy"] for row in traits] == [field, field]
    assert await mail.linked() == []  # own mail is Received from nobody
    await mail.move("Sent", original)
    await mail.move("Sent", returned)
    assert await mail.linked() == [("anna", "Sent"), ("anna", "Sent")]
    assert (await mail.links())[0]["evidence"]["own_copy"] == field
    assert [row["direction"] for row in await mail.rows("select direction from outbox")] == ["Sent"]


async def test_sent_wins_over_received_when_one_message_is_both(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane, bob = await mail.account(), await mail.account(BOB)
    raw = letter(1, to=f"anna@example.org, {BOB}")
    [first] = await mail.store(jane, raw)
    await mail.store(bob, raw)
    await mail.move("Sent", first)
    assert [row["direction"] for row in await mail.rows("select direction from outbox")] == ["Sent"]
    await mail.move("Inbox", first)
    assert [row["direction"] for row in await mail.rows("select direction from outbox")] == ["Received"]


async def test_a_copy_by_a_list_that_wrote_from_anew_is_the_same_message(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane = await mail.account()
    by_list = letter(
        1,
        "List-Id: <dev.lists.example.net>",
        "X-Original-From: anna@example.org",
        sender="Anna via Dev <dev@lists.example.net>",
    )
    await mail.store(jane, letter(1), by_list)
    assert len({row["identity"] for row in await mail.rows("select identity from messages")}) == 1
    assert len(await mail.rows("select * from outbox")) == 1


async def test_the_same_uidl_in_two_mailboxes_is_two_messages(mail: LinkedMail) -> None:
    jane, bob = await mail.account(), await mail.account(BOB)
    await mail.store(jane, letter(1))
    mail._number = 0
    await mail.store(bob, letter(2, sender="carl@example.net"))
    rows = await mail.rows("select uidl, address, from_address from messages order by id")
    assert [(row["uidl"], row["from_address"]) for row in rows] == [
        ("uid-1", "anna@example.org"),
        ("uid-1", "carl@example.net"),
    ]


async def test_two_messages_with_the_same_from_subject_and_date_are_both_kept(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane = await mail.account()
    bare = [line for line in letter(1).split(b"\r\n") if not line.startswith(b"Message-ID")]
    one, other = b"\r\n".join(bare), b"\r\n".join(bare).replace(b"Hello", b"Something else")
    assert len(await mail.store(jane, one, other)) == 2
    assert len(await mail.rows("select * from outbox")) == 2


async def test_a_message_id_without_angle_brackets_doubles_nothing(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    jane, bob = await mail.account(), await mail.account(BOB)
    raw = letter(1, message_id="1@example.org")
    await mail.store(jane, raw)
    await mail.store(bob, raw)
    assert len(await mail.rows("select * from outbox")) == 1


async def test_a_forged_message_id_swallows_no_mail_and_both_are_flagged(mail: LinkedMail) -> None:
    await mail.record("contact", "anna", "anna@example.org")
    await mail.record("contact", "eve", "eve@example.net")
    jane = await mail.account()
    real, forged = await mail.store(jane, letter(1), letter(1, sender="eve@example.net"))
    assert await mail.linked() == [("anna", "Received"), ("eve", "Received")]
    hints = await mail.rows("select message from hints where code = 'message_id_collision' order by 1")
    assert [row["message"] for row in hints] == [real, forged]
    assert len(await mail.rows("select * from outbox")) == 2

"""What is told of single messages: something is missing, something may be forged."""

from __future__ import annotations

import pytest

from infra.database.pool import Pool
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import JANE


@pytest.fixture
def mail(pool: Pool) -> LinkedMail:
    return LinkedMail(pool)


async def hinted(mail: LinkedMail) -> list[int]:
    rows = await mail.rows("select message from hints where address = %s and code = 'sent_elsewhere' order by 1", JANE)
    return [row["message"] for row in rows]


@pytest.mark.requirement("R37")
async def test_a_reply_to_an_unknown_message_says_that_one_sent_elsewhere_is_missing_until_it_comes(
    mail: LinkedMail,
) -> None:
    jane = await mail.account()
    [reply] = await mail.store(jane, letter(2, "In-Reply-To: <1@example.com>"))
    assert await hinted(mail) == [reply]
    [text] = [row["text"] for row in await mail.rows("select text from hints")]
    assert "a message sent elsewhere is missing" in text
    await mail.store(jane, letter(1, sender=JANE, message_id="<1@example.com>"))
    assert await hinted(mail) == []


@pytest.mark.requirement("R37")
@pytest.mark.parametrize(
    ("subject", "hint"),
    [("Re: offer", True), ("AW: Re: offer", True), ("re[2]: offer", True), ("Fwd: offer", False), ("Regards", False)],
)
async def test_a_reply_that_names_its_parent_last_in_references_alone_is_a_reply(
    mail: LinkedMail, subject: str, hint: bool
) -> None:
    jane = await mail.account()
    await mail.store(jane, letter(1, message_id="<first@example.com>"))
    raw = letter(2, "References: <first@example.com> <2nd@example.com>").replace(b"message 2", subject.encode())
    [reply] = await mail.store(jane, raw)
    assert await hinted(mail) == ([reply] if hint else [])
    await mail.store(jane, letter(3, sender=JANE, message_id="<2nd@example.com>"))
    assert await hinted(mail) == []


@pytest.mark.parametrize("line", ["Auto-Submitted: auto-replied", "List-Id: <dev.lists.example.net>"])
async def test_neither_automatic_mail_nor_lists_get_the_hint(mail: LinkedMail, line: str) -> None:
    await mail.store(await mail.account(), letter(2, "In-Reply-To: <1@example.com>", line))
    assert await hinted(mail) == []


async def test_a_message_of_another_account_is_not_the_one_that_is_missing(mail: LinkedMail) -> None:
    bob = await mail.account("bob@example.com")
    await mail.store(bob, letter(1, message_id="<1@example.com>"))
    [reply] = await mail.store(await mail.account(), letter(2, "In-Reply-To: <1@example.com>"))
    assert await hinted(mail) == [reply]


@pytest.mark.parametrize(
    ("results", "authserv_id", "spoofed"),
    [
        ("mx.example.com; dmarc=fail header.from=example.com", "mx.example.com", True),
        ("mx.example.com; dmarc=pass", "mx.example.com", False),
        ("mx.evil.example; dmarc=fail", "mx.example.com", False),
        ("mx.example.com; dmarc=fail", None, False),
        ("mx.example.com; dmarc=pass\r\nAuthentication-Results: mx.example.com; dmarc=fail", "mx.example.com", False),
    ],
)
async def test_own_mail_that_failed_dmarc_at_the_own_server_is_possibly_spoofed(
    mail: LinkedMail, results: str, authserv_id: str | None, spoofed: bool
) -> None:
    jane = (await mail.account()).model_copy(update={"authserv_id": authserv_id})
    await mail.store(jane, letter(1, f"Authentication-Results: {results}", sender=JANE))
    [row] = await mail.rows("select traits from message_traits")
    assert row["traits"].get("possibly_spoofed", False) is spoofed


async def test_what_is_known_from_sent_is_not_possibly_spoofed(mail: LinkedMail) -> None:
    jane = (await mail.account()).model_copy(update={"authserv_id": "mx.example.com"})
    [one] = await mail.store(jane, letter(1, sender=JANE))
    await mail.move("Sent", one)
    await mail.store(jane, letter(1, "Authentication-Results: mx.example.com; dmarc=fail", sender=JANE))
    rows = await mail.rows("select traits from message_traits order by message")
    assert ["possibly_spoofed" in row["traits"] for row in rows] == [False, False]

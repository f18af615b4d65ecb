"""Sent mail belongs to everybody it went to, however many they are (R30)."""

from __future__ import annotations

import pytest

from infra.database.pool import Pool
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import JANE


@pytest.fixture
def mail(pool: Pool) -> LinkedMail:
    return LinkedMail(pool)


@pytest.mark.requirement("R30", "R40")
async def test_one_sent_message_belongs_to_contact_and_lead_in_to_cc_and_bcc_alike(mail: LinkedMail) -> None:
    for field in "to", "cc", "bcc":
        for kind in "contact", "lead":
            await mail.record(kind, f"{kind} in {field}", f"{kind}.{field}@example.org")
    await mail.record("contact", "somebody else", "somebody.else@example.org")
    raw = letter(
        1,
        "Cc: x@example.net, contact.cc@example.org, lead.cc@example.org",
        "Bcc: Contact.Bcc@example.org, lead.bcc@example.org",
        sender=JANE,
        to="x@example.net, contact.to@example.org, LEAD.to@example.org",
    )
    [one] = await mail.store(await mail.account(), raw)
    await mail.move("Sent", one)
    everybody = [(f"{kind} in {field}", "Sent") for kind in ("contact", "lead") for field in ("bcc", "cc", "to")]
    assert await mail.linked() == everybody
    assert {row["record_id"] for row in await mail.rows("select record_id from outbox where direction = 'Sent'")} == {
        record for record, _ in everybody
    }


@pytest.mark.requirement("R30")
async def test_of_five_thousand_recipients_each_is_linked(mail: LinkedMail) -> None:
    known = (0, 999, 1000, 2500, 4999)
    for number in known:
        await mail.record("contact", f"{number}", f"person{number}@customer{number % 300}.example.org")
    crowd = ",\r\n ".join(f'"Person {n}" <person{n}@customer{n % 300}.example.org>' for n in range(5000))
    [one] = await mail.store(await mail.account(), letter(1, sender=JANE, to=crowd))
    assert (await mail.rows("select parse_error from messages"))[0]["parse_error"] is None
    changed = await mail.move("Sent", one)
    assert changed.linked == len(known)
    assert {record for record, _ in await mail.linked()} == {str(number) for number in known}
    await mail.record("contact", "later", "person4998@customer198.example.org")
    assert (await mail.relink()).linked == 1

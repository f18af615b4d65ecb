"""Mail finds the parties and opportunities of a real Tryton, however their addresses are spelled there."""

from __future__ import annotations

import pytest

from activities.crm.adapters.protocol import Crm
from activities.directory.directory import Directory
from infra.database.pool import Pool
from tests.servers.tryton import TrytonDatabase
from tests.support.crm.tryton import crm
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import JANE

__all__ = ["crm"]


async def pull(pool: Pool, crm: Crm) -> None:
    async for page in crm.pull(None):
        await Directory(pool).apply("builtin", page)


@pytest.mark.parametrize(
    ("spelled", "written"),
    [
        ("Anna.LIND@Example.ORG", "anna.lind@example.org"),
        ("anna.lind@example.org", "ANNA.Lind@EXAMPLE.org"),
        ("anna@bücher.example", "Anna@xn--bcher-kva.example"),
        (" anna@example.org ", "anna@example.org"),
    ],
)
@pytest.mark.requirement("R30", "R40")
async def test_an_address_in_another_case_or_form_finds_its_party_and_its_opportunity(
    crm: Crm, tryton: TrytonDatabase, pool: Pool, spelled: str, written: str
) -> None:
    party = tryton.party("Anna Lind", "first@example.net", spelled)
    lead = tryton.opportunity(party)
    await pull(pool, crm)
    mail = LinkedMail(pool)
    received, sent = await mail.store(
        await mail.account(), letter(1, sender=written), letter(2, f"Cc: {written}", sender=JANE, to="x@example.net")
    )
    await mail.move("Sent", sent)
    found = [(link["record_kind"], link["record_id"], link["direction"]) for link in await mail.links()]
    assert found == [
        ("contact", party, "Received"),
        ("lead", lead, "Received"),
        ("contact", party, "Sent"),
        ("lead", lead, "Sent"),
    ]
    assert received < sent

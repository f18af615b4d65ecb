"""An account's settings change while its mail is stored by older ones: the mail is linked by those that hold now."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from activities.attach.attach import Attaching
from activities.directory.address_book import AddressBook
from activities.mailbox.policy import hold_rules
from infra.database.pool import Pool
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import JANE, Watcher, local_worker
from tests.support.running import until

ALIAS = "j.doe@example.net"
BOB = "bob@example.net"


@pytest.mark.requirement("R3")
async def test_a_session_that_has_older_settings_links_with_a_crm_that_was_added_meanwhile(pool: Pool) -> None:
    mail = LinkedMail(pool)
    await mail.record("contact", "c1", "anna@example.org")
    older = await mail.account(crm=())
    await mail.account(crm=("builtin",))
    await mail.work_off()
    [message] = await mail.store(older, letter(1))
    assert await mail.linked(message) == [("c1", "Received")]


async def test_mail_that_is_attached_goes_on_by_the_settings_of_now(pool: Pool) -> None:
    mail = LinkedMail(pool)
    await mail.record("contact", "c1", "anna@example.org")
    older, hand = await mail.account(crm=()), Attaching(pool, local_worker())
    assert (await hand.attach(older, letter(1), None, "jane")).links == 0
    await mail.account(crm=("builtin",))
    assert (await hand.attach(older, letter(2), None, "jane")).links == 1
    await mail.work_off()
    assert len(await mail.linked()) == 2


async def test_a_session_that_has_older_settings_does_not_link_with_a_crm_that_was_taken_off(pool: Pool) -> None:
    mail = LinkedMail(pool)
    await mail.record("contact", "c1", "anna@example.org")
    older = await mail.account()
    await mail.account(crm=())
    [message] = await mail.store(older, letter(1))
    assert await mail.linked(message) == []


async def test_a_session_that_has_older_settings_knows_the_aliases_of_now(pool: Pool) -> None:
    mail = LinkedMail(pool)
    await mail.record("contact", "c1", "anna@example.org")
    older = await mail.account()
    await mail.account(aliases=("anna@example.org",))
    [message] = await mail.store(older, letter(1))
    assert await mail.linked(message) == []


async def test_settings_are_recorded_after_the_mail_that_is_stored_by_those_before(pool: Pool) -> None:
    """Who records them asks for all stored mail: what was being stored would be missed."""
    mail, watcher = LinkedMail(pool), Watcher(pool)
    older = await mail.account(crm=())
    async with pool.connection() as storing, storing.transaction():
        held = await hold_rules(storing, older, attaching=False)
        assert held.settings.crm == []
        recording = asyncio.create_task(mail.account(crm=("builtin",)))

        async def waits() -> bool:
            return bool(
                await watcher.value(
                    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
                )
            )

        await until(waits, "the settings' recording to wait for the lock")
        assert await mail.rows("select * from relinking") == []
    await recording
    assert [job["account"] for job in await mail.rows("select * from relinking")] == [JANE]


async def test_an_account_of_another_organisation_has_other_colleagues(pool: Pool) -> None:
    mail = LinkedMail(pool)
    await mail.record("contact", "c1", BOB)
    jane = await mail.account()
    await mail.account(BOB)
    [message] = await mail.store(jane, letter(1, sender=BOB))
    assert await mail.linked(message) == []
    await mail.work_off()
    await mail.account(BOB, organisation="other")
    await mail.work_off()
    assert await mail.linked(message) == [("c1", "Received")]
    await mail.account(BOB)
    await mail.work_off()
    assert await mail.linked(message) == []
    await mail.account(organisation="other")
    await mail.work_off()
    assert await mail.linked(message) == [("c1", "Received")]


async def test_mail_from_an_alias_that_is_declared_later_is_own_mail_as_long_as_it_is_one(pool: Pool) -> None:
    mail = LinkedMail(pool)
    await mail.record("contact", "c1", "anna@example.org")
    await mail.account()
    settings = (await mail.account()).model_copy(update={"authserv_id": "mx.example.com"})
    failed = "Authentication-Results: mx.example.com; dmarc=fail"
    copy, forged, other = await mail.store(
        settings,
        letter(1, sender=ALIAS, to=f"anna@example.org, {JANE}"),
        letter(2, failed, sender=ALIAS, to=JANE),
        letter(3, failed),
    )

    async def traits() -> list[dict[str, Any]]:
        rows = await mail.rows("select traits from mail where id = any(%s) order by id", [copy, forged, other])
        return [{name: row["traits"].get(name) for name in ("own_copy", "possibly_spoofed")} for row in rows]

    nothing = {"own_copy": None, "possibly_spoofed": None}
    assert await traits() == [nothing] * 3
    await mail.account(aliases=(ALIAS,))
    await mail.work_off()
    assert await traits() == [nothing | {"own_copy": "to"}, {"own_copy": "to", "possibly_spoofed": True}, nothing]
    await mail.account()
    await mail.work_off()
    assert await traits() == [nothing] * 3


async def test_whom_an_alias_has_written_to_counts_as_written_to_once_it_is_declared(pool: Pool) -> None:
    mail, book = LinkedMail(pool), AddressBook(pool)
    settings = await mail.account()
    await mail.store(settings, letter(1, sender=ALIAS, to="anna@example.org"), letter(2))

    async def people() -> list[tuple[str, int, int]]:
        await book.catch_up(JANE, {JANE})
        rows = await mail.rows("select address, written, wrote from people order by address")
        return [(row["address"], row["written"], row["wrote"]) for row in rows]

    before = [("anna@example.org", 0, 1), (ALIAS, 0, 1)]
    assert await people() == before
    await mail.account(aliases=(ALIAS,))
    assert await people() == [("anna@example.org", 1, 1)]
    assert await people() == [("anna@example.org", 1, 1)]
    await mail.account()
    assert await people() == before

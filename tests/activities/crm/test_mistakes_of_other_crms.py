"""What products that show mail in a CRM are known to get wrong, once each: none of it happens here."""

from __future__ import annotations

from typing import Any

import pytest

from activities.crm.adapters.protocol import CrmFailure
from domain.directory.records import Record
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.actions import Asking
from tests.support.directory import register_crm, save_record
from tests.support.linked_mail import LinkedMail, letter
from tests.support.mailboxes import JANE, PASSWORD, BusyWatcher, Watcher, account, local_worker, mail, mailbox
from tests.support.scripted_crm import NAME, Script, Serving, script

__all__ = ["script"]

BOB = "bob@example.com"
ANNA = Record("contact", "1", "Anna Lind", ("anna@example.org",))


async def sizes(watcher: Watcher) -> dict[str, int]:
    """How many rows each table has."""
    tables = await watcher.column("select table_name from information_schema.tables where table_type = 'BASE TABLE' "
                                  "and table_schema = 'mailroom'")  # fmt: skip
    return {table: await watcher.value(f'select count(*) from "{table}"') for table in tables}


async def test_a_hundred_looks_that_find_nothing_new_add_no_row_anywhere(pool: Pool, script: Script) -> None:
    await register_crm(pool, NAME, "crm")
    script.pages = [[ANNA]]
    serving = Serving(pool, worker=local_worker(minute_seconds=60.0))
    watcher = BusyWatcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        settings = account(server.port, crm=(NAME,))
        await watcher.record(settings)
        await watcher.watch(settings)
        await serving.sync()
        await watcher.finds_nothing(settings)
        before = await sizes(watcher)
        assert before["mail"] == before["links"] == before["entries"] == 3
        for _ in range(100):
            await watcher.finds_nothing(settings)
        for _ in range(20):
            await serving.sync()
        assert await sizes(watcher) == before


async def test_mail_that_vanishes_from_the_server_stays_with_its_links_and_in_the_crm(
    pool: Pool, script: Script
) -> None:
    await register_crm(pool, NAME, "crm")
    script.pages = [[ANNA]]
    serving, watcher = Serving(pool, worker=local_worker(minute_seconds=60.0)), Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        settings = account(server.port, crm=(NAME,))
        await watcher.record(settings)
        await watcher.watch(settings)
        await serving.sync()
        del server.messages["uid-2"]
        await watcher.attempt(settings)
        server.messages = {}
        await watcher.attempt(settings)
        await serving.sync()
    assert len(await watcher.subjects()) == 3
    assert await watcher.value("select count(*) from correspondence where unlinked_at is null") == 3
    assert len(script.shows) == 3
    assert script.calls["remove"] == 0


@pytest.mark.parametrize("named", ["1@example.org", "<1@example.org", "", "<a@b> <c@d>"])
async def test_mail_with_a_message_id_that_is_none_is_not_imported_again_after_a_move(pool: Pool, named: str) -> None:
    watcher = Watcher(pool)
    last_year = [mail(n).replace(b"23 Nov 2026", b"23 Nov 2025") for n in range(1, 7)]
    raws = [raw.replace(f"<{n}@example.org>".encode(), named.encode()) for n, raw in enumerate(last_year, 1)]
    async with MailboxServer(password=PASSWORD, messages={f"old-{n}": raw for n, raw in enumerate(raws)}) as server:
        await watcher.watch(account(server.port))
        server.messages = {f"new-{n}": raw for n, raw in enumerate(raws)}
        await watcher.attempt(account(server.port))
    assert await watcher.subjects() == [f"message {n}" for n in range(1, 7)]


async def test_two_hundred_bad_messages_do_not_keep_the_next_one_from_being_stored_and_linked(pool: Pool) -> None:
    await save_record(pool, "contact", "anna", "anna@example.org")
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(201)) as server:
        server.replies = {f"RETR {number}": "-ERR message is corrupt" for number in range(1, 201)}
        settings = account(server.port, crm=("builtin",), messages_per_phase=50)
        await watcher.watch(settings)
        await watcher.attempt(settings)
    assert await watcher.value("select count(*) from messages where state = 'quarantined'") == 200
    assert await watcher.column("select subject from messages join correspondence c on c.message = messages.id") == [
        "message 201"
    ]


async def test_a_crm_whose_token_is_broken_keeps_neither_mail_nor_another_crm_waiting(
    pool: Pool, script: Script
) -> None:
    await register_crm(pool, NAME, "crm")
    await save_record(pool, "contact", "c1", "anna@example.org")
    script.pages = [[ANNA]]
    worker = local_worker(minute_seconds=60.0)
    sales, builtin = Serving(pool, worker=worker), Serving(pool, worker=worker)
    builtin.settings = builtin.settings.model_copy(
        update={"name": "builtin", "kind": "builtin", "url": None, "secret": None}
    )
    await sales.sync()
    script.down = CrmFailure(Kind.CRM_AUTHENTICATION, "401", "token revoked")
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        settings = account(server.port, crm=(NAME, "builtin"))
        await sales.seen.record(settings)
        assert (await sales.seen.watch(settings)).stored == 1
    failure, _ = await sales.fails()
    assert failure.kind is Kind.CRM_AUTHENTICATION
    assert (await builtin.sync()).counts.delivered == 1
    assert (await sales.states(), await builtin.states()) == (["queued"], ["delivered"])


async def test_a_person_with_two_addresses_is_added_once(pool: Pool) -> None:
    asking = Asking(pool)
    await save_record(pool, "contact", "17", "anna@work.example", "Anna@Example.org")
    [message] = await asking.retrieve(mail(1))
    answer = await asking.ask("add_record", message=message, record_kind="contact")
    assert (answer["created"], answer["record"]["record_id"]) == (False, "17")
    [link] = await asking.rows("select record_id, evidence ->> 'level' as level from correspondence")
    assert link == {"record_id": "17", "level": "secondary"}
    assert len(await asking.rows("select from directory")) == 1


# --- what is one person's own


async def completed(mail: LinkedMail, address: str, typed: str) -> list[str]:
    return [row["address"] for row in await mail.rows("select address from complete(%s, %s)", address, typed)]


async def test_a_colleague_sees_neither_the_mail_nor_the_people_nor_the_rules_of_another(pool: Pool) -> None:
    asking, store = Asking(pool), LinkedMail(pool)
    await save_record(pool, "contact", "17", "anna@example.org")
    of_jane = await asking.retrieve(mail(1), mail(2), mail(3, sender="doctor@example.net"))
    [of_bob] = await asking.retrieve(mail(4), address=BOB)
    await store.set_privacy(private=["doctor@example.net"])
    seen = await asking.ask("context", of_account=BOB, message=of_bob)
    assert [record["record_id"] for record in seen["records"]] == ["17"]
    assert seen["last_mail"] == [], "the record is shared, the mail is not"
    assert [one["id"] for one in (await asking.ask("context", message=of_jane[0]))["last_mail"]] == [of_jane[1]]
    assert "doctor@example.net" in await completed(store, JANE, "doc")
    assert await completed(store, BOB, "doc") == []
    assert "doctor" not in str(await store.rows("select * from account_events"))


@pytest.mark.parametrize("rule", ["private", "never_log"])
async def test_what_one_owner_keeps_back_is_shown_by_the_other_copy_alone(
    pool: Pool, script: Script, rule: str
) -> None:
    await register_crm(pool, NAME, "crm")
    script.pages = [[ANNA]]
    serving, store = Serving(pool, worker=local_worker(minute_seconds=60.0)), LinkedMail(pool)
    await serving.sync()
    jane, bob = await store.account(crm=(NAME,)), await store.account(BOB, crm=(NAME,))
    await store.set_privacy(JANE, **{rule: ["anna@example.org"]})
    raw = letter(1, to=f"{JANE}, {BOB}")
    await store.store(jane, b"X-Copy: of Jane\r\n" + raw)
    assert (await serving.sync()).counts.delivered == 0
    await store.store(bob, raw)
    await serving.sync()
    assert [entry.account for entry in script.shows.values()] == [BOB]


# --- mail is never thrown away because of what it looks like


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-generated", "X-Loop: jane@example.com", "Precedence: bulk", "Return-Path: <>"],
)
async def test_a_guard_against_loops_loses_no_mail(pool: Pool, header: str) -> None:
    store = LinkedMail(pool)
    jane = await store.account()
    assert len(await store.store(jane, letter(1, header, sender=JANE), letter(2, header))) == 2


async def test_own_mail_that_answers_nothing_is_kept(pool: Pool) -> None:
    store = LinkedMail(pool)
    jane = await store.account()
    [one] = await store.store(jane, letter(1, sender=JANE, to="stranger@example.net"))
    rows: list[dict[str, Any]] = await store.rows("select id, folder from messages")
    assert rows == [{"id": one, "folder": "Inbox"}]

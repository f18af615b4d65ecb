"""Erasing a person: which mail goes with all that was made of it, which stays without them, and that it never comes back."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import OperationalError
from temporalio.testing import ActivityEnvironment

from activities.core import attempts
from activities.directory.address_book import AddressBook
from activities.erasure import erase_person
from activities.erasure.erase_person import Erasing
from activities.erasure.personal_data import of_account
from domain.core.refusal import Refused
from domain.directory.records import Record
from domain.privacy.erasure import Erased, pseudonym
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mail
from tests.support.running import until
from tests.support.stored_mail import ANNA, CRM, links, pulled, shown, stored, worked_off
from workflows.contract import Erasure, ErasureRequest

PERSON = "anna@example.org"
BOB = "bob@example.com"


async def erase(pool: Pool, address: str = PERSON, *, erasure: UUID | None = None, **given: Any) -> Erased:
    request = ErasureRequest(
        given=Erasure(address=address, by="dpo", **given), erasure=erasure or uuid4(), at=datetime.now(UTC)
    )
    return await ActivityEnvironment().run(Erasing(pool).erase_person, request)


async def remaining(pool: Pool) -> list[str]:
    return await Watcher(pool).column("select subject from messages order by id")


@pytest.fixture
async def correspondence(pool: Pool) -> Pool:
    """Two mailboxes with mail from the person, to them, to them among others, and of others."""
    await pulled(pool, ANNA, Record("contact", "c2", "Eve", ("eve@example.org",)))
    bob = account(995, address=BOB, crm=(CRM,))
    await stored(pool, 1)
    await stored(pool, 1, settings=bob)
    await stored(pool, 2, sender=JANE, to=f"{PERSON}, {BOB}", folder="Sent")
    await stored(pool, 3, sender=JANE, to=f"{PERSON}, eve@example.org", folder="Sent")
    await stored(pool, 4, sender="eve@example.org", to=f"{JANE}, {PERSON}")
    await stored(pool, 5, sender="eve@example.org")
    return pool


async def test_a_dry_run_only_counts(correspondence: Pool) -> None:
    before = await Watcher(correspondence).rows("select * from links order by id")
    counted = await erase(correspondence, dry_run=True)
    assert (counted.removed, counted.kept, counted.accounts, counted.records, counted.builtin_records) == (
        3,
        2,
        2,
        0,
        1,
    )
    assert len(await remaining(correspondence)) == 6
    assert await Watcher(correspondence).rows("select * from links order by id") == before
    assert await Watcher(correspondence).rows("select * from account_events") == []


async def test_their_mail_goes_and_the_mail_of_others_stays_without_them(correspondence: Pool) -> None:
    pool = correspondence
    erased = await erase(pool)
    assert (erased.removed, erased.kept, erased.accounts, erased.dry_run) == (3, 2, 2, False)
    assert await remaining(pool) == ["message 3", "message 4", "message 5"]
    assert {record for _, record, _ in await links(pool)} == {"c2"}
    assert {entry for entry in await shown(pool) if entry[1] == "c1"} == {("contact", "c1", None)}
    watcher = Watcher(pool)
    assert await watcher.column("select octet_length(raw) > 0 from raw_messages order by id") == [True] * 3
    kept = await watcher.rows("select participants, addresses from mail")
    assert PERSON not in json.dumps(kept)
    assert await watcher.column("select cause from tombstones") == ["erased"] * 3


async def test_no_row_but_what_is_being_worked_off_names_the_person_any_more(correspondence: Pool) -> None:
    pool = correspondence
    watcher = Watcher(pool)
    await watcher.rows(
        "insert into people (account, address, spelled, name) values (%s, %s, %s, 'Anna') returning 1",
        JANE,
        PERSON,
        PERSON,
    )
    await erase(pool)
    await erase(pool)
    tables = await watcher.column(
        "select table_name from information_schema.tables where table_schema = 'mailroom' and table_type = 'BASE TABLE'"
    )
    named = [table for table in tables if PERSON in str(await watcher.rows(f"select t::text from {table} t"))]
    assert named == ["relinking"]
    await worked_off(pool)
    assert await watcher.rows("select * from relinking") == []


async def test_a_bounce_of_their_mail_goes_too(correspondence: Pool) -> None:
    bounce = await stored(correspondence, 6, sender="mailer-daemon@example.net")
    watcher = Watcher(correspondence)
    traits = {"about": "<2@example.org>", "bounce": {"recipients": [{"addresses": [PERSON], "severity": "hard"}]}}
    await watcher.rows(
        "update mail set kind = 'bounce', traits = %s where id = %s returning id", json.dumps(traits), bounce
    )
    assert (await erase(correspondence)).removed == 4
    assert await watcher.rows("select id from mail where id = %s", bounce) == []


async def test_events_name_ids_and_a_pseudonym(correspondence: Pool) -> None:
    erasure = uuid4()
    await erase(correspondence, erasure=erasure)
    events = await Watcher(correspondence).rows(
        "select address, actor, data from account_events where type = 'PersonErased' and data ? 'withdrawn' order by address"
    )
    assert [(event["address"], event["actor"], len(event["data"]["withdrawn"])) for event in events] == [
        (BOB, "dpo", 1),
        (JANE, "dpo", 2),
    ]
    assert {event["data"]["person"] for event in events} == {pseudonym(erasure, PERSON)}
    assert PERSON not in json.dumps(events)


async def test_tried_again_it_answers_the_same_and_does_nothing_more(
    correspondence: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase_person, "PAGE", 1)
    erasure = uuid4()
    first = await erase(correspondence, erasure=erasure)
    events = await Watcher(correspondence).rows("select version from account_events")
    assert await erase(correspondence, erasure=erasure) == first
    assert await Watcher(correspondence).rows("select version from account_events") == events
    assert (first.removed, first.kept, first.builtin_records) == (3, 2, 1)


async def test_other_organisations_keep_their_mail(correspondence: Pool) -> None:
    with pytest.raises(Refused, match="has no account"):
        await erase(correspondence, organisation="other")
    assert len(await remaining(correspondence)) == 6


async def test_an_accounts_own_address_is_no_persons(correspondence: Pool) -> None:
    with pytest.raises(Refused, match="an account's own"):
        await erase(correspondence, BOB)


@pytest.mark.requirement("R43")
async def test_mail_that_is_left_on_the_server_is_not_imported_again(pool: Pool) -> None:
    watcher = Watcher(pool)
    await pulled(pool, ANNA)
    async with MailboxServer(password=PASSWORD) as server:
        server.messages = {"a": mail(1, sender=PERSON), "b": mail(2, sender="eve@example.org")}
        settings = account(server.port, crm=(CRM,))
        await watcher.record(settings)
        await watcher.watch(settings)
        assert (await erase(pool)).removed == 1
        assert await watcher.subjects() == ["message 2"]
        server.messages = {"a": mail(1, sender=PERSON), "b": mail(2, sender="eve@example.org"), "c": mail(3)}
        await watcher.watch(settings)
        assert await watcher.subjects() == ["message 2", "message 3"]
        # The same mailbox at another server: every UIDL is new, the mail is not.
        moved = {f"moved-{uidl}": raw for uidl, raw in server.messages.items()}
        server.messages = {**moved, "d": mail(4, sender="eve@example.org")}
        await watcher.attempt(settings)
        await watcher.attempt(settings)
        assert "message 1" not in await watcher.subjects()
        assert "message 4" in await watcher.subjects()
    assert PERSON not in str(await watcher.rows("select * from tombstones"))


async def test_it_goes_on_where_an_attempt_ended_and_heartbeats_while_it_waits(
    correspondence: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "HEARTBEAT_SECONDS", 0.01)
    request = ErasureRequest(
        given=Erasure(address=PERSON, by="dpo", dry_run=True), erasure=uuid4(), at=datetime.now(UTC)
    )
    told: list[Any] = []
    environment, held_up = ActivityEnvironment(), asyncio.Event()

    def heartbeat(*details: Any) -> None:
        told.append(*details)
        if len(told) == 5:
            held_up.set()

    environment.on_heartbeat = heartbeat
    page = Erasing._page

    async def slow_page(self: Erasing, request: ErasureRequest, account: str, *rest: Any) -> erase_person.Found:
        if account == JANE:
            await held_up.wait()
            raise OperationalError("the database is away")
        return await page(self, request, account, *rest)

    with monkeypatch.context() as slow:
        slow.setattr(Erasing, "_page", slow_page)
        with pytest.raises(OperationalError):
            await environment.run(Erasing(correspondence).erase_person, request)
    assert (told[-1]["account"], told[-1]["after"], told[-1]["done"]["removed"]) == (JANE, 0, 1)
    traces = []

    async def counted(connection: Any, account: str, *rest: Any, **more: Any) -> Any:
        traces.append(account)
        return await of_account(connection, account, *rest, **more)

    monkeypatch.setattr("activities.erasure.erase_person.of_account", counted)
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, heartbeat_details=[told[-1]])
    answer = await environment.run(Erasing(correspondence).erase_person, request)
    assert (answer.accounts, answer.removed, answer.kept, traces) == (2, 3, 2, [])


async def test_the_mail_of_a_person_is_looked_up_and_not_read_with_all_of_the_account(correspondence: Pool) -> None:
    async with correspondence.connection() as connection, connection.transaction():
        await connection.execute("set local enable_seqscan = off")
        given = {"person": PERSON, "own": [], "account": JANE, "after": 0, "most": 200}
        plan = await (await connection.execute(b"explain " + erase_person.FIND.encode(), given)).fetchall()
    assert "mail_addresses_idx" in " ".join(row[0] for row in plan)
    assert "mail_reports" in " ".join(row[0] for row in plan)


async def test_a_person_who_is_erased_while_their_mail_is_counted_is_in_no_address_book(pool: Pool) -> None:
    await stored(pool, 1)
    counted, erased = asyncio.Event(), asyncio.Event()

    class Counting(AddressBook):
        """Holds the page's transaction open."""

        def __init__(self, connection: Any) -> None:
            self._pool = SimpleNamespace(connection=lambda: contextlib.nullcontext(connection))  # type: ignore[assignment]  # of one

    async def count() -> None:
        async with pool.connection() as connection, connection.transaction():
            await Counting(connection)._page(JANE, [JANE])
            counted.set()
            await erased.wait()

    counting = asyncio.create_task(count())
    await counted.wait()
    erasing_them = asyncio.create_task(erase(pool))

    async def waits_or_is_done() -> bool:
        waiting = await Watcher(pool).value(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        return bool(waiting) or erasing_them.done()

    await until(waits_or_is_done, "the erasure to wait for who counts")
    erased.set()
    await counting
    await erasing_them
    assert await Watcher(pool).rows("select * from people") == []

"""Sessions with a CRM: what they pull and push, in which order, and how much of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.crm.commands import Counts
from domain.crm.settings import CrmSettings
from domain.directory.records import Record
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.support.crm_sessions import ANNA, BO, calls, files, serving, stores
from tests.support.directory import record_crm, register_crm
from tests.support.mailboxes import JANE, local_worker, mail
from tests.support.running import until
from tests.support.scripted_crm import NAME, Script, Serving, script, settings

__all__ = ["script", "serving"]


async def test_the_directory_is_pulled_and_mail_of_its_records_is_in_the_crm_once(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1), mail(2, sender="bo@example.org"), mail(3, sender="stranger@example.org"))
    report = await serving.sync()
    assert (report.pushed, report.counts) == (2, Counts(delivered=2))
    again = await serving.sync()
    assert (again.pushed, again.counts) == (0, Counts(delivered=2))
    assert script.calls["push"] == 2
    told = {entry.record_id: entry for _, entry in script.told}
    assert (told["1"].direction, told["1"].subject, told["1"].text) == ("Received", "message 1", "This is message 1.")
    assert told["1"].sender == ("Somebody", "anna@example.org")
    assert told["1"].to == [("", JANE)]
    assert (told["1"].message_id, told["1"].account, len(told["1"].key)) == ("<1@example.org>", JANE, 64)


@pytest.mark.requirement("R3")
async def test_a_contact_that_comes_later_links_the_mail_that_was_stored_before(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1, sender="carl@example.org"))
    assert (await serving.sync()).pushed == 0
    script.pages.append([Record("lead", "9", "Carl", ("Carl@Example.org",))])
    report = await serving.sync()
    assert (report.pulled, report.linked, report.pushed) == (1, 1, 1)
    assert script.cursors[-1] == {"page": 1}
    assert [entry.record_id for _, entry in script.told] == ["9"]


async def test_the_same_mail_in_two_mailboxes_is_one_entry(serving: Serving, script: Script, pool: Pool) -> None:
    await stores(pool, mail(1))
    await stores(pool, mail(1), address="bob@example.com")
    assert (await serving.sync()).counts == Counts(delivered=1)
    assert script.calls["push"] == 1


@pytest.mark.requirement("R34")
async def test_moving_mail_to_sent_turns_its_entry_and_unlinking_removes_it(
    serving: Serving, script: Script, pool: Pool
) -> None:
    own = mail(1, sender=JANE).replace(b"To: jane@example.com", b"To: anna@example.org")
    await stores(pool, own, mail(2))
    await serving.sync()
    assert [(call, entry.direction) for call, entry in script.told] == [
        ("push", "Received")
    ]  # hers; his own has no record
    await files(pool, "Sent")
    await serving.sync()
    assert sorted((call, entry.subject, entry.direction) for call, entry in script.told[1:]) == [
        ("push", "message 1", "Sent"),
        ("remove", "message 2", "Received"),
    ]
    assert [entry.direction for entry in script.shows.values()] == ["Sent"]
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("update links set unlinked_at = now()")
        await connection.execute("select refresh_entries(array(select identity from mail))")
    await serving.sync()
    assert script.shows == {}
    assert set(await serving.states()) == {"delivered"}


async def test_an_entry_that_changes_while_it_is_pushed_is_turned_afterwards(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await stores(pool, mail(1).replace(b"To: jane@example.com", b"To: anna@example.org"))
    script.held["push"] = asyncio.Event()
    pushing = asyncio.ensure_future(serving.sync())
    await until(lambda: calls(script, "push"), "the push")
    await files(pool, "Sent")
    script.held["push"].set()
    await pushing
    assert [(call, entry.direction) for call, entry in script.told] == [("push", "Received"), ("turn", "Sent")]
    assert await serving.states() == ["delivered"]


async def test_a_session_that_is_cancelled_lets_its_calls_end(serving: Serving, script: Script, pool: Pool) -> None:
    await stores(pool, mail(1), mail(2))
    script.held["push"] = asyncio.Event()
    pushing = asyncio.ensure_future(serving.sync())
    await until(lambda: calls(script, "push"), "the push")
    serving.environment.cancel()
    script.held["push"].set()
    with pytest.raises(asyncio.CancelledError):
        await pushing
    assert await serving.states() == ["delivered", "queued"]


@pytest.mark.requirement("R97")
async def test_no_more_calls_are_made_in_a_day_than_the_settings_allow(
    serving: Serving, script: Script, pool: Pool
) -> None:
    serving.settings = CrmSettings.model_validate(settings(daily_calls=100))
    async with pool.connection() as connection:
        await connection.execute("update crm_calls set calls = 97")
    await stores(pool, *(mail(number, sender="anna@example.org") for number in range(5)))
    failure, more = await serving.fails()
    assert (failure.kind, failure.cause) == (Kind.CRM_RATE_LIMITED, "daily_calls")
    assert more["retry_after"] >= 60
    assert await serving.seen.value("select sum(calls)::int from crm_calls") == 100
    assert (await serving.states()).count("queued") > 0


async def test_taking_an_entry_off_a_record_that_is_gone_is_done(serving: Serving, script: Script, pool: Pool) -> None:
    await stores(pool, mail(1))
    await serving.sync()
    async with pool.connection() as connection:
        await connection.execute("update entries set direction = null, state = 'queued'")
    script.fail("remove", Kind.CRM_GONE)
    await serving.sync()
    assert await serving.states() == ["delivered"]


async def test_nothing_new_asks_to_be_called_again_and_news_is_told_once(
    serving: Serving, script: Script, pool: Pool
) -> None:
    serving.worker = local_worker()
    await serving.sync()
    with pytest.raises(ApplicationError) as ended:
        await serving.sync(report=False, pulled=True)
    assert ended.value.type == "NothingNew"
    await stores(pool, mail(1))
    report = await serving.sync(report=False, pulled=True)
    assert (report.pushed, report.counts) == (1, Counts(delivered=1))


async def test_one_worker_at_a_time_serves_a_crm(serving: Serving, script: Script, pool: Pool) -> None:
    script.silent = asyncio.Event()
    first = asyncio.ensure_future(serving.sync())

    async def holds() -> bool:
        return bool(await serving.seen.rows("select from leases where address = %s", f"crm/{NAME}"))

    await until(holds, "the first session's lease")
    with pytest.raises(ApplicationError) as busy:
        await Serving(pool, name="worker-2").sync()
    assert busy.value.type == "Waiting"
    script.silent.set()
    await first


@pytest.mark.parametrize(
    ("change", "sweeps"), [({"url": "http://127.0.0.1:1/other"}, True), ({"interval_minutes": 7}, False)]
)
async def test_of_a_crm_with_another_address_the_whole_directory_is_compared(
    pool: Pool, script: Script, change: dict[str, Any], sweeps: bool
) -> None:
    await register_crm(pool, NAME, "crm")
    script.pages = [[ANNA, BO]]
    serving = Serving(pool, worker=local_worker(minute_seconds=60.0))
    for _ in range(2):
        await record_crm(pool, serving.settings)
        await serving.sync()
    assert script.cursors == [None, {"page": 1}]
    serving.settings = CrmSettings.model_validate(settings(**change))
    await record_crm(pool, serving.settings)
    script.pages = [[BO]]  # what the other one has
    await serving.sync()
    assert (script.cursors[-1] is None) == sweeps
    assert await serving.seen.column("select record_id from directory") == (["2"] if sweeps else ["1", "2"])

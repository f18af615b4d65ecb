"""What a CRM is to show of one message that lies in several mailboxes, whoever links its copies when."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.erasure.deletion import remove
from activities.linking.links import relink
from infra.database.pool import Pool
from tests.support.mailboxes import JANE, Watcher, account
from tests.support.running import until
from tests.support.stored_mail import ANNA, CRM, pulled, shown, store, worked_off

BOB = "bob@example.com"
ANNA_WROTE = {"sender": "anna@example.org", "to": f"anna@example.org, {JANE}, {BOB}"}


@pytest.fixture
async def watcher(pool: Pool) -> Watcher:
    watcher = Watcher(pool)
    for address in (JANE, BOB):
        await watcher.record(account(995, address=address, crm=(CRM,)))
    await pulled(pool, ANNA)
    await worked_off(pool)
    return watcher


async def waits_for_a_lock(watcher: Watcher) -> bool:
    query = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    return bool(await watcher.rows(query))


async def while_a_copy_goes_to_sent(watcher: Watcher, other: Coroutine[Any, Any, None]) -> None:
    """Runs `other` to where it waits for a transaction that stores one, and on to its end after that."""
    async with watcher.pool.connection() as connection, connection.transaction():
        await store(connection, 1, folder="Sent", settings=account(995, crm=(CRM,)), **ANNA_WROTE)
        waiting = asyncio.create_task(other)
        await until(lambda: waits_for_a_lock(watcher), "the other transaction to wait")
    await waiting


@pytest.mark.requirement("R34")
async def test_a_copy_in_sent_that_is_stored_at_the_same_time_counts(pool: Pool, watcher: Watcher) -> None:
    async def received() -> None:
        async with pool.connection() as connection, connection.transaction():
            await store(connection, 1, settings=account(995, address=BOB, crm=(CRM,)), **ANNA_WROTE)

    await while_a_copy_goes_to_sent(watcher, received())
    assert await shown(pool) == [("contact", "c1", "Sent")]


@pytest.mark.requirement("R34")
async def test_a_copy_that_is_linked_anew_sees_the_one_in_sent_that_came_meanwhile(
    pool: Pool, watcher: Watcher
) -> None:
    async with pool.connection() as connection, connection.transaction():
        there = await store(connection, 1, settings=account(995, address=BOB, crm=(CRM,)), **ANNA_WROTE)
    assert await shown(pool) == [("contact", "c1", "Received")]

    async def again() -> None:
        async with pool.connection() as connection, connection.transaction():
            await relink(connection, [there])

    await while_a_copy_goes_to_sent(watcher, again())
    assert await shown(pool) == [("contact", "c1", "Sent")]


async def removes(pool: Pool, address: str, message: int) -> None:
    """The copy in that mailbox is deleted."""
    async with pool.connection() as connection, connection.transaction():
        await remove(connection, address, [message], cause="deleted", at=datetime.now(UTC))


async def test_a_copy_that_is_stored_while_the_only_other_one_is_deleted_keeps_its_link(
    pool: Pool, watcher: Watcher
) -> None:
    async with pool.connection() as connection, connection.transaction():
        first = await store(connection, 1, settings=account(995, crm=(CRM,)), **ANNA_WROTE)
    async with pool.connection() as connection, connection.transaction():
        await store(connection, 1, settings=account(995, address=BOB, crm=(CRM,)), **ANNA_WROTE)
        other = asyncio.create_task(removes(pool, JANE, first))
        await until(lambda: waits_for_a_lock(watcher), "the other transaction to wait")
    await other
    assert await shown(pool) == [("contact", "c1", "Received")]


async def test_nothing_is_shown_where_both_copies_are_deleted_at_the_same_time(pool: Pool, watcher: Watcher) -> None:
    async with pool.connection() as connection, connection.transaction():
        first = await store(connection, 1, settings=account(995, crm=(CRM,)), **ANNA_WROTE)
        second = await store(connection, 1, settings=account(995, address=BOB, crm=(CRM,)), **ANNA_WROTE)
    async with pool.connection() as connection, connection.transaction():
        await remove(connection, JANE, [first], cause="deleted", at=datetime.now(UTC))
        other = asyncio.create_task(removes(pool, BOB, second))
        await until(lambda: waits_for_a_lock(watcher), "the other transaction to wait")
    await other
    assert await shown(pool) == [("contact", "c1", None)]

"""Commands and pages that lock several messages of an account take turns, however old the replies are that follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from activities.erasure.deletion import Removal
from activities.filing.refile import Filing
from activities.linking.relinking import BackLinking, ask_to_relink_account
from infra.database.pool import Pool
from tests.support.commands import attempt, decide
from tests.support.mailboxes import JANE, Watcher
from tests.support.running import until
from tests.support.stored_mail import ANNA, CRM, links, pulled, stored


async def page(pool: Pool, messages: list[int]) -> None:
    await BackLinking(pool).page(CRM)


async def delete(pool: Pool, messages: list[int]) -> None:
    await attempt(Removal(pool).delete_messages, {"messages": messages, "by": "ops"})


async def move(pool: Pool, messages: list[int]) -> None:
    await attempt(Filing(pool).move_messages, {"messages": messages, "folder": "Archive", "by": "ops"})


@pytest.mark.parametrize("other", [page, delete, move])
async def test_who_goes_on_to_an_older_reply_and_who_locks_both_in_order_do_not_wait_for_each_other(
    pool: Pool, other: Callable[[Pool, list[int]], Coroutine[Any, Any, None]]
) -> None:
    await pulled(pool, ANNA)
    reply, parent = await stored(pool, 1), await stored(pool, 2)  # the newest mail is retrieved first, say
    watcher = Watcher(pool)
    await watcher.rows("update mail set in_reply_to = '{<2@example.org>}' where id = %s returning id", reply)
    async with pool.connection() as connection:
        await connection.execute("delete from relinking")
        await ask_to_relink_account(connection, CRM, JANE, cause="once more")

    async def waiting(count: int) -> None:
        async def so_many() -> bool:
            query = (
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            )
            return int(await watcher.value(query)) == count

        await until(so_many, f"{count} transactions that wait")

    async with asyncio.TaskGroup() as both, pool.connection() as gate, gate.transaction():
        await gate.execute("select from links where message = %s for update", [parent])
        both.create_task(decide(pool, "link_message", parent, ANNA))
        await waiting(1)
        both.create_task(other(pool, [reply, parent]))
        await waiting(2)
    left = [] if other is delete else [(reply, "c1", "Received"), (parent, "c1", "Received")]
    assert await links(pool) == left

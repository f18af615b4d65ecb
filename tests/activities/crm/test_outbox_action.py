"""What the view `outbox` says is to be done about an entry, through all that becomes of it."""

from __future__ import annotations

import pytest

from domain.directory.records import Record
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import register_crm
from tests.support.mailboxes import PASSWORD, Watcher, account, local_worker, mail
from tests.support.scripted_crm import NAME, Script, Serving, script

__all__ = ["script"]


@pytest.fixture
async def serving(pool: Pool, script: Script) -> Serving:
    """A CRM that knows Anna, and a message of hers that it is to be told of."""
    await register_crm(pool, NAME, "crm")
    script.pages = [[Record("contact", "1", "Anna Lind", ("anna@example.org",))]]
    made = Serving(pool, worker=local_worker(minute_seconds=60.0))
    await made.sync()
    async with MailboxServer(password=PASSWORD, messages={"1": mail(1)}) as server:
        await Watcher(pool).record(account(server.port, crm=(NAME,)))
        await Watcher(pool).watch(account(server.port, crm=(NAME,)))
    return made


async def direction(pool: Pool, wanted: str | None) -> None:
    """The message is moved or unlinked, as far as the entry knows."""
    async with pool.connection() as connection:
        await connection.execute("update entries set direction = %s, state = 'queued'", [wanted])


async def stands(serving: Serving) -> tuple[str, str | None]:
    (row,) = await serving.outbox()
    return row["state"], row["action"]


async def test_an_entry_says_what_the_next_push_does_and_nothing_once_it_is_delivered(
    serving: Serving, pool: Pool
) -> None:
    assert await stands(serving) == ("queued", "add")
    await serving.sync()
    assert await stands(serving) == ("delivered", None)
    await direction(pool, "Sent")
    assert await stands(serving) == ("queued", "change")
    await serving.sync()
    assert await stands(serving) == ("delivered", None)
    await direction(pool, None)
    assert await stands(serving) == ("queued", "remove")
    await serving.sync()
    assert await stands(serving) == ("delivered", None)


async def test_what_is_turned_back_before_the_crm_was_told_needs_nothing(
    serving: Serving, script: Script, pool: Pool
) -> None:
    await serving.sync()
    await direction(pool, "Sent")
    await direction(pool, "Received")
    assert await stands(serving) == ("queued", None)
    await serving.sync()
    assert [call for call, _ in script.told] == ["push"]
    await direction(pool, None)
    await serving.sync()
    assert [call for call, _ in script.told] == ["push", "remove"]


async def test_what_is_failed_or_uncertain_says_what_is_still_to_do(
    serving: Serving, script: Script, pool: Pool
) -> None:
    script.fail("push", Kind.CRM_REJECTED)
    await serving.sync()
    assert await stands(serving) == ("failed", "add")
    await direction(pool, "Received")
    script.fail("push", Kind.CRM_UNCERTAIN)
    await serving.sync()
    assert await stands(serving) == ("uncertain", "add")

"""A CRM that knows Anna and Bo, and the mail and the time that its sessions work with."""

from __future__ import annotations

import pytest

from activities.linking.links import relink
from domain.directory.records import Record
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import register_crm
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, local_worker
from tests.support.scripted_crm import NAME, Script, Serving

ANNA = Record("contact", "1", "Anna Lind", ("anna@example.org",))
BO = Record("contact", "2", "Bo Ek", ("bo@example.org",))


@pytest.fixture
async def serving(pool: Pool, script: Script) -> Serving:
    """A CRM that knows Anna and Bo, and one that serves it."""
    await register_crm(pool, NAME, "crm")
    script.pages = [[ANNA, BO]]
    made = Serving(pool, worker=local_worker(minute_seconds=60.0))
    await made.sync()
    return made


async def stores(pool: Pool, *messages: bytes, address: str = JANE) -> None:
    """A mailbox's mail comes in."""
    numbered = {f"{address}-{number}": message for number, message in enumerate(messages)}
    async with MailboxServer(password=PASSWORD, messages=numbered) as server:
        settings = account(server.port, address=address, crm=(NAME,))
        await Watcher(pool).record(settings)
        await Watcher(pool).watch(settings)


async def files(pool: Pool, folder: str) -> None:
    """All mail is moved to a folder, with what follows from that."""
    async with pool.connection() as connection, connection.transaction():
        rows = await (await connection.execute("update mail set folder = %s returning id", [folder])).fetchall()
        await relink(connection, [row[0] for row in rows])


async def calls(script: Script, name: str) -> bool:
    return script.calls[name] > 0


async def settles(pool: Pool) -> None:
    """The time passes in which the CRM may still be at what it was asked."""
    async with pool.connection() as connection:
        await connection.execute(
            "update entries set claimed_at = claimed_at - interval '1 hour', next_attempt_at = null"
        )

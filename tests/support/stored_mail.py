"""Stored mail without a mailbox that it came from, for tests of what follows later from it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.directory.directory import Directory
from activities.linking.expected import Linkable
from activities.linking.links import link_new
from activities.linking.relinking import BackLinking, ask_to_relink_account
from domain.directory.records import Page, Record
from domain.linking.changes import Changed
from domain.linking.model import Mail
from domain.mailbox.settings import AccountSettings
from domain.message.index import Participant
from infra.database.pool import Pool
from tests.support.mailboxes import JANE, Watcher, account, rows

CRM = "builtin"
ANNA = Record("contact", "c1", "Anna Lind", ("anna@example.org",))


async def store(
    connection: AsyncConnection[TupleRow],
    number: int,
    *,
    sender: str = "anna@example.org",
    to: str = JANE,
    folder: str = "Inbox",
    settings: AccountSettings | None = None,
) -> int:
    """Stores one message and links it, inside the caller's transaction, as the storing of a batch does; answers its id."""
    settings = settings or account(995, crm=(CRM,))
    who = [("from", sender)] + [("to", address) for address in to.split(", ")]
    people = tuple(Participant(field, "", address, address) for field, address in who)  # type: ignore[arg-type]  # as parsed
    raw = f"message {number} of {settings.address}".encode()
    digest, identity = hashlib.sha256(raw).digest(), hashlib.sha256(b"%d" % number).digest()
    await connection.execute("insert into blobs values (%s, %s, %s) on conflict do nothing", [digest, len(raw), raw])
    cursor = await connection.execute(
        """
        insert into mail (
            address, uidl, message_id, folder, from_address, author, subject, sent_at, size, sha256, state,
            participants, addresses, identity
        ) values (%s, %s, %s, %s, %s, %s, %s, now(), %s, %s, 'stored', %s, %s, %s) returning id
        """,
        [
            settings.address,
            f"uid-{number}",
            f"<{number}@example.org>",
            folder,
            sender,
            sender,
            f"message {number}",
            len(raw),
            digest,
            json.dumps([{"field": f, "name": "", "address": a, "normal": a} for f, a in who]),
            sorted({address for _, address in who}),
            identity,
        ],
    )
    row = await cursor.fetchone()
    assert row is not None
    await link_new(connection, settings, [Linkable(row[0], identity, folder, Mail(people, sender))])
    return int(row[0])


async def stored(pool: Pool, number: int, **of: Any) -> int:
    """Records the account, and stores one message in it."""
    await Watcher(pool).record(of.setdefault("settings", account(995, crm=(CRM,))))
    async with pool.connection() as connection, connection.transaction():
        return await store(connection, number, **of)


async def pulled(pool: Pool, *records: Record) -> None:
    await Directory(pool).apply(CRM, Page(records, {}))


async def worked_off(pool: Pool, crm: str = CRM) -> list[Changed]:
    """Does all that is asked; answers what each page changed."""
    pages = []
    while (done := await BackLinking(pool).page(crm)) is not None:
        pages.append(done)
    return pages


async def linked_anew(pool: Pool) -> None:
    """All of Jane's mail is asked for and done once more."""
    async with pool.connection() as connection:
        await ask_to_relink_account(connection, CRM, JANE, cause="once more")
    await worked_off(pool)


async def links(pool: Pool) -> list[tuple[int, str, str]]:
    """What is linked with what, and how."""
    query = (
        "select message, record_id, direction from correspondence where unlinked_at is null order by message, record_id"
    )
    async with pool.connection() as connection:
        return [tuple(row.values()) for row in await rows(connection, query)]


async def shown(pool: Pool) -> list[tuple[str, str, str | None]]:
    """What each CRM record is to show, as its entries say."""
    query = "select record_kind, record_id, direction from entries order by record_kind, record_id, id"
    async with pool.connection() as connection:
        return [tuple(row.values()) for row in await rows(connection, query)]

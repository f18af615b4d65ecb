"""Stores mail of accounts as their sessions do, moves it, and tells what is linked."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from activities.linking.links import relink
from activities.linking.relinking import BackLinking
from activities.mailbox.leases import Leases
from activities.mailbox.state import Live, Mailboxes, SessionRow
from activities.pop.session import now_utc
from activities.privacy.privacy import Privacies
from activities.retrieval.mail_store import MailStore, Source
from activities.storage.batch import Batch, Retrieved
from domain.linking.changes import Changed
from domain.mailbox.settings import AccountSettings
from domain.retrieval.plan import Listed
from infra.database.pool import Pool
from tests.support.commands import attempt
from tests.support.mailboxes import JANE, Watcher, account

LIVE = Live(on_server=9, remaining=0, eta=None)


def letter(
    number: int = 1,
    *header: str,
    sender: str = "anna@example.org",
    to: str = JANE,
    message_id: str | None = None,
    body: str = "Hello\r\n",
) -> bytes:
    """One message; `header` are further lines."""
    lines = (
        f"From: {sender}",
        f"To: {to}",
        f"Subject: message {number}",
        "Date: Mon, 23 Nov 2026 10:00:00 +0100",
        f"Message-ID: {message_id or f'<{number}@example.org>'}",
        *header,
        "",
        body,
    )
    return "\r\n".join(lines).encode()


def bounce(number: int, recipient: str, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    body = f"""--b
Content-Type: text/plain

It did not work.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}

--b
Content-Type: message/rfc822

From: {JANE}
Message-ID: <1@example.org>

Hello
--b--
""".replace("\n", "\r\n")
    content_type = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
    return letter(number, content_type, sender="MAILER-DAEMON@example.net", body=body)


class LinkedMail:
    """The mail of any accounts in one database."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._number = 0
        self._watcher = Watcher(pool)

    async def account(self, address: str = JANE, **settings: Any) -> AccountSettings:
        made = account(1, address=address, **({"crm": ("builtin",)} | settings))
        await self._watcher.record(made)
        return made

    async def store(self, settings: AccountSettings, *messages: bytes) -> list[int]:
        """Commits one batch of the account; the ids of what is stored."""
        async with Leases(self.pool, "worker-1", 8).hold(settings.address, "127.0.0.1") as lease:
            epoch = (await Mailboxes(self.pool, 10**9).open(settings)).epoch
            indexed = []
            for raw in messages:
                self._number += 1
                listed = Listed(
                    number=self._number, uidl=f"uid-{self._number}", occurrence=0, size=len(raw), shared=False
                )
                indexed.append(Retrieved.of(listed, raw))
            session = SessionRow(id=uuid4(), address=settings.address, started_at=now_utc(), worker="worker-1")
            batch = Batch(number=1, arrived=[])
            before = await self.last()
            await MailStore(self.pool).commit(Source(lease, session, settings, epoch), batch, indexed, LIVE, now_utc())
        return await self._watcher.column("select id from messages where id > %s order by id", before)

    async def last(self) -> int:
        return int(await self._watcher.value("select coalesce(max(id), 0) from messages"))

    async def move(self, folder: str, *ids: int) -> Changed:
        async with self.pool.connection() as connection, connection.transaction():
            await connection.execute("update mail set folder = %s where id = any(%s)", [folder, list(ids)])
            return await relink(connection, ids)

    async def relink(self, *ids: int) -> Changed:
        """All of the mail, or these messages."""
        async with self.pool.connection() as connection, connection.transaction():
            return await relink(connection, ids or await self._watcher.column("select id from messages"))

    async def work_off(self, crm: str = "builtin") -> Changed:
        """What is asked to be linked anew."""
        changed = Changed()
        while (page := await BackLinking(self.pool).page(crm)) is not None:
            changed += page
        return changed

    async def set_privacy(self, address: str = JANE, **given: Any) -> dict[str, Any]:
        return await attempt(Privacies(self.pool).set_privacy, given, address=address)

    async def rules(self, crm: str = "builtin", **linking: Any) -> None:
        async with self.pool.connection() as connection:
            await connection.execute("update crms set linking = %s where name = %s", [Jsonb(linking), crm])

    async def record(self, kind: str, record_id: str, *addresses: str, crm: str = "builtin", **more: Any) -> None:
        """A record as a pull of the directory leaves it; `more` are columns of `records`."""
        columns = {
            "crm": crm,
            "record_kind": kind,
            "record_id": record_id,
            "name": "A",
            "addresses": list(addresses),
        } | more
        names = ", ".join(columns)
        async with self.pool.connection() as connection, connection.transaction():
            await connection.execute(
                f"insert into records ({names}) values ({', '.join(['%s'] * len(columns))})".encode(),
                list(columns.values()),
            )
            for address in dict.fromkeys(one.lower() for one in addresses):
                await connection.execute(
                    "insert into record_addresses values (%s, %s, %s, %s)", [crm, kind, record_id, address]
                )

    async def links(self, *messages: int) -> list[dict[str, Any]]:
        """What is linked now, or of these messages alone."""
        return await self.rows(
            "select * from correspondence where unlinked_at is null and (%s or message = any(%s)) "
            "order by message, crm, record_kind, record_id",
            not messages,
            list(messages),
        )

    async def linked(self, *messages: int) -> list[tuple[str, str]]:
        return [(link["record_id"], link["direction"]) for link in await self.links(*messages)]

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return await self._watcher.rows(query, *values)

    async def snapshot(self) -> str:
        """All links and entries, but for when they were made."""
        links = await self.rows(
            "select message, crm, record_kind, record_id, direction, matched_address, evidence, unlinked_at is null as active "
            "from correspondence order by 1, 2, 3, 4"
        )
        entries = await self.rows("select record_id, message_identity, direction, action from outbox order by 1, 2")
        return json.dumps([links, entries], sort_keys=True)

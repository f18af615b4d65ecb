"""The copy in Sent: the bytes that were on the wire, filed and linked like any message (R11, R30, R31).

It is a transaction of its own, after the one that recorded the acceptance: whatever goes wrong here repeats here alone, and
nothing is sent again for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from datetime import datetime
from uuid import uuid5

from pydantic import ValidationError
from temporalio import activity

from activities.delivery.deliver import deliver
from activities.delivery.dispositions import Duplicate, dispositions
from activities.filing.place import Filed
from activities.filing.refile import places, refile
from activities.linking.links import STORED, log_relinked
from activities.mailbox.known_account import known_account
from activities.mailbox.policy import hold_rules
from activities.sending.outgoing import Row, change, event_id, locked, log, status_of
from activities.smtp.session import now_utc
from activities.storage.batch import Retrieved
from activities.storage.uploads import INDEXED_BYTES, Upload
from domain.filing.filters import SENT
from domain.mailbox.settings import AccountSettings
from domain.message.index import Participant
from domain.mime.addresses import normal_address
from domain.retrieval.plan import ATTACHED, Listed
from domain.sending.message import MessageStatus
from infra.database.pool import Connection, Pool


class Copies:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def save_copy(self, request_id: str) -> MessageStatus:
        """Files the message in Sent and links it with whom it went to, Bcc among them; done again, it changes nothing. Where a
        copy came back by POP meanwhile, that one is it (R27, R70)."""
        async with self._pool.connection() as connection:
            status = await status_of(connection, request_id)
            known = await known_account(connection, status.account)
            if status.sent != "pending":
                return status
            content = await self._content(connection, request_id)
            hidden = await _hidden(connection, request_id)
        settings = _settings(known.settings if known else None, status.account)
        one = await asyncio.to_thread(_indexed, request_id, content, hidden)
        at = now_utc()
        async with self._pool.connection() as connection, connection.transaction():
            row = await locked(connection, request_id)
            if (await status_of(connection, request_id)).sent != "pending":
                return await status_of(connection, request_id)
            rules = await hold_rules(connection, settings, attaching=True)
            (disposition,) = await dispositions(connection, rules, ATTACHED, [one])
            match disposition:
                case Filed():
                    delivered = await deliver(connection, rules, ATTACHED, [replace(disposition, folder=SENT)], at)
                    await log_relinked(connection, delivered.relinked, STORED)
                    await self._saved(connection, row, int(delivered.messages[0]), delivered.links, at)
                case Duplicate(of=int(mail)):
                    there = await places(connection, row.account, [mail])
                    moved = {mail: replace(place, folder=SENT) for mail, place in there.items() if place.folder != SENT}
                    changed = await refile(connection, event_id(request_id, "copy"), there, moved)
                    await self._saved(connection, row, mail, changed.linked, at)
                case _:  # a rule of privacy keeps it out, or it was deleted here: it was sent all the same
                    await change(connection, row, copy="none")
            return await status_of(connection, request_id)

    async def _saved(self, connection: Connection, row: Row, mail: int, links: int, at: datetime) -> None:
        await change(connection, row, copy="saved", mail=mail)
        await log(connection, row, "CopySaved", "copy", at, {"message": mail, "links": links})

    async def _content(self, connection: Connection, request_id: str) -> bytes | Upload:
        """Its bytes; of a large one they are laid out in the database, as those of a large message that was retrieved."""
        row = await (
            await connection.execute("select size, sha256 from outgoing where request_id = %s", [request_id])
        ).fetchone()
        assert row is not None
        size, sha256 = row
        beginning = await (
            await connection.execute(
                "select data from outgoing_chunks where request_id = %s and position < 5 order by position",
                [request_id],
            )
        ).fetchall()
        head = b"".join(bytes(data) for (data,) in beginning)
        if size == len(head):
            return head
        chunks = uuid5(event_id(request_id, "copy"), "chunks")
        async with connection.transaction():
            await connection.execute("insert into uploads (chunks) values (%s) on conflict do nothing", [chunks])
            await connection.execute(
                """
                insert into blob_chunks select %s, position, data from outgoing_chunks where request_id = %s
                on conflict do nothing
                """,
                [chunks, request_id],
            )
        return Upload(chunks, head[:INDEXED_BYTES], size, bytes(sha256))


async def _hidden(connection: Connection, request_id: str) -> list[str]:
    """Who has it as a Bcc, which stands in no header."""
    rows = await (
        await connection.execute(
            "select address from outgoing_recipients where request_id = %s and field = 'bcc' order by ordinal",
            [request_id],
        )
    ).fetchall()
    return [address for (address,) in rows]


def _settings(known: object, account: str) -> AccountSettings:
    try:
        return AccountSettings.model_validate_json(json.dumps(known))
    except ValidationError:
        incoming = {"host": "attached.invalid", "secret": "env:MAILROOM_SECRET_NONE"}
        return AccountSettings.model_validate_json(json.dumps({"address": account, "incoming": incoming}))


def _indexed(request_id: str, content: bytes | Upload, hidden: list[str]) -> Retrieved:
    digest = hashlib.sha256(request_id.encode()).hexdigest()[:40]
    size = content.size if isinstance(content, Upload) else len(content)
    one = Retrieved.of(Listed(number=1, uidl=f"sent:{digest}", occurrence=0, size=size, shared=False), content)
    bcc = tuple(Participant("bcc", "", address, normal_address(address) or address) for address in hidden)
    return replace(one, message=replace(one.message, participants=(*one.message.participants, *bcc)))

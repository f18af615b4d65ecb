"""Queueing: a draft becomes the message that it is - bytes, recipients, identity - once for each request."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from temporalio import activity

from activities.sending.drafts import Stored, stored_draft
from activities.sending.outgoing import locked, log, status_of
from activities.sending.routes import account_of
from domain.core.refusal import Refused
from domain.message.body import Attachment
from domain.mime.addresses import normal_address
from domain.sending.compose import Composed, Identity, Way, compose
from domain.sending.draft import Draft, draft_of
from domain.sending.message import MessageState, MessageStatus, OutgoingMessage
from domain.sending.ready_made import compose_ready_made, ready_made
from domain.sending.recipients import Mailbox, mailbox
from domain.sending.reply import Answer, Original, answer
from infra.database.pool import Connection, Pool
from infra.settings import WorkerSettings
from workflows.contract import QueueRequest, route_workflow_id

CHUNK_BYTES = 1 << 20
LATEST = 500  # messages of an account, among which its own name is looked for


class Queueing:
    def __init__(self, pool: Pool, settings: WorkerSettings) -> None:
        self._pool = pool
        self._settings = settings

    @activity.defn
    async def queue_message(self, request: QueueRequest) -> MessageStatus:
        """Composes and queues the message, once: asked again with the same draft, it answers what has come of it.

        Raises Refused: `unknown_draft`, `unknown_from`, `request_id_taken`, and what composing refuses.
        """
        asked = request.message
        async with self._pool.connection() as connection:
            draft = await stored_draft(connection, asked.draft_id)
            there = await _there(connection, asked, draft)
            if there is not None:
                return there
            account = await self._account(connection, asked, draft)
            composed = await self._composed(connection, asked, draft, account, request.at)
        async with self._pool.connection() as connection, connection.transaction():
            return await self._queue(connection, asked, draft, account, composed, request.at)

    async def _account(self, connection: Connection, asked: OutgoingMessage, draft: Stored) -> str:
        if draft.address != asked.sender:
            raise Refused(
                "unknown_draft",
                f"from: the draft was stored for another address than {asked.sender}: store it for this one",
                field="draft",
            )
        account = await account_of(connection, asked.sender)
        if account is None:
            raise Refused(
                "unknown_from",
                f"from: no account has the address {asked.sender}, as its own or as an alias: start its account first",
                field="from",
            )
        return account

    async def _composed(
        self, connection: Connection, asked: OutgoingMessage, draft: Stored, account: str, at: datetime
    ) -> Composed:
        # The time at which it goes is the time that its readers see.
        goes = max(asked.send_at or at, at)
        identity = Identity(secrets.token_hex(16), secrets.token_hex(16), goes)
        way = Way(most_bytes=self._settings.max_message_bytes)
        if draft.given is None:
            raw = draft.parts[0].data
            return await asyncio.to_thread(lambda: compose_ready_made(ready_made(raw, asked.sender), identity, way))
        given = draft_of(draft.given)
        about = await _answer(connection, account, given)
        record = await _record(connection, given)
        sender = Mailbox(await _name_of(connection, account, asked.sender), asked.sender)
        files = [Attachment(part.name or "", part.content_type or "", part.data) for part in draft.parts]
        return await asyncio.to_thread(
            lambda: compose(given, sender, identity, attachments=files, answer=about, record=record, way=way)
        )

    async def _queue(
        self,
        connection: Connection,
        asked: OutgoingMessage,
        draft: Stored,
        account: str,
        composed: Composed,
        at: datetime,
    ) -> MessageStatus:
        undone = at + timedelta(seconds=asked.undo_seconds)
        goes = max(asked.send_at or at, undone)
        state = MessageState.SCHEDULED if goes > at else MessageState.QUEUED
        made = await connection.execute(
            """
            insert into outgoing (
                request_id, address, account, route, organisation, source, kind, draft, digest, state, since, message_id, size,
                sha256, smtputf8, queued_at, next_attempt_at, expires_at, made_by
            )
            select %(request_id)s, %(address)s, a.address, %(route)s, a.organisation, %(source)s, %(kind)s, %(draft)s,
                %(digest)s, %(state)s, %(at)s, %(message_id)s, %(size)s, %(sha256)s, %(smtputf8)s, %(at)s, %(goes)s,
                %(expires)s, %(by)s
            from accounts_recorded a where a.address = %(account)s
            on conflict do nothing
            """,
            {
                "request_id": asked.request_id,
                "address": asked.sender,
                "account": account,
                "route": route_workflow_id(asked.sender),
                "source": asked.source,
                "kind": asked.kind,
                "draft": asked.draft_id,
                "digest": draft.digest,
                "state": state.value,
                "at": at,
                "message_id": composed.message_id,
                "size": composed.size,
                "sha256": composed.sha256,
                "smtputf8": composed.needs_smtputf8,
                "goes": goes,
                "expires": goes + timedelta(hours=asked.expires_hours),
                "by": asked.by,
            },
        )
        if made.rowcount == 0:  # somebody else asked for the same just now
            there = await _there(connection, asked, draft)
            assert there is not None
            return there
        for position, piece in enumerate(_pieces(composed.raw)):
            await connection.execute(
                "insert into outgoing_chunks values (%s, %s, %b)", [asked.request_id, position, piece]
            )
        await connection.execute(
            """
            insert into outgoing_recipients (request_id, ordinal, field, address, normal)
            select %s, ordinal, field, address, normal
            from unnest(%s::text[], %s::text[], %s::text[]) with ordinality as new (field, address, normal, ordinal)
            """,
            [
                asked.request_id,
                [one.field for one in composed.recipients],
                [one.address for one in composed.recipients],
                [normal_address(one.address) or one.address for one in composed.recipients],
            ],
        )
        row = await locked(connection, asked.request_id)
        facts = {"draft": str(asked.draft_id), "recipients": len(composed.recipients), "bytes": composed.size}
        await log(connection, row, "MessageQueued", "queued", at, {**facts, "source": asked.source}, by=asked.by)
        return await status_of(connection, asked.request_id)


async def _there(connection: Connection, asked: OutgoingMessage, draft: Stored) -> MessageStatus | None:
    """The message that has this request id; None where none has. Raises Refused where it is another one."""
    row = await (
        await connection.execute("select digest from outgoing where request_id = %s", [asked.request_id])
    ).fetchone()
    if row is None:
        return None
    if bytes(row[0]) != draft.digest:
        raise Refused(
            "request_id_taken",
            f"request_id: {asked.request_id} is the request of another message: give each message an id of its own",
            field="request_id",
        )
    return await status_of(connection, asked.request_id)


async def _answer(connection: Connection, account: str, given: Draft) -> Answer | None:
    """What follows from the stored message that the draft answers. Raises Refused `unknown_message`."""
    if given.answers is None:
        return None
    kind, number = given.answers
    row = await (
        await connection.execute(
            """
            select blob_bytes(b), (select array_agg(lower(one)) from unnest(array[a.address] || a.aliases) one)
            from mail m join blobs b using (sha256) join accounts_recorded a using (address)
            where m.id = %s and m.address = %s and m.state = 'stored'
            """,
            [number, account],
        )
    ).fetchone()
    if row is None:
        raise Refused(
            "unknown_message",
            f"{account} has no stored message {number}: `mailroom search` and the view messages have the ids",
            field={"reply": "reply_to", "reply_all": "reply_all_to", "forward": "forward"}[kind],
        )
    raw, own = row
    return await asyncio.to_thread(lambda: answer(Original.of(bytes(raw)), kind, own))


async def _record(connection: Connection, given: Draft) -> Mailbox | None:
    """Whom the draft names by a record of a CRM (R23). Raises Refused where there is none, or it has no address."""
    if not given.names_record:
        return None
    row = await (
        await connection.execute(
            "select name, addresses from directory where crm = %s and record_kind = %s and record_id = %s",
            [given.crm, given.record_kind, given.record_id],
        )
    ).fetchone()
    if row is None:
        raise Refused(
            "unknown_record",
            f"{given.crm} has no {given.record_kind} {given.record_id}: `mailroom records WORDS` finds them by name",
            field="record_id",
        )
    name, addresses = row
    if not addresses:
        raise Refused(
            "unknown_record",
            f"{given.record_kind} {given.record_id} of {given.crm} has no address: add one there, or give `to`",
            field="record_id",
        )
    return Mailbox(name, mailbox(addresses[0]).address)


async def _name_of(connection: Connection, account: str, address: str) -> str:
    """The name by which an address of the account has signed its own mail last, as far as its latest messages tell: "" where
    none does. Of a mailbox of a million, no more are read."""
    row = await (
        await connection.execute(
            """
            select who ->> 'name' from (
                select from_address, participants, stored_at from mail where address = %s order by stored_at desc limit %s
            ) m cross join lateral jsonb_array_elements(m.participants) who
            where m.from_address = %s and who ->> 'field' = 'from' and who ->> 'name' <> ''
            order by m.stored_at desc limit 1
            """,
            [account, LATEST, address],
        )
    ).fetchone()
    return str(row[0]) if row else ""


def _pieces(raw: bytes) -> Iterator[bytes]:
    for start in range(0, len(raw), CHUNK_BYTES):
        yield raw[start : start + CHUNK_BYTES]

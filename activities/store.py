"""Storing: each batch of mail with all that follows from it, in one PostgreSQL transaction.

A batch's blobs, mail, ledger entries, links, counters, session row and audit event are committed together or not at all.
Killed before the commit, the server still has the messages and the ledger does not know them; killed after it, the ledger
knows them and they are not fetched again. Only what is committed may be deleted from the server.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.leases import Lease
from activities.ledger import fenced, log
from activities.mailboxes import Live, SessionRow, save_session, show
from domain.linking import DirectoryMatch, correspondents, link
from domain.message import IndexedMessage, index, storable
from domain.retrieval import Identity, Listed
from infra.database import Pool

INBOX = "Inbox"
BATCH_MESSAGES = 200
BATCH_BYTES = 16 * 1024 * 1024
BATCH_SECONDS = 10.0
COMMITS_AT_ONCE = 10  # half of the pool: what a session asks in between must not wait behind many batches

Connection = AsyncConnection[TupleRow]


class LedgerConflict(Exception):
    """The ledger knew a message that the plan took for new: the session's view is stale, and nothing was stored."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One message as it came, indexed."""

    listed: Listed
    raw: bytes
    sha256: bytes
    message: IndexedMessage

    @classmethod
    def of(cls, listed: Listed, raw: bytes) -> Retrieved:
        return cls(listed, raw, hashlib.sha256(raw).digest(), index(raw))


@dataclass(frozen=True, slots=True)
class NotRetrieved:
    """One message that could not be taken: why, for the how many-th time, and when to try again (None: not by itself)."""

    listed: Listed
    reason: str
    attempts: int
    retry_at: datetime | None


@dataclass(slots=True)
class Batch:
    """What one transaction takes. `number` counts the session's batches."""

    number: int
    arrived: list[tuple[Listed, bytes]] = field(default_factory=list)
    refused: list[NotRetrieved] = field(default_factory=list)
    bytes: int = 0
    began: float = 0.0

    def has_room_for(self, size: int, now: float) -> bool:
        """A batch ends at 200 messages, 16 MB or 10 s; a message that is larger than that is a batch of its own."""
        if not self.arrived and not self.refused:
            return True
        return (
            len(self.arrived) + len(self.refused) < BATCH_MESSAGES
            and self.bytes + size <= BATCH_BYTES
            and now - self.began < BATCH_SECONDS
        )


class MailStore:
    """Writes what the holder of `lease` retrieved; every transaction is fenced by the lease."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._committing = asyncio.Semaphore(COMMITS_AT_ONCE)

    async def commit(
        self,
        lease: Lease,
        session: SessionRow,
        epoch: int,
        batch: Batch,
        indexed: Sequence[Retrieved],
        crms: Sequence[str],
        live: Live,
        at: datetime,
    ) -> None:
        """Commits one batch; afterwards its messages are ours, whatever happens to worker, server or Temporal."""
        async with self._committing, fenced(self._pool, lease) as connection:
            await self._keep_blobs(connection, indexed)
            known = await self._already_kept(connection, session.address, epoch, indexed)
            repeated = _repeated(indexed)
            new = [one for one in indexed if one.listed.identity not in known and one.listed.identity not in repeated]
            ids = await self._keep_mail(connection, session.address, new, at)
            known = {identity: ids[first] for identity, first in repeated.items() if first in ids} | known
            await self._enter(
                connection,
                session.address,
                epoch,
                [(one.listed, known.get(one.listed.identity)) for one in indexed],
                ids,
                at,
            )
            links = await self._link(connection, session.address, new, ids, crms)
            await self._quarantine(connection, session.address, epoch, batch.refused, at)
            size = sum(len(one.raw) for one in new)
            await connection.execute(
                "update mailboxes set messages = messages + %s, bytes = bytes + %s where address = %s",
                [len(new), size, session.address],
            )
            await show(connection, session.address, live)
            session.stored += len(new)
            session.quarantined += len(batch.refused)
            session.bytes += size
            await save_session(connection, session)
            await log(
                connection,
                session,
                f"batch {batch.number}",
                at,
                "MessagesStored",
                epoch=epoch,
                count=len(new),
                bytes=size,
                messages=list(ids.values()),
                links=links,
                quarantined=len(batch.refused),
            )

    async def _keep_blobs(self, connection: Connection, indexed: Sequence[Retrieved]) -> None:
        # In one order for everybody: two batches with the same mail would otherwise wait for each other.
        blobs = sorted({one.sha256: one.raw for one in indexed}.items())
        if blobs:
            await connection.execute(
                """
                insert into blobs (sha256, size, raw)
                select sha256, octet_length(raw), raw from unnest(%b::bytea[], %b::bytea[]) as new (sha256, raw)
                on conflict do nothing
                """,
                [[digest for digest, _ in blobs], [raw for _, raw in blobs]],
            )

    async def _already_kept(
        self, connection: Connection, address: str, epoch: int, indexed: Sequence[Retrieved]
    ) -> dict[Identity, int]:
        """Messages of this account that are there already: the same bytes from another epoch, or under the same UIDL the
        same bytes or Message-ID (some servers change a message's size by writing into its header).

        Equal bytes under two UIDLs of one list are two messages: the server says so.
        """
        suspects = [one for one in indexed if epoch > 1 or one.listed.occurrence > 0]
        if not suspects:
            return {}
        rows = await (
            await connection.execute(
                """
                select m.id, m.sha256, m.message_id, l.epoch, l.uidl from mail m join pop_ledger l on l.mail = m.id
                where m.address = %s and m.state = 'stored'
                    and (m.sha256 = any(%b::bytea[]) or (l.epoch = %s and l.uidl = any(%s)))
                """,
                [address, [one.sha256 for one in suspects], epoch, [one.listed.uidl for one in suspects]],
            )
        ).fetchall()
        known = {}
        for one in suspects:
            for mail, digest, message_id, of_epoch, uidl in rows:
                same_place = of_epoch == epoch and uidl == one.listed.uidl
                same_message = message_id is not None and message_id == one.message.message_id
                if (digest == one.sha256 and (same_place or of_epoch != epoch)) or (same_place and same_message):
                    known[one.listed.identity] = mail
        return known

    async def _keep_mail(
        self, connection: Connection, address: str, new: Sequence[Retrieved], at: datetime
    ) -> dict[Identity, int]:
        if not new:
            return {}
        rows = await (
            await connection.execute("select nextval('mail_ids') from generate_series(1, %s)", [len(new)])
        ).fetchall()
        ids = {one.listed.identity: int(row[0]) for one, row in zip(new, rows, strict=True)}
        columns = [
            [ids[one.listed.identity] for one in new],
            [one.listed.uidl for one in new],
            [one.message.message_id and storable(one.message.message_id) for one in new],
            [one.message.from_address and storable(one.message.from_address) for one in new],
            [storable(one.message.subject) for one in new],
            [one.message.sent_at for one in new],
            [len(one.raw) for one in new],
            [one.sha256 for one in new],
            [one.message.parse_error and storable(one.message.parse_error) for one in new],
            [
                storable(json.dumps([asdict(who) for who in one.message.participants], ensure_ascii=False))
                for one in new
            ],
            [json.dumps(one.message.in_reply_to) for one in new],
            [json.dumps(one.message.references) for one in new],
            [one.message.automatic for one in new],
        ]
        await connection.execute(
            """
            insert into mail (
                id, address, folder, state, stored_at, uidl, message_id, from_address, subject, sent_at, size, sha256,
                parse_error, participants, in_reply_to, message_references, automatic
            )
            select id, %s, %s, 'stored', %s, uidl, message_id, from_address, subject, sent_at, size, sha256, parse_error,
                participants, array(select jsonb_array_elements_text(in_reply_to)),
                array(select jsonb_array_elements_text(message_references)), automatic
            from unnest(
                %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::bigint[], %b::bytea[],
                %s::text[], %s::jsonb[], %s::jsonb[], %s::jsonb[], %s::boolean[]
            ) as new (
                id, uidl, message_id, from_address, subject, sent_at, size, sha256, parse_error, participants, in_reply_to,
                message_references, automatic
            )
            """,
            [address, INBOX, at, *columns],
        )
        return ids

    async def _enter(
        self,
        connection: Connection,
        address: str,
        epoch: int,
        entries: Sequence[tuple[Listed, int | None]],
        ids: dict[Identity, int],
        at: datetime,
    ) -> None:
        """Enters stored messages in the ledger. One that is there as stored already must not be stored twice."""
        if not entries:
            return
        done = await connection.execute(
            """
            insert into pop_ledger as l (address, epoch, uidl, occurrence, state, size, mail, first_seen_at, stored_at)
            select %(address)s, %(epoch)s, uidl, occurrence, 'stored', size, mail, %(at)s, %(at)s
            from unnest(%(uidl)s::text[], %(occurrence)s::smallint[], %(size)s::bigint[], %(mail)s::bigint[])
                as new (uidl, occurrence, size, mail)
            on conflict (address, epoch, uidl, occurrence) do update set
                state = 'stored', mail = excluded.mail, stored_at = excluded.stored_at, reason = null, retry_at = null
            where l.state = 'quarantined'
            """,
            {
                "address": address,
                "epoch": epoch,
                "at": at,
                "uidl": [listed.uidl for listed, _ in entries],
                "occurrence": [listed.occurrence for listed, _ in entries],
                "size": [listed.size for listed, _ in entries],
                "mail": [ids.get(listed.identity, mail) for listed, mail in entries],
            },
        )
        if done.rowcount != len(entries):
            raise LedgerConflict(f"{len(entries) - done.rowcount} messages of {address} were stored already")
        # What stood for a message while it could not be taken makes way for the message itself.
        await connection.execute(
            """
            delete from mail m using unnest(%s::text[]) as taken (uidl)
            where m.address = %s and m.state = 'quarantined' and m.uidl = taken.uidl
                and not exists (select from pop_ledger l where l.mail = m.id)
            """,
            [[listed.uidl for listed, _ in entries], address],
        )

    async def _link(
        self,
        connection: Connection,
        address: str,
        new: Sequence[Retrieved],
        ids: dict[Identity, int],
        crms: Sequence[str],
    ) -> int:
        """Links the new messages to the records of the account's CRMs, by a local join; answers how many links."""
        wanted = {who.normal for one in new for who in correspondents(one.message, INBOX)} if crms else set()
        if not wanted:
            return 0
        rows = await (
            await connection.execute(
                """
                select crm, record_kind, record_id, address from record_addresses
                where address = any(%s) and crm = any(%s) and record_kind <> 'deal'
                """,
                [sorted(wanted), list(crms)],
            )
        ).fetchall()
        matches = [DirectoryMatch(*row) for row in rows]
        found = [(ids[one.listed.identity], made) for one in new for made in link(one.message, INBOX, matches)]
        if found:
            await connection.execute(
                """
                insert into links (message, address, crm, record_kind, record_id, direction, matched_address, evidence)
                select message, %s, crm, record_kind, record_id, direction, matched_address, evidence
                from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[])
                    as new (message, crm, record_kind, record_id, direction, matched_address, evidence)
                """,
                [
                    address,
                    [message for message, _ in found],
                    [made.crm for _, made in found],
                    [made.record_kind for _, made in found],
                    [made.record_id for _, made in found],
                    [made.direction for _, made in found],
                    [storable(made.matched_address) for _, made in found],
                    [storable(json.dumps(made.evidence, ensure_ascii=False)) for _, made in found],
                ],
            )
        return len(found)

    async def _quarantine(
        self, connection: Connection, address: str, epoch: int, refused: Sequence[NotRetrieved], at: datetime
    ) -> None:
        """Keeps a reference to what could not be taken, so that it is neither silent nor in the way."""
        for one in refused:
            row = await (
                await connection.execute(
                    """
                    insert into pop_ledger as l (
                        address, epoch, uidl, occurrence, state, size, first_seen_at, attempts, reason, retry_at
                    ) values (%s, %s, %s, %s, 'quarantined', %s, %s, %s, %s, %s)
                    on conflict (address, epoch, uidl, occurrence) do update set
                        attempts = excluded.attempts, reason = excluded.reason, retry_at = excluded.retry_at
                    where l.state = 'quarantined'
                    returning mail
                    """,
                    [
                        address,
                        epoch,
                        one.listed.uidl,
                        one.listed.occurrence,
                        one.listed.size,
                        at,
                        one.attempts,
                        storable(one.reason),
                        one.retry_at,
                    ],
                )
            ).fetchone()
            if row is not None and row[0] is None:
                await connection.execute(
                    """
                    with kept as (
                        insert into mail (address, uidl, folder, size, state, stored_at, parse_error)
                        values (%s, %s, %s, %s, 'quarantined', %s, %s) returning id
                    )
                    update pop_ledger l set mail = kept.id from kept
                    where l.address = %s and l.epoch = %s and l.uidl = %s and l.occurrence = %s
                    """,
                    [
                        address,
                        one.listed.uidl,
                        INBOX,
                        one.listed.size,
                        at,
                        storable(one.reason),
                        address,
                        epoch,
                        one.listed.uidl,
                        one.listed.occurrence,
                    ],
                )


def _repeated(indexed: Sequence[Retrieved]) -> dict[Identity, Identity]:
    """Messages of one batch that are another of it once more: the same bytes listed again under the same UIDL."""
    first: dict[tuple[str, bytes], Identity] = {}
    for one in indexed:
        first.setdefault((one.listed.uidl, one.sha256), one.listed.identity)
    firsts = {one.listed.identity: first[one.listed.uidl, one.sha256] for one in indexed}
    return {identity: of for identity, of in firsts.items() if identity != of}

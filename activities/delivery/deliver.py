"""Storing: each batch of mail with all that follows from it, in one PostgreSQL transaction.

A batch's blobs, mail, ledger entries, links, counters, session row and audit event are committed together or not at all.
Killed before the commit, the server still has the messages and the ledger does not know them; killed after it, the ledger
knows them and they are not fetched again. Only what is committed may be deleted from the server.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from activities.core.log import append
from activities.delivery.duplicates import recognise
from activities.delivery.recent_mode import RecentMode, copies_among, stored_copies
from activities.delivery.tombstones import DELETED, buried
from activities.filing.place import Filed, file, filters_at_work
from activities.linking.expected import Linkable
from activities.linking.links import link_new, log_relinked
from activities.linking.own_mail import tell_own_mail
from activities.mailbox.leases import Lease
from activities.mailbox.ledger import fenced, log
from activities.mailbox.policy import hold_rules
from activities.mailbox.state import Live, SessionRow, save_session, show
from activities.privacy.privacy import log_withheld, withheld_among, withhold
from activities.storage.batch import Batch, NotRetrieved, Retrieved
from activities.storage.blobs import keep_blobs
from domain.core.log_event import LoggedEvent
from domain.core.text import storable
from domain.filing.filters import INBOX
from domain.linking.rules import searched_loosely
from domain.mailbox.settings import AccountSettings
from domain.message.index import IndexedMessage, Participant
from domain.retrieval.plan import ATTACHED, Identity, Listed
from infra.database.pool import Connection, Pool

logger = logging.getLogger(__name__)

COMMITS_AT_ONCE = 10  # half of the pool: what a session asks in between must not wait behind many batches

# Columns go to PostgreSQL as binary arrays (%b): as text, each of their strings would have to be quoted and unquoted.


class LedgerConflict(Exception):
    """The ledger knew a message that the plan took for new: the session's view is stale, and nothing was stored."""


class NothingNew(Exception):
    """What somebody attaches is here already, was and is not to come again, or is withheld; nothing was stored."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """A message that no session brings but a person: who, and where to if not where the filters say."""

    event_id: UUID
    by: str
    folder: str | None


class MailStore:
    """Writes what the holder of `lease` retrieved; every transaction is fenced by the lease."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._committing = asyncio.Semaphore(COMMITS_AT_ONCE)

    async def commit(
        self,
        lease: Lease | None,
        session: SessionRow,
        epoch: int,
        batch: Batch,
        indexed: Sequence[Retrieved],
        settings: AccountSettings,
        live: Live,
        at: datetime,
        mode: RecentMode | None = None,
        by_hand: ByHand | None = None,
    ) -> Set[Identity]:
        """Commits one batch; afterwards its messages are ours, whatever happens to worker, server or Temporal. Answers those that
        a privacy rule kept from being stored.

        `session` is counted up only then: a batch that is rolled back has brought nothing. What comes `by_hand` has no lease
        and leaves no session behind; raises NothingNew where none of it is to be stored.
        """
        async with self._committing, fenced(self._pool, lease) as connection:
            rules = await hold_rules(connection, settings, attaching=epoch == ATTACHED)
            settings = rules.settings
            withheld = withheld_among(settings, rules.privacy, indexed)
            if withheld:
                await withhold(connection, session.address, epoch, indexed, withheld, at)
                indexed = [one for one in indexed if one.listed.identity not in withheld]
            known = await recognise(connection, session.address, epoch, indexed, any_attached=rules.any_attached)
            repeated = _repeated(indexed)
            if mode is not None:
                known = await stored_copies(connection, session.address, mode, indexed) | known
                repeated |= copies_among(mode, [one for one in indexed if one.listed.identity not in known])
            new = [one for one in indexed if one.listed.identity not in known and one.listed.identity not in repeated]
            dead = await buried(connection, settings, epoch, new, any_erased=rules.any_erased)
            new = [one for one in new if one.listed.identity not in dead]
            if by_hand is not None and not new:
                raise NothingNew
            await keep_blobs(connection, indexed, new, known.values())
            new = await tell_own_mail(connection, settings, new)
            filed = await file(settings, rules.filters, new)
            if by_hand is not None and by_hand.folder is not None:
                filed = [replace(placed, folder=by_hand.folder) for placed in filed]
            ids = await self._keep_mail(connection, session.address, filed, at)
            stored = known | ids
            known = {identity: stored[first] for identity, first in repeated.items() if first in stored} | known
            # What is no mail now is mail that was deleted here, or another copy of it.
            skipped = sum(one.listed.identity not in known and one.listed.identity not in ids for one in indexed)
            await self._enter(
                connection,
                session.address,
                epoch,
                [(one.listed, known.get(one.listed.identity)) for one in indexed],
                ids,
                at,
            )
            links, relinked = await link_new(
                connection,
                settings,
                [Linkable.of(ids[placed.one.listed.identity], placed.one, placed.folder) for placed in filed],
                rules,
            )
            unheard_of = await self._quarantine(connection, session.address, epoch, batch.refused, at)
            size = sum(one.size for one in new)
            await connection.execute(
                "update mailboxes set messages = messages + %s, bytes = bytes + %s where address = %s",
                [len(new), size, session.address],
            )
            await log_relinked(connection, relinked, "a message of its thread, or a report on it, was stored")
            if by_hand is not None:
                facts = {"epoch": epoch, "bytes": size, "messages": list(ids.values()), "links": links}
                event = LoggedEvent(
                    event_id=by_hand.event_id, at=at, type="MessageAttached", actor=by_hand.by, data=facts
                )
                await append(connection, session.address, event)
                return withheld.keys()
            await show(connection, session.address, live)
            counted = replace(
                session,
                stored=session.stored + len(new),
                skipped=session.skipped + skipped + len(withheld),
                recognised=session.recognised + len(indexed) - len(new) - skipped,
                quarantined=session.quarantined + len(batch.refused),
                bytes=session.bytes + size,
            )
            await save_session(connection, counted)
            step = f"batch {batch.number} part {batch.part}"
            await log_withheld(connection, session, step, at, epoch, len(withheld))
            await log(
                connection,
                session,
                f"batch {batch.number}" + (f" part {batch.part}" if batch.part else ""),
                at,
                "MessagesStored",
                epoch=epoch,
                count=len(new),
                bytes=size,
                messages=list(ids.values()),
                links=links,
                quarantined=len(batch.refused),
                **filters_at_work(filed),
            )
            if skipped:
                await log(
                    connection,
                    session,
                    f"{step} skipped",
                    at,
                    "MessagesSkipped",
                    count=skipped,
                    epoch=epoch,
                    because=DELETED,
                )
        session.stored, session.recognised, session.skipped = counted.stored, counted.recognised, counted.skipped
        session.quarantined, session.bytes = counted.quarantined, counted.bytes
        for mail in unheard_of:
            logger.warning("%s: message %d cannot be taken and is in quarantine", session.address, mail)
        return withheld.keys()

    async def _keep_mail(
        self, connection: Connection, address: str, filed: Sequence[Filed], at: datetime
    ) -> dict[Identity, int]:
        if not filed:
            return {}
        rows = await (
            await connection.execute("select nextval('mail_ids') from generate_series(1, %s)", [len(filed)])
        ).fetchall()
        new = [placed.one for placed in filed]
        ids = {one.listed.identity: int(row[0]) for one, row in zip(new, rows, strict=True)}
        columns = [
            [ids[one.listed.identity] for one in new],
            [one.listed.uidl for one in new],
            [one.message.message_id and storable(one.message.message_id) for one in new],
            [one.message.from_address and storable(one.message.from_address) for one in new],
            [storable(one.message.subject) for one in new],
            [one.message.sent_at for one in new],
            [one.size for one in new],
            [one.sha256 for one in new],
            [one.message.parse_error and storable(one.message.parse_error) for one in new],
            [_json([_plain(who) for who in one.message.participants]) for one in new],
            [_json(one.message.in_reply_to) for one in new],
            [_json(one.message.references) for one in new],
            [one.message.automatic for one in new],
            [one.identity for one in new],
            [one.message.author and storable(one.message.author) for one in new],
            [_json(sorted(_addresses(one.message))) for one in new],
            [placed.folder for placed in filed],
            [_json(placed.labels) for placed in filed],
            [_json(placed.flags) for placed in filed],
            [_json(placed.by) for placed in filed],
            [one.message.kind for one in new],
            [_json(one.message.traits) for one in new],
            [_json(sorted(searched_loosely(_addresses(one.message)))) for one in new],
        ]
        await connection.execute(
            """
            insert into mail (
                id, address, state, stored_at, uidl, message_id, from_address, subject, sent_at, size, sha256, parse_error,
                participants, in_reply_to, message_references, automatic, identity, author, addresses, folder, labels, flags,
                filed, kind, traits, loose
            )
            select id, %s, 'stored', %s, uidl, message_id, from_address, subject, sent_at, size, sha256, parse_error,
                participants, array(select jsonb_array_elements_text(in_reply_to)),
                array(select jsonb_array_elements_text(message_references)), automatic, identity, author,
                array(select jsonb_array_elements_text(addresses)), folder, array(select jsonb_array_elements_text(labels)),
                array(select jsonb_array_elements_text(flags)), filed, kind, traits,
                array(select jsonb_array_elements_text(loose))
            from unnest(
                %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::bigint[], %b::bytea[],
                %b::text[], %b::text[]::jsonb[], %b::text[]::jsonb[], %b::text[]::jsonb[], %b::boolean[], %b::bytea[],
                %b::text[], %b::text[]::jsonb[], %b::text[], %b::text[]::jsonb[], %b::text[]::jsonb[], %b::text[]::jsonb[],
                %b::text[], %b::text[]::jsonb[], %b::text[]::jsonb[]
            ) as new (
                id, uidl, message_id, from_address, subject, sent_at, size, sha256, parse_error, participants, in_reply_to,
                message_references, automatic, identity, author, addresses, folder, labels, flags, filed, kind, traits, loose
            )
            """,
            [address, at, *columns],
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
        """Enters stored messages in the ledger, and as skipped those that are no mail because they were deleted here. One that is
        there as stored already must not be stored twice."""
        if not entries:
            return
        row = await (
            await connection.execute(
                """
                with new as (
                    select * from unnest(%(uidl)b::text[], %(occurrence)b::smallint[], %(size)b::bigint[], %(mail)b::bigint[])
                        as new (uidl, occurrence, size, mail)
                ), replaced as (
                    select l.mail from new join pop_ledger l using (uidl, occurrence)
                    where l.address = %(address)s and l.epoch = %(epoch)s and l.state = 'quarantined' and l.mail is not null
                ), entered as (
                    insert into pop_ledger as l (
                        address, epoch, uidl, occurrence, state, size, mail, first_seen_at, stored_at, reason
                    )
                    select %(address)s, %(epoch)s, uidl, occurrence, case when mail is null then 'skipped' else 'stored' end,
                        size, mail, %(at)s, case when mail is not null then %(at)s::timestamptz end,
                        case when mail is null then %(deleted)s end
                    from new
                    on conflict (address, epoch, uidl, occurrence) do update set
                        state = excluded.state, mail = excluded.mail, stored_at = excluded.stored_at,
                        reason = excluded.reason, retry_at = null
                    where l.state = 'quarantined'
                    returning 1
                )
                select (select count(*) from entered), array(select mail from replaced)
                """,
                {
                    "address": address,
                    "epoch": epoch,
                    "at": at,
                    "deleted": DELETED,
                    "uidl": [listed.uidl for listed, _ in entries],
                    "occurrence": [listed.occurrence for listed, _ in entries],
                    "size": [listed.size for listed, _ in entries],
                    "mail": [ids.get(listed.identity, mail) for listed, mail in entries],
                },
            )
        ).fetchone()
        assert row is not None
        entered, replaced = row
        if entered != len(entries):
            raise LedgerConflict(f"{len(entries) - entered} messages of {address} were stored already")
        if replaced:  # what stood for a message while it could not be taken makes way for the message itself
            await connection.execute("delete from mail where id = any(%s) and state = 'quarantined'", [replaced])

    async def _quarantine(
        self, connection: Connection, address: str, epoch: int, refused: Sequence[NotRetrieved], at: datetime
    ) -> list[int]:
        """Keeps a reference to what could not be taken, so that it is neither silent nor in the way; those that are new."""
        new: list[int] = []
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
                kept = await connection.execute(
                    """
                    with kept as (
                        insert into mail (address, uidl, folder, size, state, stored_at, parse_error)
                        values (%s, %s, %s, %s, 'quarantined', %s, %s) returning id
                    )
                    update pop_ledger l set mail = kept.id from kept
                    where l.address = %s and l.epoch = %s and l.uidl = %s and l.occurrence = %s
                    returning kept.id
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
                new += [row[0] for row in await kept.fetchall()]
        return new


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False))


def _addresses(message: IndexedMessage) -> set[str]:
    """The normal forms of all participants, whoever wrote it among them."""
    return {who.normal for who in message.participants} | ({message.author} if message.author else set())


def _plain(who: Participant) -> dict[str, str]:
    return {"field": who.field, "name": who.name, "address": who.address, "normal": who.normal}


def _repeated(indexed: Sequence[Retrieved]) -> dict[Identity, Identity]:
    """Messages of one batch that are another of it once more: the same bytes listed again under the same UIDL."""
    first: dict[tuple[str, bytes], Identity] = {}
    for one in indexed:
        first.setdefault((one.listed.uidl, one.sha256), one.listed.identity)
    firsts = {one.listed.identity: first[one.listed.uidl, one.sha256] for one in indexed}
    return {identity: of for identity, of in firsts.items() if identity != of}

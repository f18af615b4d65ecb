"""Committing what a session retrieved: delivered, counted and logged in one transaction that is fenced by its lease."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.delivery.deliver import deliver
from activities.delivery.dispositions import Buried, Disposition, Duplicate, Withheld, dispositions
from activities.delivery.recent_mode import RecentMode
from activities.delivery.tombstones import DELETED
from activities.filing.place import Filed, filters_at_work
from activities.linking.links import STORED, log_relinked
from activities.mailbox.leases import Lease
from activities.mailbox.ledger import fenced, log
from activities.mailbox.policy import hold_rules
from activities.mailbox.state import Live, SessionRow, save_session, show
from activities.privacy.privacy import log_withheld
from activities.storage.batch import Batch, NotRetrieved, Retrieved
from domain.core.text import storable
from domain.filing.filters import INBOX
from domain.mailbox.settings import AccountSettings
from domain.retrieval.outcome import Counts
from infra.database.pool import Connection, Pool

logger = logging.getLogger(__name__)

COMMITS_AT_ONCE = 10  # half of the pool: what a session asks in between must not wait behind many batches


@dataclass(frozen=True, slots=True)
class Source:
    """Whose batches they are: the session's lease, its row and its settings, the epoch of the list that it works through, and
    its recent mode."""

    lease: Lease
    session: SessionRow
    settings: AccountSettings
    epoch: int
    mode: RecentMode | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction came to, and what became of each of its messages."""

    dispositions: Sequence[Disposition]
    counts: Counts


class MailStore:
    """Writes what sessions of this worker retrieved."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._committing = asyncio.Semaphore(COMMITS_AT_ONCE)

    async def commit(
        self, source: Source, batch: Batch, indexed: Sequence[Retrieved], live: Live, at: datetime
    ) -> Committed:
        """Commits one batch, whose messages are `indexed`; afterwards they are ours, whatever happens to worker, server or
        Temporal. `live` is what is shown of the mailbox from then on.

        The session counts what is answered: a batch that is rolled back has brought nothing. Raises LedgerConflict and
        LeaseLost, with nothing committed.
        """
        session, epoch = source.session, source.epoch
        async with self._committing, fenced(self._pool, source.lease) as connection:
            rules = await hold_rules(connection, source.settings, attaching=False)
            decided = await dispositions(connection, rules, epoch, indexed, source.mode)
            delivered = await deliver(connection, rules, epoch, decided, at)
            unheard_of = await _quarantine(connection, session.address, epoch, batch.refused, at)
            await log_relinked(connection, delivered.relinked, STORED)
            await show(connection, session.address, live)
            counts = _counts(decided, delivered.bytes, len(batch.refused))
            await save_session(connection, session, counts)
            step = f"batch {batch.number}" + (f" part {batch.part}" if batch.part else "")
            part = f"batch {batch.number} part {batch.part}"
            await log_withheld(connection, session, part, at, epoch, _count(decided, Withheld))
            await log(
                connection,
                session,
                step,
                at,
                "MessagesStored",
                epoch=epoch,
                count=len(delivered.messages),
                bytes=delivered.bytes,
                messages=delivered.messages,
                links=delivered.links,
                quarantined=len(batch.refused),
                **filters_at_work([one for one in decided if isinstance(one, Filed)]),
            )
            if dead := _count(decided, Buried):
                await log(
                    connection,
                    session,
                    f"{part} skipped",
                    at,
                    "MessagesSkipped",
                    count=dead,
                    epoch=epoch,
                    because=DELETED,
                )
        for mail in unheard_of:
            logger.warning("%s: message %d cannot be taken and is in quarantine", session.address, mail)
        return Committed(decided, counts)


def _counts(decided: Sequence[Disposition], size: int, refused: int) -> Counts:
    return Counts(
        stored=_count(decided, Filed),
        skipped=_count(decided, Buried) + _count(decided, Withheld),
        recognised=_count(decided, Duplicate),
        quarantined=refused,
        bytes=size,
    )


def _count(decided: Sequence[Disposition], kind: type[Disposition]) -> int:
    return sum(isinstance(one, kind) for one in decided)


async def _quarantine(
    connection: Connection, address: str, epoch: int, refused: Sequence[NotRetrieved], at: datetime
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

"""Committing what arrives, batch by batch, while more of it is on the wire; and how fast that goes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import psycopg

from activities.delivery.dispositions import Withheld
from activities.delivery.recent_mode import RecentMode
from activities.mailbox.state import Live, Mailboxes
from activities.retrieval.context import SessionContext
from activities.retrieval.mail_store import MailStore, Source
from activities.storage import batch as arrivals
from activities.storage.batch import Batch, NotRetrieved, Retrieved
from activities.storage.uploads import Upload
from domain.retrieval.outcome import Agenda
from domain.retrieval.plan import Listed
from infra.tasks import ended
from infra.telemetry.spans import span
from infra.watchdog import awaits_an_answer

NOT_TAKEN = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)  # whatever happens to be wrong with one message


class Batches:
    """Those of one session: `current` is being filled, the one before it may be on its way to the database.

    `done` counts what of the plan is settled, `committed` is what is stored, and `full` says that the user's quota has no
    room for more.
    """

    def __init__(
        self, context: SessionContext, store: MailStore, mailboxes: Mailboxes, *, limit: Callable[[], int]
    ) -> None:
        """`limit` answers how many bytes a batch may have at the moment."""
        self.current = Batch(number=1, limit=limit())
        self.done = 0
        self.committed: list[Listed] = []
        self.full = False
        self._context = context
        self._store = store
        self._mailboxes = mailboxes
        self._limit = limit
        self.in_doubt = False
        """Whether what came last may yet be taken back, so that it must not be committed."""
        self._committing: asyncio.Task[None] | None = None
        self._handing_over = asyncio.Lock()
        self._timing: asyncio.Task[None] | None = None
        self._agenda = Agenda()
        self._mode: RecentMode | None = None
        self._since: float | None = None

    def begin(self, agenda: Agenda, mode: RecentMode) -> None:
        """Tells what is to come, now that the plan is made."""
        self._agenda, self._mode = agenda, mode
        self._since = time.monotonic()

    async def add(self, listed: Listed, content: bytes | Upload) -> None:
        """One message that has arrived."""
        size = len(content) if isinstance(content, bytes) else content.size
        await self._make_room(size)
        self.current.arrived.append((listed, content))
        self.current.bytes += size

    async def put_aside(self, one: NotRetrieved) -> None:
        """One message that could not be taken."""
        await self._make_room(0)
        self.current.refused.append(one)

    async def _make_room(self, size: int) -> None:
        now = time.monotonic()
        if not self.current.has_room_for(size, now):
            await self.hand_over()
        if not self.current.arrived and not self.current.refused:
            self.current.began = now
            self._stop_timing()
            self._timing = asyncio.create_task(self._hand_over_in_time(self.current.number))

    async def _hand_over_in_time(self, number: int) -> None:
        """What has arrived is not kept waiting by a message that does not."""
        await asyncio.sleep(arrivals.BATCH_SECONDS)
        with contextlib.suppress(Exception):  # whoever waits for that commit next is told
            await self.hand_over(only=number)

    def _stop_timing(self) -> None:
        timing, self._timing = self._timing, None
        if timing is not None and timing is not asyncio.current_task() and not self._handing_over.locked():
            timing.cancel()

    async def hand_over(self, *, only: int | None = None) -> None:
        """Has the batch committed, once the one before it is: at most two are in memory. `only`: if it is that one still, and
        nothing in it is in doubt."""
        async with self._handing_over:
            if self._committing is not None:
                await self._committing
            if only is not None and (self.current.number != only or self.in_doubt):
                return
            if self.current.arrived or self.current.refused:
                batch, self.current = self.current, Batch(number=self.current.number + 1, limit=self._limit())
                self._committing = asyncio.create_task(self.commit(batch))

    async def finish(self) -> None:
        """Comes back when all that has arrived is committed."""
        await self.hand_over()
        self._stop_timing()
        if self._committing is not None:
            committing, self._committing = self._committing, None
            await committing

    async def abandon(self) -> None:
        """Rolls back what is being committed, where something else went wrong; that error is to go on."""
        if self._timing is not None:
            self._timing.cancel()
        if self._committing is not None:
            await ended(self._committing)

    async def commit(self, batch: Batch) -> None:
        # Other sessions may have their batches to commit first.
        with span("store.batch", messages=len(batch.arrived)), awaits_an_answer():
            # In a thread, so that heartbeats and the line go on while mail is indexed.
            indexed = await asyncio.to_thread(lambda: [Retrieved.of(listed, raw) for listed, raw in batch.arrived])
            try:
                await self._commit(batch, indexed)
            except NOT_TAKEN:
                if not indexed:
                    raise
                await self._commit_one_by_one(batch, indexed)

    async def _commit(self, batch: Batch, indexed: Sequence[Retrieved]) -> None:
        done = self.done + len(indexed) + (len(batch.refused) if batch.number else 0)
        context = self._context
        source = Source(context.lease, context.row, context.settings, self._agenda.epoch, self._mode)
        committed = await self._store.commit(source, batch, indexed, self._live(done), context.clock())
        context.row.count(committed.counts)
        self.full = await self._mailboxes.room(context.settings.owner) <= 0
        self.done = done
        self.committed += [what.one.listed for what in committed.dispositions if not isinstance(what, Withheld)]

    async def _commit_one_by_one(self, batch: Batch, indexed: Sequence[Retrieved]) -> None:
        """The same messages, so that one which PostgreSQL will not take keeps no other back; that one is put in quarantine."""
        for part, one in enumerate(indexed, 1):
            try:
                await self._commit(Batch(batch.number, part=part), [one])
            except NOT_TAKEN as error:
                # The error's text may quote the message. Tried again, it would end the same way.
                reason = f"PostgreSQL does not take what is indexed of it ({type(error).__name__})"
                refused = [NotRetrieved(one.listed, reason, 1, None)]
                await self._commit(Batch(batch.number, part=part, refused=refused), [])
        if batch.refused:
            await self._commit(Batch(batch.number, part=len(indexed) + 1, refused=batch.refused), [])

    def rate(self, done: int | None = None) -> float | None:
        """Messages a second, since the first was asked for."""
        done = self.done if done is None else done
        if self._since is None or not done:
            return None
        return done / max(time.monotonic() - self._since, 0.001)

    def eta(self, remaining: int, rate: float | None) -> datetime | None:
        """When `remaining` messages should be here."""
        return self._context.clock() + timedelta(seconds=remaining / rate) if rate and remaining else None

    def _live(self, done: int) -> Live:
        remaining, rate = max(self._agenda.backlog - done, 0), self.rate(done)
        return Live(on_server=self._agenda.on_server, remaining=remaining, eta=self.eta(remaining, rate), rate=rate)

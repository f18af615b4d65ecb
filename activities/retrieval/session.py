"""One session of a watch: list, plan, retrieve and commit in batches, delete what policy says, QUIT, and report.

Where the process may die: before a batch's commit the server still has the messages and nobody knows them; after it they
are ours. Before QUIT is answered nothing is deleted on the server, and the next session asks again; after it the messages
are gone there and stored here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from temporalio import activity

from activities.delivery.recent_mode import RecentMode
from activities.mailbox.pipelining import Pipelining
from activities.mailbox.state import Mailbox
from activities.pop.connection import PopConnection
from activities.pop.session import SERVERS_FAULTS, Session, SessionFailure, as_configuration
from activities.retrieval.batches import Batches
from activities.retrieval.context import SessionContext
from activities.retrieval.fetching import Fetched, Fetching
from activities.retrieval.listing import Survey
from activities.retrieval.observer import Conclusion, Remembered
from activities.retrieval.services import Services
from activities.retrieval.stock import Stock, agenda_of, make_plan, record
from domain.core.refusal import Refused, WorkerLacks
from domain.mailbox.providers import profile_of
from domain.retrieval.deletion import is_to_be_deleted
from domain.retrieval.outcome import Agenda, Counts, Ended, Outcome, outcome, pause
from domain.retrieval.plan import DELETIONS_PER_SESSION
from domain.retrieval.reports import InQuarantine, Progress, SessionReport
from infra.telemetry.spans import span

SESSION_SECONDS = 5 * 60.0  # then the workflow is told how far it is
RARE_SESSION_SECONDS = 20 * 60.0  # where the server's LOGIN-DELAY makes sessions dear
FIRST_SECONDS = 15.0  # of a session that finds a backlog of which the workflow does not know
SHARE_OF_THE_SURVEY = 0.5  # of a session: what it decides on, it must have time to fetch
MESSAGE_SECONDS = 15 * 60.0  # that a message begun in time may still take


class TooSoon(Exception):
    """The server's LOGIN-DELAY has not passed (RFC 2449, section 6.5); `earliest` is when it has."""

    def __init__(self, delay_seconds: float, earliest: datetime) -> None:
        super().__init__(f"the server takes one login every {delay_seconds:.0f} s")
        self.earliest = earliest


@dataclass(frozen=True, slots=True)
class Visited:
    """A session that came to its end: its report, None where it brought no news, and the pause to the next one."""

    report: SessionReport | None
    pause: timedelta


class RetrievalSession:
    """One session. Its phases hand one another values; what it keeps itself is how far it is, for those who look meanwhile: the
    context's row, the batches, and the agenda, which is known once there is a plan."""

    def __init__(
        self,
        context: SessionContext,
        services: Services,
        pipelining: Pipelining,
        *,
        batch_bytes: Callable[[], int],
        interval: Callable[[float], timedelta],
    ) -> None:
        """`batch_bytes` answers how many bytes a batch may have at the moment; `interval` gives the pause for a LOGIN-DELAY."""
        self._context = context
        self._services = services
        self._mailboxes = services.mailboxes
        self._pipelining = pipelining
        self._interval = interval
        self._settings = context.settings
        self._clock = context.clock
        self._row = context.row
        self._began = time.monotonic()
        self._batches = Batches(context, services.store, services.mailboxes, limit=batch_bytes)
        self._agenda = Agenda()

    @property
    def counts(self) -> Counts:
        """What is committed so far."""
        return self._row.counts

    def progress(self) -> dict[str, object]:
        """What the Temporal UI shows while the session runs."""
        rate = self._batches.rate()
        eta = self._batches.eta(max(self._agenda.backlog - self._batches.done, 0), rate)
        return {
            "on_server": self._agenda.on_server,
            "to_fetch": self._agenda.backlog,
            "fetched": self._batches.done,
            "stored": self._row.counts.stored,
            "bytes": self._row.counts.bytes,
            "messages_per_second": round(rate, 1) if rate else None,
            "eta": eta.isoformat(timespec="seconds") if eta else None,
        }

    async def run(self) -> Visited:
        """The whole session.

        Raises SessionFailure, with all that had arrived committed; TooSoon; Refused for what the settings lack.
        """
        mailbox = await self._mailboxes.open(self._settings)
        remembered = await self._services.observer.remembered(self._settings, mailbox, self._clock())
        self._respect_login_delay(mailbox)
        try:
            async with self._services.sessions.open(self._settings, self._context.room) as session:
                await self._mailboxes.logged_in(self._settings, self._clock(), session.login_delay_seconds)
                stock, left_to_delete = await self._work(session, mailbox, remembered)
        except SessionFailure as failed:
            raise await self._failed(failed, mailbox) from None
        except WorkerLacks:
            raise
        except Refused as refused:  # a secret or a host that the settings name is not to be had any more
            named = as_configuration(refused, self._context.worker.support, self._clock())
            raise await self._failed(named, mailbox) from None
        except asyncio.CancelledError:
            if self._row.leaves_its_row:
                await self._end("interrupted", self._clock())
            raise
        return await self._conclude(session, stock, left_to_delete)

    async def _end(self, word: str, at: datetime) -> None:
        await self._mailboxes.ended(replace(self._row, outcome=word, finished_at=at))

    async def _failed(self, failed: SessionFailure, mailbox: Mailbox) -> SessionFailure:
        """Shows a session that failed; what it had committed stands, and is reported with the failure."""
        now = self._clock()
        await self._end(failed.failure.kind, now)
        await self._mailboxes.tried(self._settings.address, now)
        failed.total_stored = mailbox.messages + self._row.counts.stored
        if self._agenda.on_server:
            failed.progress = self._progress(mailbox, self._agenda.remaining(self._batches.done))
        return failed

    def _respect_login_delay(self, mailbox: Mailbox) -> None:
        delay, last = mailbox.login_delay_seconds, mailbox.login_at
        if last is not None and self._clock() < (earliest := last + timedelta(seconds=delay)):
            raise TooSoon(delay, earliest)

    async def _work(self, session: Session, mailbox: Mailbox, remembered: Remembered) -> tuple[Stock, int]:
        """All that is done with the server; answers what was found there, and how much it is still to delete."""
        connection, seconds = session.line, self._seconds(session)
        self._row.received = lambda: connection.received
        try:
            await self._services.uploads.sweep(self._context.lease)
            await self._pipelining.allow(connection, self._clock())
            stock = await self._take_stock(connection, mailbox, remembered, seconds)
            connection.lists_done()
            fetched = await self._fetch(connection, stock, seconds) if stock.plan.fetch else Fetched()
            await self._batches.finish()
            left_to_delete = await self._delete(connection, stock, fetched)
            await self._pipelining.worked(self._clock())
        except SERVERS_FAULTS as fault:
            await self._pipelining.broke(connection, fault, self._clock())
            await self._batches.finish()  # what has arrived is kept, so even a line that always breaks gets on
            raise
        finally:
            await self._batches.abandon()  # which leaves nothing to do, unless something else went wrong
        return stock, left_to_delete

    def _seconds(self, session: Session) -> float:
        """That the session may take."""
        if session.login_delay_seconds:
            return RARE_SESSION_SECONDS
        told = self._context.request.remaining is None or self._context.request.remaining > 0
        return SESSION_SECONDS if told else min(FIRST_SECONDS, SESSION_SECONDS)

    def _must_end(self, seconds: float) -> bool:
        """A session is bounded in time, and ends early when its worker is told to stop, or when the user's other accounts
        have filled the quota; the next one goes on, or finds that it may not."""
        return self._batches.full or time.monotonic() - self._began > seconds or activity.is_worker_shutdown()

    async def _take_stock(
        self, connection: PopConnection, mailbox: Mailbox, remembered: Remembered, seconds: float
    ) -> Stock:
        survey = Survey(
            self._context,
            self._services.ledger,
            self._services.suspects,
            must_end=lambda: self._must_end(SHARE_OF_THE_SURVEY * seconds),
        )
        found = await survey.take(connection, mailbox)
        made = await make_plan(self._context, found, remembered)
        self._agenda = agenda_of(found, made)
        mode = RecentMode.of(self._settings, toggled_at=remembered.memory.toggled_at)
        self._batches.begin(self._agenda, mode)
        stock = await record(
            self._context,
            self._services,
            self._batches,
            found,
            made,
            remembered,
            must_end=lambda: self._must_end(seconds),
        )
        self._agenda = stock.agenda
        return stock

    async def _fetch(self, connection: PopConnection, stock: Stock, seconds: float) -> Fetched:
        fetching = Fetching(
            self._context,
            self._services,
            self._batches,
            stock.withheld,
            stock.agenda.epoch,
            stock.plan.fetch,
            seconds_left=lambda: seconds + MESSAGE_SECONDS - (time.monotonic() - self._began),
            must_end=lambda: self._must_end(seconds),
        )
        fetched = await fetching.fetch(connection)
        if fetched.disclaimed:
            await self._services.quarantine.disclaim(self._context.lease, stock.agenda.epoch, fetched.disclaimed)
        return fetched

    async def _delete(self, connection: PopConnection, stock: Stock, fetched: Fetched) -> int:
        """DELE for what is committed and policy names, then QUIT, which alone makes it real (R62; RFC 1939, section 6).
        Answers how many are left to be deleted."""
        epoch, now, lease = stock.agenda.epoch, self._clock(), self._context.lease
        fresh = [one for one in self._batches.committed if is_to_be_deleted(self._context.policy, now, now)]
        due = (stock.plan.delete + fresh)[:DELETIONS_PER_SESSION]
        if fetched.dropped:
            return len(due)
        if not due:
            await connection.quit()
            return 0
        with span("pop.delete"):
            asked = await self._services.ledger.ask_deletion(lease, self._settings.address, epoch, due, now)
            lease.check()
            accepted = set(await connection.delete([message.number for message in asked]))
            if await connection.quit():
                gone = [message for message in asked if message.number in accepted]
                if gone:
                    deleted = await self._services.ledger.deleted(lease, self._row, epoch, gone, self._clock())
                    self._row.count(deleted)
        return stock.agenda.to_delete + len(fresh) - len(due)

    def _progress(self, mailbox: Mailbox, remaining: int) -> Progress:
        counts = self._row.counts
        return Progress(
            on_server=self._agenda.on_server - counts.deleted,
            stored=mailbox.messages + counts.stored,
            remaining=remaining,
            bytes=mailbox.bytes + counts.bytes,
            eta=self._batches.eta(remaining, self._batches.rate()) if self._settings.retrieval.pace == "full" else None,
        )

    async def _conclude(self, session: Session, stock: Stock, left_to_delete: int) -> Visited:
        """Finds out what the session was, and shows and reports it."""
        now, request, retrieval = self._clock(), self._context.request, self._settings.retrieval
        agenda, counts, done = stock.agenda, self._row.counts, self._batches.done
        # What was fetched may have taken no room, where it turned out to be there already.
        asks_for_room = done and agenda.stopped_by_quota(done)
        room = await self._mailboxes.room(self._settings.owner) if asks_for_room else None
        concluded = await self._services.observer.conclude(
            self._context,
            stock.remembered,
            stock.seen,
            agenda,
            agenda.stopped_for_today(done),
            expire_days=session.expire_days,
            greeting=session.line.greeting,
            at=now,
        )
        in_quarantine = await self._in_quarantine(stock.mailbox)
        profile = profile_of(self._settings)
        came = outcome(
            Ended(
                agenda=agenda,
                counts=counts,
                done=done,
                left_to_delete=left_to_delete,
                room=room,
                queue_size=None if retrieval.recent_mode else profile.queue_size,
                at_full_pace=retrieval.pace == "full",
                unreported=stock.mailbox.messages + counts.stored - request.total_stored,
                noticed=concluded.noticed,
                unknown_quarantine=request.in_quarantine not in (None, in_quarantine),
                asked_for=request.report or request.recovering,
            )
        )
        least = timedelta(seconds=profile.least_interval_minutes * self._context.worker.minute_seconds)
        interval = self._interval(session.login_delay_seconds)
        rest = pause(interval, least, concluded.room_again_at, now)
        follows_at = (now + least if least else None) if came.more else now + rest
        await self._mailboxes.checked(
            self._settings.address,
            now,
            next_attempt_at=follows_at,
            on_server=agenda.on_server - counts.deleted,
            remaining=came.remaining,
            # In a later epoch an empty list proves nothing: a provider may still be moving the mail.
            complete=not agenda.undecided and (agenda.epoch == 1 or agenda.on_server > 0),
            emptied=agenda.on_server == 0,
        )
        if counts.stored:
            await self._services.address_book.catch_up(self._settings.address, self._settings.own_addresses)
        if self._row.leaves_its_row or request.recovering:
            await self._end("mail" if counts.stored else "recovered" if request.recovering else "nothing_new", now)
        return Visited(self._report(stock, came, concluded, in_quarantine, follows_at, now), rest)

    def _report(
        self,
        stock: Stock,
        came: Outcome,
        concluded: Conclusion,
        in_quarantine: InQuarantine,
        follows_at: datetime | None,
        at: datetime,
    ) -> SessionReport | None:
        if not came.reported:
            return None
        request, counts = self._context.request, self._row.counts
        return SessionReport(
            outcome=came.kind,
            at=at,
            settings_version=request.settings_version,
            credential_version=request.credential_version,
            stored=counts.stored,
            skipped=counts.skipped,
            quarantined=counts.quarantined,
            deleted=counts.deleted,
            progress=self._progress(stock.mailbox, came.remaining),
            total_stored=stock.mailbox.messages + counts.stored,
            more=came.more,
            next_attempt_at=follows_at,
            needed_bytes=came.blocked.size if came.blocked else 0,
            minute_seconds=self._context.worker.minute_seconds,
            observed=concluded.observed,
            in_quarantine=in_quarantine,
        )

    async def _in_quarantine(self, mailbox: Mailbox) -> InQuarantine:
        if mailbox.quarantined or self._row.counts.quarantined:
            return await self._services.quarantine.counts(self._settings.address)
        return InQuarantine()

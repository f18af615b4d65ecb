"""One session of a watch: list, plan, retrieve and commit in batches, delete what policy says, QUIT, and report.

Where the process may die: before a batch's commit the server still has the messages and nobody knows them; after it they
are ours. Before QUIT is answered nothing is deleted on the server, and the next session asks again; after it the messages
are gone there and stored here.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from temporalio import activity

from activities.mailbox.leases import Lease
from activities.mailbox.pipelining import Pipelining
from activities.mailbox.state import Mailbox, SessionRow
from activities.pop.connection import PopConnection
from activities.pop.listing_budget import Share
from activities.pop.session import SERVERS_FAULTS, Clock, Session, SessionFailure, as_configuration
from activities.retrieval.batches import Batches
from activities.retrieval.fetching import Fetching
from activities.retrieval.listing import Found, Survey
from activities.retrieval.observer import Observer
from activities.retrieval.refusals import Withheld
from activities.retrieval.services import Services
from activities.storage.batch import BATCH_MESSAGES, Batch, NotRetrieved
from domain.core.refusal import Refused, WorkerLacks
from domain.retrieval.plan import DELETIONS_PER_SESSION, Entry, Identity, Plan, is_to_be_deleted, plan
from domain.retrieval.reports import InQuarantine, Progress, SessionReport
from infra.telemetry.spans import span
from workflows.contract import WatchRequest

SESSION_SECONDS = 5 * 60.0  # then the workflow is told how far it is
RARE_SESSION_SECONDS = 20 * 60.0  # where the server's LOGIN-DELAY makes sessions dear
FIRST_SECONDS = 15.0  # of a session that finds a backlog of which the workflow does not know
SHARE_OF_THE_SURVEY = 0.5  # of a session: what it decides on, it must have time to fetch
LISTED_BYTES = 192  # that a planned message takes besides its UIDL: itself, its numbers, and its place in some lists
MESSAGE_SECONDS = 15 * 60.0  # that a message begun in time may still take


class TooSoon(Exception):
    """The server's LOGIN-DELAY has not passed (RFC 2449, section 6.5); `earliest` is when it has."""

    def __init__(self, delay_seconds: float, earliest: datetime) -> None:
        super().__init__(f"the server takes one login every {delay_seconds:.0f} s")
        self.earliest = earliest


class RetrievalSession:
    """What one session has to do, how far it is, and what it came to."""

    def __init__(
        self,
        request: WatchRequest,
        lease: Lease,
        room: Share,
        services: Services,
        observer: Observer,
        pipelining: Pipelining,
        *,
        worker: str,
        support: str,
        largest: int,
        batch_bytes: Callable[[], int],
        interval: Callable[[float], timedelta],
        minute_seconds: float,
        clock: Clock,
    ) -> None:
        """`room` is memory for the mailbox's lists, which are held until it has planned. `largest` is the size of a message that
        is still fetched, `batch_bytes` how many a batch may have at the moment; `interval` gives the pause for a LOGIN-DELAY."""
        self._request = request
        self._settings = request.settings
        self._lease = lease
        self._room = room
        self._services = services
        self._mailboxes = services.mailboxes
        self._ledger = services.ledger
        self._observer = observer
        self._pipelining = pipelining
        self._support = support
        self._largest = largest
        self._interval = interval
        self._minute_seconds = minute_seconds
        self._clock = clock
        self._began = time.monotonic()
        told = request.remaining is None or request.remaining > 0
        self._session_seconds = SESSION_SECONDS if told else min(FIRST_SECONDS, SESSION_SECONDS)
        self._mailbox: Mailbox
        self._plan = Plan()
        self._on_server = 0
        self._dropped = False
        self._left_to_delete = 0
        self._undeleted = 0
        self._undecided = 0
        self._not_entered = 0  # of what is too large
        self.pause = timedelta(0)
        self.row = SessionRow(id=uuid4(), address=self._settings.address, started_at=clock(), worker=worker)
        self._batches = Batches(
            self._settings,
            lease,
            self.row,
            services.store,
            services.mailboxes,
            observer,
            limit=batch_bytes,
            clock=clock,
        )

    def progress(self) -> dict[str, object]:
        """What the Temporal UI shows while the session runs."""
        rate = self._batches.rate()
        eta = self._batches.eta(max(self._plan.backlog - self._batches.done, 0), rate)
        return {
            "on_server": self._on_server,
            "to_fetch": self._plan.backlog,
            "fetched": self._batches.done,
            "stored": self.row.stored,
            "bytes": self.row.bytes,
            "messages_per_second": round(rate, 1) if rate else None,
            "eta": eta.isoformat(timespec="seconds") if eta else None,
        }

    async def run(self) -> SessionReport | None:
        """The whole session; None when it brought no news.

        Raises SessionFailure, with all that had arrived committed; TooSoon; Refused for what the settings lack.
        """
        self._mailbox = await self._mailboxes.open(self._settings)
        await self._observer.open(self._mailbox, self._clock())
        self._respect_login_delay()
        try:
            async with self._services.sessions.open(self._settings, self._room) as session:
                await self._mailboxes.logged_in(self._settings, self._clock(), session.login_delay_seconds)
                if session.login_delay_seconds:
                    self._session_seconds = RARE_SESSION_SECONDS
                await self._work(session.line)
        except SessionFailure as failed:
            raise await self._failed(failed) from None
        except WorkerLacks:
            raise
        except Refused as refused:  # a secret or a host that the settings name is not to be had any more
            raise await self._failed(as_configuration(refused, self._support, self._clock())) from None
        except asyncio.CancelledError:
            if self.row.leaves_its_row:
                self.row.outcome, self.row.finished_at = "interrupted", self._clock()
                await self._mailboxes.ended(self.row)
            raise
        return await self._report(session)

    async def _failed(self, failed: SessionFailure) -> SessionFailure:
        """Shows a session that failed; what it had committed stands, and is reported with the failure."""
        self.row.outcome, self.row.finished_at = failed.failure.kind, self._clock()
        await self._mailboxes.ended(self.row)
        await self._mailboxes.tried(self._settings.address, self.row.finished_at)
        failed.total_stored = self._total
        if self._on_server:
            failed.progress = self._progress(self._left_behind())
        return failed

    def _respect_login_delay(self) -> None:
        delay, last = self._mailbox.login_delay_seconds, self._mailbox.login_at
        if last is not None and self._clock() < (earliest := last + timedelta(seconds=delay)):
            raise TooSoon(delay, earliest)

    async def _work(self, connection: PopConnection) -> None:
        self.row.received = lambda: connection.received
        try:
            await self._services.uploads.sweep(self._lease)
            await self._pipelining.allow(connection, self._clock())
            withheld = await self._look(connection)
            connection.lists_done()
            if self._plan.fetch:
                await self._fetch(connection, withheld)
            await self._batches.finish()
            await self._delete(connection)
            await self._pipelining.worked(self._clock())
        except SERVERS_FAULTS as fault:
            await self._pipelining.broke(connection, fault, self._clock())
            await self._batches.finish()  # what has arrived is kept, so even a line that always breaks gets on
            raise
        finally:
            await self._batches.abandon()  # which leaves nothing to do, unless something else went wrong

    async def _look(self, connection: PopConnection) -> Withheld:
        """Takes stock of the server, and records at once what is not to be fetched; what it withheld before is answered."""
        survey = Survey(
            self._settings,
            self._ledger,
            self._lease,
            self.row,
            self._services.suspects,
            clock=self._clock,
            must_end=lambda: self._must_end(SHARE_OF_THE_SURVEY),
        )
        found = await survey.take(connection, self._mailbox)
        self._mailbox, self._on_server, self._undecided = found.mailbox, found.on_server, found.undecided
        self._plan = await self._room.worked_out(
            len(found.listed),
            plan,
            found.listed,
            found.known,
            self._settings.retrieval,
            now=self._clock(),
            first=self._mailbox.listed_at is None,
            largest=self._largest,
            room=self._mailbox.room,
            most=self._most(),
            old=found.old,
            volume=self._observer.volume,
        )
        self._batches.begin(epoch=found.mailbox.epoch, on_server=found.on_server, backlog=self._plan.backlog)
        if self._plan.skip:
            await self._ledger.skip(
                self._lease,
                self.row,
                self._mailbox.epoch,
                self._plan.skip,
                self._clock(),
                complete=not self._undecided,
            )
        if self._plan.oversized:
            reason = f"larger than {self._largest} bytes (MAILROOM_MAX_MESSAGE_BYTES): not fetched"
            for part, first in enumerate(range(0, len(self._plan.oversized), BATCH_MESSAGES)):
                messages = self._plan.oversized[first : first + BATCH_MESSAGES]
                refused = [NotRetrieved(message, reason, 1, None) for message in messages]
                await self._batches.commit(Batch(number=0, refused=refused, part=part))
                self._not_entered = len(self._plan.oversized) - first - len(refused)
                if self._must_end():
                    break  # the others have no entry in the ledger, so the next session comes to them
        disclaimed = await self._settle(found)
        await self._observer.look(self._lease, self.row, self._room, found, self._clock())
        return Withheld(self._settings, self._keep(found), self._clock, disclaimed)

    def _left_behind(self) -> int:
        """Messages that the next session comes to."""
        return max(self._plan.backlog - self._batches.done, 0) + self._undecided + self._not_entered

    def _keep(self, found: Found) -> dict[Identity, Entry]:
        """Keeps of the lists what the rest of the session needs, and no more than there is memory for; answers the ledger's part
        of it."""
        made = self._plan
        self._undeleted = len(made.delete)
        del made.skip[:], made.oversized[:], made.delete[DELETIONS_PER_SESSION:]
        made.cut(self._room.keep(LISTED_BYTES + sys.getsizeof(one.uidl) for one in made.fetch))
        return {one.identity: found.known[one.identity] for one in made.fetch if one.identity in found.known}

    async def _fetch(self, connection: PopConnection, withheld: Withheld) -> None:
        fetching = Fetching(
            self._lease,
            self._mailbox.epoch,
            self._batches,
            self._services.uploads,
            self._services.suspects,
            withheld,
            rule_against=partial(self._services.privacies.rule_against, self._settings),
            largest=self._largest,
            seconds_left=lambda: self._session_seconds + MESSAGE_SECONDS - (time.monotonic() - self._began),
            must_end=self._must_end,
        )
        await fetching.fetch(connection, self._plan.fetch)
        self._dropped = fetching.dropped
        if withheld.disclaimed:
            await self._services.quarantine.disclaim(self._lease, self._mailbox.epoch, withheld.disclaimed)

    async def _settle(self, found: Found) -> set[Identity]:
        """Settles what the list tells of messages that could not be taken before, and of those that a QUIT was to delete whose
        answer was lost; answers which the server disclaimed."""
        address, epoch = self._settings.address, found.mailbox.epoch
        unsettled = found.mailbox.deletions_unsettled and found.complete
        if not (found.mailbox.quarantined or found.mailbox.disclaimed or unsettled):
            return set()
        listed = await self._room.worked_out(len(found.listed), lambda: {message.identity for message in found.listed})
        if found.mailbox.quarantined and found.complete:
            await self._services.quarantine.settle(self._lease, self.row, epoch, listed, self._clock())
        if unsettled:
            await self._ledger.settle_deletions(self._lease, self.row, epoch, listed, self._clock())
        if not found.mailbox.disclaimed:
            return set()
        return await self._services.quarantine.disclaimed(address, epoch, listed)

    def _most(self) -> int | None:
        """How many messages this session may fetch: one phase, or all of them phase after phase (R18, R19)."""
        retrieval = self._settings.retrieval
        if self._request.report or retrieval.pace == "steady":
            return retrieval.messages_per_phase
        return DELETIONS_PER_SESSION if retrieval.after_store == "delete" else None

    def _must_end(self, share: float = 1.0) -> bool:
        """A session is bounded in time, and ends early when its worker is told to stop, or when the user's other accounts
        have filled the quota; the next one goes on, or finds that it may not."""
        long_enough = time.monotonic() - self._began > share * self._session_seconds
        return self._batches.full or long_enough or activity.is_worker_shutdown()

    async def _delete(self, connection: PopConnection) -> None:
        """DELE for what is committed and policy names, then QUIT, which alone makes it real (R62; RFC 1939, section 6)."""
        epoch, now = self._mailbox.epoch, self._clock()
        fresh = [one for one in self._batches.committed if is_to_be_deleted(self._settings.retrieval, now, now)]
        due = (self._plan.delete + fresh)[:DELETIONS_PER_SESSION]
        if self._dropped:
            self._left_to_delete = len(due)
            return
        if not due:
            await connection.quit()
            return
        with span("pop.delete"):
            asked = await self._ledger.ask_deletion(self._lease, self._settings.address, epoch, due, now)
            self._lease.check()
            accepted = set(await connection.delete([message.number for message in asked]))
            if await connection.quit():
                gone = [message for message in asked if message.number in accepted]
                if gone:
                    await self._ledger.deleted(self._lease, self.row, epoch, gone, self._clock())
        self._left_to_delete = self._undeleted + len(fresh) - len(due)

    @property
    def _total(self) -> int:
        return self._mailbox.messages + self.row.stored

    def _progress(self, remaining: int) -> Progress:
        return Progress(
            on_server=self._on_server - self.row.deleted,
            stored=self._total,
            remaining=remaining,
            bytes=self._mailbox.bytes + self.row.bytes,
            eta=self._batches.eta(remaining, self._batches.rate()) if self._settings.retrieval.pace == "full" else None,
        )

    async def _report(self, session: Session) -> SessionReport | None:
        now = self._clock()
        remaining = self._left_behind()
        blocked = self._plan.blocked_by_quota if self._batches.done >= len(self._plan.fetch) else None
        if blocked and self._batches.done and await self._mailboxes.room(self._settings.owner) >= blocked.size:
            blocked = None  # what was fetched turned out to be there already, and took no room
        paused = self._plan.blocked_for_today if self._batches.done >= len(self._plan.fetch) else None
        unfinished = (
            (remaining > 0 and blocked is None and paused is None)
            or self._left_to_delete > 0
            or self._observer.queue_goes_on(self.row.stored + self.row.recognised)
        )
        # A session that got nowhere is not followed by another at once: a server may refuse every DELE.
        more = unfinished and self.row.brought_news and self._settings.retrieval.pace == "full"
        noticed = await self._observer.conclude(
            self._lease,
            self.row,
            self._plan,
            paused,
            expire_days=session.expire_days,
            greeting=session.line.greeting,
            at=now,
        )
        self.pause = self._observer.pause(self._interval(session.login_delay_seconds), now)
        next_attempt_at = self._observer.next_phase(now) if more else now + self.pause
        on_server = self._on_server - self.row.deleted
        await self._mailboxes.checked(
            self._settings.address,
            now,
            next_attempt_at=next_attempt_at,
            on_server=on_server,
            remaining=remaining,
            # In a later epoch an empty list proves nothing: a provider may still be moving the mail.
            complete=not self._undecided and (self._mailbox.epoch == 1 or self._on_server > 0),
            emptied=self._on_server == 0,
        )
        # More than we stored: a worker was lost before it could report. Less: mail was deleted, which corrects the workflow's
        # number and is no mail.
        unreported = self._total - self._request.total_stored
        in_quarantine = await self._in_quarantine()
        unknown_quarantine = self._request.in_quarantine not in (None, in_quarantine)
        if self.row.stored:
            await self._services.address_book.catch_up(self._settings.address, self._settings.own_addresses)
        if self.row.leaves_its_row or self._request.recovering:
            self.row.finished_at = now
            self.row.outcome = "mail" if self.row.stored else "recovered" if self._request.recovering else "nothing_new"
            await self._mailboxes.ended(self.row)
        asked_for = self._request.report or self._request.recovering
        news = self.row.brought_news or blocked or more or unreported or noticed or unknown_quarantine
        if not (news or asked_for):
            return None
        return SessionReport(
            outcome="over_quota" if blocked else "mail" if self.row.stored or unreported > 0 else "nothing_new",
            at=now,
            settings_version=self._request.settings_version,
            credential_version=self._request.credential_version,
            stored=self.row.stored,
            skipped=self.row.skipped,
            quarantined=self.row.quarantined,
            deleted=self.row.deleted,
            progress=self._progress(remaining),
            total_stored=self._total,
            more=more,
            next_attempt_at=next_attempt_at,
            needed_bytes=blocked.size if blocked else 0,
            minute_seconds=self._minute_seconds,
            observed=self._observer.observed,
            in_quarantine=in_quarantine,
        )

    async def _in_quarantine(self) -> InQuarantine:
        if self._mailbox.quarantined or self.row.quarantined:
            return await self._services.quarantine.counts(self._settings.address)
        return InQuarantine()

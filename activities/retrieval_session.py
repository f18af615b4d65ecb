"""One session of a watch: list, plan, retrieve and commit in batches, delete what policy says, QUIT, and report.

Where the process may die: before a batch's commit the server still has the messages and nobody knows them; after it they
are ours. Before QUIT is answered nothing is deleted on the server, and the next session asks again; after it the messages
are gone there and stored here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from temporalio import activity

from activities.arrivals import Batch, NotRetrieved, Retrieved
from activities.doubts import Doubts, reason
from activities.leases import Lease
from activities.ledger import Ledger
from activities.mailboxes import Live, Mailbox, Mailboxes, SessionRow
from activities.observations import Observer
from activities.pop.connection import (
    Arrival,
    Arriving,
    MessageTooLarge,
    PopConnection,
    ProtocolViolation,
    ServerRefused,
)
from activities.pop.session import SERVERS_FAULTS, Clock, Session, SessionFailure, Sessions, as_configuration
from activities.quarantine import Quarantine
from activities.store import MailStore
from activities.survey import Found, Survey
from activities.suspects import Suspects
from activities.uploads import Upload, Uploads
from activities.withheld import GIVES_UP_AFTER, Withheld
from domain.commands import InQuarantine, Progress, SessionReport
from domain.refusal import Refused, WorkerLacks
from domain.retrieval import DELETIONS_PER_SESSION, Identity, Listed, Plan, is_to_be_deleted, plan
from infra.telemetry import span
from workflows.contract import WatchRequest

SESSION_SECONDS = 5 * 60.0  # then the workflow is told how far it is
RARE_SESSION_SECONDS = 20 * 60.0  # where the server's LOGIN-DELAY makes sessions dear
MESSAGE_SECONDS = 15 * 60.0  # that a message begun in time may still take
HELD_BYTES = 4 << 20  # of one message; a larger one is written to the database while it arrives


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
        sessions: Sessions,
        mailboxes: Mailboxes,
        ledger: Ledger,
        store: MailStore,
        uploads: Uploads,
        observer: Observer,
        suspects: Suspects,
        quarantine: Quarantine,
        *,
        worker: str,
        support: str,
        largest: int,
        batch_bytes: Callable[[], int],
        interval: Callable[[float], timedelta],
        minute_seconds: float,
        clock: Clock,
    ) -> None:
        """`largest` is the size of a message that is still fetched, `batch_bytes` how many a batch may have at the moment;
        `interval` gives the pause for a LOGIN-DELAY."""
        self._request = request
        self._settings = request.settings
        self._lease = lease
        self._sessions = sessions
        self._mailboxes = mailboxes
        self._ledger = ledger
        self._store = store
        self._uploads = uploads
        self._observer = observer
        self._suspects = suspects
        self._quarantine = quarantine
        self._support = support
        self._largest = largest
        self._batch_bytes = batch_bytes
        self._interval = interval
        self._minute_seconds = minute_seconds
        self._clock = clock
        self._began = time.monotonic()
        self._retrieving_since: float | None = None
        self._session_seconds = SESSION_SECONDS
        self._mailbox: Mailbox
        self._found: Found
        self._plan = Plan()
        self._on_server = 0
        self._batch = Batch(number=1, limit=batch_bytes())
        self._committing: asyncio.Task[None] | None = None
        self._committed: list[Listed] = []
        self._done = 0
        self._withheld = Withheld(self._settings, {}, clock)
        self._doubts = Doubts()
        self._awaited: Listed
        self._dropped = False
        self._left_to_delete = 0
        self._undecided = 0
        self._full = False
        self.pause = timedelta(0)
        self.row = SessionRow(id=uuid4(), address=self._settings.address, started_at=clock(), worker=worker)

    def progress(self) -> dict[str, object]:
        """What the Temporal UI shows while the session runs."""
        return {
            "on_server": self._on_server,
            "to_fetch": self._plan.backlog,
            "fetched": self._done,
            "stored": self.row.stored,
            "bytes": self.row.bytes,
            "messages_per_second": round(rate, 1) if (rate := self._rate(self._done)) else None,
        }

    async def run(self) -> SessionReport | None:
        """The whole session; None when it brought no news.

        Raises SessionFailure, with all that had arrived committed; TooSoon; Refused for what the settings lack.
        """
        self._mailbox = await self._mailboxes.open(self._settings)
        await self._observer.open(self._mailbox, self._clock())
        self._respect_login_delay()
        try:
            async with self._sessions.open(self._settings) as session:
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
            if self.row.brought_news:
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
            failed.progress = self._progress(max(self._plan.backlog - self._done, 0) + self._undecided)
        return failed

    def _respect_login_delay(self) -> None:
        delay, last = self._mailbox.login_delay_seconds, self._mailbox.login_at
        if last is not None and self._clock() < (earliest := last + timedelta(seconds=delay)):
            raise TooSoon(delay, earliest)

    async def _work(self, connection: PopConnection) -> None:
        host, pipelined = self._settings.incoming.host, False
        try:
            await self._uploads.sweep(self._lease)
            connection.pipelining &= await self._suspects.may_pipeline(host, self._clock())
            await self._look(connection)
            pipelined = connection.pipelining
            await self._retrieve(connection)
            await self._commit_rest()
            await self._delete(connection, self._found.listed)
        except SERVERS_FAULTS as fault:
            if isinstance(fault, ProtocolViolation) and pipelined:
                await self._suspects.out_of_step(host, self._clock())
            await self._commit_rest()  # what has arrived is kept, so even a line that always breaks gets on
            raise
        finally:
            if self._committing is not None:  # something else went wrong: roll back, and let that error go on
                self._committing.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await self._committing

    async def _look(self, connection: PopConnection) -> None:
        """Takes stock of the server, and records at once what is not to be fetched."""
        survey = Survey(
            self._settings,
            self._ledger,
            self._lease,
            self.row,
            self._suspects,
            clock=self._clock,
            must_end=self._must_end,
        )
        self._found = found = await survey.take(connection, self._mailbox)
        self._mailbox, self._on_server, self._undecided = found.mailbox, found.on_server, found.undecided
        self._withheld = Withheld(self._settings, found.known, self._clock, await self._look_at_quarantine(found))
        self._plan = plan(
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
            refused = [NotRetrieved(message, reason, 1, None) for message in self._plan.oversized]
            await self._store_batch(Batch(number=0, refused=refused))

    async def _look_at_quarantine(self, found: Found) -> set[Identity]:
        """Settles what the list tells of messages that could not be taken before; answers which the server disclaimed."""
        address, epoch = self._settings.address, found.mailbox.epoch
        listed = {message.identity for message in found.listed}
        if found.mailbox.quarantined and found.complete:
            await self._quarantine.settle(self._lease, self.row, epoch, listed, self._clock())
        if not found.mailbox.disclaimed:
            return set()
        return await self._quarantine.disclaimed(address, epoch, listed)

    def _most(self) -> int | None:
        """How many messages this session may fetch: one phase, or all of them phase after phase (R18, R19)."""
        retrieval = self._settings.retrieval
        if self._request.report or retrieval.pace == "steady":
            return retrieval.messages_per_phase
        return DELETIONS_PER_SESSION if retrieval.after_store == "delete" else None

    async def _retrieve(self, connection: PopConnection) -> None:
        """Fetches what was planned; each batch is committed while the next is on the wire. Suspects come last."""
        if not self._plan.fetch:
            return
        self._retrieving_since = time.monotonic()
        alone = await self._suspects.of(self._settings.address, self._mailbox.epoch)
        with span("pop.retrieve"):
            try:
                await self._fetch(connection, [one for one in self._plan.fetch if one.identity not in alone])
                await self._fetch_suspects(connection, [one for one in self._plan.fetch if one.identity in alone])
            except SERVERS_FAULTS as broke:
                if not isinstance(broke, ServerRefused) or not broke.command:  # else it names a limit of the mailbox
                    before = next((listed for listed, _ in self._doubts.take_back(self._batch, broke)), None)
                    await self._suspects.blame(
                        self._settings.address, self._mailbox.epoch, broke, self._awaited, before
                    )
                raise
        self._withheld.judge(others_came=bool(self._done or self._batch.arrived))
        self._batch.refused += self._withheld.quarantined()
        if self._withheld.disclaimed:
            await self._quarantine.disclaim(self._lease, self._mailbox.epoch, self._withheld.disclaimed)

    async def _fetch(self, connection: PopConnection, messages: Sequence[Listed]) -> None:
        waiting = deque(messages)
        while waiting:
            wanted = [(message.number, message.size) for message in waiting]
            async with contextlib.aclosing(
                connection.retrieve(wanted, largest=self._largest, held=min(HELD_BYTES, self._largest))
            ) as arriving:
                while waiting:
                    self._awaited = waiting.popleft()
                    got = await self._arrival(self._awaited, arriving)  # in the order they were asked for
                    self._lease.check()
                    await self._take(self._awaited, got)
                    if isinstance(got, bytes | Upload) and self._doubts.demand_proof(self._awaited, got):
                        break
                    if self._must_end():
                        break
            await connection.prove_in_step()
            self._doubts.proven()
            if self._must_end():
                return

    async def _fetch_suspects(self, connection: PopConnection, suspects: Sequence[Listed]) -> None:
        """Each alone: nothing else is on the wire that an answer out of step could be taken for."""
        if suspects:
            connection.pipelining = False
        for message in suspects:
            try:
                await self._fetch(connection, [message])
            except SERVERS_FAULTS as broke:
                if isinstance(broke, ServerRefused) and broke.command:
                    raise
                taken_back = self._doubts.take_back(self._batch, broke)
                if all(one.listed is not message for one in self._batch.refused):
                    self._batch.refused.append(self._withheld.put_aside(message, reason(broke, taken_back)))
                if not isinstance(broke, ProtocolViolation):
                    raise
                await connection.abort()  # without QUIT; what is to be deleted, the next session deletes
                self._dropped = True
                return
            if self._must_end():
                return

    async def _arrival(
        self, listed: Listed, arriving: AsyncGenerator[tuple[int, Arrival]]
    ) -> bytes | Upload | ServerRefused | MessageTooLarge:
        """The next message. One that takes so long that its session would be given up is put aside, or it would block those
        behind it for ever."""
        left = self._session_seconds + MESSAGE_SECONDS - (time.monotonic() - self._began)
        try:
            async with asyncio.timeout(left) as limit:
                _, got = await anext(arriving)
                if not isinstance(got, Arriving):
                    return got
                await self._commit()  # what came before does not wait for all of a large message
                return await self._uploads.write(self._lease, got.head, got.rest())
        except MessageTooLarge as too_large:
            return too_large
        except TimeoutError:
            if limit.expired():
                self._batch.refused.append(self._withheld.put_aside(listed, f"not here after {left:.0f} s"))
            raise

    async def _take(self, listed: Listed, got: bytes | Upload | ServerRefused | MessageTooLarge) -> None:
        if isinstance(got, ServerRefused):
            self._withheld.add(listed, got)
            return
        size = 0 if isinstance(got, MessageTooLarge) else got.size if isinstance(got, Upload) else len(got)
        now = time.monotonic()
        if not self._batch.has_room_for(size, now):
            await self._commit()
        if not self._batch.arrived and not self._batch.refused:
            self._batch.began = now
        if isinstance(got, MessageTooLarge):
            self._batch.refused.append(self._withheld.put_aside(listed, f"larger than the server said: {got}"))
            return
        self._batch.arrived.append((listed, got))
        self._batch.bytes += size
        self._batch.refused += self._withheld.quarantined()  # others are handed out, so it is about those messages

    def _must_end(self) -> bool:
        """A session is bounded in time, and ends early when its worker is told to stop, when the server hands nothing out
        any more, or when the user's other accounts have filled the quota; the next one goes on, or finds that it may not."""
        if self._full or self._withheld.in_a_row >= GIVES_UP_AFTER:
            return True
        return time.monotonic() - self._began > self._session_seconds or activity.is_worker_shutdown()

    async def _commit(self) -> None:
        """Hands the batch over to be committed, once the one before it is: at most two are in memory."""
        if not self._batch.arrived and not self._batch.refused:
            return
        batch, self._batch = self._batch, Batch(number=self._batch.number + 1, limit=self._batch_bytes())
        if self._committing is not None:
            await self._committing
        self._committing = asyncio.create_task(self._store_batch(batch))

    async def _commit_rest(self) -> None:
        await self._commit()
        if self._committing is not None:
            committing, self._committing = self._committing, None
            await committing

    async def _store_batch(self, batch: Batch) -> None:
        with span("store.batch", messages=len(batch.arrived)):
            # In a thread, so that heartbeats and the line go on while mail is indexed.
            indexed = await asyncio.to_thread(lambda: [Retrieved.of(listed, raw) for listed, raw in batch.arrived])
            done = self._done + len(batch.arrived) + (len(batch.refused) if batch.number else 0)
            await self._store.commit(
                self._lease,
                self.row,
                self._mailbox.epoch,
                batch,
                indexed,
                self._settings.crm,
                self._live(done),
                self._clock(),
                self._observer.recent_mode,
            )
            self._full = await self._mailboxes.room(self._settings.owner) <= 0
            self._done = done
            self._committed += [listed for listed, _ in batch.arrived]

    def _rate(self, done: int) -> float | None:
        """Messages a second, since the first was asked for."""
        if self._retrieving_since is None or not done:
            return None
        return done / max(time.monotonic() - self._retrieving_since, 0.001)

    def _eta(self, remaining: int, rate: float | None) -> datetime | None:
        return self._clock() + timedelta(seconds=remaining / rate) if rate and remaining else None

    def _live(self, done: int) -> Live:
        remaining, rate = max(self._plan.backlog - done, 0), self._rate(done)
        return Live(on_server=self._on_server, remaining=remaining, eta=self._eta(remaining, rate), rate=rate)

    async def _delete(self, connection: PopConnection, listed: list[Listed]) -> None:
        """DELE for what is committed and policy names, then QUIT, which alone makes it real (R62; RFC 1939, section 6)."""
        epoch, now = self._mailbox.epoch, self._clock()
        if self._mailbox.deletions_unsettled:
            await self._ledger.settle_deletions(self._lease, self.row, epoch, listed, now)
        fresh = [one for one in self._committed if is_to_be_deleted(self._settings.retrieval, now, now)]
        due = (self._plan.delete + fresh)[:DELETIONS_PER_SESSION]
        if self._dropped:
            self._left_to_delete = len(due)
            return
        if not due:
            await connection.quit()
            return
        with span("pop.delete"):
            await self._ledger.ask_deletion(self._lease, self._settings.address, epoch, due, now)
            self._lease.check()
            accepted = set(await connection.delete([message.number for message in due]))
            if await connection.quit():
                gone = [message for message in due if message.number in accepted]
                if gone:
                    await self._ledger.deleted(self._lease, self.row, epoch, gone, self._clock())
        self._left_to_delete = len(self._plan.delete) + len(fresh) - len(due)

    @property
    def _total(self) -> int:
        return self._mailbox.messages + self.row.stored

    def _progress(self, remaining: int) -> Progress:
        return Progress(
            on_server=self._on_server - self.row.deleted,
            stored=self._total,
            remaining=remaining,
            bytes=self._mailbox.bytes + self.row.bytes,
            eta=self._eta(remaining, self._rate(self._done)) if self._settings.retrieval.pace == "full" else None,
        )

    async def _report(self, session: Session) -> SessionReport | None:
        now = self._clock()
        remaining = max(self._plan.backlog - self._done, 0) + self._undecided
        blocked = self._plan.blocked_by_quota if self._done >= len(self._plan.fetch) else None
        if blocked and self._done and await self._mailboxes.room(self._settings.owner) >= blocked.size:
            blocked = None  # what was fetched turned out to be there already, and took no room
        paused = self._plan.blocked_for_today if self._done >= len(self._plan.fetch) else None
        unfinished = (
            (remaining > 0 and blocked is None and paused is None)
            or self._left_to_delete > 0
            or self._observer.queue_goes_on(self.row.stored)
        )
        # A session that got nowhere is not followed by another at once: a server may refuse every DELE.
        more = unfinished and self.row.brought_news and self._settings.retrieval.pace == "full"
        noticed = await self._observer.conclude(
            self._lease, self.row, self._found, self._plan, paused, expire_days=session.expire_days, at=now
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
        )
        unreported = (
            self._total - self._request.total_stored
        )  # more than we stored: a worker was lost before it could report
        in_quarantine = await self._in_quarantine()
        unknown_quarantine = self._request.in_quarantine not in (None, in_quarantine)
        if self.row.brought_news or self._request.recovering:
            self.row.finished_at = now
            self.row.outcome = "mail" if self.row.stored else "recovered" if self._request.recovering else "nothing_new"
            await self._mailboxes.ended(self.row)
        elif not (blocked or more or unreported or noticed or unknown_quarantine or self._request.report):
            return None
        return SessionReport(
            outcome="over_quota" if blocked else "mail" if unreported else "nothing_new",
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
            return await self._quarantine.counts(self._settings.address)
        return InQuarantine()

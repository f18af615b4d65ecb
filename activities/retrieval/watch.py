"""The retrieval activities: `watch` holds sessions with a mailbox until one brings news, `try_login` tries a login.

One attempt of `watch` is one session: connect, log in, list, plan, retrieve and commit in batches, delete what policy says,
QUIT. A session without news raises a BENIGN error that asks to be called again after the interval, so an empty poll costs
no history. A failure of the server or the network is raised under its kind; anything else (a database that is away, a bug)
counts against no account, and is tried again after a pause of its own (activities/pauses.py).
"""

from __future__ import annotations

import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.attempts import call_again, heartbeats
from activities.crm.connections import CrmConnections
from activities.directory.address_book import AddressBook
from activities.mailbox.deletions import Deletions
from activities.mailbox.desynchronisation import Suspects
from activities.mailbox.hosts import Hosts
from activities.mailbox.leases import Lease, Leases, NotNow
from activities.mailbox.ledger import Ledger
from activities.mailbox.pipelining import Pipelining
from activities.mailbox.quarantine import Quarantine
from activities.mailbox.state import Mailboxes, SessionRow
from activities.pop.listing_budget import NoRoom, Share
from activities.pop.session import Clock, SessionFailure, Sessions, now_utc
from activities.privacy.privacy import Privacies
from activities.retrieval.context import SessionContext
from activities.retrieval.listing import check_that_messages_can_be_told_apart, counted
from activities.retrieval.mail_store import MailStore
from activities.retrieval.observer import Observer
from activities.retrieval.services import Services
from activities.retrieval.session import RetrievalSession, TooSoon
from activities.storage.batch import BATCH_BYTES
from activities.storage.uploads import Uploads
from domain.core.refusal import Refused, WorkerLacks
from domain.mailbox.providers import profile_of
from domain.mailbox.settings import check_login_name
from domain.retrieval.deletion import deletes_sooner, unconfirmed
from domain.retrieval.outcome import Counts
from domain.retrieval.reports import LoginReport, SessionReport
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.telemetry.metrics import SessionMetrics
from workflows.contract import NOTHING_NEW, WAITING, LoginRequest, WatchRequest

logger = logging.getLogger(__name__)

BATCHES_BYTES = 48 << 20  # of all sessions of this process together; each has up to two batches in memory
LEAST_BATCH_BYTES = 1 << 20
OVER_QUOTA_MINUTES = 6 * 60  # after which the server is looked at: what had no room may have been deleted there
JITTER = 0.1  # of the interval, added, so that accounts drift apart and a LOGIN-DELAY stays a floor


class Retrieval:
    """Given its pool, secrets, settings and clock, so that a test can give it others."""

    def __init__(
        self,
        pool: Pool,
        sessions: Sessions,
        settings: WorkerSettings,
        metrics: SessionMetrics,
        worker: str,
        *,
        clock: Clock = now_utc,
    ) -> None:
        self._pool = pool
        self._sessions = sessions
        self._settings = settings
        self._metrics = metrics
        self._worker = worker
        self._clock = clock
        self._leases = Leases(pool, worker, settings.max_sessions_per_host, settings.minute_seconds)
        self._hosts = Hosts(pool)
        self._crms = CrmConnections(pool)
        self._mailboxes = Mailboxes(pool, settings.quota_bytes, settings.minute_seconds)
        self._services = Services(
            sessions=sessions,
            mailboxes=self._mailboxes,
            ledger=Ledger(pool),
            store=MailStore(pool),
            uploads=Uploads(pool),
            privacies=Privacies(pool),
            suspects=Suspects(pool),
            quarantine=Quarantine(pool),
            address_book=AddressBook(pool),
            observer=Observer(pool),
        )
        self._deletions = Deletions(pool, clock)
        self._sessions_open = 0

    @activity.defn
    async def try_login(self, request: LoginRequest) -> LoginReport:
        """Logs in and out. Stores nothing but the time of the login, counts nothing."""
        settings = request.settings
        check_login_name(settings)
        await self._crms.check_crms(settings.crm, settings.organisation)
        found = await self._deletions.deletable(settings.address, settings.retrieval)
        sooner = request.before is not None and deletes_sooner(request.before, settings.retrieval)
        if sooner and (refused := unconfirmed(found.messages, request.confirm_deletes)):
            raise refused
        try:
            async with heartbeats(lambda: None), self._hold(settings.address, settings.incoming.host) as (_, room):
                async with self._sessions.open(settings, room) as session:
                    count = await counted(session.line)  # some servers refuse a login only here
                    await check_that_messages_can_be_told_apart(session.line, count)
                    await session.line.quit()
                at = self._clock()
                await self._mailboxes.logged_in(settings, at, session.login_delay_seconds)
                return LoginReport(
                    at=at,
                    minute_seconds=self._settings.minute_seconds,
                    login_delay_seconds=session.login_delay_seconds,
                    expire_days=session.expire_days,
                    deletable=found.messages,
                )
        except SessionFailure as failed:
            await self._hosts.login_failed(settings, failed)
            remedy = failed.remedy.of_command(request.command)
            failed.failure = failed.failure.model_copy(update={"remedy": remedy, "counts": None})
            raise self._as_error(failed) from None

    @activity.defn
    async def watch(self, request: WatchRequest) -> SessionReport:
        """One session, if it is time for one. Returns news, raises NothingNew, or raises the failure under its kind."""
        settings, now = request.settings, self._clock()
        host = settings.incoming.host
        if request.not_before and request.not_before > now:
            call_again(f"next look at {host}", request.not_before - now, WAITING)
        session: RetrievalSession | None = None
        began = time.monotonic()
        try:
            async with heartbeats(lambda: session.progress() if session else None):
                if not request.report and await self._leaves_it_at_over_quota(request):
                    words = "over quota: the mail stays on the server until there is room"
                    call_again(words, self._interval(request), NOTHING_NEW)
                try:
                    async with self._hold(settings.address, host) as (lease, room):
                        row = SessionRow(uuid4(), settings.address, self._clock(), self._worker)
                        session = RetrievalSession(
                            SessionContext(request, lease, room, row, self._settings, self._clock),
                            self._services,
                            Pipelining(self._pool, settings.address, host),
                            batch_bytes=self._batch_bytes,
                            interval=lambda login_delay: self._interval(request, login_delay),
                        )
                        self._sessions_open += 1
                        try:
                            visited = await session.run()
                        finally:
                            self._sessions_open -= 1
                except SessionFailure as failed:
                    # Before the last heartbeat: its answer may cancel this attempt, and what the server said would be lost.
                    failed.host_outage = await self._hosts.session_failed(settings, failed, self._clock())
                    raise
        except SessionFailure as failed:
            assert session is not None
            self._count(request, session.counts, began, "failed", failed.failure.kind)
            raise self._as_error(failed, request) from None
        except TooSoon as soon:
            if request.report:
                raise Refused("login_delay", f"{soon}: ask again after {soon.earliest:%Y-%m-%d %H:%M:%S} UTC") from None
            call_again(str(soon), soon.earliest - self._clock(), WAITING)
        except WorkerLacks as lacking:  # Temporal tries again, perhaps on a worker that has it
            raise RuntimeError(lacking.message) from None
        self._count(request, session.counts, began, "mail" if session.counts.stored else "nothing_new")
        if session.counts.stored:
            logger.info("%s: %d messages retrieved from %s", settings.address, session.counts.stored, host)
        if visited.report is None:
            call_again(f"nothing new at {host}", visited.pause, NOTHING_NEW)
        return visited.report

    @contextlib.asynccontextmanager
    async def _hold(self, address: str, host: str) -> AsyncIterator[tuple[Lease, Share]]:
        """The mailbox's lease, and memory for its lists: who has to wait for that takes no place at the host."""
        try:
            with self._sessions.room(address) as room:
                async with self._leases.hold(address, host) as lease:
                    yield lease, room
        except NotNow as busy:
            call_again(str(busy), timedelta(seconds=busy.seconds * random.uniform(1, 1.5)), WAITING)
        except NoRoom as full:
            call_again(str(full), timedelta(seconds=random.uniform(5, 15)), WAITING)

    async def _leaves_it_at_over_quota(self, request: WatchRequest) -> bool:
        """Whether there is still no room for what had none, and the server was asked lately."""
        if not request.needed_bytes or await self._mailboxes.room(request.settings.owner) >= request.needed_bytes:
            return False
        last = await self._mailboxes.last_checked_at(request.settings.address)
        lately = timedelta(seconds=OVER_QUOTA_MINUTES * self._settings.minute_seconds)
        return last is not None and self._clock() < last + lately

    def _batch_bytes(self) -> int:
        """Bytes that a session's batch may have: the fewer, the more sessions this process holds."""
        return max(min(BATCH_BYTES, BATCHES_BYTES // max(self._sessions_open, 1)), LEAST_BATCH_BYTES)

    def _interval(self, request: WatchRequest, login_delay_seconds: float = 0.0) -> timedelta:
        """To the next look: the interval of the settings, or the server's LOGIN-DELAY where that is longer."""
        wanted = request.settings.retrieval.interval_minutes * self._settings.minute_seconds
        return timedelta(seconds=max(wanted, login_delay_seconds) * (1 + random.random() * JITTER))

    def _as_error(self, failed: SessionFailure, request: WatchRequest | None = None) -> ApplicationError:
        failure = failed.failure
        said = f' The server said: "{failure.server_said}".' if failure.server_said else ""
        cause = f" ({failure.cause})" if failure.cause else ""
        return ApplicationError(
            f"{failure.kind}{cause}.{said} {failure.remedy} Reference {failure.reference}; support: {failure.support}",
            failure.model_dump(mode="json"),
            {
                "password_accepted": failed.password_accepted,
                "login_delay_seconds": failed.login_delay_seconds,
                "minute_seconds": self._settings.minute_seconds,
                "settings_version": request.settings_version if request else 0,
                "credential_version": request.credential_version if request else 0,
                "progress": failed.progress.model_dump(mode="json") if failed.progress else None,
                "total_stored": failed.total_stored,
                "host_outage": failed.host_outage.model_dump(mode="json") if failed.host_outage else None,
            },
            type=failure.kind,
            non_retryable=True,
        )

    def _count(
        self, request: WatchRequest, counts: Counts, began: float, outcome: str, kind: str | None = None
    ) -> None:
        self._metrics.session_ended(
            outcome=outcome,
            provider=profile_of(request.settings).name,
            seconds=time.monotonic() - began,
            messages=counts.stored,
            size=counts.bytes,
            failure=kind,
        )

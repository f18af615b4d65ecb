"""One session with a CRM: pulls its directory when that is due, links older mail, and tells it what waits.

Sessions of one CRM never overlap (activities/crm/serve.py holds its lease). One ends early where there is news, and otherwise
after a while; in between it looks for new work again and again, so a message is in the CRM within seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

import psycopg
from temporalio import activity

from activities.crm.adapters.faults import told_as
from activities.crm.adapters.protocol import Crm, CrmFailure, Entry
from activities.crm.adapters.registry import Adapters
from activities.crm.content import content
from activities.crm.outbox import CALL_SECONDS, Outbox, Waiting
from activities.directory.directory import Directory
from activities.linking.relinking import BackLinking
from activities.mailbox.leases import Lease
from domain.core.refusal import Refused
from domain.crm.commands import Counts, SyncReport
from domain.crm.settings import CrmSettings
from domain.directory.records import Page
from domain.failures.failure import Kind
from domain.linking.model import Direction
from infra.database.pool import Pool
from infra.tasks import ended
from infra.telemetry.metrics import EntryOutcome
from infra.watchdog import awaits_an_answer
from workflows.contract import ServeRequest

logger = logging.getLogger(__name__)

AT_ONCE = 4  # records of one CRM that are told of their mail at a time
FINISH_SECONDS = 5.0  # for the calls that are under way when a session is to end
MOST_UNCERTAIN = 3  # one after the other, and it is the CRM
MOST_OF_ONE_PAGE = (
    20  # times that one page of a pull comes: a pull has a few that are empty, and one without end the same again
)
SHARE = 20  # pulses that linking or pushing may take before the other has its turn

ENDS_THE_SESSION = {Kind.CRM_AUTHENTICATION, Kind.CRM_RATE_LIMITED, Kind.CRM_UNAVAILABLE}

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Progress:
    """What heartbeats show, and what news is made of."""

    pulled: int = 0
    pushed: int = 0
    linked: int = 0
    failed: int = 0
    doing: str = "looks for work"

    @property
    def anything(self) -> bool:
        return bool(self.pulled or self.pushed or self.linked or self.failed)


@dataclass(slots=True)
class Session:
    request: ServeRequest
    lease: Lease
    pool: Pool
    adapters: Adapters
    minute_seconds: float
    progress: Progress = field(default_factory=Progress)
    authenticated: bool = False
    pulled_at: datetime | None = None
    _over: bool = False
    _uncertain: int = 0  # one after the other
    _began: float = field(default_factory=time.monotonic)
    _changed_at: float | None = None

    @property
    def settings(self) -> CrmSettings:
        return self.request.settings

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.pool, self.settings.name, self.minute_seconds)

    @property
    def pulse(self) -> float:
        """Seconds between two looks for new work."""
        return max(self.minute_seconds / 60, 0.02)

    async def run(self) -> SyncReport | None:
        """News, or None where there is none. Raises CrmFailure and LeaseLost; what was done before stands."""
        self._told("uncertain", await self.outbox.recover())
        async with self.adapters.open(self.settings) as (crm, host):
            if self.request.recovering or self.request.report:
                await self._check(crm)
            await self._pull(crm)
            while True:
                busy = await self._link()
                busy = await self._push(crm, seconds=SHARE * self.pulse) or busy
                await self.adapters.write_down(self.settings, host)
                if self._is_to_end(busy):
                    break
                if not busy:
                    await asyncio.sleep(self.pulse)
                await self._pull(crm)
        report = await self.report()
        return report if self._is_news(report) else None

    def _is_to_end(self, busy: bool) -> bool:
        self.lease.check()
        now = time.monotonic()
        if self.progress.anything and self._changed_at is None:
            self._changed_at = now
        told = self._changed_at is not None and now - self._changed_at > 10 * self.pulse
        long = now - self._began > 300 * self.pulse
        if self.request.report or self.request.recovering:
            return not busy or long or activity.is_worker_shutdown()
        return told or long or activity.is_worker_shutdown()

    def _is_news(self, report: SyncReport) -> bool:
        known = self.request.counts
        return (
            self.request.report
            or self.request.recovering
            or self.progress.anything
            or (self.pulled_at is not None and self.request.pulled_at is None)
            or (report.counts.backlog, report.counts.uncertain, report.counts.failed)
            != (known.backlog, known.uncertain, known.failed)
        )

    async def report(self) -> SyncReport:
        return SyncReport(
            settings_version=self.request.settings_version,
            counts=await self.counts(),
            pulled=self.progress.pulled,
            pushed=self.progress.pushed,
            linked=self.progress.linked,
            pulled_at=self.pulled_at,
            minute_seconds=self.minute_seconds,
        )

    async def counts(self) -> Counts:
        """How the outbox stands; what was delivered is counted anew only where that has changed."""
        known = None if self.progress.pushed or self.request.report else self.request.counts.delivered
        return await self.outbox.counts(delivered=known)

    # The directory ------------------------------------------------------------------------------------------------------

    async def _pull(self, crm: Crm) -> None:
        """Pulls what has changed, or compares everything once a day. What comes after each page is pushed in between."""
        if self.settings.kind == "builtin":  # its directory is here already
            return
        cursor, wanted, sweep = await self._pull_is_due()
        if not wanted:
            return
        name, directory = self.settings.name, Directory(self.pool)
        self.progress.doing = "compares the whole directory" if sweep else "pulls the directory"
        began = await directory.clock()
        async for page in self._pages(crm.pull(None if sweep else cursor)):
            self.authenticated = True
            self.lease.check()
            self._pulled(await directory.apply(name, page, sweep=sweep))
            await self._push(crm, seconds=self.pulse)
        if sweep:
            self._pulled(await directory.swept(name, began))
        async with self.pool.connection() as connection:
            await connection.execute("update crms set pulled_at = now() where name = %s", [name])
        self.authenticated = True
        self.request = self.request.model_copy(update={"pull": False})
        self.pulled_at = datetime.now(UTC)
        self.progress.doing = "looks for work"

    def _pulled(self, records: int) -> None:
        self.progress.pulled += records
        self.adapters.metrics.pulled(self.settings.kind, records)

    async def _pages(self, pages: AsyncIterator[Page]) -> AsyncIterator[Page]:
        """The pages of a pull, each in time; raises CrmFailure where they have no end."""
        came: Counter[int] = Counter()
        while True:
            with told_as(Kind.CRM_UNAVAILABLE):
                page = await _in_time(anext(pages, None), Kind.CRM_UNAVAILABLE)
                if page is None:
                    return
                mark = hash((json.dumps(page.cursor), tuple((one.kind, one.id) for one in page.records)))
                came[mark] += 1
                if came[mark] > MOST_OF_ONE_PAGE:
                    raise CrmFailure(Kind.CRM_UNAVAILABLE, "it gives the same page of its directory again and again")
            yield page

    async def _pull_is_due(self) -> tuple[dict[str, object] | None, bool, bool]:
        """The cursor, whether to pull at all, and whether to sweep."""
        async with self.pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select cursor, pulled_at,
                        coalesce(pulled_at < now() - make_interval(secs => %s), true),
                        coalesce(swept_at < now() - make_interval(secs => %s), true)
                    from crms where name = %s
                    """,
                    [
                        self.settings.interval_minutes * self.minute_seconds,
                        1440 * self.minute_seconds,
                        self.settings.name,
                    ],
                )
            ).fetchone()
        if row is None:
            return None, False, False
        cursor, pulled_at, due, sweep = row
        self.pulled_at = pulled_at or self.pulled_at
        return cursor, due or sweep or self.request.pull, sweep or cursor is None

    # Older mail ---------------------------------------------------------------------------------------------------------

    async def _link(self) -> bool:
        """Links mail that was stored before, for a while; whether there is more to do."""
        back_linking, until = BackLinking(self.pool), time.monotonic() + SHARE * self.pulse
        while (changed := await back_linking.page(self.settings.name)) is not None:
            self.progress.linked += changed.linked + changed.unlinked + changed.turned
            self.lease.check()
            if time.monotonic() > until or activity.is_worker_shutdown():
                return True
        return False

    # The outbox -----------------------------------------------------------------------------------------------------------

    async def _push(self, crm: Crm, *, seconds: float) -> bool:
        """Tells the CRM what is due, for a while; whether there may be more to do. The entries of a record go one by one."""
        until = time.monotonic() + seconds
        before: list[Waiting] = []
        while due := await self.outbox.due():
            if due == before:
                return False  # nothing could be done about any of them: not at once again
            before = due
            chains: dict[tuple[str, str], list[Waiting]] = {}
            for entry in due:
                chains.setdefault(entry.record, []).append(entry)
            await self._finish(asyncio.create_task(self._tell(crm, list(chains.values()), until)))
            if time.monotonic() > until:
                return True
        return False

    async def _finish(self, telling: asyncio.Task[None]) -> None:
        """Lets the calls that are under way end even if the session is cancelled: their answers are worth a moment."""
        try:
            await asyncio.shield(telling)
        except asyncio.CancelledError:
            self._over = True
            try:
                await asyncio.wait([telling], timeout=FINISH_SECONDS)
            finally:
                await ended(telling)
            raise

    async def _tell(self, crm: Crm, chains: list[list[Waiting]], until: float) -> None:
        """Works off chains of entries, some at a time; raises what ends the session once all calls have ended."""
        chains.reverse()
        failures: list[BaseException] = []

        async def work() -> None:
            while chains and not self._over and not failures:
                for entry in chains.pop():
                    if self._over or failures or time.monotonic() > until or activity.is_worker_shutdown():
                        return
                    try:
                        self.lease.check()
                        if not await self._step(crm, entry):
                            break  # what follows it of the same record waits with it
                    except Exception as failed:
                        failures.append(failed)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        if failures:
            raise failures[0]

    async def _step(self, crm: Crm, entry: Waiting) -> bool:
        """Tells of one entry; whether the next one of its record may follow. Raises CrmFailure that is not the entry's own."""
        claim = None
        try:
            if entry.state == "uncertain":
                found = await self._ask(crm.find(await self._content(entry), entry.remote_id or ""))
                await self.outbox.found(entry, found)
                if found is not None:
                    self.progress.pushed += 1
                    self._told("found")
                return False  # the next look sees what is left to do
            told = await self._content(entry)
            claimed = await self.outbox.claim(entry, crm.probe(told))
            if claimed is None:
                return False  # it is another one by now, and the next look sees that
            entry, claim = claimed
            remote_id = await self._carry_out(crm, entry, replace(told, direction=_direction(entry)))
        except CrmFailure as failed:
            return await self._failed(crm, entry, claim, failed)
        except Refused:  # of a secret or a host, so nothing was sent
            if claim is not None:
                await self.outbox.not_carried_out(entry, claim)
            raise
        except psycopg.Error:
            raise
        except Exception as error:  # a fault of ours: nobody knows more of the entry than after a lost answer
            logger.exception("%s: the adapter failed at entry %d", self.settings.name, entry.id)
            fault = CrmFailure(Kind.CRM_UNCERTAIN, f"the adapter failed ({type(error).__name__})")
            return await self._failed(crm, entry, claim, fault)
        await self.outbox.delivered(entry, claim, remote_id)
        self._uncertain = 0
        self.authenticated = True
        self.progress.pushed += 1
        self._told("delivered")
        return True

    def _told(self, outcome: EntryOutcome, entries: int = 1) -> None:
        """Counted at once: a session that is cancelled, or whose worker dies, ends without a word."""
        self.adapters.metrics.told(self.settings.kind, outcome, entries)

    async def _failed(self, crm: Crm, entry: Waiting, claim: datetime | None, failed: CrmFailure) -> bool:
        if failed.kind is Kind.CRM_UNCERTAIN:
            await self.outbox.uncertain(entry, failed)
            self._told("uncertain")
            self._uncertain += 1
            if self._uncertain >= MOST_UNCERTAIN:
                raise failed
            return False
        if await self._is_about(crm, entry, failed):
            if await self.outbox.failed(entry, failed):
                logger.warning(
                    *("crm/%s: entry %d is rejected: %s", self.settings.name, entry.id, failed.kind),
                    extra={"kind": failed.kind, "entry": entry.id},
                )
            self.progress.failed += 1
            self._told("gone" if failed.kind is Kind.CRM_GONE else "failed")
            return True
        if claim is not None:
            await self.outbox.not_carried_out(entry, claim)
        raise failed

    async def _carry_out(self, crm: Crm, entry: Waiting, told: Entry) -> str | None:
        """The one call that brings the CRM up to the entry; the id that the CRM has for it, None where it shows nothing."""
        shown, wanted, remote_id = entry.delivered_direction, entry.direction, entry.remote_id
        if shown == wanted and entry.probe is None:
            return remote_id
        if wanted is None:
            await self._write(crm.remove(told, remote_id or ""))
            return None
        if shown is None:
            return await self._write(crm.push(told))
        return await self._write(crm.turn(told, remote_id or ""))

    async def _is_about(self, crm: Crm, entry: Waiting, failed: CrmFailure) -> bool:
        """Whether the failure is the entry's own, so that everything else goes on; a record that is gone is off the directory."""
        if failed.kind in ENDS_THE_SESSION:
            return False
        if failed.kind is Kind.CRM_PERMISSION:
            await self._check(crm)  # which raises where it is not this record alone
        if failed.kind is Kind.CRM_GONE:
            await Directory(self.pool).gone(self.settings.name, entry.record_kind, entry.record_id)
        return True

    async def _content(self, entry: Waiting) -> Entry:
        return await content(self.pool, self.settings.name, entry, _direction(entry))

    async def _check(self, crm: Crm) -> None:
        with told_as(Kind.CRM_UNAVAILABLE):
            await self._ask(crm.check())

    async def _ask(self, call: Awaitable[Answer]) -> Answer:
        """A call that changes nothing."""
        answer = await _in_time(call, Kind.CRM_UNAVAILABLE)
        self.authenticated = True
        return answer

    async def _write(self, call: Awaitable[Answer]) -> Answer:
        return await _in_time(call, Kind.CRM_UNCERTAIN)


def _direction(entry: Waiting) -> Direction:
    """In which direction a CRM is told of it, or asked for it."""
    return entry.direction or entry.pushed_direction or entry.delivered_direction or "Received"


async def _in_time(call: Awaitable[Answer], otherwise: Kind) -> Answer:
    try:
        with awaits_an_answer():
            async with asyncio.timeout(CALL_SECONDS):
                return await call
    except TimeoutError:
        raise CrmFailure(otherwise, f"no answer within {CALL_SECONDS:.0f} s") from None

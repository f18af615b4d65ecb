"""The reconciliation activities: `reconcile` compares an account with its server and with itself, and mends if asked to;
`await_retrieval` waits for the account's own session to have looked.

One attempt of `reconcile` recomputes the hashes page by page, without any lease, and then takes the mailbox's lease for the
list and the comparison: sessions wait for it and it waits for them, so what a session does in between never shows as a
difference. Where it dies while hashing, the next attempt goes on from the last heartbeat; where it dies while it holds the
lease, that runs out by itself, nothing was changed on the server, and each repair stands or was never made.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from pydantic import ValidationError
from temporalio import activity

from activities.core.attempts import call_again, heartbeats
from activities.mailbox.known_account import Known, known_account
from activities.mailbox.leases import Lease, Leases, NotNow
from activities.mailbox.ledger import Ledger
from activities.mailbox.state import Mailboxes, server_key
from activities.pop.listing_budget import NoRoom, Share
from activities.pop.session import Clock, SessionFailure, Sessions, as_configuration, now_utc
from activities.reconciliation.blob_hashes import BlobHashes
from activities.reconciliation.comparison import compare_stored
from activities.reconciliation.repair import Repair
from activities.retrieval.listing import counted, distinct, listed_sizes, listed_uids, unknown
from domain.core.refusal import Refused, WorkerLacks
from domain.failures.failure import Failure
from domain.mailbox.settings import AccountSettings
from domain.reconciliation import (
    NOT_WATCHED,
    BlobsPart,
    Difference,
    Lists,
    Mended,
    Ordinary,
    Report,
    ServerPart,
    compare_lists,
    judged,
    shown,
)
from domain.retrieval.plan import Entry, Identity, Listed, listing
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from workflows.contract import AwaitedRetrieval, Hashed, Pass, ReconcileRequest

LOOK_AGAIN = timedelta(seconds=2)
ASKED_ON_REQUEST = ("operator", "connection_failures")  # reasons of being disabled that a login makes no worse


@dataclass(slots=True)
class Listing:
    """What the server said: the list, or why there is none."""

    part: ServerPart
    messages: list[Listed] | None = None
    login_delay_seconds: float = 0.0
    lists: Lists = field(default_factory=lambda: compare_lists([], {}, caught_up=False))
    unknown: list[Listed] = field(default_factory=list)
    to_fetch: bool = False
    overlooked: Difference = field(default_factory=Difference)
    deleted: Difference = field(default_factory=Difference)

    def drop(self) -> None:
        """Keeps of the lists what the report shows."""
        self.to_fetch = bool(self.unknown)
        self.overlooked, self.deleted = shown(self.lists.overlooked), shown(self.lists.deleted)
        self.messages, self.unknown = None, []
        self.lists = replace(self.lists, overlooked=[], deleted=[])


class Reconciliation:
    """Given its pool, sessions, settings and clock, so that a test can give it others."""

    def __init__(
        self, pool: Pool, sessions: Sessions, settings: WorkerSettings, worker: str, *, clock: Clock = now_utc
    ) -> None:
        self._pool = pool
        self._sessions = sessions
        self._settings = settings
        self._clock = clock
        self._leases = Leases(pool, worker, settings.max_sessions_per_host, settings.minute_seconds)
        self._ledger = Ledger(pool)
        self._mailboxes = Mailboxes(pool, settings.quota_bytes, settings.minute_seconds)

    @activity.defn
    async def reconcile(self, request: ReconcileRequest) -> Pass:
        """One pass over an account. Raises Refused where there is no such account."""
        async with self._pool.connection() as connection:
            known = await known_account(connection, request.address)
        if known is None:
            raise Refused(
                "unknown_address",
                f"{request.address} was never connected here, so there is nothing to reconcile: the view "
                "mailroom.accounts has the addresses that were",
                field="address",
            )
        hashes = BlobHashes(self._pool, request.address, _resumed())
        try:
            async with heartbeats(lambda: hashes.hashed.model_dump(mode="json")):
                while await hashes.page():
                    if activity.is_worker_shutdown():
                        call_again("this worker stops: another one goes on", timedelta(0))
                return await self._compare_held(request, known, hashes)
        except WorkerLacks as lacking:  # Temporal tries again, perhaps on a worker that has it
            raise RuntimeError(lacking.message) from None

    @activity.defn
    async def await_retrieval(self, awaited: AwaitedRetrieval) -> None:
        """Ends once the account's own session has looked since, and left nothing behind or could not get on."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select a.state, m.last_checked_at is distinct from %s
                        and (m.remaining = 0 or m.last_success_at is distinct from m.last_checked_at)
                    from accounts_recorded a left join mailboxes m using (address) where a.address = %s
                    """,
                    [awaited.last_checked_at, awaited.address],
                )
            ).fetchone()
        state, has_looked = row or (None, True)
        if state not in NOT_WATCHED and not has_looked:
            call_again("the account's own session has not looked yet", LOOK_AGAIN)

    async def _compare_held(self, request: ReconcileRequest, known: Known, hashes: BlobHashes) -> Pass:
        if known.state in NOT_WATCHED and not request.repair and not _may_ask(known, request):
            return await self._compare(request, hashes, None, None)  # there are no sessions, and nothing is written
        settings = _settings_of(known)
        async with self._hold(request.address, settings.incoming.host if settings else "") as (lease, room):
            return await self._compare(request, hashes, lease, room)

    @contextlib.asynccontextmanager
    async def _hold(self, address: str, host: str) -> AsyncIterator[tuple[Lease, Share]]:
        try:
            with self._sessions.room(address) as room:  # until its lists are compared
                async with self._leases.hold(address, host) as lease:
                    yield lease, room
        except NotNow as busy:
            call_again(str(busy), timedelta(seconds=busy.seconds * random.uniform(1, 1.5)))
        except NoRoom as full:
            call_again(str(full), timedelta(seconds=random.uniform(5, 15)))

    async def _compare(
        self, request: ReconcileRequest, hashes: BlobHashes, lease: Lease | None, room: Share | None
    ) -> Pass:
        """Lists, mends if asked to, and compares. With `lease`, nobody else writes for this mailbox meanwhile."""
        address = request.address
        async with self._pool.connection() as connection:
            known = await known_account(connection, address)  # anew: a session may have ended since
        assert known is not None
        while await hashes.page():  # what a session stored before the mailbox was held
            pass
        if not await hashes.is_whole():
            hashes.hashed = Hashed()
            call_again("messages were stored out of order: their hashes are computed anew", timedelta(0))
        await hashes.recheck()
        listing = await self._ask_server(known, request, room)
        mended = None
        if request.repair and lease is not None and room is not None:
            repair = Repair(self._pool, lease, known.epoch, self._clock)
            mended = await repair.mend(listing.messages, listing.unknown) + (request.mended or Mended())
            await self._compare_lists(listing, known, address, room)
        listing.drop()
        if room is not None:
            room.give_back()
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("set transaction isolation level repeatable read, read only")
            stored = await compare_stored(connection, address, known.epoch)
        if lease is not None:
            lease.check()
        lists = listing.lists
        report = judged(
            Report(
                address=address,
                at=self._clock(),
                state=known.state,
                epoch=known.epoch,
                server=listing.part,
                ledger=stored.ledger,
                messages=stored.messages,
                bytes=stored.bytes,
                blobs=BlobsPart(checked=hashes.hashed.checked, bytes=hashes.hashed.bytes),
                log=stored.log,
                ordinary=Ordinary(
                    waiting=lists.waiting,
                    quarantined=stored.ledger["quarantined"],
                    skipped=stored.ledger["skipped"],
                    no_longer_listed=stored.ledger["stored"] - lists.stored if listing.part.compared else 0,
                ),
                differences=stored.differences.model_copy(
                    update={"unknown_on_server": listing.overlooked, "deleted_but_listed": listing.deleted}
                ),
                repair=mended,
            )
        )
        return Pass(
            report=report,
            to_fetch=listing.to_fetch,
            login_delay_seconds=listing.login_delay_seconds,
            last_checked_at=known.last_checked_at,
        )

    async def _ask_server(self, known: Known, request: ReconcileRequest, room: Share | None) -> Listing:
        """The server's list beside the ledger. A server that fails is said so, and counts against no account."""
        settings = _settings_of(known)
        if room is None or (known.state in NOT_WATCHED and not _may_ask(known, request)):
            return _not_asked(_why_not(known, request))
        if settings is None:
            return _not_asked("the log holds no settings of the account that can be read")
        if known.server_key != server_key(settings):
            return _not_asked("the account has not been retrieved from this server yet")
        if known.login_at and self._clock() < (
            earliest := known.login_at + timedelta(seconds=known.login_delay_seconds)
        ):
            call_again(f"the server takes one login every {known.login_delay_seconds:.0f} s", earliest - self._clock())
        try:
            return await self._list(settings, known, request.address, room)
        except SessionFailure as failed:
            return _failed(failed.failure)
        except WorkerLacks:
            raise
        except Refused as refused:  # a secret or a host that the settings name is not to be had any more
            return _failed(as_configuration(refused, self._settings.support, self._clock()).failure)

    async def _list(self, settings: AccountSettings, known: Known, address: str, room: Share) -> Listing:
        async with self._sessions.open(settings, room) as session:
            await self._mailboxes.logged_in(settings, self._clock(), session.login_delay_seconds)
            uids = [] if await counted(session.line) == 0 else await listed_uids(session.line)
            sizes = (await listed_sizes(session.line) if uids else None) or {}
            await session.line.quit()
        if uids is None:
            return _not_asked(
                "it has no UIDL, and its messages are told apart by their headers, which is left to sessions"
            )
        ledger = await self._entries(known, address, await room.worked_out(len(uids), distinct, uids))
        listed = Listing(
            ServerPart(compared=True),
            messages=await room.worked_out(len(uids), listing, uids, sizes, ledger),
            login_delay_seconds=session.login_delay_seconds,
        )
        await self._compare_lists(listed, known, address, room)
        return listed

    async def _compare_lists(self, listing: Listing, known: Known, address: str, room: Share) -> None:
        """Beside the ledger as it is now: a repair changes it."""
        messages = listing.messages
        if messages is None:
            return
        uidls = await room.worked_out(len(messages), lambda: {one.uidl for one in messages})
        ledger = await self._entries(known, address, uidls)
        listing.lists = await room.worked_out(len(messages), compare_lists, messages, ledger, caught_up=known.caught_up)
        listing.unknown = await room.worked_out(len(messages), unknown, messages, ledger)
        listing.part = listing.part.model_copy(
            update={"on_server": listing.lists.on_server, "bytes": listing.lists.bytes}
        )

    async def _entries(self, known: Known, address: str, uidls: set[str]) -> dict[Identity, Entry]:
        return await self._ledger.entries(address, known.epoch, uidls)


def _resumed() -> Hashed:
    details = activity.info().heartbeat_details
    return Hashed.model_validate(details[0]) if details else Hashed()


def _may_ask(known: Known, request: ReconcileRequest) -> bool:
    """Whether an account that nobody retrieves from is compared all the same: somebody disabled it, and somebody asks."""
    return request.ask_server and known.state == "disabled" and known.reason in ASKED_ON_REQUEST


def _why_not(known: Known, request: ReconcileRequest) -> str:
    if known.state != "disabled":
        return f"the account is {known.state}"
    if known.reason not in ASKED_ON_REQUEST:
        return f"the account is disabled ({known.reason}), and one more login could lock the mailbox: enable it first"
    return 'the account is disabled; with "ask_server": true one login, which counts to nothing, compares it'


def _settings_of(known: Known) -> AccountSettings | None:
    try:
        # Through JSON, because settings are strict about types and the log holds plain JSON.
        return AccountSettings.model_validate_json(json.dumps(known.settings))
    except ValidationError:
        return None


def _not_asked(reason: str) -> Listing:
    return Listing(ServerPart(compared=False, reason=reason))


def _failed(failure: Failure) -> Listing:
    said = failure.model_copy(update={"counts": None})
    reason = f"{failure.kind}{f' ({failure.cause})' if failure.cause else ''}: {failure.remedy}"
    return Listing(ServerPart(compared=False, reason=reason, failure=said.model_dump(mode="json")))

"""What sessions know of a mailbox and show of it while they run: epochs, room, live progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.mailbox.hosts import accepted, reached
from domain.mailbox.settings import AccountSettings
from domain.retrieval.outcome import Counts
from domain.retrieval.plan import unwatched_after
from infra.database.pool import Pool

NOTHING = Counts()
MUCH = 16 << 20  # bytes that a session may take without leaving its row, where it brought no news; a long list has some


def _nothing() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as the last session left it; `room` is what the user's quota leaves, in bytes.

    `listed_at` is when its first list was worked through, `epoch_listed` whether the present epoch's was.
    `deletions_unsettled`: a QUIT was to delete messages, and its answer never came. `memory` and `observed` are what
    `activities.retrieval.observer` keeps. `quarantined` messages could not be taken yet, those of earlier epochs included;
    `disclaimed`: there are messages that the server listed and did not have. `remaining` is what the last look left to be
    fetched, `emptied_at` when its list was empty, if it was, and `deleted_ones_listed` that deleted messages may be listed still.
    """

    room: int
    epoch: int
    listed_at: datetime | None
    epoch_listed: bool
    last_success_at: datetime | None
    messages: int
    bytes: int
    login_at: datetime | None
    login_delay_seconds: float
    deletions_unsettled: bool
    memory: dict[str, Any]
    observed: list[Any]
    quarantined: int
    disclaimed: bool
    remaining: int
    emptied_at: datetime | None
    deleted_ones_listed: bool


@dataclass(slots=True)
class SessionRow:
    """A session as `retrievals` shows it. `counts` are what its transactions committed so far: each answers what it came to,
    and the session adds that up afterwards. `received` answers how many bytes have come over the wire so far."""

    id: UUID
    address: str
    started_at: datetime
    worker: str
    counts: Counts = NOTHING
    received: Callable[[], int] = field(default=_nothing)
    outcome: str | None = None
    finished_at: datetime | None = None

    def count(self, committed: Counts) -> None:
        self.counts += committed

    @property
    def taken(self) -> int:
        """Bytes that the server has handed out, as its provider may count them: all of them."""
        return self.received()

    @property
    def leaves_its_row(self) -> bool:
        return self.counts.brought_news or self.taken >= MUCH


@dataclass(frozen=True, slots=True)
class Live:
    """What the view `accounts` shows of a session that runs; `rate` in messages a second."""

    on_server: int
    remaining: int
    eta: datetime | None = None
    rate: float | None = None


def server_key(settings: AccountSettings) -> str:
    """What a maildrop's UIDLs belong to. Recent mode shows the same maildrop in another way, so it is left out."""
    return f"{settings.incoming.username or settings.address}@{settings.incoming.host}".lower()


class Mailboxes:
    def __init__(self, pool: Pool, default_quota: int, minute_seconds: float = 60.0) -> None:
        self._pool = pool
        self._default_quota = default_quota
        self._minute_seconds = minute_seconds

    async def room(self, owner: str) -> int:
        """Bytes that the user's quota leaves, over all of the user's accounts (R20)."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select coalesce((select quota_bytes from users where name = %(owner)s), %(default)s)
                        - coalesce((select sum(m.bytes) from accounts_recorded a join mailboxes m using (address)
                                    where a.owner = %(owner)s), 0)
                    """,
                    {"owner": owner, "default": self._default_quota},
                )
            ).fetchone()
        return int(row[0]) if row else self._default_quota

    async def logged_in(self, settings: AccountSettings, at: datetime, login_delay_seconds: float) -> None:
        """Remembers a login, for the server's LOGIN-DELAY; what was wrong with the password or the way to the host is over."""
        address = settings.address
        async with self._pool.connection() as connection, connection.transaction():
            row = await (
                await connection.execute(
                    """
                    with before as (select unreachable_since from mailboxes where address = %s)
                    insert into mailboxes (address, server_key, login_at, login_delay_seconds, unwatched_after)
                    values (%s, %s, %s, %s, %s)
                    on conflict (address) do update set
                        login_at = excluded.login_at, login_delay_seconds = excluded.login_delay_seconds,
                        unwatched_after = excluded.unwatched_after, unreachable_since = null
                    returning (select unreachable_since from before)
                    """,
                    [
                        address,
                        address,
                        server_key(settings),
                        at,
                        login_delay_seconds,
                        unwatched_after(settings.retrieval, login_delay_seconds, self._minute_seconds),
                    ],
                )
            ).fetchone()
            await accepted(connection, address)
            if row and row[0] is not None:
                await reached(connection, address, settings.incoming.host, at)

    async def last_checked_at(self, address: str) -> datetime | None:
        """When a session last looked, whatever came of it."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute("select last_checked_at from mailboxes where address = %s", [address])
            ).fetchone()
        return row[0] if row else None

    async def open(self, settings: AccountSettings) -> Mailbox:
        """The mailbox of these settings. Another server or user name begins a new epoch: there, a UIDL means other mail."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(
                """
                insert into mailboxes as m (address, server_key) values (%s, %s)
                on conflict (address) do update set
                    server_key = excluded.server_key, epoch = m.epoch + 1, epoch_listed_at = null
                where m.server_key <> excluded.server_key
                """,
                [settings.address, server_key(settings)],
            )
            # The caller holds the lease, so a session that is still open here was its worker's last.
            await connection.execute(
                """
                update sessions set finished_at = clock_timestamp(), outcome = 'interrupted'
                where address = %s and finished_at is null
                """,
                [settings.address],
            )
            row = await (
                await connection.execute(
                    """
                    select epoch, listed_at, epoch_listed_at is not null, last_success_at, messages, bytes, login_at,
                        login_delay_seconds, exists (
                        select from pop_ledger l where l.address = m.address and l.epoch = m.epoch
                            and l.deletion_asked_at is not null and l.state = 'stored'
                    ), memory, observed,
                    (select count(*) from pop_ledger l where l.address = m.address and l.state = 'quarantined'),
                    exists (select from disclaimed d where d.address = m.address), coalesce(m.remaining, 0), emptied_at,
                    exists (
                        select from pop_ledger l where l.address = m.address and l.epoch = m.epoch
                            and l.state = 'deleted' and l.vanished_at is null
                    )
                    from mailboxes m where address = %s
                    """,
                    [settings.address],
                )
            ).fetchone()
        assert row is not None
        return Mailbox(await self.room(settings.owner), *row)

    async def checked(
        self,
        address: str,
        at: datetime,
        *,
        next_attempt_at: datetime | None,
        on_server: int,
        remaining: int,
        complete: bool,
        emptied: bool,
    ) -> None:
        """A session looked, whether or not it found anything; `complete`: it decided on the whole list; `emptied`: there was
        nothing on it."""
        async with self._pool.connection() as connection:
            await connection.execute(
                """
                update mailboxes set last_checked_at = %(at)s, last_success_at = %(at)s, next_attempt_at = %(next)s,
                    on_server = %(on_server)s, remaining = %(remaining)s, eta = null, rate = null,
                    emptied_at = case when %(emptied)s then %(at)s::timestamptz end,
                    listed_at = case when %(complete)s then coalesce(listed_at, %(at)s) else listed_at end,
                    epoch_listed_at = case when %(complete)s then coalesce(epoch_listed_at, %(at)s) else epoch_listed_at end
                where address = %(address)s
                """,
                {
                    "at": at,
                    "next": next_attempt_at,
                    "on_server": on_server,
                    "remaining": remaining,
                    "complete": complete,
                    "emptied": emptied,
                    "address": address,
                },
            )

    async def tried(self, address: str, at: datetime) -> None:
        """A session that failed looked, too; when the next one comes is the account's to say, whatever was planned before."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "update mailboxes set last_checked_at = %s, next_attempt_at = null, eta = null, rate = null where address = %s",
                [at, address],
            )

    async def ended(self, session: SessionRow) -> None:
        """The last word about a session that leaves its row."""
        async with self._pool.connection() as connection:
            await save_session(connection, session)


async def show(connection: AsyncConnection[TupleRow], address: str, live: Live) -> None:
    await connection.execute(
        """
        update mailboxes set on_server = %s, remaining = %s, eta = %s, rate = %s, shown_at = clock_timestamp()
        where address = %s
        """,
        [live.on_server, live.remaining, live.eta, live.rate, address],
    )


async def save_session(connection: AsyncConnection[TupleRow], session: SessionRow, more: Counts = NOTHING) -> None:
    """With `more`, which this transaction came to, added. Counts only rise: what was committed stands, though a session that was
    cancelled meanwhile does not know of it."""
    counts = session.counts + more
    await connection.execute(
        """
        insert into sessions as s (id, address, started_at, finished_at, stored, skipped, deleted, bytes, taken, outcome, worker)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (id) do update set
            finished_at = excluded.finished_at, stored = greatest(s.stored, excluded.stored),
            skipped = greatest(s.skipped, excluded.skipped), deleted = greatest(s.deleted, excluded.deleted),
            bytes = greatest(s.bytes, excluded.bytes), taken = excluded.taken, outcome = excluded.outcome
        """,
        [
            session.id,
            session.address,
            session.started_at,
            session.finished_at,
            counts.stored,
            counts.skipped,
            counts.deleted,
            counts.bytes,
            session.taken,
            session.outcome,
            session.worker,
        ],
    )

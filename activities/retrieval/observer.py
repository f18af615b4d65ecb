"""What a session notices beside the mail, kept from session to session: the eyes of `domain.retrieval.observations`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from activities.delivery.recent_mode import RecentMode
from activities.mailbox.leases import Lease
from activities.mailbox.ledger import fenced
from activities.mailbox.state import Mailbox, SessionRow
from activities.pop.listing_budget import Share
from activities.retrieval.listing import Found
from domain.mailbox.providers import profile_of
from domain.retrieval.observations import Look, Memory, Observation, differing, digest_of, observe
from domain.retrieval.plan import DAY, LedgerState, Listed, Plan, room_again_at, volume_left
from infra.database.pool import Pool
from workflows.contract import WatchRequest

CAN_VANISH = ("stored", "skipped", "quarantined")


@dataclass(frozen=True, slots=True)
class Seen:
    """What is left of a list once it is compared: numbers, and the name of all of it."""

    epoch: int
    counted: int
    uids: int
    stored: int
    digest: str
    complete: bool


def _seen(found: Found) -> Seen:
    return Seen(
        epoch=found.mailbox.epoch,
        counted=found.counted,
        uids=found.uids,
        stored=sum(found.known[one.identity].state == "stored" for one in found.listed if one.identity in found.known),
        digest=digest_of(one.uidl for one in found.listed),
        complete=0 < found.counted == found.uids == len(found.listed),
    )


def _identities(listed: Sequence[Listed]) -> dict[str, Any]:
    # As one text: an array of hundreds of thousands of strings takes ten times its size while it is sent. A UIDL has no line
    # break in it.
    return {
        "uidls": "\n".join(one.uidl for one in listed if one.occurrence == 0),
        "uidl": [one.uidl for one in listed if one.occurrence > 0],
        "occurrence": [one.occurrence for one in listed if one.occurrence > 0],
    }


class Observer:
    """One session's part in it: told what the server listed, and asked at the end what holds of the mailbox now."""

    def __init__(self, pool: Pool, request: WatchRequest, *, largest: int, minute_seconds: float) -> None:
        self._pool = pool
        self._request = request
        self._settings = request.settings
        self._profile = profile_of(request.settings)
        self._largest = largest
        self._mailbox: Mailbox
        self._memory = Memory()
        self._taken: list[tuple[datetime, int]] = []
        self._least_pause = timedelta(seconds=self._profile.least_interval_minutes * minute_seconds)
        self._room_again_at: datetime | None = None
        self._kept: tuple[dict[str, Any], list[Any]]
        self._seen: Seen
        self.observed: tuple[Observation, ...] = ()
        """What holds of the mailbox, once the session has come to its conclusion."""

    async def open(self, mailbox: Mailbox, now: datetime) -> None:
        """Takes up what the sessions before remembered."""
        self._mailbox = mailbox
        self._kept = mailbox.memory, mailbox.observed
        remembered = Memory.model_validate(mailbox.memory)
        self._memory = remembered.entering(recent_mode=self._settings.retrieval.recent_mode, at=now)
        if self._profile.daily_bytes is not None:
            self._taken = await self._taken_since(now - DAY)

    @property
    def recent_mode(self) -> RecentMode:
        """What storing has to know of recent mode, where one message may come twice (R70)."""
        return RecentMode.of(self._settings, toggled_at=self._memory.toggled_at)

    @property
    def volume(self) -> int | None:
        """The bytes that the provider still hands out today, None for any number."""
        daily = self._profile.daily_bytes
        return None if daily is None else volume_left(self._taken, daily, self._largest)

    def queue_goes_on(self, stored: int) -> bool:
        """Whether a session took a queue's whole length, so that the next one will find more in it (R61)."""
        size = self._profile.queue_size
        return size is not None and stored >= size and not self._settings.retrieval.recent_mode

    def pause(self, interval: timedelta, now: datetime) -> timedelta:
        """To the next session, of an account that would wait for `interval`."""
        waits = [interval, self._least_pause]
        if self._room_again_at is not None:
            waits.append(self._room_again_at - now)
        return max(waits)

    def next_phase(self, now: datetime) -> datetime | None:
        """When a session may follow that has more to do; None for at once."""
        return now + self._least_pause if self._least_pause else None

    async def look(self, lease: Lease, session: SessionRow, room: Share, found: Found, at: datetime) -> None:
        """At the beginning of a session, while it has the list: compares it with the last one. It is not kept for the end, when
        it is known what the session came to: who fetches may need hours, and others need the memory."""
        self._seen = await room.worked_out(len(found.listed), _seen, found)
        if self._seen.complete and self._seen.digest != self._memory.complete_digest:
            asked = await room.worked_out(len(found.listed), _identities, found.listed)
            async with fenced(self._pool, lease) as connection:
                missing, staying = await self._compare(connection, session, found.mailbox.epoch, asked, at)
                self._memory = self._memory.comparing(self._seen.digest, missing, staying)
                await self._remember(connection)

    async def conclude(
        self,
        lease: Lease,
        session: SessionRow,
        plan: Plan,
        blocked: Listed | None,
        *,
        expire_days: int | None,
        greeting: str,
        at: datetime,
    ) -> bool:
        """After a session that worked: finds out what holds now, and answers whether that is news to the workflow.

        `blocked` is the message for which the provider's daily volume has no room.
        """
        daily = self._profile.daily_bytes
        if daily is not None and blocked is not None and (taken := await self._taken_since(at - DAY)):
            self._room_again_at = room_again_at(taken, daily, blocked.size)
        look = Look(
            at=at,
            last_look=self._mailbox.last_success_at,
            profile=self._profile,
            epoch=self._seen.epoch,
            counted=self._seen.counted,
            listed=self._seen.uids,
            stored=self._seen.stored,
            digest=self._seen.digest,
            complete=self._seen.complete,
            missing=self._memory.missing,
            staying=self._memory.staying,
            quiet=not session.brought_news and not plan.backlog,
            expire_days=expire_days,
            greeting=greeting,
            room_again_at=self._room_again_at,
        )
        self._memory, self.observed = observe(self._memory, look)
        observed = [one.model_dump(mode="json") for one in self.observed]
        if (self._as_kept(), observed) != self._kept:
            async with fenced(self._pool, lease) as connection:
                await self._remember(connection, observed)
        return self._request.observed is not None and differing(self._request.observed, self.observed)

    async def _compare(
        self,
        connection: AsyncConnection[TupleRow],
        session: SessionRow,
        epoch: int,
        identities: dict[str, Any],
        at: datetime,
    ) -> tuple[dict[LedgerState, int], int]:
        """Marks what has left the list, and takes the mark from what is back; answers what is missing that was there at the
        last complete list, by state, and how many are still there."""
        asked = {
            "address": session.address,
            "epoch": epoch,
            **identities,
            "began": session.started_at,
            "states": list(CAN_VANISH),
            "at": at,
        }
        # A list of 100,000 against a ledger of as many, of which PostgreSQL may have no statistics yet: never row by row.
        await connection.execute("set local enable_nestloop = off")
        rows = await (
            await connection.execute(
                """
                with there as (
                    select uidl, 0::smallint as occurrence from string_to_table(%(uidls)s, E'\\n') as uidl
                    union all
                    select * from unnest(%(uidl)b::text[], %(occurrence)b::smallint[])
                ), back as (
                    update pop_ledger l set vanished_at = null from there
                    where l.address = %(address)s and l.epoch = %(epoch)s and l.vanished_at is not null
                        and l.uidl = there.uidl and l.occurrence = there.occurrence
                ), gone as (
                    update pop_ledger l set vanished_at = %(at)s
                    where l.address = %(address)s and l.epoch = %(epoch)s and l.vanished_at is null
                        and l.state = any(%(states)s) and l.deletion_asked_at is null
                        and not exists (
                            select from there where there.uidl = l.uidl and there.occurrence = l.occurrence
                        )
                    returning state
                )
                select state, count(*) from gone group by state
                union all
                select 'staying', count(*) from pop_ledger l join there using (uidl, occurrence)
                where l.address = %(address)s and l.epoch = %(epoch)s and l.vanished_at is null
                    and l.first_seen_at < %(began)s
                """,
                asked,
            )
        ).fetchall()
        counts = {state: int(count) for state, count in rows}
        staying = counts.pop("staying")
        return counts, staying

    def _as_kept(self) -> dict[str, Any]:
        return self._memory.model_dump(mode="json", exclude_defaults=True)

    async def _remember(self, connection: AsyncConnection[TupleRow], observed: list[Any] | None = None) -> None:
        """With what holds of the mailbox where that is known; else that stays as it was."""
        self._kept = self._as_kept(), self._kept[1] if observed is None else observed
        await connection.execute(
            "update mailboxes set memory = %s, observed = %s where address = %s",
            [*map(Jsonb, self._kept), self._settings.address],
        )

    async def _taken_since(self, since: datetime) -> list[tuple[datetime, int]]:
        """When sessions took how many bytes; a session counts from its beginning."""
        async with self._pool.connection() as connection:
            rows = await (
                await connection.execute(
                    "select started_at, taken from sessions where address = %s and started_at > %s and taken > 0",
                    [self._settings.address, since],
                )
            ).fetchall()
        return [(started_at, int(size)) for started_at, size in rows]

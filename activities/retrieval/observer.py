"""What a session notices beside the mail, kept from session to session: the eyes of `domain.retrieval.observations`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from activities.mailbox.ledger import fenced
from activities.mailbox.state import Mailbox, SessionRow
from activities.retrieval.context import SessionContext
from activities.retrieval.listing import Found
from domain.mailbox.providers import profile_of
from domain.mailbox.settings import AccountSettings
from domain.retrieval.observations import Look, Memory, Observation, differing, digest_of, observe
from domain.retrieval.outcome import Agenda
from domain.retrieval.plan import DAY, LedgerState, Listed, room_again_at
from infra.database.planner import compare_whole_sets
from infra.database.pool import Connection, Pool

CAN_VANISH = ("stored", "skipped", "quarantined")


@dataclass(frozen=True, slots=True)
class Remembered:
    """What sessions remember of a mailbox beside its mail. `kept` is how the database has that, with what held of the mailbox
    then; `taken` is when sessions of the last day took how many bytes, where the provider limits them."""

    memory: Memory
    kept: tuple[dict[str, Any], list[Any]]
    last_look: datetime | None
    taken: Sequence[tuple[datetime, int]] = ()

    def written(self) -> dict[str, Any]:
        return self.memory.model_dump(mode="json", exclude_defaults=True)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is left of a list once it is compared with the last one: numbers, and the name of all of it."""

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


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What holds of the mailbox after a session, whether that is news to the workflow, and when a provider that has handed out
    its volume of the day hands out more."""

    observed: tuple[Observation, ...]
    noticed: bool
    room_again_at: datetime | None


class Observer:
    """Of all sessions of a worker: takes up what is remembered, compares lists with it, and finds out what holds in the end."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def remembered(self, settings: AccountSettings, mailbox: Mailbox, now: datetime) -> Remembered:
        """What the sessions before remembered, for one that begins now."""
        memory = Memory.model_validate(mailbox.memory)
        counts_bytes = profile_of(settings).daily_bytes is not None
        return Remembered(
            memory.entering(recent_mode=settings.retrieval.recent_mode, at=now),
            (mailbox.memory, mailbox.observed),
            mailbox.last_success_at,
            await self._taken_since(settings.address, now - DAY) if counts_bytes else (),
        )

    async def look(
        self, context: SessionContext, remembered: Remembered, found: Found, at: datetime
    ) -> tuple[Remembered, Seen]:
        """At the beginning of a session, while it has the list: compares it with the last one. It is not kept for the end, when
        it is known what the session came to: who fetches may need hours, and others need the memory."""
        seen = await context.room.worked_out(len(found.listed), _seen, found)
        if seen.complete and seen.digest != remembered.memory.complete_digest:
            asked = await context.room.worked_out(len(found.listed), _identities, found.listed)
            async with fenced(self._pool, context.lease) as connection:
                missing, staying = await self._compare(connection, context.row, seen.epoch, asked, at)
                memory = remembered.memory.comparing(seen.digest, missing, staying)
                remembered = await _remember(connection, context.address, replace(remembered, memory=memory))
        return remembered, seen

    async def conclude(
        self,
        context: SessionContext,
        remembered: Remembered,
        seen: Seen,
        agenda: Agenda,
        blocked: Listed | None,
        *,
        expire_days: int | None,
        greeting: str,
        at: datetime,
    ) -> Conclusion:
        """After a session that worked: finds out what holds now.

        `blocked` is the message for which the provider's daily volume has no room.
        """
        profile, again_at = profile_of(context.settings), None
        if profile.daily_bytes is not None and blocked is not None:
            taken = await self._taken_since(context.address, at - DAY)
            again_at = room_again_at(taken, profile.daily_bytes, blocked.size) if taken else None
        look = Look(
            at=at,
            last_look=remembered.last_look,
            profile=profile,
            epoch=seen.epoch,
            counted=seen.counted,
            listed=seen.uids,
            stored=seen.stored,
            digest=seen.digest,
            complete=seen.complete,
            missing=remembered.memory.missing,
            staying=remembered.memory.staying,
            quiet=not context.row.counts.brought_news and not agenda.backlog,
            expire_days=expire_days,
            greeting=greeting,
            room_again_at=again_at,
        )
        memory, observed = observe(remembered.memory, look)
        remembered = replace(remembered, memory=memory)
        holds = [one.model_dump(mode="json") for one in observed]
        if (remembered.written(), holds) != remembered.kept:
            async with fenced(self._pool, context.lease) as connection:
                await _remember(connection, context.address, remembered, holds)
        known = context.request.observed
        return Conclusion(observed, known is not None and differing(known, observed), again_at)

    async def _compare(
        self,
        connection: Connection,
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
        await compare_whole_sets(connection)
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

    async def _taken_since(self, address: str, since: datetime) -> list[tuple[datetime, int]]:
        """When sessions took how many bytes; a session counts from its beginning."""
        async with self._pool.connection() as connection:
            rows = await (
                await connection.execute(
                    "select started_at, taken from sessions where address = %s and started_at > %s and taken > 0",
                    [address, since],
                )
            ).fetchall()
        return [(started_at, int(size)) for started_at, size in rows]


async def _remember(
    connection: Connection, address: str, remembered: Remembered, observed: list[Any] | None = None
) -> Remembered:
    """With what holds of the mailbox where that is known; else that stays as it was."""
    kept = remembered.written(), remembered.kept[1] if observed is None else observed
    await connection.execute(
        "update mailboxes set memory = %s, observed = %s where address = %s", [*map(Jsonb, kept), address]
    )
    return replace(remembered, kept=kept)

"""The outbox of one CRM: what it must be told, in order per record, and what came of telling it.

An entry is claimed, in a transaction of its own, before the CRM is called, and settled after it answered. A claim that is found
without anybody who works on it, and a call without a clear answer, leave the entry `uncertain`: before anything is sent again,
the CRM is asked what it has. It is asked only after a while, because it may still be at what it was asked before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from activities.crm.adapters.protocol import CrmFailure, Found
from domain.core.text import storable
from domain.crm.commands import Counts
from domain.directory.records import RecordKind
from domain.failures.failure import Kind
from domain.linking.model import Direction
from infra.database.planner import look_up
from infra.database.pool import Pool

AT_ONCE = 200
CALL_SECONDS = 120.0  # whatever an adapter waits for
CARRIED_OUT_SECONDS = 30.0  # that a CRM may take for a request after nobody waits for its answer any more
# From the claim until the CRM is asked what it has. A session that lost its lease may be at its call until its time is up.
SETTLES_MINUTES = (CALL_SECONDS + CARRIED_OUT_SECONDS) / 60
LONGEST_PAUSE_MINUTES = 30.0
HOLDS_BACK = 6  # attempts, which take half an hour, that what follows of the same record waits for


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry that is due. `direction` None: the CRM is to show it no more. `probe`: it may show what it was told, or not; that
    is to find out by this."""

    id: int
    identity: bytes
    record_kind: RecordKind
    record_id: str
    key: bytes
    state: str
    direction: Direction | None
    delivered_direction: Direction | None
    pushed_direction: Direction | None
    remote_id: str | None
    attempts: int
    probe: Mapping[str, Any] | None
    failure: str | None

    @property
    def record(self) -> tuple[str, str]:
        return self.record_kind, self.record_id

    @property
    def retried(self) -> bool:
        """Whether it is its first attempt after `retry_failed`, which begins to count anew."""
        return self.failure is not None and self.attempts == 0


COLUMNS = """
    e.id, e.identity, e.record_kind, e.record_id, e.key, e.state, e.direction, e.delivered_direction, e.pushed_direction,
    e.remote_id, e.attempts, e.probe, e.failure
"""
NOT_YET = """(
    next_attempt_at > clock_timestamp()
    or state = 'uncertain' and claimed_at > clock_timestamp() - make_interval(secs => %(settles)s)
)"""


# Of each record the first entry that what follows has to wait for.
AHEAD = f"""
    select record_kind, record_id, min(id) from entries
    where crm = %(crm)s and state in ('queued', 'uncertain') and (next_attempt_at is not null or claimed_at is not null)
        and attempts < {HOLDS_BACK} and {NOT_YET}
    group by 1, 2
"""
DUE = f"""
    (
        select {COLUMNS} from entries e
        where crm = %(crm)s and state in ('queued', 'uncertain') and {NOT_YET} is not true
            and record_kind || '/' || record_id <> all(%(names)s::text[])
        order by id limit {AT_ONCE}
    )
    union all
    select due.* from unnest(%(kinds)s::text[], %(records)s::text[], %(ids)s::bigint[]) as ahead (record_kind, record_id, id)
    cross join lateral (
        select {COLUMNS} from entries e
        where crm = %(crm)s and state in ('queued', 'uncertain') and {NOT_YET} is not true
            and (e.record_kind, e.record_id) = (ahead.record_kind, ahead.record_id) and e.id < ahead.id
        order by e.id limit {AT_ONCE}
    ) due
    order by id limit {AT_ONCE}
"""


class Outbox:
    def __init__(self, pool: Pool, crm: str, minute_seconds: float) -> None:
        self._pool = pool
        self._crm = crm
        self._minute = minute_seconds

    async def recover(self) -> int:
        """Entries whose push was under way when its worker died are uncertain. Only who serves the CRM may call it."""
        return await self._run(
            """
            update entries set state = 'uncertain', failure = 'crm_uncertain',
                last_error = 'the worker that told the CRM of it ended before the answer came'
            where crm = %(crm)s and claimed_at is not null and state <> 'uncertain'
            """
        )

    async def due(self) -> list[Waiting]:
        """The next entries that may be told now, by their ids. What waits or is uncertain holds back what follows it of the same
        record, but not for ever: the CRM may break at this one alone. What it has rejected does not."""
        about: dict[str, Any] = {"crm": self._crm, "settles": SETTLES_MINUTES * self._minute}
        async with self._pool.connection() as connection, connection.transaction():
            # Very many may wait behind one, and no statistics tell: so past the records of the few that others wait for, and of
            # those records only what comes before.
            await look_up(connection)
            ahead = await (await connection.execute(AHEAD.encode(), about)).fetchall()
            kinds, records, ids = [list(column) for column in zip(*ahead, strict=True)] or ([], [], [])
            about |= {
                "kinds": kinds,
                "records": records,
                "ids": ids,
                "names": [f"{kind}/{one}" for kind, one, _ in ahead],
            }
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(DUE.encode(), about)
            return [_waiting(row) for row in await cursor.fetchall()]

    async def claim(self, entry: Waiting, probe: Mapping[str, Any]) -> tuple[Waiting, datetime] | None:
        """The entry as it is now, but for its probe, and the claim to settle it with; None where it is not to be told any more.
        The probe that is kept from now on is `probe`."""
        rows = await self._rows(
            f"""
            update entries e set claimed_at = clock_timestamp(), pushed_direction = direction, attempts = attempts + 1,
                next_attempt_at = null, probe = %(probe)s
            where id = %(id)s and state = 'queued' and claimed_at is null
            returning {COLUMNS}, e.claimed_at
            """,
            id=entry.id,
            probe=Jsonb(probe),
        )
        return (replace(_waiting(rows[0]), probe=entry.probe), rows[0]["claimed_at"]) if rows else None

    async def delivered(self, entry: Waiting, claim: datetime, remote_id: str | None) -> None:
        """The CRM shows what was pushed. What changed in the meantime is queued again."""
        await self._run(
            """
            update entries set
                state = case when direction is not distinct from pushed_direction then 'delivered' else 'queued' end,
                delivered_direction = pushed_direction, delivered_at = now(), remote_id = %(remote)s,
                claimed_at = null, probe = null, failure = null, last_error = null, next_attempt_at = null, attempts = 0
            where id = %(id)s and claimed_at = %(claim)s
            """,
            id=entry.id,
            claim=claim,
            remote=remote_id,
        )

    async def found(self, entry: Waiting, found: Found | None) -> None:
        """What the CRM has of an uncertain entry: that is what was delivered, and what is still to do is queued.

        Where it does not say which direction it shows, an entry that was new shows what was pushed, and one that was turned is
        turned again. What is not there after some attempts waits longer each time.
        """
        shown = None
        if found is not None:
            shown = found.direction or entry.delivered_direction or entry.pushed_direction
        await self._run(
            """
            update entries set
                state = case when direction is not distinct from %(shown)s then 'delivered' else 'queued' end,
                delivered_direction = %(shown)s, remote_id = %(remote)s, claimed_at = null, probe = null,
                delivered_at = case when %(shown)s::text is null then delivered_at else now() end,
                failure = null, last_error = null,
                attempts = case when direction is not distinct from %(shown)s then 0 else attempts end,
                next_attempt_at = case
                    when direction is distinct from %(shown)s and attempts > 1
                    then clock_timestamp() + make_interval(secs => %(pause)s)
                end
            where id = %(id)s and state = 'uncertain'
            """,
            id=entry.id,
            shown=shown,
            remote=found.remote_id if found else None,
            pause=self._pause(entry.attempts - 1),
        )

    async def not_carried_out(self, entry: Waiting, claim: datetime) -> None:
        """The CRM was not reached, or takes nothing at all: the entry waits as before."""
        await self._run(
            """
            update entries set claimed_at = null, probe = %(probe)s, attempts = greatest(attempts - 1, 0)
            where id = %(id)s and claimed_at = %(claim)s
            """,
            id=entry.id,
            claim=claim,
            probe=_kept(entry),
        )

    async def uncertain(self, entry: Waiting, failed: CrmFailure) -> None:
        """Whether it was carried out is not known, or could not be found out."""
        await self._run(
            """
            update entries set state = 'uncertain', failure = 'crm_uncertain', last_error = %(said)s,
                claimed_at = coalesce(claimed_at, clock_timestamp()),
                attempts = case when state = 'uncertain' then attempts + 1 else attempts end,
                next_attempt_at = clock_timestamp() + make_interval(secs => %(pause)s)
            where id = %(id)s
            """,
            id=entry.id,
            said=words(failed),
            pause=self._pause(entry.attempts),
        )

    async def failed(self, entry: Waiting, failed: CrmFailure) -> bool:
        """The CRM will not have it; what has changed since it was claimed may be taken, so that is queued. What is still to find
        out of an earlier attempt stays to be found out. Whether that was the last word: nothing is tried again by itself."""
        gone = failed.kind is Kind.CRM_GONE
        rows = await self._rows(
            """
            update entries set
                state = case
                    when %(gone)s and direction is null then 'delivered'
                    when direction is not distinct from pushed_direction then 'failed'
                    else 'queued'
                end,
                failure = %(kind)s, last_error = %(said)s, claimed_at = null, next_attempt_at = null, probe = %(probe)s,
                delivered_direction = case when %(gone)s then null else delivered_direction end,
                remote_id = case when %(gone)s then null else remote_id end
            where id = %(id)s
            returning state
            """,
            id=entry.id,
            kind=failed.kind.value,
            said=words(failed),
            gone=gone,
            probe=Jsonb({})
            if gone
            else _kept(entry),  # a record may come back as it was: it is looked at before it is told
        )
        return [row["state"] for row in rows] == ["failed"]

    async def counts(self, *, delivered: int | None = None) -> Counts:
        """How it stands. `delivered` where that is known, because counting it takes the longer the more there is."""
        counted = "count(*) filter (where state = 'delivered')" if delivered is None else "%(delivered)s::bigint"
        only = "" if delivered is None else "and state in ('queued', 'uncertain', 'failed')"
        (row,) = await self._rows(
            f"""
            select {counted} as delivered, count(*) filter (where state in ('queued', 'uncertain')) as backlog,
                count(*) filter (where state = 'uncertain') as uncertain, count(*) filter (where state = 'failed') as failed
            from entries where crm = %(crm)s {only}
            """,
            delivered=delivered,
        )
        return Counts(**row)

    def _pause(self, attempts: int) -> float:
        return min(2.0 ** max(min(attempts, 20) - 1, 0), LONGEST_PAUSE_MINUTES) * self._minute

    async def _rows(self, query: str, **values: Any) -> Sequence[dict[str, Any]]:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(query.encode(), {"crm": self._crm, **values})
            return await cursor.fetchall()

    async def _run(self, query: str, **values: Any) -> int:
        async with self._pool.connection() as connection:
            return (await connection.execute(query.encode(), {"crm": self._crm, **values})).rowcount


def words(failed: CrmFailure) -> str:
    """The failure in a line of the view outbox."""
    said = f': "{failed.said}"' if failed.said else ""
    return storable(f"{failed.cause}{said}")[:500]


def _kept(entry: Waiting) -> Jsonb | None:
    """The probe as it was before the entry was claimed: what was not carried out left nothing to find out."""
    if entry.probe is None and entry.state == "uncertain":
        return Jsonb({})
    return None if entry.probe is None else Jsonb(entry.probe)


def _waiting(row: dict[str, Any]) -> Waiting:
    fields = {name: row[name] for name in Waiting.__slots__}
    return Waiting(**fields | {"identity": bytes(row["identity"]), "key": bytes(row["key"])})

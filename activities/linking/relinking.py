"""Linking in the other direction of time: mail that was stored before what it is linked by was known, or had changed.

Whoever changes a directory, an account's CRMs or its rules asks for it in the same transaction (`relinking`); who serves the CRM
works it off, page by page. Work that is begun is no longer what somebody else may have asked for: who asks later asks anew. Dead
before a page's commit, the page is done again; dead after it, the next one follows.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import uuid4

from psycopg import OperationalError
from psycopg.rows import class_row

from activities.core.locks import hold_links
from activities.core.log import append
from activities.linking.links import relink
from activities.linking.lookups import searched
from activities.linking.merged_records import follow
from activities.linking.threads import followers_of
from domain.core.log_event import SYSTEM, LoggedEvent
from domain.core.text import storable
from domain.linking.changes import Changed
from infra.database.locks import Guarded, Lock, hold
from infra.database.planner import look_up
from infra.database.pool import Connection, Pool

logger = logging.getLogger(__name__)

PAGE = 1000  # messages of one transaction
ADDRESSES = 200  # that are looked for at once, or messages with replies: most of them have little mail
FEW = 20 * PAGE  # messages with certain addresses: up to so many are found by the addresses for each page
LONGEST_ERROR = 500

OF_ACCOUNT: LiteralString = """
    select id from mail where id > %(after)s and state = 'stored' and address = %(account)s order by id limit %(most)s
"""
OF_RECORD: LiteralString = """
    select message from (
        select message from links
        where crm = %(crm)s and record_kind = %(kind)s and record_id = %(record)s and message > %(after)s
        union
        select message from link_decisions
        where crm = %(crm)s and record_kind = %(kind)s and record_id = %(record)s and message > %(after)s
    ) theirs order by message limit %(most)s
"""
# Many groups of addresses have little mail: read in the order of the ids, until the page is full, each would read the whole
# table. One address has much: found by the address, all of it would be found again for each page. PostgreSQL is not left the
# choice, because its statistics may know neither: an id that is computed is not looked up, and `offset 0` keeps the order.
OF_RARE: LiteralString = """
    with found as materialized (
        select id from mail where id + 0 > %(after)s and state = 'stored' and (
            addresses && %(participants)s::text[] or (loose <> '{}' and loose && %(participants)s::text[])
        )
        limit %(few)s
    )
    select id from found order by id
"""
OF_FREQUENT: LiteralString = """
    select id from (
        select id, addresses, loose from mail where id > %(after)s and state = 'stored' order by id offset 0
    ) later
    where addresses && %(participants)s::text[] or (loose <> '{}' and loose && %(participants)s::text[])
    limit %(most)s
"""

Key = tuple[int, str, str]  # message, and kind and id of the record that it is linked with


async def ask_to_relink_account(connection: Connection, crm: str, account: str, *, cause: str) -> None:
    """Has all stored mail of `account` linked anew with `crm`."""
    await connection.execute(
        """
        insert into relinking (crm, account, cause) values (%s, %s, %s)
        on conflict (crm, account) where begun_at is null and account is not null do update set cause = excluded.cause
        """,
        [crm, account, cause],
    )


async def ask_to_relink_crms(connection: Connection, account: str, *, cause: str) -> None:
    """The same, with each of its CRMs."""
    rows = await (
        await connection.execute("select unnest(crm) from accounts_recorded where address = %s order by 1", [account])
    ).fetchall()
    for row in rows:
        await ask_to_relink_account(connection, row[0], account, cause=cause)


# What is asked for already is updated and not left alone: its lock keeps it from being begun before this transaction is seen.


async def ask_to_relink_addresses(connection: Connection, crm: str, addresses: Collection[str], *, cause: str) -> None:
    """Has all stored mail with a participant of one of these addresses (normal forms) linked anew with `crm`."""
    if addresses:
        await connection.execute(
            """
            insert into relinking (crm, participant, cause)
            select %s, address, %s from unnest(%b::text[]) as asked (address)
            on conflict (crm, participant) where begun_at is null and participant is not null
            do update set cause = excluded.cause
            """,
            [crm, cause, sorted(await searched(connection, crm, addresses))],
        )


async def ask_to_follow_records(
    connection: Connection, crm: str, records: Collection[tuple[str, str]], *, cause: str
) -> None:
    """Has the mail of these records (kind and id) follow what became of them."""
    if records:
        await connection.execute(
            """
            insert into relinking (crm, record_kind, record_id, cause)
            select %s, kind, id, %s from unnest(%b::text[], %b::text[]) as asked (kind, id)
            on conflict (crm, record_kind, record_id) where begun_at is null and record_id is not null
            do update set cause = excluded.cause
            """,
            [crm, cause, [kind for kind, _ in sorted(records)], [record for _, record in sorted(records)]],
        )


@dataclass(frozen=True, slots=True)
class Job:
    """Work that is asked for, up to and with the message `after` done."""

    id: int
    account: str | None
    participant: str | None
    record_kind: str | None
    record_id: str | None
    answered: int | None
    cause: str
    after: int


@dataclass(frozen=True, slots=True)
class Work:
    """What one page does: one job, or jobs for several addresses or messages that are equally far."""

    crm: str
    jobs: Sequence[Job]

    @property
    def first(self) -> Job:
        return self.jobs[0]

    @property
    def ids(self) -> list[int]:
        return [job.id for job in self.jobs]


class BackLinking:
    """Works off what is asked for one CRM."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, crm: str) -> Changed | None:
        """Does the next page of what is asked, whose turn it is; None when there is nothing to do."""
        work = await self._begin(crm)
        if work is None:
            return None
        if work.first.after == 0:
            await self._barrier(crm)
        async with self._pool.connection() as connection, connection.transaction():
            await look_up(connection)
            if not await self._is_ours(connection, work):
                return Changed()
            ids = await self._messages(connection, work)
            await hold_links(connection, await _accounts_of(connection, ids))
            changed = await self._done(connection, work, ids)
            if len(ids) < PAGE:
                await connection.execute("delete from relinking where id = any(%s)", [work.ids])
            else:
                await connection.execute("update relinking set after = %s where id = any(%s)", [ids[-1], work.ids])
            accounts = await _accounts(connection, changed)
            for account, of_account in sorted(accounts.items()):
                await _log(connection, account, work, of_account)
        return _sum(changed.values())

    async def _begin(self, crm: str) -> Work | None:
        """Takes up what has waited longest. Committed before the directory is read: see the module."""
        async with self._pool.connection() as connection, connection.transaction():
            async with connection.cursor(row_factory=class_row(Job)) as cursor:
                await cursor.execute(
                    """
                    select id, account, participant, record_kind, record_id, answered, cause, after from relinking where crm = %s
                    order by coalesce(page_at, asked_at), id limit 1 for update skip locked
                    """,
                    [crm],
                )
                jobs = await cursor.fetchall()
                if not jobs:
                    return None
                (first,) = jobs
                if first.participant is not None or first.answered is not None:
                    await cursor.execute(
                        """
                        select id, account, participant, record_kind, record_id, answered, cause, after from relinking
                        where crm = %s and (participant is null, answered is null) = (%s, %s)
                            and after = %s and cause = %s and id <> %s
                        order by coalesce(page_at, asked_at), id limit %s for update skip locked
                        """,
                        [
                            *(crm, first.participant is None, first.answered is None),
                            *(first.after, first.cause, first.id, ADDRESSES - 1),
                        ],
                    )
                    jobs += await cursor.fetchall()
            work = Work(crm, jobs)
            await connection.execute(
                "update relinking set begun_at = coalesce(begun_at, now()), page_at = clock_timestamp() where id = any(%s)",
                [work.ids],
            )
        return work

    async def _barrier(self, crm: str) -> None:
        """Waits for the transactions that may store mail linked by an older directory: their mail would be missed."""
        async with self._pool.connection() as connection, connection.transaction():
            await hold(connection, Lock(Guarded.DIRECTORY, crm))
        async with self._pool.connection() as connection:
            # New mail waits in a list beside each index, which would be read to its end for every address.
            await connection.execute("select clean_address_indexes()")

    async def _is_ours(self, connection: Connection, work: Work) -> bool:
        """Whether no other worker has done this very page in the meantime."""
        rows = await (
            await connection.execute(
                "select id from relinking where id = any(%s) and after = %s order by id for update",
                [work.ids, work.first.after],
            )
        ).fetchall()
        return len(rows) == len(work.jobs)

    async def _messages(self, connection: Connection, work: Work) -> Sequence[int]:
        """The messages of the next page, in the order of their ids."""
        job = work.first
        values = {
            "after": job.after,
            "account": job.account,
            "participants": [one.participant for one in work.jobs],
            "crm": work.crm,
            "kind": job.record_kind,
            "record": job.record_id,
            "most": PAGE,
            "few": FEW,
        }
        if job.account is not None:
            return await _column(connection, OF_ACCOUNT, values)
        if job.answered is not None:
            answered = [one.answered for one in work.jobs if one.answered is not None]
            return await followers_of(connection, answered, PAGE, job.after)
        if job.participant is None:
            return await _column(connection, OF_RECORD, values)
        few = await _column(connection, OF_RARE, values)
        return few[:PAGE] if len(few) < FEW else await _column(connection, OF_FREQUENT, values)

    async def _done(self, connection: Connection, work: Work, ids: Sequence[int]) -> dict[int, Changed]:
        """Links these messages anew; answers what has changed, per message. One that cannot be done is set aside, so that it
        does not hold up the others for ever."""
        if not ids:
            return {}
        await connection.execute("select from mail where id = any(%s) order by id for no key update", [list(ids)])
        before = await _links(connection, work.crm, ids)
        await self._relink(connection, work, ids)
        return _differences(before, await _links(connection, work.crm, ids))

    async def _relink(self, connection: Connection, work: Work, ids: Sequence[int]) -> None:
        job = work.first
        try:
            async with connection.transaction():
                if job.record_kind is not None and job.record_id is not None:
                    await follow(connection, work.crm, job.record_kind, job.record_id, ids)
                await relink(connection, ids, [work.crm])
                await connection.execute(
                    "delete from not_relinked where crm = %s and message = any(%s)", [work.crm, list(ids)]
                )
        except OperationalError:
            raise  # of the database, and no message's fault
        except Exception as error:
            if len(ids) > 1:
                half = len(ids) // 2
                await self._relink(connection, work, ids[:half])
                await self._relink(connection, work, ids[half:])
                return
            await connection.execute(
                """
                insert into not_relinked (message, crm, cause, error) values (%s, %s, %s, %s)
                on conflict (message, crm) do update set cause = excluded.cause, error = excluded.error, at = now()
                """,
                [ids[0], work.crm, job.cause, storable(type(error).__name__)[:LONGEST_ERROR]],
            )
            logger.warning("crm/%s: message %d cannot be linked anew: %s", work.crm, ids[0], type(error).__name__)


async def _column(connection: Connection, query: LiteralString, values: Mapping[str, object]) -> Sequence[int]:
    return [row[0] for row in await (await connection.execute(query, values)).fetchall()]


async def _links(connection: Connection, crm: str, ids: Sequence[int]) -> dict[Key, str]:
    """With which records messages are linked, and in which direction."""
    rows = await (
        await connection.execute(
            """
            select message, record_kind, record_id, direction, crm
            from unnest(%s::bigint[]) as asked (message) join links using (message) where unlinked_at is null
            """,
            [list(ids)],
        )
    ).fetchall()
    return {(message, kind, record): direction for message, kind, record, direction, of in rows if of == crm}


def _differences(before: Mapping[Key, str], now: Mapping[Key, str]) -> dict[int, Changed]:
    changed: dict[int, Changed] = defaultdict(Changed)
    for key in before.keys() | now.keys():
        if key not in before:
            changed[key[0]].linked += 1
        elif key not in now:
            changed[key[0]].unlinked += 1
        elif before[key] != now[key]:
            changed[key[0]].turned += 1
    return dict(changed)


async def _accounts_of(connection: Connection, ids: Sequence[int]) -> list[str]:
    rows = await (
        await connection.execute("select distinct address from mail where id = any(%s)", [list(ids)])
    ).fetchall()
    return [row[0] for row in rows]


async def _accounts(connection: Connection, changed: Mapping[int, Changed]) -> dict[str, dict[int, Changed]]:
    """What has changed, by the account that it lies in."""
    found: dict[str, dict[int, Changed]] = defaultdict(dict)
    if changed:
        rows = await (
            await connection.execute("select id, address from mail where id = any(%s)", [list(changed)])
        ).fetchall()
        for message, address in rows:
            found[address][message] = changed[message]
    return found


async def _log(connection: Connection, account: str, work: Work, changed: Mapping[int, Changed]) -> None:
    """A fresh id: a page that is done again finds nothing to change."""
    total = _sum(changed.values())
    data: dict[str, object] = {
        "crm": work.crm,
        "cause": work.first.cause,
        "linked": total.linked,
        "unlinked": total.unlinked,
        "turned": total.turned,
        "messages": sorted(changed),
    }
    if work.first.record_id is not None:
        data |= {"record_kind": work.first.record_kind, "record_id": work.first.record_id}
    row = await (await connection.execute("select clock_timestamp()")).fetchone()
    assert row is not None
    event = LoggedEvent(event_id=uuid4(), at=row[0], type="MailRelinked", actor=SYSTEM, data=data)
    await append(connection, account, event)


def _sum(changes: Collection[Changed]) -> Changed:
    return sum(changes, Changed())

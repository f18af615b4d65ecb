"""Linking in the other direction of time: mail that was stored before what it is linked by was known, or had changed.

Whoever changes a directory, an account's CRMs or its rules asks for it in the same transaction (`relinking`); who serves the CRM
works it off, page by page, oldest first. Dead before a page's commit, the page is done again; dead after it, the next one
follows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.linking import Changed, relink
from activities.matching import searched
from infra.database import Pool

PAGE = 500  # messages of one transaction

Connection = AsyncConnection[TupleRow]


async def ask_to_relink_account(connection: Connection, crm: str, account: str, *, cause: str) -> None:
    """Has all stored mail of `account` linked anew with `crm`."""
    await connection.execute(
        "insert into relinking (crm, account, cause) values (%s, %s, %s) on conflict do nothing", [crm, account, cause]
    )


async def ask_to_relink_addresses(connection: Connection, crm: str, addresses: Collection[str], *, cause: str) -> None:
    """Has all stored mail with a participant of one of these addresses (normal forms) linked anew with `crm`."""
    await connection.execute(
        "insert into relinking (crm, participant, cause) select %s, address, %s from unnest(%s::text[]) address "
        "on conflict do nothing",
        [crm, cause, sorted(await searched(connection, crm, addresses))],
    )


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    account: str | None
    participant: str | None
    cause: str
    after: int


class BackLinking:
    """Works off what is asked for one CRM."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, crm: str) -> Changed | None:
        """Does the next page of what is asked; None when there is nothing to do."""
        await self._barrier(crm)
        async with self._pool.connection() as connection, connection.transaction():
            job = await self._next(connection, crm)
            if job is None:
                return None
            ids = await self._messages(connection, job)
            changed = await relink(connection, ids, [crm])
            if len(ids) < PAGE:
                await connection.execute("delete from relinking where id = %s", [job.id])
            else:
                await connection.execute("update relinking set after = %s where id = %s", [ids[-1], job.id])
            return changed

    async def _barrier(self, crm: str) -> None:
        """Waits for the transactions that may store mail linked by an older directory: their mail would be missed."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(hashtextextended('directory:' || %s, 0))", [crm])

    async def _next(self, connection: Connection, crm: str) -> Job | None:
        row = await (
            await connection.execute(
                """
                select id, account, participant, cause, after from relinking where crm = %s
                order by after = 0, id limit 1 for update skip locked
                """,
                [crm],
            )
        ).fetchone()
        return None if row is None else Job(*row)

    async def _messages(self, connection: Connection, job: Job) -> Sequence[int]:
        whose: LiteralString = (
            """(
                addresses && array[%(participant)s::text] or (loose <> '{}' and loose && array[%(participant)s::text])
            )"""
            if job.account is None
            else "address = %(account)s"
        )
        rows = await (
            await connection.execute(
                f"select id from mail where id > %(after)s and state = 'stored' and {whose} order by id limit %(most)s",
                {"after": job.after, "account": job.account, "participant": job.participant, "most": PAGE},
            )
        ).fetchall()
        return [row[0] for row in rows]

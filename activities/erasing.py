"""Erasing a person: their mail with all that was made of it, in every mailbox of an organisation.

Mail that the person wrote, and mail that had no other counterpart, goes. What others wrote, to the person among others, is those
others' mail, too: it stays, and is no longer found or linked by the person. Each page is one transaction with its event. Dead
before its commit, nothing is done; dead after it, the next attempt finds that much less to do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from temporalio import activity

from activities.linking import refresh_entries
from activities.log import append
from activities.removal import keep_sessions_out, remove
from domain.addresses import normal_address
from domain.audit import LoggedEvent
from domain.erasure import Erased, pseudonym
from domain.refusal import Refused
from infra.database import Pool
from workflows.contract import ErasureRequest

PAGE = 200  # messages of one transaction

Connection = AsyncConnection[TupleRow]


@dataclass(frozen=True, slots=True)
class Found:
    """Messages of one page: those to remove, those to keep without the person, and the last one that was looked at."""

    removed: Sequence[int]
    kept: Sequence[int]
    bytes: int
    last: int | None


class Erasing:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def erase_person(self, request: ErasureRequest) -> Erased:
        """Erases a person from all accounts of the organisation, or counts what there is. Raises Refused for an organisation that
        has no account, and for an address that is an account's own."""
        person = normal_address(request.given.address) or request.given.address
        accounts, own = await self._accounts(request)
        if person in own:
            raise Refused(
                "invalid_field",
                "address: it is an account's own in this organisation: an account is closed, and its owner is not erased as "
                "somebody's correspondent",
                field="address",
            )
        done = Erased(erasure=request.erasure, dry_run=request.given.dry_run)
        for account in accounts:
            after: int | None = 0
            found_any = False
            while after is not None:
                activity.heartbeat()
                found = await self._page(request, account, person, own, after)
                after = found.last
                found_any = found_any or bool(found.removed or found.kept)
                done.removed += len(found.removed)
                done.kept += len(found.kept)
                done.bytes += found.bytes
            done.accounts += found_any
        async with self._pool.connection() as connection, connection.transaction():
            if not request.given.dry_run:
                await _forget(connection, accounts, person)
                done = await _as_logged(connection, request, accounts)
            done.records = await _records(connection, accounts, person)
        return done

    async def _accounts(self, request: ErasureRequest) -> tuple[list[str], set[str]]:
        """The organisation's accounts, and all addresses that are theirs, in normal form."""
        async with self._pool.connection() as connection:
            rows = await (
                await connection.execute(
                    "select address, aliases from accounts_recorded where organisation = %s order by address",
                    [request.given.organisation],
                )
            ).fetchall()
        if not rows:
            raise Refused(
                "invalid_field",
                f"organisation: {request.given.organisation} has no account: the view accounts shows which there are",
                field="organisation",
            )
        own = {normal_address(address) or address for row in rows for address in (row[0], *row[1])}
        return [row[0] for row in rows], own

    async def _page(
        self, request: ErasureRequest, account: str, person: str, own: Collection[str], after: int
    ) -> Found:
        dry = request.given.dry_run
        async with self._pool.connection() as connection, connection.transaction():
            if not dry:
                await keep_sessions_out(connection, account)  # what they were storing is there now
            found = await _find(connection, account, person, own, after)
            if dry or not (found.removed or found.kept):
                return found
            if found.removed:
                await remove(connection, account, found.removed, cause="erased", at=request.at)
            if found.kept:
                await _take_out(connection, found.kept, person)
            event = LoggedEvent(
                event_id=uuid4(),
                at=request.at,
                type="PersonErased",
                actor=request.given.by,
                data={
                    "erasure": str(request.erasure),
                    "person": pseudonym(request.erasure, person),
                    "withdrawn": list(found.removed),
                    "bytes": found.bytes,
                    "kept": list(found.kept),
                },
            )
            await append(connection, account, event)
        return found


async def _find(connection: Connection, account: str, person: str, own: Collection[str], after: int) -> Found:
    """`person` counts as the only counterpart where no other participant is outside the organisation, or the message is a
    bounce or receipt of theirs."""
    rows = await (
        await connection.execute(
            """
            select id, size, author is not distinct from %(person)s or from_address is not distinct from %(person)s
                or not addresses @> array[%(person)s::text] or not exists (
                    select from unnest(addresses) other where other <> %(person)s and not other = any(%(own)s::text[])
                )
            from mail
            where address = %(account)s and id > %(after)s and state = 'stored' and (
                addresses @> array[%(person)s::text]
                or traits ? 'about' and strpos(traits::text, to_jsonb(%(person)s::text)::text) > 0
            )
            order by id limit %(most)s
            """,
            {"person": person, "own": sorted(own), "account": account, "after": after, "most": PAGE},
        )
    ).fetchall()
    return Found(
        removed=[row[0] for row in rows if row[2]],
        kept=[row[0] for row in rows if not row[2]],
        bytes=sum(row[1] for row in rows if row[2]),
        last=rows[-1][0] if len(rows) == PAGE else None,
    )


async def _take_out(connection: Connection, messages: Sequence[int], person: str) -> None:
    """Takes the person out of what is known of these messages, with the links that were made by their address."""
    rows = await (
        await connection.execute(
            """
            update mail set
                addresses = array_remove(addresses, %(person)s),
                loose = array(
                    select distinct 'loose:' || loose_address(one) from unnest(array_remove(addresses, %(person)s)) one
                    where loose_address(one) <> one
                ),
                participants = (
                    select coalesce(jsonb_agg(one order by n), '[]')
                    from jsonb_array_elements(participants) with ordinality as listed (one, n)
                    where one ->> 'normal' is distinct from %(person)s
                )
            where id = any(%(messages)s) returning identity
            """,
            {"person": person, "messages": list(messages)},
        )
    ).fetchall()
    await connection.execute(
        "delete from links where message = any(%s) and matched_address = %s", [list(messages), person]
    )
    await refresh_entries(connection, {bytes(row[0]) for row in rows if row[0] is not None})


async def _forget(connection: Connection, accounts: Sequence[str], person: str) -> None:
    """Removes the person from the accounts' address books, and links that other messages of a thread have by their address."""
    rows = await (
        await connection.execute(
            "delete from links where address = any(%s) and matched_address = %s returning identity",
            [list(accounts), person],
        )
    ).fetchall()
    await refresh_entries(connection, {bytes(row[0]) for row in rows if row[0] is not None})
    await connection.execute("delete from people where account = any(%s) and address = %s", [list(accounts), person])


async def _records(connection: Connection, accounts: Sequence[str], person: str) -> int:
    row = await (
        await connection.execute(
            """
            select count(*) from record_addresses
            where address = %s and crm = any(select unnest(crm) from accounts_recorded where address = any(%s))
            """,
            [person, list(accounts)],
        )
    ).fetchone()
    return int(row[0]) if row else 0


async def _as_logged(connection: Connection, request: ErasureRequest, accounts: Sequence[str]) -> Erased:
    """What this erasure came to in all its attempts, as its events say."""
    row = await (
        await connection.execute(
            """
            select count(distinct address), coalesce(sum(jsonb_array_length(data -> 'withdrawn')), 0),
                coalesce(sum((data ->> 'bytes')::bigint), 0), coalesce(sum(jsonb_array_length(data -> 'kept')), 0)
            from log where address = any(%s) and type = 'PersonErased' and data ->> 'erasure' = %s
            """,
            [list(accounts), str(request.erasure)],
        )
    ).fetchone()
    assert row is not None
    return Erased(erasure=request.erasure, dry_run=False, accounts=row[0], removed=row[1], bytes=row[2], kept=row[3])

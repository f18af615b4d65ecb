"""Erasing a person: their mail with all that was made of it, in every mailbox of an organisation.

Mail that the person wrote, and mail that had no other counterpart, goes. What others wrote, to the person among others, is those
others' mail, too: it stays, and is no longer found or linked by the person. What names them besides is in
activities/erasure/personal_data.py. Each page is one transaction with its event. Dead before its commit, nothing is done; dead
after it, the next attempt finds that much less to do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import uuid4

from pydantic import BaseModel
from temporalio import activity

from activities.core.attempts import heartbeats
from activities.core.locks import hold_links, keep_sessions_out
from activities.core.log import append
from activities.erasure.deletion import remove
from activities.erasure.personal_data import built_in_crms, crms_with_a_rule, of_account, of_crm
from activities.linking.outbox_entries import refresh_entries
from activities.search.indexing import forget
from activities.sending.erasing import drafts_naming, forget_outgoing, outgoing_to, wake
from domain.core.log_event import LoggedEvent
from domain.core.refusal import Refused
from domain.mime.addresses import normal_address
from domain.privacy.erasure import MOST_NAMED, Erased, pseudonym
from infra.database.locks import Guarded, Lock, hold
from infra.database.planner import look_up
from infra.database.pool import Connection, Pool
from workflows.contract import ErasureRequest

PAGE = 200  # messages of one transaction

# Found by the address alone, and only then put in order: read in the order of the ids, mail of a person who has written little
# would be all of the account's.
FIND: LiteralString = """
    with naming as materialized (
        select id, address from mail where addresses @> array[%(person)s::text]
        union
        select id, address from mail
        where address = %(account)s and traits ? 'about' and traits ->> 'about' is not null
            and strpos(traits::text, to_jsonb(%(person)s::text)::text) > 0
    ), page as materialized (
        select id from naming where address = %(account)s and id > %(after)s order by id limit %(most)s
    )
    select id, size, author is not distinct from %(person)s or from_address is not distinct from %(person)s
        or not addresses @> array[%(person)s::text] or not exists (
            select from unnest(addresses) other where other <> %(person)s and not other = any(%(own)s::text[])
        ), state = 'stored'
    from mail join page using (id) order by id
"""


@dataclass(frozen=True, slots=True)
class Found:
    """Messages of one page: those to remove, those to keep without the person, and the last one that was looked at."""

    removed: Sequence[int]
    kept: Sequence[int]
    bytes: int
    last: int | None


class Progress(BaseModel):
    """How far an attempt is: the accounts before `account` are done, and in that one what names the person besides mail, and
    the mail up to `after` (None: all of it)."""

    done: Erased
    account: str = ""
    after: int | None = None
    found_any: bool = False

    def turn_to(self, account: str, done: Erased, *, found_any: bool) -> None:
        self.done, self.account, self.after, self.found_any = done, account, 0, found_any

    def add(self, found: Found) -> None:
        self.after = found.last
        self.done.removed += len(found.removed)
        self.done.kept += len(found.kept)
        self.done.bytes += found.bytes
        if self.done.dry_run:
            self.done.to_remove = (*self.done.to_remove, *found.removed)[:MOST_NAMED]
            self.done.to_keep = (*self.done.to_keep, *found.kept)[:MOST_NAMED]
        if not self.found_any and (found.removed or found.kept):
            self.found_any = True
            self.done.accounts += 1


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
        details = activity.info().heartbeat_details
        progress = (
            Progress.model_validate(details[0])
            if details
            else Progress(done=Erased(erasure=request.erasure, dry_run=request.given.dry_run))
        )
        async with heartbeats(lambda: progress.model_dump(mode="json")):
            return await self._erase(request, person, accounts, own, progress)

    async def _erase(
        self, request: ErasureRequest, person: str, accounts: Sequence[str], own: Collection[str], progress: Progress
    ) -> Erased:
        """Goes on from `progress`, and keeps it."""
        for account in accounts:
            if account < progress.account:
                continue
            if account > progress.account:
                done = progress.done.model_copy()
                found_any = await self._traces(request, account, person, done)
                done.accounts += found_any
                progress.turn_to(account, done, found_any=found_any)
            while progress.after is not None:
                progress.add(await self._page(request, account, person, own, progress.after))
        done = progress.done.model_copy()
        async with self._pool.connection() as connection:
            crms = await built_in_crms(connection, request.given.organisation)
        for crm in crms:
            await self._built_in(request, crm, person, done)
        async with self._pool.connection() as connection, connection.transaction():
            people = await _people(connection, accounts, person)
            sent = await outgoing_to(connection, accounts, person)
            drafts = await drafts_naming(connection, accounts, person)
            if not request.given.dry_run:
                await forget_outgoing(connection, sent, drafts, person, request.at)
                await _forget(connection, accounts, person)
                done = await _as_logged(connection, request, accounts, crms)
            done.people, done.outgoing, done.drafts = people, len(sent), len(drafts)
            left = await _records(connection, accounts, person)
            done.records = left - done.builtin_records if request.given.dry_run else left
            done.crms = tuple(await crms_with_a_rule(connection, request.given.organisation, person))
        if not request.given.dry_run:
            await wake(sent)  # a message that was cancelled with it
        return done

    async def _traces(self, request: ErasureRequest, account: str, person: str, done: Erased) -> bool:
        """Of what names the person besides mail. From then on, what is in quarantine is not stored if it is theirs."""
        erasing = not request.given.dry_run
        async with self._pool.connection() as connection, connection.transaction():
            if erasing:
                await hold(connection, Lock(Guarded.DESK, account))
                await keep_sessions_out(connection, account)
                await connection.execute(
                    "insert into erased_people values (%s, %s, %s, %s) on conflict do nothing",
                    [account, request.erasure, pseudonym(request.erasure, person), request.at],
                )
            found = await of_account(connection, account, person, request, erasing=erasing)
            named = bool(found.filters or found.rules or found.withheld)
            if erasing and named:
                facts = {"withdrawn": [], "bytes": 0, "kept": [], **dataclasses.asdict(found)}
                await _log(connection, account, person, request, facts)
        done.filters += found.filters
        done.rules += found.rules
        done.withheld += found.withheld
        return named

    async def _built_in(self, request: ErasureRequest, crm: str, person: str, done: Erased) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            found = await of_crm(connection, crm, person, request, erasing=not request.given.dry_run)
        done.builtin_records += found.records
        done.builtin_activities += found.activities

    async def _accounts(self, request: ErasureRequest) -> tuple[list[str], set[str]]:
        """The organisation's accounts, and all addresses that are theirs, in normal form."""
        async with self._pool.connection() as connection:
            rows = await (
                await connection.execute(
                    "select address, aliases from accounts_recorded where organisation = %s",
                    [request.given.organisation],
                )
            ).fetchall()
        if not rows:
            raise Refused(
                "invalid_field",
                f"organisation: {request.given.organisation} has no account: the view accounts shows which there are",
                field="organisation",
            )
        own = {normal_address(one) or one for address, aliases in rows for one in (address, *aliases)}
        return sorted(row[0] for row in rows), own

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
            await hold_links(connection, [account])
            if found.removed:
                await remove(connection, account, found.removed, cause="erased", at=request.at)
            if found.kept:
                await _take_out(connection, found.kept, person)
            facts = {"withdrawn": list(found.removed), "bytes": found.bytes, "kept": list(found.kept)}
            await _log(connection, account, person, request, facts)
        return found


async def _find(connection: Connection, account: str, person: str, own: Collection[str], after: int) -> Found:
    """`person` counts as the only counterpart where no other participant is outside the organisation, or the message is a
    bounce or receipt of theirs."""
    await look_up(connection)
    rows = await (
        await connection.execute(
            FIND,
            {"person": person, "own": sorted(own), "account": account, "after": after, "most": PAGE},
        )
    ).fetchall()
    last = rows[-1][0] if len(rows) == PAGE else None
    named = [(message, size, only) for message, size, only, names in rows if names]
    return Found(
        removed=[message for message, _, only in named if only],
        kept=[message for message, _, only in named if not only],
        bytes=sum(size for _, size, only in named if only),
        last=last,
    )


async def _take_out(connection: Connection, messages: Sequence[int], person: str) -> None:
    """Takes the person out of what is known of these messages, with the links that were made by their address."""
    await forget(connection, messages, person)
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
    await hold_links(connection, accounts)
    # Who counts the person's mail may have seen it before it went: what they count is removed after they have committed.
    await connection.execute(
        "insert into people_counted select account, 0 from unnest(%s::text[]) account order by 1 "
        "on conflict (account) do update set through = people_counted.through",
        [sorted(accounts)],
    )
    rows = await (
        await connection.execute(
            "delete from links where address = any(%s) and matched_address = %s returning identity",
            [list(accounts), person],
        )
    ).fetchall()
    await refresh_entries(connection, {bytes(row[0]) for row in rows if row[0] is not None})
    await connection.execute("delete from people where account = any(%s) and address = %s", [list(accounts), person])


async def _people(connection: Connection, accounts: Sequence[str], person: str) -> int:
    """Entries of the accounts' address books."""
    row = await (
        await connection.execute(
            "select count(*) from people where account = any(%s) and address = %s", [list(accounts), person]
        )
    ).fetchone()
    return int(row[0]) if row else 0


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


async def _as_logged(
    connection: Connection, request: ErasureRequest, accounts: Sequence[str], crms: Sequence[str]
) -> Erased:
    """What this erasure came to in all its attempts, as its events say."""
    row = await (
        await connection.execute(
            """
            select count(distinct address) filter (where address = any(%(accounts)s)),
                coalesce(sum(jsonb_array_length(data -> 'withdrawn')), 0), coalesce(sum((data ->> 'bytes')::bigint), 0),
                coalesce(sum(jsonb_array_length(data -> 'kept')), 0), coalesce(sum((data ->> 'filters')::int), 0),
                coalesce(sum((data ->> 'rules')::int), 0), coalesce(sum((data ->> 'withheld')::int), 0),
                coalesce(sum(jsonb_array_length(data -> 'records')), 0), coalesce(sum((data ->> 'activities')::int), 0)
            from log where address = any(%(accounts)s || %(crms)s) and type = 'PersonErased' and data ->> 'erasure' = %(erasure)s
            """,
            {
                "accounts": list(accounts),
                "crms": [f"crm/{crm}" for crm in crms],
                "erasure": str(request.erasure),
            },
        )
    ).fetchone()
    assert row is not None
    names = ("accounts", "removed", "bytes", "kept", "filters", "rules", "withheld", "builtin_records")
    counts = dict(zip((*names, "builtin_activities"), row, strict=True))
    return Erased(erasure=request.erasure, dry_run=False, **counts)


async def _log(
    connection: Connection, account: str, person: str, request: ErasureRequest, facts: Mapping[str, object]
) -> None:
    """A fresh id: an attempt that comes later finds nothing to do."""
    named = {"erasure": str(request.erasure), "person": pseudonym(request.erasure, person)}
    event = LoggedEvent(
        event_id=uuid4(), at=request.at, type="PersonErased", actor=request.given.by, data={**named, **facts}
    )
    await append(connection, account, event)

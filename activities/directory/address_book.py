"""The address book of an account: whom it writes to and hears from, counted from its stored mail, and whom it has saved.

Counting is no part of storing: a session catches up when it ends, and so does who has attached mail by hand. `people_counted`
says how far the account's mail is counted, in the transaction that counts it, so whatever dies where, no message counts twice.
The views and functions that people ask are in migration 0020.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from temporalio import activity

from activities.core.commands import given, logged
from activities.core.log import append
from domain.core.log_event import LoggedEvent
from domain.core.refusal import Refused
from domain.directory.commands import RemoveContact, SaveContact
from domain.mime.addresses import normal_address
from infra.database.locks import Guarded, Lock, hold
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest

PAGE = 2000  # messages of one transaction
MOST_RECIPIENTS = 50  # of a message that counts: nobody writes to more people than that one by one

# Of mail of the account's own, whom it was sent to; of other mail, who wrote it, unless a program did. A Date may say any year,
# and counts from 1980 on: half as much for every month before is soon less than a number can be.
COUNT = """
    with page as (
        select id, participants, author, author = any(%(own)s) as own, kind = 'personal' and not automatic as by_hand,
            greatest(least(coalesce(sent_at, stored_at), stored_at), timestamptz '1980-01-01') as at
        from mail
        where address = %(account)s and id > %(after)s and id <= %(through)s and state = 'stored'
    ), seen as (
        select one ->> 'normal' as address, one ->> 'address' as spelled, one ->> 'name' as name, coalesce(own, false) as own, at
        from page cross join lateral jsonb_array_elements(participants) one
        where case
            when own then one ->> 'field' in ('to', 'cc', 'bcc') and jsonb_array_length(participants) <= %(most)s
            else one ->> 'field' = 'from' and by_hand
        end
    ), counted as (
        select address,
            (array_agg(spelled order by at desc))[1] as spelled,
            count(*) filter (where own) as written,
            count(*) filter (where not own) as wrote,
            sum(2 ^ (extract(epoch from at - timestamptz '2020-01-01') / 86400 / 30)) as score,
            max(at) as last_at
        from seen
        where not address = any(%(own)s)
            and split_part(address, '@', 1) !~ '^(no|not|donot|do-not)[-_.]?reply|^mailer-daemon$|^postmaster$|^bounces?([-+]|$)'
        group by address
    ), named as (
        select address, jsonb_object_agg(name, times) as names
        from (
            select address, left(name, 200) as name, count(*) as times from seen where name <> '' group by 1, 2
        ) each_name
        group by address
    )
    insert into people as p (account, address, spelled, name, names, written, wrote, score, last_at)
    select %(account)s, address, spelled, coalesce(most_frequent(names), split_part(spelled, '@', 1)), coalesce(names, '{}'),
        written, wrote, score, last_at
    from counted left join named using (address)
    order by address
    on conflict (account, address) do update set
        written = p.written + excluded.written,
        wrote = p.wrote + excluded.wrote,
        score = p.score + excluded.score,
        last_at = greatest(p.last_at, excluded.last_at),
        names = more_names(p.names, excluded.names),
        name = case when p.saved then p.name else coalesce(most_frequent(more_names(p.names, excluded.names)), p.name) end
"""


class AddressBook:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def catch_up(self, account: str, own: Collection[str]) -> None:
        """Counts the account's mail that is not counted yet; `own` are its addresses, in normal form, where none are recorded.
        What was counted by others is counted anew."""
        while await self._page(account, own):
            pass

    async def _page(self, account: str, own: Collection[str]) -> bool:
        async with self._pool.connection() as connection, connection.transaction():
            # Whoever stores mail of the account holds this lock too: no message is stored later under an id that is counted by.
            await hold(connection, Lock(Guarded.ATTACH, account))
            await connection.execute("insert into people_counted values (%s, 0) on conflict do nothing", [account])
            row = await (
                await connection.execute(
                    """
                    select c.through, c.own, a.aliases
                    from people_counted c left join accounts_recorded a on a.address = c.account
                    where c.account = %s for update of c
                    """,
                    [account],
                )
            ).fetchone()
            assert row is not None
            after, counted_by, aliases = row
            if aliases is not None:
                own = {normal_address(one) or one for one in (account, *aliases)}
            if counted_by not in (None, sorted(own)):
                await _count_anew(connection, account)
                after = 0
            row = await (
                await connection.execute(
                    """
                    select max(id), count(*) from (
                        select id from mail where address = %s and id > %s and state = 'stored' order by id limit %s
                    ) next
                    """,
                    [account, after, PAGE],
                )
            ).fetchone()
            assert row is not None
            through, count = row
            if count:
                await connection.execute(
                    COUNT,
                    {
                        "account": account,
                        "own": sorted(own),
                        "after": after,
                        "through": through,
                        "most": MOST_RECIPIENTS,
                    },
                )
                await connection.execute(
                    "update people_counted set through = %s, own = %s where account = %s",
                    [through, sorted(own), account],
                )
        return bool(count == PAGE)

    @activity.defn
    async def save_contact(self, request: DeskRequest) -> dict[str, Any]:
        """Saves a person; done again, it changes nothing."""
        asked = given(SaveContact, request)
        normal = normal_address(asked.address)
        assert normal is not None
        said = {"address": asked.address, "name": asked.name, "pinned": asked.pinned}
        async with self._pool.connection() as connection, connection.transaction():
            if (done := await logged(connection, request, asked.by)) is not None:
                return {"contact": done["contact"], **said}
            row = await (
                await connection.execute(
                    """
                    insert into people as p (account, address, spelled, name, saved, pinned) values (%s, %s, %s, %s, true, %s)
                    on conflict (account, address) do update set
                        spelled = excluded.spelled, name = excluded.name, saved = true, pinned = excluded.pinned
                    returning id
                    """,
                    [request.address, normal, asked.address, asked.name, asked.pinned],
                )
            ).fetchone()
            assert row is not None
            await _log(connection, request, "ContactSaved", asked.by, contact=row[0], pinned=asked.pinned)
        return {"contact": row[0], **said}

    @activity.defn
    async def remove_contact(self, request: DeskRequest) -> dict[str, Any]:
        """Removes a person; raises Refused where the book has none of that address."""
        asked = given(RemoveContact, request)
        async with self._pool.connection() as connection, connection.transaction():
            if await logged(connection, request, asked.by) is not None:
                return {"removed": 1}
            row = await (
                await connection.execute(
                    "delete from people where account = %s and address = %s returning id",
                    [request.address, normal_address(asked.address)],
                )
            ).fetchone()
            if row is None:
                raise Refused(
                    "unknown_contact",
                    "address is not in the address book: the view address_book shows who is",
                    field="address",
                )
            await _log(connection, request, "ContactRemoved", asked.by, contact=row[0])
        return {"removed": 1}


async def _count_anew(connection: Connection, account: str) -> None:
    """Forgets what was counted, and nobody who was saved."""
    await connection.execute("delete from people where account = %s and not saved", [account])
    await connection.execute(
        "update people set written = 0, wrote = 0, score = 0, last_at = null, names = '{}' where account = %s",
        [account],
    )
    await connection.execute("update people_counted set through = 0, own = null where account = %s", [account])


async def _log(connection: Connection, request: DeskRequest, kind: str, by: str, **facts: Any) -> None:
    await append(
        connection,
        request.address,
        LoggedEvent(event_id=request.event_id, at=request.at, type=kind, actor=by, data=facts),
    )

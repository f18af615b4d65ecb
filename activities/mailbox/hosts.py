"""What sessions tell of their host: logins that were refused, and outages of the whole host, each recorded once.

The functions that are given a connection take part in its transaction and come last in it: they may append to the log.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4, uuid5

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from activities.core.log import append
from activities.core.notices import tell
from activities.pop.session import SessionFailure
from domain.account.notices import host_back_notice, host_outage_notice
from domain.core.log_event import SYSTEM, LoggedEvent
from domain.failures.failure import Kind
from domain.mailbox.settings import AccountSettings
from domain.retrieval.hosts import is_outage, is_over, log_address
from domain.retrieval.reports import HostOutage
from infra.database.locks import Guarded, Lock, hold
from infra.database.pool import Pool

logger = logging.getLogger(__name__)

# An account's last look stands until its next one is due; a minute more, for looks that are late and events on their way.
LOOKED = """
    with looks as (
        select a.address, a.state, a.reason, m.unreachable_since, m.last_success_at, m.last_checked_at,
            greatest(m.last_checked_at, m.login_at) as looked_at,
            greatest(a.next_attempt_at, m.next_attempt_at, m.last_checked_at) > %(at)s - interval '1 minute' as stands
        from accounts_recorded a join mailboxes m using (address)
        where a.host = %(host)s and (a.state = 'active' or a.reason = 'connection_failures' or a.address = %(address)s)
    ), known as (
        select
            (select max(last_success_at) from looks) as success_at,
            (select failed_at from outages where host = %(host)s and ended_at is null) as failed_at,
            (select max(ended_at) from outages where host = %(host)s) as ended_at
    )
    select
        count(*) filter (where recent and unreachable_since is not null) as failing,
        count(*) filter (where recent) as looked,
        count(*) filter (where unreachable_since is null and looked_at > failed_at) as reached,
        count(*) filter (where state = 'active' or address = %(address)s) as watched,
        count(*) filter (where unreachable_since is not null) as affected,
        count(*) filter (where reason = 'connection_failures') as disabled,
        count(*) as accounts,
        coalesce(min(unreachable_since) filter (where unreachable_since > coalesce(success_at, '-infinity')), %(at)s)
            as began_at
    from looks cross join known
    cross join lateral (
        select state = 'active' and stands and looked_at > coalesce(ended_at, '-infinity') as recent
    ) fresh
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the accounts of a host last saw of it. `failing` of those that `looked` recently did not reach it; `reached`
    got through after the last of these failures; `watched` are active."""

    failing: int
    looked: int
    reached: int
    watched: int
    affected: int
    disabled: int
    accounts: int
    began_at: datetime


@dataclass(frozen=True, slots=True)
class _Outage:
    id: UUID
    began_at: datetime
    accounts: int


class Hosts:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def login_failed(self, settings: AccountSettings, failed: SessionFailure) -> None:
        """A live login failed: if it was refused, so is the account from now on. What it says of the host counts nothing."""
        async with self._pool.connection() as connection, connection.transaction():
            await _judge_login(connection, settings, failed)

    async def session_failed(
        self, settings: AccountSettings, failed: SessionFailure, at: datetime
    ) -> HostOutage | None:
        """A watch's session failed; answers the outage of its host that it is part of, if it is."""
        address, host = settings.address, settings.incoming.host
        async with self._pool.connection() as connection, connection.transaction():
            await _judge_login(connection, settings, failed)
            if failed.failure.kind is not Kind.CONNECTION:
                mended = await connection.execute(
                    "update mailboxes set unreachable_since = null where address = %s and unreachable_since is not null",
                    [address],
                )
                if mended.rowcount:
                    await reached(connection, address, host, at)
                return None
            await connection.execute(
                "update mailboxes set unreachable_since = coalesce(unreachable_since, %s) where address = %s",
                [at, address],
            )
            return await _unreachable(connection, address, host, failed.failure.cause, at)


async def accepted(connection: AsyncConnection[TupleRow], address: str) -> None:
    """The server took the account's password."""
    await connection.execute("delete from login_refusals where address = %s", [address])


async def reached(connection: AsyncConnection[TupleRow], address: str, host: str, at: datetime) -> None:
    """An account whose sessions did not reach their host got through: it may be back."""
    if await _open_outage(connection, host) is None:
        return
    await hold(connection, Lock(Guarded.OUTAGE, host))
    outage = await _open_outage(connection, host)
    if outage is None:
        return
    looked = await _looked(connection, address, host, at)
    if not is_over(looked.reached, looked.watched):
        return
    await connection.execute("update outages set ended_at = %s where id = %s", [at, outage.id])
    logger.warning("%s can be reached again", host, extra={"host": host})
    event = LoggedEvent(
        event_id=uuid5(outage.id, "ended"),
        at=at,
        type="HostOutageEnded",
        actor=SYSTEM,
        data={
            "host": host,
            "since": outage.began_at.isoformat(),
            "accounts": outage.accounts,
            "disabled": looked.disabled,
        },
    )
    await tell(connection, log_address(host), event, host_back_notice(host, outage.began_at, at, looked.disabled))
    await append(connection, log_address(host), event)


async def _judge_login(
    connection: AsyncConnection[TupleRow], settings: AccountSettings, failed: SessionFailure
) -> None:
    if failed.password_accepted:
        await accepted(connection, settings.address)
    elif failed.failure.kind is Kind.AUTHENTICATION:
        await connection.execute(
            """
            with forgotten as (
                delete from login_refusals
                where host = %(host)s and address <> %(address)s and refused_at < clock_timestamp() - interval '1 day'
            )
            insert into login_refusals (address, host, refused_at) values (%(address)s, %(host)s, clock_timestamp())
            on conflict (address) do update set host = excluded.host, refused_at = excluded.refused_at
            """,
            {"address": settings.address, "host": settings.incoming.host},
        )


async def _unreachable(
    connection: AsyncConnection[TupleRow], address: str, host: str, cause: str | None, at: datetime
) -> HostOutage | None:
    await hold(connection, Lock(Guarded.OUTAGE, host))  # workers that see the same outage at the same time record one
    looked = await _looked(connection, address, host, at)
    outage = await _open_outage(connection, host)
    if outage is not None:
        await connection.execute(
            "update outages set accounts = greatest(accounts, %s), failed_at = %s where id = %s",
            [looked.affected, at, outage.id],
        )
        return HostOutage(host=host, since=outage.began_at, accounts=looked.affected, of=looked.accounts)
    if not is_outage(looked.failing, looked.looked):
        return None
    found = HostOutage(host=host, since=looked.began_at, accounts=looked.affected, of=looked.accounts)
    outage_id = uuid4()
    await connection.execute(
        "insert into outages (id, host, began_at, failed_at, accounts, cause) values (%s, %s, %s, %s, %s, %s)",
        [outage_id, host, found.since, at, found.accounts, cause],
    )
    logger.warning(
        "%s is out: %d of %d accounts cannot reach it (%s)", host, found.accounts, found.of, cause, extra={"host": host}
    )
    event = LoggedEvent(
        event_id=uuid5(outage_id, "began"),
        at=at,
        type="HostOutageBegan",
        actor=SYSTEM,
        data={**found.model_dump(mode="json"), "cause": cause},
    )
    await tell(connection, log_address(host), event, host_outage_notice(found, cause))
    await append(connection, log_address(host), event)
    return found


async def _looked(connection: AsyncConnection[TupleRow], address: str, host: str, at: datetime) -> Looked:
    async with connection.cursor(row_factory=class_row(Looked)) as cursor:
        found = await (await cursor.execute(LOOKED, {"address": address, "host": host, "at": at})).fetchone()
    assert found is not None
    return found


async def _open_outage(connection: AsyncConnection[TupleRow], host: str) -> _Outage | None:
    async with connection.cursor(row_factory=class_row(_Outage)) as cursor:
        await cursor.execute("select id, began_at, accounts from outages where host = %s and ended_at is null", [host])
        return await cursor.fetchone()

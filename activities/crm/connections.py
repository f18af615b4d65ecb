"""CRM connections as the database knows them: which there are, how each is set up, and what its workflow records of it."""

from __future__ import annotations

import asyncio
import time

from psycopg.types.json import Jsonb
from temporalio import activity

from activities.core.locks import linking_by
from activities.core.log import append, logged
from activities.crm.outbox import Outbox
from activities.linking.lookups import rules_of
from activities.linking.relinking import ask_to_relink_account
from domain.core.events import facts
from domain.core.log_event import LoggedEvent
from domain.core.refusal import Refused
from domain.crm.events import FailedEntriesQueued
from domain.crm.settings import CrmSettings
from infra.database.locks import hold
from infra.database.pool import Connection, Pool
from workflows.contract import BUILTIN_CRM, FailedQueued, RecordedCrm, RetryFailedRequest

MOMENT = 3.0  # seconds in which a CRM that was just started may come to be there


class CrmConnections:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def check_crms(self, names: list[str], organisation: str | None = None) -> None:
        """Raises Refused `unknown_crm` for the first of `names` that no CRM connection of the organisation has (R5).

        "builtin" serves every organisation. `organisation` is None in what workers of an earlier version have asked. For a name
        that is not there at all it waits a moment: who starts a CRM and an account in a row means both.
        """
        until = time.monotonic() + MOMENT
        while True:
            async with self._pool.connection() as connection:
                rows = await (await connection.execute("select name, organisation, state from crms")).fetchall()
            known = {name: (of, state) for name, of, state in rows}
            if known.keys() >= set(names) or time.monotonic() >= until:
                break
            await asyncio.sleep(MOMENT / 10)
        for name in names:
            of, state = known.get(name, (None, "closed"))
            theirs = organisation is None or name == BUILTIN_CRM or of == organisation
            if state == "closed" or not theirs:
                whose = f" of the organisation {organisation}" if organisation is not None else ""
                raise Refused(
                    "unknown_crm",
                    f"crm: there is no CRM connection named {name}{whose}: start it first, wait until its status says that "
                    "it is active, or leave it out ('builtin' always exists)",
                    field="crm",
                )

    @activity.defn
    async def register_crm(self, settings: CrmSettings) -> None:
        """Makes the connection one that accounts may name. Raises Refused where its profile or kind would change (R1)."""
        await check_unchanged(self._pool, settings)
        async with self._pool.connection() as connection:
            await connection.execute(
                "insert into crms (name, kind, profile) values (%s, %s, %s) on conflict do nothing",
                [settings.name, settings.kind, settings.profile],
            )

    @activity.defn
    async def retry_failed_entries(self, request: RetryFailedRequest) -> FailedQueued:
        """Queues again what the CRM has rejected, and logs it in the same transaction; done again, it changes nothing."""
        address = f"crm/{request.crm}"
        async with self._pool.connection() as connection, connection.transaction():
            before = await logged(connection, address, request.event_id, request.at, request.by)
            if before is not None:
                queued = int(before["entries"])
            else:
                done = await connection.execute(
                    """
                    update entries set state = 'queued', next_attempt_at = null, attempts = 0
                    where crm = %s and state = 'failed'
                    """,
                    [request.crm],
                )
                queued = done.rowcount
                event = FailedEntriesQueued(entries=queued, actor=request.by, at=request.at)
                entry = LoggedEvent(
                    event_id=request.event_id,
                    at=request.at,
                    type=type(event).__name__,
                    actor=request.by,
                    data=facts(event),
                )
                await append(connection, address, entry)
        return FailedQueued(entries=queued, counts=await Outbox(self._pool, request.crm, 60.0).counts())


async def check_unchanged(pool: Pool, settings: CrmSettings) -> None:
    """Raises Refused where a connection of this name has another profile or kind, or another organisation whose accounts are
    linked with it: what is linked with it would make no sense."""
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                """
                select profile, kind, settings ->> 'organisation',
                    (select count(*) from accounts_recorded where crm @> array[%s::text] and organisation <> %s)
                from crm_connections where name = %s
                """,
                [settings.name, settings.organisation, settings.name],
            )
        ).fetchone()
    if row is None:
        return
    profile, kind, organisation, others = row
    for field, has, given in (("profile", profile, settings.profile), ("kind", kind, settings.kind)):
        if has != given:
            raise Refused(
                "invalid_field",
                f"{field}: {settings.name} has the {field} {has}, which stays: start a connection of another name",
                field=field,
            )
    if organisation not in (None, settings.organisation) and others:
        accounts = "1 account" if others == 1 else f"{others} accounts"
        raise Refused(
            "invalid_field",
            f"organisation: {settings.name} is the CRM of {accounts} of another organisation, whose mail it would still "
            f"have: take it off them with change_settings, or start a connection of another name for {settings.organisation}",
            field="organisation",
        )


async def save_crm(connection: Connection, crm: RecordedCrm) -> None:
    """Saves a connection's row. Where the rules by which mail is linked to it changed, stored mail is linked anew; where it has
    another address, which may be another database's, the next pull compares the whole directory."""
    settings = crm.settings
    kept = settings.model_dump(mode="json")
    # An account that is linked with the CRM only now is not among its accounts yet: what it asks for itself waits for this lock.
    await hold(connection, *linking_by([settings.name]))
    before = await (
        await connection.execute(
            "select settings ->> 'url', settings ->> 'data_centre', settings is not null from crm_connections "
            "where name = %s for no key update",
            [settings.name],
        )
    ).fetchone()
    moved = before is not None and before[2] and before[:2] != (kept["url"], kept["data_centre"])
    rules = (await rules_of(connection, [settings.name]))[settings.name]
    if before is not None and rules != settings.linking:
        accounts = await connection.execute(
            "select address from accounts_recorded where crm @> array[%s::text] order by address", [settings.name]
        )
        for (address,) in await accounts.fetchall():
            cause = "the rules of linking with the CRM changed"
            await ask_to_relink_account(connection, settings.name, address, cause=cause)
    await connection.execute(
        """
        insert into crms (
            name, kind, profile, organisation, linking, settings, state, reason, last_failure, authentication_failures,
            connection_failures, next_attempt_at
        ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (name) do update set
            organisation = excluded.organisation, linking = excluded.linking, settings = excluded.settings,
            state = excluded.state, reason = excluded.reason, last_failure = excluded.last_failure,
            authentication_failures = excluded.authentication_failures,
            connection_failures = excluded.connection_failures, next_attempt_at = excluded.next_attempt_at
        """,
        [
            settings.name,
            settings.kind,
            settings.profile,
            settings.organisation,
            Jsonb(kept["linking"]),
            Jsonb(kept),
            crm.state,
            crm.reason,
            crm.last_failure,
            crm.authentication_failures,
            crm.connection_failures,
            crm.next_attempt_at,
        ],
    )
    if moved:
        await connection.execute(
            "update crm_connections set cursor = null, swept_at = null where name = %s", [settings.name]
        )

"""The `record` activity: appends lifecycle events with the account they lead to and the notices they give rise to."""

from __future__ import annotations

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from temporalio import activity

from activities.core.log import append
from activities.core.notices import tell
from activities.crm.connections import save_crm
from activities.linking.relinking import ask_to_relink_account, ask_to_relink_addresses
from activities.sending.routes import save_route
from domain.core.refusal import Refused
from infra.database.pool import Pool
from workflows.contract import RecordedAccount, RecordRequest


class Recorder:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def record(self, request: RecordRequest) -> int:
        """Appends the events in order, in one transaction with what follows from them; answers the last version.

        Tried again after a lost answer, it finds the events by their ids and changes nothing.
        """
        version = 0
        async with self._pool.connection() as connection, connection.transaction():
            if request.account is not None:
                await _save_account(connection, request.address, request.account)
            if request.crm is not None:
                await save_crm(connection, request.crm)
            if request.route is not None:
                await save_route(connection, request.address, request.route)
            if request.quota is not None:
                await connection.execute(
                    "insert into users values (%s, %s) on conflict (name) do update set quota_bytes = excluded.quota_bytes",
                    list(request.quota),
                )
            for event, notice in zip(request.events, request.notices, strict=True):
                if notice is not None:
                    await tell(connection, request.address, event, notice)
                version = await append(connection, request.address, event)
        return version


class Vacancies:
    """Which addresses have no account that lives."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def check_that_no_account_lives(self, address: str) -> None:
        """Raises Refused: `account_lives` where a workflow takes commands for the address, `unknown_address` where it has no
        mail here."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute("select state from accounts_recorded where address = %s", [address])
            ).fetchone()
        if row is None:
            raise Refused(
                "unknown_address",
                f"{address} has no mail here: `mailroom accounts --closed` lists the addresses that have",
                field="address",
            )
        if row[0] != "closed":
            raise Refused(
                "account_lives",
                f"{address} has an account, which is {row[0]}: give the command to its workflow mail-account/{address}",
                field="address",
            )


async def _save_account(connection: AsyncConnection[TupleRow], address: str, account: RecordedAccount) -> None:
    """Saves the account's row. Mail that is stored is linked anew where a CRM was added (R3), other addresses are its own,
    or other people its colleagues."""
    info = activity.info()
    before = await (
        await connection.execute(
            "select crm, aliases, organisation from accounts_recorded where address = %s for update", [address]
        )
    ).fetchone()
    await connection.execute(
        """
        insert into accounts_recorded (
            address, organisation, owner, host, crm, aliases, state, reason, authentication_failures, connection_failures,
            next_attempt_at, workflow_id, run_id
        ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (address) do update set
            organisation = excluded.organisation, owner = excluded.owner, host = excluded.host, crm = excluded.crm,
            aliases = excluded.aliases, state = excluded.state, reason = excluded.reason,
            authentication_failures = excluded.authentication_failures,
            connection_failures = excluded.connection_failures,
            next_attempt_at = excluded.next_attempt_at,
            workflow_id = excluded.workflow_id, run_id = excluded.run_id
        """,
        [
            address,
            account.organisation,
            account.owner,
            account.host,
            account.crm,
            account.aliases,
            account.state,
            account.reason,
            account.authentication_failures,
            account.connection_failures,
            account.next_attempt_at,
            info.workflow_id,
            info.workflow_run_id,
        ],
    )
    known, aliases, organisation = before or ([], [], account.organisation)
    for crm in account.crm:
        if crm not in known:
            await ask_to_relink_account(connection, crm, address, cause="the CRM was added to the account")
        elif aliases != account.aliases:
            await ask_to_relink_account(connection, crm, address, cause="the account's aliases changed")
        elif organisation != account.organisation:
            await ask_to_relink_account(connection, crm, address, cause="the account's organisation changed")
    ours, theirs = {address, *aliases}, {address, *account.aliases}
    if before is not None and organisation == account.organisation:
        ours, theirs = ours - theirs, theirs - ours
    for of in {organisation, account.organisation} if ours or theirs else ():
        for crm in await _crms_of_colleagues(connection, of, address):
            await ask_to_relink_addresses(
                connection, crm, ours | theirs, cause="an account of the organisation has other addresses"
            )


async def _crms_of_colleagues(connection: AsyncConnection[TupleRow], organisation: str, address: str) -> list[str]:
    """The CRMs of the organisation's other accounts, for whom this one's addresses are a colleague's."""
    rows = await (
        await connection.execute(
            "select distinct unnest(crm) from accounts_recorded where organisation = %s and address <> %s order by 1",
            [organisation, address],
        )
    ).fetchall()
    return [row[0] for row in rows]

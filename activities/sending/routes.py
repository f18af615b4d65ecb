"""Routes as the database knows them: whose addresses they are, how each stands, and the messages that wait for it."""

from __future__ import annotations

from psycopg.types.json import Jsonb
from temporalio import activity
from temporalio.service import RPCError, RPCStatusCode

from activities.core.attempts import heartbeats
from domain.core.refusal import Refused
from infra.database.pool import Connection, Pool
from workflows.contract import RecordedRoute, ReleaseRequest, RouteAddressRequest, message_workflow_id

PAGE = 200  # messages that are woken at once


class Routes:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def check_route_address(self, request: RouteAddressRequest) -> None:
        """Raises Refused `unknown_from` where no account of the organisation has the address, as its own or as an alias."""
        async with self._pool.connection() as connection:
            account = await account_of(connection, request.address, request.organisation)
        if account is None:
            raise Refused(
                "unknown_from",
                f"no account of the organisation {request.organisation} has the address {request.address}, as its own or as an "
                "alias: start its account first, or add the alias with change_settings",
                field="address",
            )


async def account_of(connection: Connection, address: str, organisation: str | None = None) -> str | None:
    """The account that an address is, or is an alias of; None where there is none."""
    row = await (
        await connection.execute(
            """
            select address from accounts_recorded
            where (address = %(address)s or %(address)s = any(aliases))
                and (%(organisation)s::text is null or organisation = %(organisation)s) and state <> 'closed'
            order by address <> %(address)s, address limit 1
            """,
            {"address": address, "organisation": organisation},
        )
    ).fetchone()
    return str(row[0]) if row else None


async def save_route(connection: Connection, route_id: str, route: RecordedRoute) -> None:
    """Saves a route's row. What an attempt has stopped it for is over once its workflow knows that failure, other settings
    hold than those that failed, or a login has worked since."""
    settings = route.settings
    await connection.execute(
        """
        insert into sending_routes as r (
            id, address, kind, organisation, host, settings, settings_version, state, reason, last_failure,
            authentication_failures, connection_failures, verified_at, next_attempt_at
        ) values (
            %(id)s, %(address)s, %(kind)s, %(organisation)s, %(host)s, %(settings)s, %(version)s, %(state)s, %(reason)s,
            %(last_failure)s, %(authentication)s, %(connection)s, %(verified_at)s, %(next_attempt_at)s
        )
        on conflict (id) do update set
            kind = excluded.kind, organisation = excluded.organisation, host = excluded.host, settings = excluded.settings,
            settings_version = excluded.settings_version, state = excluded.state, reason = excluded.reason,
            last_failure = excluded.last_failure, authentication_failures = excluded.authentication_failures,
            connection_failures = excluded.connection_failures, verified_at = excluded.verified_at,
            next_attempt_at = excluded.next_attempt_at,
            stopped = case
                when r.stopped ->> 'reference' = %(reference)s or r.stopped_version <> excluded.settings_version
                    or excluded.verified_at > (r.stopped ->> 'at')::timestamptz then null
                else r.stopped
            end
        """,
        {
            "id": route_id,
            "address": settings.address,
            "kind": settings.kind,
            "organisation": settings.organisation,
            "host": settings.outgoing.host,
            "settings": Jsonb(settings.model_dump(mode="json")),
            "version": route.settings_version,
            "state": route.state,
            "reason": route.reason,
            "last_failure": route.last_failure,
            "authentication": route.authentication_failures,
            "connection": route.connection_failures,
            "verified_at": route.verified_at,
            "next_attempt_at": route.next_attempt_at,
            "reference": route.reference,
        },
    )


class Held:
    """Wakes what waited for a route."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def release_held(self, request: ReleaseRequest) -> int:
        """Has the messages go that the route holds, the oldest first; answers how many. Done again, it wakes them again, which
        harms nothing."""
        client, woken = activity.client(), 0
        after: tuple[str, str] = ("", "")
        async with heartbeats(lambda: woken):
            while page := await self._page(request.route, after):
                for _, request_id in page:
                    try:
                        await client.get_workflow_handle(message_workflow_id(request_id)).signal("go")
                        woken += 1
                    except RPCError as error:
                        if error.status is not RPCStatusCode.NOT_FOUND:  # otherwise it was terminated by hand
                            raise
                after = page[-1]
        return woken

    async def _page(self, route: str, after: tuple[str, str]) -> list[tuple[str, str]]:
        queued_at, request_id = after
        async with self._pool.connection() as connection:
            rows = await (
                await connection.execute(
                    """
                    select queued_at::text, request_id from outgoing
                    where route = %(route)s and state = 'held'
                        and (%(after)s = '' or (queued_at, request_id) > (nullif(%(after)s, '')::timestamptz, %(id)s))
                    order by queued_at, request_id limit %(most)s
                    """,
                    {"route": route, "after": queued_at, "id": request_id, "most": PAGE},
                )
            ).fetchall()
        return [(at, one) for at, one in rows]

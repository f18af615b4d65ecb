"""The commands that keep an account's filters: save, remove, order, recommend. They file mail that comes later."""

from __future__ import annotations

import json
from typing import Any

from psycopg.types.json import Jsonb
from temporalio import activity

from activities.core.commands import at_the_desk, given, log, logged
from activities.filing.folders import own_folder
from activities.mailbox.own_addresses import own_addresses
from domain.core.refusal import Refused
from domain.filing.commands import OrderFilters, RecommendFilters, RemoveFilter, SaveFilter
from domain.filing.filters import FOLDERS, MOST_FILTERS, Action, Filter
from domain.filing.recommended import own_mail, own_mail_exactly, warnings
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest


class Filters:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def save_filter(self, request: DeskRequest) -> dict[str, Any]:
        """Answers the filter with its id, version and position, and what there is to say of it."""
        asked = given(SaveFilter, request)
        async with at_the_desk(self._pool, request.address) as connection:
            wanted = await self._with_known_folders(connection, request.address, asked.saved())
            row = await (
                await connection.execute(
                    """
                    select id, version, position, (match, conditions, actions, enabled)
                        is not distinct from (%s, %s::jsonb, %s::jsonb, %s)
                    from account_filters where address = %s and name = %s
                    """,
                    [*_columns(wanted), request.address, wanted.name],
                )
            ).fetchone()
            done = row is not None and await logged(connection, request, asked.by) is not None
            if row is None:
                saved, changed = await self._add(connection, request.address, wanted), True
            else:
                number, version, position, as_wanted = row
                saved, changed = (number, version, position), not as_wanted and not done
                if changed:
                    await connection.execute(
                        """
                        update account_filters set match = %s, conditions = %s, actions = %s, enabled = %s,
                            version = version + 1 where id = %s
                        """,
                        [*_columns(wanted), number],
                    )
                    saved = (number, version + 1, position)
            own = await own_addresses(connection, request.address)
            order: list[int] | None = None
            if asked.position is not None and not done:
                order, place = await self._placed(connection, request.address, saved[0], asked.position)
                saved = (*saved[:2], place)
            if changed:
                facts = dict(zip(("filter", "version", "position"), saved, strict=True))
                await log(connection, request, "FilterSaved", asked.by, {**facts, "enabled": wanted.enabled})
            elif order is not None:
                await log(connection, request, "FiltersOrdered", asked.by, {"filters": order})
        return {
            "filter": {"id": saved[0], **wanted.written(), "version": saved[1], "position": saved[2]},
            "warnings": warnings(wanted, own),
        }

    @activity.defn
    async def remove_filter(self, request: DeskRequest) -> dict[str, Any]:
        """Refused where there is no filter of that name."""
        asked = given(RemoveFilter, request)
        async with at_the_desk(self._pool, request.address) as connection:
            if await logged(connection, request, asked.by) is None:
                row = await (
                    await connection.execute(
                        "delete from account_filters where address = %s and name = %s returning id, version",
                        [request.address, asked.name],
                    )
                ).fetchone()
                if row is None:
                    raise unknown_filter(asked.name)
                number, version = row
                await log(connection, request, "FilterRemoved", asked.by, {"filter": number, "version": version})
            return {"removed": asked.name}

    @activity.defn
    async def order_filters(self, request: DeskRequest) -> dict[str, Any]:
        """Answers all names in the order that they have now."""
        asked = given(OrderFilters, request)
        async with at_the_desk(self._pool, request.address) as connection:
            rows = await (
                await connection.execute(
                    "select name, id from account_filters where address = %s order by position, id", [request.address]
                )
            ).fetchall()
            ids: dict[str, int] = dict(rows)
            if missing := [name for name in asked.names if name not in ids]:
                raise unknown_filter(*missing, field="names")
            names = list(dict.fromkeys((*asked.names, *ids)))
            if names != list(ids):
                await _order(connection, [ids[name] for name in names])
                if await logged(connection, request, asked.by) is None:
                    await log(
                        connection, request, "FiltersOrdered", asked.by, {"filters": [ids[name] for name in names]}
                    )
            return {"names": names}

    @activity.defn
    async def recommend_filters(self, request: DeskRequest) -> dict[str, Any]:
        """The recipe as it is known, with what it also does, and the same without that. Nothing is saved (R35)."""
        given(RecommendFilters, request)
        async with self._pool.connection() as connection:
            own = await own_addresses(connection, request.address)
        offered = []
        for ready in (own_mail(own), own_mail_exactly()):
            written = ready.written()
            del written["enabled"]
            offered.append({"filter": written, "warnings": warnings(ready, own)})
        return {"recommended": offered}

    async def _add(self, connection: Connection, address: str, wanted: Filter) -> tuple[int, int, int]:
        row = await (
            await connection.execute(
                "select count(*), coalesce(max(position), 0) + 1 from account_filters where address = %s", [address]
            )
        ).fetchone()
        assert row is not None
        count, position = row
        if count >= MOST_FILTERS:
            raise Refused(
                "too_many_filters", f"{address} has {MOST_FILTERS} filters, the most there may be: remove one first"
            )
        row = await (
            await connection.execute(
                """
                insert into account_filters (address, name, position, match, conditions, actions, enabled)
                values (%s, %s, %s, %s, %s, %s, %s) returning id, version, position
                """,
                [address, wanted.name, position, *_columns(wanted)],
            )
        ).fetchone()
        assert row is not None
        number, version, position = row
        return number, version, position

    async def _placed(
        self, connection: Connection, address: str, saved: int, position: int
    ) -> tuple[list[int] | None, int]:
        """Puts a filter where it was asked for, or last. Answers the new order, None where it is as it was, and the place."""
        cursor = await connection.execute(
            "select id from account_filters where address = %s order by position, id", [address]
        )
        before: list[int] = [row[0] for row in await cursor.fetchall()]
        after = [one for one in before if one != saved]
        after.insert(position - 1, saved)
        await _order(connection, after)
        return (None if after == before else after), after.index(saved) + 1

    async def _with_known_folders(self, connection: Connection, address: str, wanted: Filter) -> Filter:
        """The filter with its folders spelled as they are."""
        actions = [
            Action(move=await own_folder(connection, address, action.move))
            if action.move and action.move not in FOLDERS
            else action
            for action in wanted.actions
        ]
        return wanted.model_copy(update={"actions": tuple(actions)})


def unknown_filter(*names: str, field: str = "name") -> Refused:
    named = ", ".join(json.dumps(name, ensure_ascii=False) for name in names[:5])
    return Refused(
        "unknown_filter",
        f"the account has no filter of the name {named}: the view filters has their names",
        field=field,
    )


async def _order(connection: Connection, ids: list[int]) -> None:
    await connection.execute(
        """
        update account_filters f set position = new.position
        from unnest(%s::bigint[]) with ordinality as new (id, position) where f.id = new.id
        """,
        [ids],
    )


def _columns(wanted: Filter) -> list[object]:
    written = wanted.written()
    return [wanted.match, Jsonb(written["conditions"]), Jsonb(written["actions"]), wanted.enabled]

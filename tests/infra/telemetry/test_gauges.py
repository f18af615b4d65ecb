"""How accounts and CRM connections stand, measured on a real database and read as an exporter reads it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from domain.crm.settings import CrmSettings
from infra.database.pool import Pool, open_pool
from infra.telemetry import gauges as gauges_module
from infra.telemetry.gauges import Gauges
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import record_crm
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, local_worker, mailbox
from tests.support.running import until

MOMENTS = ("login_at", "shown_at", "last_checked_at")  # at which a session gave a sign of itself


class Shown:
    def __init__(self, pool: Pool) -> None:
        self._reader = InMemoryMetricReader()
        self.gauges = Gauges(pool, MeterProvider([self._reader]))

    def now(self) -> dict[tuple[str, ...], Any]:
        """What an exporter reads, by name, provider and state."""
        data = self._reader.get_metrics_data()
        return {
            (
                metric.name.removeprefix("mailroom.").removeprefix("crm."),
                *(str(value) for _, value in sorted((point.attributes or {}).items())),
            ): getattr(point, "value", None)
            for scope in (data.resource_metrics[0].scope_metrics if data else ())
            for metric in scope.metrics
            for point in metric.data.data_points
        }


async def connect(pool: Pool, name: str, kind: str = "tryton", state: str = "active") -> None:
    given = {"url": "https://crm.example.com/sales", "secret": "vault:key"} if kind == "tryton" else {}
    await record_crm(pool, CrmSettings.model_validate({"name": name, "kind": kind, **given}), state=state)


async def waits(pool: Pool, crm: str, *states: str) -> None:
    async with pool.connection() as connection:
        for state in states:
            await connection.execute(
                """
                insert into entries (crm, identity, record_kind, record_id, key, direction, state)
                values (%s, %s::text::bytea, 'contact', '1', sha256(gen_random_uuid()::text::bytea), 'Received', %s)
                """,
                [crm, f"{crm}-{await _count(connection)}", state],
            )


async def _count(connection: Any) -> int:
    row = await (await connection.execute("select count(*) from entries")).fetchone()
    return int(row[0])


async def test_connections_and_what_waits_for_them_are_counted_by_kind_and_state(pool: Pool) -> None:
    await connect(pool, "builtin", "builtin")
    await connect(pool, "sales")
    await connect(pool, "service", state="suspended")
    await connect(pool, "former", state="closed")
    await waits(pool, "sales", "queued", "queued", "uncertain", "delivered")
    await waits(pool, "service", "queued", "failed")
    await waits(pool, "former", "queued", "failed")
    shown = Shown(pool)
    await shown.gauges.measure()
    assert shown.now() == {
        ("accounts.unwatched",): 0,
        ("connections", "builtin", "active"): 1,
        ("connections", "tryton", "active"): 1,
        ("connections", "tryton", "suspended"): 1,
        ("outbox", "builtin", "queued"): 0,
        ("outbox", "builtin", "uncertain"): 0,
        ("outbox", "builtin", "failed"): 0,
        ("outbox", "tryton", "queued"): 3,
        ("outbox", "tryton", "uncertain"): 1,
        ("outbox", "tryton", "failed"): 1,
    }


async def test_an_active_account_that_nobody_looks_at_is_counted_until_somebody_does(pool: Pool) -> None:
    watcher, shown = Watcher(pool, worker=replace(local_worker(), minute_seconds=60.0)), Shown(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        await watcher.record(account(server.port))
        await watcher.watch(account(server.port))
        assert await unwatched(shown) == 0
        # Three intervals of five minutes and ten minutes are 25.
        await passed(pool, minutes=24)
        assert await unwatched(shown) == 0
        await passed(pool, minutes=2)
        assert await unwatched(shown) == 1
        assert await watcher.column("select address from accounts where unwatched") == [JANE]
        await execute(pool, "update accounts_recorded set next_attempt_at = now() + interval '1 hour'")
        assert await unwatched(shown) == 0, "it waits after a failure"
        await execute(pool, "update accounts_recorded set next_attempt_at = null, state = 'suspended'")
        assert await unwatched(shown) == 0
        await execute(pool, "update accounts_recorded set state = 'active'")
        assert await unwatched(shown) == 1
        await watcher.finds_nothing(account(server.port))
        assert await unwatched(shown) == 0


async def passed(pool: Pool, *, minutes: int) -> None:
    times = ", ".join(f"{name} = {name} - make_interval(mins => {minutes})" for name in MOMENTS)
    await execute(pool, f"update mailboxes set {times}")


async def execute(pool: Pool, query: str) -> None:
    async with pool.connection() as connection:
        await connection.execute(query.encode())


async def unwatched(shown: Shown) -> Any:
    await shown.gauges.measure()
    return shown.now()[("accounts.unwatched",)]


async def test_they_are_measured_anew_and_shown_no_more_while_the_database_is_away(
    pool: Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges_module, "MEASURE_EVERY", 0.02)
    await connect(pool, "sales")
    own = await open_pool(database_url, most=1)
    shown, stop = Shown(own), asyncio.Event()
    measuring = asyncio.create_task(shown.gauges.run(stop))

    async def shows(state: str) -> bool:
        return shown.now().get(("connections", "tryton", state)) == 1

    await until(lambda: shows("active"), "the connection")
    await connect(pool, "sales", state="disabled")
    await until(lambda: shows("disabled"), "the connection, disabled")
    await own.close()

    async def shows_nothing() -> bool:
        return shown.now() == {}

    await until(shows_nothing, "nothing")
    assert not measuring.done()
    stop.set()
    await measuring

"""How accounts and CRM connections stand, as metrics: measured from the database, because it is no worker's own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Sequence

import psycopg
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from infra.database.pool import Pool
from infra.telemetry.spans import SERVICE

MEASURE_EVERY = 60.0  # seconds; OpenTelemetry exports as often by default

UNWATCHED = "select count(*) from accounts where unwatched"
STANDING = "select kind, state, backlog - uncertain, uncertain, failed from crms where state <> 'closed'"

logger = logging.getLogger(__name__)


class Gauges:
    """Active accounts that nobody looks at; CRM connections, and entries that are not delivered, by state and kind of CRM.
    Every worker that measures shows the same numbers, those of the whole database; one that cannot measure shows none."""

    def __init__(self, pool: Pool, meters: metrics.MeterProvider | None = None) -> None:
        self._pool = pool
        self._unwatched: Sequence[Observation] = ()
        self._connections: Sequence[Observation] = ()
        self._entries: Sequence[Observation] = ()
        meter = (meters or metrics.get_meter_provider()).get_meter(SERVICE)
        meter.create_observable_gauge(
            "mailroom.accounts.unwatched",
            [self._show_unwatched],
            "{account}",
            "Active accounts that nobody has looked at for three intervals and ten minutes",
        )
        meter.create_observable_gauge(
            "mailroom.crm.connections", [self._show_connections], "{connection}", "CRM connections that are not closed"
        )
        meter.create_observable_gauge(
            "mailroom.crm.outbox", [self._show_entries], "{entry}", "Entries that are not delivered"
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Measures until `stop` is set."""
        while not stop.is_set():
            try:
                await self.measure()
            except psycopg.Error:
                self._unwatched = self._connections = self._entries = ()
                logger.warning("accounts and CRM connections are not measured: the database does not answer")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MEASURE_EVERY):
                    await stop.wait()

    async def measure(self) -> None:
        async with self._pool.connection() as connection:
            unwatched = await (await connection.execute(UNWATCHED)).fetchall()
            rows = await (await connection.execute(STANDING)).fetchall()
        connections: Counter[tuple[str, str]] = Counter()
        entries: Counter[tuple[str, str]] = Counter()
        for kind, state, *counts in rows:
            connections[kind, state] += 1
            for waiting, count in zip(("queued", "uncertain", "failed"), counts, strict=True):
                entries[kind, waiting] += count
        self._unwatched = [Observation(count) for (count,) in unwatched]
        self._connections, self._entries = _observed(connections), _observed(entries)

    def _show_unwatched(self, _: CallbackOptions) -> Sequence[Observation]:
        return self._unwatched

    def _show_connections(self, _: CallbackOptions) -> Sequence[Observation]:
        return self._connections

    def _show_entries(self, _: CallbackOptions) -> Sequence[Observation]:
        return self._entries


def _observed(counted: Counter[tuple[str, str]]) -> list[Observation]:
    return [Observation(count, {"provider": kind, "state": state}) for (kind, state), count in counted.items()]

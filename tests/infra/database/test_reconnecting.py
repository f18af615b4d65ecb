"""The pool after its database was away: how long it waits before it connects again does not grow with the outage."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from psycopg_pool.base import AttemptWithBackoff

from infra.database.pool import RECONNECT_SECONDS, Pool
from tests.support.running import until
from tests.support.services import Services

ATTEMPTS = 8  # before the last of which the pool, left to itself, would wait for two minutes


@contextlib.contextmanager
def away(services: Services, url: str) -> Iterator[None]:
    """The database takes no connections, and has ended those that it had."""
    name = url.rpartition("/")[2]
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        connection.execute(f"alter database {name} allow_connections false".encode())
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        yield
        connection.execute(f"alter database {name} allow_connections true".encode())


@pytest.mark.requirement("R19")
async def test_the_pause_before_the_next_connection_does_not_grow_with_the_outage(
    services: Services, database_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled: list[float] = []
    update = AttemptWithBackoff.update_delay

    def noted(attempt: AttemptWithBackoff, now: float) -> None:
        update(attempt, now)
        scheduled.append(attempt.delay)

    monkeypatch.setattr(AttemptWithBackoff, "update_delay", noted)

    async def often() -> bool:
        return len(scheduled) >= ATTEMPTS

    with away(services, database_url):
        with pytest.raises(psycopg.OperationalError):
            async with pool.connection(timeout=1) as connection:
                await connection.execute("select 1")
        await until(often, f"{ATTEMPTS} attempts to connect, though nobody waits")
    assert max(scheduled) <= RECONNECT_SECONDS
    async with pool.connection(timeout=60) as connection:
        await connection.execute("select 1")

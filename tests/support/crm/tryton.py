"""The adapter for Tryton, and what tests ask it and do behind its back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from activities.crm.adapters.protocol import Crm, CrmFailure
from activities.crm.adapters.tryton.adapter import Tryton
from domain.crm.settings import CrmSettings
from domain.directory.records import Cursor, Record
from infra.network.http import HttpHost
from infra.settings import LOOPBACK, WorkerSettings
from tests.servers.tryton import COMPANY_PARTIES, TrytonDatabase


@asynccontextmanager
async def adapter(url: str, key: str, allow: Sequence[str] = LOOPBACK) -> AsyncIterator[Crm]:
    settings = CrmSettings(name="tryton", kind="tryton", url=url, secret="file:tryton")
    worker = WorkerSettings(
        database_url="postgresql://unused", secret_dir=Path("/nonexistent"), allow_hosts=tuple(allow)
    )
    async with HttpHost(url, worker) as host:
        yield Tryton(settings, host, key)


@pytest.fixture
async def crm(tryton: TrytonDatabase) -> AsyncIterator[Crm]:
    async with adapter(tryton.url, tryton.key) as connected:
        yield connected


async def pulled(crm: Crm, cursor: Cursor | None = None) -> tuple[dict[tuple[str, str], Record], Cursor]:
    """What a pull brings, without the company's own parties, and where the next one goes on."""
    records: list[Record] = []
    async for page in crm.pull(cursor):
        records += page.records
        cursor = page.cursor
    assert cursor is not None
    return {(record.kind, record.id): record for record in records if record.name not in COMPANY_PARTIES}, cursor


async def failure_of(crm: Crm, doing: str, *arguments: object) -> CrmFailure:
    with pytest.raises(CrmFailure) as failed:
        await getattr(crm, doing)(*arguments)
    return failed.value


def make_old(tryton: TrytonDatabase) -> None:
    """Lets an hour go by since all that was done so far, so that no overlap shows it again."""
    with psycopg.connect(tryton.uri, autocommit=True) as connection:
        for table in ("party_party", "party_contact_mechanism", "sale_opportunity"):
            connection.execute(
                f"update {table} set create_date = create_date - interval '1 hour', "
                "write_date = write_date - interval '1 hour'"
            )

"""A twin of Zoho, and the adapter that speaks with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from activities.crm.adapters.protocol import CrmFailure, Entry
from activities.crm.adapters.registry import use_of
from activities.crm.adapters.zoho.adapter import Zoho, address
from domain.crm.settings import CrmSettings
from domain.directory.records import Cursor, Record
from infra.database.pool import Pool
from infra.network.http import HttpHost
from tests.servers.zoho_twin import ZohoTwin
from tests.support.crm import entries
from tests.support.granted import access_tokens, settings, store


def running_twin() -> Iterator[ZohoTwin]:
    """A twin that was sent nothing that Zoho does not know."""
    with ZohoTwin() as twin:
        yield twin
        assert twin.complaints == [], twin.complaints


@asynccontextmanager
async def connected(pool: Pool, twin: ZohoTwin, **changes: Any) -> AsyncIterator[Zoho]:
    """An adapter with a grant in the vault, as a worker has it."""
    secret = await store(pool, twin.grant(), "zoho")
    given = {"name": "zoho", "kind": "zoho", "data_centre": "eu", "url": twin.url, "secret": secret} | changes
    connection = CrmSettings(**given)
    async with HttpHost(address(connection), settings()) as host:
        yield Zoho(connection, host, access_tokens(pool), use_of(connection, host))


def entry(record_id: str, **changes: Any) -> Entry:
    given: dict[str, Any] = {
        "key": "ab" * 32,
        "message_id": "<one@client.example>",
        "sent_at": entries.NOON,
        "subject": "An offer",
        "text": "Dear Jane,\n2 < 3 & so on",
    }
    return entries.entry(record_id, **given | changes)


async def pulled(zoho: Zoho, cursor: Cursor | None = None) -> tuple[dict[str, Record], Cursor]:
    """What a pull brings, by id, and where the next one goes on."""
    found: dict[str, Record] = {}
    last: Cursor | None = None
    async for page in zoho.pull(cursor):
        found |= {record.id: record for record in page.records}
        last = page.cursor
    assert last is not None
    return found, last


async def failure_of(asked: Any) -> CrmFailure:
    try:
        await asked
    except CrmFailure as failure:
        return failure
    raise AssertionError("it did not fail")

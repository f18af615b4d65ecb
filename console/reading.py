"""Reading for one command: what the database's views say, in one snapshot that changes nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from domain.core.refusal import Refused
from infra.database.pool import KEEPALIVES
from infra.settings import WorkerSettings

STATEMENT_SECONDS = 60
OPTIONS = f"-c search_path=mailroom -c timezone=UTC -c default_transaction_read_only=on -c statement_timeout={STATEMENT_SECONDS}s"


class Reader:
    """The views, as rows by name."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow]) -> None:
        self._connection = connection

    async def rows(self, statement: str, **values: Any) -> list[DictRow]:
        cursor = await self._connection.execute(statement, values)
        return await cursor.fetchall()

    async def row(self, statement: str, **values: Any) -> DictRow | None:
        found = await self.rows(statement, **values)
        return found[0] if found else None


@asynccontextmanager
async def reading(environ: Mapping[str, str] = os.environ) -> AsyncIterator[Reader]:
    """A reader of the database of DATABASE_URL; raises Refused where no worker has ever been started on it."""
    url = WorkerSettings.from_environment(environ).database_url
    where: dict[str, Any] = {"options": OPTIONS, "connect_timeout": 10, **KEEPALIVES}
    async with await psycopg.AsyncConnection.connect(url, row_factory=dict_row, **where) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        try:
            yield Reader(connection)
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction):
            raise Refused(
                "not_migrated", "the database has no Mailroom of this version yet: start a worker, which sets it up"
            ) from None
        except psycopg.errors.QueryCanceled:
            raise Refused(
                "too_long",
                f"the database did not answer in {STATEMENT_SECONDS} s: ask for less, or look what it is busy with",
            ) from None

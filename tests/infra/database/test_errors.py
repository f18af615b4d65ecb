"""What history, logs and traces have of a database error: which it is, and nothing of the row that it is about."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor

from infra.database.errors import without_values
from infra.database.pool import Pool
from infra.telemetry.logs import start_logging
from infra.temporal.client import WithoutValues
from tests.infra.temporal.test_client import as_stored

SUBJECT = "our secret merger"
TABLE = "create temp table kept (address text unique, subject text check (length(subject) < 5), id int)"


async def raised(pool: Pool, statement: str, *values: Any) -> psycopg.Error:
    async with pool.connection() as connection:
        await connection.execute(TABLE.encode())
        await connection.execute("insert into kept values ('anna@example.org', 'x', 1)")
        with pytest.raises(psycopg.Error) as error:
            await connection.execute(statement.encode(), values)
        await connection.execute("drop table kept")
    assert any(word in str(error.value) for word in ("anna@example.org", SUBJECT, "our..."))
    return error.value


ROWS = [
    ("insert into kept values ('anna@example.org', %s, 2)", ("y",), "UniqueViolation", "23505"),
    ("insert into kept values ('bo@example.org', %s, 2)", (SUBJECT,), "CheckViolation", "23514"),
    ("insert into kept (id) values ((%s::text)::int)", (SUBJECT,), "InvalidTextRepresentation", "22P02"),
    ("select (%s::text)::jsonb", (SUBJECT,), "InvalidTextRepresentation", "22P02"),
]


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    start_logging(dev=True, stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize(("statement", "values", "name", "state"), ROWS)
async def test_history_has_class_state_and_message_and_nothing_of_the_row(
    pool: Pool, statement: str, values: tuple[str, ...], name: str, state: str
) -> None:
    alone = as_stored(await raised(pool, statement, *values))
    assert alone.application_failure_info.type == name
    assert alone.message.endswith(f"(SQLSTATE {state})")
    beneath = as_stored(ApplicationError("broken", type="Surprise"), because=await raised(pool, statement, *values))
    assert f"(SQLSTATE {state})" in beneath.cause.message
    for failure in (alone, beneath):
        assert "test_errors" in str(failure), "it says where it happened"
        assert not any(word in str(failure) for word in ("DETAIL", "example.org", "merger"))


@pytest.mark.parametrize(("statement", "values", "name", "state"), ROWS)
async def test_the_workers_log_has_no_more(
    pool: Pool, logs: io.StringIO, statement: str, values: tuple[str, ...], name: str, state: str
) -> None:
    group = ExceptionGroup("several", [await raised(pool, statement, *values)])
    try:
        raise RuntimeError("a session ended") from group
    except RuntimeError:
        logging.getLogger("mailroom").exception("it failed")
    said = logs.getvalue()
    assert "a session ended" in said
    assert name in said
    assert state in said
    assert not any(word in said for word in ("DETAIL", "example.org", "merger"))


async def test_a_span_is_told_no_more_either(pool: Pool) -> None:
    class Fails(ActivityInboundInterceptor):
        async def execute_activity(self, input: Any) -> Any:  # noqa: A002 -- the SDK's name for it
            raise await raised(pool, *ROWS[0][:1], *ROWS[0][1])

    seen: Any = None  # what it is given
    with pytest.raises(psycopg.errors.UniqueViolation) as error:
        await WithoutValues().intercept_activity(Fails(seen)).execute_activity(seen)
    assert str(error.value) == ('duplicate key value violates unique constraint "kept_address_key" (SQLSTATE 23505)')


def test_a_database_that_is_away_is_still_named() -> None:
    error = PoolTimeout("couldn't get a connection after 30.00 sec")
    without_values(error)
    without_values(error)
    assert str(error) == "couldn't get a connection after 30.00 sec"

"""The append-only log: appending, what is refused, and what `verify_log` finds when it was tampered with all the same."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from psycopg import AsyncConnection

from activities.core import log
from activities.core.log import append, logged
from domain.core.log_event import LoggedEvent
from domain.core.refusal import Refused
from infra.database.pool import Pool
from tests.support.running import until
from tests.support.services import as_owner

JANE = "jane@example.com"
NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def event(kind: str = "RetrievalFailed", event_id: UUID | None = None, **data: Any) -> LoggedEvent:
    return LoggedEvent(event_id=event_id or uuid4(), at=NOON, type=kind, actor="ops", data=data)


async def appended(pool: Pool, *events: LoggedEvent, address: str = JANE) -> list[int]:
    """Appends each event in a transaction of its own; their versions."""
    versions = []
    for one in events:
        async with pool.connection() as connection, connection.transaction():
            versions.append(await append(connection, address, one))
    return versions


async def entries(pool: Pool, address: str = JANE) -> list[tuple[int, str, Any]]:
    async with pool.connection() as connection:
        found = await connection.execute(
            "select version, type, data from account_events where address = %s order by version", [address]
        )
        return [(version, kind, data) for version, kind, data in await found.fetchall()]


async def broken(pool: Pool, address: str = JANE) -> list[tuple[int, str]]:
    async with pool.connection() as connection:
        found = await connection.execute("select * from mailroom.verify_log(%s)", [address])
        return [(version, problem) for version, problem in await found.fetchall()]


async def tamper(pool: Pool, *statements: str) -> None:
    """Changes tables as only a superuser can: with the triggers that refuse it turned off."""
    async with await as_owner(pool) as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        for statement in statements:
            changed = await connection.execute(statement.encode())
            assert changed.rowcount > 0, "the test tampered with nothing"


async def test_versions_are_gapless_and_every_account_has_its_own(pool: Pool) -> None:
    assert await appended(pool, event(), event(), event()) == [1, 2, 3]
    assert await appended(pool, event(), address="bob@example.com") == [1]
    assert await appended(pool, event()) == [4]


async def test_an_event_appended_again_is_the_same_event(pool: Pool) -> None:
    first, second = event("AccountConnected"), event("AccountDisabled")
    assert await appended(pool, first, second, first, second) == [1, 2, 1, 2]
    assert [kind for _, kind, _ in await entries(pool)] == ["AccountConnected", "AccountDisabled"]
    assert await broken(pool) == []


async def test_an_event_is_the_same_however_its_data_are_written(pool: Pool) -> None:
    once = event(a=1, b={"x": 2.5, "y": [1]})
    again = once.model_copy(update={"data": {"b": {"y": [1.0], "x": 2.50}, "a": 1.00}})
    assert await appended(pool, once, again) == [1, 1]


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        pytest.param({}, "bob@example.com", id="address"),
        pytest.param({"type": "QuotaSet"}, JANE, id="type"),
        pytest.param({"data": {"count": 2}}, JANE, id="data"),
        pytest.param({"data": {"count": 1, "more": None}}, JANE, id="more data"),
        pytest.param({"actor": "jane"}, JANE, id="actor"),
    ],
)
async def test_an_id_that_is_another_events_is_refused_aloud_and_counted(
    pool: Pool, changes: dict[str, Any], address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader]).get_meter("mailroom").create_counter("mailroom.log.conflicts")
    monkeypatch.setattr(log, "LOG_CONFLICTS", counter)
    first = event("AccountDisabled", count=1)
    await appended(pool, event(), first)
    with pytest.raises(Refused) as refused:
        await appended(pool, first.model_copy(update=changes), address=address)
    assert refused.value.refusal.code == "log_conflict"
    for words in ("Temporal was set back", "version 2", "AccountDisabled by ops", "docs/production.md"):
        assert words in refused.value.message
        assert words in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    data = reader.get_metrics_data()
    assert data is not None
    [metric] = data.resource_metrics[0].scope_metrics[0].metrics
    assert [getattr(point, "value", None) for point in metric.data.data_points] == [1]
    assert [kind for _, kind, _ in await entries(pool)] == ["RetrievalFailed", "AccountDisabled"]
    assert await entries(pool, "bob@example.com") == []
    assert await appended(pool, event(), address=address) == [1 if address != JANE else 3]
    assert await broken(pool) == []


async def test_the_database_itself_refuses_it(pool: Pool) -> None:
    """So a worker of an earlier version cannot lose an event either."""
    statement = "select append_event(%s, %s, %s, %s, '{}', %s, null, null)"
    known = uuid4()
    async with pool.connection() as connection:
        await connection.execute(statement, [JANE, known, NOON, "AccountDisabled", "ops"])
        await connection.execute(statement, [JANE, known, NOON, "AccountDisabled", "ops"])
        with pytest.raises(psycopg.Error) as refused:
            await connection.execute(statement, [JANE, known, NOON, "AccountDisabled", "jane"])
    assert refused.value.sqlstate == "MR001"


async def test_a_command_finds_what_it_has_logged_and_nothing_of_another(pool: Pool) -> None:
    done = event("FilterSaved", filter=7)
    await appended(pool, done)
    async with pool.connection() as connection:
        assert await logged(connection, JANE, uuid4(), NOON, "ops") is None
        assert await logged(connection, JANE, done.event_id, NOON, "ops") == {"filter": 7}
        for address, at, actor in (
            ("bob@example.com", NOON, "ops"),
            (JANE, NOON + timedelta(seconds=1), "ops"),
            (JANE, NOON, "jane"),
        ):
            with pytest.raises(Refused) as refused:
                await logged(connection, address, done.event_id, at, actor)
            assert refused.value.refusal.code == "log_conflict"


async def test_a_rolled_back_append_leaves_no_gap(pool: Pool) -> None:
    await appended(pool, event())
    async with pool.connection() as connection, connection.transaction(force_rollback=True):
        assert await append(connection, JANE, event("NeverHappened")) == 2
    assert await appended(pool, event()) == [2]
    assert await broken(pool) == []


async def test_two_writers_in_open_transactions_wait_for_each_other(pool: Pool) -> None:
    async with pool.connection() as ours, pool.connection() as theirs:
        async with ours.transaction():
            assert await append(ours, JANE, event("Ours")) == 1
            waiting = asyncio.create_task(_append_in_transaction(theirs, event("Theirs")))
            await _until_blocked(pool, theirs)
            assert not waiting.done()
        assert await waiting == 2
    assert [kind for _, kind, _ in await entries(pool)] == ["Ours", "Theirs"]


async def test_many_writers_at_once_never_collide(pool: Pool) -> None:
    async def write(writer: int) -> None:
        await appended(pool, *(event(writer=writer, number=number) for number in range(15)))

    await asyncio.gather(*(write(writer) for writer in range(8)))
    kept = await entries(pool)
    assert [version for version, _, _ in kept] == list(range(1, 121))
    for writer in range(8):
        assert [data["number"] for _, _, data in kept if data["writer"] == writer] == list(range(15))
    assert await broken(pool) == []


async def test_the_same_event_from_two_writers_at_once_is_one_event(pool: Pool) -> None:
    same = event()
    assert await asyncio.gather(*(appended(pool, same) for _ in range(8))) == [[1]] * 8
    assert len(await entries(pool)) == 1


@pytest.mark.parametrize("table", ["log", "account_events"])
@pytest.mark.parametrize(
    "change",
    [
        "update {} set data = '{{}}' where version = 1",
        "update {} set actor = 'nobody'",
        "delete from {} where version = 2",
        "delete from {} where false",
        "truncate {}",
    ],
)
async def test_not_even_the_owner_changes_what_is_logged(pool: Pool, table: str, change: str) -> None:
    await appended(pool, event(), event())
    before = await entries(pool)
    with pytest.raises(psycopg.Error) as refused:
        async with await as_owner(pool) as connection:
            await connection.execute(change.format(table).encode())
    if not (table == "account_events" and change.startswith("truncate")):  # a view cannot be truncated anyway
        assert "append-only" in str(refused.value)
    assert await entries(pool) == before


@pytest.mark.parametrize("change", ["delete from log_heads", "truncate log_heads"])
async def test_a_logs_head_cannot_be_removed(pool: Pool, change: str) -> None:
    await appended(pool, event())
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        async with await as_owner(pool) as connection:
            await connection.execute(change.encode())


@pytest.mark.parametrize(
    "attack",
    [
        "update log set actor = 'nobody'",
        "delete from log where version = 2",
        "truncate log",
        "insert into log select address, 3, gen_random_uuid(), at, type, data, actor, null, null, hash, hash from log",
        "insert into account_events select address, 3, gen_random_uuid(), at, type, data, actor, null, null, hash, hash from log",
        "update account_events set actor = 'nobody'",
        "delete from account_events",
        "delete from log_heads",
        "update log_heads set version = 1",
        "set session_replication_role = replica",
        "alter table log disable trigger append_only",
        "drop trigger append_only on log",
        "drop table log cascade",
        (
            "create or replace function append_event(text, uuid, timestamptz, text, jsonb, text, text, text) returns bigint "
            "language sql as 'select 1::bigint'"
        ),
        (
            "create or replace function entry_hash(bytea, text, bigint, uuid, timestamptz, text, jsonb, text, text, text) "
            "returns bytea language sql as 'select null::bytea'"
        ),
        "create table mailroom.mine ()",
        "delete from migrations",
        "insert into worker_roles values ('nobody')",
        "set role mailroom",
        "alter table log owner to mailroom_worker",
        "alter role mailroom_worker superuser",
    ],
)
async def test_the_role_of_workers_appends_and_changes_neither_the_log_nor_the_schema(pool: Pool, attack: str) -> None:
    await appended(pool, event(), event())
    before = await entries(pool)
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidObjectDefinition)):
        async with pool.connection() as connection:
            await connection.execute(attack.encode())
    assert await entries(pool) == before
    assert await appended(pool, event()) == [3]
    assert await broken(pool) == []


async def test_a_function_of_the_workers_own_is_not_called_by_the_one_that_appends(pool: Pool) -> None:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("create temp table log_heads (address text, version bigint, hash bytea)")
        await append(connection, JANE, event())
    assert len(await entries(pool)) == 1


async def test_no_view_leads_a_worker_to_what_it_may_not_write(pool: Pool) -> None:
    async with await as_owner(pool) as owner:
        found = await owner.execute(
            """
            select distinct v.table_name from information_schema.view_table_usage u
            join information_schema.views v on (v.table_schema, v.table_name) = (u.view_schema, u.view_name)
            where u.table_schema = 'mailroom' and u.table_name in ('log', 'log_heads', 'migrations', 'worker_roles')
                and (has_table_privilege('mailroom_worker', v.table_name, 'insert')
                     or has_table_privilege('mailroom_worker', v.table_name, 'update')
                     or has_table_privilege('mailroom_worker', v.table_name, 'delete'))
                and (v.is_updatable = 'YES' or v.is_insertable_into = 'YES')
            """
        )
        assert await found.fetchall() == []


async def test_whoever_may_only_read_does_not_append(pool: Pool) -> None:
    """What a function does as its owner is for workers alone: PostgreSQL lets everybody call what nobody was refused."""
    await appended(pool, event())
    async with await as_owner(pool) as owner:
        reader = f"reader_{uuid4().hex}"
        await owner.execute(f"create role {reader}".encode())
        try:
            await owner.execute(f"grant usage on schema mailroom to {reader}".encode())
            await owner.execute(f"grant select on all tables in schema mailroom to {reader}".encode())
            await owner.execute(f"set role {reader}".encode())
            for call in (
                "append_event('jane@example.com', gen_random_uuid(), now(), 'Forged', '{}', 'ops', null, null)",
                "clean_address_indexes()",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await owner.execute(f"select {call}".encode())
            assert (await (await owner.execute("select count(*) from account_events")).fetchone()) == (1,)
        finally:
            await owner.execute("reset role")
            await owner.execute(f"drop owned by {reader}".encode())
            await owner.execute(f"drop role {reader}".encode())
    assert len(await entries(pool)) == 1


MISSING = [(1, "there is no log: it is missing from the start, its head too")]
AN_ACCOUNT = """
    insert into accounts_recorded (
        address, organisation, owner, host, crm, state, authentication_failures, connection_failures, workflow_id, run_id
    ) values ('jane@example.com', 'default', 'jane', 'pop.example.com', '{}', 'active', 0, 0, '%s', '')
"""


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(
            "insert into sessions (id, address, started_at, worker) values (gen_random_uuid(), 'jane@example.com', now(), 'w')",
            id="sessions",
        ),
        pytest.param(AN_ACCOUNT % "mailroom-account-jane@example.com", id="an account that has had no session yet"),
        pytest.param(
            "insert into mail (address, uidl, folder, size, state) values ('jane@example.com', '', 'Inbox', 1, 'quarantined')",
            id="mail without a session",
        ),
    ],
)
async def test_a_log_that_was_removed_whole_is_told_by_what_it_must_have_told_of(pool: Pool, left: str) -> None:
    await appended(pool, event())
    async with await as_owner(pool) as connection:
        await connection.execute(left.encode())
    assert await broken(pool) == []
    await tamper(pool, "delete from log", "delete from log_heads")
    assert await broken(pool) == MISSING


async def test_an_address_that_mail_may_be_attached_to_needs_no_log_yet(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute((AN_ACCOUNT % "").encode())
    assert await broken(pool) == []


async def test_what_postgresql_cannot_keep_as_text_is_kept_in_a_form_that_it_can(pool: Pool) -> None:
    said = "NUL \0, a lone surrogate \udc80 and a rocket \U0001f680"
    hostile = LoggedEvent(
        event_id=uuid4(), at=NOON, type="RetrievalFailed", actor="o\0ps\ud800", data={said: [said, {"deep": (said,)}]}
    )
    await appended(pool, hostile)
    kept = "NUL \u2400, a lone surrogate \ufffd and a rocket \U0001f680"
    assert await entries(pool) == [(1, "RetrievalFailed", {kept: [kept, {"deep": [kept]}]})]
    assert await broken(pool) == []


async def test_an_intact_log_has_nothing_to_report(pool: Pool) -> None:
    await appended(pool, event(a=1.5, b=None), event(c="ä \\u0041 \" '"), event(d=[True, 10**20]))
    assert await broken(pool) == []
    assert await broken(pool, "nobody@example.com") == []


@pytest.mark.parametrize(
    ("statements", "version"),
    [
        pytest.param(["update log set data = '{\"count\": 9}' where version = 2"], 2, id="changed data"),
        pytest.param(["update log set actor = 'somebody else' where version = 3"], 3, id="changed actor"),
        pytest.param(["update log set at = at + interval '1 microsecond' where version = 1"], 1, id="changed time"),
        pytest.param(["update log set run_id = 'r' where version = 1"], 1, id="changed run"),
        pytest.param(["update log set hash = sha256('x') where version = 2"], 2, id="changed hash"),
        pytest.param(["update log set previous_hash = sha256('x') where version = 4"], 4, id="changed link"),
        pytest.param(["delete from log where version = 3"], 3, id="removed middle entry"),
        pytest.param(["delete from log where version = 1"], 1, id="removed first entry"),
        pytest.param(["delete from log where version = 5"], 5, id="cut tail"),
        pytest.param(["delete from log where version > 2"], 3, id="cut longer tail"),
        pytest.param(["delete from log"], 1, id="everything cut"),
        pytest.param(["update log_heads set hash = sha256('x')"], 6, id="changed head hash"),
        pytest.param(["update log_heads set version = 7"], 6, id="changed head version"),
        pytest.param(["delete from log_heads"], 6, id="removed head"),
        pytest.param(
            ["delete from log where version = 5", "update log_heads set version = 4"],
            5,
            id="cut tail, head's version too",
        ),
        pytest.param(
            ["delete from log where version = 5", "update log_heads set version = 4, hash = sha256('x')"],
            5,
            id="cut tail, head made up",
        ),
        pytest.param(
            [
                "delete from log where version = 3",
                "update log set version = version - 1 where version > 3",
                "update log_heads set version = 4",
            ],
            3,
            id="renumbered over a removed entry",
        ),
    ],
)
async def test_tampering_is_found_at_its_version(pool: Pool, statements: list[str], version: int) -> None:
    await appended(pool, *(event(count=number) for number in range(5)))
    await appended(pool, event(), address="bob@example.com")
    await tamper(pool, *(f"{statement} {_and(statement)} address = '{JANE}'" for statement in statements))
    found = await broken(pool)
    assert [number for number, _ in found] == [version]
    assert await broken(pool, "bob@example.com") == []


def _and(statement: str) -> str:
    return "and" if " where " in statement else "where"


async def _append_in_transaction(connection: AsyncConnection[Any], one: LoggedEvent) -> int:
    async with connection.transaction():
        return await append(connection, JANE, one)


async def _until_blocked(pool: Pool, connection: AsyncConnection[Any]) -> None:
    """Returns once the server says that `connection` waits for a lock."""

    async def waits() -> bool:
        async with pool.connection() as observer:
            found = await observer.execute("select pg_blocking_pids(%s)", [connection.info.backend_pid])
            row = await found.fetchone()
        return row is not None and bool(row[0])

    await until(waits, "the second writer waits for the first")


async def test_why_a_person_did_it_is_kept_without_the_addresses_that_were_typed(pool: Pool) -> None:
    await appended(pool, event("AccountDisabled", because="asked by <ops@example.com>, for bo@example.org"), event())
    assert [data.get("because") for _, _, data in await entries(pool)] == ["asked by [address], for [address]", None]

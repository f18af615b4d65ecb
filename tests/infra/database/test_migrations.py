"""Migrations: applied in order, once, whole or not at all, by one worker at a time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.database import migrate as migrations
from infra.database.migrate import MIGRATIONS, MigrationsMissing, let_work, migrate
from infra.migrate import run
from infra.settings import SettingsError
from tests.support.running import until
from tests.support.services import Services

APPENDED = "select append_event('jane@example.com', gen_random_uuid(), now(), 'AccountDisabled', '{}'::jsonb, 'ops', null, null)"


@pytest.fixture
def empty_database(services: Services) -> Iterator[str]:
    """The URL of a database that no worker has seen."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield services.owned(name)
        connection.execute(f"drop database {name} with (force)")


def scalars(url: str, query: str) -> list[object]:
    with psycopg.connect(url, options="-c search_path=mailroom") as connection:
        return [row[0] for row in connection.execute(query.encode())]


async def test_all_migrations_are_applied_in_the_order_of_their_names_and_once(empty_database: str) -> None:
    names = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))
    assert await migrate(empty_database) == names
    assert await migrate(empty_database) == []
    assert scalars(empty_database, "select name from migrations order by name") == names
    assert scalars(empty_database, "select name from crms") == ["builtin"]


async def test_workers_that_start_together_migrate_once(empty_database: str) -> None:
    names = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(5)))
    assert sorted(applied) == [[], [], [], [], names]


async def test_a_new_migration_is_applied_to_a_database_that_is_in_use(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("create table first (n int); insert into first values (1);")
    assert await migrate(empty_database, directory=tmp_path) == ["0001_first"]
    (tmp_path / "0002_second.sql").write_text("alter table first add column m int not null default 7;")
    assert await migrate(empty_database, directory=tmp_path) == ["0002_second"]
    assert scalars(empty_database, "select m from first") == [7]


async def test_a_migration_that_waits_for_a_long_reader_lets_the_others_read_meanwhile(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "MIGRATION_LOCK_SECONDS", 0.2)
    monkeypatch.setattr(migrations, "MIGRATION_PAUSE", 0.05)
    monkeypatch.setattr(migrations, "MIGRATION_ATTEMPTS", 1000)
    (tmp_path / "0001_first.sql").write_text("create table first (n int); insert into first values (1);")
    await migrate(empty_database, directory=tmp_path)
    (tmp_path / "0002_second.sql").write_text("alter table first add column m int not null default 7;")
    options = "-c search_path=mailroom"
    async with (
        await psycopg.AsyncConnection.connect(empty_database, options=options) as reading,
        await psycopg.AsyncConnection.connect(empty_database, options=options, autocommit=True) as other,
    ):
        await reading.execute("select * from first")  # and its transaction goes on

        async def waits() -> bool:
            found = await other.execute("select from pg_locks where not granted and relation = 'first'::regclass")
            return found.rowcount > 0

        migrating = asyncio.create_task(migrate(empty_database, directory=tmp_path))
        await until(waits, "the migration waits for the table")
        async with asyncio.timeout(30):
            await other.execute("select * from first")
        assert not migrating.done()
        await reading.rollback()
        assert await migrating == ["0002_second"]


async def test_a_migration_that_gets_no_table_for_a_minute_says_what_to_do(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "MIGRATION_LOCK_SECONDS", 0.05)
    monkeypatch.setattr(migrations, "MIGRATION_PAUSE", 0.0)
    (tmp_path / "0001_first.sql").write_text("create table first (n int);")
    await migrate(empty_database, directory=tmp_path)
    (tmp_path / "0002_second.sql").write_text("alter table first add column m int;")
    async with await psycopg.AsyncConnection.connect(empty_database) as reading:
        await reading.execute("select * from mailroom.first")
        with pytest.raises(TimeoutError, match=r"0002_second .*pg_stat_activity"):
            await migrate(empty_database, directory=tmp_path)
    assert await migrate(empty_database, directory=tmp_path) == ["0002_second"]


async def test_a_migration_that_fails_halfway_leaves_the_database_as_it_was(
    empty_database: str, tmp_path: Path
) -> None:
    (tmp_path / "0001_good.sql").write_text("create table good (n int);")
    (tmp_path / "0002_bad.sql").write_text("create table half (n int); select 1/0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty_database, directory=tmp_path)
    assert scalars(empty_database, "select name from migrations") == ["0001_good"]
    assert scalars(empty_database, "select to_regclass('half') is null") == [True]
    (tmp_path / "0002_bad.sql").write_text("create table half (n int);")
    assert await migrate(empty_database, directory=tmp_path) == ["0002_bad"]


@pytest.fixture
def roles(services: Services) -> Iterator[tuple[str, str, str]]:
    """A role that owns a new database and is no superuser, one for its workers, and the owner's URL."""
    owner, worker, name = (f"{what}_{uuid.uuid4().hex[:12]}" for what in ("owner", "worker", "test"))
    server = services.postgres.rpartition("@")[2].rpartition("/")[0]
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        for role in (owner, worker):
            connection.execute(f"create role {role} login password 'pass'".encode())
        connection.execute(f"create database {name} owner {owner}".encode())
        yield owner, worker, f"postgresql://{owner}:pass@{server}/{name}"
        connection.execute(f"drop database {name} with (force)".encode())
        for role in (owner, worker):
            connection.execute(f"drop role if exists {role}".encode())


async def test_an_owner_that_is_no_superuser_migrates_and_lets_a_role_work(roles: tuple[str, str, str]) -> None:
    """As docs/production.md says it is done."""
    owner, worker, url = roles
    working = url.replace(f"{owner}:", f"{worker}:")
    with pytest.raises(MigrationsMissing, match=r"python -m infra\.migrate"):
        await migrate(working)
    assert await run(["--worker", worker], {"DATABASE_URL": url}) == 0
    assert await migrate(working) == []
    last = max(path.stem for path in MIGRATIONS.glob("*.sql"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("delete from mailroom.migrations where name = %s", [last])
    with pytest.raises(MigrationsMissing, match=f"^the migration {last} is missing, and the role"):
        await migrate(working)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into mailroom.migrations (name) values (%s)", [last])
    with psycopg.connect(working, options="-c search_path=mailroom", autocommit=True) as connection:
        connection.execute(APPENDED)
        connection.execute("select clean_address_indexes()")
        connection.execute("select nextval('mail_ids')")
        for attack in ("delete from log", "update log_heads set version = 0", "drop table log cascade"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(attack.encode())
    assert scalars(url, "select count(*) from log") == [1]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ("alter role {worker} superuser", "is a superuser"),
        ("grant {owner} to {worker}", "is a member of a role that owns the schema"),
        ("alter role {worker} noinherit; grant {owner} to {worker}", "is a member of a role that owns the schema"),
        ("create role {worker}_all superuser; grant {worker}_all to {worker}", "is a member of a superuser"),
        ("grant pg_write_all_data to {worker}", "may write to all tables"),
        ("grant pg_execute_server_program to {worker}", "may write to the files of the database server"),
        ("grant pg_write_server_files to {worker}", "may write to the files of the database server"),
        ("alter table mailroom.log owner to {worker}", "owns the schema of Mailroom or a table in it"),
    ],
)
async def test_a_role_that_could_rewrite_the_log_is_not_let_work(
    services: Services, roles: tuple[str, str, str], made: str, why: str
) -> None:
    owner, worker, url = roles
    await migrate(url)
    here = url.rpartition("/")[2]
    as_superuser = f"{services.postgres.rpartition('/')[0]}/{here}"
    with psycopg.connect(as_superuser, autocommit=True) as connection:
        connection.execute(made.format(owner=owner, worker=worker).encode())
        try:
            with pytest.raises(SettingsError, match=f"^{worker} {why}.*: make a role of its own for workers"):
                await run(["--worker", worker], {"DATABASE_URL": url})
            assert scalars(url, "select count(*) from worker_roles") == [0], "it is given nothing"
        finally:
            connection.execute(f"drop role if exists {worker}_all".encode())
            connection.execute(f"reassign owned by {worker} to {owner}".encode())


@pytest.mark.parametrize(
    ("made", "version", "let"),
    [
        ("alter role {worker} createrole", 150018, False),
        ("create role {worker}_all createrole; grant {worker}_all to {worker}", 150018, False),
        ("alter role {worker} createrole", 160000, True),
        ("alter role {worker} nocreaterole", 150018, True),
    ],
)
async def test_a_role_that_makes_roles_is_not_let_work_where_it_could_make_itself_their_member(
    services: Services, roles: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch, made: str, version: int, let: bool
) -> None:
    """The version is all that is not real: from PostgreSQL 16 on, who makes roles has no power over those of others."""
    owner, worker, url = roles
    await migrate(url)
    with psycopg.connect(services.postgres, autocommit=True) as connection:
        connection.execute(made.format(owner=owner, worker=worker).encode())
        try:
            monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", version)
            if let:
                assert await run(["--worker", worker], {"DATABASE_URL": url}) == 0
            else:
                with pytest.raises(
                    SettingsError, match=f"^{worker} may make itself a member of any role .*: make a role"
                ):
                    await run(["--worker", worker], {"DATABASE_URL": url})
                assert scalars(url, "select count(*) from worker_roles") == [0], "it is given nothing"
        finally:
            connection.execute(f"drop role if exists {worker}_all".encode())


async def test_the_owner_is_not_let_work(roles: tuple[str, str, str]) -> None:
    owner, _, url = roles
    with pytest.raises(SettingsError, match=f"^{owner} owns the schema of Mailroom"):
        await run(["--worker", owner], {"DATABASE_URL": url})


async def test_roles_that_work_are_given_what_a_later_release_adds_whoever_died_before(
    roles: tuple[str, str, str], tmp_path: Path
) -> None:
    _, worker, url = roles
    for path in MIGRATIONS.glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    await migrate(url)
    await let_work(url, worker)
    with psycopg.connect(url, options="-c search_path=mailroom") as connection:
        connection.execute("insert into worker_roles values ('a_role_that_was_dropped')")
    (tmp_path / "9999_later.sql").write_text("create table later (n serial); create view seen as select n from later;")
    with psycopg.connect(url, options="-c search_path=mailroom") as connection:  # as killed after it, before the grants
        connection.execute("create table later (n serial); create view seen as select n from later")
        connection.execute("insert into migrations (name) values ('9999_later')")
    assert await migrate(url, directory=tmp_path) == []
    working = url.replace(url.split("//")[1].split(":")[0] + ":", f"{worker}:")
    with psycopg.connect(working, options="-c search_path=mailroom") as connection:
        connection.execute("insert into later default values")
        connection.execute("select * from seen")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into log_heads values ('jane@example.com', 1, '')")


async def test_everything_is_in_the_schema_mailroom(empty_database: str) -> None:
    await migrate(empty_database)
    strangers = scalars(
        empty_database,
        "select table_name from information_schema.tables "
        "where table_schema not in ('mailroom', 'pg_catalog', 'information_schema')",
    )
    assert strangers == []

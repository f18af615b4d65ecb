"""Brings a database to this release, and lets the roles of workers work with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from infra.database.locks import hold_migrations
from infra.settings import SettingsError

MIGRATIONS = Path(__file__).parents[1] / "migrations"
MIGRATION_LOCK_SECONDS = 5.0  # that a migration waits for its tables: behind it, every session waits for them
MIGRATION_ATTEMPTS = 10  # with as long a pause after each as the sessions that waited need: a minute in all
MIGRATION_PAUSE = 1.0
# What a role that works may do: everything with rows, but add to the log only by `append_event`, which its owner made.
GRANTS: tuple[LiteralString, ...] = (
    "grant usage on schema mailroom to {role}",
    "grant select, insert, update, delete on all tables in schema mailroom to {role}",
    # The view, too: what is written to a view is written to its table as the view's owner.
    "revoke insert, update, delete on mailroom.log, mailroom.account_events, mailroom.log_heads from {role}",
    "revoke insert, update, delete on mailroom.migrations, mailroom.worker_roles from {role}",
    "grant usage on all sequences in schema mailroom to {role}",
    "grant execute on function mailroom.append_event, mailroom.clean_address_indexes to {role}",
)
# 'member' and not 'usage': whoever may become a role by `set role` has its rights as well.
MORE_THAN_WORK = """
    select * from (
        select case
            when worker.rolsuper then 'is a superuser'
            when worker.oid = any(owners.ids) then 'owns the schema of Mailroom or a table in it'
            when exists (select from pg_roles r where r.rolsuper and pg_has_role(worker.oid, r.oid, 'member'))
                then 'is a member of a superuser'
            when exists (select from unnest(owners.ids) owner where pg_has_role(worker.oid, owner, 'member'))
                then 'is a member of a role that owns the schema of Mailroom or a table in it'
            when pg_has_role(worker.oid, 'pg_write_all_data', 'member') then 'may write to all tables (pg_write_all_data)'
            when pg_has_role(worker.oid, 'pg_execute_server_program', 'member')
                or pg_has_role(worker.oid, 'pg_write_server_files', 'member')
                then 'may write to the files of the database server (pg_execute_server_program, pg_write_server_files)'
            when %(version)s < 160000 and exists (
                select from pg_roles r where r.rolcreaterole and pg_has_role(worker.oid, r.oid, 'member')
            ) then 'may make itself a member of any role (CREATEROLE, which before PostgreSQL 16 goes that far)'
        end as more
        from pg_roles worker, (
            select array_agg(owner) as ids from (
                select nspowner as owner from pg_namespace where nspname = 'mailroom'
                union select relowner from pg_class where relnamespace = 'mailroom'::regnamespace
                union select proowner from pg_proc where pronamespace = 'mailroom'::regnamespace
            ) found
        ) owners
        where worker.rolname = %(role)s
    ) told where more is not null
"""

WORKER_ROLES = "select name from worker_roles join pg_roles on rolname = name"  # one may have been dropped since


async def migrate(conninfo: str, *, directory: Path = MIGRATIONS) -> list[str]:
    """Applies the SQL files of `directory` that this database has not seen, in name order; returns their names.

    Each file is one transaction together with its entry in `mailroom.migrations`, so a worker killed in between leaves
    the database as it was before that file. Roles that work (`let_work`) are given what is new. Raises TimeoutError when a
    table that is to be changed is in use for a minute, and MigrationsMissing for a role that may not change them.
    """
    applied = []
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        if not await _may_migrate(connection):
            await _nothing_missing(connection, directory)
            return []
        await hold_migrations(connection)
        await connection.execute("create schema if not exists mailroom")
        await connection.execute("set search_path = mailroom")
        await connection.execute(
            "create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())"
        )
        rows = await (await connection.execute("select name from migrations")).fetchall()
        known = {name for (name,) in rows}
        for path in _migrations(directory):
            if path.stem in known:
                continue
            await _apply(connection, path.stem, path.read_bytes())
            applied.append(path.stem)
        if await _is_there(
            connection, "worker_roles"
        ):  # and not only if any was applied: whoever did may have been killed here
            for (role,) in await (await connection.execute(WORKER_ROLES)).fetchall():
                async with connection.transaction():
                    await _grant(connection, role)
    return applied


async def let_work(conninfo: str, role: str) -> None:
    """Gives a role, now and after each migration, what a worker needs: all but changing the schema and the log.

    `conninfo` is of the role that owns the schema. Raises psycopg.errors.UndefinedObject where there is no such role, and
    MayDoMore where it may rewrite the log whatever it is given.
    """
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection, connection.transaction():
        await connection.execute("set local search_path = mailroom")
        if more := await _may_do_more(connection, role):
            raise MayDoMore(
                f"{role} {more}, so it could rewrite the log: make a role of its own for workers (create role "
                "mailroom_worker login password ...), that is no superuser, makes no roles and is a member of no role that owns "
                "the schema or its tables, and give that to --worker"
            )
        await _grant(connection, role)
        await connection.execute("insert into worker_roles values (%s) on conflict do nothing", [role])


class MayDoMore(SettingsError):
    """A role that was to work may do more than that, and nothing that it is given takes it away; the text says what to do."""


class MigrationsMissing(SettingsError):
    """This role may not change the schema, and the schema is not this release's; the text says what to do."""


async def _may_migrate(connection: AsyncConnection[TupleRow]) -> bool:
    """Whether this role owns the schema, or may make it."""
    row = await (
        await connection.execute(
            """
            select coalesce(
                (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'mailroom'),
                has_database_privilege(current_database(), 'create')
            )
            """
        )
    ).fetchone()
    return row is not None and bool(row[0])


async def _nothing_missing(connection: AsyncConnection[TupleRow], directory: Path) -> None:
    known = set()
    if await _is_there(connection, "migrations"):
        rows = await (await connection.execute("select name from mailroom.migrations")).fetchall()
        known = {name for (name,) in rows}
    missing = [path.stem for path in _migrations(directory) if path.stem not in known]
    if missing:
        raise MigrationsMissing(
            f"{_missing(missing)}, and the role of DATABASE_URL may not change the schema: run "
            "`python -m infra.migrate` with the DATABASE_URL of the role that owns the schema"
        )


async def _is_there(connection: AsyncConnection[TupleRow], table: str) -> bool:
    row = await (await connection.execute("select to_regclass(%s)", [f"mailroom.{table}"])).fetchone()
    return row is not None and row[0] is not None


async def _grant(connection: AsyncConnection[TupleRow], role: str) -> None:
    for grant in GRANTS:
        await connection.execute(SQL(grant).format(role=Identifier(role)))


async def _apply(connection: AsyncConnection[TupleRow], name: str, script: bytes) -> None:
    """Applies one file. What waits for a table has everybody wait who comes later, so it gives way now and then."""
    await connection.execute("select set_config('lock_timeout', %s, false)", [f"{MIGRATION_LOCK_SECONDS * 1000:.0f}ms"])
    for _ in range(MIGRATION_ATTEMPTS):
        try:
            async with connection.transaction():
                await connection.execute(script)
                await connection.execute("insert into migrations (name) values (%s)", [name])
            return
        except LockNotAvailable:
            await asyncio.sleep(MIGRATION_PAUSE)
    raise TimeoutError(
        f"the migration {name} was not applied: another transaction has kept a table that it changes in use for a minute. "
        "End that transaction (pg_stat_activity shows it), or wait until it has ended, and start again."
    )


def _migrations(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.sql"))


async def _may_do_more(connection: AsyncConnection[TupleRow], role: str) -> str | None:
    """Why a role may change the log in spite of `GRANTS`, None where it may not (or where there is no such role)."""
    asked = {"role": role, "version": connection.info.server_version}
    row = await (await connection.execute(MORE_THAN_WORK, asked)).fetchone()
    return None if row is None else str(row[0])


def _missing(names: list[str]) -> str:
    if len(names) == 1:
        return f"the migration {names[0]} is missing"
    return f"{len(names)} migrations are missing, {names[0]} the first"

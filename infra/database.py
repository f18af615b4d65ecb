"""PostgreSQL: the connection pool, and the migrations that a starting worker applies."""

from __future__ import annotations

from pathlib import Path

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x6D61696C726F6F6D  # "mailroom": one worker migrates, the others wait for it

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


async def open_pool(conninfo: str, *, most: int = 10) -> Pool:
    """Opens a pool of at most `most` connections; raises psycopg_pool.PoolTimeout when none can be had in 30 s."""
    pool: Pool = AsyncConnectionPool(
        conninfo,
        min_size=1,
        max_size=most,
        open=False,
        kwargs={"autocommit": True, "options": "-c search_path=mailroom -c timezone=UTC"},
        check=AsyncConnectionPool.check_connection,
    )
    await pool.open(wait=True, timeout=30)
    return pool


async def migrate(conninfo: str, *, directory: Path = MIGRATIONS) -> list[str]:
    """Applies the SQL files of `directory` that this database has not seen, in name order; returns their names.

    Each file is one transaction together with its entry in `mailroom.migrations`, so a worker killed in between leaves
    the database as it was before that file.
    """
    applied = []
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
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
            async with connection.transaction():
                await connection.execute(path.read_bytes())
                await connection.execute("insert into migrations (name) values (%s)", [path.stem])
            applied.append(path.stem)
    return applied


def _migrations(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.sql"))

"""Which statements degrade where PostgreSQL knows the tables badly, or plans for values that it does not know.

python -m bench.plans [--messages 200000] [--slowest 20] [--seconds 120] stores a mailbox of that many messages beside those of
others, and asks the database for everything that meets a list or a whole mailbox (bench/statements.py), by the product's own
calls: under statistics that are fresh, of the tables while they were empty, of the time before this mailbox, and missing; and
with plans as PostgreSQL chooses them, custom ones and generic ones (or only those that --statistics and --plans name). It prints
the slowest statements, how many times that is what the same takes at best, and which calls degrade: one that was broken off
took so many seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, LiteralString

import psycopg
from psycopg import AsyncConnection, AsyncCursor

from activities.mailbox import leases
from activities.mailbox.leases import Leases
from bench.services import copy_of, database
from bench.statements import Statements
from bench.stored_mailbox import JANE, SEARCH_PATH, fill, fill_others
from infra.database.pool import open_pool

OTHERS = 4  # the others have one message for so many of Jane's
TABLES: LiteralString = """
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'mailroom' and c.relkind in ('r', 'i')
"""
FORGET = "delete from pg_statistic where starelid in (" + TABLES + ")"
STATISTICS: dict[str, tuple[str, ...]] = {
    "stale": (),  # as they were gathered before Jane's mailbox was there
    "fresh": ("analyze",),
    "missing": (FORGET, f"update pg_class set reltuples = -1, relpages = 0, relallvisible = 0 where oid in ({TABLES})"),
    "empty": (FORGET, f"update pg_class set reltuples = 0, relpages = 1, relallvisible = 1 where oid in ({TABLES})"),
}
PLANS = {"as chosen": "auto", "custom": "force_custom_plan", "generic": "force_generic_plan"}
UNTIL_GENERIC = 12  # calls after which PostgreSQL may choose a generic plan by itself
LITTLE = 50  # messages that it is asked for meanwhile
DEGRADED = 10.0  # times what the same takes at best
WORST = 8  # that are said of each
SHORT = 0.5  # seconds that nobody notices, whatever they are a multiple of


@dataclass(frozen=True)
class Took:
    """The slowest statement of one call."""

    seconds: float
    statistics: str
    plans: str
    call: str
    statement: str
    broken_off: str = ""


class Measured(AsyncCursor[Any]):
    """A cursor that says how long each statement took, from the client's side."""

    took: ClassVar[list[tuple[float, str]]] = []

    async def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        with _timed(query):
            return await super().execute(query, *args, **options)

    async def executemany(self, query: Any, *args: Any, **options: Any) -> None:
        with _timed(query):
            await super().executemany(query, *args, **options)


@contextlib.contextmanager
def _timed(query: Any) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        Measured.took.append((time.perf_counter() - began, _text(query)))


def _text(query: Any) -> str:
    return " ".join((query.decode() if isinstance(query, bytes) else str(query)).split())


@contextlib.contextmanager
def mailbox(folder: Path, messages: int) -> Iterator[str]:
    """The URL of a database in which only what was there before Jane's mailbox has been analysed."""
    with database(folder) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in ("autovacuum", "fsync", "synchronous_commit"):  # of plans, a disk says nothing
                connection.execute(f"alter system set {setting} = off".encode())
            connection.execute("select pg_reload_conf()")
        fill_others(url, messages // OTHERS)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("vacuum analyze")
        fill(url, messages)
        yield url


def measure(
    url: str, messages: int, seconds: float, of_statistics: Sequence[str], of_plans: Sequence[str]
) -> list[Took]:
    found = []
    for statistics in of_statistics:
        with copy_of(url) as known:
            with psycopg.connect(known, autocommit=True) as connection:
                for change in STATISTICS[statistics]:
                    connection.execute(change.encode())
            for plans in of_plans:
                with copy_of(known) as copy:
                    with psycopg.connect(copy, autocommit=True, options=SEARCH_PATH) as connection:
                        name = copy.rpartition("/")[2]
                        connection.execute(f"alter database {name} set plan_cache_mode = {PLANS[plans]}".encode())
                        connection.execute(f"alter database {name} set statement_timeout = '{seconds}s'".encode())
                    began = time.perf_counter()
                    took = asyncio.run(_measure(copy, messages, statistics, plans))
                    found += took
                    worst = sorted(took, key=lambda one: -one.seconds)[:WORST]
                    print(
                        f"plans, {messages} messages, {statistics} statistics, plans {plans}: {len(took)} calls in "
                        f"{time.perf_counter() - began:.0f} s, the slowest "
                        + ", ".join(f"{one.seconds:.2f} s ({one.call}{one.broken_off})" for one in worst),
                        flush=True,
                    )
    return found


async def _measure(url: str, messages: int, statistics: str, plans: str) -> list[Took]:
    leases.LEASE_SECONDS = 3600.0  # nobody renews it while the benchmark makes its lists
    async with (
        await open_pool(url) as pool,
        await AsyncConnection.connect(
            url, autocommit=True, options=f"{SEARCH_PATH} -c plan_cache_mode=auto -c statement_timeout=0"
        ) as beside,
        Leases(pool, "bench", 10).hold(JANE, "pop.example.com") as lease,
    ):
        pool.kwargs["cursor_factory"] = Measured  # type: ignore[index]  # it may be a function, and is none here
        await pool.drain()
        statements = Statements(pool, lease, beside, messages)
        await statements.prepared()
        if plans == "as chosen":
            await _until_generic(Statements(pool, lease, beside, LITTLE))
        return [await _one(name, statements, call, statistics, plans) for name, call in statements.calls().items()]


async def _until_generic(statements: Statements) -> None:
    """The same connection has been asked often before, for little."""
    for name, call in statements.of_sessions().items():
        if not name.startswith(("observe", "skip", "store")):  # which say something of the whole mailbox, or take long
            for _ in range(UNTIL_GENERIC):
                await call()


async def _one(name: str, statements: Statements, call: Any, statistics: str, plans: str) -> Took:
    Measured.took.clear()
    broken_off = ""
    try:
        await call()
    except psycopg.Error as error:
        broken_off = f", broken off: {type(error).__name__}"
    seconds, statement = max(Measured.took, default=(0.0, "none"))  # what there is nothing to do for asks nothing
    return Took(seconds, statistics, plans, name, statement, broken_off)


def report(found: list[Took], slowest: int) -> None:
    best: dict[str, float] = {}
    for one in found:
        best[one.call] = min(best.get(one.call, one.seconds), one.seconds)
    for one in sorted(found, key=lambda one: -one.seconds)[:slowest]:
        print(
            f"plans: {one.seconds:.2f} s{one.broken_off}, {one.seconds / best[one.call]:.1f} times the best, {one.call}, "
            f"{one.statistics} statistics, plans {one.plans}: {one.statement[:120]}"
        )
    worst = {one.call: max(o.seconds for o in found if o.call == one.call) for one in found}
    degraded = [call for call in worst if worst[call] > SHORT and worst[call] > DEGRADED * best[call]]
    print(f"plans: {len(worst)} calls, of which degrade: {', '.join(degraded) or 'none'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--slowest", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--statistics", nargs="+", choices=STATISTICS, default=list(STATISTICS))
    parser.add_argument("--plans", nargs="+", choices=PLANS, default=list(PLANS))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder, mailbox(Path(folder), given.messages) as url:
        report(measure(url, given.messages, given.seconds, given.statistics, given.plans), given.slowest)


if __name__ == "__main__":
    main()

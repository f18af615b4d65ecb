"""How fast a recipient is completed among 100,000 people and records, beside a search through all of them.

python -m bench.address_book [--records 100000] prints, for beginnings that are frequent, rare and nobody's, the time that
`complete` takes (the median, and what 95 of 100 stay below) and its ratio to the same question asked of the view
`address_book` with ILIKE. Then all are called Contact, and that is typed as well.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import LiteralString

import psycopg

from bench.directory import fill_directory
from bench.services import database
from infra.database.pool import OPTIONS

ACCOUNT = "jane@example.com"
TYPED = ("a", "m", "ma", "lu", "marika", "s17@", "ann ber", "ma an", "ma lu", "nobody", "")
ALL_CALLED = ("contact", "contact m", "contact marika", "contact lu")
ROUNDS = 100
SEARCHES = 3  # each takes much longer
SEARCH: LiteralString = """
    select name, address from address_book
    where account = %s and (name ilike %s or name ilike %s or address ilike %s) order by written desc, name limit 30
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder, database(Path(folder)) as url:
        fill_directory(url, given.records)
        with psycopg.connect(url, autocommit=True, options=f"-c search_path={OPTIONS['search_path']}") as connection:
            _corresponds(connection, given.records)
            for typed in TYPED:
                _measure(connection, typed, given.records)
            connection.execute("update records set name = 'Contact ' || name")
            connection.execute("update people set name = 'Contact ' || name")
            connection.execute("vacuum analyze")
            for typed in ALL_CALLED:
                _measure(connection, typed, given.records)


def _measure(connection: psycopg.Connection[tuple[object, ...]], typed: str, records: int) -> None:
    took, found = _times(connection, "select * from complete(%s, %s)", [ACCOUNT, typed], ROUNDS)
    beginning = f"{typed}%"
    searched, _ = _times(connection, SEARCH, [ACCOUNT, beginning, f"% {beginning}", beginning], SEARCHES)
    print(
        f"address_book, {records} records, {typed!r}: {1000 * median(took):.1f} ms for {found} entries, 95 of 100 below "
        f"{1000 * took[95 * ROUNDS // 100]:.1f} ms; {median(took) / median(searched):.2f} of a search's time",
        flush=True,
    )


def _corresponds(connection: psycopg.Connection[tuple[object, ...]], records: int) -> None:
    """An account that has corresponded with every fifth."""
    connection.execute(
        """
        insert into accounts_recorded (address, organisation, owner, host, crm, state, authentication_failures,
            connection_failures, workflow_id, run_id)
        values (%s, 'default', %s, 'pop.example.com', '{builtin}', 'active', 0, 0, '', '')
        """,
        [ACCOUNT, ACCOUNT],
    )
    connection.execute(
        """
        insert into people (account, address, spelled, name, written, wrote, score)
        select %s, addresses[1], addresses[1], name, record_id::integer %% 3, 1, record_id::integer
        from records where record_id::integer %% 5 = 0 and record_id::integer < %s
        """,
        [ACCOUNT, records],
    )
    connection.execute("vacuum analyze")


def _times(
    connection: psycopg.Connection[tuple[object, ...]], query: LiteralString, values: list[object], rounds: int
) -> tuple[list[float], int]:
    """Seconds of each round, the shortest first, and how many rows it gave."""
    times, rows = [], 0
    for _ in range(rounds):
        began = time.perf_counter()
        rows = len(connection.execute(query, values).fetchall())
        times.append(time.perf_counter() - began)
    return sorted(times), rows


if __name__ == "__main__":
    main()

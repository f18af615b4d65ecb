"""How fast a recipient is completed among 100,000 people and records, beside a search through all of them.

python -m bench.address_book [--records 100000] prints, for beginnings that are frequent, rare and nobody's, the time of
`complete` and its ratio to the same question asked of the view `address_book` with ILIKE.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import LiteralString

import psycopg

from bench.directory import fill_directory
from bench.services import database
from infra.database import OPTIONS

ACCOUNT = "jane@example.com"
TYPED = ("a", "ma", "lu", "marika", "s17@", "ann ber", "nobody", "")
ROUNDS = 5
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
                took, found = _fastest(connection, "select * from complete(%s, %s)", [ACCOUNT, typed])
                beginning = f"{typed}%"
                searched, _ = _fastest(connection, SEARCH, [ACCOUNT, beginning, f"% {beginning}", beginning])
                print(
                    f"address_book, {given.records} records, {typed!r}: {1000 * took:.1f} ms for {found} entries, "
                    f"{took / searched:.2f} of a search's time",
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


def _fastest(
    connection: psycopg.Connection[tuple[object, ...]], query: LiteralString, values: list[object]
) -> tuple[float, int]:
    """Seconds of the fastest of some rounds, and how many rows it gave."""
    best, rows = float("inf"), 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = len(connection.execute(query, values).fetchall())
        best = min(best, time.perf_counter() - began)
    return best, rows


if __name__ == "__main__":
    main()

"""What the planner of PostgreSQL is told where its statistics cannot know better, until the transaction ends.

They are of when a table was last analysed, and nobody analyses a list that comes as a parameter: a plan that is good for the ten
rows that a table had is made, and kept, for the hundred thousand that it has now. `python -m bench.plans` runs what meets a whole
mailbox or a list under statistics of every kind (docs/decisions/29-the-few-are-compared-in-python.md).
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg import AsyncConnection

LOOKS_UP: LiteralString = "set_config('enable_seqscan', 'off', true)"
"""The same as `look_up` as a column, for a statement that is made anyway."""


async def look_up(connection: AsyncConnection[Any]) -> None:
    """Rows are found by an index, and no table is read from its beginning to its end."""
    await connection.execute(f"select {LOOKS_UP}")


async def compare_whole_sets(connection: AsyncConnection[Any]) -> None:
    """Two long lists are compared in one pass over each, and never row by row."""
    await connection.execute("set local enable_nestloop = off")


async def row_by_row_again(connection: AsyncConnection[Any]) -> None:
    """After `compare_whole_sets`, for what concerns few rows."""
    await connection.execute("set local enable_nestloop = on")

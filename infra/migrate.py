"""`python -m infra.migrate`: brings the schema to this release, as the role that owns it, and lets other roles work with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import psycopg
from psycopg.sql import Identifier

from infra import commands
from infra.commands import Parser, say
from infra.database.migrate import let_work, migrate
from infra.settings import SettingsError, WorkerSettings


async def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Does the command; returns the exit status."""
    parser = Parser(prog="python -m infra.migrate", description=__doc__)
    parser.add_argument(
        "--worker",
        metavar="ROLE",
        action="append",
        default=[],
        help="a role of PostgreSQL that workers log in as: it may do everything with rows, add to the log, and change "
        "neither the log nor the schema",
    )
    asked = parser.parse_args(arguments)
    url = WorkerSettings.from_environment(environ).database_url
    applied = await migrate(url)
    number = f"{len(applied)} migration{'' if len(applied) == 1 else 's'} applied"
    say(number + (f": {', '.join(applied)}" if applied else ", nothing was missing"))
    for role in asked.worker:
        try:
            await let_work(url, role)
        except psycopg.errors.UndefinedObject:
            raise SettingsError(
                f"there is no role {role}: make it first (create role {Identifier(role).as_string()} login password ...), then "
                "run this again"
            ) from None
        say(f"{role} may work: give workers a DATABASE_URL with it")
    return 0


def main() -> int:
    return commands.run("migrate", run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    sys.exit(main())

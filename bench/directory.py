"""A CRM's directory to measure with: contacts and leads of invented names, the same in every run."""

from __future__ import annotations

import asyncio
import random
import re

from psycopg import AsyncConnection

from infra.database.pool import OPTIONS

SYLLABLES = re.findall("..", "anbekalimorasutovijanedoerinmariosulzehapefoguwitreno")


def names(count: int) -> list[str]:
    chance = random.Random(1)

    def name() -> str:
        return "".join(chance.choice(SYLLABLES) for _ in range(chance.randint(2, 3))).title()

    return [f"{name()} {name()}" for _ in range(count)]


def fill_directory(url: str, records: int, *, correspondents: int = 500) -> None:
    """Gives the built-in CRM that many contacts and leads; the first are those who write the mail of bench.mailboxes."""
    asyncio.run(_fill(url, records, correspondents))


async def _fill(url: str, records: int, correspondents: int) -> None:
    options = f"-c search_path={OPTIONS['search_path']}"
    async with await AsyncConnection.connect(url, autocommit=True, options=options) as connection:
        async with connection.cursor() as cursor, connection.transaction():
            rows = "copy records (crm, record_kind, record_id, name, addresses) from stdin"
            async with cursor.copy(rows) as copy:
                for number, name in enumerate(names(records)):
                    await copy.write_row(
                        ("builtin", _kind(number), str(number), name, [_address(number, name, correspondents)])
                    )
        await connection.execute(
            """
            insert into record_addresses (crm, record_kind, record_id, address)
            select crm, record_kind, record_id, addresses[1] from records
            """
        )
        await connection.execute("vacuum analyze")


def _kind(number: int) -> str:
    return "lead" if number % 2 else "contact"


def _address(number: int, name: str, correspondents: int) -> str:
    if number < correspondents:
        return f"s{number}@example.org"
    return f"{name.lower().replace(' ', '.')}{number}@{name.split()[1].lower()}.example"

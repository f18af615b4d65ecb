"""Which entries of a CRM's outbox are next."""

from __future__ import annotations

from activities.crm.outbox import HOLDS_BACK, Outbox
from infra.database.pool import Pool
from tests.support.directory import register_crm

CRM = "sales"


async def queued(pool: Pool, *entries: tuple[str, str, str]) -> list[int]:
    """Entries of records of that kind and id, each with what is set of it besides; their ids."""
    await register_crm(pool, CRM, "crm")
    made = []
    async with pool.connection() as connection:
        for number, (kind, record, change) in enumerate(entries):
            cursor = await connection.execute(
                "insert into entries (crm, identity, record_kind, record_id, key, direction) "
                "values (%s, %s, %s, %s, %s, 'Received') returning id",
                [CRM, b"%d" % number, kind, record, b"key %d" % number],
            )
            [[entry]] = await cursor.fetchall()
            made.append(entry)
            if change:
                await connection.execute(f"update entries set {change} where id = {entry}".encode())
    return made


async def test_what_waits_holds_back_what_follows_it_of_its_record_and_nothing_else(pool: Pool) -> None:
    waits = "next_attempt_at = now() + interval '1 hour', attempts = 1"
    asked = "state = 'uncertain', claimed_at = now(), attempts = 1"
    entries = await queued(
        pool,
        ("contact", "1", ""),
        ("contact", "1", waits),
        ("contact", "1", ""),
        ("lead", "1", ""),
        ("contact", "2", asked),
        ("contact", "2", ""),
        ("contact", "3", f"{waits}, attempts = {HOLDS_BACK}".replace("attempts = 1, ", "")),
        ("contact", "3", ""),
        ("contact", "4", "next_attempt_at = now() - interval '1 second', attempts = 1"),
        ("contact", "4", ""),
        *(("deal", str(number), waits) for number in range(12)),
        ("deal", "5", ""),
        ("deal", "15", ""),
        ("deal", "15", "state = 'failed'"),
    )
    due = [entry.id for entry in await Outbox(pool, CRM, 60.0).due()]
    assert [entries.index(one) for one in due] == [0, 3, 7, 8, 9, 23]


async def test_nothing_is_next_where_everything_waits(pool: Pool) -> None:
    await queued(pool, ("contact", "1", "next_attempt_at = now() + interval '1 hour'"), ("contact", "1", ""))
    assert await Outbox(pool, CRM, 60.0).due() == []
    assert await Outbox(pool, "another", 60.0).due() == []

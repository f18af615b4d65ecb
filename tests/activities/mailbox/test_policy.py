"""The transaction that stores a batch costs the same however much is stored already."""

from __future__ import annotations

from infra.database.pool import Pool, open_pool
from tests.support.linked_mail import LinkedMail, letter
from tests.support.services import as_owner

MESSAGES = 50


async def test_mail_is_stored_without_reading_what_is_stored_though_the_statistics_are_of_when_there_was_none(
    database_url: str,
) -> None:
    # One connection: the plans that check its foreign keys are its own, made by the first batch and kept.
    async with await open_pool(database_url, most=1) as pool:
        mail = LinkedMail(pool)
        jane = await mail.account()
        await mail.record("contact", "anna", "anna@example.org")
        async with await as_owner(pool) as connection:
            await connection.execute("vacuum analyze")
        await mail.store(jane, *(letter(number) for number in range(MESSAGES)))
        before = await whole_tables_read(pool)
        await mail.store(jane, *(letter(number) for number in range(MESSAGES, 2 * MESSAGES)))
        assert await whole_tables_read(pool) - before < MESSAGES, "one for each message"


async def whole_tables_read(pool: Pool) -> int:
    """How often any of the tables that grow with the mail was read from end to end."""
    async with pool.connection() as connection:
        await connection.execute("select pg_stat_force_next_flush()")
        row = await (
            await connection.execute(
                """
                select coalesce(sum(seq_scan), 0)::integer from pg_stat_user_tables
                where relname in ('blobs', 'mail', 'links', 'entries', 'record_addresses')
                """
            )
        ).fetchone()
    assert row is not None
    return int(row[0])

"""The directory: what a pull says of a CRM's records, and what is asked for because of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from psycopg.rows import dict_row

from activities.directory.directory import Directory
from domain.directory.records import Page, Record
from infra.database.pool import Pool

CRM = "builtin"
ANNA = Record("contact", "c1", "Anna Lind", ("Anna.Lind@Example.org", "not an address", "anna@home.example"))


async def rows(pool: Pool, query: str) -> list[dict[str, Any]]:
    async with pool.connection() as connection:
        return await (await connection.cursor(row_factory=dict_row).execute(query)).fetchall()


async def asked(pool: Pool) -> list[str]:
    """The addresses whose mail is to be linked anew, asked for since the last time."""
    found = await rows(pool, "select participant from relinking where participant is not null order by 1")
    async with pool.connection() as connection:
        await connection.execute("delete from relinking where participant is not null")
    return [row["participant"] for row in found]


async def followed(pool: Pool) -> list[tuple[str, str]]:
    found = await rows(pool, "select record_kind, record_id from relinking where record_id is not null order by id")
    return [(row["record_kind"], row["record_id"]) for row in found]


async def apply(pool: Pool, *records: Record, sweep: bool = False) -> int:
    return await Directory(pool).apply(CRM, Page(records, {"since": len(records)}), sweep=sweep)


async def test_a_page_is_stored_with_its_cursor_and_what_is_no_address_links_nobody(pool: Pool) -> None:
    assert await apply(pool, ANNA, Record("deal", "d1", "Roof", contacts=("c1",), open=False)) == 2
    contact, deal = await rows(pool, "select * from directory order by record_kind")
    assert (contact["name"], contact["addresses"]) == ("Anna Lind", list(ANNA.addresses))
    assert (deal["contacts"], deal["open"]) == (["c1"], False)
    assert await asked(pool) == ["anna.lind@example.org", "anna@home.example"]
    assert await rows(pool, "select cursor from crms") == [{"cursor": {"since": 2}}]


async def test_nothing_is_asked_for_where_nothing_changed(pool: Pool) -> None:
    await apply(pool, ANNA)
    await asked(pool)
    assert await apply(pool, ANNA) == 0
    assert await apply(pool, replace(ANNA, name="Anna Berg")) == 1
    assert await asked(pool) == []


async def test_exactly_the_addresses_that_came_or_went_are_asked_for(pool: Pool) -> None:
    await apply(pool, ANNA)
    await asked(pool)
    await apply(pool, replace(ANNA, addresses=("ANNA@home.example", "anna@new.example")))
    assert await asked(pool) == ["anna.lind@example.org", "anna@new.example"]


async def test_a_hundred_addresses_and_none_are_fine(pool: Pool) -> None:
    many = Record("contact", "c2", "Many", tuple(f"many-{n}@example.org" for n in range(100)))
    assert await apply(pool, many, Record("contact", "c3", "Nobody")) == 2
    assert len(await asked(pool)) == 100


async def test_the_contacts_of_a_deal_that_came_or_went_are_asked_for(pool: Pool) -> None:
    await apply(pool, ANNA, Record("contact", "c2", "Bo", ("bo@example.org",)), Record("deal", "d1", "Roof"))
    await asked(pool)
    await apply(pool, Record("deal", "d1", "Roof", contacts=("c2",)))
    assert await asked(pool) == ["bo@example.org"]
    await apply(pool, Record("deal", "d1", "Roof", contacts=("c2",), open=False))
    assert await asked(pool) == ["bo@example.org"]


async def test_the_mail_of_a_record_that_became_another_is_to_follow_it(pool: Pool) -> None:
    lead = Record("lead", "l1", "Anna", ("anna@home.example",))
    await apply(pool, ANNA, replace(ANNA, id="c2"), lead)
    await apply(pool, replace(ANNA, id="c2", merged_into="c1"), replace(lead, converted_to="c1", open=False))
    assert await followed(pool) == [("contact", "c2"), ("lead", "l1")]


async def test_what_a_whole_sweep_did_not_show_is_gone_and_nothing_of_it_is_kept(pool: Pool) -> None:
    directory = Directory(pool)
    await apply(pool, ANNA, Record("lead", "l1", "Bo", ("bo@example.org",)))
    await asked(pool)
    began = await directory.clock()
    assert await apply(pool, ANNA, sweep=True) == 0
    assert await directory.swept(CRM, began) == 1
    assert await directory.swept(CRM, began) == 0
    assert [row["record_id"] for row in await rows(pool, "select * from directory")] == ["c1"]
    assert await asked(pool) == ["bo@example.org"]
    assert await followed(pool) == [("lead", "l1")]
    assert await rows(pool, "select name, addresses from records where record_id = 'l1'") == [
        {"name": "", "addresses": []}
    ]
    assert await rows(pool, "select swept_at from crms") == [{"swept_at": began}]


@pytest.mark.parametrize("known", [True, False])
async def test_a_record_that_the_crm_says_is_gone_is_gone(pool: Pool, known: bool) -> None:
    if known:
        await apply(pool, ANNA)
    await Directory(pool).gone(CRM, "contact", "c1")
    await apply(pool, replace(ANNA, gone=True))
    assert await rows(pool, "select * from directory") == []
    assert await followed(pool) == ([("contact", "c1")] if known else [])


async def test_a_record_that_comes_back_is_there_again(pool: Pool) -> None:
    await apply(pool, ANNA)
    await apply(pool, replace(ANNA, gone=True))
    await asked(pool)
    assert await apply(pool, ANNA) == 1
    assert await asked(pool) == ["anna.lind@example.org", "anna@home.example"]


async def test_text_that_postgresql_cannot_keep_is_made_storable(pool: Pool) -> None:
    assert await apply(pool, Record("contact", "c\0", "A\0\ud800", ("a\0@example.org",), ("\0",))) == 1
    assert await apply(pool, Record("contact", "c\0", "A\0\ud800", ("a\0@example.org",), ("\0",))) == 0

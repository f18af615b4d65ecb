"""`mailroom why` and `mailroom timeline`: whose a message is and why, and all there is of a record."""

from __future__ import annotations

import pytest
from psycopg.types.json import Jsonb

from activities.registry import of_filing
from console.records import records, timeline
from console.why import why
from domain.core.refusal import Refused
from domain.directory.records import Record
from infra.database.pool import Pool
from tests.support.commands import attempt
from tests.support.console import Asking, retrieved, written
from tests.support.mailboxes import JANE, Watcher
from tests.support.stored_mail import CRM, pulled

ANNA = Record("contact", "c1", "Anna Lind", ("anna@example.org",))
LEAD = Record("lead", "l1", "Anna (fair)", ("anna@example.org",))


@pytest.fixture
async def asking(pool: Pool, database_url: str) -> Asking:
    await pulled(pool, ANNA, LEAD, Record("contact", "c2", "Tom Berg", ("tom@example.net",)))
    await retrieved(
        pool,
        written("first", "text", date="Mon, 02 Nov 2026 10:00:00 +0000"),
        written("second", "text", cc="eve@example.edu", date="Tue, 03 Nov 2026 10:00:00 +0000"),
        crm=(CRM,),
    )
    return Asking(database_url)


async def number_of(pool: Pool, subject: str) -> int:
    [number] = await Watcher(pool).column("select id from messages where subject = %s", subject)
    return int(number)


async def test_why_says_where_it_came_from_whose_it_is_and_whose_not(asking: Asking, pool: Pool) -> None:
    said = await asking.says(why, await number_of(pool, "second"))
    assert f"{JANE}, by POP, UIDL uid-2: first listed" in said
    assert "written by anna@example.org" in said
    assert "in Inbox" in said
    assert "no filter had anything to say" in said
    [link] = [line.split() for line in said.splitlines() if "contact  c1" in line and "from: " in line]
    assert link[:7] == ["Anna", "Lind", "contact", "c1", CRM, "Received", "anna@example.org"]
    assert "eve@example.edu: no record has the address: add it in the CRM and sync_now, or add_record" in said
    assert "queued" in said


async def test_why_says_who_unlinked_it(asking: Asking, pool: Pool) -> None:
    number = await number_of(pool, "first")
    async with pool.connection() as connection:
        await connection.execute(
            """
            insert into link_decisions (message, crm, record_kind, record_id, decision, by, at)
            values (%s, %s, 'lead', 'l1', 'unlinked', 'jane', now())
            """,
            [number, CRM],
        )
        await connection.execute(
            "update links set unlinked_at = now(), source = 'manual' where message = %s and record_kind = 'lead'",
            [number],
        )
    said = await asking.says(why, number)
    assert "anna@example.org (Anna (fair), lead l1 of builtin): unlinked by jane" in said


async def test_why_of_a_message_of_nobody_says_what_to_do(pool: Pool, database_url: str) -> None:
    await retrieved(pool, written("x", "text"), crm=(CRM,))
    said = await Asking(database_url).says(why, await number_of(pool, "x"))
    assert "anna@example.org: no record has the address" in said


async def test_a_record_of_a_crm_that_the_account_has_not_is_told_as_that(pool: Pool, database_url: str) -> None:
    await pulled(pool, ANNA)
    await retrieved(pool, written("x", "text"))
    said = await Asking(database_url).says(why, await number_of(pool, "x"))
    assert "the account is not connected with the CRM builtin" in said


async def test_a_timeline_has_all_mail_of_all_records_of_an_address_in_the_order_of_time(asking: Asking) -> None:
    said = await asking.says(timeline, "Anna@Example.org", before=None, most=50)
    assert "Anna Lind, contact c1 of builtin: anna@example.org" in said
    assert "Anna (fair), lead l1 of builtin: anna@example.org" in said
    mail = [line for line in said.splitlines() if "Received" in line]
    assert [("first" in line, "second" in line) for line in mail] == [(True, False)] * 2 + [(False, True)] * 2


async def test_a_record_is_meant_by_its_id_its_kind_and_its_crm(asking: Asking) -> None:
    for what in ("c1", "contact:c1", "builtin:contact:c1"):
        answer = await asking.answers(timeline, what, before=None, most=50)
        assert [record["name"] for record in answer["records"]] == ["Anna Lind"]
        assert [one["subject"] for one in answer["timeline"]] == ["second", "first"]


@pytest.mark.parametrize("what", ["nobody@example.org", "c99", "lead:c1", "other:contact:c1", "@", ":::"])
async def test_a_record_that_is_not_there_is_refused_in_words(asking: Asking, what: str) -> None:
    with pytest.raises(Refused, match=r"no record"):
        await asking.says(timeline, what, before=None, most=50)


async def test_tasks_and_notes_stand_among_the_mail(asking: Asking, pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            """
            insert into builtin_activities (
                id, crm, record_kind, record_id, kind, subject, text, due, open, created_at, request_key
            ) values (
                gen_random_uuid(), %s, 'contact', 'c1', 'task', 'call her', '', '2026-12-01', true, '2026-11-02 12:00Z', 'k'
            )
            """,
            [CRM],
        )
    said = await asking.says(timeline, "c1", before=None, most=50)
    lines = [line for line in said.splitlines() if line.startswith("2026")]
    assert ["first" in lines[0], "call her" in lines[1], "second" in lines[2]] == [True] * 3
    assert "task, due 2026-12-01" in lines[1]


async def test_records_are_found_by_a_part_of_a_name_or_an_address(asking: Asking) -> None:
    async def names(words: str, *, most: int = 50, skip: int = 0) -> list[str]:
        answer = await asking.answers(records, words, crm=None, most=most, skip=skip)
        return [record["name"] for record in answer["records"]]

    assert await names("lin") == ["Anna Lind"]
    assert await names("example.net") == ["Tom Berg"]
    assert await names("") == ["Anna (fair)", "Anna Lind", "Tom Berg"]
    assert await names("", most=1, skip=1) == ["Anna Lind"]
    assert await names("%") == []
    assert await names("_") == []


@pytest.mark.parametrize(
    ("privacy", "linking", "said"),
    [
        ({"never_log": ["example.org"]}, {}, "the rule example.org of the account's never_log list keeps it out"),
        ({"private": ["anna@example.org"]}, {}, "the rule anna@example.org of the account's private list keeps it out"),
        ({}, {"never_log": ["anna@example.org"]}, "the rule anna@example.org of the CRM's never_log list keeps it out"),
    ],
)
async def test_why_names_the_rule_that_keeps_somebody_out(
    asking: Asking, pool: Pool, privacy: dict[str, list[str]], linking: dict[str, list[str]], said: str
) -> None:
    number = await number_of(pool, "first")
    async with pool.connection() as connection:
        await connection.execute("insert into account_privacy values (%s, %s)", [JANE, Jsonb(privacy)])
        await connection.execute("update crms set linking = %s where name = %s", [Jsonb(linking), CRM])
        await connection.execute("delete from links where message = %s", [number])
    assert said in await asking.says(why, number)


async def test_why_says_who_undid_a_filing(asking: Asking, pool: Pool) -> None:
    number = await number_of(pool, "first")
    (move,) = [one for one in of_filing(pool) if one.__name__ == "move_messages"]
    (undo,) = [one for one in of_filing(pool) if one.__name__ == "undo_filing"]
    moved = await attempt(move, {"messages": [number], "folder": "Archive", "by": "ops"}, address=JANE)
    await attempt(undo, {"run": moved["run"], "by": "jane"}, address=JANE)
    said = await asking.says(why, number)
    assert "from Inbox to Archive, MessagesMoved by ops" in said
    assert "from Archive to Inbox, FilingUndone by jane" in said
    assert said.index("FilingUndone") > said.index("MessagesMoved")


async def test_why_says_that_own_mail_lies_outside_sent(pool: Pool, database_url: str) -> None:
    await pulled(pool, ANNA)
    await retrieved(pool, written("own", "text", sender=JANE, to="anna@example.org"), crm=(CRM,))
    said = await Asking(database_url).says(why, await number_of(pool, "own"))
    assert "the account's own mail, which does not lie in Sent: move_messages to Sent links it" in said

"""`mailroom search`: all that have all of the words, newest first, in pages that lose nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.search import cut, search, spans, withheld
from domain.core.refusal import Refused
from domain.message.words import LATER
from infra.database.pool import Pool
from tests.support.console import Asking, indexed, retrieved, written
from tests.support.mailboxes import JANE, Watcher

NOTHING: dict[str, Any] = {
    "sender": None,
    "recipient": None,
    "account": None,
    "folder": None,
    "since": None,
    "before": None,
    "unlinked": False,
    "private": False,
    "most": 50,
}


def day(number: int, month: int = 11, year: int = 2026) -> str:
    return datetime(year, month, number, 9, tzinfo=UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


async def subjects(asking: Asking, words: str = "", **options: Any) -> list[str]:
    answer = await asking.answers(search, words, **(NOTHING | options))
    return [found["subject"] for found in answer["messages"]]


@pytest.fixture
async def asking(pool: Pool, database_url: str) -> Asking:
    await retrieved(
        pool,
        written("Price list", "For machines.", date=day(3)),
        written("Re: Price list", "Thanks!", sender="Tom Berg <tom@example.net>", date=day(5)),
        written("Old prices", "The list of before.", date=day(1, 2, 2019)),
        written("Lunch", "On Friday.", to="Tom <tom@example.net>", sender=f"Jane <{JANE}>", date=day(7)),
    )
    await retrieved(pool, written("Price list", "Elsewhere.", date=day(4)), address="bob@example.com")
    await indexed(pool)
    return Asking(database_url)


async def test_all_words_are_in_a_message_and_the_newest_comes_first(asking: Asking) -> None:
    assert await subjects(asking, "price list") == ["Re: Price list", "Price list", "Price list"]
    assert await subjects(asking, "LIST before") == ["Old prices"]
    assert await subjects(asking, "list friday") == []


async def test_senders_recipients_accounts_folders_and_days_narrow_it(asking: Asking) -> None:
    assert await subjects(asking, "list", sender="berg") == ["Re: Price list"]
    assert await subjects(asking, recipient="tom@example.net") == ["Lunch"]
    assert await subjects(asking, "price", account="BOB@example.com") == ["Price list"]
    assert await subjects(asking, folder="Sent") == []
    since = datetime(2026, 11, 4, tzinfo=UTC)
    assert await subjects(asking, "price", since=since) == ["Re: Price list", "Price list"]
    assert await subjects(asking, since=since, before=datetime(2026, 11, 5, tzinfo=UTC)) == ["Price list"]


async def test_without_words_it_lists_what_there_is(asking: Asking) -> None:
    assert await subjects(asking) == ["Lunch", "Re: Price list", "Price list", "Price list", "Old prices"]


async def test_whoever_goes_on_where_a_page_ended_misses_nothing_and_sees_nothing_twice(asking: Asking) -> None:
    seen, before = [], None
    while True:
        answer = await asking.answers(search, "", **(NOTHING | {"most": 2, "before": before}))
        seen += [found["subject"] for found in answer["messages"]]
        if not answer["more"]:
            break
        before = datetime.fromisoformat(answer["messages"][-1]["at"])
    assert seen == ["Lunch", "Re: Price list", "Price list", "Price list", "Old prices"]
    assert "--before 2026-11-05T09:00:00+00:00" in await asking.says(search, "", **(NOTHING | {"most": 2}))


async def test_what_is_linked_and_private_is_told_apart(pool: Pool, database_url: str) -> None:
    from domain.directory.records import Record
    from tests.support.stored_mail import CRM, pulled

    await pulled(pool, Record("contact", "c1", "Anna Lind", ("anna@example.org",)))
    await retrieved(pool, written("hers", "text"), written("nobody's", "text", sender="x@example.net"), crm=(CRM,))
    await indexed(pool)
    asking = Asking(database_url)
    assert await subjects(asking, unlinked=True) == ["nobody's"]
    [hers] = await Watcher(pool).column("select id from messages where subject = 'hers'")
    async with pool.connection() as connection:
        await connection.execute("insert into kept_private (message, by, at) values (%s, 'jane', now())", [hers])
    assert await subjects(asking, private=True) == ["hers"]


async def test_mail_that_is_not_indexed_yet_is_said_to_be_that(pool: Pool, database_url: str) -> None:
    await retrieved(pool, written("new", "text"))
    said = await Asking(database_url).says(search, "new", **NOTHING)
    assert "no message has all of that" in said
    assert "1 messages are not indexed yet" in said


@pytest.mark.parametrize("words", ["---", "'", "\\", "!&|()", "\x1b["])
async def test_what_has_no_word_is_refused(asking: Asking, words: str) -> None:
    with pytest.raises(Refused, match="no letter or digit"):
        await subjects(asking, words)


@pytest.mark.parametrize("words", ["a' | 'b", "price & !nothing", "x:* <-> y", "%' or 1=1 --", "价格'单"])
async def test_words_never_act_as_a_query(asking: Asking, words: str) -> None:
    assert await subjects(asking, words) == []


async def test_withheld_mail_is_listed_without_a_word_of_it(pool: Pool, database_url: str) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "insert into withheld (address, epoch, uidl, occurrence, at, rule) values (%s, 1, 'u', 1, now(), 'a rule')",
            [JANE],
        )
    said = await Asking(database_url).says(withheld, account=JANE, since=None, before=None, most=5)
    assert "a rule" in said


@pytest.mark.parametrize("now", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, tzinfo=UTC)])
def test_months_follow_each_other_without_a_gap(now: datetime) -> None:
    *groups, (everything, _, last) = spans(now)
    months = [month for group, _, _ in groups for month in group if month != LATER]
    assert everything == []
    assert len(set(months)) == len(months)
    assert months[-1] == last.strftime("m/%Y%m")
    assert [end for _, _, end in groups[1:]] == [begin for _, begin, _ in groups[:-1]]


def test_rows_of_one_time_stay_on_one_page() -> None:
    rows = [{"at": at, "n": n} for n, at in enumerate([5, 4, 4, 4, 3])]
    assert [row["n"] for row in cut(rows[:4], 2)[0]] == [0, 1, 2, 3]  # as they come with ties
    assert cut(rows[:4], 2)[1] is False
    assert cut(rows, 4) == (rows[:4], True)
    assert cut(rows, 5) == (rows, False)


async def test_mail_of_one_time_is_all_on_one_page(pool: Pool, database_url: str) -> None:
    await retrieved(pool, *(written(f"number {number}", "text") for number in range(12)))
    await indexed(pool)
    asking = Asking(database_url)
    assert len(await subjects(asking, "number", most=5)) == 12
    assert len(await subjects(asking, most=5)) == 12


async def test_what_was_of_the_future_is_found_in_its_place_and_once(pool: Pool, database_url: str) -> None:
    soon, now = datetime.now(UTC) + timedelta(days=40), datetime.now(UTC)
    when = "%a, %d %b %Y %H:%M:%S +0000"
    await retrieved(
        pool, written("future", "text", date=soon.strftime(when)), written("now", "text", date=now.strftime(when))
    )
    await indexed(pool)
    # Then its time has come and gone.
    async with pool.connection() as connection:
        await connection.execute("update mail set sent_at = now() - interval '70 days' where subject = 'future'")
    assert await subjects(Asking(database_url), "text") == ["now", "future"]


async def test_an_account_that_is_none_is_refused_and_so_is_a_search_of_a_thousand_letters(asking: Asking) -> None:
    with pytest.raises(Refused, match="there is no account x@example"):
        await subjects(asking, "list", account="x@example.org")
    with pytest.raises(Refused, match="at most 1000 letters"):
        await subjects(asking, "word " * 300)

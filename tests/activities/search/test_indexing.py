"""Stored mail becomes findable, once, whatever happens to who does it; and what goes is found no more."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from activities.erasure.deletion import remove
from activities.search import indexing
from activities.search.indexing import Indexing
from infra.database.pool import Pool
from tests.activities.erasure.test_erase_person import erase
from tests.support.console import indexed, retrieved, written
from tests.support.mailboxes import JANE, Watcher
from tests.support.running import until

FOUND = "select message from mail_words where words @@ %s::tsquery order by message"


async def found(pool: Pool, *words: str) -> list[Any]:
    return await Watcher(pool).column(FOUND, " & ".join(f"'{word}'" for word in words))


async def test_a_message_is_found_by_its_people_subject_attachments_and_text(pool: Pool) -> None:
    await retrieved(
        pool,
        written("A quote", "For twelve machines.", attached=("Angebot-7.pdf", b"%PDF")),
        written("Lunch?", "On Friday.", sender="Tom Berg <tom@example.net>"),
    )
    assert await found(pool, "quote") == []
    assert await indexed(pool) == 2
    [quote] = await found(pool, "quote", "machines", "angebot", "lind", "f/anna")
    [lunch] = await found(pool, "friday", "f/berg", "t/jane")
    assert quote != lunch
    assert await indexed(pool) == 0


async def test_two_workers_share_the_work(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "PAGE", 2)
    await retrieved(pool, *(written(f"number {number}", "text") for number in range(20)))
    done = await asyncio.gather(indexed(pool), indexed(pool))
    assert sum(done) == 20
    assert len(await found(pool, "number")) == 20


async def test_what_a_dead_worker_has_claimed_others_do_when_that_is_over(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await retrieved(pool, written("A quote", "text"))

    def dies(*_given: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(indexing, "_words", dies)
        with pytest.raises(MemoryError):
            await Indexing(pool).page()
    assert await indexed(pool) == 0
    async with pool.connection() as connection:
        await connection.execute("update mail_words set claimed_until = now() - interval '1 second'")
    assert await indexed(pool) == 1
    assert len(await found(pool, "quote")) == 1


async def test_a_message_whose_words_cannot_be_taken_holds_up_no_other_and_says_nothing_of_itself(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await retrieved(pool, written("bad", "text"), written("good", "text"))
    honest = indexing.words_of

    def words_of(row: dict[str, Any]) -> list[str]:
        if row["subject"] == "bad":
            raise RecursionError("of this secret text")
        return honest(row)

    monkeypatch.setattr(indexing, "words_of", words_of)
    with caplog.at_level(logging.ERROR):
        assert await indexed(pool) == 2
    assert len(await found(pool, "good")) == 1
    assert "cannot be indexed for search (RecursionError)" in caplog.text
    assert "secret text" not in caplog.text


async def test_the_newest_mail_comes_first(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "PAGE", 1)
    await retrieved(pool, written("older", "text"), written("newer", "text"))
    await Indexing(pool).page()
    assert (len(await found(pool, "newer")), len(await found(pool, "older"))) == (1, 0)


async def test_what_is_deleted_is_found_no_more(pool: Pool) -> None:
    await retrieved(pool, written("A quote", "text"))
    await indexed(pool)
    [message] = await found(pool, "quote")
    async with pool.connection() as connection, connection.transaction():
        await remove(connection, JANE, [message], cause="deleted", at=datetime.now(UTC))
    assert await Watcher(pool).column("select message from mail_words") == []


@pytest.mark.parametrize("at_once", [True, False], ids=["indexed before", "indexed after"])
async def test_who_is_erased_leads_to_no_mail_that_stays(pool: Pool, at_once: bool) -> None:
    await retrieved(
        pool,
        written(
            "A party",
            "With Anna Lind (anna@example.org).",
            sender="tom@example.net",
            to=f"{JANE}, Anna Lind <anna@example.org>",
        ),
    )
    if at_once:
        await indexed(pool)
    await erase(pool, "anna@example.org", erasure=uuid4())
    await indexed(pool)
    assert len(await found(pool, "party")) == 1
    assert await found(pool, "anna") == []
    assert await found(pool, "lind") == []
    assert await found(pool, "t/anna") == []


async def test_whoever_has_a_name_in_common_with_the_erased_is_found_as_before(pool: Pool) -> None:
    await retrieved(
        pool,
        written(
            "A party", "Hello Anna.", sender="Tom Lind <tom@example.net>", to=f"{JANE}, Anna Lind <anna@example.org>"
        ),
    )
    await indexed(pool)
    await erase(pool, "anna@example.org", erasure=uuid4())
    await indexed(pool)
    assert len(await found(pool, "f/lind", "tom", "party")) == 1
    assert await found(pool, "anna") == []


async def test_it_goes_on_by_itself_until_it_is_told_to_stop(pool: Pool) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(Indexing(pool).run(stop))
    await retrieved(pool, written("A quote", "text"))

    async def is_found() -> bool:
        return len(await found(pool, "quote")) == 1

    await until(is_found, "the message by its words")
    stop.set()
    await running

"""Takes the words from stored mail, by which it is found: a job behind retrieval, which waits for nobody and holds up nobody.

A message has its row in `mail_words` by the transaction that stores it, without words; the job fills it. A job that dies before
its commit has done nothing, and any number of them share the work: what one has locked the others leave alone. So each message is
indexed once, whatever happens. One whose words make the job fail is left without, with a line in the log, and holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from domain.message.body import HEAD, text_and_names
from domain.message.words import FROM, TO, words, words_of_message
from infra.database.pool import Connection, Pool

PAGE = 20  # messages, of each at most HEAD bytes
LOOK_EVERY = 2.0  # seconds, where nothing is to do
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0

# Of a large message the beginning.
TO_DO = """
    with waiting as (
        select w.message, w.without from mail_words w where w.words is null and not w.message = any(%(left)s)
        order by w.message limit %(most)s for update skip locked
    )
    select m.id, m.subject, coalesce(m.sent_at, m.stored_at) as at, m.participants, waiting.without,
        substring(blob_bytes(b) for %(head)s) as raw
    from waiting join mail m on m.id = waiting.message join blobs b using (sha256)
    order by m.id
"""
DONE = """
    update mail_words w set words = array_to_tsvector(
        array(select unnest(string_to_array(found.words, E'\\n')) except select unnest(w.without))
    )
    from unnest(%(messages)s::bigint[], %(words)s::text[]) found (message, words) where w.message = found.message
"""

log = logging.getLogger(__name__)


class Indexing:
    """`run` takes words until it is told to stop; `page` does so once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._left: set[int] = set()  # whose words could not be taken by this process

    async def run(self, stop: asyncio.Event) -> None:
        wait = FIRST_WAIT
        while not stop.is_set():
            began = time.monotonic()
            try:
                done = await self.page()
            except (psycopg.Error, TimeoutError):
                log.warning("mail is not indexed for search: the database does not answer; again in %.0f s", wait)
                await _pause(stop, wait)
                wait = min(wait * 2, LONGEST_WAIT)
                continue
            wait = FIRST_WAIT
            # It leaves the process to its sessions for as long as it has worked: after a backlog it has most to do.
            await _pause(stop, time.monotonic() - began if done else LOOK_EVERY)

    async def page(self) -> int:
        """Takes the words of the next messages, in one transaction; how many there were."""
        async with self._pool.connection() as connection, connection.transaction():
            rows = await self._next(connection)
            if not rows:
                return 0
            found = await asyncio.to_thread(self._words, rows)
            await connection.execute(
                DONE, {"messages": list(found), "words": ["\n".join(these) for these in found.values()]}
            )
        return len(rows)

    async def _next(self, connection: Connection) -> Sequence[dict[str, Any]]:
        cursor = connection.cursor(row_factory=dict_row)
        asked = {"left": list(self._left), "most": PAGE, "head": HEAD}
        return await (await cursor.execute(TO_DO, asked)).fetchall()

    def _words(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[str]]:
        found = {}
        for row in rows:
            try:
                found[row["id"]] = words_of(row)
            except Exception:
                log.exception("message %d cannot be indexed for search; it is found by nothing", row["id"])
                self._left.add(row["id"])
        return found


def words_of(row: dict[str, Any]) -> list[str]:
    """Of a row of `mail` with the bytes of its message; its people are those that the row has, whatever the bytes say."""
    text, names = text_and_names(bytes(row["raw"]))
    people: dict[bool, list[str]] = {True: [], False: []}
    for who in row["participants"]:
        people[who["field"] == "from"] += [who["name"], who["address"]]
    return words_of_message(
        sender=people[True],
        recipients=people[False],
        subject=row["subject"] or "",
        names=names,
        text=text,
        at=row["at"],
        now=datetime.now(UTC),
    )


async def forget(connection: Connection, messages: Sequence[int], address: str) -> None:
    """Has these messages found no more by a person's address and names, wherever in them these stand.

    In the transaction of the caller, who takes the person out of the messages' rows after that; their words are taken anew.
    """
    rows = await (
        await connection.execute(
            """
            select distinct who ->> 'name' from mail cross join lateral jsonb_array_elements(participants) who
            where id = any(%s) and who ->> 'normal' = %s
            """,
            [list(messages), address],
        )
    ).fetchall()
    theirs = {*words(address.rpartition("@")[0])}.union(*(words(row[0] or "") for row in rows))
    lexemes = [field + word for field in ("", FROM, TO) for word in sorted(theirs)]
    await connection.execute(
        "update mail_words set words = null, without = without || %s::text[] where message = any(%s)",
        [lexemes, list(messages)],
    )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

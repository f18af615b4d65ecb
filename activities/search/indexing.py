"""Takes the words from stored mail, by which it is found: a job behind retrieval, which waits for nobody and holds up nobody.

A message has its row in `mail_words` by the transaction that stores it, without words; the job fills it. It claims a few for a
minute, takes their words while no transaction is open, and writes them. Whoever dies in between leaves a claim, and when that is
over others do it; done twice, it is the same. So neither a message without words nor a dead worker holds up others.
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
CLAIMED_SECONDS = 60
LOOK_EVERY = 2.0  # seconds, where nothing is to do
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0

# The newest first: after an upgrade with a million to do, what comes in is found nevertheless.
CLAIM = """
    update mail_words set claimed_until = now() + %s * interval '1 second' where message in (
        select message from mail_words where words is null and coalesce(claimed_until < now(), true)
        order by message desc limit %s for update skip locked
    ) returning message
"""
CLAIMED = """
    select m.id, m.subject, coalesce(m.sent_at, m.stored_at) as at, m.participants,
        substring(blob_bytes(b) for %s) as raw
    from mail m join blobs b using (sha256) where m.id = any(%s)
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

    async def run(self, stop: asyncio.Event) -> None:
        wait = FIRST_WAIT
        while not stop.is_set():
            began = time.monotonic()
            try:
                done = await self.page()
            except (psycopg.OperationalError, TimeoutError):
                log.warning("mail is not indexed for search: the database does not answer; again in %.0f s", wait)
                await _pause(stop, wait)
                wait = min(wait * 2, LONGEST_WAIT)
                continue
            except Exception:  # of some messages, which are claimed for a minute: others are to be found meanwhile
                log.exception(
                    "some messages were not indexed for search; they are tried again in %d s", CLAIMED_SECONDS
                )
                await _pause(stop, FIRST_WAIT)
                continue
            wait = FIRST_WAIT
            # It leaves the process to its sessions for as long as it has worked: after a backlog it has most to do.
            await _pause(stop, time.monotonic() - began if done else LOOK_EVERY)

    async def page(self) -> int:
        """Takes the words of the next messages; how many there were."""
        async with self._pool.connection() as connection:
            claimed = await (await connection.execute(CLAIM, [CLAIMED_SECONDS, PAGE])).fetchall()
            if not claimed:
                return 0
            cursor = await connection.cursor(row_factory=dict_row).execute(CLAIMED, [HEAD, [row[0] for row in claimed]])
            rows = await cursor.fetchall()
        found = await asyncio.to_thread(_words, rows)
        written = {"messages": list(found), "words": ["\n".join(these) for these in found.values()]}
        async with self._pool.connection() as connection:
            await connection.execute(DONE, written)
        return len(claimed)


def _words(rows: Sequence[dict[str, Any]]) -> dict[int, list[str]]:
    found = {}
    for row in rows:
        try:
            found[row["id"]] = words_of(row)
        except Exception as error:  # nothing of the message is to be in a log, so not what the error says
            log.error("message %d cannot be indexed for search (%s); again in a while", row["id"], type(error).__name__)
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
    """Has these messages found no more by a person's address, nor by the names that they have for it, but for words that others
    in them share.

    In the transaction of the caller, who takes the person out of the messages' rows after that; their words are taken anew.
    """
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute("select id, participants from mail where id = any(%s)", [list(messages)])
    without = {}
    for row in await cursor.fetchall():
        theirs, others = {*words(address.rpartition("@")[0])}, set[str]()
        for who in row["participants"]:
            if who.get("normal") == address:
                theirs.update(words(who["name"] or ""))
            else:
                others.update(words(who["name"] or ""), words(who["address"]))
        lexemes = [field + word for field in ("", FROM, TO) for word in sorted(theirs - others)]
        without[row["id"]] = "\n".join(lexemes)
    await connection.execute(
        """
        update mail_words w set words = null, claimed_until = null, without = w.without || string_to_array(theirs.words, E'\\n')
        from unnest(%s::bigint[], %s::text[]) theirs (message, words) where w.message = theirs.message
        """,
        [list(without), list(without.values())],
    )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

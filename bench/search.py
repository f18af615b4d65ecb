"""How fast two words are found among a million messages, beside PostgreSQL's own search of the same words by date.

python -m bench.search [--messages 1000000] fills a database with messages of twelve years, of 80 words drawn as words of texts
are (the frequent ones in half of all messages, the rare ones in a few), and prints for pairs of words of each frequency the time
that `mailroom search` asks the database for (the median, and what 95 of 100 stay below), and its ratio to one statement that
has PostgreSQL find and sort them.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import psycopg
from psycopg.rows import dict_row

from bench.services import database
from console.reading import Reader
from console.search import search
from console.terminal import Terminal
from infra.database.pool import OPTIONS

ROUNDS = 40
PEER_ROUNDS = 3
VOCABULARY = 50_000
# Ranks of words from the most frequent on: in half of all messages, in a tenth, in a hundredth, in a few hundred of them.
GROUPS = {"frequent": (8, 20), "common": (60, 90), "seldom": (600, 900), "rare": (20_000, 45_000)}
PAIRS = [
    ("frequent", "frequent"), ("frequent", "common"), ("frequent", "rare"), ("common", "common"), ("common", "seldom"),
    ("seldom", "seldom"), ("seldom", "rare"), ("rare", "rare"),
]  # fmt: skip
PEER = """
    select m.id from mail_words w join mail m on m.id = w.message where w.words @@ to_tsquery('simple', %(sought)s)
    order by coalesce(m.sent_at, m.stored_at) desc limit 51
"""
FILL = """
    insert into mail (id, address, uidl, folder, from_address, subject, sent_at, size, state, sha256)
    select n, 'jane' || n %% 50 || '@example.com', n::text, 'Inbox', 'ann@example.org', 'Subject ' || n,
        now() - (%(messages)s - n) * (interval '12 years' / %(messages)s), 1000, 'stored', '\\x00'
    from generate_series(%(first)s::bigint, %(last)s) n
"""
WORDS = """
    update mail_words w set words = array_to_tsvector(
        array(
            select distinct 'w' || floor(exp(random() * ln(%(vocabulary)s)))::int from generate_series(1, 80)
            where w.message is not null
        ) || ('m/' || to_char(m.sent_at, 'YYYYMM'))
    )
    from mail m where m.id = w.message and w.message between %(first)s and %(last)s
"""
PAGE = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder, database(Path(folder)) as url:
        _fill(url, given.messages)
        asyncio.run(_measure(url, given.messages))


def _fill(url: str, messages: int) -> None:
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={OPTIONS['search_path']}") as connection:
        connection.execute("insert into blobs (sha256, size, raw) values ('\\x00', 1, '\\x00')")
        connection.execute(
            "drop index mail_words_words_idx"
        )  # built at once below: a million insertions are not measured here
        for first in range(1, messages + 1, PAGE):
            page = {"first": first, "last": min(first + PAGE - 1, messages), "messages": messages}
            connection.execute(FILL, page)
            connection.execute(WORDS, {**page, "vocabulary": VOCABULARY})
        connection.execute("create index mail_words_words_idx on mail_words using gin (words) with (fastupdate = off)")
        connection.execute("vacuum analyze")


async def _measure(url: str, messages: int) -> None:
    chance = random.Random(1)
    options = f"-c search_path={OPTIONS['search_path']}"
    async with await psycopg.AsyncConnection.connect(
        url, row_factory=dict_row, options=options, autocommit=True
    ) as connection:
        reader = Reader(connection)
        for pair in PAIRS:
            words = [[f"w{chance.randrange(*GROUPS[group])}" for group in pair] for _ in range(ROUNDS)]

            async def ours(two: list[str]) -> None:
                terminal = Terminal(io.StringIO(), as_json=True)
                await search(
                    reader, terminal, " ".join(two), sender=None, recipient=None, account=None, folder=None, since=None,
                    before=None, unlinked=False, private=False, most=50,
                )  # fmt: skip

            async def peers(two: list[str]) -> None:
                await reader.rows(PEER, sought=" & ".join(two))

            took = await _times(ours, words)
            beside = await _times(peers, words[:PEER_ROUNDS])
            print(
                f"search, {messages} messages, {' and '.join(pair)}: {1000 * median(took):.1f} ms, 95 of 100 below "
                f"{1000 * took[95 * ROUNDS // 100]:.1f} ms; {median(took) / median(beside):.2f} of one statement's time",
                flush=True,
            )


async def _times(ask: Callable[[list[str]], Awaitable[None]], words: list[list[str]]) -> list[float]:
    times = []
    for two in words:
        began = time.perf_counter()
        await ask(two)
        times.append(time.perf_counter() - began)
    return sorted(times)


if __name__ == "__main__":
    main()

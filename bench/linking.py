"""What linking costs: retrieval with a directory of 100,000 addresses beside retrieval without a CRM, and linking afterwards.

python -m bench.linking [--messages 5000] [--records 100000] [--rounds 5] [--stored 100000] prints, for mail of which a fifth is
linked and for mail all of which is, the share of the rate without a CRM that is left: by the clock, and by the CPU that a
message takes of all parts together, which other work on the machine disturbs less. Both are the median of rounds; in each round
all take turns. Then it prints how long it takes to link mail that was stored before: of one account whose CRM was just
added, all from one address that was just added, and from 10,000 addresses that were.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.linking.relinking import BackLinking, ask_to_relink_account, ask_to_relink_addresses
from bench.directory import fill_directory
from bench.mailboxes import USER, fill
from bench.mailroom import Job, retrieve
from bench.services import Effort, copy_of, database
from infra.database.pool import OPTIONS, open_pool
from tests.servers.dovecot import Dovecot

CORRESPONDENTS = 500  # who write the mail of bench.mailboxes, equally much each
A_FIFTH = CORRESPONDENTS // 5
PEOPLE = 10_000  # of the directory, who have written the mail that is stored before
CRM = "builtin"
SEARCH_PATH = f"-c search_path={OPTIONS['search_path']}"

Ask = Callable[[AsyncConnection[TupleRow], int], Awaitable[None]]


@dataclass(frozen=True)
class Rate:
    """Messages a second, and seconds of CPU a message."""

    clock: float
    cpu: float


def rate(directory: str, port: int, messages: int, known: int, crm: tuple[str, ...] = (CRM,)) -> Rate:
    """Into a copy of the database `directory`, where only so many of those who write are `known`."""
    with copy_of(directory) as url:
        with psycopg.connect(url, autocommit=True, options=SEARCH_PATH) as connection:
            connection.execute(
                "delete from records where record_id::integer >= %s and record_id::integer < %s",
                [known, CORRESPONDENTS],
            )
        effort = Effort()
        took = retrieve(Job(url, port, [USER], crm=crm))
        spent = took.cpu + sum(effort.spent().values())
        with psycopg.connect(url, options=SEARCH_PATH) as connection:
            row = connection.execute("select count(*) from links").fetchone()
    due = sum(number % CORRESPONDENTS < known for number in range(messages)) if crm else 0
    if took.messages != messages or row != (due,):
        raise SystemExit(f"linking: {took.messages} of {messages} messages came, with {row} instead of {due} links")
    return Rate(took.messages / took.seconds, spent / took.messages)


def retrieval(directory: str, messages: int, records: int, rounds: int) -> None:
    turns: dict[str, list[Rate]] = {"without": [], "a fifth": [], "all": []}
    with Dovecot() as server:
        fill(server, USER, messages)
        for _ in range(rounds):
            turns["without"].append(rate(directory, server.port, messages, A_FIFTH, ()))
            turns["a fifth"].append(rate(directory, server.port, messages, A_FIFTH))
            turns["all"].append(rate(directory, server.port, messages, CORRESPONDENTS))
    without = turns.pop("without")
    print(
        f"linking, {messages} messages, {records} addresses, without a CRM: "
        f"{median(one.clock for one in without):.0f} messages/s, {1000 * median(one.cpu for one in without):.2f} ms of CPU each",
        flush=True,
    )
    for name, linked in turns.items():
        clock = [one.clock / other.clock for one, other in zip(linked, without, strict=True)]
        cpu = [other.cpu / one.cpu for one, other in zip(linked, without, strict=True)]
        print(
            f"linking, {name} of the messages linked: {median(clock):.2f} of that rate by the clock ({_list(clock)}), "
            f"{median(cpu):.2f} by CPU ({_list(cpu)})",
            flush=True,
        )


def _list(ratios: Sequence[float]) -> str:
    return ", ".join(f"{ratio:.2f}" for ratio in sorted(ratios))


def afterwards(directory: str, messages: int, people: int) -> None:
    """Mail of so many people, equally much each, that was stored before what it is linked by was known."""
    asked: dict[str, tuple[int, Ask]] = {
        "of an account that has the CRM now": (CORRESPONDENTS, _by_account),
        "from one address that has a record now": (1, _by_addresses),
        f"from {people} addresses that have one now": (people, _by_addresses),
    }
    for name, (writers, ask) in asked.items():
        with copy_of(directory) as url:
            _store(url, messages, writers)
            links, seconds = asyncio.run(_linked_afterwards(url, ask, writers))
        if links != messages:
            raise SystemExit(f"linking: {links} links for {messages} messages {name}")
        print(f"linking, {messages} messages {name}: {seconds:.0f} s, {messages / seconds:.0f} messages/s", flush=True)


async def _by_account(connection: AsyncConnection[TupleRow], _: int) -> None:
    await ask_to_relink_account(connection, CRM, USER, cause="benchmark")


async def _by_addresses(connection: AsyncConnection[TupleRow], writers: int) -> None:
    addresses = [f"s{number}@example.org" for number in range(writers)]
    await ask_to_relink_addresses(connection, CRM, addresses, cause="benchmark")


async def _linked_afterwards(url: str, ask: Ask, writers: int) -> tuple[int, float]:
    """Links, and the seconds that it took to make them."""
    async with await open_pool(url) as pool:
        async with pool.connection() as connection:
            await ask(connection, writers)
        linking = BackLinking(pool)
        began, links = time.perf_counter(), 0
        while (changed := await linking.page(CRM)) is not None:
            links += changed.linked
        return links, time.perf_counter() - began


def _store(url: str, messages: int, writers: int) -> None:
    """Mail of one account as it lies in the database, without its bytes and without a link."""
    with psycopg.connect(url, autocommit=True, options=SEARCH_PATH) as connection:
        connection.execute(
            """
            insert into accounts_recorded (address, organisation, owner, host, crm, state, authentication_failures,
                connection_failures, workflow_id, run_id)
            values (%s, 'default', %s, 'pop.example.com', %s, 'active', 0, 0, '', '')
            """,
            [USER, USER, [CRM]],
        )
        connection.execute("insert into blobs values (sha256(''), 0, '')")
        connection.execute(
            """
            insert into mail (address, uidl, message_id, folder, from_address, author, subject, sent_at, size, sha256, state,
                participants, addresses, identity)
            select %s::text, n::text, '<' || n || '@example.org>', 'Inbox', who, who, 'message ' || n, now(), 0, sha256(''),
                'stored', jsonb_build_array(
                    jsonb_build_object('field', 'from', 'name', 'Somebody', 'address', who, 'normal', who),
                    jsonb_build_object('field', 'to', 'name', '', 'address', %s::text, 'normal', %s::text)
                ), array[who, %s::text], sha256(n::text::bytea)
            from (select n, 's' || n %% %s || '@example.org' as who from generate_series(1, %s::integer) n) mail
            """,
            [USER, USER, USER, USER, writers, messages],
        )
        connection.execute("vacuum analyze")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stored", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder, database(Path(folder)) as url:
        fill_directory(url, given.records, correspondents=PEOPLE)
        if given.messages:
            retrieval(url, given.messages, given.records, given.rounds)
        if given.stored:
            afterwards(url, given.stored, min(PEOPLE, given.records))


if __name__ == "__main__":
    main()

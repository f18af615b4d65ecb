"""What linking costs: retrieval with a directory of 100,000 addresses beside retrieval without a CRM, and linking afterwards.

python -m bench.linking [--messages 5000] [--records 100000] [--stored 100000] [--rounds 3] prints the ratio of the two rates
(each the median of its rounds, in turns), and how long it takes to link mail that was stored before its CRM was added.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

import psycopg

from activities.back_linking import BackLinking
from bench.directory import fill_directory
from bench.mailboxes import USER, fill
from bench.mailroom import Job, retrieve
from bench.services import database
from infra.database import OPTIONS, open_pool
from tests.servers.dovecot import Dovecot


def rate(port: int, messages: int, records: int, crm: tuple[str, ...]) -> float:
    """Messages a second, into a new database with that directory."""
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder, database(Path(folder)) as url:
        fill_directory(url, records)
        took = retrieve(Job(url, port, [USER], crm=crm))
        with psycopg.connect(url, options=f"-c search_path={OPTIONS['search_path']}") as connection:
            row = connection.execute("select count(*) from links").fetchone()
    assert row is not None
    if took.messages != messages or (row[0] > 0) is not bool(crm):
        raise SystemExit(f"linking: {took.messages} of {messages} messages came, with {row[0]} links")
    return took.messages / took.seconds


async def back_linked(url: str) -> tuple[int, float]:
    """Links, and the seconds that it took to make them."""
    async with await open_pool(url) as pool:
        linking = BackLinking(pool)
        began, links = time.perf_counter(), 0
        while (changed := await linking.page("builtin")) is not None:
            links += changed.linked
        return links, time.perf_counter() - began


def store(url: str, messages: int) -> None:
    """Mail of one account as it lies in the database, without its bytes, and the CRM that was just added to the account."""
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={OPTIONS['search_path']}") as connection:
        connection.execute(
            """
            insert into accounts_recorded (address, organisation, owner, host, crm, state, authentication_failures,
                connection_failures, workflow_id, run_id)
            values (%s, 'default', %s, 'pop.example.com', '{builtin}', 'active', 0, 0, '', '')
            """,
            [USER, USER],
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
            from (select n, 's' || n %% 500 || '@example.org' as who from generate_series(1, %s::integer) n) mail
            """,
            [USER, USER, USER, USER, messages],
        )
        connection.execute("insert into relinking (crm, account, cause) values ('builtin', %s, 'benchmark')", [USER])
        connection.execute("vacuum analyze")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.messages:
        with Dovecot() as server:
            fill(server, USER, given.messages)
            turns = [
                (
                    rate(server.port, given.messages, given.records, ()),
                    rate(server.port, given.messages, given.records, ("builtin",)),
                )
                for _ in range(given.rounds)
            ]
        without, linked = (median(rates) for rates in zip(*turns, strict=True))
        print(
            f"linking, {given.messages} messages, {given.records} addresses: {linked:.0f} messages/s, "
            f"{linked / without:.2f} of the {without:.0f} without a CRM",
            flush=True,
        )
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder, database(Path(folder)) as url:
        fill_directory(url, given.records)
        store(url, given.stored)
        links, seconds = asyncio.run(back_linked(url))
    if links != given.stored:
        raise SystemExit(f"linking: {links} links for {given.stored} messages")
    print(
        f"linking, {given.stored} messages stored before: {seconds:.0f} s, {given.stored / seconds:.0f} messages/s",
        flush=True,
    )


if __name__ == "__main__":
    main()

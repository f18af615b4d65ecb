"""Memory of one worker that watches many mailboxes whose servers list hundreds of thousands of messages, at once.

`python -m bench.hostile_lists [--mailboxes 100] [--listed 700000] [--seconds 60] [--shape all]`: a server of its own process
answers UIDL and LIST at full length, and whatever is asked for then not at all; a process with the worker's activities watches
all mailboxes for as long as asked, as Temporal would have it do: whoever is told to come again does. Beside them one small
mailbox is watched all the time. Prints the peak memory, how the looks of each shape ended, and the small one's answers.

The shapes, each mailbox of another unless one is named: `usual` has UIDLs of 36 characters, `lf` ends its lines in a bare LF,
`short` has the shortest UIDLs that tell so many messages apart and `one` those of one character, which are most entries per
byte, `capa` answers CAPA with 20 MiB, and `header` shows a header of 1 MiB for each TOP, which those mailboxes' start asks for.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from temporalio.exceptions import ApplicationError

from bench.mailroom import ROOT, peak_memory
from infra.database.pool import open_pool
from infra.dev.children import Ports
from infra.dev.embedded_postgres import EmbeddedPostgres
from tests.support.mailboxes import BusyWatcher, account, local_worker

SERVER = """
import asyncio, sys
listed = int(sys.argv[1])

def short(number):
    uidl = b""
    while number:
        number, digit = divmod(number, 90)
        uidl += bytes([33 + digit])
    return uidl

def lines(what, name=lambda number: number):
    return b"+OK\\r\\n" + b"".join(what % (number, name(number)) for number in range(1, listed + 1)) + b".\\r\\n"

USUAL = {b"UIDL": lines(b"%d uid-%032d\\r\\n"), b"LIST": lines(b"%d %d\\r\\n"), b"STAT": b"+OK %d 1000000\\r\\n" % listed}
USUAL |= {b"CAPA": b"-ERR\\r\\n"}
SHAPES = {
    b"usual": USUAL,
    b"lf": {command: answer.replace(b"\\r\\n", b"\\n") for command, answer in USUAL.items()},
    b"short": {**USUAL, b"UIDL": lines(b"%d %s\\r\\n", short)},
    b"one": {**USUAL, b"UIDL": lines(b"%d %c\\r\\n", lambda number: 33 + number % 90)},
    b"capa": {**USUAL, b"CAPA": b"+OK\\r\\n" + b"UIDL\\r\\nTOP\\r\\n" * (2 << 20) + b".\\r\\n"},
    b"header": {**USUAL, b"TOP": b"+OK\\r\\n" + b"X-Filler: %s\\r\\n" % (b"x" * 60) * (13 << 10) + b"\\r\\n.\\r\\n"},
}
ONE = {b"UIDL": b"+OK\\r\\n1 one\\r\\n.\\r\\n", b"LIST": b"+OK\\r\\n1 40\\r\\n.\\r\\n", b"STAT": b"+OK 1 40\\r\\n"}
ONE[b"CAPA"] = b"-ERR\\r\\n"
ONE[b"RETR"] = b"+OK\\r\\nFrom: anna@example.org\\r\\n\\r\\nHello\\r\\n.\\r\\n"

async def serve(reader, writer):
    # CAPA is asked before there is a name.
    answers = SHAPES[b"capa"] if writer.get_extra_info("sockname")[0] == "127.0.0.2" else {b"CAPA": b"-ERR\\r\\n"}
    try:
        writer.write(b"+OK\\r\\n")
        while line := await reader.readline():
            command = line.split()[0].upper()
            if command == b"USER":
                answers = SHAPES.get(line.split()[1].partition(b"-")[0], ONE)
            writer.write(answers.get(command, b"+OK\\r\\n"))
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as first:
        port = first.sockets[0].getsockname()[1]
        async with await asyncio.start_server(serve, "127.0.0.2", port) as second:
            print(port, flush=True)
            await asyncio.gather(first.serve_forever(), second.serve_forever())

asyncio.run(main())
"""


SHAPES = ["usual", "lf", "short", "one", "capa", "header"]


async def watch(given: argparse.Namespace, url: str, port: int) -> None:
    pool = await open_pool(url, most=20)
    watcher = BusyWatcher(pool, local_worker(max_sessions_per_host=given.mailboxes + 1, minute_seconds=0.2))
    until, took = time.monotonic() + given.seconds, list[float]()
    shapes = SHAPES if given.shape == "all" else [given.shape]
    ends: dict[str, Counter[str]] = {shape: Counter() for shape in shapes}

    async def hostile(number: int) -> None:
        shape = shapes[number % len(shapes)]
        settings = account(
            port,
            address=f"{shape}-{number}@example.com",
            host="127.0.0.2" if shape == "capa" else "127.0.0.1",
            start="recent" if shape == "header" else "all",
        )
        await watcher.record(settings)
        while time.monotonic() < until:
            pause = 0.2
            try:
                await asyncio.wait_for(watcher.watch(settings), max(until - time.monotonic(), 0.01))
            except ApplicationError as ended:
                if ended.next_retry_delay is not None:
                    pause = ended.next_retry_delay.total_seconds()
                ends[shape][ended.type or ""] += 1
            except Exception as error:  # its messages are none: whatever comes of them, it looks again
                ends[shape][type(error).__name__] += 1
            await asyncio.sleep(min(pause, max(until - time.monotonic(), 0)))

    async def small() -> None:
        settings = account(port, address="small@example.com")
        await watcher.record(settings)
        while time.monotonic() < until:
            began = time.monotonic()
            await watcher.attempt(settings)
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.2)

    before = peak_memory()
    await asyncio.gather(small(), *(hostile(number) for number in range(given.mailboxes)))
    print(
        f"{given.mailboxes} mailboxes of {given.listed:,} messages at once ({given.shape}): peak {peak_memory() >> 20} MiB, "
        f"before {before >> 20} MiB"
    )
    for shape, counted in ends.items():
        print(f"how looks ended ({shape}): {dict(counted)}")
    median, longest = statistics.median(took), max(took)
    print(f"a small one beside them: {len(took)} looks, median {median:.1f} s, longest {longest:.1f} s")
    await pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mailboxes", type=int, default=100)
    parser.add_argument("--listed", type=int, default=700_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--shape", choices=["all", *SHAPES], default="all")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-c", SERVER, str(given.listed)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as server,
    ):
        state = Path(folder)
        postgres = EmbeddedPostgres(state, Ports(state), durable=False)
        try:
            postgres.start()
            assert server.stdout is not None
            asyncio.run(watch(given, postgres.url, int(server.stdout.readline())))
        finally:
            server.terminate()
            postgres.stop()


if __name__ == "__main__":
    main()

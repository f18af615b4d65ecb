"""Memory of one worker that watches many mailboxes whose servers list hundreds of thousands of messages, at once.

`python -m bench.hostile_lists [--mailboxes 100] [--listed 380000] [--seconds 60]`: a server of its own process answers UIDL and
LIST at full length; a process with the worker's activities watches all mailboxes for as long as asked, as Temporal would have it
do: whoever is told to come again does. Beside them one small mailbox is watched all the time. Prints the peak memory and the
small one's answers.
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

def lines(what):
    return b"+OK\\r\\n" + b"".join(what % (number, number) for number in range(1, listed + 1)) + b".\\r\\n"

ANSWERS = {b"UIDL": lines(b"%d uid-%032d\\r\\n"), b"LIST": lines(b"%d %d\\r\\n"), b"STAT": b"+OK %d 1000000\\r\\n" % listed}
ONE = {b"UIDL": b"+OK\\r\\n1 one\\r\\n.\\r\\n", b"LIST": b"+OK\\r\\n1 40\\r\\n.\\r\\n", b"STAT": b"+OK 1 40\\r\\n"}
ONE[b"RETR"] = b"+OK\\r\\nFrom: anna@example.org\\r\\n\\r\\nHello\\r\\n.\\r\\n"

async def serve(reader, writer):
    answers = ANSWERS
    try:
        writer.write(b"+OK\\r\\n")
        while line := await reader.readline():
            command = line.split()[0].upper()
            if command == b"USER" and line.split()[1].startswith(b"small"):
                answers = ONE
            writer.write(answers.get(command, b"+OK\\r\\n") if command != b"CAPA" else b"-ERR\\r\\n")
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


async def watch(given: argparse.Namespace, url: str, port: int) -> None:
    pool = await open_pool(url, most=20)
    watcher = BusyWatcher(pool, local_worker(max_sessions_per_host=given.mailboxes + 1, minute_seconds=0.2))
    until, took, ends = time.monotonic() + given.seconds, list[float](), Counter[str]()

    async def hostile(number: int) -> None:
        settings = account(port, address=f"large{number}@example.com")
        await watcher.record(settings)
        while time.monotonic() < until:
            pause = 0.2
            try:
                await asyncio.wait_for(watcher.watch(settings), max(until - time.monotonic(), 0.01))
            except ApplicationError as ended:
                if ended.next_retry_delay is not None:
                    pause = ended.next_retry_delay.total_seconds()
                ends[ended.type or ""] += 1
            except Exception as error:  # its messages are none: whatever comes of them, it looks again
                ends[type(error).__name__] += 1
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
        f"{given.mailboxes} mailboxes of {given.listed:,} messages at once: peak {peak_memory() >> 20} MiB, "
        f"before {before >> 20} MiB"
    )
    print(f"how their looks ended: {dict(ends)}")
    median, longest = statistics.median(took), max(took)
    print(f"a small one beside them: {len(took)} looks, median {median:.1f} s, longest {longest:.1f} s")
    await pool.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mailboxes", type=int, default=100)
    parser.add_argument("--listed", type=int, default=700_000)
    parser.add_argument("--seconds", type=float, default=60.0)
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

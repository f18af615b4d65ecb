"""A mailbox of 5 GB, session after session, in a worker of its own: how long it takes, and how much memory.

python -m bench.huge [--messages 300000] prints the time, the rate and the worker's peak memory. One of the messages has
90 MB. It needs about 20 GB of disk while it runs, where temporary files are.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from bench.mailboxes import USER, fill
from bench.mailroom import Job, retrieve
from bench.services import Effort, database, shares
from tests.servers.dovecot import Dovecot

LARGEST = 90_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300_000)
    parser.add_argument("--largest", type=int, default=LARGEST, help="bytes of the largest message")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder,
        database(Path(folder)) as url,
        Dovecot() as server,
    ):
        began = time.perf_counter()
        size = fill(server, USER, given.messages, largest=given.largest)
        print(f"huge: {size / 1e9:.2f} GB written in {time.perf_counter() - began:.0f} s", flush=True)
        effort = Effort()
        took = retrieve(Job(url, server.port, [USER], look_again=True), patience=3600)
        spent = effort.spent() | {"worker": took.cpu}
    if took.messages != given.messages:
        raise SystemExit(f"huge: {took.messages} of {given.messages} came")
    print(
        f"huge: {took.messages} messages, {size / 1e9:.2f} GB in {took.seconds / 60:.1f} minutes and "
        f"{took.sessions} sessions, {took.messages / took.seconds:.0f} messages/s, {size / took.seconds / 1e6:.0f} MB/s"
    )
    print(f"huge: the look that finds nothing new among them takes {took.look:.1f} s")
    print(f"huge: the worker's memory was {took.peak_memory / 2**20:.0f} MiB at its peak")
    print(f"huge: {shares(spent, took.messages)}")


if __name__ == "__main__":
    main()

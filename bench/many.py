"""How fast many mailboxes are retrieved together from a distant server, and which part is then the limit.

python -m bench.many [--accounts 20] [--messages 250] prints the rate, each part's share of the CPU, and what sets the limit.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from bench.mailboxes import FAR, far_away, fill
from bench.mailroom import Job, retrieve
from bench.services import Effort, database, shares
from tests.servers.dovecot import Dovecot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--messages", type=int, default=250, help="in each")
    given = parser.parse_args()
    users = [f"user{number}@example.com" for number in range(given.accounts)]
    where = f"many, {given.accounts} accounts of {given.messages} messages at {FAR}"
    with (
        tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder,
        database(Path(folder)) as url,
        Dovecot() as server,
        far_away(server.port) as port,
    ):
        for user in users:
            fill(server, user, given.messages)
        effort = Effort()
        took = retrieve(Job(url, port, users))
        spent = effort.spent() | {"worker": took.cpu}
    wanted = given.accounts * given.messages
    if took.messages != wanted:
        raise SystemExit(f"{where}: {took.messages} of {wanted} came")
    cores = os.cpu_count() or 1
    print(f"{where}: {took.messages / took.seconds:.0f} messages/s together")
    print(f"{where}: {shares(spent, took.messages)}")
    print(
        f"{where}: the worker took {100 * took.cpu / took.seconds:.0f} % of a core, all together "
        f"{100 * sum(spent.values()) / took.seconds:.0f} % of {cores} cores, which by that give no more than "
        f"{cores * took.messages / sum(spent.values()):.0f} messages/s"
    )


if __name__ == "__main__":
    main()

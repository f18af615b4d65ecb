"""How fast one mailbox is retrieved: Mailroom, with all it does to a message, beside clients that only write files.

python -m bench.retrieve [--messages 5000] [--far-messages 1000] prints one line per client and distance. Mailroom parses,
hashes, stores, indexes, links and audits into a PostgreSQL that syncs to disk. The others take part where they are
installed (Debian's packages fetchmail, mpop and getmail6); the server is Dovecot (dovecot-pop3d). With --rounds everybody
has several turns, one after the other, and the median counts.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from bench.mailboxes import FAR, USER, far_away, fill
from bench.mailroom import Job, retrieve
from bench.peers import PEERS, Retrieved
from bench.services import Effort, database, shares
from tests.servers.dovecot import Dovecot

MAILROOM = "mailroom"


def mailroom(where: str, port: int, folder: Path) -> Retrieved:
    with database(folder) as url:
        effort = Effort()
        took = retrieve(Job(url, port, [USER]))
        print(f"retrieve, {where}: {shares(effort.spent() | {'worker': took.cpu}, took.messages)}", flush=True)
    return Retrieved(took.messages, took.seconds)


def turn(client: str, where: str, port: int, messages: int) -> Retrieved:
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as name:
        came = PEERS[client](port, Path(name)) if client in PEERS else mailroom(where, port, Path(name))
    if client == MAILROOM and came.messages != messages:
        raise SystemExit(f"retrieve, {where}: Mailroom stored {came.messages} of {messages}")
    return came


def measure(where: str, port: int, messages: int, *, clients: Iterable[str], rounds: int) -> None:
    there = [client for client in clients if client == MAILROOM or shutil.which(client)]
    for absent in set(clients) - set(there):
        print(f"retrieve, {where}: {absent} is not installed")
    turns = [{client: turn(client, where, port, messages) for client in there} for _ in range(rounds)]
    for client in there:
        rate = median(one[client].messages / one[client].seconds for one in turns)
        line = f"retrieve, {where}: {client} {rate:.0f} messages/s"
        if client != MAILROOM and MAILROOM in there:
            ratios = [_rate(one[MAILROOM]) / max(_rate(one[client]), 0.001) for one in turns]
            line += f", Mailroom {median(ratios):.2f} times that"
        for one in turns:
            if one[client].messages < messages:
                line += (
                    f"; it left off after {one[client].messages} of {messages} ({one[client].complaint or 'exit 0'})"
                )
        print(line, flush=True)


def _rate(came: Retrieved) -> float:
    return came.messages / came.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--far-messages", type=int, default=1000, help="fewer, because some clients wait for each one")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--clients", nargs="+", default=[MAILROOM, *PEERS], choices=[MAILROOM, *PEERS])
    given = parser.parse_args()
    everybody = {"clients": given.clients, "rounds": given.rounds}
    if given.messages:
        with Dovecot() as server:
            fill(server, USER, given.messages)
            measure("loopback", server.port, given.messages, **everybody)
    if given.far_messages:
        with Dovecot() as server, far_away(server.port) as port:
            fill(server, USER, given.far_messages)
            measure(FAR, port, given.far_messages, **everybody)


if __name__ == "__main__":
    main()

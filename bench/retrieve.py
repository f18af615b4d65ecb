"""How fast one mailbox is retrieved: Mailroom, with all it does to a message, beside clients that only write files.

python -m bench.retrieve [--messages 5000] [--far-messages 1000] prints one line per client and distance. Mailroom parses,
hashes, stores, indexes, links and audits into a PostgreSQL that syncs to disk. fetchmail and mpop take part where they are
installed (Debian packages of those names); the server is Dovecot (dovecot-pop3d).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from temporalio.testing import ActivityEnvironment

from activities.pop.session import Sessions
from activities.retrieve import Retrieval
from domain.settings import AccountSettings, parse
from infra.children import Ports
from infra.database import migrate, open_pool
from infra.embedded_postgres import EmbeddedPostgres
from infra.secrets import Secrets
from infra.settings import WorkerSettings
from infra.telemetry import SessionMetrics
from tests.servers.dovecot import Dovecot
from workflows.contract import WatchRequest

USER, PASSWORD, SECRET = "jane@example.com", "benchmark", "MAILROOM_SECRET_BENCH"
AVERAGE_BYTES = 17_000
ROUND_TRIP_MS = 50


def fill(server: Dovecot, messages: int) -> None:
    """The same mail in every run, of sizes between 2 and 32 kB."""
    chance = random.Random(1)
    text = "".join(chance.choice("abcdefghijklmno    \n") for _ in range(2 * AVERAGE_BYTES))
    server.add_user(USER, PASSWORD)
    for number in range(messages):
        head = (
            f"From: Somebody <s{number % 500}@example.org>\nTo: {USER}\nSubject: message {number}\n"
            f"Date: Mon, 01 Jun 2026 10:00:00 +0000\nMessage-ID: <{number}@example.org>\n\n"
        )
        body = text[: chance.randrange(2_000, 2 * AVERAGE_BYTES - 2_000)]
        server.deliver(USER, (head + body + "\n").replace("\n", "\r\n").encode())


@contextlib.contextmanager
def far_away(port: int) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.delaying_proxy", str(port), str(ROUND_TRIP_MS / 2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout
        try:
            yield int(proxy.stdout.readline())
        finally:
            proxy.terminate()


async def mailroom(port: int, messages: int, folder: Path) -> float:
    database = EmbeddedPostgres(folder, Ports(folder))
    database.start()
    try:
        await migrate(database.url)
        pool = await open_pool(database.url)
        worker = replace(WorkerSettings(database_url=database.url), allow_hosts=("127.0.0.1",))
        sessions = Sessions(Secrets(pool, worker, environ={SECRET: PASSWORD}), worker)
        retrieval = Retrieval(pool, sessions, worker, SessionMetrics(), "bench")
        settings = parse(
            AccountSettings,
            {
                "address": USER,
                "incoming": {"host": "127.0.0.1", "port": port, "tls": "none", "secret": f"env:{SECRET}"},
                "crm": ["builtin"],
            },
            what="bench",
        )
        request = WatchRequest(
            settings=settings,
            settings_version=1,
            credential_version=1,
            total_stored=0,
            recovering=False,
            report=False,
            not_before=None,
            needed_bytes=0,
        )
        began = time.perf_counter()
        report = await ActivityEnvironment().run(retrieval.watch, request)
        seconds = time.perf_counter() - began
        assert report.stored == messages, f"{report.stored} of {messages} came"
        await pool.close()
        return seconds
    finally:
        database.stop()


def fetchmail(port: int, messages: int, folder: Path) -> float:
    rc = folder / "fetchmailrc"
    rc.write_text(
        f'poll 127.0.0.1 protocol POP3 port {port} user "{USER}" password "{PASSWORD}" keep fetchall no sslcertck sslproto ""\n'
    )
    rc.chmod(0o600)
    out = folder / "mail"
    command = ["fetchmail", "-f", str(rc), "--bsmtp", str(out), "--silent", "--pidfile", str(folder / "pid")]
    seconds = timed(command, {"FETCHMAILHOME": str(folder), "HOME": str(folder), "PATH": "/usr/bin:/bin"})
    came = out.read_bytes().count(b"\nSubject: message ")
    assert came == messages, f"{came} of {messages} came"
    return seconds


def mpop(port: int, messages: int, folder: Path) -> float:
    box = folder / "maildir"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    rc = folder / "mpoprc"
    rc.write_text(
        f"account default\nhost 127.0.0.1\nport {port}\nuser {USER}\npassword {PASSWORD}\nauth user\ntls off\nkeep on\n"
        f"delivery maildir {box}\nuidls_file {folder / 'uidls'}\n"
    )
    rc.chmod(0o600)
    seconds = timed(["mpop", "-C", str(rc), "-q"], {"HOME": str(folder), "PATH": "/usr/bin:/bin"})
    came = len(list((box / "new").iterdir()))
    assert came == messages, f"{came} of {messages} came"
    return seconds


def timed(command: list[str], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, check=True, timeout=1800, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def measure(where: str, port: int, messages: int) -> None:
    rates: dict[str, float] = {}
    for client in ("mailroom", "fetchmail", "mpop"):
        if client != "mailroom" and shutil.which(client) is None:
            print(f"retrieve, {where}: {client} is not installed")
            continue
        with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as name:
            folder = Path(name)
            if client == "mailroom":
                seconds = asyncio.run(mailroom(port, messages, folder))
            else:
                seconds = {"fetchmail": fetchmail, "mpop": mpop}[client](port, messages, folder)
        rates[client] = messages / seconds
        ratio = f", Mailroom {rates['mailroom'] / rates[client]:.2f} times that" if client != "mailroom" else ""
        print(f"retrieve, {where}: {client} {rates[client]:.0f} messages/s{ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--far-messages", type=int, default=1000, help="fewer, because some clients wait for each one")
    given = parser.parse_args()
    with Dovecot() as server:
        fill(server, given.messages)
        measure("loopback", server.port, given.messages)
    with Dovecot() as server, far_away(server.port) as port:
        fill(server, given.far_messages)
        measure(f"{ROUND_TRIP_MS} ms round trip", port, given.far_messages)


if __name__ == "__main__":
    main()

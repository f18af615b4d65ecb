"""What accounts cost that have nothing new: a worker, real workflows on the embedded Temporal server, short minutes.

python -m bench.idle [--accounts 50] [--seconds 60] prints the polls, the history events that they added (there should be
none) and the CPU that a poll takes. Each mailbox has 20 messages, stored before the clock starts. A poll is a login that
Dovecot counts: TCP, CAPA, USER, PASS, STAT, UIDL, LIST, the ledger and QUIT.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
from temporalio.client import Client

from bench.mailboxes import PASSWORD, fill
from bench.mailroom import secret
from bench.services import Effort, database
from infra.dev.children import Ports
from infra.dev.embedded_temporal import EmbeddedTemporal
from infra.dev.temporal.provision import temporal_binary
from infra.temporal.client import connect
from tests.end_to_end.operating import Operator, WorkerProcess, clean_environment
from tests.servers.dovecot import Dovecot
from tests.support.running import until
from workflows import contract

MESSAGES = 20
MINUTE_SECONDS = 4.0
PATIENCE = 300.0


async def measure(given: argparse.Namespace, folder: Path, url: str, temporal: str, server: Dovecot) -> None:
    users = [f"user{number}@example.com" for number in range(given.accounts)]
    environment = clean_environment(
        DATABASE_URL=url,
        TEMPORAL_ADDRESS=temporal,
        TEMPORAL_NAMESPACE="default",
        MAILROOM_ALLOW_HOSTS="127.0.0.1",
        MAILROOM_MINUTE_SECONDS=str(MINUTE_SECONDS),
        MAILROOM_MAX_SESSIONS_PER_HOST=str(given.accounts),
        **{secret(user): PASSWORD for user in users},
    )
    operator = Operator(folder, environment)
    try:
        worker = await operator.worker()
        client = await connect(environ={}, target_host=temporal, namespace="default")
        for user in users:
            await start(client, user, server)
        await until(lambda: watched(url, server, users), "every account to wait for mail", patience=PATIENCE)
        await watch_idleness(given, client, worker, server, users)
    finally:
        await operator.aclose()


async def start(client: Client, user: str, server: Dovecot) -> None:
    incoming = {"host": server.host, "port": server.port, "tls": "none", "secret": f"env:{secret(user)}"}
    settings = {"address": user, "incoming": incoming, "retrieval": {"interval_minutes": 1}}
    identity = contract.account_workflow_id(user)
    await client.start_workflow(contract.MAIL_ACCOUNT, settings, id=identity, task_queue=contract.WORKFLOW_QUEUE)


async def watched(url: str, server: Dovecot, users: list[str]) -> bool:
    """Whether all mail is stored and every account has looked once more since, and found nothing."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute("select count(*) from mailroom.messages")).fetchone()
    # Set-up, the session that stored, and one that found nothing.
    return row == (MESSAGES * len(users),) and min(server.logins(user) for user in users) >= 3


async def events(client: Client, users: list[str]) -> int:
    described = [await client.get_workflow_handle(contract.account_workflow_id(user)).describe() for user in users]
    return sum(one.history_length for one in described)


async def watch_idleness(
    given: argparse.Namespace, client: Client, worker: WorkerProcess, server: Dovecot, users: list[str]
) -> None:
    process = psutil.Process(worker.pid)
    events_before, polls_before = await events(client, users), sum(server.logins(user) for user in users)
    effort, cpu_before, began = Effort(), process.cpu_times(), time.perf_counter()
    await asyncio.sleep(given.seconds)
    seconds, cpu_after, spent = time.perf_counter() - began, process.cpu_times(), effort.spent()
    polls = sum(server.logins(user) for user in users) - polls_before
    new = await events(client, users) - events_before
    cpu = cpu_after.user + cpu_after.system - cpu_before.user - cpu_before.system
    print(f"idle, {given.accounts} accounts: {polls} empty polls in {seconds:.0f} s, {polls / seconds:.1f} a second")
    print(f"idle, {given.accounts} accounts: {new / polls:g} history events per empty poll")
    print(
        f"idle, {given.accounts} accounts: {1000 * cpu / polls:.1f} ms of the worker's CPU per poll, so 10,000 accounts "
        f"polled every 5 minutes take {100 * cpu / polls * 10_000 / 300:.0f} % of a core"
    )
    others = ", ".join(
        f"{name} {1000 * taken / polls:.1f} ms" for name, taken in sorted(spent.items()) if name != "proxy"
    )
    print(f"idle, {given.accounts} accounts: besides the worker, per poll: {others}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as name, database(Path(name)) as url:
        folder = Path(name)
        temporal = EmbeddedTemporal(folder, Ports(folder), durable=False, environ=clean_environment())
        temporal.start(temporal_binary())
        try:
            with Dovecot() as server:
                for number in range(given.accounts):
                    fill(server, f"user{number}@example.com", MESSAGES)
                asyncio.run(measure(given, folder, url, temporal.address, server))
        finally:
            temporal.stop()


if __name__ == "__main__":
    main()

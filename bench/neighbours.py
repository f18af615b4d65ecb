"""What wrong passwords cost the other accounts at the same host, with Dovecot's own penalty for them.

python -m bench.neighbours [--wrong 12] [--seconds 60] prints, for six healthy accounts that look for mail every two seconds,
how long a look takes, waiting for its turn included: alone, beside accounts whose password is wrong, and beside them without
the measures of docs/decisions/17. Each of those is tried every five seconds, and an operator gives one of them a new wrong
password as often: far more than Mailroom's waits allow, so that a minute shows it. Four sessions with the host may be open.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from temporalio.exceptions import ApplicationError

from activities.pop.connection import Timeouts
from domain.mailbox.settings import AccountSettings
from infra.database.pool import Pool, open_pool
from infra.dev.children import Ports
from infra.dev.embedded_postgres import EmbeddedPostgres
from tests.servers.dovecot import PENALTY, Dovecot
from tests.support.mailboxes import BusyWatcher, Watcher, account, local_worker, mail

HEALTHY = 6
LOOK_EVERY, TRY_EVERY = 2.0, 5.0
SECRET = "env:MAILROOM_SECRET_{}"


def settings(server: Dovecot, name: str, secret: str) -> AccountSettings:
    return account(server.port, address=f"{name}@example.com", secret=SECRET.format(secret))


async def once_it_may(attempt: Callable[[], Awaitable[object]]) -> ApplicationError | None:
    """Holds a session once its turn has come, as Temporal does; what it ended in, None for a report."""
    while True:
        try:
            await attempt()
            return None
        except ApplicationError as ended:
            if ended.type != "Waiting" or ended.next_retry_delay is None:
                return ended
            await asyncio.sleep(ended.next_retry_delay.total_seconds())


async def healthy(server: Dovecot, watcher: Watcher, number: int, until: float, took: list[float]) -> None:
    own = settings(server, f"healthy{number}", f"GOOD_{number}")
    await asyncio.sleep(LOOK_EVERY * number / HEALTHY)
    while time.monotonic() < until:
        server.deliver(own.address, mail(number))
        began = time.monotonic()
        ended = await once_it_may(lambda: watcher.watch(own))
        assert ended is None, ended
        took.append(time.monotonic() - began)
        await asyncio.sleep(LOOK_EVERY)


async def wrong(server: Dovecot, watcher: Watcher, number: int, among: int, until: float, tries: list[float]) -> None:
    own = settings(server, f"wrong{number}", "BAD_0")
    await asyncio.sleep(TRY_EVERY * number / among)
    while time.monotonic() < until:
        await once_it_may(lambda: watcher.watch(own, recovering=True))
        tries.append(time.monotonic())
        await asyncio.sleep(TRY_EVERY)


async def operator(server: Dovecot, watcher: Watcher, until: float, tries: list[float]) -> None:
    guess = 0
    while time.monotonic() < until:
        guess += 1
        own = settings(server, "wrong0", f"BAD_{guess}")
        await once_it_may(lambda: watcher.try_login(own))  # noqa: B023 -- it is called before the next round
        tries.append(time.monotonic())
        await asyncio.sleep(TRY_EVERY)


async def measure(title: str, pool: Pool, seconds: float, *, beside: int, measures: bool) -> None:
    environ = {f"MAILROOM_SECRET_GOOD_{n}": "good" for n in range(HEALTHY)} | {
        f"MAILROOM_SECRET_BAD_{n}": f"wrong-{n}" for n in range(1000)
    }
    worker = local_worker(minute_seconds=60.0, max_sessions_per_host=4)
    watcher = BusyWatcher(pool, worker, environ=environ, timeouts=Timeouts())
    with Dovecot(more=PENALTY) as server:
        for number in range(HEALTHY):
            server.add_user(f"healthy{number}@example.com", "good")
        for number in range(beside):
            server.add_user(f"wrong{number}@example.com", "right")
        async with pool.connection() as connection:
            await connection.execute("truncate accounts_recorded, login_refusals, session_queue, mailboxes, pop_ledger")
            for number in range(beside):  # each has been refused before, as all but the first of its tries are
                await connection.execute(
                    "insert into login_refusals values (%s, '127.0.0.1', now() - interval '1 hour')",
                    [f"wrong{number}@example.com"],
                )
        if measures:  # they are for the sake of neighbours: with none on record there are none
            for number in range(HEALTHY):
                await watcher.record(settings(server, f"healthy{number}", f"GOOD_{number}"))
        until = time.monotonic() + seconds
        took, tries = list[float](), list[float]()
        others = [asyncio.create_task(wrong(server, watcher, n, beside, until, tries)) for n in range(beside)]
        if beside:
            others.append(asyncio.create_task(operator(server, watcher, until, tries)))
        await asyncio.gather(*(healthy(server, watcher, number, until, took) for number in range(HEALTHY)))
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    took.sort()
    print(
        f"neighbours, {title}: {len(took)} looks, median {statistics.median(took):.2f} s, mean {statistics.mean(took):.2f} s, "
        f"95th percentile {took[int(len(took) * 0.95)]:.1f} s, longest {took[-1]:.1f} s; {len(tries)} wrong passwords tried",
        flush=True,
    )


async def run(wrong_ones: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as name:
        database = EmbeddedPostgres(Path(name), Ports(Path(name)))
        database.start()
        try:
            pool = await open_pool(database.url, most=20)
            await measure("alone", pool, seconds, beside=0, measures=True)
            await measure(f"beside {wrong_ones} with a wrong password", pool, seconds, beside=wrong_ones, measures=True)
            await measure("beside them, without measures", pool, seconds, beside=wrong_ones, measures=False)
            await pool.close()
        finally:
            database.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each of the three measurements")
    parser.add_argument("--wrong", type=int, default=12, help="accounts whose password is wrong")
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # of refused logins
    asyncio.run(run(given.wrong, given.seconds))


if __name__ == "__main__":
    main()

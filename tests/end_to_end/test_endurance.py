"""PostgreSQL is stopped and killed at random under many watching accounts: each is looked at again, and no error of its own has
anybody wait longer than some seconds.

`make endurance` has it as often as MAILROOM_ENDURANCE says; `make test` a tenth of that, under half of the accounts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.pauses import LONGEST
from infra.dev.children import Child
from tests.end_to_end.exactly_once import know_ann, mail
from tests.end_to_end.operating import Operator
from tests.end_to_end.outages import own_postgres
from tests.servers.dovecot import Dovecot
from tests.support.end_to_end_evidence import evidence
from tests.support.endurance import ENDURANCE, sized
from tests.support.running import a_new_address, until
from workflows import contract

TIMES = ENDURANCE or 20
ACCOUNTS = sized(40, 20)
SETTINGS = {"MAILROOM_MINUTE_SECONDS": "2", "MAILROOM_MAX_SESSIONS_PER_HOST": "20"}
SECRET = "MAILROOM_SECRET_"  # one for each account: a secret is for one login
WAYS = (signal.SIGKILL, signal.SIGKILL, signal.SIGQUIT, signal.SIGINT)  # the last is what stops it
PATIENCE = 600
CRMS = ("builtin", "second")
SAID = re.compile(r"([^\s\"]+): (\w+): (?:the database|the lease of|\w+, \d+ in a row).*?again in (\d+) s")


@dataclass
class Scheduled:
    """The pauses that Temporal has scheduled after errors, as far as somebody looked while they lasted."""

    client: Client
    workflows: list[str]
    seconds: list[tuple[float, str, str]] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    async def look(self, workflow: str) -> None:
        described = await self.client.get_workflow_handle(workflow).describe()
        for pending in described.raw_description.pending_activities:
            failure = pending.last_failure.application_failure_info.type or "a time-out"
            if pending.HasField("current_retry_interval") and failure not in (contract.NOTHING_NEW, contract.WAITING):
                seconds = pending.current_retry_interval.ToTimedelta().total_seconds()
                self.seconds.append(
                    (seconds, f"{workflow}: {pending.activity_type.name}", pending.last_failure.message)
                )
                self.failures[failure] += 1

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """A pause of more than some seconds is seen in any case: all are looked at again and again."""

        async def watch() -> None:
            while True:
                for workflow in self.workflows:
                    with contextlib.suppress(RPCError):  # a busy server: once more
                        await self.look(workflow)
                    await asyncio.sleep(0.02)  # a round takes a second or two

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        assert watching.cancelled(), watching.exception()


async def start_account(client: Client, address: str, port: int, secret: str) -> None:
    await client.start_workflow(
        contract.MAIL_ACCOUNT,
        {
            "address": address,
            "incoming": {"host": "127.0.0.1", "port": port, "tls": "none", "secret": secret},
            "retrieval": {"interval_minutes": 1},
            "crm": ["builtin", "second"],
        },
        id=contract.account_workflow_id(address),
        task_queue=contract.WORKFLOW_QUEUE,
    )


async def start_second_crm(operator: Operator) -> None:
    await operator.temporal(
        *("workflow", "start", "--type", "CrmConnection", "--task-queue", "mailroom"),
        *("--workflow-id", "crm/second", "--input", json.dumps({"name": "second"})),
    )

    async def there() -> bool:
        return (
            await operator.number("select count(*) from crms where name = any(%s) and state = 'active'", list(CRMS))
            == 2
        )

    await until(there, "two CRM connections", patience=PATIENCE)


async def now(operator: Operator) -> datetime:
    (row,) = await operator.rows("select clock_timestamp() as now")
    at: datetime = row["now"]
    return at


async def until_looked_at(operator: Operator, since: datetime) -> None:
    """Returns once each account was looked at and each CRM's lease was renewed after `since`, by the database's clock."""
    accounts = (
        "select address from accounts where state <> 'active' or last_checked_at is null or last_checked_at <= %s"
    )
    crms = """
        select name from crms where not exists (
            select from leases where address = 'crm/' || name and expires_at > %s + make_interval(secs => 15)
        )
    """
    waiting: list[str] = []

    async def all_were() -> bool:
        waiting[:] = [row["address"] for row in await operator.rows(accounts, since)]
        waiting.extend(row["name"] for row in await operator.rows(crms, since))
        return not waiting

    try:
        await until(all_were, "a look at each account and CRM", patience=PATIENCE, every=0.1)
    except AssertionError as error:
        raise AssertionError(f"{error}: not at {waiting}") from None


@pytest.mark.timeout(4 * 3600)
@pytest.mark.requirement("R19")
async def test_postgresql_is_stopped_and_killed_again_and_again_and_every_account_is_looked_at_again(
    operator: Operator, dovecot: Dovecot, temporal_client: Client, tmp_path: Path
) -> None:
    seed = int(os.environ.get("MAILROOM_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"seed {seed}")  # noqa: T201 -- pytest shows it where the test fails
    chance = random.Random(seed)
    delivered: Counter[str] = Counter()
    async with contextlib.AsyncExitStack() as running:
        postgres = await running.enter_async_context(own_postgres(tmp_path))
        operator.environment["DATABASE_URL"] = postgres.url
        running.push_async_callback(operator.aclose)
        operator.environment |= {f"{SECRET}{number}": "secret" for number in range(ACCOUNTS)}
        worker = await operator.worker(**SETTINGS)
        await know_ann(operator)
        await start_second_crm(operator)
        addresses = [a_new_address(f"user-{number}") for number in range(ACCOUNTS)]
        workflows = [*(f"crm/{name}" for name in CRMS), *map(contract.account_workflow_id, addresses)]
        logs = {"PostgreSQL": Child(tmp_path, "postgres").log.read_text}
        await running.enter_async_context(evidence(operator, logs, workflows))
        for number, address in enumerate(addresses):
            dovecot.add_user(address, "secret")
            await start_account(temporal_client, address, dovecot.port, f"env:{SECRET}{number}")
        await until_looked_at(operator, await now(operator))

        scheduled = Scheduled(temporal_client, workflows)
        async with scheduled.watched():
            for _ in range(TIMES):
                for address in chance.sample(addresses, 3):
                    delivered[address] += 1
                    dovecot.deliver(address, mail(delivered.total(), chance))
                await asyncio.sleep(chance.uniform(0, 4))
                postgres.send(chance.choice(WAYS))
                await postgres.stop()
                await asyncio.sleep(chance.choice([0, chance.uniform(0, 3)]))
                await postgres.start()
            loop = asyncio.get_running_loop()
            since, began = await now(operator), loop.time()
            await until_looked_at(operator, since)
            took = loop.time() - began

            async def all_stored() -> bool:
                return await operator.number("select count(*) from messages") >= delivered.total()

            await until(all_stored, f"{delivered.total()} messages", patience=PATIENCE, every=0.2)
        said = [(float(pause), f"{who}: {what}") for who, what, pause in SAID.findall(worker.said())]
        longest = max((seconds for seconds, *_ in scheduled.seconds), default=0.0)
        longest_said = max((seconds for seconds, _ in said), default=0.0)
        print(  # noqa: T201 -- `make endurance` shows it
            f"\n{TIMES} stops and kills of PostgreSQL, seed {seed}: the last look at {ACCOUNTS} accounts and {len(CRMS)} CRMs "
            f"came {took:.1f} s after it was back. Pauses after errors: {len(scheduled.seconds)} seen at Temporal "
            f"({dict(scheduled.failures)}), the longest of {longest:.1f} s; {len(said)} said, the longest of {longest_said:.0f} s"
        )
        assert said, "no attempt met an outage"
        assert scheduled.seconds, "no pause was seen"
        # Of a heartbeat that a starved Temporal server missed the pause is the retry policy's; one that we stop, we say.
        assert [one for one in scheduled.seconds if one[0] > LONGEST and not one[2].endswith("Heartbeat timeout")] == []
        assert "its heartbeats stop" not in worker.said()
        assert [one for one in said if one[0] > LONGEST] == []
        rows = await operator.rows("select address, state, authentication_failures, connection_failures from accounts")
        assert {tuple(row.values())[1:] for row in rows} == {("active", 0, 0)}, "an outage counts against nobody"
        stored = await operator.rows("select address, count(*) as messages from messages group by address")
        assert {row["address"]: row["messages"] for row in stored} == dict(delivered)
        assert worker.running

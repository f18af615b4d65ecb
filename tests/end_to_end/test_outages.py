"""What Mailroom stands on goes away in the middle of its work: in the end every message is there, exactly once.

Retrieval goes on by itself, and nothing but a broken line to the mail server is taken for a failure of the mailbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
from temporalio.client import Client

import activities.pop.session
from activities.pop.connection import Timeouts
from domain.account.lifecycle import State
from infra.database.pool import Pool
from infra.dev.children import Child, Ports
from infra.dev.embedded_temporal import EmbeddedTemporal
from infra.settings import WorkerSettings
from tests.end_to_end.exactly_once import (
    assert_deleted_exactly_once,
    assert_no_failures,
    assert_stored_exactly_once,
    know_ann,
    mail,
)
from tests.end_to_end.operating import Operator
from tests.end_to_end.outages import Load, own_postgres
from tests.servers.dovecot import Dovecot
from tests.servers.tapped_line import Break, TappedLine
from tests.support.endurance import sized
from tests.support.running import Mailroom, a_new_address, until
from tests.support.seeds import seeded
from tests.support.services import Services
from worker import start_builtin_crm
from workflows.entity.activities import HEARTBEAT_TIMEOUT

SETTINGS = {"MAILROOM_MINUTE_SECONDS": "0.3"}
WAL_SEGMENT = 16 * 1024 * 1024
# How it ends, and whether it is started again at once or only when the sessions have ended.
WAYS = [(ending, at_once) for ending in (signal.SIGKILL, signal.SIGINT) for at_once in (True, False)]
PORTION = sized(600, 250)  # messages beside each of the ways: more than a batch
PATIENCE = 300  # seconds: Temporal and the pool wait longer after each attempt that failed

needs_limits = pytest.mark.skipif(shutil.which("prlimit") is None, reason="no prlimit (package util-linux)")


async def until_retrieved(operator: Operator, load: Load, count: int) -> None:
    """Returns once that many messages are stored, deleted from the server, and known to be."""
    query = "select count(*) from ledger where address = %s and state = 'deleted'"

    async def retrieved() -> bool:
        return await operator.number(query, load.address) >= count and not load.dovecot.count(load.address)

    await until(retrieved, f"{count} messages of {load.address} to be retrieved", patience=PATIENCE, every=0.1)


async def assert_retrieved_exactly_once(operator: Operator, load: Load) -> None:
    await assert_stored_exactly_once(operator, load.address, load.delivered)
    await assert_deleted_exactly_once(operator, load.address, load.count)
    await assert_no_failures(operator, load.address)

    async def reported() -> bool:  # when its session ends, which is a moment after all is deleted
        return bool((await operator.status(load.address))["progress"]["stored"] == load.count)

    await until(reported, f"{load.count} messages in the status of {load.address}")


@pytest.mark.requirement("R19")
async def test_postgresql_is_killed_and_stopped_under_load(
    operator: Operator, dovecot: Dovecot, tmp_path: Path
) -> None:
    chance = seeded()
    ways = chance.sample(WAYS, len(WAYS))
    async with own_postgres(tmp_path) as postgres, TappedLine(dovecot.port) as line:
        operator.environment["DATABASE_URL"] = postgres.url
        worker = await operator.worker(**SETTINGS)
        await know_ann(operator)
        load = Load(dovecot, line, 4 * PORTION, chance)
        await load.start(operator)
        for ending, at_once in ways:
            # Only while it runs: what still comes over the line while it is away may not end it. And beside mail of its own:
            # until it is started again everything before that may be retrieved.
            ended = load.within(PORTION * 4 // 5, partial(postgres.send, ending))
            load.deliver(PORTION)
            async with asyncio.timeout(PATIENCE):
                await ended.wait()
            await postgres.stop()
            if not at_once:
                await line.until_idle()  # the session could not go on
            await postgres.start()
        await until_retrieved(operator, load, load.count)
        await assert_retrieved_exactly_once(operator, load)
        assert worker.running
        await operator.aclose()


@pytest.mark.requirement("R19")
async def test_temporal_is_killed_and_stopped_under_load(
    operator: Operator, dovecot: Dovecot, services: Services, tmp_path: Path
) -> None:
    chance = seeded()
    ways = chance.sample(WAYS, len(WAYS))
    portion = PORTION // 2
    temporal, process = EmbeddedTemporal(tmp_path, Ports(tmp_path), environ={}), Child(tmp_path, "temporal")
    binary = Path(services.temporal_binary)
    await asyncio.to_thread(temporal.start, binary)
    try:
        operator.environment.update(TEMPORAL_ADDRESS=temporal.address, TEMPORAL_NAMESPACE="default")
        worker = await operator.worker(**SETTINGS)
        await know_ann(operator)
        async with contextlib.AsyncExitStack() as lines:
            loads = [
                Load(dovecot, await lines.enter_async_context(TappedLine(dovecot.port)), portion * len(ways), chance)
                for _ in range(4)
            ]
            for load in loads:
                await load.start(operator)
            for number, (ending, at_once) in enumerate(ways):

                def end(ending: signal.Signals = ending) -> None:
                    running = process.running()
                    assert running is not None
                    running.send_signal(ending)

                ended = loads[number].within(portion, end)
                for load in loads:
                    load.deliver(portion)
                async with asyncio.timeout(PATIENCE):
                    await ended.wait()
                await asyncio.to_thread(temporal.stop)
                if not at_once:
                    await asyncio.gather(*(load.line.until_idle() for load in loads))
                    await asyncio.sleep(HEARTBEAT_TIMEOUT.total_seconds())  # now Temporal takes them for lost
                await asyncio.to_thread(temporal.start, binary)
                for load in loads:
                    await until_retrieved(operator, load, portion * (number + 1))
            for load in loads:
                await assert_retrieved_exactly_once(operator, load)
        assert worker.running
        await operator.aclose()
    finally:
        await asyncio.to_thread(temporal.stop)


@needs_limits
@pytest.mark.requirement("R19")
async def test_the_disk_is_full_and_has_room_again(operator: Operator, dovecot: Dovecot, tmp_path: Path) -> None:
    chance = seeded()
    async with own_postgres(tmp_path) as postgres, TappedLine(dovecot.port) as line:
        operator.environment["DATABASE_URL"] = postgres.url
        worker = await operator.worker(**SETTINGS)
        await know_ann(operator)
        messages, lines = sized((3000, 600), (750, 2400))
        load = Load(dovecot, line, messages, chance, lines=lines)
        assert load.size * load.count > WAL_SEGMENT * 4 // 3
        load.deliver(load.count)
        postgres.limit_files(WAL_SEGMENT)  # the log's segments are as large, the table of mail becomes larger
        await load.start(operator)

        async def refused() -> bool:
            return postgres.log.read_text(errors="replace").count("File too large") >= 3

        await until(refused, "PostgreSQL to refuse to write, again and again", patience=PATIENCE, every=0.1)
        stored = await operator.stored(load.address)
        assert 0 < stored < load.count
        assert dovecot.count(load.address) >= load.count - stored
        postgres.limit_files(None)
        await until_retrieved(operator, load, load.count)
        await assert_retrieved_exactly_once(operator, load)
        assert worker.running
        await operator.aclose()


@needs_limits
@pytest.mark.requirement("R19")
async def test_the_disk_is_full_for_postgresqls_own_log(operator: Operator, dovecot: Dovecot, tmp_path: Path) -> None:
    chance = seeded()
    async with own_postgres(tmp_path) as postgres, TappedLine(dovecot.port) as line:
        operator.environment["DATABASE_URL"] = postgres.url
        worker = await operator.worker(**SETTINGS)
        await know_ann(operator)
        load = Load(dovecot, line, 4 * PORTION, chance)
        full = load.within(PORTION, partial(postgres.limit_files, 1024))
        load.deliver(load.count)
        await load.start(operator)
        async with asyncio.timeout(PATIENCE):
            await full.wait()

        async def gave_up() -> bool:
            return not postgres.running  # its log may not say why: there is no room for that either

        await until(gave_up, "PostgreSQL to end because it cannot write", patience=PATIENCE, every=0.1)
        await line.until_idle()
        await postgres.start()
        await until_retrieved(operator, load, load.count)
        await assert_retrieved_exactly_once(operator, load)
        assert worker.running
        await operator.aclose()


@pytest.mark.requirement("R19", "R85")
async def test_the_network_breaks_in_the_middle_of_messages(
    operator: Operator,
    dovecot: Dovecot,
    temporal_client: Client,
    pool: Pool,
    worker_settings: WorkerSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = seeded()
    ways: list[Break] = ["silence", "close", "reset"] * 2
    chance.shuffle(ways)
    monkeypatch.setattr(activities.pop.session, "Timeouts", partial(Timeouts, reply=3, transfer_idle=3))
    settings = dataclasses.replace(worker_settings, minute_seconds=0.05)
    address = a_new_address()
    dovecot.add_user(address, "secret")
    delivered = [mail(number, chance, lines=200) for number in range(sized(700, 350))]
    for message in delivered:
        dovecot.deliver(address, message)
    async with TappedLine(dovecot.port) as line, Mailroom(temporal_client, pool, settings) as mailroom:
        await start_builtin_crm(temporal_client, mailroom.pool)
        await know_ann(operator)
        until_broken = chance.randrange(sum(map(len, delivered)) // (len(ways) + 1))
        broken: dict[int, Break] = {}
        retrieving: set[int] = set()

        def asked(connection: int, data: bytes) -> None:
            if data.startswith(b"RETR"):
                retrieving.add(connection)

        def answered(connection: int, data: bytes) -> int:
            nonlocal until_broken
            if connection not in retrieving or len(broken) == len(ways):
                return len(data)
            passed = min(until_broken, len(data))
            until_broken -= passed
            if passed < len(data):
                broken[connection] = line.broken_by = ways[len(broken)]
                until_broken = chance.randrange(sum(map(len, delivered)) // (len(ways) + 1))
            return passed

        line.asked, line.answered = asked, answered
        account = await mailroom.start(
            {
                "address": address,
                "incoming": {"host": line.host, "port": line.port, "tls": "none", "secret": mailroom.secret("secret")},
                "retrieval": {"interval_minutes": 1},
                "crm": ["builtin"],
            }
        )
        await operator.until_stored(address, len(delivered), patience=PATIENCE)
        await account.until(lambda now: now.state is State.ACTIVE and now.last_failure is None, "recovery")
        assert list(broken.values()) == ways
        failures = await account.log("RetrievalFailed")
        assert len(failures) == len(ways)
        assert {entry.data["failure"]["kind"] for entry in failures} == {"connection"}
        assert await account.log("AccountDisabled") == []
        await assert_stored_exactly_once(operator, address, delivered)
    assert dovecot.count(address) == len(delivered)

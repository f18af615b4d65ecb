"""kill -9 of workers at random points of their sessions: in the end every message is there, exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from activities.retrieval.fetching import HELD_BYTES
from activities.storage.uploads import CHUNK_BYTES
from infra.dev.children import Ports
from infra.dev.embedded_temporal import EmbeddedTemporal
from tests.end_to_end.exactly_once import (
    assert_deleted_exactly_once,
    assert_no_failures,
    assert_stored_exactly_once,
    know_ann,
    mail,
)
from tests.end_to_end.operating import Operator, WorkerProcess
from tests.servers.dovecot import Dovecot
from tests.servers.tapped_line import TappedLine
from tests.support.endurance import sized
from tests.support.running import a_new_address, until
from tests.support.seeds import seeded
from tests.support.services import Services

# A killed worker's session is taken over after its lease and its heartbeat have run out, 15 s later. So there are several
# mailboxes, whose sessions wait for that at the same time, each in a Temporal namespace of its own with a worker of its own.
# Kills of each mailbox's worker: of all kinds of points, and in `make endurance` at more places of each.
MAILBOXES, KILLS = sized((10, 5), (2, 2))
BEFORE_EACH_KILL = 220  # messages that arrive in it: there is always more than a batch to be interrupted at
MESSAGES = KILLS * BEFORE_EACH_KILL
PHASE = 450  # a batch is 200
SETTINGS = {"MAILROOM_MINUTE_SECONDS": "0.3", "MAILROOM_MAX_SESSIONS_PER_HOST": str(MAILBOXES)}
DELE_ANSWER = len("+OK Marked to be deleted.\r\n")


class KillPoint:
    """kill -9 of `worker` once `answers` bytes of the answers to `command` came in one of its sessions: before it can see any
    more of them, or `seconds` later.

    A session that brings news and says QUIT before it gets there is killed as it says so.
    """

    def __init__(self, worker: WorkerProcess, command: bytes, answers: int, seconds: float) -> None:
        self._worker = worker
        self._command = command
        self._answers = answers
        self._seconds = seconds
        self._connection = 0
        self._asked = b""
        self._left = 0
        self._brought_news = False
        self._reached = False

    @classmethod
    def anywhere(
        cls,
        line: TappedLine,
        worker: WorkerProcess,
        chance: random.Random,
        command: bytes,
        *,
        messages: int,
        size: int,
    ) -> None:
        """Sets a point anywhere in the answers to `command`, in a session on that line that retrieves so many messages of about
        `size` bytes."""
        answers = {b"RETR": messages * size, b"DELE": messages * DELE_ANSWER, b"QUIT": 2}[command]
        point = cls(worker, command, chance.randrange(answers), chance.choice([0, chance.uniform(0, 0.2)]))
        line.asked, line.answered = point.asked, point.answered

    def asked(self, connection: int, data: bytes) -> None:
        if connection != self._connection:
            self._connection, self._left, self._brought_news = connection, self._answers, False
        self._asked = data[:4]
        self._brought_news |= self._asked in (b"RETR", b"DELE")
        if self._asked == b"QUIT" and self._brought_news and not (self._command == b"QUIT" and self._left):
            self._reach()

    def answered(self, connection: int, data: bytes) -> int:
        if connection != self._connection or self._asked != self._command or not self._brought_news or self._reached:
            return len(data)
        passed = min(self._left, len(data))
        self._left -= passed
        if self._left:
            return len(data)
        self._reach()
        return len(data) if self._seconds else passed

    def _reach(self) -> None:
        if self._reached:
            return
        self._reached = True
        if self._seconds:
            asyncio.get_running_loop().call_later(self._seconds, self._worker.kill)
        else:
            self._worker.kill()


@pytest.mark.requirement("R19", "R43", "R52", "R62")
@pytest.mark.parametrize("after_store", ["leave", "delete"])
async def test_killed_at_random_points_of_the_retrieval_every_message_is_stored_exactly_once(
    operator: Operator, dovecot: Dovecot, services: Services, tmp_path: Path, after_store: str
) -> None:
    names = [f"mailbox-{number}" for number in range(MAILBOXES)]
    temporal = EmbeddedTemporal(tmp_path, Ports(tmp_path), durable=False, more_namespaces=names, environ={})
    stored_at_kills: list[int] = []
    deletes = after_store == "delete"
    # None: small messages come faster than they are committed.
    commands = [b"RETR", None, b"DELE", b"QUIT"] if deletes else [b"RETR", None]

    async def retrieve(namespace: str, first: int) -> None:
        chance = seeded(namespace)
        address = a_new_address()
        dovecot.add_user(address, "secret")
        delivered = [mail(number, chance) for number in range(MESSAGES)]
        to_deliver = iter(delivered)
        size = sum(map(len, delivered)) // MESSAGES
        stored = 0
        place = {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_NAMESPACE": namespace}
        folder = tmp_path / namespace
        folder.mkdir()
        async with (
            TappedLine(dovecot.port) as line,
            contextlib.aclosing(Operator(folder, {**operator.environment, **place, **SETTINGS})) as own,
        ):
            worker = await own.worker()
            for number in range(KILLS):
                there = (number + 1) * BEFORE_EACH_KILL
                command = commands[(first * KILLS + number) % len(commands)]
                if command is not None:
                    messages = min(PHASE, there - stored)
                    KillPoint.anywhere(line, worker, chance, command, messages=messages, size=size)
                for message in islice(to_deliver, BEFORE_EACH_KILL):
                    dovecot.deliver(address, message)
                if number == 0:
                    incoming = {"host": line.host, "port": line.port, "tls": "none", "secret": secrets[namespace]}
                    retrieval = {"pace": "steady", "interval_minutes": 1, "messages_per_phase": PHASE}
                    retrieval |= {"after_store": after_store}
                    await own.start(
                        {"address": address, "incoming": incoming, "retrieval": retrieval, "crm": ["builtin"]}
                    )
                if command is None:
                    await until_more_is_stored(own, address, stored)
                else:
                    await until_killed(own, worker, address, "deleted" if deletes else "stored", there)
                worker.kill()
                await worker.ended()
                stored = await own.stored(address)
                stored_at_kills.append(stored)
                line.let_pass()
                worker = await own.worker()
                if number % 2:  # Temporal waits longer after each attempt that failed, until one succeeds
                    await own.until_stored(address, there, patience=300)
                    stored = there
            await own.until_stored(address, MESSAGES, patience=300)
            if deletes:
                await until_deleted(own, dovecot, address, MESSAGES)
                await assert_deleted_exactly_once(own, address, MESSAGES)
            await assert_stored_exactly_once(own, address, delivered)
            await assert_no_failures(own, address)
        assert dovecot.count(address) == (0 if deletes else MESSAGES)

    secrets = {name: await operator.store_secret(name, "secret") for name in names}  # each is one login's
    await operator.worker(MAILROOM_ROLES="workflows")
    await know_ann(operator)
    await asyncio.to_thread(temporal.start, Path(services.temporal_binary))
    try:
        async with asyncio.TaskGroup() as mailboxes:
            for number, name in enumerate(names):
                mailboxes.create_task(retrieve(name, number))
    finally:
        await asyncio.to_thread(temporal.stop)
    assert len(stored_at_kills) == MAILBOXES * KILLS
    print(f"stored when killed: {sorted(stored_at_kills)}")  # noqa: T201 -- the same


COMMITTING = "QUIT was answered and the deletion is being committed"


@pytest.mark.requirement("R62")
@pytest.mark.parametrize("moment", ["DELE was sent", "QUIT was sent", "QUIT was answered", COMMITTING])
async def test_killed_while_it_deletes_nothing_is_lost_and_nothing_is_left(
    operator: Operator, dovecot: Dovecot, moment: str
) -> None:
    address = a_new_address()
    dovecot.add_user(address, "secret")
    delivered = [mail(number, random.Random(number)) for number in range(20)]
    for message in delivered:
        dovecot.deliver(address, message)
    with psycopg.connect(operator.environment["DATABASE_URL"]) as another_writer:
        async with TappedLine(dovecot.port) as line:
            worker = await operator.worker()
            await know_ann(operator)
            quitting = False

            def asked(connection: int, data: bytes) -> None:
                nonlocal quitting
                if connection == 2:  # the first is the set-up's
                    quitting = data.startswith(b"QUIT")
                    if moment == f"{data[:4].decode()} was sent":
                        worker.kill()
                    if moment == COMMITTING and quitting:  # then the worker's transaction waits
                        another_writer.execute("lock table mailroom.pop_ledger in share mode")

            def answered(_connection: int, data: bytes) -> int:
                if quitting and moment == "QUIT was answered":
                    assert data.startswith(b"+OK")
                    worker.kill()
                return len(data)

            line.asked, line.answered = asked, answered
            secret = await operator.store_secret("jane", "secret")
            await operator.start(
                {
                    "address": address,
                    "incoming": {"host": line.host, "port": line.port, "tls": "none", "secret": secret},
                    "retrieval": {"after_store": "delete"},
                    "crm": ["builtin"],
                }
            )
            if moment == COMMITTING:
                await until_a_writer_waits(operator)
                worker.kill()
            await worker.ended()
            another_writer.rollback()
            assert await operator.stored(address) == len(delivered)
            assert await operator.number("select count(*) from ledger where state = 'deleted'") == 0
            line.let_pass()
            await operator.worker()
            await until_deleted(operator, dovecot, address, len(delivered))
            await assert_deleted_exactly_once(operator, address, len(delivered))
            await assert_stored_exactly_once(operator, address, delivered)
            await assert_no_failures(operator, address)


async def test_killed_in_the_middle_of_a_large_message_it_is_stored_exactly_once(
    operator: Operator, dovecot: Dovecot
) -> None:
    address = a_new_address()
    dovecot.add_user(address, "secret")
    chance = random.Random(1)
    delivered = [mail(number, chance) for number in range(10)]
    delivered[5] += b"another line of a large message\r\n" * (2 * HELD_BYTES // 33)
    for message in delivered:
        dovecot.deliver(address, message)
    async with TappedLine(dovecot.port) as line:
        worker = await operator.worker()
        await know_ann(operator)
        left = sum(map(len, delivered[:5])) + HELD_BYTES + 3 * CHUNK_BYTES

        def answered(connection: int, data: bytes) -> int:
            nonlocal left
            passed = min(left, len(data)) if connection == 2 else len(data)  # the first is the set-up's
            left -= passed if connection == 2 else 0
            return passed

        line.answered = answered
        secret = await operator.store_secret("jane", "secret")
        incoming = {"host": line.host, "port": line.port, "tls": "none", "secret": secret}
        await operator.start({"address": address, "incoming": incoming, "crm": ["builtin"]})

        async def written() -> bool:
            return (
                await operator.number("select count(*) from blob_chunks join uploads using (chunks)")
                > HELD_BYTES // CHUNK_BYTES
            )

        await until(written, "parts of the large message in the database")
        worker.kill()
        await worker.ended()
        assert await operator.stored(address) == 5
        line.let_pass()
        await operator.worker()
        await operator.until_stored(address, len(delivered))
        await assert_stored_exactly_once(operator, address, delivered)
        await assert_no_failures(operator, address)


async def until_killed(operator: Operator, worker: WorkerProcess, address: str, state: str, there: int) -> None:
    """Returns when the worker was killed, or had nothing left to do: a session can break before it comes to its point."""
    done = "select count(*) from ledger where address = %s and state = %s"

    async def killed() -> bool:
        return not worker.running or await operator.number(done, address, state) >= there

    await until(killed, f"{address}: the kill, or all {there} messages to be {state}", patience=300, every=0.1)


async def until_more_is_stored(operator: Operator, address: str, before: int) -> None:
    async def more() -> bool:
        return await operator.stored(address) > before

    await until(more, f"more than {before} stored messages of {address}", patience=300)


async def until_a_writer_waits(operator: Operator) -> None:
    async def waits() -> bool:
        waiting = (
            "select count(*) from pg_locks where not granted and relation = 'pop_ledger'::regclass "
            "and database = (select oid from pg_database where datname = current_database())"
        )
        return await operator.number(waiting) > 0

    await until(waits, "a transaction that waits for the ledger")


async def until_deleted(operator: Operator, dovecot: Dovecot, address: str, count: int) -> None:
    """Returns once the server's mailbox is empty and the ledger knows that."""

    async def settled() -> bool:
        query = "select count(*) from ledger where address = %s and state = 'deleted'"
        return await operator.number(query, address) >= count and dovecot.count(address) == 0

    await until(settled, "all messages to be deleted, and known to be", patience=300, every=0.2)

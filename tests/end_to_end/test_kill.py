"""kill -9 of the worker at random points of a retrieval: in the end every message is there, exactly once."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.end_to_end.operating import Operator, WorkerProcess
from tests.running import a_new_address, until
from tests.servers.dovecot import Dovecot
from tests.servers.tapped_line import TappedLine

KILLS = 10
MESSAGES = 3000
PHASE = 250  # a batch is 200: each phase is two transactions


def mail(number: int, chance: random.Random) -> bytes:
    lines = "".join(f"{chance.randbytes(chance.randrange(1, 30)).hex()}\r\n" for _ in range(chance.randrange(1, 20)))
    return (
        f"From: Ann <ann@example.org>\r\nTo: jane@example.com\r\nMessage-ID: <{number}@example.org>\r\n"
        f"Subject: number {number}\r\n\r\n{lines}"
    ).encode()


class KillPoint:
    """kill -9 of `worker` once `answers` bytes of the answers to RETR came in the `session`-th session from now on.

    A session that ends before has come to its QUIT: then that is the point.
    """

    def __init__(self, worker: WorkerProcess, connection: int, answers: int) -> None:
        self._worker = worker
        self._connection = connection
        self._left = answers
        self._retrieving = False

    @classmethod
    def on(cls, line: TappedLine, worker: WorkerProcess, *, session: int, answers: int) -> None:
        point = cls(worker, line.connections + session, answers)
        line.asked, line.answered = point._asked, point._answered

    def _asked(self, connection: int, data: bytes) -> None:
        if connection == self._connection:
            self._retrieving |= data.startswith(b"RETR ")
            if data.startswith(b"QUIT"):
                self._worker.kill()

    def _answered(self, connection: int, data: bytes) -> int:
        if connection != self._connection or not self._retrieving:
            return len(data)
        passed = min(self._left, len(data))
        self._left -= passed
        if passed < len(data):
            self._worker.kill()
        return passed


@pytest.mark.timeout(600)
@pytest.mark.requirement("R19", "R43", "R52")
async def test_killed_at_random_points_of_the_retrieval_every_message_is_stored_exactly_once(
    operator: Operator, dovecot: Dovecot
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 -- pytest shows it where the test fails
    chance = random.Random(seed)
    address = a_new_address()
    dovecot.add_user(address, "secret")
    delivered = [mail(number, chance) for number in range(MESSAGES)]
    for message in delivered:
        dovecot.deliver(address, message)
    phase = sum(map(len, delivered)) * PHASE // MESSAGES

    async with TappedLine(dovecot.port) as line:
        worker = await operator.worker(MAILROOM_MINUTE_SECONDS="0.01")
        await know_ann(operator)
        # The set-up's login is the first session, the second begins to retrieve.
        KillPoint.on(line, worker, session=2, answers=chance.randrange(phase))
        await operator.start(
            {
                "address": address,
                "incoming": {
                    "host": line.host,
                    "port": line.port,
                    "tls": "none",
                    "secret": await operator.store_secret("jane", "secret"),
                },
                "retrieval": {"interval_minutes": 1, "pace": "steady", "messages_per_phase": PHASE},
                "crm": ["builtin"],
            }
        )
        seen = []
        for number in range(1, KILLS + 1):
            await worker.ended()
            seen.append(await operator.stored(address))
            worker = await operator.starting_worker(MAILROOM_MINUTE_SECONDS="0.01")
            if number < KILLS:
                # Every other time a phase comes to its end first: Temporal waits longer after each attempt that failed.
                KillPoint.on(line, worker, session=1 + number % 2, answers=chance.randrange(phase))
        assert seen[-1] < MESSAGES, f"retrieved before the last kill: {seen}"
        await operator.until_stored(address, MESSAGES)
        await assert_stored_exactly_once(operator, address, delivered)
    assert dovecot.count(address) == MESSAGES


@pytest.mark.parametrize("moment", ["DELE was sent", "QUIT was sent", "QUIT was answered"])
async def test_killed_while_it_deletes_nothing_is_lost_and_nothing_is_left(
    operator: Operator, dovecot: Dovecot, moment: str
) -> None:
    address = a_new_address()
    dovecot.add_user(address, "secret")
    delivered = [mail(number, random.Random(number)) for number in range(20)]
    for message in delivered:
        dovecot.deliver(address, message)
    async with TappedLine(dovecot.port) as line:
        worker = await operator.worker()
        await know_ann(operator)
        answering = {"quit": False}

        def asked(connection: int, data: bytes) -> None:
            if connection == 2:  # the first is the set-up's
                answering["quit"] = data.startswith(b"QUIT")
                if moment == f"{data[:4].decode()} was sent":
                    worker.kill()

        def answered(connection: int, data: bytes) -> int:
            if answering["quit"]:
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
        await worker.ended()
        assert await operator.stored(address) == len(delivered)
        line.asked, line.answered = (lambda *_: None), (lambda _, data: len(data))
        await operator.worker()

        async def settled() -> bool:
            deleted = await operator.number("select count(*) from ledger where state = 'deleted'")
            return deleted == len(delivered) and dovecot.count(address) == 0

        await until(settled, "all messages to be deleted, and known to be")
        await assert_stored_exactly_once(operator, address, delivered)


async def know_ann(operator: Operator) -> None:
    record = {"record_kind": "contact", "name": "Ann", "addresses": ["ANN@example.org"]}
    await operator.temporal(
        *("workflow", "update", "execute", "--workflow-id", "crm/builtin", "--name", "save_record"),
        *("--input", json.dumps(record)),
    )


async def assert_stored_exactly_once(operator: Operator, address: str, delivered: Sequence[bytes]) -> None:
    raw = await operator.rows("select r.raw, m.sha256 from raw_messages r join messages m using (id)")
    assert Counter(row["raw"] for row in raw) == Counter(delivered)
    assert all(hashlib.sha256(row["raw"]).digest() == row["sha256"] for row in raw)
    assert await operator.number("select count(*) from messages") == len(delivered)
    assert await operator.number("select count(*) from ledger where state in ('stored', 'deleted')") == len(delivered)
    linked = await operator.rows(
        "select message, count(*), min(direction) as direction, min(record_kind) as kind from correspondence group by message"
    )
    assert len(linked) == len(delivered)
    assert {(row["count"], row["direction"], row["kind"]) for row in linked} == {(1, "Received", "contact")}
    stored = await operator.events(address, "MessagesStored")
    told = [message for event in stored for message in event["data"]["messages"]]
    assert Counter(told) == Counter(row["message"] for row in linked)
    assert await operator.number("select sum(stored) from retrievals") == len(delivered)
    assert await operator.number("select messages from accounts") == len(delivered)
    assert [event["data"] for event in await operator.events(address, "RetrievalFailed", "AccountDisabled")] == []
    await operator.assert_log_is_whole(address)

"""kill -9 of workers at every kind of point of sending: nobody gets a message twice, and none is lost unseen."""

from __future__ import annotations

import asyncio
import email
import json
import random
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from activities.sending.drafts import Drafts
from infra.database.pool import open_pool
from tests.end_to_end.operating import Operator, WorkerProcess
from tests.servers.scripted_pop import MailboxServer
from tests.servers.scripted_smtp import DOT, SubmissionServer
from tests.support.endurance import sized
from tests.support.running import a_new_address, until
from tests.support.seeds import seeded

# Of the login, the envelope, the body with the mark behind it, and the answer to the dot.
POINTS = ("AUTH", "RCPT", "DATA", DOT)
ROUNDS = sized(10, 1)
PER_KILL = sized(10, 3)  # messages that are queued before each kill: two are under way
SETTINGS = {"MAILROOM_MINUTE_SECONDS": "0.3"}
SLOWLY = 0.7  # seconds before the answer at a point


async def test_killed_at_every_kind_of_point_each_message_is_at_the_server_once_or_accounted_for(
    operator: Operator,
) -> None:
    chance, address = seeded(), a_new_address()
    async with MailboxServer() as pop, SubmissionServer() as smtp:
        worker = await operator.worker(**SETTINGS)
        await operator.connect(address, pop.port, await operator.store_secret(address, pop.password))
        await connect_route(operator, address, smtp)
        points = [point for _ in range(ROUNDS) for point in chance.sample(POINTS, len(POINTS))]
        for number, point in enumerate(points):
            names = [f"{number}-{one}" for one in range(PER_KILL)]
            worker = await killed_at(operator, smtp, worker, point, chance, queue(operator, address, names))
        count = len(points) * PER_KILL
        rows = await until_over(operator, count)
    states = Counter(row["state"] for row in rows)
    assert set(states) <= {"accepted", "uncertain"}, states
    assert states["uncertain"] <= 2 * len(points)  # who was under way, and no other
    received = Counter(str(email.message_from_bytes(one.data)["Message-ID"]) for one in smtp.messages)
    assert [number for number, times in received.items() if times > 1] == []
    assert {row["message_id"] for row in rows if row["state"] == "accepted"} <= set(received)
    assert set(received) <= {row["message_id"] for row in rows}
    saved = await operator.number("select count(*) from messages where address = %s and folder = 'Sent'", address)
    assert saved == states["accepted"]
    await operator.assert_log_is_whole(address)


async def connect_route(operator: Operator, address: str, smtp: SubmissionServer) -> None:
    secret = await operator.store_secret(f"{address}-smtp", smtp.password)
    outgoing = {"host": smtp.host, "port": smtp.port, "tls": "none", "secret": secret, "username": smtp.username}
    await operator.temporal(
        *("workflow", "start", "--type", "SendingRoute", "--task-queue", "mailroom"),
        *("--workflow-id", f"route/{address}", "--input", json.dumps({"address": address, "outgoing": outgoing})),
    )

    async def active() -> bool:
        return bool(await operator.rows("select from routes where address = %s and state = 'active'", address))

    await until(active, "the route")


async def queue(operator: Operator, address: str, names: list[str]) -> None:
    pool = await open_pool(operator.environment["DATABASE_URL"], most=1)
    for name in names:
        given = {"to": ["anna@example.org", "bo@example.org"], "subject": name, "text": "x" * 200_000}
        draft = await Drafts(pool, 10_000_000).store(address, given, [], "test")
        message = {"request_id": f"{address}-{name}", "from": address, "draft": str(draft)}
        await operator.temporal(
            *("workflow", "start", "--type", "SendMessage", "--task-queue", "mailroom"),
            *("--workflow-id", f"send/{address}-{name}", "--input", json.dumps(message)),
        )
    await pool.close()


async def killed_at(
    operator: Operator,
    smtp: SubmissionServer,
    worker: WorkerProcess,
    point: str,
    chance: random.Random,
    queueing: Coroutine[Any, Any, None],
) -> WorkerProcess:
    """The next worker, once this one was killed around that point of one of the messages that are queued meanwhile."""

    def passed() -> int:
        return len(smtp.messages) if point == DOT else smtp.count(point)

    before = passed()
    smtp.pauses[point] = SLOWLY
    queued = asyncio.create_task(queueing)  # on a busy machine the first is sent before the last is queued

    async def reached() -> bool:
        return passed() > before

    await until(reached, f"{point} of a message", every=0.01)
    await asyncio.sleep(chance.uniform(0, SLOWLY * 1.2))
    worker.kill()
    await worker.ended()
    await queued
    smtp.pauses.clear()
    return await operator.worker(**SETTINGS)


async def until_over(operator: Operator, count: int) -> list[dict[str, str]]:
    """All messages, once nothing of them is left to be done."""
    rows: list[dict[str, str]] = []

    async def over() -> bool:
        rows[:] = await operator.rows("select state, message_id, copy from sent_messages")
        return len(rows) == count and all(
            row["state"] == "uncertain" or (row["state"] == "accepted" and row["copy"] == "saved") for row in rows
        )

    try:
        await until(over, "the end of all messages", every=0.1)
    except AssertionError as error:
        raise AssertionError(f"{error}; they are {rows}") from None
    return rows

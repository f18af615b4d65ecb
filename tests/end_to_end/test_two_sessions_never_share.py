"""Two workers and one mailbox: never two sessions at a time, also when a worker is killed or frozen in the middle of one."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from tests.end_to_end.operating import Operator, WorkerProcess
from tests.servers.scripted_pop import MailboxServer
from tests.servers.tapped_line import TappedLine
from tests.support.running import a_new_address, until

MAIL = {f"uid{number}": f"Subject: number {number}\r\n\r\nHello\r\n".encode() for number in range(100)}


async def two_workers(operator: Operator) -> list[WorkerProcess]:
    workers = [await operator.starting_worker(MAILROOM_MINUTE_SECONDS="0.02") for _ in range(2)]
    for worker in workers:
        await worker.until_said("workers started")
    return workers


async def in_session(operator: Operator, workers: list[WorkerProcess], address: str) -> WorkerProcess:
    """The worker that holds the account's session, as `temporal workflow describe` shows it."""
    described = json.loads(
        await operator.temporal(
            "workflow", "describe", "--workflow-id", f"mail-account/{address}", "--output", "json", "--raw"
        )
    )
    (watch,) = (one for one in described["pendingActivities"] if one["activityType"]["name"] == "watch")
    return next(worker for worker in workers if watch["lastWorkerIdentity"].startswith(f"{worker.pid}@"))


async def assert_every_message_once(operator: Operator, address: str) -> None:
    uidls = [row["uidl"] for row in await operator.rows("select uidl from messages where address = %s", address)]
    assert sorted(uidls) == sorted(MAIL)
    assert await operator.number("select sum(stored) from retrievals where address = %s", address) == len(MAIL)
    await operator.assert_log_is_whole(address)


async def test_commands_and_polls_of_two_workers_take_turns(operator: Operator) -> None:
    address = a_new_address()
    async with MailboxServer(messages=MAIL) as server:
        server.pauses["STAT"] = 0.05  # long enough for a second session to be seen
        await two_workers(operator)
        await operator.connect(
            address,
            server.port,
            await operator.store_secret("jane", server.password),
            retrieval={"interval_minutes": 1},
        )
        before = server.logins
        for _ in range(2):
            await asyncio.gather(
                operator.command(address, "poll_now"),
                operator.command(address, "poll_now"),
                operator.command(address, "change_settings", settings={"incoming": {"username": address}}),
                operator.command(address, "change_credential", secret="vault:jane"),
            )
        await operator.until_stored(address, len(MAIL))
        assert server.logins >= before + 4
        assert server.most_sessions == 1
        await assert_every_message_once(operator, address)


async def test_a_killed_workers_mailbox_is_taken_over_after_its_session(operator: Operator) -> None:
    address = a_new_address()
    async with MailboxServer(messages=MAIL) as server:
        server.pauses["RETR"] = 0.05
        workers = await two_workers(operator)
        await operator.connect(address, server.port, await operator.store_secret("jane", server.password))
        await server.until("RETR", 10)
        killed = await in_session(operator, workers, address)
        killed.kill()
        await killed.ended()
        server.pauses.clear()
        await operator.until_stored(address, len(MAIL))
        assert server.most_sessions == 1
        await assert_every_message_once(operator, address)


@pytest.mark.parametrize("locks", [True, False], ids=["a server that locks", "a server that does not"])
async def test_a_frozen_worker_does_nothing_more_when_it_wakes_up(operator: Operator, locks: bool) -> None:
    address = a_new_address()
    host, _, port = operator.environment["TEMPORAL_ADDRESS"].rpartition(":")
    async with MailboxServer(messages=MAIL) as server, TappedLine(int(port)) as to_temporal:
        server.locks = locks
        server.pauses["RETR"] = 0.05
        minute = {"MAILROOM_MINUTE_SECONDS": "0.02"}
        frozen = await operator.worker(**minute, TEMPORAL_ADDRESS=f"{host}:{to_temporal.port}")
        await operator.connect(
            address,
            server.port,
            await operator.store_secret("jane", server.password),
            retrieval={"interval_minutes": 60, "after_store": "delete"},
        )
        await server.until("RETR", 10)
        frozen.send(signal.SIGSTOP)
        await to_temporal.cut()  # else Temporal gives it work for as long as its last questions stand
        server.pauses.clear()
        await operator.worker(**minute)
        if locks:
            await server.until("PASS", 3)  # the set-up, the frozen session, and one that is refused
        else:
            await until_emptied(server)
        said = len(server.commands)
        frozen.send(signal.SIGCONT)
        if not locks:
            await until_alone(server)
            verbs = {command.split()[0] for command in server.commands[said:]}
            assert verbs <= {"CAPA", "USER", "PASS", "STAT", "QUIT"}  # looks at an empty mailbox
        await until_emptied(server)
        assert sorted(server.deleted) == sorted(MAIL)
        assert server.most_sessions == (1 if locks else 2)  # what does not lock still counts the frozen one
        await assert_every_message_once(operator, address)
        assert frozen.running


async def until_emptied(server: MailboxServer) -> None:
    async def emptied() -> bool:
        return not server.messages

    await until(emptied, "all that was stored to be deleted from the server")


async def until_alone(server: MailboxServer) -> None:
    async def alone() -> bool:
        return server.sessions == 0

    await until(alone, "the end of the frozen session")

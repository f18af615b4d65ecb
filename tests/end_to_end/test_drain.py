"""A worker that is told to end: the session it holds finishes its batch and says QUIT; told twice, it ends at once."""

from __future__ import annotations

import signal

import pytest

from tests.end_to_end.operating import Operator
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import a_new_address

MAIL = {f"uid{number}": f"Subject: number {number}\r\n\r\nHello\r\n".encode() for number in range(300)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_session_finishes_its_batch_and_says_quit(operator: Operator, number: signal.Signals) -> None:
    address = a_new_address()
    async with MailboxServer(messages=MAIL) as server:
        server.pauses["RETR"] = 0.02
        worker = await operator.worker()
        await operator.connect(address, server.port, await operator.store_secret("jane", server.password))
        await server.until("RETR", 20)
        worker.send(number)
        assert await worker.ended() == 0
        assert server.quits == server.logins == 2  # the set-up's login and the session
        stored = await operator.stored(address)
        assert 0 < stored < len(MAIL)
        (session,) = await operator.rows("select stored, outcome, finished_at from retrievals")
        assert (session["stored"], session["outcome"]) == (stored, "mail")
        assert session["finished_at"] is not None

        server.pauses.clear()
        await operator.worker()
        await operator.until_stored(address, len(MAIL))
        uidls = [row["uidl"] for row in await operator.rows("select uidl from messages")]
        assert sorted(uidls) == sorted(MAIL)
        await operator.assert_log_is_whole(address)


async def test_a_second_signal_ends_a_worker_whose_session_hangs(operator: Operator) -> None:
    address = a_new_address()
    async with MailboxServer(messages=MAIL) as server:
        server.hangs.add("RETR")
        worker = await operator.worker()
        await operator.connect(address, server.port, await operator.store_secret("jane", server.password))
        await server.until("RETR")
        worker.send(signal.SIGTERM)
        await worker.until_said("stopping")
        assert worker.running
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 1  # a worker that drained ends with 0
        assert server.quits == 1  # the set-up's
        assert await operator.stored(address) == 0


async def test_an_idle_worker_ends_when_told_to(operator: Operator) -> None:
    worker = await operator.worker()
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0

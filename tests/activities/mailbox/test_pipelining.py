"""Servers that offer PIPELINING and do not do it: their mail comes one message after the other, and the host is remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, PATIENT, Watcher, account, impatient, mailbox

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BOB = "bob@example.com"
FAULTS = ("closes", "answers and closes", "discards", "refuses")


class Hours:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)


async def looks(watcher: Watcher, server: MailboxServer, address: str = JANE) -> bool:
    """One session, an hour after the one before; whether it pipelined."""
    assert isinstance(watcher.clock, Hours)
    watcher.clock.later(hours=1)
    before = server.pipelined
    await watcher.attempt(account(server.port, address=address))
    return server.pipelined > before


async def stumbles(watcher: Watcher, server: MailboxServer, address: str = JANE) -> Kind:
    """One session that fails, an hour after the one before."""
    assert isinstance(watcher.clock, Hours)
    watcher.clock.later(hours=1)
    return (await watcher.fails(account(server.port, address=address))).kind


@pytest.mark.requirement("R43", "R86")
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_server_that_does_not_bear_pipelining_hands_out_its_mail_one_by_one(pool: Pool, fault: str) -> None:
    """jstedfast/MailKit#174: a server that offers PIPELINING hangs up when commands come together."""
    watcher = Watcher(pool, clock=Hours(), timeouts=impatient("UIDL"))
    async with MailboxServer(password=PASSWORD, messages=mailbox(40)) as server:
        server.on_pipelining = fault  # type: ignore[assignment]  # one of its three words
        failed = await watcher.fails(account(server.port))
        assert failed.kind is (Kind.SERVER_ERROR if fault == "refuses" else Kind.CONNECTION)
        assert ("one by one" in failed.remedy) is (fault != "refuses")
        watcher.timeouts = PATIENT
        assert not await looks(watcher, server)
        assert await watcher.subjects() == [f"message {number}" for number in range(1, 41)]
        assert len(server.retrieved) == 40, "none of them twice"
        await stumbles(watcher, server)  # once may have been the network's fault
        assert not await looks(watcher, server)
        for _ in range(24 * 6):
            assert not await looks(watcher, server)
        server.messages |= mailbox(3, first=41)
        assert not await looks(watcher, server, BOB), "nor is any other account's mailbox pipelined with"
        assert len(await watcher.subjects(BOB)) == 43
        watcher.clock.later(days=7)  # type: ignore[attr-defined]  # a clock of tests
        server.on_pipelining = None
        assert await looks(watcher, server), "a week later it is tried again"


@pytest.mark.parametrize("after_store", ["leave", "delete"])
@pytest.mark.parametrize("broken_at", ["RETR 1", "RETR 2", "RETR 40", "DELE 3"])
async def test_a_line_that_is_lost_amid_a_pipeline_costs_no_mail_and_doubles_none(
    pool: Pool, broken_at: str, after_store: str
) -> None:
    watcher = Watcher(pool, clock=Hours())
    async with MailboxServer(password=PASSWORD, messages=mailbox(40)) as server:
        settings = account(server.port, after_store=after_store)
        server.closes.add(broken_at)
        if broken_at.startswith("RETR") or after_store == "delete":
            assert (await watcher.fails(settings)).kind is Kind.CONNECTION
            before = server.pipelined
            server.closes.clear()
            await watcher.attempt(settings)
            assert server.pipelined == before, "the session after it is careful"
        for _ in range(3):
            await watcher.attempt(settings)
        assert sorted(await watcher.subjects()) == sorted(f"message {number}" for number in range(1, 41))
        assert server.messages == ({} if after_store == "delete" else mailbox(40))


async def test_a_network_that_loses_a_line_now_and_then_turns_pipelining_off_for_one_session_only(pool: Pool) -> None:
    watcher = Watcher(pool, clock=Hours())
    async with MailboxServer(password=PASSWORD) as server:
        for number in range(6):
            server.messages |= mailbox(5, first=1 + 5 * number)
            server.closes = {f"RETR {5 * number + 2}"}
            await stumbles(watcher, server)
            server.closes.clear()
            assert not await looks(watcher, server)
            assert await looks(watcher, server)
        assert len(await watcher.subjects()) == 30


async def test_an_outage_that_ends_the_sessions_of_many_mailboxes_is_one_proof_at_most(pool: Pool) -> None:
    watcher = Watcher(pool, clock=Hours())
    addresses = [f"user{number}@example.com" for number in range(4)]
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.closes.add("RETR 2")
        for address in addresses:
            await stumbles(watcher, server, address)
        server.closes.clear()
        for address in addresses:
            assert not await looks(watcher, server, address)
        for address in addresses:
            assert await looks(watcher, server, address)


async def test_a_server_that_mixes_up_its_answers_to_the_first_commands_is_not_pipelined_with_either(
    pool: Pool,
) -> None:
    watcher = Watcher(pool, clock=Hours())
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.replies["UIDL"] = b"+OK\r\n1 uid-1\r\n.\r\n1 300\r\n.\r\n"
        assert [await stumbles(watcher, server) for _ in range(2)] == [Kind.PROTOCOL_ERROR] * 2
        server.replies.clear()
        assert not await looks(watcher, server)
        assert len(await watcher.subjects()) == 5

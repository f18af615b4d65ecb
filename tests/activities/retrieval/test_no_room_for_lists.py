"""A worker whose memory for lists is taken: whoever brings a long one comes again, and it is nobody's failure."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

import activities.pop.session
from activities.pop import listing_budget
from activities.pop.auth_codes import AuthCodes
from activities.pop.listing_budget import STEP, ListingBudget, Share
from activities.pop.session import Sessions
from activities.reconciliation import reconcile
from activities.reconciliation.comparison import compare_stored
from activities.reconciliation.reconcile import Reconciliation
from domain.failures.failure import Kind
from infra.database.pool import Pool
from infra.tasks import ended
from infra.vault.references import Secrets
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, PATIENT, BusyWatcher, Watcher, account, mailbox
from tests.support.running import until
from workflows.contract import ReconcileRequest

LONG = b"+OK\r\n" + b"".join(b"%d %064d\r\n" % (number, number) for number in range(1, 20_001)) + b".\r\n"

FEW_OF_MANY = (
    b"+OK\r\n1 uid-1\r\n2 uid-2\r\n" + b"".join(b"0 %064d\r\n" % number for number in range(20_000)) + b".\r\n"
)
"""Two messages among lines that name none."""


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> ListingBudget:
    """What all sessions of the test share."""
    budget = ListingBudget(most=STEP)
    monkeypatch.setattr(activities.pop.session, "ListingBudget", lambda: budget)
    return budget


@pytest.fixture
def neighbour(budget: ListingBudget) -> Share:
    """What another mailbox's list holds: all that there is."""
    share = budget.share()
    share.grow(STEP)
    return share


async def test_a_session_comes_again_and_a_small_mailbox_is_retrieved_meanwhile(pool: Pool, neighbour: Share) -> None:
    watcher = Watcher(pool)
    async with (
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as small,
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as long,
    ):
        long.replies["UIDL"] = LONG
        for _ in range(3):
            ended = await watcher.finds_nothing(account(long.port, address="long@example.com"))
            assert (ended.type, "memory for lists" in ended.message) == ("Waiting", True)
            assert ended.next_retry_delay is not None
        assert long.logins == 1, "it does not log in again before there is room"
        assert await watcher.rows("select * from leases") == [], "nor has it a place at the host"
        assert await watcher.rows("select * from retrievals") == []
        assert (await watcher.watch(account(small.port))).stored == 2
        neighbour.give_back()
        long.replies.clear()
        assert (await watcher.watch(account(long.port, address="long@example.com"))).stored == 2


async def test_a_large_mailbox_whose_mail_drips_keeps_no_other_waiting(pool: Pool, budget: ListingBudget) -> None:
    """Its list is dropped before the first message is asked for."""
    watcher = Watcher(pool)
    async with (
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as slow,
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as long,
    ):
        slow.replies["UIDL"] = long.replies["UIDL"] = FEW_OF_MANY
        slow.drips["RETR"] = 0.05
        dripping = asyncio.create_task(watcher.watch(account(slow.port, address="slow@example.com")))
        await slow.until("RETR")
        assert budget.taken == 0
        assert budget.kept > 0
        assert (await watcher.watch(account(long.port, address="long@example.com"))).stored == 2
        assert not dripping.done()
        await ended(dripping)
    assert budget.kept == 0


async def test_a_list_that_drips_does_not_hold_its_room_without_end(pool: Pool, budget: ListingBudget) -> None:
    watcher = Watcher(pool)
    async with (
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as slow,
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as long,
    ):
        slow.replies["UIDL"] = long.replies["UIDL"] = FEW_OF_MANY
        watcher.timeouts = replace(PATIENT, lists=2.0)
        slow.drips["LIST"] = 0.2
        failure = await watcher.fails(account(slow.port, address="slow@example.com"))
        assert (failure.kind, failure.cause) == (Kind.CONNECTION, "timeout")
        assert budget.taken == 0
        watcher.timeouts = PATIENT
        assert (await watcher.watch(account(long.port, address="long@example.com"))).stored == 2


async def test_room_that_a_list_needed_before_is_not_kept_for_it_while_its_server_says_nothing(
    pool: Pool, budget: ListingBudget, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = BusyWatcher(pool)
    async with (
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as slow,
        MailboxServer(password=PASSWORD, messages=mailbox(2)) as long,
    ):
        slow.replies["UIDL"] = long.replies["UIDL"] = FEW_OF_MANY
        assert (await watcher.watch(account(slow.port, address="slow@example.com"))).stored == 2
        slow.replies.clear()
        slow.hangs.add("UIDL")
        monkeypatch.setattr(activities.pop.session, "RESERVED_SECONDS", 1.0)
        silent = asyncio.create_task(watcher.watch(account(slow.port, address="slow@example.com")))
        await slow.until("UIDL", 2)

        async def is_retrieved() -> bool:
            return await watcher.attempt(account(long.port, address="long@example.com")) is not None

        await until(is_retrieved, "the other large mailbox has room")
        assert not silent.done()
        await ended(silent)


async def test_where_little_room_is_left_for_plans_a_session_takes_a_part_and_the_next_one_goes_on(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_budget, "KEPT_BYTES", 0)
    monkeypatch.setattr(listing_budget, "LEAST_KEPT", 3)
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(8)) as server:
        for stored, remaining, more in ((3, 5, True), (3, 2, True), (2, 0, False)):
            report = await watcher.watch(account(server.port))
            assert report.progress is not None
            assert (report.stored, report.progress.remaining, report.more) == (stored, remaining, more)
            assert report.outcome == "mail"
    assert len(server.retrieved) == 8


async def test_a_login_that_is_tried_comes_again_too(pool: Pool, neighbour: Share) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2), capabilities=["TOP"]) as server:
        server.replies["UIDL"] = LONG
        for _ in range(3):
            with pytest.raises(ApplicationError, match="memory for lists") as ended:
                await watcher.try_login(account(server.port))
            assert ended.value.type == "Waiting"
        assert server.logins == 1
        neighbour.give_back()
        await watcher.try_login(account(server.port))


async def test_a_comparison_counts_its_lists_until_they_are_compared_and_waits_without_a_login(
    pool: Pool, budget: ListingBudget, neighbour: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(pool)
    held: dict[str, int] = {}
    threads: dict[str, set[bool]] = {}

    def noted(name: str) -> None:
        work = getattr(reconcile, name)

        def worked(*given: Any, **more: Any) -> Any:
            if given[0]:
                held[name] = budget.taken
                threads.setdefault(name, set()).add(threading.current_thread() is threading.main_thread())
            return work(*given, **more)

        monkeypatch.setattr(reconcile, name, worked)

    noted("listing")
    noted("compare_lists")

    async def compared(*given: Any) -> Any:
        held["all that is stored"] = budget.taken
        return await compare_stored(*given)

    monkeypatch.setattr(reconcile, "compare_stored", compared)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        settings = account(server.port)
        await watcher.connect(settings)
        assert (await watcher.watch(settings)).stored == 2
        server.replies["UIDL"] = LONG
        sessions = Sessions(
            Secrets(pool, watcher.worker, environ=watcher.environ), watcher.worker, AuthCodes(pool), timeouts=PATIENT
        )
        reconciliation = Reconciliation(pool, sessions, watcher.worker, "worker-1")
        asked = ReconcileRequest(address=settings.address, repair=False)
        logins = server.logins
        for _ in range(3):
            with pytest.raises(ApplicationError, match="memory for lists") as ended:
                await watcher.environment.run(reconciliation.reconcile, asked)
            assert ended.value.type == "Waiting"
        assert server.logins == logins + 1
        neighbour.give_back()
        done = await watcher.environment.run(reconciliation.reconcile, asked)
    assert done.report.server.on_server == 20_000
    assert threads == {"listing": {False}, "compare_lists": {False}}, "the loop is left to others"
    assert held["listing"] == held["compare_lists"] > 0, "its session was over then"
    assert held["all that is stored"] == 0, "which may take long, and others list meanwhile"
    assert budget.taken == 0

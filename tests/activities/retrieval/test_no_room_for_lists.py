"""A worker whose memory for lists is taken: whoever brings a long one comes again, and it is nobody's failure."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

import activities.pop.session
from activities.account import Recorder
from activities.pop.auth_codes import AuthCodes
from activities.pop.listing_budget import STEP, ListingBudget, Share
from activities.pop.session import Sessions, now_utc
from activities.reconciliation import reconcile
from activities.reconciliation.comparison import compare_stored
from activities.reconciliation.reconcile import Reconciliation
from domain.core.log_event import LoggedEvent
from infra.database.pool import Pool
from infra.vault.references import Secrets
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, PATIENT, Watcher, account, mailbox, recorded
from workflows.contract import ReconcileRequest, RecordRequest

LONG = b"+OK\r\n" + b"".join(b"%d %064d\r\n" % (number, number) for number in range(1, 20_001)) + b".\r\n"


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


async def test_a_comparison_counts_its_lists_until_it_has_compared_them_and_waits_without_a_login(
    pool: Pool, budget: ListingBudget, neighbour: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(pool)
    counted: list[int] = []
    threads: dict[str, set[bool]] = {}

    def noted(name: str) -> None:
        work = getattr(reconcile, name)

        def worked(*given: Any, **more: Any) -> Any:
            if given[0]:
                threads.setdefault(name, set()).add(threading.current_thread() is threading.main_thread())
            return work(*given, **more)

        monkeypatch.setattr(reconcile, name, worked)

    noted("listing")
    noted("compare_lists")

    async def compared(*given: Any) -> Any:
        counted.append(budget.taken)
        return await compare_stored(*given)

    monkeypatch.setattr(reconcile, "compare_stored", compared)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        settings = account(server.port)
        connected = LoggedEvent(
            event_id=uuid4(),
            at=now_utc(),
            type="AccountConnected",
            actor="ops",
            data={"settings": settings.model_dump(mode="json"), "version": 1},
        )
        request = RecordRequest(
            address=settings.address, events=[connected], notices=[None], account=recorded(settings)
        )
        await watcher.environment.run(Recorder(pool).record, request)
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
    assert len(counted) == 1
    assert counted[0] > 0, "its session was over then"
    assert budget.taken == 0

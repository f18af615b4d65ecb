"""A list of a very large mailbox is gone through in threads: whatever a session or a repair does with it, others go on."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from activities.pop.auth_codes import AuthCodes
from activities.pop.session import Sessions
from activities.reconciliation.reconcile import Reconciliation
from domain.mailbox.settings import AccountSettings
from domain.retrieval.plan import Listed
from infra.database.pool import Pool
from infra.vault.references import Secrets
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, PATIENT, Watcher, account
from workflows.contract import ReconcileRequest

LISTED = 12_000
A_FEW = 300  # messages that the loop may look at: those that something is done with


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The UIDLs of the messages whose identity was asked for in the loop."""
    found: list[str] = []

    def identity(one: Listed) -> tuple[str, int]:
        if threading.current_thread() is threading.main_thread():
            found.append(one.uidl)
        return one.uidl, one.occurrence

    monkeypatch.setattr(Listed, "identity", property(identity))
    return found


@asynccontextmanager
async def a_large_mailbox(watcher: Watcher) -> AsyncIterator[AccountSettings]:
    """It has been looked at once, and its mail is of before."""
    async with MailboxServer(password=PASSWORD) as server:
        numbers = range(1, LISTED + 1)
        server.replies["STAT"] = f"+OK {LISTED} {LISTED}00"
        for command, line in (("UIDL", "%d uid-%032d\r\n"), ("LIST", "%d %d\r\n")):
            lines = "".join(line % (one, one) for one in numbers)
            server.replies[command] = f"+OK\r\n{lines}.\r\n".encode()
        settings = account(server.port, start="from_now")
        await watcher.connect(settings)
        assert (await watcher.watch(settings)).skipped == LISTED
        yield settings


@pytest.mark.parametrize(
    "state",
    [
        pytest.param("state = 'skipped'", id="known"),
        pytest.param("state = 'deleted'", id="deleted here and listed still"),
        pytest.param("state = 'quarantined', retry_at = now() + interval '1 day'", id="in quarantine"),
        pytest.param("state = 'stored', deletion_asked_at = now()", id="asked to be deleted"),
    ],
)
async def test_a_session_looks_at_few_messages_of_a_long_list_in_the_loop(
    pool: Pool, looked_at: list[str], state: str
) -> None:
    watcher = Watcher(pool)
    async with a_large_mailbox(watcher) as settings:
        async with pool.connection() as connection:
            await connection.execute(f"update pop_ledger set {state}".encode())
        looked_at.clear()
        await watcher.attempt(settings)
    assert len(looked_at) <= A_FEW


async def test_a_repair_looks_at_few_messages_of_a_long_list_in_the_loop(pool: Pool, looked_at: list[str]) -> None:
    watcher = Watcher(pool)
    async with a_large_mailbox(watcher) as settings:
        async with pool.connection() as connection:
            await connection.execute("delete from pop_ledger where uidl > 'uid-00000000000000000000000000000100'")
        sessions = Sessions(
            Secrets(pool, watcher.worker, environ=watcher.environ), watcher.worker, AuthCodes(pool), timeouts=PATIENT
        )
        reconciliation = Reconciliation(pool, sessions, watcher.worker, "worker-1")
        asked = ReconcileRequest(address=settings.address, repair=True)
        looked_at.clear()
        done = await watcher.environment.run(reconciliation.reconcile, asked)
    assert done.to_fetch
    assert len(looked_at) <= A_FEW

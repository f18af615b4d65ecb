"""Temporal's database is set back to an earlier state: nothing that was answered as done is lost, and everybody is told."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.common import WorkflowIDConflictPolicy

from domain.account.lifecycle import State
from infra.database.pool import Pool
from infra.dev.children import Ports
from infra.dev.embedded_temporal import EmbeddedTemporal
from infra.settings import WorkerSettings
from infra.temporal.client import connect
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal, until
from tests.support.services import Services
from tests.support.workflows.crms import RunningCrm, connect_crm
from workflows import contract


class SetBack:
    """A Temporal server of the test's own, whose database can be copied and put back."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self._folder = folder
        self._binary = binary
        self._server = EmbeddedTemporal(folder, Ports(folder))

    @contextlib.asynccontextmanager
    async def runs(self) -> AsyncIterator[Client]:
        await asyncio.to_thread(self._server.start, self._binary)
        try:
            yield await connect(environ={}, target_host=self._server.address, namespace="default")
        finally:
            await asyncio.to_thread(self._server.stop)

    def copy(self) -> None:
        self._move(self._folder, self._folder / "copy")

    def put_back(self) -> None:
        self._move(self._folder / "copy", self._folder)

    def _move(self, source: Path, target: Path) -> None:
        """SQLite's files while no server has them open."""
        target.mkdir(exist_ok=True)
        for old in target.glob("temporal.db*"):
            old.unlink()
        for file in source.glob("temporal.db*"):
            shutil.copy(file, target / file.name)


async def failed(account: RunningAccount) -> None:
    """Returns once the account's workflow has failed, saying why."""

    async def over() -> bool:
        return (await account.handle.describe()).status != WorkflowExecutionStatus.RUNNING

    await until(over, f"the end of {account.address}")
    refused = await refusal(account.handle.result())
    assert refused.code == "log_conflict"
    assert "docs/production.md" in refused.message
    with pytest.raises(WorkflowQueryFailedError, match="Temporal was set back"):
        await account.status()


async def test_what_a_set_back_temporal_does_anew_is_refused_aloud_and_nothing_of_the_log_is_lost(
    services: Services, pool: Pool, worker_settings: WorkerSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server_of_temporal = SetBack(tmp_path / "temporal", Path(services.temporal_binary))
    (tmp_path / "temporal").mkdir()
    names = ("updated", "signalled", "polled", "failing", "resting", "filed", "untouched")
    async with MailboxServer(password="right") as server, MailboxServer(password="right") as other:
        async with server_of_temporal.runs() as client:
            mailroom = Mailroom(client, pool, worker_settings)
            await mailroom.start_workers()
            accounts = {
                name: await mailroom.connect(
                    other if name == "failing" else server,
                    f"{name}@example.com",
                    retrieval={"interval_minutes": 1 if name == "failing" else 60},
                )
                for name in names
            }
            for account in accounts.values():
                await account.until_watched()
            await accounts["resting"].command("disable", by="ops")
            crm = await connect_crm(mailroom, "sales")
            given = {name: await account.settings() for name, account in accounts.items()}
            await mailroom.stop_workers()
        server_of_temporal.copy()

        async with server_of_temporal.runs() as client:
            accounts = in_(mailroom := Mailroom(client, pool, worker_settings), names)
            other.password = "another"
            await mailroom.start_workers()
            for name in ("updated", "signalled", "polled"):
                await accounts[name].command("disable", by="ops", reason="vacation")
            await accounts["resting"].command("enable", by="ops")
            await accounts["filed"].command("save_contact", address="anna@example.org", name="Anna", by="ops")
            first = await crm_of(mailroom).save("contact", "Anna", "anna@example.org")
            await accounts["failing"].until_logged("RetrievalFailed")
            await mailroom.stop_workers()
        before = {name: await mailroom.log(f"{name}@example.com") for name in names}
        server_of_temporal.put_back()

        caplog.clear()
        async with server_of_temporal.runs() as client:
            accounts = in_(mailroom := Mailroom(client, pool, worker_settings), names)
            await mailroom.start_workers()
            refused = await refusal(accounts["updated"].command("set_quota", bytes=10**9, by="jane"))
            assert refused.code == "log_conflict"
            assert "AccountDisabled by ops" in refused.message
            assert "QuotaSet by jane" in refused.message
            await accounts["signalled"].signal("set_quota", {"bytes": 10**9, "by": "jane"})
            assert (await refusal(accounts["polled"].command("poll_now", by="jane"))).code == "log_conflict"
            assert (await refusal(accounts["resting"].command("close", by="jane"))).code == "log_conflict"
            refused = await refusal(
                accounts["filed"].command("save_contact", address="bob@example.org", name="Bob", by="jane")
            )
            assert refused.code == "log_conflict"
            for name in ("updated", "signalled", "polled", "failing", "resting"):
                await failed(accounts[name])
            second = await crm_of(mailroom).save("contact", "Bob", "bob@example.org")
            assert second["record_id"] != first["record_id"], "it would be saved over Anna's"
            names_of_records = await mailroom.rows("select name from directory where crm = %s order by name", crm.name)
            assert [row["name"] for row in names_of_records] == ["Anna", "Bob"]
            assert (await accounts["untouched"].command("poll_now"))["outcome"] == "nothing_new"
            assert (await accounts["filed"].status()).state is State.ACTIVE
            book = await mailroom.rows("select address from address_book where account = %s", "filed@example.com")
            assert [row["address"] for row in book] == ["anna@example.org"]
            told = [record.getMessage() for record in caplog.records if "Temporal was set back" in record.getMessage()]
            for name in ("updated", "signalled", "polled", "failing", "resting", "filed"):
                assert any(f"mail-account/{name}@example.com" in line for line in told), name
            for name in names:
                if name != "untouched":
                    assert await mailroom.log(f"{name}@example.com") == before[name]
                assert await mailroom.rows("select * from mailroom.verify_log(%s)", f"{name}@example.com") == []

            # What docs/production.md says: every workflow anew, and what the log has as disabled is disabled again.
            again = {}
            for name in ("updated", "untouched"):
                disabled = name == "updated"
                handle = await client.start_workflow(
                    contract.MAIL_ACCOUNT,
                    given[name],
                    id=accounts[name].handle.id,
                    task_queue=contract.WORKFLOW_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
                    start_signal="disable" if disabled else None,
                    start_signal_args=[{"by": "ops"}] if disabled else [],
                )
                again[name] = mailroom.started(f"{name}@example.com", handle)
            await again["updated"].until_state(State.DISABLED)
            await again["untouched"].until_state(State.ACTIVE)
            await again["updated"].until_logged("AccountDisabled", 2)
            for name in again:
                assert await mailroom.rows("select * from mailroom.verify_log(%s)", f"{name}@example.com") == []
            await mailroom.stop_workers()


def crm_of(mailroom: Mailroom) -> RunningCrm:
    return RunningCrm(mailroom, "sales", mailroom.client.get_workflow_handle("crm/sales"))


def in_(mailroom: Mailroom, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: mailroom.started(f"{name}@example.com") for name in names}

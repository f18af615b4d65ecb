"""Mailroom running inside a test: its workers on the run's Temporal server and the test's database, and its accounts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from psycopg.rows import dict_row
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from domain.account.lifecycle import State
from domain.account.status import AccountStatus
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.evidence import tasks
from worker import workers
from workflows import contract

PATIENCE = 300.0  # seconds: what never comes is noticed, a machine that is busy is not
MOMENT = 0.02
SELDOM = 0.5


@dataclass(frozen=True)
class Logged:
    """One row of the view `account_events`."""

    version: int
    at: datetime
    type: str
    actor: str
    data: dict[str, Any]
    run_id: str | None


@dataclass(frozen=True)
class Refusal:
    """What a refused caller is told: the words, and details[0]."""

    message: str
    code: str
    field: str | None
    failure: dict[str, Any] | None


async def until(
    happened: Callable[[], Awaitable[bool]], what: str, *, patience: float = PATIENCE, every: float = MOMENT
) -> None:
    """Returns once `happened` answers true; fails naming `what` when it never does. It is asked `every` so many seconds, and
    after a long time less often: asking costs what is waited for its share of the machine."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(patience):
            while not await happened():  # noqa: ASYNC110 -- what is asked is in a server
                await asyncio.sleep(max(every, min((time.monotonic() - began) / 20, SELDOM)))
    except TimeoutError:
        raise AssertionError(f"waited {patience:.0f} s in vain for {what}") from None


async def refusal(asked: Awaitable[Any]) -> Refusal:
    """The refusal that an update or a start's result ends in; fails where it was not refused."""
    try:
        answer = await asked
    except (WorkflowUpdateFailedError, WorkflowFailureError) as error:
        cause = error.cause
        assert isinstance(cause, ApplicationError), cause
        assert cause.type == contract.REFUSED, cause
        assert cause.details, "a refusal says its code in details[0]"
        return Refusal(cause.message, **cause.details[0])
    raise AssertionError(f"it was not refused: {answer!r}")


class RunningAccount:
    """One account as operators see it: commands, signals, queries, its log and its rows in the views."""

    def __init__(self, mailroom: Mailroom, address: str, handle: WorkflowHandle[Any, Any]) -> None:
        self.mailroom = mailroom
        self.address = address
        self.handle = handle

    async def command(self, name: str, /, **given: Any) -> Any:
        """Sends an update and waits for its answer, in plain JSON."""
        return await self.handle.execute_update(name, *([given] if given else []))

    async def signal(self, name: str, *payloads: Any) -> None:
        await self.handle.signal(name, args=payloads)

    async def status(self) -> AccountStatus:
        answer: AccountStatus = await self.handle.query("status", result_type=AccountStatus)
        return answer

    async def settings(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self.handle.query("settings")
        return answer

    async def until(self, holds: Callable[[AccountStatus], bool], what: str) -> AccountStatus:
        """The first status that `holds`; fails naming `what`."""
        seen: list[AccountStatus] = []

        async def looked() -> bool:
            seen[:] = [await self.status()]
            return holds(seen[0])

        try:
            await until(looked, f"{self.address}: {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen}") from None
        return seen[0]

    async def until_state(self, state: State) -> AccountStatus:
        return await self.until(lambda now: now.state is state, f"state {state}")

    async def log(self, *types: str) -> list[Logged]:
        """Its entries in the log, in order; only those of `types` where any are named."""
        return await self.mailroom.log(self.address, *types)

    async def logged(self, *types: str) -> list[str]:
        """The types of its entries in the log, in order."""
        return [entry.type for entry in await self.log(*types)]

    async def until_logged(self, kind: str, times: int = 1) -> list[Logged]:
        """Its entries of type `kind`, once there are that many."""

        async def written() -> bool:
            return len(await self.log(kind)) >= times

        await until(written, f"{self.address}: {times} x {kind} in the log")
        return await self.log(kind)

    async def mail(self) -> list[str]:
        """The UIDLs of its stored messages."""
        rows = await self.mailroom.rows("select uidl from messages where address = %s order by id", self.address)
        return [row["uidl"] for row in rows]

    async def until_mail(self, count: int) -> list[str]:
        """The UIDLs of its stored messages, once there are `count`."""

        async def stored() -> bool:
            return len(await self.mail()) >= count

        await until(stored, f"{self.address}: {count} stored messages")
        return await self.mail()

    async def seen(self) -> dict[str, Any] | None:
        """Its row in the view `accounts`, None where it has none."""
        rows = await self.mailroom.rows("select * from accounts where address = %s", self.address)
        return rows[0] if rows else None

    async def has_a_session(self) -> bool:
        """Whether a worker holds the mailbox's lease."""
        query = "select 1 from leases where address = %s and expires_at > clock_timestamp()"
        return bool(await self.mailroom.rows(query, self.address))

    async def search_attributes(self) -> dict[str, Any]:
        described = await self.handle.describe()
        return {pair.key.name: pair.value for pair in described.typed_search_attributes.search_attributes}

    async def page(self) -> str:
        """What the Temporal UI shows as its current details."""
        metadata: WorkflowMetadata = await self.handle.query("__temporal_workflow_metadata")
        return metadata.current_details

    async def whole_history(self) -> bytes:
        """Everything that Temporal keeps of the current run, payloads as they are."""
        return b"".join([event.SerializeToString() async for event in self.handle.fetch_history_events()])

    async def history_length(self) -> int:
        """Events in the current run's history."""
        return (await self.handle.describe()).history_length

    async def attempts(self) -> int:
        """The current attempt of the running watch; each attempt is one look at the mailbox. 0 while there is no watch."""
        pending = (await self.handle.describe()).raw_description.pending_activities
        return max((one.attempt for one in pending if one.activity_type.name == "watch"), default=0)

    async def until_watched(self) -> None:
        """Returns once a watch is waiting for its next look: its first one found nothing new."""

        async def waits() -> bool:
            return await self.attempts() > 1

        await until(waits, f"{self.address}: a watch that looks again")


class Mailroom:
    """Mailroom's workers in this process, for as long as the block lasts; what it started is gone afterwards.

    ```
    async with Mailroom(client, pool, settings) as mailroom, MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.command("poll_now")
    ```
    """

    def __init__(self, client: Client, pool: Pool, settings: WorkerSettings) -> None:
        self.client = client
        self.pool = pool
        self.settings = settings
        self._started: list[WorkflowHandle[Any, Any]] = []
        self._running = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.start_workers()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # it is gone when the test's report is made
            print(f"--- tasks, when {type(error).__name__} ended the workers\n{tasks()}")  # noqa: T201 -- pytest shows it
        for handle in self._started:
            with contextlib.suppress(RPCError):  # it has ended by itself
                await handle.terminate("the test is over")
        await self.stop_workers()

    async def start_workers(self) -> None:
        for worker in workers(self.client, self.pool, self.settings):
            await self._run(worker)

    async def start_workers_of(self, *roles: str) -> None:
        """Workers of these roles, beside those that run."""
        for worker in workers(self.client, self.pool, replace(self.settings, roles=frozenset(roles))):
            await self._run(worker)

    async def stop_workers(self) -> None:
        """Drains and stops the workers; accounts stay, and go on when workers are started again."""
        await self._running.aclose()

    async def _run(self, worker: Worker) -> None:
        await self._running.enter_async_context(worker)

    def secret(self, password: str, name: str = "") -> str:
        """A reference to a secret that holds `password`; with a name, one that can be changed by saying it again."""
        assert self.settings.secret_dir is not None
        name = name or uuid4().hex
        (self.settings.secret_dir / name).write_text(password, encoding="utf-8")
        return f"file:{name}"

    def given(self, server: MailboxServer, address: str = "", **settings: Any) -> dict[str, Any]:
        """AccountSettings as an operator writes them, for a mailbox at `server`.

        `incoming` and `retrieval` are laid over what is given for them, field by field; anything else replaces.
        """
        incoming = {"host": server.host, "port": server.port, "tls": "none"} | settings.pop("incoming", {})
        if "secret" not in incoming:
            incoming["secret"] = self.secret(server.password)
        retrieval = {"interval_minutes": 1} | settings.pop("retrieval", {})
        return {"address": address or a_new_address(), "incoming": incoming, "retrieval": retrieval} | settings

    async def start(self, *payloads: Any, address: str = "") -> RunningAccount:
        """Starts `MailAccount` with these inputs and waits for nothing."""
        first = payloads[0] if payloads else None
        if not address:
            address = first["address"] if isinstance(first, dict) and "address" in first else a_new_address()
        handle = await self.client.start_workflow(
            contract.MAIL_ACCOUNT,
            args=payloads,
            id=contract.account_workflow_id(address),
            task_queue=contract.WORKFLOW_QUEUE,
        )
        return self.started(address, handle)

    def started(self, address: str, handle: WorkflowHandle[Any, Any] | None = None) -> RunningAccount:
        """An account that was started by other means; it ends with the test too."""
        handle = handle or self.client.get_workflow_handle(contract.account_workflow_id(address))
        self._started.append(self.client.get_workflow_handle(handle.id))
        return RunningAccount(self, address, handle)

    def also_started(self, handle: WorkflowHandle[Any, Any]) -> None:
        """A workflow of another type, which ends with the test, too."""
        self._started.append(self.client.get_workflow_handle(handle.id))

    async def connect(self, server: MailboxServer, address: str = "", **settings: Any) -> RunningAccount:
        """Starts an account on `server` and returns once it is connected; fails at once where its workflow has ended."""
        account = await self.start(self.given(server, address, **settings))
        if (
            await account.until(lambda now: now.state is not State.VERIFYING, "the end of the set-up")
        ).state is State.CLOSED:
            raise AssertionError(f"{account.address} was not connected: {await refusal(account.handle.result())}")
        await account.until_logged("AccountConnected")
        return account

    async def log(self, address: str, *types: str) -> list[Logged]:
        rows = await self.rows(
            "select version, at, type, actor, data, run_id from account_events where address = %s order by version",
            address,
        )
        return [Logged(**row) for row in rows if not types or row["type"] in types]

    async def notices(self, address: str) -> Sequence[dict[str, Any]]:
        return await self.rows("select * from notices where address = %s order by at", address)

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            cursor = await connection.cursor(row_factory=dict_row).execute(query, values)
            return await cursor.fetchall()


def a_new_address(name: str = "jane") -> str:
    """An address that no other test has."""
    return f"{name}-{uuid4().hex[:12]}@example.com"

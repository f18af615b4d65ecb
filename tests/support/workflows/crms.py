"""CRM connections in a running Mailroom, as operators see them."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle

from domain.crm.status import CrmStatus
from tests.support.running import Logged, Mailroom, refusal, until
from workflows import contract


class RunningCrm:
    def __init__(self, mailroom: Mailroom, name: str, handle: WorkflowHandle[Any, Any]) -> None:
        self.mailroom = mailroom
        self.name = name
        self.handle = handle

    async def command(self, name: str, /, **given: Any) -> Any:
        """Sends an update and waits for its answer, in plain JSON."""
        return await self.handle.execute_update(name, *([given] if given else []))

    async def status(self) -> CrmStatus:
        answer: CrmStatus = await self.handle.query("status", result_type=CrmStatus)
        return answer

    async def until(self, holds: Callable[[CrmStatus], bool], what: str) -> CrmStatus:
        """The first status that `holds`; fails naming `what`."""
        seen: list[CrmStatus] = []

        async def looked() -> bool:
            seen[:] = [await self.status()]
            return holds(seen[0])

        try:
            await until(looked, f"{self.name}: {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen}") from None
        return seen[0]

    async def log(self, *types: str) -> list[Logged]:
        return await self.mailroom.log(f"crm/{self.name}", *types)

    async def logged(self) -> list[str]:
        return [entry.type for entry in await self.log()]

    async def until_logged(self, kind: str, times: int = 1) -> list[Logged]:
        async def written() -> bool:
            return len(await self.log(kind)) >= times

        await until(written, f"{self.name}: {times} x {kind} in the log")
        return await self.log(kind)

    async def until_rows(self, query: str, count: int) -> list[dict[str, Any]]:
        """The rows of `query`, once there are that many."""

        async def there() -> bool:
            return len(await self.mailroom.rows(query)) >= count

        await until(there, f"{count} rows of {query}")
        return await self.mailroom.rows(query)

    async def until_pulled(self, cursors: Sized, times: int) -> None:
        """Returns once the directory was pulled so often; `cursors` has one for each pull."""

        async def pulled() -> bool:
            return len(cursors) >= times

        await until(pulled, f"{self.name}: {times} pulls")

    async def save(self, kind: str, name: str, *addresses: str, record_id: str | None = None) -> dict[str, Any]:
        saved: dict[str, Any] = await self.command(
            "save_record", record_kind=kind, record_id=record_id, name=name, addresses=list(addresses)
        )
        return saved

    async def search_attributes(self) -> dict[str, Any]:
        described = await self.handle.describe()
        return {pair.key.name: pair.value for pair in described.typed_search_attributes.search_attributes}


async def start_crm(mailroom: Mailroom, name: str = "", **settings: Any) -> RunningCrm:
    """Starts a connection and waits for nothing; it ends with the test."""
    name = name or f"crm-{uuid4().hex[:12]}"
    handle = await mailroom.client.start_workflow(
        contract.CRM_CONNECTION,
        {"name": name} | settings,
        id=contract.crm_workflow_id(name),
        task_queue=contract.WORKFLOW_QUEUE,
    )
    mailroom.started(f"crm/{name}", handle)
    return RunningCrm(mailroom, name, handle)


async def connect_crm(mailroom: Mailroom, name: str = "", **settings: Any) -> RunningCrm:
    """Starts a connection and returns once it is active; fails at once where its workflow has ended."""
    crm = await start_crm(mailroom, name, **settings)
    if (await crm.until(lambda now: now.state in ("active", "closed"), "the end of the set-up")).state == "closed":
        raise AssertionError(f"{crm.name} was not connected: {await refusal(crm.handle.result())}")
    return crm

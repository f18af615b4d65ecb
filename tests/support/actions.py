"""An account with linked mail, its actions asked as the workflow asks them, and a CRM that fails by script."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from activities.actions.actions import Actions
from activities.actions.context import Contexts
from activities.crm.adapters.builtin.activities import BuiltinActivities
from activities.crm.adapters.protocol import Activity, CrmFailure, NewActivity, NewRecord
from domain.directory.records import Record, RecordKind
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.commands import attempt
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account
from workflows.contract import DeskRequest


class Died(BaseException):
    """The worker is killed here."""


@dataclass
class ScriptedCrm:
    """The built-in CRM behind a line that fails: before it is asked, or after it has done what it was asked."""

    pool: Pool
    name: str
    before: dict[str, BaseException] = field(default_factory=dict)
    after: dict[str, BaseException] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def _call(self, name: str, call: Awaitable[Any]) -> Any:
        self.calls.append(name)
        if failure := self.before.pop(name, None):
            call.close()  # type: ignore[attr-defined]  # a coroutine that is not awaited
            raise failure
        answer = await call
        if failure := self.after.pop(name, None):
            raise failure
        return answer

    @property
    def _crm(self) -> BuiltinActivities:
        return BuiltinActivities(self.pool, self.name)

    async def add_record(self, new: NewRecord) -> Record:
        answer: Record = await self._call("add_record", self._crm.add_record(new))
        return answer

    async def find_record(self, new: NewRecord) -> Record | None:
        answer: Record | None = await self._call("find_record", self._crm.find_record(new))
        return answer

    async def add_activity(self, new: NewActivity) -> str:
        answer: str = await self._call("add_activity", self._crm.add_activity(new))
        return answer

    async def find_activity(self, new: NewActivity) -> str | None:
        answer: str | None = await self._call("find_activity", self._crm.find_activity(new))
        return answer

    async def activities(self, record_kind: RecordKind, record_id: str) -> Collection[Activity]:
        answer: Collection[Activity] = await self._call("activities", self._crm.activities(record_kind, record_id))
        return answer


class Asking:
    """One account's actions."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.watcher = Watcher(pool)
        self.crm = ScriptedCrm(pool, "builtin")
        self.actions = Actions(pool, self._open, "help@mailroom.example")
        self.contexts = Contexts(pool, self._open)

    @contextlib.asynccontextmanager
    async def _open(self, name: str) -> AsyncIterator[ScriptedCrm]:
        self.crm.name = name
        yield self.crm

    async def retrieve(self, *messages: bytes, crm: tuple[str, ...] = ("builtin",), **settings: Any) -> list[int]:
        """Retrieves these messages; their ids."""
        uidls = {f"{uuid4()}": raw for raw in messages}
        async with MailboxServer(password=PASSWORD, messages=uidls) as server:
            given = account(server.port, crm=crm, **settings)
            await self.watcher.record(given)
            await self.watcher.watch(given)
        return await self.watcher.column("select id from messages where address = %s order by id", given.address)

    async def ask(self, command: str, *, of_account: str = JANE, **given: Any) -> dict[str, Any]:
        """The answer of one command's activity, which is called as if for the first time."""
        of: Callable[[DeskRequest], Awaitable[dict[str, Any]]] = getattr(
            self.contexts if command == "context" else self.actions, command
        )
        given = {"by": "jane"} | given
        if command != "context":
            given = {"request_id": "r1", "crm": "builtin"} | given
        return await attempt(of, given, address=of_account)

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return await self.watcher.rows(query, *values)

    async def events(self, kind: str) -> list[dict[str, Any]]:
        rows = await self.rows("select data from account_events where type = %s order by version", kind)
        return [row["data"] for row in rows]


__all__ = ["Asking", "CrmFailure", "Died", "ScriptedCrm"]

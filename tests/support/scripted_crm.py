"""A CRM adapter that fails by script: for what real CRMs will not do on demand. It is the protocol that is tested with it.

What the CRM would keep is in `Script`, which outlives any adapter, as a CRM outlives any connection.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.crm.adapters import registry
from activities.crm.adapters.protocol import Activity, Crm, CrmFailure, Entry, Found, NewActivity, NewRecord
from activities.crm.adapters.registry import Access, Made
from activities.crm.serve import CrmServing
from domain.crm.commands import Counts, SyncReport
from domain.crm.settings import CrmSettings
from domain.directory.records import Cursor, Page, Record
from domain.failures.failure import Failure, Kind
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.telemetry.metrics import CrmMetrics
from tests.support.mailboxes import Watcher, failure_of, local_worker
from workflows.contract import ServeRequest

NAME = "sales"


class Dies(BaseException):
    """The worker is killed at this very line."""


@dataclass
class Script:
    """The CRM, and what it does next. A step is an error to raise, or "commit" and then that error."""

    shows: dict[str, Entry] = field(default_factory=dict)
    pages: list[list[Record]] = field(default_factory=list)
    steps: defaultdict[str, deque[tuple[bool, BaseException]]] = field(default_factory=lambda: defaultdict(deque))
    calls: Counter[str] = field(default_factory=Counter)
    told: list[tuple[str, Entry]] = field(default_factory=list)
    down: CrmFailure | None = None
    silent: asyncio.Event | None = None
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    says_directions: bool = True
    wants_the_secret: bool = False
    cursors: list[Cursor | None] = field(default_factory=list)

    def fail(
        self, call: str, kind: Kind | BaseException, *, after_commit: bool = False, times: int = 1, **more: Any
    ) -> None:
        error = CrmFailure(kind, "scripted", "its words", **more) if isinstance(kind, Kind) else kind
        self.steps[call].extend([(after_commit, error)] * times)


class ScriptedCrm:
    def __init__(self, script: Script, access: Access) -> None:
        self._script = script
        self._access = access

    async def _call(self, name: str) -> BaseException | None:
        """Raises what is to happen before anything is done; answers what is to happen after it."""
        script = self._script
        self._access.host.count()
        script.calls[name] += 1
        if script.silent is not None:
            await script.silent.wait()
        if name in script.held:
            await script.held[name].wait()
        if script.down is not None:
            raise script.down
        if not script.steps[name]:
            return None
        after_commit, error = script.steps[name].popleft()
        if not after_commit:
            raise error
        return error

    async def check(self) -> None:
        await self._call("check")

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        self._script.cursors.append(cursor)
        first = 0 if cursor is None else int(cursor["page"])
        for number, records in enumerate(self._script.pages[first:], start=first + 1):
            await self._call("pull")
            yield Page(records, {"page": number})

    async def push(self, entry: Entry) -> str:
        return await self._show("push", entry)

    async def turn(self, entry: Entry, remote_id: str) -> str:
        assert remote_id == f"remote-{entry.key[:8]}"
        return await self._show("turn", entry)

    async def _show(self, call: str, entry: Entry) -> str:
        after = await self._call(call)
        self._script.told.append((call, entry))
        assert call == "turn" or entry.key not in self._script.shows, "it was pushed twice"
        self._script.shows[entry.key] = entry
        if after is not None:
            raise after
        return f"remote-{entry.key[:8]}"

    def probe(self, entry: Entry) -> Mapping[str, Any]:
        return {}

    async def find(self, entry: Entry, remote_id: str = "") -> Found | None:
        await self._call("find")
        shown = self._script.shows.get(entry.key)
        if shown is None:
            return None
        return Found(f"remote-{entry.key[:8]}", shown.direction if self._script.says_directions else None)

    async def remove(self, entry: Entry, remote_id: str) -> None:
        after = await self._call("remove")
        self._script.told.append(("remove", entry))
        self._script.shows.pop(entry.key, None)
        if after is not None:
            raise after

    async def add_record(self, new: NewRecord) -> Record:
        raise AssertionError("no session adds records")

    async def find_record(self, new: NewRecord) -> Record | None:
        raise AssertionError("no session looks for records")

    async def add_activity(self, new: NewActivity) -> str:
        raise AssertionError("no session adds activities")

    async def find_activity(self, new: NewActivity) -> str | None:
        raise AssertionError("no session looks for activities")

    async def activities(self, record_kind: str, record_id: str) -> Sequence[Activity]:
        raise AssertionError("no session reads activities")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """What a connection of kind tryton speaks with for the length of the test."""
    made = Script()

    async def scripted(access: Access) -> Crm:
        if made.wants_the_secret:
            await access.secret()
        return ScriptedCrm(made, access)

    monkeypatch.setitem(registry.KINDS, "tryton", Made(lambda settings: settings.url or "", scripted))
    return made


def settings(name: str = NAME, **changes: Any) -> dict[str, Any]:
    """CrmSettings as an operator writes them."""
    return {
        "name": name,
        "kind": "tryton",
        "url": "http://127.0.0.1:1/sales",
        "secret": "env:MAILROOM_SECRET_CRM",
        **changes,
    }


@dataclass
class Serving:
    """One worker that serves a CRM, without Temporal around it."""

    pool: Pool
    worker: WorkerSettings = field(default_factory=local_worker)
    settings: CrmSettings = field(default_factory=lambda: CrmSettings.model_validate(settings()))
    name: str = "worker-1"
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)
    metrics: CrmMetrics | None = None

    @property
    def seen(self) -> Watcher:
        return Watcher(self.pool)

    async def sync(self, *, report: bool = True, pulled: bool = False, counts: Counts | None = None) -> SyncReport:
        """One attempt, as sync_now asks for it."""
        request = ServeRequest(
            settings=self.settings,
            settings_version=1,
            recovering=False,
            report=report,
            pull=report,
            counts=counts or Counts(),
            pulled_at=datetime.now(UTC) if pulled else None,
        )
        serving = CrmServing(self.pool, registry.Adapters(self.pool, self.worker, self.metrics), self.worker, self.name)
        return await self.environment.run(serving.serve_crm, request)

    async def fails(self, **request: Any) -> tuple[Failure, dict[str, Any]]:
        with pytest.raises(ApplicationError) as ended:
            await self.sync(**request)
        return failure_of(ended.value), ended.value.details[1]

    async def outbox(self) -> list[dict[str, Any]]:
        return await self.seen.rows(
            "select action, record_id, state, attempts, last_error, failure, direction from outbox where crm = %s order by id",
            self.settings.name,
        )

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.outbox()]

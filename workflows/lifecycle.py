"""State inside a workflow: what is decided holds at once, is shown to people, and is recorded in order."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from domain.audit import LoggedEvent, Notice
from domain.events import Happened, facts
from workflows import contract
from workflows.calls import RETRY

EVENTS_PER_RECORD = 20  # together well below what a payload may hold


class Living(Protocol):
    """An account or a CRM connection, as far as its life goes."""

    @property
    def state(self) -> StrEnum: ...


Current = TypeVar("Current", bound=Living)
Asked = TypeVar("Asked")


class Lifecycle(ABC, Generic[Current, Asked]):
    """`current` is the fold of all that was decided; `record` brings the log up to it."""

    def __init__(
        self,
        current: Current,
        decide: Callable[[Current, Asked, datetime], Sequence[Happened]],
        evolve: Callable[[Current, Any], Current],
        notice: Callable[[Any, Current], Notice | None],
        connected: type[Happened],
    ) -> None:
        self.current = current
        self.connected = current.state != "verifying"  # from its first success on, the database has a row of it
        self._decide = decide
        self._evolve = evolve
        self._notice = notice
        self._first_success = connected
        self._unrecorded: list[tuple[LoggedEvent, Notice | None]] = []
        self._recording = asyncio.Lock()

    @property
    def recorded(self) -> bool:
        return not self._unrecorded

    def apply(self, asked: Asked) -> bool:
        """Decides, and makes what was decided the state; False where nothing followed. Raises Refused."""
        events = self._decide(self.current, asked, workflow.now())
        for event in events:
            self.current = self._evolve(self.current, event)
            self.connected = self.connected or isinstance(event, self._first_success)
            if event.in_log:
                self._unrecorded.append((_logged(event), self._notice(event, self.current)))
        if events:
            self.publish()
        return bool(events)

    async def record(self) -> None:
        """Appends what was decided, in order; comes back when all of it is in the log, however long that takes."""
        async with self._recording:  # one writer, or a retry could overtake the append before it
            while self._unrecorded:
                batch = self._unrecorded[:EVENTS_PER_RECORD]
                events = [event for event, _ in batch]
                await workflow.execute_activity(
                    "record",
                    self._request(events, [told for _, told in batch]),
                    summary=", ".join(dict.fromkeys(event.type for event in events)),
                    start_to_close_timeout=timedelta(seconds=30),
                    retry_policy=RETRY,
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                )
                del self._unrecorded[: len(batch)]

    def publish(self) -> None:
        """Search attributes, only those that changed and in one event, and the page in the UI, which costs none."""
        shown = workflow.info().typed_search_attributes  # those that a run before this one left, too
        updates: list[SearchAttributeUpdate[Any]] = [
            key.value_unset() if value is None else key.value_set(value)
            for key, value in self._search_attributes().items()
            if shown.get(key) != value
        ]
        if updates:
            workflow.upsert_search_attributes(updates)
        at = f"{workflow.now():%Y-%m-%d %H:%M:%S} UTC"
        workflow.set_current_details(
            f"{self._page()}\n\n_As of {at}: looks that bring no news change nothing here. The views are live._"
        )

    @abstractmethod
    def _request(self, events: list[LoggedEvent], notices: list[Notice | None]) -> contract.RecordRequest: ...

    @abstractmethod
    def _search_attributes(self) -> Mapping[Any, Any]:
        """Values by keys; None where there is none."""

    @abstractmethod
    def _page(self) -> str:
        """What the UI shows of it, as markdown."""


def _logged(event: Happened) -> LoggedEvent:
    return LoggedEvent(
        event_id=workflow.uuid4(), at=event.at, type=type(event).__name__, actor=event.actor, data=facts(event)
    )

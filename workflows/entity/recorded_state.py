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
from temporalio.exceptions import ActivityError

from domain.core.events import Happened, facts
from domain.core.log_event import LoggedEvent, Notice
from domain.core.refusal import Refused
from domain.failures.wording import clock
from workflows import contract
from workflows.entity.activities import RETRY, log_conflict

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
        self.conflict: Refused | None = None
        """Why nothing can be recorded any more."""
        self._before: Current | None = None  # the first success, while the database has no row of it yet
        self._decide = decide
        self._evolve = evolve
        self._notice = notice
        self._first_success = connected
        self._unrecorded: list[tuple[LoggedEvent, Notice | None]] = []
        self._recording = asyncio.Lock()

    @property
    def recorded(self) -> bool:
        return not self._unrecorded

    @property
    def shown(self) -> Current:
        """What people and programs are told: of a first success only once others find its row in the database."""
        return self._before or self.current

    def apply(self, asked: Asked) -> bool:
        """Decides, and makes what was decided the state; False where nothing followed. Raises Refused."""
        events = self._decide(self.current, asked, workflow.now())
        for event in events:
            if not self.connected and isinstance(event, self._first_success):
                self.connected, self._before = True, self.current
            self.current = self._evolve(self.current, event)
            if event.in_log:
                self._unrecorded.append((_logged(event), self._notice(event, self.current)))
        if events:
            self.publish()
        return bool(events)

    async def record(self) -> None:
        """Appends what was decided, in order; comes back when all of it is in the log, however long that takes.

        Raises Refused where the log has other events under the ids of these, now and whenever it is called again: nothing may
        be written after what is missing.
        """
        async with self._recording:  # one writer, or a retry could overtake the append before it
            while self._unrecorded:
                if self.conflict:
                    raise self.conflict
                batch = self._unrecorded[:EVENTS_PER_RECORD]
                events = [event for event, _ in batch]
                try:
                    await workflow.execute_activity(
                        "record",
                        self._request(events, [told for _, told in batch]),
                        summary=", ".join(dict.fromkeys(event.type for event in events)),
                        start_to_close_timeout=timedelta(seconds=30),
                        retry_policy=RETRY,
                        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                    )
                except ActivityError as error:
                    self.conflict = log_conflict(error)
                    if self.conflict is None:
                        raise
                    raise self.conflict from None
                del self._unrecorded[: len(batch)]
                if any(event.type == self._first_success.__name__ for event in events):
                    self._before = None

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
        at = clock(workflow.now())
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

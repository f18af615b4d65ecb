"""An account's state inside its workflow: what is decided holds at once, is shown to people, and is recorded in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeUpdate

from domain.account import Account, AnyCommand, State, decide, evolve
from domain.audit import LoggedEvent, Notice
from domain.events import AccountConnected, Happened, QuotaSet, facts
from domain.providers import profile_of
from domain.status import details, notice
from workflows import contract

EVENTS_PER_RECORD = 20  # together well below what a payload may hold
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


class Journal:
    """What was decided and is not in the log yet."""

    def __init__(self) -> None:
        self._unrecorded: list[tuple[LoggedEvent, Notice | None]] = []
        self._recording = asyncio.Lock()

    @property
    def empty(self) -> bool:
        return not self._unrecorded

    def add(self, event: Happened, told: Notice | None) -> None:
        logged = LoggedEvent(
            event_id=workflow.uuid4(),
            at=event.at,
            type=type(event).__name__,
            actor=event.actor,
            data=facts(event),
        )
        self._unrecorded.append((logged, told))

    async def record(self, request: Callable[[list[LoggedEvent], list[Notice | None]], contract.RecordRequest]) -> None:
        """Appends what was decided, in order; comes back when all of it is in the log, however long that takes."""
        async with self._recording:  # one writer, or a retry could overtake the append before it
            while self._unrecorded:
                batch = self._unrecorded[:EVENTS_PER_RECORD]
                events = [event for event, _ in batch]
                await workflow.execute_activity(
                    "record",
                    request(events, [told for _, told in batch]),
                    summary=", ".join(dict.fromkeys(event.type for event in events)),
                    start_to_close_timeout=timedelta(seconds=30),
                    retry_policy=RETRY,
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                )
                del self._unrecorded[: len(batch)]


def show(wanted: Mapping[Any, Any], page: str) -> None:
    """Search attributes, only those that changed and in one event, and the page in the UI, which costs none."""
    shown = workflow.info().typed_search_attributes  # those that a run before this one left, too
    updates: list[SearchAttributeUpdate[Any]] = [
        key.value_unset() if value is None else key.value_set(value)
        for key, value in wanted.items()
        if shown.get(key) != value
    ]
    if updates:
        workflow.upsert_search_attributes(updates)
    at = f"{workflow.now():%Y-%m-%d %H:%M:%S} UTC"
    workflow.set_current_details(
        f"{page}\n\n_As of {at}: looks that bring no news change nothing here. The views are live._"
    )


class Lifecycle:
    """`account` is the fold of all that was decided; `record` brings the log up to it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.connected = account.state is not State.VERIFYING
        self._journal = Journal()

    @property
    def recorded(self) -> bool:
        return self._journal.empty

    def apply(self, asked: AnyCommand) -> bool:
        """Decides, and makes what was decided the account's state; False where nothing followed. Raises Refused."""
        events = decide(self.account, asked, workflow.now())
        for event in events:
            self.account = evolve(self.account, event)
            self.connected = self.connected or isinstance(event, AccountConnected)
            if event.in_log:
                self._journal.add(event, notice(event, self.account))
        if events:
            self.publish()
        return bool(events)

    async def record(self) -> None:
        await self._journal.record(self._request)

    def _request(self, events: list[LoggedEvent], notices: list[Notice | None]) -> contract.RecordRequest:
        return contract.RecordRequest(
            address=self.account.settings.address,
            events=events,
            notices=notices,
            account=self._as_recorded() if self.connected else None,
            quota=_quota_set(events),
        )

    def publish(self) -> None:
        account = self.account
        wanted: dict[Any, Any] = {
            contract.STATE: account.state.value,
            contract.REASON: account.reason,
            contract.FAILURE: account.last_failure.kind.value if account.last_failure else None,
            contract.HOST: account.settings.incoming.host,
            contract.ORGANISATION: account.settings.organisation,
            contract.PROVIDER: profile_of(account.settings).name,
            contract.AUTHENTICATION_FAILURES: account.failures.authentication,
            contract.CONNECTION_FAILURES: account.failures.connection,
            contract.BACKLOG: account.progress.remaining,
        }
        show(wanted, details(account, workflow.now()))

    def _as_recorded(self) -> contract.RecordedAccount:
        account = self.account
        return contract.RecordedAccount(
            organisation=account.settings.organisation,
            owner=account.settings.owner,
            host=account.settings.incoming.host,
            crm=account.settings.crm,
            aliases=account.settings.aliases,
            state=account.state,
            reason=account.reason,
            authentication_failures=account.failures.authentication,
            connection_failures=account.failures.connection,
            next_attempt_at=account.next_attempt_at,
        )


def _quota_set(events: list[LoggedEvent]) -> tuple[str, int] | None:
    """The quota that the last of `events` to set one has set: it is the user's, so it is written once, and by no other."""
    quotas = [event.data for event in events if event.type == QuotaSet.__name__]
    return (quotas[-1]["user"], quotas[-1]["bytes"]) if quotas else None

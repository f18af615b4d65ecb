"""A CRM connection's state inside its workflow: decided, shown and recorded as an account's is (workflows/lifecycle.py)."""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from domain.audit import LoggedEvent, Notice
from domain.crm_commands import AnyCommand
from domain.crm_events import CrmConnected
from domain.crm_life import Connection, CrmState, decide, evolve
from domain.crm_status import details, host_of, notice
from workflows import contract
from workflows.lifecycle import Journal, show


class CrmLifecycle:
    """`connection` is the fold of all that was decided; `record` brings the log up to it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._connected = connection.state is not CrmState.VERIFYING
        self._journal = Journal()

    @property
    def recorded(self) -> bool:
        return self._journal.empty

    def apply(self, asked: AnyCommand) -> bool:
        """Decides, and makes what was decided the state; False where nothing followed. Raises Refused."""
        events = decide(self.connection, asked, workflow.now())
        for event in events:
            self.connection = evolve(self.connection, event)
            self._connected = self._connected or isinstance(event, CrmConnected)
            if event.in_log:
                self._journal.add(event, notice(event, self.connection))
        if events:
            self.publish()
        return bool(events)

    async def record(self) -> None:
        await self._journal.record(self._request)

    def publish(self) -> None:
        connection = self.connection
        failure = connection.last_failure
        wanted: dict[Any, Any] = {
            contract.STATE: connection.state.value,
            contract.REASON: connection.reason,
            contract.FAILURE: failure.kind.value if failure else None,
            contract.HOST: host_of(connection.settings),
            contract.ORGANISATION: connection.settings.organisation,
            contract.PROVIDER: connection.settings.kind,
            contract.AUTHENTICATION_FAILURES: connection.failures.authentication,
            contract.CONNECTION_FAILURES: connection.failures.connection,
            contract.BACKLOG: connection.counts.backlog,
        }
        show(wanted, details(connection))

    def _request(self, events: list[LoggedEvent], notices: list[Notice | None]) -> contract.RecordRequest:
        connection = self.connection
        failure = connection.last_failure
        recorded = contract.RecordedCrm(
            settings=connection.settings,
            state=connection.state.value,
            reason=connection.reason,
            last_failure=failure.kind.value if failure else None,
            authentication_failures=connection.failures.authentication,
            connection_failures=connection.failures.connection,
            next_attempt_at=connection.next_attempt_at,
        )
        return contract.RecordRequest(
            address=contract.crm_workflow_id(connection.settings.name),
            events=events,
            notices=notices,
            account=None,
            crm=recorded if self._connected else None,
        )

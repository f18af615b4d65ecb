"""A CRM connection's state inside its workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.core.log_event import LoggedEvent, Notice
from domain.crm.commands import AnyCommand
from domain.crm.events import CrmConnected
from domain.crm.lifecycle import Connection, decide, evolve
from domain.crm.status import details, host_of, notice
from workflows import contract
from workflows.entity.recorded_state import Lifecycle


class CrmLifecycle(Lifecycle[Connection, AnyCommand]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, decide, evolve, notice, CrmConnected)

    def _request(self, events: list[LoggedEvent], notices: list[Notice | None]) -> contract.RecordRequest:
        return contract.RecordRequest(
            address=contract.crm_workflow_id(self.current.settings.name),
            events=events,
            notices=notices,
            account=None,
            crm=self._as_recorded() if self.connected else None,
        )

    def _as_recorded(self) -> contract.RecordedCrm:
        connection = self.current
        return contract.RecordedCrm(
            settings=connection.settings,
            state=connection.state.value,
            reason=connection.reason,
            last_failure=connection.last_failure.kind.value if connection.last_failure else None,
            authentication_failures=connection.failures.authentication,
            connection_failures=connection.failures.connection,
            next_attempt_at=connection.next_attempt_at,
        )

    def _search_attributes(self) -> Mapping[Any, Any]:
        connection = self.current
        return {
            contract.STATE: connection.state.value,
            contract.REASON: connection.reason,
            contract.FAILURE: connection.last_failure.kind.value if connection.last_failure else None,
            contract.HOST: host_of(connection.settings),
            contract.ORGANISATION: connection.settings.organisation,
            contract.PROVIDER: connection.settings.kind,
            contract.AUTHENTICATION_FAILURES: connection.failures.authentication,
            contract.CONNECTION_FAILURES: connection.failures.connection,
            contract.BACKLOG: connection.counts.backlog,
        }

    def _page(self) -> str:
        return details(self.current)

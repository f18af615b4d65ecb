"""A sending route's state inside its workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.core.log_event import LoggedEvent, Notice
from domain.sending.commands import AnyCommand
from domain.sending.events import RouteConnected
from domain.sending.route import Route, decide, evolve
from domain.sending.status import details, notice
from workflows import contract
from workflows.entity.recorded_state import Lifecycle


class RouteLifecycle(Lifecycle[Route, AnyCommand]):
    def __init__(self, route: Route) -> None:
        super().__init__(route, decide, evolve, notice, RouteConnected)

    def _request(self, events: list[LoggedEvent], notices: list[Notice | None]) -> contract.RecordRequest:
        return contract.RecordRequest(
            address=contract.route_workflow_id(self.current.settings.address),
            events=events,
            notices=notices,
            account=None,
            route=self._as_recorded() if self.connected else None,
        )

    def _as_recorded(self) -> contract.RecordedRoute:
        route, failure = self.current, self.current.last_failure
        return contract.RecordedRoute(
            settings=route.settings,
            settings_version=route.settings_version,
            state=route.state.value,
            reason=route.reason,
            last_failure=failure.kind.value if failure else None,
            reference=failure.reference if failure else None,
            authentication_failures=route.failures.authentication,
            connection_failures=route.failures.connection,
            verified_at=route.verified_at,
            next_attempt_at=route.next_attempt_at,
        )

    def _search_attributes(self) -> Mapping[Any, Any]:
        route = self.current
        return {
            contract.STATE: route.state.value,
            contract.REASON: route.reason,
            contract.FAILURE: route.last_failure.kind.value if route.last_failure else None,
            contract.HOST: route.settings.outgoing.host,
            contract.ORGANISATION: route.settings.organisation,
            contract.PROVIDER: route.settings.kind,
            contract.AUTHENTICATION_FAILURES: route.failures.authentication,
            contract.CONNECTION_FAILURES: route.failures.connection,
        }

    def _page(self) -> str:
        return details(self.current)

"""A route's logins with its server: they send nothing."""

from __future__ import annotations

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from domain.failures.failure import Failure
from domain.sending.route import Route
from domain.sending.settings import RouteSettings
from workflows import contract
from workflows.entity.activities import KINDS
from workflows.entity.session import Session

LOGIN_TIMEOUT = timedelta(minutes=3)


class RouteSession(Session):
    """Logins on a worker with the role sending."""

    queue = contract.SENDING_QUEUE
    interruption = "the route was disabled or closed while the login was tried"

    async def log_in(self, settings: RouteSettings, asked_by: str) -> contract.RouteChecked:
        """Logs in for a command; raises Refused with the failure, or with what the settings lack."""
        request = contract.CheckRouteRequest(settings=settings, command=asked_by)
        login = self._start("check_route", request, contract.RouteChecked, LOGIN_TIMEOUT, f"log in, for {asked_by}")
        return await self._hold_for_command(asked_by, login)

    async def probe(self, route: Route, asked_by: str) -> contract.RouteChecked | contract.ProbeFailed | None:
        """The route's own login; None where it was stopped."""
        request = contract.CheckRouteRequest(settings=route.settings, command=asked_by)
        login = self._start("check_route", request, contract.RouteChecked, LOGIN_TIMEOUT, f"log in, for {asked_by}")
        return await self._hold(login, _failed)


def _failed(cause: ApplicationError) -> contract.ProbeFailed | None:
    if cause.type in KINDS and len(cause.details) > 1:
        return contract.ProbeFailed(failure=Failure.model_validate(cause.details[0]), **cause.details[1])
    return None

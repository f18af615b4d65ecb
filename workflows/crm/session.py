"""A connection's sessions with its CRM: one that serves it, or a look whether it lets us in, for a command."""

from __future__ import annotations

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from domain.crm.commands import CrmChecked, SyncFailure, SyncReport
from domain.crm.lifecycle import Connection
from domain.crm.settings import CrmSettings
from workflows import contract
from workflows.entity.activities import KINDS
from workflows.entity.session import Session

SERVING_TIMEOUT = timedelta(hours=6)  # of one attempt: the first look at a very large directory
CHECK_TIMEOUT = timedelta(minutes=3)


class CrmSession(Session):
    """Sessions on a worker with the role crm."""

    queue = contract.CRM_QUEUE
    interruption = "the connection was disabled or closed while the CRM was looked at"

    async def check(self, settings: CrmSettings, asked_by: str) -> CrmChecked:
        """Looks whether the CRM lets us in; raises Refused with the failure, or with what the settings lack."""
        request = contract.CheckCrmRequest(settings=settings, command=asked_by)
        summary = f"look whether {settings.name} lets us in, for {asked_by}"
        check = self._start("check_crm", request, CrmChecked, CHECK_TIMEOUT, summary)
        return await self._hold_for_command(asked_by, check)

    async def serve(self, connection: Connection, *, report: bool) -> SyncReport | SyncFailure | None:
        """Sessions until one brings news, and with `report` one that pulls and tells in any case. None where it was stopped."""
        request = contract.ServeRequest(
            settings=connection.settings,
            settings_version=connection.settings_version,
            recovering=connection.recovering,
            report=report,
            pull=report,
            counts=connection.counts,
            pulled_at=connection.pulled_at,
        )
        summary = f"serve {request.settings.name}"
        serving = self._start("serve_crm", request, SyncReport, SERVING_TIMEOUT, summary)
        return await self._hold(serving, _failed)


def _failed(cause: ApplicationError) -> SyncFailure | None:
    if cause.type in KINDS and len(cause.details) > 1:
        return SyncFailure.model_validate({**cause.details[1], "failure": cause.details[0]})
    return None

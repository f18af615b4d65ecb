"""The one session that a connection may hold with its CRM at a time: one that serves it, or a look whether it lets us in."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.crm import CrmSettings
from domain.crm_commands import CrmChecked, SyncFailure, SyncReport
from domain.crm_life import Connection
from domain.refusal import Refused
from workflows import contract
from workflows.lifecycle import RETRY
from workflows.mailbox_session import HEARTBEAT_TIMEOUT, KINDS, PAUSE, cancel_requested, not_answered, refused_by

SERVING_TIMEOUT = timedelta(hours=6)  # of one attempt: the first look at a very large directory
CHECK_TIMEOUT = timedelta(minutes=3)


class CrmSession:
    """Starts sessions on a worker with the role crm, reads how they end, and stops them."""

    def __init__(self) -> None:
        self._running: workflow.ActivityHandle[Any] | None = None
        self._serving = False
        self._stopping = False

    async def check(self, settings: CrmSettings, asked_by: str) -> CrmChecked:
        """Looks whether the CRM lets us in; raises Refused with the failure, or with what the settings lack."""
        self._serving = self._stopping = False
        request = contract.CheckCrmRequest(settings=settings, command=asked_by)
        summary = f"look whether {settings.name} lets us in, for {asked_by}"
        self._running = _started("check_crm", request, CrmChecked, CHECK_TIMEOUT, summary)
        try:
            checked: CrmChecked = await self._running
            return checked
        except ActivityError as error:
            if refused := refused_by(error, asked_by):
                raise refused from None
            if self._stopping:
                raise interrupted(asked_by) from None
            if cancel_requested():
                raise
            raise not_answered(error, asked_by) from None
        finally:
            self._running = None

    async def serve(self, connection: Connection, *, report: bool) -> SyncReport | SyncFailure | None:
        """Sessions until one brings news, and with `report` one that pulls and tells in any case; None where `stop` or a
        cancellation cut it short."""
        self._serving, self._stopping = True, False
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
        self._running = _started("serve_crm", request, SyncReport, SERVING_TIMEOUT, summary)
        try:
            ended: SyncReport = await self._running
            return ended
        except ActivityError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.type in KINDS and len(cause.details) > 1:
                return SyncFailure.model_validate({**cause.details[1], "failure": cause.details[0]})
            if not self._stopping and not cancel_requested():
                workflow.logger.error("a session ended in a way that no session ends: %s", cause or error)
                with contextlib.suppress(TimeoutError):
                    await workflow.wait_condition(
                        lambda: self._stopping, timeout=PAUSE, timeout_summary="wait after an error of the worker"
                    )
            return None
        finally:
            self._running = None

    async def stop_serving(self) -> None:
        """Ends the session, not a look at the CRM: that one belongs to the command that waits for it."""
        if self._serving:
            await self.stop()

    async def stop(self) -> None:
        """Ends whatever session there is; comes back when it has ended."""
        session = self._running
        if session is not None:
            self._stopping = True
            session.cancel()
            await workflow.wait_condition(lambda: self._running is not session)


def _started(
    activity: str, request: object, result: type, timeout: timedelta, summary: str
) -> workflow.ActivityHandle[Any]:
    return workflow.start_activity(
        activity,
        request,
        task_queue=contract.CRM_QUEUE,
        result_type=result,
        summary=summary,
        start_to_close_timeout=timeout,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RETRY,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


def interrupted(asked_by: str) -> Refused:
    return Refused("disabled", f"{asked_by}: the connection was disabled or closed while the CRM was looked at")

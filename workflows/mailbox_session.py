"""The one session that an account may hold with its mailbox at a time: a watch, or a live login while none is watching."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError

from domain.account import Account
from domain.commands import FailureReport, LoginReport, SessionReport
from domain.failures import Kind
from domain.refusal import Refused
from domain.settings import AccountSettings
from workflows import contract
from workflows.lifecycle import RETRY

SESSION_TIMEOUT = timedelta(minutes=40)  # a session ends itself after 20 minutes and its last message
LOGIN_TIMEOUT = timedelta(minutes=5)
HEARTBEAT_TIMEOUT = timedelta(seconds=15)
PAUSE = timedelta(minutes=1)
FAIRNESS_KEY_BYTES = 64  # the server refuses a longer one
KINDS = frozenset(Kind)


class MailboxSession:
    """Starts sessions on a retrieval worker, reads how they end, and stops them."""

    def __init__(self) -> None:
        self._running: workflow.ActivityHandle[Any] | None = None
        self._watching = False
        self._stopping = False

    async def log_in(self, settings: AccountSettings, asked_by: str) -> LoginReport:
        """Tries a login; raises Refused with the server's failure, or with what the settings lack."""
        self._watching = self._stopping = False
        request = contract.LoginRequest(settings=settings, command=asked_by)
        summary = f"log in to {settings.incoming.host} for {asked_by}"
        self._running = _started("try_login", request, LoginReport, LOGIN_TIMEOUT, summary, settings.incoming.host)
        try:
            report: LoginReport = await self._running
            return report
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

    async def watch(self, account: Account, *, report: bool) -> SessionReport | FailureReport | Refused | None:
        """One watch, until a session brings news; with `report` one session, whatever it brings. None where `stop` or a
        cancellation cut it short.

        Refused is the answer of a session that was asked to report and may not be held now.
        """
        self._watching, self._stopping = True, False
        request = contract.WatchRequest(
            settings=account.settings,
            settings_version=account.settings_version,
            credential_version=account.credential_version,
            total_stored=account.total_stored,
            recovering=account.recovering,
            report=report,
            not_before=None if report else account.next_attempt_at,
            needed_bytes=account.needed_bytes,
            observed=account.observed,
            remaining=account.progress.remaining,
            in_quarantine=account.in_quarantine,
        )
        host = request.settings.incoming.host
        self._running = _started("watch", request, SessionReport, SESSION_TIMEOUT, f"look for mail at {host}", host)
        try:
            ended: SessionReport = await self._running
            return ended
        except ActivityError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.details:
                if cause.type == contract.REFUSED:
                    return Refused(cause.details[0]["code"], f"poll_now: {cause.message}")
                if cause.type in KINDS:
                    return FailureReport.model_validate({**cause.details[1], "failure": cause.details[0]})
            if not self._stopping and not cancel_requested():
                await self._wait_after(error)
            return None  # any other end of a watch whose end was asked for is just that end
        finally:
            self._running = None

    async def _wait_after(self, error: ActivityError) -> None:
        """Somebody failed the activity by hand, or a worker of another version did: no account ends because of that."""
        workflow.logger.error("a watch ended in a way that no watch ends: %s", error.cause or error)
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._stopping, timeout=PAUSE, timeout_summary="wait after an error of the worker"
            )

    async def stop_watch(self) -> None:
        """Ends the watch, not a live login: that one belongs to the command that waits for it."""
        if self._watching:
            await self.stop()

    async def stop(self) -> None:
        """Ends whatever session there is; comes back when it has ended."""
        session = self._running
        if session is not None:
            self._stopping = True
            session.cancel()
            await workflow.wait_condition(lambda: self._running is not session)


def _started(
    activity: str, request: object, result: type, timeout: timedelta, summary: str, host: str
) -> workflow.ActivityHandle[Any]:
    """Starts an activity on the retrieval queue, in which each host has its fair share, where the server offers that."""
    return workflow.start_activity(
        activity,
        request,
        task_queue=contract.RETRIEVAL_QUEUE,
        result_type=result,
        summary=summary,
        start_to_close_timeout=timeout,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RETRY,
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        priority=Priority(fairness_key=host[-FAIRNESS_KEY_BYTES:]),
    )


def cancel_requested() -> bool:
    """Whether Temporal's own cancel was asked for."""
    return workflow.cancellation_reason() is not None


def interrupted(asked_by: str) -> Refused:
    return Refused("disabled", f"{asked_by}: the account was disabled or closed while the login was tried")


def refused_by(error: ActivityError, asked_by: str) -> Refused | None:
    """What an activity refused, or a server's failure as a refusal; None for any other end of an activity."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or not cause.details:
        return None
    if cause.type == contract.REFUSED:
        detail = cause.details[0]
        return Refused(detail["code"], f"{asked_by}: {cause.message}", field=detail["field"], failure=detail["failure"])
    if cause.type in KINDS:
        return Refused("login_failed", f"{asked_by}: {cause.message}", failure=cause.details[0])
    return None


def not_answered(error: ActivityError, asked_by: str) -> Refused:
    """An activity that ended in a way of no meaning here; raised in a handler, its own error would end the account."""
    return Refused("not_answered", f"{asked_by}: the worker could not do it ({error.cause or error}): try again")

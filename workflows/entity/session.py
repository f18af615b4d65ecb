"""The one session that a workflow may hold with its server at a time.

It is one of the workflow's own, which goes on until it has news, or one for a command, which waits for how it ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError

from domain.core.refusal import Refused
from workflows.entity.activities import HEARTBEAT_TIMEOUT, RETRY, cancel_requested, not_answered, refused_by

PAUSE = timedelta(minutes=1)

Result = TypeVar("Result")
End = TypeVar("End")


class Session:
    """Starts sessions as activities on `queue`, reads how they end, and stops them."""

    queue: ClassVar[str]
    interruption: ClassVar[str]
    """What happened, where a session that a command waits for was stopped."""

    def __init__(self) -> None:
        self._running: workflow.ActivityHandle[Any] | None = None
        self._own = False
        self._stopping = False

    def interrupted(self, asked_by: str) -> Refused:
        return Refused("disabled", f"{asked_by}: {self.interruption}")

    async def interrupt(self) -> None:
        """Ends a session of the workflow's own: one for a command belongs to the command that waits for it."""
        if self._own:
            await self.stop()

    async def stop(self) -> None:
        """Ends whatever session there is; comes back when it has ended."""
        session = self._running
        if session is not None:
            self._stopping = True
            session.cancel()
            await workflow.wait_condition(lambda: self._running is not session)

    async def _hold_for_command(self, asked_by: str, session: workflow.ActivityHandle[Result]) -> Result:
        """The session's result; raises Refused with the server's failure, or with what the settings lack."""
        self._running, self._own, self._stopping = session, False, False
        try:
            return await session
        except ActivityError as error:
            if refused := refused_by(error, asked_by):
                raise refused from None
            if self._stopping:
                raise self.interrupted(asked_by) from None
            if cancel_requested():
                raise
            raise not_answered(error, asked_by) from None
        finally:
            self._running = None

    async def _hold(
        self, session: workflow.ActivityHandle[Result], read: Callable[[ApplicationError], End | None]
    ) -> Result | End | None:
        """The session's result, or what `read` makes of the error that it ended with; None where it was stopped."""
        self._running, self._own, self._stopping = session, True, False
        try:
            return await session
        except ActivityError as error:
            ended = read(error.cause) if isinstance(error.cause, ApplicationError) else None
            if ended is None and not self._stopping and not cancel_requested():
                await self._wait_after(error)
            return ended  # any other end of a session whose end was asked for is just that end
        finally:
            self._running = None

    async def _wait_after(self, error: ActivityError) -> None:
        """Somebody failed the activity by hand, or a worker of another version did: no workflow ends because of that."""
        workflow.logger.error("a session ended in a way that no session ends: %s", error.cause or error)
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._stopping, timeout=PAUSE, timeout_summary="wait after an error of the worker"
            )

    def _start(
        self,
        activity: str,
        request: object,
        result: type[Result],
        timeout: timedelta,
        summary: str,
        priority: Priority = Priority.default,
    ) -> workflow.ActivityHandle[Result]:
        return workflow.start_activity(
            activity,
            request,
            task_queue=self.queue,
            result_type=result,
            summary=summary,
            start_to_close_timeout=timeout,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=priority,
        )

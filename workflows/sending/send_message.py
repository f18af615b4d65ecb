"""The `SendMessage` workflow: one outgoing message, from its draft to its end.

What the message is and how far it has come stands in its row (activities/sending/outgoing.py), which decides; the workflow waits,
has it tried, and shows it. All that it is told are statuses of that row; of two the one with the higher version is the later.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.core.commands import Command, WasRefused, name_of
from domain.core.log_event import LoggedEvent
from domain.core.redaction import cleaned
from domain.core.refusal import Refused
from domain.failures.wording import clock
from domain.sending.message import (
    SENT,
    Cancel,
    MessageState,
    MessageStatus,
    OutgoingMessage,
    Reschedule,
    Resolve,
    RetryNow,
    details,
)
from workflows import contract
from workflows.entity.activities import HEARTBEAT_TIMEOUT, RETRY, cancel_requested, not_answered, refused_by
from workflows.entity.entity import LONGEST_NAME, was_refused
from workflows.entity.messages import command, read, refusal, refuses_unknown, say_refused, takes_commands
from workflows.entity.refused_signals import RefusedSignals

COMMANDS: tuple[type[Command], ...] = (Cancel, RetryNow, Resolve, Reschedule)
IN_THE_DATABASE = timedelta(seconds=30)
ATTEMPT = timedelta(hours=6)  # of a very large message over a very slow line
A_DAY = timedelta(days=1)

Answer = TypeVar("Answer", bound=BaseModel)


@workflow.defn(name=contract.SEND_MESSAGE)
@takes_commands
@refuses_unknown("a message", COMMANDS)
class SendMessage:
    """Sends one message: never twice by itself, and lost never."""

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._refused: Refused | None = None
        self._ended = False
        self._status: MessageStatus | None = None
        self._woken = False
        self._by_hand = False
        self._cancelled = False
        self._signals = RefusedSignals(self._record_refused, lambda: self._ended, lambda: False)
        try:
            self._given = read(OutgoingMessage, payload, rest, what="SendMessage")
            expected = contract.message_workflow_id(self._given.request_id)
            if workflow.info().workflow_id != expected:
                raise Refused(
                    "invalid_field",
                    f"SendMessage: the workflow id must be {expected}: start it with that id",
                    field="request_id",
                )
        except Refused as error:
            self._refused = error

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> MessageStatus:
        try:
            status = await self._send()
        except Refused as error:
            self._refused, self._ended = error, True
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise refusal(error) from None
        self._ended = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return status

    async def _send(self) -> MessageStatus:
        if self._refused:
            raise self._refused
        request = contract.QueueRequest(message=self._given, at=workflow.now())
        status = self._later(await self._done("queue_message", request, MessageStatus, "compose and queue the message"))
        while not status.is_final:
            try:
                status = self._later(await self._next(status))
            except (asyncio.CancelledError, ActivityError):
                if not cancel_requested() or self._cancelled:
                    raise
                self._cancelled = True  # Temporal's own cancel means the command, which may come too late
                status = await self._cancel_by_temporal()
            if workflow.info().is_continue_as_new_suggested() and workflow.all_handlers_finished():
                workflow.continue_as_new(args=[self._given.model_dump(mode="json", by_alias=True)])
        return status

    async def _cancel_by_temporal(self) -> MessageStatus:
        try:
            return await self._change(Cancel(by="temporal"))
        except Refused:
            return self._current

    async def _next(self, status: MessageStatus) -> MessageStatus:
        """Waits until something is to be done, and does it."""
        if status.state in SENT:
            return await self._done("save_copy", status.request_id, MessageStatus, "put a copy in Sent, with its links")
        if not await self._is_due(status):
            return self._current  # somebody changed it meanwhile
        if status.state is MessageState.UNCERTAIN:
            return await self._done(
                "look_at_message", status.request_id, MessageStatus, "whether anything has come to light"
            )
        by_hand, self._by_hand = self._by_hand, False
        attempted = await self._attempt(contract.SendRequest(request_id=status.request_id, by_hand=by_hand))
        await self._tell_route(attempted)
        return attempted.status

    async def _is_due(self, status: MessageStatus) -> bool:
        """Waits for the message's time, or to be woken; False where it is another message by then."""
        wait: timedelta | None = None
        match status.state:
            case MessageState.SENDING:
                return True  # a run before this one, or its worker, has ended in the middle
            case MessageState.SCHEDULED | MessageState.QUEUED:
                wait = (status.next_attempt_at or workflow.now()) - workflow.now()
            case MessageState.UNCERTAIN:
                wait = A_DAY
        if wait is not None and wait <= timedelta():
            return True
        try:
            await workflow.wait_condition(
                lambda: self._woken or self._current.version != status.version,
                timeout=wait,
                timeout_summary=f"{status.state}: {status.reason or 'until its time has come'}",
            )
        except TimeoutError:
            return True
        woken, self._woken = self._woken, False
        return woken and self._current.version == status.version

    async def _attempt(self, request: contract.SendRequest) -> contract.Attempted:
        attempted: contract.Attempted = await workflow.execute_activity(
            "send_message",
            request,
            task_queue=contract.SENDING_QUEUE,
            result_type=contract.Attempted,
            summary="send it, as far as that is not done",
            start_to_close_timeout=ATTEMPT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return attempted

    async def _tell_route(self, attempted: contract.Attempted) -> None:
        if attempted.route is None:
            return
        route = workflow.get_external_workflow_handle(attempted.status.route)
        try:
            await route.signal("attempted", attempted.route.model_dump(mode="json"))
        except ApplicationError:
            workflow.logger.info("the route takes no reports: it is closed")

    # Commands --------------------------------------------------------------------------------------------------------

    @command(Cancel)
    async def cancel(self, given: Cancel) -> MessageStatus:
        return await self._change(given)

    @command(RetryNow)
    async def retry_now(self, given: RetryNow) -> MessageStatus:
        status = await self._change(given)
        self._woken = self._by_hand = True
        return status

    @command(Resolve)
    async def resolve(self, given: Resolve) -> MessageStatus:
        return await self._change(given)

    @command(Reschedule)
    async def reschedule(self, given: Reschedule) -> MessageStatus:
        return await self._change(given)

    @workflow.signal(name="go", description="Its route takes mail again; sent by the route")
    def go(self) -> None:
        self._woken = True

    @workflow.signal(name="evidence", description="Something has come to light about it; sent by who stored that")
    def evidence(self) -> None:
        self._woken = True

    @workflow.query(name="status")
    def status_query(self) -> MessageStatus:
        if self._refused is not None:
            raise refusal(self._refused, repeated=True)
        return self._current

    async def _change(self, given: Command) -> MessageStatus:
        """A command changes the row, or the row refuses it."""
        name = name_of(given)
        await workflow.wait_condition(lambda: self._status is not None or self._ended)
        if self._status is None:
            raise Refused("closed", f"{name}: no message was queued, because its start was refused")
        request = contract.MessageCommandRequest(
            request_id=self._given.request_id, command=name, given=given.model_dump(mode="json"), at=workflow.now()
        )
        try:
            return self._later(await self._done("change_message", request, MessageStatus, name))
        except ActivityError as error:
            raise refused_by(error, name) or not_answered(error, name) from None

    async def record_refused_signal(self, name: str, payload: Any, error: Refused) -> None:
        say_refused(f"the signal {name}", error, f"run {workflow.info().run_id}")
        by = payload.get("by") if isinstance(payload, dict) else None
        who = cleaned(by[:LONGEST_NAME])[:200] if isinstance(by, str) and by else "operator"
        await self._signals.count(was_refused(cleaned(name[:LONGEST_NAME])[:100], who, error))

    async def _record_refused(self, refused: WasRefused) -> None:
        await workflow.wait_condition(lambda: self._status is not None or self._ended)
        if self._status is None:
            return
        event = LoggedEvent(
            event_id=workflow.uuid4(),
            at=workflow.now(),
            type="CommandRefused",
            actor=refused.by,
            data={"request_id": self._given.request_id, **refused.model_dump(exclude={"by"})},
        )
        request = contract.RecordRequest(address=self._status.account, events=[event], notices=[None], account=None)
        await workflow.execute_activity(
            "record", request, summary="CommandRefused", start_to_close_timeout=IN_THE_DATABASE, retry_policy=RETRY
        )

    # What is known -----------------------------------------------------------------------------------------------------

    @property
    def _current(self) -> MessageStatus:
        if self._status is None:
            raise refusal(Refused("not_answered", "status: the message is just being queued: ask again"), repeated=True)
        return self._status

    def _later(self, status: MessageStatus) -> MessageStatus:
        """The later one of what was known and this, which is shown."""
        if self._status is None or status.version >= self._status.version:
            before, self._status = self._status, status
            if before is None or (before.state, before.reason) != (status.state, status.reason):
                workflow.upsert_search_attributes(
                    [
                        contract.STATE.value_set(status.state.value),
                        contract.REASON.value_set(status.reason) if status.reason else contract.REASON.value_unset(),
                    ]
                )
            at = clock(workflow.now())
            workflow.set_current_details(f"{details(status)}\n\n_As of {at}. The views are live._")
        return self._status

    async def _done(self, activity: str, request: object, result: type[Answer], summary: str) -> Answer:
        """What an activity in the database answers; raises Refused."""
        try:
            answer: Answer = await workflow.execute_activity(
                activity,
                request,
                result_type=result,
                summary=summary,
                start_to_close_timeout=IN_THE_DATABASE,
                retry_policy=RETRY,
            )
        except ActivityError as error:
            if refused := refused_by(error, summary):
                raise refused from None
            raise
        return answer

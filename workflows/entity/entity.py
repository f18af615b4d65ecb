"""What the workflows of an account and of a CRM connection have in common: set-up, sessions, commands, close.

Commands and the outcomes of sessions go through the `Lifecycle`, which decides, evolves, shows and records; a command is answered
when its events are in the log. While a command has a session of its own, the workflow starts none (`_held`).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.core.commands import Command, CountedRefusals, WasRefused, name_of
from domain.core.redaction import cleaned
from domain.core.refusal import Refused
from domain.failures.wording import Failing, waiting
from workflows import contract
from workflows.entity.activities import cancel_requested
from workflows.entity.messages import refusal, say_refused
from workflows.entity.recorded_state import Lifecycle, Living
from workflows.entity.refused_signals import HANDS_ON, RefusedSignals
from workflows.entity.session import Session
from workflows.entity.shared_answer import Answer, SharedAnswer

VERIFYING, DISABLED, CLOSED = "verifying", "disabled", "closed"  # what the states of both are called
LONGEST_NAME = 400  # that is looked at: a signal may bring megabytes
RESULTS_PER_RUN = 100  # then the history is cut, whatever the server suggests; histories depend on this number


class Lived(Living, Failing, Protocol):
    @property
    def settings(self) -> Any: ...
    @property
    def next_attempt_at(self) -> datetime | None: ...
    @property
    def refused_signals(self) -> tuple[CountedRefusals, ...]: ...
    def model_copy(self, *, update: Mapping[str, Any]) -> Self: ...


Current = TypeVar("Current", bound=Lived)
Status = TypeVar("Status")


class Life(ABC, Generic[Current, Status]):
    """A workflow that lives until it is closed, in runs of bounded length."""

    closed: ClassVar[str]
    """What a command is told that comes too late."""
    close_command: ClassVar[type[Command]]

    def __init__(self, session: Session, waited_for: SharedAnswer[Any]) -> None:
        self._start_refused: Refused | None = None
        self._ended = False
        self._set_up = False
        self._commanding = asyncio.Lock()  # commands with a session of their own, one at a time
        self._halts = 0  # how often `disable` or `close` was asked for
        self._held = 0  # commands that keep sessions from starting
        self._results = 0
        self._refused_signals = RefusedSignals(self._record_refused, lambda: self._ended, self._is_to_be_cut)
        self._own_session = session
        self._waited_for = waited_for
        self._life: Lifecycle[Current, Any]

    @abstractmethod
    def _status(self) -> Status: ...

    @abstractmethod
    def _no_session(self) -> Refused | None:
        """Why no session will come any more; None where one will."""

    @abstractmethod
    async def _connect(self) -> None:
        """Sets it up; raises the refusal that fails the start."""

    @abstractmethod
    async def _hold_session(self) -> None:
        """One session: from now until it brings news, or until a command cuts it short."""

    @abstractmethod
    def _may_hold_session(self) -> bool: ...

    @abstractmethod
    def _due(self) -> datetime | None:
        """When the next session may start, where that is not at once."""

    def _is_long(self) -> bool:
        return self._results >= RESULTS_PER_RUN or workflow.info().is_continue_as_new_suggested()

    def _is_to_be_cut(self) -> bool:
        """Whether the run goes on as a new one."""
        return self._is_long()

    # The run -----------------------------------------------------------------------------------------------------------

    async def _run(self) -> Status:
        try:
            await self._live()
            self._ended = True
            await self._record()
        except (ApplicationError, Refused) as error:
            self._ended = True
            await workflow.wait_condition(workflow.all_handlers_finished)
            if isinstance(error, Refused):  # which alone would fail the task, again and again
                raise refusal(error) from None
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._status()

    async def _live(self) -> None:
        if self._start_refused:
            raise refusal(self._start_refused)
        self._life.publish()
        self._take_over_counted()
        try:
            if self._state == VERIFYING:
                await self._connect()
            self._set_up = True
            while self._state != CLOSED and not cancel_requested():
                await self._until_due()
                if self._is_due():
                    await self._hold_session()
                await self._record()
                await self._continue_as_new_if_due()
        except (asyncio.CancelledError, ActivityError):
            if not cancel_requested():
                raise
        if self._state == VERIFYING:
            raise self._refuse_start(Refused("closed", f"{type(self).__name__}: the set-up was cancelled"))
        if self._state != CLOSED:  # Temporal's own cancel means close
            await self._halt(self.close_command(by="temporal"))

    def _refuse_start(self, why: Refused) -> ApplicationError:
        """The error to fail the start with: nothing is logged, but nobody is to find it among those being verified, and whoever
        asks how it is is told."""
        self._start_refused = why
        workflow.upsert_search_attributes([contract.STATE.value_set(CLOSED)])
        return refusal(why)

    async def _record(self) -> None:
        """Brings the log up to what was decided; raises Refused where the log has it otherwise, which ends the run.

        What was decided then is told to nobody as done: what waits for a session is refused, and so is whatever comes later.
        """
        try:
            await self._life.record()
        except Refused as conflict:
            self._waited_for.refuse(conflict)
            await self._own_session.stop()
            raise

    async def _until_due(self) -> None:
        """Waits until a session may start: until it is allowed and, after a failure, its time has come or somebody asks."""
        await workflow.wait_condition(
            lambda: (
                self._may_hold_session()
                or self._state == CLOSED
                or self._life.conflict is not None
                or (self._is_to_be_cut() and self._waited_for.asked is None)
            )
        )
        current, due = self._life.current, self._due()
        if self._is_due() or due is None:
            return
        try:
            await workflow.wait_condition(
                lambda: (
                    self._waited_for.asked is not None
                    or self._life.current != current
                    or not self._may_hold_session()
                    or self._life.conflict is not None
                    or self._is_to_be_cut()
                ),
                timeout=due - workflow.now(),
                timeout_summary=waiting(current),
            )
        except TimeoutError:
            return

    def _is_due(self) -> bool:
        """Whether a session may start now: a command may have changed what holds during the wait."""
        due = self._due()
        if self._life.conflict is not None:
            return False
        return self._may_hold_session() and (self._waited_for.asked is not None or due is None or due <= workflow.now())

    async def _continue_as_new_if_due(self) -> None:
        if not self._is_to_be_cut():
            return
        # Whoever waits for a session needs this loop, so that comes first; every other handler ends by itself.
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() or self._waited_for.asked is not None or not self._is_to_be_cut()
        )
        if workflow.all_handlers_finished() and self._life.recorded and self._state != CLOSED:
            counted = self._refused_signals.handed_on()
            state = self._life.current.model_copy(update={"refused_signals": counted})
            workflow.continue_as_new(args=[state.settings, state])

    # Commands ----------------------------------------------------------------------------------------------------------

    async def _halt(self, given: Command) -> Status:
        """For `disable` and `close`: ends the session, whoever holds it, and the wait for an answer."""
        self._halts += 1
        if isinstance(given, self.close_command):
            self._say_what_was_counted()  # before the end, after which nothing is logged
        self._life.apply(given)
        answer = self._status()
        self._refuse_if_over()
        await self._own_session.stop()
        await self._record()
        return answer

    def _refuse_if_over(self) -> None:
        if over := self._no_session():
            self._waited_for.refuse(over)

    async def _next_session_answers(self, shared: SharedAnswer[Answer], given: Command) -> Answer:
        """Has a session start now, for all who ask until it ends."""
        asked = shared.asked
        if asked is None:
            self._life.apply(given)
            asked = shared.ask()
            await self._own_session.interrupt()
        await workflow.wait_condition(asked.done)
        await self._record()
        return asked.result()

    async def _answer(self) -> Status:
        answer = self._status()
        await self._record()
        if self._is_long():
            await self._own_session.interrupt()  # where no session ends, any number of commands may come
        return answer

    async def record_refused_signal(self, name: str, payload: Any, error: Refused) -> None:
        """A refused signal changes nothing, and the log says so; what was never connected has no log."""
        say_refused(f"the signal {name}", error, f"run {workflow.info().run_id}")
        by = payload.get("by") if isinstance(payload, dict) else None
        who = cleaned(by[:LONGEST_NAME])[:200] if isinstance(by, str) and by else "operator"
        if not self._start_refused:
            self._take_over_counted()
        await self._refused_signals.count(was_refused(cleaned(name[:LONGEST_NAME])[:100], who, error))
        if self._is_to_be_cut() and workflow.patched(HANDS_ON):  # only they may come, and no session ends
            await self._own_session.interrupt()

    def _take_over_counted(self) -> None:
        """From the run before this one; the handlers of the first signals come before the run's own first line."""
        self._refused_signals.take_over(self._life.current.refused_signals)

    def _say_what_was_counted(self) -> None:
        if self._set_up and not self._life.conflict:
            for refused in self._refused_signals.untold():
                self._life.apply(refused)

    async def _record_refused(self, refused: WasRefused) -> None:
        await workflow.wait_condition(self._is_set_up_or_ended)
        if self._ended or self._start_refused or self._life.conflict:
            return
        self._life.apply(refused)
        await self._answer()

    async def _ready(self, given: Command) -> None:
        await workflow.wait_condition(self._is_set_up_or_ended)
        self._still_open(given)

    def _still_open(self, given: Command) -> None:
        if not self._start_refused and (conflict := self._life.conflict):
            raise Refused(conflict.refusal.code, f"{name_of(given)}: {conflict.message}")
        if self._ended or self._start_refused or self._state == CLOSED:
            raise Refused("closed", f"{name_of(given)}: {self.closed}")

    def _is_set_up_or_ended(self) -> bool:
        return self._ended or self._start_refused is not None or self._state != VERIFYING

    @property
    def _state(self) -> str:
        return self._life.current.state

    def _shown_or_refusal(self) -> Current:
        """For queries, whose callers are told nothing but the words of a refusal: its code and field are among them."""
        if refused := self._start_refused or self._life.conflict:
            code, field = refused.refusal.code, refused.refusal.field
            where = f", field {field}" if field else ""
            said = Refused(code, f"{refused.message} (code {code}{where})", field=field)
            raise refusal(said, repeated=True)
        return self._life.shown


def was_refused(name: str, by: str, error: Refused) -> WasRefused:
    code, field = error.refusal.code, error.refusal.field
    return WasRefused(command=name, code=code, field=field, message=error.message, by=by)

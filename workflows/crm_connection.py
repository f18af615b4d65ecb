"""The `CrmConnection` workflow: one CRM's life from its set-up to its close, a thin shell around domain/crm_life.py.

Built as `MailAccount` is: commands and the outcomes of sessions go through `CrmLifecycle`, and `CrmSession` holds the one session
with the CRM. Into the built-in CRM's directory records are saved here.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.commands import Command, WasRefused, name_of
from domain.crm_commands import (
    ChangeSettings,
    CheckWorked,
    Close,
    Counted,
    CrmChecked,
    Disable,
    Enable,
    ForgetPerson,
    RetryFailed,
    SetUpFailed,
    Synced,
    SyncFailed,
    SyncFailure,
    SyncNow,
    SyncReport,
    Verified,
)
from domain.crm_failures import GOES_ON
from domain.crm_life import Connection, CrmState, settings_to_try, taken_over, without_person
from domain.crm_status import CrmStatus, crm_status
from domain.failures import Failure
from domain.refusal import Refused
from domain.status import waiting
from workflows import contract, crm_transactions
from workflows.crm_lifecycle import CrmLifecycle
from workflows.crm_session import CrmSession, interrupted
from workflows.crm_sync import SharedSync, answer
from workflows.intake import command, read, refusal, refuses_unknown, takes_commands
from workflows.mailbox_session import cancel_requested

COMMANDS_PER_RUN = 500  # then the history is cut, whatever the server suggests
RESULTS_PER_RUN = 100
COMMANDS: tuple[type[BaseModel], ...] = (
    Disable, Enable, SyncNow, ChangeSettings, RetryFailed, Close, contract.SaveRecord
)  # fmt: skip


@workflow.defn(name=contract.CRM_CONNECTION)
@takes_commands
@refuses_unknown("a CRM connection", COMMANDS)
class CrmConnection:
    """Connects accounts with one CRM for as long as that is wanted."""

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._start_refused: Refused | None = None
        self._ended = False
        self._registered = False
        self._served: bool | None = None  # False in a run of the first release, which never speaks with its CRM
        self._anew = False
        self._commands = 0
        self._results = 0
        self._commanding = asyncio.Lock()  # looks at the CRM, one at a time
        self._session = CrmSession()
        self._halts = 0
        self._held = 0
        self._sync = SharedSync()
        self._settings: contract.CrmSettings
        self._life: CrmLifecycle
        try:
            self._settings = read(
                contract.CrmSettings, payload, () if self._is_taken_over(rest) else rest, what="CrmConnection"
            )
            expected = contract.crm_workflow_id(self._settings.name)
            if workflow.info().workflow_id != expected:
                raise Refused("invalid_field", f"CrmConnection: the workflow id must be {expected}", field="name")
            fresh = Connection(settings=self._settings, since=workflow.now())
            self._life = CrmLifecycle(taken_over(rest[0]) if self._is_taken_over(rest) else fresh)
        except Refused as error:
            self._start_refused = error

    def _is_taken_over(self, rest: tuple[Any, ...]) -> bool:
        return workflow.info().continued_run_id is not None and len(rest) == 1

    @property
    def connection(self) -> Connection:
        return self._life.connection

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> CrmStatus:
        if self._start_refused:
            raise refusal(self._start_refused)
        self._served = workflow.patched("served")
        if not self._served:
            return await self._run_as_first_released()
        try:
            await self._live()
        except ApplicationError:
            self._ended = True
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        self._ended = True
        await self._life.record()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return crm_status(self.connection)

    async def _run_as_first_released(self) -> CrmStatus:
        """What a run does that was started before there was more to it; `serve` or a command has it give way to a new run."""
        await self._register()
        workflow.upsert_search_attributes([contract.STATE.value_set("active")])
        workflow.set_current_details(
            f"CRM **{self._settings.name}** ({self._settings.kind}, profile {self._settings.profile}) is active."
        )
        await workflow.wait_condition(lambda: self._anew or self._has_many_commands())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(args=[self._settings])

    async def _live(self) -> None:
        self._life.publish()
        try:
            if self.connection.state is CrmState.VERIFYING:
                await self._connect()
            self._registered = True
            while self.connection.state is not CrmState.CLOSED and not cancel_requested():
                await self._until_due()
                if self._is_due():
                    await self._serve()
                await self._life.record()
                await self._continue_as_new_if_due()
        except (asyncio.CancelledError, ActivityError):
            if not cancel_requested():
                raise
        if self.connection.state is CrmState.VERIFYING:
            workflow.upsert_search_attributes([contract.STATE.value_set(CrmState.CLOSED.value)])
            raise refusal(Refused("closed", "CrmConnection: the set-up was cancelled"))
        if self.connection.state is not CrmState.CLOSED:  # Temporal's own cancel means close
            await self._halt(Close(by="temporal"))

    # Commands --------------------------------------------------------------------------------------------------------

    @command(Disable)
    async def disable(self, given: Disable) -> CrmStatus:
        await self._ready(given)
        return await self._halt(given)

    @command(Close)
    async def close(self, given: Close) -> CrmStatus:
        await self._ready(given)
        return await self._halt(given)

    @command(Enable)
    async def enable(self, given: Enable) -> CrmStatus:
        return await self._after_check(given)

    @command(ChangeSettings)
    async def change_settings(self, given: ChangeSettings) -> CrmStatus:
        return await self._after_check(given)

    @command(ForgetPerson)
    async def forget_person(self, given: ForgetPerson) -> CrmStatus:
        await self._ready(given)
        return await self._after_check(without_person(self.connection.settings, given))

    @command(SyncNow)
    async def sync_now(self, given: SyncNow) -> contract.SyncAnswer:
        await self._ready(given)
        if self.connection.limited_until(workflow.now()) and workflow.patched("rate_limits"):
            self._life.apply(given)
            answered = answer("waiting", self.connection, failure=self.connection.last_failure)
            await self._answer()
            return answered
        asked = self._sync.asked
        if asked is None:
            self._life.apply(given)
            asked = self._sync.ask()
            await self._session.stop_serving()
        await workflow.wait_condition(asked.done)
        await self._life.record()
        return asked.result()

    @command(RetryFailed)
    async def retry_failed(self, given: RetryFailed) -> contract.RetryFailedAnswer:
        await self._ready(given)
        await self._life.record()  # the command logs itself, after what was decided before it
        queued = await crm_transactions.queue_failed(self._settings, given)
        self._life.apply(Counted(counts=queued.counts))
        return contract.RetryFailedAnswer(entries=queued.entries, status=(await self._answer()).model_dump(mode="json"))

    @command(contract.SaveRecord)
    async def save_record(self, given: contract.SaveRecord) -> contract.DirectoryRecord:
        """Saves a record of the built-in CRM's directory; without `record_id`, a new one."""
        await workflow.wait_condition(lambda: self._registered or self._ended)
        if self._ended:
            raise Refused("closed", "save_record: the connection is closed, or never was one: start it again")
        self._commands += 1
        saved = await crm_transactions.save_record(self._settings, given)
        if self._served and self._is_long():
            await self._session.stop_serving()  # any number of records may be saved
        return saved

    @workflow.signal(
        name="serve", description="A worker of this version has started: a run of the first release gives way"
    )
    def serve(self) -> None:
        self._anew = True

    async def record_refused_signal(self, name: str, payload: Any, error: Refused) -> None:
        """A refused signal changes nothing, and the log says so; a run of the first release has no log."""
        by = payload.get("by") if isinstance(payload, dict) else None
        await self._was_refused(name[:100], by[:200] if isinstance(by, str) and by else "operator", error)

    @workflow.query(name="status")
    def status_query(self) -> CrmStatus:
        seen = crm_status(self._connection_or_refusal())
        return seen if self._served is not False else seen.model_copy(update={"state": CrmState.ACTIVE})

    @workflow.query(name="settings")
    def settings_query(self) -> contract.CrmSettings:
        return self._connection_or_refusal().settings

    # Set-up and looks at the CRM ---------------------------------------------------------------------------------------

    async def _register(self) -> None:
        await crm_transactions.register(self._settings)
        self._registered = True

    async def _connect(self) -> None:
        checked = CrmChecked()
        if self._settings.kind == "builtin":  # there is nothing to let us in, and no worker with the role crm is needed
            await self._register()
        else:
            try:
                checked = await self._session.check(self._settings, "set-up")
            except Refused as error:
                if error.refusal.failure:
                    self._life.apply(SetUpFailed(failure=Failure.model_validate(error.refusal.failure)))
                    await self._life.record()
                else:
                    workflow.upsert_search_attributes([contract.STATE.value_set(CrmState.CLOSED.value)])
                raise refusal(_start_again(error)) from None
        self._life.apply(Verified(checked=checked))
        await self._life.record()

    async def _after_check(self, given: Enable | ChangeSettings) -> CrmStatus:
        """Carries out a command that may need a look at the CRM first."""
        await self._ready(given)
        halts = self._halts
        async with self._commanding:
            self._still_open(given)
            candidate = settings_to_try(self.connection, given)
            try:
                if isinstance(given, ChangeSettings):
                    await crm_transactions.check_change(self.connection.settings, given)
                if candidate is not None:
                    await self._try_candidate(given, candidate, halts)
            except Refused as error:
                if workflow.current_update_info():  # a refused signal is recorded where it came in
                    await self._was_refused(name_of(given), given.by, error)
                raise
            if candidate is None and self._life.apply(given):
                await self._session.stop_serving()  # what a session was told is fixed when it starts
            self._settings = self.connection.settings
        return await self._answer()

    async def _try_candidate(self, given: Enable | ChangeSettings, candidate: contract.CrmSettings, halts: int) -> None:
        self._held += 1
        try:
            await self._session.stop_serving()
            if halts == self._halts and candidate.kind != "builtin":
                await self._session.check(candidate, name_of(given))
            if halts != self._halts:  # disabled or closed since: that came later, so it holds
                raise interrupted(name_of(given))
            self._life.apply(CheckWorked(command=given, settings=candidate))
        finally:
            self._held -= 1

    async def _was_refused(self, name: str, by: str, error: Refused) -> None:
        await workflow.wait_condition(lambda: self._is_set_up_or_ended() or self._served is False)
        if self._ended or self._start_refused or not self._served:
            workflow.logger.warning("refused the signal %s: %s", name, error.message)
            return
        self._life.apply(
            WasRefused(command=name, code=error.refusal.code, field=error.refusal.field, message=error.message, by=by)
        )
        self._commands += 1
        await self._answer()

    async def _ready(self, given: Command) -> None:
        await workflow.wait_condition(lambda: self._is_set_up_or_ended() or self._served is False)
        if self._served is False and not self._start_refused:
            self._anew = True
            raise Refused(
                "not_answered", f"{name_of(given)}: the connection is just being renewed: give the command again"
            )
        self._still_open(given)

    def _still_open(self, given: Command) -> None:
        if self._ended or self._start_refused or self.connection.state is CrmState.CLOSED:
            raise Refused("closed", f"{name_of(given)}: the connection is closed, or never was one: start it again")

    def _is_set_up_or_ended(self) -> bool:
        return self._ended or self._start_refused is not None or self.connection.state is not CrmState.VERIFYING

    async def _answer(self) -> CrmStatus:
        answer = crm_status(self.connection)
        await self._life.record()
        if self._is_long():
            await self._session.stop_serving()
        return answer

    def _connection_or_refusal(self) -> Connection:
        if self._start_refused:
            raise refusal(self._start_refused)
        return self.connection

    # Serving -----------------------------------------------------------------------------------------------------------

    def _may_serve(self) -> bool:
        return self.connection.served and not self._held

    async def _until_due(self) -> None:
        """Waits until a session may start: until it is allowed and, after a failure, its time has come or sync_now is asked."""
        await workflow.wait_condition(
            lambda: (
                self._may_serve()
                or self.connection.state is CrmState.CLOSED
                or (self._is_long() and self._sync.asked is None)
            )
        )
        connection = self.connection
        due = connection.next_attempt_at
        if self._is_due() or due is None:
            return
        try:
            await workflow.wait_condition(
                lambda: (
                    self._sync.asked is not None
                    or self.connection != connection
                    or not self._may_serve()
                    or self._is_long()
                ),
                timeout=due - workflow.now(),
                timeout_summary=waiting(connection),
            )
        except TimeoutError:
            return

    def _is_due(self) -> bool:
        due = self.connection.next_attempt_at
        return self._may_serve() and (self._sync.asked is not None or due is None or due <= workflow.now())

    async def _serve(self) -> None:
        """One session: from now until it brings news, or until a command cuts it short."""
        connection, asked = self.connection, self._sync.asked
        ended = await self._session.serve(connection, report=asked is not None)
        self._results += 1
        match ended:
            case SyncReport():
                self._life.apply(Synced(report=ended))
                did = ended.pulled or ended.pushed or ended.linked
                self._sync.answer(asked, "synced" if did else "nothing_new", self.connection, ended)
            case SyncFailure():
                self._life.apply(SyncFailed(report=ended, jitter=workflow.random().random()))
                meanwhile = self._sync.asked is not asked and self.connection.limited_until(workflow.now()) is not None
                if meanwhile and workflow.patched("rate_limits"):
                    asked = self._sync.asked  # of who asked while it ran: another session would not respect the limit
                self._sync.answer(asked, "failed", self.connection, None, ended.failure)
        self._sync.refuse_if_over(self.connection)

    async def _halt(self, given: Disable | Close) -> CrmStatus:
        """Ends whatever goes on: the session, the sync_now that is waited for, and looks at the CRM asked for before."""
        self._halts += 1
        self._life.apply(given)
        answer = crm_status(self.connection)
        self._sync.refuse_if_over(self.connection)
        await self._session.stop()
        await self._life.record()
        return answer

    def _has_many_commands(self) -> bool:
        return self._commands >= COMMANDS_PER_RUN or workflow.info().is_continue_as_new_suggested()

    def _is_long(self) -> bool:
        return self._results >= RESULTS_PER_RUN or self._has_many_commands()

    async def _continue_as_new_if_due(self) -> None:
        if not self._is_long():
            return
        # A sync_now that is waited for needs this loop, so it comes first; every other handler ends by itself.
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() or self._sync.asked is not None)
        if workflow.all_handlers_finished() and self._life.recorded and self.connection.state is not CrmState.CLOSED:
            workflow.continue_as_new(args=[self.connection.settings, self.connection])


def _start_again(error: Refused) -> Refused:
    """What a start was refused for, and that nothing goes on by itself: there is no connection."""
    why = error.message.replace(GOES_ON, "").rstrip(".")
    told = f"{why}. No connection was made: mend that, and start it again under the same id"
    return Refused(error.refusal.code, told, field=error.refusal.field, failure=error.refusal.failure)

"""The `CrmConnection` workflow: one CRM's life from its set-up to its close, a thin shell around domain/crm/lifecycle.py.

Into the built-in CRM's directory records are saved here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow

from domain.core.commands import Command, WasRefused, name_of
from domain.core.refusal import Refused
from domain.crm.commands import (
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
from domain.crm.lifecycle import Connection, CrmState, settings_to_try, taken_over, without_person
from domain.crm.settings import CrmSettings
from domain.crm.status import CrmStatus, crm_status
from domain.failures.failure import Failure
from workflows import contract
from workflows.crm import transactions
from workflows.crm.session import CrmSession
from workflows.crm.state import CrmLifecycle
from workflows.crm.sync_now import no_sync, sync_answer
from workflows.entity.entity import Life, was_refused
from workflows.entity.messages import command, read, refusal, refuses_unknown, takes_commands
from workflows.entity.shared_answer import SharedAnswer

Change = TypeVar("Change", contract.SaveRecord, contract.DeleteRecord)
Changed = TypeVar("Changed")

COMMANDS_PER_RUN = 500  # then the history is cut, whatever the server suggests
COMMANDS: tuple[type[BaseModel], ...] = (
    Disable, Enable, SyncNow, ChangeSettings, RetryFailed, Close,
    contract.SaveRecord, contract.DeleteRecord
)  # fmt: skip


@workflow.defn(name=contract.CRM_CONNECTION)
@takes_commands
@refuses_unknown("a CRM connection", COMMANDS)
class CrmConnection(Life[Connection, CrmStatus]):
    """Connects accounts with one CRM for as long as that is wanted."""

    closed = "the connection is closed, or never was one: start it again"
    close_command = Close

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._session = CrmSession()
        self._sync = SharedAnswer[contract.SyncAnswer]()
        super().__init__(self._session, self._sync)
        self._served: bool | None = None  # False in a run of the first release, which never speaks with its CRM
        self._anew = False
        self._commands = 0
        self._settings: CrmSettings
        try:
            self._settings = read(CrmSettings, payload, () if self._is_taken_over(rest) else rest, what="CrmConnection")
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
        return self._life.current

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> CrmStatus:
        if not self._start_refused:
            self._served = workflow.patched("served")
            if not self._served:
                return await self._run_as_first_released()
        return await self._run()

    async def _run_as_first_released(self) -> CrmStatus:
        """What a run does that was started before there was more to it; `serve` or a command has it give way to a new run."""
        try:
            await transactions.register(self._settings)
        except Refused as error:
            self._start_refused = error
            raise refusal(error) from None
        self._set_up = True
        workflow.upsert_search_attributes([contract.STATE.value_set("active")])
        workflow.set_current_details(
            f"CRM **{self._settings.name}** ({self._settings.kind}, profile {self._settings.profile}) is active."
        )
        await workflow.wait_condition(lambda: self._anew or self._has_many_commands())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(args=[self._settings])

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
    async def change_settings(self, given: ChangeSettings) -> CrmStatus | contract.CrmSettingsPreview:
        if given.dry_run:
            await self._ready(given)
            return await transactions.preview(self.connection.settings, given)
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
            answered = sync_answer("waiting", self.connection, failure=self.connection.last_failure)
            await self._answer()
            return answered
        return await self._next_session_answers(self._sync, given)

    @command(RetryFailed)
    async def retry_failed(self, given: RetryFailed) -> contract.RetryFailedAnswer:
        await self._ready(given)
        await self._record()  # the command logs itself, after what was decided before it
        queued = await transactions.queue_failed(self._settings, given)
        self._life.apply(Counted(counts=queued.counts))
        return contract.RetryFailedAnswer(entries=queued.entries, status=(await self._answer()).model_dump(mode="json"))

    @command(contract.SaveRecord)
    async def save_record(self, given: contract.SaveRecord) -> contract.DirectoryRecord:
        """Saves a record of the built-in CRM's directory; without `record_id`, a new one."""
        return await self._change_directory(given, transactions.save_record)

    @command(contract.DeleteRecord)
    async def delete_record(self, given: contract.DeleteRecord) -> contract.RecordDeleted:
        """Takes a record off the built-in CRM's directory."""
        return await self._change_directory(given, transactions.delete_record)

    async def _change_directory(
        self, given: Change, carry_out: Callable[[CrmSettings, Change], Awaitable[Changed]]
    ) -> Changed:
        await workflow.wait_condition(lambda: self._set_up or self._ended)
        if self._ended:
            raise Refused("closed", f"{name_of(given)}: the connection is closed, or never was one: start it again")
        self._commands += 1
        changed = await carry_out(self._settings, given)
        if self._served and self._is_long():
            await self._session.interrupt()  # any number of records may be saved
        return changed

    @workflow.signal(
        name="serve", description="A worker of this version has started: a run of the first release gives way"
    )
    def serve(self) -> None:
        self._anew = True

    @workflow.query(name="status")
    def status_query(self) -> CrmStatus:
        seen = crm_status(self._shown_or_refusal())
        return seen if self._served is not False else seen.model_copy(update={"state": CrmState.ACTIVE})

    @workflow.query(name="settings")
    def settings_query(self) -> CrmSettings:
        return self._shown_or_refusal().settings

    # Set-up and looks at the CRM ---------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        checked = CrmChecked()
        if self._settings.kind == "builtin":  # there is nothing to let us in, and no worker with the role crm is needed
            try:
                await transactions.register(self._settings)
            except Refused as error:
                self._start_refused = error
                raise refusal(error) from None
            self._set_up = True  # its directory takes records from here on
        else:
            try:
                checked = await self._session.check(self._settings, "set-up")
            except Refused as error:
                refused = _start_again(error)
                if not error.refusal.failure:
                    raise self._refuse_start(refused) from None
                self._life.apply(SetUpFailed(failure=Failure.model_validate(error.refusal.failure)))
                await self._record()
                raise refusal(refused) from None
        self._life.apply(Verified(checked=checked))
        await self._record()

    async def _after_check(self, given: Enable | ChangeSettings) -> CrmStatus:
        """Carries out a command that may need a look at the CRM first."""
        await self._ready(given)
        halts = self._halts
        async with self._commanding:
            self._still_open(given)
            candidate = settings_to_try(self.connection, given)
            try:
                if isinstance(given, ChangeSettings):
                    await transactions.check_change(self.connection.settings, given)
                if candidate is not None:
                    await self._try_candidate(given, candidate, halts)
            except Refused as error:
                if workflow.current_update_info():  # a refused signal is recorded where it came in
                    await self._record_refused(was_refused(name_of(given), given.by, error))
                raise
            if candidate is None and self._life.apply(given):
                await self._session.interrupt()  # what a session was told is fixed when it starts
            self._settings = self.connection.settings
        return await self._answer()

    async def _try_candidate(self, given: Enable | ChangeSettings, candidate: CrmSettings, halts: int) -> None:
        self._held += 1
        try:
            await self._session.interrupt()
            if halts == self._halts and candidate.kind != "builtin":
                await self._session.check(candidate, name_of(given))
            if halts != self._halts:  # disabled or closed since: that came later, so it holds
                raise self._session.interrupted(name_of(given))
            self._life.apply(CheckWorked(command=given, settings=candidate))
        finally:
            self._held -= 1

    async def _record_refused(self, refused: WasRefused) -> None:
        await workflow.wait_condition(lambda: self._is_set_up_or_ended() or self._served is False)
        if self._served is False:  # which has no log
            return
        self._commands += 1
        await super()._record_refused(refused)

    async def _ready(self, given: Command) -> None:
        await workflow.wait_condition(lambda: self._is_set_up_or_ended() or self._served is False)
        if self._served is False:
            self._anew = True
            raise Refused(
                "not_answered", f"{name_of(given)}: the connection is just being renewed: give the command again"
            )
        self._still_open(given)

    # Serving -----------------------------------------------------------------------------------------------------------

    def _may_hold_session(self) -> bool:
        return self.connection.served and not self._held

    def _due(self) -> datetime | None:
        return self.connection.next_attempt_at

    async def _hold_session(self) -> None:
        connection, asked = self.connection, self._sync.asked
        ended = await self._session.serve(connection, report=asked is not None)
        self._results += 1
        match ended:
            case SyncReport():
                self._life.apply(Synced(report=ended))
                did = ended.pulled or ended.pushed or ended.linked
                self._sync.give(asked, sync_answer("synced" if did else "nothing_new", self.connection, ended))
            case SyncFailure():
                self._life.apply(SyncFailed(report=ended, jitter=workflow.random().random()))
                meanwhile = self._sync.asked is not asked and self.connection.limited_until(workflow.now()) is not None
                if meanwhile and workflow.patched("rate_limits"):
                    asked = self._sync.asked  # of who asked while it ran: another session would not respect the limit
                self._sync.give(asked, sync_answer("failed", self.connection, failure=ended.failure))
        self._refuse_if_over()

    def _no_session(self) -> Refused | None:
        return no_sync(self.connection)

    def _status(self) -> CrmStatus:
        return crm_status(self.connection)

    def _is_long(self) -> bool:
        return self._has_many_commands() or super()._is_long()

    def _has_many_commands(self) -> bool:
        return self._commands >= COMMANDS_PER_RUN or workflow.info().is_continue_as_new_suggested()


def _start_again(error: Refused) -> Refused:
    """What a start was refused for, and that there is no connection."""
    told = (
        f"{error.message.rstrip('.')}. No connection was made, so there is none to give commands to: mend that, and start it "
        "again under the same id"
    )
    return Refused(error.refusal.code, told, field=error.refusal.field, failure=error.refusal.failure)

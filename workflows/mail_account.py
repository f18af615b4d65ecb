"""The `MailAccount` workflow: one account's life from its set-up to its close, a thin shell around domain/account.py.

Commands and the outcomes of sessions go through `Lifecycle`, which decides, evolves, shows and records; a command is
answered when its events are in the log. `MailboxSession` holds the one session with the mailbox: the watch, or a live login
while the watch is held back.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.account import Account, State, new_account, settings_to_try
from domain.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Command,
    Connected,
    Disable,
    Enable,
    FailureReport,
    LoginWorked,
    PollNow,
    QuarantineChanged,
    RetryQuarantined,
    SessionFailed,
    SessionReport,
    SessionSucceeded,
    SetQuota,
    SetUpFailed,
    SkipMessage,
    WasRefused,
    name_of,
)
from domain.failures import Failure
from domain.redaction import without_addresses
from domain.refusal import Refused
from domain.settings import AccountSettings
from domain.status import AccountStatus, status, waiting
from workflows import contract
from workflows.crm_check import check_new_crms
from workflows.desk import DESK, WAITS_FOR_CRMS, Desk, carries_out, may_be_longer
from workflows.intake import command, read, refusal, refuses_unknown, takes_commands
from workflows.lifecycle import Lifecycle
from workflows.mailbox_session import MailboxSession, cancel_requested, interrupted
from workflows.poll import SharedPoll
from workflows.quarantine import change_quarantine, waits_for

LIFE = (
    Disable, Enable, PollNow, ChangeSettings, ChangeCredential, SetQuota, RetryQuarantined, SkipMessage, Close
)  # fmt: skip
RESULTS_PER_RUN = 100  # then the history is cut, whatever the server suggests; histories depend on this number


@workflow.defn(name=contract.MAIL_ACCOUNT)
@takes_commands
@carries_out(*DESK)
@refuses_unknown("an account", (*LIFE, *DESK))
class MailAccount:
    """Retrieves one mailbox by POP for as long as the account lives."""

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._start_refused: Refused | None = None
        self._ended = False
        self._commanding = asyncio.Lock()  # live logins, one at a time
        self._mailbox = MailboxSession()
        self._halts = 0  # how often `disable` or `close` was asked for
        self._held = 0  # commands that keep the watch from starting
        self._desk = Desk()
        self._poll = SharedPoll()
        self._results = 0
        self._life: Lifecycle
        try:
            self._life = Lifecycle(self._take_over(payload, rest))
        except Refused as error:
            self._start_refused = error

    def _take_over(self, payload: Any, rest: tuple[Any, ...]) -> Account:
        if workflow.info().continued_run_id and len(rest) == 1:
            return Account.model_validate_json(json.dumps(rest[0]))
        settings = read(AccountSettings, payload, rest, what="MailAccount")
        expected = contract.account_workflow_id(settings.address)
        if workflow.info().workflow_id != expected:
            raise Refused(
                "address_mismatch",
                f"MailAccount: the workflow id must be {expected}, the address in lower case: start it with that id",
                field="address",
            )
        return new_account(settings, workflow.now())

    @property
    def account(self) -> Account:
        return self._life.account

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> AccountStatus:
        try:
            await self._live()
        except ApplicationError:
            self._ended = True
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        self._ended = True
        await self._life.record()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return status(self.account)

    async def _live(self) -> None:
        if self._start_refused:
            raise refusal(self._start_refused)
        self._life.publish()
        try:
            if self.account.state is State.VERIFYING:
                await self._connect()
            while self.account.state is not State.CLOSED and not cancel_requested():
                await self._until_due()
                if self._is_due():
                    await self._watch()
                await self._life.record()
                await self._continue_as_new_if_due()
        except (asyncio.CancelledError, ActivityError):
            if not cancel_requested():
                raise
        if self.account.state is State.VERIFYING:
            workflow.upsert_search_attributes([contract.STATE.value_set(State.CLOSED.value)])
            raise refusal(Refused("closed", "MailAccount: the set-up was cancelled"))
        if self.account.state is not State.CLOSED:  # Temporal's own cancel means close
            await self._halt(Close(by="temporal"))

    # Commands --------------------------------------------------------------------------------------------------------

    @command(Disable)
    async def disable(self, given: Disable) -> AccountStatus:
        await self._ready(given)
        return await self._halt(given)

    @command(Enable)
    async def enable(self, given: Enable) -> AccountStatus:
        return await self._after_login(given)

    @command(ChangeSettings)
    async def change_settings(self, given: ChangeSettings) -> AccountStatus:
        return await self._after_login(given)

    @command(ChangeCredential)
    async def change_credential(self, given: ChangeCredential) -> AccountStatus:
        return await self._after_login(given)

    @command(SetQuota)
    async def set_quota(self, given: SetQuota) -> AccountStatus:
        await self._ready(given)
        self._life.apply(given)
        answer = await self._answer()
        if self.account.state is State.OVER_QUOTA:
            await self._mailbox.stop_watch()  # the next one looks at once, now that the new quota is in the database
        return answer

    @command(Close)
    async def close(self, given: Close) -> AccountStatus:
        await self._ready(given)
        return await self._halt(given)

    @command(PollNow)
    async def poll_now(self, given: PollNow) -> contract.PollAnswer:
        await self._ready(given)
        poll = self._poll.asked
        if poll is None:
            self._life.apply(given)
            poll = self._poll.ask()
            await self._mailbox.stop_watch()
        await workflow.wait_condition(poll.done)
        await self._life.record()
        return poll.result()

    @command(RetryQuarantined)
    async def retry_quarantined(self, given: RetryQuarantined) -> contract.QuarantineAnswer:
        return await self._change_quarantine(given)

    @command(SkipMessage)
    async def skip_message(self, given: SkipMessage) -> contract.QuarantineAnswer:
        return await self._change_quarantine(given)

    async def carry_out(self, given: Command) -> Any:
        """A command about stored mail changes the database and nothing of this account's life."""
        await self._ready(given)
        try:
            answer = await self._desk.carry_out(self.account.settings.address, given)
        except Refused:  # after which histories of earlier versions end no watch
            if self._is_long() and workflow.patched(WAITS_FOR_CRMS):
                await self._mailbox.stop_watch()
            raise
        if self._is_long():
            await self._mailbox.stop_watch()  # an idle account may get any number of commands
        return answer

    async def record_refused_signal(self, name: str, payload: Any, error: Refused) -> None:
        """A refused signal changes nothing, and the log says so; an account that never was one has no log."""
        by = payload.get("by") if isinstance(payload, dict) else None
        if name in {name_of(model) for model in DESK}:  # which may name correspondents: the log never does
            error = Refused(
                error.refusal.code, without_addresses(error.message, "[address]"), field=error.refusal.field
            )
        await self._refused(name[:100], by[:200] if isinstance(by, str) and by else "operator", error)

    @workflow.query(name="status")
    def status_query(self) -> AccountStatus:
        return status(self._account_or_refusal())

    @workflow.query(name="settings")
    def settings_query(self) -> AccountSettings:
        return self._account_or_refusal().settings

    # Set-up and live logins --------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        try:
            login = await self._mailbox.log_in(self.account.settings, "set-up")
        except Refused as error:
            if error.refusal.failure:
                self._life.apply(SetUpFailed(failure=Failure.model_validate(error.refusal.failure)))
                await self._life.record()
            else:  # nothing was tried and nothing is logged, but nobody is to find it among those being verified
                workflow.upsert_search_attributes([contract.STATE.value_set(State.CLOSED.value)])
            raise refusal(error) from None
        self._life.apply(Connected(login=login))
        await self._life.record()

    async def _after_login(self, given: Enable | ChangeSettings | ChangeCredential) -> AccountStatus:
        """Carries out a command that may need a live login first."""
        await self._ready(given)
        halts = self._halts
        async with self._commanding:
            self._still_open(given)
            candidate = settings_to_try(self.account, given)
            if candidate and candidate.incoming.auth == "xoauth2" and not workflow.patched("xoauth2"):
                # Histories from before it was offered have the refusal, and go on only if it is repeated.
                raise Refused("invalid_field", f"{name_of(given)}: xoauth2: give the command again", field="auth")
            try:
                if candidate is not None:
                    await self._try_candidate(given, candidate, halts)
                elif isinstance(given, ChangeSettings):
                    await check_new_crms(self.account.settings, given)
            except Refused as error:
                if workflow.current_update_info():  # a refused signal is recorded where it came in
                    await self._refused(name_of(given), given.by, error)
                raise
            self._still_open(given)
            if candidate is None and self._life.apply(given):
                await self._mailbox.stop_watch()  # what a watch was told is fixed when it starts
        return await self._answer()

    async def _try_candidate(
        self, given: Enable | ChangeSettings | ChangeCredential, candidate: AccountSettings, halts: int
    ) -> None:
        self._held += 1  # a live login and a session never overlap
        try:
            await self._mailbox.stop_watch()
            login = await self._mailbox.log_in(candidate, name_of(given)) if halts == self._halts else None
            if login is None or halts != self._halts:  # disabled or closed since: that came later, so it holds
                raise interrupted(name_of(given))
            self._life.apply(LoginWorked(command=given, settings=candidate, login=login))
        finally:
            self._held -= 1

    async def _change_quarantine(self, given: RetryQuarantined | SkipMessage) -> contract.QuarantineAnswer:
        await self._ready(given)
        async with self._commanding:
            self._still_open(given)
            self._held += 1
            try:  # a session may be fetching what is given up: it ends first, and the next one goes by the change
                await self._mailbox.stop_watch()
                await self._life.record()  # the command logs itself, after what was decided before it
                change = await change_quarantine(self.account.settings.address, given)
                released = isinstance(given, RetryQuarantined) and change.messages > 0
                self._life.apply(QuarantineChanged(in_quarantine=change.in_quarantine, released=released, by=given.by))
            finally:
                self._held -= 1
        return contract.QuarantineAnswer(
            messages=change.messages,
            waits_for=waits_for(self.account) if released else None,
            status=(await self._answer()).model_dump(mode="json"),
        )

    async def _refused(self, name: str, by: str, error: Refused) -> None:
        await workflow.wait_condition(self._is_set_up_or_ended)
        if self._ended or self._start_refused:
            return
        self._life.apply(
            WasRefused(command=name, code=error.refusal.code, field=error.refusal.field, message=error.message, by=by)
        )
        await self._life.record()
        if self._is_long():
            await self._mailbox.stop_watch()  # an idle account may get any number of signals

    async def _ready(self, given: Command) -> None:
        await workflow.wait_condition(self._is_set_up_or_ended)
        self._still_open(given)

    def _still_open(self, given: Command) -> None:
        if self._ended or self._start_refused or self.account.state is State.CLOSED:
            raise Refused("closed", f"{name_of(given)}: the account is closed, or was never connected: start it again")

    def _is_set_up_or_ended(self) -> bool:
        return self._ended or self._start_refused is not None or self.account.state is not State.VERIFYING

    async def _answer(self) -> AccountStatus:
        answer = status(self.account)
        await self._life.record()
        if self._is_long():
            await self._mailbox.stop_watch()  # an idle account may get any number of commands that change nothing
        return answer

    def _account_or_refusal(self) -> Account:
        if self._start_refused:
            raise refusal(self._start_refused)
        return self.account

    # Watching ----------------------------------------------------------------------------------------------------------

    def _may_watch(self) -> bool:
        return self.account.watched and not self._held

    async def _until_due(self) -> None:
        """Waits until a watch may start: until it is allowed and, after a failure, its time has come or poll_now is asked."""
        await workflow.wait_condition(
            lambda: (
                self._may_watch()
                or self.account.state is State.CLOSED
                or (self._is_to_be_cut() and self._poll.asked is None)
            )
        )
        account = self.account
        failure, due = account.last_failure, account.next_attempt_at
        if self._is_due() or failure is None or due is None:
            return
        try:
            await workflow.wait_condition(
                lambda: (
                    self._poll.asked is not None
                    or self.account != account
                    or not self._may_watch()
                    or self._is_to_be_cut()
                ),
                timeout=due - workflow.now(),
                timeout_summary=waiting(account),
            )
        except TimeoutError:
            return

    def _is_due(self) -> bool:
        """Whether a watch may start now: a command may have changed the account during the wait."""
        failure, due = self.account.last_failure, self.account.next_attempt_at
        return self._may_watch() and (
            self._poll.asked is not None or failure is None or due is None or due <= workflow.now()
        )

    async def _watch(self) -> None:
        """One watch: from now until a session brings news, or until a command cuts it short."""
        account, poll = self.account, self._poll.asked
        ended = await self._mailbox.watch(account, report=poll is not None)
        self._results += 1
        match ended:
            case SessionReport():
                self._life.apply(SessionSucceeded(report=ended))
                # What a lost worker stored is among it; what was deleted meanwhile is not to hide what came.
                fresh = max(ended.total_stored - account.total_stored, ended.stored)
                self._poll.answer(poll, "mail" if fresh else "nothing_new", fresh, status(self.account))
            case FailureReport():
                self._life.apply(SessionFailed(report=ended, jitter=workflow.random().random()))
                self._poll.answer(poll, "failed", 0, status(self.account), ended.failure)
            case Refused():
                self._poll.refuse(ended)
        self._poll.refuse_if_over(
            self.account
        )  # disabled by this watch, while a poll_now waited for it to be cut short

    async def _halt(self, given: Disable | Close) -> AccountStatus:
        """Ends whatever goes on: the session, the poll that is waited for, and live logins asked for before."""
        self._halts += 1
        self._life.apply(given)
        answer = status(self.account)
        self._poll.refuse_if_over(self.account)
        await self._mailbox.stop()
        await self._life.record()
        return answer

    def _is_long(self) -> bool:
        return self._results >= RESULTS_PER_RUN or workflow.info().is_continue_as_new_suggested()

    def _is_to_be_cut(self) -> bool:
        """Whether the run is long and goes on as a new one. Not while a command waits for a CRM, which may take its time: mail
        keeps coming until the run is as long as one may be."""
        return self._is_long() and not (self._desk.waits and may_be_longer(self._results))

    async def _continue_as_new_if_due(self) -> None:
        if not self._is_to_be_cut():
            return
        # A poll that is waited for needs this loop, so it comes first; every other handler ends by itself, or waits for a CRM.
        await workflow.wait_condition(
            lambda: (
                workflow.all_handlers_finished()
                or self._poll.asked is not None
                or (self._desk.waits and not self._is_to_be_cut())
            )
        )
        if workflow.all_handlers_finished() and self._life.recorded and self.account.state is not State.CLOSED:
            workflow.continue_as_new(args=[self.account.settings, self.account])

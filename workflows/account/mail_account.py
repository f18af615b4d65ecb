"""The `MailAccount` workflow: one account's life from its set-up to its close, a thin shell around
domain/account/lifecycle.py."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from temporalio import workflow

from domain.account.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Connected,
    Disable,
    Enable,
    LoginWorked,
    PollNow,
    QuarantineChanged,
    RetryQuarantined,
    SessionFailed,
    SessionSucceeded,
    SetQuota,
    SetUpFailed,
    SkipMessage,
)
from domain.account.lifecycle import Account, State, new_account, settings_to_try
from domain.account.status import AccountStatus, status
from domain.core.commands import Command, name_of
from domain.core.redaction import without_addresses
from domain.core.refusal import Refused
from domain.failures.failure import Failure
from domain.mailbox.settings import AccountSettings, moves_elsewhere
from domain.retrieval.reports import FailureReport, LoginReport, SessionReport
from workflows import contract
from workflows.account.crm_check import check_new_crms
from workflows.account.mail_commands import DESK, WAITS_FOR_CRMS, Desk, carries_out, may_be_longer
from workflows.account.poll_now import no_poll, poll_answer
from workflows.account.preview import preview
from workflows.account.quarantine import change_quarantine, waits_for
from workflows.account.session import MailboxSession
from workflows.account.state import AccountLifecycle
from workflows.entity.entity import Life, was_refused
from workflows.entity.messages import command, read, refusal, refuses_unknown, takes_commands
from workflows.entity.shared_answer import SharedAnswer

LIFE = (
    Disable, Enable, PollNow, ChangeSettings, ChangeCredential, SetQuota, RetryQuarantined, SkipMessage, Close
)  # fmt: skip


@workflow.defn(name=contract.MAIL_ACCOUNT)
@takes_commands
@carries_out(*DESK)
@refuses_unknown("an account", (*LIFE, *DESK))
class MailAccount(Life[Account, AccountStatus]):
    """Retrieves one mailbox by POP for as long as the account lives."""

    closed = "the account is closed, or was never connected: start it again"
    close_command = Close

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._mailbox = MailboxSession()
        self._poll = SharedAnswer[contract.PollAnswer]()
        super().__init__(self._mailbox, self._poll)
        self._desk = Desk()
        try:
            self._life = AccountLifecycle(self._take_over(payload, rest))
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
        return self._life.current

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> AccountStatus:
        return await self._run()

    # Commands --------------------------------------------------------------------------------------------------------

    @command(Disable)
    async def disable(self, given: Disable) -> AccountStatus:
        await self._ready(given)
        return await self._halt(given)

    @command(Enable)
    async def enable(self, given: Enable) -> AccountStatus:
        return await self._after_login(given)

    @command(ChangeSettings)
    async def change_settings(self, given: ChangeSettings) -> AccountStatus | contract.SettingsPreview:
        if given.dry_run:
            await self._ready(given)
            return await preview(self.account, given)
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
            await self._mailbox.interrupt()  # the next one looks at once, now that the new quota is in the database
        return answer

    @command(Close)
    async def close(self, given: Close) -> AccountStatus:
        await self._ready(given)
        return await self._halt(given)

    @command(PollNow)
    async def poll_now(self, given: PollNow) -> contract.PollAnswer:
        await self._ready(given)
        return await self._next_session_answers(self._poll, given)

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
                await self._mailbox.interrupt()
            raise
        if self._is_long():
            await self._mailbox.interrupt()  # an idle account may get any number of commands
        return answer

    async def record_refused_signal(self, name: str, payload: Any, error: Refused) -> None:
        if name in {name_of(model) for model in DESK}:  # which may name correspondents: the log never does
            error = Refused(
                error.refusal.code, without_addresses(error.message, "[address]"), field=error.refusal.field
            )
        await super().record_refused_signal(name, payload, error)

    @workflow.query(name="status")
    def status_query(self) -> AccountStatus:
        return status(self._shown_or_refusal())

    @workflow.query(name="settings")
    def settings_query(self) -> AccountSettings:
        return self._shown_or_refusal().settings

    # Set-up and live logins --------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        try:
            login = await self._mailbox.log_in(self.account.settings, "set-up")
        except Refused as error:
            if not error.refusal.failure:
                raise self._refuse_start(error) from None
            self._life.apply(SetUpFailed(failure=Failure.model_validate(error.refusal.failure)))
            await self._record()
            raise refusal(error) from None
        self._life.apply(Connected(login=login))
        await self._record()

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
                moves = (
                    moves_elsewhere(self.account.settings, given.settings)
                    if isinstance(given, ChangeSettings)
                    else None
                )
                if moves and workflow.patched("organisation-stays"):
                    raise moves
                if candidate is not None:
                    await self._try_candidate(given, candidate, halts)
                elif isinstance(given, ChangeSettings):
                    await check_new_crms(self.account.settings, given)
            except Refused as error:
                if workflow.current_update_info():  # a refused signal is recorded where it came in
                    await self._record_refused(was_refused(name_of(given), given.by, error))
                raise
            self._still_open(given)
            if candidate is None and self._life.apply(given):
                await self._mailbox.interrupt()  # what a watch was told is fixed when it starts
        return await self._answer()

    async def _try_candidate(
        self, given: Enable | ChangeSettings | ChangeCredential, candidate: AccountSettings, halts: int
    ) -> None:
        self._held += 1  # a live login and a session never overlap
        try:
            await self._mailbox.interrupt()
            login = await self._log_in(given, candidate) if halts == self._halts else None
            if login is None or halts != self._halts:  # disabled or closed since: that came later, so it holds
                raise self._mailbox.interrupted(name_of(given))
            self._life.apply(LoginWorked(command=given, settings=candidate, login=login))
        finally:
            self._held -= 1

    async def _log_in(
        self, given: Enable | ChangeSettings | ChangeCredential, candidate: AccountSettings
    ) -> LoginReport:
        if not isinstance(given, ChangeSettings):
            return await self._mailbox.log_in(candidate, name_of(given))
        return await self._mailbox.log_in(
            candidate,
            name_of(given),
            before=self.account.settings.retrieval,
            confirm_deletes=given.confirm_deletes,
        )

    async def _change_quarantine(self, given: RetryQuarantined | SkipMessage) -> contract.QuarantineAnswer:
        await self._ready(given)
        async with self._commanding:
            self._still_open(given)
            self._held += 1
            try:  # a session may be fetching what is given up: it ends first, and the next one goes by the change
                await self._mailbox.interrupt()
                await self._record()  # the command logs itself, after what was decided before it
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

    # Watching ----------------------------------------------------------------------------------------------------------

    def _may_hold_session(self) -> bool:
        return self.account.watched and not self._held

    def _due(self) -> datetime | None:
        """Only failures have the workflow wait; a watch itself waits for the next look."""
        return self.account.next_attempt_at if self.account.last_failure else None

    async def _hold_session(self) -> None:
        account, asked = self.account, self._poll.asked
        ended = await self._mailbox.watch(account, report=asked is not None)
        self._results += 1
        match ended:
            case SessionReport():
                self._life.apply(SessionSucceeded(report=ended))
                # What a lost worker stored is among it; what was deleted meanwhile is not to hide what came.
                fresh = max(ended.total_stored - account.total_stored, ended.stored)
                self._poll.give(asked, poll_answer("mail" if fresh else "nothing_new", self.account, stored=fresh))
            case FailureReport():
                self._life.apply(SessionFailed(report=ended, jitter=workflow.random().random()))
                self._poll.give(asked, poll_answer("failed", self.account, failure=ended.failure))
            case Refused():
                self._poll.refuse(ended)
        self._refuse_if_over()  # disabled by this watch, while a poll_now waited for it to be cut short

    def _no_session(self) -> Refused | None:
        return no_poll(self.account)

    def _status(self) -> AccountStatus:
        return status(self.account)

    def _is_to_be_cut(self) -> bool:
        """Not while a command waits for a CRM, which may take its time: mail keeps coming until the run is as long as one may
        be."""
        return self._is_long() and not (self._desk.waits and may_be_longer(self._results))

"""The `MailAccount` workflow: one account's life from its set-up to its close, a thin shell around domain/account.py.

Commands and the outcomes of sessions go through `_apply`: decide, evolve, publish. What was decided holds at once; it is
recorded in order by `_record`, and a command is answered when its events are in the log. One activity at a time holds a
session with the mailbox: the watch, or a live login while the watch is held back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError

from domain.account import Account, AnyCommand, OperatorCommand, State, decide, evolve, new_account, settings_to_try
from domain.audit import LoggedEvent, Notice
from domain.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Connected,
    Disable,
    Enable,
    FailureReport,
    LoginReport,
    LoginWorked,
    PollNow,
    SessionFailed,
    SessionReport,
    SessionSucceeded,
    SetQuota,
    SetUpFailed,
    WasRefused,
    name_of,
)
from domain.events import QuotaSet, facts
from domain.failures import Failure, Kind
from domain.providers import profile_of
from domain.refusal import Refused
from domain.settings import AccountSettings
from domain.status import AccountStatus, details, notice, status
from workflows import contract
from workflows.intake import command, read, refusal, takes_commands

RESULTS_PER_RUN = 100  # then the history is cut, whatever the server suggests
EVENTS_PER_RECORD = 50
SESSION_TIMEOUT = timedelta(minutes=40)  # a session ends itself after 20 minutes and its last message
HEARTBEAT_TIMEOUT = timedelta(seconds=15)
RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
KINDS = frozenset(Kind)
Poll = asyncio.Future[contract.PollAnswer]


@workflow.defn(name=contract.MAIL_ACCOUNT)
@takes_commands
class MailAccount:
    """Retrieves one mailbox by POP for as long as the account lives."""

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._start_refused: Refused | None = None
        self._ended = False
        self._unrecorded: list[tuple[LoggedEvent, Notice | None]] = []
        self._quota: tuple[str, int] | None = None
        self._recording = asyncio.Lock()
        self._commanding = asyncio.Lock()  # live logins, one at a time
        self._session: workflow.ActivityHandle[Any] | None = None
        self._stopping = False
        self._held = 0  # commands that keep the watch from starting
        self._poll: Poll | None = None
        self._results = 0
        self._published: dict[str, Any] = {}
        self.account: Account
        try:
            self.account = self._take_over(payload, rest)
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

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> AccountStatus:
        try:
            await self._live()
        except ApplicationError:
            self._ended = True
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        self._ended = True
        await self._record()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return status(self.account)

    async def _live(self) -> None:
        if self._start_refused:
            raise refusal(self._start_refused)
        try:
            if self.account.state is State.VERIFYING:
                await self._connect()
            while self.account.state is not State.CLOSED and not _cancel_requested():
                await self._until_due()
                if self._is_due():
                    await self._watch()
                await self._record()
                await self._continue_as_new_if_due()
        except (asyncio.CancelledError, ActivityError):
            if not _cancel_requested():
                raise
        if self.account.state is State.VERIFYING:
            raise refusal(Refused("closed", "MailAccount: the set-up was cancelled"))
        if self.account.state is not State.CLOSED:  # Temporal's own cancel means close
            self._apply(Close(by="temporal"))
            self._refuse_poll("closed", "the account was closed")

    # Commands --------------------------------------------------------------------------------------------------------

    @command(Disable)
    async def disable(self, given: Disable) -> AccountStatus:
        await self._ready(given)
        if self._apply(given):
            self._refuse_poll("disabled", "the account was disabled: use enable first")
            await self._stop_session()
        await workflow.wait_condition(lambda: self._session is None)
        return await self._answer()

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
        self._apply(given)
        answer = await self._answer()
        if self.account.state is State.OVER_QUOTA:
            await self._stop_watch()  # the next one looks at once, now that the new quota is in the database
        return answer

    @command(Close)
    async def close(self, given: Close) -> AccountStatus:
        await self._ready(given)
        self._apply(given)
        self._refuse_poll("closed", "the account was closed")
        await self._stop_session()
        return await self._answer()

    @command(PollNow)
    async def poll_now(self, given: PollNow) -> contract.PollAnswer:
        await self._ready(given)
        if self._poll is None:  # those who ask at the same time share one answer
            self._apply(given)
            self._poll = asyncio.get_running_loop().create_future()
        poll = self._poll
        await self._stop_watch()
        await workflow.wait_condition(poll.done)
        answer = poll.result()
        await self._record()
        return answer

    @workflow.signal(dynamic=True)
    async def unknown_signal(self, name: str, arguments: Sequence[RawValue]) -> None:
        known = "disable, enable, poll_now, change_settings, change_credential, set_quota, close"
        error = Refused("unknown_command", f"{name[:100]} is not a command of an account; the commands are {known}")
        await self.record_refused_signal(name, None, error)

    async def record_refused_signal(self, name: str, payload: Any, error: Refused) -> None:
        """A refused signal changes nothing, and the log says so; an account that never was one has no log."""
        by = payload.get("by") if isinstance(payload, dict) else None
        await self._refused(name[:100], by[:200] if isinstance(by, str) and by else "operator", error)

    @workflow.query(name="status")
    def status_query(self) -> AccountStatus:
        return status(self._account_or_refusal())

    @workflow.query(name="settings")
    def settings_query(self) -> AccountSettings:
        return self._account_or_refusal().settings

    # Applying, recording, publishing -----------------------------------------------------------------------------------

    def _apply(self, asked: AnyCommand) -> bool:
        """Decides, and makes what was decided the account's state; False where nothing followed."""
        events = decide(self.account, asked, workflow.now())
        for event in events:
            self.account = evolve(self.account, event)
            if isinstance(event, QuotaSet):
                self._quota = (event.user, event.bytes)
            if event.in_log:
                logged = LoggedEvent(
                    event_id=workflow.uuid4(),
                    at=event.at,
                    type=type(event).__name__,
                    actor=event.actor,
                    data=facts(event),
                )
                self._unrecorded.append((logged, notice(event, self.account)))
        if events:
            self._publish()
        return bool(events)

    async def _record(self) -> None:
        """Appends what was decided, in order; comes back when all of it is in the log, however long that takes."""
        async with self._recording:  # one writer, or a retry could overtake the append before it
            while self._unrecorded:
                batch = self._unrecorded[:EVENTS_PER_RECORD]
                await workflow.execute_activity(
                    "record",
                    contract.RecordRequest(
                        address=self.account.settings.address,
                        events=[event for event, _ in batch],
                        notices=[told for _, told in batch],
                        account=None if self.account.state is State.VERIFYING else self._recorded_account(),
                        quota=self._quota,
                    ),
                    summary="record " + ", ".join(dict.fromkeys(event.type for event, _ in batch)),
                    start_to_close_timeout=timedelta(seconds=30),
                    retry_policy=RETRY,
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                )
                del self._unrecorded[: len(batch)]

    def _recorded_account(self) -> contract.RecordedAccount:
        account = self.account
        return contract.RecordedAccount(
            organisation=account.settings.organisation,
            owner=account.settings.owner,
            host=account.settings.incoming.host,
            crm=account.settings.crm,
            state=account.state,
            reason=account.reason,
            authentication_failures=account.failures.authentication,
            connection_failures=account.failures.connection,
            next_attempt_at=account.next_attempt_at,
        )

    def _publish(self) -> None:
        """Search attributes, only those that changed and in one event, and the page in the UI, which costs none."""
        account = self.account
        wanted: dict[Any, Any] = {
            contract.STATE: account.state.value,
            contract.REASON: account.reason,
            contract.FAILURE: account.last_failure.kind.value if account.last_failure else None,
            contract.HOST: account.settings.incoming.host,
            contract.ORGANISATION: account.settings.organisation,
            contract.PROVIDER: profile_of(account.settings).name,
            contract.AUTHENTICATION_FAILURES: account.failures.authentication,
            contract.CONNECTION_FAILURES: account.failures.connection,
            contract.BACKLOG: account.progress.remaining,
        }
        updates: list[SearchAttributeUpdate[Any]] = [
            key.value_unset() if value is None else key.value_set(value)
            for key, value in wanted.items()
            if self._published.get(key.name) != value
        ]
        if updates:
            workflow.upsert_search_attributes(updates)
            self._published = {key.name: value for key, value in wanted.items()}
        workflow.set_current_details(details(account, workflow.now()))

    # Set-up and live logins --------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        self._publish()
        try:
            login = await self._log_in(self.account.settings, "set-up")
        except Refused as error:
            if error.refusal.failure:
                self._apply(SetUpFailed(failure=Failure.model_validate(error.refusal.failure)))
                await self._record()
            raise refusal(error) from None
        self._apply(Connected(login=login))
        await self._record()

    async def _log_in(self, settings: AccountSettings, asked_by: str) -> LoginReport:
        """Tries a login; raises Refused with the server's failure, or with what the settings lack."""
        self._stopping = self._watching = False
        self._session = workflow.start_activity(
            "try_login",
            contract.LoginRequest(settings=settings, command=asked_by),
            task_queue=contract.RETRIEVAL_QUEUE,
            result_type=LoginReport,
            summary=f"log in to {settings.incoming.host} for {asked_by}",
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        try:
            report: LoginReport = await self._session
            return report
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.details:
                raise _refused_login(error.cause, asked_by) from None
            if self._stopping:
                raise _interrupted(asked_by) from None
            raise
        finally:
            self._session = None

    async def _after_login(self, given: Enable | ChangeSettings | ChangeCredential) -> AccountStatus:
        """Carries out a command that may need a live login first."""
        await self._ready(given)
        async with self._commanding:
            self._still_open(given)
            candidate = settings_to_try(self.account, given)
            if candidate is not None:
                try:
                    await self._try_candidate(given, candidate)
                except Refused as error:
                    if workflow.current_update_info():  # a refused signal is recorded where it came in
                        await self._refused(name_of(given), given.by, error)
                    raise
            elif self._apply(given):
                await self._stop_watch()  # what a watch was told is fixed when it starts
        return await self._answer()

    async def _try_candidate(
        self, given: Enable | ChangeSettings | ChangeCredential, candidate: AccountSettings
    ) -> None:
        self._held += 1  # a live login and a session never overlap
        try:
            await self._stop_watch()
            login = await self._log_in(candidate, name_of(given))
            if self._stopping:  # disabled or closed while the server was answering: that came later, so it holds
                raise _interrupted(name_of(given))
            self._apply(LoginWorked(command=given, settings=candidate, login=login))
        finally:
            self._held -= 1

    async def _refused(self, name: str, by: str, error: Refused) -> None:
        await workflow.wait_condition(self._is_set_up_or_ended)
        if self._ended or self._start_refused:
            return
        self._apply(
            WasRefused(command=name, code=error.refusal.code, field=error.refusal.field, message=error.message, by=by)
        )
        await self._record()

    async def _ready(self, given: OperatorCommand) -> None:
        await workflow.wait_condition(self._is_set_up_or_ended)
        self._still_open(given)

    def _still_open(self, given: OperatorCommand) -> None:
        if self._ended or self._start_refused or self.account.state is State.CLOSED:
            raise Refused("closed", f"{name_of(given)}: the account is closed, or was never connected: start it again")

    def _is_set_up_or_ended(self) -> bool:
        return self._ended or self._start_refused is not None or self.account.state is not State.VERIFYING

    async def _answer(self) -> AccountStatus:
        answer = status(self.account)
        await self._record()
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
        await workflow.wait_condition(lambda: self._may_watch() or self.account.state is State.CLOSED)
        account = self.account
        failure, due = account.last_failure, account.next_attempt_at
        if self._is_due() or failure is None or due is None:
            return
        try:
            await workflow.wait_condition(
                lambda: self._poll is not None or self.account != account or not self._may_watch(),
                timeout=due - workflow.now(),
                timeout_summary=f"wait after failure {account.in_a_row} in a row: {failure.kind}",
            )
        except TimeoutError:
            return

    def _is_due(self) -> bool:
        """Whether a watch may start now: a command may have changed the account during the wait."""
        failure, due = self.account.last_failure, self.account.next_attempt_at
        return self._may_watch() and (self._poll is not None or failure is None or due is None or due <= workflow.now())

    async def _watch(self) -> None:
        """One watch: from now until a session brings news, or until a command cuts it short."""
        account, poll = self.account, self._poll
        self._stopping, self._watching = False, True
        self._session = workflow.start_activity(
            "watch",
            contract.WatchRequest(
                settings=account.settings,
                settings_version=account.settings_version,
                credential_version=account.credential_version,
                total_stored=account.total_stored,
                recovering=account.recovering,
                report=poll is not None,
                not_before=None if poll else account.next_attempt_at,
                needed_bytes=account.needed_bytes,
            ),
            task_queue=contract.RETRIEVAL_QUEUE,
            result_type=SessionReport,
            summary=f"watch: look for mail at {account.settings.incoming.host}",
            start_to_close_timeout=SESSION_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        try:
            report: SessionReport = await self._session
        except ActivityError as error:
            self._watch_ended(error, poll)
        else:
            self._apply(SessionSucceeded(report=report))
            outcome: Literal["mail", "nothing_new"] = "mail" if report.stored else "nothing_new"
            self._answer_poll(poll, outcome, report.stored)
        finally:
            self._session = None
            self._results += 1

    def _watch_ended(self, error: ActivityError, poll: Poll | None) -> None:
        """Applies a failure. Any other end of a watch whose end was asked for is just that end."""
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.details:
            if cause.type == contract.REFUSED:
                self._refuse_poll(cause.details[0]["code"], cause.message)
                return
            if cause.type in KINDS:
                report = FailureReport.model_validate({**cause.details[1], "failure": cause.details[0]})
                self._apply(SessionFailed(report=report, jitter=workflow.random().random()))
                self._answer_poll(poll, "failed", 0, report.failure)
                return
        if not self._stopping and not _cancel_requested():
            raise error

    def _answer_poll(
        self,
        poll: Poll | None,
        outcome: Literal["mail", "nothing_new", "failed"],
        stored: int,
        failure: Failure | None = None,
    ) -> None:
        if poll is None or poll is not self._poll:
            return  # this watch was not the one that poll_now waits for
        self._poll = None
        answer = contract.PollAnswer(
            outcome=outcome,
            stored=stored,
            failure=failure.model_dump(mode="json") if failure else None,
            status=status(self.account).model_dump(mode="json"),
        )
        poll.set_result(answer)

    def _refuse_poll(self, code: str, message: str) -> None:
        if self._poll is not None:
            poll, self._poll = self._poll, None
            poll.set_exception(Refused(code, f"poll_now: {message}"))

    async def _stop_watch(self) -> None:
        """Ends the watch, not a live login: that one belongs to the command that waits for it."""
        if self._watching:
            await self._stop_session()

    async def _stop_session(self) -> None:
        session = self._session
        if session is not None:
            self._stopping = True
            session.cancel()
            await workflow.wait_condition(lambda: self._session is not session)

    async def _continue_as_new_if_due(self) -> None:
        if self._results < RESULTS_PER_RUN and not workflow.info().is_continue_as_new_suggested():
            return
        # A poll that is waited for needs this loop, so it comes first; every other handler ends by itself.
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() or self._poll is not None)
        if workflow.all_handlers_finished() and not self._unrecorded and self.account.state is not State.CLOSED:
            workflow.continue_as_new(args=[self.account.settings, self.account])


def _cancel_requested() -> bool:
    return workflow.cancellation_reason() is not None


def _interrupted(asked_by: str) -> Refused:
    return Refused("disabled", f"{asked_by}: the account was disabled or closed while the login was tried")


def _refused_login(cause: ApplicationError, asked_by: str) -> Refused:
    if cause.type == contract.REFUSED:
        detail = cause.details[0]
        return Refused(detail["code"], f"{asked_by}: {cause.message}", field=detail["field"], failure=detail["failure"])
    return Refused("login_failed", f"{asked_by}: {cause.message}", failure=cause.details[0])

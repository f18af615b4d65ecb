"""The `SendingRoute` workflow: one From address's way out, a thin shell around domain/sending/route.py.

Messages have workflows of their own (workflows/sending/send_message.py) and tell the route what their attempts came to. While the
route takes no mail they are held; it alone logs in then, and has them go when that works.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.core.commands import Command, name_of
from domain.core.refusal import Refused
from domain.failures.failure import Failure
from domain.sending.commands import (
    AttemptFailed,
    AttemptWorked,
    ChangeCredential,
    ChangeSettings,
    CheckNow,
    Close,
    Disable,
    Enable,
    LoginWorked,
    ProbeWorked,
    SetUpFailed,
    Verified,
)
from domain.sending.route import Route, RouteState, settings_to_try, taken_over
from domain.sending.settings import RouteSettings
from domain.sending.status import RouteStatus, route_status
from workflows import contract
from workflows.entity.activities import RETRY, not_answered, refused_by
from workflows.entity.entity import Life, was_refused
from workflows.entity.messages import command, read, refusal, refuses_unknown, takes_commands
from workflows.entity.shared_answer import SharedAnswer
from workflows.sending.session import RouteSession
from workflows.sending.state import RouteLifecycle

COMMANDS: tuple[type[Command], ...] = (Enable, Disable, ChangeSettings, ChangeCredential, CheckNow, Close)


@workflow.defn(name=contract.SENDING_ROUTE)
@takes_commands
@refuses_unknown("a route", COMMANDS)
class SendingRoute(Life[Route, RouteStatus]):
    """Lets mail of one address out for as long as that is wanted."""

    closed = "the route is closed, or never was one: start it again"
    close_command = Close

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._session = RouteSession()
        self._check = SharedAnswer[contract.CheckAnswer]()
        super().__init__(self._session, self._check)
        try:
            self._life = RouteLifecycle(self._take_over(payload, rest))
        except Refused as error:
            self._start_refused = error

    def _take_over(self, payload: Any, rest: tuple[Any, ...]) -> Route:
        if workflow.info().continued_run_id and len(rest) == 1:
            return taken_over(rest[0])
        settings = read(RouteSettings, payload, rest, what="SendingRoute")
        expected = contract.route_workflow_id(settings.address)
        if workflow.info().workflow_id != expected:
            raise Refused(
                "address_mismatch",
                f"SendingRoute: the workflow id must be {expected}, the address in lower case: start it with that id",
                field="address",
            )
        return Route(settings=settings, since=workflow.now())

    @property
    def route(self) -> Route:
        return self._life.current

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> RouteStatus:
        return await self._run()

    # Commands --------------------------------------------------------------------------------------------------------

    @command(Disable)
    async def disable(self, given: Disable) -> RouteStatus:
        await self._ready(given)
        return await self._halt(given)

    @command(Close)
    async def close(self, given: Close) -> RouteStatus:
        await self._ready(given)
        return await self._halt(given)

    @command(Enable)
    async def enable(self, given: Enable) -> RouteStatus:
        return await self._after_login(given)

    @command(ChangeSettings)
    async def change_settings(self, given: ChangeSettings) -> RouteStatus:
        return await self._after_login(given)

    @command(ChangeCredential)
    async def change_credential(self, given: ChangeCredential) -> RouteStatus:
        return await self._after_login(given)

    @command(CheckNow)
    async def check_now(self, given: CheckNow) -> contract.CheckAnswer:
        await self._ready(given)
        return await self._next_session_answers(self._check, given)

    @workflow.signal(name="attempted", description="What an attempt of a message came to; sent by its workflow")
    async def attempted(self, payload: Any = None) -> None:
        try:
            report: AttemptFailed | AttemptWorked = (
                AttemptFailed.model_validate({**payload, "jitter": workflow.random().random()})
                if "failure" in payload
                else AttemptWorked.model_validate(payload)
            )
        except (ValidationError, TypeError):
            workflow.logger.warning("a report of an attempt that cannot be read is left aside")
            return
        await workflow.wait_condition(self._is_set_up_or_ended)
        if not (self._ended or self._start_refused or self._life.conflict) and self._life.apply(report):
            await self._answer()

    @workflow.query(name="status")
    def status_query(self) -> RouteStatus:
        return route_status(self._shown_or_refusal())

    @workflow.query(name="settings")
    def settings_query(self) -> RouteSettings:
        return self._shown_or_refusal().settings

    # Set-up and logins -------------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        try:
            await self._check_address()
            await self._session.log_in(self.route.settings, "set-up")
        except Refused as error:
            if not error.refusal.failure:
                raise self._refuse_start(error) from None
            self._life.apply(SetUpFailed(failure=Failure.model_validate(error.refusal.failure)))
            await self._record()
            raise refusal(error) from None
        self._life.apply(Verified())
        await self._record()
        await self._release()  # a route of before may have left some

    async def _check_address(self) -> None:
        settings = self.route.settings
        request = contract.RouteAddressRequest(address=settings.address, organisation=settings.organisation)
        try:
            await workflow.execute_activity(
                "check_route_address",
                request,
                summary="whether the address is an account's",
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=RETRY,
            )
        except ActivityError as error:
            raise refused_by(error, "set-up") or not_answered(error, "set-up") from None

    async def _after_login(self, given: Enable | ChangeSettings | ChangeCredential) -> RouteStatus:
        """Carries out a command that may need a login first."""
        await self._ready(given)
        halts = self._halts
        async with self._commanding:
            self._still_open(given)
            candidate = settings_to_try(self.route, given)
            try:
                if candidate is not None:
                    await self._try_candidate(given, candidate, halts)
            except Refused as error:
                if workflow.current_update_info():  # a refused signal is recorded where it came in
                    await self._record_refused(was_refused(name_of(given), given.by, error))
                raise
            self._still_open(given)
            if candidate is None:
                self._life.apply(given)
        answer = await self._answer()
        await self._release()
        return answer

    async def _try_candidate(
        self, given: Enable | ChangeSettings | ChangeCredential, candidate: RouteSettings, halts: int
    ) -> None:
        self._held += 1
        try:
            await self._session.interrupt()
            if halts == self._halts:
                await self._session.log_in(candidate, name_of(given))
            if halts != self._halts:  # disabled or closed since: that came later, so it holds
                raise self._session.interrupted(name_of(given))
            self._life.apply(LoginWorked(command=given, settings=candidate))
        finally:
            self._held -= 1

    # The route's own logins --------------------------------------------------------------------------------------------

    def _may_hold_session(self) -> bool:
        wanted = self.route.probes or (self.route.takes_mail and self._check.asked is not None)
        return wanted and not self._held

    def _due(self) -> datetime | None:
        return self.route.next_attempt_at

    async def _hold_session(self) -> None:
        route, asked = self.route, self._check.asked
        ended = await self._session.probe(route, "check_now" if asked else f"the route, {route.reason}")
        self._results += 1
        match ended:
            case contract.RouteChecked():
                self._life.apply(ProbeWorked(settings_version=route.settings_version))
                await self._record()
                await self._release()
                self._check.give(asked, self._check_answer(None))
            case contract.ProbeFailed(failure=failure, minute_seconds=minute):
                self._life.apply(
                    AttemptFailed(
                        failure=failure,
                        settings_version=route.settings_version,
                        minute_seconds=minute,
                        jitter=workflow.random().random(),
                    )
                )
                self._check.give(asked, self._check_answer(failure))
        self._refuse_if_over()

    def _check_answer(self, failure: Failure | None) -> contract.CheckAnswer:
        return contract.CheckAnswer(
            worked=failure is None,
            failure=failure.model_dump(mode="json") if failure else None,
            status=self._status().model_dump(mode="json"),
        )

    async def _release(self) -> None:
        """Has the messages go that wait for this route. In the database the route is open by now, so that none is held anew."""
        if not self.route.takes_mail or self._life.conflict:
            return
        await workflow.execute_activity(
            "release_held",
            contract.ReleaseRequest(route=contract.route_workflow_id(self.route.settings.address)),
            summary="wake the messages that were held, the oldest first",
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(seconds=15),
            retry_policy=RETRY,
        )

    def _no_session(self) -> Refused | None:
        if self.route.state in (RouteState.DISABLED, RouteState.CLOSED):
            return Refused("disabled", f"check_now: the route is {self.route.state}: no login will be tried")
        return None

    def _status(self) -> RouteStatus:
        return route_status(self.route)

"""The `CrmConnection` workflow: one CRM. For the built-in CRM it takes what goes into the directory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from domain.refusal import Refused
from workflows import contract
from workflows.intake import command, read, refusal, takes_commands

COMMANDS_PER_RUN = 500  # then the history is cut, whatever the server suggests
TRANSACTION_TIMEOUT = timedelta(seconds=30)
RETRY = RetryPolicy(maximum_interval=timedelta(minutes=1))


@workflow.defn(name=contract.CRM_CONNECTION)
@takes_commands
class CrmConnection:
    """Connects accounts with one CRM for as long as that is wanted."""

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._start_refused: Refused | None = None
        self._registered = False
        self._commands = 0
        self._settings: contract.CrmSettings
        try:
            self._settings = read(contract.CrmSettings, payload, rest, what="CrmConnection")
            expected = contract.crm_workflow_id(self._settings.name)
            if workflow.info().workflow_id != expected:
                raise Refused("invalid_field", f"CrmConnection: the workflow id must be {expected}", field="name")
        except Refused as error:
            self._start_refused = error

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> None:
        if self._start_refused:
            raise refusal(self._start_refused)
        try:
            await workflow.execute_activity(
                "register_crm", self._settings, start_to_close_timeout=TRANSACTION_TIMEOUT, retry_policy=RETRY
            )
        except ActivityError as error:
            raise refusal(_refused(error)) from None
        self._registered = True
        workflow.upsert_search_attributes([contract.STATE.value_set("active")])
        workflow.set_current_details(
            f"CRM **{self._settings.name}** ({self._settings.kind}, profile {self._settings.profile}) is active."
        )
        await workflow.wait_condition(self._must_continue_as_new)
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(args=[self._settings])

    def _must_continue_as_new(self) -> bool:
        return self._commands >= COMMANDS_PER_RUN or workflow.info().is_continue_as_new_suggested()

    @command(contract.SaveRecord)
    async def save_record(self, given: contract.SaveRecord) -> contract.DirectoryRecord:
        """Saves a record of the built-in CRM's directory; without `record_id`, a new one."""
        await workflow.wait_condition(lambda: self._registered)
        self._commands += 1
        request = contract.SaveRecordRequest(
            crm=self._settings, record=given, record_id=given.record_id or str(workflow.uuid4())
        )
        try:
            saved: contract.DirectoryRecord = await workflow.execute_activity(
                "save_record",
                request,
                result_type=contract.DirectoryRecord,
                summary=f"save {given.record_kind}",
                start_to_close_timeout=TRANSACTION_TIMEOUT,
                retry_policy=RETRY,
            )
        except ActivityError as error:
            raise _refused(error) from None
        return saved

    @workflow.query(name="status")
    def status_query(self) -> contract.CrmStatus:
        if self._start_refused:
            raise refusal(self._start_refused)
        return contract.CrmStatus(
            name=self._settings.name, kind=self._settings.kind, profile=self._settings.profile, state="active"
        )

    @workflow.signal(dynamic=True)
    async def unknown_signal(self, name: str, arguments: Sequence[RawValue]) -> None:
        workflow.logger.warning("refused the signal %s: a CRM connection knows save_record", name[:100])

    async def record_refused_signal(self, name: str, payload: Any, error: Refused) -> None:
        workflow.logger.warning("refused the signal %s: %s", name[:100], error.message)


def _refused(error: ActivityError) -> Refused:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == contract.REFUSED:
        detail = cause.details[0]
        return Refused(detail["code"], cause.message, field=detail["field"])
    raise error

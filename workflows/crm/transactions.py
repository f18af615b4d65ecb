"""What a CRM connection has done in the database alone: each is one activity, which asks no CRM for anything."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid5

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.core.commands import name_of
from domain.core.refusal import Refused
from domain.crm.commands import ChangeSettings, RetryFailed
from domain.crm.lifecycle import changed, needs_a_look
from domain.crm.settings import CrmSettings
from domain.settings_changes import changes
from workflows import contract
from workflows.entity.activities import RETRY, not_answered, refused_by
from workflows.entity.messages import check_that_somebody_waits

TIMEOUT = timedelta(seconds=30)


async def register(settings: CrmSettings) -> None:
    """Makes the connection one that accounts may name; raises Refused."""
    try:
        await workflow.execute_activity("register_crm", settings, start_to_close_timeout=TIMEOUT, retry_policy=RETRY)
    except ActivityError as error:
        raise _refused(error) from None


async def check_change(settings: CrmSettings, given: ChangeSettings) -> None:
    """Raises Refused where the organisation may not change: whether accounts name the CRM, the database knows."""
    after, name = changed(settings, given.settings), name_of(given)
    # Histories of earlier versions have nothing here.
    if after.organisation == settings.organisation or not workflow.patched("organisation_of_accounts"):
        return
    try:
        await workflow.execute_activity(
            "register_crm",
            after,
            summary="whether accounts name the CRM",
            start_to_close_timeout=TIMEOUT,
            retry_policy=RETRY,
        )
    except ActivityError as error:
        raise refused_by(error, name) or not_answered(error, name) from None


async def preview(settings: CrmSettings, given: ChangeSettings) -> contract.CrmSettingsPreview:
    """What a change of settings would change; raises Refused where it would be refused whatever the CRM says."""
    check_that_somebody_waits(name_of(given))
    after, unlinks = changed(settings, given.settings), None
    if after.linking != settings.linking:
        request = contract.UnlinkedByRequest(crm=settings.name, before=settings.linking, after=after.linking)
        try:
            unlinks = await _done("unlinked_by", request, contract.UnlinkedBy, "count what would be unlinked")
        except ActivityError as error:
            name = name_of(given)
            raise refused_by(error, name) or not_answered(error, name) from None
    return contract.CrmSettingsPreview(
        changes=changes(settings, after),
        checks=needs_a_look(settings, after),
        unlinks=unlinks,
    )


async def save_record(settings: CrmSettings, given: contract.SaveRecord) -> contract.DirectoryRecord:
    """Saves a record of the built-in CRM's directory; without `record_id`, a new one. Raises Refused."""
    _check_that_records_are_ours(settings, given, "saved")
    request = contract.SaveRecordRequest(
        crm=settings, record=given, record_id=given.record_id or _new_id(), left_out=given.left_out
    )
    name, summary = ("preview_record", "look at") if given.dry_run else ("save_record", "save")
    try:
        saved: contract.DirectoryRecord = await _done(
            name, request, contract.DirectoryRecord, f"{summary} {given.record_kind}"
        )
    except ActivityError as error:
        raise _refused(error) from None
    return saved


async def delete_record(settings: CrmSettings, given: contract.DeleteRecord) -> contract.RecordDeleted:
    """Takes a record off the built-in CRM's directory. Raises Refused."""
    _check_that_records_are_ours(settings, given, "deleted")
    request = contract.DeleteRecordRequest(crm=settings, record_kind=given.record_kind, record_id=given.record_id)
    try:
        deleted: contract.RecordDeleted = await _done(
            "delete_record", request, contract.RecordDeleted, f"delete {given.record_kind}"
        )
    except ActivityError as error:
        raise _refused(error) from None
    return deleted


def _check_that_records_are_ours(
    settings: CrmSettings, given: contract.SaveRecord | contract.DeleteRecord, done: str
) -> None:
    if settings.kind != "builtin":
        raise Refused(
            "invalid_field",
            f"{name_of(given)}: {settings.name} is of kind {settings.kind}: its records are {done} in the CRM itself, and "
            "sync_now pulls them",
            field="kind",
        )


def _new_id() -> str:
    """With the time in it: where Temporal was set back, a workflow draws the same numbers again, and this would be another's."""
    return str(uuid5(workflow.uuid4(), workflow.now().isoformat()))


async def queue_failed(settings: CrmSettings, given: RetryFailed) -> contract.FailedQueued:
    """Queues again what the CRM has rejected, and logs it; raises Refused."""
    request = contract.RetryFailedRequest(crm=settings.name, by=given.by, event_id=workflow.uuid4(), at=workflow.now())
    try:
        queued: contract.FailedQueued = await _done(
            "retry_failed_entries", request, contract.FailedQueued, "retry_failed"
        )
    except ActivityError as error:
        raise refused_by(error, "retry_failed") or not_answered(error, "retry_failed") from None
    return queued


async def _done(activity: str, request: object, result: type, summary: str) -> Any:
    return await workflow.execute_activity(
        activity,
        request,
        result_type=result,
        summary=summary,
        start_to_close_timeout=TIMEOUT,
        retry_policy=RETRY,
    )


def _refused(error: ActivityError) -> Refused:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == contract.REFUSED:
        detail = cause.details[0]
        return Refused(detail["code"], cause.message, field=detail["field"])
    raise error

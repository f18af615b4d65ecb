"""What change_settings with dry_run answers: what would change, before anything does."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.account.commands import ChangeSettings
from domain.account.lifecycle import Account
from domain.account.status import warnings
from domain.core.commands import name_of
from domain.mailbox.settings import changed, login_differs, moves_elsewhere
from domain.retrieval.deletion import Deletable, deletes_sooner
from domain.settings_changes import changes
from workflows import contract
from workflows.entity.activities import RETRY, not_answered, refused_by
from workflows.entity.messages import check_that_somebody_waits


async def preview(account: Account, given: ChangeSettings) -> contract.SettingsPreview:
    """What `given` would change; raises Refused where it would be refused whatever the server says."""
    check_that_somebody_waits(name_of(given))
    before, after = account.settings, changed(account.settings, given.settings)
    if moves := moves_elsewhere(before, given.settings):
        raise moves
    deletable = None
    if deletes_sooner(before.retrieval, after.retrieval):
        request = contract.DeletionsRequest(address=before.address, policy=after.retrieval)
        deletable = await _deletable(request, name_of(given))
    known = {one.code for one in warnings(account)}
    return contract.SettingsPreview(
        changes=changes(before, after),
        logs_in=login_differs(before, after),
        deletes_on_server=deletable,
        warnings=[one for one in warnings(account.model_copy(update={"settings": after})) if one.code not in known],
    )


async def _deletable(request: contract.DeletionsRequest, asked_by: str) -> Deletable:
    try:
        found: Deletable = await workflow.execute_activity(
            "deletable_messages",
            request,
            result_type=Deletable,
            summary="count what would be deleted from the server",
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RETRY,
        )
    except ActivityError as error:
        raise refused_by(error, asked_by) or not_answered(error, asked_by) from None
    return found

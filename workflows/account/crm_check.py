"""A CRM must exist before an account may name it (R5); where a command has a live login, that sees to it."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.account.commands import ChangeSettings
from domain.core.commands import name_of
from domain.mailbox.settings import AccountSettings, changed
from workflows.entity.activities import RETRY, not_answered, refused_by


async def check_new_crms(settings: AccountSettings, given: ChangeSettings) -> None:
    """Looks for the CRMs of the settings that are to be, where they change; raises Refused."""
    after = changed(settings, given.settings)
    if settings.crm == after.crm:
        # Histories from before a CRM had an organisation look for nothing here.
        moved = bool(after.crm) and settings.organisation != after.organisation
        if not moved or not workflow.patched("crms-of-the-organisation"):
            return
    await _check_crms(after.crm, after.organisation, name_of(given))


async def _check_crms(names: list[str], organisation: str, asked_by: str) -> None:
    """Raises Refused `unknown_crm` for the first of `names` that no CRM connection of the organisation has."""
    try:
        await workflow.execute_activity(
            "check_crms",
            args=[names, organisation],
            summary="look for the CRM connections " + ", ".join(names),
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RETRY,
        )
    except ActivityError as error:
        raise refused_by(error, asked_by) or not_answered(error, asked_by) from None

"""The `ErasePerson` workflow: removes a person from all mailboxes of an organisation, or says what that would remove.

The activity works in pages and finds by itself what there is to do: dead anywhere, the next attempt or the next run goes on.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from domain.core.refusal import Refused
from domain.mime.addresses import normal_address
from domain.privacy.erasure import Erased, pseudonym
from workflows import contract
from workflows.entity.activities import HEARTBEAT_TIMEOUT, RETRY, cancel_requested, refused_by
from workflows.entity.messages import read, refusal

ATTEMPT_TIMEOUT = timedelta(hours=6)


@workflow.defn(name=contract.ERASE_PERSON)
class ErasePerson:
    """Erases one person's mail (GDPR, Article 17)."""

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._refused: Refused | None = None
        self._given: contract.Erasure
        try:
            self._given = read(contract.Erasure, payload, rest, what="ErasePerson")
        except Refused as error:
            self._refused = error

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> Erased:
        if self._refused:
            raise refusal(self._refused)
        given = self._given
        request = contract.ErasureRequest(given=given, erasure=workflow.uuid4(), at=workflow.now())
        workflow.set_current_details("Counting only." if given.dry_run else "Erasing.")
        try:
            done: Erased = await workflow.execute_activity(
                "erase_person",
                request,
                result_type=Erased,
                summary="count" if given.dry_run else "erase",
                start_to_close_timeout=ATTEMPT_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except ActivityError as error:
            if cancel_requested():
                raise asyncio.CancelledError from error
            if refused := refused_by(error, "ErasePerson"):
                raise refusal(refused) from None
            raise
        if not given.dry_run:
            for crm in done.crms:
                await self._tell(crm, request)
        workflow.set_current_details(done.summary)
        return done

    async def _tell(self, crm: str, request: contract.ErasureRequest) -> None:
        """Has a CRM connection's own list go on without the address, which no signal holds."""
        person = normal_address(request.given.address) or request.given.address
        told = {
            "erasure": str(request.erasure),
            "person": pseudonym(request.erasure, person),
            "by": request.given.by,
        }
        try:
            await workflow.get_external_workflow_handle(contract.crm_workflow_id(crm)).signal("forget_person", told)
        except FailureError:
            raise refusal(
                Refused(
                    "not_answered",
                    f"ErasePerson: all is erased but one rule: the never_log list of crm/{crm} names the person, and that "
                    "workflow does not run. Start it again, then repeat the erasure",
                )
            ) from None

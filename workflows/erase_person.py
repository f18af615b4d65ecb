"""The `ErasePerson` workflow: removes a person from all mailboxes of an organisation, or says what that would remove.

The activity works in pages and finds by itself what there is to do: dead anywhere, the next attempt or the next run goes on.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.erasure import Erased
from domain.refusal import Refused
from workflows import contract
from workflows.intake import read, refusal
from workflows.lifecycle import RETRY
from workflows.mailbox_session import HEARTBEAT_TIMEOUT, cancel_requested, refused_by

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
        workflow.set_current_details(done.summary)
        return done

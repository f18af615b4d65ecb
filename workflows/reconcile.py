"""The `Reconcile` workflow: proves that an account is complete, or says what is missing, and mends it if asked to.

A pass compares, and with `repair` mends first. Where mail is then to be fetched, the account's own next session fetches it,
asked for by `poll_now`; a second pass puts together what came and says what is left. Each pass finds by itself what there is to
do, so a workflow that ends between them leaves nothing half done: the account fetches anyway, and the next run goes on.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from domain.core.foreign_text import address_on_page, markdown
from domain.core.refusal import Refused
from domain.reconciliation import Report
from workflows import contract
from workflows.entity.activities import HEARTBEAT_TIMEOUT, RETRY, cancel_requested, refused_by
from workflows.entity.messages import read, refusal

PASS_TIMEOUT = timedelta(hours=6)  # of one attempt; the next one goes on where it was
RETRIEVAL_PATIENCE = timedelta(minutes=15)  # a longer backlog comes without being waited for
ACTOR = "reconcile"
VERDICTS = {True: "Complete", False: "Not complete", None: "Not compared with its server"}


@workflow.defn(name=contract.RECONCILE)
class Reconcile:
    """Compares one account's mailbox, ledger, mail, bytes and log."""

    @workflow.init
    def __init__(self, payload: Any = None, *rest: Any) -> None:
        self._refused: Refused | None = None
        self._given: contract.Reconciled
        try:
            self._given = read(contract.Reconciled, payload, rest, what="Reconcile")
        except Refused as error:
            self._refused = error

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> Report:
        if self._refused:
            raise refusal(self._refused)
        given = self._given
        workflow.set_current_details(f"Reconciling {address_on_page(given.address)}.")
        try:
            request = contract.ReconcileRequest(address=given.address, repair=given.repair, ask_server=given.ask_server)
            done = await self._pass(request)
            if given.repair and done.to_fetch and await self._fetched(done):
                done = await self._pass(request.model_copy(update={"mended": done.report.repair}))
        except ActivityError as error:
            if cancel_requested():
                raise asyncio.CancelledError from error
            if refused := refused_by(error, "Reconcile"):
                raise refusal(refused) from None
            raise
        workflow.set_current_details(f"**{VERDICTS[done.report.complete]}.** {markdown(done.report.summary)}")
        return done.report

    async def _pass(self, request: contract.ReconcileRequest) -> contract.Pass:
        wanted = "compare and repair" if request.repair else "compare"
        done: contract.Pass = await workflow.execute_activity(
            "reconcile",
            request,
            task_queue=contract.RETRIEVAL_QUEUE,
            result_type=contract.Pass,
            summary=f"{wanted} {address_on_page(request.address[:150])}",
            start_to_close_timeout=PASS_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RETRY,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return done

    async def _fetched(self, done: contract.Pass) -> bool:
        """Asks the account to look, and waits until it has; False where there is nobody to ask."""
        if done.login_delay_seconds:  # the account would refuse to look any earlier
            await workflow.sleep(done.login_delay_seconds, summary="wait for the server's LOGIN-DELAY")
        account = workflow.get_external_workflow_handle(contract.account_workflow_id(self._given.address))
        try:
            await account.signal("poll_now", {"by": ACTOR})
        except FailureError:  # the account's workflow has ended
            return False
        try:
            await workflow.execute_activity(
                "await_retrieval",
                contract.AwaitedRetrieval(address=self._given.address, last_checked_at=done.last_checked_at),
                task_queue=contract.RETRIEVAL_QUEUE,
                summary="wait for the account's own session",
                start_to_close_timeout=timedelta(seconds=30),
                schedule_to_close_timeout=RETRIEVAL_PATIENCE,
                retry_policy=RETRY,
            )
        except ActivityError:
            if cancel_requested():
                raise
        return True

"""The `sync_now` that is waited for: those who ask at the same time share one session and its answer."""

from __future__ import annotations

import asyncio
from typing import Literal

from temporalio import workflow

from domain.crm_commands import SyncReport
from domain.crm_life import Connection, CrmState
from domain.crm_status import crm_status
from domain.failures import Failure
from domain.refusal import Refused
from workflows import contract

Outcome = Literal["synced", "nothing_new", "failed", "waiting"]
Sync = asyncio.Future[contract.SyncAnswer]


class SharedSync:
    """`asked` is None while nobody waits; it is answered or refused once, and then is over."""

    def __init__(self) -> None:
        self.asked: Sync | None = None

    def ask(self) -> Sync:
        self.asked = asyncio.get_running_loop().create_future()
        return self.asked

    def answer(
        self,
        sync: Sync | None,
        outcome: Outcome,
        connection: Connection,
        report: SyncReport | None,
        failure: Failure | None = None,
    ) -> None:
        """Answers with the outcome of the session that was started for `sync`."""
        if sync is None or sync is not self.asked:
            return  # this session was not the one that sync_now waits for
        self.asked = None
        sync.set_result(answer(outcome, connection, report, failure))

    def refuse_if_over(self, connection: Connection) -> None:
        """Refuses who waits, where no session will come any more."""
        match connection.state:
            case CrmState.DISABLED:
                self._refuse("disabled", f"the connection is disabled ({connection.reason}): use enable first")
            case CrmState.CLOSED:
                self._refuse("closed", "the connection was closed")

    def _refuse(self, code: str, words: str) -> None:
        if self.asked is not None:
            sync, self.asked = self.asked, None
            sync.set_exception(Refused(code, f"sync_now: {words}"))


def answer(
    outcome: Outcome, connection: Connection, report: SyncReport | None = None, failure: Failure | None = None
) -> contract.SyncAnswer:
    return contract.SyncAnswer(
        outcome=outcome,
        pulled=report.pulled if report else 0,
        pushed=report.pushed if report else 0,
        linked=report.linked if report else 0,
        failure=failure.model_dump(mode="json") if failure else None,
        status=crm_status(connection).model_dump(mode="json"),
        waits_until=connection.limited_until(workflow.now()),
    )

"""What `sync_now` answers."""

from __future__ import annotations

from typing import Literal

from temporalio import workflow

from domain.core.refusal import Refused
from domain.crm.commands import SyncReport
from domain.crm.lifecycle import Connection, CrmState
from domain.crm.status import crm_status
from domain.failures.failure import Failure
from workflows import contract


def sync_answer(
    outcome: Literal["synced", "nothing_new", "failed", "waiting"],
    connection: Connection,
    report: SyncReport | None = None,
    failure: Failure | None = None,
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


def no_sync(connection: Connection) -> Refused | None:
    """Why no session will come any more; None where one will."""
    match connection.state:
        case CrmState.DISABLED:
            return Refused("disabled", f"sync_now: the connection is disabled ({connection.reason}): use enable first")
        case CrmState.CLOSED:
            return Refused("closed", "sync_now: the connection was closed")
        case _:
            return None

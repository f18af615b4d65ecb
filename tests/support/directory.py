"""Fills the built-in CRM's directory as the workflow `CrmConnection` does."""

from __future__ import annotations

from typing import Any, Literal

from temporalio.testing import ActivityEnvironment

from activities.crm.adapters.builtin.adapter import BuiltinCrm
from activities.crm.connections import CrmConnections, save_crm
from domain.crm.settings import CrmSettings
from domain.directory.records import RecordKind
from infra.database.pool import Pool
from workflows.contract import DirectoryRecord, RecordedCrm, SaveRecord, SaveRecordRequest


async def register_crm(pool: Pool, name: str, profile: Literal["crm", "recruit"]) -> None:
    """Starts a connection, as far as the database knows."""
    await ActivityEnvironment().run(CrmConnections(pool).register_crm, CrmSettings(name=name, profile=profile))


async def record_crm(pool: Pool, settings: CrmSettings, *, state: str = "active") -> None:
    """Records a connection without failures, as its workflow does after each command."""
    crm = RecordedCrm(
        settings=settings,
        state=state,
        reason=None,
        last_failure=None,
        authentication_failures=0,
        connection_failures=0,
        next_attempt_at=None,
    )
    async with pool.connection() as connection, connection.transaction():
        await save_crm(connection, crm)


async def save_record(
    pool: Pool,
    kind: RecordKind,
    record_id: str,
    *addresses: str,
    name: str = "Anna Lind",
    crm: str = "builtin",
    profile: Literal["crm", "recruit"] = "crm",
    **more: Any,
) -> DirectoryRecord:
    request = SaveRecordRequest(
        crm=CrmSettings(name=crm, profile=profile),
        record=SaveRecord(record_kind=kind, name=name, addresses=list(addresses), **more),
        record_id=record_id,
    )
    return await ActivityEnvironment().run(BuiltinCrm(pool).save_record, request)

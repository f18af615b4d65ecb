"""The built-in CRM: a directory of contacts, leads, deals and candidates in tables of this database."""

from __future__ import annotations

from temporalio import activity

from activities.crm.adapter import Record
from activities.directory import Directory
from domain.message import normal_address, storable
from domain.refusal import Refused
from infra.database import Pool
from workflows.contract import RECORD_KINDS, CrmSettings, DirectoryRecord, SaveRecord, SaveRecordRequest


class BuiltinCrm:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def register_crm(self, settings: CrmSettings) -> None:
        """Makes the connection one that accounts may name (R5). Raises Refused where its profile would change (R1)."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(
                "insert into crms (name, kind, profile) values (%s, %s, %s) on conflict do nothing",
                [settings.name, settings.kind, settings.profile],
            )
            row = await (
                await connection.execute("select profile from crms where name = %s", [settings.name])
            ).fetchone()
        if row is not None and row[0] != settings.profile:
            raise Refused(
                "invalid_field",
                f"profile: {settings.name} has the profile {row[0]}, which stays: start a connection of another name",
                field="profile",
            )

    @activity.defn
    async def save_record(self, request: SaveRecordRequest) -> DirectoryRecord:
        """Saves a record as a whole; done again with the same id, it changes nothing.

        Addresses that are none are refused (`invalid_field`), because nobody would ever be linked by them.
        """
        record: SaveRecord = request.record
        if record.record_kind not in RECORD_KINDS[request.crm.profile]:
            kinds = ", ".join(RECORD_KINDS[request.crm.profile])
            raise Refused(
                "invalid_field",
                f"save_record: record_kind {record.record_kind} is not part of the profile {request.crm.profile}: "
                f"it has {kinds}",
                field="record_kind",
            )
        if request.record_id != storable(request.record_id):
            raise Refused(
                "invalid_field", "save_record: record_id holds a NUL character: leave it out", field="record_id"
            )
        for position, address in enumerate(record.addresses):
            if normal_address(address) is None:
                field = f"addresses.{position}"
                raise Refused("invalid_field", f"save_record: {field} is not an e-mail address", field=field)
        await Directory(self._pool).save(
            request.crm.name,
            Record(
                record.record_kind,
                request.record_id,
                record.name,
                tuple(record.addresses),
                record.contacts,
                record.open,
                record.converted_to,
                record.merged_into,
            ),
        )
        return DirectoryRecord(
            crm=request.crm.name,
            record_kind=record.record_kind,
            record_id=request.record_id,
            name=record.name,
            addresses=record.addresses,
        )

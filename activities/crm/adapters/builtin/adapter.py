"""The built-in CRM: contacts, leads, deals and candidates, and what was written with them, in tables of this database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from temporalio import activity

from activities.crm.adapters.builtin.activities import BuiltinActivities
from activities.crm.adapters.protocol import Entry, Found
from activities.directory.directory import LONGEST_ID, Directory, id_to_keep
from domain.core.refusal import Refused
from domain.core.text import storable
from domain.crm.settings import CrmSettings
from domain.directory.records import RECORD_KINDS, Cursor, Page, Record
from domain.message.index import normal_address
from infra.database.pool import Pool
from workflows.contract import DeleteRecordRequest, DirectoryRecord, RecordDeleted, SaveRecord, SaveRecordRequest


class Builtin(BuiltinActivities):
    """The adapter: its directory is filled by `save_record`, so there is nothing to pull."""

    def __init__(self, pool: Pool, settings: CrmSettings) -> None:
        super().__init__(pool, settings.name)

    async def check(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("select")

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        pages: tuple[Page, ...] = ()
        for page in pages:
            yield page

    async def push(self, entry: Entry) -> str:
        return await self._show(entry)

    def probe(self, entry: Entry) -> Mapping[str, Any]:
        return {}  # the key is enough

    async def find(self, entry: Entry, remote_id: str = "") -> Found | None:
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    "select id::text, direction from builtin_entries where crm = %s and key = %s",
                    [self._crm, entry.key],
                )
            ).fetchone()
        return None if row is None else Found(*row)

    async def turn(self, entry: Entry, remote_id: str) -> str:
        return await self._show(entry)

    async def remove(self, entry: Entry, remote_id: str) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("delete from builtin_entries where crm = %s and key = %s", [self._crm, entry.key])

    async def _show(self, entry: Entry) -> str:
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    insert into builtin_entries (crm, key, record_kind, record_id, direction, subject, sent_at)
                    values (%s, %s, %s, %s, %s, %s, %s)
                    on conflict (crm, key) do update set direction = excluded.direction
                    returning id::text
                    """,
                    [
                        self._crm,
                        entry.key,
                        entry.record_kind,
                        entry.record_id,
                        entry.direction,
                        storable(entry.subject),
                        entry.sent_at,
                    ],
                )
            ).fetchone()
        assert row is not None
        return str(row[0])


class BuiltinCrm:
    """The command that fills its directory."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def save_record(self, request: SaveRecordRequest) -> DirectoryRecord:
        """Saves a record; done again with the same id, it changes nothing.

        Addresses that are none are refused (`invalid_field`), because nobody would ever be linked by them; and records that
        there are not (`unknown_record`), because mail would be linked with nobody.
        """
        return await self._save(request, dry_run=False)

    @activity.defn
    async def preview_record(self, request: SaveRecordRequest) -> DirectoryRecord:
        """What `save_record` would answer. An activity of its own, so that no worker of before takes it for one that saves."""
        return await self._save(request, dry_run=True)

    @activity.defn
    async def delete_record(self, request: DeleteRecordRequest) -> RecordDeleted:
        """Takes a record off the directory, as one that another CRM has no more; done again, it changes nothing."""
        kind, record_id, crm = request.record_kind, request.record_id, request.crm.name
        if not await Directory(self._pool).gone(crm, kind, storable(record_id)):
            raise Refused(
                "unknown_record",
                f"delete_record: record_id is no {kind} of the CRM {crm} (the view directory has them)",
                field="record_id",
            )
        return RecordDeleted(crm=crm, record_kind=kind, record_id=record_id)

    async def _save(self, request: SaveRecordRequest, *, dry_run: bool) -> DirectoryRecord:
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
        ids = {"converted_to": record.converted_to, "merged_into": record.merged_into}
        ids |= {f"contacts.{position}": contact for position, contact in enumerate(record.contacts)}
        for field, record_id in ids.items():
            if record_id is not None and id_to_keep(record_id) is None:
                raise Refused(
                    "invalid_field",
                    f"save_record: {field} is the id of no record: write one of 1 to {LONGEST_ID} characters",
                    field=field,
                )
        for position, address in enumerate(record.addresses or ()):
            if normal_address(address) is None:
                field = f"addresses.{position}"
                raise Refused("invalid_field", f"save_record: {field} is not an e-mail address", field=field)
        await self._is_there(request.crm.name, record.record_kind, ids)
        directory, crm = Directory(self._pool), request.crm.name
        saved, changes = await directory.save(
            crm,
            Record(
                record.record_kind,
                request.record_id,
                record.name,
                tuple(record.addresses or ()),
                record.contacts,
                record.open,
                record.converted_to,
                record.merged_into,
            ),
            left_out=request.left_out,
            dry_run=dry_run,
        )
        return DirectoryRecord(
            crm=crm,
            record_kind=record.record_kind,
            record_id=request.record_id,
            name=saved.name,
            addresses=list(saved.addresses),
            changes=changes,
            warnings=[
                f"{address} is an address of the {kind} {record_id}, too: mail with it is linked to both. If they are one "
                "person, save the double with merged_into"
                for address, kind, record_id in await directory.others_with(crm, saved)
            ],
        )

    async def _is_there(self, crm: str, kind: str, ids: Mapping[str, str | None]) -> None:
        """Raises Refused where a record that is named, `ids` by their fields, is not in the directory."""
        kinds = {field: kind if field == "merged_into" else "contact" for field in ids}
        named = {field: record_id for field, record_id in ids.items() if record_id is not None}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                """
                select n.field from unnest(%s::text[], %s::text[], %s::text[]) with ordinality as n (field, kind, id, place)
                where not exists (select from records r
                    where (r.crm, r.record_kind, r.record_id) = (%s, n.kind, n.id) and r.gone_at is null)
                order by n.place limit 1
                """,
                [list(named), [kinds[field] for field in named], list(named.values()), crm],
            )
            row = await cursor.fetchone()
        if row is not None:
            field = str(row[0])
            raise Refused(
                "unknown_record",
                f"save_record: {field} is no {kinds[field]} of the CRM {crm} (the view directory has them): save that one first",
                field=field,
            )

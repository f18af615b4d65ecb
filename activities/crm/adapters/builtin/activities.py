"""The built-in CRM's records, tasks, events and notes as they are made of messages, in tables of this database.

A record's id and an activity's key follow from the request, so a request that is repeated finds what it made.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from psycopg.rows import class_row

from activities.crm.adapters.protocol import Activity, CrmFailure, NewActivity, NewRecord
from activities.directory.directory import store_shown
from domain.core.text import storable
from domain.directory.records import Record, RecordKind
from domain.failures.failure import Kind
from domain.mime.addresses import normal_address
from infra.database.pool import Pool

MOST = 200


class BuiltinActivities:
    """The part of the protocol in activities/crm/adapters/protocol.py that actions need, for the connection named `crm`."""

    def __init__(self, pool: Pool, crm: str) -> None:
        self._pool = pool
        self._crm = crm

    async def add_record(self, new: NewRecord) -> Record:
        """The record; one that is there of an earlier attempt stays what it has become."""
        record = Record(new.kind, self._id_of(new.request_key), new.name, new.addresses, new.contacts)
        async with self._pool.connection() as connection, connection.transaction():
            await store_shown(connection, self._crm, [record])
        return record

    async def find_record(self, new: NewRecord) -> Record | None:
        """Of deals: one that is open, of one of these contacts and of that name."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select r.record_id, r.name, r.addresses, r.contacts, r.open from records r
                    where r.crm = %(crm)s and r.record_kind = %(kind)s and r.gone_at is null and r.merged_into is null
                        and r.converted_to is null and (
                            r.record_id = %(id)s
                            or r.record_kind <> 'deal' and exists (
                                select from record_addresses a
                                where (a.crm, a.record_kind, a.record_id) = (r.crm, r.record_kind, r.record_id)
                                    and a.address = any(%(addresses)s)
                            )
                            or r.record_kind = 'deal' and r.open and r.name = %(name)s and r.contacts && %(contacts)s
                        )
                    order by r.record_id <> %(id)s, r.record_id limit 1
                    """,
                    {
                        "crm": self._crm,
                        "kind": new.kind,
                        "id": self._id_of(new.request_key),
                        "name": storable(new.name),
                        "addresses": [found for address in new.addresses if (found := normal_address(address))],
                        "contacts": list(new.contacts),
                    },
                )
            ).fetchone()
        if row is None:
            return None
        record, name, addresses, contacts, still_open = row
        return Record(new.kind, record, name, tuple(addresses), tuple(contacts), still_open)

    async def add_activity(self, new: NewActivity) -> str:
        async with self._pool.connection() as connection, connection.transaction():
            there = await connection.execute(
                """
                select from records
                where crm = %s and record_kind = %s and record_id = %s and gone_at is null for share
                """,
                [self._crm, new.record_kind, new.record_id],
            )
            if not there.rowcount:
                raise CrmFailure(Kind.CRM_GONE, f"it has no {new.record_kind} {new.record_id}")
            await connection.execute(
                """
                insert into builtin_activities (
                    id, crm, record_kind, record_id, kind, subject, text, due, until, request_key
                ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (crm, request_key) do nothing
                """,
                [
                    self._id_of(new.request_key),
                    self._crm,
                    new.record_kind,
                    new.record_id,
                    new.kind,
                    storable(new.subject),
                    storable(new.text),
                    new.due,
                    new.until,
                    new.request_key,
                ],
            )
        return self._id_of(new.request_key)

    async def find_activity(self, new: NewActivity) -> str | None:
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    "select id from builtin_activities where crm = %s and request_key = %s",
                    [self._crm, new.request_key],
                )
            ).fetchone()
        return None if row is None else str(row[0])

    async def activities(self, record_kind: RecordKind, record_id: str) -> Sequence[Activity]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Activity)) as cursor:
            await cursor.execute(
                """
                select kind, id::text, subject, text, due, until, open, request_key from builtin_activities
                where crm = %s and record_kind = %s and record_id = %s order by created_at desc, id limit %s
                """,
                [self._crm, record_kind, record_id, MOST],
            )
            return await cursor.fetchall()

    def _id_of(self, request_key: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"mailroom:request:{self._crm}:{request_key}"))

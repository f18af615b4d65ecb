"""The command `context`: what is known around one message - its records and what is open there, the last mail, hints."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.rows import dict_row
from temporalio import activity

from activities.actions.actions import read
from activities.actions.requests import OpenCrm, asked, plain, shown
from activities.actions.subject import Subject, open_deals, subject_of
from activities.crm.adapters.protocol import CrmFailure
from domain.core.refusal import Refused
from domain.crm.actions import Context, said_of
from domain.directory.records import RecordKind
from infra.database.pool import Connection, Pool
from workflows.contract import BUILTIN_CRM, DeskRequest

LIVE_SECONDS = 5.0  # for all that one CRM is asked
MOST_RECORDS = 10
MOST_OPEN = 20  # tasks and events of a record
MOST_MAIL = 10
MOST_HINTS = 20
MOST_PEOPLE = 20
LONGEST_NAME = 200  # characters of a record's or a person's


class Contexts:
    def __init__(self, pool: Pool, open_crm: OpenCrm) -> None:
        self._pool = pool
        self._open_crm = open_crm

    @activity.defn
    async def context(self, request: DeskRequest) -> dict[str, Any]:
        """What is known here at once, and the open tasks and events as the CRMs have them now; one that is away is named with
        what is wrong, and the rest is answered all the same. It only reads. Raises Refused for no message of the account."""
        given = read(Context, request)
        subject = await subject_of(self._pool, request.address, given.message)
        async with self._pool.connection() as connection:
            records = await _records(connection, given.message)
            last = await _last_mail(connection, request.address, subject)
            hints = await _hints(connection, given.message)
        crms = list(dict.fromkeys(record["crm"] for record in records))
        answers = await asyncio.gather(*(self._open_activities(crm, records) for crm in crms))
        for record in records:
            deals = await open_deals(self._pool, record["crm"], [record["record_id"]])
            record["open_deals"] = (
                [{"record_id": deal.id, "name": shown(deal.name, LONGEST_NAME)} for deal in deals]
                if record["record_kind"] == "contact"
                else []
            )
        return {
            "message": given.message,
            "folder": subject.folder,
            "labels": list(subject.labels),
            "flags": list(subject.flags),
            "correspondents": [
                {"name": shown(who.name, LONGEST_NAME), "address": who.normal}
                for who in subject.correspondents[:MOST_PEOPLE]
            ],
            "records": records,
            "crms": list(answers),
            "last_mail": last,
            "hints": hints,
        }

    async def _open_activities(self, crm: str, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Gives each record of that CRM its open tasks and events; answers how the CRM was. `open`: None where it did not say."""
        theirs = [record for record in records if record["crm"] == crm]
        for record in theirs:
            record["open"] = None

        async def ask() -> None:
            async with self._open_crm(crm) as opened:
                for record in theirs:
                    kind: RecordKind = record["record_kind"]
                    there = await opened.activities(kind, record["record_id"])
                    still_open = [one for one in there if one.open and one.kind != "note"]
                    record["open"] = [plain(one) for one in still_open[:MOST_OPEN]]

        try:
            await asked(ask(), seconds=LIVE_SECONDS)
        except CrmFailure as failure:
            words, _ = said_of(crm, failure.kind, failure.cause, failure.said, failure.retry_after)
            return {
                "crm": crm,
                "asked": False,
                "kind": failure.kind.value,
                "reason": f"{words}: what is known here is shown",
            }
        except Refused as refused:  # it is disabled, or its secret is not to be had
            reason = f"{refused.message}: what is known here is shown"
            return {"crm": crm, "asked": False, "kind": refused.refusal.code, "reason": reason}
        return {"crm": crm, "asked": True, "kind": None, "reason": None}


async def _records(connection: Connection, message: int) -> list[dict[str, Any]]:
    """The records of the CRMs that the account has now: one that was taken off it keeps its links, and is asked no more."""
    rows = await _rows(
        connection,
        """
        select l.crm, l.record_kind, l.record_id, r.name, l.direction, l.matched_address, l.evidence
        from links l
        join accounts_recorded a using (address)
        join crm_connections c on c.name = l.crm and (c.organisation = a.organisation or c.name = %s)
        left join records r on (r.crm, r.record_kind, r.record_id) = (l.crm, l.record_kind, l.record_id)
        where l.message = %s and l.unlinked_at is null and l.crm = any(a.crm)
        order by l.crm, l.record_kind, l.record_id limit %s
        """,
        BUILTIN_CRM,
        message,
        MOST_RECORDS,
    )
    return [{**row, "name": row["name"] and shown(row["name"], LONGEST_NAME)} for row in rows]


async def _last_mail(connection: Connection, address: str, subject: Subject) -> list[dict[str, Any]]:
    """The account's last mail with the same people, without the message itself."""
    people = [who.normal for who in subject.correspondents[:MOST_PEOPLE]]
    rows = await _rows(
        connection,
        """
        select id, folder, case when folder = 'Sent' then 'Sent' else 'Received' end as direction, sent_at from mail
        where address = %s and addresses && %s::text[] and id <> %s and state = 'stored'
        order by coalesce(sent_at, stored_at) desc, id desc limit %s
        """,
        address,
        people,
        subject.message,
        MOST_MAIL,
    )
    return [{**row, "sent_at": row["sent_at"] and row["sent_at"].isoformat()} for row in rows]


async def _hints(connection: Connection, message: int) -> list[Any]:
    """What else was noticed about the message (the view `hints`, where there is one)."""
    (there,) = await _rows(connection, "select to_regclass('hints') is not null as there")
    if not there["there"]:
        return []
    rows = await _rows(
        connection,
        "select to_jsonb(h) - 'message' as hint from hints h where h.message = %s limit %s",
        message,
        MOST_HINTS,
    )
    return [row["hint"] for row in rows]


async def _rows(connection: Connection, query: str, *values: Any) -> Sequence[Mapping[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()

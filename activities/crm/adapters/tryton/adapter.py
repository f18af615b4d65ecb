"""Tryton 8.2, over its REST user application, with the module in infra/tryton, which shows the mail on parties and opportunities.

What is made there has a key that is unique in Tryton's database, so a request may be made again at any time: of what exists
already the second one is refused, and read back.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from activities.crm.adapters.protocol import Activity, CrmFailure, Entry, Found, NewActivity, NewRecord
from activities.crm.adapters.tryton.records import (
    ACTIVITY,
    CORRESPONDENCE,
    FIELDS,
    MECHANISM,
    NOTE,
    OPPORTUNITY,
    PARTY,
    activity,
    activity_values,
    all_of,
    changed_since,
    correspondence_values,
    escaped,
    forms,
    line,
    mechanisms,
    note,
    of,
    one_of,
    records,
    start_of,
)
from activities.crm.adapters.tryton.rest import Absent, Declined, TrytonRest, read_moment
from domain.crm.settings import CrmSettings
from domain.directory.records import Cursor, Page, Record, RecordKind
from domain.failures.failure import Kind
from domain.mime.addresses import normal_address
from infra.network.http import HttpHost

MODELS = (PARTY, OPPORTUNITY)  # in the order of a pull
PAGE = 500  # records
MOST_ACTIVITIES = 200
NEEDED = {PARTY: ("read",), OPPORTUNITY: ("read",), MECHANISM: ("read",)} | dict.fromkeys(
    (CORRESPONDENCE, ACTIVITY), ("read", "write", "create", "delete")
)


class Tryton:
    """The protocol `Crm`, of one Tryton database. `host` is at the settings' URL; whoever made it closes it. Refused, of that
    host, passes through."""

    def __init__(self, settings: CrmSettings, host: HttpHost, key: str) -> None:
        self._settings = settings
        self._host = host
        self._rest = TrytonRest(host, key)
        self._employee: int | None = None

    async def check(self) -> None:
        await self._enter()
        if not await self._rest.search(
            "ir.module", [["name", "=", "mailroom"], ["state", "=", "activated"]], [], limit=1
        ):
            raise CrmFailure(
                Kind.CRM_PERMISSION,
                "the module mailroom is not activated in this database: trytond-admin -u mailroom (docs/tryton.md)",
            )
        await self._horizon()
        if not self._rest.context["companies"]:
            raise CrmFailure(
                Kind.CRM_PERMISSION, "the user of the key belongs to no company, and sees no leads and opportunities"
            )
        await self._check_access()

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        """In the order of ids, which no change made meanwhile upsets; a page's cursor names the last of it."""
        await self._enter()
        state = dict(cursor or {"since": None})
        if "until" not in state:
            state |= {"until": (await self._horizon()).isoformat(), "model": PARTY, "after": 0}
        since, until = state["since"], state["until"]
        after = state["after"]
        for model in MODELS[MODELS.index(state["model"]) :]:
            changed = changed_since(model, start_of(since, until)) if since else []
            full = True
            while full:
                rows = await self._rest.search(
                    model, [*all_of(model), ["id", ">", after], *changed], FIELDS[model], limit=PAGE
                )
                full = len(rows) == PAGE
                after = rows[-1]["id"] if rows else after
                page = [record for row in rows for record in records(model, row, gone_too=since is not None)]
                if full:
                    yield Page(page, {"since": since, "until": until, "model": model, "after": after})
                elif model != MODELS[-1]:
                    yield Page(page, {"since": since, "until": until, "model": OPPORTUNITY, "after": 0})
                else:
                    yield Page(page, {"since": until})
            after = 0

    async def push(self, entry: Entry) -> str:
        try:
            return await self._rest.create(CORRESPONDENCE, correspondence_values(entry))
        except Declined as refused:
            found = await self.find(entry)
            if found is None:
                raise await self._why(refused, entry.record_kind, entry.record_id) from None
            await self._turn(entry, found)
            return found.remote_id

    def probe(self, entry: Entry) -> Mapping[str, Any]:
        return {}  # the key is enough

    async def find(self, entry: Entry, remote_id: str = "") -> Found | None:
        for row in await self._rest.search(CORRESPONDENCE, [["key", "=", entry.key]], ["direction"], limit=1):
            return Found(str(row["id"]), "Sent" if row.get("direction") == "sent" else "Received")
        return None

    async def turn(self, entry: Entry, remote_id: str) -> str:
        """By the key, as in `remove`: of a database that was restored, an id may be another entry's."""
        found = await self.find(entry)
        if found is None:
            return await self.push(entry)  # somebody deleted it in Tryton
        await self._turn(entry, found)
        return found.remote_id

    async def remove(self, entry: Entry, remote_id: str) -> None:
        found = await self.find(entry)
        if found is None:
            return
        try:
            await self._rest.delete(CORRESPONDENCE, found.remote_id)
        except Absent:
            return
        except Declined as refused:
            raise await self._why(refused, entry.record_kind, entry.record_id) from None

    async def add_record(self, new: NewRecord) -> Record:
        await self._enter()
        if new.kind == "contact":
            made = await self._make(PARTY, new, {"name": line(new.name), **mechanisms(new.addresses)})
            return await self._read(PARTY, made, "contact")
        of(new.kind, "0")  # whether Tryton has such records
        party = new.contacts[0] if new.contacts else await self._party_of(new)
        values: dict[str, Any] = {"party": int(party), "description": line(new.name)}
        if new.kind == "deal":
            values["employee"] = self._employee
        made = await self._make(OPPORTUNITY, new, values)
        if new.kind == "deal":
            await self._make_a_deal_of(made)
        return await self._read(OPPORTUNITY, made, new.kind)

    async def find_record(self, new: NewRecord) -> Record | None:
        await self._enter()
        model = PARTY if new.kind == "contact" else OPPORTUNITY
        of(new.kind, "0")
        if new.request_key:
            for row in await self._rest.search(
                model, [*all_of(model), ["mailroom_key", "=", new.request_key]], FIELDS[model], limit=1
            ):
                return one_of(model, row, new.kind)
        normal = {found for address in new.addresses if (found := normal_address(address))}
        if not normal or new.kind == "deal":
            return None
        wanted = ["OR", *(["value", "ilike", escaped(form)] for form in forms(new.addresses))]
        owned: list[Any] = [["contact_mechanisms", "where", [["type", "=", "email"], wanted]]]
        if model == OPPORTUNITY:
            own = ["contact", "where", [["type", "=", "email"], wanted]]
            owned = [["state", "=", "lead"], ["OR", ["party", "where", owned], own]]
        for row in await self._rest.search(model, owned, FIELDS[model], limit=PAGE):
            record = one_of(model, row, new.kind)
            if record and normal & {normal_address(address) for address in record.addresses}:
                return record
        return None

    async def add_activity(self, new: NewActivity) -> str:
        values = {"key": new.request_key or uuid.uuid4().hex, **activity_values(new)}
        try:
            return await self._rest.create(ACTIVITY, values)
        except Declined as refused:
            found = await self.find_activity(new)
            if found is None:
                raise await self._why(refused, new.record_kind, new.record_id) from None
            return found

    async def find_activity(self, new: NewActivity) -> str | None:
        if not new.request_key:
            return None
        rows = await self._rest.search(ACTIVITY, [["key", "=", new.request_key]], ["id"], limit=1)
        return str(rows[0]["id"]) if rows else None

    async def activities(self, record_kind: RecordKind, record_id: str) -> Sequence[Activity]:
        """Those of Mailroom's module, and the notes that Tryton's users attach themselves."""
        ((field, record),) = of(record_kind, record_id).items()
        latest = (("create_date", "DESC"), ("id", "DESC"))
        ours = await self._rest.search(
            ACTIVITY,
            [[field, "=", record]],
            ["key", "kind", "subject", "text", "start", "end", "done", "create_date"],
            limit=MOST_ACTIVITIES,
            order=latest,
        )
        resource = f"{PARTY if field == 'party' else OPPORTUNITY},{record}"
        notes = await self._rest.search(
            NOTE, [["resource", "=", resource]], ["message", "create_date"], limit=MOST_ACTIVITIES, order=latest
        )
        both = [*map(activity, ours), *map(note, notes)]
        both.sort(key=lambda one: one[0], reverse=True)
        return [one for _, one in both[:MOST_ACTIVITIES]]

    async def _turn(self, entry: Entry, found: Found) -> None:
        if found.direction == entry.direction:
            return
        try:
            await self._rest.write(CORRESPONDENCE, found.remote_id, {"direction": entry.direction.lower()})
        except Absent:
            raise CrmFailure(Kind.CRM_UNCERTAIN, "the entry was deleted in Tryton while it was being turned") from None
        except Declined as refused:
            raise await self._why(refused, entry.record_kind, entry.record_id) from None

    async def _enter(self) -> None:
        """Works as the user of the key does: for its companies, as its employee."""
        if self._rest.context:
            return
        found = await self._rest.ask("res.user", "get_preferences", {"context_only": True})
        if not isinstance(found, dict):
            raise CrmFailure(Kind.CRM_UNAVAILABLE, "Tryton did not answer with the preferences of its user")
        self._rest.context = {"company": found.get("company"), "companies": found.get("companies") or []}
        self._employee = found.get("employee")

    async def _horizon(self) -> datetime:
        horizon = read_moment(await self._rest.ask(CORRESPONDENCE, "horizon", {}))
        if horizon is None:
            raise CrmFailure(Kind.CRM_UNAVAILABLE, "Tryton did not answer with the time of its database")
        return horizon

    async def _check_access(self) -> None:
        """Raises CRM_PERMISSION for what the user of the key may not do, and needs to."""
        access = await self._rest.ask("ir.model.access", "get_access", {"models": list(NEEDED)})
        if not isinstance(access, dict):
            raise CrmFailure(Kind.CRM_UNAVAILABLE, "Tryton did not answer with the rights of its user")
        for model, needed in NEEDED.items():
            for right in needed:
                if not access.get(model, {}).get(right):
                    raise CrmFailure(
                        Kind.CRM_PERMISSION,
                        f"the user of the key may not {right} {model}: add it to the groups Mailroom and Sale Opportunity",
                    )

    async def _why(self, refused: Declined, kind: RecordKind, record_id: str) -> CrmFailure:
        """What a refusal of something on that record comes from; raises where it is a right that is missing."""
        await self._check_access()
        await self._enter()
        model = PARTY if kind == "contact" else OPPORTUNITY
        if not await self._rest.search(model, [*all_of(model), ["id", "=", int(record_id)]], ["id"], limit=1):
            return refused.failure(Kind.CRM_GONE, f"Tryton has no {kind} {record_id} any more")
        return refused.failure(Kind.CRM_REJECTED, "Tryton refused it")

    async def _make(self, model: str, new: NewRecord, values: Mapping[str, Any]) -> str:
        """The record of that request, made unless it is there."""
        try:
            return await self._rest.create(model, {**values, "mailroom_key": new.request_key or None})
        except Declined as refused:
            if new.request_key:
                for row in await self._rest.search(
                    model, [*all_of(model), ["mailroom_key", "=", new.request_key]], ["id"], limit=1
                ):
                    return str(row["id"])
            await self._check_access()
            raise refused.failure(Kind.CRM_REJECTED, f"Tryton did not make the {new.kind}") from None

    async def _make_a_deal_of(self, opportunity: str) -> None:
        """Opportunities begin as leads; presses the button, unless it was pressed before."""
        lead = await self._read(OPPORTUNITY, opportunity, "lead")
        if not lead.open:
            return
        try:
            await self._rest.press(OPPORTUNITY, opportunity, "opportunity")
        except Absent:
            raise CrmFailure(Kind.CRM_GONE, f"Tryton has no opportunity {opportunity} any more") from None
        except Declined as refused:
            if (await self._read(OPPORTUNITY, opportunity, "lead")).open:
                raise refused.failure(
                    Kind.CRM_REJECTED, "Tryton made a lead and not a deal: the user of the key needs an employee"
                ) from None

    async def _party_of(self, new: NewRecord) -> str:
        """Whose lead or deal it is: the party with one of its addresses, or a new one."""
        person = NewRecord("contact", new.name, new.addresses, (), new.request_key)
        found = await self.find_record(person)
        return (found or await self.add_record(person)).id

    async def _read(self, model: str, record: str, kind: RecordKind) -> Record:
        for row in await self._rest.search(model, [*all_of(model), ["id", "=", int(record)]], FIELDS[model], limit=1):
            if found := one_of(model, row, kind):
                return found
        raise CrmFailure(Kind.CRM_GONE, f"Tryton has no {kind} {record} any more")

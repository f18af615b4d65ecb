"""Zoho CRM (API v8) and Zoho Recruit (API v2) as CRMs: what is pulled from them, and what they are shown.

Recruit's API is an earlier generation of the same one: other hosts, the bare id where v8 takes an object, pages counted, and no
way to associate an email with a record. There a correspondence is a note, which has its key in its text; it can be found, changed
and removed. In CRM it is an email of the record: it can be found by its Message-ID, but neither changed nor removed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.crm.adapters.protocol import Activity, ActivityKind, CrmFailure, Entry, Found, NewActivity, NewRecord
from activities.crm.adapters.zoho import rows
from activities.crm.adapters.zoho.api import Duplicate, ZohoApi
from activities.crm.adapters.zoho.emails import ZohoEmails
from domain.crm.settings import CrmSettings
from domain.crm.zoho import DATA_CENTRES, FIELDS, MODULES
from domain.directory.records import Cursor, Page, Record, RecordKind
from domain.failures.failure import Kind
from domain.mime.addresses import normal_address
from infra.network.http import HttpHost
from infra.oauth.tokens import AccessTokens
from infra.vault.uses import Use

PAGE = 200  # the most that Zoho gives
OVERLAP = timedelta(minutes=2)  # pulled again: what was being changed while the last pull looked
A_SECOND = timedelta(seconds=1)
MOST_PAGES = 50  # of one list of a record
MOST_ACTIVITIES = 200
DELETED = "deleted"
NOBODY = "<check@mailroom.invalid>"
STAYS = "Zoho can neither change nor remove an email that is associated with a record: remove it there, then try again"


def address(settings: CrmSettings) -> str:
    """Where the API is that a connection speaks with. Where a token says it is (`api_domain`) is not followed: the settings
    say where this organisation's data lies."""
    assert settings.data_centre is not None
    return settings.url or DATA_CENTRES[settings.data_centre].base(settings.profile)


class Zoho:
    """One organisation's Zoho, behind the protocol of activities/crm/adapters/protocol.py; whoever made its host closes it.

    Refused, of its secret or host, and psycopg errors pass through.
    """

    def __init__(self, settings: CrmSettings, host: HttpHost, tokens: AccessTokens, use: Use) -> None:
        """`host` is at `address(settings)`; `settings.secret` is an OAuth grant in the vault, for `use` alone."""
        self._profile = settings.profile
        self._modules = MODULES[settings.profile]
        self._api = ZohoApi(settings, host, tokens, use)
        self._emails = ZohoEmails(self._api)
        self._stages: dict[str, bool] | None = None
        self._module_ids: dict[str, str] = {}
        self._lists: dict[str, list[tuple[str, str]]] = {}

    async def check(self) -> None:
        """One request for each permission that is needed."""
        for kind, module in self._modules.items():
            (await self._api.get(f"/{module}", {"fields": FIELDS[kind], "per_page": "1"})).rows()
        await self._related_lists(self._modules["contact"])
        if self._profile == "crm":
            await self._closed_stages()
            await self._module_id(self._modules["contact"])
            await self._api.get("/actions/email_available", {"orginal_message_id": NOBODY})

    # The directory ----------------------------------------------------------------------------------------------------

    async def pull(self, cursor: Cursor | None) -> AsyncGenerator[Page, None]:
        """The cursor holds up to which Modified_Time each module was stored, and up to when deletions are known.

        A merge deletes all but one of its records and does not say which one is left: that one is changed and comes as such.
        """
        done: dict[str, Any] = dict(cursor or {})
        began: datetime | None = None
        for kind, module in self._modules.items():
            last = rows.moment(done.get(module))
            asked: datetime | None = None
            async for found, newest, at in self._changed(kind, module, last - OVERLAP if last else None):
                began, asked = began or at, asked or at
                reached = newest and min(newest, at)  # a time to come would hide all that changes until then
                if reached is not None and (last is None or reached > last):
                    done[module] = (last := reached).isoformat()
                yield Page(found, dict(done))
            if asked is not None and (
                last is None or asked > last
            ):  # so that a quiet module is not pulled again and again
                done[module] = asked.isoformat()
        assert began is not None
        known = rows.moment(done.get(DELETED))
        if known is not None:
            for kind, module in self._modules.items():
                async for found in self._deleted(kind, module, known - OVERLAP):
                    yield Page(found, dict(done))
        done[DELETED] = began.isoformat()
        yield Page((), done)

    async def _changed(
        self, kind: RecordKind, module: str, since: datetime | None
    ) -> AsyncIterator[tuple[list[Record], datetime | None, datetime]]:
        """Records by their Modified_Time, each page with its last.

        Each page is asked for from the time where the last one ended: counted pages would skip a record whenever one of
        those before is changed meanwhile and moves to the end. Only what was changed within one second goes by Zoho's pages.
        """
        closed = await self._closed_stages() if kind == "deal" else frozenset[str]()
        page, token = 1, None
        while True:
            parameters = {
                "fields": FIELDS[kind],
                "sort_by": "Modified_Time",
                "sort_order": "asc",
                "per_page": str(PAGE),
                **({"page_token": token} if token else {"page": str(page)}),
                **({"converted": "both"} if kind == "lead" else {}),
            }
            answer = await self._api.get(f"/{module}", parameters, since=since)
            times = [found for row in answer.rows() if (found := rows.moment(row.get("Modified_Time")))]
            newest = max(times, default=None)
            yield [rows.record(kind, row, closed) for row in answer.rows()], newest, answer.at
            if not answer.info.get("more_records") or newest is None:
                return
            if since is None or newest - A_SECOND > since:
                since, page, token = newest - A_SECOND, 1, None
            else:
                page, token = page + 1, answer.info.get("next_page_token")

    async def _deleted(self, kind: RecordKind, module: str, since: datetime) -> AsyncIterator[list[Record]]:
        page = 1
        while True:
            parameters = {"type": "all", "page": str(page), "per_page": str(PAGE)}
            answer = await self._api.get(f"/{module}/deleted", parameters, since=since)
            names = [(str(row["id"]), str(row.get("display_name") or "")) for row in answer.rows()]
            yield [Record(kind, record_id, name, gone=True, open=False) for record_id, name in names]
            if not answer.info.get("more_records"):
                return
            page += 1

    # Correspondences --------------------------------------------------------------------------------------------------

    async def push(self, entry: Entry) -> str:
        """Zoho has no unique key for what it is shown, so an email is looked for first: another integration may have shown it.
        A note has our key, so it is there only if it was sent before."""
        found: Found | None = None
        if self._profile == "crm":
            anew = entry.probe is not None
            found = await self._emails.find(entry, self._modules[entry.record_kind], anew=anew)
        elif entry.probe is not None:
            found = await self.find(entry)
        return await self._show(entry, found)

    async def _show(self, entry: Entry, found: Found | None) -> str:
        if found is not None and self._profile == "recruit":
            return await self._write_anew(found, entry)
        if found is not None:
            return _as_wanted(found, entry)
        module = self._modules[entry.record_kind]
        if self._profile == "recruit":
            body = rows.entry_note(entry) | rows.parent(self._profile, module, entry.record_id)
            return str((await self._api.change("POST", "/Notes", {"data": [body]})).get("id"))
        body = rows.email_row(entry, module, await self._module_id(module))
        path = f"/{module}/{entry.record_id}/actions/associate_email"
        with self._emails.adding(entry, module) as added:
            try:
                details = await self._api.change("POST", path, {"Emails": [body]}, name="Emails")
            except Duplicate:
                if (found := await self.find(entry)) is None:
                    raise
                return _as_wanted(found, entry)
            remote_id = str(details.get("message_id") or rows.message_id(entry))
            added(remote_id)
        return remote_id

    def probe(self, entry: Entry) -> Mapping[str, Any]:
        """A note has its key in itself. An email is asked for by its Message-ID, and known again by a digest of its row."""
        if self._profile == "recruit":
            return {}
        return {"message_id": rows.message_id(entry), "mark": rows.mark_of(entry)}

    async def find(self, entry: Entry, remote_id: str = "") -> Found | None:
        if self._profile == "recruit":
            note = await self._note(entry)
            return Found(str(note["id"]), rows.note_direction(note)) if note else None
        return await self._emails.find(entry, self._modules[entry.record_kind], remote_id)

    async def turn(self, entry: Entry, remote_id: str) -> str:
        """A note is written anew. An email stays what it was: CRM_REJECTED until somebody has removed it by hand."""
        return await self._show(entry, await self.find(entry, remote_id))

    async def remove(self, entry: Entry, remote_id: str) -> None:
        """A note is deleted. An email stays: CRM_REJECTED until somebody has removed it by hand."""
        found = await self.find(entry, remote_id)
        if found is None:
            return
        if self._profile == "crm":
            raise CrmFailure(Kind.CRM_REJECTED, "cannot_be_removed", STAYS)
        await self._api.change("DELETE", f"/Notes/{found.remote_id}")

    async def _write_anew(self, found: Found, entry: Entry) -> str:
        if found.direction != entry.direction:
            await self._api.change("PUT", "/Notes", {"data": [{"id": found.remote_id, **rows.entry_note(entry)}]})
        return found.remote_id

    async def _note(self, entry: Entry) -> rows.Row | None:
        module = self._modules[entry.record_kind]
        for _, row in await self._related(module, entry.record_id, "note"):
            if rows.activity("note", row).request_key == entry.key:
                return row
        return None

    # Records ----------------------------------------------------------------------------------------------------------

    async def add_record(self, new: NewRecord) -> Record:
        """A contact, lead or candidate with an address that Zoho has is that one: nobody is there twice (R72).

        Not by Zoho's upsert, which would give a record that it finds the name that is meant for a new one.
        """
        found = await self.find_record(new)
        if found is not None:
            return found
        stage = await self._first_open_stage() if new.kind == "deal" else None
        body: rows.Row = {"data": [rows.record_row(new, stage, datetime.now(UTC).date())]}
        try:
            details = await self._api.change("POST", f"/{self._modules[new.kind]}", body)
        except Duplicate as duplicate:
            if (found := await self._by_id(new.kind, duplicate.id) or await self.find_record(new)) is None:
                raise
            return found
        return Record(new.kind, str(details["id"]), new.name, new.addresses, new.contacts[:1])

    async def find_record(self, new: NewRecord) -> Record | None:
        """By search, which knows what is new or changed only after a while; then among the last 200 that were."""
        module = self._modules[new.kind]
        closed = await self._closed_stages() if new.kind == "deal" else frozenset[str]()
        for address in new.addresses if new.kind != "deal" else ():
            if normal_address(address) is None:
                continue
            answer = await self._api.get(f"/{module}/search", {"email": address, "fields": FIELDS[new.kind]})
            for row in answer.rows():
                if rows.is_it(found := rows.record(new.kind, row, closed), row, new):
                    return found
        latest = {"fields": FIELDS[new.kind], "sort_by": "Modified_Time", "sort_order": "desc", "per_page": str(PAGE)}
        for row in (await self._api.get(f"/{module}", latest)).rows():
            if rows.is_it(found := rows.record(new.kind, row, closed), row, new):
                return found
        return None

    async def _by_id(self, kind: RecordKind, record_id: str | None) -> Record | None:
        if record_id is None:
            return None
        answer = await self._api.get(f"/{self._modules[kind]}/{record_id}", {"fields": FIELDS[kind]})
        closed = await self._closed_stages() if kind == "deal" else frozenset[str]()
        return next((rows.record(kind, row, closed) for row in answer.rows()), None)

    # Activities -------------------------------------------------------------------------------------------------------

    async def add_activity(self, new: NewActivity) -> str:
        found = await self.find_activity(new)
        if found is not None:
            return found
        module = self._modules[new.record_kind]
        row = rows.activity_row(new, datetime.now(UTC))
        if new.kind == "note":
            row |= rows.parent(self._profile, module, new.record_id)
        else:
            row |= rows.related_to(module, new.record_id)
        of_kind = next(name for name, kind in rows.ACTIVITY_MODULES.items() if kind == new.kind)
        return str((await self._api.change("POST", f"/{of_kind}", {"data": [row]}))["id"])

    async def find_activity(self, new: NewActivity) -> str | None:
        if not new.request_key:
            return None
        for kind, row in await self._related(self._modules[new.record_kind], new.record_id, new.kind):
            if (found := rows.activity(kind, row)).request_key == new.request_key:
                return found.id
        return None

    async def activities(self, record_kind: RecordKind, record_id: str) -> Sequence[Activity]:
        module = self._modules[record_kind]
        found = [one for kind in rows.ACTIVITY_FIELDS for one in await self._related(module, record_id, kind)]
        return rows.latest_first(found)[:MOST_ACTIVITIES]

    async def _related(self, module: str, record_id: str, kind: ActivityKind) -> list[tuple[ActivityKind, rows.Row]]:
        """The rows of a record's lists of that kind; Zoho has open and closed ones in lists of their own."""
        found: list[tuple[ActivityKind, rows.Row]] = []
        for name, of_module in await self._related_lists(module):
            if rows.ACTIVITY_MODULES.get(of_module) != kind:
                continue
            page, before = 1, list[rows.Row]()
            while True:
                parameters = {"fields": rows.ACTIVITY_FIELDS[kind], "page": str(page), "per_page": str(PAGE)}
                answer = await self._api.get(f"/{module}/{record_id}/{name}", parameters)
                found += [(kind, row) for row in answer.rows()]
                if not answer.info.get("more_records"):
                    break
                if answer.rows() == before:
                    raise CrmFailure(Kind.CRM_UNAVAILABLE, "nonsense", f"{name} has the same page again and again")
                if page == MOST_PAGES:
                    raise CrmFailure(
                        Kind.CRM_REJECTED, "too_many_rows", f"a record with more than {page * PAGE} {name}"
                    )
                page, before = page + 1, answer.rows()
        return found

    # What an organisation has set up ----------------------------------------------------------------------------------

    async def _related_lists(self, module: str) -> list[tuple[str, str]]:
        """The lists of a module's records, with the module whose records each lists."""
        if module not in self._lists:
            answer = await self._api.get("/settings/related_lists", {"module": module})
            lists = [(str(row.get("api_name")), str(_named(row.get("module")))) for row in answer.rows("related_lists")]
            if not lists:
                raise CrmFailure(Kind.CRM_UNAVAILABLE, "nonsense", f"{module} without the lists of a record")
            self._lists[module] = lists
        return self._lists[module]

    async def _module_id(self, module: str) -> str:
        if module not in self._module_ids:
            found = (await self._api.get(f"/settings/modules/{module}")).rows("modules")
            if not found or not found[0].get("id"):
                raise CrmFailure(Kind.CRM_UNAVAILABLE, "nonsense", f"the module {module} without its id")
            self._module_ids[module] = str(found[0]["id"])
        return self._module_ids[module]

    async def _deal_stages(self) -> dict[str, bool]:
        """The stages of deals in their order, each with whether a deal in it is closed; every organisation has its own."""
        if self._stages is None:
            answer = await self._api.get("/settings/fields", {"module": self._modules["deal"]})
            values = next(
                (row.get("pick_list_values") for row in answer.rows("fields") if row.get("api_name") == "Stage"), None
            )
            self._stages = {
                str(value.get("actual_value")): str(value.get("forecast_type", "")).lower().startswith("closed")
                for value in values or ()
                if isinstance(value, dict)
            }
        return self._stages

    async def _closed_stages(self) -> frozenset[str]:
        return frozenset(stage for stage, closed in (await self._deal_stages()).items() if closed)

    async def _first_open_stage(self) -> str:
        for stage, closed in (await self._deal_stages()).items():
            if not closed and stage not in ("", "-None-"):
                return stage
        raise CrmFailure(
            Kind.CRM_REJECTED, "no_open_stage", "Deals have no stage that is open: Zoho's settings must have one"
        )


def _as_wanted(found: Found, entry: Entry) -> str:
    if found.direction not in (None, entry.direction):
        raise CrmFailure(Kind.CRM_REJECTED, "direction_fixed", STAYS)
    return found.remote_id


def _named(module: object) -> object:
    return module.get("api_name") if isinstance(module, dict) else module

"""What a Zoho of a test's own holds, and the rules of its API; tests/servers/zoho_twin.py puts it on the network.

It takes nothing that Zoho's documents do not allow: `complaints` says what was sent all the same. Its clock goes on by a second
with each change. Search does not know what was added through the API before `not_indexed` is emptied.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.servers.zoho_schema import (
    EMAIL,
    MANDATORY,
    MODULE_IDS,
    PEOPLE,
    PRODUCTS,
    WRITABLE,
    Row,
    field_of,
    related_list,
)

Result = tuple[int, Any]


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(code)
        self.status = status
        self.item: Row = {"code": code, "message": message, "status": "error", "details": details}


class Organisation:
    """The data of one organisation, and what its API answers."""

    def __init__(self) -> None:
        self.modules: dict[str, dict[str, Row]] = {name: {} for name in WRITABLE}
        self.emails: dict[tuple[str, str], list[Row]] = {}
        self.deleted: dict[str, list[Row]] = {name: [] for name in WRITABLE}
        self.complaints: list[str] = []
        self.not_indexed: set[str] = set()
        self.now = datetime(2026, 6, 1, tzinfo=UTC)
        self.lock = threading.RLock()
        self._last_id = 4876876000000333000

    def add(self, module: str, **fields: Any) -> str:
        """A record, as somebody makes it in Zoho's own pages."""
        with self.lock:
            return str(self._insert(module, fields)["id"])

    def change(self, module: str, record_id: str, **fields: Any) -> None:
        with self.lock:
            self.modules[module][record_id] |= {**fields, "Modified_Time": self._tick()}

    def delete(self, module: str, record_id: str) -> None:
        with self.lock:
            row = self.modules[module].pop(record_id)
            at = self._tick()
            name = row.get("Full_Name") or row.get("Deal_Name")
            self.deleted[module].append({"id": record_id, "display_name": name, "type": "recycle", "deleted_time": at})

    def pass_time(self, minutes: float) -> None:
        with self.lock:
            self.now += timedelta(minutes=minutes)

    def route(
        self, product: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any
    ) -> Result:
        since = headers.get("if-modified-since")
        crm = product == "/crm/v8"
        match method, path.strip("/").split("/"):
            case "GET", ["settings", "related_lists"]:
                return 200, {"related_lists": [related_list(name) for name in ("Tasks", "Events", "Notes")]}
            case "GET", ["settings", "fields"] if query.get("module") in WRITABLE:
                return 200, {"fields": [field_of(name) for name in sorted(WRITABLE[query["module"]])]}
            case "GET", ["settings", "modules", module] if module in MODULE_IDS:
                return 200, {"modules": [{"api_name": module, "id": MODULE_IDS[module]}]}
            case "GET", ["actions", "email_available"] if crm:
                return self._available(query)
            case "POST", [module, record_id, "actions", "associate_email"] if crm:
                return self._associate(module, record_id, body)
            case "GET", [module, record_id, "Emails"] if crm:
                return self._emails(module, record_id, query)
            case "GET", [module, "search"]:
                return self._search(product, module, query)
            case "GET", [module, "deleted"]:
                return self._deleted(module, query, since)
            case "GET", [module] if module in PRODUCTS[product]:
                return self._list(product, module, query, since)
            case "GET", [module, record_id]:
                return 200, {"data": [self._row(module, record_id)]}
            case "GET", [module, record_id, ("Tasks" | "Events" | "Notes") as name]:
                return self._related(product, module, record_id, name, query)
            case "POST", [module] if module in WRITABLE:
                return self._create(product, module, body)
            case "PUT", ["Notes"]:
                return self._edit_note(body)
            case "DELETE", ["Notes", note]:
                self._row("Notes", note)
                self.delete("Notes", note)
                return 200, _done({"id": note})
            case _:
                raise Refusal(404, "INVALID_URL_PATTERN", "Please check if the URL is a correct one")

    def _list(self, product: str, module: str, query: Mapping[str, str], since: str | None) -> Result:
        allowed = {"fields", "sort_by", "sort_order", "per_page", "page", "page_token", "converted"}
        self._only(query, allowed if product == "/crm/v8" else allowed - {"page_token"})
        if "fields" not in query:
            raise Refusal(
                400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name="fields"
            )
        if "page" in query and "page_token" in query:
            self._complain("page and page_token exclude each other")
        if query.get("sort_by", "id") not in ("id", "Created_Time", "Modified_Time"):
            self._complain(f"sort_by={query['sort_by']}")
        kept = [
            row for row in self.modules[module].values() if since is None or row["Modified_Time"] >= _instant(since)
        ]
        if module == "Leads" and product == "/crm/v8":
            converted = query.get("converted", "false")
            kept = [
                row for row in kept if converted == "both" or bool(row.get("Converted__s")) == (converted == "true")
            ]
        if since is not None and not kept:
            return 304, None
        kept.sort(
            key=lambda row: (row[query.get("sort_by", "id")], row["id"]), reverse=query.get("sort_order") != "asc"
        )
        return self._paged(kept, query, tokens=product == "/crm/v8")

    def _paged(self, kept: list[Row], query: Mapping[str, str], *, tokens: bool = False) -> Result:
        size = int(query.get("per_page", "200"))
        if not 1 <= size <= 200:
            self._complain(f"per_page={size}")
        start = (
            int(query["page_token"].removeprefix("t"))
            if "page_token" in query
            else (int(query.get("page", "1")) - 1) * size
        )
        if "page_token" not in query and start + size > 2000:
            raise Refusal(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "use page_token")
        shown = kept[start : start + size]
        if not shown:
            return 204, None
        more = start + size < len(kept)
        info: Row = {"per_page": size, "count": len(shown), "page": start // size + 1, "more_records": more}
        if tokens:
            info["next_page_token"] = f"t{start + size}" if more else None
        return 200, {"data": shown, "info": info}

    def _search(self, product: str, module: str, query: Mapping[str, str]) -> Result:
        self._only(query, {"email", "fields", "per_page", "page"})
        wanted = query["email"].lower()
        return self._paged(
            [
                row
                for row in self.modules[module].values()
                if wanted in (str(row.get("Email")).lower(), str(row.get("Secondary_Email")).lower())
                and row["id"] not in self.not_indexed
                and not row.get("Converted__s")
            ],
            {},
        )

    def _deleted(self, module: str, query: Mapping[str, str], since: str | None) -> Result:
        self._only(query, {"type", "page", "per_page"})
        if query.get("type") not in ("all", "recycle", "permanent"):
            raise Refusal(400, "INVALID_DATA", "invalid type", param_name="type")
        found = [row for row in self.deleted[module] if since is None or row["deleted_time"] >= _instant(since)]
        return self._paged(found[::-1], query)

    def _available(self, query: Mapping[str, str]) -> Result:
        self._only(query, {"orginal_message_id"})
        for (module, record_id), emails in self.emails.items():
            for email in emails:
                if email["original_message_id"] == query["orginal_message_id"]:
                    where = {"module": {"api_name": module, "id": MODULE_IDS[module]}, "id": record_id}
                    return 200, {"available": True, "record": where}
        return 200, {"available": False}

    def _associate(self, module: str, record_id: str, body: Any) -> Result:
        self._row(module, record_id)
        if not isinstance(body, dict) or set(body) != {"Emails"} or len(body["Emails"]) != 1:
            raise Refusal(400, "INVALID_DATA", "invalid data", api_name="Emails", maximum_length=1)
        email = body["Emails"][0]
        self._only(email, EMAIL)
        for name in sorted(EMAIL - {"cc", "mail_format"}):
            if email.get(name) in (None, "", []):
                return 400, {
                    "Emails": [Refusal(400, "MANDATORY_NOT_FOUND", "required field not found", api_name=name).item]
                }
        people = [email["from"], *email["to"], *email.get("cc", [])]
        if any(set(one) != PEOPLE or "@" not in one["email"] for one in people):
            return 400, {"Emails": [Refusal(400, "INVALID_DATA", "invalid data", api_name="email").item]}
        if len(email["subject"].encode("utf-16-le")) > 500 or email.get("mail_format", "html") not in ("html", "text"):
            return 400, {"Emails": [Refusal(400, "INVALID_DATA", "invalid data", api_name="subject").item]}
        linked = email["linked_record"]
        if linked.get("module") != {"api_name": module, "id": MODULE_IDS[module]} or "id" not in linked:
            self._complain(f"linked_record={linked}")
        if not isinstance(email["sent"], bool):
            self._complain("sent is no boolean")
        shown = {
            **email,
            "message_id": f"{self._next_id():x}",
            "time": _instant(email["date_time"]),
            "has_attachment": False,
        }
        self.emails.setdefault((module, record_id), []).append(shown)
        self._tick()
        return 201, {"Emails": [_success({"message_id": shown["message_id"]})]}

    def _emails(self, module: str, record_id: str, query: Mapping[str, str]) -> Result:
        """Ten at a time, the latest first, without what Zoho does not show: the Message-ID."""
        self._row(module, record_id)
        self._only(query, {"index"})
        start = int(query.get("index", "0"))
        all_of_it = self.emails.get((module, record_id), [])[::-1]
        if not all_of_it:
            return 204, None
        hidden = {"original_message_id", "content", "date_time", "mail_format", "linked_record"}
        shown = [
            {key: value for key, value in row.items() if key not in hidden} for row in all_of_it[start : start + 10]
        ]
        more = start + 10 < len(all_of_it)
        info = {
            "count": len(shown),
            "per_page": 10,
            "more_records": more,
            "next_index": str(start + 10) if more else None,
        }
        return 200, {"Emails": shown, "info": info}

    def _related(self, product: str, module: str, record_id: str, name: str, query: Mapping[str, str]) -> Result:
        self._row(module, record_id)
        self._only(query, {"fields", "page", "per_page"})
        found = [row for row in self.modules[name].values() if _hangs_on(row) == record_id]
        return self._paged(found, query)

    def _create(self, product: str, module: str, body: Any) -> Result:
        row = self._given(module, body, {"data"})
        self._hold(product, module, row)
        made = self._insert(module, row)
        self.not_indexed.add(made["id"])
        return 201, _done(_details(made))

    def _edit_note(self, body: Any) -> Result:
        row = body["data"][0]
        self._only(row, {"id", "Note_Title", "Note_Content"})
        self._row("Notes", row["id"])
        self.change("Notes", row["id"], **row)
        return 200, _done({"id": row["id"]})

    def _given(self, module: str, body: Any, keys: set[str]) -> Row:
        if not isinstance(body, dict) or "data" not in body or len(body["data"]) != 1:
            raise Refusal(400, "INVALID_DATA", "body", api_name="data")
        self._only(body, keys)
        row: Row = body["data"][0]
        self._only(row, WRITABLE[module])
        for name in MANDATORY[module]:
            if not row.get(name):
                item = Refusal(
                    400, "MANDATORY_NOT_FOUND", "required field not found", api_name=name, json_path=f"$.data[0].{name}"
                )
                raise _AsItem(item.item)
        return row

    def _hold(self, product: str, module: str, row: Row) -> None:
        """What a row hangs on must be there, and be said as the product has it."""
        if module == "Notes":
            said = row["Parent_Id"]
            if (product == "/crm/v8") != isinstance(said, dict):
                self._complain(f"Parent_Id={said}")
            parent = said["module"]["api_name"] if isinstance(said, dict) else row.get("se_module")
            self._needs("Parent_Id", parent, _hangs_on(row))
        elif module in ("Tasks", "Events"):
            if "What_Id" in row:
                self._needs("What_Id", row.get("$se_module"), row["What_Id"]["id"])
            elif "Who_Id" in row:
                self._needs("Who_Id", "Contacts", row["Who_Id"]["id"])
            else:
                self._complain(f"{module} that hang on nothing")
        elif module == "Deals" and "Contact_Name" in row:
            self._needs("Contact_Name", "Contacts", row["Contact_Name"]["id"])

    def _needs(self, name: str, module: str | None, record_id: str | None) -> None:
        if module not in self.modules or record_id not in self.modules[module]:
            raise _AsItem(Refusal(400, "INVALID_DATA", "the related id given seems to be invalid", api_name=name).item)

    def _insert(self, module: str, fields: Row) -> Row:
        at = self._tick()
        row: Row = {**fields, "id": str(self._next_id()), "Created_Time": at, "Modified_Time": at}
        if "Last_Name" in row:
            row.setdefault("Full_Name", f"{row.get('First_Name', '')} {row['Last_Name']}".strip())
        self.modules[module][row["id"]] = row
        return row

    def _row(self, module: str, record_id: str) -> Row:
        found = self.modules.get(module, {}).get(record_id)
        if found is None:
            raise Refusal(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=1)
        return found

    def _only(self, given: Mapping[str, Any], allowed: set[str]) -> None:
        for name in given:
            if name not in allowed:
                self._complain(f"{name} is not known here")

    def _complain(self, what: str) -> None:
        self.complaints.append(what)
        raise Refusal(400, "INVALID_DATA", what)

    def _tick(self) -> str:
        self.now += timedelta(seconds=1)
        return self.now.isoformat(timespec="seconds")

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id


class _AsItem(Refusal):
    """A refusal of the one record, within an answer that has it as its result."""

    def __init__(self, item: Row) -> None:
        super().__init__(400, item["code"], item["message"], **item["details"])
        self.item = {"data": [item]}


def _details(row: Row) -> Row:
    return {name: row[name] for name in ("id", "Created_Time", "Modified_Time")}


def _success(details: Row) -> Row:
    return {"code": "SUCCESS", "details": details, "message": "record added", "status": "success"}


def _done(details: Row) -> Row:
    return {"data": [_success(details)]}


def _hangs_on(row: Row) -> str | None:
    for name in ("Parent_Id", "What_Id", "Who_Id"):
        if name in row:
            found = row[name]
            return str(found["id"] if isinstance(found, dict) else found)
    return None


def _instant(text: str) -> str:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise Refusal(400, "INVALID_DATA", "a time without an offset")
    return at.astimezone(UTC).isoformat(timespec="seconds")

"""Which emails Zoho CRM shows on its records.

Zoho says of a Message-ID whether it has the email at all, and one record that it is on. Whether it is on another one, and in
which direction, is in the list of that record's emails, which in turn does not say Message-IDs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from activities.crm import zoho_rows as rows
from activities.crm.adapter import CrmFailure, Entry, Found
from activities.crm.zoho_api import ZohoApi
from domain.failures import Kind

MOST_PAGES = 50  # of a record's list, ten emails each


class ZohoEmails:
    """All of them raise CrmFailure; `module` is that of the entry's record."""

    def __init__(self, api: ZohoApi) -> None:
        self._api = api

    async def find(self, entry: Entry, module: str, remote_id: str) -> Found | None:
        """By its Message-ID whether Zoho has it at all; then the list of the record says whether it is there, and how.

        `remote_id` is Zoho's id of the email, or its Message-ID where Zoho gave none: of an entry whose message is no more it may
        be all that is known.
        """
        message_id = remote_id if rows.is_message_id(remote_id) else rows.message_id(entry)
        known, where = await self._available(message_id)
        if not known and not remote_id:
            return None
        mark = rows.mark_of(entry)
        async for row in self._listed(module, entry.record_id):
            shown = str(row.get("message_id"))
            if shown == remote_id or (known and rows.mark(row) == mark):
                return Found(shown, rows.direction(row))
        # It is on this record by Zoho's own word, though the list shows it with another subject or time.
        return Found(message_id, None) if known and where == entry.record_id else None

    async def _available(self, message_id: str) -> tuple[bool, str | None]:
        """Whether Zoho has the email, and the id of a record that it is on, where it says one."""
        probe = (await self._api.get("/actions/email_available", {"orginal_message_id": message_id})).body
        where = probe.get("record")
        if probe and not where and not isinstance(probe.get("available"), bool):
            raise CrmFailure(Kind.CRM_UNAVAILABLE, "nonsense", "an answer that does not say whether the email is there")
        record_id = str(where.get("id")) if isinstance(where, dict) else None
        return probe.get("available") is True or bool(where), record_id

    async def _listed(self, module: str, record_id: str) -> AsyncIterator[rows.Row]:
        """The record's emails, the latest pages of them."""
        parameters: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            answer = await self._api.get(f"/{module}/{record_id}/Emails", parameters)
            for row in answer.rows("Emails"):
                yield row
            following = answer.info.get("next_index")
            if not answer.info.get("more_records") or not following:
                return
            parameters = {"index": str(following)}

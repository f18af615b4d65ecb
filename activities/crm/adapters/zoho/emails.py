"""Which emails Zoho CRM shows on its records.

Zoho says of a Message-ID whether it has the email at all, and one record that it is on. Whether it is on another one, and in
which direction, is in the list of that record's emails, which in turn does not say Message-IDs.

Ten emails a request, a list is dear, and Zoho's documents do not promise its order: one that was not read to its end proves
nothing. So what needs no list is not looked for in one. What this adapter, which lives for a session, has itself put on records,
after Zoho knew nothing of it, is on no other record; and for an entry that was never sent before, a list is read once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from activities.crm.adapters.protocol import CrmFailure, Entry, Found
from activities.crm.adapters.zoho import rows
from activities.crm.adapters.zoho.api import ZohoApi
from domain.failures.failure import Kind
from domain.linking.model import Direction

MOST_PAGES = 50  # of a record's list, ten emails each
MOST_LISTS = 100  # that are remembered
MOST_MESSAGES = 10_000

TOO_MANY = (
    f"the record shows more than {10 * MOST_PAGES} emails, so it cannot be found out whether this one is among them: look there, "
    "remove it if it is, then try again"
)

Record = tuple[str, str]  # module and id


@dataclass(frozen=True, slots=True)
class _Email:
    id: str
    mark: str | None
    direction: Direction | None


@dataclass(slots=True)
class _List:
    """The emails of a record, as far as they were read. `following`: the parameters of the next page, None after the last."""

    emails: list[_Email] = field(default_factory=list)
    following: dict[str, str] | None = field(default_factory=dict)
    pages: int = 0


class ZohoEmails:
    """`module` is that of the entry's record. Raises CrmFailure."""

    def __init__(self, api: ZohoApi) -> None:
        self._api = api
        self._new: dict[
            str, set[Record]
        ] = {}  # Message-IDs that Zoho did not know, and the records that they were put on
        self._lists: dict[Record, _List] = {}

    async def find(self, entry: Entry, module: str, remote_id: str = "", *, anew: bool = True) -> Found | None:
        """By its Message-ID whether Zoho has it at all; then the list of the record says whether it is there, and how.

        `remote_id` is Zoho's id of the email, or its Message-ID where Zoho gave none: of an entry whose message is no more it may
        be all that is known. Not `anew`: what was seen in this session is good enough. Raises CRM_REJECTED where the list is too
        long to tell, unless nothing was sent before, or somebody was told so and has the entry tried again.
        """
        record = module, entry.record_id
        message_id = remote_id if rows.is_message_id(remote_id) else rows.message_id(entry)
        if not anew and message_id in self._new and record not in self._new[message_id]:
            return None
        known, where = await self._available(message_id)
        if not known and not remote_id:
            if len(self._new) >= MOST_MESSAGES:
                self._new.clear()
            self._new.setdefault(message_id, set())
            return None
        mark = rows.mark_of(entry)
        listed = self._list(record, anew)
        async for email in self._read(record, listed):
            if email.id == remote_id or (known and email.mark == mark):
                return Found(email.id, email.direction)
        if known and where == entry.record_id:
            # It is on this record by Zoho's own word, though the list shows it with another subject or time.
            return Found(message_id, None)
        unclear = listed.following is not None and (known or entry.bare)
        if unclear and (entry.probe is not None or remote_id) and not entry.retried:
            raise CrmFailure(Kind.CRM_REJECTED, "too_many_emails", TOO_MANY)
        return None

    @contextmanager
    def adding(self, entry: Entry, module: str) -> Iterator[Callable[[str], None]]:
        """While it is put on its record; to be called with its id then. Until then nobody knows what the record shows."""
        record = module, entry.record_id
        if (records := self._new.get(rows.message_id(entry))) is not None:
            records.add(record)
        listed = self._lists.pop(record, None)

        def added(remote_id: str) -> None:
            if listed is not None:
                listed.emails.append(_Email(remote_id, rows.mark_of(entry), entry.direction))
                self._lists[record] = listed

        yield added

    async def _available(self, message_id: str) -> tuple[bool, str | None]:
        """Whether Zoho has the email, and the id of a record that it is on, where it says one."""
        probe = (await self._api.get("/actions/email_available", {"orginal_message_id": message_id})).body
        where = probe.get("record")
        if probe and not where and not isinstance(probe.get("available"), bool):
            raise CrmFailure(Kind.CRM_UNAVAILABLE, "nonsense", "an answer that does not say whether the email is there")
        record_id = str(where.get("id")) if isinstance(where, dict) else None
        return probe.get("available") is True or bool(where), record_id

    def _list(self, record: Record, anew: bool) -> _List:
        if anew or record not in self._lists:
            if len(self._lists) >= MOST_LISTS:
                self._lists.clear()
            self._lists[record] = _List()
        return self._lists[record]

    async def _read(self, record: Record, listed: _List) -> AsyncIterator[_Email]:
        """The emails of the list, which is read on as far as needed, up to the most pages."""
        module, record_id = record
        for email in tuple(listed.emails):
            yield email
        while listed.following is not None and listed.pages < MOST_PAGES:
            answer = await self._api.get(f"/{module}/{record_id}/Emails", listed.following)
            page = [
                _Email(str(row.get("message_id")), rows.mark(row), rows.direction(row)) for row in answer.rows("Emails")
            ]
            following = answer.info.get("next_index") if answer.info.get("more_records") else None
            listed.emails += page
            listed.following = {"index": str(following)} if following else None
            listed.pages += 1
            for email in page:
                yield email

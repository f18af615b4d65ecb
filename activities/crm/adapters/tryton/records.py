"""What stands in Tryton's records, and how Mailroom's look there.

An opportunity is a lead in Tryton's state `lead`. In any later one it is a deal, open in the state `opportunity`, and the lead of
the same id was converted to its party; only one that was lost before it had a party stays a lead, which is closed. A deal's
contact is its party; a lead has the addresses of its party and the one it names itself. Of a party count the active contact
mechanisms that are e-mail addresses: what Tryton's "Replace" hands over to another party, it deactivates.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from activities.crm.adapters.protocol import Activity, ActivityKind, CrmFailure, Entry, NewActivity
from activities.crm.adapters.tryton.rest import moment, read_moment
from domain.core.redaction import cleaned
from domain.directory.records import Record, RecordKind
from domain.failures.failure import Kind
from domain.mime.addresses import normal_address

PARTY, OPPORTUNITY, MECHANISM = "party.party", "sale.opportunity", "party.contact_mechanism"
CORRESPONDENCE, ACTIVITY, NOTE = "mailroom.correspondence", "mailroom.activity", "ir.note"

OVERLAP = timedelta(minutes=5)  # for transactions that Tryton's own view of its database does not show
CLOCK_CHANGE = timedelta(hours=1)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
LONGEST_LINE = 1000  # characters
LONGEST_TEXT = 100_000

# Tryton leaves out what is inactive wherever a list of conditions has none of its own about that, every list within a list too.
EVEN_INACTIVE = ("active", "in", [True, False])
NONE_FOR_THAT: tuple[str, str, list[bool]] = ("active", "in", [])  # for a list of alternatives
ADDRESSES = ("contact_mechanisms.type", "contact_mechanisms.value")
FIELDS = {
    PARTY: ("rec_name", "active", "replaced_by", *ADDRESSES),
    OPPORTUNITY: (
        "rec_name",
        "state",
        "description",
        "party.rec_name",
        "contact.type",
        "contact.value",
        *(f"party.{field}" for field in ADDRESSES),
    ),
}


def all_of(model: str) -> list[Any]:
    return [EVEN_INACTIVE] if model == PARTY else []


def start_of(since: str, until: str) -> datetime:
    """From when on to look. A clock that went back since the last pull did so by the end of summer time."""
    last, horizon = datetime.fromisoformat(since), datetime.fromisoformat(until)
    return min(last, horizon) - OVERLAP - (CLOCK_CHANGE if horizon < last else timedelta())


def changed_since(model: str, start: datetime) -> list[Any]:
    """Of the model's records those that changed, or of which something that they show did."""
    later = ["last_modified_at", ">=", moment(start)]
    party = ["OR", NONE_FOR_THAT, later, ["contact_mechanisms", "where", [EVEN_INACTIVE, later]]]
    if model == PARTY:
        return [party]
    return [
        ["OR", later, ["party", "where", [EVEN_INACTIVE, party]], ["contact", "where", [EVEN_INACTIVE, later]]],
    ]


def records(model: str, row: Mapping[str, Any], *, gone_too: bool) -> list[Record]:
    """A party is a contact; an opportunity a lead and what became of it."""
    if model == PARTY:
        merged = row.get("replaced_by")
        gone = not row.get("active") and merged is None
        if gone and not gone_too:
            return []
        return [
            Record(
                "contact",
                str(row["id"]),
                row.get("rec_name") or "",
                _addresses(row),
                merged_into=None if merged is None else str(merged),
                gone=gone,
            )
        ]
    party = row.get("party") or {}
    state = row.get("state")
    contacts: tuple[str, ...] = (str(party["id"]),) if party else ()
    number, subject = row.get("rec_name") or "", row.get("description") or ""
    addresses = tuple(dict.fromkeys((*_addresses(party), *_of_mechanisms([row.get("contact") or {}]))))
    is_deal = state != "lead" and bool(party)
    lead = Record(
        "lead",
        str(row["id"]),
        party.get("rec_name") or subject or number,
        addresses,
        contacts,
        open=state == "lead",
        converted_to=contacts[0] if is_deal else None,
    )
    deal = Record(
        "deal", str(row["id"]), subject or number, (), contacts, open=state == "opportunity", gone=not is_deal
    )
    return [lead, deal] if is_deal or gone_too else [lead]


def one_of(model: str, row: Mapping[str, Any], kind: RecordKind) -> Record | None:
    return next((one for one in records(model, row, gone_too=False) if one.kind == kind), None)


def _addresses(party: Mapping[str, Any]) -> tuple[str, ...]:
    return _of_mechanisms(party.get("contact_mechanisms") or [])


def _of_mechanisms(mechanisms: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(
        mechanism["value"] for mechanism in mechanisms if mechanism.get("type") == "email" and mechanism.get("value")
    )


def mechanisms(addresses: Sequence[str]) -> dict[str, Any]:
    new = [{"type": "email", "value": line(address)} for address in addresses]
    return {"contact_mechanisms": [["create", new]]} if new else {}


def of(kind: RecordKind, record_id: str) -> dict[str, int]:
    """The field that says on which record something is."""
    field = {"contact": "party", "lead": "opportunity", "deal": "opportunity"}.get(kind)
    if field is None or not record_id.isdecimal():
        raise CrmFailure(Kind.CRM_REJECTED, f"Tryton has no {kind} {record_id}")
    return {field: int(record_id)}


def forms(addresses: Iterable[str]) -> list[str]:
    """How an address may be spelled there: with letters of either case, and its domain in letters of its own or in ASCII."""
    forms: dict[str, None] = {}
    for address in addresses:
        forms[address.strip()] = None
        if normal := normal_address(address):
            forms[normal] = None
            local, _, domain = normal.rpartition("@")
            with suppress(UnicodeError):
                forms[f"{local}@{domain.encode('ascii').decode('idna')}"] = None
    return list(forms)


def escaped(text: str) -> str:
    """`text` for `ilike`, which takes it word for word then."""
    return "".join("\\" + letter if letter in "\\_%" else letter for letter in text)


def activity(row: Mapping[str, Any]) -> tuple[datetime, Activity]:
    """When it was made, and what it is."""
    return _made(row), Activity(
        cast(ActivityKind, row["kind"]),
        str(row["id"]),
        row.get("subject") or "",
        row.get("text") or "",
        due=_utc(row.get("start")),
        until=_utc(row.get("end")),
        open=not row.get("done"),
        request_key=row.get("key") or "",
    )


def note(row: Mapping[str, Any]) -> tuple[datetime, Activity]:
    """The same of a note of Tryton's own, whose first line stands for a subject."""
    text = row.get("message") or ""
    return _made(row), Activity("note", f"{NOTE},{row['id']}", line(text.strip().partition("\n")[0]), text)


def _made(row: Mapping[str, Any]) -> datetime:
    return _utc(row.get("create_date")) or LONG_AGO


def _utc(value: Any) -> datetime | None:
    at = read_moment(value)
    return at and at.replace(tzinfo=UTC)


def activity_values(new: NewActivity) -> dict[str, Any]:
    until = new.until if new.kind == "event" else None
    return {
        "kind": new.kind,
        **of(new.record_kind, new.record_id),
        "subject": line(new.subject) or new.kind.capitalize(),
        "text": text(new.text),
        **{field: moment(at.replace(microsecond=0)) for field, at in (("start", new.due), ("end", until)) if at},
    }


def correspondence_values(entry: Entry) -> dict[str, Any]:
    return {
        "key": entry.key,
        **of(entry.record_kind, entry.record_id),
        "direction": entry.direction.lower(),
        "sent_at": moment(entry.sent_at.replace(microsecond=0)),
        "subject": line(entry.subject),
        "sender": line(_mailbox(entry.sender)),
        "recipients": text("\n".join(_recipients(entry))),
        "text": text(entry.text),
        "message_id": line(entry.message_id or ""),
        "account": line(entry.account),
    }


def _mailbox(name_and_address: tuple[str, str]) -> str:
    name, address = name_and_address
    return f"{name} <{address}>" if name else address


def _recipients(entry: Entry) -> list[str]:
    return [
        f"{field}: {', '.join(map(_mailbox, mailboxes))}"
        for field, mailboxes in (("To", entry.to), ("Cc", entry.cc))
        if mailboxes
    ]


def line(text: str) -> str:
    return cleaned(text)[:LONGEST_LINE].strip()


def text(text: str) -> str:
    """`text` as PostgreSQL and JSON take it: without control characters and lone halves of characters, bounded."""
    kept = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    return "".join(c for c in kept if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))

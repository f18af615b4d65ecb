"""What Zoho's rows say in Mailroom's terms, and Mailroom's records, entries and activities as rows of Zoho."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from math import floor
from typing import Any

from activities.crm.adapters.protocol import Activity, ActivityKind, Entry, NewActivity, NewRecord
from domain.directory.records import Profile, Record, RecordKind
from domain.linking.model import Direction
from domain.mime.addresses import normal_address

LONGEST_SUBJECT = 250  # of an email and of an activity: what Zoho takes
LONGEST_TITLE = 120  # of a note
LONGEST_NAME = 100  # of a correspondent
LONGEST_NOTE = 30_000
LONGEST_TEXT = 100_000
MOST_PEOPLE = 100  # of To and of Cc: a mail to thousands shows the first
AN_HOUR = timedelta(hours=1)
DAYS_TO_CLOSE = timedelta(days=30)

ACTIVITY_MODULES: dict[str, ActivityKind] = {"Tasks": "task", "Events": "event", "Notes": "note"}
ACTIVITY_FIELDS: dict[ActivityKind, str] = {
    "task": "Subject,Due_Date,Status,Description,Created_Time",
    "event": "Event_Title,Start_DateTime,End_DateTime,Description,Created_Time",
    "note": "Note_Title,Note_Content,Created_Time",
}

Row = dict[str, Any]

_MARK = re.compile(r"\[mailroom:([^\[\]\s]{1,200})\]\Z")


def cut(text: str, most: int) -> str:
    """At most `most` characters as Zoho counts them, in UTF-16."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")


LONGEST_MARK = 220  # characters


def marked(text: str, key: str) -> str:
    """`text` with the mark by which it is found again: Zoho keeps no key of a request."""
    return f"{text}\n\n[mailroom:{key}]".lstrip() if key else text


def unmarked(text: str) -> tuple[str, str]:
    """A text without its mark, and the key in it ("" where there is none)."""
    text_to_mark = text.rstrip()
    found = _MARK.search(text_to_mark, max(len(text_to_mark) - LONGEST_MARK, 0))
    return (text[: found.start()].rstrip(), found[1]) if found else (text, "")


# Records --------------------------------------------------------------------------------------------------------------


def record(kind: RecordKind, row: Row, closed_stages: Collection[str]) -> Record:
    if kind == "deal":
        contact = _id(row.get("Contact_Name"))
        return Record(
            kind,
            str(row["id"]),
            _text(row.get("Deal_Name")),
            contacts=(contact,) if contact else (),
            open=_text(row.get("Stage")) not in closed_stages,
        )
    name = _text(row.get("Full_Name")) or f"{_text(row.get('First_Name'))} {_text(row.get('Last_Name'))}".strip()
    addresses = tuple(filter(None, (_text(row.get(field)) for field in ("Email", "Secondary_Email"))))
    converted = row.get("$converted_detail")
    contact = _id(row.get("Converted_Contact")) or _id(
        converted.get("contact") if isinstance(converted, dict) else None
    )
    done = bool(row.get("Converted__s") or row.get("$converted") or contact)
    return Record(kind, str(row["id"]), name, addresses, open=not done, converted_to=contact)


def is_it(found: Record, row: Row, new: NewRecord) -> bool:
    """Whether that is what was made of this request, or has one of its addresses."""
    key = unmarked(_text(row.get("Description")))[1]
    if new.request_key and key == new.request_key:
        return True
    wanted = {normal_address(address) for address in new.addresses} - {None}
    return bool(wanted & {normal_address(address) for address in found.addresses})


def record_row(new: NewRecord, stage: str | None, today: date) -> Row:
    if new.kind == "deal":
        row: Row = {
            "Deal_Name": cut(new.name, LONGEST_TITLE),
            "Stage": stage,
            "Closing_Date": (today + DAYS_TO_CLOSE).isoformat(),
            "Description": marked("", new.request_key),
        }
        return row | ({"Contact_Name": {"id": new.contacts[0]}} if new.contacts else {})
    first, _, last = new.name.strip().rpartition(" ")
    row = {"Last_Name": (last or "-")[:80]} | ({"First_Name": first[:40]} if first else {})
    for name, address in zip(("Email", "Secondary_Email"), new.addresses, strict=False):
        row[name] = address
    if new.kind == "lead":  # which Zoho's own layout asks for
        row["Company"] = (new.addresses[0].rpartition("@")[2] if new.addresses else new.name)[:200] or "-"
    if not new.addresses:
        row["Description"] = marked("", new.request_key)
    return row


# Correspondences ------------------------------------------------------------------------------------------------------


def message_id(entry: Entry) -> str:
    """What Zoho knows the message by. Mail without a Message-ID gets one of its entry's, and so does mail with another's: Zoho
    takes the two for one. What was sent under one before stays under it."""
    if entry.probe is not None and "message_id" in entry.probe:
        return str(entry.probe["message_id"])
    own = f"<{entry.key}@mailroom.invalid>"
    return own if entry.collides else entry.message_id or own


def subject(entry: Entry) -> str:
    return cut(" ".join(entry.subject.split()), LONGEST_SUBJECT).strip() or "(no subject)"


def email_row(entry: Entry, module: str, module_id: str) -> Row:
    own = {"user_name": entry.account, "email": entry.account}
    to, cc = _people(entry.to), _people(entry.cc)
    row = {
        "from": (_people([entry.sender]) or [own])[0],
        "to": to or cc[:1] or [own],
        "subject": subject(entry),
        "content": f"<div>{html.escape(cut(entry.text, LONGEST_TEXT)).replace(chr(10), '<br>')}</div>",
        "mail_format": "html",
        "original_message_id": message_id(entry),
        "sent": entry.direction == "Sent",
        "date_time": entry.sent_at.astimezone(UTC).isoformat(timespec="seconds"),
        "linked_record": {"module": {"api_name": module, "id": module_id}, "id": entry.record_id},
    }
    return row | ({"cc": cc} if cc else {})


def is_message_id(remote_id: str) -> bool:
    """Zoho's own ids are of letters and digits."""
    return remote_id.startswith("<")


def mark_of(entry: Entry) -> str:
    """What `mark` is of the email that this entry is shown as."""
    if entry.probe is not None and "mark" in entry.probe:
        return str(entry.probe["mark"])
    sender = normal_address(entry.sender[1]) or normal_address(entry.account)
    return _mark(sender, subject(entry), entry.sent_at)


def mark(row: Row) -> str | None:
    """A digest of what a record's list says of an email and an entry knows, too: sender, subject and second. The list does not
    say Message-IDs."""
    sender = row.get("from")
    address = normal_address(_text(sender.get("email"))) if isinstance(sender, dict) else None
    at = moment(row.get("time")) or moment(row.get("sent_time"))
    return None if at is None else _mark(address, _text(row.get("subject")).strip(), at)


def _mark(sender: str | None, subject: str, at: datetime) -> str:
    return sha256(f"{sender or ''}\n{subject}\n{floor(at.timestamp())}".encode("utf-8", "surrogatepass")).hexdigest()


def direction(row: Row) -> Direction | None:
    sent = row.get("sent")
    return ("Sent" if sent else "Received") if isinstance(sent, bool) else None


def entry_note(entry: Entry) -> Row:
    """A correspondence as a note, for products that take no emails."""
    people = ", ".join(f"{name} <{address}>".strip() for name, address in entry.to[:MOST_PEOPLE])
    sender = f"{entry.sender[0]} <{entry.sender[1]}>".strip()
    text = f"From: {sender}\nTo: {people}\nDate: {entry.sent_at.astimezone(UTC).isoformat(timespec='seconds')}\n\n{entry.text}"
    title = f"{entry.direction}: {subject(entry)}"
    return {"Note_Title": cut(title, LONGEST_TITLE), "Note_Content": marked(cut(text, LONGEST_NOTE), entry.key)}


def note_direction(row: Row) -> Direction | None:
    title = _text(row.get("Note_Title"))
    return "Sent" if title.startswith("Sent:") else "Received" if title.startswith("Received:") else None


# Activities -----------------------------------------------------------------------------------------------------------


def parent(profile: Profile, module: str, record_id: str) -> Row:
    """What a note hangs on. Recruit's API is of a generation before that of CRM and takes the bare id."""
    if profile == "recruit":
        return {"Parent_Id": record_id, "se_module": module}
    return {"Parent_Id": {"module": {"api_name": module}, "id": record_id}}


def related_to(module: str, record_id: str) -> Row:
    """What a task or event hangs on: a contact is its person, all else what it is about."""
    if module == "Contacts":
        return {"Who_Id": {"id": record_id}}
    return {"What_Id": {"id": record_id}, "$se_module": module}


def activity_row(new: NewActivity, now: datetime) -> Row:
    words = cut(" ".join(new.subject.split()), LONGEST_SUBJECT) or "(no subject)"
    text = marked(cut(new.text, LONGEST_NOTE), new.request_key)
    match new.kind:
        case "task":
            due = {"Due_Date": new.due.date().isoformat()} if new.due else {}
            return {"Subject": words, "Status": "Not Started", "Description": text, **due}
        case "event":
            begins = new.due or now
            ends = new.until or begins + AN_HOUR
            return {
                "Event_Title": words,
                "Start_DateTime": begins.astimezone(UTC).isoformat(timespec="seconds"),
                "End_DateTime": ends.astimezone(UTC).isoformat(timespec="seconds"),
                "Description": text,
            }
        case _:
            return {"Note_Title": cut(words, LONGEST_TITLE), "Note_Content": text}


def activity(kind: ActivityKind, row: Row) -> Activity:
    title = {"task": "Subject", "event": "Event_Title", "note": "Note_Title"}[kind]
    text, key = unmarked(_text(row.get("Note_Content" if kind == "note" else "Description")))
    return Activity(
        kind,
        str(row["id"]),
        _text(row.get(title)),
        text,
        due=moment(row.get("Due_Date" if kind == "task" else "Start_DateTime")),
        until=moment(row.get("End_DateTime")),
        open=row.get("Status") not in ("Completed", "Closed"),
        request_key=key,
    )


def latest_first(rows: Sequence[tuple[ActivityKind, Row]]) -> list[Activity]:
    beginning = datetime.min.replace(tzinfo=UTC)
    ordered = sorted(rows, key=lambda one: moment(one[1].get("Created_Time")) or beginning, reverse=True)
    return [activity(kind, row) for kind, row in ordered]


# Values ---------------------------------------------------------------------------------------------------------------


def moment(value: object) -> datetime | None:
    """A time as Zoho writes it (ISO 8601 with an offset), or the beginning of a date."""
    if not isinstance(value, str):
        return None
    try:
        if len(value) == len("2026-01-01"):
            return datetime.combine(date.fromisoformat(value), time(), UTC)
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _id(value: object) -> str | None:
    found = value.get("id") if isinstance(value, dict) else value
    return str(found) if found else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _people(given: Sequence[tuple[str, str]]) -> list[Row]:
    """Those with an address that is one: Zoho refuses a whole email for one that is none, or is not in ASCII."""
    found = []
    for name, address in given[:MOST_PEOPLE]:
        if normal := normal_address(address):
            shown = address.strip() if address.isascii() else normal
            found.append({"user_name": cut(name, LONGEST_NAME).strip() or shown, "email": shown})
    return found

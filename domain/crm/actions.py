"""What people make of a message in a CRM: a record of its correspondent, tasks, events, notes."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.core.commands import Command
from domain.core.foreign_text import PersonName
from domain.core.validation import Name
from domain.directory.records import RecordKind
from domain.failures.failure import Kind

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}\Z")  # no @: the log keeps it
LONGEST_NAME = 200


def _request_id(text: str) -> str:
    if not REQUEST_ID.match(text):
        raise PydanticCustomError(
            "invalid_field", "must be at most 100 letters, digits, dots, dashes, underscores and colons"
        )
    return text


RequestId = Annotated[str, AfterValidator(_request_id)]
MessageId = Annotated[int, Field(ge=1, le=2**63 - 1)]
RemoteId = Annotated[str, Field(min_length=1, max_length=200)]
Subject = Annotated[str, Field(min_length=1, max_length=250)]
Text = Annotated[str, Field(max_length=30_000)]


class AddRecord(Command):
    """Add the correspondent of a message as a record of a CRM; one that is there already is the answer (R72)."""

    request_id: RequestId
    message: MessageId
    crm: Name
    record_kind: RecordKind
    address: Annotated[str, Field(max_length=320)] | None = None
    name: PersonName | None = None


class AddActivity(Command):
    """What tasks, events and notes have in common. Without a record, it is the one that the message is linked to."""

    request_id: RequestId
    message: MessageId
    crm: Name
    record_kind: RecordKind | None = None
    record_id: RemoteId | None = None
    subject: Subject
    text: Text = ""

    @field_validator("record_id")
    @classmethod
    def _of_a_kind(cls, record_id: str | None, info: ValidationInfo) -> str | None:
        if record_id is not None and info.data.get("record_kind") is None:
            raise PydanticCustomError("invalid_field", "needs record_kind beside it: contact, lead, deal or candidate")
        return record_id


class AddTask(AddActivity):
    """Add a task to a record of a message (R73)."""

    due: AwareDatetime | None = None


class AddEvent(AddActivity):
    """Add an event to a record of a message: from `due` to `until`, an hour where that is left out (R73)."""

    due: AwareDatetime
    until: AwareDatetime | None = None

    @field_validator("until")
    @classmethod
    def _after_due(cls, until: AwareDatetime | None, info: ValidationInfo) -> AwareDatetime | None:
        if until is not None and "due" in info.data and until < info.data["due"]:
            raise PydanticCustomError("invalid_field", "is before due: an event ends after it has begun")
        return until


class AddNote(AddActivity):
    """Add a note to a record of a message (R73)."""


class Context(Command):
    """What is known around a message: its records, their open deals, tasks and events, the last mail (R75)."""

    message: MessageId


ACTIONS: tuple[type[Command], ...] = (AddRecord, AddTask, AddEvent, AddNote, Context)
ACTIVITY_KINDS: dict[type[AddActivity], Literal["task", "event", "note"]] = {
    AddTask: "task",
    AddEvent: "event",
    AddNote: "note",
}

# Which records of a person are the match of a new one, the better first: a contact stands for a lead, no lead for a contact.
MATCHING: dict[RecordKind, tuple[RecordKind, ...]] = {
    "lead": ("contact", "lead"),
    "contact": ("contact",),
    "candidate": ("candidate",),
}


def digest(given: Command) -> bytes:
    """Names what was asked, whoever asks: the same request says the same thing twice."""
    asked = given.model_dump(mode="json", exclude={"by"})
    return hashlib.sha256(json.dumps([type(given).__name__, asked], sort_keys=True).encode()).digest()


def request_key(address: str, request_id: str) -> str:
    """What a CRM may keep of a request, 64 hex digits: request ids are the account's own."""
    return hashlib.sha256(f"{address}\n{request_id}".encode()).hexdigest()


# What each kind of failure means to who asked, and what to do about it.
REMEDIES: dict[Kind, tuple[str, str]] = {
    Kind.CRM_AUTHENTICATION: (
        "does not let Mailroom in",
        "Have its administrator renew the access, then repeat the request with the same request_id",
    ),
    Kind.CRM_PERMISSION: (
        "does not permit it",
        "Have its administrator give Mailroom's user the right to do it, then repeat the request with the same request_id",
    ),
    Kind.CRM_RATE_LIMITED: (
        "takes no more requests for now",
        "Repeat the request later, with the same request_id",
    ),
    Kind.CRM_UNAVAILABLE: (
        "cannot be reached",
        "Nothing was changed there. Repeat the request later, with the same request_id",
    ),
    Kind.CRM_UNCERTAIN: (
        "did not say whether it was done",
        "Repeat the request with the same request_id: it is looked for first, and made only if it is not there",
    ),
    Kind.CRM_REJECTED: (
        "does not take it as it is",
        "Correct what it says, and ask again with a new request_id",
    ),
    Kind.CRM_GONE: (
        "does not have the record any more",
        "Name another record (record_kind and record_id), with a new request_id",
    ),
}


def said_of(crm: str, kind: Kind, cause: str, said: str | None, retry_after: float | None) -> tuple[str, str]:
    """What happened, and what to do."""
    what, remedy = REMEDIES[kind]
    words = f"the CRM {crm} {what} ({cause}{f': {said}' if said else ''})"
    if retry_after is not None:
        remedy = f"It asks to wait {retry_after:.0f} seconds. {remedy}"
    return words, remedy

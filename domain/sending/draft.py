"""What a caller gives to be sent, as JSON: checked as a whole and refused in words before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.core.refusal import Refused
from domain.core.validation import Line, Name, Strict, parse
from domain.message.body import Attachment
from domain.sending.recipients import LONGEST_ENTRY, TURNS_LETTERS, UNFIT_FOR_FIELDS, Mailbox, RecipientField, mailbox

MOST_RECIPIENTS = 10_000  # of mass mail
MOST_PERSONAL = 100
LONGEST_SUBJECT = 998
LONGEST_BODY = 10_000_000  # characters of text, or of HTML
LONGEST_FILE_NAME = 200  # bytes, of the 255 that file systems have

# What programs show by; a name that ends otherwise is a file of unknown kind.
CONTENT_TYPES = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eml": "message/rfc822",
    "gif": "image/gif",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
}
UNKNOWN_TYPE = "application/octet-stream"

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_CONTENT_TYPE = re.compile(
    rf'({_TOKEN}/{_TOKEN})((?:\s*;\s*{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]{{0,100}}"))*)\s*', re.ASCII
)
_NOT_IN_FILE_NAMES = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_AROUND_NAMES = str.maketrans('"<>', "'()")  # which some programs take off a name, and no Windows has in one


def _recipient(text: str) -> str:
    mailbox(text)
    return text


def _header_text(text: str) -> str:
    if UNFIT_FOR_FIELDS.search(text):
        raise PydanticCustomError(
            "invalid_field", "must be one line of text, without line breaks, NUL or other control characters"
        )
    if TURNS_LETTERS.search(text):
        raise PydanticCustomError(
            "invalid_field", "has a character that turns the letters beside it around: remove it, or type the text anew"
        )
    return text.strip()


RecipientText = Annotated[str, Field(max_length=LONGEST_ENTRY), AfterValidator(_recipient)]
RecipientTexts = Annotated[tuple[RecipientText, ...], Field(max_length=MOST_RECIPIENTS)]
MessageNumber = Annotated[int, Field(ge=1, lt=2**63)]


class Draft(Strict):
    """A message as its sender gives it; who that is, is said elsewhere.

    `to`, `cc` and `bcc` hold "jane@example.com" or "Jane Doe <jane@example.com>"; without `to`, an answer goes to those whom the
    stored message names, and a draft with `crm`, `record_kind` and `record_id` to the address of that record (R23). `reply_to`,
    `reply_all_to` and `forward` are `messages.id`. `subject` None is the answered message's with its prefix.
    """

    to: RecipientTexts = ()
    cc: RecipientTexts = ()
    bcc: RecipientTexts = ()
    subject: Annotated[str, Field(max_length=LONGEST_SUBJECT), AfterValidator(_header_text)] | None = None
    text: Annotated[str, Field(max_length=LONGEST_BODY)] | None = None
    html: Annotated[str, Field(max_length=LONGEST_BODY)] | None = None
    reply_to: MessageNumber | None = None
    reply_all_to: MessageNumber | None = None
    forward: MessageNumber | None = None
    crm: Name | None = None
    record_kind: Name | None = None
    record_id: Line | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Draft:
        if len([one for one in (self.reply_to, self.reply_all_to, self.forward) if one is not None]) > 1:
            raise PydanticCustomError(
                "invalid_field", "reply_to, reply_all_to and forward exclude each other: give one of them"
            )
        record = {"crm": self.crm, "record_kind": self.record_kind, "record_id": self.record_id}
        if missing := [name for name, value in record.items() if value is None]:
            if len(missing) < len(record):
                raise PydanticCustomError(
                    "missing_field",
                    "{field} is missing: crm, record_kind and record_id name a record together",
                    {"field": missing[0]},
                )
        elif self.to:
            raise PydanticCustomError(
                "invalid_field",
                "to and a record exclude each other: the record's own address is used; give others as cc",
                {"field": "to"},
            )
        replies = self.reply_to is not None or self.reply_all_to is not None
        if not (self.to or self.cc or self.bcc or self.names_record or replies):
            raise PydanticCustomError(
                "missing_field",
                "there is no recipient: give at least one as to, cc or bcc, or the record that it goes to",
                {"field": "to"},
            )
        return self

    @property
    def names_record(self) -> bool:
        return self.record_id is not None

    @property
    def answers(self) -> tuple[Literal["reply", "reply_all", "forward"], int] | None:
        """How it answers which stored message; None where it answers none."""
        if self.reply_to is not None:
            return "reply", self.reply_to
        if self.reply_all_to is not None:
            return "reply_all", self.reply_all_to
        return ("forward", self.forward) if self.forward is not None else None

    def mailboxes(self, field: RecipientField) -> list[Mailbox]:
        return [mailbox(text) for text in getattr(self, field)]


def draft_of(payload: Any) -> Draft:
    """Reads a draft from JSON. Raises Refused."""
    return parse(Draft, payload, what="the draft")


def attachment(name: str, content_type: str | None, data: bytes, content_id: str = "") -> Attachment:
    """A file to be sent: its name without folders and without what deceives about it, its type by the name where none is given.

    Raises Refused of a type that is none.
    """
    name = file_name(name)
    if content_type is None:
        return Attachment(name, CONTENT_TYPES.get(name.rpartition(".")[2].lower(), UNKNOWN_TYPE), data, content_id)
    if len(content_type) > 500 or not (found := _CONTENT_TYPE.fullmatch(content_type.strip())):
        raise Refused(
            "invalid_field",
            "the type of an attachment is none: write it as application/pdf, or leave it out",
            field="attachments",
        )
    kind = found[1].lower()
    if kind.startswith("multipart/"):  # a file that is sent as that would be taken for parts of the message
        return Attachment(name, UNKNOWN_TYPE, data, content_id)
    parameters = [one.strip() for one in re.findall(r';\s*([^";]+(?:"[^"]*")?)', found[2])]
    return Attachment(name, "; ".join([kind, *parameters]), data, content_id)


def file_name(text: str) -> str:
    """The name of a file as its receiver is to see it: the last part of a path, without controls and what turns letters around,
    at most 200 bytes with its ending; "" where nothing is left."""
    last = re.split(r"[/\\]", _NOT_IN_FILE_NAMES.sub("", text))[-1]
    last = " ".join(last.translate(_AROUND_NAMES).split()).rstrip(". ")
    stem, dot, ending = last.rpartition(".") if "." in last[-12:] else (last, "", "")
    room = LONGEST_FILE_NAME - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + ending


def refuse_too_many(recipients: Sequence[object], kind: Literal["personal", "bulk"]) -> None:
    """Raises Refused where personal mail has more recipients than a person writes to."""
    most = MOST_PERSONAL if kind == "personal" else MOST_RECIPIENTS
    if len(recipients) > most:
        way_out = "send it as kind: bulk, by the route of mass mail" if kind == "personal" else "send it in parts"
        raise Refused(
            "too_many_recipients",
            f"the message has {len(recipients):,} recipients, and {kind} mail has at most {most:,}: {way_out}",
            field="to",
        )

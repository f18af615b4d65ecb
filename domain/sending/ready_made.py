"""A message that a caller made already (.eml): checked, and changed only where it could not be sent as it is.

Its bytes stay but for line ends; a Date, a Message-ID and MIME-Version where they are missing; fields that are not ASCII or too
long; and parts of 8 bits or of long lines, which are encoded. What a received message has in its header is refused, because
somebody else wrote that.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

from domain.core.refusal import Refused
from domain.message.index import index
from domain.mime.charsets import decode_words
from domain.mime.content_fields import boundaries, value_and_parameters
from domain.mime.dates import moment
from domain.mime.nesting import LONGEST_HEADER, structure_error
from domain.sending.compose import Composed, Identity, Way, automatic_fields, envelope, finished
from domain.sending.draft import LONGEST_SUBJECT
from domain.sending.headers import LONGEST_LINE, date_words, field, mailbox_words, text_words
from domain.sending.parts import encoded
from domain.sending.recipients import UNFIT_FOR_FIELDS, Mailbox, RecipientField, mailboxes_of_field

ADDRESS_FIELDS = ("from", "to", "cc", "reply-to")
STRUCTURED = (
    *("date", "message-id", "in-reply-to", "references", "mime-version"),
    *("content-type", "content-transfer-encoding", "content-disposition", "content-id"),
)
ONCE = frozenset((*ADDRESS_FIELDS, *STRUCTURED, "subject"))  # RFC 5322, section 3.6
REFUSED = {
    "bcc": "would show everybody who has a blind copy: remove it, and give those recipients in a JSON draft",
    "sender": "is written by what sends the message: remove it",
    "received": "is of a message that somebody received: give a new one, or `forward` that",
    "return-path": "is of a message that somebody received: give a new one, or `forward` that",
    "delivered-to": "is of a message that somebody received: give a new one, or `forward` that",
    "dkim-signature": "is a signature of before the message is sent, which would not hold: remove it",
    "domainkey-signature": "is a signature of before the message is sent, which would not hold: remove it",
}
REFUSED_BEGINNINGS = {
    "resent-": "is of a message that is sent on: remove it, or `forward` the message",
    "arc-": "is of a message that somebody received: give a new one, or `forward` that",
}
_OWN = "x-mailroom-id"  # of an earlier message, where one's own sent mail is taken as a pattern

_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\n]*\n)(?:[ \t][^\n]*\n)*)")
_EIGHT_BIT = re.compile(rb"[\x80-\xff]")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}@[!-;=?-~]{1,255}>")


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A message as it was given, with the people that its header names. `raw` has LF for its line ends."""

    raw: bytes
    sender: Mailbox
    people: tuple[tuple[RecipientField, Mailbox], ...]


def ready_made(given: bytes, address: str) -> ReadyMade:
    """Reads an .eml that is to be sent from `address`, which is in its normal form. Raises Refused."""
    raw = _LINE_END.sub(b"\n", given.removeprefix(b"\xef\xbb\xbf")).lstrip(b"\n")
    if b"\0" in raw:
        raise Refused("invalid_field", "the message has a NUL in it, which no server takes: save it once more as .eml")
    fields = _fields(_header(raw))
    for name in dict.fromkeys(name for name, _ in fields):
        _refuse(
            name,
            REFUSED.get(name) or next((why for at, why in REFUSED_BEGINNINGS.items() if name.startswith(at)), None),
        )
        if name in ONCE and sum(one == name for one, _ in fields) > 1:
            _refuse(name, "is there twice: leave one of them")
    people = {name: _mailboxes(name, value) for name, value in fields if name in ADDRESS_FIELDS}
    match people.get("from", []):
        case [sender] if sender.normal == address:
            pass
        case [_]:
            raise Refused(
                "address_mismatch", "From is another address than the one that it is to be sent from", field="from"
            )
        case []:
            raise Refused(
                "missing_field", "From is missing: add it with the address that it is to be sent from", field="from"
            )
        case _:
            raise Refused(
                "invalid_field", "From has more than one address: leave the one that it is sent from", field="from"
            )
    named: dict[str, RecipientField] = {"to": "to", "cc": "cc"}
    found = tuple((named[name], one) for name in named for one in people.get(name, []))
    if not found:
        raise Refused("missing_field", "there is no recipient: add To or Cc to the message", field="to")
    for name, value in fields:
        if name == "message-id" and not _MESSAGE_ID.fullmatch(value.strip()):
            _refuse(name, "is none: write it as <unique@example.com>, or remove it, and one is made")
        if name == "date" and moment(value) is None:
            _refuse(name, "is none: write it as Mon, 30 Nov 2026 10:00:00 +0100, or remove it, and it is made")
        if name == "subject" and len(value) > 4 * LONGEST_SUBJECT:
            _refuse(name, f"is too long: {LONGEST_SUBJECT} characters are the most")
    if error := structure_error(raw, next((value for name, value in fields if name == "content-type"), "")):
        raise Refused("invalid_field", f"the parts of the message make no sense, {error}: save it once more as .eml")
    _seven_bit(raw)  # refused now, and not when it is due
    return ReadyMade(raw, sender, found)


def compose_ready_made(message: ReadyMade, identity: Identity, way: Way = Way()) -> Composed:  # noqa: B008  # frozen
    """The message as it is sent. Raises Refused: too many recipients for personal mail, too large."""
    people = envelope(message.people, message.sender, way)
    header = _header(message.raw)
    fields = dict(_fields(header))
    body = message.raw[len(header) :] or b"\n"
    given_id = fields.get("message-id", "").strip()
    added = [] if "date" in fields else [field("Date", date_words(identity.at))]
    added += [] if given_id else [field("Message-ID", [identity.message_id(message.sender)])]
    added += [] if "mime-version" in fields else [field("MIME-Version", ["1.0"])]
    added += [field("Sender", mailbox_words([way.relay]))] if way.relay else []
    added += automatic_fields() if way.automatic and "auto-submitted" not in fields else []
    if way.self_copy == "cc" and people[-1] not in message.people:
        header = _with_cc(header, [who for one, who in people if one == "cc"])
    added.append(field("X-Mailroom-Id", [identity.mailroom_id]))
    header = b"".join(_wire(one) for one in _FIELD.finditer(header) if one[1].lower().decode() != _OWN)
    raw = _seven_bit(b"".join(added).replace(b"\r\n", b"\n") + header + body).replace(b"\n", b"\r\n")
    raw = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    subject = index(message.raw).subject
    message_id = given_id or identity.message_id(message.sender)
    return finished(raw, message.sender, message_id, identity, subject, people, way)


def _header(raw: bytes) -> bytes:
    """The header's lines, each with its LF, without the blank line. Raises Refused of what is no field."""
    end = 0 if raw.startswith(b"\n") else raw.find(b"\n\n") + 1
    header = raw[: end or (len(raw) if raw.endswith(b"\n") else 0)]
    at = 0
    while found := _FIELD.match(header, at):
        at = found.end()
    if at != len(header) or not header or at > LONGEST_HEADER:
        raise Refused(
            "invalid_field", "the header of the message has a line that is no field: save it once more as .eml"
        )
    return header


def _fields(header: bytes) -> list[tuple[str, str]]:
    """Names in lower case, values unfolded."""
    return [(one[1].decode().lower(), _value(one[2])) for one in _FIELD.finditer(header)]


def _value(written: bytes) -> str:
    return written.replace(b"\n", b"").decode("utf-8", "surrogateescape").strip()


def _mailboxes(name: str, value: str) -> list[Mailbox]:
    try:
        return list(mailboxes_of_field(value))
    except PydanticCustomError as error:
        raise Refused("invalid_field", f"{name.title()} {error.message()}", field=name) from None


def _refuse(name: str, why: str | None) -> None:
    if why:
        raise Refused("invalid_field", f"the field {name.title()} {why}", field=name)


def _with_cc(header: bytes, people: Sequence[Mailbox]) -> bytes:
    kept = b"".join(one[0] for one in _FIELD.finditer(header) if one[1].lower() != b"cc")
    return kept + field("Cc", mailbox_words(people)).replace(b"\r\n", b"\n")


def _wire(one: re.Match[bytes]) -> bytes:
    """A field of the header, written anew where it is not ASCII or too long. Raises Refused where that cannot be done."""
    if one[0].isascii() and all(len(line) <= LONGEST_LINE for line in one[0].split(b"\n")) and not one[2].isspace():
        return one[0]
    name, value = one[1].decode(), _value(one[2])
    if one[2].isspace():
        return field(name, []).replace(b"\r\n", b"\n")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        _refuse(name, "is written in another charset than UTF-8: save the message once more, with encoded words")
    if name.lower() in ADDRESS_FIELDS:
        words = mailbox_words(_mailboxes(name, value))
    elif value.isascii():
        words = value.split(" ")
        if any(len(word) > LONGEST_LINE - 1 for word in words):
            _refuse(name, "has a line that is longer than the 998 characters that a line may have: shorten it")
    elif name.lower() in STRUCTURED:
        _refuse(name, "has letters that are not ASCII: remove them, or write them as encoded words")
        words = []
    else:
        words = text_words(UNFIT_FOR_FIELDS.sub(" ", decode_words(value)))
    return field(name, words).replace(b"\r\n", b"\n")


def _seven_bit(entity: bytes, *, top: bool = True) -> bytes:
    """An entity (RFC 2045) with those of its parts encoded that have 8 bits or long lines. Raises Refused where none may be."""
    header, body = _divided(entity)
    if not top and _is_unfit(header):
        raise _unfit("the header of a part has letters that are not ASCII, or too long a line")
    if not _is_unfit(body):
        return entity
    fields = dict(_fields(header))
    kind, parameters = value_and_parameters(fields.get("content-type", "text/plain").encode("utf-8", "surrogateescape"))
    encoding = fields.get("content-transfer-encoding", "8bit").lower()
    if kind == "multipart/signed":
        raise _unfit("a signed part has 8 bits or too long lines, and to encode it would break its signature")
    if kind.startswith("multipart/"):
        return header + b"\n" + _each_part(body, boundaries(parameters)[:1])
    if kind.startswith("message/"):
        return header + b"\n" + _seven_bit(body, top=False)
    if encoding == "base64" and body.isascii():  # in one line, as scripts write it
        return header + b"\n" + _in_lines(body)
    if encoding not in ("7bit", "8bit"):
        raise _unfit("a part is not encoded as it says, or is binary")
    if "content-type" not in fields and not _is_utf8(body):
        raise _unfit("a part does not say which charset it is in, and it is not UTF-8")
    encoding, written = encoded(body)
    header = b"".join(one[0] for one in _FIELD.finditer(header) if one[1].lower() != b"content-transfer-encoding")
    header += b"" if "content-type" in fields else b'Content-Type: text/plain; charset="utf-8"\n'
    header += b"Content-Transfer-Encoding: " + encoding.encode() + b"\n"
    return header + b"\n" + written.replace(b"\r\n", b"\n")


def _divided(entity: bytes) -> tuple[bytes, bytes]:
    """Header and body without the blank line between them, which is not there where there is no body."""
    if entity.startswith(b"\n"):
        return b"", entity[1:]
    header, blank, body = entity.partition(b"\n\n")
    return (header + b"\n", body) if blank else (entity, b"")


def _each_part(body: bytes, boundary: Sequence[bytes]) -> bytes:
    """The line end in front of a delimiter is the delimiter's (RFC 2046, section 5.1.1)."""
    if not boundary:
        raise _unfit("a part has no boundary")
    pieces = re.split(rb"(?m)(^--" + re.escape(boundary[0]) + rb"(?:--)?[ \t]*\n)", body)
    for n in range(0, len(pieces), 2):
        if n == 0 or pieces[n - 1].rstrip().endswith(boundary[0] + b"--"):
            pieces[n] = b"" if _is_unfit(pieces[n]) else pieces[n]  # of no part
        elif _is_unfit(pieces[n]):
            pieces[n] = _seven_bit(pieces[n].removesuffix(b"\n"), top=False) + b"\n"
    return b"".join(pieces)


def _in_lines(written: bytes) -> bytes:
    try:
        return base64.encodebytes(base64.b64decode(written))
    except ValueError:
        raise _unfit("a part is not encoded as it says") from None


def _unfit(why: str) -> Refused:
    return Refused("invalid_field", f"the message cannot be sent as it is, because {why}: save it once more as .eml")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_unfit(body: bytes) -> bool:
    return _EIGHT_BIT.search(body) is not None or any(len(line) > LONGEST_LINE for line in body.split(b"\n"))

"""From a message's raw bytes to what is indexed of it: who, when, what about, in answer to what.

Only the header block is decoded, so a mail of any size costs about the same, and of the body no more is looked at than
the lines that open a MIME part. Nothing here raises, whatever the bytes: a mail that cannot be read is kept as it is,
with `parse_error` saying why, and can be read again by a later version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from domain.core.text import storable, storable_all
from domain.message.authorship import FIELDS, From, Kind, judge
from domain.mime.addresses import MOST_ADDRESSES, mailboxes, normal_address
from domain.mime.charsets import codecs_of, decode_words, text_of
from domain.mime.dates import moment
from domain.mime.message_ids import message_ids
from domain.mime.nesting import LONGEST_HEADER, structure_error
from domain.mime.plausibility import likeliest

__all__ = ["IndexedMessage", "Participant", "header_fields", "index", "normal_address", "storable", "storable_all"]

Field = Literal["from", "to", "cc", "bcc", "reply_to", "sender"]

LONGEST_ADDRESS_FIELD = 512 << 10
LONGEST_FIELD = 4 << 10
MOST_REFERENCES = 32
MOST_FIELDS = 100  # of one name

MOST_AUTHENTICATION_RESULTS = 10

_INDEXED = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "sender",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "content-type",
    "return-path",
]
# Where a provider writes Message-ID anew, it keeps the sender's there.
_REPLACED = ("x-google-original-message-id", "x-microsoft-original-message-id")
_INDEXED += _REPLACED
_INDEXED += [name for name in FIELDS if name not in _INDEXED]
_KNOWN = frozenset(name.encode() for name in _INDEXED)
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:(.*+(?:\n[ \t].*+)*+)", re.MULTILINE)
_FIELDS = re.compile(rb"(?:[!-9;-~]++[ \t]*+:.*+(?:\n[ \t].*+)*+\n)++")
_ANY_FIELD = re.compile(rb"^[!-9;-~]+[ \t]*:", re.MULTILINE)
_BLANK_LINE = re.compile(rb"\n\r*\n")
_CHARSET = re.compile(rb"charset\s{0,4}=\s{0,4}[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_WORD_CHARSET = re.compile(rb"=\?([\w.:-]{1,40})(?:\*[^?\s]{0,40})?\?[bq]\?", re.IGNORECASE)
# As some servers write an empty Return-Path.
_NOBODY = re.compile(r"\s*<\s*(?:mailer-daemon(?:@[^\s>]*)?)?\s*>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Participant:
    """One mailbox of one field; `address` as spelled in the mail, `normal` in the form that is compared."""

    field: Field
    name: str
    address: str
    normal: str


@dataclass(frozen=True, slots=True)
class IndexedMessage:
    """What is indexed of one message. Its strings can all be stored by PostgreSQL.

    `message_id`, `in_reply_to` and `references` keep their case and have angle brackets, also where the mail has none; a
    Message-ID that is malformed, given twice or longer than 998 bytes in UTF-8 is None. `from_address` is the first From
    mailbox in normal form, `sent_at` the Date in UTC. `automatic` is true for mail that a program sent: auto-replies, bounces,
    newsletters, lists (RFC 3834). `author` is who wrote it, where a list or a notifier wrote From anew; `traits` are those of
    `domain.message.authorship`. `authentication` are the Authentication-Results as they stand there, topmost first: anybody may
    have written them.
    """

    message_id: str | None = None
    from_address: str | None = None
    subject: str = ""
    sent_at: datetime | None = None
    participants: tuple[Participant, ...] = ()
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    parse_error: str | None = None
    automatic: bool = False
    author: str | None = None
    kind: Kind = "personal"
    traits: dict[str, Any] = field(default_factory=dict)
    authentication: tuple[str, ...] = ()


def index(raw: bytes) -> IndexedMessage:
    """What `raw` says in its header block, in bounded time and memory for any bytes; never raises."""
    try:
        return _index(raw)
    except Exception as error:  # whatever a mail does to the code above, its bytes must still be stored
        return IndexedMessage(parse_error=f"the header could not be read ({type(error).__name__})")


def header_fields(raw: bytes) -> Callable[[str], list[str]]:
    """The values of any header field of `raw`, by its name in lower case: decoded, each cut to 4 KB, at most 100 of a name."""
    header, body_at = _header_block(raw, [])
    charsets = () if header.isascii() else _likely_charsets(raw, header, body_at)
    fields: dict[bytes, list[bytes]] = {}
    for match in _FIELD.finditer(header):
        fields.setdefault(match[1].lower(), []).append(match[2])

    def values(name: str) -> list[str]:
        found = fields.get(name.lower().encode("ascii", "replace"), [])[:MOST_FIELDS]
        return [_readable(text_of(_cut(value, LONGEST_FIELD), charsets).replace("\n", "")) for value in found]

    return values


def _index(raw: bytes) -> IndexedMessage:
    errors: list[str] = []
    header, body_at = _header_block(raw, errors)
    fields: dict[str, list[bytes]] = {}
    for match in _FIELD.finditer(header):
        if (name := match[1].lower()) in _KNOWN:
            fields.setdefault(name.decode("ascii"), []).append(match[2])
    if not fields and not _ANY_FIELD.search(header):
        errors.append("no header field found")
    if "from" not in fields and _goes_on(raw[body_at : body_at + (4 << 10)]):
        errors.append("no From field: the header ends at a blank line, and what follows it looks like its rest")
    for name, found in fields.items():
        if len(found) > MOST_FIELDS:
            errors.append(f"only the first {MOST_FIELDS} {name} fields are indexed")
    charsets = () if header.isascii() else _likely_charsets(raw, header, body_at)

    def values(name: str, longest: int = LONGEST_FIELD) -> list[str]:
        given = fields.get(name)
        if not given:
            return []
        return [text_of(_cut(value, longest), charsets).replace("\n", "").strip() for value in given[:MOST_FIELDS]]

    cut = {name for name, found in fields.items() if any(len(value) > LONGEST_ADDRESS_FIELD for value in found)}
    participants = _participants(values, cut, errors)
    content_type = next(iter(values("content-type")), "")
    if error := structure_error(raw, content_type):
        errors.append(error)
    subject = _readable(next(iter(values("subject")), ""))
    judged = judge(
        raw,
        body_at,
        values,
        fields.keys(),
        content_type=content_type,
        subject=subject,
        authors=[From(who.name, who.address, who.normal) for who in participants if who.field == "from"],
        replies=[From(who.name, who.address, who.normal) for who in participants if who.field == "reply_to"],
        copies=[From(who.name, who.address, who.normal) for who in participants if who.field == "cc"],
        null_sender=_null_sender(values),
    )
    if original := next((one for name in _REPLACED if name in fields and (one := _message_id(values(name)))), None):
        judged.traits["original_message_id"] = original
    return IndexedMessage(
        message_id=_message_id(values("message-id")),
        from_address=next((who.normal for who in participants if who.field == "from"), None),
        subject=subject,
        sent_at=moment(next(iter(values("date")), "")),
        participants=participants,
        in_reply_to=_message_ids(values("in-reply-to")),
        # the nearest ancestors stand last (RFC 5322 3.6.4)
        references=_message_ids(
            (text_of(value[-(64 << 10) :]).replace("\n", "") for value in fields.get("references", ())[:1]),
            several=True,
        ),
        parse_error="; ".join(errors) or None,
        automatic=judged.automatic,
        author=judged.author,
        kind=judged.kind,
        traits=storable_all(judged.traits),
        authentication=tuple(storable(one) for one in values("authentication-results")[:MOST_AUTHENTICATION_RESULTS]),
    )


def _header_block(raw: bytes, errors: list[str]) -> tuple[bytes, int]:
    """The header's lines, ended by LF alone, without the blank line that ends it; and about where the body begins."""
    start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    head = raw[start : start + LONGEST_HEADER]
    skipped = len(head) - len(head := head.lstrip(b"\r\n"))
    if b"\n" not in head:
        head = head.replace(b"\r", b"\n")
    body_at = min(len(raw), start + LONGEST_HEADER)
    if end := _BLANK_LINE.search(head):
        body_at = start + skipped + end.end()
        head = head[: end.start()]
    elif len(raw) > start + LONGEST_HEADER:
        errors.append(f"only the first {LONGEST_HEADER} bytes of the header are indexed")
    return b"\n".join(line.rstrip(b"\r") for line in head.split(b"\n")), body_at


def _goes_on(body: bytes) -> bool:
    """Whether a body begins with the fields of a header, From among them: a relay ended its own with a blank line. They are not
    read: what stands in a body, anybody may have pasted there."""
    begins = _FIELDS.match(body.replace(b"\r\n", b"\n").lstrip(b"\n"))
    names = {match[1].lower() for match in _FIELD.finditer(begins[0])} if begins else set()
    return b"from" in names and len(names & _KNOWN) > 1


def _likely_charsets(raw: bytes, header: bytes, body_at: int) -> list[str]:
    """What a raw 8-bit header is likely to be written in: what its encoded words and the first parts say that they are, and what
    all its 8-bit lines taken together look like, those of a body that says nothing among them."""
    said = [match[1] for match in _CHARSET.finditer(raw[: 16 << 10])][:4]
    said += [match[1] for match in _WORD_CHARSET.finditer(header[: 64 << 10])][:4]
    declared = list(dict.fromkeys(label.decode("ascii", "replace") for label in said))
    lines = header[: 64 << 10] if declared else header[: 64 << 10] + b"\n" + raw[body_at : body_at + (4 << 10)]
    unreadable = b"\n".join(line for line in lines.split(b"\n") if not line.isascii() and not _is_utf8(line))
    return [*declared, likeliest(unreadable, codecs_of(declared))] if unreadable else declared


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _cut(value: bytes, longest: int) -> bytes:
    """`value`, or its beginning up to a blank: cut inside a character, all of it would look like another charset. Where blanks
    are far, up to a character of UTF-8."""
    if len(value) <= longest:
        return value
    end = value.rfind(b" ", longest // 2, longest) + 1 or longest
    while end > longest - 4 and value[end] & 0xC0 == 0x80:
        end -= 1
    return value[:end]


def _participants(
    values: Callable[[str, int], list[str]], cut: Collection[str], errors: list[str]
) -> tuple[Participant, ...]:
    found: dict[tuple[str, str], Participant] = {}
    for one in get_args(Field):
        name_of_field = one.replace("_", "-")
        if not (written := values(name_of_field, LONGEST_ADDRESS_FIELD)):
            continue
        if (
            one == "from" and len(written) > 1
        ):  # RFC 5322, section 3.6: there is one, and what checks senders looks at one
            errors.append("only the first of several From fields is indexed")
            written = written[:1]
        text = ", ".join(written)
        pairs = list(mailboxes(text[:LONGEST_ADDRESS_FIELD], MOST_ADDRESSES + 1))
        if len(pairs) > MOST_ADDRESSES or len(text) > LONGEST_ADDRESS_FIELD or name_of_field in cut:
            errors.append(f"not every address of {one} is indexed")
        for name, address in pairs[:MOST_ADDRESSES]:
            if (normal := normal_address(address)) and (one, normal) not in found:
                found[one, normal] = Participant(one, _readable(name), storable(address), normal)
    return tuple(found.values())


def _readable(text: str) -> str:
    return storable(_CONTROL.sub(" ", decode_words(text)).strip())


def _message_id(values: list[str]) -> str | None:
    found = _message_ids(values)
    return found[0] if len(values) == 1 and len(found) == 1 else None


def _message_ids(values: Iterable[str], *, several: bool = False) -> tuple[str, ...]:
    found = [storable(one) for value in values for one in message_ids(value, several=several)]
    return tuple(dict.fromkeys(found[-MOST_REFERENCES:]))


def _null_sender(values: Callable[[str], list[str]]) -> bool:
    return any(_NOBODY.match(value) for value in values("return-path")[:1])

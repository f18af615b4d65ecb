"""A report taken apart: what it says to people, what to machines, up to the mail that it returns.

Only the beginning of a message is read, and of each part; what is embedded is not parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Any

from domain.bounces.envelope import LONGEST_PART
from domain.bounces.html_words import words_of
from domain.bounces.notice_ends import notice_of
from domain.mime.addresses import normal_address
from domain.mime.charsets import codec, text_of

SCANNED = 256 << 10  # bytes of a message in which its report is looked for
LONGEST_LINE = 1000
MOST_PARTS = 100
MOST_PARAGRAPHS = 200
DELIVERY_STATUS = ("delivery-status", "global-delivery-status")

_FOR_MACHINES = (*DELIVERY_STATUS, "disposition-notification", "global-disposition-notification", "feedback-report")
_RETURNED = ("rfc822", "rfc822-headers", "rfc822-header", "global", "global-headers", "partial", "external-body")
_ONCE = ("final-recipient", "original-recipient", "action")
_BLANK = re.compile(r"\n[ \t]*\n")
COMMENT = re.compile(r"\([^()]*\)")  # RFC 3464, section 2.1.1
_NUMBERED = re.compile(r"\\x\{([0-9a-f]{1,6})\}", re.IGNORECASE)
_DELIMITER = re.compile(rb"^--([\x21-\x7e]{3,70})[ \t]*\r?\n(?:content-|mime-)", re.IGNORECASE | re.MULTILINE)
_ENCODING = re.compile(rb"^content-transfer-encoding[ \t]*:[ \t]*([\w-]{1,20})", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True)
class Parts:
    """A message taken apart as far as a report goes: the subtype of each part that is for machines with its text, the
    notice for people, and whether a mail is returned."""

    machine: dict[str, str] = field(default_factory=dict)
    notice: str = ""
    returned: bool = False

    def delivery_status(self) -> str:
        return next((self.machine[one] for one in DELIVERY_STATUS if one in self.machine), "")


class _Part(Message):
    """A part whose embedded messages stay text: what is in them is not for the reader of the report."""

    def declared(self) -> str:
        return super().get_content_type()

    def get_content_type(self) -> str:
        kind = self.declared()
        return "text/" + kind.partition("/")[2] if kind.startswith("message/") else kind


def take_apart(raw: bytes, body_at: int, content_type: str) -> Parts:
    """The parts of the beginning of a message that are its own."""
    encoding = _ENCODING.search(raw[:body_at])
    head = b"Content-Type: " + " ".join(content_type.split()).encode("ascii", "replace") if content_type else b""
    head += b"\nContent-Transfer-Encoding: " + encoding[1] if encoding else b""
    body = raw[body_at : body_at + SCANNED]
    parser = BytesParser(_class=_Part, policy=compat32)
    found, plain, html = Parts(), list[str](), list[str]()
    try:
        whole = parser.parsebytes(head.strip() + b"\n\n" + body)
    except RecursionError:  # nested beyond reason: no report is
        return Parts()
    if whole.get_content_maintype() == "multipart" and not whole.is_multipart() and (line := _DELIMITER.search(body)):
        whole.set_boundary(line[1].decode("ascii", "replace"))  # the header is mistaken
        whole = parser.parsebytes(whole.as_bytes().partition(b"\n\n")[0] + b"\n\n" + body)
    for part in _leaves(whole):
        main, _, sub = part.declared().partition("/")
        if main == "message" and sub in _FOR_MACHINES:
            found.machine.setdefault(sub, _text(part))
        elif sub in _RETURNED and main in ("message", "text"):
            found.returned = True
        elif main in ("text", "multipart") and not found.returned and not found.machine:
            (html if sub == "html" else plain).append(_text(part))
    notices = [notice_of(text) for text in plain]
    found.returned = found.returned or any(
        len(short) < len(text.rstrip()) for short, text in zip(notices, plain, strict=True)
    )
    found.notice = "\n\n".join(one for one in notices if one.strip())[:LONGEST_PART]
    if not found.notice.strip() or (html and "@" not in found.notice):
        found.notice += "\n" + notice_of("\n".join(words_of(one) for one in html))[:LONGEST_PART]
    return found


def _leaves(message: Message) -> Iterator[_Part]:
    """The parts that have no parts, in their order. Those beyond reason are left out: who looks is told by `parse_error`."""
    waiting: list[Any] = [message]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        below = part.get_payload()
        if isinstance(below, list):
            waiting[:0] = below
        else:
            yield part


def _text(part: _Part) -> str:
    payload = part.get_payload(decode=True)
    raw = payload[:LONGEST_PART] if isinstance(payload, bytes) else b""
    try:
        charset = part.get_content_charset() or ""
    except (LookupError, ValueError):  # of a malformed parameter
        charset = ""
    seven_bit = charset.startswith("iso-2022") or charset in (
        "hz-gb-2312",
        "utf-7",
    )  # ASCII bytes: it would pass for UTF-8
    if seven_bit and (name := codec(charset)):
        return raw.decode(name, "replace").replace("\r\n", "\n").replace("\r", "\n")
    return text_of(raw, (charset,) if charset else ()).replace("\r\n", "\n").replace("\r", "\n")


def paragraphs_of(text: str) -> list[dict[str, str]]:
    """The fields of each paragraph of a part for machines, names in lower case."""
    found = []
    for paragraph in _BLANK.split(text)[:MOST_PARAGRAPHS]:
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.split("\n"):
            if line[:1] in (" ", "\t") and name:
                fields[name] = (fields[name] + " " + line.strip())[:LONGEST_LINE]
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                if name in fields and name in _ONCE:  # the next recipient, without a blank line between
                    found.append(fields)
                    fields = {}
                fields.setdefault(name, value.strip()[:LONGEST_LINE])
        if fields:
            found.append(fields)
    return found


def addresses_of(said: dict[str, str]) -> list[str]:
    """Whom a paragraph is about: as they were written to first, then as it was delivered to."""
    given = (said.get("original-recipient"), said.get("final-recipient"))
    found = [normal_address(COMMENT.sub("", _address_in(one)).strip().strip("<>")) for one in given if one]
    return list(dict.fromkeys(address for address in found if address))


def _address_in(field: str) -> str:
    """The address behind its type; of the type utf-8 with letters in numbers ("\\x{F6}", RFC 6533, section 3)."""
    kind, _, address = field.rpartition(";")
    return _NUMBERED.sub(_letter, address) if kind.strip().lower() == "utf-8" else address


def _letter(numbered: re.Match[str]) -> str:
    number = int(numbered[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else numbered[0]

"""What a person reads of a message: its text, and its attachments by name, kind and size."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.policy import EmailPolicy
from typing import Any

from domain.core.text import storable
from domain.mime.charsets import decode_words, labelled_text
from domain.mime.nesting import structure_error

LONGEST_TEXT = 64 * 1024  # characters of UTF-8 at most as many bytes
HEAD = 1 << 20  # bytes of a message that are read for its text
LONGEST_NAME = 200
LONGEST_HEADER = 2000

_UNSEEN = re.compile(r"(?is)<(script|style|head)\b.*?(?:</\1\s*>|\Z)")
_BREAK = re.compile(r"(?i)<(?:br|/p|/div|/tr|/h[1-6]|/li)\b[^<>]{0,200}>")
_TAG = re.compile(r"<[^<>]{0,2000}>")


class _Bounded(EmailPolicy):
    """Headers of parts as the library reads them, which takes seconds for one of some 10 kB: of each the beginning alone."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_HEADER]


_POLICY = _Bounded()


@dataclass(frozen=True)
class Attachment:
    """A part that is no text to read; `name` is what its sender calls it, "" where they do not, and `content_id`, without angle
    brackets, what the HTML beside it shows it by."""

    name: str
    content_type: str
    data: bytes
    content_id: str = ""


def plain_text(raw: bytes) -> str:
    """The text of a message's body, at most 64 KiB of it; of HTML what is left without its tags."""
    try:
        message = _parsed(raw[:HEAD])
        return _bounded(_text(message)) if message is not None else ""
    except Exception:  # the parser of the standard library raises whatever it likes at odd input
        return ""


def html_source(raw: bytes) -> str:
    """The HTML of a message's body as it was sent, "" where it has none or its parts make no sense."""
    try:
        part = _parsed(raw)
        body = part.get_body(("html",)) if part is not None else None
        return _decoded(body) if body is not None else ""
    except Exception:  # as above
        return ""


def attachments(raw: bytes) -> list[Attachment]:
    """All parts but the body that is read, in their order; none of a message whose parts make no sense."""
    try:
        return list(_attachments(raw))
    except Exception:  # as above
        return []


def text_and_names(raw: bytes) -> tuple[str, list[str]]:
    """The text as `plain_text` has it, and the names of the attachments; of the beginning of the message alone."""
    try:
        message = _parsed(raw[:HEAD])
        if message is None:
            return "", []
        return _bounded(_text(message)), [name for part in _attached(message) if (name := _name(part))]
    except Exception:  # as above
        return "", []


def _bounded(text: str) -> str:
    return storable(text).encode("utf-8", "replace")[:LONGEST_TEXT].decode("utf-8", "ignore").strip()


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    text = _decoded(part)[: 8 * LONGEST_TEXT]
    if part.get_content_type() == "text/html":
        text = html.unescape(_TAG.sub("", _BREAK.sub("\n", _UNSEEN.sub("", text))))
        text = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    return text


def _attachments(raw: bytes) -> Iterator[Attachment]:
    message = _parsed(raw)
    for part in _attached(message) if message is not None else ():
        payload: Any = part.get_payload(decode=True)
        if payload is None:  # a message in the message, which has parts of its own
            within: Any = part.get_payload(0) if part.is_multipart() else None
            payload = within.as_bytes() if within is not None else b""
        yield Attachment(_name(part), part.get_content_type(), payload, _content_id(part))


def _attached(message: EmailMessage) -> Iterator[EmailMessage]:
    read = [message.get_body((kind,)) for kind in ("plain", "html")]
    return (part for part in _leaves(message) if not any(part is one for one in read))


def _name(part: EmailMessage) -> str:
    return storable(decode_words(part.get_filename() or "")[:LONGEST_NAME])


def _content_id(part: EmailMessage) -> str:
    return storable(str(part.get("content-id", ""))[:LONGEST_NAME].strip("<> \t"))


def _leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    """Parts without parts; a message that is attached is one of them."""
    if message.get_content_maintype() != "multipart":
        yield message
        return
    for part in message.iter_parts():
        if isinstance(part, EmailMessage):
            yield from _leaves(part)


def _parsed(raw: bytes) -> EmailMessage | None:
    """None where its parts make no sense: too many, or too deep in each other."""
    parser: BytesParser[EmailMessage] = BytesParser(policy=_POLICY)  # type: ignore[arg-type]  # typed as policy.default is
    header = parser.parsebytes(raw[:HEAD].split(b"\r\n\r\n", 1)[0].split(b"\n\n", 1)[0], headersonly=True)
    if structure_error(raw, str(header.get("content-type", ""))):
        return None
    return parser.parsebytes(raw)


def _decoded(part: MIMEPart) -> str:
    payload: Any = part.get_payload(decode=True)
    return labelled_text(payload or b"", part.get_content_charset("utf-8"))

"""The parts of a message that is sent (RFC 2045, RFC 2046): 7-bit, in lines that every server takes, the same from every Python.

mixed( related( alternative( plain, html ), pictures in the text ), attachments ), and of these no more than there is to hold.
"""

from __future__ import annotations

import base64
import re
from binascii import b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass

from domain.message.body import Attachment
from domain.sending.headers import LONGEST_LINE, field, parameter

_LINE_END = re.compile(r"\r\n|\r|\n")
_BYTE_LINE_END = re.compile(rb"\r\n|\r|\n")
_LONGEST_PLAIN_LINE = 78  # a longer one is encoded, lest a relay wraps it
# Printable ASCII and tabs, without what some programs change: blanks at the end of a line, "From " and a lone dot.
_SEVEN_BIT = re.compile(rf"(?:(?!From |\.\n)[\t -~]{{0,{_LONGEST_PLAIN_LINE}}}+(?<![\t ])\n|-- \n)*")
_SEVEN_BIT_MESSAGE = re.compile(rb"[\t\r\n -~]*")


@dataclass(frozen=True, slots=True)
class Part:
    """A part's Content-* fields, each with its CRLF, and its body, which ends with CRLF."""

    fields: bytes
    body: bytes


def content(
    text: str, html: str | None, pictures: Sequence[Attachment], attachments: Sequence[Attachment], boundary: str
) -> Part:
    """The whole content of a message. `pictures` are what `html` shows by their content_id; `boundary` is a word that nobody knew
    before, from which those of the multiparts are made."""
    part = text_part("plain", text)
    if html is not None:
        shown = text_part("html", html)
        if pictures:
            inside = [shown, *(_attached(one, "inline") for one in pictures)]
            part = _multipart("alternative", [part, _multipart("related", inside, f"{boundary}r")], f"{boundary}a")
        else:
            part = _multipart("alternative", [part, shown], f"{boundary}a")
    if attachments:
        part = _multipart("mixed", [part, *(_attached(one, "attachment") for one in attachments)], f"{boundary}m")
    return part


def text_part(subtype: str, text: str) -> Part:
    """A text as it is where it is plain ASCII in short lines, otherwise quoted-printable or base64, whichever is shorter."""
    lines = _LINE_END.sub("\n", text)
    lines = lines if lines.endswith("\n") or not lines else f"{lines}\n"
    if lines.isascii() and _SEVEN_BIT.fullmatch(lines):
        encoding, body = "7bit", lines.replace("\n", "\r\n").encode()
    else:
        encoding, body = encoded(lines.encode("utf-8", "replace"))
    charset = "us-ascii" if encoding == "7bit" else "utf-8"
    return Part(
        field("Content-Type", [f"text/{subtype};", f'charset="{charset}"'])
        + field("Content-Transfer-Encoding", [encoding]),
        body,
    )


def encoded(lines: bytes) -> tuple[str, bytes]:
    """A text of 8 bits or of long lines, which end with LF, in the shorter of the two encodings of MIME."""
    in_quotes = b2a_qp(lines, istext=True)
    in_quotes = re.sub(rb"(?m)^From ", b"=46rom ", in_quotes).replace(b"\n", b"\r\n")
    in_base64 = _base64(lines.replace(b"\n", b"\r\n"))
    return ("quoted-printable", in_quotes) if len(in_quotes) <= len(in_base64) else ("base64", in_base64)


def _multipart(subtype: str, parts: Sequence[Part], boundary: str) -> Part:
    lines = b"".join(
        b"--" + boundary.encode() + b"\r\n" + part.fields + b"\r\n" + part.body + b"\r\n" for part in parts
    )
    return Part(
        field("Content-Type", [f"multipart/{subtype};", f'boundary="{boundary}"']),
        lines + b"--" + boundary.encode() + b"--\r\n",
    )


def _attached(one: Attachment, disposition: str) -> Part:
    kind, encoding, body = one.content_type, "base64", b""
    if kind.startswith("message/"):  # which may not be encoded (RFC 2046, section 5.2.1)
        body = _BYTE_LINE_END.sub(b"\r\n", one.data)
        if _SEVEN_BIT_MESSAGE.fullmatch(body) and all(len(line) <= LONGEST_LINE for line in body.split(b"\r\n")):
            encoding, body = "7bit", body if body.endswith(b"\r\n") else body + b"\r\n"
        else:
            kind = "application/octet-stream"
    if encoding == "base64":
        body = _base64(one.data)
    fields = field("Content-Type", kind.split(" ")) + field("Content-Transfer-Encoding", [encoding])
    named = parameter("filename", one.name) if one.name else []
    fields += field("Content-Disposition", [f"{disposition};", *named] if named else [disposition])
    if one.content_id:
        fields += field("Content-ID", [f"<{one.content_id}>"])
    return Part(fields, body)


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")

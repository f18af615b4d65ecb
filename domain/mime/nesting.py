"""How deeply and how widely a message is nested, found without decoding it: what is beyond reason is never parsed."""

from __future__ import annotations

import re

from domain.mime.content_fields import boundaries, has_name, value_and_parameters

DEEPEST = 50
MOST_PARTS = 1000
LONGEST_HEADER = 2 << 20  # bytes of a message's header block that are looked at
MOST_DASHED_LINES = 1_000_000  # lines that begin with "--", whether they open a part or not

_LONGEST_PART_HEADER = 8 << 10
# Text that nobody makes the body of a mail.
_DOCUMENTS = ("text/csv", "text/tab-separated-values", "text/vcard", "text/x-vcard", "text/directory")
_LONGEST_INNER_HEADER = 64 << 10  # of an attached message
_BEGINNING = re.compile(rb"[\r\n]*")
_NESTED = re.compile(
    rb"^content-type[ \t]*:[ \t\r\n]*"
    rb"((?:(?P<multipart>multipart/)|message/(?:rfc822|global)(?![\w-]))[^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_CONTENT_FIELD = re.compile(
    rb"^content-(type|disposition|id)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE
)
_DELIMITER = re.compile(rb"\n--([^\r\n]{1,1010})")
_BLANK_LINE = re.compile(rb"\n\r*\n")
# What signs or wraps a message is no part of what it says (RFC 1847, RFC 3156, RFC 8551).
_SIGNATURES = (
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "application/pgp-signature",
    "application/pgp-encrypted",
)
_ENVELOPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")


def structure_error(raw: bytes, content_type: str) -> str | None:
    """Why the parts of `raw` should not be parsed, or None. `content_type` is its unfolded Content-Type.

    One pass over the lines that begin with "--", with little to do at each.
    """
    kind = content_type[:40].strip().lower()
    if not kind.startswith(("multipart/", "message/rfc822", "message/global")):
        return None
    scan = _Scan(raw)
    _, parameters = value_and_parameters(content_type.encode("utf-8", "replace"))
    if kind.startswith("multipart/") and not boundaries(parameters):
        return "multipart without a boundary"
    error = scan.run()
    if error is None and kind.startswith("multipart/") and scan.parts == 0:
        return "multipart of which no part is found"
    return error


def has_attachment(raw: bytes) -> bool:
    """Whether a part of `raw` is an attachment: it says so (RFC 2183), or has a name and is neither text nor shown in place.

    Attached messages with a name are attachments, and so are tables, address cards, and named documents of which a mailer says
    that they are shown in place. Pictures that the text shows, and what signs or encrypts the message, are none.
    """
    scan = _Scan(raw, look=True)
    scan.run()
    return scan.attached


class _Scan:
    """The multiparts that are open at one place of a message, outermost first: the lines that delimit each, and its subtype."""

    def __init__(self, raw: bytes, *, look: bool = False) -> None:
        self.parts = 0
        self.attached = False
        self._look = look  # for attachments
        self._raw = raw if b"\n" in raw else raw.replace(b"\r", b"\n")
        self._open: list[tuple[tuple[bytes, ...], str]] = []
        self._delimiters: dict[bytes, int] = {}

    def run(self) -> str | None:
        """Why the message should not be parsed, or None; ends at the first attachment where they are looked for."""
        start = _BEGINNING.match(self._raw)
        if error := self._enter(start.end() if start else 0, LONGEST_HEADER):
            return error
        for seen, found in enumerate(_DELIMITER.finditer(self._raw)):
            if self.attached:
                return None
            if seen == MOST_DASHED_LINES:
                return f'more than {MOST_DASHED_LINES} lines that begin with "--"'
            depth = self._delimiters.get(found[1].rstrip())
            if depth is None:
                continue
            if depth < 0:
                self._close(-depth - 1)
            else:
                self._close(depth)
                self.parts += 1
                if self.parts > MOST_PARTS:
                    return f"more than {MOST_PARTS} parts"
                if error := self._enter(found.end(), _LONGEST_PART_HEADER):
                    return error
        return None

    def _enter(self, start: int, longest: int) -> str | None:
        """Opens the multipart, if any, whose header is at `start`, through the embedded messages in the way."""
        for inner in range(DEEPEST):
            blank = _BLANK_LINE.search(self._raw, start, start + longest)
            end = blank.start() + 1 if blank else min(start + longest, len(self._raw))
            if self._look and not self.attached:
                within = self._open[-1][1] if self._open and inner == 0 else ""
                self.attached = _is_attachment(self._raw, start, end, within)
            nested = _NESTED.search(self._raw, start, end)
            if nested is None:
                return None
            if nested["multipart"]:
                kind, parameters = value_and_parameters(nested[1])
                if spelled := boundaries(parameters):
                    self._open.append((spelled, kind.removeprefix("multipart/").strip()))
                    self._delimit(len(self._open))
                return f"nested more than {DEEPEST} deep" if len(self._open) > DEEPEST else None
            if blank is None:
                return None
            start, longest = blank.end(), max(longest, _LONGEST_INNER_HEADER)
        return f"nested more than {DEEPEST} deep"

    def _close(self, depth: int) -> None:
        if len(self._open) > depth:
            del self._open[depth:]
            self._delimiters = {}
            for number in range(1, depth + 1):
                self._delimit(number)

    def _delimit(self, depth: int) -> None:
        """Notes the lines that mean something in the nth multipart: a part of it (n), or its end (-n)."""
        for boundary in self._open[depth - 1][0]:
            self._delimiters[boundary + b"--"] = -depth
            self._delimiters[boundary] = depth


def _is_attachment(raw: bytes, start: int, end: int, within: str) -> bool:
    """Whether the part whose header is from `start` to `end` is an attachment; `within` is the subtype of its multipart."""
    fields: dict[str, bytes] = {}
    for found in _CONTENT_FIELD.finditer(raw, start, end):
        fields.setdefault(found[1].decode("ascii").lower(), found[2])
    if not fields:
        return False
    kind, parameters = value_and_parameters(fields.get("type", b""))
    disposition, said = value_and_parameters(fields.get("disposition", b""))
    named = has_name(said, "filename") or has_name(parameters, "name")
    family = kind.partition("/")[0]
    if kind in _SIGNATURES or within == "encrypted" or (kind in _ENVELOPES and within in ("", "signed")):
        return False
    if family == "image" and (content_id := fields.get("id", b"").strip(b"<> \t\r\n")):
        return disposition == "attachment" and within != "related" and b"cid:" + content_id not in raw
    if disposition == "attachment":
        return True
    if kind in _DOCUMENTS:
        return named and within != "alternative"
    if family in ("text", "multipart", "") or not named or within == "alternative":
        return False
    if family == "message":
        return kind in ("message/rfc822", "message/global")
    return disposition != "inline" or family == "application"

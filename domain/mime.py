"""How deeply and how widely a message is nested, found without decoding it: what is beyond reason is never parsed."""

from __future__ import annotations

import re

DEEPEST = 50
MOST_PARTS = 1000
LONGEST_HEADER = 2 << 20  # bytes of a message's header block that are looked at
MOST_DASHED_LINES = 1_000_000  # lines that begin with "--", whether they open a part or not

_LONGEST_PART_HEADER = 8 << 10
_BOUNDARY = re.compile(rb"boundary\s{0,4}=\s{0,4}(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_CONTENT_TYPE = re.compile(rb"^content-type[ \t]*:[ \t\r\n]*(multipart/|message/rfc822)", re.IGNORECASE | re.MULTILINE)
_DISPOSITION = re.compile(rb"^content-disposition[ \t]*:\s{0,80}(attachment)?", re.IGNORECASE | re.MULTILINE)
_NAMED = re.compile(
    rb"^content-type[ \t]*:\s{0,80}(?!text/|multipart/|message/)[^\n]*(?:\n[ \t][^\n]*){0,20}?name\*?\d?\*?=",
    re.IGNORECASE | re.MULTILINE,
)
_DELIMITER = re.compile(rb"\n--([^\r\n]{1,210})")
_BLANK_LINE = re.compile(rb"\n\r?\n")


def structure_error(raw: bytes, content_type: str) -> str | None:
    """Why the parts of `raw` should not be parsed, or None. `content_type` is its unfolded Content-Type.

    One pass over the lines that begin with "--", with little to do at each.
    """
    kind = content_type.lower()
    if not kind.startswith(("multipart/", "message/rfc822")):
        return None
    if kind.startswith("multipart/") and not _BOUNDARY.search(content_type.encode("utf-8", "replace")):
        return "multipart without a boundary"
    scan = _Scan(raw)
    error = scan.enter(len(raw) - len(raw.lstrip(b"\r\n")), LONGEST_HEADER) or scan.parts_error()
    if error is None and kind.startswith("multipart/") and scan.parts == 0:
        return "multipart of which no part is found"
    return error


def has_attachment(raw: bytes) -> bool:
    """Whether any part says that it is an attachment (RFC 2183), or is named and neither text nor shown in place."""
    scan = _Scan(raw)
    if scan.enter(len(raw) - len(raw.lstrip(b"\r\n")), LONGEST_HEADER) is None:
        scan.parts_error()
    return scan.attached


class _Scan:
    """The multiparts that are open at one place of a message, outermost first."""

    def __init__(self, raw: bytes) -> None:
        self.parts = 0
        self.attached = False
        self._raw = raw
        self._open: list[bytes] = []

    def parts_error(self) -> str | None:
        delimiters = self._delimiters()
        for seen, found in enumerate(_DELIMITER.finditer(self._raw)):
            if seen == MOST_DASHED_LINES:
                return f'more than {MOST_DASHED_LINES} lines that begin with "--"'
            depth = delimiters.get(found[1].rstrip())
            if depth is None:
                continue
            if depth < 0:
                del self._open[-depth - 1 :]
            else:
                del self._open[depth:]
                self.parts += 1
                if self.parts > MOST_PARTS:
                    return f"more than {MOST_PARTS} parts"
                if error := self.enter(found.end()):
                    return error
            delimiters = self._delimiters()
        return None

    def enter(self, start: int, longest: int = _LONGEST_PART_HEADER) -> str | None:
        """Opens the multipart, if any, whose header is at `start`, through the embedded messages in the way."""
        for _ in range(DEEPEST):
            header = self._raw[start : start + longest]
            end = _BLANK_LINE.search(header)
            header = header[: end.start()] if end else header
            self.attached = self.attached or _is_attachment(header)
            kind = _CONTENT_TYPE.search(header)
            if kind is None:
                return None
            if kind[1].lower() == b"multipart/":
                if boundary := _BOUNDARY.search(header, kind.start()):
                    self._open.append(boundary[1] or boundary[2])
                return f"nested more than {DEEPEST} deep" if len(self._open) > DEEPEST else None
            if end is None:
                return None
            start += end.end()
        return f"nested more than {DEEPEST} deep"

    def _delimiters(self) -> dict[bytes, int]:
        """The lines that mean something here: a part of the nth multipart (n), or its end (-n)."""
        lines = {}
        for depth, boundary in enumerate(self._open, start=1):
            lines[boundary + b"--"] = -depth
            lines[boundary] = depth
        return lines


def _is_attachment(header: bytes) -> bool:
    disposition = _DISPOSITION.search(header)
    return bool(disposition[1]) if disposition else _NAMED.search(header) is not None

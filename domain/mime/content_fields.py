"""Content-Type and Content-Disposition: a value with parameters, as RFC 2045 and RFC 2231 have them and as mailers write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

LONGEST_FIELD = 64 << 10  # bytes that are looked at
LONGEST_BOUNDARY = 1000  # bytes; RFC 2046 allows 70

_PIECE = re.compile(
    rb"""
    (?P<quoted>"(?:[^"\\]|\\.)*+(?:"|\Z))
    | (?P<comment>\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+\))
    | (?P<end>;)
    | [^";(]++ | \(
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(rb"\s*([^\s=*;]{1,60}(?:\*\d{1,4})?\*?)\s*=\s*", re.DOTALL)
_PLAIN = re.compile(rb'"?([^\s"\\()]{1,200})"?')
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_FOLD = re.compile(rb"\r*\n")
_BLANKS = re.compile(rb"\s+")
_SECTION = re.compile(rb"(.+?)\*(\d{1,4})?(\*?)", re.DOTALL)


def value_and_parameters(field: bytes) -> tuple[str, dict[str, bytes]]:
    """The value of a field in lower case, and its parameters as written, with quotes and folds; the first of a name counts."""
    pieces: list[list[bytes]] = [[]]
    for piece in _PIECE.finditer(field[:LONGEST_FIELD]):
        if piece["end"]:
            pieces.append([])
        elif not piece["comment"] or _in_plain_value(pieces[-1]):
            pieces[-1].append(piece[0])
    parameters: dict[str, bytes] = {}
    for written in pieces[1:]:
        whole = b"".join(written)
        if name := _NAME.match(whole):
            parameters.setdefault(name[1].decode("latin-1").lower(), whole[name.end() :].strip())
    return b"".join(pieces[0]).strip().lower().decode("latin-1"), parameters


def boundaries(parameters: Mapping[str, bytes]) -> tuple[bytes, ...]:
    """What may stand behind the dashes of a multipart's lines: its boundary in each way in which mailers take what they wrote.

    None where it has no boundary. One that is folded inside its quotes has the blank of the fold or has it not, and escapes
    are left in or not.
    """
    written = parameters.get("boundary")
    if written is None:
        found = _sections(parameters, "boundary")
        return (found.strip(),) if found.strip() else ()
    if plain := _PLAIN.fullmatch(written):
        return (plain[1],)
    content = _FOLD.sub(b"", _unquoted(written))
    unescaped = _ESCAPED.sub(rb"\1", content)
    ways = [unescaped, content, _BLANKS.sub(b" ", unescaped), _BLANKS.sub(b"", unescaped)]
    if not written.startswith(b'"'):
        ways = [(unescaped.split() or [b""])[0], unescaped.partition(b"(")[0]]
    return tuple(dict.fromkeys(way.strip() for way in ways if 0 < len(way.strip()) <= LONGEST_BOUNDARY))


def has_name(parameters: Mapping[str, bytes], name: str) -> bool:
    """Whether a parameter is given and not empty, in one piece or in several (RFC 2231)."""
    return bool(_unquoted(parameters.get(name, b"")).strip() or _sections(parameters, name).strip())


def _sections(parameters: Mapping[str, bytes], name: str) -> bytes:
    """A parameter in the ways of RFC 2231: encoded, in numbered pieces, or both."""
    pieces: dict[int, bytes] = {}
    for given, written in parameters.items():
        section = _SECTION.fullmatch(given.encode("latin-1"))
        if section is None or section[1].decode("latin-1") != name:
            continue
        number = int(section[2] or 0)
        content = _unquoted(written)
        if section[3] or section[2] is None:  # name*0*=, or name*=
            content = unquote_to_bytes(content.split(b"'", 2)[-1] if number == 0 else content)
        else:
            content = _ESCAPED.sub(rb"\1", content)
        pieces.setdefault(number, content)
    return b"".join(pieces[number] for number in sorted(pieces))


def _unquoted(written: bytes) -> bytes:
    if not written.startswith(b'"'):
        return written
    end = written.rfind(b'"')
    return written[1:end] if end > 0 else written[1:]


def _in_plain_value(written: list[bytes]) -> bool:
    """Whether a value without quotes has begun: some write parentheses in it that are no comment."""
    return bool(written) and b"=" in written[0] and not written[-1].startswith(b'"')

"""Header fields as they go on the wire: ASCII but for local parts that are not, folded, and never more than was meant.

The standard library's own folding encodes Message-IDs that are longer than a line (python/cpython#79986), which breaks threads,
and loses the quotes around names in some versions. Here each field is a list of words that are never cut, and lines end between
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from urllib.parse import quote

from domain.sending.recipients import Mailbox

LINE = 76  # characters that a line has where its words allow it (RFC 5322, section 2.1.1)
LONGEST_LINE = 998  # octets without its line end
LONGEST_WORD = 900  # of a text; a longer one is encoded, which can be cut

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_NOT_IN_QUOTES = re.compile(r'(["\\])')
_PIECE = 50  # characters of a parameter's section (RFC 2231)


def field(name: str, words: Sequence[str]) -> bytes:
    """`Name: words`, folded at blanks alone, with its CRLF. Only local parts may be other than ASCII (RFC 6532)."""
    if any(mark in word for word in words for mark in "\r\n\0"):
        raise ValueError(f"a word of {name} has a line end or NUL in it")
    lines = [f"{name}:"]
    for n, word in enumerate(words):
        room = LINE if n else LONGEST_LINE  # no field begins with an empty line where that can be helped
        if len(lines[-1].encode()) + 1 + len(word.encode()) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "".join(f"{line}\r\n" for line in lines).encode()


def text_words(text: str) -> list[str]:
    """The words of an unstructured field (RFC 5322, section 2.2.1); of what is not plain ASCII, encoded ones (RFC 2047)."""
    if not text:
        return []
    if _PLAIN.fullmatch(text) and "=?" not in text and all(len(word) <= LONGEST_WORD for word in text.split(" ")):
        return text.split(" ")
    return encoded_words(text)


def mailbox_words(mailboxes: Iterable[Mailbox]) -> list[str]:
    """The words of an address field."""
    words: list[str] = []
    for one in mailboxes:
        if words:
            words[-1] += ","
        words += [*_phrase(one.name), f"<{one.address}>"] if one.name else [one.address]
    return words


def date_words(moment: datetime) -> list[str]:
    """A moment with its zone. Raises ValueError of one without."""
    if moment.tzinfo is None:
        raise ValueError("a Date needs a zone")
    return [format_datetime(moment)]


def parameter(name: str, value: str) -> list[str]:
    """A parameter of Content-Type or Content-Disposition, as its words; other than short ASCII by RFC 2231."""
    if value.isascii() and value.isprintable() and len(value) <= LINE - 20:
        escaped = _NOT_IN_QUOTES.sub(r"\\\1", value)
        return [f'{name}="{escaped}"']
    pieces = ["utf-8''"]
    for character in value:
        encoded = quote(character, safe="")
        if len(pieces[-1]) + len(encoded) > _PIECE:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return [f"{name}*={pieces[0]}"]
    sections = [f"{name}*{n}*={piece};" for n, piece in enumerate(pieces)]
    return [*sections[:-1], sections[-1].rstrip(";")]


def encoded_words(text: str) -> list[str]:
    """`text` in encoded words of at most 75 characters each, none of which has part of a character."""
    return Header(text, "utf-8", maxlinelen=75).encode(splitchars="", linesep="\n").split("\n ")


def _phrase(name: str) -> list[str]:
    if _ATOMS.fullmatch(name) and "=?" not in name:
        return name.split(" ")
    if _PLAIN.fullmatch(name) and "=?" not in name:
        escaped = _NOT_IN_QUOTES.sub(r"\\\1", name)
        return f'"{escaped}"'.split(" ")
    return encoded_words(name)

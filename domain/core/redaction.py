"""What may be shown of a server's words: without secrets, user names, e-mail addresses, tokens and control characters."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable

LONGEST_SHOWN = 300  # characters
LONGEST_READ = (
    8 * LONGEST_SHOWN
)  # of a line that may have 64 KiB, all of which would take half a second to look through

_HIDDEN = "[hidden]"
_MARKS = (_HIDDEN, "***", "…", "")

_ANGLED = re.compile(r"<(?!https?://)[^<>]*>", re.IGNORECASE)
_QUOTED_LOCAL_PART = re.compile(r'"[^"]*"@')
# Split first and look into the pieces: one pattern for "anything@anything" takes quadratic time on a long line.
_PIECE = re.compile(r"""[^\s<>"'(),;:\[\]，。：；、（）【】《》“”]+""")
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{8,}(?:={1,2}(?![\w=]))?")


def cleaned(text: str) -> str:
    """One line in NFC: control, format and unassigned characters (lone surrogates too) are blanks, runs of them one."""
    normal = unicodedata.normalize("NFC", text)
    return " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in normal).split())


def without_addresses(text: str, mark: str = "") -> str:
    """`text` with what stands in angle brackets and every e-mail address replaced by `mark`; links stay."""
    text = _QUOTED_LOCAL_PART.sub("@", _ANGLED.sub(mark, text))
    return _PIECE.sub(lambda piece: mark if _is_an_address(piece[0]) else piece[0], text)


def _is_an_address(piece: str) -> bool:
    return "@" in piece or "＠" in piece or "%40" in piece


def without_words(text: str, words: Iterable[str]) -> str:
    """`text` without these words where they stand alone, of an address also its local part, and without what is no word at
    all: base64 of one of them, and tokens."""
    variants = _variants(words)
    for word in variants:
        text = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", "", text, flags=re.IGNORECASE)
    return _TOKEN.sub(lambda token: "" if _is_secret(token[0], variants) else token[0], text)


def redact(text: str, *, hide: Iterable[str] = ()) -> str:
    """A server's words as they may be logged and shown, at most 300 characters.

    `hide` holds the password, any other secret, and the user name: none of them remains in any case of letters, nor as
    base64, nor does the local part of a user name that is an address. Short ones hide more than was meant; that is the
    better mistake.
    """
    hidden = _variants(hide)
    whole = len(text) <= LONGEST_READ
    text = _hide_all(cleaned(text if whole else text[:LONGEST_READ].rpartition(" ")[0]), hidden)
    text = without_addresses(text, _HIDDEN)
    text = _TOKEN.sub(lambda token: _HIDDEN if _is_secret(token[0], hidden) else token[0], text)
    text = _hide_all(text, hidden)  # the marks just set could complete a hidden word
    if not whole:  # and the end may be a part of one, which nobody would know again
        text = text[: max(len(text) - max(map(len, hidden), default=0), 0)]
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def _variants(words: Iterable[str]) -> list[str]:
    """The forms in which a server may echo these, the longest first so that no part of one outlives another."""
    found: set[str] = set()
    for word in map(cleaned, words):
        local_part = word.rpartition("@")[0]
        found |= {word, word.replace(" ", ""), local_part, local_part.removeprefix("recent:")}
    return sorted(found - {""}, key=lambda word: (-len(word), word))


def _hide_all(text: str, hidden: list[str]) -> str:
    mark = next(mark for mark in _MARKS if not any(_holds(mark, word) for word in hidden))
    while any(_holds(text, word) for word in hidden):
        for word in hidden:
            shorter = re.sub(re.escape(word), mark, text, flags=re.IGNORECASE)
            if shorter == text and _holds(text, word):  # letters that case folding alone makes equal
                return ""
            text = shorter
        mark = ""  # a mark that completed another hidden word is not set again
    return text


def _holds(text: str, word: str) -> bool:
    return word in text or word.casefold() in text.casefold()


def _is_secret(token: str, hidden: list[str]) -> bool:
    """Whether a run of letters and digits is base64 of something hidden, or looks like a token of its own."""
    padded = token.endswith("=") and len(token) % 4 == 0
    if padded or (len(token) >= 20 and _mixes_digits_and_cases(token)):
        return True
    content = _decoded(token)
    return content is not None and any(_holds(content, word) for word in hidden)


def _mixes_digits_and_cases(token: str) -> bool:
    return any(map(str.isdigit, token)) and any(map(str.islower, token)) and any(map(str.isupper, token))


def _decoded(token: str) -> str | None:
    try:
        return base64.b64decode(token.translate(str.maketrans("-_", "+/")) + "==").decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None

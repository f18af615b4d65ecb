"""Message-IDs as fields have them (RFC 5322, section 3.6.4): with angle brackets or without, bare or with comments in between."""

from __future__ import annotations

import re

from domain.mime.addresses import without_comments
from domain.mime.charsets import decode_words

LONGEST_MESSAGE_ID = 998  # bytes, brackets among them; it cannot be folded, so it is no longer than a line

_BRACKETED = re.compile(rf"<[^<>\s]{{1,{LONGEST_MESSAGE_ID - 2}}}>")
_WITH_BLANKS = re.compile(r"<([^<>]{1,4000})>")
_AROUND_MARKS = re.compile(r"\s*([.@])\s*")
_WORD = re.compile(rf"[^\s<>\"(),;:\\]{{1,{LONGEST_MESSAGE_ID - 2}}}")
_LONG_ENOUGH = 16  # characters of a word without an "@" that nobody writes by hand


def message_ids(text: str, *, several: bool = False) -> list[str]:
    """The Message-IDs in an unfolded field, in their order, each in angle brackets.

    Where none has brackets, a field that is one plausible word is taken for one, as other programs do: it has an "@", or is
    long and has a digit. With `several` (References), each of its words is, if all of them are plausible.
    """
    if "=?" in text:
        text = decode_words(text)  # some libraries encode an id that is longer than a line
    if found := _BRACKETED.findall(text):
        return [one for one in found if _short(one)]
    if "<" in text:
        spaced = [_AROUND_MARKS.sub(r"\1", without_comments(one)).strip() for one in _WITH_BLANKS.findall(text)]
        if spaced:
            return [f"<{one}>" for one in spaced if _WORD.fullmatch(one) and _short(one)]
    words = without_comments(text).strip().strip('<>"').split()
    if not words or (len(words) > 1 and not several) or not all(_plausible(word) for word in words):
        return []
    return [f"<{word}>" for word in words if _short(word)]


def _plausible(word: str) -> bool:
    if not _WORD.fullmatch(word):
        return False
    local, _, domain = word.partition("@")
    if domain:
        return bool(local)
    return "@" not in word and len(word) >= _LONG_ENOUGH and any(letter.isdigit() for letter in word)


def _short(one: str) -> bool:
    """An index takes no more than 2,704 bytes; brackets that are still to come are counted."""
    return len(one) < 200 or len(one.strip("<>").encode("utf-8", "replace")) + 2 <= LONGEST_MESSAGE_ID

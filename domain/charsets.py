"""Mail bytes to text: charset labels as senders use them, encoded words, and what to do when a label lies."""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterable

import charset_normalizer

# Labels that mean a superset of what they say, as every mail reader has long taken them.
_MEANT = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
}
_UNKNOWN_TO_PYTHON = {
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp",
    "iso-8859-8-i": "iso8859-8",
    "windows-874": "cp874",
    "cp-850": "cp850",
}
# Only these: a label may name any Python codec, and `rot13`, `hex` or `idna` are none for text.
_ALLOWED = frozenset(
    codecs.lookup(name).name
    for name in [
        "utf-8",
        "utf-8-sig",
        "utf-7",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "gb18030",
        "hz",
        "cp950",
        "big5hkscs",
        "cp949",
        "johab",
        "iso2022_kr",
        "cp932",
        "euc_jp",
        "shift_jisx0213",
        "iso2022_jp_ext",
        "koi8-r",
        "koi8-u",
        "koi8-t",
        "mac-roman",
        "mac-cyrillic",
        "cp437",
        "cp850",
        "cp852",
        "cp855",
        "cp858",
        "cp866",
        "cp874",
        "cp1250",
        "cp1251",
        "cp1252",
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
        "cp1258",
        "iso8859-2",
        "iso8859-3",
        "iso8859-4",
        "iso8859-5",
        "iso8859-6",
        "iso8859-7",
        "iso8859-8",
        "iso8859-10",
        "iso8859-11",
        "iso8859-13",
        "iso8859-14",
        "iso8859-15",
        "iso8859-16",
    ]
)

_ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bq])\?([^?]*)\?=", re.IGNORECASE)
_ENOUGH_TO_GUESS = 32  # bytes; from fewer charset-normalizer mostly guesses wrong


def codec(label: str) -> str | None:
    """The Python codec for a charset label, or None for a label that is unknown or names no charset."""
    label = label.strip().strip("\"'").lower()
    try:
        name = codecs.lookup(_UNKNOWN_TO_PYTHON.get(label, label)).name
    except (LookupError, ValueError):  # ValueError: a NUL in the label
        return None
    name = _MEANT.get(name, name)
    return name if name in _ALLOWED else None


def text_of(raw: bytes, charsets: Iterable[str] = ()) -> str:
    """`raw` as text: UTF-8, else the first of the labels in `charsets` that fits, else a guess. Never raises."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for label in charsets:
        if name := codec(label):
            try:
                return raw.decode(name)
            except (UnicodeError, ValueError):
                continue
    if len(raw) >= _ENOUGH_TO_GUESS and (best := charset_normalizer.from_bytes(raw[:4096]).best()):
        return raw.decode(best.encoding, "replace")
    return raw.decode("cp1252", "replace")


def decode_words(text: str) -> str:
    """`text` with its encoded words (RFC 2047) decoded; what is not a well-formed one stays as it is.

    Bytes of neighbouring words with the same charset are joined first: many senders split a character between two.
    """
    if "=?" not in text:
        return text
    parts: list[str] = []
    label, pending, position = "", bytearray(), 0
    for word in _ENCODED_WORD.finditer(text):
        between = text[position : word.start()]
        if between.strip() or not pending or label != word[1].lower():
            parts.append(_word_text(bytes(pending), label))
            pending.clear()
            parts.append(between if between.strip() or position == 0 else "")
        label = word[1].lower()
        pending += _word_bytes(word[2], word[3])
        position = word.end()
    parts.append(_word_text(bytes(pending), label))
    parts.append(text[position:])
    return "".join(parts)


def _word_bytes(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    digits = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    digits = digits[:-1] if len(digits) % 4 == 1 else digits
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _word_text(raw: bytes, label: str) -> str:
    name = codec(label) if raw else None
    if name and name != "utf-8":
        try:
            return raw.decode(name, "replace")
        except (UnicodeError, ValueError):  # some codecs raise even so
            pass
    return text_of(raw)

"""Mail bytes to text: charset labels as senders use them, encoded words, and what to do when a label lies or is missing."""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterable

from domain.mime.plausibility import FIRST_PIECE, implausibility, likeliest

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
    "x-euc-kr": "cp949",
    "cswindows31j": "cp932",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "cp50222": "iso2022_jp_ext",
    "iso-2022-jp-ms": "iso2022_jp_ext",
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

_ENCODED_WORD = re.compile(
    r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bq])\?((?:[^?]|(?<!=)\?(?!=))*+)\?=", re.IGNORECASE
)
_RAW_IN_WORD = re.compile(rb"=\?[^?\s]{1,100}\?[qQ]\?[^?\x80-\xff]*[\x80-\xff][^?]*\?=")
_HIGH = bytes(range(0x80, 0x100))
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_OF_ONE_BYTE = re.compile(r"cp(?!9[345]\d)|iso8859|koi8|mac")

_JIS = re.compile(rb"\x1b(?:\$(?:[@B]|\([@BD])|\([BJIH])")
_CUT_JIS = re.compile(rb"\x1b(?:\$\(?|\()?\Z")
_JIS_PAIR = re.compile(rb"[\x21-\x7e]{2}")
_VENDORS = "mailroom-vendor-letters"
_LONGEST_WITH_VENDORS = 64 << 10  # bytes
_MARKS_BEFORE_WORDS = frozenset("€„‹‘“–—¡«¿".encode("cp1252"))
_HARDLY_A_TEXT = 10.0  # of `implausibility`


def codec(label: str) -> str | None:
    """The Python codec for a charset label, or None for a label that is unknown or names no charset."""
    label = label.strip().strip("\"'").lower()
    try:
        name = codecs.lookup(_UNKNOWN_TO_PYTHON.get(label, label)).name
    except (LookupError, ValueError):  # ValueError: a NUL in the label
        return None
    name = _MEANT.get(name, name)
    return name if name in _ALLOWED else None


def codecs_of(labels: Iterable[str]) -> list[str]:
    """The Python codecs for those of the charset labels that are known."""
    return [name for label in labels if (name := codec(label))]


def text_of(raw: bytes, charsets: Iterable[str] = ()) -> str:
    """`raw`, which has no charset of its own, as text: UTF-8 if it is, else the likeliest charset. Never raises.

    `charsets` are the labels that the mail has elsewhere: likelier than others, but a raw header may be in another one.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return _from_jis(raw) if "\x1b" in text and _JIS.search(raw) else text
    raw = _RAW_IN_WORD.sub(lambda word: _HIGH_BYTE.sub(lambda byte: b"=%02X" % byte[0][0], word[0]), raw)
    if raw.isascii():
        return raw.decode("ascii")
    return _decoded(raw, likeliest(raw, codecs_of(charsets)))


def labelled_text(raw: bytes, label: str) -> str:
    """`raw` as text in the charset that `label` names, or in the one that it must be in where it cannot be that. Never raises."""
    name = codec(label) if raw else None
    if name == "utf-8" and (uncut := _without_pieces(raw)) is not None:
        return uncut
    if name is None or name == "utf-8":
        return text_of(raw, [label])
    text = _decoded(raw, name)
    if raw.isascii() or not _OF_ONE_BYTE.match(name):
        return text if "\ufffd" not in text else _likelier(text, raw, name)
    if (utf8 := _utf8(raw)) is not None:
        return utf8 if implausibility(utf8, "utf-8") < implausibility(text, name) else text
    # what says that it is Western is the one label that is often no more than a default
    shouting = name == "cp1252" and 2 * (len(raw) - len(raw.translate(None, _HIGH))) > len(raw)
    return _likelier(text, raw, name) if shouting or "\ufffd" in text else text


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
            parts.append(labelled_text(bytes(pending), label))
            pending.clear()
            parts.append(between if between.strip() or position == 0 else "")
        label = word[1].lower()
        pending += _word_bytes(word[2], word[3])
        position = word.end()
    parts.append(labelled_text(bytes(pending), label))
    parts.append(text[position:])
    return "".join(parts)


def _word_bytes(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    digits = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    digits = digits[:-1] if len(digits) % 4 == 1 else digits
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _without_pieces(raw: bytes) -> str | None:
    """`raw`, which says that it is UTF-8, without the pieces of characters at its ends.

    None where it may not have been cut: something else is broken, or the piece is an accent or a mark of windows-1252.
    """
    piece = FIRST_PIECE.match(raw)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(raw[piece.end() :] if piece else raw)
    except UnicodeDecodeError:
        return None
    if piece is None:
        return text if not text or not text.isascii() else None  # an accent after ASCII alone is hardly a cut character
    is_mark = piece.end() == 1 and raw[0] in _MARKS_BEFORE_WORDS
    return None if is_mark and text.isascii() and text else text


def _likelier(text: str, raw: bytes, name: str) -> str:
    """`text`, which is `raw` in the charset of its label; or `raw` in another one, if the label cannot be right."""
    if implausibility(text, name, _HARDLY_A_TEXT) < _HARDLY_A_TEXT:
        return text
    return _decoded(raw, likeliest(raw, [name]))


def _decoded(raw: bytes, name: str) -> str:
    """`raw` by the codec `name`. A first or last character that is cut is left out; what else is broken becomes U+FFFD."""
    if name == "iso2022_jp_ext":
        return _from_jis(raw)
    if name == "euc_jp":
        return _from_euc(raw)
    if name == "utf-8" and (piece := FIRST_PIECE.match(raw)):
        raw = raw[piece.end() :]
    if name == "cp950":
        name = _with_hong_kong(raw)
    try:
        return codecs.getincrementaldecoder(name)("replace").decode(raw)
    except (UnicodeError, ValueError):  # some codecs raise even so
        return raw.decode("utf-8", "replace")


def _with_hong_kong(raw: bytes) -> str:
    """The codec for Big5: mail from Hong Kong has letters of its own in it."""
    try:
        raw.decode("cp950")
    except UnicodeDecodeError:
        try:
            raw.decode("big5hkscs")
        except UnicodeDecodeError:
            return "cp950"
        return "big5hkscs"
    return "cp950"


def _from_jis(raw: bytes) -> str:
    """ISO-2022-JP (RFC 1468) as text, with the letters that vendors have added in rows that the standard leaves empty."""
    try:
        return raw.decode("iso2022_jp_ext")
    except UnicodeError:
        pass
    raw = _CUT_JIS.sub(b"", raw)
    parts: list[bytes] = []
    position, set_ = 0, b"("
    for escape in [*_JIS.finditer(raw), None]:
        part = raw[position : escape.start() if escape else len(raw)]
        if set_ == b"\x1b(I":
            parts += [b"\x8e%c" % (byte | 0x80) for byte in part]
        elif set_.startswith(b"\x1b$"):
            prefix = b"\x8f" if set_ == b"\x1b$(D" else b""
            parts += [prefix + bytes(byte | 0x80 for byte in pair) for pair in _JIS_PAIR.findall(part)]
        else:
            parts.append(part)
        if escape:
            position, set_ = escape.end(), escape[0]
    return _from_euc(b"".join(parts))


def _from_euc(raw: bytes) -> str:
    errors = _VENDORS if len(raw) <= _LONGEST_WITH_VENDORS else "replace"  # each error takes as long as what it is in
    return codecs.getincrementaldecoder("euc_jp")(errors).decode(raw)


def _vendor_letter(error: UnicodeError) -> tuple[str, int]:
    """What Windows has where JIS X 0208 is empty: an error handler for EUC-JP."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    pair = error.object[error.start : error.start + 2]
    if len(pair) == 2 and 0xA1 <= pair[0] <= 0xFE and 0xA1 <= pair[1] <= 0xFE:
        row, cell = pair[0] - 0xA1, pair[1] - 0xA1
        lead = row // 2 + (0x81 if row < 62 else 0xC1)
        trail = cell + (0x9F if row % 2 else 0x40 if cell < 63 else 0x41)
        try:
            return bytes((lead, trail)).decode("cp932"), error.start + 2
        except UnicodeDecodeError:
            pass
    return "\ufffd", error.end


codecs.register_error(_VENDORS, _vendor_letter)

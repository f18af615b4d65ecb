"""Mail addresses: the form two spellings are compared in, and the mailboxes of an address field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import idna

MOST_ADDRESSES = 10_000  # of one field: more is an attack, never a correspondence (R30)
LONGEST_NAME = 200  # characters of a name with a comma in it that is not quoted
LONGEST_ADDRESS = 320  # RFC 5321 4.5.3.1: 64 for the local part, the "@", 255 for the domain

_PLAIN = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
_ATOMS = re.compile(r'[^\s()<>\[\]:;@\\,"]+')
_LITERAL = re.compile(r"\[[\x21-\x5a\x5e-\x7e]+\]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"  # pasted along with an address, never part of one
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

# One delimiter with what it encloses, or a run of anything else. Possessive, so no input makes it go back.
_TOKEN = re.compile(
    r"""
    "(?P<quoted>(?:[^"\\]|\\.)*+)(?P<quote_end>"?)
    | <(?:@[^<>:",]*(?:,@[^<>:",]*)*+:)?+
      (?P<angle>(?:"[^"]*"|\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+\)|[^<>",])*+)>?
    | (?P<comment>\()
    | (?P<separator>[,;:])
    | (?P<text>[^"<(,;:]++)
    """,
    re.VERBOSE | re.DOTALL,
)
_PARENTHESIS = re.compile(r"\\.|[()]", re.DOTALL)
_BARE_ADDRESS = re.compile(r'(?:"(?:[^"\\]|\\.)*+"|[^\s"@]++)\s*@\s*\S++(?:\s++\.\s*+[^\s.@]++)*+')
_QUOTED_OR_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*+")|[()]|\\.', re.DOTALL)
_AROUND_MARKS = re.compile(r"\s*([.@])\s*")


def normal_address(text: str) -> str | None:
    """The form in which one addr-spec is compared with another, or None when `text` is none.

    Trimmed, NFC, lower-case, the domain in A-labels (UTS 46; a domain that IDNA refuses is only lower-cased). The local
    part is lower-cased too: RFC 5321 2.4 lets a host tell `Jane` from `jane`, no host in use does.
    """
    text = text.strip().strip(_INVISIBLE).strip()
    lowered = text.lower()
    if len(text) > LONGEST_ADDRESS or "@" not in text:
        return None
    if _PLAIN.fullmatch(lowered) and text.isascii():
        return lowered
    if _UNPRINTABLE.search(text):
        return None
    if text.startswith("'") and text.endswith("'"):
        return normal_address(text[1:-1])  # as Outlook quotes an address that it was given as a name
    local, _, domain = text.rpartition("@")
    normal_local, normal_domain = _normal_local(local), _normal_domain(domain)
    return f"{normal_local}@{normal_domain}" if normal_local and normal_domain else None


def in_own_letters(normal: str) -> str:
    """An address in normal form with its domain in U-labels, as people write it; as it is where the domain has none."""
    local, _, domain = normal.rpartition("@")
    if "xn--" not in domain:
        return normal
    try:
        return f"{local}@{idna.decode(domain)}"
    except UnicodeError:  # idna.IDNAError is one
        return normal


def mailboxes(text: str, most: int = MOST_ADDRESSES) -> Iterator[tuple[str, str]]:
    """The (display phrase, addr-spec as spelled) pairs of an unfolded address field (RFC 5322 3.4), at most `most`.

    Groups give their members, a trailing comment serves as the name where there is none, and what is left unclosed is
    read as if it had not been opened. Encoded words are left for the caller, who must decode them only now: decoded
    earlier, a display name could pass for an address.
    """
    found = 0
    for name, address in _items(text) if "@" in text else ():
        if normal_address(address) is None:
            continue
        yield name, address
        found += 1
        if found == most:
            return


def _items(text: str) -> Iterator[tuple[str, str]]:
    item = _Item()
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:  # cannot be: the last alternative takes what the others leave
            return
        end = token.end()
        match token.lastgroup:
            case "quote_end":
                if not token["quote_end"]:
                    text = text[:position] + text[position:].replace('"', " ")
                    continue
                item.add(_ESCAPED.sub(r"\1", token["quoted"]), token[0])
            case "angle":
                item.angle = item.angle or _written_closely(token["angle"])
            case "comment":
                end = _comment_end(text, position)
                if end < 0:
                    text = text[:position] + text[position:].replace("(", " ").replace(")", " ")
                    continue
                item.comment = item.comment or _ESCAPED.sub(r"\1", text[position + 1 : end - 1]).strip()
            case "separator":
                if token[0] != ":" or item.has_address():  # otherwise the name of a group
                    yield from item.mailbox()
                # "Joe Foo, PhD <joe@example.com>": a name that should have been quoted
                item = _Item(before=item.phrase() if token[0] == "," and not item.has_address() else "")
            case _:
                item.add(token[0], token[0])
        position = end
    yield from item.mailbox()


class _Item:
    """What has been read of one entry of an address list."""

    def __init__(self, before: str = "") -> None:
        self.angle = ""
        self.comment = ""
        self._before = before  # of the name, in front of a comma
        self._phrase: list[str] = []
        self._spelled: list[str] = []

    def add(self, phrase: str, spelled: str) -> None:
        self._phrase.append(phrase)
        self._spelled.append(spelled)

    def has_address(self) -> bool:
        return bool(self.angle) or "@" in "".join(self._spelled)

    def phrase(self) -> str:
        """The name as far as it has been read; what nobody is called is left out."""
        phrase = "".join(self._phrase).strip()
        return f"{self._before}, {phrase}"[:LONGEST_NAME] if self._before and phrase else phrase[:LONGEST_NAME]

    def mailbox(self) -> Iterator[tuple[str, str]]:
        if self.angle:
            name = self.phrase() if self._before else "".join(self._phrase).strip()
            yield name or self.comment, self.angle
            return
        spelled = "".join(self._spelled)
        if len(spelled) > 4 * LONGEST_ADDRESS:
            return
        if bare := _BARE_ADDRESS.search(spelled):
            name = (spelled[: bare.start()] + spelled[bare.end() :]).strip().strip('"')
            yield name or self.comment, _written_closely(bare[0])


def without_comments(text: str) -> str:
    """A structured field's value without its comments (RFC 5322, section 3.2.2), each of which may hold others; one that is not
    closed goes to the end."""
    if "(" not in text:
        return text
    kept: list[str] = []
    depth, position = 0, 0
    for mark in _QUOTED_OR_COMMENT.finditer(text):
        if mark[0] == "(":
            if depth == 0:
                kept.append(text[position : mark.start()])
            depth += 1
        elif mark[0] == ")" and depth > 0:
            depth -= 1
            position = mark.end()
    if depth == 0:
        kept.append(text[position:])
    return " ".join(kept)


def _written_closely(address: str) -> str:
    """What is between angle brackets without the comments and blanks that RFC 5322 allows there (sections 3.4.1 and 4.4)."""
    address = address.strip()
    if address.isprintable() and " " not in address and "(" not in address:
        return address
    quoted = _QUOTED.match(address)
    rest = address[quoted.end() :] if quoted else address
    return (quoted[0] if quoted else "") + _AROUND_MARKS.sub(r"\1", without_comments(rest)).strip()


def _comment_end(text: str, start: int) -> int:
    """The index after the comment that opens at `start`, or -1 when it is never closed."""
    depth = 0
    for mark in _PARENTHESIS.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return -1


def _normal_local(local: str) -> str | None:
    local = local.strip()
    if _QUOTED.fullmatch(local):
        content = _ESCAPED.sub(r"\1", local[1:-1])
        if not _ATOMS.fullmatch(content):
            return _lower(local)
        local = content
    return _lower(local) if _ATOMS.fullmatch(local) else None


def _normal_domain(domain: str) -> str | None:
    domain = _lower(domain.strip().removesuffix("."))
    if _LITERAL.fullmatch(domain):
        return domain
    if not _ATOMS.fullmatch(domain):
        return None
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except Exception:  # a domain that IDNA refuses still is what the sender wrote
        return domain


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())

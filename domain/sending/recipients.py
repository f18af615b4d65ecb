"""Whom a message goes to: mailboxes as people write them, read strictly: what is misread here reaches the wrong person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic_core import PydanticCustomError

from domain.mailbox.settings import parts_of_address
from domain.mime.addresses import normal_address, without_comments
from domain.mime.charsets import decode_words

RecipientField = Literal["to", "cc", "bcc"]

LONGEST_ENTRY = 1000  # characters of a name and an address
LONGEST_NAME = 200

# Line ends, controls and lone surrogates; what turns the letters beside it around; what nobody sees.
UNFIT_FOR_FIELDS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
TURNS_LETTERS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_ENTRY = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PIECE = re.compile(r'(?:"(?:[^"\\]|\\.)*+"|<[^<>]*+>|\((?:[^()\\]|\\.)*+\)|[^",<(])++', re.DOTALL)
_NOBODY = re.compile(r'(?:"[^"]*+"\s*+|[^":;<>@,]*+):\s*+;')  # an empty group, such as "undisclosed-recipients:;"
_ADDRESS_AMONG_OTHERS = re.compile(r"@.*[,;]|[,;].*@", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, "" where there is none, and an address as it goes on the wire: the local part as it was spelled, the domain
    in A-labels."""

    name: str
    address: str

    @property
    def normal(self) -> str:
        """The form in which two spellings are one address."""
        return normal_address(self.address) or self.address.lower()

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it: the domain never asks for that."""
        return not self.address.isascii()


def mailbox(text: str) -> Mailbox:
    """The one mailbox that `text` is: "jane@example.com" or "Jane Doe <jane@example.com>".

    Raises PydanticCustomError, which says what is wrong and never repeats `text`.
    """
    if not (entry := _ENTRY.fullmatch(text.strip())):
        return Mailbox("", _address(text))
    name = entry["name"].strip()
    if quoted := _QUOTED.fullmatch(name):
        name = _ESCAPED.sub(r"\1", quoted[1])
    elif _ADDRESS_AMONG_OTHERS.search(name):
        raise PydanticCustomError("invalid_field", "has more than one address: write each as an entry of its own")
    return Mailbox(display_name(name), _address(entry["address"]))


def display_name(text: str) -> str:
    """A name as it stands in front of an address, its blanks single. Raises as `mailbox` does."""
    if UNFIT_FOR_FIELDS.search(text):
        raise PydanticCustomError(
            "invalid_field", "has a line break or control character in its name: write the name in one line of letters"
        )
    if TURNS_LETTERS.search(text):
        raise PydanticCustomError(
            "invalid_field", "has a character in its name that turns letters around: remove it, or type the name anew"
        )
    name = " ".join(text.split())
    if len(name) > LONGEST_NAME:
        raise PydanticCustomError("invalid_field", "has too long a name: 200 characters are the most")
    return name


def mailboxes_of_field(text: str) -> Iterator[Mailbox]:
    """All mailboxes of an unfolded address field (RFC 5322, section 3.4) of a message that is to be sent. What mail that came in
    is forgiven is refused here, lest somebody be left out. Raises as `mailbox` does."""
    for piece in map(str.strip, _split_at_commas(text)):
        if not piece or _NOBODY.fullmatch(piece):
            continue
        if len(piece) > LONGEST_ENTRY:
            raise PydanticCustomError("invalid_field", "has an entry of more than 1,000 characters: shorten it")
        found = mailbox(without_comments(piece))
        yield Mailbox(display_name(decode_words(found.name)), found.address)


def _split_at_commas(text: str) -> list[str]:
    """The entries of an address field: commas in quotes, angle brackets and comments part nothing."""
    pieces = [""]
    at = 0
    while at < len(text):
        if text[at] == ",":
            pieces.append("")
            at += 1
        elif found := _PIECE.match(text, at):
            pieces[-1] += found[0]
            at = found.end()
        else:
            raise PydanticCustomError("invalid_field", "has a quotation mark or bracket that is never closed: close it")
    return pieces


def _address(text: str) -> str:
    text = text.strip(" ")
    if _UNSEEN.search(text):
        raise PydanticCustomError(
            "invalid_field", "has a control character, or one that nobody sees, in its address: type the address anew"
        )
    if "@" not in text:
        raise PydanticCustomError("invalid_field", "has no @: write an address such as jane@example.com")
    if '"' in text:
        raise PydanticCustomError(
            "invalid_field", "has quotation marks in its address, which few servers take: write it without"
        )
    if "," in text or ";" in text:
        raise PydanticCustomError("invalid_field", "has more than one address: write each as an entry of its own")
    parts = parts_of_address(text)
    return f"{parts.local_part}@{parts.ascii_domain}"

"""Who a transmission is from and for, as MAIL and RCPT say it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import idna

from domain.core.refusal import Refused

_LOCAL = re.compile(r'(?:[^\s<>()\[\]:;@\\,"\x00-\x20\x7f-\x9f]+|"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\[\x20-\x7e])*")')
_DOMAIN = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?|\[[0-9a-z.:]+\]", re.I
)
LONGEST = 320  # RFC 5321 section 4.5.3.1


@dataclass(frozen=True, slots=True)
class Envelope:
    """The reverse-path ("" for none, as a bounce has it) and the recipients, as addresses."""

    sender: str = field(repr=False)
    recipients: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Path:
    """An address as a command has it, in angle brackets; `utf8`: it takes SMTPUTF8 (RFC 6531)."""

    wire: bytes = field(repr=False)
    utf8: bool


def path(address: str) -> Path:
    """The path of one address, its domain in A-labels: only letters before the @ may then need SMTPUTF8.

    Raises Refused `invalid_field` for what is no address, or would be more than one (RFC 5321 section 4.1.2).
    """
    local, at, domain = address.rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
        wire = f"<{local}@{ascii_domain}>".encode()
    except UnicodeError:  # idna.IDNAError is one, and so is half a character
        raise _unusable() from None
    if not at or len(wire) > LONGEST + 2 or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(ascii_domain):
        raise _unusable()
    return Path(wire, not local.isascii())


def _unusable() -> Refused:
    return Refused(
        "invalid_field",
        "an address of the envelope is not one that SMTP can carry: write it as jane@example.com, without control characters",
        field="to",
    )

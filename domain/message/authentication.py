"""Mail that comes from one of the account's own addresses, or claims to: copies to oneself, and forgeries (R38)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from domain.message.authorship import form_author
from domain.message.index import IndexedMessage

_METHOD = re.compile(r"^\s*(dmarc|spf|dkim)\s*=\s*([a-z]{1,20})", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")


def authentication(results: Collection[str], authserv_id: str | None) -> dict[str, str]:
    """What the account's own mail server found, by method (RFC 8601): of the topmost field with its `authserv_id`, for
    those of other names anybody may have written. Nothing without one."""
    if not authserv_id:
        return {}
    for text in results:
        first, _, rest = _COMMENT.sub(" ", text).partition(";")
        words = first.split()
        if not words or words[0].lower() != authserv_id.lower():
            continue
        found: dict[str, str] = {}
        for one in rest.split(";"):
            if method := _METHOD.match(one):
                found.setdefault(method[1].lower(), method[2].lower())
        return found
    return {}


def own_mail(message: IndexedMessage, own: Collection[str], authserv_id: str | None) -> dict[str, Any]:
    """The traits of mail that a message from one of the account's `own` addresses has besides, none for any other's.

    `own_copy`: by which field it came back to its author; bcc where none names them, because servers leave that one out. Forged
    it possibly is (`possibly_spoofed`) where the account's own server says that DMARC failed. What a customer wrote
    into a form of the organisation's is no copy, and has the trait `author` instead.
    """
    traits: dict[str, Any] = {}
    if found := authentication(message.authentication, authserv_id):
        traits["authentication"] = found
    participants = [(who.field, who.address, who.normal) for who in message.participants]
    return traits | claimed(message.from_address, participants, own, found, message.traits)


def claimed(
    sender: str | None,
    participants: Collection[tuple[str, str, str]],
    own: Collection[str],
    found: Mapping[str, str],
    traits: Mapping[str, Any],
) -> dict[str, Any]:
    """What mail is that claims to come from an own address, or from a form: `found` is what the server found, `traits` are the
    message's, `participants` (field, address, normal form)."""
    claims: dict[str, Any] = {}
    if written := form_author(sender, participants, own, traits):
        claims["author"] = written
    if sender not in own:
        return claims
    if not claims:
        fields = {field for field, _, normal in participants if normal in own}
        claims["own_copy"] = next((field for field in ("to", "cc", "bcc") if field in fields), "bcc")
    if found.get("dmarc") == "fail":
        claims["possibly_spoofed"] = True
    return claims

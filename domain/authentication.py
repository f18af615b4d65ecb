"""Mail that comes from one of the account's own addresses, or claims to: copies to oneself, and forgeries (R38)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from domain.message import IndexedMessage

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
    it possibly is (`possibly_spoofed`) where the account's own server says that DMARC failed.
    """
    traits: dict[str, Any] = {}
    if found := authentication(message.authentication, authserv_id):
        traits["authentication"] = found
    fields = {who.field for who in message.participants if who.normal in own}
    return traits | claimed(message.from_address, fields, own, found)


def claimed(
    sender: str | None, fields: Collection[str], own: Collection[str], found: Mapping[str, str]
) -> dict[str, Any]:
    """What mail is that claims to come from an own address: `fields` name one of `own`, `found` is what the server found."""
    if sender not in own:
        return {}
    traits: dict[str, Any] = {"own_copy": next((field for field in ("to", "cc", "bcc") if field in fields), "bcc")}
    if found.get("dmarc") == "fail":
        traits["possibly_spoofed"] = True
    return traits

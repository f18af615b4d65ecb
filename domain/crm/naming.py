"""What a record is called that is made of a correspondent."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from domain.crm.actions import LONGEST_NAME
from domain.message.index import Participant

_NO_GIVEN_NAME = re.compile(
    r"(?:inc|ltd|llc|llp|plc|gmbh|ag|kg|co|corp|sa|srl|bv|nv|oy|ab|as|jr|sr|[ivx]+|m\.?d|ph\.?d|esq|mba)\.?\Z",
    re.IGNORECASE,
)
_VIA = re.compile(r"\S\s+via\s+\S", re.IGNORECASE)  # a list or a notifier, which keeps the author's name before it
_AFTER_NAME = re.compile(r"\s+(?:via\s.+|\([^()]*\)|\[[^\[\]]*\])\Z", re.IGNORECASE)


def correspondents_of(
    participants: Sequence[Participant],
    author: str | None,
    folder: str,
    own: Collection[str],
    lists: Collection[str] = (),
) -> list[Participant]:
    """Whom a person means by the correspondent: who wrote it, or in one's own mail whom it went to. Nobody, where the mail came
    through one of `lists` (addresses) that does not say who wrote it."""
    others = [who for who in participants if who.normal not in own]
    if author is not None and author not in own and folder != "Sent":
        if author in lists:
            return []
        wrote = [who for who in others if who.normal == author]
        named = next((who for who in wrote if who.name), None) or (wrote[0] if wrote else None)
        if named is not None and named.name:
            return [named]
        via = next((who.name for who in participants if who.field == "from" and _VIA.search(who.name)), "")
        return [replace(named, name=via) if named else Participant("from", via, author, author)]
    found: dict[str, Participant] = {}
    for who in others:
        if who.field in ("to", "cc", "bcc") and (who.normal not in found or not found[who.normal].name):
            found[who.normal] = who
    return list(found.values())


def readable_name(display: str, address: str) -> str:
    """What to call a person: the display name as it is read aloud, or else what the local part of the address says."""
    name = _AFTER_NAME.sub("", " ".join(display.split()))  # 'Anna Lind' via Dev
    while name and (bare := name.strip("\"'“”‘’ ,;")) != name:
        name = bare
    name = _AFTER_NAME.sub("", name)
    last, comma, first = (part.strip() for part in name.partition(","))
    if comma and first and last and "," not in first and not _NO_GIVEN_NAME.match(first) and len(first.split()) <= 3:
        name = f"{first} {last}"
    if name and "@" not in name:
        return name[:LONGEST_NAME]
    local = address.rpartition("@")[0].strip('"').partition("+")[0]
    words = [word for word in re.split(r"[._\s-]+", local) if word]
    spoken = " ".join(word[:1].upper() + word[1:] for word in words)
    return (spoken or address)[:LONGEST_NAME]

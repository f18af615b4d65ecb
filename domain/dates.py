"""The moments that mail names (RFC 5322, section 3.3), written as its grammar allows and not only as most do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from domain.addresses import without_comments

_LONGEST = 200  # characters that are looked at
_AROUND_COLONS = re.compile(r"\s*:\s*")
_BEFORE_COMMA = re.compile(r"\s+,")
_ZONE_AT_END = re.compile(r"\d\s*[a-z]{1,5}$|[+-]\d{4}$", re.IGNORECASE)
_ZONE = re.compile(r"\(\s*((?:UTC|GMT)?[+-]\d\d:?\d\d|UTC|GMT|UT|[ECMP][SD]T)\s*\)", re.IGNORECASE)


def moment(text: str) -> datetime | None:
    """The moment that `text` names, in UTC; None where it names none.

    Comments may stand anywhere and blanks around colons. Without a zone it is UTC, unless a comment is one.
    """
    text = text[:_LONGEST]
    if "(" in text:
        bare = _BEFORE_COMMA.sub(",", without_comments(text)).strip()
        if not _ZONE_AT_END.search(bare) and (said := _ZONE.search(text)):
            bare += " " + said[1].upper().removeprefix("GMT").removeprefix("UTC").replace(":", "")
        text = bare
    if " :" in text or ": " in text:
        text = _AROUND_COLONS.sub(":", text)
    try:
        found = parsedate_to_datetime(text)
        # "-0000" gives a naive time, which RFC 5322 3.3 defines as UTC
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except Exception:  # its errors are of many types, and differ between Python versions
        return None

"""The moments that mail names (RFC 5322, section 3.3), written as its grammar allows and not only as most do."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from domain.mime.addresses import without_comments

FIRST_YEAR = 1900  # RFC 5322, section 3.3

_LONGEST = 200  # characters that are looked at
_AROUND_COLONS = re.compile(r"\s*:\s*")
_BEFORE_COMMA = re.compile(r"\s+,")
_ZONE_AT_END = re.compile(r"\d\s*[a-z]{1,5}$|[+-]\d{4}$", re.IGNORECASE)
_USUAL = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?[ \d]?\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d\d:\d\d:\d\d (?:[+-]\d{4}|GMT|UTC)"
)
_LEAP_SECOND = re.compile(r"(?<=\d:)60(?!\d)")
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\s?(?P<zone>Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?", re.IGNORECASE
)
_HALF_DAY = re.compile(r"(?<=\d)\s*([ap])\.?m\b\.?", re.IGNORECASE)
_HOUR = re.compile(r"\b(\d{1,2})(?=[:.]\d\d)")
_OFFSET = re.compile(r"(?:\b(?:UTC|GMT))?([+-])(\d\d?):?(\d\d)?$", re.IGNORECASE)
_THREE_DIGITS = re.compile(r"(?<=[^\W\d]\s)0?1\d\d(?=\s)")  # the year after the month, as 1900 + n
_WORD = re.compile(r"[^\W\d_]{2,}\.?")
_COMMENT = re.compile(r"\(\s*(?:UTC|GMT)?([+-]\d\d?:?(?:\d\d)?|[a-z]{2,5})\s*\)", re.IGNORECASE)

# Names of zones that have one meaning in mail, beside those of RFC 5322, section 4.3. IST, for one, has three.
_ZONES = {
    name: offset
    for offset, names in {
        "+0000": "WET UT UTC GMT",
        "+0100": "CET MET MEZ BST WEST",
        "+0200": "CEST MEST MESZ EET SAST",
        "+0300": "EEST MSK",
        "+0800": "HKT AWST",
        "+0900": "JST KST",
        "+0930": "ACST",
        "+1000": "AEST",
        "+1030": "ACDT",
        "+1100": "AEDT",
        "+1200": "NZST",
        "+1300": "NZDT",
        "-0230": "NDT",
        "-0330": "NST",
        "-0400": "EDT",
        "-0500": "EST CDT",
        "-0600": "CST MDT",
        "-0700": "MST PDT",
        "-0800": "PST AKDT",
        "-0900": "AKST",
        "-1000": "HST",
    }.items()
    for name in names.split()
}
# Names of months, without marks, by their first letters: those of English, and what other languages of mail programs have.
_MONTHS = {
    begin: month
    for month, begins in {
        "Jan": "jan ene gen",
        "Feb": "feb fev",
        "Mar": "mar mrz mrt",
        "Apr": "apr abr avr",
        "May": "may mai maj mei mag",
        "Jun": "jun juin giu",
        "Jul": "jul juil lug",
        "Aug": "aug ago aou",
        "Sep": "sep set",
        "Oct": "oct okt ott out",
        "Nov": "nov",
        "Dec": "dec dez dic des",
    }.items()
    for begin in begins.split()
}


def moment(text: str) -> datetime | None:
    """The moment that `text` names, in UTC; None where it names none, or a year before 1900.

    Comments may stand anywhere and blanks around colons; a leap second is the one after 59; what scripts write by ISO 8601 is
    read too. Years of two and three digits are those of RFC 5322, section 4.3.
    Without a zone it is UTC, unless a comment is one; so it is with names of zones that nobody or everybody has.
    """
    text, leap = _LEAP_SECOND.subn("59", text[:_LONGEST].strip(), count=1)
    try:
        found = _of_iso(text) or parsedate_to_datetime(text if _USUAL.fullmatch(text) else _as_usual(text))
        # "-0000" gives a naive time, which RFC 5322 3.3 defines as UTC
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        found += timedelta(seconds=leap)
    except Exception:  # its errors are of many types, and differ between Python versions
        return None
    return found if found.year >= FIRST_YEAR else None


def _of_iso(text: str) -> datetime | None:
    """A moment as ISO 8601 writes it, with a blank for its T and around its zone; None for what begins otherwise."""
    if (iso := _ISO.fullmatch(text)) is None:
        return None
    zone = (iso["zone"] or "").upper()
    bare = text[: len(text) - len(zone)].strip()
    return datetime.fromisoformat(bare + zone.replace("UTC", "Z").replace("GMT", "Z"))


def _as_usual(text: str) -> str:
    """`text` as the library reads it: without comments, months in English, years of four digits, hours up to 23 and zones in
    numbers."""
    if "(" in text:
        bare = _BEFORE_COMMA.sub(",", without_comments(text)).strip()
        if not _ZONE_AT_END.search(bare) and (said := _zone_of_comment(text)):
            bare += " " + said
        text = bare
    text = _THREE_DIGITS.sub(lambda year: str(FIRST_YEAR + int(year[0])), _AROUND_COLONS.sub(":", text))
    if half := _HALF_DAY.search(text):
        text = _HOUR.sub(
            lambda hour: _of_day(int(hour[1]), half[1]), text[: half.start()] + text[half.end() :], count=1
        )
    return _WORD.sub(_in_english, _OFFSET.sub(_offset, text.strip()))


def _zone_of_comment(text: str) -> str | None:
    for said in _COMMENT.finditer(text):
        if offset := _OFFSET.fullmatch(said[1]):
            return _offset(offset).strip()
        if said[1].upper() in _ZONES:
            return _ZONES[said[1].upper()]
    return None


def _of_day(hour: int, half: str) -> str:
    """Of a hour by the clock's twelve; one beyond has its half in it."""
    if hour > 12:
        return f"{hour:02}"
    return f"{hour % 12 + (12 if half in 'pP' else 0):02}"


def _offset(found: re.Match[str]) -> str:
    sign, hours, minutes = found.groups()
    return f" {sign}{int(hours):02}{minutes or '00'}"


def _in_english(word: re.Match[str]) -> str:
    name = word[0].rstrip(".")
    if zone := _ZONES.get(name.upper()):
        return zone
    plain = "".join(one for one in unicodedata.normalize("NFD", name.lower()) if not unicodedata.combining(one))
    return _MONTHS.get(plain[:4]) or _MONTHS.get(plain[:3]) or word[0]

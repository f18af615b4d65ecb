"""Which numbers in a refusal are an error's own, and so say what happened: "Login failed: 503".

A number of its own beside the words is something else that is said, unless it is known to mean a wrong password. Those that
name a case or a host, count or tell the time say nothing: they are long, have letters, or stand beside a word for it. The words
are in domain/failures/refusal_words/numbers.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from typing import NamedTuple

from domain.failures.refusal_words import numbers

ERROR_NUMBER, PASSING_STATUS = "error_number", "passing_status"

_WIDE = (
    "\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff"  # of scripts without blanks, as domain/failures/vocabulary.py has them
)
_IN_A_WORD = rf"[^\W{_WIDE}]"
_BEGIN, _END = rf"(?<!{_IN_A_WORD})", rf"(?!{_IN_A_WORD})"
_LANGUAGE = re.compile(r"^ +[a-z]{2}: ", re.MULTILINE)

# Whatever digits are in these are no error's: addresses of the network, with a port, and days.
_PLACES_AND_DAYS = (
    r"\d{1,3}(?:\.\d{1,3}){3}(?::\d+|/\d+)?",
    r"(?:[a-z0-9_-]+\.)+[a-z]{2,}(?::\d+)?",
    r"[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}",
    r"\d{4}([-/.])\d\d?\1\d\d?(?:t\w*)?",
    r"\d\d?([-/.])\d\d?\1\d\d(?:\d\d)?",
)
_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t|tember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAY = "(?:mon|tue(?:s)?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_DAY = (
    rf"(?:\d\d?[ -]{_MONTH}|{_MONTH} +\d\d?)(?:,?[ -]\d{{4}})?(?: clocktime)?(?: (?:[+-]\d{{4}}|utc|gmt))?(?: \d{{4}})?"
)
_HEX = r"0x[0-9a-f]{1,16}"
_STATUS = re.compile(rf"(?<![\w.])[45]\.\d{{1,3}}\.\d{{1,3}}(?!{_IN_A_WORD}|\.\d)")
_LONG = 6  # digits: a shorter number that stands alone is an error's


class Numbers(NamedTuple):
    """Where which are: begin, end and concept of an error's own; begin and end of what says nothing, with the word for it.
    `cases` are those of which the word has another meaning where no case stands behind it: "session"."""

    said: tuple[tuple[int, int, str], ...] = ()
    nothing: tuple[tuple[int, int], ...] = ()
    cases: tuple[tuple[int, int], ...] = ()


def numbers_in(text: str) -> Numbers:
    """Those of `text`, which is folded (`domain.failures.vocabulary.fold`)."""
    if "clocktime" not in text and not any(map(str.isdigit, text)):  # which `fold` leaves of a time of the day
        return Numbers()
    rules = _rules()
    cases = tuple(found.span() for found in rules.cases.finditer(text))
    named = (*cases, *(found.span() for pattern in rules.named for found in pattern.finditer(text)))
    nothing = [*named, *(found.span() for pattern in rules.nothing for found in pattern.finditer(text))]
    said: list[tuple[int, int, str]] = []
    for status in _STATUS.finditer(text):
        if status[0] not in numbers.WRONG_PASSWORD_STATUSES and not _within(status.span(), nothing):
            said.append((*status.span(), PASSING_STATUS if status[0].startswith("4") else ERROR_NUMBER))
        nothing.append(status.span())
    for pattern, base in rules.of_errors:
        for found in pattern.finditer(text):
            place = found.span("number")
            if not _within(place, nothing) and not _is_a_wrong_password(found["number"], base):
                said.append((*place, ERROR_NUMBER))
            nothing.append(place)
    return Numbers(tuple(said), named, cases)


def _within(place: tuple[int, int], others: Collection[tuple[int, int]]) -> bool:
    return any(first < place[1] and place[0] < last for first, last in others)


def _is_a_wrong_password(number: str, base: int) -> bool:
    return int(number, base) % 2**32 in numbers.WRONG_PASSWORD_NUMBERS


class _Rules(NamedTuple):
    cases: re.Pattern[str]
    named: tuple[re.Pattern[str], ...]  # with a word for it right beside
    nothing: tuple[re.Pattern[str], ...]
    of_errors: tuple[tuple[re.Pattern[str], int], ...]  # surest first; with the base of the number


@functools.cache
def _rules() -> _Rules:
    prefix = "|".join(numbers.PREFIXES_OF_AN_ERROR)
    number = r"-?\d{1,10}"
    between = r"[\s:=#.,/'\"(\[<-]{0,4}"
    case = rf"{between}(?=[\w.-]*\d)\w[\w.-]*"
    long_case = rf"{between}(?=[\w.-]*\d)(?:[\w.-]{{{_LONG},}}|(?=\d*[a-z])\w+)"
    counted, so_many = _any(numbers.COUNTED), "|".join(map(re.escape, numbers.OF_SO_MANY))
    cases = rf"{_any(numbers.OF_A_LONG_CASE)}{long_case}"
    named = (
        rf"{_any(numbers.OF_A_CASE)}{case}",
        rf"{_BEGIN}\d+[ .-]?{counted}(?: {counted})?",
        rf"{counted}{between}\d+{_END}",
        rf"{_BEGIN}\d+ ?(?:{so_many}) ?\d+{_END}",
        rf"{_BEGIN}clocktime(?:\.\d+)?z?(?: ?(?:[+-]\d\d:?\d\d|utc|gmt|cet|cest))?{_END}",
        f"{_BEGIN}(?:{_WEEKDAY},? ?)?{_DAY}{_END}",
    )
    nothing = (
        *(rf"(?<![\w.]){place}(?![\w.]*\d)" for place in _PLACES_AND_DAYS),
        rf"{_any(numbers.OF_A_NAME)}[\s'\"(<]{{1,3}}\d+{_END}",
        rf"{_BEGIN}\d+ {_IN_A_WORD}+ {counted}",  # "3 more attempts"
        rf"{_IN_A_WORD}\[\d+\]",  # "popper[12345]"
    )
    of_errors = (
        (rf"{_BEGIN}(?P<number>-?{_HEX}){_END}", 16),
        (rf"{_any(numbers.OF_AN_ERROR)}{between}(?P<number>(?=[0-9a-f]*[a-f])[0-9a-f]{{8}}){_END}", 16),
        (rf"{_any(numbers.OF_AN_ERROR)}[\s:=#.,'\"(\[<]{{0,4}}(?P<number>{number}){_END}", 10),
        (rf"{_BEGIN}(?:{prefix})[_-]?(?P<number>\d{{1,10}}){_END}", 10),
        (rf"(?<![\w.)\]-])(?P<number>-\d{{1,10}})(?!{_IN_A_WORD}|[.:-]\d)", 10),
        (rf"(?<![.@+-])(?<!\d[:/]){_BEGIN}(?P<number>\d{{1,{_LONG - 1}}})(?!{_IN_A_WORD}|[.,:@/-]\w|%)", 10),
    )
    return _Rules(
        re.compile(cases),
        tuple(re.compile(pattern) for pattern in named),
        tuple(re.compile(pattern) for pattern in nothing),
        tuple((re.compile(pattern), base) for pattern, base in of_errors),
    )


def _any(words: str) -> str:
    """A pattern of any of these words, longest first."""
    lines = _LANGUAGE.sub(", ", words).replace("\n", " ").split(",")
    spelled = sorted({word.strip() for word in lines if word.strip()}, key=len, reverse=True)
    return "(?:" + "|".join(map(_spelled, spelled)) + ")"


def _spelled(word: str) -> str:
    pattern = re.escape(word.rstrip("*")).replace(r"\ ", r"[\s_-]?")
    if re.search(f"[{_WIDE}]", word):
        return pattern
    return f"{_BEGIN}{pattern}" + (rf"{_IN_A_WORD}*" if word.endswith("*") else _END)

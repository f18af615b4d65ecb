"""Which numbers in a refusal are an error's own, and so say what happened: "Login failed: 503".

A number of its own beside the words is something else that is said, unless it is known to mean a wrong password. Those that
name a case or a host, count or tell the time say nothing: they are long, have letters, or stand beside a word for it. The words
are in domain/failures/refusal_words/numbers.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from domain.failures.refusal_words import numbers

ERROR_NUMBER, PASSING_STATUS = "error_number", "passing_status"

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
_LONG = 6  # digits: a shorter number that stands alone is an error's

# Letters of scripts without blanks between words are no letters here: `_shadow` has dots for them. They are not named in the
# expressions, as each class that names them costs milliseconds to compile; nor are words, which `_Words` looks up.
_SCRIPTS_WITHOUT_BLANKS = re.compile("[\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff]")
_NUMBER = re.compile(r"(?<!\w)\d+")
_SEPARATED = re.compile(r"[ .-]")
_WORDS_BETWEEN = (re.compile(r" [^\W\d]+ "), re.compile(r" [^\W\d]+ [^\W\d]+ "))
_LETTERS = re.compile(r"[^\W\d]*")
_BETWEEN = r"[\s:=#.,/'\"(\[<-]{0,4}"
_BETWEEN_UNSIGNED = r"[\s:=#.,'\"(\[<]{0,4}"  # what is right before a number with a sign
_COUNTED_NUMBER = re.compile(rf"{_BETWEEN}\d+(?!\w)")
_CASE = re.compile(rf"{_BETWEEN}(?=[\w.-]*\d)\w[\w.-]*")
_LONG_CASE = re.compile(rf"{_BETWEEN}(?=[\w.-]*\d)(?:[\w.-]{{{_LONG},}}|(?=\d*[a-z])\w+)")
_NAME = re.compile(r"[\s'\"(<]{1,3}\d+(?!\w)")
_STATUS = re.compile(r"(?<![\w.])[45]\.\d{1,3}\.\d{1,3}(?!\w|\.\d)")
_TIMES = (
    re.compile(rf"(?<!\w)\d+ ?(?:{'|'.join(map(re.escape, numbers.OF_SO_MANY))}) ?\d+(?!\w)"),
    re.compile(r"(?<!\w)clocktime(?:\.\d+)?z?(?: ?(?:[+-]\d\d:?\d\d|utc|gmt|cet|cest))?(?!\w)"),
    re.compile(rf"(?<!\w)(?:{_WEEKDAY},? ?)?{_DAY}(?!\w)"),
)
_NOTHING = (
    *(re.compile(rf"(?<![\w.]){place}(?![\w.]*\d)") for place in _PLACES_AND_DAYS),
    re.compile(r"(?<!\w)\w+\[\d+\]"),  # "popper[12345]"
)
_PREFIXES = "|".join(numbers.PREFIXES_OF_AN_ERROR)
_HEX = re.compile(r"(?<!\w)(?P<number>-?0x[0-9a-f]{1,16})(?!\w)")
_HEX_OF_AN_ERROR = re.compile(rf"{_BETWEEN}(?P<number>(?=[0-9a-f]*[a-f])[0-9a-f]{{8}})(?!\w)")
_OF_AN_ERROR = re.compile(rf"{_BETWEEN_UNSIGNED}(?P<number>-?\d{{1,10}})(?!\w)")
_ALONE = (
    re.compile(rf"(?<!\w)(?:{_PREFIXES})[_-]?(?P<number>\d{{1,10}})(?!\w)"),
    re.compile(r"(?<![\w.)\]-])(?P<number>-\d{1,10})(?!\w|[.:-]\d)"),
    re.compile(rf"(?<![.@+-])(?<!\d[:/])(?<!\w)(?P<number>\d{{1,{_LONG - 1}}})(?!\w|[.,:@/-]\w|%)"),
)


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
    words, shadow = _words(), _SCRIPTS_WITHOUT_BLANKS.sub("\u00b7", text)
    begins = [at for at in range(len(text)) if _begins(shadow, at)]
    counted = set(words.counted.found(text, shadow, begins))
    cases = tuple(_followed(words.of_a_long_case.found(text, shadow, begins), _LONG_CASE, shadow))
    named = (
        *cases,
        *_followed(words.of_a_case.found(text, shadow, begins), _CASE, shadow),
        *_followed(counted, _COUNTED_NUMBER, shadow),
        *_counts(shadow, counted),
        *(found.span() for pattern in _TIMES for found in pattern.finditer(shadow)),
    )
    nothing = [
        *named,
        *_followed(words.of_a_name.found(text, shadow, begins), _NAME, shadow),
        *(found.span() for pattern in _NOTHING for found in pattern.finditer(shadow)),
    ]
    said: list[tuple[int, int, str]] = []
    for status in _STATUS.finditer(shadow):
        if status[0] not in numbers.WRONG_PASSWORD_STATUSES and not _within(status.span(), nothing):
            said.append((*status.span(), PASSING_STATUS if status[0].startswith("4") else ERROR_NUMBER))
        nothing.append(status.span())
    of_errors = set(words.of_an_error.found(text, shadow, begins))
    for candidates, base in (  # the surest first
        (list(_HEX.finditer(shadow)), 16),
        (_behind(of_errors, _HEX_OF_AN_ERROR, shadow), 16),
        (_behind(of_errors, _OF_AN_ERROR, shadow), 10),
        *((list(pattern.finditer(shadow)), 10) for pattern in _ALONE),
    ):
        for found in candidates:
            place = found.span("number")
            if not _within(place, nothing) and not _is_a_wrong_password(found["number"], base):
                said.append((*place, ERROR_NUMBER))
            nothing.append(place)
    return Numbers(tuple(said), named, cases)


def _behind(words: Iterable[tuple[int, int]], pattern: re.Pattern[str], shadow: str) -> list[re.Match[str]]:
    return [found for end in sorted({end for _, end in words}) if (found := pattern.match(shadow, end))]


def _followed(words: Iterable[tuple[int, int]], pattern: re.Pattern[str], shadow: str) -> Iterator[tuple[int, int]]:
    """From where a word begins to where what follows it ends."""
    for begin, end in words:
        if found := pattern.match(shadow, end):
            yield begin, found.end()


def _counts(shadow: str, counted: Collection[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Numbers before what they count: "3 attempts remaining", "3-day", "3 more attempts"."""
    ends: dict[int, list[int]] = {}
    for begin, end in counted:
        ends.setdefault(begin, []).append(end)
    for number in _NUMBER.finditer(shadow):
        behind = [number.end()]
        behind += [found.end() for found in (_SEPARATED.match(shadow, number.end()),) if found]
        behind += [found.end() for between in _WORDS_BETWEEN if (found := between.match(shadow, number.end()))]
        for first in (end for at in behind for end in ends.get(at, ())):
            yield number.start(), max([first, *(ends.get(first + 1, ()) if shadow[first : first + 1] == " " else ())])


def _within(place: tuple[int, int], others: Collection[tuple[int, int]]) -> bool:
    return any(first < place[1] and place[0] < last for first, last in others)


def _is_a_wrong_password(number: str, base: int) -> bool:
    return int(number, base) % 2**32 in numbers.WRONG_PASSWORD_NUMBERS


class _Spelling(NamedTuple):
    parts: tuple[str, ...]  # folded; between them a blank, a line, or nothing
    open_ended: bool
    wide: bool


class _Words(NamedTuple):
    """Those of one list, by what they begin with."""

    by_start: dict[str, list[_Spelling]]

    @classmethod
    def of(cls, table: str) -> _Words:
        lines = _LANGUAGE.sub(", ", table).replace("\n", " ").split(",")
        by_start: dict[str, list[_Spelling]] = {}
        for word in {word.strip() for word in lines if word.strip()}:
            parts = tuple(word.rstrip("*").split())
            wide = _SCRIPTS_WITHOUT_BLANKS.search(word) is not None
            by_start.setdefault(parts[0][:2], []).append(_Spelling(parts, word.endswith("*"), wide))
        return cls(by_start)

    def found(self, text: str, shadow: str, begins: Iterable[int]) -> Iterator[tuple[int, int]]:
        for at in begins:
            for start in {text[at : at + 2], text[at]}:
                for spelling in self.by_start.get(start, ()):
                    if (end := _end(spelling, text, shadow, at)) is not None:
                        yield at, end


def _begins(shadow: str, at: int) -> bool:
    return not shadow[at].isspace() and (at == 0 or not _is_in_a_word(shadow[at - 1]))


def _is_in_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _end(spelling: _Spelling, text: str, shadow: str, at: int) -> int | None:
    for n, part in enumerate(spelling.parts):
        if n and text[at : at + 1] in (" ", "_", "-"):
            at += 1
        if not text.startswith(part, at):
            return None
        at += len(part)
    if spelling.wide:
        return at
    if spelling.open_ended:
        letters = _LETTERS.match(shadow, at)
        return letters.end() if letters else at
    return None if at < len(shadow) and _is_in_a_word(shadow[at]) else at


class _Lists(NamedTuple):
    of_an_error: _Words
    of_a_case: _Words
    of_a_long_case: _Words
    of_a_name: _Words
    counted: _Words


@functools.cache
def _words() -> _Lists:
    return _Lists(
        _Words.of(numbers.OF_AN_ERROR),
        _Words.of(numbers.OF_A_CASE),
        _Words.of(numbers.OF_A_LONG_CASE),
        _Words.of(numbers.OF_A_NAME),
        _Words.of(numbers.COUNTED),
    )

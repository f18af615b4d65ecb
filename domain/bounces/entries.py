"""What an entry of a list, a row of a table or a record says of the address in it: that the mail arrived, or that it failed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from domain.bounces.arrival_words import NO, YES
from domain.bounces.clauses import MARKS
from domain.bounces.meanings import OF_RECIPIENTS, meant
from domain.bounces.notice_places import ADDRESS, Place, label_of, words_in
from domain.bounces.notice_words import SENDER_LABEL
from domain.bounces.polarity import MOST_WORDS, Said, judged

MOST_FIELDS = 6  # of a record, below or above its address

_ANSWER = re.compile(r"\W{0,8}(?:\w{1,8}:\s{0,4})?([2-5])\d\d(?:[ -]|$)")
_COLUMN = re.compile(r"[>\])\"']{0,3}(?:\t|\s{2,}|\s{0,2}[|:=(\[]|\s[-–—]{1,2}>?\s|\s?[=-]>)")
_GAP = re.compile(r"[.!?。！？]\s|[,;|/\t，；、]|\s{2,}|\s(?:and|und|et|y|e|i|и|&)\s|\s(?=\[)")


def of_value(name: str, value: str) -> bool | None:
    """What a field says by its name and value, both lowered."""
    if NO.fullmatch(value) or YES.fullmatch(value):
        said = judged(name, status=True)
        return None if said is None else said == bool(YES.fullmatch(value))
    return judged(value, status=True)


def beside(place: Place) -> bool | None:
    """What a line that is an entry, a row or a field says of an address in it; None where it is a sentence."""
    before, after = _own(place)
    if not words_in(f"{before} {after}") and (shared := _shared(place)) is not None:
        return shared
    label = label_of(before)
    if not (label or place.first):
        words = words_in(before)
        status = words <= MOST_WORDS and _COLUMN.match(after) and words_in(after) <= MOST_WORDS
        if words > 1 + 2 * bool(judged(before, status=True)) and not status:
            return None
    column = _COLUMN.match(after) is not None
    after = after.strip(MARKS + "！")
    if not label and YES.fullmatch(after):
        return True
    if not label and NO.fullmatch(after):
        return None  # to what is not known
    own = judged(after[:200], status=words_in(after) <= 12 or after[:1].isdigit())
    if own is None and column and words_in(after) <= 2 * MOST_WORDS and meant(after, english=True) in OF_RECIPIENTS:
        return False
    return judged(before.strip(" \t*#|`•·\"'<>:：="), status=True) if own is None else own


def answered(place: Place) -> bool:
    """Whether a server's answer to a command stands behind the address in the same line, and says yes."""
    following = ADDRESS.search(place.after)
    return judged(place.after[: following.start() if following else None], status=True) is True


def _shared(place: Place) -> bool | None:
    """What a line says of all the addresses in a row in it: "Delivered to: jane@example.com, joe@example.com"."""
    spans = [one.span() for one in ADDRESS.finditer(place.line)]
    n = next((n for n, (start, _) in enumerate(spans) if start == place.one.start()), 0)
    gaps = [place.line[end:start] for (_, end), (start, _) in itertools.pairwise(spans)]
    if n and not any(map(words_in, gaps[:n])):
        return judged(place.line[: spans[0][0]].strip(MARKS), status=True)
    if n < len(gaps) and not any(map(words_in, gaps[n:])):
        return judged(place.line[spans[-1][1] :].strip(MARKS)[:200], status=True)
    return None


def stands_in_row(place: Place) -> bool:
    """Whether a line is a row of a table or a list, with a status beside the address, and no sentence."""
    before, after = _own(place)
    before = before.strip(MARKS)
    if before:
        return judged(before, status=True) is False or not words_in(before) or label_of(_own(place)[0]) is not None
    return _COLUMN.match(after) is not None and words_in(after) <= 2 * MOST_WORDS


def said_in_row(place: Place) -> Said | None:
    """What is said of an address in a line that names others too; None where it is the only one."""
    before, after = _own(place)
    return None if before + place.one[0] + after == place.line else Said(False, "", f"{before} {after}")


def _own(place: Place) -> tuple[str, str]:
    """What stands in the line before and after an address, and is not of another one."""
    line, at, end = place.line, place.one.start(), place.one.end()
    own = place.one[0].strip("<>")
    others = [one for one in ADDRESS.finditer(line) if one.start() != at and one[0].strip("<>") != own]
    if not others:
        return line[:at], line[end:]
    first = min(at, others[0].start())
    status_first = judged(line[:first].strip(), status=True) is not None
    last = max((one.end() for one in others if one.end() <= at), default=0)
    following = min((one.start() for one in others if one.start() >= end), default=len(line))
    begin = _cut(line, last, at, nearest_end=not status_first) if last else 0
    stop = _cut(line, end, following, nearest_end=not status_first) if following < len(line) else len(line)
    return line[begin:at], line[end:stop]


def _cut(line: str, start: int, end: int, *, nearest_end: bool) -> int:
    """Where what is said of one address ends and what is said of the next begins."""
    cuts = [one.start() for one in _GAP.finditer(line, start, end)]
    if not cuts:
        return start if nearest_end else end  # one speaks of the other: "jane@example.com <joe@example.com>"
    return cuts[-1] if nearest_end else cuts[0]


def said_in_record(lines: Sequence[str], place: Place) -> bool | None:
    """What the fields, the answer or the words below an address say of it; or those above, if its record begins so."""
    said: list[bool | None] = []
    begin = place.at + 1
    if not place.rest and _is_apart(lines, begin):
        begin += 1
    for line in lines[begin : begin + MOST_FIELDS]:
        if not line.strip() or ADDRESS.search(line):
            break
        if answer := _ANSWER.match(line):
            return answer[1] == "2"
        label = label_of(line)
        if label and (value := line[label.end() :].strip()):
            name = label["name"].strip()
            said.append(None if SENDER_LABEL.match(name) else of_value(name, value))
        elif line[:1].isspace() or len(line.split()) <= MOST_WORDS:
            said.append(judged(line, status=True) if not line.rstrip().endswith((":", "：")) else None)
        else:
            break
    if not said or set(said) == {None}:
        said = _above(lines, place)
    return False if False in said else True if True in said else None


def _is_apart(lines: Sequence[str], at: int) -> bool:
    """Whether behind a blank line fields follow that have no address of their own."""
    if lines[at : at + 1] != [""]:
        return False
    below = lines[at + 1 : at + 1 + MOST_FIELDS]
    record = below[: below.index("")] if "" in below else below
    return bool(record) and label_of(record[0]) is not None and not any(map(ADDRESS.search, record))


def _above(lines: Sequence[str], place: Place) -> list[bool | None]:
    said: list[bool | None] = []
    if not label_of(place.line):
        return said
    for line in reversed(lines[max(0, place.at - MOST_FIELDS) : place.at]):
        if not line.strip():
            return said
        label = label_of(line)
        if not label or ADDRESS.search(line):
            break
        said.append(of_value(label["name"].strip(), line[label.end() :].strip()))
    return said if len(said) == place.at else []

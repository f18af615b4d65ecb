"""The clauses of a sentence with addresses, and of whom it is said that something failed.

Clauses are told apart wherever marks or words part them, but for addresses in a row ("jane@example.com, joe@example.com and
ann@example.com"), which are one. A failure is said of the addresses of its own clause, there of those nearest to it; where its
clause has none, of those of the clause before, or else behind.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from domain.bounces.arrival_words import AND, CONTRAST, SUBORDINATE
from domain.bounces.notice_places import ADDRESS, words_in
from domain.bounces.notice_words import (
    BEFORE_OTHERS,
    BEFORE_RECIPIENT,
    OF_RECIPIENT,
    SAID_BY,
    SENDER_AFTER,
    SENDER_BEFORE,
    WRITE_TO,
)

LONGEST_CLAUSE = 300
MARKS = " \t*#|`•·\"'<>()[]-–—:：=,;.>"

Judge = Callable[[str], bool | None]

_CONTRAST = re.compile(CONTRAST)
_MAJOR = re.compile(rf"[;；]|\s[—–]\s|[—–]{{2}}|\s-{{1,2}}\s|{CONTRAST}")
_MINOR = re.compile(rf"[,，、](?!\d)|[:：](?![\d/])|{SUBORDINATE}")
_BOUNDARY = re.compile(r"[,;，；、](?!\d)")
_PREPOSITION = r"(?:to|for|an|für|à|pour|para|a|al|do|da|dla|для|til|till|for|för|naar|voor|per)"
_IN_A_ROW = re.compile(
    r"[>\"')\]\s]{0,4}(?:(?:[,;、，&/+]|\b(?:and|or|nor|und|oder|noch|et|ou|ni|y|o|e|né|i|oraz|ani|и|или|ни|en|och|og|ve|és)\b|"
    r"和|以及|及び|及|と)"
    rf"[\s,]{{0,3}}(?:(?:and|or|und|et|y|e|i|и)\s)?(?:{_PREPOSITION}\s)?(?:\"[^\"<>@]{{0,60}}\"\s?)?|\s)[<\"'(\[\s]{{0,4}}"
)
_IN_BRACKETS = re.compile(r"[(\[][^()\[\]]{0,78}$")
_LEADS_TO = re.compile(rf"[>\"')\]\s]{{0,4}}(?:-{{1,2}}>|=>|→|{_PREPOSITION})[<\"'(\[\s]{{0,4}}")


class Piece(NamedTuple):
    """A clause: its text, which part of the sentence between semicolons or contrasts it is in, where it stands."""

    text: str
    major: int
    start: int
    end: int
    addressed: bool


def clauses_of(sentence: str, judge: Judge) -> list[Piece]:
    """The clauses of a sentence; no address is cut, nor addresses in a row."""
    kept = rows_in(sentence, judge)
    starts = [start for start, _ in kept]
    found: list[Piece] = []

    def cuts(pattern: re.Pattern[str], start: int, end: int) -> list[int]:
        cut = []
        for one in pattern.finditer(sentence, start, end):
            n = bisect.bisect_left(starts, one.start()) - 1
            if n < 0 or one.start() >= kept[n][1]:
                cut.append(one.start())
        return cut

    majors = [0, *sorted({_begin(sentence, cut, judge) for cut in cuts(_MAJOR, 0, len(sentence))} - {0}), len(sentence)]
    for major, (start, end) in enumerate(itertools.pairwise(majors)):
        for first, last in itertools.pairwise([start, *cuts(_MINOR, start, end), end]):
            parts = list(itertools.pairwise([first, *cuts(AND, first, last), last]))
            several = len(parts) > 1 and len({judge(sentence[one:other]) for one, other in parts} - {None}) > 1
            for one, other in parts if several else [(first, last)]:
                text = sentence[one:other]
                if text.strip(MARKS):
                    found.append(Piece(text, major, one, other, ADDRESS.search(text) is not None))
    return found


def rows_in(sentence: str, judge: Judge) -> list[tuple[int, int]]:
    """Where addresses in a row begin and end; one alone is a row too."""
    rows: list[tuple[int, int]] = []
    spans = [one.span() for one in ADDRESS.finditer(sentence)]
    for n, (start, end) in enumerate(spans):
        following = spans[n + 1][0] if n + 1 < len(spans) else len(sentence)
        if (
            rows
            and _IN_A_ROW.fullmatch(sentence, rows[-1][1], start)
            and not _parts(sentence, *rows[-1], end, following, judge)
        ):
            rows[-1] = (rows[-1][0], end)
        else:
            rows.append((start, end))
    return rows


def _parts(sentence: str, start: int, row_end: int, end: int, following: int, judge: Judge) -> bool:
    """Whether the comma behind a row ends a clause: "when we handed it to bob@example.com, jane@example.com refused it"."""
    if sentence[row_end:end].lstrip(">\"')] ")[:1] not in (",", "，", "、") or _IN_A_ROW.fullmatch(
        sentence, end, following
    ):
        return False
    behind = _BOUNDARY.split(sentence[end:following], maxsplit=1)[0]
    clause = _BOUNDARY.split(sentence[max(0, start - LONGEST_CLAUSE) : row_end])[-1]
    if not words_in(behind) or not words_in(ADDRESS.sub(" ", clause)):
        return False
    return _CONTRAST.match(clause.lstrip()) is not None or judge(clause) is not None


def failing_rows(
    sentence: str, pieces: Sequence[Piece], said: Sequence[bool | None], own: Collection[str], judge: Judge
) -> list[tuple[int, int]]:
    """The rows of addresses of which a sentence says that they failed. `own` addresses are nobody's here."""
    rows = rows_in(sentence, judge)
    standing = [row for n, row in enumerate(rows) if not _is_other(sentence, rows, n, own)]
    standing = [row for row in standing if not _IN_BRACKETS.search(sentence[max(0, row[0] - 80) : row[0]])] or standing
    of_piece = {n: [row for row in standing if piece.start <= row[0] < piece.end] for n, piece in enumerate(pieces)}
    failing = [n for n, one in enumerate(said) if one is False]
    if not failing:  # the sentence says it as a whole
        return _nearest(sentence, 0, len(sentence), rows, standing, judge)
    found = []
    for n in failing:
        if pieces[n].addressed:
            found += _nearest(sentence, pieces[n].start, pieces[n].end, rows, of_piece[n], judge)
        else:
            before = next((m for m in range(n - 1, -1, -1) if of_piece[m]), None)
            behind = next((m for m in range(n + 1, len(pieces)) if of_piece[m]), None)
            if n + 1 < len(pieces) and of_piece[n + 1] and pieces[n + 1].text[0] in ":：":
                found.append(of_piece[n + 1][0])
            elif before is not None and said[before] is None:
                found.append(of_piece[before][-1])
            elif before is None and behind is not None and said[behind] is None:
                found.append(of_piece[behind][0])
    return found


def _nearest(
    sentence: str,
    start: int,
    end: int,
    rows: Sequence[tuple[int, int]],
    standing: Sequence[tuple[int, int]],
    judge: Judge,
) -> list[tuple[int, int]]:
    """Of the rows that stand in a clause those beside which it says what failed."""
    if len(standing) <= 1:
        return list(standing)
    within = [row for row in rows if start <= row[0] < end]
    edges = [start, *(edge for row in within for edge in row), end]
    found = []
    for n in range(0, len(edges), 2):
        words = sentence[edges[n] : edges[n + 1]]
        if judge(words) is not False:
            continue
        left = within[n // 2 - 1] if n else None
        right = within[n // 2] if n // 2 < len(within) else None
        first, second = (right, left) if BEFORE_RECIPIENT.search(words[-60:]) and right in standing else (left, right)
        found += [one for one in (first, second) if one is not None and one in standing][:1]
    if found:
        return found
    as_recipients = [row for row in standing if BEFORE_RECIPIENT.search(sentence[max(0, row[0] - 60) : row[0]])]
    return as_recipients if len(as_recipients) == 1 else []


def _is_other(sentence: str, rows: Sequence[tuple[int, int]], n: int, own: Collection[str]) -> bool:
    """Whether a row stands as those do who sent, told or help, and not as recipients."""
    start, end = rows[n]
    before, after = sentence[max(0, start - 80) : start], sentence[end : end + 40]
    if sentence[start:end].strip("<>") in own or SENDER_AFTER.match(after) or SENDER_BEFORE.search(before[-12:]):
        return True
    if SAID_BY.search(before[-24:]) or WRITE_TO.search(before[-40:]):
        return True
    if BEFORE_OTHERS.search(before[-60:]) and not OF_RECIPIENT.search(before[-20:]):
        return True
    return n + 1 < len(rows) and _LEADS_TO.fullmatch(sentence, end, rows[n + 1][0]) is not None


def _begin(sentence: str, cut: int, judge: Judge) -> int:
    """Where a clause begins that has a "however" at `cut`: before its address in "to jane, however, it did not"."""
    if not _CONTRAST.match(sentence, cut):
        return cut
    boundary = _BOUNDARY.search(sentence, cut)
    if ADDRESS.search(sentence, cut, boundary.start() if boundary else len(sentence)):
        return cut
    before = sentence[:cut].rstrip(" ,，、")
    begin = max((before.rfind(mark) for mark in ",;，；、"), default=0)
    clause = before[max(begin, 0) :]
    return max(begin, 0) if ADDRESS.search(clause) and words_in(clause) and judge(clause) is None else cut

"""What a notice says of one address: that the mail arrived, that it failed, or neither.

A notice is read in the pieces that each speak of one recipient: a clause, a line of a list, a record. Words of failure win
over words of arrival in a piece, and what one piece says counts for no other. The words are in
domain/bounces/arrival_words.py.
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from domain.bounces.arrival_words import (
    AFFIRMS,
    AND,
    CONTRAST,
    EVERYDAY,
    EXCEPT,
    FAILED_MARK,
    FAILED_STATUS,
    GOT,
    GOT_MARK,
    GOT_STATUS,
    LIKEWISE,
    NEUTRAL,
    NOT_BEHIND,
    ONLY,
    OTHERS,
    UNTROUBLED,
)
from domain.bounces.meanings import OF_RECIPIENTS, meant
from domain.bounces.notice_places import ADDRESS, words_in
from domain.bounces.notice_words import DELAY, DELIVER, EXIST, FAILED, FAILURE, NOT, SENDER_AFTER
from domain.bounces.reasons import REPLY_CODE, STATUS, says_why

MOST_WORDS = 5  # of a clause that only says "not", or whom
_HAPPENS = frozenset(
    {"送达", "投递", "投遞", "配信", "届け", "配送", "宛先", "배달", "수신자"}
)  # not a failure by itself
_MAJOR = re.compile(rf"[;；]|\s[—–]\s|[—–]{{2}}|\s-{{1,2}}\s|{CONTRAST}")
_CONTRAST = re.compile(CONTRAST)
_BOUNDARY = re.compile(r"[,;，；、](?!\d)")
_MINOR = re.compile(r"[,，、](?!\d)|[:：](?![\d/])")
_SUCCESS_CODE = re.compile(r"(?<![\d.:/-])2[05]\d(?=[\s:;,)\]#-]|$)|(?<![\d.])2\.\d\.\d{1,3}(?![\d.]*\d)")
_IN_BRACKETS = re.compile(r"@[^\s()\[\]]{1,255}\s{0,2}[(\[]([^()\[\]]{1,60})(?:[)\]]|$)")
MARKS = " \t*#|`•·\"'<>()[]-–—:：=,;.>"


def judged(low: str, *, status: bool = False) -> bool | None:
    """Whether lowered words say that a mail arrived (True) or failed (False); None: neither. `status`: they stand where a
    status does, so that "sent", "ok" or a mark say so too."""
    low = UNTROUBLED.sub(" arrived ", NEUTRAL.sub(" ", ADDRESS.sub(" ", low)))
    if _failed(low) or (status and (FAILED_MARK.search(low) or FAILED_STATUS.search(low))):
        return False
    if GOT.search(low):
        return True
    return True if status and (GOT_MARK.search(low) or GOT_STATUS.search(low) or _SUCCESS_CODE.search(low)) else None


def _failed(low: str) -> bool:
    if any(one[1] in "45" for one in STATUS.finditer(low)) or REPLY_CODE.search(low):
        return True
    if any(one[0] not in _HAPPENS for one in FAILURE.finditer(low)) or FAILED.search(low) or DELAY.search(low):
        return True
    if (NOT.search(low) or NOT_BEHIND.search(low)) and (DELIVER.search(low) or EXIST.search(low) or GOT.search(low)):
        return True
    if ONLY.search(low) and not GOT.search(ONLY.sub(" ", low)):
        return True
    return NOT_BEHIND.search(low) is not None or (not GOT.search(low) and says_why(low))


class Said(NamedTuple):
    """What a `sentence` says of an address in it, and the clauses of its `own`, None where these are not told apart; `parted`:
    it says of some that they got the mail."""

    arrived: bool | None
    sentence: str
    own: str | None = None
    parted: bool = False


class _Piece(NamedTuple):
    text: str
    major: int
    start: int
    end: int
    addressed: bool


def of_sentence(before: str, address: str, after: str) -> Said:
    """What a sentence says of the address in it, which stands between `before` and `after`."""
    sentence, whole = f"{before}{address}{after}", f"{before} {after}"
    if not (ADDRESS.search(whole) or GOT.search(whole)):
        return Said(None, whole)  # as most sentences are
    at = len(before)
    pieces = list(_pieces(sentence))
    said = [_judge(piece) for piece in pieces]
    here = next((n for n, piece in enumerate(pieces) if piece.start <= at < piece.end), len(pieces) - 1)
    for n, piece in enumerate(pieces):
        if said[n] is None and not EVERYDAY.search(piece.text):
            said[n] = _by_neighbours(pieces, said, n)
    if said[here] is None and pieces[here].addressed and _CONTRAST.match(pieces[here].text.lstrip()):
        said[here] = _in_contrast(pieces, said, here)
    if True not in said:
        own = _with_free(pieces, here) if sum(piece.addressed for piece in pieces) > 1 else ""
        return Said(None, whole, own if says_why(own, any_reason=True) else None)
    if said[here] is None and meant(pieces[here].text, english=True) in OF_RECIPIENTS:
        said[here] = False
    arrived = said[here] if said[here] is not None else _of_group(pieces, said, here)
    if sum(piece.addressed for piece in pieces) == 1 and arrived and False in said:
        rest = [piece.text for one, piece in zip(said, pieces, strict=True) if one is False]
        strong = any(_CONTRAST.match(text.lstrip()) or _broke(text) for text in rest)
        arrived = True if not strong or any(OTHERS.search(text) for text in rest) else None
    return Said(arrived, whole, _with_free(pieces, here), parted=True)


def _broke(text: str) -> bool:
    """Whether a clause without an address says that the mail came back, and not only what else did not happen."""
    return bool(FAILED.search(text) or REPLY_CODE.search(text) or STATUS.search(text) or says_why(text))


def only_denies(sentence: str) -> bool:
    """Whether a lowered sentence says "not" of a recipient and no more, so that the one before tells what: "jane did not"."""
    text = ADDRESS.sub(" ", sentence)
    denies = NOT.search(text) is not None or NOT_BEHIND.search(text) is not None
    return denies and words_in(text) <= MOST_WORDS and not LIKEWISE.search(text)


def _pieces(sentence: str) -> list[_Piece]:
    """The clauses of a sentence; no address is cut."""
    kept = [one.span() for one in ADDRESS.finditer(sentence)]
    found: list[_Piece] = []

    def add(start: int, end: int, major: int) -> None:
        text = sentence[start:end]
        if text.strip(MARKS):
            found.append(_Piece(text, major, start, end, ADDRESS.search(text) is not None))

    def cuts(pattern: re.Pattern[str], start: int, end: int) -> list[int]:
        return [
            one.start()
            for one in pattern.finditer(sentence, start, end)
            if not any(first < one.start() < last for first, last in kept)
        ]

    majors = [0, *sorted({_begin(sentence, cut) for cut in cuts(_MAJOR, 0, len(sentence))} - {0}), len(sentence)]
    for major, (start, end) in enumerate(itertools.pairwise(majors)):
        minors = [start, *cuts(_MINOR, start, end), end]
        for first, last in itertools.pairwise(minors):
            ands = [first, *cuts(AND, first, last), last]
            parts = list(itertools.pairwise(ands))
            several = len(parts) > 1 and len({judged(sentence[one:other]) for one, other in parts} - {None}) > 1
            for one, other in parts if several else [(first, last)]:
                add(one, other, major)
    return found


def _begin(sentence: str, cut: int) -> int:
    """Where a clause begins that has a "however" at `cut`: before its address in "to jane, however, it did not"."""
    if not _CONTRAST.match(sentence, cut):
        return cut
    end = min((one.start() for one in _BOUNDARY.finditer(sentence, cut)), default=len(sentence))
    if ADDRESS.search(sentence, cut, end):
        return cut
    before = sentence[:cut].rstrip(" ,，、")
    begin = max((one.start() for one in _BOUNDARY.finditer(before)), default=0)
    clause = before[begin:]
    return begin if ADDRESS.search(clause) and judged(clause) is None else cut


def _judge(piece: _Piece) -> bool | None:
    said = judged(piece.text)
    if said is None and (status := _IN_BRACKETS.search(piece.text)):
        said = judged(status[1], status=True)
    if said is not None and piece.addressed and (exception := EXCEPT.search(piece.text)):
        of_the_others = judged(piece.text[: exception.start()])
        return not (said if of_the_others is None else of_the_others)
    return said


def _by_neighbours(pieces: list[_Piece], said: list[bool | None], n: int) -> bool | None:
    """What a clause without a verb of its own says, by the one before: "but not jane", "and neither did joe", "but bob did"."""
    text = ADDRESS.sub(" ", pieces[n].text)
    if words_in(text) > MOST_WORDS:
        return None
    before = next((one for one in reversed(said[:n]) if one is not None), None)
    if EXCEPT.search(text):
        base = before if before is not None else next((one for one in said[n + 1 :] if one is not None), None)
        return None if base is None else not base
    if before is None:
        return None
    if LIKEWISE.search(text):
        return before
    contrast = re.match(rf"\s*(?:{CONTRAST})", pieces[n].text) is not None
    affirmed = pieces[n].addressed and not before and (contrast or AFFIRMS.search(text) is not None)
    if affirmed or NOT.search(text) or NOT_BEHIND.search(text):
        return not before
    return None


def _in_contrast(pieces: list[_Piece], said: list[bool | None], n: int) -> bool | None:
    """What a clause with unknown words says against one of somebody else: "while we handed it to bob, jane failed"."""
    others = {one for one, piece in zip(said, pieces, strict=True) if piece.addressed and piece is not pieces[n]}
    return True if others == {False} else None


def _of_group(pieces: list[_Piece], said: list[bool | None], n: int) -> bool | None:
    """What is said of an address whose clause says nothing: by the clauses without an address beside it, then by those of
    its group."""
    for way in (range(n + 1, len(pieces)), range(n - 1, -1, -1)):
        for m in way:
            if pieces[m].major != pieces[n].major or pieces[m].addressed:
                break
            if said[m] is not None:
                return said[m]
    group = {one for one, piece in zip(said, pieces, strict=True) if piece.major == pieces[n].major} - {None}
    if len(group) == 1:
        return group.pop()
    return next((one for one in reversed(said[:n]) if one is not None), None) if group else None


def _with_free(pieces: list[_Piece], n: int) -> str:
    """A clause with those behind it that have no address."""
    own = [pieces[n].text]
    for piece in pieces[n + 1 :]:
        if piece.addressed or SENDER_AFTER.match(piece.text):
            break
        own.append(piece.text)
    return " ".join(own)

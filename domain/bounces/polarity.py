"""What a notice says of one address: that the mail arrived, that it failed, or neither.

A notice is read in the pieces that each speak of one recipient: a clause, a line of a list, a record. Words of failure win
over words of arrival in a piece, and what one piece says counts for no other. The words are in
domain/bounces/arrival_words.py.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from domain.bounces.arrival_words import (
    AFFIRMS,
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
    ONE_OF_TWO,
    ONLY,
    OTHERS,
    UNTROUBLED,
)
from domain.bounces.clauses import Judge, Piece, clauses_of, failing_rows
from domain.bounces.meanings import OF_RECIPIENTS, meant
from domain.bounces.notice_places import ADDRESS, words_in
from domain.bounces.notice_words import DELAY, DELIVER, EXIST, FAILED, FAILURE, NOT, SENDER_AFTER
from domain.bounces.reasons import REPLY_CODE, STATUS, says_why

MOST_WORDS = 5  # of a clause that only says "not", or whom
_HAPPENS = frozenset(
    {"送达", "投递", "投遞", "配信", "届け", "配送", "宛先", "배달", "수신자"}
)  # not a failure by itself
_CONTRAST = re.compile(CONTRAST)
_SUCCESS_CODE = re.compile(r"(?<![\d.:/-])2[05]\d(?=[\s:;,)\]#-]|$)|(?<![\d.])2\.\d\.\d{1,3}(?![\d.]*\d)")
_IN_BRACKETS = re.compile(r"@[^\s()\[\]]{1,255}\s{0,2}[(\[]([^()\[\]]{1,60})(?:[)\]]|$)")


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


class Sentences:
    """The sentences of a notice. Each is taken apart once, whatever the number of its addresses, and each clause judged once."""

    def __init__(self, own: Collection[str] = ()) -> None:
        self._own = own
        self._said: dict[str, bool | None] = {}
        self._of: dict[str, _Sentence] = {}

    def said_of(self, before: str, address: str, after: str) -> Said:
        """What a sentence says of the address in it, which stands between `before` and `after`."""
        whole = f"{before} {after}"
        if not (ADDRESS.search(whole) or GOT.search(whole)):
            return Said(None, whole)  # as most sentences are
        text = f"{before}{address}{after}"
        if text not in self._of:
            self._of[text] = _Sentence(text, self._own, self._judged)
        return self._of[text].said_of(len(before), address, whole)

    def _judged(self, low: str) -> bool | None:
        if low not in self._said:
            self._said[low] = judged(low)
        return self._said[low]


class _Sentence:
    """A sentence in its clauses, and what each of them says."""

    def __init__(self, text: str, own: Collection[str], judge: Judge) -> None:
        self._text = text
        self._pieces = clauses_of(text, judge)
        self._ends = [piece.end for piece in self._pieces]
        said = [_judge(piece, judge) for piece in self._pieces]
        later = None
        following = [later := one if one is not None else later for one in reversed(said)][::-1]
        before: bool | None = None
        for n, piece in enumerate(self._pieces):
            if said[n] is None and not EVERYDAY.search(piece.text):
                said[n] = _by_neighbours(piece, before, following[n])
            before = before if said[n] is None else said[n]
        self._said = said
        self._addresses = len({one[0].strip("<>") for one in ADDRESS.finditer(text)})
        self._meant: dict[int, bool] = {}
        self._failing: list[tuple[int, int]] | None = None
        self._judge = judge
        self._own = own

    def said_of(self, at: int, address: str, whole: str) -> Said:
        if self._addresses > 1 and ONE_OF_TWO.search(self._text):
            return Said(None, whole, "", parted=True)
        pieces, said = self._pieces, self._said
        here = min(bisect.bisect_right(self._ends, at), len(pieces) - 1)
        own = said[here]
        if own is None and pieces[here].addressed and _CONTRAST.match(pieces[here].text.lstrip()):
            own = _in_contrast(pieces, said, here)
        if True not in said and own is not True:
            return self._without_arrival(at, here, whole)
        if own is False and self._addresses > 1 and not self._fails(at):
            own = None
        elif own is None and self._is_meant(here):
            own = False
        arrived = own if own is not None else _beside(pieces, said, here)
        if sum(piece.addressed for piece in pieces) == 1 and arrived and False in said:
            rest = [piece.text for one, piece in zip(said, pieces, strict=True) if one is False]
            strong = any(_CONTRAST.match(text.lstrip()) or _broke(text) for text in rest)
            arrived = True if not strong or any(OTHERS.search(text) for text in rest) else None
        return Said(arrived, whole, _with_free(pieces, here), parted=True)

    def _without_arrival(self, at: int, here: int, whole: str) -> Said:
        if self._addresses < 2 or not (False in self._said or self._judge(self._text) is False):
            return Said(None, whole)
        return Said(False if self._fails(at) else None, whole, self._own_words(here), parted=True)

    def _own_words(self, here: int) -> str:
        """What is said in the clause of an address; with those before it that have none, if it is the first."""
        before = self._pieces[:here]
        free = "" if any(piece.addressed for piece in before) else " ".join(piece.text for piece in before)
        return f"{free} {_with_free(self._pieces, here)}".strip()

    def _fails(self, at: int) -> bool:
        if self._failing is None:
            self._failing = failing_rows(self._text, self._pieces, self._said, self._own, self._judge)
        return any(start <= at < end for start, end in self._failing)

    def _is_meant(self, here: int) -> bool:
        if here not in self._meant:
            self._meant[here] = meant(self._pieces[here].text, english=True) in OF_RECIPIENTS
        return self._meant[here]


def _broke(text: str) -> bool:
    """Whether a clause without an address says that the mail came back, and not only what else did not happen."""
    return bool(FAILED.search(text) or REPLY_CODE.search(text) or STATUS.search(text) or says_why(text))


def only_denies(sentence: str) -> bool:
    """Whether a lowered sentence says "not" of a recipient and no more, so that the one before tells what: "jane did not"."""
    text = ADDRESS.sub(" ", sentence)
    denies = NOT.search(text) is not None or NOT_BEHIND.search(text) is not None
    return denies and words_in(text) <= MOST_WORDS and not LIKEWISE.search(text)


def _judge(piece: Piece, judge: Judge) -> bool | None:
    said = judge(piece.text)
    if said is None and (status := _IN_BRACKETS.search(piece.text)):
        said = judged(status[1], status=True)
    if said is not None and piece.addressed and (exception := EXCEPT.search(piece.text)):
        of_the_others = judge(piece.text[: exception.start()])
        return not (said if of_the_others is None else of_the_others)
    return said


def _by_neighbours(piece: Piece, before: bool | None, following: bool | None) -> bool | None:
    """What a clause without a verb of its own says, by the one before: "but not jane", "and neither did joe", "but bob did"."""
    text = ADDRESS.sub(" ", piece.text)
    if words_in(text) > MOST_WORDS:
        return None
    if EXCEPT.search(text):
        base = before if before is not None else following
        return None if base is None else not base
    if before is None:
        return None
    if LIKEWISE.search(text):
        return before
    contrast = re.match(rf"\s*(?:{CONTRAST})", piece.text) is not None
    affirmed = piece.addressed and not before and (contrast or AFFIRMS.search(text) is not None)
    if affirmed or NOT.search(text) or NOT_BEHIND.search(text):
        return not before
    return None


def _in_contrast(pieces: Sequence[Piece], said: Sequence[bool | None], n: int) -> bool | None:
    """What a clause with unknown words says against one of somebody else: "while we handed it to bob, jane failed"."""
    others = {one for one, piece in zip(said, pieces, strict=True) if piece.addressed and piece is not pieces[n]}
    return True if others == {False} else None


def _beside(pieces: Sequence[Piece], said: Sequence[bool | None], n: int) -> bool | None:
    """What is said of an address whose clause says nothing: by the clauses without an address beside it, or that it arrived,
    by the others of its part of the sentence."""
    for way in (range(n + 1, len(pieces)), range(n - 1, -1, -1)):
        for m in way:
            if pieces[m].major != pieces[n].major or pieces[m].addressed:
                break
            if said[m] is not None:
                return said[m]
    group = {one for one, piece in zip(said, pieces, strict=True) if piece.major == pieces[n].major} - {None}
    return True if group == {True} else None


def _with_free(pieces: Sequence[Piece], n: int) -> str:
    """A clause with those behind it that have no address."""
    own = [pieces[n].text]
    for piece in pieces[n + 1 :]:
        if piece.addressed or SENDER_AFTER.match(piece.text):
            break
        own.append(piece.text)
    return " ".join(own)

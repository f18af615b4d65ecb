"""The words by which a message is found: of its people, subject, attachments' names and text.

A word is what stands between spaces and marks, without case and without marks on letters, so that "Grüße" is found by "grusse";
writing without spaces (Chinese, Japanese, Korean) is found by each two letters that stand together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

MOST_WORDS = 4000  # of one message, a fourth at most of its subject and half with its people: the rest is its text's
LONGEST_WORD = 40
LONGEST_QUERY = 1000

FROM, TO, MONTH = "f/", "t/", "m/"  # what no word of a text begins with
_MARKS = re.compile(f"[{''.join(chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code)))}]")
LATER = f"{MONTH}9999"  # of mail that says it is of the future

_WORD = re.compile(r"[^\W_]+")
_PLAIN_WORD = re.compile("[a-z0-9]+")
_TOGETHER = re.compile(
    "[\u1100-\u11ff\u2e80-\u2fdf\u3040-\u30ff\u3105-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7ff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)


def words(text: str) -> Iterator[str]:
    """The words of a text in its order, as often as they stand there."""
    return _walk(text, _letters_and_pairs)


def words_of_message(
    *,
    sender: Iterable[str],
    recipients: Iterable[str],
    subject: str,
    names: Iterable[str],
    text: str,
    at: datetime,
    now: datetime,
) -> list[str]:
    """All words of a message, each once; `sender` and `recipients` are names and addresses, `names` those of attachments."""
    found: dict[str, None] = {month_of(at, now): None}

    def add(pieces: Iterable[str], field: str = "", *, most: int) -> None:
        for piece in pieces:
            for word in words(piece):
                if len(found) >= most:
                    return
                found[word] = None
                if field:
                    found[field + word] = None

    add([subject], most=MOST_WORDS // 4)
    add(sender, FROM, most=MOST_WORDS // 3)
    add(recipients, TO, most=MOST_WORDS // 2)
    add([*names, text], most=MOST_WORDS)
    return list(found)


def words_sought(text: str, field: str = "") -> list[str]:
    """The words that a message must have to be found by `text`; a run of letters without spaces by each two of them."""
    return [field + word for word in dict.fromkeys(_walk(text, _pairs_or_letter))]


def month_of(at: datetime, now: datetime) -> str:
    return LATER if at > now and (at.year, at.month) > (now.year, now.month) else f"{MONTH}{at.year:04}{at.month:02}"


def _walk(text: str, pieces: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """Words as they are, and of what is written without spaces its `pieces`."""
    if text.isascii():  # which most of a text is, and is done ten times as fast
        yield from (word[:LONGEST_WORD] for word in _PLAIN_WORD.findall(text.lower()))
        return
    plain = _plain(text)
    if not _TOGETHER.search(plain):
        yield from (word[:LONGEST_WORD] for word in _WORD.findall(plain))
        return
    for word in _WORD.findall(plain):
        at = 0
        for run in _TOGETHER.finditer(word):
            if at < run.start():
                yield word[at : run.start()][:LONGEST_WORD]
            yield from pieces(run[0])
            at = run.end()
        if at < len(word):
            yield word[at:][:LONGEST_WORD]


def _letters_and_pairs(letters: str) -> Iterable[str]:
    return [*letters, *_pairs(letters)]


def _pairs_or_letter(letters: str) -> Iterable[str]:
    return _pairs(letters) or letters


def _pairs(letters: str) -> list[str]:
    return [letters[number : number + 2] for number in range(len(letters) - 1)]


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", _MARKS.sub("", folded))

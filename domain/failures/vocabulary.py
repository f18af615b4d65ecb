"""Reads a refusal as concepts: which words of domain/failures/refusal_words/ stand where in it, and which are negated.

The words are data and the same for every protocol; what concepts mean together is said by the rules of one
(domain/failures/pop_rules.py, domain/failures/smtp_rules.py). docs/refusals.md tells how to extend both.
"""

from __future__ import annotations

import bisect
import functools
import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import NamedTuple

from domain.failures.error_numbers import ERROR_NUMBER, PASSING_STATUS, Numbers, numbers_in
from domain.failures.refusal_words import WORDS

NEGATION, NEGATION_BEHIND = "not", "not_behind"  # Japanese says it at the end
# "On this server" says where, and still has a server in it; "not yet enabled" when, and is not.
HIDE_NOTHING = ("here", "yet")
REACH_OF_A_NEGATION = 3  # words
FIRST_LETTERS = 3  # by which a word is looked up
NUMBERS = {ERROR_NUMBER: "an error's number", PASSING_STATUS: "a status 4.x.x"}  # as people are told, and never which

_CONTINUED = re.compile(r"\n {3,}")
_LANGUAGE = re.compile(r" +(?P<language>[a-z]{2})(?: \((?P<taught_by>[^)]+)\))?: ")

_UNFOLDED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "’": "'", "`": "'"})
_PARTICLES = "이 가 은 는 을 를 와 과 나 이나 로 으로 에 입니다"  # Korean writes these onto a noun
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})  # as those write it who cannot type them
_ACCENTS = re.compile("[\u0300-\u036f]+")
_WORDS_IN_ONE = re.compile(r"(?<![\w-])[^\W\d_]+(?![\w-])")  # what has digits names a case
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
_WORD = re.compile(r"\w+")
_STRETCH = re.compile(r"\S+")
_HOST = re.compile(r"(?:[a-z0-9_-]+\.)+(?:com|net|org|edu|gov|info|biz|local|lan|internal|[a-z]{2})(?![\w.-])")
_CLOCK = re.compile(r"\b(?:\d{4}-\d\d-\d\d[T ])?\d{1,2}:\d\d(?::\d\d)?(?!\d)")
_TIME_SPAN = re.compile(r"\b(\d+) ?(?:s|secs?|m|mins?|h|hrs?)\b", re.IGNORECASE)
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w/.:@])(?:/[\w.~-]{1,64}){2,}/?")
_SENTENCE_END = re.compile(r"[.!?;]+(?=\s|$)|[。！？；]|\s-{1,2}\s")
_VOICED = "\u3099\u309a"  # marks that make other syllables of Japanese ones
_UNVOICED = str.maketrans("", "", _VOICED)
_APART = frozenset('.,:;!?()[]{}<>"|=、。，：；（）「」！？・')
_SEPARATORS = " _'-/"  # "log in", "log-in" and "login" are one word


class Hit(NamedTuple):
    """A word of the vocabulary in a text. `first` and `last` count half words, so that a Chinese character is one half."""

    concept: str
    word: str
    sentence: int
    first: int
    last: int
    negated: bool = False


class Reading(NamedTuple):
    """What was understood of a text. `words` is how many it has, known or not, without numbers; `unknown` those that no word of
    the vocabulary covers, where no blanks are written the stretches of two characters or more. Words with a digit in them and
    names of hosts, which name cases and addresses, are not among these. Of numbers, `hits` has those that are an error's own.
    `strange` is where the unknown words begin and end, `apart` where words begin before which more than a blank stands, both
    in half words as in a `Hit`. `names`: whether one of the unknown words may be somebody's name."""

    hits: tuple[Hit, ...] = ()
    words: int = 0
    strange: tuple[tuple[int, int], ...] = ()
    apart: frozenset[int] = frozenset()
    names: bool = True

    @property
    def unknown(self) -> int:
        return len(self.strange)

    @property
    def sentences(self) -> list[int]:
        return sorted({hit.sentence for hit in self.hits})


class _Entry(NamedTuple):
    concept: str
    word: str
    parts: tuple[tuple[str, bool], ...]  # folded, and whether more letters may follow
    wide: bool
    negating: bool = False  # a phrase that begins with a negation: "not found"

    def end(self, text: str, at: int) -> int | None:
        """Where it ends in `text` if it begins at `at`."""
        for n, (part, open_ended) in enumerate(self.parts):
            if n:
                at = _past_separators(text, at)
            if not text.startswith(part, at):
                return None
            at += len(part)
            while open_ended and _goes_on(text, at):
                at += 1
        return None if not self.wide and _goes_on(text, at) else at


class Vocabulary(NamedTuple):
    """The words of all concepts, by the three letters that they begin with, or fewer where they have no more.

    `without`: what these servers and providers say taught none of them. An empty set but where the rules are measured on
    refusals that they were not written for (bench/refusals.py).
    """

    entries: dict[str, list[_Entry]]
    without: frozenset[str] = frozenset()

    def only(self, words: Collection[tuple[str, str]]) -> Vocabulary:
        """The same without any other than these words, given as concept and word."""
        left = {
            start: [entry for entry in entries if (entry.concept, entry.word) in words]
            for start, entries in self.entries.items()
        }
        return Vocabulary(left, self.without)

    def read(self, text: str) -> Reading:
        folded = fold(text)
        sentences, places, words = _laid_out(folded)
        found: list[tuple[int, int, _Entry]] = []
        for start in places:
            begins = _begins_a_word(folded, start)
            for first_letters in dict.fromkeys(
                folded[start : start + letters] for letters in range(FIRST_LETTERS, 0, -1)
            ):
                for entry in self.entries.get(first_letters, ()):
                    if (begins or entry.wide) and (end := entry.end(folded, start)) is not None:
                        found.append((start, end, entry))
        starts = sorted(places)
        numbers = _left_of(numbers_in(folded), found)
        found = [one for one in found if not any(first <= one[0] and one[1] <= last for first, last in numbers.cases)]
        negated = [(start, end) for start, end, entry in found if entry.negating]
        hits = [
            Hit(
                entry.concept,
                entry.word,
                bisect.bisect(sentences, start),
                places[start],
                places[starts[bisect.bisect_left(starts, end) - 1]],
                negated=any(first < start < last for first, last in negated),
            )
            for start, end, entry in found
            if not _is_part_of_a_longer(start, end, found)
        ]
        hits += [
            Hit(
                concept,
                NUMBERS[concept],
                bisect.bisect(sentences, start),
                *(places[starts[bisect.bisect_left(starts, end) - 1]],) * 2,
            )
            for start, end, concept in numbers.said
        ]
        covered = [*((start, end) for start, end, _ in found), *numbers.nothing]
        strange = tuple(
            (places[start], places[starts[bisect.bisect_left(starts, end) - 1]])
            for start, end in _unknown(folded, places, covered)
        )
        apart = frozenset(places[start] for start in starts if start and folded[start - 1] in _APART) | frozenset(
            places[start] for start in starts if start > 1 and folded[start - 2] in _APART and folded[start - 1] == " "
        )
        return Reading(tuple(_negated(hits)), words, strange, apart)


@functools.cache
def vocabulary(without: frozenset[str] = frozenset()) -> Vocabulary:
    """The table's words, read when they are first needed."""
    return of_words(WORDS, without=without)


def of_words(
    table: str, *, without: frozenset[str] = frozenset(), left_out: frozenset[str] = frozenset()
) -> Vocabulary:
    """The words of a table as that of domain/failures/refusal_words/. `left_out`: the languages that are not read."""
    read = [
        (concept, language, _with_particles(words) if language == "ko" else words)
        for concept, language, words, origin in rows(table)
        if language not in left_out and (not origin or origin not in without)
    ]
    folded = _folded([words for *_, words in read])
    with_umlauts = _folded(
        [[word.translate(_UMLAUTS) for word in words] for _, language, words in read if language == "de"]
    )
    spelled: dict[tuple[str, str, str], None] = {}
    for (concept, language, words), spellings in zip(read, folded, strict=True):
        spelled.update(((concept, word, spelling), None) for word, spelling in zip(words, spellings, strict=True))
        if language == "de":
            also = next(with_umlauts)
            spelled.update(((concept, word, spelling), None) for word, spelling in zip(words, also, strict=True))
    negations = {spelling for concept, _, spelling in spelled if concept == NEGATION}
    entries: dict[str, list[_Entry]] = {}
    for concept, word, spelling in spelled:
        parts = spelling.split()
        negating = len(parts) > 1 and any(" ".join(parts[:n]) in negations for n in range(1, len(parts)))
        wide = not spelling.isascii() and any(map(_is_wide, spelling))
        written = tuple((part.rstrip("*"), part.endswith("*")) for part in parts)
        entries.setdefault(written[0][0][:FIRST_LETTERS], []).append(_Entry(concept, word, written, wide, negating))
    return Vocabulary(entries, without)


def _with_particles(words: list[str]) -> list[str]:
    """Korean words with what may be written onto them, but for those that say so themselves (`*`)."""
    return [*words, *(word + one for word in words if not word.endswith("*") for one in _PARTICLES.split())]


def _folded(words: list[list[str]]) -> Iterator[list[str]]:
    """Each row's, folded all at once: nobody waits for the first refusal."""
    for row in fold("\n".join(map(", ".join, words))).split("\n"):
        yield row.split(", ")


def rows(table: str = WORDS) -> Iterator[tuple[str, str, list[str], str]]:
    """Concept, language, words, and whose text taught them ("" where nobody's did)."""
    concept = ""
    for line in _CONTINUED.sub(" ", table).splitlines():
        if head := _LANGUAGE.match(line):
            yield concept, head["language"], line[head.end() :].split(", "), head["taught_by"] or ""
        else:
            concept = line.strip()


def fold(text: str) -> str:
    """Lower case, without accents; words in camel case apart, links, paths and times as one word, 10m as 10 minutes."""
    text = _TIME_SPAN.sub(r"\1 minutes", _CLOCK.sub("clocktime", _PATH.sub(" filepath ", _LINK.sub(" urllink ", text))))
    text = unicodedata.normalize("NFKD", text)
    if _CAMEL.search(text):
        text = _WORDS_IN_ONE.sub(lambda word: _CAMEL.sub(" ", word[0]), text)
    text = text.casefold().translate(_UNFOLDED)
    return text if text.isascii() else _ACCENTS.sub("", text)


def _laid_out(text: str) -> tuple[list[int], dict[int, int], int]:
    """Where sentences end, and for each place where a word may begin or end how many half words stand before it."""
    places: dict[int, int] = {}
    half_words = numbers = 0
    within = False  # a word of letters that need blanks between words
    for at, character in enumerate(text):
        if _is_wide(character):
            places[at] = half_words
            half_words, within = half_words + 1, False
        elif not character.isalnum():
            within = False
        elif not within:
            places[at] = half_words
            half_words, within = half_words + 2, True
            numbers += character.isdigit()
    return [ending.end() for ending in _SENTENCE_END.finditer(text)], places, (half_words + 1) // 2 - numbers


def _left_of(numbers: Numbers, found: Collection[tuple[int, int, _Entry]]) -> Numbers:
    """Without those that are words: "port 995", "POP 3"."""
    said = tuple(one for one in numbers.said if not any(first <= one[0] and one[1] <= last for first, last, _ in found))
    return numbers._replace(said=said)


def _unknown(text: str, places: Collection[int], found: Collection[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Begin and end of the words of two letters or more of which none of what was found covers the beginning."""
    covered = bytearray(len(text))
    for first, last in (*found, *(host.span() for host in _HOST.finditer(text))):
        covered[first:last] = b"\1" * (last - first)
    for start in sorted(places):
        if covered[start] or _is_wide(text[start]) or (word := _WORD.match(text, start)) is None:
            continue
        if len(word[0]) > 1 and not any(map(str.isdigit, word[0])):
            yield word.span()
    without_blanks = "".join(
        character if not covered[at] and _is_wide(character) and (character.isalnum() or character in _VOICED) else " "
        for at, character in enumerate(text)
    )
    for stretch in _STRETCH.finditer(without_blanks):
        if len(stretch[0].translate(_UNVOICED)) > 1:
            yield stretch.span()


def _past_separators(text: str, at: int) -> int:
    end = at
    while end < len(text) and end - at < 3 and text[end] in _SEPARATORS:
        end += 1
    return end


def _goes_on(text: str, at: int) -> bool:
    return at < len(text) and text[at].isalnum() and not _is_wide(text[at])


def _is_part_of_a_longer(start: int, end: int, found: list[tuple[int, int, _Entry]]) -> bool:
    """ "Password database" is about a database, "not found" no negation; "not allowed" says also that it is not "allowed"."""
    negations = {first for first, _, entry in found if entry.concept == NEGATION}
    return any(
        first <= start
        and end <= last
        and last - first > end - start
        and not (first in negations and first < start)
        and longer.concept not in HIDE_NOTHING
        for first, last, longer in found
    )


def _is_wide(character: str) -> bool:
    """Whether it is of a script that leaves no blanks between words: Chinese and Japanese."""
    return "\u2e80" <= character <= "\ua4cf" or "\uac00" <= character <= "\ud7a3" or "\uf900" <= character <= "\ufaff"


def _begins_a_word(text: str, start: int) -> bool:
    return start == 0 or not text[start - 1].isalnum() or _is_wide(text[start - 1])


def _negated(hits: list[Hit]) -> Iterator[Hit]:
    reach = 2 * REACH_OF_A_NEGATION
    negations = [hit for hit in hits if hit.concept in (NEGATION, NEGATION_BEHIND)]
    for hit in hits:
        yield Hit(
            hit.concept,
            hit.word,
            hit.sentence,
            hit.first,
            hit.last,
            hit.negated
            or any(
                one.sentence == hit.sentence
                and (
                    0 < hit.first - one.last <= reach if one.concept == NEGATION else 0 < one.first - hit.last <= reach
                )
                for one in negations
            ),
        )

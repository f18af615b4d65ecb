"""The words of domain/failures/refusal_words/outcomes.py as expressions that are searched in the lowered text of notices."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence

from domain.failures.refusal_words.outcomes import OF_MAIL, SHARED
from domain.failures.vocabulary import rows

_WITHOUT_BLANKS = re.compile("[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_LATIN = re.compile("[a-z\u00c0-\u024f\u1e00-\u1eff]")
_MARKS = re.compile("[\u0300-\u036f]")
NEAR = r"(?: [^\s.!?;:]+){0,4}? (?:[^\s.!?;:]*?)"  # a few words between, of the same sentence


@functools.cache
def _table() -> dict[str, dict[str, list[str]]]:
    """The words of each concept by their language."""
    found: dict[str, dict[str, list[str]]] = {}
    for concept, language, words, _ in rows(SHARED + OF_MAIL):
        found.setdefault(concept, {}).setdefault(language, []).extend(words)
    return found


def languages(concept: str) -> set[str]:
    return set(_table()[concept])


def any_of(*concepts: str, left_out: Collection[str] = (), wide: bool | None = None, behind: str = r"\w") -> str:
    """An expression for any word of these concepts. `wide`: only of scripts without blanks between words, or only of others.
    `behind`: what a word does not begin behind, unless the table says that it may stand inside others."""
    words = {
        word
        for concept in concepts
        for language, words in _table()[concept].items()
        if language not in left_out
        for word in words
        if wide is None or (_WITHOUT_BLANKS.search(word) is not None) == wide
    }
    return _joined(words, behind)


def in_one_language(first: Collection[str], second: str, *, left_out: Collection[str] = ()) -> Iterator[str]:
    """Expressions for a word of one of the first concepts with one of the second soon behind it, in the same language."""
    for language in sorted(languages(second) - set(left_out)):
        before = {
            word
            for concept in first
            for word in _table()[concept].get(language, ())
            if not _WITHOUT_BLANKS.search(word)
        }
        after = {f"*{word.strip('*')}*" for word in _table()[second][language] if not _WITHOUT_BLANKS.search(word)}
        if before and after:
            yield rf"{_joined(before)}\w*{NEAR}{_joined(after)}"


class _Tree(dict[str, "_Tree"]):
    """Words by their beginnings, so that few of them are tried where none stands."""

    ends = False

    def add(self, tokens: Sequence[str]) -> None:
        at = self
        for token in tokens:
            at = at.setdefault(token, _Tree())
        at.ends = True

    def expression(self) -> str:
        if self.ends:
            return ""  # whatever follows, it has been found
        ways = [token + below.expression() for token, below in sorted(self.items())]
        return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


def _joined(words: Collection[str], behind: str = r"\w") -> str:
    tree = _Tree()
    for word in sorted(words):
        for spelling in _spellings(word):
            tree.add(list(_tokens(spelling, behind)))
    return tree.expression()


def _spellings(word: str) -> Iterator[str]:
    """As it is, and as those write it who have no accents."""
    yield word
    if _LATIN.search(word):
        yield _MARKS.sub("", unicodedata.normalize("NFKD", word))


def _tokens(word: str, behind: str) -> Iterator[str]:
    """The pieces of a word's expression. Where it begins is looked at behind its first letter: so a search skips all others."""
    core = word.strip("*")
    wide = _WITHOUT_BLANKS.search(core) is not None
    first = re.escape(core[0])
    yield first if wide or word.startswith("*") else f"{first}(?<!{behind}{first})"
    if len(core) == 1 and core.isascii():  # "n'existe"
        yield "['’]"
        return
    for letter in core[1:]:
        match letter:
            case " ":
                yield " ?" if wide else r"[\s'’-]{1,2}"
            case "*":
                yield r"\w*"
            case _:
                yield re.escape(letter)
    if not wide and not word.endswith("*"):
        yield r"\b"

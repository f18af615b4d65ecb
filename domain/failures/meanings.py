"""What concepts mean together: the rules by which refusals are named, and how they are looked for in a text.

A protocol's rules are data (domain/failures/pop_rules.py, domain/failures/smtp_rules.py). Looked for in this order: marks that
single providers use, response codes, meanings; the first that fits wins.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.failures.failure import Kind
from domain.failures.remedy import Remedy
from domain.failures.vocabulary import Hit, Reading, Vocabulary

OF, STRANGE, STRANGE_BETWEEN = "of", "strange", "strange_between"
OWNED = ("thing", "data", "error", "unknown", "part", "domain")
SAID_OF = ("thing", "part", "domain", "backend")
MOST_READ = 512  # characters; RFC 2449 allows a line as many octets

_CODE = re.compile(r"\[([A-Z][A-Z/-]*)(?:\s[^\]]*)?\]", re.IGNORECASE)


class Pattern(NamedTuple):
    """Concepts that mean something when they stand together in one sentence.

    Written `pop + !enabled|off @6 unless temporary`: one of each group, in any order (`>` instead of `+`: after the one
    before), with at most six words between (5 where nothing is said), and none of `temporary` in the whole text. `!` is a
    negated word, `=` one that is not, and without a mark either will do. `secret + wrong @6 nor server|strange`: no word of
    `server` between the two, right behind them, or joined to them by an "of", as it is then the server that is wrong; and
    none that nobody taught (`strange`) where it is the noun that they are about; `strange_between` where it cannot be a name.
    """

    written: str
    groups: tuple[tuple[bool, frozenset[str]], ...]  # whether it must follow, and the concepts with their marks
    within: int
    unless: frozenset[str]
    nor: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, written: str) -> Pattern:
        wanted, _, unless = written.partition(" unless ")
        wanted, _, nor = wanted.partition(" nor ")
        wanted, _, within = wanted.partition(" @")
        pieces = re.split(r" ([+>]) ", wanted.strip())
        groups = [(False, frozenset(pieces[0].split("|")))]
        groups += [
            (sign == ">", frozenset(piece.split("|"))) for sign, piece in zip(pieces[1::2], pieces[2::2], strict=True)
        ]
        return cls(
            written,
            tuple(groups),
            int(within or 5),
            frozenset(unless.split("|")) - {""},
            frozenset(nor.split("|")) - {""},
        )

    @property
    def concepts(self) -> set[str]:
        return {mark.lstrip("!=") for _, group in self.groups for mark in group} | {
            mark.lstrip("!=") for mark in self.unless | self.nor - {STRANGE, STRANGE_BETWEEN}
        }

    def find(self, reading: Reading) -> tuple[Hit, ...] | None:
        """The words that fit, those that stand nearest to each other; None where there are none."""
        if any(_is(hit, self.unless) for hit in reading.hits):
            return None
        best: tuple[Hit, ...] | None = None
        for sentence in reading.sentences:
            hits = [hit for hit in reading.hits if hit.sentence == sentence]
            for chosen in self._combinations(hits, (), self.groups):
                if (best is None or _span(chosen) < _span(best)) and not self._is_of_another(chosen, hits, reading):
                    best = chosen
        return best

    def _is_of_another(self, chosen: tuple[Hit, ...], hits: Collection[Hit], reading: Reading) -> bool:
        """Whether it is another thing that is wrong: one that `nor` names, or with `strange` one that nobody taught."""
        if not self.nor:
            return False
        first, last = min(hit.first for hit in chosen), max(hit.last for hit in chosen)
        named = [(hit.first, hit.last) for hit in hits if _is(hit, self.nor)]
        reach = last
        for begin, end in reading.strange:  # "invalid user shadow entry"
            reach = end if begin <= reach + 2 < end + 2 and begin not in reading.apart else reach
        if any(first <= end and begin <= reach + 2 for begin, end in named):
            return True
        if (
            chosen[-1].first == first
            and chosen[-1].concept == "unknown"
            and any(  # "Domaine introuvable pour cet utilisateur"
                hit.concept in SAID_OF and _is(hit, self.nor) and _stands_right_before(hit.last, first, reading)
                for hit in hits
            )
        ):
            return True
        if chosen[0].first == first and any(_stands_right_before(end, first, reading) for end in self._owned(hits)):
            return True
        strange = reading.strange if self.nor & {STRANGE, STRANGE_BETWEEN} else ()
        behind = STRANGE in self.nor or not reading.names
        return any(
            _is_meant(begin, end, chosen[0], chosen[-1], reading, behind=behind) for begin, end in strange
        ) or any(_heads(end, first, hits, reading) for _, end in (*named, *strange))

    def _owned(self, hits: Collection[Hit]) -> list[int]:
        """Where words end for what somebody has, of which languages without an "of" say whose: "Sessione utente"."""
        return [hit.last for hit in hits if hit.concept in OWNED and _is(hit, self.nor)]

    def _combinations(
        self, hits: Collection[Hit], chosen: tuple[Hit, ...], groups: tuple[tuple[bool, frozenset[str]], ...]
    ) -> Iterator[tuple[Hit, ...]]:
        if not groups:
            yield chosen
            return
        (follows, marks), *rest = groups
        for hit in hits:
            if _is(hit, marks) and self._fits(hit, chosen, follows):
                yield from self._combinations(hits, (*chosen, hit), tuple(rest))

    def _fits(self, hit: Hit, chosen: tuple[Hit, ...], follows: bool) -> bool:
        if not chosen:
            return True
        if any(hit.first <= one.last and one.first <= hit.last for one in chosen):
            return False
        if follows and hit.first < chosen[-1].first:
            return False
        gap = min(max(hit.first - one.last, one.first - hit.last) for one in chosen)
        return gap <= 2 * (self.within + 1)


def _is_meant(begin: int, end: int, noun: Hit, said: Hit, reading: Reading, *, behind: bool) -> bool:
    """Whether a word that nobody taught is what is `said`, instead of the noun: it stands right behind the two ("bad password
    ticket"; only with `behind`, as "unknown user jane" names one), between an adjective and its noun, right before a noun
    behind which it is said ("Zona utente sconosciuta"), or where no blanks are written between a noun and what is said of it."""
    if said.first > noun.last and _stands_right_before(end, noun.first, reading):
        return True
    last = max(noun.last, said.last)
    if last < begin <= last + 2:
        return (behind or begin < end) and not any(last < at <= begin for at in reading.apart)
    before, after = (said, noun) if said.first < noun.first else (noun, said)
    between = before.last < begin and end < after.first and (before is said or begin < end or not reading.names)
    return between and not any(before.last < at <= after.first for at in reading.apart)


def _stands_right_before(end: int, first: int, reading: Reading) -> bool:
    return end < first <= end + 2 and not any(end < at <= first for at in reading.apart)


def _heads(end: int, first: int, hits: Collection[Hit], reading: Reading) -> bool:
    """Whether an "of" joins the word that ends there to what begins at `first`: "format de mot de passe invalide"."""
    return any(
        hit.concept == OF and end < hit.first <= end + 2 and hit.last < first <= hit.last + 2 for hit in hits
    ) and not any(end < at <= first for at in reading.apart)


def _is(hit: Hit, marks: Collection[str]) -> bool:
    return hit.concept in marks or ("!" if hit.negated else "=") + hit.concept in marks


def _span(hits: tuple[Hit, ...]) -> int:
    return max(hit.last for hit in hits) - min(hit.first for hit in hits)


class Meaning(NamedTuple):
    """Patterns that all say the same. `most_words`: only of a text that has no more words than that; `only_with`: only of one
    that says nothing else, of which every word is known and is one of the pattern's or of these concepts (marked as in a
    pattern)."""

    patterns: tuple[Pattern, ...]
    most_words: int | None = None
    only_with: frozenset[str] | None = None

    @classmethod
    def of(cls, *written: str, most_words: int | None = None, only_with: frozenset[str] | None = None) -> Meaning:
        return cls(tuple(map(Pattern.parse, written)), most_words, only_with)

    def find(self, reading: Reading) -> tuple[Hit, ...] | None:
        if self.most_words is not None and reading.words > self.most_words:
            return None
        if self.only_with is not None and reading.unknown:
            return None
        return next(
            (
                found
                for pattern in self.patterns
                if (found := pattern.find(reading)) is not None and not self._says_more(reading, found)
            ),
            None,
        )

    def _says_more(self, reading: Reading, found: tuple[Hit, ...]) -> bool:
        """Whether it has a word of which no meaning is one of `only_with`. Many words have several."""
        if self.only_with is None:
            return False
        about = [hit for hit in reading.hits if hit in found or _is(hit, self.only_with)]
        return any(not any(one.first <= hit.first and hit.last <= one.last for one in about) for hit in reading.hits)

    @property
    def written(self) -> tuple[str, ...]:
        return tuple(pattern.written for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Rule:
    """One meaning, where it holds, and what people are told.

    `looked_for` is a meaning, or for a mark a pattern of the text itself. `phases` are those in which it holds; none: all.
    `remedies` replaces `remedy` for single providers. `hosts` limits the rule to servers whose name is one of these or ends in
    one of them. `certain`: its words cannot mean anything else, whatever codes the server offers and says. `weak`: no code is
    overruled by it. `yields_to`: of a mark, the kinds that words beside it may make of it. `learned_from`: whose text taught
    it, "" for what the language, an RFC or a manual says.
    """

    name: str
    kind: Kind
    looked_for: Meaning | re.Pattern[str]
    remedy: Remedy
    cause: str | None = None
    phases: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    remedies: Mapping[str, Remedy] = field(default_factory=dict)
    certain: bool = False
    weak: bool = False
    yields_to: frozenset[Kind] = frozenset()
    learned_from: str = ""

    def holds(self, phase: str, host: str, without: Collection[str]) -> bool:
        name = "." + host.lower().rstrip(".")
        return (
            (not self.phases or phase in self.phases)
            and (not self.hosts or any(name.endswith("." + known) for known in self.hosts))
            and (not self.learned_from or self.learned_from not in without)
        )


class Code(NamedTuple):
    """A response code in brackets. `yields_to`: the kinds that words beside it may make of it; None: all that are surer."""

    kind: Kind
    remedy: Remedy
    yields_to: frozenset[Kind] | None = frozenset()
    certain: bool = False


class Rules(NamedTuple):
    """What one protocol's servers say. `counted` is the kind of a wrong password there; `own_code` finds what each reply begins
    with, which is no number of an error beside it, wherever it stands again."""

    marks: tuple[Rule, ...]
    codes: Mapping[str, Code]
    meanings: tuple[Rule, ...]
    counted: Kind
    own_code: re.Pattern[str] | None = None


class Decision(NamedTuple):
    """What was decided. `by` names the rule and the vocabulary's words, for people; `certain` as in `Rule`."""

    kind: Kind
    remedy: Remedy
    by: str
    cause: str | None = None
    certain: bool = False
    words: tuple[Hit, ...] = ()


def decide(
    rules: Rules, text: str, *, phase: str, host: str, provider: str | None, words: Vocabulary, names: bool = True
) -> Decision | None:
    """By marks, then codes, then meanings; None for a text in which nothing is known. `names`: whether the name of whoever logs
    in may stand in it, so that a word which nobody taught may be that."""
    mark = next((mark for mark in rules.marks if _bears(text, mark, phase, host, words.without)), None)
    if mark is not None and not mark.yields_to:
        return _decision(mark, provider)
    reading = words.read(_without_codes(_without_own_code(text, rules.own_code), rules)[:MOST_READ])._replace(
        names=names
    )
    spoken = _meaning(rules, reading, phase, host, provider, words.without)
    if mark is not None:
        return spoken[0] if spoken and spoken[0].kind in mark.yields_to else _decision(mark, provider)
    name, code = next(
        ((name, rules.codes[name]) for name in map(str.upper, _CODE.findall(text)) if name in rules.codes), ("", None)
    )
    if code is None:
        return spoken[0] if spoken else None
    if spoken and _overrules(spoken, code, rules.counted):
        return spoken[0]
    remedy = spoken[0].remedy if spoken and spoken[0].kind is code.kind else code.remedy
    hits = spoken[0].words if spoken and spoken[0].kind is code.kind else ()
    return Decision(code.kind, remedy, f"code {name}", certain=code.certain, words=hits)


def _bears(text: str, mark: Rule, phase: str, host: str, without: frozenset[str]) -> bool:
    pattern = mark.looked_for
    return isinstance(pattern, re.Pattern) and mark.holds(phase, host, without) and pattern.search(text) is not None


def _without_codes(text: str, rules: Rules) -> str:
    """Other words in brackets are words: "[errno 111]"."""
    return _CODE.sub(lambda code: " . " if code[1].upper() in rules.codes or " " not in code[0] else code[0], text)


def _without_own_code(text: str, own_code: re.Pattern[str] | None) -> str:
    if own_code is None or (found := own_code.match(text)) is None:
        return text
    return re.sub(rf"(?<![\w.-]){re.escape(found[0].strip())}(?![\w.])-?", " ", text)


def _meaning(
    rules: Rules, reading: Reading, phase: str, host: str, provider: str | None, without: frozenset[str]
) -> tuple[Decision, Rule] | None:
    for rule in rules.meanings:
        if isinstance(rule.looked_for, Meaning) and rule.holds(phase, host, without):
            words = rule.looked_for.find(reading)
            if words is not None:
                return _decision(rule, provider, words), rule
    return None


def _overrules(spoken: tuple[Decision, Rule], code: Code, counted: Kind) -> bool:
    decision, rule = spoken
    if code.yields_to is None:
        return not rule.weak and (decision.kind is not counted or rule.certain)
    return decision.kind in code.yields_to


def _decision(rule: Rule, provider: str | None, words: tuple[Hit, ...] = ()) -> Decision:
    said = ", ".join(dict.fromkeys(f"{'not ' * hit.negated}{hit.word}" for hit in words))
    return Decision(
        rule.kind,
        rule.remedies.get(provider or "", rule.remedy),
        f"{rule.name} ({said})" if said else rule.name,
        rule.cause,
        rule.certain,
        words,
    )

"""How many refusals are named right, and what of that was learned from the very servers that say them.

python -m bench.refusals [--wrong] reads tests/data/refusals.tsv and prints the share of refusals that are named right: of all
of them, and of those rounds of which no word had been seen when they were first measured; for each kind; for each meaning (the
rule that decided: what it named right of what it named); what was taken for what; and how many were counted as a wrong
password and were not. Then it leaves groups out: of the servers and providers A-M it names the refusals without anything that
their own texts taught (`learned_from` in the vocabulary and the rules), and of N-Z likewise, and prints the same of them; and,
as the least that can be expected, with no other words than those that occur in the texts of the other half.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from domain.failures.classification import diagnose_reply, diagnose_smtp_reply
from domain.failures.failure import Diagnosis, Kind
from domain.failures.pop_rules import Phase
from domain.failures.smtp_rules import SmtpPhase
from domain.failures.vocabulary import NEGATION, NEGATION_BEHIND, Vocabulary, vocabulary

REFUSALS = Path(__file__).parent.parent / "tests/data/refusals.tsv"
NAMES_TAKEN_OUT = ("jane@example.com",)  # as the worker does with the name of the account
PASSWORD = (Kind.AUTHENTICATION, Kind.SMTP_AUTHENTICATION)


@dataclass(frozen=True)
class Refusal:
    """`round`: 0 was there when the rules were written; 1 and 2 came later, with a "t" those that were not read where they are
    made but told or made up in a provider's style."""

    group: str
    round: str
    protocol: str
    phase: str
    kinds: tuple[str, ...]
    reply: str

    @property
    def half(self) -> str:
        """A-M or N-Z; those of nobody known go by the hash of their text."""
        first = self.group.lstrip("#")[0].lower()
        return "A-M" if first < ("8" if self.group.startswith("#") else "n") else "N-Z"

    def diagnosis(self, words: Vocabulary) -> Diagnosis:
        if self.protocol == "SMTP":
            return diagnose_smtp_reply(self.reply, phase=cast(SmtpPhase, self.phase), hide=NAMES_TAKEN_OUT, words=words)
        command = "PASS" if self.phase == "login" else None
        return diagnose_reply(
            self.reply, phase=cast(Phase, self.phase), command=command, hide=NAMES_TAKEN_OUT, words=words
        )


def refusals() -> list[Refusal]:
    with REFUSALS.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Refusal(
                row["group"], row["round"], row["protocol"], row["phase"], tuple(row["kinds"].split(",")), row["reply"]
            )
            for row in rows
        ]


@dataclass
class Named:
    """What each refusal was taken for."""

    of: list[tuple[Refusal, Diagnosis]]

    @classmethod
    def by(cls, asked: Iterable[Refusal], words: Callable[[Refusal], Vocabulary]) -> Named:
        return cls([(refusal, refusal.diagnosis(words(refusal))) for refusal in asked])

    @property
    def wrong(self) -> list[tuple[Refusal, Kind]]:
        return [(refusal, named.kind) for refusal, named in self.of if named.kind not in refusal.kinds]

    @property
    def share(self) -> str:
        right = len(self.of) - len(self.wrong)
        return f"{right} of {len(self.of)} named right, {right / len(self.of):.3f}" if self.of else "none"

    @property
    def counted(self) -> int:
        return sum(kind in PASSWORD for _, kind in self.wrong)


def tell(what: str, named: Named) -> None:
    print(f"refusals, {what}: {named.share}; counted as a wrong password, and was not: {named.counted}")


def tell_by_kind(what: str, named: Named) -> None:
    """Its share for each kind and for each meaning, what was taken for what, and what was counted."""
    tell(what, named)
    for kind in sorted({refusal.kinds[0] for refusal, _ in named.of}):
        tell(f"{what}, kind {kind}", Named([one for one in named.of if one[0].kinds[0] == kind]))
    for rule in sorted({meaning(diagnosis) for _, diagnosis in named.of}):
        tell(f"{what}, by {rule}", Named([one for one in named.of if meaning(one[1]) == rule]))
    for (expected, got), times in Counter((one.kinds[0], kind) for one, kind in named.wrong).most_common():
        print(f"refusals, {what}, taken for something else: {expected} for {got}, {times}")
    print(f"refusals, {what}, counted as a wrong password, and was not: {named.counted}")


def meaning(diagnosis: Diagnosis) -> str:
    """The rule that decided, without its words."""
    return (diagnosis.decided_by or "nothing").partition(" (")[0]


def seen_in(texts: Iterable[Refusal]) -> set[tuple[str, str]]:
    """The vocabulary's words that occur in these; and what negates or says nothing, which is grammar."""
    whole = vocabulary()
    return {(hit.concept, hit.word) for refusal in texts for hit in whole.read(refusal.reply).hits} | {
        (entry.concept, entry.word)
        for entries in whole.entries.values()
        for entry in entries
        if entry.concept in (NEGATION, NEGATION_BEHIND, "filler")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", action="store_true", help="print those that are named wrong")
    given = parser.parse_args()
    known = refusals()
    everything = Named.by(known, lambda _: vocabulary())
    tell_by_kind("all", everything)
    for protocol in ("POP3", "SMTP"):
        tell(protocol, Named([one for one in everything.of if one[0].protocol == protocol]))
    for group, rounds in (("written with", ("0",)), ("read later", ("1", "2")), ("told later", ("1t", "2t"))):
        tell(group, Named([one for one in everything.of if one[0].round in rounds]))
    if given.wrong:
        for refusal, kind in everything.wrong:
            print(f"    {refusal.group}: {kind}, not {' or '.join(refusal.kinds)}: {refusal.reply}")

    least: list[tuple[Refusal, Diagnosis]] = []
    left_out: list[tuple[Refusal, Diagnosis]] = []
    for half in ("A-M", "N-Z"):
        asked = [refusal for refusal in known if refusal.half == half]
        others = [refusal for refusal in known if refusal.half != half]
        untaught = vocabulary(frozenset(refusal.group for refusal in asked))
        named = Named.by(asked, lambda _, words=untaught: words)  # type: ignore[misc]  # mypy infers no lambda with a default
        tell_by_kind(f"{half} without what they taught", named)
        left_out += named.of
        fewest = untaught.only(seen_in(others))
        least += Named.by(asked, lambda _, words=fewest: words).of  # type: ignore[misc]  # mypy infers no lambda with a default
    tell_by_kind("both halves without what they taught", Named(left_out))
    tell_by_kind("both halves by the words of the other half's texts alone", Named(least))


if __name__ == "__main__":
    main()

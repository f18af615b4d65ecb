"""Who is claimed to have failed, in which form, and whether the next claim is like those before: machines repeat themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from domain.bounces.notice_places import ADDRESS, Place, said_of, same_label
from domain.bounces.polarity import Said

MOST_RECIPIENTS = 100
LONGEST_AROUND = 8000

_WORD = re.compile(r"\w{1,40}")


class Form(IntEnum):
    """How an address is named."""

    SENTENCE = 1
    LISTED = 2
    ENTRY = 3  # with a reason beside it
    FIELD = 4
    ANSWER = 5  # in an answer of a server, or near words that it failed: only where nobody is named better


@dataclass(slots=True)
class Claim:
    """In which line an address is said to have failed, and in which words."""

    at: int
    form: Form
    sentence: str = ""
    with_others: bool = False  # the same words name others
    own: str | None = None  # all that is said of it, where the same line says something else of somebody else


def claim_of(place: Place, form: Form, said: Said | None) -> Claim:
    several = form == Form.LISTED or bool(said and ADDRESS.search(said.sentence))
    return Claim(place.at, form, said.sentence if said else "", several, said.own if said else None)


def is_consistent(
    claims: dict[str, Claim], lines: Sequence[str], place: Place, form: Form, sentence: str, *, closed: bool
) -> bool:
    """Whether a claim is like those before: machines repeat themselves."""
    if not claims:
        return not closed or (form == Form.ENTRY and place.of_a_machine)
    first, last = next(iter(claims.values())), next(reversed(claims.values()))
    if form == Form.SENTENCE:
        if first.form != form:
            return False
        near = not closed and all(line.strip() for line in lines[last.at : place.at])
        return near or _opening(sentence) == _opening(first.sentence)
    if form == Form.FIELD:
        return first.form == form and (place.at - last.at <= 2 or same_label(lines[first.at], lines[place.at]))
    if closed:
        return first.form == form == Form.ENTRY
    return first.form in (Form.LISTED, Form.ENTRY) or form == Form.LISTED


def _opening(sentence: str) -> list[str]:
    return _WORD.findall(sentence[:80])[:3]


@dataclass(frozen=True, slots=True)
class Named:
    """One recipient of a notice, by their addresses in normal form, as written to first; what is `said` of them there, and
    `around` that, but for what is said of others; whether the address stands `alone`, in a line or a field of its own, as
    people do not write it."""

    addresses: tuple[str, ...]
    said: str
    around: str
    alone: bool = False


def recipients_of(
    claims: Mapping[str, Claim], got: Mapping[str, int], written: Mapping[str, str], lines: Sequence[str]
) -> list[Named]:
    """Whom a notice names, each with what its lines say of them up to the next. `got`: who got the mail, and in which line that
    is said; `written`: to whom was written first."""
    best = {
        address: one
        for address, one in claims.items()
        if not (address in got and one.form in (Form.LISTED, Form.ANSWER))
    }
    ats = sorted({one.at for one in best.values()} | set(got.values()))
    found = []
    for address, one in list(best.items())[:MOST_RECIPIENTS]:
        end = next((at for at in ats if at > one.at), len(lines))
        said = said_of(lines, one.at, end, address)
        said = "\n".join((one.sentence, said)) if one.own is None else one.own.replace(address, " recipient ")
        addresses = tuple(dict.fromkeys((written.get(address, address), address)))
        alone = one.form not in (Form.SENTENCE, Form.ANSWER)
        found.append(Named(addresses, said, _around(lines, set(ats) - {one.at}), alone=alone))
    return found


def _around(lines: Sequence[str], others: Collection[int]) -> str:
    """The notice without what is said of others in their paragraphs."""
    kept, skipped = [], False
    for at, line in enumerate(lines):
        skipped = at in others or (skipped and bool(line.strip()))
        if not skipped:
            kept.append(line)
    return "\n".join(kept)[:LONGEST_AROUND]

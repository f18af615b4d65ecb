"""Who is claimed to have failed, in which form, and whether the next claim is like those before: machines repeat themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from domain.bounces.notice_places import ADDRESS, Place, same_label
from domain.bounces.polarity import Said

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

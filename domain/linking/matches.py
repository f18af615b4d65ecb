"""What the directory has for a message's addresses, and which of several records comes first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.linking.model import Correspondent
from domain.linking.rules import LEVELS, Rules, level_of, loose

ORDER = {"contact": 0, "candidate": 1, "lead": 2}  # contacts come before leads


@dataclass(frozen=True, slots=True)
class DirectoryMatch:
    """A record of the directory that has `address` (in the form of `domain.mime.addresses.normal_address`), as it is now: `via`
    is the record that the directory has the address of, where that was converted or merged. `first`: it is the record's first
    address, and not one of its others."""

    crm: str
    record_kind: str
    record_id: str
    address: str
    first: bool = True
    open: bool = True
    via: tuple[str, str] | None = None


class Deal(NamedTuple):
    crm: str
    record_id: str
    contacts: tuple[str, ...]
    open: bool


class Matches:
    """What of the directory a batch of mail meets, found by address."""

    def __init__(self, matches: Collection[DirectoryMatch]) -> None:
        self._exact: dict[tuple[str, str], list[DirectoryMatch]] = {}
        self._loose: dict[tuple[str, str], list[DirectoryMatch]] = {}
        self._met: set[str] = set()
        for match in matches:
            form = loose(match.address)
            self._exact.setdefault((match.crm, match.address), []).append(match)
            self._loose.setdefault((match.crm, form), []).append(match)
            self._met.add(form)

    def meet(self, people: Collection[Correspondent]) -> bool:
        """Whether there may be a record for any of them."""
        return any(loose(who.normal) in self._met for who in people)

    def of(self, crm: str, address: str, rules: Rules) -> list[tuple[DirectoryMatch, str]]:
        """The records with this address, with the level at which they have it; contacts first, then leads, open ones first."""
        found = [(match, "exact" if match.first else "secondary") for match in self._exact.get((crm, address), ())]
        if rules.subaddresses or rules.gmail_dots:
            for match in self._loose.get((crm, loose(address)), ()):
                if match.address != address and (level := level_of(match.address, address, rules)):
                    found.append((match, level))
        if len(found) > 1:
            found.sort(key=_rank)
        return found


def _rank(one: tuple[DirectoryMatch, str]) -> tuple[Any, ...]:
    """Of two ways to one record the nearer one comes first, in whatever order the directory has them."""
    match, level = one
    kind = ORDER.get(match.record_kind, 9)
    return kind, not match.open, match.record_id, match.via is not None, LEVELS.index(level), match.address, match.via

"""Erasing a person (GDPR, Article 17): which mail goes, which stays without them, and how an event names them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import idna
from pydantic import BaseModel


def pseudonym(erasure: UUID, person: str) -> str:
    """How the events of one erasure name `person` (a normal form): who knows the address can prove that it was this one, and
    two erasures cannot be told to be of one person."""
    return hashlib.sha256(f"{erasure}:{person}".encode()).hexdigest()


ERASED_RULE = re.compile(r"erased:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{64}")


def erased_rule(erasure: UUID, person: str) -> str:
    """What stands for a person's address in a privacy rule once they are erased: the rule goes on, and names nobody."""
    return f"erased:{erasure}:{pseudonym(erasure, person)}"


def is_meant(rule: str, address: str) -> bool:
    """Whether `rule`, of the form that `erased_rule` makes, is about this address (normal form)."""
    _, erasure, person = rule.split(":")
    return hashlib.sha256(f"{erasure}:{address}".encode()).hexdigest() == person


def spellings(person: str) -> list[str]:
    """A normal form as people may have typed it, in lower case: with the domain's A-labels, and with its own letters."""
    local, _, domain = person.rpartition("@")
    try:
        return list(dict.fromkeys((person, f"{local}@{idna.decode(domain)}")))
    except idna.IDNAError:
        return [person]


class Naming:
    """Finds a person's address in text, and not where it is part of a longer one."""

    def __init__(self, person: str) -> None:
        some = "|".join(re.escape(spelled) for spelled in spellings(person))
        self._pattern = re.compile(rf"(?<![\w.+-])(?:{some})(?![\w-]|\.\w)", re.IGNORECASE)

    def is_in(self, value: object) -> bool:
        """In a text, or in any text of a JSON value; also where it is written as a regular expression."""
        return any(
            self._pattern.search(text) or ("\\" in text and self._pattern.search(text.replace("\\", "")))
            for text in _texts(value)
        )

    def removed_from(self, text: str) -> str:
        return self._pattern.sub("[erased]", text)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def left_of_filter(
    name: str, match: str, conditions: Sequence[Any], actions: Sequence[Any], naming: Naming
) -> list[Any] | None:
    """The conditions of a filter (as JSON) that do not name the person. None where it cannot do without: its name, an action or
    its only condition names them, or all conditions have to hold, so that it would take more mail than before."""
    left = [one for one in conditions if not naming.is_in(one)]
    if naming.is_in(name) or naming.is_in(list(actions)):
        return None
    if len(left) < len(conditions) and (match != "any" or not left):
        return None
    return left


MOST_NAMED = 1000


class Erased(BaseModel):
    """What `ErasePerson` answers. `removed` messages are those that the person wrote or that had nobody else outside the
    organisation as a counterpart; `kept` ones are other people's mail, too, and name the person in no index any more. `records`
    are those of CRMs that still have the address: they are erased there. Of the built-in CRM, which is here alone,
    `builtin_records` are taken off, with their tasks, events and notes; `builtin_activities` counts those, and those of other
    records in whose text the address was replaced. `filters` that named the person were removed or do without, `rules` of
    privacy go on without the address, and of `withheld` mail no address is kept. `people` are entries of address books, and
    `crms` have a rule in their settings. `outgoing` messages to them lost their bytes and the address, and were cancelled where
    they waited; `drafts` that name them are gone. A dry run names the messages that it counts, by their ids, up to `MOST_NAMED`
    of each sort: `to_remove` and `to_keep`."""

    erasure: UUID
    dry_run: bool
    accounts: int = 0
    removed: int = 0
    bytes: int = 0
    kept: int = 0
    records: int = 0
    builtin_records: int = 0
    builtin_activities: int = 0
    filters: int = 0
    rules: int = 0
    withheld: int = 0
    crms: tuple[str, ...] = ()
    people: int = 0
    outgoing: int = 0
    drafts: int = 0
    to_remove: tuple[int, ...] = ()
    to_keep: tuple[int, ...] = ()

    @property
    def knows_nobody(self) -> bool:
        """Whether nothing at all names the person."""
        counts = (self.removed, self.kept, self.records, self.builtin_records, self.builtin_activities, self.filters)
        more = (self.rules, self.withheld, self.people, self.outgoing, self.drafts)
        return not (any(counts) or any(more) or self.crms)

    @property
    def summary(self) -> str:
        if self.knows_nobody:
            return (
                "Nothing in this organisation names the person: no mail, address book, filter, rule or record of a CRM has this "
                "address. Is it spelled as they write it?"
            )
        would = "would be" if self.dry_run else "were"
        text = (
            f"{self.removed} messages ({self.bytes:,} bytes) {would} removed and {self.kept} others {would} kept without the "
            f"person, in {self.accounts} accounts."
        )
        traces = {
            "filters": self.filters,
            "privacy rules": self.rules + len(self.crms),
            "notes of withheld mail": self.withheld,
            "address books": self.people,
            "outgoing messages": self.outgoing,
            "drafts": self.drafts,
            "records of the built-in CRM": self.builtin_records,
            "of its tasks, events and notes": self.builtin_activities,
        }
        if any(traces.values()):
            named = ", ".join(f"{count} {what}" for what, count in traces.items() if count)
            text += f" The person {'would be' if self.dry_run else 'was'} removed from {named}."
        if self.records:
            text += f" {self.records} records of CRMs have the address: erase them there."
        return text

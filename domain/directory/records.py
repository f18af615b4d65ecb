"""The records of a CRM's directory: the kinds there are, and how an adapter hands them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Cursor = Mapping[str, Any]  # plain JSON, in the adapter's own terms


@dataclass(frozen=True, slots=True)
class Record:
    """A contact, lead, deal or candidate. `addresses` as spelled, with those that are none; `contacts` are the ids of those
    whose deal it is. `converted_to`: the contact that a lead became; `merged_into`: the record of its kind that it is part of
    now."""

    kind: RecordKind
    id: str
    name: str
    addresses: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    open: bool = True
    converted_to: str | None = None
    merged_into: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a pull. `cursor` is where the next pull goes on once this page is stored."""

    records: Sequence[Record]
    cursor: Cursor


Profile = Literal["crm", "recruit"]
RecordKind = Literal["contact", "lead", "deal", "candidate"]
RECORD_KINDS: dict[str, tuple[RecordKind, ...]] = {
    "crm": ("contact", "lead", "deal"),
    "recruit": ("contact", "candidate"),
}

"""Erasing a person (GDPR, Article 17): which mail goes, which stays without them, and how an event names them."""

from __future__ import annotations

import hashlib
from uuid import UUID

from pydantic import BaseModel


def pseudonym(erasure: UUID, person: str) -> str:
    """How the events of one erasure name `person` (a normal form): who knows the address can prove that it was this one, and
    two erasures cannot be told to be of one person."""
    return hashlib.sha256(f"{erasure}:{person}".encode()).hexdigest()


class Erased(BaseModel):
    """What `ErasePerson` answers. `removed` messages are those that the person wrote or that had nobody else outside the
    organisation as a counterpart; `kept` ones are other people's mail, too, and name the person in no index any more.
    `records` are those of CRMs that still have the address: they are erased there."""

    erasure: UUID
    dry_run: bool
    accounts: int = 0
    removed: int = 0
    bytes: int = 0
    kept: int = 0
    records: int = 0

    @property
    def summary(self) -> str:
        would = "would be" if self.dry_run else "were"
        text = (
            f"{self.removed} messages ({self.bytes:,} bytes) {would} removed and {self.kept} others {would} kept without the "
            f"person, in {self.accounts} accounts."
        )
        if self.records:
            text += f" {self.records} records of CRMs have the address: erase them there."
        return text

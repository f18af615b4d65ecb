"""What links are made of: a message with its participants, and a record with its direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from domain.message.index import IndexedMessage, Participant

Direction = Literal["Sent", "Received"]
SENT: Final[Direction] = "Sent"
RECEIVED: Final[Direction] = "Received"
REPORTS = ("bounce", "receipt", "report")  # facts about another message, no correspondence of their own


@dataclass(frozen=True, slots=True)
class Mail:
    """What linking goes by: a message as it is indexed, or as it is stored."""

    participants: tuple[Participant, ...]
    author: str | None
    kind: str = "personal"
    automatic: bool = False
    traits: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, message: IndexedMessage) -> Mail:
        return cls(message.participants, message.author, message.kind, message.automatic, message.traits)


class Correspondent(NamedTuple):
    """A mailbox whose records a message belongs to: by which header field, as spelled there, and in normal form."""

    field: str
    address: str
    normal: str


@dataclass(frozen=True, slots=True)
class Correspondence:
    """One message with one record; `evidence` says by which field and rule, `matched_address` is the normal form."""

    crm: str
    record_kind: str
    record_id: str
    direction: Direction
    matched_address: str
    evidence: dict[str, Any]

    @property
    def record(self) -> tuple[str, str, str]:
        return self.crm, self.record_kind, self.record_id

"""Which CRM records a message belongs to: from its participants and the directory's matches to correspondences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from domain.message import IndexedMessage, Participant

SENT = "Sent"

Direction = Literal["Sent", "Received"]


@dataclass(frozen=True, slots=True)
class DirectoryMatch:
    """A record of the directory that has `address` (in the form of `domain.addresses.normal_address`)."""

    crm: str
    record_kind: str
    record_id: str
    address: str


@dataclass(frozen=True, slots=True)
class Correspondence:
    """One message with one record; `evidence` says by which field and rule, `matched_address` is the normal form."""

    crm: str
    record_kind: str
    record_id: str
    direction: Direction
    matched_address: str
    evidence: dict[str, Any]


def correspondents(message: IndexedMessage, folder: str) -> tuple[Participant, ...]:
    """The participants whose records the message belongs to: who wrote it, or in Sent every recipient (R30)."""
    fields = {"to", "cc", "bcc"} if folder == SENT else {"from"}
    return tuple(participant for participant in message.participants if participant.field in fields)


def link(message: IndexedMessage, folder: str, matches: Iterable[DirectoryMatch]) -> list[Correspondence]:
    """One correspondence per record among `matches` that has a correspondent's address, in their order in the mail.

    Matches of other addresses are ignored, so the matches of a whole batch may be passed. Deals are never linked by
    address: the person is in many deals, the message is about one. The direction follows the folder alone (R34).
    """
    by_address: dict[str, list[DirectoryMatch]] = {}
    for match in matches:
        if match.record_kind != "deal":
            by_address.setdefault(match.address, []).append(match)
    found: dict[tuple[str, str, str], Correspondence] = {}
    for participant in correspondents(message, folder):
        for match in by_address.get(participant.normal, ()):
            record = (match.crm, match.record_kind, match.record_id)
            if record not in found:
                found[record] = Correspondence(
                    *record,
                    direction="Sent" if folder == SENT else "Received",
                    matched_address=participant.normal,
                    evidence=_evidence(message, participant),
                )
    return list(found.values())


def _evidence(message: IndexedMessage, participant: Participant) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "field": participant.field,
        "address": participant.address,
        "level": "exact",
        "rule": "address",
    }
    if message.automatic:
        evidence["automatic"] = True
    return evidence

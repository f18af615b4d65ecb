"""Which CRM records a message belongs to: from its participants and the directory's matches to correspondences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.message import IndexedMessage, Participant
from domain.privacy import Privacy, Rule
from domain.settings import Strict

SENT = "Sent"

Direction = Literal["Sent", "Received"]


EVERYTHING = Privacy()  # is stored, and linked where it is not internal


class Rules(Strict):
    """How mail is linked to one CRM. `records`: which kinds take part besides deals; `subaddresses` and `gmail_dots`: the levels
    of address matching beyond the exact one; `removed_addresses`: what becomes of mail that is linked by an address that its
    record has no more; `never_log`: the organisation's own list."""

    records: Literal["both", "contacts", "leads"] = "both"
    subaddresses: bool = False
    gmail_dots: bool = False
    automatic: bool = True
    removed_addresses: Literal["keep", "unlink"] = "keep"
    never_log: tuple[Rule, ...] = ()


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
        return cls(message.participants, message.from_address, automatic=message.automatic)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose mailbox it is: the account's `own` addresses, and those of colleagues among the participants."""

    address: str
    own: frozenset[str]
    colleagues: Collection[str] = ()
    privacy: Privacy = EVERYTHING


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


def correspondents(mail: Mail, folder: str) -> tuple[Participant, ...]:
    """The participants whose records the message belongs to: who wrote it, or in Sent every recipient (R30)."""
    fields = {"to", "cc", "bcc"} if folder == SENT else {"from"}
    return tuple(participant for participant in mail.participants if participant.field in fields)


def link(mail: Mail, folder: str, owner: Owner, matches: Iterable[DirectoryMatch]) -> list[Correspondence]:
    """One correspondence per record among `matches` that has a correspondent's address, in their order in the mail.

    Matches of other addresses are ignored, so the matches of a whole batch may be passed. Deals are never linked by
    address: the person is in many deals, the message is about one. The direction follows the folder alone (R34).
    """
    by_address: dict[str, list[DirectoryMatch]] = {}
    for match in matches:
        if match.record_kind != "deal":
            by_address.setdefault(match.address, []).append(match)
    found: dict[tuple[str, str, str], Correspondence] = {}
    for participant in correspondents(mail, folder):
        if participant.normal in owner.own or participant.normal in owner.colleagues:
            continue
        for match in by_address.get(participant.normal, ()):
            record = (match.crm, match.record_kind, match.record_id)
            if record not in found:
                found[record] = Correspondence(
                    *record,
                    direction="Sent" if folder == SENT else "Received",
                    matched_address=participant.normal,
                    evidence=_evidence(mail, participant),
                )
    return list(found.values())


def _evidence(mail: Mail, participant: Participant) -> dict[str, Any]:
    evidence: dict[str, Any] = {
        "field": participant.field,
        "address": participant.address,
        "level": "exact",
        "rule": "address",
    }
    if mail.automatic:
        evidence["automatic"] = True
    return evidence

"""What changes of the links of one stored message: a pure function of those that it has, those that follow, what people decided
and where the message lies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from domain.linking.model import RECEIVED, SENT, Correspondence

Record = tuple[str, str, str]  # CRM, kind and id


@dataclass(frozen=True, slots=True)
class StoredLink:
    """One link that is kept. `manual`: a person made it; `unlinked`: it holds no more."""

    id: int
    direction: str
    manual: bool
    unlinked: bool
    matched_address: str
    evidence: Mapping[str, object]


@dataclass(slots=True)
class Changed:
    """What linking anew came to, in links."""

    linked: int = 0
    unlinked: int = 0
    turned: int = 0

    def __add__(self, other: Changed) -> Changed:
        return Changed(self.linked + other.linked, self.unlinked + other.unlinked, self.turned + other.turned)


@dataclass(slots=True)
class LinkChanges:
    """`update` holds kept links with what they say from now on, those that hold again among them; `turn` those of which only
    the direction changes; `remove` those that hold no more. `counts` are by CRM, of those of which anything has changed;
    `passes_on`: what has changed is inherited by the later messages of the thread."""

    insert: list[Correspondence] = field(default_factory=list)
    update: list[tuple[int, Correspondence]] = field(default_factory=list)
    turn: list[tuple[int, str]] = field(default_factory=list)
    remove: list[int] = field(default_factory=list)
    counts: dict[str, Changed] = field(default_factory=dict)
    passes_on: bool = False

    def count(self, crm: str, *, linked: bool = False, unlinked: bool = False, turned: bool = False) -> None:
        counted = self.counts.get(crm, Changed())
        self.counts[crm] = counted + Changed(int(linked), int(unlinked), int(turned))


def changes(
    known: Mapping[Record, StoredLink],
    wanted: Sequence[Correspondence],
    decided: Collection[Record],
    folder: str,
    crms: Collection[str],
) -> LinkChanges:
    """`known` are the message's links by their records, `wanted` those that follow for it, `decided` the records that a person
    unlinked it from, `crms` those that its account is linked with. A link that a person made, or whose CRM was taken off the
    account, stays and only follows the folder."""
    found = LinkChanges()
    due = {link.record: link for link in wanted if link.record not in decided}
    for record, there in known.items():
        follows = due.pop(record, None)
        if there.manual or record[0] not in crms:
            _follow_the_folder(found, record, there, folder)
        elif follows is None:
            _remove(found, record, there)
        else:
            _bring_up(found, record, there, follows)
    for link in due.values():
        found.insert.append(link)
        found.count(link.crm, linked=True)
        found.passes_on |= _is_inherited(link.record_kind, link.evidence)
    return found


def _follow_the_folder(found: LinkChanges, record: Record, there: StoredLink, folder: str) -> None:
    direction = SENT if folder == SENT else RECEIVED
    if there.direction == direction or (there.unlinked and not there.manual):
        return
    found.turn.append((there.id, direction))
    if not there.unlinked:
        found.count(record[0], turned=True)


def _remove(found: LinkChanges, record: Record, there: StoredLink) -> None:
    if there.unlinked:
        return
    found.remove.append(there.id)
    found.count(record[0], unlinked=True)
    found.passes_on |= _is_inherited(record[1], there.evidence)


def _bring_up(found: LinkChanges, record: Record, there: StoredLink, follows: Correspondence) -> None:
    turned = follows.direction != there.direction
    said = (there.matched_address, there.evidence)
    if not there.unlinked and not turned and (follows.matched_address, follows.evidence) == said:
        return
    found.update.append((there.id, follows))
    found.count(record[0], linked=there.unlinked, turned=turned and not there.unlinked)
    found.passes_on |= there.unlinked and _is_inherited(record[1], there.evidence)


def _is_inherited(kind: str, evidence: Mapping[str, object]) -> bool:
    """Whether later messages of a thread may be linked because of such a link."""
    return kind == "deal" or evidence.get("rule") == "thread"

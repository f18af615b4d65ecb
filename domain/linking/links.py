"""Which CRM records a message belongs to: from its participants and the directory's matches to correspondences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.linking.evidence import everybody_of, facts_of_message
from domain.linking.matches import Deal, DirectoryMatch, Matches
from domain.linking.model import REPORTS, SENT, Correspondence, Correspondent, Direction, Mail
from domain.linking.rules import Rules
from domain.privacy.rules import Privacy, is_internal, rule_for

EVERYTHING = Privacy()  # is stored, and linked where it is not internal
MOST_RECORDS = 100  # that one address is linked to


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose mailbox it is: the account's `own` addresses, and those of colleagues among the participants."""

    address: str
    own: frozenset[str]
    colleagues: Collection[str] = ()
    privacy: Privacy = EVERYTHING


def correspondents(mail: Mail, folder: str) -> tuple[Correspondent, ...]:
    """The participants whose records the message belongs to: who wrote it, or in Sent every recipient (R30)."""
    if mail.kind in REPORTS:
        return ()
    if folder == SENT:
        return tuple(
            Correspondent(who.field, who.address, who.normal)
            for who in mail.participants
            if who.field in ("to", "cc", "bcc")
        )
    lists = mail.traits.get("list", ())
    if written := mail.traits.get("author"):
        found = [Correspondent(written["field"], written["address"], mail.author or "")]
    else:
        found = [Correspondent(who.field, who.address, who.normal) for who in mail.participants if who.field == "from"]
    return tuple(who for who in found if who.normal not in lists)


def eligible(mail: Mail, folder: str, owner: Owner) -> tuple[Correspondent, ...]:
    """The correspondents that are somebody else's, and no rule of the account keeps back; none of internal mail (D7)."""
    people = tuple(
        who
        for who in correspondents(mail, folder)
        if who.normal not in owner.own
        and who.normal not in owner.colleagues
        and not _covered(mail, who, owner.privacy.never_log)
        and not _covered(mail, who, owner.privacy.private)
    )
    if not people or owner.privacy.internal == "link" or not is_internal({who.normal for who in people}, owner.address):
        return people
    return () if is_internal(everybody_of(mail) - owner.own, owner.address) else people


def for_crm(mail: Mail, people: Sequence[Correspondent], rules: Rules) -> list[Correspondent]:
    """Those of them that the CRM's own rules let through."""
    if mail.automatic and not rules.automatic:
        return []
    return [who for who in people if not _covered(mail, who, rules.never_log)]


def _covered(mail: Mail, who: Correspondent, rules: Collection[str]) -> bool:
    """Whether a rule keeps a correspondent back: by their own address, or by From where a notifier or a list named them."""
    if not rules:
        return False
    written = mail.traits.get("author") if who.field not in ("to", "cc", "bcc") else None
    return bool(rule_for(who.normal, rules) or (written and rule_for(written["from"], rules)))


def link(
    mail: Mail,
    folder: str,
    owner: Owner,
    crms: Mapping[str, Rules],
    matches: Matches,
    deals: Mapping[tuple[str, str], Sequence[Deal]] | None = None,
    kept: Collection[tuple[str, str]] = (),
) -> list[Correspondence]:
    """One correspondence per record that has a correspondent's address, in their order in the mail, and per deal that follows.

    Matches of other addresses are ignored, so those of a whole batch may be passed. The direction follows the folder alone
    (R34). `deals` are those of each contact (crm, id): of the open ones the single one is linked, for among several the address
    does not tell which the message is about. A deal that is `kept` (crm, id) was linked in that way before, and remains so.
    """
    people = eligible(mail, folder, owner)
    if not people:
        return []
    direction: Direction = "Sent" if folder == SENT else "Received"
    about = facts_of_message(mail, direction)
    found: dict[tuple[str, str, str], Correspondence] = {}
    for crm, rules in crms.items():
        for who in for_crm(mail, people, rules):
            known = [one for one in matches.of(crm, who.normal, rules) if one[0].record_kind in rules.kinds]
            records = {(match.record_kind, match.record_id) for match, _ in known} if len(known) > 1 else ()
            for match, level in known[:MOST_RECORDS]:
                evidence = {"field": who.field, "address": who.address, "level": level, "rule": "address", **about}
                if match.via:
                    evidence["via"] = {"record_kind": match.via[0], "record_id": match.via[1]}
                if len(records) > 1:
                    evidence["ambiguous"] = len(records)
                made = Correspondence(crm, match.record_kind, match.record_id, direction, who.normal, evidence)
                found.setdefault(made.record, made)
    return with_deals(mail, folder, list(found.values()), deals or {}, kept)


def with_deals(
    mail: Mail,
    folder: str,
    made: Sequence[Correspondence],
    deals: Mapping[tuple[str, str], Sequence[Deal]],
    kept: Collection[tuple[str, str]],
) -> list[Correspondence]:
    """`made` with the deals that follow from its contacts, as `link` says."""
    direction: Direction = "Sent" if folder == SENT else "Received"
    found = {one.record: one for one in made}
    for one in [found for found in made if found.record_kind == "contact"] if deals else ():
        for deal in _deals_of(one, deals.get((one.crm, one.record_id), ()), kept):
            evidence = {"rule": "deal", "contact": one.record_id, **facts_of_message(mail, direction)}
            follows = Correspondence(one.crm, "deal", deal.record_id, direction, one.matched_address, evidence)
            found.setdefault(follows.record, follows)
    return list(found.values())


def with_former(
    mail: Mail,
    folder: str,
    owner: Owner,
    crms: Mapping[str, Rules],
    made: Sequence[Correspondence],
    former: Sequence[Correspondence],
) -> list[Correspondence]:
    """`made` with those links by an address that its record has no more (`former`) that would follow if it still had it."""
    found = {one.record: one for one in made}
    for one in former:
        by_then = Matches([DirectoryMatch(*one.record, one.matched_address)])
        for kept in link(mail, folder, owner, {crm: crms[crm] for crm in crms if crm == one.crm}, by_then):
            found.setdefault(one.record, replace(one, direction=kept.direction))
    return list(found.values())


def _deals_of(contact: Correspondence, deals: Sequence[Deal], kept: Collection[tuple[str, str]]) -> list[Deal]:
    stay = [deal for deal in deals if (deal.crm, deal.record_id) in kept]
    still_open = [deal for deal in deals if deal.open]
    return stay or (still_open if len(still_open) == 1 else [])


def passed_on(mail: Mail, folder: str, anchor: Correspondence, ancestor: int) -> Correspondence:
    """The link that a message inherits from another of its thread, the stored message `ancestor`: to a deal, or made by hand."""
    direction: Direction = "Sent" if folder == SENT else "Received"
    evidence = {"rule": "thread", "message": ancestor, **facts_of_message(mail, direction)}
    return Correspondence(*anchor.record, direction, anchor.matched_address, evidence)

"""Which CRM records a message belongs to: from its participants and the directory's matches to correspondences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from domain.message import IndexedMessage, Participant
from domain.privacy import Privacy, Rule, is_internal, rule_for
from domain.settings import Strict

SENT = "Sent"

Direction = Literal["Sent", "Received"]


EVERYTHING = Privacy()  # is stored, and linked where it is not internal
REPORTS = ("bounce", "receipt", "report")  # facts about another message, no correspondence of their own
MANY = 50  # participants: received mail with more of them says little about any but its author
MOST_RECORDS = 100  # that one address is linked to
ORDER = {"contact": 0, "candidate": 1, "lead": 2}  # contacts come before leads
LEVELS = ("exact", "secondary", "subaddress", "gmail")  # of address matching, the nearest first


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

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of records that are matched by their addresses."""
        of = {"both": ("contact", "lead", "candidate"), "contacts": ("contact",), "leads": ("lead", "candidate")}
        return of[self.records]


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


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose mailbox it is: the account's `own` addresses, and those of colleagues among the participants."""

    address: str
    own: frozenset[str]
    colleagues: Collection[str] = ()
    privacy: Privacy = EVERYTHING


class Correspondent(NamedTuple):
    """A mailbox whose records a message belongs to: by which header field, as spelled there, and in normal form."""

    field: str
    address: str
    normal: str


@dataclass(frozen=True, slots=True)
class DirectoryMatch:
    """A record of the directory that has `address` (in the form of `domain.addresses.normal_address`), as it is now: `via` is
    the record that the directory has the address of, where that was converted or merged. `first`: it is the record's first
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
                if match.address != address and (level := _level(match.address, address, rules)):
                    found.append((match, level))
        if len(found) > 1:
            found.sort(key=_rank)
        return found


def _rank(one: tuple[DirectoryMatch, str]) -> tuple[Any, ...]:
    """Of two ways to one record the nearer one comes first, in whatever order the directory has them."""
    match, level = one
    kind = ORDER.get(match.record_kind, 9)
    return kind, not match.open, match.record_id, match.via is not None, LEVELS.index(level), match.address, match.via


def loose(address: str) -> str:
    """The form in which addresses of one mailbox agree at every level: without `+tag` (RFC 5233), at gmail.com without dots.
    The function `loose_address` of the database is the same."""
    local, _, domain = address.rpartition("@")
    if local.startswith('"'):
        return address
    local = _base(local)
    if domain in ("gmail.com", "googlemail.com"):
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def searched_loosely(addresses: Collection[str]) -> set[str]:
    """What stored mail with these addresses is found by where a record has another address of the same mailbox: no address, for
    none has a colon outside of quotes."""
    return {f"loose:{form}" for address in addresses if (form := loose(address)) != address}


def _base(local: str) -> str:
    plus = local.find("+")
    return local[:plus] if plus > 0 else local


def _level(known: str, written: str, rules: Rules) -> str | None:
    """At which level two addresses with the same loose form are one, if the rules go so far."""
    a, b = known.rpartition("@"), written.rpartition("@")
    if rules.subaddresses and (_base(a[0]), a[2]) == (_base(b[0]), b[2]):
        return "subaddress"
    if not rules.gmail_dots or a[2] not in ("gmail.com", "googlemail.com"):
        return None
    if a[0].replace(".", "") == b[0].replace(".", "") or rules.subaddresses:
        return "gmail"
    return None


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
    return () if is_internal(_everybody(mail) - owner.own, owner.address) else people


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


def _everybody(mail: Mail) -> set[str]:
    everybody = {who.normal for who in mail.participants if who.field in ("from", "to", "cc", "bcc")}
    return everybody | ({mail.author} if mail.author else set())


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
    about = _about(mail, direction)
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
            evidence = {"rule": "deal", "contact": one.record_id, **_about(mail, direction)}
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
    evidence = {"rule": "thread", "message": ancestor, **_about(mail, direction)}
    return Correspondence(*anchor.record, direction, anchor.matched_address, evidence)


def _about(mail: Mail, direction: Direction) -> dict[str, Any]:
    """What the evidence of every link of a message says of the message."""
    about: dict[str, Any] = {}
    if mail.automatic:
        about["automatic"] = True
    if mail.kind == "list":
        about["list"] = True
    for name in ("own_copy", "possibly_spoofed"):
        if value := mail.traits.get(name):
            about[name] = value
    if written := mail.traits.get("author"):
        about["from"] = written["from"]
    if mail.traits.get("forwarded"):
        about["forwarded"] = True
    if direction == "Received" and len(mail.participants) > MANY and (everybody := len(_everybody(mail))) > MANY:
        about["many_participants"] = everybody
    return about


def facts(kind: str, traits: Mapping[str, Any], message: int) -> list[tuple[str | None, dict[str, Any]]]:
    """What a bounce, receipt or abuse report (the stored `message`) adds to the evidence of links of the message that it is
    about: per recipient (None: whoever it was sent to)."""
    if kind == "bounce":
        bounce = traits.get("bounce", {})
        guess = {"guess": True} if bounce.get("guess") else {}
        return [
            (
                address,
                {
                    "bounced": {
                        "by": message,
                        "severity": one["severity"],
                        "status": one["status"],
                        **_why(one),
                        **guess,
                    }
                },
            )
            for one in bounce.get("recipients", ())
            if one["severity"]
            for address in one["addresses"]
        ]
    if kind == "receipt":
        receipt = traits.get("receipt", {})
        said = {"receipt": {"by": message, "disposition": receipt.get("disposition")}}
        return [(address, said) for address in receipt.get("recipients", ())]
    report = traits.get("report", {})
    said = {"reported": {"by": message, "type": report.get("type")}}
    return [(address, said) for address in report.get("recipients", ()) or (None,)]


def _why(recipient: Mapping[str, Any]) -> dict[str, Any]:
    """Why a recipient was not reached; what was stored by earlier versions does not say."""
    return {"reason": recipient["reason"]} if "reason" in recipient else {}


def with_facts(made: Correspondence, known: Sequence[tuple[str | None, dict[str, Any]]]) -> Correspondence:
    """The correspondence with what reports say of it; of several of one kind the last counts."""
    added: dict[str, Any] = {}
    for address, fact in known:
        if address is None or address == made.matched_address or loose(address) == loose(made.matched_address):
            added |= fact
    if not added or made.direction != "Sent":
        return made
    return Correspondence(
        made.crm, made.record_kind, made.record_id, made.direction, made.matched_address, {**made.evidence, **added}
    )

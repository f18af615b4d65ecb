"""The links that there should be: what a message is to be linked with, from everything that there is now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from activities.core.locks import linking_by
from activities.linking import lookups
from activities.linking.merged_records import former_links
from activities.linking.reports import reports_on
from activities.linking.threads import ancestors_of, anchors_of, threads_pass_on
from activities.mailbox.policy import StandingRules
from activities.storage.batch import Retrieved
from domain.linking.changes import Record, StoredLink
from domain.linking.evidence import with_facts
from domain.linking.links import Owner, correspondents, eligible, for_crm, link, passed_on, with_deals, with_former
from domain.linking.model import SENT, Correspondence, Mail
from domain.linking.rules import Rules
from domain.privacy.rules import Privacy
from infra.database.locks import hold
from infra.database.pool import Connection


@dataclass(frozen=True, slots=True)
class Linkable:
    """One stored message, and where it is filed. `answers` are the Message-IDs that it names as those before it."""

    id: int
    identity: bytes
    folder: str
    mail: Mail
    message_id: str | None = None
    answers: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: int, one: Retrieved, folder: str) -> Linkable:
        found = one.message
        return cls(
            message, one.identity, folder, Mail.of(found), found.message_id, found.references + found.in_reply_to
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Whose messages they are, and the CRMs that are linked."""

    address: str
    own: frozenset[str]
    organisation: str
    crms: tuple[str, ...]


async def expected(
    connection: Connection,
    mail: Sequence[tuple[Account, Linkable]],
    known: Mapping[int, Mapping[Record, StoredLink]],
    held: StandingRules | None = None,
) -> dict[int, list[Correspondence]]:
    """The links that follow for each message: the one place that decides it. `known` are those that there are; `held` are the
    rules of the one account whose mail it is, where the transaction holds them."""
    made: dict[int, list[Correspondence]] = {one.id: [] for _, one in mail}
    crms = {crm for account, _ in mail for crm in account.crms}
    if not crms:
        return made
    if held is None:
        await hold(connection, *linking_by(crms))
    people = {one.id: correspondents(one.mail, one.folder) for _, one in mail}
    wanted = {who.normal for some in people.values() for who in some}
    if not wanted:
        return made
    rules = held.linking if held else await lookups.rules_of(connection, crms)
    owners = await _owners(connection, mail, wanted, held)
    matches = await lookups.matches_of(connection, wanted, rules)
    kept = {one.id: _kept(known.get(one.id, {})) for _, one in mail}
    theirs = {account: {crm: rules[crm] for crm in account.crms} for account, _ in mail}
    for account, one in mail:
        if matches.meet(people[one.id]):
            made[one.id] = link(one.mail, one.folder, owners[account], theirs[account], matches)
    former = await former_links(connection, known.keys())
    for account, one in mail if former else ():
        made[one.id] = with_former(
            one.mail, one.folder, owners[account], theirs[account], made[one.id], former.get(one.id, ())
        )
    contacts = {
        (found.crm, found.record_id) for links in made.values() for found in links if found.record_kind == "contact"
    }
    if deals := await lookups.deals_of(connection, contacts, {deal for some in kept.values() for deal in some}):
        for _, one in mail:
            made[one.id] = with_deals(one.mail, one.folder, made[one.id], deals, kept[one.id])
    await _add_threads(connection, mail, owners, theirs, made)
    sent = {(account.address, one.message_id) for account, one in mail if one.folder == SENT and one.message_id}
    reports = await reports_on(connection, sent)
    for account, one in mail if reports else ():
        if said := reports.get((account.address, one.message_id or "")):
            made[one.id] = [with_facts(found, said) for found in made[one.id]]
    return made


def _kept(known: Mapping[Record, StoredLink]) -> set[tuple[str, str]]:
    """The deals (crm, id) that a message stays with: those it is linked with, or where it is with none now, those it was with.
    It may have been in Sent meanwhile, or its contact gone, and is back as it was."""
    kept: set[tuple[str, str]] = set()
    for crm in {record[0] for record in known}:
        deals = [
            (there.unlinked, record[2])
            for record, there in known.items()
            if record[:2] == (crm, "deal") and not there.manual and there.evidence.get("rule") == "deal"
        ]
        kept |= {(crm, deal) for unlinked, deal in deals if not unlinked or all(gone for gone, _ in deals)}
    return kept


async def _owners(
    connection: Connection,
    mail: Sequence[tuple[Account, Linkable]],
    addresses: Collection[str],
    held: StandingRules | None,
) -> dict[Account, Owner]:
    accounts = {account for account, _ in mail}
    colleagues = await lookups.colleagues_among(connection, {one.organisation for one in accounts}, addresses)
    of = {one.address for one in accounts}
    privacy = dict.fromkeys(of, held.privacy) if held else await lookups.privacy_of(connection, of)
    return {
        one: Owner(one.address, one.own, colleagues.get(one.organisation, ()), privacy.get(one.address, Privacy()))
        for one in accounts
    }


async def _add_threads(
    connection: Connection,
    mail: Sequence[tuple[Account, Linkable]],
    owners: Mapping[Account, Owner],
    rules: Mapping[Account, Mapping[str, Rules]],
    made: dict[int, list[Correspondence]],
) -> None:
    """What each message inherits from those before it. Only what did not come by a thread itself is passed on: so it ends when
    its reason ends, however a thread refers to itself."""
    replies = {(account.address, one.id): one.answers for account, one in mail if one.answers}
    if not replies:
        return
    here = any(passes_on(found) for links in made.values() for found in links)
    if not here and not await threads_pass_on(connection, {account for account, _ in replies}):
        return
    ancestors = await ancestors_of(connection, replies)
    anchors = await anchors_of(connection, {one for some in ancestors.values() for one in some}, made.keys())
    for message, links in made.items():
        anchors.setdefault(message, []).extend(found for found in links if passes_on(found))
    inherited: dict[int, list[Correspondence]] = {}
    for account, one in mail:
        people = eligible(one.mail, one.folder, owners[account])
        there = {found.record for found in made[one.id]}
        for ancestor in ancestors.get((account.address, one.id), ()) if people else ():
            for anchor in anchors.get(ancestor, ()):
                given = rules[account].get(anchor.crm)
                if given is None or anchor.record in there or not for_crm(one.mail, people, given):
                    continue
                there.add(anchor.record)
                inherited.setdefault(one.id, []).append(passed_on(one.mail, one.folder, anchor, ancestor))
    for message, links in inherited.items():
        made[message] = made[message] + links


def passes_on(found: Correspondence) -> bool:
    return found.record_kind == "deal" and found.evidence.get("rule") == "deal"

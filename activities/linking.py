"""Links between mail and CRM records: made when a message is stored, and made anew when anything that they follow from changes.

All of it is a local join with the directory, inside the transaction of what it follows from; no CRM is asked. What CRMs must be
told of the links goes to their entries (`refresh_entries`) in that same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities import matching
from activities.arrivals import Retrieved
from activities.following import former_links
from domain.addresses import normal_address
from domain.linking import (
    SENT,
    Correspondence,
    Mail,
    Owner,
    Rules,
    correspondents,
    eligible,
    for_crm,
    link,
    passed_on,
    with_facts,
    with_former,
)
from domain.message import Participant, storable
from domain.privacy import Privacy
from domain.settings import AccountSettings

MOST_FOLLOWERS = 500  # replies that are linked anew because what they answer is linked otherwise

Connection = AsyncConnection[TupleRow]
Record = tuple[str, str, str]


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


@dataclass(slots=True)
class Changed:
    """What linking anew came to, in links."""

    linked: int = 0
    unlinked: int = 0
    turned: int = 0

    def __iadd__(self, other: Changed) -> Changed:
        self.linked += other.linked
        self.unlinked += other.unlinked
        self.turned += other.turned
        return self


async def link_new(connection: Connection, settings: AccountSettings, mail: Sequence[Linkable]) -> int:
    """Links messages that this transaction stores; answers how many links."""
    account = Account(settings.address, settings.own_addresses, settings.organisation, tuple(settings.crm))
    made = await _compute(connection, [(account, one) for one in mail], {})
    found = [(one, correspondence) for one in mail for correspondence in made[one.id]]
    await _insert(connection, settings.address, found)
    await refresh_entries(connection, {one.identity for one, _ in found})
    if account.crms:
        about = {(account.address, str(one.mail.traits["about"])) for one in mail if "about" in one.mail.traits}
        earlier = await matching.reported(connection, about)
        deals = [one.id for one, correspondence in found if _passes_on(correspondence)]
        earlier += await matching.followers_of(connection, deals, MOST_FOLLOWERS)
        await _relink(connection, set(earlier) - {one.id for one in mail}, None)
    return len(found)


async def relink(connection: Connection, ids: Collection[int], crms: Sequence[str] | None = None) -> Changed:
    """Links stored messages anew, with `crms` or all of their account's: what no longer follows is unlinked, what follows now is
    linked, and a direction follows the folder. What a person decided stays. Done twice, it changes nothing.

    The messages are locked until the transaction ends, so nothing moves them in between. Where links change that a thread
    passes on, its later messages follow.
    """
    changed, passing_on = await _relink(connection, ids, crms)
    changed += await relink_replies(connection, passing_on, crms)
    return changed


async def relink_replies(connection: Connection, ids: Collection[int], crms: Sequence[str] | None = None) -> Changed:
    """Links the replies to these messages anew, after a person has linked them or a deal of theirs has changed."""
    later = await matching.followers_of(connection, ids, MOST_FOLLOWERS)
    changed, _ = await _relink(connection, later, crms)
    return changed


async def _relink(connection: Connection, ids: Collection[int], crms: Sequence[str] | None) -> tuple[Changed, set[int]]:
    """What changed, and the messages whose links to deals did."""
    if not ids:
        return Changed(), set()
    rows = await (
        await connection.execute(
            """
            select m.id, m.identity, m.folder, m.address, m.participants, m.author, m.kind, m.automatic, m.traits,
                m.message_id, m.message_references || m.in_reply_to, a.crm, a.aliases, a.organisation
            from mail m join accounts_recorded a using (address)
            where m.id = any(%s) and m.state = 'stored'
            order by m.id for no key update of m
            """,
            [sorted(ids)],
        )
    ).fetchall()
    mail: list[tuple[Account, Linkable]] = []
    for row in rows:
        own = frozenset(normal_address(address) or address for address in (row[3], *row[12]))
        account = Account(row[3], own, row[13], tuple(name for name in row[11] if crms is None or name in crms))
        mail.append((account, Linkable(row[0], bytes(row[1]), row[2], _mail(*row[4:9]), row[9], tuple(row[10]))))
    known = await _known(connection, [one.id for _, one in mail], crms)
    wanted = await _compute(connection, mail, known)
    changed, passing_on = await _bring_up(connection, mail, known, wanted)
    await refresh_entries(connection, {one.identity for _, one in mail})
    return changed, passing_on


async def refresh_entries(connection: Connection, identities: Collection[bytes]) -> None:
    """Brings what CRMs must be told up to the links of these messages."""
    if identities:
        await connection.execute("select refresh_entries(%b::bytea[])", [sorted(identities)])


# What links there should be --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """A link that there is, or was."""

    id: int
    direction: str
    manual: bool
    unlinked: bool
    matched_address: str
    evidence: dict[str, object]


async def _compute(
    connection: Connection,
    mail: Sequence[tuple[Account, Linkable]],
    known: Mapping[int, Mapping[Record, Known]],
) -> dict[int, list[Correspondence]]:
    """The links that follow for each message, from everything that there is: the one place that decides it."""
    made: dict[int, list[Correspondence]] = {one.id: [] for _, one in mail}
    crms = {crm for account, _ in mail for crm in account.crms}
    if not crms:
        return made
    await matching.hold_directory(connection, crms)
    wanted = {who.normal for _, one in mail for who in correspondents(one.mail, one.folder)}
    if not wanted:
        return made
    rules = await matching.rules_of(connection, crms)
    owners = await _owners(connection, mail, wanted)
    matches = await matching.matches_of(connection, wanted, rules)
    kept = {
        one.id: {
            (record[0], record[2])
            for record, there in known.get(one.id, {}).items()
            if record[1] == "deal" and not there.manual and not there.unlinked and there.evidence.get("rule") == "deal"
        }
        for _, one in mail
    }
    theirs = {account: {crm: rules[crm] for crm in account.crms} for account, _ in mail}
    for account, one in mail:
        made[one.id] = link(one.mail, one.folder, owners[account], theirs[account], matches)
    contacts = {
        (found.crm, found.record_id) for links in made.values() for found in links if found.record_kind == "contact"
    }
    if deals := await matching.deals_of(connection, contacts, {deal for some in kept.values() for deal in some}):
        for account, one in mail:
            if made[one.id]:
                made[one.id] = link(
                    one.mail, one.folder, owners[account], theirs[account], matches, deals, kept[one.id]
                )
    former = await former_links(connection, known.keys())
    for account, one in mail if former else ():
        made[one.id] = with_former(
            one.mail, one.folder, owners[account], theirs[account], made[one.id], former.get(one.id, ())
        )
    await _add_threads(connection, mail, owners, theirs, made)
    sent = {(account.address, one.message_id) for account, one in mail if one.folder == SENT and one.message_id}
    reports = await matching.reports_on(connection, sent)
    for account, one in mail if reports else ():
        if said := reports.get((account.address, one.message_id or "")):
            made[one.id] = [with_facts(found, said) for found in made[one.id]]
    return made


async def _owners(
    connection: Connection, mail: Sequence[tuple[Account, Linkable]], addresses: Collection[str]
) -> dict[Account, Owner]:
    accounts = {account for account, _ in mail}
    colleagues = await matching.colleagues_among(connection, {one.organisation for one in accounts}, addresses)
    privacy = await matching.privacy_of(connection, {one.address for one in accounts})
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
    here = any(_passes_on(found) for links in made.values() for found in links)
    if not here and not await matching.threads_pass_on(connection, {account for account, _ in replies}):
        return
    ancestors = await matching.ancestors_of(connection, replies)
    anchors = await matching.anchors_of(connection, {one for some in ancestors.values() for one in some}, made.keys())
    for message, links in made.items():
        anchors.setdefault(message, []).extend(found for found in links if _passes_on(found))
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


def _passes_on(found: Correspondence) -> bool:
    return found.record_kind == "deal" and found.evidence.get("rule") == "deal"


# What links there are --------------------------------------------------------------------------------------------------


async def _known(
    connection: Connection, ids: Sequence[int], crms: Sequence[str] | None
) -> dict[int, dict[Record, Known]]:
    rows = await (
        await connection.execute(
            """
            select message, crm, record_kind, record_id, id, direction, source = 'manual', unlinked_at is not null,
                matched_address, evidence
            from unnest(%s::bigint[]) as asked (message) join links using (message)
            where %s::text[] is null or crm = any(%s)
            """,
            [list(ids), crms, crms],
        )
    ).fetchall()
    known: dict[int, dict[Record, Known]] = {}
    for row in rows:
        known.setdefault(row[0], {})[row[1], row[2], row[3]] = Known(*row[4:])
    return known


async def _decided(connection: Connection, ids: Sequence[int]) -> set[tuple[int, str, str, str]]:
    """What a person has unlinked."""
    rows = await (
        await connection.execute(
            """
            select message, crm, record_kind, record_id from link_decisions
            where message = any(%s) and decision = 'unlinked'
            """,
            [list(ids)],
        )
    ).fetchall()
    return {(row[0], row[1], row[2], row[3]) for row in rows}


async def _bring_up(
    connection: Connection,
    mail: Sequence[tuple[Account, Linkable]],
    known: Mapping[int, Mapping[Record, Known]],
    wanted: Mapping[int, Sequence[Correspondence]],
) -> tuple[Changed, set[int]]:
    changed = Changed()
    passing_on: set[int] = set()
    decided = await _decided(connection, [one.id for _, one in mail])
    gone: list[int] = []
    turned: list[tuple[int, str]] = []
    updated: list[tuple[int, Correspondence]] = []
    new: dict[str, list[tuple[Linkable, Correspondence]]] = {}
    for account, one in mail:
        due = {found.record: found for found in wanted[one.id] if (one.id, *found.record) not in decided}
        there = known.get(one.id, {})
        for record, is_there in there.items():
            found = due.pop(record, None)
            if is_there.manual or record[0] not in account.crms:  # one that was taken off the account keeps what it has
                direction = SENT if one.folder == SENT else "Received"
                if is_there.direction != direction:
                    changed.turned += not is_there.unlinked
                    turned.append((is_there.id, direction))
                continue
            if record[1] == "deal" and (found is None) != is_there.unlinked:
                passing_on.add(one.id)
            if found is None:
                if not is_there.unlinked:
                    changed.unlinked += 1
                    gone.append(is_there.id)
                continue
            is_now = (found.direction, found.matched_address, found.evidence)
            if is_there.unlinked or is_now != (is_there.direction, is_there.matched_address, is_there.evidence):
                changed.linked += is_there.unlinked
                changed.turned += not is_there.unlinked and found.direction != is_there.direction
                updated.append((is_there.id, found))
        for found in due.values():
            new.setdefault(account.address, []).append((one, found))
            changed.linked += 1
            if found.record_kind == "deal":
                passing_on.add(one.id)
    if gone:
        await connection.execute("update links set unlinked_at = now() where id = any(%s)", [gone])
    if turned:
        await connection.execute(
            """
            update links l set direction = due.direction
            from unnest(%s::bigint[], %s::text[]) as due (id, direction) where l.id = due.id
            """,
            [[link for link, _ in turned], [direction for _, direction in turned]],
        )
    if updated:
        await connection.execute(
            """
            update links l set direction = now.direction, matched_address = now.matched_address, evidence = now.evidence,
                unlinked_at = null, linked_at = case when l.unlinked_at is null then l.linked_at else now() end
            from unnest(%b::bigint[], %b::text[], %b::text[], %b::text[]::jsonb[])
                as now (id, direction, matched_address, evidence)
            where l.id = now.id
            """,
            [
                [link for link, _ in updated],
                [found.direction for _, found in updated],
                [storable(found.matched_address) for _, found in updated],
                [_json(found.evidence) for _, found in updated],
            ],
        )
    for address, links in new.items():
        await _insert(connection, address, links)
    return changed, passing_on


async def _insert(connection: Connection, address: str, found: Sequence[tuple[Linkable, Correspondence]]) -> None:
    if found:
        await connection.execute(
            """
            insert into links (message, address, identity, crm, record_kind, record_id, direction, matched_address, evidence)
            select message, %s, identity, crm, record_kind, record_id, direction, matched_address, evidence
            from unnest(
                %b::bigint[], %b::bytea[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[]::jsonb[]
            ) as new (message, identity, crm, record_kind, record_id, direction, matched_address, evidence)
            """,
            [
                address,
                [one.id for one, _ in found],
                [one.identity for one, _ in found],
                [made.crm for _, made in found],
                [made.record_kind for _, made in found],
                [made.record_id for _, made in found],
                [made.direction for _, made in found],
                [storable(made.matched_address) for _, made in found],
                [_json(made.evidence) for _, made in found],
            ],
        )


def _mail(
    participants: Iterable[Mapping[str, str]],
    author: str | None,
    kind: str,
    automatic: bool,
    traits: Mapping[str, object],
) -> Mail:
    return Mail(tuple(Participant(**one) for one in participants), author, kind, automatic, traits)  # type: ignore[arg-type]  # as stored


def _json(evidence: Mapping[str, object]) -> str:
    return storable(json.dumps(evidence, ensure_ascii=False))

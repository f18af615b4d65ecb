"""Links between mail and CRM records: made when a message is stored, and made anew when anything that they follow from changes.

All of it is a local join with the directory, inside the transaction of what it follows from; no CRM is asked. What CRMs must be
told of the links goes to their entries (`refresh_entries`) in that same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import uuid4

from psycopg.rows import class_row

from activities.core.locks import hold_links
from activities.core.log import append
from activities.linking import lookups
from activities.linking.expected import Account, Linkable, expected, passes_on
from activities.linking.merged_records import unlinked_by_hand
from activities.linking.outbox_entries import refresh_entries
from activities.linking.own_mail import Stored, tell_own_mail_anew
from activities.linking.reports import reported
from activities.linking.threads import followers_of
from activities.mailbox.policy import StandingRules
from domain.core.log_event import SYSTEM, LoggedEvent
from domain.core.text import storable
from domain.linking.changes import Changed, LinkChanges, Record, StoredLink, changes
from domain.linking.model import Correspondence, Mail
from domain.mailbox.settings import AccountSettings
from domain.message.authorship import author_of
from domain.message.index import Participant
from domain.mime.addresses import normal_address
from infra.database.pool import Connection

MOST_FOLLOWERS = 500  # replies that are linked anew in the same transaction as what they answer; the others follow
FOLLOWED = "what a message answers is linked otherwise"
STORED = "a message of its thread, or a report on it, was stored"


async def link_new(
    connection: Connection, settings: AccountSettings, mail: Sequence[Linkable], held: StandingRules | None = None
) -> tuple[int, Relinked]:
    """Links messages that this transaction stores, by the rules that it has `held` since before; answers how many links, and what
    has changed of older mail, which the caller tells the log."""
    account = Account(settings.address, settings.own_addresses, settings.organisation, tuple(settings.crm))
    made = await expected(connection, [(account, one) for one in mail], {}, held)
    found = [(one, correspondence) for one in mail for correspondence in made[one.id]]
    identities = {one.identity for one, _ in found}
    others: set[int] = set()
    relinked = Relinked()
    if account.crms:
        about = {(account.address, str(one.mail.traits["about"])) for one in mail if "about" in one.mail.traits}
        deals = [one.id for one, correspondence in found if passes_on(correspondence)]
        others |= set(await reported(connection, about))
        others |= set(await followers_of(connection, deals, MOST_FOLLOWERS))
        others -= {one.id for one in mail}
    if others:
        await hold_links(connection, [account.address])
        await connection.execute(INSERT, _columns(settings.address, found))
        relinked = await _relink(connection, others, None)
        await refresh_entries(connection, identities | relinked.identities)
        further = deals if len(others) >= MOST_FOLLOWERS else []
        await _ask_to_follow(connection, {*relinked.passing_on, *further}, None)
    elif found and not await _insert_with_entries(connection, settings.address, found):
        await refresh_entries(connection, identities)
    return len(found), relinked


async def relink(
    connection: Connection, ids: Collection[int], crms: Sequence[str] | None = None, *, replies: bool = False
) -> Changed:
    """Links stored messages anew, with `crms` or all of their account's: what no longer follows is unlinked, what follows now is
    linked, and a direction follows the folder. What a person decided stays. Done twice, it changes nothing.

    The caller has held the links of the accounts (`hold_links`) before it locked any message. Where links change that a
    thread passes on, its later messages follow; with `replies` they do in any case, because a person has linked these. What
    is being stored meanwhile, or is too much for one transaction, is left to who serves the CRM.
    """
    done = await _relink(connection, ids, crms)
    answered = set(ids) if replies else done.passing_on
    followed = await _relink(connection, await followers_of(connection, answered, MOST_FOLLOWERS), crms)
    await refresh_entries(connection, done.identities | followed.identities)
    await _ask_to_follow(connection, answered | followed.passing_on, crms)
    await log_relinked(connection, followed, FOLLOWED)
    return done.changed + followed.changed


async def relink_others(connection: Connection, ids: Collection[int], *, cause: str) -> None:
    """Links messages anew because of what has become of others, and tells the log."""
    done = await _relink(connection, ids, None)
    await refresh_entries(connection, done.identities)
    await _ask_to_follow(connection, done.passing_on, None)
    await log_relinked(connection, done, cause)


async def log_relinked(connection: Connection, done: Relinked, cause: str) -> None:
    """Tells the log what has changed besides what was asked for, by account and CRM. A fresh id: done again, nothing changes."""
    for (account, crm), (changed, messages) in sorted(done.touched.items()):
        data = {"crm": crm, "cause": cause, **asdict(changed), "messages": sorted(messages)}
        event = LoggedEvent(event_id=uuid4(), at=datetime.now(UTC), type="MailRelinked", actor=SYSTEM, data=data)
        await append(connection, account, event)


async def _ask_to_follow(connection: Connection, answered: Collection[int], crms: Sequence[str] | None) -> None:
    """Has the replies to these messages linked anew, with `crms` or all of their account's, once what is being stored now is
    there: its transaction has seen these messages as they were before."""
    if answered:
        await connection.execute(
            """
            insert into relinking (crm, answered, cause)
            select theirs.crm, m.id, %(cause)s
            from mail m join accounts_recorded a using (address) cross join unnest(a.crm) theirs (crm)
            where m.id = any(%(answered)s) and m.message_id is not null
                and (%(crms)s::text[] is null or theirs.crm = any(%(crms)s))
            order by theirs.crm, m.id
            on conflict (crm, answered) where begun_at is null and answered is not null do update set cause = excluded.cause
            """,
            {"answered": sorted(answered), "crms": None if crms is None else list(crms), "cause": FOLLOWED},
        )


@dataclass(slots=True)
class Relinked:
    """What changed, by account and CRM, and of which messages; those whose links that threads pass on did; and the identities
    whose entries are to be brought up. A message may have changed without its links: in what their evidence says."""

    touched: dict[tuple[str, str], tuple[Changed, set[int]]] = field(default_factory=dict)
    passing_on: set[int] = field(default_factory=set)
    identities: set[bytes] = field(default_factory=set)

    @property
    def changed(self) -> Changed:
        return sum((changed for changed, _ in self.touched.values()), Changed())

    def add(self, account: str, message: int, found: LinkChanges) -> None:
        """What has changed of one message of the account."""
        for crm, counted in found.counts.items():
            changed, messages = self.touched.get((account, crm), (Changed(), set()))
            messages.add(message)
            self.touched[account, crm] = (changed + counted, messages)
        if found.passes_on:
            self.passing_on.add(message)


@dataclass(frozen=True, slots=True)
class _Row:
    """One stored message with what its account is now."""

    id: int
    identity: bytes
    folder: str
    address: str
    participants: list[dict[str, str]]
    author: str | None
    kind: str
    automatic: bool
    traits: dict[str, Any]
    message_id: str | None
    answers: list[str]
    crms: list[str]
    aliases: list[str]
    organisation: str
    sender: str | None


async def _relink(connection: Connection, ids: Collection[int], crms: Sequence[str] | None) -> Relinked:
    if not ids:
        return Relinked()
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(
            """
            select m.id, m.identity, m.folder, m.address, m.participants, m.author, m.kind, m.automatic, m.traits,
                m.message_id, m.message_references || m.in_reply_to as answers, a.crm as crms, a.aliases, a.organisation,
                m.from_address as sender
            from mail m join accounts_recorded a using (address)
            where m.id = any(%s) and m.state = 'stored'
            order by m.id for no key update of m
            """,
            [sorted(ids)],
        )
        rows = await cursor.fetchall()
    own = {row.address: frozenset(normal_address(one) or one for one in (row.address, *row.aliases)) for row in rows}
    stored = [
        Stored(row.id, row.address, own[row.address], row.sender, row.participants, row.traits, row.message_id)
        for row in rows
    ]
    traits = {one.id: one.traits for one in stored} | await tell_own_mail_anew(connection, stored)
    mail: list[tuple[Account, Linkable]] = []
    for row in rows:
        linked = tuple(name for name in row.crms if crms is None or name in crms)
        account = Account(row.address, own[row.address], row.organisation, linked)
        told = traits[row.id]
        one = _mail(row.participants, author_of(told, row.author), row.kind, row.automatic, told)
        mail.append(
            (account, Linkable(row.id, bytes(row.identity), row.folder, one, row.message_id, tuple(row.answers)))
        )
    known = await _known(connection, [one.id for _, one in mail], crms)
    private = await lookups.kept_private(connection, [one.id for _, one in mail])
    wanted = await expected(connection, [(account, one) for account, one in mail if one.id not in private], known)
    wanted |= {message: [] for message in private}
    return await _bring_up(connection, mail, known, wanted)


async def _known(
    connection: Connection, ids: Sequence[int], crms: Sequence[str] | None
) -> dict[int, dict[Record, StoredLink]]:
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
    known: dict[int, dict[Record, StoredLink]] = {}
    for message, crm, kind, record, *there in rows:
        known.setdefault(message, {})[crm, kind, record] = StoredLink(*there)
    return known


async def _bring_up(
    connection: Connection,
    mail: Sequence[tuple[Account, Linkable]],
    known: Mapping[int, Mapping[Record, StoredLink]],
    wanted: Mapping[int, Sequence[Correspondence]],
) -> Relinked:
    done = Relinked(identities={one.identity for _, one in mail})
    decided = await unlinked_by_hand(connection, [one.id for _, one in mail])
    gone: list[int] = []
    turned: list[tuple[int, str]] = []
    updated: list[tuple[int, Correspondence]] = []
    new: dict[str, list[tuple[Linkable, Correspondence]]] = {}
    for account, one in mail:
        found = changes(known.get(one.id, {}), wanted[one.id], decided.get(one.id, ()), one.folder, account.crms)
        gone += found.remove
        turned += found.turn
        updated += found.update
        new.setdefault(account.address, []).extend((one, link) for link in found.insert)
        done.add(account.address, one.id, found)
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
        if links:
            await connection.execute(INSERT, _columns(address, links))
    return done


INSERT: LiteralString = """
    insert into links (message, address, identity, crm, record_kind, record_id, direction, matched_address, evidence)
    select message, %s, identity, crm, record_kind, record_id, direction, matched_address, evidence
    from rows from (
        unnest(%b::bigint[], %b::bytea[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[]),
        jsonb_array_elements(%s)
    ) as new (message, identity, crm, record_kind, record_id, direction, matched_address, evidence)
"""


def _columns(address: str, found: Sequence[tuple[Linkable, Correspondence]]) -> list[object]:
    return [
        address,
        [one.id for one, _ in found],
        [one.identity for one, _ in found],
        [made.crm for _, made in found],
        [made.record_kind for _, made in found],
        [made.record_id for _, made in found],
        [made.direction for _, made in found],
        [storable(made.matched_address) for _, made in found],
        _json([made.evidence for _, made in found]),
    ]


async def _insert_with_entries(
    connection: Connection, address: str, found: Sequence[tuple[Linkable, Correspondence]]
) -> bool:
    """The links of mail that is new, and the entries where there are none yet. False where there are: of copies that lie in
    other mailboxes. Those have to be brought up in a statement of its own, which sees what others commit until then."""
    row = await (
        await connection.execute(
            f"""
            with new as (
                {INSERT} returning identity, crm, record_kind, record_id, direction
            ), due as (
                select identity, crm, record_kind, record_id,
                    case when bool_or(direction = 'Sent') then 'Sent' else 'Received' end as direction
                from (
                    table new
                    union all
                    select identity, crm, record_kind, record_id, direction from links
                    where identity = any(array(select identity from new)) and unlinked_at is null
                ) every_copy
                group by 1, 2, 3, 4
            ), added as (
                insert into entries (identity, crm, record_kind, record_id, key, direction)
                select identity, crm, record_kind, record_id, entry_key(crm, identity, record_kind, record_id), direction
                from due order by 1, 2, 3, 4
                on conflict (identity, crm, record_kind, record_id) do nothing
                returning 1
            )
            select (select count(*) from due) = (select count(*) from added)
            """,
            _columns(address, found),
        )
    ).fetchone()
    return bool(row and row[0])


def _mail(
    participants: Iterable[Mapping[str, str]],
    author: str | None,
    kind: str,
    automatic: bool,
    traits: Mapping[str, object],
) -> Mail:
    return Mail(tuple(Participant(**one) for one in participants), author, kind, automatic, traits)  # type: ignore[arg-type]  # as stored


def _json(evidence: object) -> str:
    return storable(json.dumps(evidence, ensure_ascii=False))

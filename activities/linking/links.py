"""Links between mail and CRM records: made when a message is stored, and made anew when anything that they follow from changes.

All of it is a local join with the directory, inside the transaction of what it follows from; no CRM is asked. What CRMs must be
told of the links goes to their entries (`refresh_entries`) in that same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import LiteralString
from uuid import uuid4

from activities.core.locks import hold_links
from activities.core.log import append
from activities.linking import lookups
from activities.linking.expected import Account, Known, Linkable, Record, expected, passes_on
from activities.linking.merged_records import unlinked_by_hand
from activities.linking.outbox_entries import refresh_entries
from activities.linking.own_mail import Stored, tell_own_mail_anew
from activities.linking.reports import reported
from activities.linking.threads import followers_of
from activities.mailbox.policy import StandingRules
from domain.core.log_event import SYSTEM, LoggedEvent
from domain.core.text import storable
from domain.linking.model import SENT, Correspondence, Mail
from domain.mailbox.settings import AccountSettings
from domain.message.authorship import author_of
from domain.message.index import Participant
from domain.mime.addresses import normal_address
from infra.database.pool import Connection

MOST_FOLLOWERS = 500  # replies that are linked anew in the same transaction as what they answer; the others follow
FOLLOWED = "what a message answers is linked otherwise"
STORED = "a message of its thread, or a report on it, was stored"


@dataclass(slots=True)
class Changed:
    """What linking anew came to, in links."""

    linked: int = 0
    unlinked: int = 0
    turned: int = 0

    def __add__(self, other: Changed) -> Changed:
        return Changed(self.linked + other.linked, self.unlinked + other.unlinked, self.turned + other.turned)


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

    def touch(self, account: str, crm: str, message: int) -> Changed:
        """What counts the changes of that account and CRM, of which `message` has one."""
        changed, messages = self.touched.setdefault((account, crm), (Changed(), set()))
        messages.add(message)
        return changed


async def _relink(connection: Connection, ids: Collection[int], crms: Sequence[str] | None) -> Relinked:
    if not ids:
        return Relinked()
    rows = await (
        await connection.execute(
            """
            select m.id, m.identity, m.folder, m.address, m.participants, m.author, m.kind, m.automatic, m.traits,
                m.message_id, m.message_references || m.in_reply_to, a.crm, a.aliases, a.organisation, m.from_address
            from mail m join accounts_recorded a using (address)
            where m.id = any(%s) and m.state = 'stored'
            order by m.id for no key update of m
            """,
            [sorted(ids)],
        )
    ).fetchall()
    own = {row[3]: frozenset(normal_address(one) or one for one in (row[3], *row[12])) for row in rows}
    stored = [Stored(row[0], row[3], own[row[3]], row[14], row[4], row[8], row[9]) for row in rows]
    traits = {one.id: one.traits for one in stored} | await tell_own_mail_anew(connection, stored)
    mail: list[tuple[Account, Linkable]] = []
    for row in rows:
        account = Account(row[3], own[row[3]], row[13], tuple(name for name in row[11] if crms is None or name in crms))
        one = _mail(row[4], author_of(traits[row[0]], row[5]), row[6], row[7], traits[row[0]])
        mail.append((account, Linkable(row[0], bytes(row[1]), row[2], one, row[9], tuple(row[10]))))
    known = await _known(connection, [one.id for _, one in mail], crms)
    private = await lookups.kept_private(connection, [one.id for _, one in mail])
    wanted = await expected(connection, [(account, one) for account, one in mail if one.id not in private], known)
    wanted |= {message: [] for message in private}
    done = await _bring_up(connection, mail, known, wanted)
    done.identities = {one.identity for _, one in mail}
    return done


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


async def _bring_up(
    connection: Connection,
    mail: Sequence[tuple[Account, Linkable]],
    known: Mapping[int, Mapping[Record, Known]],
    wanted: Mapping[int, Sequence[Correspondence]],
) -> Relinked:
    done = Relinked()
    decided = await unlinked_by_hand(connection, [one.id for _, one in mail])
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
                if is_there.direction != direction and (is_there.manual or not is_there.unlinked):
                    if not is_there.unlinked:
                        done.touch(account.address, record[0], one.id).turned += 1
                    turned.append((is_there.id, direction))
                continue
            if (record[1] == "deal" or is_there.evidence.get("rule") == "thread") and (
                found is None
            ) != is_there.unlinked:
                done.passing_on.add(one.id)
            if found is None:
                if not is_there.unlinked:
                    done.touch(account.address, record[0], one.id).unlinked += 1
                    gone.append(is_there.id)
                continue
            is_now = (found.direction, found.matched_address, found.evidence)
            if is_there.unlinked or is_now != (is_there.direction, is_there.matched_address, is_there.evidence):
                changed = done.touch(account.address, record[0], one.id)
                changed.linked += is_there.unlinked
                changed.turned += not is_there.unlinked and found.direction != is_there.direction
                updated.append((is_there.id, found))
        for found in due.values():
            new.setdefault(account.address, []).append((one, found))
            done.touch(account.address, found.crm, one.id).linked += 1
            if found.record_kind == "deal" or found.evidence.get("rule") == "thread":
                done.passing_on.add(one.id)
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

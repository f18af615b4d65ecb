"""What is known here, without asking a CRM: whom a message is with, which records there are, which deals are open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from activities.linking.lookups import privacy_of, rules_of
from activities.linking.merged_records import what_became
from domain.core.refusal import Refused
from domain.crm.naming import correspondents_of
from domain.directory.records import RECORD_KINDS, Record, RecordKind
from domain.linking.kept_out import kept_out
from domain.linking.model import REPORTS
from domain.message.index import Participant
from domain.mime.addresses import normal_address
from domain.privacy.rules import Privacy
from infra.database.pool import Connection, Pool
from workflows.contract import BUILTIN_CRM

MOST_DEALS = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """A stored message as actions see it: `others` take part in it and are not its owner, `correspondents` are those that a
    person means."""

    message: int
    folder: str
    labels: tuple[str, ...]
    flags: tuple[str, ...]
    others: tuple[Participant, ...]
    correspondents: tuple[Participant, ...]
    automatic: bool = False
    own_but_not_in_sent: bool = False

    def normal(self, address: str) -> str:
        return normal_address(address) or address


async def subject_of(pool: Pool, address: str, message: int) -> Subject:
    """The message of that account; raises Refused where it has none of that id."""
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                """
                select m.folder, m.labels, m.flags, m.participants, m.author, coalesce(a.aliases, '{}'), m.kind, m.traits,
                    m.automatic
                from mail m left join accounts_recorded a using (address)
                where m.id = %s and m.address = %s and m.state = 'stored'
                """,
                [message, address],
            )
        ).fetchone()
    if row is None:
        raise Refused(
            "unknown_message",
            f"message: {address} has no stored message {message}: the view mailroom.messages has the ids",
            field="message",
        )
    folder, labels, flags, participants, author, aliases, kind, traits, automatic = row
    own = {normal_address(one) or one for one in (address, *aliases)}
    people = [Participant(**one) for one in participants]
    return Subject(
        message,
        folder,
        tuple(labels),
        tuple(flags),
        tuple(who for who in people if who.normal not in own),
        () if kind in REPORTS else tuple(correspondents_of(people, author, folder, own, traits.get("list", ()))),
        bool(automatic),
        author in own and folder != "Sent",
    )


async def why_unlinked(connection: Connection, address: str, subject: Subject, crm: str) -> str | None:
    """What keeps the message from being linked with the people it is with: a person who keeps it private, or a rule. None where
    nothing does."""
    private = await (
        await connection.execute("select by from kept_private where message = %s", [subject.message])
    ).fetchone()
    if private is not None:
        return f"it is kept private by {private[0]}: make_private with private: false ends that"
    if subject.own_but_not_in_sent:
        return (
            "it is the account's own mail and does not lie in Sent: move_messages to Sent links it with whom it went to"
        )
    privacy = (await privacy_of(connection, [address])).get(address, Privacy())
    rules = (await rules_of(connection, [crm]))[crm]
    account = normal_address(address) or address
    said = [
        kept_out(who.normal, account, privacy, rules, automatic=subject.automatic) for who in subject.correspondents
    ]
    return said[0] if said and all(said) else None


async def crm_of_account(pool: Pool, address: str, crm: str, record_kind: RecordKind | None) -> None:
    """Raises Refused where the account is not linked with that CRM, the CRM is disabled or has no such kind of records."""
    async with pool.connection() as connection:
        row = await (
            await connection.execute(
                """
                select %(crm)s = any(a.crm), array_to_string(a.crm, ', '), c.profile, c.state
                from accounts_recorded a
                left join crm_connections c on c.name = %(crm)s and (c.organisation = a.organisation or c.name = %(builtin)s)
                where a.address = %(address)s
                """,
                {"crm": crm, "address": address, "builtin": BUILTIN_CRM},
            )
        ).fetchone()
    linked, has, profile, state = row or (False, "", None, None)
    if not linked or profile is None:
        raise Refused(
            "unknown_crm",
            f"crm: {address} is not linked with a CRM named {crm} (it has: {has or 'none'}): name one of those, or add it with "
            "change_settings",
            field="crm",
        )
    if record_kind is not None and record_kind not in RECORD_KINDS[profile]:
        kinds = ", ".join(RECORD_KINDS[profile])
        raise Refused(
            "invalid_field",
            f"record_kind: {record_kind} is not part of the profile {profile} of the CRM {crm}: it has {kinds}",
            field="record_kind",
        )
    if state == "disabled":
        raise Refused(
            "disabled", f"the CRM {crm} is disabled: give `enable` to crm/{crm}, then repeat the request", field="crm"
        )


async def matches(pool: Pool, crm: str, kinds: Sequence[RecordKind], address: str) -> Record | None:
    """The record that is the person of this address (normal form), as far as the directory knows; the better kind first."""
    async with pool.connection() as connection:
        rows = await (
            await connection.execute(
                """
                select r.record_kind, r.record_id from record_addresses a join records r using (crm, record_kind, record_id)
                where a.crm = %s and a.address = %s and (r.record_kind = any(%s) or r.converted_to is not null)
                order by array_position(%s::text[], r.record_kind), r.open desc, r.record_id limit 20
                """,
                [crm, address, list(kinds), list(kinds)],
            )
        ).fetchall()
        for kind, record_id in rows:
            found = await present(connection, crm, kind, record_id)
            if found is not None and found.kind in kinds:
                return found
    return None


async def present(connection: Connection, crm: str, kind: RecordKind, record_id: str) -> Record | None:
    """The record, or what it has become by conversion and merging; None where there is none any more."""
    became = await what_became(connection, crm, kind, record_id)
    if became is None:
        return None
    row = await (
        await connection.execute(
            "select name, addresses, contacts, open from records where crm = %s and record_kind = %s and record_id = %s",
            [crm, *became],
        )
    ).fetchone()
    if row is None:
        return None
    name, addresses, contacts, is_open = row
    now: RecordKind = kind if became[0] == kind else "contact"  # of another kind is only what a lead was converted to
    return Record(now, became[1], name, tuple(addresses), tuple(contacts), is_open)


async def open_deals(pool: Pool, crm: str, contacts: Collection[str]) -> list[Record]:
    """The open deals of these contacts, and of those that were merged into them."""
    async with pool.connection() as connection:
        rows = await (
            await connection.execute(
                """
                with recursive theirs (record_id) as (
                    select unnest(%(contacts)s::text[])
                    union
                    select r.record_id
                    from theirs t join records r
                        on r.crm = %(crm)s and r.record_kind = 'contact' and r.merged_into = t.record_id
                )
                select record_id, name, contacts from records
                where crm = %(crm)s and record_kind = 'deal' and contacts && array(select record_id from theirs) and open
                    and gone_at is null and merged_into is null
                order by changed_at desc, record_id limit %(most)s
                """,
                {"crm": crm, "contacts": list(contacts), "most": MOST_DEALS},
            )
        ).fetchall()
    return [Record("deal", record, name, contacts=tuple(contacts)) for record, name, contacts in rows]


async def linked_records(connection: Connection, message: int, crm: str) -> list[Record]:
    """The records of that CRM that a message is linked to, as what they are now."""
    rows = await (
        await connection.execute(
            """
            select record_kind, record_id from links
            where message = %s and crm = %s and unlinked_at is null order by record_kind, record_id limit 100
            """,
            [message, crm],
        )
    ).fetchall()
    found: dict[tuple[str, str], Record] = {}
    for kind, record_id in rows:
        now = await present(connection, crm, kind, record_id)
        if now is not None:
            found[now.kind, now.id] = now
    return list(found.values())


async def name_of_record(connection: Connection, crm: str, kind: RecordKind, record_id: str) -> str | None:
    row = await (
        await connection.execute(
            "select name from records where crm = %s and record_kind = %s and record_id = %s", [crm, kind, record_id]
        )
    ).fetchone()
    return None if row is None else str(row[0])

"""Delivering: the one way in which messages become the account's mail, whoever brings them.

The caller has a transaction, holds the account's rules in it (activities/mailbox/policy.py) and knows what becomes of each
message (activities/delivery/dispositions.py). What is delivered - bytes, mail, entries of the ledger, links - is committed
together with all that the caller adds, or not at all. Killed before the commit, the server still has the messages and the ledger
does not know them; killed after it, the ledger knows them and they are not fetched again. Only what is committed may be deleted
from the server.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.delivery.dispositions import Buried, Disposition, Duplicate, Withheld
from activities.delivery.tombstones import DELETED
from activities.filing.place import Filed
from activities.linking.expected import Linkable
from activities.linking.links import Relinked, link_new
from activities.mailbox.policy import StandingRules
from activities.privacy.privacy import withhold
from activities.storage.blobs import keep_blobs
from domain.core.text import storable
from domain.linking.rules import searched_loosely
from domain.message.index import IndexedMessage, Participant
from domain.retrieval.plan import Identity, Listed
from infra.database.pool import Connection

# Columns go to PostgreSQL as binary arrays (%b): as text, each of their strings would have to be quoted and unquoted.


class LedgerConflict(Exception):
    """The ledger knew a message that the plan took for new: the session's view is stale, and nothing was stored."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a transaction stored: the ids of its messages, their bytes together, and how many links they have. `relinked` is what
    has changed of older mail, for the log (`log_relinked`)."""

    messages: Sequence[int]
    bytes: int
    links: int
    relinked: Relinked


async def deliver(
    connection: Connection,
    rules: StandingRules,
    epoch: int,
    dispositions: Sequence[Disposition],
    at: datetime,
) -> Delivered:
    """Carries out `dispositions`, of messages on the list of `epoch`. The log is left to the caller, who locks it
    last. Raises LedgerConflict."""
    settings, address = rules.settings, rules.settings.address
    withheld = [one for one in dispositions if isinstance(one, Withheld)]
    if withheld:
        await withhold(connection, address, epoch, [(one.one, one.rule) for one in withheld], at)
    filed = [one for one in dispositions if isinstance(one, Filed)]
    known = [one.of for one in dispositions if isinstance(one, Duplicate) and isinstance(one.of, int)]
    taken = [one for one in dispositions if not isinstance(one, Withheld)]
    await keep_blobs(connection, [one.one for one in taken], [one.one for one in filed], known)
    ids = await _keep_mail(connection, address, filed, at)
    await _enter(connection, address, epoch, [(one.one.listed, _mail(one, ids)) for one in taken], at)
    links, relinked = await link_new(
        connection,
        settings,
        [Linkable.of(ids[one.one.listed.identity], one.one, one.folder) for one in filed],
        rules,
    )
    size = sum(one.one.size for one in filed)
    await connection.execute(
        "update mailboxes set messages = messages + %s, bytes = bytes + %s where address = %s",
        [len(filed), size, address],
    )
    return Delivered(list(ids.values()), size, links, relinked)


def _mail(disposition: Filed | Duplicate | Buried, ids: dict[Identity, int]) -> int | None:
    """The mail that the message is; None for what is no mail here any more."""
    match disposition:
        case Filed(one=one):
            return ids[one.listed.identity]
        case Duplicate(of=int(mail)):
            return mail
        case Duplicate(of=(uidl, occurrence)):
            return ids[uidl, occurrence]
        case _:
            return None


async def _keep_mail(connection: Connection, address: str, filed: Sequence[Filed], at: datetime) -> dict[Identity, int]:
    if not filed:
        return {}
    rows = await (
        await connection.execute("select nextval('mail_ids') from generate_series(1, %s)", [len(filed)])
    ).fetchall()
    new = [placed.one for placed in filed]
    ids = {one.listed.identity: int(row[0]) for one, row in zip(new, rows, strict=True)}
    columns = [
        [ids[one.listed.identity] for one in new],
        [one.listed.uidl for one in new],
        [one.message.message_id and storable(one.message.message_id) for one in new],
        [one.message.from_address and storable(one.message.from_address) for one in new],
        [storable(one.message.subject) for one in new],
        [one.message.sent_at for one in new],
        [one.size for one in new],
        [one.sha256 for one in new],
        [one.message.parse_error and storable(one.message.parse_error) for one in new],
        [_json([_plain(who) for who in one.message.participants]) for one in new],
        [_json(one.message.in_reply_to) for one in new],
        [_json(one.message.references) for one in new],
        [one.message.automatic for one in new],
        [one.identity for one in new],
        [one.message.author and storable(one.message.author) for one in new],
        [_json(sorted(_addresses(one.message))) for one in new],
        [placed.folder for placed in filed],
        [_json(placed.labels) for placed in filed],
        [_json(placed.flags) for placed in filed],
        [_json(placed.by) for placed in filed],
        [one.message.kind for one in new],
        [_json(one.message.traits) for one in new],
        [_json(sorted(searched_loosely(_addresses(one.message)))) for one in new],
    ]
    await connection.execute(
        """
        insert into mail (
            id, address, state, stored_at, uidl, message_id, from_address, subject, sent_at, size, sha256, parse_error,
            participants, in_reply_to, message_references, automatic, identity, author, addresses, folder, labels, flags,
            filed, kind, traits, loose
        )
        select id, %s, 'stored', %s, uidl, message_id, from_address, subject, sent_at, size, sha256, parse_error,
            participants, array(select jsonb_array_elements_text(in_reply_to)),
            array(select jsonb_array_elements_text(message_references)), automatic, identity, author,
            array(select jsonb_array_elements_text(addresses)), folder, array(select jsonb_array_elements_text(labels)),
            array(select jsonb_array_elements_text(flags)), filed, kind, traits,
            array(select jsonb_array_elements_text(loose))
        from unnest(
            %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::bigint[], %b::bytea[],
            %b::text[], %b::text[]::jsonb[], %b::text[]::jsonb[], %b::text[]::jsonb[], %b::boolean[], %b::bytea[],
            %b::text[], %b::text[]::jsonb[], %b::text[], %b::text[]::jsonb[], %b::text[]::jsonb[], %b::text[]::jsonb[],
            %b::text[], %b::text[]::jsonb[], %b::text[]::jsonb[]
        ) as new (
            id, uidl, message_id, from_address, subject, sent_at, size, sha256, parse_error, participants, in_reply_to,
            message_references, automatic, identity, author, addresses, folder, labels, flags, filed, kind, traits, loose
        )
        """,
        [address, at, *columns],
    )
    return ids


async def _enter(
    connection: Connection,
    address: str,
    epoch: int,
    entries: Sequence[tuple[Listed, int | None]],
    at: datetime,
) -> None:
    """Enters stored messages in the ledger, and as skipped those that are no mail because they were deleted here. One that is
    there as stored already must not be stored twice."""
    if not entries:
        return
    row = await (
        await connection.execute(
            """
            with new as (
                select * from unnest(%(uidl)b::text[], %(occurrence)b::smallint[], %(size)b::bigint[], %(mail)b::bigint[])
                    as new (uidl, occurrence, size, mail)
            ), replaced as (
                select l.mail from new join pop_ledger l using (uidl, occurrence)
                where l.address = %(address)s and l.epoch = %(epoch)s and l.state = 'quarantined' and l.mail is not null
            ), entered as (
                insert into pop_ledger as l (
                    address, epoch, uidl, occurrence, state, size, mail, first_seen_at, stored_at, reason
                )
                select %(address)s, %(epoch)s, uidl, occurrence, case when mail is null then 'skipped' else 'stored' end,
                    size, mail, %(at)s, case when mail is not null then %(at)s::timestamptz end,
                    case when mail is null then %(deleted)s end
                from new
                on conflict (address, epoch, uidl, occurrence) do update set
                    state = excluded.state, mail = excluded.mail, stored_at = excluded.stored_at,
                    reason = excluded.reason, retry_at = null
                where l.state = 'quarantined'
                returning 1
            )
            select (select count(*) from entered), array(select mail from replaced)
            """,
            {
                "address": address,
                "epoch": epoch,
                "at": at,
                "deleted": DELETED,
                "uidl": [listed.uidl for listed, _ in entries],
                "occurrence": [listed.occurrence for listed, _ in entries],
                "size": [listed.size for listed, _ in entries],
                "mail": [mail for _, mail in entries],
            },
        )
    ).fetchone()
    assert row is not None
    entered, replaced = row
    if entered != len(entries):
        raise LedgerConflict(f"{len(entries) - entered} messages of {address} were stored already")
    if replaced:  # what stood for a message while it could not be taken makes way for the message itself
        await connection.execute("delete from mail where id = any(%s) and state = 'quarantined'", [replaced])


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False))


def _addresses(message: IndexedMessage) -> set[str]:
    """The normal forms of all participants, whoever wrote it among them."""
    return {who.normal for who in message.participants} | ({message.author} if message.author else set())


def _plain(who: Participant) -> dict[str, str]:
    return {"field": who.field, "name": who.name, "address": who.address, "normal": who.normal}

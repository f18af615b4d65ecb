"""The privacy of accounts: mail that a rule keeps from being stored, and the command that sets the rules.

Whoever stores mail holds the account's rules as they are, until its transaction ends (activities/mailbox/policy.py): once
`set_privacy` has answered, nothing is stored by the rules before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from temporalio import activity

from activities.core.log import append, logged
from activities.linking.relinking import ask_to_relink_account
from activities.mailbox.ledger import log
from activities.mailbox.state import SessionRow
from activities.storage.batch import Retrieved
from activities.storage.uploads import Upload
from domain.core.log_event import LoggedEvent
from domain.core.validation import parse
from domain.mailbox.settings import AccountSettings
from domain.message.index import index
from domain.privacy.commands import SetPrivacy
from domain.privacy.rules import Privacy, rule_for, withheld_by
from domain.retrieval.plan import Identity
from infra.database.locks import Guarded, Lock, hold
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest

MOST_EXAMPLES = 5


def withheld_among(settings: AccountSettings, privacy: Privacy, arrived: Sequence[Retrieved]) -> dict[Identity, str]:
    """The messages that must not be stored, each with the rule that says so."""
    own, found = settings.own_addresses, {}
    for one in arrived:
        rule = one.content.withheld if isinstance(one.content, Upload) else None
        rule = rule or withheld_by(one.message, settings.address, own, privacy)
        if rule is not None:
            found[one.listed.identity] = rule
    return found


async def withhold(
    connection: Connection,
    address: str,
    epoch: int,
    kept_back: Sequence[tuple[Retrieved, str]],
    at: datetime,
) -> None:
    """Enters these messages as skipped, with the rule where their owner finds it, and nothing else of them."""
    await connection.execute(
        """
        with new as (
            select * from unnest(%(uidl)b::text[], %(occurrence)b::smallint[], %(size)b::bigint[], %(rule)b::text[])
                as new (uidl, occurrence, size, rule)
        ), told as (
            insert into withheld (address, epoch, uidl, occurrence, at, rule)
            select %(address)s, %(epoch)s, uidl, occurrence, %(at)s, rule from new
            on conflict (address, epoch, uidl, occurrence) do update set at = excluded.at, rule = excluded.rule
        ), replaced as (
            select l.mail from new join pop_ledger l using (uidl, occurrence)
            where l.address = %(address)s and l.epoch = %(epoch)s and l.state = 'quarantined' and l.mail is not null
        ), entered as (
            insert into pop_ledger as l (address, epoch, uidl, occurrence, state, size, first_seen_at)
            select %(address)s, %(epoch)s, uidl, occurrence, 'skipped', size, %(at)s from new
            on conflict (address, epoch, uidl, occurrence) do update set
                state = 'skipped', mail = null, reason = null, retry_at = null
            where l.state = 'quarantined'
        )
        delete from mail m using replaced where m.id = replaced.mail and m.state = 'quarantined'
        """,
        {
            "address": address,
            "epoch": epoch,
            "at": at,
            "uidl": [one.listed.uidl for one, _ in kept_back],
            "occurrence": [one.listed.occurrence for one, _ in kept_back],
            "size": [one.listed.size for one, _ in kept_back],
            "rule": [rule for _, rule in kept_back],
        },
    )
    uploads = [one.content.chunks for one, _ in kept_back if isinstance(one.content, Upload)]
    await connection.execute("delete from uploads where chunks = any(%s)", [uploads])


async def log_withheld(
    connection: Connection, session: SessionRow, step: str, at: datetime, epoch: int, count: int
) -> None:
    if count:
        await log(
            connection, session, f"{step} withheld", at, "MessagesSkipped", count=count, epoch=epoch, because="privacy"
        )


class Privacies:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rule_against(self, settings: AccountSettings, head: bytes) -> str | None:
        """The rule that keeps a message that begins with `head` from being stored: asked while the rest is on its way."""
        async with self._pool.connection() as connection:
            privacy = await _rules(connection, settings.address)
        return withheld_by(index(head), settings.address, settings.own_addresses, privacy)

    @activity.defn
    async def set_privacy(self, request: DeskRequest) -> dict[str, Any]:
        """Sets the rules that are given and leaves the others; stored mail is linked anew by them. Tried again after a lost
        answer, it changes nothing more."""
        given = parse(SetPrivacy, request.given, what="set_privacy")
        async with self._pool.connection() as connection, connection.transaction():
            await hold(connection, Lock(Guarded.PRIVACY, request.address))
            before = await _rules(connection, request.address)
            if await logged(connection, request.address, request.event_id, request.at, given.by) is not None:
                return _told(before)
            after = before.model_copy(update=given.model_dump(exclude={"by", "reason", "dry_run"}, exclude_none=True))
            if given.dry_run:
                return await _would_change(connection, request.address, before, after)
            await connection.execute(
                "insert into account_privacy values (%s, %s) on conflict (address) do update set rules = excluded.rules",
                [request.address, Jsonb(after.model_dump(mode="json"))],
            )
            if after != before:
                row = await (
                    await connection.execute("select crm from accounts_recorded where address = %s", [request.address])
                ).fetchone()
                for crm in row[0] if row else ():
                    await ask_to_relink_account(connection, crm, request.address, cause="privacy rules changed")
            facts = {**_told(after), "because": given.reason}
            event = LoggedEvent(event_id=request.event_id, at=request.at, type="PrivacySet", actor=given.by, data=facts)
            await append(connection, request.address, event)
        return _told(after)


async def _would_change(connection: Connection, address: str, before: Privacy, after: Privacy) -> dict[str, Any]:
    """Which rules come and go, and which stored messages are linked no more by those that come: numbers and ids, no name."""
    lists = {"never_log": (before.never_log, after.never_log), "private": (before.private, after.private)}
    rules = {
        name: {"added": len(set(now) - set(was)), "removed": len(set(was) - set(now))}
        for name, (was, now) in lists.items()
    }
    known = frozenset((*before.never_log, *before.private))
    new = frozenset((*after.never_log, *after.private)) - known
    rows = await (
        await connection.execute(
            """
            select matched_address, array_agg(distinct message) from links
            where address = %s and unlinked_at is null group by matched_address
            """,
            [address],
        )
    ).fetchall()
    unlinked = {message for matched, messages in rows if rule_for(matched, new) for message in messages}
    return {
        "dry_run": True,
        "rules": rules,
        "internal": [before.internal, after.internal],
        "unlinks": len(unlinked),
        "examples": sorted(unlinked, reverse=True)[:MOST_EXAMPLES],
    }


async def _rules(connection: Connection, address: str) -> Privacy:
    row = await (await connection.execute("select rules from account_privacy where address = %s", [address])).fetchone()
    return Privacy.model_validate_json(json.dumps(row[0])) if row else Privacy()


def _told(privacy: Privacy) -> dict[str, Any]:
    """What may be said of the rules: how many there are, and nobody's name."""
    return {"never_log": len(privacy.never_log), "private": len(privacy.private), "internal": privacy.internal}

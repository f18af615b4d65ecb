"""What was deleted or erased must not come again: the marks that it leaves, and who they match."""

from __future__ import annotations

from collections.abc import Sequence

from activities.linking.lookups import colleagues_among
from activities.storage.batch import Retrieved
from domain.mailbox.settings import AccountSettings
from domain.privacy.erasure import pseudonym
from domain.retrieval.plan import Identity
from infra.database.pool import Connection

DELETED = "deleted here"  # the reason in the ledger; activities/reconciliation/comparison.py goes by it


async def buried(
    connection: Connection, settings: AccountSettings, epoch: int, arrived: Sequence[Retrieved], *, any_erased: bool
) -> set[Identity]:
    """Which of these are not to come (again): what was deleted here, as the same message or the same bytes under whatever UIDL,
    and what lay in quarantine when the person whose mail it is was erased. `any_erased`: people were erased from the account."""
    if not arrived:
        return set()
    address = settings.address
    rows = await (
        await connection.execute(
            """
            select sha256 from tombstones where address = %(address)s and sha256 = any(%(digests)b::bytea[])
            union all
            select identity from tombstones where address = %(address)s and identity = any(%(identities)b::bytea[])
            """,
            {
                "address": address,
                "digests": [one.sha256 for one in arrived],
                "identities": [one.identity for one in arrived],
            },
        )
    ).fetchall()
    dead = {bytes(row[0]) for row in rows}
    dead_here = {one.listed.identity for one in arrived if one.sha256 in dead or one.identity in dead}
    if not any_erased:
        return dead_here
    return dead_here | await _of_erased(connection, settings, epoch, arrived)


async def _of_erased(
    connection: Connection, settings: AccountSettings, epoch: int, arrived: Sequence[Retrieved]
) -> set[Identity]:
    """Mail that was in quarantine when its author, or its only counterpart, was erased: until it came nobody knew whose it is."""
    rows = await (
        await connection.execute(
            """
            select l.uidl, l.occurrence, e.erasure, e.person
            from erased_people e
            join unnest(%(uidl)b::text[], %(occurrence)b::smallint[]) as arrived (uidl, occurrence) on true
            join pop_ledger l on (l.address, l.epoch, l.uidl, l.occurrence)
                = (e.address, %(epoch)s, arrived.uidl, arrived.occurrence)
            where e.address = %(address)s and l.state = 'quarantined' and l.first_seen_at <= e.at
            """,
            {
                "address": settings.address,
                "epoch": epoch,
                "uidl": [one.listed.uidl for one in arrived],
                "occurrence": [one.listed.occurrence for one in arrived],
            },
        )
    ).fetchall()
    messages = {one.listed.identity: one.message for one in arrived}
    found: set[Identity] = set()
    for uidl, occurrence, erasure, digest in rows:
        mail = messages[uidl, occurrence]
        people = {who.normal for who in mail.participants} | ({mail.author} if mail.author else set())
        person = next((who for who in people if pseudonym(erasure, who) == digest), None)
        if person is None:
            continue
        others = people - settings.own_addresses - {person}
        colleagues = await colleagues_among(connection, {settings.organisation}, others)
        if person in (mail.author, mail.from_address) or others <= colleagues.get(settings.organisation, set()):
            found.add((uidl, occurrence))
    return found

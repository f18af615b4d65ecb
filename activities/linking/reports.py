"""What bounces and receipts report on: the message that was sent."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from domain.linking.evidence import facts
from infra.database.pool import Connection

Report = tuple[str | None, dict[str, Any]]


async def reports_on(connection: Connection, sent: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[Report]]:
    """What bounces, receipts and abuse reports say of sent messages, by account and Message-ID."""
    if not sent:
        return {}
    rows = await (
        await connection.execute(
            """
            select address, traits ->> 'about', kind, traits, id from mail
            where traits ? 'about' and traits ->> 'about' = any(%s) and address = any(%s) and state = 'stored'
            order by id
            """,
            [sorted({name for _, name in sent}), sorted({account for account, _ in sent})],
        )
    ).fetchall()
    found: dict[tuple[str, str], list[Report]] = {}
    for account, about, kind, traits, message in rows:
        found.setdefault((account, about), []).extend(facts(kind, traits, message))
    return found


async def reported(connection: Connection, about: Collection[tuple[str, str]]) -> list[int]:
    """The stored messages that these reports (account and Message-ID) are about."""
    if not about:
        return []
    rows = await (
        await connection.execute(
            """
            select id from mail
            where message_id = any(%s) and address = any(%s) and state = 'stored' and folder = 'Sent' order by id
            """,
            [sorted({name for _, name in about}), sorted({account for account, _ in about})],
        )
    ).fetchall()
    return [row[0] for row in rows]

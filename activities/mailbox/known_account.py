"""What is known of an account without its workflow: its settings and what became of it, as the log has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.database.pool import Connection


@dataclass(frozen=True, slots=True)
class Known:
    """An account as its log and its mailbox's row have it: `settings` are those recorded last, `caught_up` says that the last
    session left nothing behind."""

    state: str
    settings: dict[str, Any] | None
    server_key: str | None
    epoch: int
    caught_up: bool
    login_at: datetime | None
    login_delay_seconds: float
    last_checked_at: datetime | None
    reason: str | None = None  # of its state


async def known_account(connection: Connection, address: str) -> Known | None:
    """The account; None where there never was one. Its settings are those that the log recorded last."""
    row = await (
        await connection.execute(
            """
            select a.state, (
                    select l.data -> 'settings' from log l
                    where l.address = a.address and l.type in ('AccountConnected', 'SettingsChanged', 'CredentialChanged')
                    order by l.version desc limit 1
                ), m.server_key, coalesce(m.epoch, 1), coalesce(m.epoch_listed_at is not null and m.remaining = 0, false),
                m.login_at, coalesce(m.login_delay_seconds, 0), m.last_checked_at, a.reason
            from accounts_recorded a left join mailboxes m using (address)
            where a.address = %s
            """,
            [address],
        )
    ).fetchone()
    return Known(*row) if row else None

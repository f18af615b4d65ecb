"""Jane's mailbox with mail in quarantine, as a worker and an operator deal with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from activities.mailbox.quarantine import Quarantine
from domain.core.refusal import Refused
from domain.mailbox.settings import AccountSettings
from domain.retrieval.reports import InQuarantine
from infra.database.pool import Pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, Watcher, account, local_worker
from workflows.contract import QuarantineChange, RetryQuarantinedRequest, SkipMessageRequest

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class Jane:
    """Jane's mailbox as a worker watches it, with a clock that is set by hand, and what an operator does and sees."""

    watcher: Watcher
    server: MailboxServer | Dovecot
    now: datetime = NOON

    @property
    def settings(self) -> AccountSettings:
        return account(self.server.port)

    def at(self, **later: float) -> None:
        self.now = NOON + timedelta(**later)

    async def looks(self) -> None:
        """One session that works, whether or not it brings news."""
        await self.watcher.watch(self.settings, report=True)

    async def listed(self) -> list[dict[str, Any]]:
        return await self.watcher.rows("select * from quarantine where address = %s order by uidl", JANE)

    async def reasons(self) -> dict[str, str]:
        return {row["uidl"]: row["reason"] for row in await self.listed()}

    async def counts(self) -> InQuarantine:
        return await Quarantine(self.watcher.pool).counts(JANE)

    async def retries(self, uidl: str | None = None, event_id: UUID | None = None) -> QuarantineChange:
        request = RetryQuarantinedRequest(address=JANE, uidl=uidl, by="ops", event_id=event_id or uuid4(), at=self.now)
        return await self.watcher.environment.run(Quarantine(self.watcher.pool).retry_quarantined, request)

    async def skips(
        self, uidl: str, occurrence: int | None = None, reason: str | None = None, event_id: UUID | None = None
    ) -> QuarantineChange:
        request = SkipMessageRequest(
            address=JANE,
            uidl=uidl,
            occurrence=occurrence,
            reason=reason,
            by="ops",
            event_id=event_id or uuid4(),
            at=self.now,
        )
        return await self.watcher.environment.run(Quarantine(self.watcher.pool).skip_message, request)

    async def logged(self, kind: str) -> list[dict[str, Any]]:
        rows = await self.watcher.rows(
            "select actor, data from account_events where address = %s and type = %s order by version", JANE, kind
        )
        return [{"actor": row["actor"], **row["data"]} for row in rows]


def jane(pool: Pool, server: MailboxServer | Dovecot, **worker: Any) -> Jane:
    watcher = Watcher(pool, worker=local_worker(**worker))
    made = Jane(watcher, server)
    watcher.clock = lambda: made.now
    return made


async def refused(asked: Any) -> Refused:
    with pytest.raises(Refused) as told:
        await asked
    return told.value

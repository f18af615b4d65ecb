"""Jane's account as its owner files it: commands about filters and messages as activities, and what the views show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from temporalio.testing import ActivityEnvironment

from activities.registry import of_filing
from domain.core.refusal import Refused
from domain.mailbox.settings import AccountSettings
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.commands import attempt
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account

OWN_MAIL: dict[str, Any] = {
    "name": "Sent mail",
    "match": "all",
    "conditions": [{"field": "from", "operator": "contains", "value": JANE}],
    "actions": [{"move": "Sent"}],
}


@dataclass
class Jane:
    pool: Pool
    settings: AccountSettings = field(default_factory=lambda: account(1, crm=("builtin",)))
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    def __post_init__(self) -> None:
        self.watcher = Watcher(self.pool)
        activities: Sequence[Callable[..., Awaitable[Any]]] = of_filing(self.pool)
        self._commands = {activity.__name__: activity for activity in activities}

    async def commands(self, name: str, /, *, event_id: UUID | None = None, **given: Any) -> dict[str, Any]:
        return await attempt(
            self._commands[name],
            {"by": "ops"} | given,
            address=self.settings.address,
            event_id=event_id,
            environment=self.environment,
        )

    async def is_refused(self, name: str, /, **given: Any) -> Refused:
        with pytest.raises(Refused) as told:
            await self.commands(name, **given)
        return told.value

    async def gets(self, *messages: bytes, first: int = 1, **settings: Any) -> list[int]:
        """Retrieves these messages from a server that has nothing else; answers the ids of all stored mail."""
        uidls = {f"uid-{number}": raw for number, raw in enumerate(messages, first)}
        async with MailboxServer(password=PASSWORD, messages=uidls) as server:
            self.settings = account(server.port, crm=("builtin",), **settings)
            await self.watcher.record(self.settings)
            await self.watcher.watch(self.settings, report=True)
        return await self.ids()

    async def ids(self) -> list[int]:
        query = "select id from messages where address = %s and state = 'stored' order by id"
        return await self.watcher.column(query, self.settings.address)

    async def folders(self) -> list[str]:
        """Of each stored message, in the order in which they came."""
        query = "select folder from messages where address = %s and state = 'stored' order by id"
        return await self.watcher.column(query, self.settings.address)

    async def links(self) -> list[tuple[str, str]]:
        """What correspondence there is: record and direction."""
        rows = await self.watcher.rows(
            "select record_id, direction from correspondence where unlinked_at is null order by message, record_id"
        )
        return [(row["record_id"], row["direction"]) for row in rows]

    async def logged(self, kind: str) -> list[dict[str, Any]]:
        rows = await self.watcher.rows(
            "select actor, data from account_events where address = %s and type = %s order by version",
            self.settings.address,
            kind,
        )
        return [{"actor": row["actor"], **row["data"]} for row in rows]


def letter(
    number: int = 1, *, sender: str = "anna@example.org", to: str = JANE, subject: str = "", header: str = ""
) -> bytes:
    """One message as it is on the wire; `header` are further lines of its header."""
    lines = [
        f"From: Somebody <{sender}>",
        f"To: {to}",
        f"Subject: {subject or f'message {number}'}",
        "Date: Mon, 23 Nov 2026 10:00:00 +0100",
        f"Message-ID: <{number}@example.org>",
        *header.splitlines(),
        "",
        f"This is message {number}.",
        "",
    ]
    return "\r\n".join(lines).encode()

"""`start: recent`: what is older than 30 days by its date is skipped without its body, and nothing that comes later is."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from infra.database import Pool
from tests.activities.watching import PASSWORD, Watcher, account, mail
from tests.servers.scripted_pop import MailboxServer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def dated(number: int, day: int | None, month: int = 11) -> bytes:
    """A message of that day in 2026, or one whose date says nothing."""
    date = format_datetime(datetime(2026, month, day, 10, 0, tzinfo=UTC)) if day else "some time ago"
    return mail(number).replace(b"Mon, 23 Nov 2026 10:00:00 +0100", date.encode())


@pytest.mark.requirement("R50")
async def test_what_is_older_than_thirty_days_is_skipped_without_fetching_its_body(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOW)
    messages = {"old": dated(1, 1, 3), "edge": dated(2, 20, 10), "new": dated(3, 20), "undated": dated(4, None)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        settings = account(server.port, start="recent")
        report = await watcher.watch(settings)
        assert (report.stored, report.skipped) == (2, 2)
        assert server.retrieved == ["new", "undated"]
        server.messages["forwarded late"] = dated(5, 1, 3)
        assert (await watcher.watch(settings)).stored == 1
    assert (await watcher.ledger())["old"] == "skipped"


async def test_a_server_that_shows_no_header_alone_has_everything_fetched(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOW)
    async with MailboxServer(password=PASSWORD, messages={"old": dated(1, 1, 3), "new": dated(2, 20)}) as server:
        server.replies["TOP"] = "-ERR unknown command"
        assert (await watcher.watch(account(server.port, start="recent"))).stored == 2

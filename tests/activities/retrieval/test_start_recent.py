"""`start: recent`: what is older than 30 days by its date is skipped without its body, and nothing that comes later is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from activities.retrieval import session as retrieval_session
from domain.mailbox.settings import AccountSettings
from infra.database.pool import Pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mail

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


# A first list that is too long for one session


@pytest.fixture
def one_header_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval_session, "SESSION_SECONDS", 0.0)


async def until_all_is_decided(watcher: Watcher, settings: AccountSettings) -> tuple[int, int, int]:
    """Sessions for as long as one asks for the next: how many they were, what they stored, what they skipped."""
    for number in range(1, 50):
        report = await watcher.watch(settings)
        if not report.more:
            stored = await watcher.value("select count(*) from messages")
            return number, stored, await watcher.value("select count(*) from ledger where state = 'skipped'")
    raise AssertionError("it does not come to an end")


@pytest.mark.requirement("R50")
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("order", ["oldest_first", "newest_first"])
@pytest.mark.usefixtures("one_header_a_session")
async def test_a_first_list_that_takes_several_sessions_is_told_apart_as_if_it_were_one(
    pool: Pool, order: str, pipelining: bool
) -> None:
    watcher = Watcher(pool, clock=lambda: NOW)
    days = [(1, 3), (20, 11), (2, 3), (None, 11), (3, 3), (21, 11), (22, 11), (4, 3)]
    messages = {f"uid-{number}": dated(number, day, month) for number, (day, month) in enumerate(days)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        if not pipelining:
            server.capabilities.remove("PIPELINING")
        settings = account(server.port, start="recent", order=order)
        sessions, stored, skipped = await until_all_is_decided(watcher, settings)
        assert sessions > 2
        assert (stored, skipped) == (4, 4)
        assert {uidl for uidl, state in (await watcher.ledger()).items() if state == "skipped"} == {
            *("uid-0", "uid-2", "uid-4", "uid-7")
        }
        server.messages["forwarded late"] = dated(9, 1, 3)
        assert (await watcher.watch(settings)).stored == 1
    assert sorted(await watcher.subjects()) == [f"message {number}" for number in (1, 3, 5, 6, 9)]


@pytest.mark.requirement("R50")
@pytest.mark.usefixtures("one_header_a_session")
async def test_mail_that_comes_while_the_first_list_is_still_worked_through_is_not_left_out(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOW)
    messages = {f"old-{number}": dated(number, number, 3) for number in range(1, 5)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        settings = account(server.port, start="recent")
        first = await watcher.watch(settings)
        assert (first.stored, first.skipped, first.more) == (0, 1, True)
        server.messages["came meanwhile"] = dated(5, 23)
        await until_all_is_decided(watcher, settings)
        server.messages["came afterwards"] = dated(6, 23)
        watcher.clock = lambda: NOW + timedelta(days=60)  # by then it is older than 30 days
        assert (await watcher.watch(settings)).stored == 1
    assert await watcher.subjects() == ["message 5", "message 6"]


@pytest.mark.requirement("R50")
@pytest.mark.usefixtures("one_header_a_session")
async def test_dovecots_first_list_is_told_apart_in_several_sessions(pool: Pool, dovecot: Dovecot) -> None:
    dovecot.add_user(JANE, PASSWORD)
    for number in range(1, 9):
        dovecot.deliver(JANE, dated(number, number, 3 if number % 2 else 11))
    watcher = Watcher(pool, clock=lambda: NOW)
    settings = account(dovecot.port, start="recent")
    sessions, stored, skipped = await until_all_is_decided(watcher, settings)
    assert sessions > 2
    assert (stored, skipped) == (4, 4)
    dovecot.deliver(JANE, dated(9, 1, 3))
    assert (await watcher.watch(settings)).stored == 1
    assert await watcher.subjects() == [f"message {number}" for number in (2, 4, 6, 8, 9)]
    assert dovecot.count(JANE) == 9

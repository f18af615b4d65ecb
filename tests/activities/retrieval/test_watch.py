"""The `watch` activity: when it looks, when it asks to be called again, what it reports, and how it ends early."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.storage import batch
from domain.core.refusal import Refused
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, local_worker, mail, mailbox

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


async def test_finding_nothing_new_is_benign_and_asks_to_be_called_again_after_the_interval(pool: Pool) -> None:
    watcher = Watcher(pool, worker=local_worker(minute_seconds=60.0))
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        settings = account(server.port, interval_minutes=7)
        assert (await watcher.watch(settings)).stored == 2
        for _ in range(3):
            ended = await watcher.finds_nothing(settings)
            assert ended.type == "NothingNew"
            assert ended.category == ApplicationErrorCategory.BENIGN
            assert not ended.non_retryable
            assert ended.next_retry_delay is not None
            assert timedelta(minutes=7) <= ended.next_retry_delay <= timedelta(minutes=7.7)
        assert server.quits == server.logins == 4
        assert len(server.retrieved) == 2
    assert await watcher.value("select count(*) from retrievals") == 1  # no row for an empty poll
    assert await watcher.events() == ["MessagesStored"]


async def test_the_view_accounts_shows_the_last_look_although_no_workflow_is_woken(pool: Pool) -> None:
    watcher = Watcher(pool, worker=local_worker(minute_seconds=60.0), clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        settings = account(server.port)
        await watcher.record(settings)
        await watcher.watch(settings)
        watcher.clock = lambda: NOON + timedelta(minutes=5)
        await watcher.finds_nothing(settings)
    (shown,) = await watcher.rows("select * from accounts")
    assert (shown["state"], shown["messages"], shown["on_server"], shown["remaining"]) == ("active", 2, 2, 0)
    assert shown["last_checked_at"] == shown["last_success_at"] == NOON + timedelta(minutes=5)
    assert timedelta(minutes=10) <= shown["next_attempt_at"] - NOON <= timedelta(minutes=10.6)


async def test_before_its_time_nobody_is_connected_to(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        ended = await watcher.finds_nothing(account(server.port), not_before=NOON + timedelta(minutes=3))
        assert (ended.type, ended.next_retry_delay) == ("Waiting", timedelta(minutes=3))
        assert server.connections == 0
        assert (await watcher.watch(account(server.port), not_before=NOON)).stored == 1


@pytest.mark.requirement("R18")
async def test_a_steady_account_fetches_one_phase_per_session(pool: Pool) -> None:
    watcher = Watcher(pool, worker=local_worker(minute_seconds=60.0), clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(50)) as server:
        settings = account(server.port, pace="steady", messages_per_phase=20, interval_minutes=10)
        for stored, remaining in (20, 30), (20, 10), (10, 0):
            report = await watcher.watch(settings)
            assert report.progress is not None
            assert (report.stored, report.progress.remaining, report.more) == (stored, remaining, False)
            assert report.next_attempt_at is not None
            assert report.next_attempt_at >= NOON + timedelta(minutes=10)
        assert len(server.retrieved) == len(set(server.retrieved)) == 50


async def test_at_full_pace_a_session_goes_on_phase_after_phase(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(50)) as server:
        report = await watcher.watch(account(server.port, messages_per_phase=20))
        assert (report.outcome, report.stored, report.more) == ("mail", 50, False)
        assert server.logins == 1
        assert report.progress is not None
        assert report.progress.stored == report.total_stored == report.progress.on_server == 50
        assert report.progress.bytes == sum(map(len, server.messages.values()))
        assert (report.settings_version, report.credential_version) == (3, 2)


async def test_a_look_that_an_operator_waits_for_ends_after_one_phase_and_goes_on_afterwards(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(50)) as server:
        settings = account(server.port, messages_per_phase=20)
        report = await watcher.watch(settings, report=True)
        assert (report.stored, report.more, report.next_attempt_at) == (20, True, None)
        assert (await watcher.watch(settings)).stored == 30
        report = await watcher.watch(settings, report=True)
        assert (report.outcome, report.stored, report.more) == ("nothing_new", 0, False)


async def test_a_session_that_works_again_is_news_after_a_failure(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD) as server:
        report = await watcher.watch(account(server.port), recovering=True)
        assert (report.outcome, report.stored) == ("nothing_new", 0)
    assert await watcher.column("select outcome from retrievals") == ["recovered"]


async def test_what_a_lost_worker_stored_and_never_reported_is_news(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        await watcher.watch(account(server.port))
        report = await watcher.watch(account(server.port), total_stored=1)
        assert (report.outcome, report.stored, report.total_stored) == ("mail", 0, 3)
        await watcher.finds_nothing(account(server.port), total_stored=3)


async def test_a_worker_that_is_told_to_stop_commits_what_it_has_and_says_quit(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(30)) as server:
        watcher.environment.worker_shutdown()
        report = await watcher.watch(account(server.port))
        assert 0 < report.stored < 30
        assert report.more
        assert server.quits == 1
        assert len(await watcher.subjects()) == report.stored
        watcher.environment = ActivityEnvironment()
        assert (await watcher.watch(account(server.port))).stored == 30 - report.stored
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 31)]


async def test_a_cancelled_session_ends_at_once_and_leaves_the_mailbox_to_the_next(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.locks = True
        server.hangs.add("RETR 3")
        session = asyncio.create_task(watcher.watch(account(server.port)))
        await server.until("RETR", times=3)
        watcher.environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session
        assert await watcher.value("select count(*) from leases") == 0
        await server.hang_up()
        server.hangs.clear()
        watcher.environment = ActivityEnvironment()
        await watcher.watch(account(server.port))
    assert await watcher.subjects() == [f"message {number}" for number in range(1, 6)]


async def test_heartbeats_tell_how_far_a_session_is(pool: Pool) -> None:
    watcher = Watcher(pool)
    beats: list[dict[str, object]] = []
    told = asyncio.Event()

    def beat(*details: object) -> None:
        if isinstance(details[0], dict):  # None until the mailbox's lease is held
            beats.append(details[0])
            if details[0]["on_server"]:
                told.set()

    watcher.environment.on_heartbeat = beat
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.hangs.add("RETR 3")
        session = asyncio.create_task(watcher.watch(account(server.port)))
        async with asyncio.timeout(30):
            await told.wait()
        watcher.environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session
    assert beats[-1]["on_server"] == beats[-1]["to_fetch"] == 5


@pytest.mark.requirement("R19")
async def test_heartbeats_tell_how_many_messages_and_bytes_are_here(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "BATCH_MESSAGES", 10)
    watcher = Watcher(pool)
    beats: list[dict[str, int]] = []
    told = asyncio.Event()

    def beat(*details: dict[str, int] | None) -> None:
        if details[0] is not None:
            beats.append(details[0])
            if details[0]["fetched"] == 30:
                told.set()

    watcher.environment.on_heartbeat = beat
    async with MailboxServer(password=PASSWORD, messages=mailbox(40)) as server:
        sizes = [len(raw) for raw in server.messages.values()]
        server.hangs.add("RETR 35")
        session = asyncio.create_task(watcher.watch(account(server.port)))
        async with asyncio.timeout(30):
            await told.wait()
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)
        shown = next(one for one in beats if one["fetched"] == 30)
        assert (shown["to_fetch"], shown["stored"], shown["bytes"]) == (40, 30, sum(sizes[:30]))
        assert shown["messages_per_second"] > 0
        server.hangs.clear()
        watcher.environment = ActivityEnvironment()
        watcher.environment.on_heartbeat = beat
        left = 40 - len(await watcher.subjects())
        await watcher.watch(account(server.port))
        assert (beats[-1]["to_fetch"], beats[-1]["fetched"], beats[-1]["stored"]) == (left, left, left)
        assert beats[-1]["bytes"] == sum(sizes[40 - left :]), "the last word is of the whole session"


async def test_a_login_delay_is_never_undercut(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        server.capabilities.append("LOGIN-DELAY 900")
        settings = account(server.port)
        report = await watcher.watch(settings)
        assert report.next_attempt_at is not None
        assert report.next_attempt_at >= NOON + timedelta(seconds=900)
        watcher.clock = lambda: NOON + timedelta(seconds=600)
        ended = await watcher.finds_nothing(settings)
        assert (ended.type, ended.next_retry_delay) == ("Waiting", timedelta(seconds=300))
        with pytest.raises(Refused, match="12:15:00 UTC") as refused:
            await watcher.watch(settings, report=True)
        assert refused.value.refusal.code == "login_delay"
        assert server.connections == 1
        watcher.clock = lambda: NOON + timedelta(seconds=900)
        ended = await watcher.finds_nothing(settings)
        assert ended.next_retry_delay is not None
        assert ended.next_retry_delay >= timedelta(seconds=900)


@pytest.mark.requirement("R20")
async def test_a_full_quota_pauses_and_goes_on_when_there_is_room(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(4, size=1000)) as server:
        settings = account(server.port)
        size = len(mail(1, size=1000))
        await watcher.record(settings, quota_bytes=2 * size + 500)
        watcher.clock = lambda: NOON
        report = await watcher.watch(settings)
        assert (report.outcome, report.stored, report.more) == ("over_quota", 2, False)
        assert report.progress is not None
        assert (report.needed_bytes, report.progress.remaining) == (size, 2)
        logins = server.logins
        assert (await watcher.finds_nothing(settings, needed_bytes=report.needed_bytes)).type == "NothingNew"
        assert server.logins == logins
        again = await watcher.watch(settings, needed_bytes=report.needed_bytes, report=True)
        assert (again.outcome, again.stored, again.needed_bytes) == ("over_quota", 0, size)
        assert server.logins == logins + 1, "who asks for a session gets one"
        assert len(server.messages) == 4
        await watcher.record(settings, quota_bytes=10 * size)
        report = await watcher.watch(settings, needed_bytes=report.needed_bytes)
        assert (report.outcome, report.stored) == ("mail", 2)


async def test_over_quota_the_server_is_asked_every_six_hours_whether_there_still_is_what_had_no_room(
    pool: Pool,
) -> None:
    watcher = Watcher(pool, worker=local_worker(minute_seconds=60.0), clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages={"large": mail(1, size=9000)}) as server:
        settings = account(server.port)
        await watcher.record(settings, quota_bytes=5000)
        report = await watcher.watch(settings)
        assert (report.outcome, report.stored) == ("over_quota", 0)
        server.messages = {"small": mail(2)}  # its owner has deleted the large one
        watcher.clock = lambda: NOON + timedelta(hours=5)
        await watcher.finds_nothing(settings, needed_bytes=report.needed_bytes)
        assert server.logins == 1
        watcher.clock = lambda: NOON + timedelta(hours=6)
        report = await watcher.watch(settings, needed_bytes=report.needed_bytes)
        assert (report.outcome, report.stored) == ("mail", 1)


async def test_a_server_that_wants_no_login_for_years_is_asked_after_a_day(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD) as server:
        server.capabilities.append("LOGIN-DELAY 999999999")
        ended = await watcher.finds_nothing(account(server.port))
        assert ended.next_retry_delay is not None
        assert timedelta(days=1) <= ended.next_retry_delay < timedelta(days=1.2)
        watcher.clock = lambda: NOON + timedelta(days=1)
        assert (await watcher.finds_nothing(account(server.port))).type == "NothingNew"
        assert server.logins == 2


@pytest.mark.requirement("R20")
async def test_a_quota_is_of_the_user_over_all_accounts(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3, size=1000)) as server:
        first = account(server.port, user="jane", address=JANE)
        second = account(server.port, user="jane", address="jane.doe@example.com")
        await watcher.record(first, quota_bytes=4 * len(mail(1, size=1000)) + 500)
        await watcher.record(second)
        assert (await watcher.watch(first)).stored == 3
        report = await watcher.watch(second)
        assert (report.outcome, report.stored) == ("over_quota", 1)


@pytest.mark.requirement("R20")
async def test_accounts_of_one_user_that_fetch_at_once_stop_at_their_quota(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "BATCH_MESSAGES", 10)
    messages = {f"uid-{number}": mail(number, size=1000) for number in range(100, 300)}
    size = len(messages["uid-100"])
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        server.pauses["RETR"] = 0.001  # so that both are at it
        accounts = [account(server.port, address=f"{name}@example.com", user="jane") for name in ("one", "two")]
        for one in accounts:
            await watcher.record(one, quota_bytes=200 * size)
        await asyncio.gather(*(watcher.watch(one) for one in accounts))
        kept = await watcher.value("select sum(bytes) from accounts")
        in_flight = 2 * len(accounts)  # batches: of each account, one that is being committed and one on the wire
        assert 200 * size <= kept <= (200 + in_flight * 10) * size
        for one in accounts:
            report = await watcher.watch(one)
            assert (report.outcome, report.stored, report.more) == ("over_quota", 0, False)

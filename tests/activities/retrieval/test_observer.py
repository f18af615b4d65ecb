"""What sessions notice of real lists: full queues, mail that somebody else takes, gaps, and a provider's daily volume."""

from __future__ import annotations

import poplib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities.mailbox import state
from domain.mailbox.settings import AccountSettings
from domain.retrieval.observations import Observation
from infra.database.pool import Pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, local_worker, mailbox

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Looking(Watcher):
    """A watcher whose clock stands still until it is told, and that knows what was reported, as a workflow does."""

    known: tuple[Observation, ...] = ()

    async def look(self, settings: AccountSettings, at: datetime = NOON, **request: Any) -> tuple[int, list[str]]:
        """One session that must bring news: how much it stored, and what holds now."""
        self.clock = lambda: at
        report = await self.watch(settings, observed=self.known, **request)
        assert report.observed is not None
        self.known = report.observed
        return report.stored, [one.code for one in report.observed]

    async def sees_nothing_new(self, settings: AccountSettings, at: datetime = NOON) -> Any:
        self.clock = lambda: at
        return await self.finds_nothing(settings, observed=self.known)

    async def vanished(self) -> list[str]:
        return await self.column("select uidl from ledger where vanished_at is not null order by uidl")

    async def warned(self) -> list[str]:
        """The codes in the view `warnings`."""
        return await self.column("select code from warnings where address = %s", JANE)


@pytest.fixture
def looking(pool: Pool) -> Looking:
    return Looking(pool)


@pytest.mark.requirement("R56")
async def test_a_gmail_queue_that_stays_full_of_stored_mail_is_reported_at_the_third_clean_look(
    looking: Looking,
) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(60)) as server:
        settings = account(server.port, provider="google")
        assert await looking.look(settings) == (60, [])
        await looking.sees_nothing_new(settings)
        await looking.sees_nothing_new(settings)
        assert await looking.look(settings) == (0, ["queue_saturated"])
        assert looking.known[0].facts == {"counted": 60, "listed": 60, "stored": 60}
        assert await looking.warned() == ["queue_saturated"]
        await looking.sees_nothing_new(settings)
        server.messages = mailbox(5, first=61)
        assert await looking.look(settings) == (5, [])
        assert await looking.warned() == []


@pytest.mark.requirement("R56")
async def test_a_server_that_counts_more_than_it_lists_is_reported_at_any_provider(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["STAT"] = "+OK 9 9000"
        settings = account(server.port)
        assert await looking.look(settings) == (3, [])
        await looking.sees_nothing_new(settings)
        await looking.sees_nothing_new(settings)
        assert await looking.look(settings) == (0, ["queue_saturated"])
        del server.replies["STAT"]
        assert await looking.look(settings) == (0, [])


@pytest.mark.requirement("R61")
async def test_a_queue_that_hands_out_a_part_at_a_time_is_taken_to_its_end(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(130)) as server:
        server.queue = 50
        settings = account(server.port, provider="google")
        for expected, at_once in ((50, True), (50, True), (30, False)):
            report = await looking.watch(settings)
            assert (report.stored, report.more, report.next_attempt_at is None) == (expected, at_once, at_once)
        await looking.finds_nothing(settings)
        assert len(server.retrieved) == 130
    assert len(await looking.subjects()) == 130


@pytest.mark.requirement("R65")
async def test_mail_that_vanishes_from_dovecot_was_taken_by_another_client(looking: Looking, dovecot: Dovecot) -> None:
    dovecot.add_user(JANE, PASSWORD)
    for raw in mailbox(3).values():
        dovecot.deliver(JANE, raw)
    settings = account(dovecot.port)
    assert await looking.look(settings) == (3, [])
    await looking.sees_nothing_new(settings, NOON + DAY)
    taken_by_another(dovecot)
    assert await looking.look(settings, NOON + 2 * DAY) == (0, ["other_pop_client"])
    assert len(await looking.vanished()) == 1
    await looking.sees_nothing_new(settings, NOON + 31 * DAY)
    assert await looking.look(settings, NOON + 32 * DAY) == (0, [])
    assert len(await looking.subjects()) == 3


def taken_by_another(dovecot: Dovecot) -> None:
    """What another POP client does that leaves nothing on the server, as far as the first message."""
    client = poplib.POP3("127.0.0.1", dovecot.port, timeout=20)
    client.user(JANE)
    client.pass_(PASSWORD)
    client.retr(1)
    client.dele(1)
    client.quit()


@pytest.mark.requirement("R65")
async def test_a_client_that_empties_the_mailbox_each_time_is_found_out_at_the_third_time(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        settings = account(server.port)
        assert await looking.look(settings) == (2, [])
        for number, expected in ((3, []), (4, []), (5, ["other_pop_client"])):
            server.messages.clear()
            await looking.sees_nothing_new(settings)
            server.messages = mailbox(1, first=number)
            assert await looking.look(settings) == (1, expected)
        assert await looking.vanished() == ["uid-1", "uid-2", "uid-3", "uid-4"]


async def test_an_empty_or_a_short_list_is_no_proof_and_marks_nothing(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(4)) as server:
        settings = account(server.port)
        await looking.look(settings)
        server.messages.clear()
        await looking.sees_nothing_new(settings)
        server.messages = mailbox(2)
        server.replies["STAT"] = "+OK 4 4000"  # it counts what it does not list
        await looking.sees_nothing_new(settings)
    assert await looking.vanished() == []


async def test_mail_that_is_listed_again_has_not_vanished(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        settings = account(server.port)
        await looking.look(settings)
        gone = {"uid-1": server.messages.pop("uid-1")}
        assert (await looking.look(settings, NOON + DAY))[1] == ["other_pop_client"]
        assert await looking.vanished() == ["uid-1"]
        server.messages |= gone
        await looking.sees_nothing_new(settings, NOON + DAY)
        assert await looking.vanished() == []


async def test_what_this_account_deleted_has_not_vanished(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        await looking.look(account(server.port))
        server.closes.add("QUIT")  # the answer to the first is lost, so nobody knows whether they are deleted
        await looking.watch(account(server.port, after_store="delete"), report=True)
        server.closes.clear()
        server.messages = mailbox(1, first=3) | mailbox(1, first=4)
        stored, observed = await looking.look(account(server.port), NOON + DAY)
        assert (stored, observed) == (1, [])
        assert await looking.vanished() == []


async def test_what_was_retrieved_leaves_a_gmail_queue_by_design(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(4)) as server:
        settings = account(server.port, provider="google")
        assert await looking.look(settings) == (4, [])
        server.messages = mailbox(2, first=4)
        assert await looking.look(settings, NOON + DAY) == (1, [])


@pytest.mark.requirement("R65")
async def test_what_leaves_a_gmail_queue_unretrieved_was_taken_by_another_client(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(4)) as server:
        settings = account(server.port, provider="google", start="from_now")
        assert await looking.look(settings) == (0, [])
        del server.messages["uid-1"]
        assert await looking.look(settings, NOON + DAY) == (0, ["other_pop_client"])


@pytest.mark.requirement("R66")
async def test_a_gap_in_recent_mode_is_named_and_ends_with_the_mode(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        recent = account(server.port, provider="google", recent_mode=True)
        assert await looking.look(recent) == (2, [])
        late = NOON + 31 * DAY
        assert await looking.look(recent, late) == (0, ["recent_gap"])
        assert looking.known[0].facts == {"from": NOON.isoformat(), "to": late.isoformat()}
        await looking.sees_nothing_new(recent, late + DAY)
        assert await looking.look(account(server.port, provider="google"), late + DAY) == (0, [])


async def test_expire_is_reported_once(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, capabilities=("UIDL", "TOP", "EXPIRE 31 USER")) as server:
        assert await looking.look(account(server.port)) == (0, ["expire"])
        assert looking.known[0].facts == {"days": 31}
        await looking.sees_nothing_new(account(server.port))


async def test_a_workflow_of_an_older_version_is_not_told_what_it_could_not_keep(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, capabilities=("UIDL", "TOP", "EXPIRE 31")) as server:
        await looking.finds_nothing(account(server.port))


@pytest.mark.requirement("R65")
async def test_what_a_session_that_then_failed_found_missing_is_told_by_the_next_one(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        settings = account(server.port)
        assert await looking.look(settings) == (3, [])
        server.messages = mailbox(3, first=2)
        server.closes.add("RETR")
        looking.clock = lambda: NOON + DAY
        await looking.fails(settings)
        assert await looking.vanished() == ["uid-1"]
        server.closes.clear()
        assert await looking.look(settings, NOON + 2 * DAY) == (1, ["other_pop_client"])


async def test_a_look_that_finds_everything_as_before_remembers_the_same(looking: Looking) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        settings = account(server.port)
        await looking.look(settings)
        remembered = "select memory, observed from mailboxes"
        before = await looking.rows(remembered)
        await looking.sees_nothing_new(settings)
        assert await looking.rows(remembered) == before


class TestTheDailyVolume:
    """Gmail hands out 1,250 MB a day; a session of the day before is put into the database as it would have left it."""

    async def took(self, looking: Looking, size: int, ago: timedelta) -> None:
        async with looking.pool.connection() as connection:
            await connection.execute(
                """
                insert into sessions (id, address, started_at, finished_at, stored, taken, outcome, worker)
                values (%s, %s, %s, %s, 1, %s, 'mail', 'worker-0')
                """,
                [uuid4(), JANE, NOON - ago, NOON - ago, size],
            )

    async def test_a_session_pauses_where_the_day_is_used_up_and_goes_on_when_there_is_room(
        self, looking: Looking
    ) -> None:
        async with MailboxServer(password=PASSWORD, messages=mailbox(3, size=2000)) as server:
            settings = account(server.port, provider="google")
            await self.took(looking, 1_249_996_000, timedelta(hours=20))
            assert await looking.look(settings) == (1, ["daily_limit"])
            until = NOON + timedelta(hours=4)
            assert looking.known[0].facts == {"until": until.isoformat()}
            waiting = await looking.sees_nothing_new(settings)
            assert waiting.next_retry_delay == timedelta(hours=4)
            assert len(server.retrieved) == 1
            assert await looking.look(settings, until) == (2, [])
        assert await looking.column("select outcome from retrievals order by started_at") == ["mail"] * 3

    async def test_what_was_fetched_and_could_not_be_stored_counts_too(self, looking: Looking) -> None:
        async with MailboxServer(password=PASSWORD, messages=mailbox(1, size=50_000)) as server:
            server.replies["RETR 1"] = b"+OK\r\n" + b"x" * 998 + b"\r\n" * 40_000
            server.closes.add("RETR 1")
            looking.clock = lambda: NOON
            await looking.fails(account(server.port, provider="google"))
            assert await looking.value("select taken from sessions") > 80_000
            assert await looking.value("select stored from sessions") == 0

    async def test_a_session_that_only_listed_leaves_its_row_where_that_was_much(
        self, looking: Looking, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(state, "MUCH", 100_000)
        async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
            settings = account(server.port, provider="google")
            await looking.look(settings)
            await looking.sees_nothing_new(settings)
            assert await looking.value("select count(*) from sessions") == 1
            server.replies["UIDL"] = b"+OK\r\n2 uid-2\r\n" + b"1 uid-1\r\n" * 15_000 + b".\r\n"
            await looking.sees_nothing_new(settings)
            assert await looking.column("select outcome from sessions order by taken") == ["mail", "nothing_new"]
            assert await looking.value("select max(taken) from sessions") > 130_000

    async def test_mail_that_was_recognised_counts_and_the_next_session_follows_at_once(self, looking: Looking) -> None:
        async with MailboxServer(password=PASSWORD, messages=mailbox(60, size=2000)) as server:
            settings = account(server.port, provider="google")
            await looking.look(settings)
            server.messages = {f"moved-{uid}": raw for uid, raw in server.messages.items()}
            server.queue = 50
            report = await looking.watch(settings, observed=looking.known)
            assert (report.stored, report.more, report.next_attempt_at) == (0, True, None)
            report = await looking.watch(settings, observed=looking.known)
            assert (report.stored, report.more) == (0, False)
            taken = await looking.column("select taken from sessions order by started_at, taken desc")
            assert len(taken) == 3
            assert sum(taken) > 2 * 60 * 2000
            assert len(await looking.subjects()) == 60

    async def test_it_is_googles_and_nobody_elses(self, looking: Looking) -> None:
        async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
            await self.took(looking, 10**12, timedelta(hours=1))
            assert await looking.look(account(server.port, provider="generic")) == (3, [])

    async def test_the_live_view_shows_when_it_goes_on(self, looking: Looking) -> None:
        async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
            settings = account(server.port, provider="google")
            await self.took(looking, 1_250_000_000, timedelta(hours=20))
            await looking.record(settings)
            assert await looking.look(settings) == (0, ["daily_limit"])
            assert await looking.value("select next_attempt_at from accounts") == NOON + timedelta(hours=4)
            assert await looking.value("select remaining from accounts") == 1


class TestAnExchangeOfOnesOwn:
    GREETING = "+OK The Microsoft Exchange POP3 service is ready. [TABP]"

    @pytest.mark.requirement("R44")
    async def test_it_is_known_by_its_greeting_and_warned_of(self, looking: Looking) -> None:
        async with MailboxServer(password=PASSWORD, messages=mailbox(1), greeting=self.GREETING) as server:
            settings = account(server.port)
            assert await looking.look(settings) == (1, ["exchange_marks_read"])
            await looking.sees_nothing_new(settings)

    async def test_where_the_profile_says_so_already_it_is_said_once(self, looking: Looking) -> None:
        async with MailboxServer(password=PASSWORD, messages=mailbox(1), greeting=self.GREETING) as server:
            assert await looking.look(account(server.port, provider="exchange")) == (1, [])


class TestTheLeastInterval:
    async def test_yahoo_is_asked_every_ten_minutes_and_zoho_every_five_at_the_most(self, pool: Pool) -> None:
        looking = Looking(pool, worker=local_worker(minute_seconds=60.0))
        async with MailboxServer(password=PASSWORD) as server:
            yahoo = await looking.sees_nothing_new(account(server.port, provider="yahoo", interval_minutes=1))
            assert yahoo.next_retry_delay == timedelta(minutes=10)
            longer = await looking.sees_nothing_new(account(server.port, provider="yahoo", interval_minutes=20))
            assert longer.next_retry_delay >= timedelta(minutes=20)
            zoho = await looking.sees_nothing_new(account(server.port, provider="zoho", interval_minutes=1))
            assert zoho.next_retry_delay == timedelta(minutes=5)
            generic = await looking.sees_nothing_new(account(server.port, interval_minutes=1))
            assert generic.next_retry_delay < timedelta(minutes=2)

    async def test_even_a_backlog_is_worked_off_with_pauses_there(self, pool: Pool) -> None:
        looking = Looking(pool, worker=local_worker(minute_seconds=60.0), clock=lambda: NOON)
        async with MailboxServer(password=PASSWORD, messages=mailbox(501)) as server:
            report = await looking.watch(account(server.port, provider="yahoo", after_store="delete"))
            assert report.more
            assert report.next_attempt_at == NOON + timedelta(minutes=10)

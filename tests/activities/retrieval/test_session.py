"""One session with a mailbox: what it asks, in which order, what it keeps, and what it leaves on the server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from activities.retrieval import session as retrieval_session
from activities.storage import batch
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, SECRET, Watcher, account, impatient, local_worker, mail, mailbox
from tests.support.running import until

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVERYTHING = [f"message {number}" for number in range(1, 6)]


@pytest.mark.requirement("R43", "R52")
async def test_the_list_comes_first_then_each_message_once_and_nothing_is_deleted(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        await watcher.watch(account(server.port))
        verbs = [line.split()[0] for line in server.commands]
        assert verbs[: verbs.index("RETR")] == ["CAPA", "USER", "PASS", "CAPA", "STAT", "UIDL", "LIST"]
        assert verbs[verbs.index("RETR") :] == ["RETR"] * 5 + ["STAT", "QUIT"]
        server.messages["uid-6"] = mail(6)
        await watcher.watch(account(server.port))
        await watcher.finds_nothing(account(server.port))
        assert server.retrieved == [f"uid-{number}" for number in range(1, 7)]
        assert server.count("DELE") == 0
        assert len(server.messages) == 6
    assert await watcher.subjects() == [*EVERYTHING, "message 6"]


@pytest.mark.requirement("R43", "R52")
async def test_dovecots_mail_is_kept_byte_for_byte_and_stays_there(pool: Pool, dovecot: Dovecot) -> None:
    dovecot.add_user(JANE, PASSWORD)
    messages = [mail(number, size=number * 500) for number in range(1, 31)]
    for message in messages:
        dovecot.deliver(JANE, message)
    watcher = Watcher(pool)
    report = await watcher.watch(account(dovecot.port))
    assert (report.stored, report.more) == (30, False)
    assert await watcher.column("select raw from raw_messages order by id") == messages
    await watcher.finds_nothing(account(dovecot.port))
    dovecot.deliver(JANE, mail(31))
    assert (await watcher.watch(account(dovecot.port))).stored == 1
    assert dovecot.count(JANE) == 31
    assert await watcher.rows("select * from mailroom.verify_log(%s)", JANE) == []


@pytest.mark.requirement("R32")
async def test_own_mail_lands_in_the_inbox(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={"own": mail(1, sender=JANE)}) as server:
        await watcher.watch(account(server.port))
    assert await watcher.rows("select from_address, folder from messages") == [
        {"from_address": JANE, "folder": "Inbox"}
    ]


@pytest.mark.requirement("R19")
async def test_newest_first_is_fetched_from_the_end(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        await watcher.watch(account(server.port, order="newest_first"))
    assert await watcher.subjects() == EVERYTHING[::-1]


@pytest.mark.requirement("R49")
async def test_from_now_on_leaves_out_what_is_there_and_fetches_what_comes(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        settings = account(server.port, start="from_now")
        report = await watcher.watch(settings)
        assert (report.outcome, report.stored, report.skipped) == ("nothing_new", 0, 3)
        server.messages["uid-4"] = mail(4)
        assert (await watcher.watch(settings)).stored == 1
        await watcher.finds_nothing(settings)
        assert server.retrieved == ["uid-4"]
    assert await watcher.ledger() == {"uid-1": "skipped", "uid-2": "skipped", "uid-3": "skipped", "uid-4": "stored"}
    assert await watcher.events() == ["MessagesSkipped", "MessagesStored"]


@pytest.mark.requirement("R49")
async def test_from_now_on_in_an_empty_mailbox_skips_nothing(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD) as server:
        settings = account(server.port, start="from_now")
        await watcher.finds_nothing(settings)
        server.messages.update(mailbox(2))
        assert (await watcher.watch(settings)).stored == 2


@pytest.mark.requirement("R19")
async def test_a_session_ends_when_its_time_is_up_and_the_next_ones_go_on_where_it_stopped(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval_session, "SESSION_SECONDS", 0.0)
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        first = await watcher.watch(account(server.port))
        assert first.progress is not None
        assert 0 < first.stored < 5
        assert (first.more, first.next_attempt_at) == (True, None), "the next session follows at once"
        assert first.progress.remaining == 5 - first.stored
        assert await watcher.subjects() == EVERYTHING[: first.stored]
        monkeypatch.undo()
        second = await watcher.watch(account(server.port))
        assert (second.stored, second.total_stored, second.more) == (5 - first.stored, 5, False)
        await watcher.finds_nothing(account(server.port))
        assert server.quits == server.logins == 3
    assert await watcher.subjects() == EVERYTHING


@pytest.mark.requirement("R19")
async def test_sessions_of_one_message_each_bring_all_of_them_once(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval_session, "SESSION_SECONDS", 0.0)
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        reports = [await watcher.watch(account(server.port)) for _ in range(5)]
    assert [report.stored for report in reports] == [1] * 5
    assert [report.more for report in reports] == [True] * 4 + [False]
    assert await watcher.subjects() == EVERYTHING


async def test_where_a_login_delay_makes_sessions_dear_they_are_the_longer_ones(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval_session, "SESSION_SECONDS", 0.0)
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.capabilities.append("LOGIN-DELAY 900")
        report = await watcher.watch(account(server.port))
        assert (report.stored, report.more) == (5, False)
        server.messages |= mailbox(5, first=6)
        monkeypatch.setattr(retrieval_session, "RARE_SESSION_SECONDS", 0.0)
        watcher.clock = lambda: NOON + timedelta(seconds=900)
        report = await watcher.watch(account(server.port))
        assert (report.stored, report.more) == (1, True), "they are bounded, too"
        assert (await watcher.finds_nothing(account(server.port))).type == "Waiting"
        watcher.clock = lambda: NOON + timedelta(seconds=1800)
        assert (await watcher.watch(account(server.port))).stored == 1


@pytest.mark.requirement("R19")
async def test_while_a_session_runs_the_accounts_view_shows_how_far_it_is_how_fast_and_until_when(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "BATCH_MESSAGES", 10)
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(40)) as server:
        await watcher.record(account(server.port))
        server.hangs.add("RETR 35")
        running = asyncio.create_task(watcher.watch(account(server.port)))

        async def under_way() -> bool:
            return bool(await watcher.rows("select from accounts where messages = 30"))

        await until(under_way, "three batches to be there")
        (shown,) = await watcher.rows("select * from accounts")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (shown["on_server"], shown["remaining"]) == (40, 10)
    assert shown["bytes"] > 0
    assert shown["rate"] > 0
    assert shown["eta"] > datetime.now(UTC) - timedelta(minutes=1)


async def test_a_line_that_drops_within_a_message_keeps_what_had_arrived(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.replies["RETR 4"] = b"+OK\r\nSubject: half a mess"
        server.closes.add("RETR 4")
        failure = await watcher.fails(account(server.port))
        assert (failure.kind, failure.cause) == (Kind.CONNECTION, "closed")
        assert await watcher.subjects() == EVERYTHING[:3]
        assert await watcher.rows("select stored, outcome from retrievals") == [{"stored": 3, "outcome": "connection"}]
        server.replies.clear()
        server.closes.clear()
        report = await watcher.watch(account(server.port))
        assert (report.stored, report.total_stored) == (2, 5)
        assert server.retrieved == [f"uid-{number}" for number in range(1, 6)]
    assert await watcher.subjects() == EVERYTHING


async def test_a_server_that_stalls_within_a_message_keeps_what_had_arrived(pool: Pool) -> None:
    watcher = Watcher(pool, timeouts=impatient("RETR"))
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.replies["RETR 3"] = b"+OK\r\nSubject: half a mess"
        server.hangs.add("RETR 3")
        failure = await watcher.fails(account(server.port))
        assert (failure.kind, failure.cause) == (Kind.CONNECTION, "timeout")
        assert await watcher.subjects() == EVERYTHING[:2]


async def test_garbage_instead_of_an_answer_keeps_what_had_arrived(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.replies["RETR 3"] = "I am a teapot"
        assert (await watcher.fails(account(server.port))).kind is Kind.PROTOCOL_ERROR
        assert await watcher.subjects() == EVERYTHING[:2]


async def test_a_message_that_the_server_will_not_hand_out_is_quarantined_and_the_others_come(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR 2"] = f"-ERR message of {JANE} is corrupt"
        settings = account(server.port)
        report = await watcher.watch(settings)
        assert report.progress is not None
        assert (report.stored, report.quarantined, report.progress.remaining) == (2, 1, 0)
        assert await watcher.ledger() == {"uid-1": "stored", "uid-2": "quarantined", "uid-3": "stored"}
        (reason,) = await watcher.column("select parse_error from messages where state = 'quarantined'")
        assert "is corrupt" in reason
        assert JANE not in reason
        watcher.clock = lambda: NOON + timedelta(minutes=59)
        await watcher.finds_nothing(settings)
        assert server.count("RETR") == 3
        server.replies.clear()
        watcher.clock = lambda: NOON + timedelta(minutes=61)
        assert (await watcher.watch(settings)).stored == 1
    assert sorted(await watcher.subjects()) == EVERYTHING[:3]
    assert set((await watcher.ledger()).values()) == {"stored"}


async def test_quarantined_messages_that_are_refused_again_are_nobodys_failure(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["RETR 2"] = server.replies["RETR 3"] = "-ERR message is corrupt"
        settings = account(server.port)
        assert (await watcher.watch(settings)).quarantined == 2
        watcher.clock = lambda: NOON + timedelta(hours=2)
        assert (await watcher.watch(settings)).quarantined == 2
        watcher.clock = lambda: NOON + timedelta(hours=7)  # after the second refusal it is left alone for six hours
        await watcher.finds_nothing(settings)
        assert server.count("RETR") == 5


async def test_a_server_that_hands_nothing_out_has_a_trouble_of_its_own(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.replies["RETR"] = "-ERR cannot open the store"
        failure = await watcher.fails(account(server.port))
        assert (failure.kind, failure.counts) == (Kind.SERVER_ERROR, None)
        assert await watcher.ledger() == {}
        server.replies.clear()
        assert (await watcher.watch(account(server.port))).stored == 5


async def test_a_limit_that_a_server_names_instead_of_a_message_is_about_the_mailbox(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5)) as server:
        server.replies["RETR 3"] = "-ERR Account exceeded command or bandwidth limits"
        assert (await watcher.fails(account(server.port))).kind is Kind.THROTTLED
        assert await watcher.ledger() == {"uid-1": "stored", "uid-2": "stored"}


async def test_a_message_over_the_limit_is_kept_by_reference_and_fetched_once_the_limit_allows(pool: Pool) -> None:
    watcher = Watcher(pool, worker=local_worker(max_message_bytes=2000))
    large = mail(2, size=5000)
    async with MailboxServer(password=PASSWORD, messages={"a": mail(1), "b": large, "c": mail(3)}) as server:
        report = await watcher.watch(account(server.port))
        assert (report.stored, report.quarantined) == (2, 1)
        assert server.retrieved == ["a", "c"]
        (kept,) = await watcher.rows("select uidl, size, sha256, parse_error from messages where state = 'quarantined'")
        assert (kept["uidl"], kept["size"], kept["sha256"]) == ("b", len(large), None)
        assert "MAILROOM_MAX_MESSAGE_BYTES" in kept["parse_error"]
        await watcher.finds_nothing(account(server.port))
        watcher.worker = local_worker(max_message_bytes=10_000)
        assert (await watcher.watch(account(server.port))).stored == 1
    assert await watcher.column("select raw from raw_messages where length(raw) > 2000") == [large]


async def test_a_message_larger_than_the_server_said_is_not_fetched_over_and_over(pool: Pool) -> None:
    watcher = Watcher(pool, worker=local_worker(max_message_bytes=2000), clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages={"a": mail(1, size=3000), "b": mail(2)}) as server:
        server.replies["LIST"] = "+OK\r\n1 100\r\n2 100\r\n."
        report = await watcher.watch(account(server.port))
        assert (report.stored, report.quarantined) == (1, 1)
        for minutes in range(5, 60, 5):
            watcher.clock = lambda minutes=minutes: NOON + timedelta(minutes=minutes)  # type: ignore[misc]  # a default has no type
            await watcher.finds_nothing(account(server.port))
        assert server.retrieved == ["a", "b"]


async def test_one_uidl_for_all_messages_loses_none(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.replies["UIDL"] = "+OK\r\n1 same\r\n2 same\r\n3 same\r\n."
        assert (await watcher.watch(account(server.port))).stored == 3
        await watcher.finds_nothing(account(server.port))
    assert await watcher.subjects() == EVERYTHING[:3]


async def test_a_uidl_that_is_used_again_for_another_message_brings_that_message_too(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages={"reused": mail(1)}) as server:
        await watcher.watch(account(server.port))
        server.messages["reused"] = mail(2, size=5000)
        assert (await watcher.watch(account(server.port))).stored == 1
        await watcher.finds_nothing(account(server.port))
        assert server.retrieved == ["reused", "reused"]
    stored = await watcher.rows("select uidl, message_id from messages order by id")
    assert [(row["uidl"], row["message_id"]) for row in stored] == [
        ("reused", "<1@example.org>"),
        ("reused", "<2@example.org>"),
    ]
    assert await watcher.column("select state from ledger where uidl = 'reused'") == ["stored", "stored"]


async def test_a_message_whose_size_changes_on_the_server_is_not_stored_twice(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        await watcher.watch(account(server.port))
        kept = await watcher.value("select sum(bytes) from accounts")
        server.messages["uid-1"] = b"Status: RO\r\n" + mail(1)
        report = await watcher.watch(account(server.port))
        assert (report.outcome, report.stored, report.more) == ("nothing_new", 0, False)
        assert server.retrieved == ["uid-1", "uid-2", "uid-1"], "only reading it tells that it is the same"
        await watcher.finds_nothing(account(server.port))
        assert len(server.retrieved) == 3, "and once is enough"
        assert await watcher.subjects() == ["message 1", "message 2"]
        assert await watcher.value("select sum(bytes) from accounts") == kept
        assert (await watcher.watch(account(server.port, after_store="delete"))).deleted == 2
        assert server.messages == {}


async def test_another_server_with_the_same_mail_doubles_nothing(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as old:
        await watcher.watch(account(old.port))
    moved = {f"new-{number}": mail(number) for number in range(1, 5)}
    async with MailboxServer(password=PASSWORD, messages=moved) as new:
        report = await watcher.watch(account(new.port, host="localhost"))
        assert (report.stored, report.total_stored) == (1, 4)
        await watcher.finds_nothing(account(new.port, host="localhost"))
    assert await watcher.subjects() == EVERYTHING[:4]


async def test_recent_mode_is_the_same_mailbox_under_a_marked_user_name(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        await watcher.watch(account(server.port))
        await watcher.finds_nothing(account(server.port, recent_mode=True))
        assert [line for line in server.commands if line.startswith("USER")] == [f"USER {JANE}", f"USER recent:{JANE}"]


async def test_a_secret_that_is_gone_suspends_by_its_kind_and_counts_nothing(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD) as server:
        failure = await watcher.fails(account(server.port, secret="vault:jane"))
        assert (failure.kind, failure.counts) == (Kind.CONFIGURATION, None)
        assert "no secret 'jane' in the vault" in failure.remedy
        assert server.connections == 0
    assert await watcher.column("select outcome from retrievals") == ["configuration"]


async def test_what_only_this_worker_lacks_is_no_failure_of_the_account(pool: Pool) -> None:
    watcher = Watcher(pool, environ={})
    async with MailboxServer(password=PASSWORD) as server:
        with pytest.raises(RuntimeError, match=SECRET):
            await watcher.watch(account(server.port))
        assert server.connections == 0
    assert await watcher.rows("select * from retrievals") == []

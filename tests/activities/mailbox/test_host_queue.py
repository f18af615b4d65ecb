"""Accounts that wait for a session with their host: never more than allowed, in turn, refused ones behind the others."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.mailbox.leases import Leases, NotNow
from domain.mailbox.settings import AccountSettings
from infra.database.pool import Pool, open_pool
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, BusyWatcher, Passwords, Watcher, account, local_worker, mailbox
from tests.support.services import as_owner

HOST = "pop.example.com"
FASTER = 5  # of every pause, in the tests that hold many sessions
COUNT_REFUSED = """
    create table seen (refused integer);
    grant all on seen to public;
    create function see() returns trigger language plpgsql as $$
    begin
        insert into seen select count(*) from leases join login_refusals using (address)
            where expires_at > clock_timestamp();
        return null;
    end $$;
    create trigger see after insert or update of token on leases for each row execute function see();
"""


async def execute(pool: Pool, statement: str, *values: Any) -> None:
    async with pool.connection() as connection:
        await connection.execute(statement.encode(), values or None)


async def waits(leases: Leases, name: str, host: str = HOST) -> NotNow | None:
    """Asks for a session and gives it back at once; what it was turned away with, if it was."""
    try:
        async with leases.hold(f"{name}@example.com", host):
            return None
    except NotNow as busy:
        return busy


async def refused(pool: Pool, name: str, *, refused_seconds_ago: float = 3600) -> None:
    await execute(
        pool,
        "insert into login_refusals values (%s, %s, clock_timestamp() - make_interval(secs => %s))",
        f"{name}@example.com",
        HOST,
        refused_seconds_ago,
    )


async def healthy(pool: Pool, name: str) -> None:
    await Watcher(pool).record(account(1, address=f"{name}@example.com", host=HOST))


async def test_a_place_that_becomes_free_goes_to_who_has_waited_longest(pool: Pool) -> None:
    one, two = Leases(pool, "worker-1", 1), Leases(pool, "worker-2", 1)
    async with one.hold("first@example.com", HOST):
        assert await waits(two, "second")
        assert await waits(one, "third")
    assert await waits(one, "fourth"), "the place is kept for the second, who comes within a moment"
    assert await waits(one, "third")
    assert await waits(two, "second") is None
    assert await waits(two, "fourth"), "now it is the third's turn"
    assert await waits(one, "third") is None
    assert await waits(two, "fourth") is None
    assert await Watcher(pool).rows("select * from session_queue") == []


async def test_nothing_is_kept_for_who_does_not_come_but_the_turn_is(pool: Pool) -> None:
    leases = Leases(pool, "worker-1", 1)
    async with leases.hold("first@example.com", HOST):
        assert await waits(leases, "second")
        assert await waits(leases, "third")
    await execute(
        pool,
        "update session_queue set again_at = clock_timestamp() - interval '20 seconds' where address = %s",
        "second@example.com",
    )
    async with leases.hold("third@example.com", HOST):
        assert await waits(leases, "fourth")
        assert await waits(leases, "second")
    assert await waits(leases, "fourth")
    assert await waits(leases, "second") is None


async def test_each_host_has_a_queue_of_its_own(pool: Pool) -> None:
    leases = Leases(pool, "worker-1", 1)
    async with leases.hold("first@example.com", HOST):
        assert await waits(leases, "second")
        assert await waits(leases, "second", "elsewhere.example.com") is None, "it has moved"
        assert await waits(leases, "third", "elsewhere.example.com") is None


async def test_one_refused_account_at_a_time_beside_neighbours_and_not_in_their_last_place(pool: Pool) -> None:
    await healthy(pool, "neighbour")
    for name in ("a", "b", "c"):
        await refused(pool, name)
    leases = Leases(pool, "worker-1", 3)
    async with AsyncExitStack() as held:
        await held.enter_async_context(leases.hold("a@example.com", HOST))
        busy = await waits(leases, "b")
        assert busy is not None
        assert "another account whose login was refused" in str(busy)
        await held.enter_async_context(leases.hold("neighbour@example.com", HOST))
        await held.enter_async_context(leases.hold("another@example.com", HOST))
    async with leases.hold("neighbour@example.com", HOST), leases.hold("another@example.com", HOST):
        assert await waits(leases, "c"), "the last place is its neighbours'"
        assert await waits(leases, "healthy") is None
        await execute(pool, "update session_queue set turn_at = turn_at - interval '2 minutes'")
        assert await waits(leases, "b") is None, "who has waited for a minute may have it: nobody waits for ever"


async def test_a_refused_login_keeps_the_next_refused_account_away_for_a_quarter_of_a_minute(pool: Pool) -> None:
    await healthy(pool, "neighbour")
    await refused(pool, "a", refused_seconds_ago=5)
    await refused(pool, "b")
    leases = Leases(pool, "worker-1", 8, minute_seconds=2400.0)
    most = await left_of_pause(pool, "a", seconds=600)
    busy = await waits(leases, "b")
    least = await left_of_pause(pool, "a", seconds=600)
    assert busy is not None
    assert "a login was refused" in str(busy)
    assert least <= busy.seconds <= most
    assert await waits(leases, "neighbour") is None
    assert await waits(Leases(pool, "worker-1", 8, minute_seconds=1.0), "b") is None, "in minutes of the settings"


async def left_of_pause(pool: Pool, name: str, *, seconds: float) -> float:
    """What is left now, by the database's clock, of a pause that began when the login of `name` was refused."""
    left = (
        "select extract(epoch from refused_at - clock_timestamp())::float + %s from login_refusals where address = %s"
    )
    return float(await Watcher(pool).value(left, seconds, f"{name}@example.com"))


async def test_refused_accounts_without_neighbours_do_not_wait_for_one_another(pool: Pool) -> None:
    for name in ("a", "b"):
        await refused(pool, name, refused_seconds_ago=0)
    leases = Leases(pool, "worker-1", 2)
    async with leases.hold("a@example.com", HOST):
        assert await waits(leases, "b") is None


async def in_turn(watcher: Watcher, settings: AccountSettings) -> ApplicationError | None:
    """Watches as Temporal does, in shorter pauses: once its turn has come. What it ended in, None for a report."""
    while True:
        try:
            await watcher.watch(settings)
            return None
        except ApplicationError as ended:
            if ended.type != "Waiting" or ended.next_retry_delay is None:
                return ended
            await asyncio.sleep(ended.next_retry_delay.total_seconds() / FASTER)


async def test_forty_five_accounts_of_two_workers_share_three_sessions_and_all_get_their_turn(
    pool: Pool, database_url: str
) -> None:
    other = await open_pool(database_url)
    try:
        async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
            server.pauses["STAT"] = 0.05  # long enough for a fourth session to be seen
            worker = local_worker(max_sessions_per_host=3)
            workers = (BusyWatcher(pool, worker, name="worker-1"), BusyWatcher(other, worker, name="worker-2"))
            accounts = [account(server.port, address=f"a{number}@example.com") for number in range(45)]
            for settings in accounts:
                await workers[0].record(settings)
            ended = await asyncio.gather(
                *(in_turn(workers[number % 2], settings) for number, settings in enumerate(accounts))
            )
            assert ended == [None] * 45
            assert server.most_sessions == 3
            assert server.logins == server.quits == 45, "who waits does not connect"
    finally:
        await other.close()
    counted = "select state, authentication_failures, connection_failures from accounts group by 1, 2, 3"
    assert await workers[0].rows(counted) == [
        {"state": "active", "authentication_failures": 0, "connection_failures": 0}
    ]
    assert await workers[0].column("select distinct type from account_events") == ["MessagesStored"]
    assert await workers[0].rows("select * from session_queue") == []
    assert await workers[0].rows("select * from leases") == []


async def test_beside_wrong_passwords_on_a_dovecot_that_punishes_them_all_healthy_accounts_get_their_mail(
    pool: Pool, dovecot_with_penalty: Dovecot
) -> None:
    server = dovecot_with_penalty
    async with await as_owner(pool) as connection:
        await connection.execute(COUNT_REFUSED)
    environ = Passwords({f"MAILROOM_SECRET_WRONG_{number}": f"wrong-{number}" for number in range(3)})
    # Minutes of two seconds: a refused account gives way for two, then it has its turn.
    watcher = BusyWatcher(pool, local_worker(max_sessions_per_host=3, minute_seconds=2.0), environ=environ)
    good = [account(server.port, address=f"good{number}@example.com") for number in range(4)]
    bad = [
        account(server.port, address=f"bad{number}@example.com", secret=f"env:MAILROOM_SECRET_WRONG_{number}")
        for number in range(3)
    ]
    for settings in good:
        server.add_user(settings.address, PASSWORD)
        server.deliver(settings.address, mailbox(1)["uid-1"])
        await watcher.record(settings)
    for settings in bad:
        server.add_user(settings.address, "right")
        await watcher.record(settings)
        await refused_before(pool, settings)
    ended = await asyncio.gather(*(in_turn(watcher, settings) for settings in (*bad, *good)))
    assert [error.type if error else None for error in ended] == ["authentication"] * 3 + [None] * 4
    assert max(await watcher.column("select refused from seen")) == 1
    assert await watcher.column("select count(*) from messages") == [4]
    assert await watcher.column("select address from login_refusals order by 1") == [one.address for one in bad]


async def refused_before(pool: Pool, settings: AccountSettings) -> None:
    await execute(
        pool,
        "insert into login_refusals values (%s, %s, clock_timestamp() - interval '1 hour')",
        settings.address,
        settings.incoming.host,
    )


async def test_an_accepted_password_ends_the_turns(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        settings = account(server.port)
        await watcher.watch(settings)
        server.password = "changed"
        await watcher.fails(settings)
        assert await watcher.column("select address from login_refusals") == [settings.address]
        server.password = PASSWORD
        server.replies["STAT"] = "-ERR [IN-USE] locked"
        await watcher.fails(settings)
        assert await watcher.column("select address from login_refusals") == []
        server.password = "changed"
        with pytest.raises(ApplicationError):
            await watcher.try_login(settings)
        assert await watcher.column("select address from login_refusals") == [settings.address]
        server.password = PASSWORD
        server.replies.clear()
        await watcher.try_login(settings)
        assert await watcher.column("select address from login_refusals") == []

"""What sessions tell of their host: one outage is recorded once, shown to whom it concerns, and ends once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.mailbox.settings import AccountSettings
from domain.retrieval.reports import HostOutage
from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, Watcher, account, local_worker, mailbox

HOST = "127.0.0.1"


@pytest.fixture
async def server() -> AsyncIterator[MailboxServer]:
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as running:
        yield running


@pytest.fixture
def watcher(pool: Pool) -> Watcher:
    return Watcher(pool, local_worker(minute_seconds=60.0))


async def accounts(watcher: Watcher, server: MailboxServer, count: int, *, first: int = 1) -> list[AccountSettings]:
    """Accounts of one host that have retrieved their mail."""
    made = [account(server.port, address=f"a{number}@example.com") for number in range(first, first + count)]
    for settings in made:
        await watcher.record(settings)
        await watcher.watch(settings)
    return made


async def fails(watcher: Watcher, settings: AccountSettings) -> HostOutage | None:
    """Watches; the session must fail. The outage that its failure is part of, as the workflow is told."""
    with pytest.raises(ApplicationError) as ended:
        await watcher.watch(settings, recovering=True)
    told = ended.value.details[1]["host_outage"]
    return HostOutage.model_validate(told) if told else None


async def outages(watcher: Watcher) -> list[dict[str, Any]]:
    return await watcher.rows("select * from host_outages order by began_at")


async def affected(watcher: Watcher) -> list[str]:
    return await watcher.column(
        'select address from accounts where host_outage_since is not null order by address collate "C"'
    )


async def test_the_third_account_that_cannot_reach_a_host_makes_it_an_outage_of_all_three(
    watcher: Watcher, server: MailboxServer
) -> None:
    first, second, third, fourth = await accounts(watcher, server, 4)
    await server.down()
    assert await fails(watcher, first) is None
    assert await fails(watcher, second) is None
    found = await fails(watcher, third)
    assert found is not None
    assert (found.host, found.accounts, found.of) == (HOST, 3, 4)
    (recorded,) = await outages(watcher)
    assert (recorded["host"], recorded["accounts"], recorded["cause"]) == (HOST, 3, "refused")
    assert recorded["began_at"] == found.since
    assert recorded["ended_at"] is None
    began = await watcher.value("select unreachable_since from mailboxes where address = %s", first.address)
    assert found.since == began, "since the first failure after the last success, not since it was recognised"
    assert await affected(watcher) == [one.address for one in (first, second, third)]

    again = await fails(watcher, fourth)
    assert again == HostOutage(host=HOST, since=found.since, accounts=4, of=4)
    assert await affected(watcher) == [one.address for one in (first, second, third, fourth)]
    assert [row["accounts"] for row in await outages(watcher)] == [4]


async def test_an_outage_is_one_entry_in_the_log_and_one_notice_and_so_is_its_end(
    watcher: Watcher, server: MailboxServer
) -> None:
    made = await accounts(watcher, server, 5)
    await server.down()
    for _ in range(2):
        for settings in made:
            await fails(watcher, settings)
    assert await watcher.events(f"host/{HOST}") == ["HostOutageBegan"]
    (notice,) = await watcher.rows("select * from notices")
    assert (notice["address"], notice["code"]) == (f"host/{HOST}", "host_outage")
    assert "3 of 5 accounts there do not reach it" in notice["text"]
    assert f'MailroomHost = "{HOST}" AND MailroomReason = "connection_failures"' in notice["remedy"]

    await server.up()
    for settings in made:
        await watcher.watch(settings, recovering=True)
    assert await watcher.events(f"host/{HOST}") == ["HostOutageBegan", "HostOutageEnded"]
    assert await watcher.column("select code from notices order by at") == ["host_outage", "host_back"]
    assert await watcher.rows("select * from verify_log(%s)", f"host/{HOST}") == []
    (recorded,) = await outages(watcher)
    assert recorded["ended_at"] > recorded["began_at"]
    assert recorded["accounts"] == 5


async def test_workers_that_see_the_same_outage_at_the_same_time_record_one(
    watcher: Watcher, server: MailboxServer
) -> None:
    made = await accounts(watcher, server, 8)
    await server.down()
    told = await asyncio.gather(*(fails(watcher, settings) for settings in made))
    assert sum(outage is not None for outage in told) == 5, "all but the first three, with whom it was less than half"
    assert len(await outages(watcher)) == 1
    assert await watcher.events(f"host/{HOST}") == ["HostOutageBegan"]


async def test_a_host_that_most_accounts_reach_is_not_out(watcher: Watcher, server: MailboxServer) -> None:
    await accounts(watcher, server, 4)
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as other:
        broken = await accounts(watcher, other, 3, first=5)
        await other.down()
        for settings in broken:
            assert await fails(watcher, settings) is None
    assert await outages(watcher) == []
    assert await affected(watcher) == []


async def test_failures_of_other_kinds_are_no_outage(watcher: Watcher, server: MailboxServer) -> None:
    made = await accounts(watcher, server, 3)
    server.replies["STAT"] = "-ERR [SYS/TEMP] internal error"
    for settings in made:
        assert await fails(watcher, settings) is None
    assert await outages(watcher) == []


async def test_accounts_that_nobody_looks_at_any_more_are_no_evidence(watcher: Watcher, server: MailboxServer) -> None:
    first, second, third, *disabled = await accounts(watcher, server, 7)
    for settings in disabled:
        await execute(
            watcher,
            "update accounts_recorded set state = 'disabled', reason = 'operator' where address = %s",
            settings.address,
        )
    await server.down()
    told = [await fails(watcher, settings) for settings in (first, second, third)]
    assert told[-1] is not None
    assert told[-1].of == 3


async def test_an_outage_ends_only_when_several_accounts_got_through_one_after_the_other(
    watcher: Watcher, server: MailboxServer
) -> None:
    made = await accounts(watcher, server, 6)
    await server.down()
    for settings in made:
        await fails(watcher, settings)
    await server.up()
    for settings in made[:2]:
        await watcher.watch(settings, recovering=True)
    await server.down()
    assert await fails(watcher, made[2]) is not None
    await server.up()
    for settings in made[2:4]:
        await watcher.watch(settings, recovering=True)
    assert await watcher.events(f"host/{HOST}") == ["HostOutageBegan"]
    await watcher.watch(made[4], recovering=True)
    assert await watcher.events(f"host/{HOST}") == ["HostOutageBegan", "HostOutageEnded"]


async def test_a_stray_failure_after_the_end_begins_no_new_outage(watcher: Watcher, server: MailboxServer) -> None:
    made = await accounts(watcher, server, 9)
    await server.down()
    for settings in made:
        await fails(watcher, settings)
    await server.up()
    for settings in made[:3]:
        await watcher.watch(settings, recovering=True)
    await server.down()
    assert await fails(watcher, made[0]) is None, "the six that have not looked since are no evidence"
    assert len(await outages(watcher)) == 1
    assert await affected(watcher) == []


async def test_accounts_that_the_outage_disabled_end_it_with_their_live_logins(
    watcher: Watcher, server: MailboxServer
) -> None:
    made = await accounts(watcher, server, 3)
    await server.down()
    for settings in made:
        await fails(watcher, settings)
    await execute(watcher, "update accounts_recorded set state = 'disabled', reason = 'connection_failures'")
    assert await affected(watcher) == [one.address for one in made]
    with pytest.raises(ApplicationError):
        await watcher.try_login(made[0])
    assert await watcher.events(f"host/{HOST}") == ["HostOutageBegan"]
    await server.up()
    await watcher.try_login(made[0])
    assert await watcher.events(f"host/{HOST}") == ["HostOutageBegan", "HostOutageEnded"]
    (back,) = await watcher.rows("select * from notices where code = 'host_back'")
    assert "3 accounts there are disabled" in back["text"]
    assert "--name enable" in back["remedy"]


async def execute(watcher: Watcher, statement: str, *values: Any) -> None:
    async with watcher.pool.connection() as connection:
        await connection.execute(statement.encode(), values or None)

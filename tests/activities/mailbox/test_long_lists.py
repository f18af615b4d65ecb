"""Statements that meet a large mailbox's list, or all of its mail, go by what they are about, however PostgreSQL plans them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncCursor

from activities.linking.lookups import FOLLOWERS
from activities.linking.threads import followers_of
from activities.mailbox import ledger, quarantine
from activities.mailbox.leases import Leases
from activities.mailbox.ledger import Ledger
from activities.mailbox.quarantine import Quarantine
from activities.mailbox.state import SessionRow
from domain.retrieval.outcome import Counts
from domain.retrieval.plan import Listed
from infra.database.pool import Pool
from tests.support.mailboxes import JANE, Watcher
from tests.support.services import as_owner

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MANY = 2000
FEW = 20
LISTED = [Listed(number=number, uidl=f"uid-{number}", occurrence=0, size=100) for number in range(1, MANY + 1)]
GONE = [Listed(number=0, uidl=f"gone-{number}", occurrence=0, size=100) for number in range(FEW)]
PLANS = pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How long the lists are that PostgreSQL is given with each statement, the longest of each."""
    lengths: list[int] = []
    execute = AsyncCursor.execute

    async def counted(self: Any, query: Any, values: Any = None, **options: Any) -> Any:
        given = values.values() if isinstance(values, dict) else values or ()
        lengths.extend(len(value) for value in given if isinstance(value, list | tuple | set))
        return await execute(self, query, values, **options)

    monkeypatch.setattr(AsyncCursor, "execute", counted)
    yield lengths
    assert max(lengths, default=0) <= FEW, (
        "the whole list went to PostgreSQL, which goes through it for each of the few"
    )


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in (ledger, quarantine):
        monkeypatch.setattr(part, "AT_ONCE", 7)
    monkeypatch.setattr(ledger, "ASKED_AT_ONCE", 18)


async def in_ledger(pool: Pool, state: str, *, asked: bool) -> None:
    """The whole list, of which the first is not there any more, and some that are not listed, in that state."""
    async with pool.connection() as connection:
        await connection.execute("insert into mailboxes (address, server_key) values (%s, 'jane')", [JANE])
        await connection.execute(
            """
            insert into pop_ledger (address, epoch, uidl, occurrence, state, size, deletion_asked_at)
            select %s, 1, uidl, 0, case when uidl like 'gone-%%' or n < 10 then %s else 'skipped' end, 100,
                case when uidl like 'gone-%%' or n < 10 then %s::timestamptz end
            from unnest(%s::text[]) with ordinality as listed (uidl, n)
            """,
            [JANE, state, NOW if asked else None, [one.uidl for one in LISTED + GONE]],
        )


def session() -> SessionRow:
    return SessionRow(id=uuid4(), address=JANE, started_at=NOW, worker="w")


async def test_what_a_server_disclaimed_is_compared_with_the_list_here(pool: Pool, sent: list[int]) -> None:
    disclaiming = Quarantine(pool)
    async with Leases(pool, "w", 10).hold(JANE, "host") as lease:
        await disclaiming.disclaim(lease, 1, LISTED[:3] + GONE[: FEW - 3])
        await disclaiming.disclaim(lease, 2, LISTED[5:6])
    still = await disclaiming.disclaimed(JANE, 1, {one.identity for one in LISTED})
    assert still == {one.identity for one in LISTED[:3]}
    assert await Watcher(pool).value("select count(*) from disclaimed") == 3, "the others are forgotten"
    assert sent


async def test_what_was_to_be_deleted_is_compared_with_the_list_here(pool: Pool, sent: list[int]) -> None:
    sent.clear()
    await in_ledger(pool, "stored", asked=True)
    sent.clear()  # what the test itself has put there
    async with Leases(pool, "w", 10).hold(JANE, "host") as lease:
        counts = await Ledger(pool).settle_deletions(lease, session(), 1, {one.identity for one in LISTED}, NOW)
    assert counts == Counts(deleted=FEW)
    assert await Watcher(pool).column("select distinct left(uidl, 4) from pop_ledger where state = 'deleted'") == [
        "gone"
    ]


async def test_what_was_deleted_is_compared_with_the_list_here(pool: Pool, sent: list[int]) -> None:
    await in_ledger(pool, "deleted", asked=False)
    sent.clear()  # what the test itself has put there
    async with Leases(pool, "w", 10).hold(JANE, "host") as lease:
        await Ledger(pool).note_deleted_ones_gone(lease, JANE, 1, {one.uidl for one in LISTED}, NOW)
    vanished = "select count(*) from pop_ledger where vanished_at is not null and uidl like 'gone-%%'"
    assert await Watcher(pool).value(vanished) == FEW
    assert await Watcher(pool).value("select count(*) from pop_ledger where vanished_at is not null") == FEW


async def test_what_is_in_quarantine_and_has_left_the_list_or_is_back_is_compared_with_it_here(
    pool: Pool, sent: list[int]
) -> None:
    await in_ledger(pool, "quarantined", asked=False)
    watcher, settling = Watcher(pool), Quarantine(pool)
    sent.clear()  # what the test itself has put there
    listed = {one.identity for one in LISTED}
    gone = "select count(*) from pop_ledger where vanished_at is not null and uidl like 'gone-%%'"
    async with Leases(pool, "w", 10).hold(JANE, "host") as lease:
        await settling.settle(lease, session(), 1, listed, NOW)
        assert await watcher.value(gone) == FEW
        assert await watcher.value("select count(*) from pop_ledger where vanished_at is not null") == FEW
        await settling.settle(lease, session(), 1, listed | {one.identity for one in GONE}, NOW)
    assert await watcher.value("select count(*) from pop_ledger where vanished_at is not null") == 0


async def test_what_is_asked_or_entered_for_all_of_a_list_is_a_part_of_it_at_a_time(
    pool: Pool, sent: list[int]
) -> None:
    """All at once held everybody else up for seconds, while it was written for PostgreSQL."""
    async with pool.connection() as connection:
        await connection.execute("insert into mailboxes (address, server_key) values (%s, 'jane')", [JANE])
    async with Leases(pool, "w", 10).hold(JANE, "host") as lease:
        await Ledger(pool).skip(lease, session(), 1, LISTED, NOW, complete=True)
    known = await Ledger(pool).entries(JANE, 1, {one.uidl for one in LISTED})
    assert known.keys() == {one.identity for one in LISTED}
    assert await Ledger(pool).envelopes(JANE, 1, [one.uidl for one in LISTED]) == {}
    assert max(sent) <= 18


@PLANS
@pytest.mark.parametrize("analysed", [False, True])
async def test_what_answers_messages_is_found_by_what_it_names_and_not_among_all_replies(
    pool: Pool, plans: str, analysed: bool
) -> None:
    async with await as_owner(pool) as connection:
        await connection.execute("insert into blobs values (sha256(''), 0, '')")
        await connection.execute(
            """
            insert into mail (address, uidl, message_id, folder, size, sha256, state, in_reply_to)
            select %s, n::text, '<' || n || '@example.org>', 'Inbox', 0, sha256(''), 'stored',
                case when n > 1 then array['<' || n - 1 || '@example.org>'] else '{}' end
            from generate_series(1, %s::integer) n
            """,
            [JANE, MANY],
        )
        if analysed:
            await connection.execute("analyze mail")
        ids = [row[0] for row in await (await connection.execute("select id from mail order by id")).fetchall()]
        given = {"messages": ids[:-100], "most": MANY, "after": 0}
        await connection.execute(f"set plan_cache_mode = {plans}".encode())
        assert await followers_of(connection, ids[-200:-100], MANY) == ids[-100:]
        planned = await connection.execute("explain (analyze, timing off, format json) " + FOLLOWERS, given)
        row = await planned.fetchone()
        await connection.execute("reset plan_cache_mode")
    assert row is not None
    assert "Rows Removed by Join Filter" not in json.dumps(row[0])
    assert "mail_expr_idx" in json.dumps(row[0])

"""`mailroom accounts`, `status`, `log` and the lists of one account."""

from __future__ import annotations

import io
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from console.accounts import accounts, log, refused
from console.lists import filters, folders, notices, quarantine
from console.reading import reading
from console.terminal import Terminal, shown, size
from domain.core.refusal import Refused
from infra.database.pool import Pool
from tests.support.console import Asking, retrieved, written
from tests.support.mailboxes import JANE

ALL: dict[str, Any] = {"failing": False, "closed": False, "state": None, "host": None, "after": "", "most": 200}


@pytest.fixture
async def asking(pool: Pool, database_url: str) -> Asking:
    await retrieved(pool, written("x", "text"))
    await retrieved(pool, written("y", "text"), address="bob@example.com")
    return Asking(database_url)


async def fail(pool: Pool, address: str, *, remedy: str) -> None:
    """As it is after three refused passwords."""
    async with pool.connection() as connection:
        await connection.execute(
            "update accounts_recorded set authentication_failures = 3 where address = %s", [address]
        )
        await connection.execute(
            """
            select append_event(%s, gen_random_uuid(), now(), 'RetrievalFailed', jsonb_build_object(
                'failure', jsonb_build_object('kind', 'authentication', 'remedy', %s::text, 'server_said', 'no such login')
            ), 'mailroom', null, null)
            """,
            [address, remedy],
        )


async def test_every_account_is_there_and_only_what_fails_has_something_to_do(asking: Asking, pool: Pool) -> None:
    await fail(pool, JANE, remedy="Store the new password.")
    said = await asking.says(accounts, **ALL)
    jane, bob = (next(line for line in said.splitlines() if line.startswith(name)) for name in (JANE, "bob@"))
    assert "3 of 10 authentication" in jane
    assert jane.endswith("Store the new password.")
    assert "password" not in bob
    failing = await asking.says(accounts, **(ALL | {"failing": True}))
    assert JANE in failing
    assert "bob@" not in failing


async def test_where_nothing_fails_that_is_said(asking: Asking) -> None:
    assert "no account fails" in await asking.says(accounts, **(ALL | {"failing": True}))


async def test_a_page_says_where_the_next_one_begins(asking: Asking) -> None:
    assert "there are more: --after bob@example.com" in await asking.says(accounts, **(ALL | {"most": 1}))
    rest = await asking.answers(accounts, **(ALL | {"after": "bob@example.com"}))
    assert [row["name"] for row in rest["accounts"]] == [JANE]


async def test_the_log_is_in_its_order_with_who_did_what(asking: Asking, pool: Pool) -> None:
    await fail(pool, JANE, remedy="x")
    said = await asking.says(log, JANE, before=None, most=50)
    types = [next(word for word in line.split() if word[0].isupper()) for line in said.splitlines()[1:]]
    assert types == ["AccountConnected", "MessagesStored", "RetrievalFailed"]
    assert "authentication: no such login" in said
    page = await asking.answers(log, JANE, before=3, most=1)
    assert [event["version"] for event in page["events"]] == [2]
    assert page["more"]


@pytest.mark.parametrize("part", [filters, folders])
async def test_an_address_that_is_no_account_is_refused_in_words(asking: Asking, part: Any) -> None:
    with pytest.raises(Refused, match=r"there is no account nobody@example\.org"):
        await asking.says(part, "nobody@example.org")
    with pytest.raises(Refused, match="the log has nothing of crm/nothing"):
        await asking.says(log, "crm/nothing", before=None, most=5)


async def test_the_lists_say_so_where_there_is_nothing(asking: Asking) -> None:
    assert "has no filters" in await asking.says(filters, JANE)
    assert "nothing is in quarantine" in await asking.says(quarantine, None, most=5)
    assert "nobody was told" in await asking.says(notices, None, most=5)
    assert "Inbox" in await asking.says(folders, JANE)


async def test_a_filter_is_told_in_words(asking: Asking, pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            """
            insert into account_filters (address, name, position, match, conditions, actions, enabled, version)
            values (
                %s, 'offers', 1, 'all', '[{"field": "subject", "op": "contains", "value": "offer"}]',
                '[{"move": "Offers"}]', true, 1
            )
            """,
            [JANE],
        )
    said = await asking.says(filters, JANE)
    assert "subject contains offer" in said
    assert "move Offers" in said


async def test_reading_changes_nothing(database_url: str) -> None:
    import psycopg

    async with reading({"DATABASE_URL": database_url}) as reader:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await reader.rows("delete from account_filters")


async def test_a_database_without_mailroom_is_said_to_be_that(database_url: str) -> None:
    with pytest.raises(Refused, match="start a worker"):
        async with reading({"DATABASE_URL": database_url}) as reader:
            await reader.rows("select * from no_such_view")


def test_a_narrow_terminal_without_utf_8_shows_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tty(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("LINES", "25")
    monkeypatch.setenv("TERM", "dumb")
    buffer = io.BytesIO()
    terminal = Terminal(Tty(buffer, encoding="ascii", write_through=True))
    terminal.table(
        [{"a": "Grüße " * 10, "b": "end"}], [("a", lambda row: row["a"]), ("b", lambda row: row["b"])], empty=""
    )
    said = buffer.getvalue().decode("ascii")
    assert max(map(len, said.replace("\\xfc", "ü").replace("\\xdf", "ß").splitlines())) <= 30
    assert said.count("\\xfc") == 10


def test_values_are_shown_in_one_line() -> None:
    assert [shown(value) for value in (None, [], True, False, "a\nb\x1b", ["a", "b"], 0)] == [
        "", "", "yes", "", "a\\nb\\u001b", "a, b", "0"
    ]  # fmt: skip
    assert [size(count) for count in (0, 999, 1234, 5_000_000)] == ["0 B", "999 B", "1.2 kB", "5.0 MB"]


async def test_set_ups_that_were_refused_are_listed_until_one_works(asking: Asking, pool: Pool) -> None:
    assert "no set-up was refused" in await asking.says(refused, most=10)
    event = "select append_event(%s, gen_random_uuid(), now(), %s, %s, 'mailroom', null, null)"
    failure = {"failure": {"kind": "authentication", "remedy": "Store the secret again.", "server_said": "-ERR no"}}
    async with pool.connection() as connection:
        for address, kind in (
            ("eve@example.com", "SetUpRefused"),
            ("eve@example.com", "SetUpRefused"),
            ("joe@example.com", "SetUpRefused"),
            ("joe@example.com", "AccountConnected"),
            ("crm/sales", "CrmSetUpRefused"),
        ):
            await connection.execute(event, [address, kind, Jsonb(failure if kind != "AccountConnected" else {})])
    answer = await asking.answers(refused, most=10)
    assert sorted(one["name"] for one in answer["refused"]) == ["crm/sales", "eve@example.com"]
    said = await asking.says(refused, most=10)
    assert "Store the secret again." in said
    assert "joe@example.com" not in said

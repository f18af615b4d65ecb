"""The views that people query (docs/reference.md): their columns, and the shape of what is in them."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from temporalio.testing import ActivityEnvironment

from activities.account import Recorder
from activities.mailbox.state import Mailboxes
from domain.account.lifecycle import State
from domain.core.log_event import LoggedEvent, Notice
from infra.database.pool import Pool
from infra.dev.embedded_postgres import binaries
from tests.servers.scripted_pop import MailboxServer
from tests.support.directory import save_record
from tests.support.filing import Jane
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mailbox, recorded
from tests.support.services import Services, as_owner
from workflows.contract import RecordRequest

VIEWS = {
    "account_events": "address version event_id at type data actor workflow_id run_id previous_hash hash",
    "accounts": (
        "address organisation state reason host authentication_failures connection_failures messages bytes on_server "
        "remaining eta last_checked_at last_success_at next_attempt_at rate quarantined "
        "host_outage_since unwatched"
    ),
    "messages": (
        "id address uidl message_id folder from_address subject sent_at stored_at size sha256 state parse_error"
    ),
    "raw_messages": "id raw",
    "correspondence": (
        "id message address crm record_kind record_id direction matched_address evidence linked_at unlinked_at"
    ),
    "retrievals": "address started_at finished_at stored skipped deleted bytes outcome worker",
    "ledger": "address epoch uidl state size first_seen_at stored_at deleted_at vanished_at reason",
    "warnings": "address code facts",
    "quarantine": "address epoch uidl occurrence size reason attempts first_seen_at retry_at message",
    "directory": "crm record_kind record_id name addresses",
    "folders": "address name own messages unseen",
    "refilings": "run address message before after",
    "notices": "id address at code text remedy delivered_at",
}
TABLES = (
    "select table_name from information_schema.tables where table_schema = 'mailroom' and table_type = 'BASE TABLE'"
)
MOMENTS = ("at", "last_checked_at", "last_success_at", "sent_at", "stored_at", "linked_at", "started_at", "finished_at")


async def told_and_retrieved(pool: Pool) -> Watcher:
    """An account with mail, a link, a notice, a quarantined message and a warning."""
    watcher = Watcher(pool)
    await save_record(pool, "contact", "c1", "anna@example.org")
    async with MailboxServer(password=PASSWORD, messages=mailbox(3)) as server:
        server.capabilities.append("EXPIRE 30")
        server.replies["RETR 2"] = "-ERR corrupt"
        settings = account(server.port, crm=("builtin",))
        connected = LoggedEvent(
            event_id=uuid4(), at=datetime.now(UTC), type="AccountConnected", actor="ops", data={"host": server.host}
        )
        request = RecordRequest(
            address=JANE,
            events=[connected],
            notices=[Notice(code="disabled", text="It is disabled.", remedy="Enable it.")],
            account=recorded(settings),
        )
        await ActivityEnvironment().run(Recorder(pool).record, request)
        await watcher.watch(settings)
    (message, *_) = await watcher.column("select id from messages where state = 'stored' order by id")
    await Jane(pool, settings).commands("label_messages", messages=[message], add=["seen to"])
    return watcher


def contents(url: str, tables: list[str]) -> dict[str, list[str]]:
    with psycopg.connect(url) as connection:
        return {
            table: [row for (row,) in connection.execute(f"select t::text from mailroom.{table} t order by 1".encode())]
            for table in tables
        }


def bring_back(source: str, target: str) -> None:
    dump = subprocess.run([binaries() / "pg_dump", source], stdout=subprocess.PIPE, check=True).stdout
    psql = [str(binaries() / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", target]
    subprocess.run(psql, input=dump, stdout=subprocess.DEVNULL, check=True)


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_has_its_columns_and_is_empty_at_first(pool: Pool, view: str) -> None:
    watcher = Watcher(pool)
    columns = await watcher.column(
        "select column_name from information_schema.columns where table_schema = 'mailroom' and table_name = %s", view
    )
    assert set(VIEWS[view].split()) <= set(columns)
    assert await watcher.rows(f"select {', '.join(VIEWS[view].split())} from mailroom.{view}") == []


@pytest.mark.parametrize("view", VIEWS)
async def test_times_in_a_view_are_moments_of_now(pool: Pool, view: str) -> None:
    watcher = await told_and_retrieved(pool)
    rows = await watcher.rows(f"select * from {view}")
    assert rows
    for row in rows:
        for column in MOMENTS:
            if (moment := row.get(column)) is not None:
                assert moment.utcoffset() == timedelta(0)
                assert column == "sent_at" or abs(datetime.now(UTC) - moment) < timedelta(minutes=10)


async def test_views_and_functions_answer_a_role_that_works_whatever_its_search_path(pool: Pool) -> None:
    await told_and_retrieved(pool)
    async with await psycopg.AsyncConnection.connect(str(pool.conninfo)) as connection:
        await connection.execute("set search_path = ''")
        for view in VIEWS:
            assert await (await connection.execute(f"select * from mailroom.{view}".encode())).fetchall()
        found = await connection.execute("select name from mailroom.complete(%s, 'lind')", [JANE])
        assert await found.fetchall() == [("Anna Lind",)]
        assert await (await connection.execute("select * from mailroom.verify_log(%s)", [JANE])).fetchall() == []


async def test_a_backup_is_brought_back_whole(pool: Pool, services: Services) -> None:
    await told_and_retrieved(pool)
    async with await as_owner(pool) as connection:
        tables = [name for (name,) in await (await connection.execute(TABLES)).fetchall()]
    source = services.owned(str(pool.conninfo).rpartition("/")[2])
    name = f"restored_{uuid4().hex}"
    with psycopg.connect(services.postgres, autocommit=True) as server:
        server.execute(f"create database {name}".encode())
        try:
            await asyncio.to_thread(bring_back, source, services.owned(name))
            assert contents(services.owned(name), tables) == contents(source, tables)
        finally:
            server.execute(f"drop database {name} with (force)".encode())


async def test_a_logged_event_is_json_with_a_chained_hash(pool: Pool) -> None:
    watcher = await told_and_retrieved(pool)
    first, second, _ = await watcher.rows("select * from account_events order by version")
    assert [row["version"] for row in (first, second)] == [1, 2]
    assert [row["type"] for row in (first, second)] == ["AccountConnected", "MessagesStored"]
    assert (first["actor"], second["actor"]) == ("ops", "worker-1")
    assert first["data"] == {"host": "127.0.0.1"}
    assert second["previous_hash"] == first["hash"]
    assert len(second["hash"]) == 32
    assert isinstance(first["event_id"], UUID)
    assert first["workflow_id"]
    assert first["run_id"]


async def test_a_message_leads_to_its_bytes_its_record_and_its_ledger_entry(pool: Pool) -> None:
    watcher = await told_and_retrieved(pool)
    rows = await watcher.rows(
        """
        select m.uidl, m.size, sha256(r.raw) = m.sha256 as same, length(r.raw) = m.size as whole, c.record_id, d.name,
            l.state
        from messages m join raw_messages r using (id) join correspondence c on c.message = m.id
            join directory d using (crm, record_kind, record_id) join ledger l on (l.address, l.uidl) = (m.address, m.uidl)
        order by m.id
        """
    )
    assert [(row["uidl"], row["record_id"], row["name"], row["state"]) for row in rows] == [
        ("uid-1", "c1", "Anna Lind", "stored"),
        ("uid-3", "c1", "Anna Lind", "stored"),
    ]
    assert all(row["same"] and row["whole"] for row in rows)
    assert await watcher.column("select state from messages order by uidl") == ["stored", "quarantined", "stored"]


async def test_a_notice_says_what_happened_and_what_to_do(pool: Pool) -> None:
    watcher = await told_and_retrieved(pool)
    (notice,) = await watcher.rows("select * from notices")
    assert (notice["code"], notice["text"], notice["remedy"]) == ("disabled", "It is disabled.", "Enable it.")
    assert notice["delivered_at"] is None


async def test_events_recorded_again_after_a_lost_answer_are_recorded_once(pool: Pool) -> None:
    event = LoggedEvent(event_id=uuid4(), at=datetime.now(UTC), type="AccountDisabled", actor="ops", data={})
    request = RecordRequest(
        address=JANE,
        events=[event],
        notices=[Notice(code="disabled", text="t", remedy="r")],
        account=recorded(account(995, tls="implicit")),
    )
    for _ in range(2):
        assert await ActivityEnvironment().run(Recorder(pool).record, request) == 1
    watcher = Watcher(pool)
    for view in "account_events", "notices", "accounts":
        assert await watcher.value(f"select count(*) from {view}") == 1


@pytest.mark.parametrize("state", [State.DISABLED, State.CLOSED])
async def test_an_account_that_is_out_of_service_has_no_next_attempt(pool: Pool, state: State) -> None:
    watcher = await told_and_retrieved(pool)
    assert await watcher.value("select next_attempt_at is not null from accounts")
    settings = account(995, tls="implicit")
    request = RecordRequest(
        address=JANE, events=[], notices=[], account=recorded(settings).model_copy(update={"state": state})
    )
    await ActivityEnvironment().run(Recorder(pool).record, request)
    (shown,) = await watcher.rows("select state, next_attempt_at, messages from accounts")
    assert shown == {"state": state, "next_attempt_at": None, "messages": 2}


async def test_after_a_failure_the_next_attempt_is_the_wait_and_not_what_the_last_success_had_planned(
    pool: Pool,
) -> None:
    watcher = await told_and_retrieved(pool)
    planned = await watcher.value("select next_attempt_at from accounts")
    assert isinstance(planned, datetime)
    soon = planned - timedelta(milliseconds=1)
    await Mailboxes(pool, 1).tried(JANE, datetime.now(UTC))
    failed = recorded(account(995, tls="implicit")).model_copy(update={"next_attempt_at": soon})
    request = RecordRequest(address=JANE, events=[], notices=[], account=failed)
    await ActivityEnvironment().run(Recorder(pool).record, request)
    assert await watcher.value("select next_attempt_at from accounts") == soon

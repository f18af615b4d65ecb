"""`Reconcile` on Dovecot: what it proves of a healthy account, and that each kind of damage is found and named."""

from __future__ import annotations

import asyncio
import secrets
from itertools import pairwise

import pytest

from domain.account.lifecycle import State
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom, refusal, until
from tests.support.workflows.reconciling import SELDOM, differences, on_a_scripted_server, on_dovecot, reconcile

A_BLOB = "(select sha256 from mail where address = :address order by id limit 1)"
A_MESSAGE = "(select id from mail where address = :address order by id limit 1)"


@pytest.mark.requirement("R43", "R52")
async def test_a_healthy_account_is_complete_and_says_how_much_was_compared(
    mailroom: Mailroom, dovecot: Dovecot
) -> None:
    case = await on_dovecot(mailroom, dovecot, 5)
    size = sum(len(body) for body in await case.bodies())
    before = await case.account.log()
    report = await case.report()
    assert report["complete"] is True, report["summary"]
    assert differences(report) == {}
    assert report["server"] == {"compared": True, "reason": None, "failure": None, "on_server": 5, "bytes": size}
    assert report["ledger"] == {"stored": 5, "skipped": 0, "quarantined": 0, "deleted": 0}
    assert (report["messages"], report["bytes"]) == (5, size)
    assert report["blobs"] == {"checked": 5, "bytes": size}
    assert (report["log"]["told"], report["log"]["broken"]) == (5, None)
    assert report["ordinary"] == {"waiting": 0, "quarantined": 0, "skipped": 0, "no_longer_listed": 0}
    assert report["repair"] is None
    assert report["summary"].startswith(f"{case.address} is complete. 5 messages of {size:,} bytes are stored")
    assert await case.account.log() == before
    assert dovecot.count(case.address) == 5


async def test_mail_that_came_since_the_last_look_waits_and_is_no_fault(mailroom: Mailroom, dovecot: Dovecot) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    dovecot.deliver(case.address, mail(3))
    report = await case.report()
    assert report["complete"] is True
    assert report["ordinary"]["waiting"] == 1
    assert "1 waits on the server for the next session" in report["summary"]


async def test_it_says_no_more_to_the_server_than_that_it_wants_the_lists(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1), "two": mail(2)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        before = len(server.commands)
        assert (await case.report())["complete"] is True
        said = [line.split()[0] for line in server.commands[before:]]
    assert said == ["CAPA", "USER", "PASS", "CAPA", "STAT", "UIDL", "LIST", "QUIT"]


async def test_messages_that_were_deleted_from_the_server_are_stored_and_accounted_for(
    mailroom: Mailroom, dovecot: Dovecot
) -> None:
    case = await on_dovecot(mailroom, dovecot, 4, retrieval={**SELDOM, "after_store": "delete"})
    await case.account.until_logged("MessagesDeletedOnServer")
    report = await case.report()
    assert report["complete"] is True, report["summary"]
    assert report["ledger"]["deleted"] == 4
    assert report["server"]["on_server"] == 0
    assert report["blobs"]["checked"] == 4


async def test_a_message_that_was_to_be_deleted_and_is_still_listed_is_named(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"stays": mail(1)}) as server:
        server.keeps_deleted = True
        case = await on_a_scripted_server(mailroom, server)
        await case.damage("update pop_ledger set state = 'deleted', deleted_at = now() where address = :address")
        report = await case.report()
    assert report["complete"] is False
    assert differences(report) == {"deleted_but_listed": 1}
    assert report["differences"]["deleted_but_listed"]["first"][0]["uidl"] == "stays"


async def test_skipped_and_quarantined_messages_are_counted_as_such(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"old": mail(1)}) as server:
        account = await mailroom.connect(server, retrieval={**SELDOM, "start": "from_now"})
        await account.until_logged("MessagesSkipped")
        server.messages["withheld"] = mail(2)
        server.messages["taken"] = mail(3)
        server.replies["RETR 2"] = "-ERR this message cannot be read"
        await account.command("poll_now")
        handle = await reconcile(mailroom, {"address": account.address})
        report = await handle.result()
    assert report["complete"] is True, report["summary"]
    assert report["ordinary"] == {"waiting": 0, "quarantined": 1, "skipped": 1, "no_longer_listed": 0}
    assert "1 is in quarantine; 1 is skipped, by the settings or by skip_message" in report["summary"]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (f"update blobs set raw = 'other bytes' where sha256 = {A_BLOB}", "differs"),
        (f"update blobs set raw = '' where sha256 = {A_BLOB}", "differs"),
        (f"update blobs set raw = raw || '\\x00'::bytea where sha256 = {A_BLOB}", "differs"),
        (f"delete from blobs where sha256 = {A_BLOB}", "lost"),
    ],
)
async def test_lost_or_damaged_bytes_are_found_by_their_hash(
    mailroom: Mailroom, dovecot: Dovecot, statement: str, problem: str
) -> None:
    case = await on_dovecot(mailroom, dovecot, 3)
    first, *_ = await case.ids()
    await case.damage(statement)
    report = await case.report()
    assert report["complete"] is False
    assert differences(report) == {"damaged": 1}
    (shown,) = report["differences"]["damaged"]["first"]
    assert (shown["id"], shown["problem"]) == (first, problem)
    assert "1 message has lost or damaged bytes" in report["summary"]


@pytest.mark.parametrize(
    ("size", "statement"),
    [
        (3_000_000, "update blobs set raw = set_byte(raw, size::int - 1, 7)"),
        (9_000_000, "update blob_chunks set data = set_byte(data, 0, 7) where position = 8"),
        (9_000_000, "update blob_chunks set position = 100 where position = 3"),
        (9_000_000, "delete from blob_chunks where position = 5"),
    ],
)
async def test_damage_anywhere_in_a_large_message_is_found_and_mended(
    mailroom: Mailroom, size: int, statement: str
) -> None:
    large = mail(1, size=size) + secrets.token_bytes(size // 10).hex().encode() + b"\r\n"
    async with MailboxServer(messages={"large": large}) as server:
        case = await on_a_scripted_server(mailroom, server)
        report = await case.report()
        assert report["complete"] is True
        assert report["blobs"] == {"checked": 1, "bytes": len(large)}
        await case.damage(statement)
        assert differences(await case.report()) == {"damaged": 1}
        assert (await case.report(repair=True))["complete"] is True
    assert await case.bodies() == [large]
    assert len(await case.rows("select chunks from uploads")) == len(
        await case.rows("select chunks from blobs where chunks is not null")
    )


async def test_bytes_that_somebody_restored_are_whole_again(mailroom: Mailroom, dovecot: Dovecot) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    await case.damage(f"update blobs set raw = raw || 'x' where sha256 = {A_BLOB}")
    assert (await case.report())["complete"] is False
    await case.damage(f"update blobs set raw = substring(raw for size::int) where sha256 = {A_BLOB}")
    assert (await case.report())["complete"] is True
    assert await case.rows("select * from damaged_blobs") == []


async def test_a_message_whose_row_is_gone_is_named_by_ledger_and_log(mailroom: Mailroom, dovecot: Dovecot) -> None:
    case = await on_dovecot(mailroom, dovecot, 3)
    first, *_ = await case.ids()
    await case.damage(f"delete from mail where id = {A_MESSAGE}")
    report = await case.report()
    assert differences(report) == {"stored_without_mail": 1, "told_but_missing": 1, "counters": 2}
    assert report["differences"]["stored_without_mail"]["first"][0]["mail"] == first
    assert report["differences"]["told_but_missing"]["first"] == [{"id": str(first)}]


async def test_a_message_that_no_ledger_entry_knows_is_named(mailroom: Mailroom, dovecot: Dovecot) -> None:
    case = await on_dovecot(mailroom, dovecot, 3)
    first, *_ = await case.ids()
    await case.damage(f"delete from pop_ledger where mail = {A_MESSAGE}")
    report = await case.report()
    assert differences(report) == {"unknown_to_ledger": 1, "unknown_on_server": 1}
    assert report["differences"]["unknown_to_ledger"]["first"][0]["id"] == first
    assert report["differences"]["unknown_on_server"]["first"][0]["number"] == 1


async def test_a_message_that_the_log_never_told_is_named(mailroom: Mailroom, dovecot: Dovecot) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    await case.damage(
        "insert into mail (address, uidl, folder, size, sha256, state) "
        "select address, 'smuggled', folder, size, sha256, state from mail where address = :address limit 1"
    )
    assert differences(await case.report()) == {"untold": 1, "unknown_to_ledger": 1, "counters": 2}


@pytest.mark.parametrize(
    ("statement", "counter"),
    [
        ("update mailboxes set messages = messages + 7 where address = :address", "accounts.messages"),
        ("update mailboxes set bytes = 1 where address = :address", "accounts.bytes"),
        ("update sessions set stored = stored - 1 where address = :address", "retrievals.stored"),
        ("update sessions set bytes = 0 where address = :address", "retrievals.bytes"),
        ("delete from sessions where address = :address", "retrievals.stored"),
    ],
)
async def test_counters_that_differ_from_what_they_count_are_named(
    mailroom: Mailroom, dovecot: Dovecot, statement: str, counter: str
) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    await case.damage(statement)
    report = await case.report()
    assert set(differences(report)) == {"counters"}
    assert counter in [one["counter"] for one in report["differences"]["counters"]["first"]]


@pytest.mark.parametrize(
    ("statement", "version"),
    [
        ("update log set actor = 'somebody' where address = :address and version = 1", 1),
        ("delete from log where address = :address and version = 2", 2),
        (
            """update log set data = '{"messages": "none", "count": []}' where address = :address and version = 2""",
            2,
        ),
    ],
)
async def test_a_broken_log_is_named_with_its_first_broken_version(
    mailroom: Mailroom, dovecot: Dovecot, statement: str, version: int
) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    await case.damage(statement)
    report = await case.report()
    assert report["complete"] is False
    assert report["log"]["broken"]["version"] == version
    assert f"the log is broken at version {version}" in report["summary"]


async def test_hundreds_of_differences_are_counted_and_only_the_first_are_listed(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={f"uid-{number}": mail(number) for number in range(130)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        await case.damage("update blobs set raw = 'lost'")
        report = await case.report()
    damaged = report["differences"]["damaged"]
    assert damaged["count"] == 130
    assert [one["id"] for one in damaged["first"]] == (await case.ids())[:100]


async def test_an_account_that_is_disabled_or_closed_is_compared_without_its_server(
    mailroom: Mailroom, dovecot: Dovecot
) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    await case.account.command("disable", by="ops")
    logins = dovecot.logins(case.address)
    report = await case.report()
    assert report["complete"] is None
    assert report["server"]["compared"] is False
    assert report["summary"].startswith(f"{case.address} was not compared with its server: the account is disabled; ")
    await case.account.command("close", by="ops")
    await case.damage(f"delete from blobs where sha256 = {A_BLOB}")
    report = await case.report(repair=True)
    assert differences(report) == {"damaged": 1}
    assert report["repair"]["not_repairable"] == 1
    assert dovecot.logins(case.address) == logins


async def test_a_disabled_account_is_compared_by_one_login_where_that_is_asked_for(
    mailroom: Mailroom, dovecot: Dovecot
) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    await case.account.command("disable", by="ops")
    logins = dovecot.logins(case.address)
    for number in range(3, 8):
        dovecot.deliver(case.address, mail(number))
    report = await case.report(ask_server=True)
    assert (report["server"]["compared"], report["server"]["on_server"]) == (True, 7)
    assert (report["complete"], report["ordinary"]["waiting"]) == (False, 5)
    assert dovecot.logins(case.address) == logins + 1
    status = await case.account.status()
    assert (status.state, status.failures.authentication) == (State.DISABLED, 0)
    assert await case.account.log("RetrievalFailed") == []


async def test_asking_a_disabled_account_s_server_counts_nothing_where_the_login_is_refused(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        await case.account.command("disable", by="ops")
        server.password = "changed"
        report = await case.report(ask_server=True)
        status = await case.account.status()
    assert (report["complete"], report["server"]["failure"]["kind"]) == (None, "authentication")
    assert (status.state, status.failures.authentication) == (State.DISABLED, 0)


async def test_a_server_without_uidl_is_not_compared_and_nothing_is_claimed(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        server.capabilities.remove("UIDL")
        server.replies["UIDL"] = "-ERR unknown command"
        case = await on_a_scripted_server(mailroom, server)
        report = await case.report()
    assert (report["complete"], report["server"]["compared"], differences(report)) == (None, False, {})
    assert "it has no UIDL" in report["summary"]


async def test_a_server_that_fails_is_in_the_report_and_counts_against_nobody(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        server.password = "changed"
        report = await case.report()
        status = await case.account.status()
    failure = report["server"]["failure"]
    assert (failure["kind"], failure["counts"]) == ("authentication", None)
    assert (report["server"]["compared"], report["complete"]) == (False, None)
    assert report["blobs"]["checked"] == 1
    assert differences(report) == {}
    assert "is not proven complete; what is stored here is whole" in report["summary"]
    assert status.failures.authentication == 0
    assert status.state is State.ACTIVE
    assert await case.account.log("RetrievalFailed") == []


async def test_it_waits_for_a_session_that_runs_and_sees_what_that_has_stored(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"uid-1": mail(1)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        server.locks = True
        server.messages |= {f"uid-{number}": mail(number) for number in range(2, 22)}
        server.pauses["RETR"] = 0.05
        polling = asyncio.create_task(case.account.command("poll_now"))
        await until(case.account.has_a_session, "a session")
        report = await case.report()
        await polling
    assert report["complete"] is True, report["summary"]
    assert (report["server"]["on_server"], report["messages"], report["blobs"]["checked"]) == (21, 21, 21)
    assert report["ordinary"]["waiting"] == 0
    assert server.most_sessions == 1


async def test_a_session_waits_while_the_lists_are_compared(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"uid-1": mail(1)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        server.locks = True
        server.messages["uid-2"] = mail(2)
        server.pauses["UIDL"] = 0.5
        reconciling = asyncio.create_task(case.report())
        await until(case.account.has_a_session, "a session")
        answer = await case.account.command("poll_now")
        report = await reconciling
    assert (answer["outcome"], answer["stored"]) == ("mail", 1)
    assert report["complete"] is True, report["summary"]
    assert report["ordinary"]["waiting"] == 1
    assert server.most_sessions == 1


async def test_it_logs_in_no_sooner_than_the_server_allows(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        server.capabilities.append("LOGIN-DELAY 2")
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_mail(1)
        logins = server.logins
        report = await (await reconcile(mailroom, {"address": account.address})).result()
    assert report["complete"] is True, report["summary"]
    assert report["server"]["compared"] is True
    assert server.logins > logins
    assert all(later - earlier >= 2 for earlier, later in pairwise(server.logged_in_at))


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ([], "missing_field", "address"),
        ([{"repair": True}], "missing_field", "address"),
        ([{"address": "jane"}], "invalid_field", "address"),
        ([{"address": "nobody@example.com", "fix": True}], "unknown_field", "fix"),
        ([{"address": "nobody@example.com", "repair": "yes"}], "invalid_field", "repair"),
        (["nobody@example.com"], "invalid_field", None),
        ([{"address": "nobody@example.com"}, {}], "invalid_field", None),
        ([{"address": "nobody@example.com"}], "unknown_address", "address"),
    ],
)
async def test_input_that_makes_no_sense_is_refused(
    mailroom: Mailroom, given: list[object], code: str, field: str | None
) -> None:
    handle = await reconcile(mailroom, *given)
    refused = await refusal(handle.result())
    assert (refused.code, refused.field) == (code, field)
    assert refused.message.startswith("Reconcile")

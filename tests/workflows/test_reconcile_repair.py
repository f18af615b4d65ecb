"""`Reconcile` with `repair`: what the server still has is mended by the account's own session, and nothing is doubled."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import mail
from tests.support.running import Mailroom
from tests.support.workflows.reconciling import SELDOM, Case, differences, on_a_scripted_server, on_dovecot

A_BLOB = "(select sha256 from mail where address = :address order by id limit 1)"
A_MESSAGE = "(select id from mail where address = :address order by id limit 1)"


async def mended(case: Case) -> dict[str, Any]:
    """The report of a repair that leaves nothing to mend; run again, it changes nothing at all."""
    report = await case.report(repair=True)
    assert report["complete"] is True, report["summary"]
    assert report["repair"]["not_repairable"] == 0
    tables = ("mail", "pop_ledger", "links", "sessions", "log")
    before = [await case.rows(f"select * from {table} where address = %s", case.address) for table in tables]
    again = await case.report(repair=True)
    assert again["complete"] is True
    assert again["repair"] == {"relinked": 0, "released": 0, "restored": 0, "counters": 0, "not_repairable": 0}
    assert before == [await case.rows(f"select * from {table} where address = %s", case.address) for table in tables]
    return report


@pytest.mark.parametrize(
    "statement",
    [f"update blobs set raw = raw || 'x' where sha256 = {A_BLOB}", f"delete from blobs where sha256 = {A_BLOB}"],
)
@pytest.mark.requirement("R43", "R52")
async def test_lost_or_damaged_bytes_are_fetched_again_into_the_message_they_belong_to(
    mailroom: Mailroom, dovecot: Dovecot, statement: str
) -> None:
    await mailroom.rows("insert into records values ('builtin', 'contact', 'c1', 'Anna', '{}') returning 1")
    await mailroom.rows(
        "insert into record_addresses values ('builtin', 'contact', 'c1', 'anna@example.org') returning 1"
    )
    case = await on_dovecot(mailroom, dovecot, 4, crm=["builtin"])
    ids, bodies = await case.ids(), await case.bodies()
    links = await case.rows("select * from correspondence where address = %s order by id", case.address)
    assert len(links) == 4
    await case.damage(statement)
    report = await mended(case)
    assert (report["repair"]["released"], report["repair"]["restored"]) == (1, 1)
    assert (await case.ids(), await case.bodies()) == (ids, bodies)
    assert await case.rows("select * from correspondence where address = %s order by id", case.address) == links
    assert await case.rows("select * from damaged_blobs") == []
    (released,) = await case.events("MessagesReleasedForRepair")
    assert (released["count"], released["messages"]) == (1, ids[:1])
    (restored,) = await case.events("MessagesRestored")
    assert restored["messages"] == ids[:1]


async def test_a_damaged_row_stays_until_the_good_bytes_are_there(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1), "two": mail(2)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        await case.damage(f"update blobs set raw = 'damaged' where sha256 = {A_BLOB}")
        server.replies["RETR 1"] = "-ERR this message cannot be read"
        report = await case.report(repair=True)
        assert report["complete"] is False
        assert report["repair"]["released"] == 1
        assert differences(report) == {"damaged": 1}
        assert b"damaged" in await case.bodies()
        server.replies.clear()
        await case.mailroom.rows(
            "update pop_ledger set retry_at = now() where address = %s and state = 'quarantined' returning 1",
            case.address,
        )
        await case.account.command("poll_now")
        await mended(case)
    assert sorted(await case.bodies()) == sorted(server.messages.values())


async def test_the_good_bytes_are_stored_before_the_server_is_told_to_delete_them(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1), "two": mail(2)}) as server:
        server.replies["DELE"] = "-ERR not now"
        account = await mailroom.connect(server, retrieval={**SELDOM, "after_store": "delete"})
        case = Case(mailroom, account)
        await account.until_mail(2)
        await account.until_watched()
        ids = await case.ids()
        await case.damage("update blobs set raw = 'damaged'")
        server.replies.clear()
        report = await mended(case)
        assert report["ledger"]["deleted"] == 2
        assert server.messages == {}
    assert (await case.ids(), await case.bodies()) == (ids, [mail(1), mail(2)])


async def test_messages_whose_rows_are_gone_are_stored_again_and_the_log_tells_it(
    mailroom: Mailroom, dovecot: Dovecot
) -> None:
    case = await on_dovecot(mailroom, dovecot, 4)
    gone, *kept = await case.ids()
    bodies = await case.bodies()
    await case.damage(
        f"update pop_ledger set mail = null where mail = {A_MESSAGE}",
        f"delete from mail where id = {A_MESSAGE}",
    )
    report = await mended(case)
    assert report["repair"]["released"] == 1
    assert sorted(await case.bodies()) == sorted(bodies)
    assert gone not in await case.ids()
    assert set(kept) < set(await case.ids())
    (released,) = await case.events("MessagesReleasedForRepair")
    assert (released["count"], released["withdrawn"]) == (1, [gone])


async def test_everything_lost_at_once_comes_back_exactly_once(mailroom: Mailroom, dovecot: Dovecot) -> None:
    case = await on_dovecot(mailroom, dovecot, 12)
    bodies = await case.bodies()
    await case.damage("delete from mail where address = :address", "delete from blobs")
    report = await mended(case)
    assert (report["messages"], report["ledger"]["stored"]) == (12, 12)
    assert sorted(await case.bodies()) == sorted(bodies)


async def test_entries_and_messages_that_lost_each_other_are_put_together_without_fetching(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1), "two": mail(2), "three": mail(3)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        ids = await case.ids()
        await case.damage(
            "update pop_ledger set mail = null where address = :address and uidl = 'one'",
            "delete from pop_ledger where address = :address and uidl in ('two', 'three')",
        )
        del server.messages["three"]  # gone from the server, too
        server.retrieved.clear()
        report = await mended(case)
        assert report["repair"]["relinked"] == 3
        assert server.retrieved == []
    assert await case.ids() == ids
    assert [one for event in await case.events("MessagesRelinked") for one in event["messages"]] == ids


async def test_a_message_that_a_session_fetched_twice_because_its_entry_was_lost_is_one_again(
    mailroom: Mailroom, dovecot: Dovecot
) -> None:
    case = await on_dovecot(mailroom, dovecot, 3)
    ids = await case.ids()
    await case.damage(f"delete from pop_ledger where mail = {A_MESSAGE}")
    await case.account.command("poll_now")
    assert len(await case.ids()) == 4
    report = await mended(case)
    assert report["repair"]["restored"] == 1
    assert await case.ids() == ids
    seen = await case.account.seen()
    assert seen is not None
    assert (seen["messages"], seen["bytes"]) == (3, sum(len(body) for body in await case.bodies()))


async def test_what_was_decided_about_either_row_of_a_message_holds_for_the_one_that_stays(
    mailroom: Mailroom, dovecot: Dovecot
) -> None:
    await mailroom.rows("insert into records values ('builtin', 'contact', 'c1', 'Anna', '{}') returning 1")
    await mailroom.rows(
        "insert into record_addresses values ('builtin', 'contact', 'c1', 'anna@example.org') returning 1"
    )
    case = await on_dovecot(mailroom, dovecot, 2, crm=["builtin"])
    ids = await case.ids()
    record = {"crm": "builtin", "record_kind": "contact", "record_id": "c1"}
    await case.account.command("unlink_message", message=ids[0], **record)
    await case.damage("delete from pop_ledger where address = :address")
    await case.account.command("poll_now")
    again = (await case.ids())[2:]
    uidls = {row["id"]: row["uidl"] for row in await case.rows("select id, uidl from messages order by id")}
    (of_second,) = [one for one in again if uidls[one] == uidls[ids[1]]]
    await case.account.command("unlink_message", message=of_second, **record)
    await mended(case)
    assert await case.ids() == ids
    decided = await case.rows("select message, decision from link_decisions order by message")
    assert [(row["message"], row["decision"]) for row in decided] == [(one, "unlinked") for one in ids]
    assert await case.rows("select * from correspondence where unlinked_at is null") == []
    assert await case.rows("select * from entries where direction is not null") == []


async def test_what_the_server_has_no_more_is_reported_as_not_repairable(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1), "two": mail(2), "three": mail(3)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        await case.damage(
            "update blobs set raw = 'damaged' where sha256 = "
            "(select sha256 from mail where address = :address and uidl = 'one')",
            "delete from mail where address = :address and uidl = 'two'",
        )
        server.messages = {"three": server.messages["three"]}
        for _ in range(2):
            report = await case.report(repair=True)
            assert report["complete"] is False
            assert differences(report) == {"damaged": 1, "stored_without_mail": 1, "told_but_missing": 1}
            assert report["repair"]["not_repairable"] == 3
            assert report["repair"]["released"] == 0
    assert await case.events("MessagesReleasedForRepair") == []
    assert await case.rows("select * from blobs where raw = 'damaged'")


async def test_wrong_counters_are_corrected_and_the_log_says_from_what(mailroom: Mailroom, dovecot: Dovecot) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    size = sum(len(body) for body in await case.bodies())
    await case.damage(
        "update mailboxes set messages = 7, bytes = 5 where address = :address",
        "update sessions set stored = 40, bytes = 0 where address = :address and stored = 2",
    )
    report = await mended(case)
    assert report["repair"]["counters"] == 2
    (corrected,) = await case.events("CountersCorrected")
    assert corrected == {"messages": [7, 2], "bytes": [5, size], "sessions": 1}
    assert [entry.actor for entry in await case.account.log("CountersCorrected")] == ["reconcile"]


async def test_bytes_that_two_accounts_share_are_mended_for_both(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"same": mail(1)}) as server:
        case, other = [await on_a_scripted_server(mailroom, server) for _ in range(2)]
        await case.damage("update blobs set raw = 'damaged'")
        assert differences(await other.report()) == {"damaged": 1}
        await mended(case)
        assert (await other.report())["complete"] is True
    assert await other.bodies() == await case.bodies() == [mail(1)]


async def test_a_server_that_writes_into_what_it_hands_out_still_mends_the_message(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        case = await on_a_scripted_server(mailroom, server)
        ids = await case.ids()
        await case.damage("update blobs set raw = 'damaged'")
        server.messages["one"] = b"X-Seen: yes\r\n" + mail(1)
        size = (await case.rows("select size from ledger where address = %s", case.address))[0]["size"]
        server.replies["LIST"] = f"+OK\r\n1 {size}\r\n.\r\n".encode()
        await mended(case)
    assert (await case.ids(), await case.bodies()) == (ids, [server.messages["one"]])


async def test_mail_that_only_waits_is_fetched_by_a_repair_too(mailroom: Mailroom, dovecot: Dovecot) -> None:
    case = await on_dovecot(mailroom, dovecot, 2)
    dovecot.deliver(case.address, mail(3))
    report = await mended(case)
    assert report["messages"] == 3
    assert [entry.actor for entry in await case.account.log("PollRequested")] == ["reconcile"]


async def test_with_a_login_delay_a_repair_takes_its_time_and_the_account_is_not_refused(mailroom: Mailroom) -> None:
    async with MailboxServer(messages={"one": mail(1)}) as server:
        server.capabilities.append("LOGIN-DELAY 1")
        account = await mailroom.connect(server, retrieval=SELDOM)
        case = Case(mailroom, account)
        await account.until_mail(1)
        await account.until_watched()
        await case.damage("delete from mail where address = :address", "delete from blobs")
        report = await case.report(repair=True)
    assert report["complete"] is True, report["summary"]
    assert await case.events("CommandRefused") == []

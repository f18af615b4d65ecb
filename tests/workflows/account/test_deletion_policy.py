"""Turning deletion on the server on, through the workflow: it is looked at and confirmed before, and can be taken back."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from domain.account.lifecycle import State
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal

DELETE = {"retrieval": {"after_store": "delete"}}
LEAVE = {"retrieval": {"after_store": "leave"}}
SELDOM = {"interval_minutes": 60}


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    """Minutes of 0.4 s: what can be taken back for five of them can be for two seconds."""
    return dataclasses.replace(worker_settings, minute_seconds=0.4)


def mailbox(count: int) -> dict[str, bytes]:
    return {
        f"u{number}": f"From: ann@example.org\r\nSubject: {number}\r\n\r\nHello\r\n".encode() for number in range(count)
    }


@contextmanager
def untouched(server: MailboxServer) -> Iterator[None]:
    before = dict(server.messages)
    yield
    assert server.messages == before


async def with_mail(mailroom: Mailroom, server: MailboxServer, **retrieval: Any) -> RunningAccount:
    account = await mailroom.connect(server, retrieval={**SELDOM, **retrieval})
    await account.until_mail(len(server.messages))
    await account.until(lambda now: now.progress.stored == len(server.messages), "all in the status")
    return account


@pytest.mark.requirement("R62")
async def test_mail_that_is_stored_is_deleted_only_by_who_says_how_much_and_after_five_minutes(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer(messages=mailbox(34)) as server:
        account = await with_mail(mailroom, server)
        with untouched(server):
            for wrong in ({}, {"confirm_deletes": 33}):
                refused = await refusal(account.command("change_settings", settings=DELETE, by="ops", **wrong))
                assert (refused.code, refused.field) == ("confirm_deletes", "confirm_deletes")
                assert "34 messages that are stored here are still on the server" in refused.message
                assert refused.message.count("change_settings: ") == 1
            assert (await account.settings())["retrieval"]["after_store"] == "leave"
            await account.command("change_settings", settings=DELETE, confirm_deletes=34, by="ops")
            answer = await account.command("poll_now")  # a session at once, which deletes nothing
            assert answer["outcome"] == "nothing_new"
            (warning,) = [one["text"] for one in answer["status"]["warnings"] if one["code"] == "deletes_on_server"]
            assert "Nothing is deleted before " in warning
        await account.until(lambda now: now.state is State.ACTIVE and now.progress.on_server == 34, "nothing deleted")
        await asyncio.sleep(2.5)
        await account.command("poll_now")
        assert server.messages == {}
        assert len(await account.mail()) == 34


@pytest.mark.requirement("R62")
async def test_who_turns_it_back_within_five_minutes_has_had_nothing_deleted(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=mailbox(3)) as server:
        account = await with_mail(mailroom, server)
        with untouched(server):
            await account.command("change_settings", settings=DELETE, confirm_deletes=3)
            await account.command("change_settings", settings=LEAVE)
            await asyncio.sleep(2.5)
            await account.command("poll_now")
        assert server.messages


async def test_a_dry_run_says_what_would_change_and_changes_nothing(mailroom: Mailroom) -> None:
    async with MailboxServer(messages=mailbox(7)) as server:
        account = await with_mail(mailroom, server)
        logged = await account.logged()
        wanted = {"retrieval": {"after_store": "delete", "interval_minutes": 9}}
        answer = await account.command("change_settings", settings=wanted, dry_run=True, by="ops")
        assert answer["changes"] == {
            "retrieval.interval_minutes": [60, 9],
            "retrieval.after_store": ["leave", "delete"],
        }
        assert answer["logs_in"] is True
        assert answer["deletes_on_server"]["messages"] == 7
        ids = [row["id"] for row in await mailroom.rows("select id from messages where address = %s", account.address)]
        assert set(answer["deletes_on_server"]["examples"]) <= set(ids)
        assert len(answer["deletes_on_server"]["examples"]) == 5
        assert [one["code"] for one in answer["warnings"]] == ["deletes_on_server"]
        assert await account.logged() == logged
        assert (await account.status()).settings_version == 1
        refused = await refusal(account.command("change_settings", settings={"colour": "red"}, dry_run=True))
        assert refused.code == "unknown_field"
        harmless = await account.command("change_settings", settings={"retrieval": {"pace": "steady"}}, dry_run=True)
        assert (harmless["logs_in"], harmless["deletes_on_server"]) == (False, None)


async def test_a_dry_run_that_nobody_waits_for_is_refused(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.signal("change_settings", {"settings": DELETE, "dry_run": True, "by": "batch"})
        (entry,) = await account.until_logged("CommandRefused")
        assert (entry.data["field"], entry.actor) == ("dry_run", "batch")
        assert "give it as an update" in entry.data["message"]


async def test_mail_that_is_not_stored_yet_needs_no_word(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.command("change_settings", settings=DELETE)
        server.messages |= mailbox(2)
        await asyncio.sleep(2.5)
        await account.command("poll_now")
        assert server.messages == {}
        assert len(await account.mail()) == 2


@pytest.mark.requirement("R62")
async def test_an_account_that_is_started_again_with_deletion_leaves_the_mail_of_before_for_five_minutes(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer(messages=mailbox(3)) as server:
        account = await with_mail(mailroom, server)
        await account.command("close")
        await account.handle.result()
        with untouched(server):
            again = await mailroom.connect(server, account.address, retrieval={**SELDOM, "after_store": "delete"})
            answer = await again.command("poll_now")
            assert any("Nothing is deleted before " in one["text"] for one in answer["status"]["warnings"])
        await asyncio.sleep(2.5)
        await again.command("poll_now")
        assert server.messages == {}


@pytest.mark.parametrize("state", ["by signal", "disabled"])
async def test_it_is_asked_for_a_number_however_it_is_turned_on(mailroom: Mailroom, state: str) -> None:
    days = {"retrieval": {"after_store": "delete_after_days", "delete_after_days": 1}}
    async with MailboxServer(messages=mailbox(2)) as server:
        account = await with_mail(mailroom, server)
        async with mailroom.pool.connection() as connection:
            await connection.execute(
                "update pop_ledger set stored_at = stored_at - interval '2 days' where address = %s", [account.address]
            )
        with untouched(server):
            if state == "disabled":
                await account.command("disable")
                refused = await refusal(account.command("change_settings", settings=days))
                assert refused.code == "confirm_deletes"
            else:
                await account.signal("change_settings", {"settings": days, "by": "batch"})
                (entry,) = await account.until_logged("CommandRefused")
                assert entry.data["code"] == "confirm_deletes"
        assert (await account.settings())["retrieval"]["after_store"] == "leave"

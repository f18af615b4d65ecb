"""Input that nobody meant: nothing that is sent to an account or to a start wedges its workflow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from domain.account.lifecycle import State
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, a_new_address, refusal, until
from tests.support.services import Services
from workflows.entity import refused_signals

SELDOM = {"interval_minutes": 60}


def payload(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


UNREADABLE = [
    pytest.param(payload(b"{garbage"), id="not-json"),
    pytest.param(payload(b"\xff\xfe"), id="not-text"),
    pytest.param(payload(b""), id="nothing"),
    pytest.param(payload(b'{"by": "\\ud800"}'), id="lone-surrogate"),
    pytest.param(payload(b"[" * 5000 + b"]" * 5000), id="deeply-nested"),
    pytest.param(payload(b"9" * 5000), id="a-huge-number"),
    pytest.param(payload(b"\xff\xfe", b"binary/plain"), id="bytes"),
    pytest.param(payload(b"\x00" * 40, b"binary/encrypted"), id="encrypted-by-others"),
    pytest.param(payload(b"{}", b"json/protobuf"), id="protobuf-without-type"),
    pytest.param(RawValue(Payload(data=b"{}")), id="without-encoding"),
]


@pytest.mark.parametrize("unreadable", UNREADABLE)
async def test_a_start_with_input_that_cannot_be_read_fails_at_once(mailroom: Mailroom, unreadable: RawValue) -> None:
    account = await mailroom.start(unreadable, address=a_new_address())
    refused = await refusal(account.handle.result())
    assert refused.code == "invalid_field"
    assert "one JSON object" in refused.message


@pytest.mark.parametrize("unreadable", UNREADABLE)
async def test_a_signal_that_cannot_be_read_is_in_the_log_and_an_update_is_refused(
    mailroom: Mailroom, unreadable: RawValue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_signals, "COUNTED_FOR", timedelta(seconds=2))
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.signal("disable", unreadable)
        await account.signal("no_such_thing", unreadable)
        await account.signal("no_such_thing_either", {"by": "a colleague"})
        known, unknown, signed = await account.until_logged("CommandRefused", 3)
        assert (known.data["command"], known.data["code"]) == ("disable", "invalid_field")
        assert (unknown.data["command"], unknown.data["code"]) == ("no_such_thing", "unknown_command")
        assert [one.actor for one in (known, unknown, signed)] == ["operator", "operator", "a colleague"]
        assert (await refusal(account.handle.execute_update("disable", unreadable))).code == "invalid_field"
        assert (await account.status()).state is State.ACTIVE


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("set_quota", {"bytes": 10**25}),
        ("set_quota", {"bytes": 10**400}),
        ("disable", {"by": "x" * 5000}),
        ("disable", {"reason": "x" * 5000}),
        ("change_settings", {"settings": {"address": "x" * 5000}}),
        ("change_settings", {"settings": {"incoming": None}}),
        ("change_settings", {"settings": {"incoming": {"host": None}}}),
        ("change_settings", {"settings": {"retrieval": []}}),
        ("change_settings", {"settings": None}),
        ("change_credential", {"secret": None}),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_values_out_of_all_bounds_are_refused(mailroom: Mailroom, command: str, given: dict[str, Any]) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.signal(command, given)
        [entry] = await account.until_logged("CommandRefused")
        assert entry.data["code"] in ("invalid_field", "missing_field")
        assert (await refusal(account.command(command, **given))).code == entry.data["code"]
        assert (await account.command("poll_now"))["outcome"] == "nothing_new"


async def test_megabytes_of_unknown_fields_are_refused_in_a_short_text(mailroom: Mailroom) -> None:
    oversized = {f"{number:05d}-{'x' * 70}": number for number in range(20_000)}
    assert len(json.dumps(oversized)) > 1_700_000
    async with MailboxServer() as server:
        started = await mailroom.start(mailroom.given(server) | oversized)
        refused = await refusal(started.handle.result())
        assert (refused.code, len(refused.message) < 2000) == ("unknown_field", True)
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.signal("disable", oversized)
        [entry] = await account.until_logged("CommandRefused")
        assert (entry.data["command"], entry.data["code"]) == ("disable", "unknown_field")
        assert len(json.dumps(entry.data)) < 2000
        refused = await refusal(account.handle.execute_update("disable", oversized))
        assert (refused.code, len(refused.message) < 2000) == ("unknown_field", True)
        nested = {"settings": {"retrieval": oversized}}
        refused = await refusal(account.command("change_settings", **nested))
        assert (refused.code, len(refused.message) < 2000) == ("unknown_field", True)
        assert (await account.status()).state is State.ACTIVE
        assert (await account.command("poll_now"))["outcome"] == "nothing_new"


async def test_text_that_postgresql_does_not_hold_is_recorded_without_it(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await account.command("disable", by="op\0s", reason="a\0b")
        [entry] = await account.until_logged("AccountDisabled")
        assert "\0" not in entry.actor + entry.data["because"]
        assert await mailroom.rows("select * from verify_log(%s)", account.address) == []


async def test_every_command_without_input_leaves_a_healthy_account(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        for name in ("change_settings", "change_credential", "set_quota", "enable", "poll_now", "disable", "enable"):
            await account.signal(name)
        await account.until_logged("CommandRefused", 3)
        await account.until_logged("AccountDisabled")
        await account.until_state(State.ACTIVE)
        assert (await account.command("poll_now"))["outcome"] == "nothing_new"


ACCOUNTS = 30  # in the batch


async def test_a_batch_without_input_leaves_all_accounts_healthy(
    mailroom: Mailroom, services: Services, temporal_environment: dict[str, str], tmp_path: Path
) -> None:
    async def batch(name: str) -> None:
        command = ["workflow", "signal", "--query", company, "--name", name, "--reason", "sloppy", "--yes"]
        process = await asyncio.create_subprocess_exec(
            services.temporal_binary,
            *command,
            env=temporal_environment | {"HOME": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said

    async def accounts_with(kind: str, command: str | None = None) -> int:
        query = """
            select count(distinct address) from account_events
            where type = %s and data ->> 'command' is not distinct from %s
        """
        [row] = await mailroom.rows(query, kind, command)
        return int(row["count"])

    async def listed(query: str) -> int:
        return (await mailroom.client.count_workflows(query)).count

    async def until_all(count: Callable[[], Awaitable[int]], what: str) -> None:
        async def reached() -> bool:
            return await count() == ACCOUNTS

        await until(reached, f"{ACCOUNTS} {what}")

    async with MailboxServer() as server:
        name = a_new_address().partition("@")[0]
        company = f'MailroomOrganisation = "{name}" AND ExecutionStatus = "Running"'
        alike: dict[str, Any] = {
            "organisation": name,
            "retrieval": SELDOM,
        }
        given = [
            mailroom.given(server, f"{name}-{number}@example.com", **deepcopy(alike)) for number in range(ACCOUNTS)
        ]
        accounts = await asyncio.gather(*(mailroom.start(settings) for settings in given))
        await until_all(lambda: listed(company), "accounts in Temporal's list")
        await until_all(lambda: accounts_with("AccountConnected"), "connected accounts")
        await batch("change_credential")
        await until_all(lambda: accounts_with("CommandRefused", "change_credential"), "refused change_credential")
        await batch("no_such_thing")
        await until_all(lambda: accounts_with("CommandRefused", "no_such_thing"), "refused unknown signals")
        states = await mailroom.rows("select state, count(*) from accounts group by state")
        assert states == [{"state": "active", "count": ACCOUNTS}]
        server.messages["one"] = b"Subject: one\r\n\r\nHello\r\n"
        answers = await asyncio.gather(*(account.command("poll_now") for account in accounts))
        assert {answer["outcome"] for answer in answers} <= {"mail", "nothing_new"}
        assert await mailroom.rows("select count(distinct address) from messages") == [{"count": ACCOUNTS}]

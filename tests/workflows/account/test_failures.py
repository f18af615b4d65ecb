"""Failures in a row: what they count to, when they disable, and what ends them (thresholds at full count)."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

import pytest

from domain.account.lifecycle import State
from infra.settings import WorkerSettings
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
IN_USE = "-ERR [IN-USE] mailbox is locked by another session"


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    """Ten authentication failures take 381 minutes of waits, fifty connection failures 1,400: minutes of a millisecond."""
    return dataclasses.replace(worker_settings, minute_seconds=0.001, egress_addresses="192.0.2.7")


async def counted(account: RunningAccount, counter: str) -> list[int]:
    """The counter after each failure in the log."""
    return [entry.data["failures"][counter] for entry in await account.log("RetrievalFailed")]


@pytest.mark.requirement("R81")
@pytest.mark.requirement("R82")
@pytest.mark.requirement("R83")
@pytest.mark.requirement("R97")
async def test_the_tenth_wrong_password_disables_and_a_new_one_enables_again_with_the_missed_mail(
    mailroom: Mailroom,
) -> None:
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server)
        await account.until_mail(1)
        server.password = "changed"
        await account.until_logged("AccountDisabled")
        attempts = server.attempts
        assert await counted(account, "authentication") == list(range(1, 11)), "the 9th did not disable, the 10th did"
        assert (await account.logged())[-2:] == ["RetrievalFailed", "AccountDisabled"]
        assert server.attempts == attempts, "polling has stopped"
        assert await account.attempts() == 0
        status = await account.status()
        assert (status.state, status.reason, status.next_attempt_at) == (
            State.DISABLED,
            "authentication_failures",
            None,
        )
        assert status.last_failure is not None
        assert status.last_failure.server_said == "[AUTH] Authentication failed."
        [told] = await mailroom.notices(account.address)
        assert (told["code"], told["remedy"]) == ("disabled", status.last_failure.remedy)
        for words in ("10 times in a row", "Authentication failed", status.last_failure.reference, "support"):
            assert words in told["text"]
        attributes = await account.search_attributes()
        assert attributes["MailroomState"] == "disabled"
        assert attributes["MailroomReason"] == "authentication_failures"
        assert attributes["MailroomFailure"] == "authentication"
        assert attributes["MailroomAuthenticationFailures"] == 10
        seen = await account.seen()
        assert seen is not None
        assert (seen["state"], seen["authentication_failures"], seen["connection_failures"]) == ("disabled", 10, 0)

        server.messages["two"] = HELLO
        answer = await account.command("change_credential", secret=mailroom.secret("changed"), by="ops")
        assert (answer["state"], answer["reason"], answer["last_failure"]) == ("active", None, None)
        assert answer["failures"] == {"authentication": 0, "connection": 0}
        assert await account.until_mail(2) == ["one", "two"]
        attributes = await account.search_attributes()
        assert "MailroomFailure" not in attributes
        assert "MailroomReason" not in attributes
        assert attributes["MailroomAuthenticationFailures"] == 0


@pytest.mark.requirement("R82")
async def test_a_login_that_works_in_between_starts_the_count_over(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        server.password, right = "changed", server.password
        await account.until_logged("RetrievalFailed", 3)
        server.password = right
        await account.until_logged("RetrievalRecovered")
        status = await account.status()
        assert (status.failures.authentication, status.last_failure, status.state) == (0, None, State.ACTIVE)
        before = len(await counted(account, "authentication"))
        server.password = "changed"
        await account.until_logged("AccountDisabled")
        counts = await counted(account, "authentication")
        assert counts == [*range(1, before + 1), *range(1, 11)]


@pytest.mark.requirement("R85")
@pytest.mark.requirement("R86")
@pytest.mark.requirement("R88")
async def test_the_fiftieth_connection_failure_disables_and_enable_tries_the_server_first(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        await server.down()
        await account.until_logged("AccountDisabled")
        assert await counted(account, "connection") == list(range(1, 51)), "the 49th did not disable, the 50th did"
        assert set(await counted(account, "authentication")) == {0}
        status = await account.status()
        assert (status.state, status.reason) == (State.DISABLED, "connection_failures")
        assert status.last_failure is not None
        assert (status.last_failure.kind, status.last_failure.cause) == ("connection", "refused")
        for words in ("192.0.2.7", server.host, str(server.port), f"{status.last_failure.at:%Y-%m-%d %H:%M} UTC"):
            assert words in status.last_failure.remedy, "what the mail administrator needs"
        [told] = await mailroom.notices(account.address)
        assert "50 times in a row" in told["text"]
        server.messages["one"] = HELLO
        await server.up()
        answer = await account.command("enable")
        assert (answer["state"], answer["failures"]) == ("active", {"authentication": 0, "connection": 0})
        assert await account.until_mail(1) == ["one"]


@pytest.mark.requirement("R86")
async def test_the_two_counters_never_mix(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        server.password, right = "changed", server.password
        await account.until_logged("RetrievalFailed", 2)
        before = len(await account.log("RetrievalFailed"))
        server.closes.add("CONNECT")
        await account.until(lambda now: now.failures.connection >= 2, "connection failures")
        server.closes.clear()
        await account.until(lambda now: now.failures.connection == 0, "a session that gets further")
        server.password = right
        await account.until_logged("RetrievalRecovered")
        failures = [entry.data["failures"] for entry in await account.log("RetrievalFailed")]
        hung_up = [each for each in failures[before:] if each["connection"] > 0]
        assert [each["connection"] for each in hung_up] == list(range(1, len(hung_up) + 1))
        assert len({each["authentication"] for each in hung_up}) == 1, (
            "a server that is down says nothing of a password"
        )
        assert hung_up[0]["authentication"] >= 2


async def test_a_mailbox_in_use_counts_nothing_and_shows_that_the_password_is_right(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        server.password, right = "changed", server.password
        await account.until(lambda now: now.failures.authentication >= 2, "authentication failures")
        server.password = right
        server.replies["PASS"] = IN_USE
        status = await account.until(
            lambda now: now.last_failure is not None and now.last_failure.kind == "mailbox_busy", "a busy mailbox"
        )
        assert (status.failures.authentication, status.failures.connection) == (0, 0)
        before = len(await account.log("RetrievalFailed"))
        await account.until_logged("RetrievalFailed", before + 12)
        status = await account.status()
        assert (status.state, status.failures.authentication, status.failures.connection) == (State.ACTIVE, 0, 0)
        server.replies.clear()
        await account.until_logged("RetrievalRecovered")
        assert (await account.status()).last_failure is None
        assert await mailroom.notices(account.address) == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("-ERR [SYS/TEMP] Try again later", "server_error"),
        ("-ERR [LOGIN-DELAY] login too frequent, wait", "throttled"),
        ("-ERR [SYS/PERM] mailbox corrupt", "configuration"),
    ],
)
async def test_other_failures_count_to_nothing(mailroom: Mailroom, reply: str, kind: str) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        server.replies["PASS"] = reply
        for entry in await account.until_logged("RetrievalFailed", 2):
            assert entry.data["failure"]["kind"] == kind
            assert entry.data["failure"]["counts"] is None
            assert entry.data["failures"] == {"authentication": 0, "connection": 0}
        server.replies.clear()
        await account.until_state(State.ACTIVE)


async def test_a_failure_that_goes_on_waits_longer_each_time_and_never_less_than_the_table_says(
    mailroom: Mailroom,
) -> None:
    def waits(entries: list[Any]) -> list[float]:
        return [
            (_time(entry.data["next_attempt_at"]) - _time(entry.at.isoformat())) / mailroom.settings.minute_seconds
            for entry in entries
        ]

    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        server.password = "changed"
        await account.until_logged("AccountDisabled")
        *nine, tenth = await account.log("RetrievalFailed")
        table = [1, 5, 15, 60, 60, 60, 60, 60, 60]
        # A microsecond is the resolution of a time, a tenth is the jitter.
        assert all(
            least - 0.01 <= wait <= least * 1.1 + 0.01 for least, wait in zip(table, waits(nine), strict=True)
        ), waits(nine)
        assert tenth.data["next_attempt_at"] is None


def _time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


async def test_changed_settings_alone_never_enables_but_enable_then_does(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server)
        server.password = "changed"
        await account.until_logged("AccountDisabled")
        secret = mailroom.secret("changed")
        answer = await account.command("change_settings", settings={"incoming": {"secret": secret}})
        assert (answer["state"], answer["reason"]) == ("disabled", "authentication_failures")
        assert (await account.command("enable"))["state"] == "active"

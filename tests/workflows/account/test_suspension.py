"""Failures that suspend an account: whom they wait for, how they are shown, that they count to nothing, how they end."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from activities.pop.conversation import LONGEST_LISTING
from domain.account.lifecycle import State
from domain.account.status import AccountStatus
from domain.failures.failure import Failure
from infra.settings import WorkerSettings
from tests.servers.certificates import Authority, self_signed
from tests.servers.scripted_pop import MailboxServer
from tests.support.running import Mailroom, RunningAccount, refusal

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"
SELDOM = {"interval_minutes": 60}
CAPTCHA = "-ERR [SYS/PERM] Unlock at https://accounts.google.com/DisplayUnlockCaptcha to sign in"
WEB_LOGIN = "-ERR [AUTH] Web login required: https://support.google.com/mail/answer/78754"
POP_IS_OFF = "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your mail settings page"
SIX_HOURS, A_DAY = 360, 1440


async def failed(account: RunningAccount) -> tuple[AccountStatus, Failure]:
    """The account and its failure after one more look at the mailbox."""
    answer = await account.command("poll_now")
    assert answer["outcome"] == "failed", answer
    status = AccountStatus.model_validate(answer["status"])
    assert status.last_failure is not None
    return status, status.last_failure


def waits_for(status: AccountStatus, minutes: float, mailroom: Mailroom) -> bool:
    """Whether the next attempt is after so many minutes, and at most a tenth of them later (the jitter)."""
    assert status.next_attempt_at is not None
    least = timedelta(minutes=minutes) * (mailroom.settings.minute_seconds / 60)
    return least <= status.next_attempt_at - status.since <= least * 1.1 + timedelta(seconds=1)


@pytest.mark.requirement("R53")
@pytest.mark.requirement("R54")
@pytest.mark.requirement("R55")
async def test_a_captcha_suspends_with_the_unlock_step_and_is_no_wrong_password(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, provider="google", retrieval=SELDOM)
        await account.until_watched()
        server.replies["PASS"] = CAPTCHA
        status, failure = await failed(account)
        assert (status.state, status.reason, failure.kind) == (State.SUSPENDED, "provider_locked", "provider_locked")
        assert (status.failures.authentication, failure.counts) == (0, None)
        assert status.needs_user_action is not None
        assert status.needs_user_action.url == "https://accounts.google.com/DisplayUnlockCaptcha"
        assert "legacy" in status.needs_user_action.step
        assert waits_for(status, SIX_HOURS, mailroom)
        for _ in range(10):
            status, _ = await failed(account)
        assert (status.state, status.failures.authentication) == (State.SUSPENDED, 0)
        assert len(await account.log("AccountSuspended")) == 1
        [told] = await mailroom.notices(account.address)
        assert (told["code"], "DisplayUnlockCaptcha" in told["remedy"]) == ("suspended", True)
        assert (await account.search_attributes())["MailroomReason"] == "provider_locked"
        server.replies.clear()
        server.messages["one"] = HELLO
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["status"]["state"]) == ("mail", "active")
        assert answer["status"]["needs_user_action"] is None
        assert [told["code"] for told in await mailroom.notices(account.address)] == ["suspended", "resumed"]


@pytest.mark.requirement("R58")
@pytest.mark.requirement("R59")
@pytest.mark.requirement("R60")
async def test_a_web_login_suspends_goes_on_slowly_and_demands_no_new_password(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, provider="google", retrieval=SELDOM)
        await account.until_watched()
        server.replies["PASS"] = WEB_LOGIN
        status, failure = await failed(account)
        assert (status.state, failure.kind) == (State.SUSPENDED, "web_login_required")
        assert (status.failures.authentication, failure.counts) == (0, None)
        assert waits_for(status, SIX_HOURS, mailroom)
        assert status.needs_user_action is not None
        for words in ("OAuth", "app password", "less secure apps", "need not be changed"):
            assert words in failure.remedy


@pytest.mark.requirement("R42")
async def test_a_server_that_does_not_offer_pop_suspends_with_a_word_to_the_administrator(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        server.replies["PASS"] = POP_IS_OFF
        status, failure = await failed(account)
        assert (status.state, status.reason, failure.kind) == (State.SUSPENDED, "pop_unavailable", "pop_unavailable")
        assert "administrator" in failure.remedy
        assert (failure.counts, status.needs_user_action) == (None, None)
        assert waits_for(status, A_DAY, mailroom)


async def test_a_mailbox_of_more_messages_than_are_listed_suspends_with_what_to_do_until_it_has_fewer(
    mailroom: Mailroom,
) -> None:
    """The list is as long as that: 800,001 lines, 11 MB."""
    async with MailboxServer(messages={"one": HELLO}) as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_mail(1)
        await account.until_watched()
        numbers = range(1, LONGEST_LISTING + 2)
        server.replies["UIDL"] = b"+OK\r\n" + b"".join(b"%d %d\r\n" % (one, one) for one in numbers) + b".\r\n"
        status, failure = await failed(account)
        assert (status.state, status.reason, failure.kind) == (State.SUSPENDED, "configuration", "configuration")
        assert "UIDL has more than 800,000 lines" in failure.remedy
        assert "move old messages to other folders or delete them on the server" in failure.remedy
        assert (failure.counts, status.failures.authentication, status.failures.connection) == (None, 0, 0)
        assert waits_for(status, A_DAY, mailroom)
        assert (status.progress.stored, await account.mail()) == (1, ["one"]), "what is here stays"
        [told] = await mailroom.notices(account.address)
        assert (told["code"], "800,000" in told["remedy"]) == ("suspended", True)
        server.replies.clear()
        server.messages["two"] = HELLO
        answer = await account.command("poll_now")
        assert (answer["outcome"], answer["status"]["state"]) == ("mail", "active")


async def test_a_secret_that_is_gone_suspends_until_it_is_back(mailroom: Mailroom) -> None:
    assert mailroom.settings.secret_dir is not None
    async with MailboxServer() as server:
        secret = mailroom.secret(server.password, "jane")
        account = await mailroom.connect(server, incoming={"secret": secret}, retrieval=SELDOM)
        await account.until_watched()
        (mailroom.settings.secret_dir / "jane").unlink()
        status, failure = await failed(account)
        assert (status.state, failure.kind) == (State.SUSPENDED, "configuration")
        assert "file:jane" in failure.remedy
        assert (status.failures.authentication, status.failures.connection) == (0, 0)
        mailroom.secret(server.password, "jane")
        assert (await account.command("enable"))["state"] == "active"


async def test_another_failure_in_suspension_ends_the_suspension_for_what_it_is(mailroom: Mailroom) -> None:
    async with MailboxServer() as server:
        account = await mailroom.connect(server, retrieval=SELDOM)
        await account.until_watched()
        server.replies["PASS"] = CAPTCHA
        await failed(account)
        server.replies["PASS"] = "-ERR [AUTH] Authentication failed."
        status, failure = await failed(account)
        assert (status.state, failure.kind) == (State.ACTIVE, "authentication")
        assert (status.failures.authentication, status.needs_user_action) == (1, None)


class TestCertificates:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    @pytest.fixture
    def worker_settings(self, worker_settings: WorkerSettings, authority: Authority) -> WorkerSettings:
        return dataclasses.replace(worker_settings, ca_file=str(authority.ca_file))

    @pytest.mark.requirement("R89")
    @pytest.mark.requirement("R90")
    @pytest.mark.requirement("R91")
    async def test_a_self_signed_certificate_is_refused_at_set_up_with_the_evidence(
        self, mailroom: Mailroom, tmp_path: Path
    ) -> None:
        async with MailboxServer(tls=self_signed(tmp_path).context()) as server:
            account = await mailroom.start(mailroom.given(server, incoming={"host": "localhost", "tls": "implicit"}))
            refused = await refusal(account.handle.result())
            assert refused.code == "login_failed"
            failure = Failure.model_validate(refused.failure)
            assert (failure.kind, failure.cause) == ("certificate", "self_signed")
            assert failure.tls is not None
            assert (failure.tls.host, failure.tls.port, len(failure.tls.chain)) == ("localhost", server.port, 1)
            assert "self-signed" in failure.tls.chain[0].subject
            assert server.attempts == 0, "no password was sent"
        assert await account.logged() == ["SetUpRefused"]

    @pytest.mark.requirement("R89")
    @pytest.mark.requirement("R90")
    async def test_a_certificate_that_expires_suspends_and_a_good_one_of_an_own_authority_goes_on(
        self, mailroom: Mailroom, authority: Authority
    ) -> None:
        good, expired = authority.good().context(), authority.expired().context()
        async with MailboxServer(tls=good) as server:
            account = await mailroom.connect(
                server, incoming={"host": "localhost", "tls": "implicit"}, retrieval=SELDOM
            )
            await account.until_watched()
            await server.down()
            spoilt = MailboxServer(tls=expired)
            spoilt.port = server.port
            async with spoilt:
                status, failure = await failed(account)
            assert (status.state, status.reason) == (State.SUSPENDED, "certificate")
            assert (failure.cause, failure.counts) == ("expired", None)
            assert failure.tls is not None
            assert failure.tls.chain
            assert waits_for(status, A_DAY, mailroom)
            await server.up()
            answer = await account.command("enable")
            assert (answer["state"], answer["last_failure"]) == ("active", None)


class TestOutcomesOfOlderSettings:
    @pytest.fixture
    def worker_settings(self, worker_settings: WorkerSettings) -> WorkerSettings:
        """Full minutes: after the failure that counts there is time to look."""
        return dataclasses.replace(worker_settings, minute_seconds=60.0)

    async def test_a_failure_of_older_settings_counts_nothing(self, mailroom: Mailroom) -> None:
        async with MailboxServer() as server:
            account = await mailroom.connect(server, retrieval=SELDOM)
            await account.until_watched()
            server.password, server.pauses["PASS"] = "changed", 0.3
            attempts = server.attempts
            polled = asyncio.create_task(account.command("poll_now"))
            await server.until("PASS", attempts + 1)
            # It takes effect at once; the answer of the server then belongs to what was before.
            await account.command("change_settings", settings={"retrieval": {"interval_minutes": 30}})
            await polled
            [entry] = await account.until_logged("RetrievalFailed")
            assert server.attempts == attempts + 2
            assert entry.data["failures"]["authentication"] == 1
            assert (await account.status()).failures.authentication == 1

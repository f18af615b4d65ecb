"""The `try_login` activity: the live login of a set-up and of commands, and what it refuses before it connects."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from domain.core.refusal import Refused
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.certificates import Authority, self_signed
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, Watcher, account, failure_of, local_worker, mailbox


@pytest.mark.requirement("R6", "R84")
async def test_a_login_that_works_ends_with_quit_and_stores_no_mail(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2)) as server:
        server.capabilities += ["LOGIN-DELAY 30", "EXPIRE 60"]
        report = await watcher.try_login(account(server.port))
        assert (report.login_delay_seconds, report.expire_days) == (30, 60)
        assert report.minute_seconds == watcher.worker.minute_seconds
        assert server.quits == 1
        assert server.retrieved == []
    for view in "messages", "ledger", "retrievals", "account_events", "accounts":
        assert await watcher.value(f"select count(*) from {view}") == 0


@pytest.mark.requirement("R6")
async def test_dovecot_is_logged_in_to_over_tls_under_a_private_ca(pool: Pool, dovecot: Dovecot) -> None:
    dovecot.add_user("jane@example.com", PASSWORD)
    watcher = Watcher(pool, worker=local_worker(ca_file=str(dovecot.ca_file)))
    await watcher.try_login(account(dovecot.tls_port, host="localhost", tls="implicit"))
    await watcher.try_login(account(dovecot.port, host="localhost", tls="starttls"))
    assert dovecot.logins("jane@example.com") == 2


@pytest.mark.requirement("R81")
async def test_dovecots_refusal_of_a_password_is_an_authentication_failure(pool: Pool, dovecot: Dovecot) -> None:
    dovecot.add_user("jane@example.com", "another password")
    with pytest.raises(ApplicationError) as refused:
        await Watcher(pool).try_login(account(dovecot.port))
    failure = failure_of(refused.value)
    assert failure.kind is Kind.AUTHENTICATION
    assert failure.server_said is not None
    assert "Authentication failed" in failure.server_said


async def test_a_server_that_refuses_only_after_the_login_has_refused_it(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD) as server:
        server.replies["STAT"] = "-ERR [SYS/PERM] Your account is not enabled for POP access."
        with pytest.raises(ApplicationError) as refused:
            await Watcher(pool).try_login(account(server.port))
    assert failure_of(refused.value).kind is Kind.POP_UNAVAILABLE


@pytest.mark.requirement("R5")
async def test_a_crm_that_does_not_exist_is_refused(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD) as server:
        with pytest.raises(Refused, match="no CRM connection named vtiger") as refused:
            await Watcher(pool).try_login(account(server.port, crm=("builtin", "vtiger")))
        assert (refused.value.refusal.code, refused.value.refusal.field) == ("unknown_crm", "crm")
        assert server.connections == 0
        await Watcher(pool).try_login(account(server.port, crm=("builtin",)))


@pytest.mark.parametrize(("host", "field"), [("127.0.0.1", "incoming.host"), ("localhost", "incoming.host")])
async def test_a_host_that_is_not_public_is_refused_unless_it_is_allowed(pool: Pool, host: str, field: str) -> None:
    watcher = Watcher(pool, worker=local_worker(allow_hosts=()))
    async with MailboxServer(password=PASSWORD) as server:
        with pytest.raises(Refused, match="MAILROOM_ALLOW_HOSTS") as refused:
            await watcher.try_login(account(server.port, host=host, tls="implicit"))
        assert (refused.value.refusal.code, refused.value.refusal.field) == ("host_not_allowed", field)
        assert server.connections == 0


async def test_a_password_in_clear_is_refused_unless_the_host_is_allowed(pool: Pool) -> None:
    watcher = Watcher(pool, worker=local_worker(allow_hosts=()))
    async with MailboxServer(password=PASSWORD) as server:
        with pytest.raises(Refused) as refused:
            await watcher.try_login(account(server.port, tls="none"))
        assert (refused.value.refusal.code, refused.value.refusal.field) == ("host_not_allowed", "incoming.tls")
        assert server.connections == 0


@pytest.mark.parametrize("secret", ["env:MAILROOM_SECRET_NOBODY", "vault:nobody"])
async def test_a_secret_that_is_not_there_is_refused_before_anybody_is_connected_to(pool: Pool, secret: str) -> None:
    async with MailboxServer(password=PASSWORD) as server:
        with pytest.raises(Refused) as refused:
            await Watcher(pool).try_login(account(server.port, secret=secret))
        assert (refused.value.refusal.code, refused.value.refusal.field) == ("secret_not_found", "incoming.secret")
        assert server.connections == 0


async def test_a_secret_with_a_line_break_reaches_no_server(pool: Pool) -> None:
    environ = {"MAILROOM_SECRET_JANE": "x\r\nDELE 1"}
    async with MailboxServer(password=PASSWORD) as server:
        with pytest.raises(Refused) as refused:
            await Watcher(pool, environ=environ).try_login(account(server.port, secret="env:MAILROOM_SECRET_JANE"))
        assert refused.value.refusal.code == "secret_not_allowed"
        assert server.attempts == 0


@pytest.mark.requirement("R90")
async def test_a_self_signed_certificate_is_refused_and_no_password_is_sent(pool: Pool, tmp_path: Path) -> None:
    async with MailboxServer(password=PASSWORD, tls=self_signed(tmp_path).context()) as server:
        with pytest.raises(ApplicationError) as refused:
            await Watcher(pool).try_login(account(server.port, host="localhost", tls="implicit"))
        failure = failure_of(refused.value)
        assert (failure.kind, failure.cause) == (Kind.CERTIFICATE, "self_signed")
        assert server.commands == []


@pytest.mark.requirement("R90")
async def test_an_operator_may_add_a_private_ca(pool: Pool, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with MailboxServer(password=PASSWORD, tls=authority.good().context()) as server:
        settings = account(server.port, host="localhost", tls="implicit")
        with pytest.raises(ApplicationError):
            await Watcher(pool).try_login(settings)
        await Watcher(pool, worker=local_worker(ca_file=str(authority.ca_file))).try_login(settings)
        assert server.logins == 1

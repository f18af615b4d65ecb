"""An account with `auth: xoauth2` from its set-up through an expiry and a withdrawn permission to a new one."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from domain.account.lifecycle import State
from domain.failures.failure import Kind
from infra.settings import WorkerSettings
from tests.servers.dovecot import Dovecot
from tests.servers.oauth_server import OAuthServer
from tests.servers.scripted_pop import MailboxServer
from tests.support.granted import KEY, store
from tests.support.running import Mailroom, a_new_address, refusal

HELLO = b"From: ann@example.org\r\nSubject: hello\r\n\r\nHello\r\n"


@pytest.fixture
def worker_settings(worker_settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(worker_settings, key=KEY.hex(), minute_seconds=0.01)


def incoming(dovecot: Dovecot, **more: Any) -> dict[str, Any]:
    return {
        "host": dovecot.host,
        "port": dovecot.port,
        "tls": "none",
        "auth": "xoauth2",
        "secret": "vault:jane",
    } | more


@pytest.mark.requirement("R81", "R82", "R83")
async def test_an_account_lives_on_tokens_and_comes_back_after_its_permission_was_withdrawn(
    mailroom: Mailroom, oauth_server: OAuthServer, token_dovecot: Dovecot
) -> None:
    address = a_new_address()
    token_dovecot.add_user(address, "unused password")
    token_dovecot.deliver(address, HELLO)
    await store(mailroom.pool, oauth_server.issue(user=address))
    given = {"address": address, "incoming": incoming(token_dovecot), "retrieval": {"interval_minutes": 1}}
    account = await mailroom.start(given)
    await account.until_mail(1)

    oauth_server.expire()
    token_dovecot.deliver(address, HELLO + b"again\r\n")
    await account.until_mail(2)
    assert oauth_server.refreshes == 1
    assert "RetrievalFailed" not in await account.logged()

    oauth_server.outage = ("503 Down", [], b"")
    oauth_server.expire()
    poll = await account.command("poll_now")
    assert (poll["failure"]["kind"], poll["failure"]["counts"]) == ("server_error", None)
    assert "127.0.0.1" in poll["failure"]["remedy"]
    oauth_server.outage = None
    await account.until(lambda now: now.last_failure is None, "recovery when the token endpoint is back")

    oauth_server.revoke()
    status = await account.until_state(State.DISABLED)
    assert (status.reason, status.failures.authentication) == ("authentication_failures", 10)
    assert status.last_failure is not None
    assert status.last_failure.kind is Kind.AUTHENTICATION
    assert "mailroom oauth connect jane" in status.last_failure.remedy
    refused = await refusal(account.command("enable", by="ops"))
    assert refused.failure is not None
    assert refused.failure["kind"] == "authentication"
    assert "After 10 such refusals" not in refused.message

    token_dovecot.deliver(address, HELLO + b"missed\r\n")
    await store(mailroom.pool, oauth_server.issue(user=address))
    answer = await account.command("change_credential", secret="vault:jane", by="ops")
    assert (answer["state"], answer["failures"]["authentication"]) == ("active", 0)
    await account.until_mail(3)

    for name, content in (await everything(mailroom, account.handle)).items():
        assert [secret for secret in oauth_server.secrets() if secret in content] == [], name


async def everything(mailroom: Mailroom, handle: Any) -> dict[str, str]:
    """All that is kept of an account: its history with its payloads, and every table, the vault's ciphertexts too."""
    events = [event.SerializeToString().decode("latin-1") async for event in handle.fetch_history_events()]
    content = {"history": "".join(events)}
    tables = await mailroom.rows("select table_name from information_schema.tables where table_schema = 'mailroom'")
    for name in (row["table_name"] for row in tables):
        rows = await mailroom.rows(f"select * from {name}")
        content[name] = "\n".join(
            (bytes(value) if isinstance(value, memoryview) else str(value).encode()).decode("latin-1")
            for row in rows
            for value in row.values()
        )
    assert len(content["history"]) > 1000
    return content


async def test_a_start_that_needs_connecting_again_is_refused_with_the_command(
    mailroom: Mailroom, oauth_server: OAuthServer, token_dovecot: Dovecot
) -> None:
    await store(mailroom.pool, oauth_server.issue(expires_in=0))
    oauth_server.revoke()
    account = await mailroom.start({"address": a_new_address(), "incoming": incoming(token_dovecot)})
    refused = await refusal(account.handle.result())
    assert refused.failure is not None
    assert refused.failure["kind"] == "authentication"
    assert "mailroom oauth connect jane" in refused.message
    assert await account.logged() == ["SetUpRefused"]


async def test_a_running_account_changes_from_password_to_token(
    mailroom: Mailroom, oauth_server: OAuthServer, token_dovecot: Dovecot
) -> None:
    address = a_new_address()
    token_dovecot.add_user(address, "password")
    password = mailroom.secret("password")
    given = {"address": address, "incoming": incoming(token_dovecot, auth="password", secret=password)}
    account = await mailroom.start(given)
    await account.until_logged("AccountConnected")
    refused = await refusal(account.command("change_settings", settings={"incoming": {"auth": "xoauth2"}}))
    assert (refused.code, refused.field) == ("secret_not_allowed", "incoming.secret")
    await store(mailroom.pool, oauth_server.issue(user=address))
    change = {"incoming": {"auth": "xoauth2", "secret": "vault:jane"}}
    answer = await account.command("change_settings", settings=change, by="ops")
    assert answer["settings_version"] == 2
    token_dovecot.deliver(address, HELLO)
    await account.command("poll_now")
    assert len(await account.mail()) == 1
    refused = await refusal(account.command("change_credential", secret=password))
    assert (refused.code, refused.field) == ("secret_not_allowed", "secret")
    assert "vault:NAME" in refused.message
    assert json.loads(json.dumps(await account.settings()))["incoming"]["secret"] == "vault:jane"


async def test_an_entry_of_another_shape_is_refused_by_what_it_lacks(mailroom: Mailroom) -> None:
    await store(mailroom.pool, {"client_id": "mailroom", "refresh_token": "t0p-Secret"})
    async with MailboxServer() as server:
        account = await mailroom.start(mailroom.given(server, incoming={"auth": "xoauth2", "secret": "vault:jane"}))
        refused = await refusal(account.handle.result())
    assert refused.code == "secret_not_allowed"
    assert "token_endpoint is missing; scope is missing" in refused.message
    assert "t0p-Secret" not in refused.message

"""Sessions of accounts with `auth: xoauth2`: on Dovecot, which asks the authorisation server, and on scripted servers."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.core.refusal import Refused
from domain.failures.failure import Failure, Kind
from domain.mailbox.settings import AccountSettings
from infra.database.pool import Pool
from infra.vault.vault import Cipher, Vault
from tests.servers.dovecot import Dovecot
from tests.servers.oauth_server import OAuthServer
from tests.servers.scripted_pop import Close, Expect, MailboxServer, ScriptedServer, Send, Step
from tests.support.granted import KEY, store, stored
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, failure_of, local_worker, mail


def watcher(pool: Pool) -> Watcher:
    return Watcher(pool, worker=local_worker(key=KEY.hex()))


def by_token(port: int, **given: Any) -> AccountSettings:
    return account(port, **({"auth": "xoauth2", "secret": "vault:jane"} | given))


async def refused_login(watcher: Watcher, settings: AccountSettings) -> Failure:
    with pytest.raises(ApplicationError) as refused:
        await watcher.try_login(settings)
    return failure_of(refused.value)


def conversation(mechanism: str, *ending: Step, capabilities: str = "SASL PLAIN XOAUTH2 OAUTHBEARER") -> list[Step]:
    return [
        Send(b"+OK ready\r\n"),
        Expect("CAPA"),
        Send(f"+OK\r\n{capabilities}\r\n.\r\n".encode()),
        Expect(f"AUTH {mechanism}"),
        Send(b"+ \r\n"),
        Expect(),
        *ending,
    ]


WELCOME: list[Step] = [
    Send(b"+OK\r\n"), Expect("CAPA"), Send(b"+OK\r\nUIDL\r\n.\r\n"), Expect("STAT"), Send(b"+OK 0 0\r\n"),
    Expect("QUIT"),
    Send(b"+OK\r\n"), Close(),
]  # fmt: skip


@pytest.mark.parametrize("provider", ["generic", "google"])
async def test_mail_comes_in_by_token_from_dovecot_under_either_mechanism(
    pool: Pool, oauth_server: OAuthServer, token_dovecot: Dovecot, provider: str
) -> None:
    token_dovecot.add_user(JANE, PASSWORD)
    token_dovecot.deliver(JANE, mail(1))
    await store(pool, oauth_server.issue())
    watching, settings = watcher(pool), by_token(token_dovecot.port, provider=provider)
    await watching.record(settings)
    await watching.watch(settings)
    assert await watching.subjects() == ["message 1"]
    assert f"method={'XOAUTH2' if provider == 'google' else 'OAUTHBEARER'}" in token_dovecot.log()
    used_at = {entry.name: entry.used_at for entry in await Vault(pool).entries()}
    assert used_at == {"jane": (f"127.0.0.1:{token_dovecot.port}",)}, "it belongs to the login that it opened"


async def test_a_token_that_the_server_no_longer_takes_is_renewed_and_the_login_tried_once_more(
    pool: Pool, oauth_server: OAuthServer, token_dovecot: Dovecot
) -> None:
    token_dovecot.add_user(JANE, PASSWORD)
    await store(pool, oauth_server.issue())
    oauth_server.expire()
    await watcher(pool).try_login(by_token(token_dovecot.port))
    assert oauth_server.refreshes == 1
    assert token_dovecot.logins(JANE) == 1
    assert oauth_server.requests["introspect"] == 2


async def test_a_token_that_is_refused_even_when_fresh_is_an_authentication_failure(
    pool: Pool, oauth_server: OAuthServer, token_dovecot: Dovecot
) -> None:
    token_dovecot.add_user(JANE, PASSWORD)
    await store(pool, oauth_server.issue(user="joe@example.com"))
    failure = await refused_login(watcher(pool), by_token(token_dovecot.port))
    assert (failure.kind, oauth_server.refreshes) == (Kind.AUTHENTICATION, 1)
    assert "given by another account" in failure.remedy
    assert "mailroom oauth connect jane --provider other" in failure.remedy
    assert oauth_server.requests["introspect"] == 2, "one attempt per connection, and two connections"


async def test_a_withdrawn_permission_is_an_authentication_failure_and_no_password_is_to_blame(
    pool: Pool, oauth_server: OAuthServer, token_dovecot: Dovecot
) -> None:
    await store(pool, oauth_server.issue(expires_in=0))
    oauth_server.revoke()
    watching, settings = watcher(pool), by_token(token_dovecot.port)
    failure = await watching.fails(settings)
    assert (failure.kind, failure.counts) == (Kind.AUTHENTICATION, "authentication")
    assert failure.server_said == "invalid_grant (HTTP 400)"
    assert "Connect again" in failure.remedy
    assert not any(secret in failure.model_dump_json() for secret in oauth_server.secrets())
    assert oauth_server.requests["introspect"] == 0, "the mail server was not even asked"


@pytest.mark.parametrize("outage", ["down", "503"])
async def test_a_token_endpoint_that_is_down_counts_nowhere_and_is_named(
    pool: Pool, oauth_server: OAuthServer, outage: str
) -> None:
    await store(pool, oauth_server.issue(expires_in=0))
    if outage == "down":
        oauth_server.down()
    else:
        oauth_server.outage = ("503 Down", [], b"")
    async with MailboxServer(capabilities=["SASL XOAUTH2"]) as server:
        failure = await watcher(pool).fails(by_token(server.port))
        assert (failure.kind, failure.counts) == (Kind.SERVER_ERROR, None)
        assert "token endpoint at 127.0.0.1" in failure.remedy
        assert server.connections == 0
    if outage == "down":
        oauth_server.up()


async def test_an_endpoint_that_is_down_when_a_token_was_rejected_counts_nowhere(
    pool: Pool, oauth_server: OAuthServer
) -> None:
    await store(pool, oauth_server.issue())
    oauth_server.outage = ("503 Down", [], b"")
    refusal: list[Step] = [Send(b"+ e30=\r\n"), Expect("AQ=="), Send(b"-ERR [AUTH] no\r\n"), Close()]
    async with ScriptedServer(conversation("OAUTHBEARER", *refusal)) as server:
        failure = await watcher(pool).fails(by_token(server.port))
    assert (failure.kind, failure.counts) == (Kind.SERVER_ERROR, None)


async def test_a_refusal_that_is_not_about_the_token_renews_nothing(pool: Pool, oauth_server: OAuthServer) -> None:
    await store(pool, oauth_server.issue())
    busy: list[Step] = [Send(b"-ERR [IN-USE] maildrop is locked\r\n"), Close()]
    async with ScriptedServer(conversation("OAUTHBEARER", *busy)) as server:
        failure = await watcher(pool).fails(by_token(server.port))
        assert server.connections == 1
    assert (failure.kind, oauth_server.refreshes) == (Kind.MAILBOX_BUSY, 0)


@pytest.mark.parametrize(
    ("capabilities", "provider", "mechanism"),
    [
        ("SASL PLAIN XOAUTH2 OAUTHBEARER", "generic", "OAUTHBEARER"),
        ("SASL PLAIN XOAUTH2 OAUTHBEARER", "google", "XOAUTH2"),
        ("SASL PLAIN XOAUTH2 OAUTHBEARER", "microsoft", "XOAUTH2"),
        ("SASL PLAIN OAUTHBEARER", "google", "OAUTHBEARER"),
        ("SASL xoauth2", "generic", "XOAUTH2"),
        ("USER", "microsoft", "XOAUTH2"),
        ("SASL PLAIN", "google", "XOAUTH2"),
    ],
)
async def test_the_mechanism_follows_the_servers_capabilities(
    pool: Pool, oauth_server: OAuthServer, capabilities: str, provider: str, mechanism: str
) -> None:
    await store(pool, oauth_server.issue())
    async with ScriptedServer(conversation(mechanism, *WELCOME, capabilities=capabilities)) as server:
        await watcher(pool).try_login(by_token(server.port, provider=provider))


async def test_a_server_that_offers_neither_is_not_shown_a_token(pool: Pool, oauth_server: OAuthServer) -> None:
    await store(pool, oauth_server.issue())
    async with MailboxServer(password=PASSWORD) as server:
        failure = await refused_login(watcher(pool), by_token(server.port))
        assert server.attempts == 0
    assert failure.kind is Kind.CONFIGURATION
    assert "does not offer the way of logging in" in failure.remedy


async def test_recent_mode_is_said_in_the_user_part(pool: Pool, oauth_server: OAuthServer) -> None:
    grant = oauth_server.issue()
    await store(pool, grant)
    script = conversation("XOAUTH2", *WELCOME, capabilities="SASL XOAUTH2")
    async with ScriptedServer(script) as server:
        await watcher(pool).try_login(by_token(server.port, recent_mode=True))
        sent = base64.b64decode(server.received[2]).decode()
    assert sent == f"user=recent:{JANE}\1auth=Bearer {grant['access_token']}\1\1"


async def test_a_server_that_repeats_the_token_is_not_quoted(pool: Pool, oauth_server: OAuthServer) -> None:
    grant = oauth_server.issue()
    await store(pool, grant)
    response = base64.b64encode(f"user={JANE}\1auth=Bearer {grant['access_token']}\1\1".encode()).decode()
    words = f"-ERR [IN-USE] {grant['access_token']} and {response} is locked\r\n".encode()
    async with ScriptedServer(conversation("OAUTHBEARER", Send(words), Close())) as server:
        failure = await watcher(pool).fails(by_token(server.port))
    assert failure.server_said
    assert "is locked" in failure.server_said
    assert grant["access_token"] not in failure.server_said
    assert response.rstrip("=") not in failure.server_said


async def test_a_grant_is_never_sent_as_a_password(pool: Pool, oauth_server: OAuthServer) -> None:
    await store(pool, oauth_server.issue())
    async with MailboxServer() as server:
        with pytest.raises(Refused, match="auth to xoauth2") as refused:
            await watcher(pool).try_login(by_token(server.port, auth="password"))
        assert server.connections == 0
    assert not any(secret in refused.value.message for secret in oauth_server.secrets())


async def test_a_password_is_no_grant(pool: Pool) -> None:
    await Vault(pool).put("jane", PASSWORD, Cipher(KEY))
    async with MailboxServer(capabilities=["SASL XOAUTH2"]) as server:
        with pytest.raises(Refused, match="holds no OAuth grant") as refused:
            await watcher(pool).try_login(by_token(server.port))
        assert PASSWORD not in refused.value.message
        failure = await watcher(pool).fails(by_token(server.port))
        assert (failure.kind, server.connections) == (Kind.CONFIGURATION, 0)


async def test_the_renewed_tokens_are_in_the_vault_after_a_session(
    pool: Pool, oauth_server: OAuthServer, token_dovecot: Dovecot
) -> None:
    token_dovecot.add_user(JANE, PASSWORD)
    await store(pool, oauth_server.issue(expires_in=0))
    await watcher(pool).try_login(by_token(token_dovecot.port))
    kept = await stored(pool)
    assert (kept.access_token, kept.refresh_token) == (
        oauth_server.tokens[-1].access_token,
        oauth_server.tokens[-1].refresh_token,
    )

"""`mailroom oauth connect`, run as operators run it: both flows, what it stores, and what it refuses in words."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from domain.oauth import GOOGLE, microsoft
from infra.database.pool import Pool
from infra.oauth import flows
from infra.oauth.connect import arguments, endpoints_of
from infra.vault.references import Secrets
from infra.vault.vault import Cipher, Vault
from tests.end_to_end.operating import clean_environment
from tests.servers.oauth_records import SCOPE
from tests.servers.oauth_server import OAuthServer
from tests.support.granted import KEY, USE, access_tokens, settings, store, stored


@pytest.fixture
def server(oauth_server: OAuthServer) -> OAuthServer:
    return oauth_server


class Command:
    """One run of the command; `said` is what it has printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said = ""

    async def until_said(self, pattern: str) -> str:
        """The first group of what it prints; fails where it ends without."""
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while (found := re.search(pattern, self.said)) is None:
                line = await self._process.stdout.readline()
                assert line, f"it ended: {self.said} {await self.ended()}"
                self.said += line.decode()
        return found[1]

    async def ended(self) -> tuple[int, str]:
        """Exit status, and all that it complained of."""
        async with asyncio.timeout(60):
            printed, complaint = await self._process.communicate()
        self.said += printed.decode()
        assert self._process.returncode is not None
        return self._process.returncode, complaint.decode()


@contextlib.asynccontextmanager
async def running(database_url: str, *given: str, stdin: str = "", **environ: str) -> AsyncIterator[Command]:
    defaults = {
        "DATABASE_URL": database_url,
        "MAILROOM_KEY": base64.b64encode(KEY).decode(),
        "MAILROOM_ALLOW_HOSTS": "127.0.0.1",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.oauth", *given),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(**(defaults | environ)),
        cwd=Path(__file__).parents[3],
    )
    assert process.stdin is not None
    process.stdin.write(stdin.encode())
    process.stdin.close()
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def at(server: OAuthServer, *more: str) -> list[str]:
    """The arguments that connect "jane" at the test's own server."""
    return [
        *("connect", "jane", "--provider", "other", "--client-id", server.client.client_id, "--scope", SCOPE),
        *("--token-endpoint", server.url("token"), "--authorization-endpoint", server.url("authorize")),
        *("--device-endpoint", server.url("device"), *more),
    ]


def secret(server: OAuthServer) -> dict[str, str]:
    return {"MAILROOM_OAUTH_CLIENT_SECRET": server.client.secret or ""}


async def agree(page: str) -> httpx.Response:
    """What the owner's browser does: it opens the page and follows the redirect to this machine."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        sent_back = await browser.get(page)
        assert sent_back.status_code == 302, sent_back.text
        return await browser.get(sent_back.headers["Location"])


async def test_the_device_flow_stores_a_grant_that_gives_tokens(
    pool: Pool, database_url: str, server: OAuthServer
) -> None:
    server.agrees, server.slows_down = None, 0
    async with running(database_url, *at(server, "--device"), **secret(server)) as command:
        assert await command.until_said(r"Open (\S+) in any browser") == server.url("activate")
        code = await command.until_said(r"Enter the code (\S+)")
        assert [device.get_user_code() for device in server.devices.values()] == [code]
        assert await asyncio.to_thread(server.arrived.wait, 30), "it asks before the owner has agreed"
        server.agrees = True
        assert await command.ended() == (0, "")
        assert "stored as vault:jane (version 1)" in command.said
        assert not any(one in command.said for one in server.secrets())
    grant = await stored(pool)
    assert (grant.token_endpoint, grant.scope) == (server.url("token"), SCOPE)
    assert grant.refresh_token == server.tokens[-1].refresh_token
    server.expire()
    fresh = await access_tokens(pool).get("vault:jane", use=USE, rejected=grant.access_token)
    assert fresh.access_token == server.tokens[-1].access_token


async def test_the_browser_flow_uses_pkce_and_a_port_of_this_machine(
    pool: Pool, database_url: str, server: OAuthServer
) -> None:
    given = at(server, "--browser", "--client-secret-stdin")
    async with running(database_url, *given, stdin=f"{server.client.secret}\n") as command:
        page = await command.until_said(r"(http://127\.0\.0\.1:\d+/authorize\S+)")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
        assert asked["code_challenge_method"] == "S256"
        redirect = asked["redirect_uri"]
        async with httpx.AsyncClient(trust_env=False) as stranger:
            for query in ("", "/favicon.ico", "/?code=forged", "/?code=forged&state=guessed"):
                assert (await stranger.get(redirect + query)).status_code == 404
        assert (await agree(page)).status_code == 200
        assert await command.ended() == (0, "")
    assert (await stored(pool)).client_secret == server.client.secret
    assert server.bodies[0]["redirect_uri"] == redirect
    assert server.requests["token"] == 1, "a forged answer is not even exchanged"


async def test_a_public_client_needs_no_secret(pool: Pool, database_url: str, server: OAuthServer) -> None:
    server.client.secret = None
    async with running(database_url, *at(server, "--device")) as command:
        assert await command.ended() == (0, "")
    assert (await stored(pool)).client_secret is None


async def test_connecting_again_takes_what_the_entry_has_and_leaves_it_its_logins(
    pool: Pool, database_url: str, server: OAuthServer
) -> None:
    await store(pool, server.issue())
    await Secrets(pool, settings()).accept("vault:jane", USE)
    given = ["connect", "jane", "--provider", "other", "--device", "--device-endpoint", server.url("device")]
    async with running(database_url, *given) as command:
        assert await command.ended() == (0, "")
        assert "version 2" in command.said
    assert [entry.used_at for entry in await Vault(pool).entries()] == [(f"{USE.host}:{USE.port}",)]
    assert (await stored(pool)).client_secret == server.client.secret


async def test_what_an_entry_has_is_not_sent_to_another_endpoint(
    pool: Pool, database_url: str, server: OAuthServer
) -> None:
    await store(pool, server.issue() | {"token_endpoint": "https://login.example.com/token"})
    given = [argument for argument in at(server, "--device") if argument not in ("--client-id", "mailroom")]
    async with running(database_url, *given) as command:
        status, complaint = await command.ended()
    assert status == 1
    assert "--client-id is needed" in complaint
    assert server.requests == {}


async def test_an_owner_who_does_not_agree_is_told_in_both_flows(
    pool: Pool, database_url: str, server: OAuthServer
) -> None:
    server.agrees = False
    async with running(database_url, *at(server, "--device"), **secret(server)) as command:
        status, complaint = await command.ended()
        assert (status, "did not agree" in complaint, "nothing was stored" in complaint) == (1, True, True)
    async with running(database_url, *at(server, "--browser"), **secret(server)) as command:
        await agree(await command.until_said(r"(http://127\.0\.0\.1:\d+/authorize\S+)"))
        status, complaint = await command.ended()
        assert (status, "access_denied" in complaint) == (1, True)
    assert await Vault(pool).entries() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scope": "offline_access"}, "but not to reading mail"),
        ({"outage": ("200 OK", [], b'{"access_token": "x", "token_type": "Bearer"}')}, "gave no refresh token"),
        ({"outage": ("503 Down", [], b"")}, "127.0.0.1: it refused: HTTP 503"),
    ],
    ids=["mail unticked", "no refresh token", "down"],
)
async def test_what_is_no_lasting_permission_is_not_stored(
    pool: Pool, database_url: str, server: OAuthServer, changes: dict[str, Any], words: str
) -> None:
    for name, value in changes.items():
        setattr(server, name, value)
    async with running(database_url, *at(server, "--device"), **secret(server)) as command:
        status, complaint = await command.ended()
    assert status == 1
    assert words in complaint
    assert not any(one in complaint for one in server.secrets())
    assert await Vault(pool).entries() == []


async def test_a_wrong_client_secret_is_refused_with_advice(database_url: str, server: OAuthServer) -> None:
    wrong = {"MAILROOM_OAUTH_CLIENT_SECRET": "wr0ng-Secret"}
    async with running(database_url, *at(server, "--device"), **wrong) as command:
        status, complaint = await command.ended()
    assert status == 1
    assert "invalid_client" in complaint
    assert "look both up where the application is registered" in complaint
    assert "wr0ng-Secret" not in complaint + command.said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--provider", "google", "--device", "--client-id", "x"], "Google's device flow does not give out"),
        (["--provider", "google"], "--client-id is needed"),
        (["--provider", "google", "--tenant", "common", "--client-id", "x"], "--tenant is Microsoft's"),
        (["--provider", "other", "--client-id", "x"], "needs --token-endpoint and --scope"),
        (
            ["--provider", "other", "--client-id", "x", "--scope", "mail", "--token-endpoint", "https://x.example/t"],
            "--browser needs --authorization-endpoint",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_what_cannot_work_is_refused_before_anybody_signs_in(
    database_url: str, given: list[str], words: str
) -> None:
    async with running(database_url, "connect", "jane", *given) as command:
        status, complaint = await command.ended()
    assert status == 1
    assert words in complaint


async def test_without_a_key_nobody_is_sent_to_sign_in(database_url: str, server: OAuthServer) -> None:
    async with running(database_url, *at(server, "--device"), MAILROOM_KEY="") as command:
        status, complaint = await command.ended()
    assert (status, "MAILROOM_KEY_FILE" in complaint, server.requests) == (1, True, {})


async def test_a_private_endpoint_must_be_allowed_here_too(database_url: str, server: OAuthServer) -> None:
    async with running(database_url, *at(server, "--device"), MAILROOM_ALLOW_HOSTS="", **secret(server)) as command:
        status, complaint = await command.ended()
    assert (status, "MAILROOM_ALLOW_HOSTS" in complaint, server.requests) == (1, True, {})


async def test_an_entry_that_holds_a_password_is_not_overwritten(
    pool: Pool, database_url: str, server: OAuthServer
) -> None:
    await Vault(pool).put("jane", "correct horse", Cipher(KEY))
    async with running(database_url, *at(server, "--device"), **secret(server)) as command:
        status, complaint = await command.ended()
    assert (status, "vault:jane holds something else" in complaint) == (1, True)
    assert "correct horse" not in complaint


async def test_a_client_secret_as_an_argument_is_refused_and_not_repeated(database_url: str) -> None:
    for argument in ("t0p-Secret", "--client-secret=t0p-Secret"):
        async with running(database_url, "connect", "jane", "--provider", "google", argument) as command:
            status, complaint = await command.ended()
        assert status == 2
        assert "standard input" in complaint
        assert "t0p-Secret" not in complaint + command.said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "missing: connect"),
        (["connect"], "missing: NAME, --provider"),
        (["connect", "jane"], "missing: --provider"),
        (["connect", "--provider", "google"], "missing: NAME"),
        (["connect", "jane", "--provider", "gmail"], "--provider is not given as it has to be"),
        (["connect", "no/name", "--provider", "google"], "NAME is not given as it has to be"),
        (["connect", "jane", "--provider", "google", "--scope"], "--scope is not given as it has to be"),
        (["connect", "jane", "--provider", "google", "more"], "there is an argument too many"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_usage_error_says_first_what_is_missing(
    given: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(given)
    complaint = capsys.readouterr().err
    assert (ended.value.code, complaint.splitlines()[0]) == (2, f"oauth: {words}")
    assert "usage: mailroom oauth" in complaint


async def test_a_server_that_asks_for_it_is_polled_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    from infra.oauth.endpoint import AuthorizationServer
    from tests.support.granted import settings

    with OAuthServer(slows_down=2, agrees=None) as server:
        real = asyncio.sleep
        monkeypatch.setattr(asyncio, "sleep", sleep)
        endpoints = endpoints_of(arguments(at(server)), None)
        client = flows.Client(server.client.client_id, server.client.secret)

        async def agreed() -> None:
            while len(pauses) < 4:
                await real(0.01)
            server.agrees = True

        agreeing = asyncio.create_task(agreed())
        await flows.by_device_code(AuthorizationServer(settings()), endpoints, client, lambda _: None)
        await agreeing
    assert pauses[:4] == [1, 6, 11, 11]


def test_the_providers_endpoints_are_theirs() -> None:
    asked = arguments(["connect", "jane", "--provider", "microsoft", "--tenant", "contoso.example"])
    found = endpoints_of(asked, None)
    assert found.device == "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/devicecode"
    assert found.scope == "https://outlook.office.com/POP.AccessAsUser.All offline_access"
    assert endpoints_of(arguments(["connect", "jane", "--provider", "microsoft"]), None) == microsoft("common")
    assert endpoints_of(arguments(["connect", "jane", "--provider", "google"]), None) == GOOGLE

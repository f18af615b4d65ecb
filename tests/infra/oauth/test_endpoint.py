"""Requests to token endpoints: whom they may reach, how long they may last, and what an odd answer means."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from domain.core.refusal import Refused
from domain.oauth import read_grant
from infra.oauth import endpoint
from infra.oauth.endpoint import Answer, AuthorizationServer, EndpointFailed
from tests.servers.certificates import Authority, self_signed
from tests.servers.oauth_server import OAuthServer
from tests.support.granted import settings

JSON = [("Content-Type", "application/json")]


@pytest.fixture
def server(oauth_server: OAuthServer) -> OAuthServer:
    return oauth_server


async def refresh(server: OAuthServer, *, url: str = "", **changes: Any) -> Answer:
    given = server.issue() | ({"token_endpoint": url} if url else {})
    return await AuthorizationServer(settings(**changes)).refresh(read_grant(json.dumps(given)))


async def trouble(server: OAuthServer, **given: Any) -> EndpointFailed:
    with pytest.raises(EndpointFailed) as failed:
        await refresh(server, **given)
    assert not any(secret in str(failed.value) for secret in server.secrets())
    return failed.value


@pytest.mark.parametrize("allow", [(), ("10.0.0.0/8",), ("login.example.com",)])
async def test_a_private_endpoint_is_refused_unless_it_is_allowed(server: OAuthServer, allow: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        await refresh(server, url=f"https://127.0.0.1:{server.port}/token", allow_hosts=allow)
    assert (refused.value.refusal.code, refused.value.refusal.field) == ("host_not_allowed", "incoming.secret")
    assert "127.0.0.1 has an address that is not a public one" in refused.value.message
    assert "MAILROOM_ALLOW_HOSTS" in refused.value.message
    assert server.requests == {}


async def test_secrets_go_in_clear_text_only_to_hosts_that_are_allowed(server: OAuthServer) -> None:
    with pytest.raises(Refused, match=r"clear text.*give an https:// URL"):
        await refresh(server, allow_hosts=())
    assert server.requests == {}
    assert (await refresh(server, allow_hosts=("127.0.0.1",)))["access_token"]


async def test_what_is_connected_to_is_what_was_checked(server: OAuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to something else the second time leads nowhere else."""
    asked: list[str] = []

    async def permitted(host: str, port: int, *_: Any, **__: Any) -> list[str]:
        asked.append(f"{host}:{port}")
        return ["::1", "127.0.0.1"]  # the first refuses the connection

    monkeypatch.setattr(endpoint, "permitted_addresses", permitted)
    await refresh(server, url=f"http://login.example.invalid:{server.port}/token")
    assert asked == [f"login.example.invalid:{server.port}"]


async def test_over_tls_the_certificate_must_be_trusted_and_for_the_hosts_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with OAuthServer(tls=authority.good().context()) as server:
        url = f"https://localhost:{server.port}/token"
        assert (await refresh(server, url=url, ca_file=str(authority.ca_file)))["access_token"]
        assert (await trouble(server, url=url)).trouble.cause == "untrusted_ca"
    with OAuthServer(tls=self_signed(tmp_path).context()) as server:
        failed = await trouble(server, url=f"https://localhost:{server.port}/token")
        assert failed.trouble.cause == "self_signed"
        assert "certificate" in str(failed)
        assert server.requests == {}


async def test_an_answer_that_does_not_come_in_time_is_not_waited_for(
    server: OAuthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "ANSWER_SECONDS", 0.5)
    server.gate.clear()
    assert (await trouble(server)).trouble.cause == "timeout"


async def test_an_answer_that_drips_is_not_waited_for(server: OAuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ANSWER_SECONDS", 0.5)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(65536)
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not over.wait(0.05):
                    try:
                        line.sendall(b" ")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        failed = await trouble(server, url=f"http://127.0.0.1:{listener.getsockname()[1]}/token")
        over.set()
        await asyncio.to_thread(dripping.join)
    assert failed.trouble.cause == "timeout"


@pytest.mark.parametrize(
    ("status", "headers", "body", "said", "cause"),
    [
        ("503 Down", [], b"<html>", "HTTP 503", None),
        ("500 Down", JSON, b'{"error": "invalid_grant"}', "invalid_grant (HTTP 500)", None),
        ("404 Not Found", [], b"", "HTTP 404", None),
        ("400 No", JSON, b'{"error": "S3CRET value"}', "HTTP 400", None),
        ("400 No", JSON, b'{"error": ["invalid_grant"]}', "HTTP 400", None),
        (
            "400 No",
            JSON,
            b'{"error": "invalid_grant", "error_description": "S3CRET", "error_codes": [700082]}',
            "invalid_grant AADSTS700082 (HTTP 400)",
            None,
        ),
        ("200 OK", JSON, b'{"error": "invalid_grant"}', "invalid_grant (HTTP 200)", None),
        ("200 OK", JSON, b"{}", None, "nonsense"),
        ("200 OK", JSON, b"[]", None, "nonsense"),
        ("200 OK", JSON, b'{"access_token": 5}', None, "nonsense"),
        ("200 OK", JSON, b'{"access_token": "x\\u0001auth=other"}', None, "nonsense"),
        ("200 OK", JSON, b'{"access_token": "x", "token_type": "mac"}', None, "nonsense"),
        ("200 OK", JSON, b"[" * 60_000, None, "nonsense"),
        ("200 OK", JSON, b'{"access_token": "' + b"x" * 70_000 + b'"}', None, "nonsense"),
        ("200 OK", [*JSON, ("Content-Encoding", "gzip")], b"\x1f\x8b\x08\x00", None, "nonsense"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_odd_answers_are_named_and_their_words_are_not_repeated(
    server: OAuthServer,
    status: str,
    headers: list[tuple[str, str]],
    body: bytes,
    said: str | None,
    cause: str | None,
) -> None:
    server.outage = (status, headers, body)
    failed = await trouble(server)
    assert (failed.trouble.said, failed.trouble.cause) == (said, cause)
    assert "S3CRET" not in str(failed)


async def test_a_redirect_is_not_followed(server: OAuthServer) -> None:
    server.outage = ("307 Elsewhere", [("Location", server.url("elsewhere"))], b"")
    assert "redirect (HTTP 307), which is not followed" in str(await trouble(server))
    assert server.requests == {"token": 1}


async def test_a_proxy_in_the_environment_is_not_used(server: OAuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "http_proxy", "https_proxy", "all_proxy":
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await refresh(server))["access_token"]


async def test_a_name_that_does_not_resolve_is_said(server: OAuthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: Any, **__: Any) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(endpoint, "permitted_addresses", unknown)
    failed = await trouble(server, url="https://login.example.invalid/token")
    assert failed.trouble.cause == "dns"
    assert "login.example.invalid" in str(failed)

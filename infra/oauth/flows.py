"""The ways in which an owner gives a permission: with a device code, in a browser on this machine, with a console's code."""

from __future__ import annotations

import asyncio
import getpass
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import parse_authorization_code_response, prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE

from domain.oauth import ADVICE, CODE, Endpoints
from infra.oauth.endpoint import Answer, AuthorizationServer, EndpointFailed

CONSENT_SECONDS = 900.0
SHORTEST_INTERVAL, LONGEST_INTERVAL = 1.0, 60.0
LARGEST_REQUEST = 16 * 1024
REQUEST_SECONDS = 10.0

Say = Callable[[str], None]


class NotConnected(Exception):
    """The mailbox could not be connected; the text says why and what to do, and holds nothing secret."""


@dataclass(frozen=True)
class Client:
    """The application that is registered with the provider. Public ones have no secret."""

    client_id: str
    client_secret: str | None


async def by_device_code(server: AuthorizationServer, endpoints: Endpoints, client: Client, say: Say) -> Answer:
    """The device authorisation grant (RFC 8628); raises NotConnected and EndpointFailed."""
    assert endpoints.device is not None
    form = urlencode({"scope": endpoints.scope})
    device = await server.ask(endpoints.device, client.client_id, client.client_secret, form)
    page = device.get("verification_uri") or device.get("verification_url")  # Google's name for it
    user_code, device_code = device.get("user_code"), device.get("device_code")
    if not (_shown(page) and _shown(user_code) and _shown(device_code)):
        raise NotConnected(f"{urlsplit(endpoints.device).hostname} gave no code to enter: it may not offer this flow")
    deadline = time.monotonic() + min(_seconds(device.get("expires_in"), CONSENT_SECONDS), CONSENT_SECONDS)
    interval = max(_seconds(device.get("interval"), 5.0), SHORTEST_INTERVAL)
    say(
        f"1. Open {page} in any browser.\n2. Enter the code {user_code}\n3. Sign in as the owner of the mailbox, and agree."
    )
    say("Waiting ...")
    while time.monotonic() + interval < deadline:
        await asyncio.sleep(interval)
        try:
            return await server.token(
                endpoints.token,
                client.client_id,
                client.client_secret,
                DEVICE_CODE_GRANT_TYPE,
                device_code=str(device_code),
            )
        except EndpointFailed as failed:
            match failed.trouble:
                case trouble if trouble.code == "authorization_pending":
                    pass
                case trouble if trouble.code == "slow_down":
                    interval = min(interval + 5, LONGEST_INTERVAL)  # section 3.5
                case trouble if trouble.cause in ("timeout", "connection"):
                    interval = min(interval * 2, LONGEST_INTERVAL)
                case _:
                    raise
    raise NotConnected("the code was not entered in time: give the command again")


async def by_console_code(server: AuthorizationServer, endpoints: Endpoints, client: Client, say: Say) -> Answer:
    """The authorisation code grant with a code that the provider's own console gave, which Zoho calls a self client."""
    say(
        f"1. Open {endpoints.console} as the user whose CRM it is, and choose Self Client, Generate Code.\n"
        f"2. Scope: {endpoints.scope}\n3. Paste the code here within the time that it lives."
    )
    code = await asyncio.to_thread(_one_line, "Code: ")
    return await server.token(endpoints.token, client.client_id, client.client_secret, "authorization_code", code=code)


def _one_line(prompt: str) -> str:
    """Typed without an echo, or piped in."""
    line = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    if not (line := line.strip()):
        raise NotConnected("no code was given")
    return line


async def in_browser(server: AuthorizationServer, endpoints: Endpoints, client: Client, say: Say) -> Answer:
    """The authorisation code grant with PKCE, coming back to a port of this machine (RFC 8252, 7636)."""
    assert endpoints.authorization is not None
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(64)
    returned: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                target = await _target(reader)
                ours = parse_qs(urlsplit(target).query).get("state") == [state]
                text = (
                    "Mailroom has its answer: this page can be closed." if ours else "This is not what is waited for."
                )
                content = text.encode()
                writer.write(
                    f"HTTP/1.1 {'200 OK' if ours else '404 Not Found'}\r\nContent-Type: text/plain\r\nContent-Length: "
                    f"{len(content)}\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
            if ours and not returned.done():
                returned.set_result(target)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass  # a browser that changed its mind
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, limit=LARGEST_REQUEST) as listener:
        port = listener.sockets[0].getsockname()[1]
        redirect_uri = f"http://{endpoints.redirect_host}:{port}"
        page = prepare_grant_uri(
            endpoints.authorization,
            client.client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=endpoints.scope,
            state=state,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **endpoints.parameters,
        )
        say(f"1. Open this page in a browser on this machine:\n\n{page}\n")
        say(f"   (From another machine, first: ssh -L {port}:127.0.0.1:{port} and this machine's name.)")
        say("2. Sign in as the owner of the mailbox, and agree.")
        say("Waiting ...")
        try:
            async with asyncio.timeout(CONSENT_SECONDS):
                target = await returned
        except TimeoutError:
            raise NotConnected("nobody agreed in time: give the command again") from None
    code = _code_of(target, state)
    return await server.token(
        endpoints.token,
        client.client_id,
        client.client_secret,
        "authorization_code",
        code=code,
        redirect_uri=redirect_uri,
        code_verifier=verifier,
    )


async def _target(reader: asyncio.StreamReader) -> str:
    """The path and query of a GET; ValueError for anything else."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    method, target, _ = head.split("\r\n")[0].split(" ")
    if method != "GET":
        raise ValueError(method)
    return target


def _code_of(target: str, state: str) -> str:
    try:
        return str(parse_authorization_code_response(target, state)["code"])
    except AuthlibBaseError:
        pass
    error = parse_qs(urlsplit(target).query).get("error", [""])[0]
    named = error if CODE.match(error) else "no code"
    raise NotConnected(
        f"the provider sent the browser back with {named}: {ADVICE.get(error, 'give the command again')}"
    )


def _shown(text: object) -> bool:
    return isinstance(text, str) and text.isprintable() and 0 < len(text) <= 2000


def _seconds(value: object, default: float) -> float:
    try:
        return max(float(str(value)), 0.0)
    except ValueError:
        return default

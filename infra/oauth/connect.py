"""`mailroom oauth connect NAME`: a mailbox's owner agrees, and what the provider gives for it goes into the vault."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from domain.core.foreign_text import log_line
from domain.crm.zoho import DATA_CENTRES, SCOPES, data_centre_of
from domain.directory.records import Profile
from domain.oauth import GOOGLE, MICROSOFT_HOST, Endpoints, Grant, NotAGrant, endpoint_url, microsoft, read_grant, zoho
from infra.database.migrate import migrate
from infra.database.pool import open_pool
from infra.oauth.endpoint import Answer, AuthorizationServer
from infra.oauth.flows import Client, NotConnected, Say, by_console_code, by_device_code, in_browser
from infra.oauth.tokens import renewed
from infra.settings import WorkerSettings
from infra.vault.vault import NAME, NAME_RULE, Cipher, Vault, secret_text

CLIENT_SECRET = "MAILROOM_OAUTH_CLIENT_SECRET"
TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}")
MISSING = "the following arguments are required: "  # argparse's words
SCOPE_SEPARATORS = re.compile(r"[\s,]+")  # Zoho asks for commas and answers with blanks
UNASKED = {"offline_access", "openid", "profile", "email"}  # scopes that an answer need not name

Flow = Callable[[AuthorizationServer, Endpoints, Client, Say], Awaitable[Answer]]


class _Parser(argparse.ArgumentParser):
    """Does not repeat what was typed: a client secret given by mistake as an argument stays out of logs."""

    def error(self, message: str) -> NoReturn:
        self.exit(
            2,
            f"oauth: {_complaint(message)}\n{self.format_usage()}NAME is {NAME_RULE}. The client secret is read from "
            f"standard input or from {CLIENT_SECRET}, never from an argument: if you typed one, it is now in your shell's "
            "history; make a new one.\n",
        )


def _complaint(message: str) -> str:
    """What argparse complains of, without anything that was typed."""
    if message.startswith(MISSING):
        return f"missing: {message.removeprefix(MISSING)}"
    if about := re.match(r"argument ([^:\s]+): ", message):
        return f"{about[1]} is not given as it has to be"
    return "there is an argument too many"


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError
    return text


def _tenant(text: str) -> str:
    if not TENANT.fullmatch(text):
        raise ValueError
    return text


def _url(text: str) -> str:
    try:
        return endpoint_url(text)
    except PydanticCustomError:
        raise ValueError from None


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="mailroom oauth", description="Connects mailboxes and CRMs by OAuth 2.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="connect", required=True, parser_class=_Parser)
    connect = commands.add_parser(
        "connect",
        help="let the owner of a mailbox or CRM sign in, and store the permission as vault:NAME",
        allow_abbrev=False,
    )
    connect.add_argument("name", metavar="NAME", type=_name)
    connect.add_argument("--provider", required=True, choices=["google", "microsoft", "zoho", "other"])
    connect.add_argument("--client-id", help="of the registered application; if left out, the one that NAME has")
    connect.add_argument(
        "--client-secret-stdin",
        action="store_true",
        help=f"read the application's secret from standard input; or set {CLIENT_SECRET}",
    )
    connect.add_argument("--tenant", type=_tenant, help="Microsoft: a tenant, common, organizations or consumers")
    connect.add_argument("--data-centre", choices=list(DATA_CENTRES), help="Zoho: where the organisation's data lies")
    connect.add_argument("--profile", choices=list(SCOPES), help="Zoho: crm, or recruit for Zoho Recruit")
    connect.add_argument("--scope", help="instead of the provider's scope for POP")
    connect.add_argument("--token-endpoint", metavar="URL", type=_url)
    connect.add_argument("--authorization-endpoint", metavar="URL", type=_url)
    connect.add_argument("--device-endpoint", metavar="URL", type=_url)
    way = connect.add_mutually_exclusive_group()
    way.add_argument("--device", action="store_true", help="with a code, on any device (default for Microsoft)")
    way.add_argument("--browser", action="store_true", help="in a browser on this machine (default for others)")
    return parser.parse_args(given)


def endpoints_of(asked: argparse.Namespace, known: Grant | None) -> Endpoints:
    """Whom to ask, by the arguments, or by what the entry has already; raises NotConnected."""
    match asked.provider:
        case "google":
            found = GOOGLE
        case "microsoft":
            found = microsoft(asked.tenant or _tenant_of(known) or "common")
        case "zoho":
            centre = asked.data_centre or data_centre_of(known.host if known else None)
            if centre is None:
                raise NotConnected(
                    "--provider zoho needs --data-centre, where the organisation's data lies (docs/zoho.md)"
                )
            found = zoho(centre, asked.profile or _profile_of(known))
        case _:
            same = known.token_endpoint if known else None
            token, scope = asked.token_endpoint or same, asked.scope or (known.scope if known else None)
            if token is None or scope is None:
                raise NotConnected(
                    "--provider other needs --token-endpoint and --scope, as the provider documents them"
                )
            found = Endpoints(token=token, authorization=None, device=None, scope=scope)
    if asked.tenant and asked.provider != "microsoft":
        raise NotConnected("--tenant is Microsoft's: leave it out")
    if (asked.data_centre or asked.profile) and asked.provider != "zoho":
        raise NotConnected("--data-centre and --profile are Zoho's: leave them out")
    return Endpoints(
        token=asked.token_endpoint or found.token,
        authorization=asked.authorization_endpoint or found.authorization,
        device=asked.device_endpoint or found.device,
        scope=asked.scope or found.scope,
        redirect_host=found.redirect_host,
        parameters=found.parameters,
        console=found.console,
    )


def _tenant_of(known: Grant | None) -> str | None:
    return urlsplit(known.token_endpoint).path.split("/")[1] if known and known.host == MICROSOFT_HOST else None


def _profile_of(known: Grant | None) -> Profile:
    return "recruit" if known and known.scope == SCOPES["recruit"] else "crm"


def _flow(asked: argparse.Namespace, endpoints: Endpoints) -> Flow:
    if endpoints.console is None:
        return by_device_code if _uses_device(asked, endpoints) else in_browser
    if asked.device or asked.browser:
        raise NotConnected("Zoho is connected with a code of its API console: leave out --device and --browser")
    if asked.client_secret_stdin:
        raise NotConnected(f"standard input is for the code here: give the client secret in {CLIENT_SECRET}")
    return by_console_code


def _uses_device(asked: argparse.Namespace, endpoints: Endpoints) -> bool:
    device = asked.device or (asked.provider == "microsoft" and not asked.browser)
    if device and asked.provider == "google":
        raise NotConnected(
            "Google's device flow does not give out the permission to read mail: use --browser, on this machine or "
            "through ssh -L"
        )
    if device and endpoints.device is None:
        raise NotConnected("--device needs --device-endpoint, as the provider documents it; or use --browser")
    if not device and endpoints.authorization is None:
        raise NotConnected("--browser needs --authorization-endpoint, as the provider documents it; or use --device")
    return bool(device)


def _client(asked: argparse.Namespace, endpoints: Endpoints, known: Grant | None, environ: Mapping[str, str]) -> Client:
    """The application. What the entry has is only ever sent to the endpoint that it is for."""
    same = known if known and known.token_endpoint == endpoints.token else None
    client_id = asked.client_id or (same.client_id if same else None)
    if client_id is None:
        raise NotConnected(
            "--client-id is needed: the id of the application that you registered with the provider (docs/oauth.md)"
        )
    if asked.client_secret_stdin:
        return Client(client_id, secret_text(sys.stdin.buffer.read(65_537)))
    secret = environ.get(CLIENT_SECRET) or (same.client_secret if same and client_id == same.client_id else None)
    return Client(client_id, secret)


def grant_from(answer: Answer, endpoints: Endpoints, client: Client) -> Grant:
    """What is stored; raises NotConnected where the answer is no lasting permission, or not the one that was asked for."""
    refresh_token = answer.get("refresh_token")
    if not isinstance(refresh_token, str) or not refresh_token:
        raise NotConnected(
            "the provider gave no refresh token, so the permission would end within the hour: the scope must ask for "
            "lasting access (many providers call it offline_access), and the registration must allow it"
        )
    given = answer.get("scope")
    wanted = {scope for scope in SCOPE_SEPARATORS.split(endpoints.scope.lower()) if scope not in UNASKED}
    if isinstance(given, str) and given and not wanted <= set(SCOPE_SEPARATORS.split(given.lower())):
        if endpoints.console:
            raise NotConnected(f"the code is not for all that is needed: get one for {endpoints.scope}")
        raise NotConnected("the owner agreed, but not to reading mail: give the command again and leave it ticked")
    elsewhere = data_centre_of(urlsplit(str(answer.get("api_domain", ""))).hostname)
    if endpoints.console and elsewhere not in (None, data_centre_of(urlsplit(endpoints.token).hostname)):
        raise NotConnected(f"this user's data lies in another data centre: give --data-centre {elsewhere}")
    bare = Grant.model_construct(
        client_id=client.client_id,
        client_secret=client.client_secret,
        refresh_token=refresh_token,
        token_endpoint=endpoints.token,
        scope=endpoints.scope,
    )
    try:
        return read_grant(renewed(bare, answer, datetime.now(UTC)).model_dump_json(exclude_none=True))
    except NotAGrant as problem:
        raise NotConnected(f"what was given and what came back make no grant: {problem}") from None


async def connect(given: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Does the command; returns the exit status. Nothing is stored unless all of it worked."""
    asked = arguments(given)
    settings = WorkerSettings.from_environment(environ)
    cipher = Cipher(settings.vault_key())  # better said before anybody signs in
    await migrate(settings.database_url)
    pool = await open_pool(settings.database_url, most=1)
    try:
        vault = Vault(pool)
        known = await _known(vault, asked.name, cipher)
        endpoints = endpoints_of(asked, known)
        flow = _flow(asked, endpoints)
        client = _client(asked, endpoints, known, environ)
        server = AuthorizationServer(settings, field=asked.provider)
        grant = grant_from(await flow(server, endpoints, client, _say), endpoints, client)
        version = await vault.put(asked.name, grant.model_dump_json(exclude_none=True), cipher)
    finally:
        await pool.close()
    _say(f"stored as vault:{asked.name} (version {version}).")
    if endpoints.console:
        _say(
            f'A new CRM: {{"kind": "zoho", "secret": "vault:{asked.name}", ...}} (docs/zoho.md). One that has this secret'
        )
        _say("goes on with it by itself.")
        return 0
    _say(f'A new account: "incoming": {{..., "auth": "xoauth2", "secret": "vault:{asked.name}"}}. One that exists: ')
    _say(f'change_credential with {{"secret": "vault:{asked.name}"}} (docs/oauth.md).')
    return 0


async def _known(vault: Vault, name: str, cipher: Cipher) -> Grant | None:
    stored = await vault.get(name)
    if stored is None:
        return None
    try:
        return read_grant(cipher.open(stored))
    except NotAGrant:
        raise NotConnected(
            f"vault:{name} holds something else, a password perhaps, which would be lost: choose another name, or first "
            f"mailroom vault delete {name}"
        ) from None


def _say(text: str) -> None:
    print(log_line(text), flush=True)

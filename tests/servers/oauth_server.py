"""An OAuth 2 authorisation server of a test's own, made of authlib's server side: codes, devices, refreshes, introspection.

It listens on 127.0.0.1. Its owner agrees at once in the browser flow, and in the device flow when a test says so.
"""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from authlib.common.security import generate_token
from authlib.oauth2 import AuthorizationServer as Protocol
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict

from tests.servers.oauth_records import OWNER, SCOPE, Code, RegisteredClient, Token


@dataclass
class OAuthServer:
    """The server and all that it knows; every attribute may be changed while it runs.

    `outage` answers the token endpoint instead, with (status, headers, body); `gate` holds its answers back while it is
    cleared, after they have taken effect.
    """

    client: RegisteredClient = field(default_factory=RegisteredClient)
    tls: ssl.SSLContext | None = None
    expires_in: int = 3600
    rotates: bool = True
    scope: str | None = None
    agrees: bool | None = True
    slows_down: int = 0
    outage: tuple[str, list[tuple[str, str]], bytes] | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    tokens: list[Token] = field(default_factory=list)
    codes: dict[str, Code] = field(default_factory=dict)
    devices: dict[str, DeviceCredentialDict] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, str]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()
        self._lock = threading.Lock()
        self.protocol = _Protocol(self)
        self.port = 0

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.set()
        self.down()

    def up(self) -> None:
        """Listens; on the same port as before where there was one."""
        self._http = make_server("127.0.0.1", self.port, self._application, _ThreadedServer, _QuietHandler)
        if self.tls is not None:
            self._http.socket = self.tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def down(self) -> None:
        """Stops listening: connecting is refused from now on."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/{path}"

    @property
    def introspection_url(self) -> str:
        """Where a mail server asks about tokens, with the client that it asks as."""
        return f"http://{self.client.client_id}:{self.client.secret}@127.0.0.1:{self.port}/introspect"

    # What a test does as the owner of the mailbox or as the provider:

    def issue(self, *, expires_in: int | None = None, user: str = OWNER) -> dict[str, Any]:
        """A grant as `mailroom oauth connect` would have stored it."""
        token = Token(
            access_token=generate_token(40),
            refresh_token=generate_token(48),
            scope=SCOPE,
            client_id=self.client.client_id,
            user=user,
            expires_at=time.time() + (self.expires_in if expires_in is None else expires_in),
        )
        self.tokens.append(token)
        return {
            "client_id": self.client.client_id,
            "client_secret": self.client.secret,
            "refresh_token": token.refresh_token,
            "token_endpoint": self.url("token"),
            "scope": SCOPE,
            "access_token": token.access_token,
            "expires_at": int(token.expires_at),
        }

    def expire(self) -> None:
        """Every access token stops working at once, whatever was said of it."""
        for token in self.tokens:
            token.expires_at = 0

    def revoke(self) -> None:
        """The owner withdraws the permission."""
        for token in self.tokens:
            token.revoked = True

    def secrets(self) -> list[str]:
        """Everything that must not be seen anywhere."""
        issued = [text for token in self.tokens for text in (token.access_token, token.refresh_token) if text]
        return issued + ([self.client.secret] if self.client.secret else [])

    @property
    def refreshes(self) -> int:
        return sum(body.get("grant_type") == "refresh_token" for body in self.bodies)

    def _application(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].strip("/")
        size = int(environ.get("CONTENT_LENGTH") or 0)
        form = dict(parse_qsl(environ["wsgi.input"].read(size).decode()))
        with self._lock:
            self.requests[path] += 1
            if path == "token":
                self.bodies.append(form)
            status, headers, body = self._answered(path, environ, form)
        if path == "token":
            self.arrived.set()
            self.gate.wait(30)
        start_response(status, list(headers))  # wsgiref adds to it
        return [body]

    def _answered(
        self, path: str, environ: dict[str, Any], form: dict[str, str]
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        if path == "token" and self.outage is not None:
            return self.outage
        request = _request(environ, form)
        match path:
            case "token":
                answer = self.protocol.create_token_response(request)
            case "device":
                answer = self.protocol.create_endpoint_response("device_authorization", request)
            case "introspect":
                answer = self.protocol.create_endpoint_response("introspection", request)
            case "authorize":
                answer = self._authorize(request)
            case _:
                return "404 Not Found", [], b""
        status, payload, headers = answer
        body = json.dumps(payload).encode() if isinstance(payload, dict) else str(payload or "").encode()
        return f"{status} .", [(name, str(value)) for name, value in headers], body

    def _authorize(self, request: OAuth2Request) -> Any:
        try:
            grant = self.protocol.get_consent_grant(request, end_user=OWNER)
        except OAuth2Error as error:
            return self.protocol.handle_error_response(request, error)
        return self.protocol.create_authorization_response(
            request, grant_user=OWNER if self.agrees else None, grant=grant
        )


class _ThreadedServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or does not trust us, is no event."""


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name that the base class has
        """Access logs are not what a test prints."""


class _Request(OAuth2Request):  # type: ignore[misc]  # authlib has no types
    def __init__(self, method: str, uri: str, headers: dict[str, str], form: dict[str, str], query: dict[str, str]):
        super().__init__(method, uri, headers=headers)
        self._form = form
        self._query = query
        self.payload = BasicOAuth2Payload(query | form)

    @property
    def args(self) -> dict[str, str]:
        return self._query

    @property
    def form(self) -> dict[str, str]:
        return self._form


def _request(environ: dict[str, Any], form: dict[str, str]) -> _Request:
    headers = {"Authorization": environ["HTTP_AUTHORIZATION"]} if "HTTP_AUTHORIZATION" in environ else {}
    query = environ["QUERY_STRING"]
    # authlib serves https alone, as behind a proxy that ends TLS
    uri = f"https://{environ['HTTP_HOST']}{environ['PATH_INFO']}?{query}"
    return _Request(environ["REQUEST_METHOD"], uri, headers, form, dict(parse_qsl(query)))


class _Protocol(Protocol):  # type: ignore[misc]  # authlib has no types
    def __init__(self, server: OAuthServer) -> None:
        super().__init__(scopes_supported=SCOPE.split())
        self.server = server
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda **_: generate_token(40),
                lambda **_: generate_token(48),
                lambda *_: server.expires_in,
            ),
        )
        self.register_grant(_CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_grant(_DeviceGrant)
        self.register_endpoint(_DeviceEndpoint)
        self.register_endpoint(_Introspection)

    def query_client(self, client_id: str) -> RegisteredClient | None:
        client = self.server.client
        return client if client.client_id == client_id else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        if self.server.scope is not None:
            token["scope"] = self.server.scope
        self.server.tokens.append(
            Token(
                access_token=token["access_token"],
                refresh_token=token.get("refresh_token"),
                scope=token["scope"],
                client_id=request.client.client_id,
                user=request.user,
                expires_at=time.time() + token["expires_in"],
            )
        )

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
        return status, body, headers

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


class _CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]  # authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post", "client_secret_basic", "none")

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        data = request.payload.data
        self.server.server.codes[code] = Code(
            code, data["redirect_uri"], data["scope"], data["code_challenge"], data["code_challenge_method"]
        )

    def query_authorization_code(self, code: str, client: RegisteredClient) -> Code | None:
        found: Code | None = self.server.server.codes.get(code)
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del self.server.server.codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> str:
        return OWNER


class _RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]  # authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post", "client_secret_basic", "none")

    @property
    def INCLUDE_NEW_REFRESH_TOKEN(self) -> bool:  # noqa: N802 -- authlib's name
        return bool(self.server.server.rotates)

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        tokens: list[Token] = self.server.server.tokens
        return next((one for one in tokens if one.refresh_token == refresh_token and not one.revoked), None)

    def authenticate_user(self, refresh_token: Token) -> str:
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: Token) -> None:
        if self.server.server.rotates:
            refresh_token.refresh_token = None


class _DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]  # authlib has no types
    INTERVAL = 1
    EXPIRES_IN = 60

    def get_verification_uri(self) -> str:
        return str(self.server.server.url("activate"))

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        self.server.server.devices[data["device_code"]] = DeviceCredentialDict(client_id=client_id, scope=scope, **data)


class _DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]  # authlib has no types
    def query_device_credential(self, device_code: str) -> DeviceCredentialDict | None:
        return self.server.server.devices.get(device_code)

    def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
        agrees = self.server.server.agrees
        return None if agrees is None else (OWNER, agrees)

    def should_slow_down(self, credential: DeviceCredentialDict) -> bool:
        self.server.server.slows_down -= 1
        return bool(self.server.server.slows_down >= 0)


class _Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # authlib has no types
    CLIENT_AUTH_METHODS = ("client_secret_basic", "none")

    def check_permission(self, token: Token, client: RegisteredClient, request: OAuth2Request) -> bool:
        return True

    def query_token(self, text: str, token_type_hint: str | None) -> Token | None:
        tokens: list[Token] = self.server.server.tokens
        return next((token for token in tokens if token.access_token == text), None)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return {"active": True, "username": token.user, "scope": token.scope, "exp": int(token.expires_at)}

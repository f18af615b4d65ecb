"""An authorisation server's endpoints: one POST at a time, to checked addresses, bounded in time and size.

authlib says what is sent (RFC 6749, 8628, 7636); here is how. Its own httpx client is not used: it follows no rule about
addresses, and what it says of an answer that it cannot read may hold the answer.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from domain.core.refusal import Refused
from domain.failures.connection_rules import CERTIFICATE_CAUSES
from domain.oauth import CODE, Grant, Trouble, explained
from infra.network.addresses import permitted_addresses
from infra.network.http import AnswerLost, HttpHost, NotSent
from infra.settings import WorkerSettings

ANSWER_SECONDS = 20.0  # for the look-up, the connection and the whole answer
LARGEST_ANSWER = 64 * 1024
PUBLIC_ADVICE = "give the provider's public endpoint, or have the operator add it to MAILROOM_ALLOW_HOSTS"

Answer = dict[str, Any]


class EndpointFailed(Exception):
    """An endpoint gave no useful answer; nothing secret is in the text."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(f"{trouble.host}: {explained(trouble)}")
        self.trouble = trouble


class AuthorizationServer:
    """Asks authorisation servers on behalf of one worker or command. `field` is what a refusal names as the culprit."""

    def __init__(self, settings: WorkerSettings, *, field: str = "incoming.secret") -> None:
        self._field = field
        self._settings = settings

    async def refresh(self, grant: Grant) -> Answer:
        """A new access token, and perhaps a new refresh token (RFC 6749, section 6)."""
        return await self.token(
            grant.token_endpoint,
            grant.client_id,
            grant.client_secret,
            "refresh_token",
            refresh_token=grant.refresh_token,
            # Microsoft's refresh tokens are good for several resources: the scope says which one is meant.
            scope=grant.scope,
        )

    async def token(
        self, url: str, client_id: str, client_secret: str | None, grant_type: str, **parameters: str
    ) -> Answer:
        """The token endpoint's answer, which has a bearer token; raises EndpointFailed and Refused `host_not_allowed`."""
        answer = await self.ask(url, client_id, client_secret, str(prepare_token_request(grant_type, "", **parameters)))
        usable = isinstance(token := answer.get("access_token"), str) and token.isascii() and token.isprintable()
        if not usable or not token or str(answer.get("token_type", "bearer")).lower() != "bearer":
            raise EndpointFailed(Trouble(host=_host(url), cause="nonsense"))
        return answer

    async def ask(self, url: str, client_id: str, client_secret: str | None, body: str) -> Answer:
        """POSTs a form as a client, with its secret where it has one; the JSON object that answers it."""
        # In the body: so do the providers' own documents, and Basic is read in two ways where an id has a "%" or ":".
        method = "client_secret_post" if client_secret else "none"
        _, _, body = ClientAuth(client_id, client_secret, method).prepare("POST", url, {}, body)
        try:
            async with HttpHost(url, self._settings, resolve=self._addresses) as host:
                response = await host.request(
                    "POST",
                    "",
                    headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                    content=body.encode(),
                    seconds=ANSWER_SECONDS,
                    largest=LARGEST_ANSWER,
                )
        except (NotSent, AnswerLost, httpx.InvalidURL) as error:
            raise EndpointFailed(Trouble(host=_host(url), cause=_cause(error))) from None
        answer = _object(response.content or b"")
        if response.status != 200 or answer is None or "error" in answer:
            _refused(_host(url), response.status, answer)
        return answer

    async def _addresses(self, host: str, port: int, secure: bool) -> list[str]:
        try:
            return await permitted_addresses(
                host, port, self._settings.allow_hosts, tls="implicit" if secure else "none"
            )
        except Refused:
            reason = (
                f"{host} has an address that is not a public one: {PUBLIC_ADVICE}"
                if secure
                else f"{host} would be sent secrets in clear text, which only hosts in MAILROOM_ALLOW_HOSTS may be: "
                "give an https:// URL"
            )
            raise Refused(
                "host_not_allowed", f"{self._field}: the token endpoint's host {reason}", field=self._field
            ) from None


def _object(content: bytes) -> Answer | None:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _refused(host: str, status: int, answer: Mapping[str, Any] | None) -> NoReturn:
    code = (answer or {}).get("error")
    if status == 200 and code is None:
        raise EndpointFailed(Trouble(host=host, cause="nonsense"))
    numbers = (answer or {}).get("error_codes")
    number = numbers[0] if isinstance(numbers, list) and numbers and isinstance(numbers[0], int) else None
    # A code that does not look like one is not repeated: it may be anything that was sent.
    code = code if isinstance(code, str) and CODE.match(code) else None
    raise EndpointFailed(Trouble(host=host, status=status, code=code, number=number))


def _cause(error: Exception) -> str:
    for inner in _chain(error):
        if isinstance(inner, TimeoutError | httpx.TimeoutException):
            return "timeout"
        if isinstance(inner, ssl.SSLCertVerificationError):
            return CERTIFICATE_CAUSES.get(inner.verify_code, "other")
        if isinstance(inner, socket.gaierror):
            return "dns"
    return "connection"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""

"""An authorisation server's endpoints: one POST at a time, to checked addresses, bounded in time and size.

authlib says what is sent (RFC 6749, 8628, 7636); here is how. Its own httpx client is not used: it follows no rule about
addresses, and what it says of an answer that it cannot read may hold the answer.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from domain.connection_rules import CERTIFICATE_CAUSES
from domain.oauth import CODE, Grant, Trouble, explained
from domain.refusal import Refused
from infra.network import permitted_addresses
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
        self._allow = settings.allow_hosts
        self._field = field
        self._context = ssl.create_default_context()
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as for mail servers: activities/pop/certificates.py
        if settings.ca_file is not None:
            self._context.load_verify_locations(settings.ca_file)

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
            async with asyncio.timeout(ANSWER_SECONDS):
                status, content = await self._post(url, body)
        except (TimeoutError, httpx.TimeoutException):
            raise EndpointFailed(Trouble(host=_host(url), cause="timeout")) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise EndpointFailed(Trouble(host=_host(url), cause=_cause(error))) from None
        answer = _object(content)
        if status != 200 or answer is None or "error" in answer:
            _refused(_host(url), status, answer)
        return answer

    async def _post(self, url: str, body: str) -> tuple[int, bytes]:
        """Status and body; OSError and httpx.HTTPError of the last address when none answers."""
        given = httpx.URL(url)
        headers = {
            "Host": given.netloc.decode("ascii"),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # what is small here must not be large once unpacked
        }
        failure: Exception = OSError("there is no address to connect to")
        # No proxy and no netrc from the environment: what is connected to is what was checked.
        async with httpx.AsyncClient(verify=self._context, trust_env=False, timeout=ANSWER_SECONDS) as http:
            for address in await self._addresses(url):
                try:
                    async with http.stream(
                        "POST",
                        given.copy_with(host=address),
                        headers=headers,
                        content=body.encode(),
                        extensions={"sni_hostname": given.host},  # the name that the certificate must be for
                        follow_redirects=False,
                    ) as response:
                        return response.status_code, await _bounded(response)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    failure = error
        raise failure

    async def _addresses(self, url: str) -> list[str]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        try:
            return await permitted_addresses(
                host,
                parts.port or (443 if secure else 80),
                self._allow,
                tls="implicit" if secure else "none",
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


async def _bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > LARGEST_ANSWER:
            return b""  # which is no answer
    return bytes(content)


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

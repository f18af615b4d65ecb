"""HTTP to hosts that people name: to checked addresses, bounded in time and size, with nothing of the environment's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx

from infra.network.addresses import URL, permitted_addresses
from infra.network.tls import trusting
from infra.settings import WorkerSettings

CONNECT_SECONDS = 10.0  # to one address; then the next one is tried
A_DAY = 86400.0

Resolver = Callable[[str, int, bool], Awaitable[list[str]]]
"""The addresses of a host and port that may be connected to; the third says whether TLS is spoken. Raises OSError, Refused."""


class NotSent(Exception):
    """No request left this machine: there was no address, no connection or no TLS session. The cause is `__cause__`."""


class AnswerLost(Exception):
    """The request was sent, perhaps in part, and no whole answer came: whether it was carried out is not known."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `headers` have lower-case names; of a body that is longer than allowed, `content` is None."""

    status: int
    headers: Mapping[str, str]
    content: bytes | None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait (RFC 9110 10.2.3), at most a day; None where it does not say."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), A_DAY)
        try:
            at = parsedate_to_datetime(text)
            seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(seconds, 0.0), A_DAY)


class HttpHost:
    """One host, spoken to by any number of requests one after the other or at once; to be closed (`async with`)."""

    def __init__(self, url: str, settings: WorkerSettings, *, resolve: Resolver | None = None) -> None:
        """`url` names scheme, host and port; a path in it comes before the path of each request."""
        self._base = httpx.URL(url)
        self._resolve = resolve or permitted(settings)
        # No proxy and no netrc from the environment: what is connected to is what was checked.
        self._client = httpx.AsyncClient(
            verify=trusting("HTTP", settings.ca_file),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),  # the whole is bounded by each request
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    @property
    def host(self) -> str:
        return self._base.raw_host.decode()  # `host` would decode A-labels, and fail where they are none

    @property
    def port(self) -> int:
        return self._base.port or (443 if self._base.scheme == "https" else 80)

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        parameters: Mapping[str, str | Sequence[str]] | None = None,
        content: bytes = b"",
        seconds: float,
        largest: int,
    ) -> Response:
        """One answer within `seconds`, of at most `largest` bytes, whatever its status; raises NotSent, AnswerLost, and Refused
        `host_not_allowed` for a host that may not be spoken to."""
        target = self._base  # as it was given, with its query, where nothing is added
        if path or parameters:
            target = target.copy_with(path=target.path.rstrip("/") + path, params=parameters or None)
        try:
            async with asyncio.timeout(seconds):
                return await self._at_some_address(method, target, headers, content, largest)
        except TimeoutError:
            raise AnswerLost(f"no answer within {seconds:.0f} s") from None

    async def _at_some_address(
        self, method: str, target: httpx.URL, headers: Mapping[str, str], content: bytes, largest: int
    ) -> Response:
        secure = target.scheme == "https"
        port = self.port
        try:
            addresses = await self._resolve(self.host, port, secure)
        except OSError as error:
            raise NotSent("the host's name was not resolved") from error
        failure: Exception = OSError("there is no address to connect to")
        for address in addresses:
            try:
                async with self._client.stream(
                    method,
                    target.copy_with(host=address),
                    # What is small here must not be large once unpacked, so nothing is taken that is packed.
                    headers={**headers, "Host": target.netloc.decode("ascii"), "Accept-Encoding": "identity"},
                    content=content,
                    extensions={"sni_hostname": self.host},  # the name that the certificate must be for
                ) as response:
                    return Response(
                        response.status_code,
                        {name.lower(): value for name, value in response.headers.items()},
                        await _bounded(response, largest),
                    )
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
            except (httpx.HTTPError, OSError) as error:
                raise AnswerLost(f"the connection broke ({type(error).__name__})") from error
        raise NotSent("there was no connection") from failure


def permitted(settings: WorkerSettings) -> Resolver:
    """Public addresses, and those that MAILROOM_ALLOW_HOSTS names; raises Refused `host_not_allowed` (field url) for others."""

    async def resolve(host: str, port: int, secure: bool) -> list[str]:
        tls = "implicit" if secure else "none"
        return await permitted_addresses(host, port, settings.allow_hosts, tls=tls, setting=URL)

    return resolve


async def _bounded(response: httpx.Response, largest: int) -> bytes | None:
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > largest:
            return None
    return bytes(content)

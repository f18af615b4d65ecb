"""Sending to a test's own server: sessions that may reach it, and one message handed over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from activities.smtp.envelope import Envelope
from activities.smtp.session import Login, Server, SmtpSessions, Timeouts
from activities.smtp.transmission import Transmission, transmission
from infra.settings import WorkerSettings
from tests.servers.loopback import LoopbackServer

JANE = "jane@example.com"
BOB = "bob@example.org"
CAROL = "carol@example.net"
LOGIN = Login(JANE, "secret")
MESSAGE = b"Message-ID: <1@example.com>\r\nSubject: one\r\n\r\nHello\r\n..\r\n.\r\n.hidden\r\n"
PATIENT = Timeouts(connect=60, greeting=60, reply=60, data=60, piece=60, answer=60, quit=60)
HASTY = Timeouts(connect=60, greeting=0.5, reply=0.5, data=0.5, piece=0.5, answer=0.5, quit=0.5)
"""For servers that never answer."""


def sessions(
    timeouts: Timeouts = PATIENT, *, ca_file: str | None = None, allow: tuple[str, ...] = ("127.0.0.0/8", "localhost")
) -> SmtpSessions:
    return SmtpSessions(WorkerSettings(database_url="", allow_hosts=allow, ca_file=ca_file), timeouts=timeouts)


def at(server: LoopbackServer, tls: str = "none", host: str = "127.0.0.1") -> Server:
    return Server(host, server.port, tls)  # type: ignore[arg-type]  # one of three words


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


class Mark:
    """A mark that is committed, or refused, and counts how often it was asked for."""

    def __init__(self, answer: bool = True, also: Callable[[], Awaitable[object]] | None = None) -> None:
        self.asked = 0
        self._answer = answer
        self._also = also

    async def __call__(self) -> bool:
        self.asked += 1
        if self._also is not None:
            await self._also()
        return self._answer


async def send(
    server: LoopbackServer,
    *,
    to: Iterable[str] = (BOB,),
    sender: str = JANE,
    message: bytes = MESSAGE,
    mark: Callable[[], Awaitable[bool]] | None = None,
    timeouts: Timeouts = PATIENT,
    login: Login | None = LOGIN,
) -> Transmission:
    """What came of one message, with QUIT said."""
    async with transmission(
        sessions(timeouts),
        at(server),
        login,
        Envelope(sender, tuple(to)),
        pieces(message),
        size=len(message),
        mark=mark or Mark(),
    ) as came_of_it:
        return came_of_it

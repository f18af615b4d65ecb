"""One TCP connection to a POP3 server as a stream of protocol events: reaching it, TLS, waiting with a deadline."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections import deque
from collections.abc import Sequence

from activities.pop.protocol import Closed, Event, PopProtocol, Unasked, Violation
from infra.network.certificates import presented
from infra.network.reaching import reached
from infra.watchdog import awaits_an_answer

MOST_UNREAD = 256 * 1024
"""Bytes that are taken from the socket, and memory of what is made of them, before anybody wants it; beyond that the server
has to wait."""

EVENT = 128
"""Bytes of memory that an event takes besides those that it was made of: an empty line of a list is one."""

DENSE = 2 * 1024
"""Bytes that are looked through before it is asked again whether there is enough for now, where each may be an event."""

MOST_AT_ONCE = 32 * 1024
"""Bytes that are looked through before the loop goes round: a list takes a hundred times as long to read as to receive, and a
hundred servers may answer in the same moment."""

LEAST_PROGRESS = 4096
"""Bytes that a server must send within a `Patience`'s seconds: one that drips byte by byte is not waited for."""


class ServerRefused(Exception):
    """The server answered `-ERR`.

    `text` is what it said after that, undecorated; `command` the verb it refused, "greeting", or "" when it said so
    unasked before it hung up.
    """

    def __init__(self, text: str, command: str) -> None:
        super().__init__(f"{command or 'the session'} refused: {text}")
        self.text = text
        self.command = command


class ProtocolViolation(Exception):
    """The server does not speak POP3. `what` says how and holds nothing of any mail; the connection is to be aborted."""

    def __init__(self, what: str, received: str = "") -> None:
        """`received`: how a greeting began that is none of POP3's."""
        super().__init__(what)
        self.what = what
        self.received = received


class Line(asyncio.Protocol):
    """What asyncio calls as bytes come in, and what `PopConnection` asks for events.

    Writing never waits: what a caller may write before it reads is bounded by its window of commands, well under a
    socket's buffer. That is why no write can deadlock with a server that waits for us to read.
    """

    def __init__(self) -> None:
        self.protocol = PopProtocol()
        self.written_at = 0.0
        self.received = 0
        self.may_wait = math.inf
        """Seconds that whoever reads waits for the server from now on, all of its answers together."""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._events: deque[Event] = deque()
        self._unread = 0
        self._unseen = b""  # received, and not looked through yet
        self._looking: asyncio.Handle | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._end: Exception | None = None
        self._hung_up_after = (
            False  # the server has hung up, and something that it said before is not looked through yet
        )
        self._gone = self._loop.create_future()
        self._farewell: str | None = None

    @classmethod
    async def reach(cls, addresses: Sequence[str], port: int, *, seconds: float) -> Line:
        """Connect to the first address that answers; each gets its share of `seconds`.

        OSError of the last address (socket.gaierror, ConnectionRefusedError, TimeoutError, ...) when none does.
        """
        return await reached(cls, addresses, port, seconds=seconds)

    async def secure(self, context: ssl.SSLContext, server_name: str, *, seconds: float) -> list[bytes]:
        """Do the TLS handshake; the certificates that the server presented, in DER, its own first."""
        async with asyncio.timeout(seconds):
            self._forget_unseen()  # it came in clear
            secured = await self._loop.start_tls(self._transport, self, context, server_hostname=server_name)
        assert secured is not None
        self._transport = secured
        return presented(secured.get_extra_info("ssl_object"))

    @property
    def open(self) -> bool:
        return self._end is None and not self._transport.is_closing()

    @property
    def idle(self) -> bool:
        """Nobody waits for the server."""
        return self._arrival is None

    def write(self, data: bytes) -> None:
        """Send; on a line that has ended nothing happens here, `event` says so to whoever reads the answer."""
        if self._end is None:
            self.written_at = self._loop.time()
            self._transport.write(data)

    @property
    def unread(self) -> bool:
        """Whether there are answers or parts of answers still to be read."""
        return bool(self._events or self.protocol.awaited)

    async def event(self, deadline: float) -> Event:
        """The next thing that the server did, at the latest at `deadline` (the loop's clock).

        TimeoutError, ProtocolViolation; EOFError when the server has hung up, or ServerRefused when it said why;
        OSError (ssl.SSLError included) when the line broke.
        """
        while True:
            while not self._events:
                self._unread = 0
                if self._unseen:
                    self._look_soon()
                elif self._end is not None:
                    raise self._end
                else:
                    self._transport.resume_reading()
                self._arrival = self._loop.create_future()
                began = self._loop.time()
                try:
                    async with asyncio.timeout_at(min(deadline, began + self.may_wait)):
                        with awaits_an_answer():
                            await self._arrival
                except TimeoutError:
                    raise TimeoutError(f"the server did not answer {self.protocol.current} in time") from None
                finally:
                    self._arrival = None
                    self.may_wait -= self._loop.time() - began
            match event := self._events.popleft():
                case Unasked(text):
                    self._farewell = text
                case Violation(what, received):
                    self._end = ProtocolViolation(what, received)
                    raise self._end
                case Closed(awaiting):
                    self._end = self._hung_up(awaiting)
                    raise self._end
                case _:
                    return event

    async def close(self, *, seconds: float) -> None:
        """Close as TLS and TCP would have it, or just drop the line when that takes longer than `seconds`."""
        self._transport.close()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._gone)
        except TimeoutError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the line at once; whoever waits for it or asks it for more gets a ConnectionAbortedError."""
        # asyncio tells us of the end only once a TLS handshake, if there is one, is done: so it is noted here.
        self._end = self._end or ConnectionAbortedError("the line was dropped")
        self._forget_unseen()
        self._transport.abort()
        self._wake()

    def _hung_up(self, awaiting: str | None) -> Exception:
        if self._farewell is not None:
            return ServerRefused(self._farewell, "")
        return EOFError(f"the server hung up before it had answered {awaiting}" if awaiting else "the server hung up")

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    # What asyncio calls:

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._unseen += data
        if self._looking is None:
            self._look()

    def _look(self) -> None:
        """Looks through a piece of what has come, unless what was made of the last one is more than anybody wants."""
        self._looking = None
        seen = 0
        while seen < min(len(self._unseen), MOST_AT_ONCE) and self._unread <= MOST_UNREAD:
            piece = self._unseen[seen : seen + (MOST_AT_ONCE if self.protocol.in_message else DENSE)]
            seen += len(piece)
            self._take(self.protocol.receive(piece))
            self._unread += len(piece)
        self._unseen = self._unseen[seen:]
        if self._unseen:
            self._transport.pause_reading()
            if self._unread <= MOST_UNREAD:
                self._look_soon()
        else:
            if self._hung_up_after:
                self._hung_up_after = False
                self._take(self.protocol.receive_eof())
            if self._unread > MOST_UNREAD:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()
        self._wake()

    def _look_soon(self) -> None:
        if self._looking is None:
            self._looking = self._loop.call_soon(self._look)

    def _take(self, events: list[Event]) -> None:
        self._events.extend(events)
        self._unread += len(events) * EVENT

    def _forget_unseen(self) -> None:
        self._unseen = b""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def eof_received(self) -> None:
        self._note_the_end()

    def _note_the_end(self) -> None:
        """What came before it is read first, however much that is."""
        if self._unseen:
            self._hung_up_after = True
        else:
            self._take(self.protocol.receive_eof())
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        if self._end is None:
            self._end = error
        if error is None:
            self._note_the_end()
        if not self._gone.done():
            self._gone.set_result(None)
        self._wake()


class Patience:
    """A deadline that moves on as long as enough arrives: for answers that may take long because they are long."""

    def __init__(self, line: Line, seconds: float) -> None:
        self._line = line
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._renew()

    @property
    def deadline(self) -> float:
        if self._line.received - self._mark >= LEAST_PROGRESS:
            self._renew()
        return self._deadline

    def _renew(self) -> None:
        self._mark = self._line.received
        self._deadline = self._loop.time() + self._seconds

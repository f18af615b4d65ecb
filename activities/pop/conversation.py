"""A conversation with a POP3 server: reaching it, TLS, commands and their answers; what they mean is `connection.py`'s.

After login a NOOP goes out whenever nothing was sent for `Timeouts.keep_alive` seconds and nobody waits for an answer, so a
caller may stop reading for as long as storing takes. Its answer is passed over by whoever reads next.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import math
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from activities.pop.listing_budget import PIECE, STEP, ListingBudget, Share
from activities.pop.protocol import (
    GREETING,
    Accepted,
    Continuation,
    EndOfData,
    Greeting,
    ListingLine,
    MessageData,
    Refused,
)
from activities.pop.transport import Line, Patience, ProtocolViolation, ServerRefused

Tls = Literal["implicit", "starttls", "none"]
Phase = Literal["connect", "tls", "greeting", "login", "transaction"]

LARGEST_LISTING = 128 * 1024 * 1024
"""Bytes of memory that the lines of LIST or UIDL may take."""

LONGEST_LISTING = 800_000
"""Lines of LIST or UIDL. A message takes about 0.7 kB from the list to the plan: so many of them take what a worker may take at
most, where theirs is the one mailbox of that size that it is at (`listing_budget`)."""

LARGEST_CAPA, LONGEST_CAPA = 64 * 1024, 256
"""Bytes and lines that CAPA's answer may have: it is asked before any password, and no server needs a tenth of them."""

HONEST_SECONDS = 5.0  # that one of very many answers may take, whatever all lists may take together
BEYOND = 1024 * 1024
"""Bytes that are read past the double of what a message may have: then its end is not waited for."""


Answered = TypeVar("Answered")


class OutOfStep(ProtocolViolation):
    """The server's answers are not those to what it was asked."""


class ListTooLong(ProtocolViolation):
    """The server lists more messages than a worker has memory to look at; the text is the remedy."""

    def __init__(self, command: str) -> None:
        super().__init__(
            f"The server's answer to {command} has more than {LONGEST_LISTING:,} lines, and no mailbox of more messages is "
            "retrieved: move old messages to other folders or delete them on the server, or ask its administrator if the mailbox "
            "does not have so many."
        )


class MessageTooLarge(Exception):
    """A message is larger than the caller takes; `size` is the server's listing or what had come of it."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the message has {size} bytes or more")
        self.size = size


class Arriving:
    """A message of which more comes than `retrieve` holds: `head` is here, `rest()` is the remainder as it arrives.

    `rest` raises MessageTooLarge at the message's end when that was beyond `largest`. What is not read of it is read past
    before the next message.
    """

    def __init__(self, head: bytes, rest: AsyncIterator[bytes]) -> None:
        self.head = head
        self._rest = rest

    def rest(self) -> AsyncIterator[bytes]:
        return self._rest

    async def pass_over(self) -> None:
        """Reads what nobody wanted of it, up to its end."""
        with contextlib.suppress(MessageTooLarge):
            async for _ in self._rest:
                pass


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for: the TCP connection and likewise the TLS handshake; the greeting; each answer at login (60 at
    least: servers delay a refusal on purpose); the first line of any other answer; each further `line.LEAST_PROGRESS`
    bytes of a message or listing; all answers together until the lists are worked out, `lists_done` (a server that drips
    always sends enough for the next wait), and likewise what nobody wants any more. `keep_alive` is how long the line may be
    quiet before a NOOP."""

    connect: float = 30
    greeting: float = 30
    login: float = 60
    reply: float = 60
    transfer_idle: float = 60
    lists: float = 15 * 60
    keep_alive: float = 10


class Conversation:
    """One session's line, from TCP on.

    Where nothing else is said, a method raises `ServerRefused` for -ERR, `ProtocolViolation`, EOFError when the server
    hangs up, TimeoutError, and OSError (ssl.SSLError included). After any but the first, `abort()`.
    """

    def __init__(
        self,
        host: str | Sequence[str],
        port: int,
        *,
        tls: Tls,
        context: ssl.SSLContext,
        timeouts: Timeouts | None = None,
        server_name: str | None = None,
        lists: Share | None = None,
    ) -> None:
        """`host` is a name, or the addresses to try in turn, when `server_name` says whose certificate to expect. `lists` is what
        long answers are counted on, which outlives the connection as they do; without it, this one has a budget of its own."""
        self._addresses = [host] if isinstance(host, str) else list(host)
        self._port = port
        self._tls = tls
        self._context = context
        self._timeouts = timeouts or Timeouts()
        if server_name is None and not isinstance(host, str) and tls != "none":
            raise ValueError("addresses alone cannot be checked against a certificate: a server_name is needed")
        self._server_name = server_name or self._addresses[0]
        self._loop = asyncio.get_running_loop()
        self.lists = lists or ListingBudget().share()
        self._line: Line | None = None
        self._nudge: asyncio.TimerHandle | None = None
        self._ahead: deque[str] = deque()
        self.phase: Phase = "connect"
        """How far the session has come, so also where it failed. "login" lasts until the first STAT, LIST or UIDL is
        answered: some servers refuse a login only there."""
        self.greeting = ""
        self.capabilities: dict[str, tuple[str, ...]] = {}
        """Upper-case keyword -> arguments; {} before `ask_capabilities`."""
        self.certificates: list[bytes] = []
        """What the server presented, DER, its own first; [] without TLS or when the handshake failed."""

    async def connect(self) -> None:
        """Reach the server, encrypt, be greeted. With "starttls" nothing is ever sent in clear but STLS.

        Whatever goes wrong, the line is dropped before it is raised.
        """
        try:
            self._line = await Line.reach(self._addresses, self._port, seconds=self._timeouts.connect)
            self._line.may_wait = self._timeouts.lists
            if self._tls == "implicit":
                await self._secure()
            self.phase = "greeting"
            self.greeting = await self._status(GREETING, self._timeouts.greeting)
            if self._tls == "starttls":
                self.phase = "tls"
                await self._exchange("STLS")
                await self._secure()
                self._line.protocol.secured()
            self.phase = "login"
        except BaseException:
            await self.abort()
            raise

    @property
    def received(self) -> int:
        """Bytes that the server has sent so far, all of its answers together."""
        return self._line.received if self._line else 0

    @property
    def pipelining(self) -> bool:
        """Whether commands are sent ahead: what CAPA last said, unless the caller turns it off."""
        return self._wire.protocol.pipelining

    @pipelining.setter
    def pipelining(self, wanted: bool) -> None:
        self._wire.protocol.pipelining = wanted

    @property
    def sent_together(self) -> bool:
        """Whether the command that awaits its answer, or did when the line was lost, was sent before others were answered."""
        return self._line is not None and self._line.protocol.sent_together

    def lists_done(self) -> None:
        """No list is held any more, so the server may take its time: whoever asks for mail has limits for each message."""
        self._wire.may_wait = math.inf

    async def send_ahead(self, *commands: str) -> None:
        """Send commands whose answers are asked for next, in this order, by `stat`, `list_uids` and `list_sizes`.

        They then share one round trip. Without pipelining nothing is sent. What is not asked for next is read past.
        """
        await self._settle()
        if self.pipelining:
            self._wire.write(b"".join(self._wire.protocol.send(command) for command in commands))
            self._ahead.extend(commands)

    async def abort(self) -> None:
        """Drop the line without QUIT: nothing is deleted. Harmless at any time, and twice."""
        self._stop_nudging()
        if self._line is not None:
            self._line.abort()
            await asyncio.sleep(0)  # lets asyncio close the socket now

    # The parts that commands are made of:

    @property
    def _wire(self) -> Line:
        if self._line is None:
            raise RuntimeError("connect first")
        return self._line

    def _patience(self) -> Patience:
        return Patience(self._wire, self._timeouts.transfer_idle)

    async def _secure(self) -> None:
        self.phase = "tls"
        self.certificates = await self._wire.secure(self._context, self._server_name, seconds=self._timeouts.connect)

    async def _exchange(self, command: str, *arguments: str | int, within: float | None = None) -> str:
        """Send a command that has the line to itself, unless it was sent ahead; the text of its +OK."""
        if self._ahead and self._ahead[0] == command:
            self._ahead.popleft()
        else:
            await self._settle()
            self._wire.write(self._wire.protocol.send(command, *arguments))
        return await self._status(command, within or self._timeouts.reply)

    async def _status(self, command: str, within: float) -> str:
        """The text of the +OK to a command that was sent."""
        deadline = self._loop.time() + within
        while True:
            match await self._wire.event(deadline):
                case Greeting(text):
                    return text
                case Accepted(answered, text) if answered == command:
                    return text
                case Refused(answered, text) if answered == command:
                    raise ServerRefused(text, command)
                case _:
                    pass  # the answer to a NOOP that kept the line alive

    async def _without_waiting(self, answer: Awaitable[Answered]) -> Answered:
        """An answer of very many, each of which may take its time: what counts to the time for all lists is what goes on for
        longer than an honest server needs for one."""
        left, began = self._wire.may_wait, self._loop.time()
        try:
            return await answer
        finally:
            if self._loop.time() - began < HONEST_SECONDS:
                self._wire.may_wait = left

    async def _settle(self) -> None:
        """Read past what is still on the wire: answers to NOOPs, and what nobody wanted after all."""
        self._ahead.clear()
        patience, ends = self._patience(), self._loop.time() + self._timeouts.lists
        while self._wire.unread:
            await self._wire.event(min(patience.deadline, ends))

    async def _authenticate(self, mechanism: str, *raw: bytes) -> None:
        """The second response, if any, is the one to an error challenge (RFC 7628, section 3.2.3): `-ERR` follows it."""
        # On two lines: the initial response may exceed the 255 octets that a command line may have (RFC 5034), and
        # Outlook.com hangs up on it.
        deadline = self._loop.time() + self._timeouts.login
        responses = iter([base64.b64encode(response).decode() for response in raw])
        await self._settle()
        self._wire.write(self._wire.protocol.send("AUTH", mechanism))
        while True:
            match await self._wire.event(deadline):
                case Continuation():
                    self._wire.write(self._wire.protocol.respond(next(responses, "*")))
                case Accepted(command="AUTH"):
                    return
                case Refused("AUTH", text):
                    raise ServerRefused(text, "AUTH")
                case _:
                    pass

    async def _listing(self, command: str) -> list[bytes]:
        """The lines of LIST or UIDL, which are counted on the budget for lists."""
        return [line async for line in self._lines(command, grow=self.lists.grow)]

    async def _lines(self, command: str, *, grow: Callable[[int], None] | None = None) -> AsyncGenerator[bytes]:
        """The lines of LIST or UIDL as they come. `grow` is told whenever there is `STEP` more of them, where they are held."""
        await self._exchange(command)
        memory = counted = read = lines = 0
        patience = self._patience()
        while True:
            match await self._wire.event(patience.deadline):
                case ListingLine(_, line):
                    lines += 1
                    memory += len(line) + 64  # what Python needs for it besides
                    if memory > LARGEST_LISTING:
                        raise ProtocolViolation(f"the answer to {command} does not end")
                    if lines > LONGEST_LISTING:
                        raise ListTooLong(command)
                    if grow and memory >= counted + STEP:
                        grow(STEP)
                        counted += STEP
                    if memory >= read + PIECE:
                        read = memory
                        await self.lists.turn()
                        patience = self._patience()
                    yield line
                case EndOfData():
                    return
                case _:
                    pass

    async def _capabilities(self) -> list[bytes]:
        """The lines of CAPA's answer, which is short, or none."""
        await self._exchange("CAPA")
        lines: list[bytes] = []
        size = 0
        patience = self._patience()
        while True:
            match await self._wire.event(patience.deadline):
                case ListingLine(_, line):
                    lines.append(line)
                    size += len(line)
                    if size > LARGEST_CAPA or len(lines) > LONGEST_CAPA:
                        raise ProtocolViolation("the answer to CAPA is longer than any list of capabilities")
                case EndOfData():
                    return lines
                case _:
                    pass

    async def _message(self, command: str, largest: int, held: int) -> bytes | Arriving:
        """The message that answers a command that was sent, whole when it has no more than `held` bytes."""
        await self._status(command, self._timeouts.reply)
        body = bytearray()
        patience = self._patience()
        while True:
            match await self._wire.event(patience.deadline):
                case MessageData(_, data):
                    body += data
                    if len(body) > held:
                        return Arriving(bytes(body), self._rest(command, len(body), largest, patience))
                case EndOfData():
                    return bytes(body)
                case _:
                    pass

    async def _rest(self, command: str, size: int, largest: int, patience: Patience) -> AsyncGenerator[bytes]:
        """What is still to come of a message of which `size` bytes are here; of one beyond `largest` nothing more."""
        while True:
            match await self._wire.event(patience.deadline):
                case MessageData(_, data):
                    size += len(data)
                    if size <= largest:
                        yield data
                    elif size > 2 * largest + BEYOND:
                        raise ProtocolViolation(f"the answer to {command} does not end")
                case EndOfData():
                    break
                case _:
                    pass
        if size > largest:
            raise MessageTooLarge(size)

    def _keep_alive(self) -> None:
        """Send a NOOP if the line was quiet for long enough; look again later."""
        line, quiet = self._wire, self._timeouts.keep_alive
        if not line.open:
            return
        now = self._loop.time()
        if line.idle and now >= line.written_at + quiet and line.protocol.may_send("NOOP"):
            line.write(line.protocol.send("NOOP"))
        self._nudge = self._loop.call_at(now + quiet, self._keep_alive)

    def _stop_nudging(self) -> None:
        if self._nudge is not None:
            self._nudge.cancel()

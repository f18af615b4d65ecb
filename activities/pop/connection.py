"""A POP3 client on asyncio: TLS, login, listings, pipelined retrieval and deletion; no decision is made here.

Memory is bounded by the window, not by the mailbox: what was asked for and not read is at most `WINDOW_BYTES` by the
server's own listing, and if the server lies about sizes, the socket is simply not read until somebody wants more
(`line.MOST_UNREAD`). Of the message that is being put together no more than the caller's `held` bytes are kept: a larger
one is handed over while it arrives.

After login a NOOP goes out whenever nothing was sent for `Timeouts.keep_alive` seconds and nobody waits for an answer,
so a caller may stop iterating `retrieve` for as long as storing takes. Its answer is passed over by whoever reads next.

Every method may be cancelled. The conversation is then at no certain point: `abort()` is what is left to do.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from activities.pop.line import Line, Patience, ProtocolViolation, ServerRefused
from activities.pop.protocol import (
    GREETING,
    Accepted,
    Continuation,
    EndOfData,
    Greeting,
    ListingLine,
    MessageData,
    Refused,
    decode,
    encode,
)

__all__ = ["Arriving", "MessageTooLarge", "PopConnection", "ProtocolViolation", "ServerRefused", "Timeouts"]

Tls = Literal["implicit", "starttls", "none"]
Phase = Literal["connect", "tls", "greeting", "login", "transaction"]
TokenMechanism = Literal["XOAUTH2", "OAUTHBEARER"]

WINDOW_COMMANDS = 128
WINDOW_BYTES = 4 * 1024 * 1024
"""What may be asked for and unread when pipelining; refilled in one write when half of it is read."""

LARGEST_LISTING = 128 * 1024 * 1024
"""Bytes of memory that LIST or UIDL may take: about 800,000 messages."""

LARGEST_TOP = 1024 * 1024
USUAL_HEADER = 4096  # bytes, by which the window is reckoned
LONGEST_UIDL = 255  # RFC 1939 allows 70
MOST_MESSAGES = 10_000_000
LARGEST_SIZE = 2**40

_SIZE = re.compile(rb"[0-9]+")
_NUMBERED = re.compile(rb"[ \t]*([0-9]+)(?:[ \t]+(.*))?", re.DOTALL)


class OutOfStep(ProtocolViolation):
    """The server's answers are not those to what it was asked."""


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


Arrival = bytes | Arriving | ServerRefused | MessageTooLarge


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for: the TCP connection and likewise the TLS handshake; the greeting; each answer at login (60 at
    least: servers delay a refusal on purpose); the first line of any other answer; each further `line.LEAST_PROGRESS`
    bytes of a message or listing. `keep_alive` is how long the line may be quiet before a NOOP."""

    connect: float = 30
    greeting: float = 30
    login: float = 60
    reply: float = 60
    transfer_idle: float = 60
    keep_alive: float = 10


class PopConnection:
    """One POP3 session, from TCP to QUIT.

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
    ) -> None:
        """`host` is a name, or the addresses to try in turn, when `server_name` says whose certificate to expect."""
        self._addresses = [host] if isinstance(host, str) else list(host)
        self._port = port
        self._tls = tls
        self._context = context
        self._timeouts = timeouts or Timeouts()
        if server_name is None and not isinstance(host, str) and tls != "none":
            raise ValueError("addresses alone cannot be checked against a certificate: a server_name is needed")
        self._server_name = server_name or self._addresses[0]
        self._loop = asyncio.get_running_loop()
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

    @classmethod
    async def open(
        cls,
        host: str | Sequence[str],
        port: int,
        *,
        tls: Tls,
        context: ssl.SSLContext,
        timeouts: Timeouts | None = None,
        server_name: str | None = None,
    ) -> PopConnection:
        """A connection that has been greeted and, unless `tls` is "none", is encrypted."""
        connection = cls(host, port, tls=tls, context=context, timeouts=timeouts, server_name=server_name)
        await connection.connect()
        return connection

    async def connect(self) -> None:
        """Reach the server, encrypt, be greeted. With "starttls" nothing is ever sent in clear but STLS.

        Whatever goes wrong, the line is dropped before it is raised.
        """
        try:
            self._line = await Line.reach(self._addresses, self._port, seconds=self._timeouts.connect)
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

    async def ask_capabilities(self) -> dict[str, tuple[str, ...]]:
        """CAPA (RFC 2449); {} when the server knows no CAPA. To be asked again after login: the answer may differ."""
        try:
            lines = await self._listing("CAPA")
        except ServerRefused as refused:
            if refused.command != "CAPA":
                raise
            lines = []
        words = [decode(line).split() for line in lines]
        self.capabilities = {keyword.upper(): tuple(arguments) for keyword, *arguments in filter(None, words)}
        self.pipelining = "PIPELINING" in self.capabilities
        return self.capabilities

    async def login(self, username: str, password: str) -> None:
        """USER and PASS; AUTH PLAIN where the server offers that and no USER. ValueError for CR, LF or NUL in either.

        The server locks the maildrop. A connection is good for one attempt.
        """
        user, secret = encode("USER", username), encode("PASS", password)
        mechanisms = {mechanism.upper() for mechanism in self.capabilities.get("SASL", ())}
        if "PLAIN" in mechanisms and "USER" not in self.capabilities:
            await self._authenticate("PLAIN", b"\0" + user + b"\0" + secret)
        else:
            await self._exchange("USER", username, within=self._timeouts.login)
            await self._exchange("PASS", password, within=self._timeouts.login)
        self._keep_alive()

    async def login_with_token(self, mechanism: TokenMechanism, username: str, token: str) -> None:
        """AUTH with an OAuth 2 access token. ValueError for control characters in either.

        The server locks the maildrop. A connection is good for one attempt.
        """
        if any(character < " " for character in username + token):
            raise ValueError("an argument of AUTH contains a control character")  # \x01 ends a field
        bearer = b"auth=Bearer " + encode("AUTH", token) + b"\1\1"
        if mechanism == "XOAUTH2":
            await self._authenticate(mechanism, b"user=" + encode("AUTH", username) + b"\1" + bearer, b"")
        else:  # RFC 7628, section 3.1; the name is escaped as in RFC 5801, section 4
            name = encode("AUTH", username.replace("=", "=3D").replace(",", "=2C"))
            place = f"host={self._server_name}\1port={self._port}\1".encode()
            await self._authenticate(mechanism, b"n,a=" + name + b",\1" + place + bearer, b"\1")
        self._keep_alive()

    async def send_ahead(self, *commands: str) -> None:
        """Send commands whose answers are asked for next, in this order, by `stat`, `list_uids` and `list_sizes`.

        They then share one round trip. Without pipelining nothing is sent. What is not asked for next is read past.
        """
        await self._settle()
        if self.pipelining:
            self._wire.write(b"".join(self._wire.protocol.send(command) for command in commands))
            self._ahead.extend(commands)

    async def stat(self) -> tuple[int, int]:
        """Messages, and their bytes."""
        text = await self._exchange("STAT")
        self.phase = "transaction"
        found = re.match(r"([0-9]+)[ \t]+([0-9]+)", text)
        if found is None:
            raise ProtocolViolation("the answer to STAT is not two numbers")
        count, size = _number(found[1], MOST_MESSAGES), _number(found[2], MOST_MESSAGES * LARGEST_SIZE)
        if count is None or size is None:
            raise ProtocolViolation("the answer to STAT has a number that cannot be")
        return count, size

    async def list_sizes(self) -> dict[int, int]:
        """LIST: message number -> bytes, which some servers only estimate. Lines that do not say both, or say what cannot be,
        are passed over: one of them is no reason to go without all the other messages."""
        sizes = {}
        for number, rest in await self._numbered("LIST"):
            digits = _SIZE.match(rest)
            if digits and (size := _number(digits[0], LARGEST_SIZE)) is not None:
                sizes[number] = size
        return sizes

    async def list_uids(self) -> list[tuple[int, str]]:
        """UIDL: (message number, UIDL) in the server's order. A UIDL may be blank or occur twice: servers do that.

        What is not printable in one is escaped, so that it can be stored as text. A message that is listed twice is one
        message, under the first UIDL that it is given.
        """
        uids: dict[int, str] = {}
        for number, rest in await self._numbered("UIDL"):
            uids.setdefault(number, _printable(rest))
        if any(len(uid) > LONGEST_UIDL for uid in uids.values()):
            raise ProtocolViolation(f"the answer to UIDL has one of more than {LONGEST_UIDL} characters")
        return list(uids.items())

    async def retrieve(
        self, messages: Sequence[tuple[int, int]], *, largest: int, held: int
    ) -> AsyncGenerator[tuple[int, Arrival]]:
        """RETR each (message number, listed size), in order: (number, the message | why there is none).

        A message is raw, with the CRLF line ends it had on the wire, un-stuffed; one of more than `held` bytes is handed
        over as `Arriving`. A message that is listed as larger than `largest` is not asked for; one that turns out larger is
        read to its end and dropped. Leaving the iteration early leaves up to a window of messages on the wire, which the
        next command has to read past first.
        """
        async with contextlib.aclosing(self._each("RETR", (), messages, largest, held)) as arriving:
            async for number, message in arriving:
                yield number, message
                if isinstance(message, Arriving):
                    await message.pass_over()

    async def headers(
        self, numbers: Sequence[int]
    ) -> AsyncGenerator[tuple[int, bytes | ServerRefused | MessageTooLarge]]:
        """TOP each without any line of its body, in order: (number, the header | why there is none). MessageTooLarge stands
        for one of more than 1 MiB."""
        wanted = [(number, USUAL_HEADER) for number in numbers]
        async with contextlib.aclosing(self._each("TOP", (0,), wanted, LARGEST_TOP, LARGEST_TOP)) as arriving:
            async for number, header in arriving:
                if isinstance(header, Arriving):
                    await header.pass_over()
                    yield number, MessageTooLarge(LARGEST_TOP)
                else:
                    yield number, header

    async def _each(
        self,
        command: str,
        arguments: tuple[int, ...],
        messages: Sequence[tuple[int, int]],
        largest: int,
        held: int,
    ) -> AsyncGenerator[tuple[int, Arrival]]:
        """Asks for (message number, expected bytes) each, a window of them at a time when pipelining."""
        waiting = deque(messages)
        asked: deque[tuple[int, int]] = deque()
        unread = 0
        while waiting or asked:
            most = WINDOW_COMMANDS if self.pipelining else 1
            if not asked:
                await self._settle()
            if len(asked) <= most // 2 and unread <= WINDOW_BYTES // 2:
                commands = []
                while waiting and len(asked) < most and (not asked or unread + waiting[0][1] <= WINDOW_BYTES):
                    number, size = waiting.popleft()
                    asked.append((number, size))
                    if size <= largest:
                        unread += size
                        commands.append(self._wire.protocol.send(command, number, *arguments))
                self._wire.write(b"".join(commands))
            number, size = asked.popleft()
            if size > largest:
                yield number, MessageTooLarge(size)
                continue
            message: Arrival
            try:
                message = await self._message(command, largest, held)
            except ServerRefused as reason:
                if not reason.command:
                    raise  # that was its leave-taking
                message = reason
            unread -= size
            yield number, message

    async def delete(self, numbers: Sequence[int]) -> list[int]:
        """DELE each; the numbers that the server accepted. Nothing is deleted before `quit` is True."""
        accepted = []
        for batch in _batches(numbers, WINDOW_COMMANDS if self.pipelining else 1):
            await self._settle()
            self._wire.write(b"".join(self._wire.protocol.send("DELE", number) for number in batch))
            for number in batch:
                try:
                    await self._status("DELE", self._timeouts.reply)
                    accepted.append(number)
                except ServerRefused as refused:
                    if not refused.command:
                        raise
        return accepted

    async def prove_in_step(self) -> None:
        """Raises OutOfStep unless the server answers STAT, whose answer is like no other, and it alone."""
        try:
            await self.stat()
        except ServerRefused as refused:
            if not refused.command:
                raise
            raise OutOfStep("the answer to STAT is a refusal, which answers something else") from None
        except ProtocolViolation as violation:
            raise OutOfStep(violation.what) from None

    async def noop(self) -> None:
        """NOOP: the server is still there."""
        await self._exchange("NOOP")

    async def quit(self) -> bool:
        """QUIT and close. True only if the server accepted it: then, and only then, what DELE marked is deleted.

        Never raises for a line that is lost or a server that talks nonsense: that is what False says.
        """
        if self._line is None:
            return False
        try:
            await self._exchange("QUIT")
        except (ServerRefused, ProtocolViolation, OSError, EOFError):
            await self.abort()
            return False
        self._stop_nudging()
        await self._line.close(seconds=2)
        return True

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

    async def _settle(self) -> None:
        """Read past what is still on the wire: answers to NOOPs, and what nobody wanted after all."""
        self._ahead.clear()
        patience = self._patience()
        while self._wire.unread:
            await self._wire.event(patience.deadline)

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
        await self._exchange(command)
        lines: list[bytes] = []
        memory = 0
        patience = self._patience()
        while True:
            match await self._wire.event(patience.deadline):
                case ListingLine(_, line):
                    lines.append(line)
                    memory += len(line) + 64  # what Python needs for it besides
                    if memory > LARGEST_LISTING:
                        raise ProtocolViolation(f"the answer to {command} does not end")
                case EndOfData():
                    return lines
                case _:
                    pass

    async def _numbered(self, command: str) -> Iterator[tuple[int, bytes]]:
        """The lines of a listing that begin with a number that a message may have: that, and what follows it."""
        lines = await self._listing(command)
        self.phase = "transaction"
        return _numbers(lines)

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
                    elif size > 2 * largest + LARGEST_TOP:
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


def _number(digits: str | bytes, most: int) -> int | None:
    """What the digits say, None if that is more than can be."""
    return value if len(digits) <= 40 and (value := int(digits)) <= most else None


def _numbers(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    # One by one: there may be hundreds of thousands, and a match takes more memory than what it found.
    for entry in filter(None, map(_NUMBERED.fullmatch, lines)):
        if number := _number(entry[1], MOST_MESSAGES):
            yield number, entry[2] or b""


def _printable(uid: bytes) -> str:
    text = decode(uid)
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _batches(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))

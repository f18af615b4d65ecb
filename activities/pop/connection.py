"""A POP3 client on asyncio: TLS, login, listings, pipelined retrieval and deletion; no decision is made here.

Memory is bounded by the window, not by the mailbox: what was asked for and not read is at most `WINDOW_BYTES` by the
server's own listing, and if the server lies about sizes, the socket is simply not read until somebody wants more
(`line.MOST_UNREAD`). Of the message that is being put together no more than the caller's `held` bytes are kept: a larger
one is handed over while it arrives.

Every method may be cancelled. The conversation is then at no certain point: `abort()` is what is left to do.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from typing import Literal, TypeVar

from activities.pop.conversation import Arriving, Conversation, ListTooLong, MessageTooLarge, OutOfStep, Timeouts, Tls
from activities.pop.protocol import encode
from activities.pop.transport import ProtocolViolation, ServerRefused
from infra.network.words import decoded

__all__ = [
    "Arrival",
    "Arriving",
    "ListTooLong",
    "MessageTooLarge",
    "OutOfStep",
    "PopConnection",
    "ProtocolViolation",
    "ServerRefused",
    "Timeouts",
    "Tls",
]

Arrival = bytes | Arriving | ServerRefused | MessageTooLarge
TokenMechanism = Literal["XOAUTH2", "OAUTHBEARER"]
Read = TypeVar("Read")

WINDOW_COMMANDS = 128
WINDOW_BYTES = 4 * 1024 * 1024
"""What may be asked for and unread when pipelining; refilled in one write when half of it is read."""

LARGEST_TOP = 1024 * 1024
USUAL_HEADER = 4096  # bytes, by which the window is reckoned
LONGEST_UIDL = 255  # RFC 1939 allows 70; a longer one goes by a name of this length that is made of it
MOST_MESSAGES = 10_000_000
MEANT = {"AUTH-RESP-CODE", "EXPIRE", "LOGIN-DELAY", "PIPELINING", "SASL", "UIDL", "USER"}
"""The capabilities that anything here depends on; what else a server offers is not kept."""
MOST_MECHANISMS = 32
LARGEST_SIZE = 2**40

_STAT = re.compile(r"([0-9]+)(?:[ \t]+([0-9]+))?(?![^ \t])")
_SIZE = re.compile(rb"[0-9]+")
_NUMBERED = re.compile(rb"[ \t]*([0-9]+)(?:[ \t]+(.*))?", re.DOTALL)


class PopConnection(Conversation):
    """One POP3 session, from TCP to QUIT; its methods raise what `Conversation` says."""

    _odd_stat = False  # whether the answer to STAT is one that others could be taken for
    _listed: tuple[str, int, int] = (
        "LIST",
        0,
        0,
    )  # then the last listing: its lines that name a message, and the others

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

    async def ask_capabilities(self) -> dict[str, tuple[str, ...]]:
        """What CAPA says (RFC 2449) of those that are `MEANT`; {} when the server knows no CAPA. To be asked again after login:
        the answer may differ."""
        try:
            lines = await self._capabilities()
        except ServerRefused as refused:
            if refused.command != "CAPA":
                raise
            lines = []
        words = [decoded(line).split(maxsplit=MOST_MECHANISMS + 1)[: MOST_MECHANISMS + 1] for line in lines]
        self.capabilities = {
            keyword.upper(): tuple(arguments) for keyword, *arguments in filter(None, words) if keyword.upper() in MEANT
        }
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

    async def stat(self) -> int | None:
        """How many messages there are; None where the answer has no number that can be, for LIST and UIDL say it too."""
        try:
            text = await self._exchange("STAT")
        except ServerRefused as refused:
            self._odd_stat = bool(refused.command)
            raise
        self.phase = "transaction"
        found = _STAT.match(text)
        self._odd_stat = found is None or found[2] is None
        return _number(found[1], MOST_MESSAGES) if found else None

    async def list_sizes(self) -> dict[int, int]:
        """LIST: message number -> bytes, which some servers only estimate. Lines that do not say both, or say what cannot be,
        are passed over: one of them is no reason to go without all the other messages."""
        return await self._numbered("LIST", _sizes)

    async def list_uids(self) -> list[tuple[int, str]]:
        """UIDL: (message number, UIDL) in the server's order. A UIDL may be blank or occur twice: servers do that.

        What is not printable in one is escaped, so that it can be stored as text, and one of more than `LONGEST_UIDL`
        characters ends in a digest of the whole instead of its own end. A message that is listed twice is one message, under
        the first UIDL that it is given.
        """
        return await self._numbered("UIDL", _uids)

    async def retrieve(
        self, messages: Iterable[tuple[int, int]], *, largest: int, held: int
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
        wanted = ((number, USUAL_HEADER) for number in numbers)
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
        messages: Iterable[tuple[int, int]],
        largest: int,
        held: int,
    ) -> AsyncGenerator[tuple[int, Arrival]]:
        """Asks for (message number, expected bytes) each, a window of them at a time when pipelining; of the others, of which
        there may be very many, nothing is held."""
        waiting = iter(messages)
        following = next(waiting, None)
        asked: deque[tuple[int, int]] = deque()
        unread = 0
        while following or asked:
            most = WINDOW_COMMANDS if self.pipelining else 1
            if not asked:
                await self._settle()
            if len(asked) <= most // 2 and unread <= WINDOW_BYTES // 2:
                commands = []
                while following and len(asked) < most and (not asked or unread + following[1] <= WINDOW_BYTES):
                    number, size = following
                    following = next(waiting, None)
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
                message = await self._without_waiting(self._message(command, largest, held))
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
        """Raises OutOfStep unless the server answers STAT, whose answer is like no other, and it alone. Where its answer to
        STAT is not, the last listing is asked for once more: no message looks like one."""
        if self._odd_stat:
            await self._prove_by_listing()
            return
        try:
            await self.stat()
        except ServerRefused as refused:
            if not refused.command:
                raise
            raise OutOfStep("the answer to STAT is a refusal, which answers something else") from None
        except ProtocolViolation as violation:
            raise OutOfStep(violation.what) from None
        if self._odd_stat:
            self._odd_stat = False
            raise OutOfStep("the answer to STAT is not two numbers")

    async def _prove_by_listing(self) -> None:
        command, named_before, others_before = self._listed
        lines = named = 0
        wire = self._wire
        left, wire.may_wait = wire.may_wait, min(wire.may_wait, self._timeouts.lists)
        try:
            async for line in self._lines(command):  # which are only counted: nobody holds them
                lines += 1
                named += any(_numbers([line]))
        except ServerRefused as refused:
            if not refused.command:
                raise
            raise OutOfStep(f"the answer to {command} is a refusal, and was none before") from None
        except ProtocolViolation as violation:
            raise OutOfStep(violation.what) from None
        finally:
            wire.may_wait = left
        if named < named_before or lines - named > others_before:
            raise OutOfStep(f"the answer to {command} is not the list that it was")

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

    async def _numbered(self, command: str, read: Callable[[Iterator[tuple[int, bytes]]], Read]) -> Read:
        """What `read` makes of the lines of a listing that begin with a number that a message may have: that, and what follows
        it."""
        lines = await self._listing(command)
        self.phase = "transaction"
        if self._odd_stat:
            named = sum(1 for _ in _numbers(lines))
            self._listed = command, named, len(lines) - named
        return await self.lists.worked_out(len(lines), lambda: read(_numbers(lines)))


def _sizes(numbered: Iterator[tuple[int, bytes]]) -> dict[int, int]:
    sizes = {}
    for number, rest in numbered:
        digits = _SIZE.match(rest)
        if digits and (size := _number(digits[0], LARGEST_SIZE)) is not None:
            sizes[number] = size
    return sizes


def _uids(numbered: Iterator[tuple[int, bytes]]) -> list[tuple[int, str]]:
    uids: dict[int, str] = {}
    for number, rest in numbered:
        uids.setdefault(number, _shortened(_printable(rest)))
    return list(uids.items())


def _number(digits: str | bytes, most: int) -> int | None:
    """What the digits say, None if that is more than can be."""
    return value if len(digits) <= 40 and (value := int(digits)) <= most else None


def _numbers(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    # One by one: there may be hundreds of thousands, and a match takes more memory than what it found.
    for entry in filter(None, map(_NUMBERED.fullmatch, lines)):
        if number := _number(entry[1], MOST_MESSAGES):
            yield number, entry[2] or b""


def _printable(uid: bytes) -> str:
    text = decoded(uid)
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _shortened(uid: str) -> str:
    if len(uid) <= LONGEST_UIDL:
        return uid
    digest = hashlib.sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{uid[: LONGEST_UIDL - 65]}-{digest}"


def _batches(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))

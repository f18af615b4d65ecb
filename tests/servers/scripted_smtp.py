"""An SMTP server for tests: `SubmissionServer` behaves until told not to, at any point of a session."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import socket
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.servers.loopback import LoopbackServer

CONNECT = "CONNECT"
"""Stands for the greeting."""

BODY = "BODY"
"""Stands for the message after 354: what is told to happen here happens after `body_bytes` of it."""

DOT = "."
"""Stands for the end of the message."""

_END = b"\r\n.\r\n"


@dataclass
class Transaction:
    """What MAIL began. `recipients` are those that were accepted; `complete`: the dot arrived, and `data` is the message;
    `received` counts its bytes as they come."""

    sender: str
    parameters: str
    recipients: list[str] = field(default_factory=list)
    data: bytes = b""
    received: int = 0
    complete: bool = False
    answer: str | None = None


class SubmissionServer(LoopbackServer):
    """An SMTP server that takes messages, whose every attribute may be changed while it runs.

    ```
    async with SubmissionServer(password="x") as server:
        server.replies["RCPT TO:<bob@example.org>"] = "550 5.1.1 no such user"   # instead of the right answer
        server.replies["MAIL"] = ["451 4.7.1 later", "250 2.1.0 ok"]  # one after the other, the last one for ever
        server.replies[DOT] = b"\\r\\n250 ok\\r\\n"   # bytes go out as they are ...
        server.closes.add(DOT)                       # ... and then the line is closed
        server.resets.add("DATA")                    # no answer and RST
        server.hangs.add("MAIL")                     # answers nothing (more), keeps the line
        server.pauses[DOT] = 0.1                     # seconds before each answer
        server.floods["EHLO"] = b"250-x\\r\\n"         # sent without end instead of an answer
        server.body_bytes = 1000; server.hangs.add(BODY)   # stops reading
    ```

    All go by verb, by whole line, `CONNECT`, `BODY` or `DOT`. What is refused is not done, but for `DOT`: whatever the answer to
    the dot, the message was received.
    """

    def __init__(
        self,
        *,
        username: str = "jane@example.com",
        password: str = "secret",
        keywords: Iterable[str] = ("SIZE 50000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"),
        mechanisms: Iterable[str] = ("PLAIN", "LOGIN", "XOAUTH2"),
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        needs_login: bool = True,
    ) -> None:
        super().__init__(tls)
        self.username = username
        self.password = password
        self.keywords = list(keywords)
        self.mechanisms = list(mechanisms)
        self.starttls = starttls
        self.needs_login = needs_login
        self.passes_over_initial_responses = False
        """Whether AUTH PLAIN asks for what came with it."""
        self.replies: dict[str, str | bytes | list[str]] = {}
        self.hangs: set[str] = set()
        self.closes: set[str] = set()
        self.resets: set[str] = set()
        self.pauses: dict[str, float] = {}
        self.floods: dict[str, bytes] = {}
        self.body_bytes = 0

        self.connections = 0
        self.attempts = 0
        """AUTH commands."""
        self.logins = 0
        self.commands: list[str] = []
        """Every command line of every session, in order of arrival; AUTH's answers are not among them."""
        self.transactions: list[Transaction] = []
        self.ended = 0
        """Sessions that are over."""
        self.writers: set[asyncio.StreamWriter] = set()
        self.most_at_once = 0
        """Sessions."""
        self._news = asyncio.Event()

    @property
    def messages(self) -> list[Transaction]:
        """The transactions that were complete, whatever was answered: a server may have delivered these, and only these."""
        return [one for one in self.transactions if one.complete]

    def count(self, verb: str) -> int:
        """How often `verb` was seen, over all sessions."""
        return sum(line.split(" ")[0].upper() == verb for line in self.commands)

    async def until_over(self, sessions: int = 1) -> None:
        """Return once so many sessions are over: whatever the server was going to get, it has got."""
        while self.ended < sessions:
            await self._news.wait()

    async def until_received(self) -> None:
        """Return once a message is complete, answered or not."""
        while not self.messages:
            await self._news.wait()

    def takes_little(self) -> None:
        """Let the kernel keep next to nothing of what the server does not read."""
        assert self._listener is not None
        for listening in self._listener.sockets:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    async def give_up(self, words: bytes) -> None:
        """Say this in every session, unasked, and hang up."""
        for writer in list(self.writers):
            writer.write(words)
            await writer.drain()
        await asyncio.sleep(0.02)  # so that the words go out before the session is dropped
        await self.hang_up()

    def told(self) -> None:
        """Wake who waits for news."""
        self._news.set()
        self._news = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        self.most_at_once = max(self.most_at_once, len(self.writers))
        try:
            await _Session(self, reader, writer).run()
        finally:
            self.writers.discard(writer)
            self.ended += 1
            self.told()


class _Hung(Exception):
    """The session is over as the server was told."""


class _Session:
    def __init__(self, server: SubmissionServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.secured = server._tls is not None
        self.authenticated = False
        self.transaction: Transaction | None = None

    async def run(self) -> None:
        try:
            await self._answer(CONNECT, CONNECT, "220 mail.example.com ESMTP")
            while True:
                line = (await self.reader.readuntil(b"\n")).decode(errors="replace").rstrip("\r\n")
                self.server.commands.append(line)
                verb = line.split(" ")[0].upper()
                self.server.told()
                answer = await self._answer(verb, line, None)
                if verb == "DATA" and answer.startswith(b"354"):
                    await self._message()
                if verb == "QUIT":
                    return
        except _Hung:
            pass

    async def _answer(self, key: str, line: str, right: str | None) -> bytes:
        """Answer as the server was told to, or as is right; what was answered."""
        server, keys = self.server, {key, line}
        for one in keys & server.pauses.keys():
            if key == BODY:  # nobody reads meanwhile
                self.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's can
            await asyncio.sleep(server.pauses[one])
            if key == BODY:
                self.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        for one in keys & server.floods.keys():
            while True:
                self.writer.write(server.floods[one] * 1000)
                await self.writer.drain()
        told = next((server.replies[one] for one in (line, key) if one in server.replies), None)
        if isinstance(told, list):
            told = told.pop(0) if len(told) > 1 else told[0]
        faulty = bool(keys & (server.hangs | server.closes | server.resets))
        reply: str | bytes
        if told is not None:
            reply = told
            if key in ("MAIL", "RCPT") and str(told)[:1] == "2":
                await self._right(key, line)
        elif faulty:
            reply = b""
        else:
            reply = right if right is not None else await self._right(key, line)
        data = reply if isinstance(reply, bytes) else reply.encode() + b"\r\n"
        self.writer.write(data)
        if not keys & server.resets:
            await self.writer.drain()
        await self._fault(keys)
        if data.startswith(b"220") and key == "STARTTLS" and server.starttls is not None:
            await self.writer.start_tls(server.starttls)
            self.secured, self.authenticated = True, False
        if key == DOT and self.transaction is not None:
            self.transaction.answer = data.decode(errors="replace").strip()
        return data

    async def _fault(self, keys: set[str]) -> None:
        server = self.server
        if keys & server.resets:
            raw = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
            raise _Hung
        if keys & server.closes:
            raise _Hung
        if keys & server.hangs:
            self.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's can
            await asyncio.Event().wait()

    async def _right(self, verb: str, line: str) -> str:
        server = self.server
        argument = line[len(verb) :].strip()
        match verb:
            case "EHLO":
                return self._hello()
            case "STARTTLS" if server.starttls is not None and not self.secured:
                return "220 2.0.0 go ahead"
            case "AUTH":
                server.attempts += 1
                return await self._log_in(argument)
            case "QUIT":
                return "221 2.0.0 bye"
            case "MAIL" if server.needs_login and not self.authenticated:
                return "530 5.7.0 Authentication required"
            case "MAIL":
                found = re.fullmatch(r"FROM:<([^>]*)>(.*)", argument)
                if found is None:
                    return "501 5.5.4 syntax"
                self.transaction = Transaction(found[1], found[2].strip())
                server.transactions.append(self.transaction)
                return "250 2.1.0 ok"
            case "RCPT" if self.transaction is not None:
                self.transaction.recipients.append(argument.removeprefix("TO:<").removesuffix(">"))
                return "250 2.1.5 ok"
            case "DATA" if self.transaction is not None and self.transaction.recipients:
                return "354 go on"
            case "RCPT" | "DATA":
                return "503 5.5.1 bad sequence"
        return "502 5.5.2 unknown command"

    def _hello(self) -> str:
        keywords = list(self.server.keywords)
        if self.server.starttls is not None and not self.secured:
            keywords.append("STARTTLS")
        elif self.server.mechanisms:
            keywords.append("AUTH " + " ".join(self.server.mechanisms))
        lines = ["mail.example.com", *keywords]
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    async def _log_in(self, argument: str) -> str:
        mechanism, _, initial = argument.partition(" ")
        user = password = ""
        match mechanism:
            case "PLAIN":
                if self.server.passes_over_initial_responses:
                    initial = await self._asked("")
                _, user, password = _decoded(initial).split("\0")
            case "LOGIN":
                user = _decoded(await self._asked("Username:"))
                password = _decoded(await self._asked("Password:"))
            case "XOAUTH2":
                found = re.fullmatch(r"user=([^\x01]*)\x01auth=Bearer ([^\x01]*)\x01\x01", _decoded(initial))
                user, password = (found[1], found[2]) if found else ("", "")
                if (user, password) != (self.server.username, self.server.password):
                    await self._asked('{"status":"400","schemes":"Bearer","scope":"https://mail.example.com/"}')
        if (user, password) != (self.server.username, self.server.password):
            return "535 5.7.8 Username and Password not accepted."
        self.authenticated = True
        self.server.logins += 1
        return "235 2.7.0 welcome"

    async def _asked(self, challenge: str) -> str:
        self.writer.write(b"334 " + base64.b64encode(challenge.encode()) + b"\r\n")
        return (await self.reader.readuntil(b"\n")).decode(errors="replace").strip()

    async def _message(self) -> None:
        server, transaction = self.server, self.transaction
        assert transaction is not None
        told = {BODY} & (
            server.hangs
            | server.closes
            | server.resets
            | server.pauses.keys()
            | server.replies.keys()
            | server.floods.keys()
        )
        received = bytearray(b"\r\n")
        seen = 0
        while (end := received.find(_END, max(seen - len(_END), 0))) < 0:
            seen = len(received)
            if told and seen >= server.body_bytes:
                await self._answer(BODY, BODY, "")
                told = set()
            # The line stays where it is when it is lost, and so does what came of the message.
            piece = await self.reader.read(server.body_bytes if told else 65536)
            if not piece:
                raise _Hung
            received += piece
            transaction.received += len(piece)
            transaction.data = bytes(received[2:]) if told else b""
        transaction.data = bytes(received[: end + 2]).replace(b"\r\n..", b"\r\n.")[2:]
        transaction.complete = True
        server.told()
        await self._answer(DOT, DOT, "250 2.0.0 Ok: queued as 4F00")
        self.transaction = None


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode(errors="replace")
    except binascii.Error:
        return ""

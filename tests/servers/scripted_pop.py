"""POP3 servers for tests: `MailboxServer` behaves until told not to, `ScriptedServer` plays a fixed script."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from tests.servers.loopback import LoopbackServer

CONNECT = "CONNECT"
"""Stands for the greeting in `MailboxServer.replies`, `hangs`, `closes`, `pauses` and `drips`."""


class MailboxServer(LoopbackServer):
    """A POP3 server over `messages` (UIDL -> raw message), whose every attribute may be changed while it runs.

    ```
    async with MailboxServer(password="x", messages={"uid1": b"Subject: one\\r\\n\\r\\nHello\\r\\n"}) as server:
        server.replies["PASS"] = "-ERR [IN-USE] locked"     # instead of the right answer, until removed
        server.replies["RETR 2"] = b"+OK\\r\\nhalf a mess"    # bytes go out as they are ...
        server.closes.add("RETR 2")                         # ... and then the line is closed
        server.hangs.add("UIDL")                            # answers nothing (more), keeps the line
        server.pauses["RETR"] = 0.1                         # seconds before each answer
        server.drips["RETR 2"] = 1.0                        # seconds between the bytes of an answer
        server.messages["uid2"] = b"..."                    # seen by the next session
        await server.down(); await server.up()              # refused in between, same port
    ```

    `replies`, `hangs`, `closes`, `pauses` and `drips` go by verb, by verb and argument ("RETR 2"), or `CONNECT`.
    `messages` may have lines of either ending; what goes out has CRLF and stuffed dots. DELE takes effect at QUIT.
    """

    def __init__(
        self,
        *,
        username: str | None = None,
        password: str = "secret",
        messages: Mapping[str, bytes] | None = None,
        greeting: str = "+OK POP3 ready",
        capabilities: Iterable[str] = ("TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "USER"),
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self.username = username
        """The one name that may log in; None: any name, all sharing the mailbox."""
        self.password = password
        self.messages = dict(messages or {})
        self.greeting = greeting
        self.capabilities = list(capabilities)
        self.capabilities_after_login: list[str] | None = None
        """None: the same as before login."""
        self.starttls = starttls
        self.replies: dict[str, str | bytes] = {}
        self.hangs: set[str] = set()
        self.closes: set[str] = set()
        self.pauses: dict[str, float] = {}
        self.drips: dict[str, float] = {}
        self.locks = False
        """Whether a second session of a user is refused with [IN-USE]."""
        self.keeps_deleted = False
        """Whether DELE is answered +OK and then ignored, as Exchange can be told to."""
        self.queue: int | None = None
        """As Gmail: only the first so many messages are listed, and what a session retrieved leaves them at QUIT. A user name
        with `recent:` before it sees everything, and takes nothing away."""
        self.lists: int | None = None
        """How many messages a session lists, the oldest; None: all."""
        self.on_pipelining: Literal["closes", "answers and closes", "discards", "refuses"] | None = None
        """What happens when a command comes with others behind it: the line is closed, before or after it was answered, or the
        others are never answered, or refused."""
        self.closes_capa_after_login = False
        """Whether CAPA is hung up on once somebody is logged in."""
        self.lf_alone = False
        """Whether lines end in LF without CR."""
        self.blank_after_messages = False
        """Whether an empty line follows every message."""
        self.hands_out: int | None = None
        """How many messages a session hands out before it refuses every RETR; None: all."""

        self.connections = 0
        self.attempts = 0
        """Passwords seen, right or wrong."""
        self.logins = 0
        self.logged_in_at: list[float] = []  # by time.monotonic
        self.sessions = 0
        """Sessions logged in now."""
        self.most_sessions = 0
        """The most that were logged in at a time."""
        self.commands: list[str] = []
        """Every command line of every session, in order of arrival."""
        self.retrieved: list[str] = []
        """UIDLs in the order of their RETR, repeats included."""
        self.deleted: list[str] = []
        """UIDLs deleted by a QUIT."""
        self.quits = 0
        """Sessions that ended with QUIT."""
        self.pipelined = 0
        """Commands behind which the next one stood already when they were read."""
        self._logged_in: list[str] = []
        self._heard = asyncio.Event()

    def heard(self, line: str) -> None:
        """Note a command line, and wake who waits for one."""
        self.commands.append(line)
        self._heard.set()
        self._heard = asyncio.Event()

    async def until(self, verb: str, times: int = 1) -> None:
        """Return once `verb` was seen that often, over all sessions."""
        while self.count(verb) < times:
            await self._heard.wait()

    def count(self, verb: str) -> int:
        """How often `verb` was seen, over all sessions."""
        return sum(line.split(" ")[0].upper() == verb for line in self.commands)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await _MailboxSession(self, reader, writer).run()


class _MailboxSession:
    """One connection to a `MailboxServer`; the maildrop is what `messages` was at login."""

    def __init__(self, server: MailboxServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.user = ""
        self.authenticated = False
        self.queued = False
        self.secured = False
        self.maildrop: list[tuple[str, bytes]] = []
        self.marked: set[int] = set()
        self.taken: set[int] = set()
        self.handed_out = 0

    async def run(self) -> None:
        try:
            open_still = await self._answer(CONNECT, CONNECT, self.server.greeting)
            while open_still:
                line = (await self.reader.readuntil(b"\n")).decode(errors="replace").rstrip("\r\n")
                self.server.heard(line)
                behind = self.reader._buffer  # type: ignore[attr-defined]  # nothing public tells
                self.server.pipelined += bool(behind)
                fault, refused = self.server.on_pipelining if behind else None, 0
                if fault == "closes" or (line == "CAPA" and self.authenticated and self.server.closes_capa_after_login):
                    return
                if fault in ("discards", "refuses"):
                    refused = behind.count(b"\n") if fault == "refuses" else 0
                    behind.clear()
                verb, _, argument = line.partition(" ")
                self.server.attempts += verb.upper() in ("PASS", "AUTH")
                open_still = await self._answer(verb.upper(), line, None, argument)
                open_still &= fault != "answers and closes"
                for _ in range(refused):
                    self.writer.write(b"-ERR One command at a time, please.\r\n")
        finally:
            self._log_out()

    async def _answer(self, verb: str, line: str, reply: str | bytes | None, argument: str = "") -> bool:
        """Answer one command as the server was told to, or as is right; False when the line is to be closed."""
        server = self.server
        keys = {verb, line}
        for key in keys & server.pauses.keys():
            await asyncio.sleep(server.pauses[key])
        forced = next((server.replies[key] for key in (line, verb) if key in server.replies), None)
        if forced is not None:
            reply = forced
        elif keys & (server.hangs | server.closes):
            reply = b""
        elif reply is None:
            reply = await self._proper_answer(verb, argument)
        data = reply if isinstance(reply, bytes) else reply.encode() + b"\r\n"
        if server.blank_after_messages and verb == "RETR" and data.startswith(b"+OK"):
            data += b"\r\n"
        if server.lf_alone:
            data = data.replace(b"\r\n", b"\n")
        dripping = next((server.drips[key] for key in (line, verb) if key in server.drips), None)
        for piece in [data] if dripping is None else [data[at : at + 1] for at in range(len(data))]:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(dripping or 0)
        if keys & server.hangs:
            await asyncio.Event().wait()
        if verb == "STLS" and server.starttls is not None and data.startswith(b"+OK"):
            await self.writer.start_tls(server.starttls)
            self.secured = True
        return not keys & server.closes and verb != "QUIT"

    async def _proper_answer(self, verb: str, argument: str) -> str | bytes:
        if verb == "CAPA":
            return _listing("+OK Capability list follows", self._capabilities())
        if verb == "QUIT":
            return self._quit()
        if self.authenticated:
            return self._transaction(verb, argument)
        if verb == "STLS" and self.server.starttls is not None:
            return "+OK Begin TLS negotiation now."
        if verb == "USER":
            self.user = argument
            return "+OK"
        if verb == "PASS":
            return self._log_in(self.user, argument)
        if verb == "AUTH" and argument == "PLAIN":
            self.writer.write(b"+ \r\n")
            response = await self.reader.readuntil(b"\n")
            _, user, password = base64.b64decode(response).decode().split("\0")
            return self._log_in(user, password)
        return "-ERR Unknown command."

    def _capabilities(self) -> Sequence[str]:
        after = self.server.capabilities_after_login
        if self.authenticated and after is not None:
            return after
        offers_tls = self.server.starttls is not None and not self.secured
        return [*self.server.capabilities, "STLS"] if offers_tls else self.server.capabilities

    def _log_in(self, user: str, password: str) -> str:
        server = self.server
        if password != server.password or server.username not in (None, user):
            return "-ERR [AUTH] Authentication failed."
        if server.locks and user in server._logged_in:
            return "-ERR [IN-USE] Couldn't open INBOX: Mailbox is locked by another session."
        self.user, self.authenticated = user, True
        self.queued = server.queue is not None and not user.startswith("recent:")
        self.maildrop = list(server.messages.items())[: server.queue if self.queued else server.lists]
        server.logins += 1
        server.logged_in_at.append(time.monotonic())
        server._logged_in.append(user)
        server.sessions = len(server._logged_in)
        server.most_sessions = max(server.most_sessions, server.sessions)
        return "+OK Logged in."

    def _log_out(self) -> None:
        if self.authenticated:
            self.authenticated = False
            self.server._logged_in.remove(self.user)
            self.server.sessions = len(self.server._logged_in)

    def _quit(self) -> str:
        self.server.quits += 1
        if self.queued:
            self.marked |= self.taken
        if not self.server.keeps_deleted:
            for number in sorted(self.marked):
                uidl = self.maildrop[number - 1][0]
                self.server.messages.pop(uidl, None)
                self.server.deleted.append(uidl)
        self._log_out()
        return "+OK Logging out."

    def _transaction(self, verb: str, argument: str) -> str | bytes:
        present = {n: entry for n, entry in enumerate(self.maildrop, 1) if n not in self.marked}
        if verb == "NOOP":
            return "+OK"
        if verb == "STAT":
            return f"+OK {len(present)} {sum(len(_on_the_wire(raw)) for _, raw in present.values())}"
        if verb == "RSET":
            self.marked.clear()
            return "+OK"
        if verb == "LIST" and not argument:
            return _listing(
                f"+OK {len(present)} messages:", [f"{n} {len(_on_the_wire(raw))}" for n, (_, raw) in present.items()]
            )
        if verb == "UIDL" and not argument:
            return _listing("+OK", [f"{n} {uidl}" for n, (uidl, _) in present.items()])
        numbers = [int(word) if word.isdecimal() else -1 for word in argument.split()]
        if not numbers or numbers[0] not in present:
            return f"-ERR There's no message {argument}."
        uidl, raw = present[numbers[0]]
        if verb == "RETR":
            if self.handed_out == self.server.hands_out:
                return "-ERR Download exceed."
            self.handed_out += 1
            self.server.retrieved.append(uidl)
            self.taken.add(numbers[0])
            return f"+OK {len(_on_the_wire(raw))} octets\r\n".encode() + _stuffed(raw)
        if verb == "TOP" and len(numbers) == 2:
            head, blank, body = _on_the_wire(raw).partition(b"\r\n\r\n")
            return b"+OK\r\n" + _stuffed(head + blank + b"".join(body.splitlines(keepends=True)[: numbers[1]]))
        if verb == "DELE":
            self.marked.add(numbers[0])
            return "+OK Marked to be deleted."
        return "-ERR Unknown command."


def _on_the_wire(raw: bytes) -> bytes:
    """`raw` with CRLF at the end of every line, the last one too."""
    crlf = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return crlf if crlf.endswith(b"\r\n") or not crlf else crlf + b"\r\n"


def _stuffed(raw: bytes) -> bytes:
    text = b"\r\n" + _on_the_wire(raw)
    return text.replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def _listing(first: str, lines: Iterable[str]) -> str:
    return "\r\n".join([first, *lines, "."])


@dataclass(frozen=True)
class Expect:
    """Read a line; it must be `line`, without its CRLF. None: any."""

    line: str | None = None


@dataclass(frozen=True)
class Send:
    """Send these bytes in one write."""

    data: bytes


@dataclass(frozen=True)
class Drip:
    """Send these bytes one at a time, `pause` seconds apart."""

    data: bytes
    pause: float = 0.0


@dataclass(frozen=True)
class Sleep:
    seconds: float


@dataclass(frozen=True)
class StartTls:
    """Handshake now, in the middle of the connection."""

    context: ssl.SSLContext


@dataclass(frozen=True)
class Hang:
    """Keep the line open and read and say nothing more."""


@dataclass(frozen=True)
class Close:
    """Close the line, as the end of a script does."""


Step = Expect | Send | Drip | Sleep | StartTls | Hang | Close


class ScriptedServer(LoopbackServer):
    """Plays one script per connection, the last one again for every further connection.

    ```
    async with ScriptedServer([Send(b"+OK\\r\\n"), Expect("USER jane"), Close()]) as server:
    ```

    A line that is not the expected one ends the connection and fails the test when the server is left.
    """

    def __init__(self, *scripts: Sequence[Step], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.scripts = scripts
        self.received: list[str] = []
        """Every line read, in order."""
        self.connections = 0
        self.surprises: list[str] = []

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        if kind is None:
            assert not self.surprises, self.surprises

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        for step in script:
            match step:
                case Expect(line):
                    received = (await reader.readuntil(b"\n")).decode(errors="replace").rstrip("\r\n")
                    self.received.append(received)
                    if line is not None and received != line:
                        self.surprises.append(f"expected {line!r}, received {received!r}")
                        return
                case Send(data):
                    writer.write(data)
                    await writer.drain()
                case Drip(data, pause):
                    for position in range(len(data)):
                        writer.write(data[position : position + 1])
                        await asyncio.sleep(pause)
                case Sleep(seconds):
                    await asyncio.sleep(seconds)
                case StartTls(context):
                    await writer.start_tls(context)
                case Hang():
                    await asyncio.Event().wait()
                case Close():
                    return

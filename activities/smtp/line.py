"""One TCP connection to an SMTP server: commands and their replies, TLS, the bytes of a message, each within a time limit.

aiosmtplib's protocol writes commands and waits for replies; what it would drop or take for something else is caught before it:
replies that nothing asked for (421 above all, and what is slipped in behind STARTTLS), replies without end, and lines that are
no reply. Every method may be cancelled; `abort()` is what is left to do then.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
import sys
from collections.abc import Awaitable

from aiosmtplib.errors import SMTPReadTimeoutError, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse

from domain.sending.outcomes import Reply
from infra.network.certificates import presented
from infra.network.words import decoded
from infra.watchdog import awaits_an_answer

if sys.platform == "linux":
    import fcntl
    import termios

MOST_REPLY = 32 * 1024
"""Bytes of one reply, all its lines together: RFC 5321 section 4.5.3.1.5 has lines of 512. aiosmtplib takes no more either."""

MOST_LINE = 8000
MOST_BLANK = 8
"""Empty lines that may stand before a reply: one server is known to put one there."""

BUFFERED = 64 * 1024
"""Bytes of a message that wait here for the kernel to take them."""

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_NO_LINGER = struct.pack("ii", 1, 0)


class ServerLeft(Exception):
    """The server said 421, asked or not: the session is over."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("the server ended the session")
        self.reply = reply


class EarlyRefusal(Exception):
    """The server refused the message while it was being sent."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("the message was refused before its end")
        self.reply = reply


class NotSmtp(Exception):
    """The server does not speak SMTP. `what` says how, without its words; `received` is how a greeting began that is none."""

    def __init__(self, what: str, received: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.received = received


class SmtpLine(SMTPProtocol):
    """A line; make it with `reached` (infra/network/reaching.py)."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._early: Reply | None = None
        self._reply: Reply  # the last that was asked for
        self.dot_sent = False
        self._tcp: asyncio.Transport
        self._begun = bytearray()  # a reply that is not whole yet
        self._scanned = 0
        self._blank = 0
        self._codes: list[bytes] = []
        self._awaited = True  # the greeting
        self._greeted = False
        self._streaming = False
        self._left: Reply | None = None
        self._wrong: NotSmtp | None = None
        self._cause: Exception | None = None
        self._over = False
        self._writable = asyncio.Event()
        self._writable.set()

    # --- what a session asks for ---

    async def greeting(self, *, seconds: float) -> Reply:
        """The server's first reply. Raises as `command` does."""
        return await self._answer(self.read_response(timeout=seconds))

    async def command(self, *words: bytes, seconds: float) -> Reply:
        """Send a command and wait for its reply.

        ValueError for a control character in it; TimeoutError, NotSmtp, ServerLeft (421 too is raised and not returned);
        EOFError when the server has hung up; OSError when the line broke.
        """
        self.check()
        self._awaited = True
        return await self._answer(self.execute_command(*words, timeout=seconds))

    async def secure(self, context: ssl.SSLContext, server_name: str, *, seconds: float) -> list[bytes]:
        """Do the TLS handshake; the certificates that the server presented (DER, its own first). ssl.SSLError, OSError."""
        async with asyncio.timeout(seconds):
            secured = await asyncio.get_running_loop().start_tls(self._tcp, self, context, server_hostname=server_name)
        if secured is None:
            raise self._end()
        self.transport = secured
        return presented(secured.get_extra_info("ssl_object"))

    @property
    def heard_more(self) -> bool:
        """Whether more has come than what was asked for."""
        return bool(self._begun) or self._wrong is not None or self._left is not None

    @property
    def local_address(self) -> str:
        return str(self._tcp.get_extra_info("sockname")[0])

    # --- the message ---

    def begin_message(self) -> None:
        """The server waits for the message: what it says from now on, before the dot, refuses it."""
        self._streaming = True
        self._writing().set_write_buffer_limits(high=BUFFERED)

    async def send(self, piece: bytes, *, seconds: float) -> None:
        """A piece of the message, and wait until there is room for the next one.

        TimeoutError when the kernel takes nothing like `BUFFERED` bytes in `seconds`; EarlyRefusal; else as `command`.
        """
        self.check()
        self._writing().write(piece)
        await asyncio.sleep(0)  # a kernel that takes all at once must not keep everybody else waiting
        async with asyncio.timeout(seconds):
            with awaits_an_answer():
                await self._writable.wait()
        self.check()

    async def until_received(self, *, seconds: float) -> None:
        """Wait until the server's kernel has acknowledged all that was written, where the platform can tell (TIOCOUTQ).

        TimeoutError when it takes none of it for `seconds`.
        """
        loop = asyncio.get_running_loop()
        least, deadline, pause = sys.maxsize, loop.time() + seconds, 0.001
        with awaits_an_answer():
            while unsent := self._unsent():
                self.check()
                if unsent < least:
                    least, deadline = unsent, loop.time() + seconds
                elif loop.time() > deadline:
                    raise TimeoutError("the server takes no more of the message")
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.05)
        await self._caught_up()

    async def end_message(self, *, seconds: float) -> Reply:
        """The final dot, and the answer to it. `dot_sent` tells of an error whether it came before the dot."""
        await self._caught_up()
        self._streaming = False
        self._awaited = True
        self._writing().write(b".\r\n")
        self.dot_sent = True
        return await self._answer(self.read_response(timeout=seconds), any_code=True)

    # --- its end ---

    def check(self) -> None:
        """Raises what ended the line, or what makes it useless, if anything did."""
        if (
            self._wrong
            or self._left
            or self._early
            or self._over
            or self.transport is None
            or self.transport.is_closing()
        ):
            raise self._end()

    async def _caught_up(self) -> None:
        """Raises what has ended the line, if only our kernel knows of it so far: a broken line has nothing unsent either."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # asyncio sees what has come in meanwhile only after the first
        self.check()

    async def close(self, *, seconds: float) -> None:
        """Close as TLS and TCP would have it, or just drop the line when that takes longer than `seconds`."""
        if self.transport is not None:
            self.transport.close()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._closing)
        except TimeoutError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the line at once: nothing that is buffered, here or in our kernel, is sent any more."""
        if not self._closing.done():
            if (raw := self._tcp.get_extra_info("socket")) is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            if self.transport is not None:
                self._writing().abort()
            self._tcp.abort()

    # --- what asyncio calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._tcp = transport
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._begun += data
        while self._wrong is None and (whole := self._whole_reply()) is not None:
            self._take(whole)

    def eof_received(self) -> bool:
        self._over = True
        self._writable.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._cause = self._cause or exc
        self._writable.set()
        if not self._closing.done():
            self._closing.set_result(None)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._writable.clear()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._writable.set()
        super().resume_writing()

    # --- replies ---

    def _whole_reply(self) -> bytes | None:
        """The next whole reply, taken from what has come; None while there is none."""
        while (end := self._begun.find(b"\n", self._scanned)) >= 0:
            line = bytes(self._begun[self._scanned : end]).rstrip(b"\r")
            if not line and not self._codes and self._blank < MOST_BLANK:
                self._blank += 1
                del self._begun[: end + 1]
                continue
            found = _LINE.fullmatch(line)
            if found is None or len(line) > MOST_LINE or {*self._codes, found[1]} != {found[1]}:
                self._broken("a line is none of a reply", line)
                return None
            self._codes = [found[1]]
            self._scanned = end + 1
            if self._scanned > MOST_REPLY:
                break
            if found[2] != b"-":
                whole = bytes(self._begun[: self._scanned])
                del self._begun[: self._scanned]
                self._scanned, self._blank, self._codes = 0, 0, []
                return whole
        if len(self._begun) > MOST_REPLY or len(self._begun) - self._scanned > MOST_LINE:
            self._broken(f"a reply has more than {MOST_REPLY} bytes", b"")
        return None

    def _broken(self, what: str, line: bytes) -> None:
        self._wrong = NotSmtp(what, "" if self._greeted else decoded(line[:20]))
        self._begun.clear()
        self.abort()

    def _take(self, whole: bytes) -> None:
        reply = _read(whole)
        self._greeted = True
        if self._awaited:
            self._awaited = False
            self._reply = reply
            super().data_received(whole)
        elif reply.code == 421:
            self._left = self._left or reply
        elif self._streaming and reply.code >= 400:
            self._early = self._early or reply
        else:
            self._wrong = self._wrong or NotSmtp("the server answered what nothing had asked")
        self._writable.set()

    async def _answer(self, response: Awaitable[SMTPResponse], *, any_code: bool = False) -> Reply:
        try:
            with awaits_an_answer():
                await response
        except SMTPReadTimeoutError:
            raise TimeoutError("the server did not answer in time") from None
        except SMTPServerDisconnected as lost:
            self._over = True
            if isinstance(lost.__cause__, OSError):
                self._cause = self._cause or lost.__cause__
            raise self._end() from None
        reply = self._reply
        if reply.code == 421 and not any_code:
            self._left = reply
            raise ServerLeft(reply)
        return reply

    def _end(self) -> Exception:
        if self._wrong is not None:
            return self._wrong
        if self._left is not None:
            return ServerLeft(self._left)
        if self._early is not None:
            return EarlyRefusal(self._early)
        return self._cause or EOFError("the server hung up")

    # --- writing ---

    def _writing(self) -> asyncio.Transport:
        if self.transport is None:
            raise self._end()
        assert isinstance(self.transport, asyncio.Transport)
        return self.transport

    def _unsent(self) -> int:
        """Bytes that are in our buffers, or in our kernel's without the other end's acknowledgement."""
        if self.transport is None or self._over:
            raise self._end()
        waiting = self._writing().get_write_buffer_size()
        if self.transport is not self._tcp:
            waiting += self._tcp.get_write_buffer_size()
        if sys.platform != "linux" or waiting:
            return waiting
        raw = self._tcp.get_extra_info("socket")
        if raw.fileno() < 0:  # closed, and TLS has not told us yet
            raise self._end()
        left = fcntl.ioctl(raw.fileno(), termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack("i", left)[0])


def _read(whole: bytes) -> Reply:
    lines = whole.removesuffix(b"\n").split(b"\n")
    return Reply(int(lines[0][:3]), "\n".join(decoded(line[4:]) for line in lines))

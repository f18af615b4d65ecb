"""The sandbox's POP3 server: twisted.mail's protocol over the sandbox's maildrops."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from twisted.internet.protocol import ServerFactory
from twisted.mail import pop3

from infra.dev.sandbox.maildrops import Maildrop


class LoginRefused(Exception):
    """A login that the server refuses; its text is what the client is told."""


class PopFactory(ServerFactory):  # type: ignore[misc]  # twisted has no types
    """Who may log in: the address of a maildrop with the password, if no other session has that maildrop open.

    The password is read from its file at every login, so that it can be changed while the sandbox runs.
    """

    noisy = False

    def __init__(self, maildrops: dict[str, Maildrop], password_file: Path) -> None:
        self._maildrops = maildrops
        self._password_file = password_file
        self._in_session: set[str] = set()

    def buildProtocol(self, addr: Any) -> Pop:
        protocol = Pop()
        protocol.factory = self
        return protocol

    def open(self, username: bytes, password: bytes) -> tuple[Session, Callable[[], None]]:
        """The session's mailbox, and what ends the session. Raises LoginRefused."""
        address = username.decode("utf-8", "replace").lower()
        maildrop = self._maildrops.get(address)
        if not is_password(password, self._password_file) or maildrop is None:
            raise LoginRefused("[AUTH] Invalid user name or password")
        if address in self._in_session:
            raise LoginRefused("[IN-USE] Another session has this mailbox open")
        self._in_session.add(address)
        return Session(maildrop), lambda: self._in_session.discard(address)


def is_password(given: bytes, password_file: Path) -> bool:
    return hmac.compare_digest(given, read_password(password_file))


class Session(pop3.Mailbox):  # type: ignore[misc]  # twisted has no types
    """What one session sees of a maildrop: the messages there at login; deletions come true at QUIT (RFC 1939, 6).

    Messages are handed out in wire form, dots stuffed. twisted would do that chunk by chunk and miss a dot at the
    beginning of a chunk or of the message, and it would turn each CRLF into CR CR LF.
    """

    def __init__(self, maildrop: Maildrop) -> None:
        self._maildrop = maildrop
        self._uidls = maildrop.uidls()
        self._deleted: set[int] = set()

    def listMessages(self, index: int | None = None) -> Any:
        if index is None:
            return [self._size(number) for number in range(len(self._uidls))]
        return self._size(self._known(index))

    def getMessage(self, index: int) -> BytesIO:
        return BytesIO(stuffed(self._maildrop.read(self._uidls[self._known(index)])))

    def getUidl(self, index: int) -> bytes:
        return self._uidls[self._known(index)].encode("ascii")

    def deleteMessage(self, index: int) -> None:
        if index in self._deleted:
            raise ValueError("deleted already")
        self._deleted.add(self._known(index))

    def undeleteMessages(self) -> None:
        self._deleted.clear()

    def sync(self) -> None:
        for index in self._deleted:
            self._maildrop.delete(self._uidls[index])

    def _size(self, index: int) -> int:
        return 0 if index in self._deleted else self._maildrop.size(self._uidls[index])

    def _known(self, index: int) -> int:
        if not 0 <= index < len(self._uidls):
            raise ValueError("no such message")
        return index


class Pop(pop3.POP3):  # type: ignore[misc]  # twisted has no types
    """twisted's POP3 protocol, with the capabilities named as RFC 2449 names them."""

    magic = b"Mailroom sandbox ready"
    _onLogout: Callable[[], None] | None = None
    timeOut = 600

    def listCapabilities(self) -> list[bytes]:
        return [b"TOP", b"USER", b"UIDL", b"PIPELINING", b"RESP-CODES", b"AUTH-RESP-CODE", b"IMPLEMENTATION sandbox"]

    def processCommand(self, command: bytes, *args: bytes) -> Any:
        try:
            return super().processCommand(command, *args)
        except (ValueError, TypeError, AttributeError, IndexError, pop3.POP3Error):
            # raised here for a pipelined command, it would take the commands behind it along
            self.failResponse(b"Not possible here: " + command[:20])

    def authenticateUserPASS(self, user: bytes, password: bytes) -> Any:
        mailbox, end = self.factory.open(user, password)
        return pop3.IMailbox, mailbox, end

    def authenticateUserAPOP(self, user: bytes, digest: bytes) -> Any:
        raise LoginRefused("APOP is not offered")

    def _ebMailbox(self, failure: Any) -> None:
        failure.trap(LoginRefused)
        self.failResponse(failure.getErrorMessage())

    def do_QUIT(self) -> None:
        super().do_QUIT()
        # now and not when the socket is gone: a client that read the answer may come back at once
        if self._onLogout is not None:
            self._onLogout()
            self._onLogout = None

    def transformChunk(self, chunk: bytes) -> bytes:
        return chunk


def stuffed(raw: bytes) -> bytes:
    """`raw` (CRLF line ends) with a dot before each line that begins with one."""
    return (b"." if raw.startswith(b".") else b"") + raw.replace(b"\r\n.", b"\r\n..")


def read_password(path: Path) -> bytes:
    """The content of the password file without the newline that editors end it with."""
    return path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")

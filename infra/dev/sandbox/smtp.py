"""The sandbox's SMTP server: delivers to the sandbox's maildrops and to nowhere else.

Whoever logs in as the owner of one may send to anybody, as with a provider; what goes to others ends here.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer
from twisted.internet.protocol import ServerFactory
from twisted.mail import smtp
from twisted.mail.imap4 import PLAINCredentials
from zope.interface import implementer

from infra.dev.sandbox.maildrops import Maildrop
from infra.dev.sandbox.pop import is_password

HOST = b"sandbox.example.com"


class SmtpFactory(ServerFactory):  # type: ignore[misc]  # twisted has no types
    """One SMTP conversation per connection."""

    noisy = False

    def __init__(self, maildrops: dict[str, Maildrop], password_file: Path) -> None:
        self._maildrops = maildrops
        self._password_file = password_file

    def buildProtocol(self, addr: Any) -> Any:
        protocol = smtp.ESMTP({b"PLAIN": PLAINCredentials, b"LOGIN": smtp.LOGINCredentials})
        protocol.noisy = False
        protocol.host = HOST
        protocol.delivery = Delivery(self._maildrops)
        protocol.portal = self
        protocol.factory = self
        return protocol

    def login(self, credentials: Any, _mind: None, *_interfaces: Any) -> Any:
        """As a twisted portal: who a maildrop belongs to, with its password, may send to anybody."""
        address = bytes(credentials.username).decode("utf-8", "replace").lower()
        if address not in self._maildrops or not is_password(credentials.password, self._password_file):
            return defer.fail(UnauthorizedLogin())
        delivery = Delivery(self._maildrops, may_send_out=True)
        return defer.succeed((smtp.IMessageDelivery, delivery, lambda: None))


@implementer(smtp.IMessageDelivery)
class Delivery:
    """Which senders and recipients are accepted: anybody, and the addresses of the maildrops, or anybody's."""

    def __init__(self, maildrops: dict[str, Maildrop], *, may_send_out: bool = False) -> None:
        self._maildrops = maildrops
        self._may_send_out = may_send_out
        self._sender = b""

    def validateFrom(self, helo: tuple[bytes, bytes], origin: Any) -> Any:
        self._sender = bytes(origin)
        return origin

    def validateTo(self, user: Any) -> Callable[[], Delivered]:
        maildrop = self._maildrops.get(bytes(user.dest).decode("utf-8", "replace").lower())
        if maildrop is None and not self._may_send_out:
            raise smtp.SMTPBadRcpt(user)
        sender = self._sender
        return lambda: Delivered(maildrop, sender)

    def receivedHeader(self, helo: tuple[bytes, bytes], origin: Any, recipients: list[Any]) -> bytes:
        date = formatdate().encode("ascii")
        return b"Received: from " + helo[0] + b" ([" + helo[1] + b"])\r\n\tby " + HOST + b" with ESMTP; " + date


@implementer(smtp.IMessage)
class Delivered:
    """One message on its way into a maildrop, or out of the sandbox and so nowhere."""

    def __init__(self, maildrop: Maildrop | None, sender: bytes) -> None:
        self._maildrop = maildrop
        self._lines = [b"Return-Path: <" + sender + b">"]

    def lineReceived(self, line: bytes) -> None:
        self._lines.append(line)

    def eomReceived(self) -> Any:
        if self._maildrop is not None:
            self._maildrop.deliver(b"\r\n".join([*self._lines, b""]))
        return defer.succeed(None)

    def connectionLost(self) -> None:
        self._lines.clear()

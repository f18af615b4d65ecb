"""The sandbox's SMTP server: delivers to the sandbox's maildrops and to nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from twisted.internet import defer
from twisted.internet.protocol import ServerFactory
from twisted.mail import smtp
from zope.interface import implementer

from infra.dev.sandbox.maildrops import Maildrop

HOST = b"sandbox.example.com"


class SmtpFactory(ServerFactory):  # type: ignore[misc]  # twisted has no types
    """One SMTP conversation per connection."""

    noisy = False

    def __init__(self, maildrops: dict[str, Maildrop]) -> None:
        self._maildrops = maildrops

    def buildProtocol(self, addr: Any) -> Any:
        protocol = smtp.ESMTP()
        protocol.noisy = False
        protocol.host = HOST
        protocol.delivery = Delivery(self._maildrops)
        protocol.factory = self
        return protocol


@implementer(smtp.IMessageDelivery)
class Delivery:
    """Which senders and recipients are accepted: anybody, and the addresses of the maildrops."""

    def __init__(self, maildrops: dict[str, Maildrop]) -> None:
        self._maildrops = maildrops
        self._sender = b""

    def validateFrom(self, helo: tuple[bytes, bytes], origin: Any) -> Any:
        self._sender = bytes(origin)
        return origin

    def validateTo(self, user: Any) -> Callable[[], Delivered]:
        maildrop = self._maildrops.get(bytes(user.dest).decode("utf-8", "replace").lower())
        if maildrop is None:
            raise smtp.SMTPBadRcpt(user)
        sender = self._sender
        return lambda: Delivered(maildrop, sender)

    def receivedHeader(self, helo: tuple[bytes, bytes], origin: Any, recipients: list[Any]) -> bytes:
        date = formatdate().encode("ascii")
        return b"Received: from " + helo[0] + b" ([" + helo[1] + b"])\r\n\tby " + HOST + b" with ESMTP; " + date


@implementer(smtp.IMessage)
class Delivered:
    """One message on its way into a maildrop."""

    def __init__(self, maildrop: Maildrop, sender: bytes) -> None:
        self._maildrop = maildrop
        self._lines = [b"Return-Path: <" + sender + b">"]

    def lineReceived(self, line: bytes) -> None:
        self._lines.append(line)

    def eomReceived(self) -> Any:
        self._maildrop.deliver(b"\r\n".join([*self._lines, b""]))
        return defer.succeed(None)

    def connectionLost(self) -> None:
        self._lines.clear()

"""Connections to POP3 servers, and the beginnings of what such servers say."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator, Sequence

from activities.pop.connection import Arrival, Arriving, MessageTooLarge, PopConnection, ServerRefused, Timeouts
from tests.servers import scripted_pop
from tests.servers.scripted_pop import Expect, MailboxServer, ScriptedServer, Send, Step

MIB = 1024 * 1024
LOGIN: Sequence[Step] = [
    Send(b"+OK ready\r\n"),
    Expect("USER jane"),
    Send(b"+OK\r\n"),
    Expect("PASS secret"),
    Send(b"+OK\r\n"),
]
CAPA: Sequence[Step] = [Expect("CAPA"), Send(b"+OK\r\nUIDL\r\nPIPELINING\r\n.\r\n")]


def impatient(command: str) -> Timeouts:
    """Patient with everything but the answer to `command`, which the server keeps back: so a busy machine is waited for."""
    match command:
        case "connect":
            return Timeouts(connect=0.3)
        case scripted_pop.CONNECT:
            return Timeouts(greeting=0.3)
        case "USER" | "PASS":
            return Timeouts(login=1)
        case _:
            return Timeouts(reply=1, transfer_idle=1)


@functools.cache
def trusting_the_system() -> ssl.SSLContext:
    """One for all: reading the system's authorities takes some 50 ms."""
    return ssl.create_default_context()


async def opened(server: MailboxServer | ScriptedServer, timeouts: Timeouts | None = None) -> PopConnection:
    return await PopConnection.open(
        server.host, server.port, tls="none", context=trusting_the_system(), timeouts=timeouts
    )


async def logged_in(server: MailboxServer | ScriptedServer, timeouts: Timeouts | None = None) -> PopConnection:
    pop = await opened(server, timeouts)
    await pop.login("jane", "secret")
    return pop


def mail(count: int, size: int = 1000) -> dict[str, bytes]:
    return {f"uid-{n}": b"Subject: %d\r\n\r\n%s\r\n" % (n, b"x" * size) for n in range(1, count + 1)}


async def all_of(
    retrieved: AsyncIterator[tuple[int, Arrival]],
) -> dict[int, bytes | ServerRefused | MessageTooLarge]:
    return {number: await whole(message) async for number, message in retrieved}


async def whole(message: Arrival) -> bytes | ServerRefused | MessageTooLarge:
    if not isinstance(message, Arriving):
        return message
    try:
        return message.head + b"".join([piece async for piece in message.rest()])
    except MessageTooLarge as too_large:
        return too_large


async def whole_session(server: MailboxServer, timeouts: Timeouts | None = None) -> None:
    """A session that does a bit of everything, and aborts when anything goes wrong."""
    pop = await opened(server, timeouts)
    try:
        await pop.login("jane", "secret")
        await pop.stat()
        await pop.list_sizes()
        await pop.list_uids()
        await all_of(pop.retrieve([(1, 10)], largest=MIB, held=MIB))
        await pop.delete([1])
        assert await pop.quit()
    finally:
        await pop.abort()
        assert not await pop.quit()

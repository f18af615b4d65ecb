"""The POP3 connection against Dovecot, and against what Python's own poplib reads from it."""

from __future__ import annotations

import asyncio
import poplib
from typing import TYPE_CHECKING

import pytest

from activities.pop.connection import PopConnection, ProtocolViolation, ServerRefused, Tls
from infra.network.tls import trusting

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot

MESSAGES = [
    b"Subject: plain\r\n\r\nHello\r\n",
    b"Subject: dots\r\n\r\n.\r\n..\r\n...x\r\n\r\n.\r\n",
    b"Subject: a long line\r\n\r\n" + b"x" * 1_000_000 + b"\r\n",
    b"Subject: bytes\r\n\r\n\xff\xfe\x80 \xc3\xa4\r\n",
    b"no header at all\r\n",
    *(b"Subject: number %d\r\n\r\n%s\r\n" % (n, b"some text\r\n" * 500) for n in range(300)),
]


async def connected(dovecot: Dovecot, tls: Tls) -> PopConnection:
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    return await PopConnection.open(dovecot.host, port, tls=tls, context=trusting("POP", str(dovecot.ca_file)))


def read_by_poplib(dovecot: Dovecot) -> list[bytes]:
    poplib._MAXLINE = 2_000_000  # type: ignore[attr-defined]  # nothing public sets it
    session = poplib.POP3(dovecot.host, dovecot.port)
    session.user("jane")
    session.pass_("secret")
    messages = [b"".join(line + b"\r\n" for line in session.retr(n)[1]) for n in range(1, session.stat()[0] + 1)]
    session.close()
    return messages


async def test_dovecots_mail_arrives_as_it_is_in_every_mode(dovecot: Dovecot) -> None:
    dovecot.add_user("jane", "secret")
    for message in MESSAGES:
        dovecot.deliver("jane", message)
    by_poplib = await asyncio.to_thread(read_by_poplib, dovecot)
    modes: list[Tls] = ["none", "starttls", "implicit"]
    for tls in modes:
        for pipelining in True, False:
            pop = await connected(dovecot, tls)
            assert "PIPELINING" in await pop.ask_capabilities()
            await pop.login("jane", "secret")
            pop.pipelining = pipelining
            assert await pop.stat() == len(MESSAGES)
            assert len({uid for _, uid in await pop.list_uids()}) == len(MESSAGES)
            sizes = await pop.list_sizes()
            got = [
                message async for _, message in pop.retrieve(list(sizes.items()), largest=10_000_000, held=10_000_000)
            ]
            assert got == MESSAGES == by_poplib
            assert [len(message) for message in MESSAGES] == list(sizes.values())
            assert await pop.quit()
    assert dovecot.count("jane") == len(MESSAGES)


async def test_dovecot_deletes_at_quit_and_only_then(dovecot: Dovecot) -> None:
    dovecot.add_user("jane", "secret")
    for message in MESSAGES[:2]:
        dovecot.deliver("jane", message)
    for ending in "abort", "quit":
        pop = await connected(dovecot, "none")
        await pop.ask_capabilities()
        await pop.login("jane", "secret")
        assert await pop.delete([1, 3]) == [1]
        if ending == "abort":
            await pop.abort()
        else:
            assert await pop.quit()
    assert dovecot.count("jane") == 1


async def test_dovecot_refuses_a_wrong_password_and_a_missing_message(dovecot: Dovecot) -> None:
    dovecot.add_user("jane", "secret")
    pop = await connected(dovecot, "implicit")
    with pytest.raises(ServerRefused, match=r"\[AUTH\] Authentication failed\."):
        await pop.login("jane", "wrong")
    await pop.quit()
    pop = await connected(dovecot, "implicit")
    await pop.login("jane", "secret")
    ((_, refused),) = [entry async for entry in pop.retrieve([(1, 100)], largest=1000, held=1000)]
    assert isinstance(refused, ServerRefused)
    assert refused.text == "There's no message 1."
    await pop.quit()


async def test_dovecots_unstuffed_dot_is_noticed_and_nothing_is_deleted(dovecot: Dovecot) -> None:
    dovecot.add_user("jane", "secret")
    dovecot.deliver("jane", b".\r\n")
    dovecot.deliver("jane", MESSAGES[0])
    pop = await connected(dovecot, "none")
    await pop.ask_capabilities()
    await pop.login("jane", "secret")
    await pop.delete([2])
    with pytest.raises(ProtocolViolation):
        async for _ in pop.retrieve([(1, 3), (1, 3)], largest=1000, held=1000):
            pass
    assert await pop.quit() is False
    assert dovecot.count("jane") == 2

"""Servers that are odd in ways that public reports tell of: what is sound of their answers is taken, and all mail comes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.mailbox.pipelining import MOST_DESYNCHRONISATIONS
from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.scripted_pop import CONNECT, MailboxServer
from tests.support.mailboxes import JANE, PASSWORD, Watcher, account, mailbox

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAIN = ("TOP", "UIDL", "USER")
PIPELINED = (*PLAIN, "PIPELINING")


def subjects(count: int) -> list[str]:
    return [f"message {number}" for number in range(1, count + 1)]


async def look_thrice(watcher: Watcher, server: MailboxServer, **retrieval: Any) -> None:
    for _ in range(3):
        await watcher.attempt(account(server.port, **retrieval))


@pytest.mark.requirement("R43")
@pytest.mark.parametrize("capabilities", [PLAIN, PIPELINED])
@pytest.mark.parametrize("after_store", ["leave", "delete"])
async def test_a_server_that_ends_its_lines_in_lf_alone_can_be_added_and_retrieved_from(
    pool: Pool, capabilities: tuple[str, ...], after_store: str
) -> None:
    """node-pop3/node-pop3#26 and #27; bertjohnson/OpaqueMail#60."""
    watcher = Watcher(pool, clock=lambda: NOON)
    messages = mailbox(30) | {"dots": mailbox(1, first=31)["uid-31"] + b".\r\n..\r\n.x\r\n", "empty": b""}
    async with MailboxServer(password=PASSWORD, messages=messages, capabilities=capabilities) as server:
        server.lf_alone = True
        await watcher.try_login(account(server.port))
        await watcher.attempt(account(server.port, after_store=after_store))
        server.retrieved.clear()
        await look_thrice(watcher, server, after_store=after_store)
        assert server.retrieved == []
        assert server.messages == ({} if after_store == "delete" else messages)
    raws = await watcher.column("select raw from raw_messages join messages using (id) order by id")
    assert [bytes(raw) for raw in raws] == [raw.replace(b"\r\n", b"\n") for raw in messages.values()], "as they came"
    assert (await watcher.subjects())[:31] == subjects(31)


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    "raw", [b"Subject: cut\n\nbefore\n.\nafter\n", b".\n+OK 20 octets\nforged\n", b".\n\n+OK 5 1500\n", b".\n"]
)
async def test_a_message_in_lf_whose_dots_are_not_stuffed_takes_no_other_along(
    pool: Pool, raw: bytes, pipelining: bool
) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    messages = mailbox(5)
    async with MailboxServer(
        password=PASSWORD, messages=messages, capabilities=PIPELINED if pipelining else PLAIN
    ) as server:
        server.lf_alone = True
        server.replies["LIST"] = "\r\n".join(
            ["+OK", *(f"{n} {len(m) if n != 3 else len(raw)}" for n, m in enumerate(messages.values(), 1)), "."]
        )
        server.replies["RETR 3"] = b"+OK %d octets\n" % len(raw) + raw + b".\n"
        # Sizes are only estimated here, so where all are asked for together any of them may be what broke it: until the host
        # is asked one by one.
        for _ in range(MOST_DESYNCHRONISATIONS + 1 if pipelining else 1):
            assert (await watcher.fails(account(server.port))).kind is Kind.PROTOCOL_ERROR
        await look_thrice(watcher, server)
        assert set(await watcher.subjects()) == {"message 1", "message 2", "message 4", "message 5", None}
        assert await watcher.value("select count(*) from messages where state = 'quarantined'") == 1
        raws = await watcher.column("select raw from raw_messages")
        assert sorted(map(bytes, raws)) == sorted(
            message.replace(b"\r\n", b"\n") for uidl, message in messages.items() if uidl != "uid-3"
        )


@pytest.mark.parametrize("capabilities", [PLAIN, PIPELINED])
async def test_an_empty_line_after_every_message_spoils_none(pool: Pool, capabilities: tuple[str, ...]) -> None:
    """jstedfast/MailKit#1636."""
    watcher = Watcher(pool, clock=lambda: NOON)
    messages = mailbox(20)
    async with MailboxServer(password=PASSWORD, messages=messages, capabilities=capabilities) as server:
        server.blank_after_messages = True
        assert (await watcher.watch(account(server.port, after_store="delete"))).stored == 20
        assert server.messages == {}
    raws = await watcher.column("select raw from raw_messages join messages using (id) order by id")
    assert [bytes(raw) for raw in raws] == list(messages.values())


@pytest.mark.parametrize("length", [256, 288, 300, 3_000, 60_000])
async def test_a_uidl_of_any_length_is_a_name(pool: Pool, length: int) -> None:
    """jbostoen/itop-jb-mail-to-ticket-automation-v2#60: ids of 288 characters."""
    watcher = Watcher(pool, clock=lambda: NOON)
    one, two, three = mailbox(3).values()
    messages = {"uid-1": one, "x" * (length - 1) + "2": two, "x" * (length - 1) + "3": three}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        await look_thrice(watcher, server)
        assert await watcher.subjects() == subjects(3)
        assert len(server.retrieved) == 3
        assert all(len(uidl) <= 255 for uidl in await watcher.ledger())
        await watcher.attempt(account(server.port, after_store="delete"))
        assert server.messages == {}
        assert set((await watcher.ledger()).values()) == {"deleted"}


@pytest.mark.parametrize("command", ["CAPA", "CAPA after login"])
@pytest.mark.parametrize("auth", ["USER", "SASL PLAIN"])
async def test_a_server_that_hangs_up_on_capa_is_asked_without(pool: Pool, command: str, auth: str) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(5), capabilities=(*PIPELINED, auth)) as server:
        if command == "CAPA":
            server.closes.add("CAPA")
        else:
            server.closes_capa_after_login = True
        await watcher.try_login(account(server.port))
        assert (await watcher.watch(account(server.port))).stored == 5
        await watcher.finds_nothing(account(server.port))
        assert server.sessions == 0


async def test_a_second_login_is_not_tried_where_the_server_wants_a_delay_between_two(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, capabilities=(*PLAIN, "LOGIN-DELAY 300")) as server:
        server.closes_capa_after_login = True
        assert (await watcher.fails(account(server.port))).kind is Kind.CONNECTION
        assert server.logins == 1


async def test_a_server_that_says_why_it_hangs_up_on_capa_is_believed(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD) as server:
        server.replies[CONNECT] = b"+OK ready\r\n-ERR [SYS/TEMP] shutting down\r\n"
        server.closes.add(CONNECT)
        failure = await watcher.fails(account(server.port))
        assert (failure.kind, failure.server_said) == (Kind.SERVER_ERROR, "[SYS/TEMP] shutting down")
        assert server.connections == 1


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("STAT", "+OK 6 unknown"),
        ("STAT", "+OK many"),
        ("STAT", "+OK"),
        ("STAT", "-ERR unknown command"),
        ("LIST", "-ERR not implemented"),
        ("LIST", "-ERR internal error"),
        ("LIST", "+OK\r\n."),
    ],
)
async def test_a_server_without_a_proper_stat_or_list_is_retrieved_from_once_and_deleted_from(
    pool: Pool, command: str, answer: str
) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(6)) as server:
        server.replies[command] = answer
        await watcher.try_login(account(server.port))
        await watcher.attempt(account(server.port))
        server.retrieved.clear()
        await look_thrice(watcher, server)
        assert await watcher.subjects() == subjects(6)
        server.closes.add("QUIT")  # the answer to which is lost
        await watcher.attempt(account(server.port, after_store="delete"))
        server.closes.clear()
        await look_thrice(watcher, server, after_store="delete")
        assert server.messages == {}
        assert server.retrieved == []


@pytest.mark.parametrize("refused_first", [True, False])
async def test_a_list_that_is_refused_now_and_then_has_nothing_fetched_again(pool: Pool, refused_first: bool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(40)) as server:
        for number in range(4):
            server.replies = {"LIST": "-ERR internal error"} if bool(number % 2) is not refused_first else {}
            await watcher.attempt(account(server.port))
            assert bool(server.retrieved) is (number == 0)
            server.retrieved.clear()
        assert len(await watcher.ledger(JANE)) == 40

"""Servers that break the protocol at every turn: a named failure, nothing lost, nothing doubled, and all mail once mended.

Each bug is played to a mailbox of five messages, then the server is mended. Whatever the bug has made of the first session,
in the end every message is here once, byte for byte, and the server's mailbox is as the policy says.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.failures.failure import Kind
from infra.database.pool import Pool
from tests.servers.scripted_pop import CONNECT, MailboxServer
from tests.support.mailboxes import PASSWORD, PATIENT, Watcher, account, failure_of, impatient, mailbox

if TYPE_CHECKING:
    from tests.servers.dovecot import Dovecot

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAIL = {
    uidl: raw + b"x" * number + b"\r\n" for number, (uidl, raw) in enumerate(mailbox(5).items())
}  # of different sizes
ALIKE = mailbox(5)
SIZES = [len(raw) for raw in MAIL.values()]
Bug = Callable[[MailboxServer], None]


def says(command: str, answer: str | bytes, *, closes: bool = False, hangs: bool = False) -> Bug:
    def make(server: MailboxServer) -> None:
        server.replies[command] = answer
        if closes:
            server.closes.add(command)
        if hangs:
            server.hangs.add(command)

    return make


def listing(*lines: str) -> str:
    return "\r\n".join(["+OK", *lines, "."])


def raw_answer(uidl: str, *, octets: int | None = None, stuffed: bool = True) -> bytes:
    raw = MAIL[uidl]
    body = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] if stuffed else raw
    return b"+OK %d octets\r\n" % (len(raw) if octets is None else octets) + body + b".\r\n"


@dataclass(frozen=True)
class Case:
    name: str
    bug: Bug
    kind: Kind | None
    """What the session with the bug ends as; None when it takes the bug in its stride."""
    stored: int = 0
    """Messages that are here after that session."""


CONNECTION, BROKEN = Kind.CONNECTION, Kind.PROTOCOL_ERROR
CASES = [
    Case("a greeting of garbage", says(CONNECT, "hello, who is there?"), BROKEN),
    Case("a greeting of bytes", says(CONNECT, b"\0\xff\xfe\x80\r\n"), BROKEN),
    Case("an empty line for a greeting", says(CONNECT, ""), BROKEN),
    Case("a greeting of +ERR", says(CONNECT, "+ERR busy"), BROKEN),
    Case("a greeting without CR", says(CONNECT, b"+OK ready\n"), None, 5),
    Case("half a greeting", says(CONNECT, b"+OK rea", closes=True), CONNECTION),
    Case("a greeting that never ends", says(CONNECT, b"+OK " + b"x" * 100_000), BROKEN),
    Case("two greetings", says(CONNECT, b"+OK one\r\n+OK two\r\n"), BROKEN),
    Case("a refusal in gb18030", says("PASS", b"-ERR " + "密码错误，请稍后再试".encode("gb18030") + b"\r\n"), Kind.SERVER_ERROR),
    Case("a refusal in no charset at all", says("PASS", b"-ERR [SYS/TEMP] \xff\xfe\r\n"), Kind.SERVER_ERROR),
    *(Case(f"+ERR to {command}", says(command, "+ERR no"), BROKEN) for command in ("USER", "PASS", "STAT", "UIDL", "LIST")),
    *(
        Case(f"half a line to {command}", says(command, b"+O", closes=True), CONNECTION)
        for command in ("USER", "PASS", "STAT", "UIDL", "LIST")
    ),
    *(
        Case(f"a line closed at {command}", says(command, b"", closes=True), CONNECTION)
        for command in ("USER", "PASS", "STAT", "UIDL", "LIST")
    ),
    Case("a continuation of USER", says("USER", "+ go on"), BROKEN),
    Case("a CAPA that is garbage", says("CAPA", "what?"), None, 5),
    Case("a CAPA that is cut off", says("CAPA", b"+OK\r\nUI", closes=True), None, 5),
    Case("a line closed at CAPA", says("CAPA", b"", closes=True), None, 5),
    Case("a CAPA that is not answered", says("CAPA", b"", hangs=True), None, 5),
    Case("a CAPA that is refused", says("CAPA", "-ERR what?"), None, 5),
    Case("a CAPA of 975 kB", says("CAPA", listing(*["ab cd ef " * 100] * 1_083)), None, 5),
    Case("a CAPA of odd lines", says("CAPA", listing("", "  ", "UIDL \xff", "PIPELINING", "LOGIN-DELAY soon")), None, 5),
    Case("a STAT of words", says("STAT", "+OK many messages"), None, 5),
    Case("a STAT that is negative", says("STAT", "+OK -5 -100"), None, 5),
    Case("a STAT that cannot be", says("STAT", "+OK 5 " + "9" * 400), None, 5),
    Case("a STAT without a size", says("STAT", "+OK 5 unknown"), None, 5),
    Case("a STAT that says nothing", says("STAT", "+OK"), None, 5),
    Case("a STAT that is not known", says("STAT", "-ERR Unknown command."), None, 5),
    Case("a STAT that is refused", says("STAT", "-ERR [SYS/TEMP] not now"), Kind.SERVER_ERROR),
    Case("a LIST that is refused", says("LIST", "-ERR not implemented"), None, 5),
    Case("a LIST that is refused for now", says("LIST", "-ERR [SYS/TEMP] not now"), None, 5),
    Case("a LIST that asks for patience", says("LIST", "-ERR [IN-USE] wait"), Kind.MAILBOX_BUSY),
    Case("a STAT of too few", says("STAT", "+OK 1 10"), None, 5),
    Case("a STAT of none", says("STAT", "+OK 0 0"), None, 0),
    Case("a LIST without sizes", says("LIST", listing(*"12345")), None, 5),
    Case("an empty LIST", says("LIST", listing()), None, 5),
    Case("a LIST that ends amid a line", says("LIST", b"+OK\r\n1 100\r\n2 1", closes=True), CONNECTION),
    Case("a LIST without its last lines", says("LIST", listing(f"1 {SIZES[0]}")), None, 5),
    Case("a LIST of negative sizes", says("LIST", listing(*(f"{n} -{size}" for n, size in enumerate(SIZES, 1)))), None, 5),
    Case("a LIST of huge sizes", says("LIST", listing(*(f"{n} {10**30}" for n in range(1, 6)))), None, 5),
    Case("a LIST of hexadecimal", says("LIST", listing(*(f"{n} x{n}" for n in range(1, 6)))), None, 5),
    Case("a LIST of every message twice", says("LIST", listing(*(f"{n} {n}" for n in (*range(1, 6), *range(1, 6))))), None, 5),
    Case("a LIST of messages that are not there", says("LIST", listing(*(f"{n} 100" for n in range(1, 50)))), None, 5),
    Case("a UIDL that is refused", says("UIDL", "-ERR [SYS/TEMP] not now"), Kind.SERVER_ERROR),
    Case("an empty UIDL", says("UIDL", listing()), None, 0),
    Case("a short UIDL", says("UIDL", listing("1 uid-1", "2 uid-2")), None, 2),
    Case("a UIDL that ends amid a line", says("UIDL", b"+OK\r\n1 uid-1\r\n2 ui", closes=True), CONNECTION),
    Case("a UIDL of every message twice", says("UIDL", listing(*[f"{n} uid-{n}" for n in range(1, 6)] * 2)), None, 5),
    Case("a UIDL line without end", says("UIDL", b"+OK\r\n1 " + b"x" * 100_000, hangs=True), BROKEN),
    Case("+ERR for a message", says("RETR 3", "+ERR no"), BROKEN, 2),
    Case("garbage for a message", says("RETR 3", "I am a teapot"), BROKEN, 2),
    Case("a message cut short", says("RETR 3", raw_answer("uid-3")[:100], closes=True), CONNECTION, 2),
    Case("a message closed before it begins", says("RETR 3", b"", closes=True), CONNECTION, 2),
    Case("a message that ends in LF dot LF", says("RETR 3", raw_answer("uid-3")[:-5] + b"\n.\n", closes=True), CONNECTION, 2),
    Case("a message closed before its dot", says("RETR 3", raw_answer("uid-3")[:-3], closes=True), CONNECTION, 2),
    Case("a message under a wrong octet count", says("RETR 3", raw_answer("uid-3", octets=7)), None, 5),
    Case("a message under a huge octet count", says("RETR 3", raw_answer("uid-3", octets=10**30)), None, 5),
    Case("a refusal amid the pipeline", says("RETR 3", "-ERR message 3 expunged"), None, 4),
    Case("one answer too many", says("RETR 3", raw_answer("uid-3") + b"+OK\r\n"), BROKEN, 3),
    Case("one answer twice", says("RETR 3", raw_answer("uid-3") * 2), BROKEN, 3),
    Case("one answer missing", says("RETR 3", b"", hangs=True), CONNECTION, 2),
    Case("a leave-taking amid the mail", says("RETR 3", "-ERR gone\r\n-ERR Server shutting down", closes=True), CONNECTION, 2),
]  # fmt: skip


async def outcome(watcher: Watcher, server: MailboxServer, **retrieval: Any) -> Kind | None:
    """What a session ends as: the kind of its failure, or None."""
    try:
        await watcher.watch(account(server.port, **retrieval))
    except ApplicationError as ended:
        return None if ended.type == "NothingNew" else failure_of(ended).kind
    return None


async def until_nothing_is_left(watcher: Watcher, server: MailboxServer, **retrieval: Any) -> None:
    """The sessions of the next weeks; none may fail."""
    for week in range(8):
        watcher.clock = lambda week=week: NOON + timedelta(days=7 * week + 1)  # type: ignore[misc]  # a default has no type
        assert await outcome(watcher, server, **retrieval) is None


async def kept(watcher: Watcher) -> list[bytes]:
    return [
        bytes(raw) for raw in await watcher.column("select raw from raw_messages join messages using (id) order by id")
    ]


@pytest.mark.requirement("R43", "R62", "R85")
@pytest.mark.parametrize("after_store", ["leave", "delete"])
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_what_a_bug_costs_is_time_and_never_mail(pool: Pool, case: Case, after_store: str) -> None:
    watcher = Watcher(pool, clock=lambda: NOON, timeouts=impatient("RETR"))
    async with MailboxServer(password=PASSWORD, messages=MAIL) as server:
        case.bug(server)
        assert await outcome(watcher, server, after_store=after_store) is case.kind
        assert await watcher.value("select count(*) from messages where state = 'stored'") == case.stored
        whole = set(MAIL.values())
        assert all(raw in whole for raw in await kept(watcher)), "what is here is a message, and all of it"
        server.replies.clear()
        server.closes.clear()
        server.hangs.clear()
        watcher.timeouts = PATIENT
        await until_nothing_is_left(watcher, server, after_store=after_store)
        assert sorted(await kept(watcher)) == sorted(MAIL.values())
        assert server.messages == ({} if after_store == "delete" else MAIL)
    assert await watcher.value("select count(*) from messages where state <> 'stored'") == 0
    digests = await watcher.column("select sha256 from messages")
    assert sorted(map(bytes, digests)) == sorted(hashlib.sha256(raw).digest() for raw in MAIL.values())
    assert await watcher.rows("select * from verify_log(%s)", "jane@example.com") == []


@pytest.mark.requirement("R43")
@pytest.mark.parametrize(
    ("dripping", "named"),
    [
        ("RETR 3", (Kind.CONNECTION, "timeout")),
        ("UIDL", (Kind.CONNECTION, "timeout")),
        ("PASS", (Kind.SERVER_ERROR, None)),  # it has heard the password and says nothing of it
        (CONNECT, (Kind.CONNECTION, "timeout")),
    ],
)
async def test_a_server_that_drips_a_byte_a_second_is_not_waited_for_and_costs_no_mail(
    pool: Pool, dripping: str, named: tuple[Kind, str | None]
) -> None:
    watcher = Watcher(pool, clock=lambda: NOON, timeouts=impatient(dripping))
    async with MailboxServer(password=PASSWORD, messages=MAIL) as server:
        server.drips[dripping] = 1.0
        failure = await watcher.fails(account(server.port, after_store="delete"))
        assert (failure.kind, failure.cause) == named
        assert await kept(watcher) == list(MAIL.values())[: 2 if dripping == "RETR 3" else 0]
        assert server.messages == MAIL, "and nothing is deleted"
        server.drips.clear()
        watcher.timeouts = PATIENT
        await until_nothing_is_left(watcher, server, after_store="delete")
        assert sorted(await kept(watcher)) == sorted(MAIL.values())
        assert server.messages == {}


# Dots


def unstuffed(server: MailboxServer, number: int, raw: bytes) -> None:
    server.replies[f"RETR {number}"] = b"+OK %d octets\r\n" % len(raw) + raw + b".\r\n"


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(
    "raw",
    [
        b".\r\n",
        b".\r\nthe rest of it\r\n",
        b".\r\n+OK 20 octets\r\nFrom: forged@example.org\r\n\r\nforged\r\n",
        b".\r\n+OK 20 octets\r\nforged\r\n.\r\n+OK 20 octets\r\nforged, too\r\n",
        b".\r\n-ERR there is no such message\r\n",
        b".\r\n+OK 5 1500\r\n",
        b"Subject: cut\r\n\r\nbefore\r\n.\r\nafter\r\n",
        b"Subject: cut\r\n\r\nbefore\r\n.\r\n+OK\r\nFrom: forged@example.org\r\n\r\nforged\r\n",
        b"Subject: cut at its end\r\n\r\nbefore\r\n.\r\n",
    ],
)
async def test_a_message_whose_dots_are_not_stuffed_is_alone_to_suffer_for_it(
    pool: Pool, raw: bytes, pipelining: bool
) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    messages = MAIL | {"uid-3": raw}
    capabilities = ["UIDL"] + ["PIPELINING"] * pipelining
    async with MailboxServer(password=PASSWORD, messages=messages, capabilities=capabilities) as server:
        unstuffed(server, 3, raw)
        others = [message for uidl, message in messages.items() if uidl != "uid-3"]
        assert await outcome(watcher, server, after_store="delete") is Kind.PROTOCOL_ERROR
        assert await kept(watcher) == others[:2]
        assert (server.quits, server.deleted) == (0, [])
        before = len(server.commands)
        assert await outcome(watcher, server, after_store="delete") is None
        assert await kept(watcher) == others
        asked = [line for line in server.commands[before:] if line.startswith(("RETR", "DELE"))]
        assert asked == ["RETR 4", "RETR 5", "RETR 3"], "the suspect comes last, and ends the session"
        (reason,) = await watcher.column("select parse_error from messages where state = 'quarantined'")
        assert "malformed dot-stuffing" in reason
        assert "forged" not in reason
        for _ in range(2):
            assert await outcome(watcher, server, after_store="delete") is None
        assert list(server.messages) == ["uid-3"], "what is stored is deleted by the sessions after"
        server.replies.clear()
        await until_nothing_is_left(watcher, server, after_store="delete")
        assert await kept(watcher) == [*others, raw]
        assert server.messages == {}


@pytest.mark.requirement("R43")
async def test_dovecot_and_its_unstuffed_dot_lose_and_falsify_nothing(pool: Pool, dovecot: Dovecot) -> None:
    dovecot.add_user("jane@example.com", PASSWORD)
    for raw in [*list(MAIL.values())[:3], b".\r\n", *list(MAIL.values())[3:], b".\r\n+OK 9 octets\r\nforged\r\n"]:
        dovecot.deliver("jane@example.com", raw)
    watcher = Watcher(pool, clock=lambda: NOON)
    settings = account(dovecot.port, after_store="delete")
    assert (await watcher.fails(settings)).kind is Kind.PROTOCOL_ERROR
    assert await kept(watcher) == list(MAIL.values())[:3]
    watcher.clock = lambda: NOON + timedelta(days=20)
    for _ in range(6):
        with contextlib.suppress(ApplicationError):
            await watcher.watch(settings)
    assert await kept(watcher) == list(MAIL.values())
    reasons = await watcher.column("select parse_error from messages where state = 'quarantined'")
    assert len(reasons) == 2
    assert all("malformed dot-stuffing" in reason for reason in reasons)
    assert dovecot.count("jane@example.com") == 2


async def test_answers_that_are_out_of_step_by_one_are_noticed_even_where_all_messages_are_of_one_size(
    pool: Pool,
) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=ALIKE) as server:
        server.replies["RETR 3"] = (b"+OK\r\n" + ALIKE["uid-3"] + b".\r\n") * 2
        assert await outcome(watcher, server) is Kind.PROTOCOL_ERROR
        assert await kept(watcher) == [], "none of them is known to be what it is taken for"
        for _ in range(4):
            await outcome(watcher, server)
        assert sorted(await kept(watcher)) == sorted(raw for uidl, raw in ALIKE.items() if uidl != "uid-3")
        server.replies.clear()
        await until_nothing_is_left(watcher, server)
        assert sorted(await kept(watcher)) == sorted(ALIKE.values())


async def test_sizes_that_are_only_estimated_hold_nothing_up(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(120)) as server:
        server.replies["LIST"] = listing(*(f"{number} {300 + 97 * number}" for number in range(1, 121)))
        assert (await watcher.watch(account(server.port))).stored == 120
        assert server.count("STAT") <= 4
    assert await kept(watcher) == list(mailbox(120).values())


# Pipelining


async def test_a_host_that_was_out_of_step_twice_is_not_pipelined_with_for_a_week(pool: Pool) -> None:
    watcher = Watcher(pool, clock=lambda: NOON)
    async with MailboxServer(password=PASSWORD, messages=mailbox(9)) as server:
        for number in 3, 5:
            assert await pipelines(watcher, server)
            server.replies = {f"RETR {number}": "I am a teapot"}
            assert await outcome(watcher, server) is Kind.PROTOCOL_ERROR
        server.replies.clear()
        assert not await pipelines(watcher, server)
        watcher.clock = lambda: NOON + timedelta(days=6, hours=23)
        assert not await pipelines(watcher, server)
        watcher.clock = lambda: NOON + timedelta(days=7)
        assert await pipelines(watcher, server)


async def pipelines(watcher: Watcher, server: MailboxServer) -> bool:
    """Whether commands are sent ahead to fetch another account's new mail from the same host."""
    server.pipelined = 0
    messages, replies = server.messages, server.replies
    server.messages, server.replies = mailbox(9, first=100 + len(server.commands)), {}
    assert (await watcher.watch(account(server.port, address="bob@example.com"))).stored == 9
    server.messages, server.replies = messages, replies
    return server.pipelined > 0

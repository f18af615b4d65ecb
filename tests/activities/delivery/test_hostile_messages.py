"""Messages that are made to break their reader: each is stored byte for byte among the others, with what can be read of it."""

from __future__ import annotations

import random

import pytest

from infra.database.pool import Pool
from tests.servers.scripted_pop import MailboxServer
from tests.support.mailboxes import PASSWORD, Watcher, account, mail, mailbox
from tests.support.services import as_owner

FROM = b"From: anna@example.org\r\n"
MIB = 1 << 20


def charset(label: bytes) -> bytes:
    words = b"Subject: =?%s?q?=41bc?= =?%s?b?QUJD?=\r\n" % (label, label)
    return FROM + words + b'Content-Type: text/plain; charset="%s"\r\nX-Raw: \xff\xfe\xe4\r\n\r\n\xff\xfe\r\n' % label


def nested(levels: int) -> bytes:
    parts = [f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(levels)]
    return FROM + "".join(parts).encode() + b"\r\nend\r\n"


def multipart(parts: int) -> bytes:
    header = FROM + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    return header + b"--x\r\n\r\na\r\n" * parts + b"--x--\r\n"


HOSTILE = {
    "empty": b"",
    "one empty line": b"\r\n",
    "dots": b"..\r\n.\r\n",
    "no header": b"just some words\r\n",
    "a header without end": FROM + b"Subject: no end\r\n",
    "a malformed header line": FROM + b"this is no field\r\nSubject: after it\r\n\r\nHi\r\n",
    "a header of megabytes": b"X-Long: " + b"y" * (3 * MIB) + b"\r\n" + FROM + b"\r\nHi\r\n",
    "a header of many lines": FROM + b"X-Many: y\r\n" * 300_000 + b"\r\nHi\r\n",
    "a subject folded a million times": FROM + b"Subject: y\r\n" + b" y\r\n" * 500_000 + b"\r\nHi\r\n",
    "NUL bytes": b"From: a\0nna@example.org\r\nSubject: a\0b\r\nMessage-ID: <\0@example.org>\r\n\r\n\0\0\r\n",
    "a line of a megabyte": FROM + b"\r\n" + b"x" * MIB + b"\r\n",
    "bare CR and LF": FROM + b"\r\nbare\rand\rmore\r\n",
    "10,001 addresses": FROM + b"To: " + b", ".join(b"n <u%d@example.org>" % n for n in range(10_001)) + b"\r\n\r\n",
    "10,000 To fields": FROM + b"".join(b"To: u%d@example.org\r\n" % n for n in range(10_000)) + b"\r\n",
    "10,000 international addresses": FROM
    + "To: {}\r\n\r\n".format(", ".join(f"ü{n}@ä{n}.example" for n in range(10_000))).encode(),
    "500 nested comments": b"From: " + b"(" * 500 + b"anna@example.org\r\n\r\n",
    "an open quote": FROM + b'To: "\r\n\r\n',
    "a comment for an address": FROM + b"To: (c):\r\n\r\n",
    "brackets in a Message-ID": FROM + b"Message-ID: <[x@microsoft.com]>\r\n\r\n",
    "a parameter without a value": FROM + b"Content-Type: text/plain; name*\r\n\r\n",
    "two forms of a file name": FROM
    + b"Content-Disposition: attachment; filename*=utf-8''a; filename*0*=utf-8''b\r\n\r\n",
    "5,000 parameters": FROM
    + b"Content-Type: text/plain; "
    + b"; ".join(b"p%d=v" % n for n in range(5000))
    + b"\r\n\r\n",
    "20,000 parts": multipart(20_000),
    "nested 1,000 deep": nested(1000),
    "5,000 messages within messages": FROM + b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    "a date that cannot be": FROM + b"Date: Fri, 99 Foo 99999999999999999999 99:99:99 +99999999\r\n\r\n",
    "a date beyond the calendar": FROM + b"Date: Fri, 31 Dec 9999 23:59:59 -1200\r\n\r\n",
    "a date before it": FROM + b"Date: Mon, 1 Jan 0001 00:00:00 +1400\r\n\r\n",
    **{
        f"charset {label!r}": charset(label)
        for label in [b"rot13", b"hex", b"idna", b"utf-8\0", b"x-foo", b"punycode", b"undefined", b"zlib", b"utf-7"]
    },
}
SAID = {
    "empty": "no header field found",
    "a header of megabytes": "only the first 2097152 bytes of the header are indexed",
    "10,001 addresses": "not every address of to is indexed",
    "10,000 To fields": "only the first 100 to fields are indexed",
    "20,000 parts": "more than 1000 parts",
    "nested 1,000 deep": "nested more than 50 deep",
    "5,000 messages within messages": "nested more than 50 deep",
}


@pytest.mark.requirement("R43")
@pytest.mark.parametrize("after_store", ["leave", "delete"])
async def test_whatever_a_message_holds_it_is_stored_as_it_is_and_harms_no_other(pool: Pool, after_store: str) -> None:
    watcher = Watcher(pool)
    messages = {"first": mail(1)} | {name.replace(" ", "-"): raw for name, raw in HOSTILE.items()} | {"last": mail(2)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        report = await watcher.watch(account(server.port, after_store=after_store))
        assert (report.stored, report.quarantined) == (len(messages), 0)
        assert server.messages == ({} if after_store == "delete" else messages)
        if after_store == "leave":
            await watcher.finds_nothing(account(server.port))
    kept = await watcher.rows("select uidl, raw, parse_error, from_address from raw_messages join messages using (id)")
    assert {row["uidl"]: bytes(row["raw"]) for row in kept} == messages
    errors = {row["uidl"]: row["parse_error"] or "" for row in kept}
    for name, said in SAID.items():
        assert said in errors[name.replace(" ", "-")]
    assert not any("could not be read" in error for error in errors.values()), "nothing surprised the reader"
    readable = [row["uidl"] for row in kept if row["from_address"] == "anna@example.org"]
    assert {"a-malformed-header-line", "500-nested-comments", "20,000-parts", "charset-b'idna'"} <= set(readable)


def chinese(characters: int) -> str:
    """Text that hardly compresses."""
    chosen = random.Random(1)
    return "".join(chr(chosen.randrange(0x4E00, 0x9FA0)) for _ in range(characters))


async def test_a_message_id_as_long_as_a_line_in_any_script_keeps_no_mail_back(pool: Pool) -> None:
    watcher = Watcher(pool)
    named = f"Message-ID: <{chinese(990)}>\r\n".encode()
    messages = {"first": mail(1), "long": named + FROM + b"\r\nhi\r\n", "last": mail(2)}
    async with MailboxServer(password=PASSWORD, messages=messages) as server:
        assert (await watcher.watch(account(server.port))).stored == 3


async def test_what_the_database_will_not_take_is_put_in_quarantine_alone(pool: Pool) -> None:
    """An index that an operator added, say, takes less than a Subject may have."""
    watcher = Watcher(pool)
    async with await as_owner(pool) as connection:
        await connection.execute("create index on mail (subject)")
    messages = (
        mailbox(3) | {"long": f"Subject: {chinese(1200)}\r\n".encode() + FROM + b"\r\nhi\r\n"} | {"last": mail(4)}
    )
    async with MailboxServer(password=PASSWORD, messages=dict(messages)) as server:
        report = await watcher.watch(account(server.port, after_store="delete"))
        assert (report.stored, report.quarantined, report.deleted) == (4, 1, 4)
        assert list(server.messages) == ["long"]
    (kept,) = await watcher.rows("select uidl, parse_error from messages where state = 'quarantined'")
    assert kept["uidl"] == "long"
    assert kept["parse_error"] == "PostgreSQL does not take what is indexed of it (ProgramLimitExceeded)"
    told = await watcher.column("select (data ->> 'count')::int from account_events where type = 'MessagesStored'")
    assert sum(told) == 4, "each part of the batch is in the log"

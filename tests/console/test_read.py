"""`mailroom read`: a message as a person reads it, whatever its sender made of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from console.messages import read, safe_name
from console.terminal import Terminal
from domain.core.refusal import Refused
from infra.database.pool import Pool
from tests.support.console import Asking, retrieved, written
from tests.support.mailboxes import JANE, Watcher

PLAINLY: dict[str, Any] = {"as_html": False, "as_raw": False, "folder": None}
HOSTILE = "\x1b]0;gotcha\x07\x1b[2Jbold\u202etxt.exe"


async def only(pool: Pool) -> int:
    [number] = await Watcher(pool).column("select id from messages")
    return int(number)


async def test_it_shows_header_text_and_attachments(pool: Pool, database_url: str) -> None:
    raw = written(
        "Angebot für Jörg", "Grüße\n\naus Köln", cc="Tom <tom@example.net>", attached=("Preise Ö.pdf", b"%PDF-1")
    )
    await retrieved(pool, raw)
    said = await Asking(database_url).says(read, await only(pool), **PLAINLY)
    for line in (
        "From     Anna Lind <anna@example.org>",
        f"To       {JANE}",
        "Cc       Tom <tom@example.net>",
        "Date     2026-11-23 09:00",
        "Subject  Angebot für Jörg",
        "folder   Inbox",
        "Grüße",
        "aus Köln",
    ):
        assert line in said.splitlines()
    assert "Preise Ö.pdf" in said
    assert "application/pdf" in said


async def test_html_is_read_without_its_tags_and_shown_with_them_if_asked(pool: Pool, database_url: str) -> None:
    html = b"<html><style>p{}</style><p>One &amp; <b>two</b></p><script>alert(1)</script></html>"
    await retrieved(pool, b"From: a@example.org\r\nContent-Type: text/html\r\n\r\n" + html + b"\r\n")
    asking, number = Asking(database_url), await only(pool)
    said = await asking.says(read, number, **PLAINLY)
    assert "One & two" in said
    assert "alert" not in said
    assert "<b>two</b>" in await asking.says(read, number, **(PLAINLY | {"as_html": True}))


async def test_nothing_in_a_message_is_obeyed_by_the_terminal(pool: Pool, database_url: str) -> None:
    await retrieved(pool, written("x", f"text {HOSTILE}", attached=(f"{HOSTILE}.pdf", b"x")))
    said = await Asking(database_url).says(read, await only(pool), **PLAINLY)
    assert not set(said) & set("\x1b\x07\u202e")
    assert "\\u001b" in said


async def test_the_bytes_are_given_as_they_came(pool: Pool, database_url: str, tmp_path: Path) -> None:
    raw = written("x", "text")
    await retrieved(pool, raw)
    number = await only(pool)
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    from console.reading import reading

    async with reading({"DATABASE_URL": database_url}) as reader:
        terminal = Terminal(out)
        await read(reader, terminal, number, **(PLAINLY | {"as_raw": True}))
    terminal.speak()
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    assert buffer.getvalue() == raw


async def test_what_is_saved_stays_in_its_folder_and_writes_over_nothing(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await retrieved(pool, written("x", "text", attached=("../../etc/pass wd.pdf", b"%PDF")))
    asking, number = Asking(database_url), await only(pool)
    folder = tmp_path / "saved"
    for _ in range(2):
        await asking.says(read, number, **(PLAINLY | {"folder": folder}))
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        f"message-{number} (2).eml",
        f"message-{number}.eml",
        "pass wd (2).pdf",
        "pass wd.pdf",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["saved"]
    assert (folder / "pass wd.pdf").read_bytes() == b"%PDF"


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("offer.pdf", "offer.pdf"),
        ("..\\..\\x.exe", "x.exe"),
        ("/etc/passwd", "passwd"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("a\x1b[2J\nb$(id)`.txt", "a__2J_b_(id)_.txt"),
        ("..", ""),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
        ("\u5831" * 300 + ".pdf", "\u5831" * 65 + ".pdf"),
        ("-.bashrc", "bashrc"),
        ("報告書.pdf", "報告書.pdf"),
    ],
)
def test_a_senders_name_of_a_file_is_a_name_in_one_folder(given: str, safe: str) -> None:
    assert safe_name(given) == safe


async def test_a_message_that_is_not_there_is_refused_in_words(pool: Pool, database_url: str) -> None:
    with pytest.raises(Refused, match="there is no message 42"):
        await Asking(database_url).says(read, 42, **PLAINLY)


async def test_a_message_that_could_not_be_taken_says_why(pool: Pool, database_url: str) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            """
            insert into mail (address, uidl, folder, size, state, parse_error)
            values (%s, 'u', 'Inbox', 9, 'quarantined', 'too large')
            """,
            [JANE],
        )
    with pytest.raises(Refused, match="in quarantine, too large"):
        await Asking(database_url).says(read, await only(pool), **PLAINLY)


async def test_json_has_all_of_it_and_ascii_alone(pool: Pool, database_url: str) -> None:
    await retrieved(pool, written("Grüße", "text", attached=("a.pdf", b"123")))
    answer = await Asking(database_url).answers(read, await only(pool), **PLAINLY)
    assert (answer["subject"], answer["text"], answer["attachments"]) == (
        "Grüße",
        "text",
        [{"name": "a.pdf", "type": "application/pdf", "bytes": 3}],
    )

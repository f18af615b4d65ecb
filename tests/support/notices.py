"""The notices in tests/data/notices.txt: bounces in words alone, with what stands below them, and whom they did not reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NOTICES = Path(__file__).parents[1] / "data" / "notices.txt"
COMMON = """To: me@example.com
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

"""
HEADER = f"""From: Mail Delivery System <MAILER-DAEMON@mx.example.com>
Subject: Undelivered Mail Returned to Sender
{COMMON}"""
RECIPIENTS = {"{to}": "jane@example.com", "{to2}": "joe@example.com"}

Part = Literal["known", "unseen", "later", "last", "heldout", "partial", "partial_heldout", "html", "html_heldout"]
MENDED: tuple[Part, ...] = ("known", "unseen", "later", "last")


@dataclass(frozen=True, slots=True)
class Notice:
    """One bounce: its notice, and what follows it or who sent it, by their names; whom it did not reach, and its bytes."""

    notice: str
    name: str
    recipients: frozenset[str]
    raw: bytes


def notices(part: Part) -> Iterator[Notice]:
    """Each notice of a part with each of its rests."""
    for notice, text in _pieces(part, "notice"):
        for rest, below in _pieces(part, "rest"):
            header = HEADER.replace("text/plain", "text/html") if part.startswith("html") else HEADER
            yield _filled(notice, rest, header, text, f"\n{below}\n")


def from_any_sender(part: Part) -> Iterator[Notice]:
    """Each notice of a part from each of its senders, who say less of themselves than a mail system does."""
    for notice, text in _pieces(part, "notice"):
        for sender, lines in _pieces(part, "sender"):
            yield _filled(notice, sender, f"{lines}\n{COMMON}", text, "")


def by_people(part: Part) -> Iterator[tuple[str, bytes]]:
    """Mails that people and shops write of what was not delivered, by their names: none is a bounce."""
    for name, mail in _pieces(part, "person"):
        lines, _, body = mail.partition("\n\n")
        yield name, _lines(f"{lines}\n{COMMON}{body}\n")


def _pieces(part: Part, what: str) -> list[tuple[str, str]]:
    found = []
    for piece in NOTICES.read_text("utf-8").split("\n### ")[1:]:
        title, _, text = piece.partition("\n")
        if title.startswith(f"{part} {what} "):
            found.append((title.split(" ", 2)[2], text.strip("\n")))
    return found


def _filled(notice: str, name: str, header: str, text: str, below: str) -> Notice:
    recipients = frozenset(address for mark, address in RECIPIENTS.items() if mark in text)
    for mark, address in RECIPIENTS.items():
        text = text.replace(mark, address)
    return Notice(notice, name, recipients, _lines(f"{header}{text}\n{below}"))


def _lines(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()

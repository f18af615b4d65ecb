"""What may be attached: a message, and nothing that only looks like one."""

from __future__ import annotations

import pytest

from domain.message.attaching import why_no_mail
from domain.message.index import index


@pytest.mark.requirement("R46")
@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b"\r\n \n", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "Outlook file (.msg)"),
        (b"From jane@example.com Mon Nov 23 10:00:00 2026\nFrom: a@example.org\n\nHello\n", "mailbox file (mbox)"),
        (b"PK\x03\x04...", "archive"),
        (b"%PDF-1.7", "PDF"),
        (b"\n<!DOCTYPE html><html>From: a@example.org</html>", "web page"),
        (b'{"from": "a@example.org", "subject": "hello"}', "names nobody"),
        (b"Note: buy milk\n\nand bread", "names nobody"),
        (b"\xff\xfe\x00\x01" * 100, "names nobody"),
        (b"From: a@example.org\n\nHello", "neither Date"),
    ],
)
def test_what_is_no_message_is_told_from_one(raw: bytes, said: str) -> None:
    assert said in (why_no_mail(raw, index(raw)) or "")


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@example.org\nSubject: hello\n\nHello\n",
        b"\xef\xbb\xbfFrom: a@example.org\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n\r\nHello\r\n",
        b"Received: from mx\r\nTo: b@example.org\r\nMessage-ID: <1@example.org>\r\n\r\n",
    ],
)
def test_a_message_is_one_however_it_was_saved(raw: bytes) -> None:
    assert why_no_mail(raw, index(raw)) is None

"""What a person reads of a message, whatever the message is made of."""

from __future__ import annotations

import pytest

from domain.message.body import LONGEST_TEXT, attachments, plain_text, text_and_names


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Subject: x\r\n\r\nHello\r\n", "Hello"),
        (b"Content-Type: text/plain; charset=latin1\r\n\r\nGr\xfc\xdfe\r\n", "Gr\u00fc\u00dfe"),
        (b"Content-Type: text/plain; charset=no-such\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n", "Gr\u00fc\u00dfe"),
        (b"Content-Type: text/plain\r\n\r\nForma\xe7\xe3o\r\n", "Forma\u00e7\u00e3o"),
        (b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B-!\x1b(B\r\n", "\u2460"),
        (b"Content-Type: text/plain; charset=windows-31j\r\n\r\n\x87\x40\r\n", "\u2460"),
        (b"Content-Type: text/html\r\n\r\n<style>p {}</style><p>One &amp; <b>two</b></p>three", "One & two\nthree"),
        (
            (
                b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n"
                b"--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b--\r\n"
            ),
            "plain",
        ),
        (b"Content-Type: application/pdf\r\n\r\n%PDF", ""),
        (b"", ""),
        (b"\x00\xff" * 1000, None),
        (b"Subject: x\r\n\r\na\x00b", "a\u2400b"),
    ],
)
def test_what_can_be_read_is_shown(raw: bytes, text: str | None) -> None:
    shown = plain_text(raw)
    assert text is None or shown == text


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: text/plain" + b"".join(b"; p%d=x" % n for n in range(20_000)),
        b"Content-Disposition: attachment; filename=" + b"x" * 500_000,
        b"Content-Type: text/plain; charset=" + b"(" * 100_000,
    ],
)
def test_a_header_of_megabytes_is_read_at_its_beginning(header: bytes) -> None:
    # Read whole by the library, each would take minutes.
    assert plain_text(header + b"\r\n\r\nHello") in ("Hello", "")
    assert text_and_names(header + b"\r\n\r\nHello")[0] in ("Hello", "")


def test_attachments_are_told_by_name_and_bytes() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=UTF-8''%C3%96.pdf\r\n\r\n%PDF\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: within\r\n\r\nx\r\n--b--\r\n"
    )
    assert [(part.name, part.content_type) for part in attachments(raw)] == [
        ("\u00d6.pdf", "application/pdf"),
        ("", "message/rfc822"),
    ]
    assert text_and_names(raw) == ("text", ["\u00d6.pdf"])
    assert attachments(b"\xff\x00") == []


def test_it_is_bounded() -> None:
    assert len(plain_text(b"Subject: x\r\n\r\n" + "\u00fc".encode() * 200_000).encode()) <= LONGEST_TEXT
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200))
    assert plain_text(nested + b"\r\nHello") == ""
    assert len(plain_text(b"Content-Type: text/html\r\n\r\n" + b"<head" * 200_000)) <= LONGEST_TEXT

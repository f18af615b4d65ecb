"""What is indexed of a message, and that no bytes can make indexing fail."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.core.text import storable
from domain.message import index as message_module
from domain.message.index import IndexedMessage, Participant, index, normal_address


def mail(*header: str, body: bytes = b"Hello\r\n") -> bytes:
    return "".join(f"{line}\r\n" for line in header).encode() + b"\r\n" + body


def senders(field: str) -> list[tuple[str, str]]:
    found = index(mail(f"From: {field}"))
    assert found.parse_error is None
    return [(participant.name, participant.normal) for participant in found.participants]


# --- an ordinary message


def test_an_ordinary_message_gives_all_that_is_indexed() -> None:
    raw = mail(
        "From: =?utf-8?q?J=C3=B6rg?= <Joerg@Example.com>",
        "To: Jane Doe <jane@example.org>,",
        "\tbob@example.net (Bob)",
        "Cc: jane@example.org",
        "Subject: A folded",
        " subject",
        "Date: Mon, 3 Mar 2025 09:12:44 +0100",
        "Message-ID: <Abc@example.com>",
        "In-Reply-To: <one@example.org>",
        "References: <zero@example.org>",
        " <one@example.org>",
    )
    assert index(raw) == IndexedMessage(
        message_id="<Abc@example.com>",
        from_address="joerg@example.com",
        subject="A folded subject",
        sent_at=datetime(2025, 3, 3, 8, 12, 44, tzinfo=UTC),
        participants=(
            Participant("from", "Jörg", "Joerg@Example.com", "joerg@example.com"),
            Participant("to", "Jane Doe", "jane@example.org", "jane@example.org"),
            Participant("to", "Bob", "bob@example.net", "bob@example.net"),
            Participant("cc", "", "jane@example.org", "jane@example.org"),
        ),
        in_reply_to=("<one@example.org>",),
        references=("<zero@example.org>", "<one@example.org>"),
        parse_error=None,
        automatic=False,
        author="joerg@example.com",
    )


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r\r\n", b"\r"])
def test_any_line_end_will_do(line_end: bytes) -> None:
    raw = mail("Subject: one", " two", "From: a@example.com").replace(b"\r\n", line_end)
    assert index(raw).subject == "one two"
    assert index(raw).from_address == "a@example.com"


def test_the_body_is_not_taken_for_header() -> None:
    found = index(mail("Subject: x", body=b"From: evil@example.com\r\n\r\nTo: a@example.com\r\n"))
    assert found.participants == ()
    assert found.from_address is None


def test_blank_lines_a_byte_order_mark_and_lines_without_a_colon_do_not_hide_the_header() -> None:
    assert index(b"\r\n\r\nSubject: after blanks\r\n\r\n").subject == "after blanks"
    assert index(b"\xef\xbb\xbfSubject: after a mark\r\n\r\n").subject == "after a mark"
    assert index(b"From mbox line\r\nnonsense\r\nSubject: found\r\n\r\n").subject == "found"


# --- addresses


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('"a@b" <c@d.org>', [("a@b", "c@d.org")]),
        ('Team: a@x.org, "Bob, J" <b@y.org>;, c@z.org (Cee)', [("", "a@x.org"), ("Bob, J", "b@y.org"), ("Cee", "c@z.org")]),
        ("undisclosed-recipients:;", []),
        ("MAILER-DAEMON", []),
        ("<>", []),
        ("jane @ example.com", [("", "jane@example.com")]),
        ("Jane Doe jane@example.com", [("Jane Doe", "jane@example.com")]),
        ('"Jane <jane@example.com>', [("Jane", "jane@example.com")]),
        ("Jane <jane@example.com", [("Jane", "jane@example.com")]),
        ("a@x.org (unclosed, b@y.org", [("unclosed", "a@x.org"), ("", "b@y.org")]),
        ("a@x.org; b@y.org", [("", "a@x.org"), ("", "b@y.org")]),
        ("<@relay.example,@other.example:jane@example.com>", [("", "jane@example.com")]),
        ("'jane@example.com'", [("", "jane@example.com")]),
        ('"john doe"@example.com', [("", '"john doe"@example.com')]),
        ('"john.doe"@example.com', [("", "john.doe@example.com")]),
        ("jörg@example.com", [("", "jörg@example.com")]),
        ("Jane <jane@MÜLLER.example>", [("Jane", "jane@xn--mller-kva.example")]),
        ("(one) (two) a@x.org (three)", [("one", "a@x.org")]),
        ("=?utf-8?q?Jane=2C_=3Cevil=40x=2Eorg=3E?= <ok@example.com>", [("Jane, <evil@x.org>", "ok@example.com")]),
        ("=?utf-8?b?" + base64.b64encode(b"evil@example.org").decode() + "?=", []),
    ],
)  # fmt: skip
def test_an_address_field_gives_its_mailboxes(field: str, expected: list[tuple[str, str]]) -> None:
    assert senders(field) == expected


@pytest.mark.parametrize("field", ["(c):", '"', "<[x@microsoft.com]>", "(" * 500, "<" * 500, '"\\' * 500, ",;:" * 99])
def test_fields_that_break_the_standard_library_give_no_address_and_no_error(field: str) -> None:
    assert senders(field) == []


def test_several_authors_of_the_one_from_field_are_all_participants() -> None:
    found = index(mail("From: a@example.com, b@example.com", "From: c@example.com", "Sender: s@example.com"))
    assert found.from_address == "a@example.com"
    assert [(who.field, who.normal[0]) for who in found.participants] == [
        ("from", "a"),
        ("from", "b"),
        ("sender", "s"),
    ]


def test_at_most_ten_thousand_addresses_of_a_field_are_indexed_and_that_is_said() -> None:
    found = index(mail("To: " + ", ".join(f"a{number}@x.org" for number in range(12_000)), "From: me@example.com"))
    assert len(found.participants) == 10_001
    assert found.parse_error == "not every address of to is indexed"
    long = index(mail("To: " + ", ".join(f'"{"x" * 200}" <a{number}@x.org>' for number in range(6_000))))
    assert 2_000 < len(long.participants) < 6_000
    assert long.parse_error == "not every address of to is indexed"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Jane@Example.COM ", "jane@example.com"),
        ("jane@example.com.", "jane@example.com"),
        ("jane@BÜCHER.example", "jane@xn--bcher-kva.example"),
        ("jane@xn--BCHER-KVA.example", "jane@xn--bcher-kva.example"),
        ("jane@bücher。example", "jane@xn--bcher-kva.example"),
        ("jo\u0308rg@example.com", "jörg@example.com"),
        ("jane@[192.0.2.1]", "jane@[192.0.2.1]"),
        ("\u200bjane@example.com\ufeff", "jane@example.com"),
        ("user+tag@example.com", "user+tag@example.com"),
        ("jane@localhost", "jane@localhost"),
        ("jane", None),
        ("@example.com", None),
        ("jane@", None),
        ("jane doe@example.com", None),
        ("jane@exam ple.com", None),
        ("jane@example.com\0", None),
        ("jane@example.com\ud800", None),
        ("a" * 400 + "@example.com", None),
        ("<jane@example.com>", None),
    ],
)
def test_addresses_are_compared_in_one_form(text: str, normal: str | None) -> None:
    assert normal_address(text) == normal


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_the_normal_form_of_a_normal_form_is_itself(local: str, domain: str) -> None:
    if normal := normal_address(f"{local}@{domain}"):
        assert normal_address(normal) == normal
        assert storable(normal) == normal


# --- text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"=?iso-8859-1?Q?=C9lodie?= =?iso-8859-1?q?_Garnier?=", "Élodie Garnier"),
        (b"=?utf-8?B?w6?= =?utf-8?B?k=?= x", "x"),  # half a character, and nothing
        (b"=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "ä"),
        (b"=?windows-1252?Q?=80?= and =?iso-8859-1?Q?=93a=94?=", "€ and “a”"),
        (b"=?gb2312?B?" + base64.b64encode("镕基".encode("gb18030")) + b"?=", "镕基"),
        (b"=?utf-8*en?Q?language?=", "language"),
        (b"=?x-nonsense?Q?caf=C3=A9?=", "café"),
        (b"=?rot13?Q?uryyb?=", "uryyb"),
        (b"=?utf-8\0?Q?nul?=", "nul"),
        (b"=?utf-8?Q?with blanks?=", "with blanks"),
        (b"=?utf-8?Q?unfinished", "=?utf-8?Q?unfinished"),
        (b"one =?utf-8?Q?two?= three", "one two three"),
        ("raw UTF-8 – fine".encode(), "raw UTF-8 – fine"),
        ("caf\xe9".encode("latin-1"), "café"),
        (b"a\0b\tc", "a b c"),
    ],
)
def test_subjects_are_decoded_whatever_their_label_says(raw: bytes, expected: str) -> None:
    assert index(b"Subject: " + raw + b"\r\n\r\n").subject == expected


def test_a_raw_header_is_read_in_the_charset_of_the_body() -> None:
    raw = b"Subject: " + "样机送货".encode("gb2312") + b"\r\nContent-Type: text/plain; charset=gb2312\r\n\r\nx\r\n"
    assert index(raw).subject == "样机送货"


def test_a_long_subject_is_cut_without_breaking_its_charset() -> None:
    subject = index(b"Subject: " + "Küche und Büro ".encode() * 2000 + b"\r\n\r\n").subject
    assert subject.startswith("Küche und Büro Küche")
    assert len(subject) < 4096


@pytest.mark.parametrize("letter", ["a", "ü", "中", "😀"])
@pytest.mark.parametrize("before", ["", "Re: ", "Re: x"])
def test_a_long_subject_without_blanks_is_cut_and_not_lost(before: str, letter: str) -> None:
    subject = index(mail(f"Subject: {before}{letter * 6000}")).subject
    assert subject.startswith(before + letter)
    assert set(subject.removeprefix(before)) == {letter}
    assert len(subject.encode()) > 4000


def test_what_postgresql_cannot_store_is_replaced() -> None:
    assert storable("a\0b\ud800c") == "a\u2400b\ufffdc"


# --- ids, dates, kinds


@pytest.mark.parametrize(
    ("header", "message_id"),
    [
        (["Message-ID: <A.b@Example.com>"], "<A.b@Example.com>"),
        (["Message-ID:", " <folded@example.com> (comment)"], "<folded@example.com>"),
        (["Message-ID: <[x@microsoft.com]>"], "<[x@microsoft.com]>"),
        (["Message-ID: bare@example.com"], "<bare@example.com>"),
        (["Message-ID: bare@example.com and more"], None),
        (["Message-ID:"], None),
        (["Message-ID: <>"], None),
        (["Message-ID: <a b@example.com>"], None),
        (["Message-ID: <a@example.com> <b@example.com>"], None),
        (["Message-ID: <a@example.com>", "Message-ID: <a@example.com>"], None),
        (["Message-ID: <" + "x" * 2000 + "@example.com>"], None),
        (["Message-ID: <" + "x" * 996 + ">"], "<" + "x" * 996 + ">"),
        (["Message-ID: <" + "\u4e2d" * 332 + ">"], "<" + "\u4e2d" * 332 + ">"),  # 998 bytes
        (["Message-ID: <" + "\u4e2d" * 333 + ">"], None),
        (["Subject: x"], None),
    ],
)
def test_a_message_id_is_kept_as_it_is_or_counts_as_missing(header: list[str], message_id: str | None) -> None:
    assert index(mail(*header)).message_id == message_id


def test_references_that_are_longer_than_a_line_are_left_out() -> None:
    found = index(mail("References: <" + "\u4e2d" * 333 + "> <a@example.com>", "In-Reply-To: <" + "\u4e2d" * 333 + ">"))
    assert (found.references, found.in_reply_to) == (("<a@example.com>",), ())


def test_of_many_references_the_last_32_are_kept() -> None:
    found = index(mail("References: " + "\r\n ".join(f"<{number}@example.com>" for number in range(10_000))))
    assert found.references == tuple(f"<{number}@example.com>" for number in range(9_968, 10_000))


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Mon, 3 Mar 2025 09:12:44 +0100 (CET)", datetime(2025, 3, 3, 8, 12, 44, tzinfo=UTC)),
        ("3 Mar 25 09:12 -0000", datetime(2025, 3, 3, 9, 12, tzinfo=UTC)),
        ("Mon, 3 Mar 2025 09:12:44", datetime(2025, 3, 3, 9, 12, 44, tzinfo=UTC)),
        ("Mon, 99 Foo 2025 31:61:00 +9999", None),
        ("31 Dec 9999 23:59:59 -1400", None),
        ("yesterday", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_the_date_is_kept_in_utc_or_not_at_all(date: str, moment: datetime | None) -> None:
    assert index(mail(f"Date: {date}")).sent_at == moment


@pytest.mark.parametrize(
    ("header", "automatic"),
    [
        ("Auto-Submitted: auto-replied (vacation)", True),
        ("Auto-Submitted: AUTO-GENERATED; owner=x", True),
        ("Auto-Submitted: no", False),
        ("auto-submitted:  No ; x", False),
        ("Precedence: Bulk", True),
        ("Precedence: first-class", False),
        ("List-Id: <l.example.com>", True),
        ("List-Unsubscribe: <https://example.com>", True),
        ("X-Auto-Response-Suppress: All", True),
        ("Return-Path: < >", True),
        ("Return-Path: <jane@example.com>", False),
        ('Content-Type: multipart/report; boundary="x"', True),
        ("Subject: Automatic reply", False),
    ],
)
def test_mail_that_a_program_sent_is_told_apart(header: str, automatic: bool) -> None:
    assert index(mail(header)).automatic is automatic


def test_a_header_that_a_relays_blank_line_cuts_in_two_says_why_it_has_no_sender() -> None:
    """thunderbird/thunderbird-android#4851."""
    rest = (
        "From: Ann <ann@example.org>\r\nTo: jane@example.com\r\nSubject: Offer\r\nDate: Mon, 3 Mar 2025 09:12:44 +0100"
    )
    for blank in "", "\r\n", "\ufeff":
        found = index(f"{blank}Received: from relay.example.net\r\n by mx\r\n\r\n{rest}\r\n\r\nHello\r\n".encode())
        assert found.parse_error is not None
        assert "no From field: the header ends at a blank line" in found.parse_error
        assert (found.from_address, found.subject) == (None, "")  # what stands in a body, anybody may have pasted there
    for body in "", "Hello\r\n", "Subject: notes\r\n\r\nFrom: here on\r\n", f"Look at this:\r\n{rest}\r\n":
        assert index(f"Received: from relay.example.net\r\n\r\n{body}".encode()).parse_error is None
    assert index(mail("From: ann@example.org", body=f"{rest}\r\n".encode())).parse_error is None


# --- structure


def nested(levels: int) -> bytes:
    parts = [f"Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n" for number in range(levels)]
    return "".join(parts).encode() + b"\r\nend\r\n"


@pytest.mark.parametrize(
    ("raw", "parse_error"),
    [
        (b"", "no header field found"),
        (b"just some words\r\nand more\r\n", "no header field found"),
        (nested(50), None),
        (nested(51), "nested more than 50 deep"),
        (nested(1000), "nested more than 50 deep"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 5000, "nested more than 50 deep"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 20 + nested(1), None),
        (mail("Content-Type: multipart/mixed; boundary=x", body=b"--x\r\n\r\na\r\n" * 1000), None),
        (mail("Content-Type: multipart/mixed; boundary=x", body=b"--x\r\n\r\na\r\n" * 1001), "more than 1000 parts"),
        (mail("Content-Type: multipart/mixed; name*", body=b"--\r\n"), "multipart without a boundary"),
        (mail('Content-Type: multipart/mixed; boundary="x"', body=b"no part"), "multipart of which no part is found"),
        (mail("Content-Type: text/plain", body=b"--x\r\n" * 5000), None),
        (
            mail(
                'Content-Type: multipart/mixed; boundary="a"',
                body=b"--a\r\nContent-Type: multipart/alternative;\r\n boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--a--\r\n",
            ),
            None,
        ),
    ],
)
def test_mail_whose_parts_should_not_be_parsed_says_why(raw: bytes, parse_error: str | None) -> None:
    assert index(raw).parse_error == parse_error


def test_parts_side_by_side_are_not_taken_for_nesting() -> None:
    part = b"--a\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n\r\nx\r\n"  # never closed
    body = b"".join(part % (number, number) for number in range(200)) + b"--a--\r\n"
    assert index(mail("Content-Type: multipart/mixed; boundary=a", body=body)).parse_error is None


# --- hostile bytes

HEADERS = [name.encode() for name in message_module._INDEXED]
PIECES = [
    *(b"\r\n%s: " % name for name in HEADERS),
    *[b"=?utf-8?q?", b"=?gb18030?b?", b"=?utf-7?q?", b"=?rot13?b?", b"=?iso-2022-jp?b?", b"?=", b"\x1b$B", b"\xff", b"\0"],
    *[b"(", b")", b'"', b"\\", b"<", b">", b"@", b",", b";", b":", b"a@b.c", b"\r", b"\n", b"\r\n ", b"\r\n\r\n", b"--x"],
    *[b"multipart/mixed; boundary=x", b"message/rfc822", b"charset=koi8-r", b"charset=hex", b"\xd8\x00", b"xn--", b"+ADw-"],
]  # fmt: skip


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=2000), st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=5))).map(b"".join)
    )
)
def test_no_bytes_make_indexing_fail(raw: bytes) -> None:
    found = index(raw)
    assert not (found.parse_error or "").startswith("the header could not be read")
    texts = [found.subject, found.message_id or "", found.from_address or "", *found.in_reply_to, *found.references]
    texts += [text for who in found.participants for text in (who.name, who.address, who.normal)]
    for text in texts:
        assert storable(text) == text
        text.encode()
    assert len(found.references) <= 32


def test_even_an_error_of_our_own_only_leaves_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RecursionError("secret words of the mail")

    monkeypatch.setattr(message_module, "_header_block", fail)
    assert index(b"x") == IndexedMessage(parse_error="the header could not be read (RecursionError)")


@pytest.mark.parametrize(
    "piece", [b"(", b'"', b"<", b'"\\', b"()", b'<"', b"<@", b"=?", b"@", b"a@ ", b"\n ", b"\r", b"x"]
)
def test_a_megabyte_of_anything_is_indexed(piece: bytes) -> None:
    hostile = piece * ((1 << 20) // len(piece))
    # work that grows with the square of the size would run into the suite's time-out
    for field in (
        b"From: ",
        b"Subject: ",
        b"References: ",
        b"Content-Type: multipart/mixed; boundary=",
        b"Date: ",
        b"",
    ):
        assert not (index(field + hostile).parse_error or "").startswith("the header could not be read")

"""Answers to stored messages: to whom, in which thread, with which words of theirs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.core.refusal import Refused
from domain.message.index import index
from domain.sending.compose import Composed, Identity, compose
from domain.sending.draft import draft_of
from domain.sending.quoting import cleaned
from domain.sending.recipients import Mailbox
from domain.sending.reply import Answer, AnswerKind, Original, answer, subject_of_answer

OWN = frozenset({"jane@example.com", "j.doe@example.com"})
ME = Mailbox("Jane Doe", "jane@example.com")
IDENTITY = Identity("0123456789abcdef" * 2, "f" * 32, datetime(2026, 12, 1, 9, 30, tzinfo=UTC))
DATE = "Date: Mon, 30 Nov 2026 10:00:00 +0100"


def answered(*header: str, kind: AnswerKind = "reply", body: str = "Hello") -> Answer:
    return answer(Original.of("\r\n".join([*header, "", body]).encode()), kind, OWN)


def addresses(mailboxes: tuple[Mailbox, ...]) -> list[str]:
    return [one.address for one in mailboxes]


# --- to whom


@pytest.mark.parametrize(
    ("header", "to", "cc"),
    [
        (["From: anna@example.org", "To: jane@example.com"], ["anna@example.org"], []),
        (
            [
                "From: anna@example.org",
                "To: J.Doe@example.com, bob@example.org",
                "Cc: eve@example.org, anna@example.org",
            ],
            ["anna@example.org", "bob@example.org"],
            ["eve@example.org"],
        ),
        (
            [
                "From: anna@example.org",
                "Reply-To: Desk <desk@example.org>",
                "To: jane@example.com",
                "Cc: jane@example.com",
            ],
            ["desk@example.org"],
            [],
        ),
        # a list, or a form, that names the one who answers
        (
            ["From: anna@example.org", "Reply-To: jane@example.com", "To: x@example.org"],
            ["anna@example.org", "x@example.org"],
            [],
        ),
        # one's own sent mail
        (
            [
                "From: jane@example.com",
                "To: anna@example.org, bob@example.org",
                "Cc: eve@example.org, j.doe@example.com",
            ],
            ["anna@example.org", "bob@example.org"],
            ["eve@example.org"],
        ),
        (["From: jane@example.com", "Cc: eve@example.org"], ["eve@example.org"], []),
        (["From: jane@example.com", "To: j.doe@example.com"], ["j.doe@example.com"], []),
    ],
)
def test_an_answer_to_all_goes_to_all_but_oneself(header: list[str], to: list[str], cc: list[str]) -> None:
    found = answered(*header, kind="reply_all")
    assert (addresses(found.to), addresses(found.cc)) == (to, cc)


@pytest.mark.parametrize(
    ("header", "to"),
    [
        (
            ["From: Anna <anna@example.org>", "To: jane@example.com, bob@example.org", "Cc: eve@example.org"],
            ["anna@example.org"],
        ),
        (["From: anna@example.org", "Reply-To: desk@example.org", "To: jane@example.com"], ["desk@example.org"]),
        (["From: jane@example.com", "To: anna@example.org", "Cc: eve@example.org"], ["anna@example.org"]),
        (["From: j@bücher.example", "To: jane@example.com"], ["j@xn--bcher-kva.example"]),
        (["To: jane@example.com"], []),
    ],
)
def test_an_answer_goes_to_the_author_or_to_whom_they_say(header: list[str], to: list[str]) -> None:
    found = answered(*header)
    assert (addresses(found.to), found.cc) == (to, ())


def test_whoever_had_a_blind_copy_of_ones_own_mail_is_told_to_nobody() -> None:
    header = ["From: jane@example.com", "To: anna@example.org", "Bcc: hidden@example.net"]
    assert addresses(answered(*header, kind="reply_all").to) == ["anna@example.org"]
    for kind in ("reply", "reply_all", "forward"):
        assert "hidden" not in repr(answered(*header, kind=kind))


def test_an_address_that_cannot_be_written_to_is_refused_naming_the_way_out() -> None:
    with pytest.raises(Refused, match="give to and cc yourself") as refused:
        answered('From: "a b"@example.org')
    assert refused.value.refusal.field == "reply_to"
    assert "a b" not in refused.value.message


def test_a_name_that_deceives_is_made_plain() -> None:
    [to] = answered("From: =?utf-8?q?Anna=E2=80=AE_=0D=0ABcc=3A?= <anna@example.org>").to
    assert to == Mailbox("Anna Bcc:", "anna@example.org")


# --- the subject


@pytest.mark.parametrize(
    "subject",
    [
        *(
            "Offer",
            "Re: Offer",
            "RE: Re: re:Offer",
            "AW: Offer",
            "Antw: Offer",
            "SV: VS: Offer",
            "Odp: Offer",
            "RIF: Offer",
        ),
        *(
            "Re[2]: Offer",
            "Re (3): Offer",
            "Re^2: Offer",
            "RE : Offer",
            "回复：Offer",
            "回复: Offer",
            "Ответ: Offer",
            "ΑΠ: Offer",
        ),
        *("YNT: Offer", "  Re:   Offer ", "R: Offer", "答复: AW: Offer", "رد: Offer"),
    ],
)
def test_a_prefix_is_there_once_in_whatever_language_it_was(subject: str) -> None:
    assert subject_of_answer(subject, "reply") == "Re: Offer"


@pytest.mark.parametrize(
    "subject", ["Offer", "Fwd: Offer", "FW: WG: Offer", "TR : Offer", "转发：Offer", "RV: Offer", "Enc: Offer"]
)
def test_a_forwarded_subject_says_so_once(subject: str) -> None:
    assert subject_of_answer(subject, "forward") == "Fwd: Offer"


@pytest.mark.parametrize(
    ("subject", "kind", "made"),
    [
        ("Fwd: Offer", "reply", "Re: Fwd: Offer"),
        ("Re: Offer", "forward", "Fwd: Re: Offer"),
        ("Research: results", "reply", "Re: Research: results"),
        ("Red: the colour", "reply", "Re: Red: the colour"),
        ("", "reply", "Re:"),
        ("a\r\n\u2028b\u202e", "reply", "Re: a b"),
        ("x" * 2000, "reply", "Re: " + "x" * 994),
    ],
)
def test_other_words_of_a_subject_stay(subject: str, kind: AnswerKind, made: str) -> None:
    assert subject_of_answer(subject, kind) == made


# --- the thread


def test_an_answer_names_its_parent_and_the_thread() -> None:
    found = answered(
        "From: a@example.org", "Message-ID: <3@example.org>", "References: <1@example.org>\r\n <2@example.org>"
    )
    assert found.in_reply_to == "<3@example.org>"
    assert found.references == ("<1@example.org>", "<2@example.org>", "<3@example.org>")
    reply = answered("From: a@example.org", "Message-ID: <3@example.org>", "In-Reply-To: <2@example.org>")
    assert reply.references == ("<2@example.org>", "<3@example.org>")


@pytest.mark.parametrize("number", [20, 33, 500])
def test_of_a_long_thread_the_first_and_the_latest_are_named(number: int) -> None:
    ids = [f"<{n}@example.org>" for n in range(number)]
    found = answered("From: a@example.org", "Message-ID: <own@example.org>", "References: " + "\r\n ".join(ids))
    assert found.references == (ids[0], *ids[-18:], "<own@example.org>")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<a@example.org", None),
        ("a.1@example.org", "<a.1@example.org>"),
        ("<a b@example.org>", None),
        ("<a1@example.org>\r\n", "<a1@example.org>"),
        ("\r\n <a1 @example.org>", "<a1@example.org>"),
        ("=?utf-8?q?=3Ca1=40example=2Eorg=3E?=", "<a1@example.org>"),
        ("<ä@example.org>", None),
        ("<" + "x" * 990 + "@example.org>", None),
        ("<" + "x" * 900 + "@example.org>", "<" + "x" * 900 + "@example.org>"),
    ],
)
def test_broken_ids_of_a_parent_are_cleaned_or_left_out(written: str, read: str | None) -> None:
    found = answered("From: a@example.org", f"Message-ID: {written}")
    assert found.in_reply_to in (read, "<a@example.org>" if written == "<a@example.org" else read)
    assert index(_sent(found).raw).in_reply_to == ((found.in_reply_to,) if found.in_reply_to else ())


def test_long_ids_are_folded_at_blanks_and_never_encoded() -> None:
    ids = [f"<{'x' * n}{n}@example.org>" for n in (60, 80, 120, 400, 900)]
    found = answered("From: a@example.org", f"Message-ID: {ids[-1]}", "References: " + "\r\n ".join(ids[:-1]))
    raw = _sent(found).raw
    assert b"=?" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert list(index(raw).references) == ids
    assert index(raw).in_reply_to == (ids[-1],)


def _sent(found: Answer) -> Composed:
    return compose(draft_of({"reply_to": 1, "text": "Thank you"}), ME, IDENTITY, answer=found)


# --- what is quoted

HTML = "Content-Type: text/html; charset=utf-8"


def test_a_text_is_quoted_below_what_is_written() -> None:
    found = answered("From: Anna <anna@example.org>", DATE, body="Hello\r\n> earlier\r\n\r\nAnna")
    assert found.text == "On 2026-11-30 at 09:00 UTC, Anna <anna@example.org> wrote:\n> Hello\n>> earlier\n>\n> Anna"
    assert found.html == ""
    text = _sent(found).raw.split(b"\r\n\r\n", 1)[1].decode()
    assert text.startswith("Thank you\r\n\r\nOn 2026-11-30 at 09:00 UTC")


def test_html_is_quoted_where_the_answer_is_html_and_only_clean() -> None:
    found = answered("From: anna@example.org", HTML, body="<p onclick=x()>Hello <b>you</b><script>bad()</script></p>")
    assert "<p>Hello <b>you</b></p></blockquote>" in found.html
    draft = draft_of({"reply_to": 1, "html": "<html><body><p>Thanks</p></body></html>"})
    raw = compose(draft, ME, IDENTITY, answer=found).raw.decode()
    page = raw.split("text/html")[1].replace("=\r\n", "")
    assert page.index("Thanks") < page.index("wrote:") < page.index("</body>")
    assert "bad()" not in raw
    assert "\r\n> Hello you\r\n" in raw
    assert "text/html" not in _sent(found).raw.decode()


def test_a_text_is_quoted_in_html_as_text() -> None:
    found = answered("From: anna@example.org", body="1 < 2 <script>")
    raw = compose(draft_of({"reply_to": 1, "html": "<p>Yes</p>"}), ME, IDENTITY, answer=found).raw.decode()
    assert "&gt; 1 &lt; 2 &lt;script&gt;" in raw.split("text/html")[1].replace("=\r\n", "")


def test_what_is_forwarded_comes_with_its_header_and_all_that_was_attached() -> None:
    body = (
        "--x\r\nContent-Type: multipart/related; boundary=y\r\n\r\n--y\r\nContent-Type: text/html\r\n\r\n"
        '<b>Hi</b><img src="cid:p1">'
        "\r\n--y\r\nContent-Type: image/png\r\nContent-ID: <p1>\r\n\r\nPNG\r\n--y--\r\n--x\r\n"
        'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="../offer.pdf"\r\n\r\nPDF\r\n--x--\r\n'
    )
    header = (
        "From: Anna <anna@example.org>",
        "To: jane@example.com",
        DATE,
        "Subject: Offer",
        "Message-ID: <1@example.org>",
    )
    found = answered(*header, "Content-Type: multipart/mixed; boundary=x", kind="forward", body=body)
    assert (found.to, found.cc, found.subject, found.in_reply_to) == ((), (), "Fwd: Offer", None)
    assert found.references == ("<1@example.org>",)
    assert (
        "From: Anna <anna@example.org>\nDate: 2026-11-30 09:00 UTC\nSubject: Offer\nTo: jane@example.com\n\nHi"
        in found.text
    )
    assert [(one.name, one.content_type, one.content_id) for one in found.attachments] == [
        ("", "image/png", "p1"),
        ("offer.pdf", "application/pdf", ""),
    ]
    message = compose(
        draft_of({"to": ["bob@example.org"], "forward": 1, "text": "See\nbelow"}), ME, IDENTITY, answer=found
    )
    said = message.raw.decode()
    assert said.index("multipart/mixed") < said.index("multipart/related") < said.index("Content-ID: <p1>")
    assert "See<br>below" in said
    assert "cid:p1" in said.replace("=\r\n", "")


@pytest.mark.parametrize(
    ("page", "clean"),
    [
        ("<script>bad()</script>Hi", "Hi"),
        ("<style>p{}</style><title>x</title>Hi", "Hi"),
        ("<p onmouseover=bad()>Hi</p>", "<p>Hi</p>"),
        ('<a href="javascript:bad()">Hi</a>', '<a rel="noopener noreferrer">Hi</a>'),
        ("<form action=x><input name=y>Hi</form>", "Hi"),
        ("<iframe src=x></iframe><object></object>Hi", "Hi"),
        ("<svg><script>bad()</script></svg>Hi", "Hi"),
        ("<!-- [if mso]> x <![endif] -->Hi", "Hi"),
        ('<p style="color: red; position: fixed; background: url(x)">Hi</p>', '<p style="color:red">Hi</p>'),
        ("</blockquote></div>Hi<b>", "Hi<b></b>"),
        ('<img src="cid:p1">', "<img>"),
        ("a\0b", "a␀b"),
    ],
)
def test_html_of_others_is_clean_before_it_is_quoted(page: str, clean: str) -> None:
    assert cleaned(page) == clean


def test_pictures_of_the_message_stay_where_they_are_sent_along() -> None:
    assert cleaned('<img src="cid:p1">', pictures=True) == '<img src="cid:p1">'
    assert cleaned('<img src="https://example.org/a.png">') == '<img src="https://example.org/a.png">'


NESTED = ["<div>" * 100_000, "<b><p>" * 10_000, "".join(f"<font size={n}>" for n in range(500)) + "<p>x" * 10_000]


@pytest.mark.parametrize("page", [*NESTED, "<p>x" * 100_000, "<" * 1_000_000, "&" * 1_000_000, "<a href='" * 50_000])
def test_html_that_makes_no_sense_is_cleaned_in_time(page: str) -> None:
    assert "<script" not in cleaned(page + "<script>x</script>")


@pytest.mark.parametrize("raw", [b"", b"\xff" * 1000, b"From: a@example.org\n\n" + b"\xff" * 1000, b"From: <<<\n\n"])
@pytest.mark.parametrize("kind", ["reply", "reply_all", "forward"])
def test_whatever_is_stored_can_be_answered(raw: bytes, kind: AnswerKind) -> None:
    found = answer(Original.of(raw), kind, OWN)
    compose(draft_of({"to": ["bob@example.org"], "html": "<p>Hi</p>"}), ME, IDENTITY, answer=found)

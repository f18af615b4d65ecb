"""The message made of a draft: whatever is given, it reads back the same, and says nothing that was not meant."""

from __future__ import annotations

import email.policy
import hashlib
import re
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.core.refusal import Refused
from domain.message.body import Attachment
from domain.message.index import index
from domain.sending.compose import Composed, Identity, Recipient, Way, compose
from domain.sending.draft import attachment, draft_of
from domain.sending.headers import field, text_words
from domain.sending.plain_text import text_of_html
from domain.sending.recipients import Mailbox

ME = Mailbox("Jane Doe", "jane@example.com")
IDENTITY = Identity("0123456789abcdef" * 2, "f" * 32, datetime(2026, 12, 1, 9, 30, tzinfo=timezone(timedelta(hours=1))))
CRLF = b"\r\n"

# Any letters that a person may type in one line: of all scripts, with marks of mail among them.
LETTERS = st.characters(
    exclude_categories=["Cc", "Cs", "Zl", "Zp"],
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)
LINES = st.text(st.one_of(LETTERS, st.sampled_from(' "\\,;:<>()@=?_.')), max_size=300)
NAMES = st.text(st.one_of(LETTERS, st.sampled_from(' "\\,;:()=?_.')).filter(lambda one: one not in "<>"), max_size=80)
ADDRESSES = st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,20}[a-z0-9]@[a-z0-9]{1,20}\.example", fullmatch=True).filter(
    lambda one: ".." not in one
)
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\r\n\t .-=>F")), max_size=400)
FILES = st.lists(st.tuples(LINES, st.binary(max_size=300)), max_size=3)


def composed(payload: dict[str, Any], **more: Any) -> Composed:
    more.setdefault("sender", ME)
    return compose(draft_of({"to": ["anna@example.org"], **payload}), identity=IDENTITY, **more)


def spelled(name: str, address: str) -> str:
    escaped = name.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}" <{address}>'


def parsed(message: Composed) -> EmailMessage:
    found = BytesParser(policy=email.policy.default).parsebytes(message.raw)
    assert isinstance(found, EmailMessage)
    return found


def names(raw: bytes) -> list[str]:
    """The names of the header's fields, as whoever transfers it reads them."""
    header = raw.split(CRLF * 2, 1)[0]
    return [line.split(b":")[0].decode() for line in header.split(CRLF) if not line.startswith((b" ", b"\t"))]


def is_fit_for_the_wire(raw: bytes) -> bool:
    lines = raw.split(CRLF)
    return (
        raw.endswith(CRLF)
        and not any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines)
        and max(map(len, lines)) <= 998
    )


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    found = part.get_content()
    assert isinstance(found, str)
    return "\n".join(re.split("\r\n|\r|\n", found))


def as_lines(text: str) -> str:
    text = "\n".join(re.split("\r\n|\r|\n", text))
    return text if text.endswith("\n") or not text else text + "\n"


# --- whatever is given


@settings(max_examples=50)  # each is read by four readers
@given(subject=LINES, text=TEXTS, html=st.none() | TEXTS, files=FILES, name=NAMES)
@example(
    subject="=?utf-8?q?Bcc?=: x@example.org", text=".\r\n..\r\nFrom me\n-- \n", html="<p>\x85</p>", files=[], name=""
)
@example(subject="x" * 998, text="x" * 2000, html="x" * 2000, files=[("x" * 200, b"x" * 2000)], name='"')
def test_whatever_is_given_reads_back_the_same(
    subject: str, text: str, html: str | None, files: list[tuple[str, bytes]], name: str
) -> None:
    attachments = [attachment(one, None, data) for one, data in files]
    to = spelled(name, "anna@example.org")
    message = composed(
        {"to": [to], "subject": subject, "text": text, "html": html, "bcc": ["hidden@example.net"]},
        attachments=attachments,
    )
    assert is_fit_for_the_wire(message.raw)
    assert message.raw.isascii()
    assert b"hidden" not in message.raw
    assert "Bcc" not in names(message.raw)
    assert len(names(message.raw)) == len(set(names(message.raw)))
    found = parsed(message)
    assert not found.defects
    assert found["subject"] == subject.strip()
    [there] = [who for who in index(message.raw).participants if who.field == "to"]
    assert (there.name, there.address) == (" ".join(name.split()), "anna@example.org")
    assert as_lines(body(found, "plain")) == as_lines(text)
    if html is not None:
        assert as_lines(body(found, "html")) == as_lines(html)
    there_are = [part for part in found.iter_attachments() if part.get_content_type() != "message/rfc822"]
    expected = [one for one in attachments if one.content_type != "message/rfc822"]
    assert [part.get_filename() or "" for part in there_are] == [one.name for one in expected]
    assert [part.get_payload(decode=True) for part in there_are] == [one.data for one in expected]


@given(people=st.lists(st.tuples(NAMES, ADDRESSES), min_size=1, max_size=20))
def test_whoever_is_written_to_is_read_by_name_and_address(people: list[tuple[str, str]]) -> None:
    given = [spelled(name, address) for name, address in people]
    message = composed({"to": given[:10], "cc": given[10:]})
    assert is_fit_for_the_wire(message.raw)
    expected = {address: " ".join(name.split()) for name, address in reversed(people)}
    read = [who for who in index(message.raw).participants if who.field in ("to", "cc")]
    assert {who.normal: who.name for who in read} == expected
    assert [one.address for one in message.recipients] == list(dict.fromkeys(address for _, address in people))
    found = parsed(message)
    by_library = [one for field in ("to", "cc") if found[field] for one in found[field].addresses]
    assert [one.addr_spec for one in by_library] == [one.address for one in message.recipients]
    # Some versions of the library leave the blanks between encoded words of one name, which mean nothing (RFC 2047, section 6.2).
    assert [one.display_name.replace(" ", "") for one in by_library] == [
        expected[one.addr_spec].replace(" ", "") for one in by_library
    ]


@given(
    st.lists(st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=400), min_size=1, max_size=20)
)
def test_message_ids_are_never_cut_nor_encoded(ids: list[str]) -> None:
    written = field("References", [f"<{one}@example.org>" for one in ids])
    assert is_fit_for_the_wire(written)
    assert written.replace(b"\r\n", b"").decode().split(" ")[1:] == [f"<{one}@example.org>" for one in ids]


@pytest.mark.parametrize("payload", [{"subject": "a\r\nBcc: x@example.org"}, {"to": ["A\nB <a@example.org>"]}])
def test_no_header_can_be_injected(payload: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        composed(payload)


def test_a_line_end_that_no_check_saw_raises_before_it_is_written() -> None:
    with pytest.raises(ValueError, match="line end"):
        compose(draft_of({"to": ["a@example.org"]}), Mailbox("", "a@example.com>\r\nBcc: <x@example.org"), IDENTITY)


# --- the header


def test_the_header_has_what_other_programs_need_and_nothing_of_this_machine() -> None:
    message = composed({"subject": "Offer"})
    assert message.message_id == "<0123456789abcdef0123456789abcdef@example.com>"
    assert message.raw.startswith(b"Date: Tue, 01 Dec 2026 09:30:00 +0100\r\nFrom: Jane Doe <jane@example.com>\r\n")
    assert names(message.raw) == [
        *("Date", "From", "To", "Subject", "Message-ID", "X-Mailroom-Id", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding"),
    ]
    assert index(message.raw).message_id == message.message_id
    assert (message.size, message.sha256) == (len(message.raw), hashlib.sha256(message.raw).digest())


def test_the_same_draft_is_the_same_bytes_again() -> None:
    files = [attachment("offer.pdf", None, b"%PDF" * 100)]
    payload = {"subject": "Angebot für Köln", "html": "<p>Grüße</p>"}
    assert composed(payload, attachments=files) == composed(payload, attachments=files)


def test_the_message_id_is_of_the_senders_domain_in_a_labels() -> None:
    message = composed({}, sender=Mailbox("", "jane@xn--bcher-kva.example"))
    assert message.message_id.endswith("@xn--bcher-kva.example>")


def test_a_token_that_somebody_could_guess_is_no_token() -> None:
    with pytest.raises(ValueError, match="32"):
        Identity("1", "f" * 32, datetime.now(UTC))
    with pytest.raises(ValueError, match="zone"):
        compose(draft_of({"to": ["a@example.org"]}), ME, Identity("0" * 32, "f" * 32, datetime(2026, 12, 1)))  # noqa: DTZ001


def test_who_has_a_blind_copy_is_on_the_envelope_alone() -> None:
    message = composed({"to": [], "bcc": ["Secret <hidden@example.net>"]})
    assert message.recipients == (Recipient("bcc", "hidden@example.net"),)
    assert b"To: undisclosed-recipients:;\r\n" in message.raw
    assert b"hidden" not in message.raw
    assert b"Secret" not in message.raw


def test_each_address_is_once_on_the_envelope_and_in_the_header_by_the_first_field_that_names_it() -> None:
    message = composed(
        {
            "to": ["Anna@example.org"],
            "cc": ["anna@EXAMPLE.org", "bob@example.org"],
            "bcc": ["bob@example.org", "eve@example.org"],
        }
    )
    assert message.recipients == (
        Recipient("to", "Anna@example.org"),
        Recipient("cc", "bob@example.org"),
        Recipient("bcc", "eve@example.org"),
    )
    assert message.raw.lower().count(b"anna@example.org") == 1


@pytest.mark.parametrize("field", ["cc", "bcc"])
def test_a_copy_for_the_sender_is_one_more_recipient(field: str) -> None:
    message = composed({}, way=Way(self_copy=field))  # type: ignore[arg-type]  # one of two words
    assert message.recipients[-1] == Recipient(field, "jane@example.com")  # type: ignore[arg-type]  # as above
    assert (b"Cc: Jane Doe <jane@example.com>" in message.raw) == (field == "cc")


def test_a_domain_in_other_letters_needs_no_smtputf8_and_a_local_part_does() -> None:
    plain = composed({"to": ["Jürgen <j@bücher.example>"]})
    assert (plain.needs_smtputf8, plain.raw.isascii()) == (False, True)
    assert plain.recipients == (Recipient("to", "j@xn--bcher-kva.example"),)
    needing = composed({"to": ["Jürgen <jürgen@bücher.example>"], "subject": "Grüße"})
    assert needing.needs_smtputf8
    assert "<jürgen@xn--bcher-kva.example>".encode() in needing.raw
    assert is_fit_for_the_wire(needing.raw)
    hidden = composed({"bcc": ["jürgen@example.org"]})
    assert (hidden.needs_smtputf8, hidden.raw.isascii()) == (True, True)


def test_the_relay_is_the_sender_of_mail_that_it_sends_on_behalf() -> None:
    message = composed({}, way=Way(relay=Mailbox("", "relay@relay.example")))
    assert b"From: Jane Doe <jane@example.com>\r\nSender: relay@relay.example\r\n" in message.raw


def test_automatic_mail_says_so() -> None:
    assert {"Auto-Submitted", "X-Auto-Response-Suppress"} <= set(names(composed({}, way=Way(automatic=True)).raw))
    assert index(composed({}, way=Way(automatic=True)).raw).automatic


def test_more_than_a_hundred_recipients_of_personal_mail_are_refused_and_own_copies_are_not_counted() -> None:
    people = [f"a{n}@example.org" for n in range(101)]
    assert len(composed({"to": people[:100]}, way=Way(self_copy="bcc")).recipients) == 101
    with pytest.raises(Refused, match="kind: bulk"):
        composed({"to": people})
    assert len(composed({"to": people}, way=Way(kind="bulk")).recipients) == 101


def test_a_message_that_is_too_large_as_it_would_be_sent_is_refused_before_it_is_made() -> None:
    files = [attachment("a.bin", None, b"x" * 1000)]
    assert composed({}, attachments=files, way=Way(most_bytes=3000)).size < 3000
    with pytest.raises(Refused, match="1,370 bytes") as refused:
        composed({}, attachments=files, way=Way(most_bytes=1300))
    assert refused.value.refusal.code == "message_too_large"
    with pytest.raises(Refused, match="are the most"):
        composed({}, attachments=files, way=Way(most_bytes=1500))


def test_the_record_of_a_crm_is_written_to_by_its_address() -> None:
    draft = draft_of({"crm": "builtin", "record_kind": "contact", "record_id": "c1", "cc": ["bob@example.org"]})
    message = compose(draft, ME, IDENTITY, record=Mailbox("Anna", "anna@example.org"))
    assert [one.address for one in message.recipients] == ["anna@example.org", "bob@example.org"]


# --- the body


def kinds(message: Composed) -> list[str]:
    return [part.get_content_type() for part in parsed(message).walk()]


def test_there_are_no_more_parts_than_there_is_to_hold() -> None:
    picture, file = attachment("logo.png", None, b"\x89PNG"), attachment("offer.pdf", None, b"%PDF")
    assert kinds(composed({"text": "Hi"})) == ["text/plain"]
    assert kinds(composed({"html": "<p>Hi</p>"})) == ["multipart/alternative", "text/plain", "text/html"]
    assert kinds(composed({"text": "Hi"}, attachments=[file])) == ["multipart/mixed", "text/plain", "application/pdf"]
    assert kinds(composed({"html": '<img src="cid:logo.png">'}, attachments=[picture, file])) == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"),
        "application/pdf",
    ]


def test_a_picture_that_the_html_shows_has_the_id_that_it_is_shown_by() -> None:
    picture = Attachment("x.png", "image/png", b"\x89PNG", "part1.abc@example.org")
    message = parsed(composed({"html": '<img src="cid:part1.abc@example.org">'}, attachments=[picture]))
    [part] = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert (part["content-id"], part.get_content_disposition()) == ("<part1.abc@example.org>", "inline")


def test_the_text_of_html_has_its_words_links_and_lists() -> None:
    page = """<style>.x{display:none}</style><p>Dear <b>Anna</b>, see <a href="https://example.org/a?b=1&amp;c=2">our offer</a>
        or <a href="https://example.org/">https://example.org</a>.</p><ul><li>one</li><li>two &lt;3</li></ul>
        <p class=x>hidden</p><img alt="Logo" src="cid:x"><script>alert("no")</script>"""
    assert text_of_html(page).split("\n") == [
        *("Dear Anna, see our offer <https://example.org/a?b=1&c=2> or https://example.org.", ""),
        *("- one", "- two <3", "", "[Logo]"),
    ]
    assert body(parsed(composed({"html": page})), "plain").strip() == text_of_html(page)


@pytest.mark.parametrize("page", ["<" * 200_000, "<a href=" * 50_000, "<div>" * 100_000, "<!--" * 50_000])
def test_html_that_makes_no_sense_is_read_in_time(page: str) -> None:
    text_of_html(page)


def test_the_text_of_a_page_longer_than_anybody_reads_says_that_it_goes_on() -> None:
    picture = f'<img src="data:image/png;base64,{"x" * 3_000_000}">'
    assert text_of_html(f"{picture}<p>Hello</p>") == "Hello"
    assert text_of_html("<p>Hello</p>" * 200_000).endswith("Hello\n\n[The message goes on in HTML.]")


def test_a_text_in_short_lines_of_ascii_goes_as_it_is() -> None:
    message = composed({"text": "Hello,\n\n-- \nJane\n"})
    assert message.raw.endswith(b"Content-Transfer-Encoding: 7bit\r\n\r\nHello,\r\n\r\n-- \r\nJane\r\n")


@pytest.mark.parametrize("text", ["a \nb", "From here", ".", "a\n.\nb", "\x0c", "a\0b", "x" * 79, "ü", "a\rb\r\nc"])
def test_a_text_that_transfer_would_change_is_encoded(text: str) -> None:
    message = composed({"text": text})
    assert is_fit_for_the_wire(message.raw)
    assert not re.search(rb"\r\n(From |\.\r\n)|[ \t]\r\n", message.raw.split(CRLF * 2, 1)[1])
    assert as_lines(body(parsed(message), "plain")) == as_lines(text)


def test_a_message_that_is_attached_is_not_encoded_and_one_that_would_have_to_be_is_a_file() -> None:
    plain = composed({}, attachments=[attachment("a.eml", None, b"From: a@example.org\n\nHello\n")])
    assert kinds(plain) == ["multipart/mixed", "text/plain", "message/rfc822", "text/plain"]
    eight_bit = attachment("a.eml", None, "From: a@example.org\n\nGrüße\n".encode())
    assert kinds(composed({}, attachments=[eight_bit]))[2:] == ["application/octet-stream"]


def test_a_subject_is_encoded_only_where_it_must_be() -> None:
    assert text_words("Offer no. 7, as asked") == ["Offer", "no.", "7,", "as", "asked"]
    assert all(one.startswith("=?utf-8?") and len(one) <= 75 for one in text_words("Größe " * 100))

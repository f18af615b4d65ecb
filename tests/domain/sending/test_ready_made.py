"""Messages that callers made themselves: refused where somebody else wrote them, and otherwise sent as they are."""

from __future__ import annotations

import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.refusal import Refused
from domain.message.body import plain_text
from domain.sending.compose import Composed, Identity, Recipient, Way
from domain.sending.ready_made import compose_ready_made, ready_made
from domain.sending.recipients import Mailbox

IDENTITY = Identity("0123456789abcdef" * 2, "f" * 32, datetime(2026, 12, 1, 9, 30, tzinfo=UTC))
ME = "jane@example.com"
FIELDS = "From: Jane <jane@example.com>\nTo: Anna <anna@example.org>\nSubject: Offer\n"
ADDED = (
    b"Date: Tue, 01 Dec 2026 09:30:00 +0000\r\nMessage-ID: <0123456789abcdef0123456789abcdef@example.com>\r\n"
    b"MIME-Version: 1.0\r\nX-Mailroom-Id: " + b"f" * 32 + b"\r\n"
)


def sent(message: str | bytes, way: Way = Way()) -> Composed:  # noqa: B008  # frozen
    raw = message.encode() if isinstance(message, str) else message
    return compose_ready_made(ready_made(raw, ME), IDENTITY, way)


def parsed(raw: bytes) -> EmailMessage:
    found = BytesParser(policy=email.policy.default).parsebytes(raw)
    assert isinstance(found, EmailMessage)
    return found


def is_fit_for_the_wire(raw: bytes) -> bool:
    lines = raw.split(b"\r\n")
    return raw.isascii() and not any(b"\r" in one or b"\n" in one for one in lines) and max(map(len, lines)) <= 998


def test_a_message_keeps_its_bytes_but_for_line_ends_and_what_is_missing() -> None:
    body = "\nHello,\n. \n-- \nJane  \n"
    message = sent(FIELDS + body)
    assert message.raw == ADDED + (FIELDS + body).replace("\n", "\r\n").encode()
    assert message.recipients == (Recipient("to", "anna@example.org"),)
    assert (message.subject, message.needs_smtputf8) == ("Offer", False)


def test_what_a_message_has_already_is_not_made_anew() -> None:
    given = FIELDS + "Date: Mon, 30 Nov 2026 10:00:00 +0100\nMessage-ID: <own.1@example.com>\nMIME-Version: 1.0\n\nHi\n"
    message = sent(given)
    assert message.message_id == "<own.1@example.com>"
    assert message.raw == ADDED[ADDED.index(b"X-Mail") :] + given.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n"])
def test_line_ends_of_all_kinds_are_crlf_on_the_wire(line_end: str) -> None:
    assert sent((FIELDS + "\nHello\nJane\n").replace("\n", line_end)).raw == sent(FIELDS + "\nHello\nJane\n").raw


def test_a_body_that_is_missing_or_ends_without_a_line_end_is_ended() -> None:
    assert sent(FIELDS).raw.endswith(b"Subject: Offer\r\n\r\n")
    assert sent(FIELDS + "\nHi").raw.endswith(b"\r\n\r\nHi\r\n")


def test_an_id_of_an_earlier_message_is_left_out() -> None:
    assert sent(FIELDS + "X-Mailroom-ID: 123\n\nHi\n").raw == sent(FIELDS + "\nHi\n").raw


@pytest.mark.parametrize(
    ("message", "field", "said"),
    [
        (FIELDS + "Bcc: x@example.org\n\n", "bcc", "blind copy"),
        (FIELDS + "bcc : x@example.org\n\n", "bcc", "blind copy"),
        (FIELDS + "Sender: x@example.org\n\n", "sender", "remove it"),
        ("Received: from x\n" + FIELDS + "\n", "received", "somebody received"),
        ("Return-Path: <x@example.org>\n" + FIELDS + "\n", "return-path", "somebody received"),
        ("DKIM-Signature: v=1\n" + FIELDS + "\n", "dkim-signature", "signature"),
        ("ARC-Seal: i=1\n" + FIELDS + "\n", "arc-seal", "somebody received"),
        (FIELDS + "Resent-Bcc: x@example.org\n\n", "resent-bcc", "sent on"),
        (FIELDS + "Subject: again\n\n", "subject", "twice"),
        (FIELDS + "From: jane@example.com\n\n", "from", "twice"),
        (FIELDS.replace("jane@", "joe@") + "\n", "from", "another address"),
        (FIELDS.replace("jane@example.com>", "jane@example.com>, joe@example.com") + "\n", "from", "more than one"),
        ("To: anna@example.org\n\n", "from", "From is missing"),
        ("From: jane@example.com\n\nHi\n", "to", "no recipient"),
        ("From: jane@example.com\nTo: undisclosed-recipients:;\n\n", "to", "no recipient"),
        ("From: jane@example.com\nTo: bob, anna@example.org\n\n", "to", "no @"),
        ("From: jane@example.com\nTo: a b@example.org\n\n", "to", "not an e-mail"),
        (FIELDS + "Message-ID: none\n\n", "message-id", "remove it"),
        (FIELDS + "Date: tomorrow\n\n", "date", "remove it"),
        (FIELDS.replace("Offer", "x" * 2_000_000) + "\n", "subject", "too long"),
        (FIELDS + "no field\n\nHi\n", None, "no field"),
        ("\n" + "Hello\n", None, "no field"),
        ("", None, "no field"),
        ("%PDF-1.7 \0", None, "NUL"),
        (FIELDS + "\nHello\0\n", None, "NUL"),
        (FIELDS + "Content-Type: multipart/mixed\n\nHi\n", None, "without a boundary"),
        (FIELDS + "Content-Transfer-Encoding: binary\n\nGrüße\n", None, "binary"),
        (FIELDS + "Content-Type: multipart/signed; boundary=x\n\n--x\n\nGrüße\n--x--\n", None, "signature"),
        (
            FIELDS + "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: a/b; name=ü\n\n--x--\n",
            None,
            "header of",
        ),
        (FIELDS + "Content-Transfer-Encoding: base64\n\n" + "x" * 1001, None, "not encoded as it says"),
    ],
)
def test_what_cannot_be_sent_as_it_is_is_refused_in_words(message: str, field: str | None, said: str) -> None:
    with pytest.raises(Refused) as refused:
        sent(message)
    assert refused.value.refusal.field == field
    assert said in refused.value.message
    assert "example.org" not in refused.value.message.replace("jane@example.com", "")


def test_a_part_of_eight_bits_is_encoded_and_its_neighbours_stay() -> None:
    plain = "Content-Type: text/plain; x=1\n\nleft  as it is\n"
    given = (
        FIELDS
        + 'Content-Type: multipart/mixed; boundary="a b"\n\nFür alte Programme\n--a b\n'
        + plain
        + "--a b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nX-Own: 1\n\nGrüße\n"
        + "--a b\nContent-Type: application/json\n\n"
        + '"' + "x" * 2000 + '"'
        + "\n--a b\nContent-Type: message/rfc822\n\nSubject: inner\n\nschöne Grüße\n--a b--\n"
    )  # fmt: skip
    message = sent(given)
    assert is_fit_for_the_wire(message.raw)
    assert plain.replace("\n", "\r\n").encode() in message.raw
    first, second, third, fourth = parsed(message.raw).iter_parts()
    assert first.get_content() == "left  as it is"
    assert (second.get_content().strip(), second["x-own"]) == ("Grüße", "1")
    assert third.get_payload(decode=True).strip() == b'"' + b"x" * 2000 + b'"'  # type: ignore[union-attr]  # a part, and no text
    assert "schöne Grüße" in plain_text(fourth.get_payload(0).as_bytes())  # type: ignore[union-attr]  # a part, and no text


def test_base64_in_one_line_is_broken_into_lines() -> None:
    message = sent(FIELDS + "Content-Transfer-Encoding: base64\n\n" + "SGVsbG8g" * 500)
    assert is_fit_for_the_wire(message.raw)
    assert parsed(message.raw).get_payload(decode=True) == b"Hello " * 500


def test_fields_that_are_not_ascii_or_too_long_are_written_anew() -> None:
    given = (
        "From: Jane <jane@example.com>\nTo: Jürgen Größe <j@bücher.example>\nSubject: Grüße aus Köln\nX-Long: "
        + "word " * 400
        + "\n\nHi\n"
    )
    message = sent(given)
    assert is_fit_for_the_wire(message.raw)
    found = parsed(message.raw)
    assert found["subject"] == "Grüße aus Köln"
    assert found["to"].addresses[0].display_name == "Jürgen Größe"
    assert message.recipients == (Recipient("to", "j@xn--bcher-kva.example"),)
    assert not message.needs_smtputf8
    with pytest.raises(Refused, match="another charset"):
        sent(FIELDS.replace("Offer", "Gr\xfc\xdfe").encode("latin-1") + b"\n")


def test_a_copy_for_the_sender_and_the_relay_are_added() -> None:
    message = sent(FIELDS + "Cc: bob@example.org\n\n", Way(self_copy="cc", relay=Mailbox("", "r@relay.example")))
    assert b"Cc: bob@example.org, Jane <jane@example.com>\r\n" in message.raw
    assert b"Sender: r@relay.example\r\n" in message.raw
    assert message.recipients[-1] == Recipient("cc", "jane@example.com")
    hidden = sent(FIELDS + "\n", Way(self_copy="bcc"))
    assert hidden.raw == sent(FIELDS + "\n").raw
    assert hidden.recipients[-1] == Recipient("bcc", "jane@example.com")


def test_more_than_a_hundred_recipients_are_refused() -> None:
    people = ", ".join(f"a{n}@example.org" for n in range(101))
    with pytest.raises(Refused, match="kind: bulk"):
        sent(f"From: jane@example.com\nTo: {people}\n\n")


@given(st.binary(max_size=300), st.sampled_from(["", "Content-Type: multipart/mixed; boundary=x\n"]))
def test_whatever_stands_in_a_message_it_is_refused_or_fit_for_the_wire(body: bytes, kind: str) -> None:
    for given_bytes in (body, (FIELDS + kind + "\n").encode() + body, FIELDS.encode() + body):
        try:
            message = sent(given_bytes)
        except Refused:
            continue
        assert is_fit_for_the_wire(message.raw)
        assert message.recipients

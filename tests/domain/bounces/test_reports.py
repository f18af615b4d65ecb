"""Who wrote a message, what kind of mail it is, and what reports say of the message that they are about."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bounces.report_parts import addresses_of
from domain.message.identity import message_identity
from domain.message.index import IndexedMessage, index


def message(*lines: str, body: str = "") -> IndexedMessage:
    return index("\r\n".join([*lines, "", body.replace("\n", "\r\n")]).encode())


# --- who wrote it


@pytest.mark.parametrize(
    ("header", "author"),
    [
        (["From: anna@example.org", "Reply-To: x@example.net"], "anna@example.org"),
        (["From: no-reply@shop.example", "Reply-To: anna@example.org"], "anna@example.org"),
        (["From: Anna via Sign <sign@sign.example>", "Reply-To: anna@example.org"], "anna@example.org"),
        (["From: Via Lopez <via@example.org>", "Reply-To: home@example.net"], "via@example.org"),
        (["From: Maria Via <maria@example.org>", "Reply-To: home@example.net"], "maria@example.org"),
        (["From: no-reply@shop.example"], "no-reply@shop.example"),
        (["From: no-reply@shop.example", "Reply-To: a@example.org, b@example.org"], "no-reply@shop.example"),
        (["From: anna@example.org", "X-Original-From: eve@example.net"], "anna@example.org"),
        (
            ["From: dev@l.example", "List-Post: <mailto:dev@l.example>", "X-Original-From: Anna <a@b.example>"],
            "a@b.example",
        ),
        (["From: dev@l.example", "List-Id: <dev.l.example>", "X-Original-Sender: a@b.example"], "a@b.example"),
        (["From: dev@l.example", "X-BeenThere: dev@l.example", "Reply-To: dev@l.example"], "dev@l.example"),
        (["From: anna@example.org", "Resent-From: eve@example.net", "Sender: eve@example.net"], "anna@example.org"),
        (["Subject: nobody"], None),
    ],
)
def test_the_author_is_who_wrote_it_and_not_always_from(header: list[str], author: str | None) -> None:
    assert message(*header).author == author


def test_a_list_copy_with_another_from_has_the_identity_of_the_message() -> None:
    envelope = "Message-ID: <1@example.org>", "Date: Mon, 23 Nov 2026 10:00:00 +0100"
    plain = message("From: anna@example.org", *envelope)
    copied = message("From: dev@l.example", "List-Id: <dev.l.example>", "Reply-To: anna@example.org", *envelope)
    other = message("From: eve@example.net", *envelope)
    ids = [message_identity(one, body=None, sha256=b"x") for one in (plain, copied, other)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Subject: hello", "personal"),
        ("Auto-Submitted: auto-replied", "automatic"),
        ("List-Unsubscribe: <https://x.example>", "automatic"),
        ("List-Id: <dev.l.example>", "list"),
        ("Precedence: list", "list"),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=b", "bounce"),
        ('Content-Type: multipart/report; boundary=b; report-type="disposition-notification"', "receipt"),
        ("Content-Type: multipart/report; report-type=feedback-report; boundary=b", "report"),
        ("X-Failed-Recipients: anna@example.org", "bounce"),
    ],
)
def test_the_kind_of_mail_is_told_apart(header: str, kind: str) -> None:
    assert message("From: anna@example.org", header).kind == kind


def test_who_sent_it_on_is_evidence() -> None:
    found = message(
        "From: a@example.org", "Resent-From: Eve <eve@example.net>", "X-Forwarded-For: b@example.net c@example.net"
    )
    assert found.traits["forwarded"] == {
        "resent-from": ["eve@example.net"],
        "x-forwarded-for": ["b@example.net", "c@example.net"],
    }


# --- reports

REPORT = 'Content-Type: multipart/report; report-type={}; boundary="b"'


def bounce(*paragraphs: str, returned: str = "message/rfc822") -> dict[str, Any]:
    body = "--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
    body += "\n\n".join(paragraphs)
    body += (
        f"\n\n--b\nContent-Type: {returned}\n\nFrom: jane@example.com\nMessage-ID: <sent@example.com>\n\nHello\n--b--\n"
    )
    found = message("From: mailer-daemon@mx.example", REPORT.format("delivery-status"), "Message-ID: <b@mx>", body=body)
    assert found.kind == "bounce"
    return found.traits


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers", "message/global"])
def test_a_bounce_says_whom_it_did_not_reach_and_of_which_message(returned: str) -> None:
    said = (
        "Original-Recipient: rfc822;Anna@Example.org\nFinal-Recipient: rfc822; a.lind@in.example.org\nAction: failed\n"
    )
    traits = bounce(said + "Status: 5.1.1 (no such\n user)\nDiagnostic-Code: smtp; 550 5.1.1 no", returned=returned)
    assert traits["about"] == "<sent@example.com>"
    assert traits["bounce"]["recipients"] == [
        {
            "addresses": ["anna@example.org", "a.lind@in.example.org"],
            "action": "failed",
            "status": "5.1.1",
            "severity": "hard",
            "reason": "unknown user",
        }
    ]


@pytest.mark.parametrize(
    ("action", "status", "severity"),
    [
        ("failed", "5.1.1", "hard"),
        ("failed", "4.4.7", "soft"),
        ("delayed", "4.4.1", None),
        ("delivered", "2.0.0", None),
    ],
)
def test_a_delay_is_no_failure_and_a_failure_for_now_is_soft(action: str, status: str, severity: str | None) -> None:
    [said] = bounce(f"Final-Recipient: rfc822;a@example.org\nAction: {action}\nStatus: {status}")["bounce"][
        "recipients"
    ]
    assert said["severity"] == severity


def test_comments_in_a_bounce_hide_neither_the_recipient_nor_what_became_of_it() -> None:
    traits = bounce(
        "Final-Recipient: rfc822; <a@example.org> (mailbox A)\nAction: Failed (gave up)\nStatus: 5.1.1 (unknown)"
    )
    [said] = traits["bounce"]["recipients"]
    assert (said["addresses"], said["action"], said["severity"]) == (["a@example.org"], "failed", "hard")


def test_each_recipient_of_a_bounce_is_its_own() -> None:
    traits = bounce(*(f"Final-Recipient: rfc822; p{n}@example.org\nAction: failed\nStatus: 5.0.0" for n in range(300)))
    assert len(traits["bounce"]["recipients"]) == 100


QMAIL = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message.

<anna@example.org>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 unknown user

--- Below this line is a copy of the message.

Message-ID: <sent@example.com>
"""
EXIM = """A message that you sent could not be delivered.

  anna@example.org
    SMTP error: 451 try again

Message-Id: <sent@example.com>
"""


@pytest.mark.parametrize(
    ("header", "body", "severity"),
    [
        (["From: MAILER-DAEMON@mx.example", "Subject: failure notice"], QMAIL, "hard"),
        (["From: x@mx.example", "X-Failed-Recipients: anna@example.org", "Subject: Mail delivery failed"], EXIM, None),
    ],
)
def test_a_bounce_in_no_standard_form_is_guessed_and_marked_so(
    header: list[str], body: str, severity: str | None
) -> None:
    found = message(*header, body=body)
    assert (found.kind, found.traits["about"]) == ("bounce", "<sent@example.com>")
    assert found.traits["bounce"]["guess"] is True
    [said] = found.traits["bounce"]["recipients"]
    assert (said["addresses"], said["severity"]) == (["anna@example.org"], severity)


def test_a_person_who_writes_of_a_failed_delivery_sends_no_bounce() -> None:
    assert message("From: anna@example.org", "Subject: Delivery failed yesterday").kind == "personal"


def test_a_receipt_and_an_abuse_report_are_about_the_message_that_was_sent() -> None:
    receipt = message(
        "From: anna@example.org",
        REPORT.format("disposition-notification"),
        body="--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;anna@example.org\n"
        "Original-Message-ID: <sent@example.com>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n",
    ).traits
    assert receipt["about"] == "<sent@example.com>"
    assert receipt["receipt"] == {"recipients": ["anna@example.org"], "disposition": "displayed"}
    report = message(
        "From: abuse@example.net",
        REPORT.format("feedback-report"),
        body="--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n\n"
        "--b\nContent-Type: message/rfc822\n\nMessage-ID: <sent@example.com>\n\n--b--\n",
    ).traits
    assert (report["about"], report["report"]) == ("<sent@example.com>", {"recipients": [], "type": "abuse"})


@given(st.lists(st.sampled_from([
    b"From: mailer-daemon@x\r\n", b"Subject: undeliverable\r\n", b"\r\n", b"--b\r\n", b"\n", b"<a@b>:\r\n", b"550 5.1.1 ",
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n', b"Message-ID: <x@y>\r\n", b":", b" ",
    b"Content-Type: message/delivery-status\r\n", b"Content-Type: message/rfc822\r\n", b"Final-Recipient: rfc822;\xff\r\n",
    b"Final-Recipient: rfc822; a@b.c\r\n", b"Action: failed\r\n", b"Status: 9.9.9\r\n", b"List-Id: <.>\r\n", b"\x00",
    b"Reply-To: \r\n", b"X-Failed-Recipients: ,,<\r\n", b"List-Post: mailto:@\r\n", b"X-Forwarded-For: <\r\n",
]), max_size=40))  # fmt: skip
def test_no_report_makes_indexing_fail(pieces: list[bytes]) -> None:
    error = index(b"".join(pieces)).parse_error
    assert "could not be read" not in (error or "")


@pytest.mark.parametrize(
    "piece", [b"<a@", b"Final-Recipient: rfc822; a@b.c\n\n", b"\n  a@b\n", b"5.1.", b"message-id: <", b"a."]
)
def test_a_megabyte_of_a_report_is_read_in_bounded_time(piece: bytes) -> None:
    head = (
        b"From: mailer-daemon@x\nSubject: undeliverable\nList-Id: %s\nX-Forwarded-For: %s\nX-Failed-Recipients: %s\n"
        % ((piece.replace(b"\n", b" ") * 1000,) * 3)
    )
    assert index(head + b"\n" + piece * (1_000_000 // len(piece))).kind == "bounce"
    report = b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
    raw = report + b"Content-Type: message/delivery-status\n\n" + piece * (1_000_000 // len(piece))
    assert index(raw).kind == "bounce"


def test_an_address_of_the_type_utf_8_is_read_with_its_letters_in_numbers() -> None:
    for field in (r"utf-8; d\x{F6}rte@example.com", "utf-8;dörte@example.com", "UTF-8 ; <dörte@example.com>"):
        assert addresses_of({"final-recipient": field}) == ["dörte@example.com"]
    assert addresses_of({"final-recipient": r"rfc822; d\x{F6}rte@example.com"}) == []
    assert addresses_of({"final-recipient": "utf-8;"}) == []

"""Bounces: which mail is one, whom it names as not reached and nobody besides, and why."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from domain.bounces.recipients import without
from domain.message.index import IndexedMessage, index
from tests.support.bounces import RETURNED, Bounce, bounces

COLLECTION = list(bounces())


def message(*lines: str, body: str | bytes = "") -> IndexedMessage:
    raw = body.replace("\n", "\r\n").encode() if isinstance(body, str) else body
    return index("\r\n".join([*lines, "", ""]).encode() + raw)


def named(found: IndexedMessage) -> dict[str, dict[str, Any]]:
    assert found.kind == "bounce", found.kind
    return {address: one for one in found.traits["bounce"]["recipients"] for address in one["addresses"]}


DAEMON = ("From: MAILER-DAEMON@mx.example.com", "To: me@example.com", "Subject: Undelivered Mail Returned to Sender")


def said(body: str, *lines: str) -> dict[str, dict[str, Any]]:
    return named(message(*(lines or DAEMON), body=body))


# --- the collection


def test_the_collection_is_as_large_as_it_should_be() -> None:
    assert len(COLLECTION) >= 120
    assert len({one.form.partition(" ")[0] for one in COLLECTION}) >= 25


@pytest.mark.requirement("R40")
@pytest.mark.parametrize("form", dict.fromkeys(one.form for one in COLLECTION))
def test_a_bounce_in_this_systems_form_names_whom_it_did_not_reach_and_nobody_besides(form: str) -> None:
    for one in (one for one in COLLECTION if one.form == form):
        recipients = named(index(one.raw))
        assert recipients.keys() == one.recipients
        for recipient in recipients.values():
            assert recipient.get("reason", "delayed") in one.reasons, recipient
            assert (recipient["severity"] == "hard") == (recipient.get("reason") in ("unknown user", "unknown host"))


def test_a_bounce_leads_to_the_mail_that_it_returns() -> None:
    def with_its_id(one: Bounce) -> bool:
        return b"<sent-17@example.com>" in one.raw

    assert {index(one.raw).traits["about"] for one in COLLECTION if with_its_id(one)} == {"<sent-17@example.com>"}


# --- no further than the notice


def test_a_notice_is_read_and_not_the_mail_that_it_returns() -> None:
    body = (
        "Your message could not be delivered to jane@example.com (mailbox unknown)\n\n"
        "----------------------------------------\n"
        "From: Me <me@example.com>\nTo:\n list@example.org\nSubject: Offer\n\nBest regards\nanna@example.net\n"
    )
    assert said(body).keys() == {"jane@example.com"}
    assert said(body, "From: postmaster@mx.example", "To: me@example.com", "Subject: Undeliverable mail").keys() == {
        "jane@example.com"
    }


@pytest.mark.parametrize(
    "rule", ["-" * 40, "--- Below this line is a copy of the message.", "Original message follows:", ""]
)
@pytest.mark.parametrize("mark", ["", "> "])
def test_addresses_alone_in_a_line_of_the_returned_mail_are_nobody(rule: str, mark: str) -> None:
    returned = "\n".join(mark + line for line in RETURNED.split("\n"))
    assert said(f"<jane@example.org>:\nunknown user\n\n{rule}\n\n{returned}").keys() == {"jane@example.org"}


def test_the_accounts_own_address_the_sender_and_who_may_be_asked_are_not_named() -> None:
    body = (
        "This is an automatic notice for me@example.com.\n"
        "Your message could not be delivered to the following recipient:\n\n"
        "  jane@example.org\n    550 5.1.1 unknown user\n\n"
        "Sender: me@example.com\nFor help contact\npostmaster@mx.example\nor write to help@mx.example.\n"
        "Mail from:<boss@example.com> was accepted.\n"
    )
    assert said(body).keys() == {"jane@example.org"}


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ({"me@example.com"}, [["anna@example.org", "a@in.example.org"]]),
        ({"anna@example.org", "me@example.com"}, [["a@in.example.org"]]),
        ({"eve@example.org"}, [["me@example.com"], ["anna@example.org", "a@in.example.org"]]),
    ],
)
def test_what_a_part_for_machines_says_of_own_addresses_is_left_out_for_the_account(
    own: set[str], left: list[list[str]]
) -> None:
    given = [{"addresses": ["me@example.com"]}, {"addresses": ["anna@example.org", "a@in.example.org"]}]
    traits = {"about": "<1@x>", "bounce": {"recipients": given}}
    found = without(traits, own)
    assert [one["addresses"] for one in found["bounce"]["recipients"]] == left
    assert found["about"] == "<1@x>"


def test_whom_a_recipient_was_made_of_is_the_same_recipient() -> None:
    body = "----- The following addresses had permanent fatal errors -----\n<a.lind@in.example.org>\n"
    body += "    (expanded from: <anna@example.org>)\n\n550 user unknown\n"
    [one] = message(*DAEMON, body=body).traits["bounce"]["recipients"]
    assert one["addresses"] == ["anna@example.org", "a.lind@in.example.org"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (
            "Your mail was delivered to bob@example.com.\n\n<jane@example.com> (expanded from <bob@example.com>): user unknown\n",
            [["jane@example.com"]],
        ),
        (
            "<jane@example.com>: 550 5.1.1 user unknown\n<bob@example.com>: delivered\n     (expanded from <team@example.com>)\n",
            [["jane@example.com"]],
        ),
        (
            "bob@example.com: delivered (expanded from <team@example.com>)\njane@example.com: 550 user unknown\n",
            [["jane@example.com"]],
        ),
        (
            "Sent:\nbob@example.com (expanded from team@example.com)\nFailed:\njane@example.com (expanded from team@example.com)",
            [["jane@example.com"]],
        ),
        (
            "Failed:\n  jane@example.com (expanded from team@example.com): 550 5.1.1 user unknown\n",
            [["team@example.com", "jane@example.com"]],
        ),
        (
            "The following address failed:\n  pipe to |/usr/bin/vacation\n    generated by jane@example.com\n",
            [["jane@example.com"]],
        ),
    ],
)
def test_of_whom_a_recipient_was_made_is_not_named_where_they_or_another_made_of_them_got_the_mail(
    body: str, named: list[list[str]]
) -> None:
    found = message(*DAEMON, body=body).traits["bounce"]["recipients"]
    assert [one["addresses"] for one in found] == named


# --- forms

STATUS = (
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; jane@example.org\n"
)
STATUS += "Action: failed\nStatus: 5.1.1\n"


@pytest.mark.parametrize(
    "line",
    [
        "jane@example.org: 550 5.1.1 no such user",
        "<jane@example.org>: host mx.example.org said: 550 no",
        '"jane@example.org":',
        "Your mail was not delivered to <jane@example.org>.",
        "jane@example.org Invalid Address, ERROR_CODE :550",
        "  1. jane@example.org",
        "550 5.1.1 <jane@example.org>... User unknown",
        ">>> jane@example.org <jane@example.org>",
        "Recipient: [SMTP:jane@example.org]",
        "Failed address: jane@example.org",
        "undeliverable to jane@example.org",
        "The user jane@example.org does not exist",
        "jane@example.org [User unknown]",
        "c=US;a= ;p=X;dda:SMTP=jane@example.org; on Fri, 4 Oct 2002",
        "    (generated from jane@example.org)",
        "Ihre Nachricht an jane@example.org konnte nicht zugestellt werden.",
        "Votre message n'a pas pu être remis à jane@example.org",
        "无法投递到 jane@example.org",
        "次の宛先に届けることができませんでした: jane@example.org",
    ],
)
def test_one_line_is_enough_to_name_a_recipient(line: str) -> None:
    assert said(f"The mail system could not deliver your message.\n\n{line}\n").keys() == {"jane@example.org"}


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/report; boundary="b"',
        'multipart/report; report-type=delivery-status; boundary="b"',
        'multipart/mixed; boundary="b"',
        'multipart/report; report-type=delivery-status; boundary="another"',
    ],
)
def test_the_part_for_machines_counts_whatever_it_lies_in(content_type: str) -> None:
    body = f"--b\nContent-Type: text/plain\n\nSorry.\n\n--b\n{STATUS}\n--b--\n"
    assert said(body, *DAEMON, f"Content-Type: {content_type}").keys() == {"jane@example.org"}


def test_a_report_without_a_part_for_machines_is_read_as_a_notice() -> None:
    body = "--b\nContent-Type: text/plain\n\nCould not be delivered:\n\n<jane@example.org>: unknown user\n\n--b--\n"
    assert said(body, *DAEMON, "Content-Type: multipart/report; boundary=b").keys() == {"jane@example.org"}
    receipt = "--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;a@example.org\n\n--b--\n"
    assert message("From: a@example.org", "Content-Type: multipart/report; boundary=b", body=receipt).kind == "receipt"
    assert message("From: a@example.org", "Content-Type: multipart/report; boundary=b").kind == "automatic"


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_an_encoded_notice_is_decoded(encoding: str) -> None:
    text = b"Could not be delivered to:\r\n\r\n<jane@example.org>: unknown user\r\n"
    body = base64.encodebytes(text) if encoding == "base64" else text.replace(b"@", b"=40")
    found = message(*DAEMON, f"Content-Transfer-Encoding: {encoding}", body=body)
    assert named(found).keys() == {"jane@example.org"}


def test_a_notice_in_html_alone_is_read() -> None:
    body = (
        "<html><head><style>a@b.example {}</style></head><body><p>Delivery failed for:</p><div>jane@example.org</div>"
    )
    body += "<p>because the user is unknown</p></body></html>"
    assert said(body, *DAEMON, "Content-Type: text/html; charset=utf-8").keys() == {"jane@example.org"}


@pytest.mark.parametrize("sender", ["MAILER-DAEMON <>", "<>", "MAILER-DAEMON", "Mail Delivery System <MAILER-DAEMON>"])
@pytest.mark.parametrize(
    "subject", ["failure delivery", "Mail Not Delivered", "", "系统退信", "配信エラーのお知らせ", "Hello"]
)
def test_a_mail_system_is_known_by_its_name_whatever_the_subject(sender: str, subject: str) -> None:
    lines = (f"From: {sender}", "To: me@example.com", f"Subject: {subject}")
    assert said("<jane@example.org>: 550 unknown user\n", *lines).keys() == {"jane@example.org"}


def test_a_bounce_that_came_through_a_list_is_a_bounce() -> None:
    lists = ("List-Id: <dev.l.example>", "List-Post: <mailto:dev@l.example>", "Precedence: bulk")
    assert said("<jane@example.org>: 550 unknown user\n", *DAEMON, *lists).keys() == {"jane@example.org"}


def test_a_systems_notice_without_a_return_path_from_an_unusual_sender_is_a_bounce() -> None:
    lines = (
        "From: Mail System <noreply@mail.example.net>",
        "To: me@example.com",
        "Subject: Undelivered Mail Returned to Sender",
    )
    body = f"Your message could not be delivered.\n\n<jane@example.org>: host mx said: 550 no\n\n{RETURNED}"
    assert said(body, *lines).keys() == {"jane@example.org"}


@pytest.mark.parametrize(
    "opening",
    [
        "This is the mail system at host mx.example.net.",
        "This message was created automatically by mail delivery software.",
        "Hi. This is the qmail-send program at example.net.",
    ],
)
def test_so_is_one_from_any_sender_that_begins_as_systems_begin_them(opening: str) -> None:
    """SuiteCRM/SuiteCRM#8876."""
    lines = (
        "From: Nightly <nightly@example.net>",
        "To: me@example.com",
        "Subject: Undelivered Mail Returned to Sender",
    )
    notice = f"{opening}\n\nYour message could not be delivered.\n\n<jane@example.org>: host mx said: 550 5.1.1 no such user\n"
    assert said(notice, *lines).keys() == {"jane@example.org"}
    assert message(*lines, body=f"Look what came:\n\n{notice}").kind == "personal"
    assert message(*lines[:2], "Subject: Fwd: Undelivered Mail", body=notice).kind == "personal"


# --- what is none


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        # mozilla/fxa-auth-server#1943
        (
            ("From: anna@example.org", "Subject: Automatic reply: Delivery status of order 17", "Return-Path: <>"),
            "automatic",
        ),
        (("From: anna@example.org", "Subject: Out of office: Undeliverable mail", "Return-Path: <>"), "automatic"),
        (("From: postmaster@example.org", "Subject: Mail delivery problems on Monday"), "personal"),
        (("From: postmaster@example.org", "Subject: Re: Undelivered mail"), "personal"),
        (("From: anna@example.org", "Subject: Fwd: Undelivered Mail Returned to Sender"), "personal"),
        (("From: anna@example.org", "Subject: Undeliverable"), "personal"),
        (("From: anna@example.org", "Subject: Accepted: Meeting", "Return-Path: <>"), "automatic"),
        (("From: no-reply@shop.example", "Subject: Delivery status notification for parcel 7"), "personal"),
    ],
)
def test_a_word_in_the_subject_makes_no_bounce(lines: tuple[str, ...], kind: str) -> None:
    body = "Hello Jane,\n\nI am away until Monday. Please write to bob@example.org or call.\n\nAnna\nanna@example.org\n"
    assert message(*lines, "To: me@example.com", body=body).kind == kind


def test_what_a_person_has_answered_by_itself_is_no_bounce_whatever_its_subject() -> None:
    lines = ("From: anna@example.org", "To: me@example.com", "Subject: Auto: Delivery status of order 77")
    away = "I am away until Monday. Mail to bob@example.org if urgent; my mailbox is not read.\n"
    found = message("Return-Path: <>", "Auto-Submitted: auto-replied", *lines, body=away)
    assert (found.kind, "bounce" in found.traits) == ("automatic", False)
    assert message("Return-Path: <>", "Auto-Submitted: auto-generated", *lines, body=away).kind == "automatic"


def test_a_postmasters_line_of_an_address_and_a_code_is_a_bounce_without_a_subject() -> None:
    lines = ("Return-Path: <>", "From: postmaster@mx.example.net", "To: me@example.com", "Subject:")
    found = said("jane@example.com: 550 5.1.1 unknown\n", *lines)
    assert {address: one["severity"] for address, one in found.items()} == {"jane@example.com": "hard"}


def test_a_bounce_that_a_person_sends_on_is_that_persons() -> None:
    body = f"--b\nContent-Type: text/plain\n\nWhat is this?\n\n--b\n{STATUS}\n--b--\n"
    sent_on = message(
        "From: anna@example.org", "Subject: Fwd: failure", "Content-Type: multipart/mixed; boundary=b", body=body
    )
    assert sent_on.kind == "personal"


# --- why


@pytest.mark.parametrize(
    ("words", "reason", "severity"),
    [
        ("550 5.1.1 User unknown", "unknown user", "hard"),
        ("550 No such user here", "unknown user", "hard"),
        ("550 5.1.2 Host unknown", "unknown host", "hard"),
        ("551 5.1.6 The user has moved", "moved", "hard"),
        ("450 4.1.1 User unknown; giving up", "unknown user", "soft"),
        ("552 5.2.2 Mailbox full", "mailbox full", "soft"),
        ("550 5.1.1 Mailbox quota exceeded", "mailbox full", "soft"),
        ("550 5.2.1 The account has been disabled", "disabled", "soft"),
        ("550 5.7.1 blocked using a DNSBL", "blocked", "soft"),
        ("550 5.7.25 The IP address has no PTR record", "blocked", "soft"),
        ("550 5.7.26 unauthenticated: SPF and DKIM did not pass", "authentication", "soft"),
        ("550 5.1.8 Sender address rejected: Domain not found", "sender rejected", "soft"),
        ("550 5.1.1 Sender verify failed: unknown user", "sender rejected", "soft"),
        ("554 5.7.1 This message is spam", "content", "soft"),
        ("550 5.7.0 Message contains a virus", "content", "soft"),
        ("550 5.7.1 Rejected by local policy", "policy", "soft"),
        ("550 5.7.1 Relaying denied", "relaying denied", "soft"),
        ("552 5.3.4 Message size exceeds fixed limit", "size", "soft"),
        ("421 4.7.0 Too many connections; giving up", "rate", "soft"),
        ("5.4.7 connection timed out", "network", "soft"),
        ("554 5.4.6 Too many hops", "system", "soft"),
        ("550 5.5.2 Syntax error", "protocol", "soft"),
        ("550 5.7.0", "policy", "soft"),
        ("550 5.1.1", "unknown user", "hard"),
        ("554", "unknown", "soft"),
    ],
)
def test_hard_means_that_the_address_is_bad_and_the_evidence_says_what_it_is_about(
    words: str, reason: str, severity: str
) -> None:
    status = words.partition("5.")[1] + words.partition("5.")[2].split(" ")[0] if "5." in words[:6] else "5.0.0"
    machine = (
        f"Final-Recipient: rfc822; jane@example.org\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {words}\n"
    )
    body = f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n{machine}\n--b--\n"
    if words.startswith("4"):
        body = body.replace("Status: 5.0.0", f"Status: {words.split(' ')[1]}")
    one = said(body, *DAEMON, "Content-Type: multipart/report; report-type=delivery-status; boundary=b")[
        "jane@example.org"
    ]
    assert (one["reason"], one["severity"]) == (reason, severity)
    guessed = said(f"Undeliverable, gave up:\n\n<jane@example.org>: {words}\n")["jane@example.org"]
    assert (guessed["reason"], guessed["severity"]) == (reason, severity)


def test_each_recipient_has_a_reason_of_its_own() -> None:
    found = said(
        "Could not be delivered:\n\n<a@example.org>: 550 5.1.1 user unknown\n\n<b@example.org>: 552 5.2.2 mailbox full\n"
    )
    assert {address: one["reason"] for address, one in found.items()} == {
        "a@example.org": "unknown user",
        "b@example.org": "mailbox full",
    }


def test_a_receipt_of_a_refusal_is_a_bounce_and_of_a_deleted_mail_is_none() -> None:
    lines = (
        "From: anna@example.org",
        'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"',
    )
    body = "--b\nContent-Type: text/plain\n\n{}\n--b\nContent-Type: message/disposition-notification\n\n"
    body += "Final-Recipient: rfc822; anna@example.org\nDisposition: {}; deleted\n\n--b--\n"
    automatic = "automatic-action/MDN-sent-automatically"
    refused = message(*lines, body=body.format("Your message was automatically rejected: quota exceeded", automatic))
    assert named(refused)["anna@example.org"]["reason"] == "mailbox full"
    assert message(*lines, body=body.format("Deleted unread.", "manual-action/MDN-sent-manually")).kind == "receipt"


@pytest.mark.parametrize(
    "piece", ["a@", "<a@b.c> ", "a@b.c\n", "> ", "To: a@b.c\n", "-" * 10 + "\n", "deliver ", "550 5.1.1 ", "<p>"]
)
def test_a_megabyte_of_a_notice_is_read_in_bounded_time(piece: str) -> None:
    for kind in ("text/plain", "text/html"):
        found = message(*DAEMON, f"Content-Type: {kind}", body=piece * (1_000_000 // len(piece)))
        assert len(named(found)) <= 100


def test_a_notice_whose_lines_end_in_a_bare_carriage_return_has_lines() -> None:
    body = "Could not be delivered to:\n\njane@example.org\n550 5.1.1 user unknown\n\nHelp is at\nhelp@mx.example.net\n"
    found = named(message(*DAEMON, body=body.replace("\n", "\r").encode()))
    assert found.keys() == {"jane@example.org"}

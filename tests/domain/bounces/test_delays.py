"""Mail that is but late: for whom it is, and for whom it has failed all the same."""

from __future__ import annotations

import pytest

from tests.domain.bounces.test_bounces import message, named, said


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.com: 550 user unknown\n\nThe following will be retried:\nbob@example.net\n",
        "The following addresses failed:\n  jane@example.com: 550 user unknown\nOther messages will be retried later.\n",
        "<jane@example.com>: 550 5.1.1 user unknown\n\nThis mail was delayed by our scanner.\n",
        "The following addresses failed:\n  jane@example.com: user unknown\n\nStill being tried:\n  bob@example.net\n",
    ],
)
def test_a_delay_of_others_delays_nobody_that_failed(text: str) -> None:
    one = said(text)["jane@example.com"]
    assert (one["action"], one["severity"]) == ("failed", "hard")


def test_a_notice_of_a_delay_delays_whom_it_names() -> None:
    one = said("Delivery to the following recipient has been delayed:\n\n  jane@example.com\n\nIt will be retried.\n")
    assert {address: each["action"] for address, each in one.items()} == {"jane@example.com": "delayed"}
    one = said("<jane@example.com>: 450 4.2.0 come back later\n\nThe mail will be retried.\n")
    assert one["jane@example.com"]["action"] == "delayed"


@pytest.mark.parametrize(
    ("action", "status", "read"),
    [
        ("Action: Failure\n", "5.1.1", "failed"),
        ("Action: error\n", "5.1.1", "failed"),
        ("Action: failed (bad address)\n", "5.1.1", "failed"),
        ("Action: error\n", "4.4.1", "delayed"),
        ("Action: ok\n", "2.0.0", "delivered"),
        ("", "2.1.5", "delivered"),
        ("", "5.1.1", "failed"),
        ("Action: error\n", "none", "failed"),
        ("Action: failed\n", "4.4.7", "failed"),
    ],
)
def test_an_action_that_the_standard_does_not_know_is_what_its_status_says(action: str, status: str, read: str) -> None:
    report = (
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
        f"Final-Recipient: rfc822; jane@example.com\n{action}Status: {status}\n--b--\n"
    )
    lines = (
        *("From: MAILER-DAEMON@mx.example.com", "To: me@example.com", "Subject: Undelivered"),
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    )
    [one] = named(message(*lines, body=report)).values()
    assert one["action"] == read
    assert (one["severity"] == "hard") == (read == "failed" and status == "5.1.1")

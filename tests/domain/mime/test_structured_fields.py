"""Addresses, dates and Message-IDs in all of the forms that RFC 5322 gives them, and in those that are common besides."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.message.index import index
from domain.mime.addresses import mailboxes, without_comments
from domain.mime.dates import moment


def read(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "Testing.", "")).encode()


# --- the examples of RFC 5322, appendix A


@pytest.mark.requirement("R30")
def test_comments_may_stand_anywhere() -> None:
    found = index(
        read(
            "From: Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            "To:A Group(Some people)",
            "     :Chris Jones <c@(Chris's host.)public.example>,",
            "         joe@example.org,",
            "  John <jdoe@one.test> (my dear friend); (the end of the group)",
            "Cc:(Empty list)(start)Hidden recipients  :(nested(comment that is \\) ok)) ;",
            "Date: Thu,",
            "      13",
            "        Feb",
            "          1969",
            "      23:32",
            "               -0330 (Newfoundland Time)",
            "Message-ID:              <testabcd.1234@silly.test>",
        )
    )
    assert [(who.field, who.name, who.normal) for who in found.participants] == [
        ("from", "Pete", "pete@silly.test"),
        ("to", "Chris Jones", "c@public.example"),
        ("to", "", "joe@example.org"),
        ("to", "John", "jdoe@one.test"),
    ]
    assert (found.from_address, found.message_id) == ("pete@silly.test", "<testabcd.1234@silly.test>")
    assert found.sent_at == datetime(1969, 2, 14, 3, 2, tzinfo=UTC)


@pytest.mark.requirement("R30")
def test_obsolete_blanks_and_comments_are_read() -> None:
    found = index(
        read(
            "From  : John Doe <jdoe@machine(comment).  example>",
            "To    : Mary Smith",
            "          <@node.test:mary@example.net>, , jdoe@test  . example",
            "Subject     : Saying Hello",
            "Date  : Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
            "Message-ID  : <1234   @   local(blah)  .machine .example>",
        )
    )
    assert [who.normal for who in found.participants] == [
        "jdoe@machine.example",
        "mary@example.net",
        "jdoe@test.example",
    ]
    assert found.sent_at == datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)
    assert found.message_id == "<1234@local.machine.example>"


# --- addresses


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("<jane(a, b)@example.com>", [("", "jane@example.com")]),
        ("<jane(<x@y.org>)@example.com>", [("", "jane@example.com")]),
        ("<jane((deep) er)@example.com>, b@example.org", [("", "jane@example.com"), ("", "b@example.org")]),
        ('<"jane doe"(c) @ example.com>', [("", '"jane doe"@example.com')]),
        ("jane@example.com (Jane \\(Sales\\))", [("Jane (Sales)", "jane@example.com")]),
        ("Jane <jane@example.com (work)>", [("Jane", "jane@example.com")]),
        ("Jane <jane doe@example.com>", []),
        # a name that should have been quoted: nodemailer/mailparser#375
        ("Joe Foo, PhD <joe@example.com>", [("Joe Foo, PhD", "joe@example.com")]),
        ("Foo, Joe, PhD, MBA <joe@example.com>", [("Foo, Joe, PhD, MBA", "joe@example.com")]),
        ("b@example.org, Foo, Joe <joe@example.com>", [("", "b@example.org"), ("Foo, Joe", "joe@example.com")]),
        ('"Foo", Joe <joe@example.com>, Ann <a@example.org>', [("Foo, Joe", "joe@example.com"), ("Ann", "a@example.org")]),
        ("Joe Foo, joe@example.com", [("", "joe@example.com")]),
        ("Friends: Ann <a@example.org>;, Bob <b@example.org>", [("Ann", "a@example.org"), ("Bob", "b@example.org")]),
    ],
)  # fmt: skip
def test_a_mailbox_is_its_address_and_all_of_its_name(field: str, expected: list[tuple[str, str]]) -> None:
    assert list(mailboxes(field)) == expected


@given(st.text('()\\"a <@>.,', max_size=40))
def test_leaving_comments_out_is_done_once(text: str) -> None:
    assert "(" not in without_comments(text) or '"' in text or "\\" in text
    list(mailboxes(text))


# --- dates


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("date", "hour"),
    [
        ("Mon, 3 Mar 2025 09:12:44 (CET) +0100", 8),
        ("Mon, 3 Mar 2025 (a (nested) one) 09:12:44 +0100", 8),
        ("Mon (Monday), 3 Mar 2025 09:12:44 +0100 (CET", 8),
        ("Mon, 3 Mar 2025 09 : 12 : 44 -0500", 14),
        ("Mon, 3 Mar 2025 09:12:44 (+0100)", 8),
        ("Mon, 3 Mar 2025 09:12:44 (GMT+01:00)", 8),
        ("Mon, 3 Mar 2025 09:12:44 (EST)", 14),
        ("Mon, 3 Mar 2025 09:12:44 -0500 (GMT)", 14),
        ("Mon, 3 Mar 2025 09:12:44 GMT (+0100)", 9),
        ("Mon, 3 Mar 2025 09:12:44 (summer time)", 9),
    ],
)  # fmt: skip
def test_a_comment_does_not_move_a_date(date: str, hour: int) -> None:
    assert moment(date) == datetime(2025, 3, 3, hour, 12, 44, tzinfo=UTC)
    assert index(read(f"Date: {date}")).sent_at == moment(date)


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sat, 31 Dec 2016 23:59:60 +0000", datetime(2017, 1, 1, tzinfo=UTC)),
        ("Mon, 3 Mar 2025 09:12:60 +0100 (CET)", datetime(2025, 3, 3, 8, 13, tzinfo=UTC)),
        ("2025-03-03T09:12:44Z", datetime(2025, 3, 3, 9, 12, 44, tzinfo=UTC)),
        ("2025-03-03T09:12:44+01:00", datetime(2025, 3, 3, 8, 12, 44, tzinfo=UTC)),
        ("2025-03-03 09:12:44 -0500", datetime(2025, 3, 3, 14, 12, 44, tzinfo=UTC)),
        ("2025-03-03 09:12:44 UTC", datetime(2025, 3, 3, 9, 12, 44, tzinfo=UTC)),
        ("2025-03-03 09:12", datetime(2025, 3, 3, 9, 12, tzinfo=UTC)),
        ("2025-13-03 09:12:44", None),
        ("Mon, 3 Mar 2025 09:12:61 +0000", None),
    ],
)
def test_a_leap_second_and_what_scripts_write_by_iso_8601_are_dates(date: str, expected: datetime | None) -> None:
    assert moment(date) == expected


@pytest.mark.requirement("R30")
@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Fri, 28 Feb 92 11:07:59 MEZ", "1992-02-28T10:07:59"),  # jsuto/piler#422
        ("Thu, 13 Dec 101 15:30 WET", "2001-12-13T15:30:00"),  # kdeldycke/mail-deduplicate#54
        ("lör, 29 maj 1999 00:24:04 +0200 (CEST)", "1999-05-28T22:24:04"),  # sup-heliotrope/sup#252
        ("Di, 17 Mai 2005 12:31:00 0200", "2005-05-17T10:31:00"),  # the same
        # years as they are counted from 1900
        ("Sat, 1 Jan 100 10:00:00 +0000", "2000-01-01T10:00:00"),
        ("Mon, 3 Mar 125 09:12:44 +0100", "2025-03-03T08:12:44"),
        # names of zones
        ("Mon, 3 Mar 2025 09:12:44 CEST", "2025-03-03T07:12:44"),
        ("Mon, 3 Mar 2025 09:12:44 mesz", "2025-03-03T07:12:44"),
        ("Mon, 3 Mar 2025 09:12:44 JST", "2025-03-03T00:12:44"),
        ("Mon, 3 Mar 2025 09:12:44 AEDT", "2025-03-02T22:12:44"),
        ("Mon Mar  3 09:12:44 CET 2025", "2025-03-03T08:12:44"),
        ("Mon, 3 Mar 2025 09:12:44 (CET)", "2025-03-03T08:12:44"),
        ("Mon, 3 Mar 2025 09:12:44 IST", "2025-03-03T09:12:44"),  # of three countries: RFC 5322, section 4.3
        # and their numbers
        ("Mon, 3 Mar 2025 09:12:44 +02:00", "2025-03-03T07:12:44"),
        ("Mon, 3 Mar 2025 09:12:44 GMT+0200", "2025-03-03T07:12:44"),
        ("Mon, 3 Mar 2025 09:12:44 UTC-05:30", "2025-03-03T14:42:44"),
        ("Mon, 3 Mar 2025 09:12:44 +01", "2025-03-03T08:12:44"),
        # clocks of twelve hours
        ("Mon, 3 Mar 2025 11:13 PM", "2025-03-03T23:13:00"),
        ("Mon, 3 Mar 2025 11:13:00 PM +0100", "2025-03-03T22:13:00"),
        ("Mon, 3 Mar 2025 11:13:00 p.m. +0100", "2025-03-03T22:13:00"),
        ("Mon, 3 Mar 2025 11:13:00 +0100 PM", "2025-03-03T22:13:00"),
        ("Mon, 3 Mar 2025 12:13 AM", "2025-03-03T00:13:00"),
        ("Mon, 3 Mar 2025 12:13 pm", "2025-03-03T12:13:00"),
        ("Mon, 3 Mar 2025 21:13 PM", "2025-03-03T21:13:00"),
        # months in other languages
        ("Mo, 3 März 2025 09:12:44 +0100", "2025-03-03T08:12:44"),
        ("lun., 11 août 2025 09:12:44 +0200", "2025-08-11T07:12:44"),
        ("lun, 15 dic 2025 09:12:44 +0100", "2025-12-15T08:12:44"),
        ("Fri, 1 juil. 2025 09:12:44 +0200", "2025-07-01T07:12:44"),
        # what is no moment of mail
        ("Mon, 1 Jan 1601 00:00:00 +0000", None),
        ("Mon, 1 Jan 1899 00:00:00 +0000", None),
        ("Mon, 3 Mar 2025 09:12:44 +9900", None),
        ("Sat Jan  1 10:00:00 100", None),
    ],
)  # fmt: skip
def test_a_date_is_the_moment_that_its_writer_meant_or_none(date: str, expected: str | None) -> None:
    found = index(read(f"Date: {date}")).sent_at
    assert found == (datetime.fromisoformat(f"{expected}+00:00") if expected else None)


# --- Message-IDs


@pytest.mark.requirement("R37")
@pytest.mark.parametrize(
    ("value", "message_id"),
    [
        ("20250303.abc@example.com", "<20250303.abc@example.com>"),
        ("20250303.abc@example.com (a comment)", "<20250303.abc@example.com>"),
        ("<20250303.abc@example.com", "<20250303.abc@example.com>"),
        ("20250303.abc@example.com>", "<20250303.abc@example.com>"),
        ('"20250303.abc@example.com"', "<20250303.abc@example.com>"),
        ("8B2C9F0E-1D2A-4F6B-9C1E-0A1B2C3D4E5F", "<8B2C9F0E-1D2A-4F6B-9C1E-0A1B2C3D4E5F>"),
        # ProtonMail/WebClients#93; DockYard/elixir-mail#203
        ("=?utf-8?q?=3Ca=2Eb=40example=2Ecom?=\r\n =?utf-8?q?=3E?=", "<a.b@example.com>"),
        ("message 15 of Jane", None),
        ("hello", None),
        ("@example.com", None),
        ("jane@", None),
        ("x@" + "y" * 1200, None),
        ("<a b@example.com>", None),
    ],
)
def test_a_message_id_without_brackets_is_taken_where_it_is_one_plausible_word(
    value: str, message_id: str | None
) -> None:
    found = index(read(f"Message-ID: {value}"))
    assert found.message_id == message_id
    reply = index(read(f"In-Reply-To: {value}", f"References: {value}"))
    assert reply.in_reply_to == reply.references == ((message_id,) if message_id else ())


def test_replies_to_a_message_id_without_brackets_are_joined_however_they_name_it() -> None:
    """Wh1isper/mcp-email-server#238; ivaldi/brimir#274; djcb/mu#2914."""
    message_id = index(read("Message-ID: 15.jane@example.com")).message_id
    for named in "15.jane@example.com", "<15.jane@example.com>":
        reply = index(read(f"In-Reply-To: {named}", f"References: 14.jane@example.com {named}"))
        assert reply.in_reply_to == (message_id,)
        assert message_id in reply.references
    assert index(read("References: 14.jane@example.com 15.jane@example.com")).references[-1] == message_id


def test_words_of_people_in_in_reply_to_are_no_message_ids() -> None:
    assert index(read("In-Reply-To: Your message of Monday")).in_reply_to == ()
    assert index(read("In-Reply-To: jane@example.com's message of Monday")).in_reply_to == ()
    assert index(read("In-Reply-To: Message of Monday <1@example.com>")).in_reply_to == ("<1@example.com>",)


@pytest.mark.requirement("R37")
def test_a_machines_report_may_name_the_message_without_brackets_or_encoded() -> None:
    def about(value: str, *header: str) -> object:
        part = f"Content-Type: message/delivery-status\n\nOriginal-Message-ID: {value}\n\nFinal-Recipient: rfc822;j@example.org"
        lines = ("From: mailer-daemon@example.net", "Content-Type: multipart/report; boundary=b", *header)
        return index(read(*lines, "", "--b", *part.split("\n"), "--b--")).traits.get("about")

    for value in "<1@example.com>", "1@example.com", "=?us-ascii?q?=3C1=40example=2Ecom=3E?=", "<1 @ example.com>":
        assert about(value) == "<1@example.com>"
        assert about("", f"In-Reply-To: {value}") == "<1@example.com>"
    assert about("", "In-Reply-To: Your message of Monday") is None


@pytest.mark.parametrize(
    "value", ["<1@example.com>", "1@example.com", "=?us-ascii?q?=3C1=40example=2Ecom=3E?=", "\n <1@example.com>"]
)
def test_so_may_the_mail_that_comes_back(value: str) -> None:
    returned = (
        f"--b\nContent-Type: message/rfc822\n\nFrom: me@example.com\nMessage-ID: {value}\nSubject: x\n\nHello\n--b--"
    )
    lines = (
        "From: mailer-daemon@example.net",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    )
    found = index(read(*lines, "", "--b", "", "<jane@example.org>: 550 unknown", *returned.split("\n")))
    assert found.traits["about"] == "<1@example.com>"

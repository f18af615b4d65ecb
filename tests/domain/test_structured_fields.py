"""Addresses, dates and Message-IDs in all of the forms that RFC 5322 gives them, and in those that are common besides."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import mailboxes, without_comments
from domain.dates import moment
from domain.message import index


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
    ],
)  # fmt: skip
def test_comments_and_blanks_between_angle_brackets_are_no_part_of_an_address(
    field: str, expected: list[tuple[str, str]]
) -> None:
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

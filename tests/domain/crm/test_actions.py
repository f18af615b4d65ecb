"""What people make of a message: who is meant, what a record is called, which requests are the same."""

from __future__ import annotations

import pytest

from domain.core.redaction import without_addresses
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.crm.actions import AddEvent, AddRecord, AddTask, digest, request_key
from domain.crm.naming import correspondents_of, readable_name
from domain.message.index import Participant, index

TASK = {"request_id": "r1", "message": 1, "crm": "builtin", "subject": "call"}


@pytest.mark.requirement("R72")
@pytest.mark.parametrize(
    ("display", "name"),
    [
        ("Anna Lind", "Anna Lind"),
        ("  Anna   Lind ", "Anna Lind"),
        ('"Anna Lind"', "Anna Lind"),
        ("'Anna Lind'", "Anna Lind"),
        ("Lind, Anna", "Anna Lind"),
        ("van der Berg, Anna Maria", "Anna Maria van der Berg"),
        ("Acme, Inc.", "Acme, Inc."),
        ("Lind GmbH, KG", "Lind GmbH, KG"),
        ("Anna Lind, PhD", "Anna Lind, PhD"),
        ("Anna Lind (Sales)", "Anna Lind"),
        ("Anna Lind via Forum", "Anna Lind"),
        ("'Anna Lind' via Forum", "Anna Lind"),
        ("'Lind, Anna' via Forum", "Anna Lind"),
        ('"Lind, Anna" (Sales)', "Anna Lind"),
        ("李小龍", "李小龍"),
        ("", "Anna Lind"),
        ("anna.lind@example.org", "Anna Lind"),
        ("' '", "Anna Lind"),
    ],
)
def test_a_record_is_called_by_the_display_name_as_it_is_read(display: str, name: str) -> None:
    assert readable_name(display, "anna.lind+news@example.org") == name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("x@example.org", "X"),
        ("mary-jane_o.smith@example.org", "Mary Jane O Smith"),
        ("+@example.org", "+@example.org"),
    ],
)
def test_without_a_display_name_the_local_part_says_it(address: str, name: str) -> None:
    assert readable_name("", address) == name


def people(raw: bytes) -> tuple[tuple[Participant, ...], str | None]:
    message = index(raw)
    return message.participants, message.from_address


def meant(raw: bytes, folder: str = "Inbox", own: tuple[str, ...] = ("jane@example.com",)) -> list[str]:
    return [who.normal for who in correspondents_of(*people(raw), folder, own)]


def test_the_correspondent_is_who_wrote_it() -> None:
    assert meant(b"From: Anna <Anna@example.org>\r\nTo: jane@example.com, bob@example.net\r\n\r\n") == [
        "anna@example.org"
    ]


def test_the_author_whom_a_list_or_a_notifier_names_has_the_name_that_it_has_kept() -> None:
    rewritten = index(
        b"From: 'Anna Lind' via Dev <dev@l.example>\r\nList-Post: <mailto:dev@l.example>\r\n"
        b"X-Original-From: anna@example.org\r\nTo: dev@l.example\r\n\r\n"
    )
    [who] = correspondents_of(rewritten.participants, rewritten.author, "Inbox", (), rewritten.traits["list"])
    assert (readable_name(who.name, who.address), who.normal) == ("Anna Lind", "anna@example.org")
    signed = index(b"From: Anna Lind via Sign <no-reply@sign.example>\r\nReply-To: anna@example.org\r\n\r\n")
    [who] = correspondents_of(signed.participants, signed.author, "Inbox", ())
    assert (readable_name(who.name, who.address), who.normal) == ("Anna Lind", "anna@example.org")


def test_a_list_that_does_not_say_who_wrote_is_no_correspondent() -> None:
    mail = index(
        b"From: dev@l.example\r\nList-Post: <mailto:dev@l.example>\r\nTo: dev@l.example, b@example.net\r\n\r\n"
    )
    assert correspondents_of(mail.participants, mail.author, "Inbox", (), mail.traits["list"]) == []


def test_of_own_mail_it_is_whom_it_went_to() -> None:
    raw = b"From: jane@example.com\r\nTo: anna@example.org, jane@example.com\r\nCc: Anna L <anna@example.org>\r\n\r\n"
    assert meant(raw) == ["anna@example.org"]
    assert meant(raw, "Sent") == ["anna@example.org"]


def test_an_alias_is_ones_own() -> None:
    raw = b"From: j@alias.example\r\nTo: anna@example.org, bob@example.net\r\n\r\n"
    assert meant(raw, own=("jane@example.com", "j@alias.example")) == ["anna@example.org", "bob@example.net"]


def test_without_an_author_or_with_nobody_else_there_is_none() -> None:
    assert meant(b"From: jane@example.com\r\nTo: jane@example.com\r\n\r\n") == []
    assert meant(b"Subject: hello\r\n\r\n") == []


def test_who_asks_makes_no_other_request_of_it_and_anything_else_does() -> None:
    one = parse(AddTask, {**TASK, "by": "ann"}, what="add_task")
    assert digest(one) == digest(parse(AddTask, {**TASK, "by": "bob"}, what="add_task"))
    assert digest(one) != digest(parse(AddTask, {**TASK, "subject": "write"}, what="add_task"))
    assert digest(one) != digest(parse(AddEvent, {**TASK, "due": "2026-11-23T10:00:00Z"}, what="add_event"))
    assert request_key("a@example.com", "1") != request_key("b@example.com", "1")


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"request_id": "anna@example.org"}, "request_id", "at most 100 letters"),
        ({"request_id": ""}, "request_id", "at most 100 letters"),
        ({"message": 0}, "message", "greater than or equal to 1"),
        ({"record_id": "17"}, "record_id", "needs record_kind"),
        ({"due": "2026-11-23T10:00:00"}, "due", "timezone"),
        ({"due": "2026-11-23T10:00:00Z", "until": "2026-11-23T09:00:00Z"}, "until", "before due"),
        ({"due": None}, "due", "is not valid"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(given: dict[str, object], field: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(AddEvent, {**TASK, "due": "2026-11-23T10:00:00Z", **given}, what="add_event")
    assert refused.value.refusal.field == field
    assert said in refused.value.message


def test_a_correspondents_address_is_no_record_kind() -> None:
    with pytest.raises(Refused) as refused:
        parse(
            AddRecord, {"request_id": "1", "message": 1, "crm": "builtin", "record_kind": "friend"}, what="add_record"
        )
    assert refused.value.refusal.field == "record_kind"


def test_what_a_refusal_names_can_be_left_out_of_the_log() -> None:
    said = without_addresses("say in address which (anna@example.org, bob@example.net)", "[address]")
    assert "@" not in said

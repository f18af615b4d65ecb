"""Addresses as people give them: what is taken, what is refused, and that nobody is left out."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from domain.sending.recipients import Mailbox, mailbox, mailboxes_of_field


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("jane@example.com", "", "jane@example.com"),
        (" Jane.Doe@EXAMPLE.com ", "", "Jane.Doe@example.com"),
        ("Jane Doe <jane@example.com>", "Jane Doe", "jane@example.com"),
        ('"Doe, Jane" <jane@example.com>', "Doe, Jane", "jane@example.com"),
        ("Doe, Jane <jane@example.com>", "Doe, Jane", "jane@example.com"),
        (r'"Jane \"JD\" Doe" <jane@example.com>', 'Jane "JD" Doe', "jane@example.com"),
        ("jane@example.com <jane@example.com>", "jane@example.com", "jane@example.com"),
        ("<jane@example.com>", "", "jane@example.com"),
        ("Jürgen   Größe <j@bücher.example>", "Jürgen Größe", "j@xn--bcher-kva.example"),
        ("שרה כהן <sara@example.org>", "שרה כהן", "sara@example.org"),
        ("山田太郎 <taro@例え.jp>", "山田太郎", "taro@xn--r8jz45g.jp"),
        ("müller@example.com", "", "müller@example.com"),
        ("root@mail.test", "", "root@mail.test"),
    ],
)
def test_a_mailbox_is_read_as_people_write_it(text: str, name: str, address: str) -> None:
    assert mailbox(text) == Mailbox(name, address)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jane", "no @"),
        ("", "no @"),
        ("Jane Doe", "no @"),
        ("jane@", "not an e-mail address"),
        ("@example.com", "not an e-mail address"),
        ("a b@example.com", "not an e-mail address"),
        ("a..b@example.com", "not an e-mail address"),
        ("a@exa mple.com", "not an e-mail address"),
        ("a@-example.com", "not an e-mail address"),
        ("a@[127.0.0.1]", "not an e-mail address"),
        ("a@" + "b" * 64 + ".example", "not an e-mail address"),
        ("a@\ufffd.example", "not an e-mail address"),
        ('"jane doe"@example.com', "quotation marks"),
        ("a@example.com, b@example.com", "more than one address"),
        ("a@example.com; b@example.com", "more than one address"),
        ("a@example.com, B <b@example.com>", "more than one address"),
        ("a@example.com>\r\nRSET", "control character"),
        ("a\r\n@example.com", "control character"),
        ("a\0@example.com", "control character"),
        ("a\u202eb@example.com", "nobody sees"),
        ("a\u200b@example.com", "nobody sees"),
        ("a@example\u00ad.com", "nobody sees"),
        ("Jane\r\nBcc: x@example.org <a@example.com>", "line break"),
        ("Jane\u2028Bcc <a@example.com>", "line break"),
        ("Jane \u202egnp.exe <a@example.com>", "turns letters around"),
        ("x" * 201 + " <a@example.com>", "too long a name"),
        ("Jane <a@example.com> Doe", "control character|not an e-mail|no @"),
    ],
)
def test_what_is_no_single_address_is_refused_in_words_that_do_not_repeat_it(text: str, said: str) -> None:
    with pytest.raises(PydanticCustomError, match=said) as refused:
        mailbox(text)
    assert refused.value.type == "invalid_field"
    assert not any(part in refused.value.message() for part in ("RSET", "Bcc", "a@example.com"))


def test_only_a_local_part_that_is_not_ascii_needs_smtputf8() -> None:
    assert mailbox("müller@example.com").needs_smtputf8
    assert not mailbox("Müller <mueller@bücher.example>").needs_smtputf8


def test_a_field_of_a_header_gives_all_its_mailboxes() -> None:
    text = '"Doe, Jane" <jane@example.com>, bob@example.org (Bob, at work), =?utf-8?q?J=C3=BCrgen?= <j@example.org>,, none:;'
    assert list(mailboxes_of_field(text)) == [
        Mailbox("Doe, Jane", "jane@example.com"),
        Mailbox("", "bob@example.org"),
        Mailbox("Jürgen", "j@example.org"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bob, anna@example.org", "no @"),
        ("Doe, Jane <jane@example.com>", "no @"),
        ("friends: a@example.org, b@example.org;", "not an e-mail|more than one"),
        ('"never closed <a@example.org>', "never closed"),
        ("a@example.org (never closed", "never closed"),
        ("x" * 1001 + " <a@example.org>", "1,000 characters"),
    ],
)
def test_a_field_in_which_somebody_would_be_left_out_is_refused(text: str, said: str) -> None:
    with pytest.raises(PydanticCustomError, match=said):
        list(mailboxes_of_field(text))


@pytest.mark.parametrize("text", ['"\\' * 30_000, "(\\" * 30_000, "<" * 60_000, " " * 60_000 + "x", ":" * 60_000])
def test_a_field_of_marks_alone_is_refused_soon(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        list(mailboxes_of_field(text))

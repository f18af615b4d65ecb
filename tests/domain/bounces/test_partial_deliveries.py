"""Mail that reached some and not others: whom its report names, clause by clause and line by line."""

from __future__ import annotations

import pytest

from domain.bounces.polarity import judged
from domain.message.index import index
from tests.domain.bounces.test_bounces import DAEMON, said
from tests.support.partial_deliveries import deliveries

OURS = {one.text: one for one in deliveries("project")}


def failed(raw: bytes) -> set[str]:
    found = index(raw).traits.get("bounce", {})
    return {address for one in found.get("recipients", ()) for address in one["addresses"]}


def index_of(text: str) -> set[str]:
    return failed(("\n".join((*DAEMON, "Content-Type: text/plain; charset=utf-8", "", text)) + "\n").encode())


@pytest.mark.requirement("R40")
@pytest.mark.parametrize("text", OURS)
def test_who_got_the_mail_is_not_named_and_who_did_not_is(text: str) -> None:
    assert failed(OURS[text].raw) == OURS[text].failed


@pytest.mark.parametrize(
    "text",
    [
        "{got} has it, {failed} has not.",
        "Everybody but {failed} received your mail; {got} did.",
        "{got}\tqueued\n{failed}\tbounced",
        "OK: {got}\nERROR: {failed}",
        "Status of {got}: sent\nStatus of {failed}: no such user",
        "Delivered: yes\nRecipient: {got}\n\nDelivered: no\nRecipient: {failed}",
        "{got} accepted the message and {failed} rejected it.",
        "{failed} n'existe pas ; {got} a bien reçu votre message.",
        "{failed} existiert nicht, {got} hingegen hat Ihre Mail bekommen.",
        "{failed} не существует, но {got} получил письмо.",
    ],
)
def test_each_clause_and_line_speaks_of_its_own_recipient(text: str) -> None:
    assert "bob@example.net" not in said(text.format(got="bob@example.net", failed="jane@example.com") + "\n")


def test_a_reason_counts_for_its_own_clause_alone() -> None:
    found = said("jane@example.com could not be reached, her mailbox is full; joe@example.com is an unknown user.\n")
    assert {address: one["severity"] for address, one in found.items()} == {
        "jane@example.com": "soft",
        "joe@example.com": "hard",
    }
    found = said(
        "bob@example.net has it; jane@example.com: mailbox full\n\nThe user unknown@example.net is not known.\n"
    )
    assert found["jane@example.com"]["severity"] == "soft"


def test_where_it_is_not_clear_who_got_the_mail_nobody_is_named() -> None:
    assert said("One of jane@example.com bob@example.net got the mail, one did not.\n") == {}


@pytest.mark.parametrize(
    "text", ["sent", "ok", "250 2.0.0 accepted", "queued as 4F2", "✓", "zugestellt", "remis", "送达"]
)
def test_a_status_that_says_that_it_arrived(text: str) -> None:
    assert judged(text, status=True) is True


@pytest.mark.parametrize(
    "text",
    ["not sent", "nok", "550 ok", "✗", "nicht zugestellt", "non remis", "未送达", "queued, will retry", "配信エラー"],
)
def test_a_status_that_says_that_it_failed(text: str) -> None:
    assert judged(text, status=True) is False


@pytest.mark.parametrize(
    "line",
    [
        "上記のサイトでも解決できない場合は、<help@example.net>",
        "jane@example.com <help@example.net>: malformed address: <help@example.net> may not follow jane@example.com",
    ],
)
def test_an_address_within_what_is_said_of_another_or_without_blanks_around_it_is_no_entry(line: str) -> None:
    charset = "Content-Type: text/plain; charset=utf-8"
    found = said(f"Could not be delivered:\n\n<jane@example.com>: unknown user\n\n{line}\n", *DAEMON, charset)
    assert found.keys() == {"jane@example.com"}


def test_an_address_that_its_own_line_repeats_has_all_of_that_line() -> None:
    lines = "{}@example.com Invalid Address, ERROR_CODE :550, ERROR_CODE :{} <{}@example.com>... {}\n"
    body = lines.format("jane", "5.2.1", "jane", "User Unknown") + lines.format("joe", "5.2.2", "joe", "Mailbox Full")
    found = said(f"A message that you sent could not be delivered to one or more of its recipients.\n\n{body}")
    assert {address: one["severity"] for address, one in found.items()} == {
        "jane@example.com": "hard",
        "joe@example.com": "soft",
    }


@pytest.mark.parametrize(
    "text",
    [
        "Your message has been relayed to these, but the requested delivery notifications may not be sent.\n\n      {got}",
        "Your message has been relayed to the following recipients, but no delivery notification was sent:\n\n{got}",
        "次の宛先に配信されました。\n\n{got}",
        "{got} への配信が完了しました。",
        "投递完成: {got}",
        "邮件发送已完成。\n\n{got}",
        "배달이 완료되었습니다: {got}",
        "메시지 전송 완료: {got}",
        "Your message was delivered to the people below.\n\n{got}",
        "Ihre Nachricht wurde den folgenden Empfängern zugestellt.\n\n{got}",
    ],
)
def test_a_report_of_an_arrival_names_nobody(text: str) -> None:
    assert index_of(text.format(got="bob@example.net")) == set()

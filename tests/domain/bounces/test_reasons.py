"""Why mail did not arrive, in ten languages: words about what is not the address win over a code that says it is."""

import csv
from pathlib import Path

import pytest

from domain.bounces.reasons import STATUS, is_hard, reason_of
from tests.domain.bounces.test_bounces import said

WRITTEN = Path(__file__).parents[2] / "data" / "bounce_reasons_written.tsv"


def _rows() -> list[dict[str, str]]:
    with WRITTEN.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["said"])
def test_a_bounce_is_hard_by_what_it_is_about_in_ten_languages(row: dict[str, str]) -> None:
    code = STATUS.search(row["said"])
    status = code[0] if code else None
    reason = reason_of(row["said"], status)
    assert reason in row["reason"].split(" or ")
    assert is_hard(reason, status, row["said"]) == (row["severity"] == "hard")


@pytest.mark.parametrize(
    "record",
    [
        "Recipient: {jane}\nReason: user unknown\nSender: {own}",
        "Empfänger: {jane}\nGrund: Benutzer unbekannt\nAbsender: {own}",
        "Destinataire : {jane}\nMotif : utilisateur inconnu\nExpéditeur : {own}",
        "Destinatario: {jane}\nMotivo: usuario desconocido\nRemitente: {own}",
        "Odbiorca: {jane}\nPowód: nieznany użytkownik\nNadawca: {own}",
        "Получатель: {jane}\nПричина: пользователь не найден\nОтправитель: {own}",
        "收件人: {jane}\n原因: 用户不存在\n发件人: {own}",
        "宛先: {jane}\n理由: ユーザー不明\n差出人: {own}",
    ],
)
def test_fields_in_lines_of_their_own_are_sentences(record: str) -> None:
    found = said(record.format(jane="jane@example.com", own="me@example.com") + "\n")
    assert {address: (one["reason"], one["severity"]) for address, one in found.items()} == {
        "jane@example.com": ("unknown user", "hard")
    }


def test_a_sentence_goes_on_in_the_next_line() -> None:
    [one] = said(
        "<jane@example.com>: host mx said: 550 5.0.0 The user\n    that you wrote to\n    is unknown\n"
    ).values()
    assert (one["reason"], one["severity"]) == ("unknown user", "hard")


@pytest.mark.parametrize(
    "words",
    [
        "your IP is unknown to us",
        "Your mail server does not exist in our tables",
        "your host name does not exist in DNS",
        "recipient lookup failed (LDAP down)",
        "user unknown: directory lookup timed out",
        "recipient verification in progress",
        "The user's mailbox is temporarily unknown",
        "user currently not found, try again in a few minutes",
        "Message refused by recipient's administrator",
        "Mail to this user was rejected by the list owner",
        "Recipient address rejected: access denied for your country",
        "message-id does not exist",
        "Subject line missing, recipient unknown",
        "Recipient unknown to greylisting, come back later",
        "recipient requires TLS, which does not exist on your side",
        "ссылка в письме запрещена",
    ],
)
def test_what_is_unknown_or_absent_beside_a_recipient_makes_nobody_hard(words: str) -> None:
    for said_so, status in ((f"550 5.1.1 {words}", "5.1.1"), (f"550 {words}", None)):
        assert not is_hard(reason_of(said_so, status), status, said_so)


@pytest.mark.parametrize(
    "words",
    [
        "The email account that you tried to reach does not exist. Please try again with another address",
        "user unknown; do not try again later",
        "unknown user, see our web server for help",
        "Recipient not found by SMTP address lookup",
        "Recipient address rejected: User unknown in virtual mailbox table; from=<a@example.com> proto=ESMTP helo=<b>",
    ],
)
def test_words_like_these_leave_an_unknown_user_hard(words: str) -> None:
    said_so = f"550 5.1.1 {words}"
    assert is_hard(reason_of(said_so, "5.1.1"), "5.1.1", said_so)

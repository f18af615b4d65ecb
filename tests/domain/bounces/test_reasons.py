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

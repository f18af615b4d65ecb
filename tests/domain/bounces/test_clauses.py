"""Sentences with several addresses: a failure is said of those in its own clause, and of nobody else."""

from __future__ import annotations

import pytest

from domain.bounces import polarity
from domain.bounces.clauses import Judge, Piece, clauses_of, rows_in
from domain.bounces.notices import MOST_ADDRESSES
from domain.bounces.polarity import judged
from tests.domain.bounces.test_bounces import said

JANE, BOB = "jane@example.com", "bob@example.net"


@pytest.mark.requirement("R40")
@pytest.mark.parametrize(
    "text",
    [
        "{jane} ya no existe, utilice {bob}",
        "{jane} 不存在，请改用 {bob}",
        "{jane} non esiste più, usare {bob}",
        "Adres {jane} już nie istnieje, proszę użyć {bob}",
        "Het adres {jane} bestaat niet meer, gebruik {bob}",
        "Adressen {jane} finns inte längre, använd {bob}",
        "L'adresse {jane} n'existe plus, merci d'écrire à {bob}",
        "La dirección {jane} no existe, escriba a {bob}",
        "Адрес {jane} не существует, новый адрес {bob}",
        "{jane} は存在しません、新しいアドレスは {bob} です",
        "Your message to {jane} has been rejected, no such user, questions to {bob}",
        "L'indirizzo {jane} non esiste più, scriva a {bob}",
        "O endereço {jane} não existe, escreva para {bob}",
        "{jane} existiert nicht mehr, bitte an {bob} wenden",
        "Adres {jane} nie istnieje, nowy adres to {bob}",
        "550 5.1.1 unknown user; from=<{bob}> to=<{jane}> proto=ESMTP",
        "to=<{jane}>, from=<{bob}>, stat=User unknown",
        "{bob} => {jane}: user unknown",
        "{bob} -> {jane}: 550 5.1.1 user unknown",
        "user unknown: from {bob} to {jane}",
        "user unknown: {bob} to {jane}",
        "{jane} does not exist, the rest of your recipients ({bob}) are not concerned.",
        "User unknown: {jane}. Not affected: {bob}.",
        "RCPT TO:<{bob}> 250 2.1.5 ok RCPT TO:<{jane}> 550 5.1.1 user unknown",
        "{bob} was reached via the backup after the first server refused; {jane}: no such user",
        "Utente {jane} sconosciuto, per {bob} tutto bene",
        "{jane} does not exist (reported by {bob})",
        "{bob} wrote to {jane}, who does not exist",
        "The mail for {jane} failed: user unknown; ask {bob}, who knows the people there",
    ],
)
def test_a_failure_is_of_its_own_clause_and_hardness_too(text: str) -> None:
    found = said(text.format(jane=JANE, bob=BOB) + "\n")
    assert {address: one["severity"] for address, one in found.items()} == {JANE: "hard"}


@pytest.mark.parametrize(
    "text",
    [
        "We tried {jane} and {bob}; only the latter took it, the former refused it.",
        "The mail to {jane} was written by {bob}, and something failed that nobody has told us.",
    ],
)
def test_nobody_is_hard_where_it_is_not_said_which_of_two_failed(text: str) -> None:
    assert "hard" not in {one["severity"] for one in said(text.format(jane=JANE, bob=BOB) + "\n").values()}


@pytest.mark.parametrize(
    "text",
    [
        "a1@example.com, a2@example.com and a3@example.com do not exist.",
        "The users a1@example.com, a2@example.com, and a3@example.com are unknown here.",
        "We could not deliver to <a1@example.com>, <a2@example.com> or <a3@example.com>: user unknown",
        "Die Adressen a1@example.com, a2@example.com und a3@example.com existieren nicht.",
        "Las direcciones a1@example.com, a2@example.com y a3@example.com no existen, escriba a bob@example.net.",
        "User unknown: a1@example.com, a2@example.com, a3@example.com",
    ],
)
def test_what_is_said_of_addresses_in_a_row_is_said_of_each(text: str) -> None:
    assert sorted(said(f"{text}\n")) == ["a1@example.com", "a2@example.com", "a3@example.com"]


def test_a_comma_between_two_clauses_makes_no_row() -> None:
    two = "when we delivered it to bob@example.net, jane@example.com refused it"
    assert len(rows_in(two, judged)) == 2
    assert [clause.text for clause in clauses_of(two, judged)] == [two[: two.index(",")], two[two.index(",") :]]
    assert len(rows_in("it did not reach a1@example.com, a2@example.com and a3@example.com", judged)) == 1


@pytest.mark.parametrize("unit", ["- a{n}@b.cc - 250 ", "a{n}@b.cc, got it but not, ", "a{n}@b.cc but ", "a@b.cc but "])
def test_a_sentence_is_taken_apart_once_whatever_the_number_of_its_addresses(
    monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    taken: list[str] = []

    def counted(sentence: str, judge: Judge) -> list[Piece]:
        taken.append(sentence)
        return clauses_of(sentence, judge)

    monkeypatch.setattr(polarity, "clauses_of", counted)
    line = "".join(unit.format(n=n) for n in range(40))
    said(f"{line}\n" * 6)
    assert len(taken) == len(set(taken))
    assert sum(map(len, taken)) <= 12 * len(line)  # and not of each of the addresses, which are 240
    assert MOST_ADDRESSES >= 240

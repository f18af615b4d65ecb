"""The words for not, failed, unknown and delivered stand in one table, which refusals and notices both read."""

from __future__ import annotations

import re

import pytest

from domain.bounces.arrival_words import GOT, NOT_BEHIND
from domain.bounces.notice_words import DELIVER, EXIST, FAILED, FAILURE, NOT, fails, lowered
from domain.bounces.outcome_patterns import any_of, in_one_language, languages
from domain.bounces.reasons import reason_of
from domain.failures.classification import diagnose_reply
from domain.failures.failure import Kind
from domain.failures.refusal_words.outcomes import OF_MAIL, SHARED
from domain.failures.vocabulary import rows

CONCEPTS = ("failed", "denied", "unknown", "returned", "deliver", "receive", "exist", "arrived")


def test_a_language_that_is_taught_one_of_these_words_is_taught_all() -> None:
    taught = {language for _, language, *_ in rows(SHARED + OF_MAIL)}
    assert len(taught) > 30
    for concept in CONCEPTS:
        assert languages(concept) == taught, concept
    assert languages("not") | languages("not_behind") == taught


def test_every_word_of_the_table_is_found_in_a_notice() -> None:
    readers = {
        "not": (NOT, NOT_BEHIND),
        "not_behind": (NOT_BEHIND,),
        "failed": (FAILED, NOT_BEHIND),
        "denied": (FAILED, NOT_BEHIND),
        "returned": (FAILED, NOT_BEHIND),
        "unknown": (FAILED, NOT_BEHIND),
        "deliver": (DELIVER,),
        "receive": (DELIVER,),
        "exist": (EXIST,),
        "arrived": (GOT,),
        "undelivered": (FAILURE,),
    }
    for concept, _, words, _ in rows(SHARED + OF_MAIL):
        for word in words:
            if concept in readers:
                said = lowered(f" {word.replace('*', '')}{chr(39) if len(word) == 1 else ''} ")
                assert any(reader.search(said) for reader in readers[concept]), (concept, word)


@pytest.mark.parametrize(
    "said",
    [
        "vår brevbärare kunde inte leverera meddelandet",
        "ihre nachricht konnten wir leider nicht zustellen",
        "a caixa não foi encontrada e não entregamos a mensagem",
        "mesajul nu a fost livrat",
        "писмото не беше доставено",
        "το μήνυμα δεν παραδόθηκε",
        "poruka nije isporučena",
        "zprávu se nepodařilo doručit",
        "bericht geweigerd",
    ],
)
def test_a_sentence_of_any_of_these_languages_says_that_something_failed(said: str) -> None:
    assert fails(said)


@pytest.mark.parametrize(
    "said",
    [
        "550 gebruiker onbekend",
        "550 utilizator necunoscut",
        "550 användaren hittades inte",
        "550 tuntematon vastaanottaja",
    ],
)
def test_what_is_unknown_in_a_notice_is_so_in_its_reason(said: str) -> None:
    assert reason_of(said, "5.0.0") == "unknown user"


@pytest.mark.parametrize(
    "said", ["Gebruiker niet gevonden", "Användaren okänd", "Kullanıcı bulunamadı", "Neznámý uživatel"]
)
def test_what_is_unknown_in_a_notice_is_so_in_a_refused_login(said: str) -> None:
    assert diagnose_reply(said, phase="login", command="PASS").kind is Kind.AUTHENTICATION


def test_a_word_is_found_with_its_accents_and_without_them_and_only_as_a_word_unless_the_table_says_otherwise() -> None:
    not_word, exist = re.compile(any_of("not", wide=False)), re.compile(any_of("exist"))
    assert not_word.search("isso não foi")
    assert not_word.search("isso nao foi")
    assert not_word.search("n'existe")
    assert not not_word.search("nothing notable")
    assert exist.search("inexistente")


def test_words_of_two_languages_make_no_sentence_together() -> None:
    both = re.compile("|".join(in_one_language(("not",), "deliver")))
    assert both.search("wurde nicht zugestellt")
    assert not both.search("niet zugestellt")

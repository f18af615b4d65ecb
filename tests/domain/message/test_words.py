"""The words by which a message is found."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.message.words import LATER, MOST_WORDS, month_of, words, words_of_message, words_sought

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def of_message(text: str = "", *, subject: str = "", at: datetime = NOW) -> list[str]:
    return words_of_message(
        sender=["Anna Lind", "anna@example.org"],
        recipients=["Jane", "jane@example.com"],
        subject=subject,
        names=["offer.pdf"],
        text=text,
        at=at,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Grüße aus Köln", "grusse KOLN"),
        ("Łódź", "łódź"),
        ("café, naïve", "CAFE naive"),
        ("price_list-2026.xlsx", "price 2026"),
        ("ann.lee@example.org", "lee example"),
        ("ﬁnal offer", "final"),
        ("ПРИВЕТ, мир", "привет"),
        ("关于咖啡机报价的询问", "咖啡机"),
        ("会議の資料をお送りします", "資料"),
        ("회의자료를 보냅니다", "자료"),
        ("Ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("don't", "don t"),
    ],
)
def test_what_is_typed_is_found_however_it_is_written(written: str, typed: str) -> None:
    assert set(words_sought(typed)) <= set(words(written))


@pytest.mark.parametrize(("written", "typed"), [("咖啡", "啡咖"), ("pricelist", "price list"), ("art", "car")])
def test_what_is_something_else_is_not_found(written: str, typed: str) -> None:
    assert not set(words_sought(typed)) <= set(words(written))


def test_people_are_found_as_senders_and_as_recipients() -> None:
    found = set(of_message())
    assert set(words_sought("anna@example.org", "f/")) <= found
    assert set(words_sought("jane", "t/")) <= found
    assert not set(words_sought("jane", "f/")) <= found
    assert {"anna", "jane", "offer", "pdf"} <= found


def test_a_text_says_nothing_of_who_wrote_it() -> None:
    assert not set(words_sought("tom", "f/")) & set(of_message("f/tom m/202611", subject="t/tom"))


def test_a_message_has_no_more_than_so_many_words_and_its_subject_s_among_them() -> None:
    found = of_message(" ".join(f"word{number}" for number in range(10 * MOST_WORDS)), subject="the quote")
    assert len(found) == MOST_WORDS
    assert {"quote", "word0"} <= set(found)


def test_mail_to_very_many_people_is_found_by_what_it_says() -> None:
    found = words_of_message(
        sender=["Anna Lind"],
        recipients=[f"Person{number} <mailbox{number}@host{number}.example>" for number in range(10_000)],
        subject="All staff",
        names=["plan.pdf"],
        text="The canteen is closed.",
        at=NOW,
        now=NOW,
    )
    assert len(found) <= MOST_WORDS
    assert {"staff", "f/lind", "t/mailbox0", "plan", "canteen"} <= set(found)


def test_a_word_of_a_thousand_letters_is_found_by_its_beginning() -> None:
    assert max(map(len, words("x" * 1000))) == 40
    assert list(words_sought("x" * 1000)) == list(words("x" * 1000))


def test_a_message_of_the_future_is_of_no_month() -> None:
    assert month_of(datetime(2099, 1, 1, tzinfo=UTC), NOW) == LATER
    assert month_of(NOW, NOW) == "m/202611"
    assert month_of(datetime(1970, 1, 1, tzinfo=UTC), NOW) == "m/197001"


@pytest.mark.parametrize("text", ["", "  ", "---", "\x00\x1b[2J", "\ud800"])
def test_what_has_no_letters_has_no_words(text: str) -> None:
    assert [word for word in words_sought(text) if not word.isalnum()] == []

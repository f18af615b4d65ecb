"""Notices in words alone: whom they say not to have reached, and nobody besides."""

from __future__ import annotations

import pytest

from domain.bounces import notices as reader
from domain.bounces.notices import named_in
from domain.message.index import index
from tests.domain.bounces.test_bounces import DAEMON, message, named, said
from tests.support.endurance import sized
from tests.support.notices import MENDED, Notice, Part, by_people, from_any_sender, notices

BELOW = [one for part in MENDED for one in notices(part)]
FROM_ANY = [one for part in MENDED for one in from_any_sender(part)]
OF_PEOPLE = [mail for part in (*MENDED, "heldout") for mail in by_people(part)]
EVERY = sized(1, 4)
JANE = "Your message could not be delivered to jane@example.com (mailbox unknown)"

POSTMASTER = ("From: postmaster@mx.example.net", "To: me@example.com", "Subject: Mail Not Delivered")


def differing(given: list[Notice]) -> dict[str, set[str]]:
    """Those that do not name just whom they should, with whom they name."""
    found = {}
    for one in given:
        bounce = index(one.raw).traits.get("bounce", {})
        addresses = {address for recipient in bounce.get("recipients", ()) for address in recipient["addresses"]}
        if addresses != one.recipients:
            found[f"{one.notice}, {one.name}"] = addresses
    return found


# --- with a text below


@pytest.mark.requirement("R40")
@pytest.mark.parametrize(("turn", "below"), list(enumerate(dict.fromkeys(one.name for one in BELOW))))
def test_a_notice_names_the_same_people_whatever_stands_below_it(turn: int, below: str) -> None:
    """Each notice with some of what may stand below it; in endurance runs with all of it."""
    above = [one for one in BELOW if one.name == below]
    assert differing(above[turn % EVERY :: EVERY]) == {}


@pytest.mark.parametrize("part", ["heldout"])
def test_of_notices_that_the_rules_were_not_written_for_no_stranger_is_named_and_most_recipients_are(
    part: Part,
) -> None:
    given = list(notices(part))
    wrong = differing(given)
    assert not [name for name, addresses in wrong.items() if addresses - {"jane@example.com", "joe@example.com"}]
    assert len(wrong) < len(given) / 3


@pytest.mark.parametrize(
    "below",
    [
        "-----\nBest regards\nanna@example.net",
        "> To:\n> list@example.org",
        "Original text:\nlist@example.org",
        "Returned message:\nlist@example.org",
        "Your message said:\nanna@example.net",
        "[Original message begins]\nlist@example.org",
        "_____\nlist mailing list\nlist@example.org",
        "--\nanna@example.org",
        "Example Hosting\ninfo@hosting.example",
        "原始邮件：\n收件人:\n list@example.org",
        "Texto original:\n\nlista@example.org",
    ],
)
@pytest.mark.parametrize(
    "notice", [JANE, "Ihre Nachricht an jane@example.com konnte nicht zugestellt werden (Postfach unbekannt)."]
)
@pytest.mark.parametrize("blank", ["\n", "\n\n", "\n\n\n"])
def test_nobody_below_the_sentence_that_names_the_recipient_is_named(notice: str, below: str, blank: str) -> None:
    assert said(f"{notice}{blank}{below}\n").keys() == {"jane@example.com"}


def test_nobody_is_named_where_a_notice_names_nobody() -> None:
    for below in (
        "Example Hosting\ninfo@hosting.example",
        "Original text:\n\nlist@example.org",
        "--\nanna@example.org",
    ):
        assert said(f"Your message could not be delivered.\n\n{below}\n") == {}


def test_where_the_first_address_is_not_understood_those_below_are_not_taken_for_it() -> None:
    notice = "Qwrtz jane@example.com plmkn vbgfd.\n\n{}\n"
    for below in (
        "-----\nMy mail to bob@example.net failed.",
        "Xyz:\n\nbob@example.net\nis unknown to me",
        "> bob@example.net",
    ):
        assert said(notice.format(below)) == {}


@pytest.mark.requirement("R40")
def test_a_notice_in_html_names_whom_it_shows() -> None:
    assert differing(list(notices("html"))) == {}


def test_of_html_that_the_rules_were_not_written_for_no_stranger_is_named_and_most_recipients_are() -> None:
    given = list(notices("html_heldout"))
    wrong = differing(given)
    assert not [name for name, addresses in wrong.items() if addresses - {"jane@example.com", "joe@example.com"}]
    assert len(wrong) < len(given) / 4


def test_html_beside_a_plain_part_without_an_address_is_read_alike() -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nAddress not found.\n--b\nContent-Type: text/html\n\n<p>Your message wasn't "
        "delivered to <b>jane@example.com</b> because the address couldn't be found.</p>\n--b--\n"
    )
    found = said(body, *DAEMON, "Content-Type: multipart/alternative; boundary=b")
    assert found["jane@example.com"]["severity"] == "hard"
    assert found.keys() == {"jane@example.com"}


@pytest.mark.requirement("R40")
def test_nobody_is_named_of_whom_a_notice_says_that_they_got_the_mail_or_sent_it() -> None:
    assert differing(list(notices("partial"))) == {}


def test_of_partial_deliveries_that_the_rules_were_not_written_for_nobody_who_got_the_mail_is_named() -> None:
    given = list(notices("partial_heldout"))
    wrong = differing(given)
    assert not [name for name, addresses in wrong.items() if addresses - {"jane@example.com", "joe@example.com"}]
    assert len(wrong) < len(given) / 4


# --- lists


@pytest.mark.parametrize(
    "body",
    [
        "I wasn't able to deliver to the following addresses.\n\n<a@example.org>:\nno box\n\n<b@example.org>:\nno box\n",
        "The following address(es) failed:\n\n  a@example.org\n    unknown user\n  b@example.org\n    unknown user\n",
        "--- These addresses had fatal errors ---\n<a@example.org>\n<b@example.org>\n\n--- Transcript ---\n550 no\n",
        "Delivery has failed to these recipients:\n\nAnn (a@example.org)\nIt couldn't be found.\n\nBob (b@example.org)\n",
        "Could not be delivered:\n\n1. a@example.org\n2. b@example.org\n\nReason: unknown\n\nHosting\ninfo@hosting.example\n",
        "Recipient: a@example.org\nReason: unknown user\n\nRecipient: b@example.org\nReason: unknown user\n",
        "Delivery to a@example.org failed: unknown\n\nDelivery to b@example.org failed: unknown\n\nc@example.org failed.\n",
        "Your mail did not reach a@example.org, b@example.org. Ask help@example.net.\n",
        "Addresses that failed\n---------------------\na@example.org\nb@example.org\n\n---------------------\nc@example.org\n",
    ],
)
def test_all_of_a_list_are_named(body: str) -> None:
    assert said(body).keys() == {"a@example.org", "b@example.org"}


def test_one_recipient_does_not_get_the_reason_of_another() -> None:
    found = said(
        "Could not be delivered:\n\n  a@example.org\n    mailbox full\n\n  b@example.org\n    550 no such user\n"
    )
    assert {address: one["reason"] for address, one in found.items()} == {
        "a@example.org": "mailbox full",
        "b@example.org": "unknown user",
    }
    [first, second] = named_in("Not delivered:\n\n<a@example.org>: mailbox full\n\n<b@example.org>: sorry\n", ())
    assert "full" in first.said
    assert "full" not in second.said + second.around


# --- header that says little


@pytest.mark.parametrize("sender", dict.fromkeys(one.name for one in FROM_ANY))
def test_a_notice_of_the_postmasters_is_a_bounce_without_any_other_sign(sender: str) -> None:
    assert differing([one for one in FROM_ANY if one.name == sender]) == {}


@pytest.mark.parametrize(
    "sentence",
    [
        "Your message was not delivered to jane@example.com.",
        "Your message was not delivered to <jane@example.com>.",
        "Your message to jane@example.com was not delivered.",
        "jane@example.com did not get your message.",
        "Ваше письмо для jane@example.com не доставлено.",
        "Не доставлено Ваше письмо для jane@example.com.",
        "Votre message n'a pas été remis à jane@example.com.",
        "Su mensaje no se entregó a jane@example.com.",
        "La sua mail a jane@example.com non è stata consegnata.",
        "您的邮件未能送达 jane@example.com。",
    ],
)
def test_the_recipient_may_stand_before_and_after_the_verb(sentence: str) -> None:
    charset = ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    assert named(message(*POSTMASTER, *charset, body=f"{sentence}\n")).keys() == {"jane@example.com"}


@pytest.mark.parametrize(("name", "raw"), OF_PEOPLE, ids=[name for name, _ in OF_PEOPLE])
def test_what_a_person_writes_of_a_failure_is_that_persons(name: str, raw: bytes) -> None:
    assert index(raw).kind == "personal"


# --- bounds


@pytest.mark.parametrize(
    "piece",
    [
        "Recipient: a%d@example.org\n",
        "could not be delivered to a%d@example.org, ",
        "to\n<a%d@example.org>\n",
        "a%d@example.org\nis unknown\n",
        "not a word of a%d@example.org ",
        "Recipients:\n\na%d@example.org\n",
        "zustell a b c d ",
        "e-mail ",
        "é",
        "İ",
    ],
)
def test_a_megabyte_of_recipients_is_read_in_bounded_time(piece: str) -> None:
    body = "".join(piece.replace("%d", str(n)) for n in range(1_000_000 // len(piece)))
    for lines in (DAEMON, POSTMASTER):
        traits = message(*lines, body=body.encode()).traits
        assert len(traits.get("bounce", {}).get("recipients", ())) <= 100


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Delivery failed", "We could not deliver your order to bob@example.net because the address does not exist."),
        ("Delivery failed", "Dear customer,\nyour parcel for bob@example.net could not be delivered: unknown address."),
        ("Zustellung fehlgeschlagen", "Ihre Bestellung für bob@example.net konnte nicht zugestellt werden."),
        ("Entrega fallida", "No hemos podido entregar su pedido a bob@example.net: la dirección no existe."),
    ],
)
def test_a_shop_whose_mails_have_no_return_path_names_no_customer(subject: str, text: str) -> None:
    lines = ("From: Shop <noreply@shop.example.org>", "To: me@example.com", f"Subject: {subject}", "Return-Path: <>")
    shop = "\n".join((*lines, "Content-Type: text/plain; charset=utf-8", "", text, ""))
    assert index(shop.encode()).kind != "bounce"


@pytest.mark.parametrize("line", ["- a{n} - b{n} - 250 -", "this was {n} not:", "message {n} no"])
def test_a_notice_of_nothing_but_titles_is_asked_about_so_many_of_them(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def none_of(text: str, **_: bool) -> None:
        asked.append(text)

    monkeypatch.setattr(reader, "judged", none_of)
    monkeypatch.setattr(reader, "fails", none_of)
    reader.named_in("\n".join(line.format(n=n) for n in range(1400)), frozenset())
    assert len(asked) <= reader.MOST_TITLES + reader.MOST_PROSE

"""Reports, pages, reasons and subjects that another wrote: what the rules make of wordings that are not the project's."""

from __future__ import annotations

import pytest

from domain.bounces.reasons import STATUS, is_hard, reason_of
from domain.message.index import index
from tests.domain.bounces.test_partial_deliveries import failed
from tests.support.partial_deliveries import deliveries
from tests.support.written_by_another import pages, reasons, subjects

MOST_MISSED = 0.05  # of them all; nobody is named who got the mail


@pytest.mark.requirement("R40")
def test_nobody_who_got_the_mail_is_named_and_hardly_anybody_is_missed() -> None:
    given = list(deliveries("another"))
    found = {one.text: failed(one.raw) for one in given}
    assert [one.text for one in given if found[one.text] - one.failed] == []
    missed = [one.text for one in given if one.failed - found[one.text]]
    assert len(missed) < MOST_MISSED * len(given)


@pytest.mark.requirement("R40")
def test_a_page_names_whom_it_did_not_reach_and_nobody_that_it_hides() -> None:
    assert {one.name: failed(one.raw) for one in pages()} == {one.name: one.failed for one in pages()}


def test_a_reason_that_is_not_about_the_address_is_not_hard_and_one_that_is_mostly_is() -> None:
    def hard(said: str) -> bool:
        code = STATUS.search(said)
        status = code[0] if code else None
        return is_hard(reason_of(said, status), status, said)

    given = list(reasons())
    assert [one.said for one in given if hard(one.said) and not one.hard] == []
    bad = [one.said for one in given if one.hard]
    assert len([said for said in bad if not hard(said)]) < MOST_MISSED * len(bad)


def test_an_automatic_answer_is_known_by_its_subject_and_no_person_is_taken_for_one() -> None:
    given = list(subjects())
    wrong = [
        (subject, automatic)
        for subject, automatic in given
        if index(f"From: anna@example.org\r\nSubject: {subject}\r\n\r\n".encode()).automatic is not automatic
    ]
    assert [subject for subject, automatic in wrong if not automatic] == []
    assert len(wrong) <= MOST_MISSED * len(given)

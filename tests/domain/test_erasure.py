"""How an erasure's events name the person, and what its answer says."""

from __future__ import annotations

from uuid import UUID

from domain.erasure import Erased, pseudonym

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_an_event_names_the_person_so_that_only_who_knows_the_address_can_tell() -> None:
    named = pseudonym(ONE, "anna@example.org")
    assert named == pseudonym(ONE, "anna@example.org")
    assert named != pseudonym(OTHER, "anna@example.org")
    assert named != pseudonym(ONE, "bo@example.org")
    assert "anna" not in named


def test_a_count_says_that_nothing_was_done_and_records_that_are_left_are_named() -> None:
    counted = Erased(erasure=ONE, dry_run=True, accounts=2, removed=3, bytes=4096, kept=1, records=1)
    assert counted.summary == (
        "3 messages (4,096 bytes) would be removed and 1 others would be kept without the person, in 2 accounts. "
        "1 records of CRMs have the address: erase them there."
    )
    assert "were removed" in counted.model_copy(update={"dry_run": False}).summary

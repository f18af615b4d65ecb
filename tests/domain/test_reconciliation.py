"""What a reconciliation's findings mean: which are ordinary, which are faults, and how it is said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from domain.reconciliation import (
    BlobsPart,
    Difference,
    Differences,
    LogPart,
    Mended,
    Ordinary,
    Report,
    ServerPart,
    compare_lists,
    judged,
    shown,
)
from domain.retrieval.plan import Entry, Identity, LedgerState, Listed


def mail(number: int) -> Listed:
    return Listed(number=number, uidl=f"u{number}", occurrence=0, size=100)


def known(state: LedgerState, *numbers: int) -> dict[Identity, Entry]:
    return {(f"u{number}", 0): Entry(state=state, size=100) for number in numbers}


def report(**fields: Any) -> Report:
    whole: dict[str, Any] = {
        "address": "jane@example.com",
        "at": datetime(2026, 11, 23, 12, tzinfo=UTC),
        "state": "active",
        "epoch": 1,
        "server": ServerPart(compared=True, on_server=3, bytes=300),
        "ledger": {"stored": 3, "skipped": 0, "quarantined": 0, "deleted": 0},
        "messages": 3,
        "bytes": 300,
        "blobs": BlobsPart(checked=3, bytes=300),
        "log": LogPart(versions=2, told=3),
        "ordinary": Ordinary(),
    }
    return judged(Report(**{**whole, **fields}))


def test_mail_behind_all_that_is_known_came_since_and_waits() -> None:
    lists = compare_lists([mail(1), mail(2), mail(3)], known("stored", 1), caught_up=True)
    assert (lists.waiting, lists.overlooked, lists.stored) == (2, [], 1)


def test_mail_before_what_is_known_was_overlooked_if_the_last_look_left_nothing() -> None:
    listed = [mail(1), mail(2), mail(3)]
    assert compare_lists(listed, known("stored", 1, 3), caught_up=True).overlooked == [mail(2)]
    assert compare_lists(listed, known("stored", 1, 3), caught_up=False).waiting == 1


def test_what_is_deleted_and_listed_is_told_apart_from_what_is_stored_skipped_or_in_quarantine() -> None:
    ledger = known("deleted", 1) | known("stored", 2) | known("skipped", 3) | known("quarantined", 4)
    lists = compare_lists([mail(number) for number in range(1, 5)], ledger, caught_up=True)
    assert (lists.deleted, lists.stored, lists.waiting, lists.overlooked) == ([mail(1)], 1, 0, [])
    assert (lists.on_server, lists.bytes) == (4, 400)


def test_an_empty_mailbox_has_no_difference() -> None:
    lists = compare_lists([], {}, caught_up=True)
    assert (lists.on_server, lists.waiting, lists.overlooked) == (0, 0, [])


def test_no_more_than_a_hundred_are_shown_and_all_are_counted() -> None:
    found = shown(mail(number) for number in range(1000))
    assert (found.count, len(found.first)) == (1000, 100)


def test_without_a_fault_it_is_complete_and_says_what_is_ordinary() -> None:
    said = report(ordinary=Ordinary(waiting=1, quarantined=2, skipped=0, no_longer_listed=1000))
    assert said.complete
    assert said.summary == (
        "jane@example.com is complete. 3 messages of 300 bytes are stored, 3 were read and hashed. The server lists 3. "
        "As it should be: 1 waits on the server for the next session; 2 are in quarantine; "
        "1,000 are stored and no longer on the server."
    )


def test_one_message_is_told_in_the_singular_and_skipped_says_by_what() -> None:
    said = report(messages=1, bytes=262, blobs=BlobsPart(checked=1, bytes=262), ordinary=Ordinary(skipped=1))
    assert "1 message of 262 bytes is stored, 1 was read and hashed." in said.summary
    assert "1 is skipped, by the settings or by skip_message, or deleted here." in said.summary


def test_every_kind_of_difference_makes_it_incomplete_and_is_said() -> None:
    for kind in Differences.model_fields:
        said = report(differences=Differences(**{kind: Difference(count=2)}))
        assert not said.complete
        assert "is not complete: 2 " in said.summary
        assert ("true" in said.summary) == (kind not in ("deleted_but_listed", "untold"))


def test_a_broken_log_makes_it_incomplete() -> None:
    said = report(log=LogPart(broken={"version": 7, "problem": "this entry was changed"}))
    assert not said.complete
    assert "the log is broken at version 7: this entry was changed" in said.summary


def test_without_its_server_nothing_is_claimed_and_the_summary_begins_with_that() -> None:
    alone = ServerPart(compared=False, reason="the account is disabled")
    for state in ("disabled", "closed", "active", "suspended"):
        said = report(server=alone, state=state)
        assert said.complete is None
        assert said.summary.startswith(
            "jane@example.com was not compared with its server: the account is disabled. "
            "jane@example.com is not proven complete; what is stored here is whole."
        )


def test_a_fault_is_one_whether_the_server_was_compared_or_not() -> None:
    damaged = Differences(damaged=Difference(count=1))
    said = report(server=ServerPart(compared=False, reason="the account is closed"), differences=damaged)
    assert said.complete is False
    assert said.summary.startswith("jane@example.com was not compared with its server: the account is closed. ")


def test_what_waits_for_an_account_that_nobody_retrieves_from_makes_it_incomplete() -> None:
    assert report(ordinary=Ordinary(waiting=5)).complete is True
    said = report(ordinary=Ordinary(waiting=5), state="disabled")
    assert said.complete is False
    assert (
        "is not complete: 5 wait on the server for the next session, and a disabled account has none." in said.summary
    )


def test_what_a_later_session_can_still_bring_does_not_count_as_not_repairable() -> None:
    differences = Differences(unknown_on_server=Difference(count=5), damaged=Difference(count=2))
    said = report(differences=differences, repair=Mended(released=1) + Mended(released=2, relinked=1))
    assert said.repair == Mended(released=3, relinked=1, not_repairable=2)
    assert "What was overlooked comes with a later session" in said.summary

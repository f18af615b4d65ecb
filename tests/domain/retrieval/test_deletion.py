"""What a policy lets be deleted from the server, what has to be said before it does, and until when it can be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.account.commands import ChangeSettings, Connected
from domain.account.lifecycle import Account, new_account
from domain.account.status import warnings
from domain.mailbox.settings import Retrieval
from domain.retrieval.deletion import GRACE_MINUTES, deletes_sooner, held_back, unconfirmed
from domain.retrieval.reports import LoginReport
from tests.support.accounts import NOON, after, login_worked, settings, worked

LEAVE, DELETE = Retrieval(), Retrieval(after_store="delete")


def days(number: int) -> Retrieval:
    return Retrieval(after_store="delete_after_days", delete_after_days=number)


def changed(account: Account, **retrieval: Any) -> Account:
    command = ChangeSettings(settings={"retrieval": retrieval})
    return after(account, login_worked(account, command))


@pytest.mark.requirement("R62")
@pytest.mark.parametrize(
    ("before", "to"),
    [(LEAVE, DELETE), (LEAVE, days(30)), (days(30), DELETE), (days(30), days(7))],
)
def test_a_policy_that_deletes_or_deletes_earlier_deletes_sooner_and_none_that_leaves_more(
    before: Retrieval, to: Retrieval
) -> None:
    assert deletes_sooner(before, to)
    assert not deletes_sooner(to, before)
    assert not deletes_sooner(before, before)


@pytest.mark.parametrize(("found", "confirmed"), [(34, None), (34, 33), (34, 0), (0, 34), (1, None)])
def test_a_change_that_does_not_say_how_many_it_has_deleted_is_refused_with_the_number(
    found: int, confirmed: int | None
) -> None:
    refused = unconfirmed(found, confirmed)
    assert refused is not None
    assert (refused.refusal.code, refused.refusal.field) == ("confirm_deletes", "confirm_deletes")
    assert (f"confirm_deletes: {found}" in refused.message) == (found > 0)
    assert confirmed is None or f"says {confirmed}" in refused.message


@pytest.mark.parametrize(("found", "confirmed"), [(34, 34), (0, None), (0, 0)])
def test_a_change_that_says_how_many_or_has_none_deleted_is_not(found: int, confirmed: int | None) -> None:
    assert unconfirmed(found, confirmed) is None


@pytest.mark.requirement("R62")
def test_a_change_that_deletes_sooner_can_be_taken_back_for_five_minutes() -> None:
    account = changed(after(new_account(settings(), NOON)), after_store="delete")
    assert account.deletes_from == NOON + timedelta(minutes=GRACE_MINUTES)
    policy = account.settings.retrieval
    assert held_back(policy, account.deletes_from, NOON + timedelta(minutes=4, seconds=59)).after_store == "leave"
    assert held_back(policy, account.deletes_from, NOON + timedelta(minutes=5)) == policy
    (said,) = [one.text for one in warnings(account) if one.code == "deletes_on_server"]
    assert "Nothing is deleted before 2026-11-23 12:05:00 UTC" in said
    assert changed(account, after_store="leave").deletes_from is None


def test_a_change_of_anything_else_begins_no_five_minutes_and_ends_none() -> None:
    deleting = after(new_account(settings(retrieval={"after_store": "delete"}), NOON))
    assert changed(deleting, after_store="delete_after_days", delete_after_days=9).deletes_from is None
    waiting = changed(after(new_account(settings(), NOON)), after_store="delete_after_days", delete_after_days=3)
    assert changed(waiting, after_store="delete_after_days", delete_after_days=9).deletes_from == waiting.deletes_from


def test_what_was_waited_for_is_said_no_more_once_a_session_came_after_it() -> None:
    connected = after(new_account(settings(), NOON), Connected(login=LoginReport(at=NOON)))
    account = changed(connected, after_store="delete")

    def said(minutes: int) -> bool:
        seen = after(account, worked(of=account), now=NOON + timedelta(minutes=minutes))
        return any("Nothing is deleted before" in one.text for one in warnings(seen))

    assert said(1)
    assert not said(5)

"""The words of warnings: what people read, and remedies that are commands as they can be pasted."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from domain.account.commands import ChangeSettings
from domain.account.events import WarningCleared, WarningRaised
from domain.account.lifecycle import Account, decide, evolve
from domain.account.notices import notice
from domain.account.status import details, status, warnings
from domain.account.warnings import NOTICED, caution, cautions
from domain.mailbox.providers import PROFILES
from domain.mailbox.settings import Provider, changed
from domain.retrieval.observations import Observation
from tests.support.accounts import LATER, NOON, active, after, obeyed, settings, worked

SATURATED = Observation(code="queue_saturated", facts={"counted": 60, "listed": 60, "stored": 60})
OTHERS = Observation(code="other_pop_client", facts={"since": "2026-11-20T08:00:00+00:00"})
GAP = Observation(code="recent_gap", facts={"from": "2026-09-01T08:00:00+00:00", "to": "2026-11-20T08:00:00+00:00"})
MARKS_READ = Observation(code="exchange_marks_read")
LIMIT = Observation(code="daily_limit", facts={"until": "2026-11-24T08:30:00+00:00"})


def said(account: Account, code: str) -> Any:
    (found,) = [one for one in warnings(account) if one.code == code]
    return found


def codes(account: Account) -> list[str]:
    return [one.code for one in warnings(account)]


def observing(*observed: Observation, **fields: Any) -> Account:
    account = active(crm=["builtin"], **fields)
    return after(account, worked(observed=observed))


def pasted(remedy: str) -> tuple[str, Any]:
    """A remedy as an operator types it: the command's name, and its input."""
    name, _, given = remedy.partition(" ")
    return name, json.loads(given)


# Profiles


@pytest.mark.requirement("R51")
@pytest.mark.parametrize("provider", get_args(Provider))
def test_every_provider_has_a_checklist_that_the_status_shows(provider: Provider) -> None:
    assert status(active(provider=provider)).checklist == list(PROFILES[provider].checklist) != []


@pytest.mark.requirement("R51")
def test_configuring_an_account_as_googles_answers_with_googles_checklist() -> None:
    account = obeyed(active(), ChangeSettings(settings={"provider": "google"}))
    assert any("enable POP" in item for item in status(account).checklist)


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("pop.gmail.com", "google"),
        ("outlook.office365.com", "microsoft"),
        ("pop.mail.yahoo.com", "yahoo"),
        ("pop.aol.com", "yahoo"),
        ("poppro.zoho.eu", "zoho"),
        ("pop.example.com", "generic"),
    ],
)
def test_a_provider_is_found_from_the_host_and_a_named_one_goes_before_it(host: str, provider: Provider) -> None:
    assert status(active(incoming={"host": host})).checklist == list(PROFILES[provider].checklist)
    named = active(incoming={"host": host}, provider="exchange")
    assert status(named).checklist == list(PROFILES["exchange"].checklist)


@pytest.mark.requirement("R44")
@pytest.mark.requirement("R45")
@pytest.mark.parametrize("provider", ["exchange", "microsoft"])
def test_exchange_marks_mail_as_read_and_both_ways_around_that_are_named(provider: str) -> None:
    warning = said(active(provider=provider), "exchange_marks_read")
    assert "mark mail as read" in warning.text
    assert ["correction" in warning.remedies[0], "by hand" in warning.remedies[1]] == [True, True]


# Deleting


@pytest.mark.requirement("R63")
def test_deleting_at_google_is_said_to_clear_the_queue_only() -> None:
    account = obeyed(active(provider="google"), ChangeSettings(settings={"retrieval": {"after_store": "delete"}}))
    text = said(account, "deletes_on_server").text
    assert "from the queue only" in text
    assert "When messages are accessed with POP" in text


@pytest.mark.requirement("R63")
@pytest.mark.parametrize("provider", ["generic", "yahoo", "zoho", "exchange", "microsoft"])
def test_deleting_elsewhere_is_said_to_delete(provider: str) -> None:
    text = said(active(provider=provider, retrieval={"after_store": "delete"}), "deletes_on_server").text
    assert text.startswith("Mail is deleted from the server once it is stored here")


def test_deleting_after_days_says_how_many_and_the_way_back_is_a_command() -> None:
    policy = {"after_store": "delete_after_days", "delete_after_days": 14}
    warning = said(active(retrieval=policy), "deletes_on_server")
    assert "14 days after" in warning.text
    name, given = pasted(warning.remedies[0])
    assert name == "change_settings"
    assert changed(settings(retrieval=policy), given["settings"]).retrieval.after_store == "leave"


def test_leaving_mail_on_the_server_needs_no_warning() -> None:
    assert codes(observing()) == []


# What sessions observe


@pytest.mark.requirement("R57")
def test_a_full_queue_has_two_remedies_that_are_one_command_each() -> None:
    warning = said(observing(SATURATED, provider="google"), "queue_saturated")
    assert warning.remedies == [
        'change_settings {"settings": {"retrieval": {"recent_mode": true}}}',
        'change_settings {"settings": {"retrieval": {"after_store": "delete"}}}',
    ]
    after_each = [changed(settings(), pasted(remedy)[1]["settings"]).retrieval for remedy in warning.remedies]
    assert [(one.recent_mode, one.after_store) for one in after_each] == [(True, "leave"), (False, "delete")]
    assert "from the queue only" in warning.text


def test_a_server_that_lists_less_than_it_counts_is_said_to_do_so_and_recent_mode_to_be_googles() -> None:
    short = Observation(code="queue_saturated", facts={"counted": 90, "listed": 60, "stored": 55})
    text = said(observing(short), "queue_saturated").text
    assert "counts 90 messages and lists 60" in text
    assert "5 were never stored" in text
    assert "Recent mode is Google's" in text


@pytest.mark.requirement("R44")
def test_an_exchange_that_shows_itself_is_warned_of_in_the_words_of_its_profile_and_once() -> None:
    found = said(observing(MARKS_READ), "exchange_marks_read")
    assert found == said(active(provider="exchange"), "exchange_marks_read")
    assert codes(observing(MARKS_READ, provider="exchange")) == ["exchange_marks_read"]


@pytest.mark.requirement("R65")
def test_another_client_is_answered_with_recent_mode_where_there_is_one() -> None:
    google = said(observing(OTHERS, provider="google"), "other_pop_client")
    assert pasted(google.remedies[0]) == ("change_settings", {"settings": {"retrieval": {"recent_mode": True}}})
    elsewhere = said(observing(OTHERS), "other_pop_client")
    assert "Since 2026-11-20" in elsewhere.text
    assert [remedy.split(",")[0] for remedy in elsewhere.remedies] == ["Stop the other program"]


@pytest.mark.requirement("R66")
def test_recent_mode_says_that_older_mail_never_comes_and_a_gap_is_named() -> None:
    account = observing(GAP, provider="google", retrieval={"recent_mode": True})
    assert "older mail never comes" in said(account, "recent_mode").text
    assert "between 2026-09-01 and 2026-11-20" in said(account, "recent_gap").text


def test_the_daily_limit_names_its_time_and_asks_for_nothing() -> None:
    warning = said(observing(LIMIT, provider="google"), "daily_limit")
    assert "1,250 MB" in warning.text
    assert "at 2026-11-24 08:30 UTC" in warning.text
    assert warning.remedies == []


@pytest.mark.requirement("R71")
def test_recent_mode_offers_the_filter_that_moves_own_mail_to_sent() -> None:
    account = obeyed(active(provider="google"), ChangeSettings(settings={"retrieval": {"recent_mode": True}}))
    warning = said(account, "own_mail_in_inbox")
    assert warning.remedies == [
        (
            'save_filter {"name": "Sent mail", "match": "all", "conditions": [{"field": "from", "operator": "contains", '
            '"value": "jane@example.com"}], "actions": [{"move": "Sent"}]}'
        )
    ]
    assert "longer addresses" in warning.text
    off = obeyed(account, ChangeSettings(settings={"retrieval": {"recent_mode": False}}))
    assert "own_mail_in_inbox" not in codes(off)


def test_with_aliases_the_filter_takes_mail_from_any_of_the_addresses() -> None:
    account = active(aliases=["j.doe@example.com"], retrieval={"recent_mode": True})
    _, given = pasted(said(account, "own_mail_in_inbox").remedies[0])
    assert given["match"] == "any"
    assert [one["value"] for one in given["conditions"]] == ["jane@example.com", "j.doe@example.com"]


def test_the_filter_has_room_for_as_many_aliases_as_an_account_may_have() -> None:
    aliases = [f"jane{number}@example.com" for number in range(100)]
    _, given = pasted(said(active(aliases=aliases, retrieval={"recent_mode": True}), "own_mail_in_inbox").remedies[0])
    assert [one["value"] for one in given["conditions"]] == ["jane@example.com", *aliases]


@pytest.mark.parametrize(
    ("days", "retrieval", "conflict"),
    [
        (30, {}, True),
        (30, {"after_store": "delete_after_days", "delete_after_days": 31}, True),
        (30, {"after_store": "delete_after_days", "delete_after_days": 30}, False),
        (0, {"after_store": "delete"}, False),
        (0, {"after_store": "delete_after_days", "delete_after_days": 1}, True),
        (0, {"recent_mode": True}, False),
    ],
)
def test_expire_conflicts_with_a_policy_that_leaves_mail_longer(
    days: int, retrieval: dict[str, Any], conflict: bool
) -> None:
    account = observing(Observation(code="expire", facts={"days": days}), retrieval=retrieval)
    assert ("expire_conflict" in codes(account)) is conflict


@pytest.mark.parametrize("days", [0, 30])
def test_the_remedy_of_an_expire_conflict_ends_it(days: int) -> None:
    observed = Observation(code="expire", facts={"days": days})
    (remedy,) = said(observing(observed), "expire_conflict").remedies
    assert caution(changed(settings(), pasted(remedy)[1]["settings"]), observed) is None


def test_google_is_said_to_mean_its_queue() -> None:
    account = observing(Observation(code="expire", facts={"days": 0}), provider="google")
    warning = said(account, "expire_conflict")
    assert "means its POP queue" in warning.text
    assert warning.remedies == []


def test_what_a_later_version_observes_has_no_words_here_and_does_no_harm() -> None:
    account = observing(Observation(code="of_tomorrow", facts={}))
    assert codes(account) == []


# News of them


def test_a_warning_is_raised_once_and_cleared_when_it_is_over() -> None:
    account = active()
    (_, raised) = decide(account, worked(observed=(SATURATED,)), NOON)
    assert raised == WarningRaised(observation=SATURATED, at=NOON)
    account = evolve(account, raised)
    assert [type(event).__name__ for event in decide(account, worked(observed=(SATURATED,)), NOON)] == ["MailRetrieved"]
    assert decide(account, worked(observed=()), NOON)[1:] == [WarningCleared(code="queue_saturated", at=NOON)]


def test_other_facts_under_the_same_code_replace_those_before() -> None:
    later = Observation(code="daily_limit", facts={"until": "2026-11-25T08:30:00+00:00"})
    assert after(observing(LIMIT), worked(observed=(later,))).observed == (later,)


def test_a_session_that_looked_at_nothing_changes_no_warning() -> None:
    assert after(observing(SATURATED), worked(observed=None)).observed == (SATURATED,)


def test_a_session_under_older_settings_changes_no_warning() -> None:
    account = obeyed(active(), ChangeSettings(settings={"retrieval": {"recent_mode": True}}))
    assert after(account, worked(observed=(SATURATED,))).observed == ()


@pytest.mark.parametrize(
    "change", [{"retrieval": {"recent_mode": True}}, {"incoming": {"host": "pop.example.net"}}], ids=["mode", "host"]
)
def test_another_mode_or_server_ends_what_was_observed(change: dict[str, Any]) -> None:
    assert obeyed(observing(SATURATED, OTHERS), ChangeSettings(settings=change)).observed == ()


def test_another_interval_does_not() -> None:
    change = ChangeSettings(settings={"retrieval": {"interval_minutes": 9}})
    assert obeyed(observing(SATURATED), change).observed == (SATURATED,)


@pytest.mark.parametrize("one", [SATURATED, OTHERS, GAP], ids=lambda one: one.code)
def test_people_are_told_of_what_they_must_decide_about(one: Observation) -> None:
    account = observing(one, provider="google")
    told = notice(WarningRaised(observation=one, at=LATER), account)
    assert told is not None
    assert (told.code, told.text.startswith("jane@example.com: ")) == (one.code, True)
    assert "change_settings" in told.remedy
    assert one.code in NOTICED


def test_people_are_not_told_of_what_passes_by_itself() -> None:
    assert notice(WarningRaised(observation=LIMIT, at=LATER), observing(LIMIT, provider="google")) is None
    assert notice(WarningCleared(code="queue_saturated", at=LATER), observing()) is None


def test_the_page_in_the_temporal_ui_shows_the_warnings() -> None:
    assert "its queue does not get shorter" in details(observing(SATURATED, provider="google"), LATER)


def test_the_order_is_that_of_the_provider_the_settings_and_what_was_seen() -> None:
    written = settings(provider="exchange", retrieval={"after_store": "delete"})
    found = [code for code, _, _ in cautions(written, [SATURATED])]
    assert found == ["exchange_marks_read", "deletes_on_server", "queue_saturated"]

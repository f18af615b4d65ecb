"""How a change is laid over settings: what is merged, what follows from it, and what is refused (R21, R64, R67-R69)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.core.refusal import Refused
from domain.mailbox.settings import AccountSettings, changed, login_differs
from tests.domain.mailbox.test_settings import ANYTHING, JSON
from tests.support.accounts import settings


def refused(before: AccountSettings, partial: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        changed(before, partial)
    return caught.value


def test_what_is_not_named_stays() -> None:
    before = settings(aliases=["j@example.com"], crm=["builtin"], retrieval={"interval_minutes": 9, "pace": "steady"})
    after = changed(before, {"retrieval": {"interval_minutes": 10}})
    assert after == settings(
        aliases=["j@example.com"], crm=["builtin"], retrieval={"interval_minutes": 10, "pace": "steady"}
    )


def test_a_change_of_nothing_is_none() -> None:
    assert changed(settings(), {}) == settings()
    assert changed(settings(), {"incoming": {}, "retrieval": {}}) == settings()


def test_a_list_is_replaced_as_a_whole() -> None:
    before = settings(aliases=["a@example.com", "b@example.com"])
    assert changed(before, {"aliases": ["B@example.com"]}).aliases == ["b@example.com"]


def test_null_takes_a_value_back() -> None:
    before = settings(user="jane", incoming={"username": "jane", "port": 1995})
    after = changed(before, {"user": None, "incoming": {"username": None, "port": None}})
    assert (after.user, after.incoming.username, after.incoming.port) == (None, None, 995)


@pytest.mark.parametrize(
    ("partial", "code", "field"),
    [
        ({"kind": "imap"}, "kind_not_supported", "kind"),
        ({"kind": "hosted"}, "kind_not_supported", "kind"),
        ({"colour": "red"}, "unknown_field", "colour"),
        ({"incoming": {"colour": "red"}}, "unknown_field", "incoming.colour"),
        ({"incoming": {"port": 0}}, "invalid_field", "incoming.port"),
        ({"incoming": "pop.example.com"}, "invalid_field", "incoming"),
        ({"incoming": {"secret": "hunter2-hunter2"}}, "secret_not_allowed", "incoming.secret"),
        ({"retrieval": {"interval_minutes": 61}}, "invalid_field", "retrieval.interval_minutes"),
    ],
)
def test_a_change_is_refused_for_what_a_start_is_refused_for(partial: dict[str, Any], code: str, field: str) -> None:
    error = refused(settings(), partial)
    assert (error.refusal.code, error.refusal.field) == (code, field)
    assert error.message.startswith("change_settings: ")
    assert "hunter2" not in error.message


def test_an_account_keeps_its_address() -> None:
    error = refused(settings(), {"address": "bob@example.com"})
    assert (error.refusal.code, error.refusal.field) == ("address_mismatch", "address")
    assert "start another account" in error.message


def test_the_same_address_written_in_another_way_is_no_change() -> None:
    assert changed(settings(), {"address": "JANE@Example.com"}) == settings()


# The port


@pytest.mark.parametrize(
    ("before", "change", "port"),
    [
        ({}, {"tls": "starttls"}, 110),
        ({}, {"tls": "none"}, 110),
        ({"tls": "starttls"}, {"tls": "implicit"}, 995),
        ({"tls": "starttls"}, {"tls": "none"}, 110),
        ({"port": 1995}, {"tls": "starttls"}, 1995),
        ({}, {"tls": "starttls", "port": 1110}, 1110),
        ({}, {"host": "mail.example.com"}, 995),
        ({"tls": "none", "port": 995}, {"tls": "implicit"}, 995),
    ],
)
def test_a_usual_port_follows_the_tls_mode_and_another_one_stays(
    before: dict[str, Any], change: dict[str, Any], port: int
) -> None:
    assert changed(settings(incoming=before), {"incoming": change}).incoming.port == port


# Recent mode and deleting


@pytest.mark.requirement("R67")
@pytest.mark.parametrize("username", [None, "jane@example.com", "recent:jane@example.com"])
def test_recent_mode_writes_the_user_name_with_its_mark_once_and_without_a_blank(username: str | None) -> None:
    before = settings(incoming={"username": username})
    assert changed(before, {"retrieval": {"recent_mode": True}}).login_name == "recent:jane@example.com"


@pytest.mark.requirement("R69")
def test_turning_recent_mode_on_leaves_mail_on_the_server() -> None:
    before = settings(retrieval={"after_store": "delete"})
    after = changed(before, {"retrieval": {"recent_mode": True}})
    assert (after.retrieval.recent_mode, after.retrieval.after_store) == (True, "leave")


@pytest.mark.parametrize("policy", [{"after_store": "delete"}, {"after_store": "delete_after_days"}])
def test_recent_mode_and_deleting_cannot_both_be_asked_for(policy: dict[str, Any]) -> None:
    both = {"retrieval": {"recent_mode": True, "delete_after_days": 3, **policy}}
    error = refused(settings(), both)
    assert (error.refusal.code, error.refusal.field) == ("recent_mode_conflict", "retrieval.after_store")


def test_deleting_is_refused_while_recent_mode_is_on() -> None:
    before = settings(retrieval={"recent_mode": True})
    error = refused(before, {"retrieval": {"after_store": "delete"}})
    assert error.refusal.code == "recent_mode_conflict"
    assert "turn recent_mode off" in error.message


def test_deleting_and_turning_recent_mode_off_go_together() -> None:
    before = settings(retrieval={"recent_mode": True})
    after = changed(before, {"retrieval": {"recent_mode": False, "after_store": "delete"}})
    assert (after.retrieval.recent_mode, after.retrieval.after_store) == (False, "delete")


@pytest.mark.requirement("R67")
def test_recent_mode_can_be_turned_on_twice_and_off_again() -> None:
    on = changed(settings(), {"retrieval": {"recent_mode": True}})
    assert changed(on, {"retrieval": {"recent_mode": True}}) == on
    assert changed(on, {"retrieval": {"recent_mode": False}}) == settings()


def test_the_days_of_a_deletion_policy_may_come_with_it_or_have_been_there() -> None:
    error = refused(settings(), {"retrieval": {"after_store": "delete_after_days"}})
    assert (error.refusal.code, error.refusal.field) == ("missing_field", "retrieval.delete_after_days")
    before = settings(retrieval={"delete_after_days": 3})
    after = changed(before, {"retrieval": {"after_store": "delete_after_days"}})
    assert after.retrieval.delete_after_days == 3


# Which changes the server must accept


@pytest.mark.parametrize(
    ("partial", "differs"),
    [
        ({"incoming": {"host": "mail.example.com"}}, True),
        ({"incoming": {"port": 1995}}, True),
        ({"incoming": {"tls": "starttls"}}, True),
        ({"incoming": {"username": "jane"}}, True),
        ({"incoming": {"secret": "vault:other"}}, True),
        ({"retrieval": {"recent_mode": True}}, True),
        ({"retrieval": {"after_store": "delete"}}, True),
        ({"incoming": {"host": "POP.example.com"}}, False),
        ({"incoming": {"port": 995}}, False),
        ({"retrieval": {"interval_minutes": 1}}, False),
        ({"retrieval": {"start": "from_now"}}, False),
        ({"crm": ["builtin"]}, False),
        ({"user": "jane"}, False),
    ],
)
def test_a_login_is_needed_for_what_concerns_the_server(partial: dict[str, Any], differs: bool) -> None:
    assert login_differs(settings(), changed(settings(), partial)) is differs


LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "address": st.sampled_from(["jane@example.com", "Jane@EXAMPLE.com", "bob@example.com"]),
        "aliases": st.lists(st.sampled_from(["j@example.com", "JJ@example.com"]), max_size=2),
        "kind": st.sampled_from(["pop", "imap"]),
        "incoming": st.fixed_dictionaries(
            {},
            optional={
                "host": st.sampled_from(["pop.example.com", "MAIL.example.com"]),
                "port": st.sampled_from([None, 0, 110, 995, 1995]),
                "tls": st.sampled_from(["implicit", "starttls", "none"]),
                "username": st.sampled_from([None, "jane", "recent:jane"]),
            },
        ),
        "retrieval": st.fixed_dictionaries(
            {},
            optional={
                "recent_mode": st.booleans(),
                "after_store": st.sampled_from(["leave", "delete", "delete_after_days"]),
                "delete_after_days": st.sampled_from([None, 3]),
                "interval_minutes": st.integers(0, 61),
            },
        ),
    },
)


@given(st.lists(LIKELY | ANYTHING | st.dictionaries(st.sampled_from(["incoming", "retrieval"]), JSON), max_size=5))
def test_whatever_changes_are_sent_each_is_made_or_refused_and_can_be_made_twice(
    partials: list[dict[str, Any]],
) -> None:
    current = settings()
    for partial in partials:
        try:
            after = changed(current, partial)
        except Refused:
            continue
        assert after.address == "jane@example.com"
        assert after.retrieval.after_store == "leave" or not after.retrieval.recent_mode
        assert changed(after, partial) == after
        assert AccountSettings.model_validate_json(after.model_dump_json()) == after
        current = after

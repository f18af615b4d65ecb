"""Settings: what is taken for granted, what is normalised, and what is refused with which code, field and words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.account.commands import ChangeCredential, ChangeSettings, Disable, Enable, PollNow, SetQuota
from domain.core.commands import Command
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.filing.commands import DeleteMessages
from domain.mailbox.settings import AccountSettings, Incoming, Retrieval, normal_account_address
from tests.support.accounts import WRITTEN, settings


def merged(written: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`written` with `changes`, group by group."""
    groups = {
        name: {**written[name], **value}
        for name, value in changes.items()
        if isinstance(value, dict) and isinstance(written.get(name), dict)
    }
    return {**written, **changes, **groups}


def refused(written: Any, model: type[AccountSettings] | type[Command] = AccountSettings) -> Refused:
    with pytest.raises(Refused) as caught:
        parse(model, written, what="MailAccount")
    return caught.value


# What is taken for granted


def test_an_address_a_host_and_a_secret_are_enough() -> None:
    assert json.loads(parse(AccountSettings, WRITTEN, what="MailAccount").model_dump_json()) == {
        "address": "jane@example.com",
        "organisation": "default",
        "user": None,
        "kind": "pop",
        "provider": None,
        "aliases": [],
        "incoming": {
            "host": "pop.example.com",
            "port": 995,
            "tls": "implicit",
            "username": None,
            "secret": "vault:jane",
            "auth": "password",
        },
        "retrieval": {
            "interval_minutes": 5,
            "messages_per_phase": 150,
            "start": "all",
            "order": "oldest_first",
            "pace": "full",
            "after_store": "leave",
            "delete_after_days": None,
            "recent_mode": False,
        },
        "crm": [],
        "authserv_id": None,
    }


def test_without_a_user_the_address_is_the_user_whose_quota_counts() -> None:
    assert settings().owner == "jane@example.com"
    assert settings(user="jane").owner == "jane"


def test_without_a_user_name_the_address_is_the_login_name() -> None:
    assert settings().login_name == "jane@example.com"
    assert settings(incoming={"username": "Jane"}).login_name == "Jane"


@pytest.mark.parametrize(("tls", "port"), [("implicit", 995), ("starttls", 110), ("none", 110)])
def test_the_port_follows_the_tls_mode_unless_it_is_given(tls: str, port: int) -> None:
    assert settings(incoming={"tls": tls}).incoming.port == port
    assert settings(incoming={"tls": tls, "port": None}).incoming.port == port
    assert settings(incoming={"tls": tls, "port": 1995}).incoming.port == 1995


# What is normalised


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("jane@example.com", "jane@example.com"),
        ("Jane.Doe@Example.COM", "jane.doe@example.com"),
        ("jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("JANE@BÜCHER.example", "jane@xn--bcher-kva.example"),
        ("jane@XN--BCHER-KVA.example", "jane@xn--bcher-kva.example"),
        ("jane+pop@example.com", "jane+pop@example.com"),
        ("jane@corp.local", "jane@corp.local"),
        ("jane@mail.test", "jane@mail.test"),
        ("jane@localhost", "jane@localhost"),
    ],
)
def test_addresses_are_in_lower_case_and_their_domains_in_a_labels(written: str, normal: str) -> None:
    made = settings(address=written, aliases=[written])
    assert (made.address, made.aliases) == (normal, [normal])
    assert normal_account_address(normal) == normal


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("POP.Example.com.", "pop.example.com"),
        (" pop.example.com ", "pop.example.com"),
        ("pop.bücher.example", "pop.xn--bcher-kva.example"),
        ("localhost", "localhost"),
        ("mail_server", "mail_server"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
    ],
)
def test_hosts_are_in_lower_case_and_in_a_labels(written: str, normal: str) -> None:
    assert settings(incoming={"host": written}).incoming.host == normal


# What is refused


@pytest.mark.parametrize(
    ("changes", "code", "field", "words"),
    [
        ({"colour": "red"}, "unknown_field", "colour", "remove it"),
        ({"incoming": {"password": "x"}}, "unknown_field", "incoming.password", "remove it"),
        ({"retrieval": {"interval": 5}}, "unknown_field", "retrieval.interval", "spelling"),
        ({"address": "jane"}, "invalid_field", "address", "not an e-mail address"),
        ({"address": "jane@example.com, bob@example.com"}, "invalid_field", "address", "one address"),
        ({"address": "jane@example.com\n"}, "invalid_field", "address", "not an e-mail address"),
        ({"address": 7}, "invalid_field", "address", "string"),
        ({"aliases": ["j@example.com", "x"]}, "invalid_field", "aliases.1", "not an e-mail address"),
        ({"aliases": "j@example.com"}, "invalid_field", "aliases", "array"),
        ({"organisation": "Sales Team"}, "invalid_field", "organisation", "lower-case"),
        ({"organisation": "s" * 64}, "invalid_field", "organisation", "63"),
        ({"user": ""}, "invalid_field", "user", "one line"),
        ({"kind": "exchange"}, "invalid_field", "kind", "'pop'"),
        ({"provider": "gmail"}, "invalid_field", "provider", "'google'"),
        ({"crm": ["../x"]}, "invalid_field", "crm.0", "a name"),
        ({"incoming": {"host": ""}}, "invalid_field", "incoming.host", "pop.example.com"),
        ({"incoming": {"host": "pop.example.com:995"}}, "invalid_field", "incoming.host", "without port"),
        ({"incoming": {"host": "pop://pop.example.com/"}}, "invalid_field", "incoming.host", "host name"),
        ({"incoming": {"host": "pop example.com"}}, "invalid_field", "incoming.host", "host name"),
        ({"incoming": {"host": "-pop.example.com"}}, "invalid_field", "incoming.host", "host name"),
        ({"incoming": {"host": "1...2"}}, "invalid_field", "incoming.host", "host name"),
        ({"incoming": {"host": "fe80::1%\x1b]0;pwned\x07"}}, "invalid_field", "incoming.host", "host name"),
        ({"incoming": {"host": "2001:4860::1%x' --yes; id; echo '"}}, "invalid_field", "incoming.host", "host name"),
        ({"incoming": {"host": "fe80::1%a\n08:00:00 info"}}, "invalid_field", "incoming.host", "host name"),
        ({"incoming": {"host": "pop.example.com\r\nQUIT"}}, "invalid_field", "incoming.host", "host name"),
        ({"incoming": {"port": 0}}, "invalid_field", "incoming.port", "greater than or equal to 1"),
        ({"incoming": {"port": 65536}}, "invalid_field", "incoming.port", "65535"),
        ({"incoming": {"port": "995"}}, "invalid_field", "incoming.port", "integer"),
        ({"incoming": {"port": True}}, "invalid_field", "incoming.port", "integer"),
        ({"incoming": {"tls": "ssl"}}, "invalid_field", "incoming.tls", "'starttls'"),
        ({"incoming": {"username": "jane\r\nDELE 1"}}, "invalid_field", "incoming.username", "line breaks"),
        (
            {"incoming": {"auth": "xoauth2", "secret": "env:MAILROOM_SECRET_JANE"}},
            "secret_not_allowed",
            "incoming.secret",
            "must be vault:NAME with auth: xoauth2",
        ),
        (
            {"incoming": {"auth": "xoauth2", "secret": "file:jane"}},
            "secret_not_allowed",
            "incoming.secret",
            "mailroom oauth connect NAME",
        ),
        ({"incoming": {"auth": "cram-md5"}}, "invalid_field", "incoming.auth", "'password'"),
        ({"retrieval": {"interval_minutes": 5.5}}, "invalid_field", "retrieval.interval_minutes", "integer"),
        ({"retrieval": {"start": "yesterday"}}, "invalid_field", "retrieval.start", "'from_now'"),
        ({"retrieval": {"order": "random"}}, "invalid_field", "retrieval.order", "'newest_first'"),
        ({"retrieval": {"pace": "slow"}}, "invalid_field", "retrieval.pace", "'steady'"),
        ({"retrieval": {"after_store": "move"}}, "invalid_field", "retrieval.after_store", "'leave'"),
        ({"retrieval": {"recent_mode": "yes"}}, "invalid_field", "retrieval.recent_mode", "boolean"),
        ({"retrieval": {"delete_after_days": 0}}, "invalid_field", "retrieval.delete_after_days", "or equal to 1"),
        ({"retrieval": None}, "invalid_field", "retrieval", "is not valid"),
        (
            {"retrieval": {"after_store": "delete_after_days"}},
            "missing_field",
            "retrieval.delete_after_days",
            "is needed with after_store: delete_after_days",
        ),
        (
            {"retrieval": {"recent_mode": True, "after_store": "delete"}},
            "recent_mode_conflict",
            "retrieval.after_store",
            "turn recent_mode off",
        ),
        ({"kind": "imap"}, "kind_not_supported", "kind", "kind: pop"),
        ({"kind": "hosted"}, "kind_not_supported", "kind", "kind: pop"),
        ({"incoming": {"secret": "env:HOME"}}, "secret_not_allowed", "incoming.secret", "MAILROOM_SECRET_"),
        ({"incoming": {"secret": "file:../key"}}, "secret_not_allowed", "incoming.secret", "reference"),
        ({"incoming": {"secret": "file:/etc/shadow"}}, "secret_not_allowed", "incoming.secret", "reference"),
        ({"incoming": {"secret": "vault:"}}, "secret_not_allowed", "incoming.secret", "vault:NAME"),
    ],
)
def test_what_cannot_be_is_refused_naming_the_field_and_the_way_out(
    changes: dict[str, Any], code: str, field: str, words: str
) -> None:
    error = refused(merged(WRITTEN, changes))
    assert (error.refusal.code, error.refusal.field) == (code, field)
    assert words in error.message
    assert field in error.message


@pytest.mark.requirement("R18")
@pytest.mark.parametrize(
    ("setting", "least", "usual", "most"), [("interval_minutes", 1, 5, 60), ("messages_per_phase", 20, 150, 5000)]
)
def test_interval_and_phase_are_settings_within_bounds(setting: str, least: int, usual: int, most: int) -> None:
    assert getattr(settings().retrieval, setting) == usual
    for allowed in (least, most):
        assert getattr(settings(retrieval={setting: allowed}).retrieval, setting) == allowed
    for refused_value, bound in ((least - 1, least), (most + 1, most)):
        error = refused(merged(WRITTEN, {"retrieval": {setting: refused_value}}))
        assert (error.refusal.code, error.refusal.field) == ("invalid_field", f"retrieval.{setting}")
        assert f"or equal to {bound}" in error.message
        assert setting in error.message


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (["address"], "address"),
        (["incoming"], "incoming"),
        (["incoming", "host"], "incoming.host"),
        (["incoming", "secret"], "incoming.secret"),
    ],
)
def test_what_is_required_and_missing_is_named(path: list[str], field: str) -> None:
    written = json.loads(json.dumps(WRITTEN))
    group = written if len(path) == 1 else written[path[0]]
    del group[path[-1]]
    error = refused(written)
    assert (error.refusal.code, error.refusal.field) == ("missing_field", field)
    assert f"{field} is missing: add it" in error.message


def test_no_input_at_all_is_input_without_fields() -> None:
    error = refused(None)
    assert (error.refusal.code, error.refusal.field) == ("missing_field", "address")


def test_every_problem_is_named_at_once() -> None:
    error = refused(merged(WRITTEN, {"address": "x", "colour": 1, "incoming": {"port": 0}}))
    for field in ("address", "colour", "incoming.port"):
        assert field in error.message


def test_a_refusal_of_very_much_is_short_and_says_how_much_more_there_is() -> None:
    error = refused({**WRITTEN, **{f"{number}{'x' * 9000}": number for number in range(99)}})
    assert len(error.message) < 2000
    assert error.message.endswith("more")
    assert len(error.refusal.model_dump_json()) < 2000


@pytest.mark.parametrize("written", ["jane@example.com", 7, ["jane@example.com"], True])
def test_input_that_is_no_object_is_refused(written: Any) -> None:
    error = refused(written)
    assert (error.refusal.code, error.refusal.field) == ("invalid_field", None)
    assert "one JSON object" in error.message


@pytest.mark.parametrize("kind", ["imap", "hosted"])
def test_what_is_not_offered_names_the_pop_alternative(kind: str) -> None:
    message = refused({**WRITTEN, "kind": kind}).message
    assert f"kind: {kind} is not offered" in message
    assert "POP server (port 995, TLS)" in message


# Secrets


@pytest.mark.parametrize("secret", ["vault:jane", "vault:a@b.example", "env:MAILROOM_SECRET_JANE", "file:jane.txt"])
def test_a_secret_is_a_reference(secret: str) -> None:
    assert settings(incoming={"secret": secret}).incoming.secret == secret


@pytest.mark.parametrize("password", ["hunter2-hunter2", "vault: hunter2-hunter2", "env:hunter2-hunter2", 0x68756E74])
def test_a_password_in_the_place_of_a_reference_is_refused_and_not_repeated(password: Any) -> None:
    error = refused(merged(WRITTEN, {"incoming": {"secret": password}}))
    assert error.refusal.field == "incoming.secret"
    assert str(password) not in error.message + error.refusal.model_dump_json() + repr(error)
    assert "hunter2" not in error.message


def test_who_wrote_a_password_is_told_to_change_it() -> None:
    error = refused(merged(WRITTEN, {"incoming": {"secret": "hunter2-hunter2"}}))
    assert error.refusal.code == "secret_not_allowed"
    assert "change it at the provider" in error.message
    assert "mailroom vault set" in error.message


def test_a_password_for_change_credential_is_refused_and_not_repeated() -> None:
    error = refused({"secret": "hunter2-hunter2"}, ChangeCredential)
    assert (error.refusal.code, error.refusal.field) == ("secret_not_allowed", "secret")
    assert "hunter2" not in error.message


@pytest.mark.parametrize("field", ["address", "organisation", "kind", "provider", "user"])
def test_no_value_is_repeated_wherever_it_was_written(field: str) -> None:
    error = refused({**WRITTEN, field: {"secret": "hunter2-hunter2"}})
    assert "hunter2" not in error.message


def test_an_error_that_nobody_turned_into_words_repeats_no_value_either() -> None:
    with pytest.raises(ValidationError) as error:
        AccountSettings.model_validate({**WRITTEN, "incoming": {"password": "hunter2-hunter2"}})
    assert "hunter2" not in str(error.value)


# Commands


@pytest.mark.parametrize(
    ("model", "written", "code", "field"),
    [
        (Disable, {"why": "x"}, "unknown_field", "why"),
        (Disable, {"reason": "x" * 501}, "invalid_field", "reason"),
        (Enable, {"by": None}, "invalid_field", "by"),
        (Enable, {"by": "x" * 201}, "invalid_field", "by"),
        (PollNow, {"force": True}, "unknown_field", "force"),
        (ChangeSettings, {}, "missing_field", "settings"),
        (ChangeSettings, {"settings": []}, "invalid_field", "settings"),
        (ChangeCredential, None, "missing_field", "secret"),
        (ChangeCredential, {"secret": "vault:x", "username": "a\0b"}, "invalid_field", "username"),
        (SetQuota, {}, "missing_field", "bytes"),
        (SetQuota, {"bytes": -1}, "invalid_field", "bytes"),
        (SetQuota, {"bytes": "5 GB"}, "invalid_field", "bytes"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_naming_the_field(
    model: type[Command], written: Any, code: str, field: str
) -> None:
    error = refused(written, model)
    assert (error.refusal.code, error.refusal.field) == (code, field)


@pytest.mark.parametrize("model", [Disable, Enable, PollNow])
def test_a_command_whose_fields_are_all_optional_needs_no_input(model: type[Command]) -> None:
    assert parse(model, None, what="command").by == "operator"


# Whatever is sent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [*AccountSettings.model_fields, *Incoming.model_fields, *Retrieval.model_fields]
ANYTHING = st.dictionaries(
    st.sampled_from(FIELDS) | st.text(),
    JSON | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    max_size=5,
)


@given(JSON | ANYTHING | ANYTHING.map(lambda changes: merged(WRITTEN, changes)))
def test_whatever_is_sent_is_read_or_refused_in_words(written: Any) -> None:
    try:
        made = parse(AccountSettings, written, what="MailAccount")
    except Refused:
        return
    assert AccountSettings.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("messages", "said", "field"),
    [
        ([], "messages is too short: give at least 1", "messages"),
        (list(range(1, 1002)), "messages is too long: give at most 1000", "messages"),
        (["17"], "messages.0 is not valid: input should be a valid integer", "messages.0"),
    ],
)
def test_a_list_is_refused_for_its_length_only_where_that_is_what_is_wrong(
    messages: list[Any], said: str, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        parse(DeleteMessages, {"messages": messages}, what="delete_messages")
    assert refused.value.message == f"delete_messages: {said}"
    assert refused.value.refusal.field == field


@pytest.mark.parametrize("zone", ["eth0", "1", "wlan0.100"])
def test_an_address_may_name_the_interface_it_is_reached_by(zone: str) -> None:
    assert settings(incoming={"host": f"fe80::1%{zone}"}).incoming.host == f"fe80::1%{zone}"

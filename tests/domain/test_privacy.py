"""Whose mail is nobody's business."""

from __future__ import annotations

import pytest

from domain.authentication import authentication
from domain.message import index
from domain.privacy import Privacy, is_internal, rule_for, withheld_by

ME = "me@example.com"
OWN = {ME, "m.e@example.net"}


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("a@secret.example", "secret.example"),
        ("a@sub.secret.example", "secret.example"),
        ("a@notsecret.example", None),
        ("bob@example.net", "bob@example.net"),
        ("rob@example.net", None),
        ('"a@secret.example"@example.net', None),
    ],
)
def test_a_rule_covers_an_address_or_a_domain_with_all_below_it(address: str, rule: str | None) -> None:
    assert rule_for(address, {"secret.example", "bob@example.net"}) == rule


@pytest.mark.parametrize(
    ("sender", "to", "rule"),
    [
        ("a@secret.example", ME, "never_log: secret.example"),
        (ME, "a@secret.example", "never_log: secret.example"),
        (ME, f"a@secret.example, {ME}", "never_log: secret.example"),
        (ME, "a@secret.example, b@example.org", None),
        (ME, ME, None),
        ("b@example.org", "a@secret.example", None),
    ],
)
def test_mail_of_who_is_never_logged_is_withheld_and_mail_to_others_as_well_is_not(
    sender: str, to: str, rule: str | None
) -> None:
    mail = index(f"From: {sender}\r\nTo: {to}\r\n\r\n".encode())
    assert withheld_by(mail, ME, OWN, Privacy(never_log=("secret.example",))) == rule


def test_private_mail_is_stored() -> None:
    mail = index(f"From: a@secret.example\r\nTo: {ME}\r\n\r\n".encode())
    assert withheld_by(mail, ME, OWN, Privacy(private=("secret.example",))) is None


def test_internal_mail_is_withheld_only_where_that_is_asked_for() -> None:
    mail = index(f"From: boss@example.com\r\nTo: {ME}\r\n\r\n".encode())
    assert withheld_by(mail, ME, OWN, Privacy()) is None
    assert withheld_by(mail, ME, OWN, Privacy(internal="never_log")) == "internal"
    to_self = index(f"From: {ME}\r\nTo: {ME}\r\n\r\n".encode())
    assert withheld_by(to_self, ME, OWN, Privacy(internal="never_log")) is None


def test_people_of_a_free_mail_domain_are_not_internal() -> None:
    assert is_internal({"a@example.com", ME}, ME)
    assert not is_internal({"a@gmail.com", "b@gmail.com"}, "b@gmail.com")
    assert not is_internal({"a@example.com", "b@sub.example.com"}, ME)


@pytest.mark.parametrize(
    ("results", "found"),
    [
        (["mx.example.com 1; spf=pass (all (is) well) smtp.mailfrom=a; DMARC=Fail"], {"spf": "pass", "dmarc": "fail"}),
        (["mx.other.example; dmarc=fail", "MX.Example.com; dmarc=pass"], {"dmarc": "pass"}),
        (["mx.example.com; dmarc=pass", "mx.example.com; dmarc=fail"], {"dmarc": "pass"}),
        (["mx.example.com; none"], {}),
        (["", ";", "mx.example.com"], {}),
    ],
)
def test_only_what_the_own_server_wrote_topmost_is_believed(results: list[str], found: dict[str, str]) -> None:
    assert authentication(results, "mx.example.com") == found
    assert authentication(results, None) == {}

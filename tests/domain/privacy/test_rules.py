"""Whose mail is nobody's business."""

from __future__ import annotations

import pytest

from domain.linking.links import Owner, link
from domain.linking.matches import DirectoryMatch, Matches
from domain.linking.model import Mail
from domain.linking.rules import Rules
from domain.message.authentication import authentication
from domain.message.index import index
from domain.privacy.rules import Privacy, is_internal, rule_for, withheld_by

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


@pytest.mark.parametrize("sender", ["noreply@secret.example", "Dr. A via Portal <portal@secret.example>"])
@pytest.mark.parametrize("author", ["Reply-To: desk@portal.example", "X-Original-From: desk@portal.example"])
def test_a_notifier_that_names_another_author_is_covered_by_its_own_address_all_the_same(
    sender: str, author: str
) -> None:
    mail = index(f"From: {sender}\r\n{author}\r\nTo: {ME}\r\n\r\n".encode())
    assert mail.author == "desk@portal.example"
    assert withheld_by(mail, ME, OWN, Privacy(never_log=("secret.example",))) == "never_log: secret.example"
    assert withheld_by(mail, ME, OWN, Privacy(never_log=("portal.example",))) == "never_log: portal.example"
    desk = Matches([DirectoryMatch("builtin", "contact", "desk", "desk@portal.example")])

    def links(privacy: Privacy, rules: Rules) -> int:
        owner = Owner(ME, frozenset(OWN), privacy=privacy)
        return len(link(Mail.of(mail), "Inbox", owner, {"builtin": rules}, desk))

    assert links(Privacy(), Rules()) == 1
    assert links(Privacy(private=("secret.example",)), Rules()) == 0
    assert links(Privacy(), Rules(never_log=("secret.example",))) == 0


def test_a_notifier_that_wants_answers_sent_to_the_owner_writes_no_mail_of_the_owners() -> None:
    mail = index(f"From: noreply@secret.example\r\nReply-To: {ME}\r\nTo: {ME}\r\n\r\n".encode())
    assert withheld_by(mail, ME, OWN, Privacy(never_log=("secret.example",))) == "never_log: secret.example"


def test_private_mail_is_stored() -> None:
    mail = index(f"From: a@secret.example\r\nTo: {ME}\r\n\r\n".encode())
    assert withheld_by(mail, ME, OWN, Privacy(private=("secret.example",))) is None


def test_internal_mail_is_withheld_only_where_that_is_asked_for() -> None:
    mail = index(f"From: boss@example.com\r\nTo: {ME}\r\n\r\n".encode())
    assert withheld_by(mail, ME, OWN, Privacy()) is None
    assert withheld_by(mail, ME, OWN, Privacy(internal="never_log")) == "internal"
    to_self = index(f"From: {ME}\r\nTo: {ME}\r\n\r\n".encode())
    assert withheld_by(to_self, ME, OWN, Privacy(internal="never_log")) is None


def test_mail_to_an_alias_of_another_domain_is_internal_all_the_same() -> None:
    mail = index(b"From: boss@example.com\r\nTo: m.e@example.net\r\n\r\n")
    assert withheld_by(mail, ME, OWN, Privacy(internal="never_log")) == "internal"
    boss = Matches([DirectoryMatch("builtin", "contact", "boss", "boss@example.com")])
    owner = Owner(ME, frozenset(OWN))
    assert link(Mail.of(mail), "Inbox", owner, {"builtin": Rules()}, boss) == []
    others = index(b"From: boss@example.com\r\nTo: m.e@example.net, anna@example.org\r\n\r\n")
    assert len(link(Mail.of(others), "Inbox", owner, {"builtin": Rules()}, boss)) == 1


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

"""One hostile text, put into every field that others see: it is shown as words, and never acts."""

from __future__ import annotations

import json
import logging
import re
import ssl
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from domain.account.commands import Disable, Enable, SkipMessage
from domain.account.events import AccountEnabled, AccountResumed
from domain.account.lifecycle import Account, State, decide, evolve
from domain.account.notices import notice
from domain.account.status import details
from domain.core.commands import Command
from domain.core.events import Event, facts
from domain.core.foreign_text import in_notice, log_line, markdown, one_log_line
from domain.core.log_event import Notice
from domain.core.redaction import redact
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.crm import commands, status
from domain.crm.actions import AddRecord
from domain.crm.events import CrmResumed, CrmSuspended
from domain.crm.lifecycle import Connection, CrmState
from domain.crm.lifecycle import decide as decide_of_crm
from domain.crm.lifecycle import evolve as evolve_of_crm
from domain.crm.settings import CrmSettings
from domain.directory.commands import SaveContact
from domain.failures.classification import diagnose_error
from domain.failures.failure import Diagnosis, Kind
from domain.failures.remedy import Remedy
from domain.linking.commands import LinkMessage
from domain.mailbox.settings import AccountSettings
from domain.privacy.commands import SetPrivacy
from infra.telemetry.logs import start_logging
from tests.support.accounts import NOON, active, failed

LINK = "[Sign in again](https://evil.example/login)"
HOSTILE = (
    f"{LINK} ![x](https://evil.example/t.png) # Head **b** <img src=x> `code` ``more`` "
    "\x1b]0;pwned\x07\x1b[2J\u202eevil\u202c\u200b\x9b31m\r\n08:00:00 info mailroom: forged line\n> quote"
)
ACTS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e]")
CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")


def shows_words_only(page: str) -> None:
    """A page of markdown that has the hostile text nowhere but as code, in one line."""
    assert not ACTS.search(page), page
    assert "evil" in page
    left = CODE.sub("", page)
    assert not any(word in left for word in ("evil", "Sign in", "<img", "Head", "forged", "quote")), left


def tells_words_only(told: Notice | None) -> None:
    """A notice that has the hostile text nowhere but as code that every chat knows, and no element of HTML or Slack."""
    assert told is not None
    text = f"{told.text} {told.remedy}"
    assert not ACTS.search(text), text
    assert "evil" in text
    assert not set("<>") & set(text), text
    left = re.sub("`[^`]*`", "", text)
    assert not any(word in left for word in ("evil", "Sign in", "img", "Head", "forged", "quote", "`")), left


def happens(account: Account, command: Any) -> tuple[Account, list[Event]]:
    events = decide(account, command, NOON)
    for event in events:
        account = evolve(account, event)
    return account, events


@pytest.mark.parametrize(
    "model", [Disable, Enable, SetPrivacy, SkipMessage, SaveContact, AddRecord, LinkMessage], ids=str
)
def test_whatever_a_command_says_is_one_line_without_anything_that_acts(model: type[Command]) -> None:
    needed = {"address": "anna@example.org", "uidl": "one", "message": 1, "crm": "builtin", "record_kind": "contact"}
    needed |= {"record_id": "1", "request_id": "1"}
    texts = {"by": HOSTILE[:200], "reason": HOSTILE, "name": HOSTILE[:200]}
    sent = {field: value for field, value in (needed | texts).items() if field in model.model_fields}
    given = parse(model, sent, what="a command").model_dump()
    for field in texts.keys() & sent.keys():
        assert LINK in given[field]
        assert not ACTS.search(given[field])
        assert "\n" not in given[field]


def test_who_disabled_an_account_and_why_is_words_in_the_page_the_notice_and_the_log() -> None:
    given = parse(Disable, {"by": HOSTILE[:200], "reason": HOSTILE}, what="disable")
    account, events = happens(active(), given)
    assert account.state is State.DISABLED
    shows_words_only(details(account, NOON))
    tells_words_only(notice(events[0], account))
    by = parse(Enable, {"by": HOSTILE[:200]}, what="enable").by
    tells_words_only(notice(AccountEnabled(actor=by, at=NOON), account))
    assert not ACTS.search(json.dumps(facts(events[0]), ensure_ascii=False))


@pytest.mark.parametrize("kind", [Kind.CERTIFICATE, Kind.WEB_LOGIN_REQUIRED, Kind.AUTHENTICATION], ids=str)
def test_a_servers_answer_is_words_in_the_page_and_the_notice(kind: Kind) -> None:
    report = failed(kind).report
    failure = report.failure.model_copy(update={"server_said": redact(HOSTILE)})
    command = failed(kind).model_copy(update={"report": report.model_copy(update={"failure": failure})})
    account, told = active(), list[Notice]()
    while not told:  # a wrong password is told of after ten
        account, events = happens(account, command)
        told += [said for event in events if (said := notice(event, account))]
    shows_words_only(details(account, NOON))
    for one in told:
        tells_words_only(one)


def test_an_address_that_pairs_with_our_marks_leaves_who_did_it_and_what_was_said_words() -> None:
    given = parse(Disable, {"by": HOSTILE[:200], "reason": HOSTILE}, what="disable")
    account, events = happens(active(address="a`b@example.com"), given)
    tells_words_only(notice(events[0], account))
    shows_words_only(details(account, NOON))
    for event in (AccountEnabled(actor=LINK, at=NOON), AccountResumed(actor="system", at=NOON)):
        told = notice(event, account)
        assert told is not None
        assert told.text.startswith("`a'b@example.com` ")


def test_a_certificates_error_is_words_in_its_remedy() -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_message = HOSTILE
    remedy = diagnose_error(error, phase="tls", host="pop.example.com", port=995, at=NOON).remedy.of_watching
    assert "evil" in remedy
    assert not any(word in re.sub("`[^`]*`", "", remedy) for word in ("evil", "Sign in", "<img", "Head", "forged"))


def test_a_crms_answer_and_who_disabled_its_connection_are_words_in_its_page() -> None:
    given = {"name": "sales", "kind": "tryton", "url": "https://crm.example.com/sales", "secret": "vault:key"}
    connection = Connection(settings=parse(CrmSettings, given, what="CrmConnection"), since=NOON)
    asked = parse(commands.Disable, {"by": HOSTILE[:200], "reason": HOSTILE}, what="disable")
    for event in decide_of_crm(connection, asked, NOON):
        connection = evolve_of_crm(connection, event)
        tells_words_only(status.notice(event, connection))
    assert connection.state is CrmState.DISABLED
    failure = Diagnosis(Kind.CRM_UNAVAILABLE, None, Remedy.of("Wait.")).failure(
        reference="MR-1", support="help@example.com", at=NOON, server_said=redact(HOSTILE)
    )
    connection = connection.model_copy(update={"last_failure": failure})
    shows_words_only(status.details(connection))
    for event in (CrmSuspended(reason=failure.kind, actor="system", at=NOON), CrmResumed(actor="system", at=NOON)):
        tells_words_only(status.notice(event, connection))


def test_a_connection_whose_name_is_a_hosts_is_no_link() -> None:
    given = {"name": "evil.example", "kind": "tryton", "url": "https://crm.example.com/sales", "secret": "vault:key"}
    connection = Connection(settings=parse(CrmSettings, given, what="CrmConnection"), since=NOON)
    for event in decide_of_crm(connection, parse(commands.Disable, {"by": "ops"}, what="disable"), NOON):
        tells_words_only(status.notice(event, connection))
    shows_words_only(status.details(connection))
    shows_words_only(details(active(crm=["evil.example"]), NOON))


@pytest.mark.parametrize("model", [AccountSettings, CrmSettings, Disable, SaveContact], ids=str)
def test_a_field_of_any_name_is_refused_in_words(model: type[BaseModel]) -> None:
    with pytest.raises(Refused) as refused:
        parse(model, {HOSTILE[-70:]: 1}, what="a command")
    assert not ACTS.search(refused.value.message)
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("dev", [True, False], ids=["text", "json"])
def test_a_log_line_is_one_line_whatever_is_in_it(dev: bool) -> None:
    stream = StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        start_logging(dev=dev, stream=stream)
        logging.getLogger("mailroom.test").warning("%s: refused (%s)", HOSTILE, HOSTILE)
        try:
            raise OSError(HOSTILE)
        except OSError:
            logging.getLogger("mailroom.test").exception("of %s", HOSTILE)
    finally:
        root.handlers[:], root.level = before[0], before[1]
    written = stream.getvalue()
    assert not ACTS.search(written)
    lines = written.splitlines()
    begun = [line for line in lines if not line.startswith("    ")]
    assert len(begun) == 2, "nobody else begins a line"
    assert written.count("forged line") == 4
    if not dev:
        assert json.loads(lines[0])["message"].count(LINK) == 2


@given(st.text())
def test_any_text_is_one_line_of_code_in_markdown(text: str) -> None:
    shown = markdown(text)
    assert not ACTS.search(shown)
    assert "\n" not in shown
    assert shown == "(nothing)" or not CODE.sub("", shown), shown


@given(st.text())
def test_any_text_is_words_or_code_in_a_notice(text: str) -> None:
    shown = in_notice(text)
    assert not ACTS.search(shown)
    assert not set("<>\n") & set(shown)
    assert shown == "(nothing)" or not re.sub("[^`]|^`[^`]+`$", "", shown), shown


@pytest.mark.parametrize(
    "text", ["ops", "Anna Lind", "-ERR authentication", "Invalid login. Try again, later.", "Müller-Lüdenscheidt"]
)
def test_what_nothing_could_make_a_link_of_is_told_as_it_is(text: str) -> None:
    assert in_notice(text) == text


@pytest.mark.parametrize(
    "text", ["evil.example", "see evil.example.", "a_b_", "ops@example.com", "*now*", "[x](y)", "@here", "~no~"]
)
def test_what_something_could_make_a_link_of_is_code(text: str) -> None:
    assert in_notice(text) == f"`{text}`"


@given(st.text())
def test_what_a_log_spells_is_what_was_said(text: str) -> None:
    assert not ACTS.search(one_log_line(text).replace("\t", ""))
    if "\\" not in text and '"' not in text:
        assert json.loads(f'"{log_line(text)}"', strict=False) == text

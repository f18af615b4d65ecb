"""What remedies say: to who watches, to a live login - never that somebody goes on trying -, and to the mailbox's owner."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.crm.failures import GOES_ON, REMEDIES
from domain.failures import remedy as failures_remedy
from domain.failures.classification import diagnose_error, diagnose_reply
from domain.failures.failure import Diagnosis, Kind
from domain.failures.pop_rules import POP
from domain.failures.remedy import OF_COMMANDS, Prospect, Remedy
from domain.failures.user_actions import user_action

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROSPECTS = [value for value in vars(failures_remedy).values() if isinstance(value, Prospect)]
FAILURES = [
    ConnectionRefusedError(),
    TimeoutError(),
    ConnectionResetError(),
    EOFError(),
]
REPLIES = [
    "[AUTH] Authentication failed.",
    "[SYS/PERM] POP access is disabled for your domain.",
    "[AUTH] Web login required: https://support.google.com/mail/answer/78754",
    "[SYS/TEMP] Temporary system problem. Please try again later.",
]


@pytest.mark.parametrize("command", OF_COMMANDS)
def test_a_command_is_told_what_became_of_it(command: str) -> None:
    remedies = [diagnose_reply(reply, phase="login").remedy for reply in REPLIES]
    remedies += [diagnose_error(error, phase="connect", host="h", port=995, at=NOON).remedy for error in FAILURES]
    for remedy in remedies:
        said = remedy.of_command(command)
        assert (said.startswith if command == "set-up" else said.endswith)(OF_COMMANDS[command])
        assert len(said) > len(OF_COMMANDS[command]) + 40, "the advice itself stays"
        assert not any(prospect.text in said for prospect in PROSPECTS)
        assert "goes on trying" not in said


def test_a_remedy_is_read_in_the_order_of_its_parts() -> None:
    remedy = Remedy.of("Look at {host}.", Prospect("It passes."), "Else ask.").and_then("Or wait.")
    assert remedy.filled_in({"host": "h"}).of_watching == "Look at h. It passes. Else ask. Or wait."
    assert remedy.advice == "Look at {host}. Else ask. Or wait."


def test_a_prospect_keeps_its_braces_and_what_is_filled_in_keeps_its_own() -> None:
    remedy = Remedy.of("The server said {reason}.", Prospect("{host} comes back."))
    assert remedy.filled_in({"reason": "{host}"}).of_watching == "The server said {host}. {host} comes back."


def test_a_crm_that_cannot_be_reached_goes_on_by_itself_only_where_there_is_a_connection() -> None:
    remedy = REMEDIES[Kind.CRM_UNAVAILABLE]
    assert remedy.of_watching == f"{remedy.advice} {GOES_ON.text}"
    assert "Mail keeps arriving" not in remedy.advice


def test_the_owner_is_told_the_step_that_the_remedy_names() -> None:
    remedies = {
        (rule.kind, remedy) for rule in (*POP.marks, *POP.meanings) for remedy in (rule.remedy, *rule.remedies.values())
    }
    theirs = [(kind, remedy) for kind, remedy in remedies if remedy.by_the_owner]
    assert {kind for kind, _ in theirs} == {Kind.PROVIDER_LOCKED, Kind.WEB_LOGIN_REQUIRED}
    for kind, remedy in theirs:
        failure = Diagnosis(kind, None, remedy).failure(reference="r", support="s", at=NOON)
        assert user_action(failure) == remedy.by_the_owner
        assert remedy.by_the_owner is not None
        assert (remedy.by_the_owner.url or "no page") in remedy.of_watching

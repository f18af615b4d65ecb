"""Events as the log keeps them: each comes back as it was, and folded they are the account that lived through them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from domain.account import events as happened
from domain.account.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Connected,
    Disable,
    Enable,
    PollNow,
    SetQuota,
)
from domain.account.events import from_log
from domain.account.lifecycle import Account, AnyCommand, State, decide, evolve, fold, new_account
from domain.core.commands import WasRefused
from domain.core.events import CommandRefused, Event, facts
from domain.failures.failure import Certificate, Failures, Kind, TlsEvidence
from domain.retrieval.observations import Observation
from domain.retrieval.reports import InQuarantine, LoginReport, Progress
from tests.support.accounts import (
    LATER,
    NOON,
    active,
    after,
    failed,
    failure,
    login_worked,
    no_connection,
    settings,
    verifying,
    worked,
    wrong_password,
)

# What a session brings is not in the account's own events: it is in the ledger, and the next session finds it there.
NOT_IN_THE_LOG = {"progress", "total_stored", "last_success_at", "next_attempt_at", "minute_seconds", "in_quarantine"}

WITH_A_CERTIFICATE = failure(Kind.CERTIFICATE).model_copy(
    update={
        "cause": "expired",
        "tls": TlsEvidence(
            host="pop.example.com",
            port=995,
            at=NOON,
            chain=(
                Certificate(
                    subject="CN=pop.example.com",
                    issuer="CN=CA",
                    not_before=NOON - timedelta(days=9),
                    not_after=NOON - timedelta(days=1),
                    sha256="ab" * 32,
                    names=("pop.example.com",),
                ),
            ),
        ),
    }
)
EVERY_SETTING = settings(
    user="Jane Doe",
    provider="generic",
    aliases=["j@bücher.example"],
    crm=["builtin"],
    incoming={"username": "jane", "tls": "starttls"},
    retrieval={"after_store": "delete_after_days", "delete_after_days": 7, "start": "from_now"},
)
PRECISELY = NOON + timedelta(microseconds=123456)
EXAMPLES: list[Event] = [
    happened.WarningRaised(at=PRECISELY, observation=Observation(code="other_pop_client", facts={"since": "2026"})),
    happened.WarningCleared(at=PRECISELY, code="other_pop_client"),
    happened.AccountConnected(at=PRECISELY, settings=EVERY_SETTING, minute_seconds=0.02),
    happened.SetUpRefused(at=PRECISELY, failure=WITH_A_CERTIFICATE),
    happened.MailRetrieved(
        at=PRECISELY,
        progress=Progress(on_server=9, stored=3, remaining=6, bytes=10**13, eta=LATER),
        total_stored=3,
        more=True,
        next_attempt_at=None,
        minute_seconds=60,
    ),
    happened.ProgressMade(at=PRECISELY, progress=Progress(on_server=9, stored=3, remaining=6), total_stored=3),
    happened.RetrievalFailed(
        at=PRECISELY,
        failure=failure(Kind.AUTHENTICATION),
        failures=Failures(authentication=3, connection=2),
        in_a_row=3,
        next_attempt_at=PRECISELY + timedelta(seconds=901.5),
        minute_seconds=60,
    ),
    happened.RetrievalRecovered(at=PRECISELY, actor="ops"),
    happened.AccountDisabled(at=PRECISELY, reason="operator", because="vacation", actor="ops"),
    happened.AccountDisabled(at=PRECISELY, reason="authentication_failures"),
    happened.AccountSuspended(at=PRECISELY, reason=Kind.CERTIFICATE),
    happened.AccountResumed(at=PRECISELY),
    happened.AccountEnabled(at=PRECISELY, actor="ops"),
    happened.QuotaReached(at=PRECISELY, needed_bytes=10**12),
    happened.SettingsChanged(at=PRECISELY, settings=EVERY_SETTING, fields=["crm"], version=2, actor="ops"),
    happened.CredentialChanged(at=PRECISELY, settings=EVERY_SETTING, version=2, actor="ops"),
    happened.QuotaSet(at=PRECISELY, user="Jane Doe", bytes=5 * 10**9, actor="ops"),
    happened.PollRequested(at=PRECISELY, actor="ops"),
    happened.QuarantineReleased(at=PRECISELY, uidl=None, messages=3, actor="ops"),
    happened.MessageSkipped(
        at=PRECISELY, uidl="u1", occurrence=0, epoch=1, size=10**9, quarantined="corrupt", because="spam", actor="ops"
    ),
    happened.QuarantineCounted(at=PRECISELY, in_quarantine=InQuarantine(waiting=2, gone=1), released=True, actor="ops"),
    CommandRefused(
        at=PRECISELY, command="enable", code="unknown_field", field=None, message="no\u0000\U0001f600", actor="ops"
    ),
    happened.AccountClosed(at=PRECISELY, actor="temporal"),
]


def as_logged(event: Event) -> Event:
    """The event once it went through the log and came back."""
    data: dict[str, Any] = json.loads(json.dumps(facts(event)))
    back = from_log(type(event).__name__, event.at, event.actor, data)
    assert back is not None
    return back


def live_and_logged(account: Account, *commands: AnyCommand) -> tuple[Account, list[Event]]:
    """The account after these commands, and what the log then holds."""
    log: list[Event] = []
    for minute, command in enumerate(commands):
        for event in decide(account, command, NOON + timedelta(minutes=minute)):
            account = evolve(account, event)
            if event.in_log:
                log.append(as_logged(event))
    return account, log


def lifecycle(account: Account) -> dict[str, Any]:
    return account.model_dump(exclude=NOT_IN_THE_LOG)


def connected() -> Connected:
    return Connected(login=LoginReport(at=NOON))


def test_there_is_an_example_of_every_type_of_event() -> None:
    assert {type(event) for event in EXAMPLES} == set(happened.TYPES.values()) == set(Event.__subclasses__())


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_comes_back_from_the_log_as_it_was(event: Event) -> None:
    assert as_logged(event) == event


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_time_and_actor_are_columns_of_the_log_and_not_data(event: Event) -> None:
    assert {"at", "actor"}.isdisjoint(facts(event))


def test_what_sessions_wrote_themselves_changes_no_lifecycle() -> None:
    assert from_log("MessagesStored", NOON, "worker", {"count": 3}) is None


def test_all_but_what_the_database_logged_by_itself_is_logged() -> None:
    assert [kind for kind in happened.TYPES.values() if not kind.in_log] == [
        happened.MailRetrieved,
        happened.ProgressMade,
        happened.QuarantineCounted,
    ]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_no_event_holds_a_secret_only_references_to_one(event: Event) -> None:
    found = json.dumps(facts(event))
    assert '"secret"' not in found or '"secret": "vault:jane"' in found


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_every_event_can_happen_to_every_account(event: Event) -> None:
    for account in (verifying(), active(), after(active(), wrong_password()), after(active(), Close())):
        evolved = evolve(account, event)
        assert Account.model_validate_json(evolved.model_dump_json()) == evolved


# The fold


@pytest.mark.parametrize(
    "commands",
    [
        [connected()],
        [connected(), worked(), worked(stored=9)],
        [connected(), *[wrong_password()] * 3],
        [connected(), *[wrong_password()] * 10],
        [connected(), *[no_connection()] * 50],
        [connected(), *[wrong_password()] * 9, worked(), no_connection()],
        [connected(), wrong_password(), failed(Kind.MAILBOX_BUSY, password_accepted=True)],
        [connected(), failed(Kind.CERTIFICATE), failed(Kind.CERTIFICATE), failed(Kind.PROVIDER_LOCKED)],
        [connected(), failed(Kind.CERTIFICATE), worked()],
        [connected(), failed(Kind.CERTIFICATE), no_connection()],
        [connected(), worked("over_quota", needed_bytes=9), SetQuota(bytes=10), worked("over_quota", needed_bytes=8)],
        [connected(), worked("over_quota", needed_bytes=9), worked()],
        [connected(), wrong_password(), Disable(by="ops")],
        [connected(), ChangeSettings(settings={"crm": ["builtin"]}), wrong_password(), PollNow(), SetQuota(bytes=1)],
        [connected(), wrong_password(), login_worked(active(), ChangeCredential(secret="vault:new"))],
        [connected(), Disable(), login_worked(after(active(), Disable()), Enable(by="ops")), worked()],
        [connected(), WasRefused(command="x", code="unknown_command", message="x is not a command", by="ops")],
        [connected(), wrong_password(), Close()],
    ],
)
def test_the_log_folded_is_the_account_that_lived(commands: list[AnyCommand]) -> None:
    account, log = live_and_logged(verifying(), *commands)
    assert lifecycle(fold(verifying(), log)) == lifecycle(account)


def test_a_rebuilt_account_waits_after_its_last_failure_as_the_living_one_does() -> None:
    account, log = live_and_logged(verifying(), connected(), worked(), wrong_password(), wrong_password())
    assert fold(verifying(), log).next_attempt_at == account.next_attempt_at is not None


def test_a_rebuilt_account_does_not_wait_for_the_end_of_a_failure_that_is_over() -> None:
    _, log = live_and_logged(verifying(), connected(), failed(Kind.CERTIFICATE), worked())
    assert fold(verifying(), log).next_attempt_at is None


def test_a_later_run_of_the_same_address_starts_over_in_the_same_log() -> None:
    _, first = live_and_logged(
        verifying(),
        connected(),
        ChangeSettings(settings={"crm": ["builtin"]}),
        *[failed(Kind.AUTHENTICATION, of=after(active(), ChangeSettings(settings={"crm": ["builtin"]})))] * 9,
        Close(),
    )
    account, second = live_and_logged(new_account(EVERY_SETTING, LATER), connected(), no_connection())
    folded = fold(verifying(), [*first, *second])
    assert lifecycle(folded) == lifecycle(account)
    assert (folded.state, folded.failures, folded.settings_version) == (State.ACTIVE, Failures(connection=1), 1)
    assert folded.settings == EVERY_SETTING


def test_a_refused_set_up_leaves_the_account_that_an_earlier_run_left() -> None:
    ended, log = live_and_logged(verifying(), connected(), Close())
    refused = happened.SetUpRefused(at=LATER, failure=failure(Kind.AUTHENTICATION))
    assert fold(verifying(), [*log, as_logged(refused)]) == ended

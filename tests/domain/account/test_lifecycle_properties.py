"""What holds for an account whatever happens to it: random commands, sessions and failures, in any order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import settings as config
from hypothesis import strategies as st

from domain.account import events as happened
from domain.account.commands import (
    ChangeCredential,
    ChangeSettings,
    Close,
    Connected,
    Disable,
    Enable,
    LoginWorked,
    PollNow,
    QuarantineChanged,
    RetryQuarantined,
    SessionFailed,
    SessionSucceeded,
    SetQuota,
    SkipMessage,
)
from domain.account.events import from_log
from domain.account.lifecycle import Account, AnyCommand, OperatorCommand, State, decide, evolve, fold, settings_to_try
from domain.account.notices import notice
from domain.account.status import details, status
from domain.core.commands import Command, WasRefused
from domain.core.events import Event, facts
from domain.core.refusal import Refused
from domain.failures.failure import FATES, Failures, Kind, minutes_until_retry
from domain.retrieval.reports import InQuarantine, LoginReport
from tests.domain.account.test_events import lifecycle
from tests.support.accounts import NOON, failed, verifying, worked

COUNTED = {"authentication": (Kind.AUTHENTICATION, 10), "connection": (Kind.CONNECTION, 50)}


@dataclass(frozen=True)
class Fails:
    """Sessions that fail in a row. `stale`: they were begun before the last change."""

    kind: Kind
    times: int = 1
    password_accepted: bool = False
    stale: bool = False
    jitter: float = 0.0
    login_delay_seconds: float = 0.0


@dataclass(frozen=True)
class Works:
    outcome: str
    stale: bool = False
    needed_bytes: int = 0


@dataclass(frozen=True)
class Asks:
    """An operator's command; `login` is what the server says where it needs a live login."""

    command: OperatorCommand
    login: bool = True


Step = Fails | Works | Asks | QuarantineChanged | WasRefused

OPERATORS_COMMANDS: list[OperatorCommand] = [
    Disable(by="ops"),
    Enable(by="ops"),
    PollNow(by="ops"),
    ChangeSettings(settings={"crm": ["builtin"]}),
    ChangeSettings(settings={"retrieval": {"interval_minutes": 60}}),
    ChangeSettings(settings={"retrieval": {"recent_mode": True}}),
    ChangeSettings(settings={"retrieval": {"after_store": "delete"}}),
    ChangeSettings(settings={"incoming": {"host": "mail.example.com"}}),
    ChangeSettings(settings={"kind": "imap"}),
    ChangeCredential(secret="vault:new"),
    ChangeCredential(secret="vault:jane", username="jane"),
    SetQuota(bytes=1),
    RetryQuarantined(by="ops"),
    SkipMessage(uidl="u1", by="ops"),
]
LIKELY_KINDS = [*FATES, *[Kind.AUTHENTICATION, Kind.CONNECTION] * 4]
RELEASED = QuarantineChanged(in_quarantine=InQuarantine(waiting=2), released=True, by="ops")
REFUSED_SIGNAL = WasRefused(command="enable", code="unknown_field", message="enable: no", by="ops")


def random_life(seed: int) -> list[Step]:
    """A long life with everything in it; a strategy of lists alone repeats itself too much to come across it."""
    chance = Random(seed)

    def failing() -> Step:
        return Fails(
            kind=chance.choice(LIKELY_KINDS),
            times=chance.choice([1, 1, 1, 1, 2, 3, 8, 9, 47, 49]),
            password_accepted=chance.random() < 0.2,
            stale=chance.random() < 0.1,
            jitter=chance.random(),
            login_delay_seconds=chance.choice([0.0, 300.0, 90000.0]),
        )

    def working() -> Step:
        outcome = chance.choice(["mail", "nothing_new", "over_quota"])
        return Works(outcome, stale=chance.random() < 0.1, needed_bytes=chance.randrange(3))

    def asking() -> Step:
        return Asks(chance.choice(OPERATORS_COMMANDS), login=chance.random() < 0.9)

    def enabling() -> Step:
        return Asks(Enable(by="ops"))

    steps = [failing] * 8 + [working] * 2 + [asking] * 3 + [enabling] * 2 + [lambda: REFUSED_SIGNAL, lambda: RELEASED]
    return [chance.choice(steps)() for _ in range(chance.randrange(60))]


SIMPLE_STEPS = st.one_of(
    st.builds(Fails, kind=st.sampled_from(LIKELY_KINDS), times=st.integers(1, 51)),
    st.builds(Works, outcome=st.sampled_from(["mail", "nothing_new", "over_quota"])),
    st.builds(Asks, st.sampled_from(OPERATORS_COMMANDS)),
)
LIVES = st.builds(
    lambda life, end, afterlife: [*life, *end, *afterlife],
    st.integers(0, 2**64).map(random_life) | st.lists(SIMPLE_STEPS, max_size=10),
    st.sampled_from([[], [], [Asks(Close(by="ops"))]]),
    st.lists(SIMPLE_STEPS, max_size=3),
)


def every_life(test: Callable[[list[Step]], None]) -> Callable[[], None]:
    """Runs a test on many lives; none is too slow, because machines are."""
    return config(deadline=None, max_examples=60)(given(LIVES)(test))


@dataclass
class Moment:
    """One command, and the account before and after it."""

    before: Account
    command: AnyCommand
    now: datetime
    after: Account
    events: list[Event] = field(default_factory=list)


def commands_of(step: Step, account: Account) -> Sequence[AnyCommand]:
    """What the workflow would put to `decide`: a command that needs a live login arrives as LoginWorked, or not at all."""
    match step:
        case Fails():
            failure = failed(
                step.kind,
                of=_begun_by(account, step.stale),
                password_accepted=step.password_accepted,
                jitter=step.jitter,
                login_delay_seconds=step.login_delay_seconds,
            )
            return [failure] * step.times
        case Works(outcome=outcome):
            report = worked("mail", of=_begun_by(account, step.stale)).report.model_dump() | {
                "outcome": outcome,
                "needed_bytes": step.needed_bytes,
            }
            return [SessionSucceeded.model_validate({"report": report})]
        case Asks(command=command):
            tried = settings_to_try(account, command)
            if tried is None:
                return [command]
            assert isinstance(command, Enable | ChangeSettings | ChangeCredential)
            return [LoginWorked(command=command, settings=tried, login=LoginReport(at=NOON))] if step.login else []
        case QuarantineChanged() | WasRefused():
            return [step]


def _begun_by(account: Account, stale: bool) -> Account:
    """The account as it was when a session began."""
    return account.model_copy(update={"settings_version": account.settings_version - 1}) if stale else account


def live(steps: Sequence[Step]) -> list[Moment]:
    """An account's whole life, command by command; what is refused changes nothing, and nothing but Refused is raised."""
    account, now, moments = verifying(), NOON, list[Moment]()
    queue: list[Step | AnyCommand] = [Connected(login=LoginReport(at=NOON)), *steps]
    for step in queue:
        try:
            commands = commands_of(step, account) if isinstance(step, Step) else [step]
        except Refused:
            continue
        for command in commands:
            now += timedelta(seconds=7)
            moment = Moment(account, command, now, account)
            try:
                moment.events = decide(account, command, now)
            except Refused:
                assert isinstance(command, Command | LoginWorked), "only what an operator asked for is ever refused"
            for event in moment.events:
                account = evolve(account, event)
            moment.after = account
            moments.append(moment)
    return moments


@every_life
def test_the_counters_stay_within_their_bounds_and_grow_by_one_and_only_one_of_them(steps: list[Step]) -> None:
    for moment in live(steps):
        before, after = moment.before.failures, moment.after.failures
        assert 0 <= after.authentication <= 10
        assert 0 <= after.connection <= 50
        grown = [name for name in COUNTED if getattr(after, name) > getattr(before, name)]
        assert len(grown) <= 1
        for name in grown:
            assert getattr(after, name) == getattr(before, name) + 1
            assert isinstance(moment.command, SessionFailed)
            assert moment.command.report.failure.kind is COUNTED[name][0]


@every_life
def test_an_account_is_disabled_exactly_at_the_limit_or_when_an_operator_says_so(steps: list[Step]) -> None:
    for moment in live(steps):
        reached = [
            f"{name}_failures"
            for name, (_, limit) in COUNTED.items()
            if getattr(moment.after.failures, name) == limit > getattr(moment.before.failures, name)
        ]
        disabled = [event.reason for event in moment.events if isinstance(event, happened.AccountDisabled)]
        by_operator = isinstance(moment.command, Disable) and moment.before.state not in (State.DISABLED, State.CLOSED)
        assert disabled == (["operator"] if by_operator else reached)
        assert bool(disabled) == (moment.after.state is State.DISABLED and moment.before.state is not State.DISABLED)
        if moment.after.watched:
            assert moment.after.failures.authentication < 10
            assert moment.after.failures.connection < 50


@every_life
def test_the_counters_are_those_of_a_person_who_reads_the_contract(steps: list[Step]) -> None:
    authentication = connection = 0
    for moment in live(steps):
        match moment.command:
            case SessionFailed(report=report) | SessionSucceeded(report=report):
                current = (report.settings_version, report.credential_version) == (
                    moment.before.settings_version,
                    moment.before.credential_version,
                )
                if not current or not moment.before.watched:
                    pass
                elif isinstance(moment.command, SessionSucceeded):
                    authentication = connection = 0
                elif moment.command.report.failure.kind is Kind.AUTHENTICATION:
                    authentication, connection = authentication + 1, 0
                else:
                    connection = connection + 1 if moment.command.report.failure.kind is Kind.CONNECTION else 0
                    authentication = 0 if moment.command.report.password_accepted else authentication
            case LoginWorked() if moment.after.state is not State.DISABLED and moment.before.state is not State.CLOSED:
                authentication = connection = 0
        assert moment.after.failures == Failures(authentication=authentication, connection=connection)


@every_life
def test_a_disabled_or_closed_account_is_never_watched_and_has_no_next_attempt(steps: list[Step]) -> None:
    for moment in live(steps):
        if moment.after.state in (State.DISABLED, State.CLOSED):
            assert not moment.after.watched
            assert moment.after.next_attempt_at is None


@every_life
def test_a_closed_account_stays_closed_and_a_disabled_one_until_it_is_told_otherwise(steps: list[Step]) -> None:
    for moment in live(steps):
        if moment.before.state is State.CLOSED:
            assert moment.after == moment.before
        if moment.before.state is State.DISABLED and moment.after.state is not State.DISABLED:
            assert isinstance(moment.command, LoginWorked | Close)
        assert moment.after.state is not State.VERIFYING


@every_life
def test_a_reason_stands_exactly_where_an_account_is_suspended_or_disabled(steps: list[Step]) -> None:
    for moment in live(steps):
        stopped = moment.after.state in (State.SUSPENDED, State.DISABLED)
        assert (moment.after.reason is not None) == stopped
        if moment.after.state is State.SUSPENDED:
            assert moment.after.last_failure is not None
            assert FATES[moment.after.last_failure.kind].suspends
            assert moment.after.reason == moment.after.last_failure.kind


@every_life
def test_versions_grow_by_one_with_each_change_and_by_nothing_else(steps: list[Step]) -> None:
    for moment in live(steps):
        before, after = moment.before, moment.after
        kinds = [type(event) for event in moment.events]
        assert after.settings_version - before.settings_version == kinds.count(happened.SettingsChanged)
        assert after.credential_version - before.credential_version == kinds.count(happened.CredentialChanged)
        if after.settings != before.settings:
            assert (after.settings_version, after.credential_version) > (
                before.settings_version,
                before.credential_version,
            )


@every_life
def test_a_failure_is_followed_by_its_wait_and_never_by_less(steps: list[Step]) -> None:
    for moment in live(steps):
        for event in moment.events:
            if isinstance(event, happened.RetrievalFailed) and moment.after.state is not State.DISABLED:
                assert isinstance(moment.command, SessionFailed)
                least = minutes_until_retry(
                    event.failure.kind,
                    event.in_a_row,
                    interval=moment.before.settings.retrieval.interval_minutes,
                    login_delay=moment.command.report.login_delay_seconds / 60,
                )
                assert moment.after.next_attempt_at is not None
                waits = (moment.after.next_attempt_at - moment.now) / timedelta(minutes=1)
                assert least - 1e-6 <= waits <= least * 1.1 + 1e-6


@every_life
def test_every_event_has_the_time_of_its_command_and_says_who(steps: list[Step]) -> None:
    for moment in live(steps):
        assert {event.at for event in moment.events} <= {moment.now}
        match moment.command:
            case LoginWorked(command=command):
                actors = {command.by}
            case Command(by=by) | QuarantineChanged(by=by) | WasRefused(by=by):
                actors = {by}
            case _:
                actors = {"mailroom"}
        assert {event.actor for event in moment.events} <= actors


@every_life
def test_an_account_survives_json_at_every_moment(steps: list[Step]) -> None:
    for account in {id(moment.after): moment.after for moment in live(steps)}.values():
        written = account.model_dump_json()
        assert Account.model_validate_json(written) == account
        # What continue-as-new hands over: decoded as plain JSON, written again, and read.
        assert Account.model_validate_json(json.dumps(json.loads(written))) == account


@every_life
def test_people_can_be_shown_and_told_of_every_moment(steps: list[Step]) -> None:
    for moment in live(steps):
        shown: dict[str, Any] = status(moment.after).model_dump(mode="json")
        assert shown["state"] == moment.after.state
        assert "jane@example.com" in details(moment.after, moment.now)
        for event in moment.events:
            said = notice(event, moment.after)
            if isinstance(event, happened.AccountDisabled | happened.AccountSuspended | happened.AccountEnabled):
                assert said is not None
            if said is not None:
                assert said.text
                assert said.remedy


@every_life
def test_the_log_folded_is_the_account_that_lived(steps: list[Step]) -> None:
    log: list[Event] = []
    rebuilt = verifying()
    for moment in live(steps):
        for event in moment.events:
            if event.in_log:
                back = from_log(type(event).__name__, event.at, event.actor, json.loads(json.dumps(facts(event))))
                assert back == event
                log.append(event)
                rebuilt = evolve(rebuilt, event)
        assert lifecycle(rebuilt) == lifecycle(moment.after)
    assert fold(verifying(), log) == rebuilt

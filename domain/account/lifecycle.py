"""The life of an account: what may happen to it (`decide`) and what it becomes (`evolve`), as pure functions.

Everything that changes an account's state is in this file. `decide` turns a command into the events that follow from
it, or raises Refused; `evolve` folds one event into the account. Neither reads a clock or touches a server, and the
same fold rebuilds an account from its log. How failures are counted is domain/failures/failing.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

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
    SetUpFailed,
    SkipMessage,
)
from domain.core.commands import Command, CountedRefusals, WasRefused, name_of
from domain.core.events import CommandRefused, Event
from domain.core.refusal import Refused
from domain.failures import failing
from domain.failures.failing import has_failed
from domain.failures.failure import FATES, LIMITS, Failure, Failures, gets_stuck, minutes_until_retry
from domain.mailbox.settings import AccountSettings, changed, login_differs, unfit_secret
from domain.retrieval.deletion import GRACE_MINUTES, deletes_sooner, kept_for
from domain.retrieval.observations import Observation
from domain.retrieval.reports import HostOutage, InQuarantine, Progress, SessionReport
from domain.settings_changes import differing

OperatorCommand = (
    Disable | Enable | PollNow | ChangeSettings | ChangeCredential | SetQuota | RetryQuarantined | SkipMessage | Close
)
AnyCommand = (
    OperatorCommand
    | Connected
    | SetUpFailed
    | SessionSucceeded
    | SessionFailed
    | LoginWorked
    | QuarantineChanged
    | WasRefused
)


class State(StrEnum):
    VERIFYING = "verifying"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    OVER_QUOTA = "over_quota"
    DISABLED = "disabled"
    CLOSED = "closed"


class Account(BaseModel):
    """An account between two events. `in_a_row` counts failures of the last failure's kind, for the growing waits,
    `failed_sessions` those of any kind since one worked; `stuck` says that people have been told of them;
    `next_attempt_at` None means at once; `needed_bytes` is what the quota must have room for; `observed` is what sessions
    last found to hold of the mailbox."""

    model_config = ConfigDict(frozen=True)

    settings: AccountSettings
    state: State = State.VERIFYING
    reason: str | None = None
    disabled: str = ""  # who did it, and why
    since: datetime
    failures: Failures = Failures()
    last_failure: Failure | None = None
    in_a_row: int = 0
    failed_sessions: int = 0
    stuck: bool = False
    host_outage: HostOutage | None = None
    progress: Progress = Progress()
    total_stored: int = 0
    needed_bytes: int = 0
    last_success_at: datetime | None = None
    next_attempt_at: datetime | None = None
    deletes_from: datetime | None = None  # nothing is deleted from the server before
    settings_version: int = 1
    credential_version: int = 1
    minute_seconds: float = 60.0
    refused_signals: tuple[CountedRefusals, ...] = ()  # that a run of the workflow hands on to the next
    observed: tuple[Observation, ...] = ()
    in_quarantine: InQuarantine = InQuarantine()

    @property
    def watched(self) -> bool:
        """Whether sessions are held at all; in suspension they are rare, over quota they look at the quota first."""
        return self.state in (State.ACTIVE, State.SUSPENDED, State.OVER_QUOTA)

    @property
    def recovering(self) -> bool:
        """Whether a session that works is news, because it ends failures."""
        return has_failed(self) or self.state is State.SUSPENDED


def new_account(settings: AccountSettings, now: datetime) -> Account:
    return Account(settings=settings, since=now)


def settings_to_try(account: Account, command: OperatorCommand) -> AccountSettings | None:
    """The settings whose login must work before `command` may take effect; None where no login is needed.

    Raises Refused where the command makes no sense, whatever the server may say.
    """
    match command:
        case Enable() if account.state in (State.DISABLED, State.SUSPENDED):
            return account.settings
        case ChangeSettings(settings=partial):
            after = changed(account.settings, partial)
            return after if login_differs(account.settings, after) else None
        case ChangeCredential():
            return _with_credential(account.settings, command)
        case _:
            return None


def decide(account: Account, command: AnyCommand, now: datetime) -> list[Event]:
    """What follows from `command`, in order, and nothing where it changes nothing; raises Refused where it cannot be."""
    if account.state is State.CLOSED:
        _refuse_when_closed(command)
    match command:
        case Connected(login=login):
            grace = timedelta(seconds=GRACE_MINUTES * login.minute_seconds)
            return [
                happened.AccountConnected(
                    settings=account.settings,
                    minute_seconds=login.minute_seconds,
                    deletes_from=now + grace if login.deletable else None,
                    at=now,
                )
            ]
        case SetUpFailed(failure=failure):
            return [happened.SetUpRefused(failure=failure, at=now)]
        case SessionSucceeded(report=report):
            return _after_success(account, report, now)
        case SessionFailed():
            return _after_failure(account, command, now)
        case LoginWorked():
            return _after_live_login(account, command, now)
        case WasRefused(by=by):
            return [CommandRefused(**command.model_dump(exclude={"by"}), actor=by, at=now)]
        case Disable(reason=because, by=by):
            if account.state is State.DISABLED:
                return []
            return [happened.AccountDisabled(reason="operator", because=because, actor=by, at=now)]
        case Enable():
            return []  # one that needs a login comes back as LoginWorked
        case PollNow(by=by):
            if account.state is State.DISABLED:
                raise Refused("disabled", f"poll_now: the account is disabled ({account.reason}): use enable first")
            return [happened.PollRequested(actor=by, at=now)]
        case ChangeSettings(settings=partial, by=by):
            return _settings_changed(account, changed(account.settings, partial), by, now)
        case ChangeCredential():
            raise AssertionError("a credential is only changed by LoginWorked")
        case SetQuota(bytes=size, by=by):
            return [happened.QuotaSet(user=account.settings.owner, bytes=size, actor=by, at=now)]
        case RetryQuarantined() | SkipMessage():
            return []  # what they change is in the database; it comes back as QuarantineChanged
        case QuarantineChanged(in_quarantine=counts, released=released, by=by):
            if account.state is State.CLOSED:
                return []
            return [happened.QuarantineCounted(in_quarantine=counts, released=released, actor=by, at=now)]
        case Close(by=by):
            return [happened.AccountClosed(actor=by, at=now)]


def _refuse_when_closed(command: AnyCommand) -> None:
    """Nothing brings a closed account back, not even a live login that was under way when it was closed."""
    asked = command.command if isinstance(command, LoginWorked) else command
    if isinstance(asked, Command):
        raise Refused("closed", f"{name_of(asked)}: the account is closed: start it again")


def _after_success(account: Account, report: SessionReport, now: datetime) -> list[Event]:
    if not account.watched:
        return []  # disabled while the session ended; what it stored is in the log already
    current = _is_current(account, report.settings_version, report.credential_version)
    events: list[Event] = []
    if current and report.progress and has_failed(account):  # no progress: the server was not asked, so nothing is over
        events.append(happened.RetrievalRecovered(at=now))
    events.append(
        happened.MailRetrieved(
            progress=report.progress,
            total_stored=report.total_stored,
            more=report.more,
            next_attempt_at=report.next_attempt_at,
            minute_seconds=report.minute_seconds,
            in_quarantine=report.in_quarantine,
            at=now,
        )
    )
    if report.outcome == "over_quota":
        if account.state is not State.OVER_QUOTA or account.needed_bytes != report.needed_bytes:
            events.append(happened.QuotaReached(needed_bytes=report.needed_bytes, at=now))
    elif current and account.state in (State.SUSPENDED, State.OVER_QUOTA):
        events.append(happened.AccountResumed(at=now))
    if current and report.observed is not None:
        events += _warnings_changed(account.observed, report.observed, now)
    return events


def _warnings_changed(known: Iterable[Observation], found: Iterable[Observation], now: datetime) -> list[Event]:
    before, after = ({one.code: one for one in some} for some in (known, found))
    raised = [happened.WarningRaised(observation=one, at=now) for one in after.values() if before.get(one.code) != one]
    cleared = [happened.WarningCleared(code=code, at=now) for code in before if code not in after]
    return [*raised, *cleared]


def _after_failure(account: Account, command: SessionFailed, now: datetime) -> list[Event]:
    report = command.report
    if not account.watched or not _is_current(account, report.settings_version, report.credential_version):
        return []  # an old password's failure says nothing about the new one
    failure = report.failure
    follows = failing.consequence(
        account,
        failure,
        FATES[failure.kind],
        LIMITS,
        let_in=report.password_accepted,
        suspended=account.state is State.SUSPENDED,
    )
    minutes = minutes_until_retry(
        failure.kind,
        follows.in_a_row,
        interval=account.settings.retrieval.interval_minutes,
        login_delay=report.login_delay_seconds / max(report.minute_seconds, 0.001),
    )
    # Jitter only ever adds: a LOGIN-DELAY is a floor (RFC 2449, section 6.5).
    wait = timedelta(seconds=minutes * report.minute_seconds * (1 + command.jitter / 10))
    events: list[Event] = []
    if report.progress:
        events.append(happened.ProgressMade(progress=report.progress, total_stored=report.total_stored, at=now))
    events.append(
        happened.RetrievalFailed(
            failure=failure,
            failures=follows.failures,
            in_a_row=follows.in_a_row,
            next_attempt_at=None if follows.exhausted else now + wait,
            minute_seconds=report.minute_seconds,
            host_outage=report.host_outage,
            stuck=not account.stuck
            and gets_stuck(
                failure.kind,
                follows.in_a_row,
                failed_sessions=account.failed_sessions + 1,
                let_in=report.password_accepted,
            ),
            at=now,
        )
    )
    if follows.exhausted:
        events.append(happened.AccountDisabled(reason=follows.exhausted, at=now))
    if follows.suspends:
        events.append(happened.AccountSuspended(reason=failure.kind, at=now))
    if follows.resumes:
        events.append(happened.AccountResumed(at=now))
    return events


def _after_live_login(account: Account, worked: LoginWorked, now: datetime) -> list[Event]:
    """The change that was tried, and the end of the failures before it; of disabling only where the command says so."""
    command, events = worked.command, list[Event]()
    match command:
        case ChangeSettings():
            events = _settings_changed(account, worked.settings, command.by, now)
        case ChangeCredential():
            events = [
                happened.CredentialChanged(
                    settings=worked.settings, version=account.credential_version + 1, actor=command.by, at=now
                )
            ]
    if account.state is State.DISABLED:
        mended = isinstance(command, ChangeCredential) and account.reason == "authentication_failures"
        if mended or isinstance(command, Enable):
            events.append(happened.AccountEnabled(actor=command.by, at=now))
    elif account.state is State.SUSPENDED:
        events.append(happened.AccountEnabled(actor=command.by, at=now))
    elif has_failed(account):
        events.append(happened.RetrievalRecovered(actor=command.by, at=now))
    return events


def _settings_changed(account: Account, after: AccountSettings, by: str, now: datetime) -> list[Event]:
    fields = differing(account.settings, after)
    if not fields:
        return []
    return [
        happened.SettingsChanged(settings=after, fields=fields, version=account.settings_version + 1, actor=by, at=now)
    ]


def _with_credential(settings: AccountSettings, command: ChangeCredential) -> AccountSettings:
    update = {"secret": command.secret} | ({"username": command.username} if command.username else {})
    incoming = settings.incoming.model_copy(update=update)
    if problem := unfit_secret(incoming):
        raise Refused("secret_not_allowed", f"change_credential: secret {problem}", field="secret")
    return settings.model_copy(update={"incoming": incoming})


def _is_current(account: Account, settings_version: int, credential_version: int) -> bool:
    return (settings_version, credential_version) == (account.settings_version, account.credential_version)


_HEALTHY = failing.HEALTHY | {"host_outage": None}


def evolve(account: Account, event: Event) -> Account:
    """The account after `event`."""
    return account.model_copy(update=_effect(account, event))


def _effect(account: Account, event: Event) -> dict[str, object]:
    entered: dict[str, object] = {"since": event.at, "reason": None, "needed_bytes": 0}
    match event:
        case happened.AccountConnected(settings=settings, minute_seconds=minute, deletes_from=begins):
            # A run of its own: what an earlier run of this address left in the log is over.
            anew = {"state": State.ACTIVE, "minute_seconds": minute, "deletes_from": begins}
            return dict(new_account(settings, event.at)) | anew
        case happened.SetUpRefused(failure=failure) if account.state is State.VERIFYING:
            return entered | {"state": State.CLOSED, "last_failure": failure}
        case happened.MailRetrieved(progress=progress, total_stored=total, next_attempt_at=at, minute_seconds=minute):
            seen = {} if progress is None else {"progress": progress, "last_success_at": event.at}
            counted = {} if event.in_quarantine is None else {"in_quarantine": event.in_quarantine}
            return {"total_stored": total, "next_attempt_at": at, "minute_seconds": minute} | seen | counted
        case happened.ProgressMade(progress=progress, total_stored=total):
            return {"progress": progress, "total_stored": total}
        case happened.RetrievalFailed():
            seen = {"host_outage": event.host_outage, "minute_seconds": event.minute_seconds}
            return failing.after(account, event) | seen
        case happened.RetrievalRecovered():
            return _HEALTHY
        case happened.AccountDisabled(reason=reason, because=because, actor=by):
            told = f"by {by}" + (f": {because}" if because else "")
            return entered | {"state": State.DISABLED, "reason": reason, "disabled": told, "next_attempt_at": None}
        case happened.AccountSuspended(reason=reason):
            return entered | {"state": State.SUSPENDED, "reason": reason}
        case happened.QuotaReached(needed_bytes=needed):
            since = account.since if account.state is State.OVER_QUOTA else event.at
            return entered | {"state": State.OVER_QUOTA, "since": since, "needed_bytes": needed}
        case happened.AccountResumed():
            return entered | {"state": State.ACTIVE}
        case happened.AccountEnabled():
            return entered | _HEALTHY | {"state": State.ACTIVE}
        case happened.WarningRaised(observation=one):
            return {"observed": (*_observed_but(account, one.code), one)}
        case happened.WarningCleared(code=code):
            return {"observed": _observed_but(account, code)}
        case happened.SettingsChanged(settings=settings, version=version):
            return (
                _looks_anew(account)
                | _seen_anew(account, settings)
                | {"deletes_from": _deletes_from(account, settings, event.at)}
                | {"settings": settings, "settings_version": version}
            )
        case happened.CredentialChanged(settings=settings, version=version):
            return (
                _looks_anew(account)
                | _seen_anew(account, settings)
                | {"settings": settings, "credential_version": version}
            )
        case happened.QuotaSet() if account.state is State.OVER_QUOTA:
            return {"next_attempt_at": None}
        case happened.QuarantineCounted(in_quarantine=counts, released=released):
            return {"in_quarantine": counts} | ({"next_attempt_at": None} if released else {})
        case happened.AccountClosed():
            return entered | {"state": State.CLOSED, "next_attempt_at": None}
        case _:
            return {}


def _looks_anew(account: Account) -> dict[str, object]:
    """A change takes effect at once, not after the old interval; a wait after a failure goes on."""
    return {} if account.last_failure else {"next_attempt_at": None}


def _deletes_from(account: Account, after: AccountSettings, at: datetime) -> datetime | None:
    """A change that has more deleted can be taken back for some minutes."""
    if deletes_sooner(account.settings.retrieval, after.retrieval):
        return at + timedelta(seconds=GRACE_MINUTES * account.minute_seconds)
    return None if kept_for(after.retrieval) is None else account.deletes_from


def _seen_anew(account: Account, after: AccountSettings) -> dict[str, object]:
    """Another server, user or mode shows another mailbox: what was observed says nothing about it."""
    before = account.settings
    same = (before.incoming.host, before.login_name) == (after.incoming.host, after.login_name)
    return {} if same else {"observed": ()}


def _observed_but(account: Account, code: str) -> tuple[Observation, ...]:
    return tuple(one for one in account.observed if one.code != code)


def fold(account: Account, history: Iterable[Event]) -> Account:
    """The account after all of `history`; with the events of a log, the account that a worker can go on with."""
    for event in history:
        account = evolve(account, event)
    return account

"""Watches mailboxes as a worker does: the retrieval activities with real PostgreSQL, without Temporal around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.message import EmailMessage
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.account import Recorder
from activities.pop.auth_codes import AuthCodes
from activities.pop.connection import Timeouts
from activities.pop.session import Clock, Sessions, now_utc
from activities.retrieval.watch import Retrieval
from domain.account.lifecycle import State
from domain.core.log_event import LoggedEvent
from domain.core.validation import parse
from domain.failures.failure import Failure
from domain.mailbox.settings import AccountSettings
from domain.retrieval.observations import Observation
from domain.retrieval.reports import InQuarantine, LoginReport, SessionReport
from infra.database.pool import Pool
from infra.settings import WorkerSettings
from infra.telemetry.metrics import SessionMetrics
from infra.vault.references import Secrets
from tests.servers import scripted_pop
from workflows.contract import LoginRequest, RecordedAccount, RecordRequest, WatchRequest

JANE = "jane@example.com"
PASSWORD = "correct-horse-battery"
SECRET = "MAILROOM_SECRET_JANE"  # begins the names of variables that hold PASSWORD, one for each login
PATIENT = Timeouts(connect=20, greeting=20, login=20, reply=20, transfer_idle=20)


def impatient(command: str) -> Timeouts:
    """Patient with everything but the answer to `command`, which the server keeps back: so a busy machine is waited for."""
    match command:
        case scripted_pop.CONNECT:
            return replace(PATIENT, greeting=1.5)
        case "USER" | "PASS":
            return replace(PATIENT, login=1.5)
        case _:
            return replace(PATIENT, reply=3, transfer_idle=3)


def local_worker(**changes: Any) -> WorkerSettings:
    """A worker's settings that let it connect to this machine; a minute lasts a hundredth of a second."""
    defaults = WorkerSettings(
        database_url="", allow_hosts=("localhost", "127.0.0.0/8"), minute_seconds=0.01, support="help@mailroom.example"
    )
    return replace(defaults, **changes)


def account(
    port: int,
    *,
    address: str = JANE,
    host: str = "127.0.0.1",
    tls: str = "none",
    username: str | None = None,
    secret: str = "",
    user: str | None = None,
    aliases: tuple[str, ...] = (),
    crm: tuple[str, ...] = (),
    auth: str = "password",
    provider: str | None = None,
    organisation: str = "default",
    **retrieval: Any,
) -> AccountSettings:
    """An account's settings as an operator would write them, with a secret of its own unless one is given; `retrieval` are
    fields of that part."""
    if not secret:
        login = f"{organisation} {username or address} {host} {port}"
        secret = f"env:{SECRET}_{sha256(login.encode()).hexdigest()[:16]}"
    written = {
        "address": address,
        "organisation": organisation,
        "user": user,
        "provider": provider,
        "aliases": list(aliases),
        "incoming": {"host": host, "port": port, "tls": tls, "username": username, "secret": secret, "auth": auth},
        "retrieval": retrieval,
        "crm": list(crm),
    }
    return parse(AccountSettings, written, what="MailAccount")


def mail(number: int = 1, *, sender: str = "anna@example.org", size: int = 0) -> bytes:
    """One message as it is on the wire; `size` pads it to at least that many bytes."""
    message = EmailMessage()
    message["From"] = f"Somebody <{sender}>"
    message["To"] = JANE
    message["Subject"] = f"message {number}"
    message["Date"] = "Mon, 23 Nov 2026 10:00:00 +0100"
    message["Message-ID"] = f"<{number}@example.org>"
    message.set_content(f"This is message {number}.\n")
    raw = message.as_bytes().replace(b"\n", b"\r\n")
    return raw + (b"x" * 70 + b"\r\n") * (max(size - len(raw), 0) // 72 + 1 if size else 0)


def mailbox(count: int, *, first: int = 1, size: int = 0) -> dict[str, bytes]:
    """UIDL -> message, of `count` messages."""
    return {f"uid-{number}": mail(number, size=size) for number in range(first, first + count)}


class Passwords(dict[str, str]):
    """The environment of a worker that has PASSWORD for every login that `account` makes, and what it is given."""

    def __missing__(self, name: str) -> str:
        if name.startswith(SECRET):
            return PASSWORD
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self or name.startswith(SECRET) else default


@dataclass
class Watcher:
    """One worker that watches accounts; its settings and clock may be changed between sessions."""

    pool: Pool
    worker: WorkerSettings = field(default_factory=local_worker)
    clock: Clock = now_utc
    timeouts: Timeouts = PATIENT
    environ: Mapping[str, str] = field(default_factory=lambda: Passwords())
    name: str = "worker-1"
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)
    """Tells activities of heartbeats, cancellation and the worker's shutdown; a new one is a worker started again."""

    def retrieval(self) -> Retrieval:
        sessions = Sessions(
            Secrets(self.pool, self.worker, environ=self.environ),
            self.worker,
            AuthCodes(self.pool),
            clock=self.clock,
            timeouts=self.timeouts,
        )
        return Retrieval(self.pool, sessions, self.worker, SessionMetrics(), self.name, clock=self.clock)

    async def watch(
        self,
        settings: AccountSettings,
        *,
        report: bool = False,
        recovering: bool = False,
        not_before: datetime | None = None,
        needed_bytes: int = 0,
        total_stored: int | None = None,
        observed: tuple[Observation, ...] | None = None,
        in_quarantine: InQuarantine | None = None,
    ) -> SessionReport:
        """One attempt of `watch`, as the workflow asks for it: it knows of all mail that is stored so far."""
        if total_stored is None:
            stored = "select count(*) from messages where address = %s and state = 'stored'"
            total_stored = await self.value(stored, settings.address)
        request = WatchRequest(
            settings=settings,
            settings_version=3,
            credential_version=2,
            total_stored=total_stored,
            recovering=recovering,
            report=report,
            not_before=not_before,
            needed_bytes=needed_bytes,
            observed=observed,
            in_quarantine=in_quarantine,
        )
        return await self.environment.run(self.retrieval().watch, request)

    async def finds_nothing(self, settings: AccountSettings, **request: Any) -> ApplicationError:
        """Watches; the attempt must end by asking to be called again."""
        with pytest.raises(ApplicationError) as ended:
            await self.watch(settings, **request)
        assert ended.value.type in ("NothingNew", "Waiting"), ended.value
        return ended.value

    async def attempt(self, settings: AccountSettings, **request: Any) -> SessionReport | None:
        """Watches; None where the attempt found nothing and asks to be called again."""
        try:
            return await self.watch(settings, **request)
        except ApplicationError as ended:
            if ended.type in ("NothingNew", "Waiting"):
                return None
            raise

    async def fails(self, settings: AccountSettings, **request: Any) -> Failure:
        """Watches; the session must fail, under the failure's own kind."""
        with pytest.raises(ApplicationError) as ended:
            await self.watch(settings, **request)
        return failure_of(ended.value)

    async def try_login(self, settings: AccountSettings) -> LoginReport:
        request = LoginRequest(settings=settings, command="enable")
        return await self.environment.run(self.retrieval().try_login, request)

    async def refuses_login(self, settings: AccountSettings) -> Failure:
        """Tries a login; it must fail, under the failure's own kind."""
        with pytest.raises(ApplicationError) as ended:
            await self.try_login(settings)
        return failure_of(ended.value)

    async def record(self, settings: AccountSettings, *, quota_bytes: int | None = None) -> None:
        """Records the account as the workflow does once its login has worked, with its user's quota if given."""
        request = RecordRequest(
            address=settings.address,
            events=[],
            notices=[],
            account=recorded(settings),
            quota=None if quota_bytes is None else (settings.owner, quota_bytes),
        )
        await self.environment.run(Recorder(self.pool).record, request)

    async def connect(self, settings: AccountSettings) -> None:
        """The same with the event of it in the log, for what reads the account's settings there."""
        connected = LoggedEvent(
            event_id=uuid4(),
            at=now_utc(),
            type="AccountConnected",
            actor="ops",
            data={"settings": settings.model_dump(mode="json"), "version": 1},
        )
        request = RecordRequest(
            address=settings.address, events=[connected], notices=[None], account=recorded(settings)
        )
        await self.environment.run(Recorder(self.pool).record, request)

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            return await rows(connection, query, *values)

    async def value(self, query: str, *values: Any) -> Any:
        (row,) = await self.rows(query, *values)
        (value,) = row.values()
        return value

    async def column(self, query: str, *values: Any) -> list[Any]:
        return [next(iter(row.values())) for row in await self.rows(query, *values)]

    async def ledger(self, address: str = JANE) -> dict[str, str]:
        """UIDL -> state, as the view `ledger` has it."""
        found = await self.rows("select uidl, state from ledger where address = %s order by epoch", address)
        return {row["uidl"]: row["state"] for row in found}

    async def subjects(self, address: str = JANE) -> list[str]:
        """The subjects of what is stored, in the order in which it was."""
        return await self.column("select subject from messages where address = %s order by id", address)

    async def events(self, address: str = JANE) -> list[str]:
        return await self.column("select type from account_events where address = %s order by version", address)


@dataclass
class BusyWatcher(Watcher):
    """One that makes its activities once, as a worker does, for tests in which they run again and again."""

    made: Retrieval | None = None

    def retrieval(self) -> Retrieval:
        self.made = self.made or super().retrieval()
        return self.made


async def rows(connection: AsyncConnection[Any], query: str, *values: Any) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values or None)
        return await cursor.fetchall()


def failure_of(error: ApplicationError) -> Failure:
    """The classified failure in what an activity raised, which is never retried by Temporal itself."""
    failure = Failure.model_validate(error.details[0])
    assert error.type == failure.kind
    assert error.non_retryable
    return failure


def recorded(settings: AccountSettings) -> RecordedAccount:
    return RecordedAccount(
        organisation=settings.organisation,
        owner=settings.owner,
        host=settings.incoming.host,
        crm=list(settings.crm),
        aliases=list(settings.aliases),
        state=State.ACTIVE,
        reason=None,
        authentication_failures=0,
        connection_failures=0,
        next_attempt_at=None,
    )

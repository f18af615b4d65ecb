"""An attempt to send a message: claimed, transmitted with the dot held back until the mark is committed, and settled."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from temporalio import activity

from activities.core.attempts import call_again, heartbeats
from activities.sending.logins import Logins, of_route, server_of
from activities.sending.outgoing import (
    Row,
    change,
    locked,
    log,
    recipients_left,
    settle_recipients,
    status_of,
)
from activities.smtp.envelope import Envelope
from activities.smtp.session import Login, SmtpSessions, now_utc
from activities.smtp.transmission import Transmission, transmission
from domain.core.text import storable
from domain.failures.failure import Failure, Kind
from domain.sending.commands import AttemptFailed, AttemptWorked
from domain.sending.failures import fate_of
from domain.sending.message import MessageState
from domain.sending.result import Result, result_of
from domain.sending.settings import RouteSettings
from infra.database.pool import Connection, Pool
from infra.settings import WorkerSettings
from workflows.contract import Attempted, SendRequest

logger = logging.getLogger(__name__)

MOST_SESSIONS = 2
"""Sessions of a route at a time: providers count them, and some bear three."""

PER_SECOND = 4.0  # messages of a route that are over in a second, as a guess of when one's turn comes
ABANDONED = "15 minutes"  # after which what "is being sent" has lost its worker
CHUNKS_AT_ONCE = 4  # of what is stored, read while the line takes them
BEFORE_THE_LINE = frozenset(("connect", "tls", "greeting", "ehlo", "starttls", "auth"))


@dataclass(frozen=True, slots=True)
class Claim:
    """What this attempt sends, as nobody else may: who has the token marks."""

    row: Row
    token: UUID
    n: int
    settings: RouteSettings
    version: int
    recipients: list[tuple[int, str]]
    works: bool
    """Whether the route has failed last, so that it is news that it works."""


class Sending:
    def __init__(
        self, pool: Pool, sessions: SmtpSessions, logins: Logins, settings: WorkerSettings, worker: str
    ) -> None:
        self._pool = pool
        self._sessions = sessions
        self._logins = logins
        self._settings = settings
        self._worker = worker

    @activity.defn
    async def send_message(self, request: SendRequest) -> Attempted:
        """One attempt, as far as one is to be made. Killed before the mark it has sent nothing and is made again; after it the
        message is uncertain (activities/sending/outgoing.py has the table)."""
        async with heartbeats(lambda: None):
            claim = await self._claim(request)
            if isinstance(claim, Attempted):
                return claim
            return await self._transmit(claim)

    # --- claiming ---

    async def _claim(self, request: SendRequest) -> Claim | Attempted:
        at = now_utc()
        async with self._pool.connection() as connection, connection.transaction():
            row = await locked(connection, request.request_id)
            if row.is_final or row.state is MessageState.UNCERTAIN:
                return Attempted(status=await status_of(connection, row.request_id))
            if row.phase == "marked":
                await self._doubt(connection, row, at, "connection_lost")
                return Attempted(status=await status_of(connection, row.request_id))
            if row.state is MessageState.SCHEDULED and row.next_attempt_at and row.next_attempt_at > at:
                return Attempted(status=await status_of(connection, row.request_id))
            route = await _route(connection, row.route)
            if why := await _why_held(connection, row, route, by_hand=request.by_hand):
                await _hold(connection, row, at, why)
                stopped = self._stopped(route)
                return Attempted(status=await status_of(connection, row.request_id), route=stopped)
            assert route is not None
            if (before := await _before(connection, row)) is not None:
                call_again(
                    f"{MOST_SESSIONS} messages of the route are being sent, and {before} wait before it",
                    timedelta(seconds=min(max(before / PER_SECOND, 1.0), 60.0)),
                )
            if row.state is MessageState.QUEUED and at >= row.expires_at:
                await change(
                    connection, row, state=MessageState.EXPIRED.value, reason="expired", since=at, next_attempt_at=None
                )
                await log(connection, row, "MessageExpired", "expired", at)
                return Attempted(status=await status_of(connection, row.request_id))
            token, recipients = uuid4(), await recipients_left(connection, row.request_id)
            await change(
                connection,
                row,
                state=MessageState.SENDING.value,
                reason=None,
                since=at,
                phase="sending",
                token=token,
                attempts=row.attempts + 1,
                next_attempt_at=None,
            )
            await connection.execute(
                """
                insert into outgoing_attempts (request_id, n, token, worker, started_at, recipients)
                values (%s, %s, %s, %s, %s, %s)
                """,
                [row.request_id, row.attempts + 1, token, self._worker, at, [one for one, _ in recipients]],
            )
        return Claim(row, token, row.attempts + 1, route.settings, route.version, recipients, route.has_failed)

    async def _doubt(
        self, connection: Connection, row: Row, at: datetime, reason: str, **more: dict[str, Any] | None
    ) -> None:
        """Nobody knows whether it was accepted: who had marked it is gone."""
        await connection.execute(
            "update outgoing_recipients set state = 'uncertain' where request_id = %s and state in ('pending', 'deferred')",
            [row.request_id],
        )
        await change(connection, row, state=MessageState.UNCERTAIN.value, reason=reason, since=at, next_attempt_at=None)
        await log(connection, row, "MessageUncertain", f"uncertain:{row.attempts}", at, {"attempt": row.attempts})

    def _stopped(self, route: RouteRow | None) -> AttemptFailed | None:
        """What the route's workflow perhaps has not heard yet, because who was to tell it died."""
        if route is None or route.stopped is None:
            return None
        return AttemptFailed(
            failure=route.stopped, settings_version=route.version, minute_seconds=self._settings.minute_seconds
        )

    # --- transmitting ---

    async def _transmit(self, claim: Claim) -> Attempted:
        login = await self._logins.login(claim.settings)
        attempted, result = await self._with(claim, login)
        refused = attempted.trouble.failure.kind if attempted.trouble else None
        if login.auth == "xoauth2" and refused is Kind.SMTP_AUTHENTICATION and attempted.phase == "auth":
            login = await self._logins.login(claim.settings, rejected=login.secret)
            attempted, result = await self._with(claim, login)
        if result is None:  # nothing was settled: the login was refused
            result = await self._settle(claim, attempted)
        if attempted.logged_in:
            await self._logins.worked(claim.settings)
        return result

    async def _with(self, claim: Claim, login: Login) -> tuple[Transmission, Attempted | None]:
        """The transmission and, unless a renewed token is to be tried, what it was settled as."""
        row = claim.row
        envelope = Envelope(row.address, tuple(address for _, address in claim.recipients))
        async with transmission(
            self._sessions,
            server_of(claim.settings),
            login,
            envelope,
            self._body(row.request_id),
            size=row.size,
            mark=lambda: self._mark(claim),
        ) as came:
            if login.auth == "xoauth2" and came.phase == "auth":
                return came, None
            return came, await self._settle(claim, came)

    async def _body(self, request_id: str) -> AsyncIterator[bytes]:
        position = 0
        while True:
            async with self._pool.connection() as connection:
                rows = await (
                    await connection.execute(
                        """
                        select data from outgoing_chunks where request_id = %s and position >= %s
                        order by position limit %s
                        """,
                        [request_id, position, CHUNKS_AT_ONCE],
                    )
                ).fetchall()
            for (data,) in rows:
                yield bytes(data)
            position += len(rows)
            if len(rows) < CHUNKS_AT_ONCE:
                return

    async def _mark(self, claim: Claim) -> bool:
        """Commits that the final dot may be written from now on, unless somebody else has the message by now, or has cancelled
        it."""
        at = now_utc()
        async with self._pool.connection() as connection, connection.transaction():
            done = await connection.execute(
                """
                update outgoing set phase = 'marked', version = version + 1
                where request_id = %s and token = %s and phase = 'sending' and state = 'sending'
                """,
                [claim.row.request_id, claim.token],
            )
            if done.rowcount == 0:
                return False
            await connection.execute(
                "update outgoing_attempts set phase = 'marked', marked_at = %s where request_id = %s and n = %s",
                [at, claim.row.request_id, claim.n],
            )
            await log(connection, claim.row, "MessageMarked", f"marked:{claim.n}", at, {"attempt": claim.n})
        return True

    # --- settling ---

    async def _settle(self, claim: Claim, came: Transmission) -> Attempted:
        """Writes what came of it, in one transaction: small, so that nothing of what follows from it can lose it."""
        at = now_utc()
        failure = of_route(came.trouble.failure) if came.trouble else None
        result = result_of(came.recipients, came.trouble.verdict if came.trouble else None, claim.n)
        async with self._pool.connection() as connection, connection.transaction():
            row = await locked(connection, claim.row.request_id)
            if row.token != claim.token or row.is_final:
                return Attempted(status=await status_of(connection, row.request_id))
            await settle_recipients(
                connection,
                row.request_id,
                [
                    (ordinal, outcome.state, outcome.code, storable(outcome.said) if outcome.said else None)
                    for (ordinal, _), outcome in zip(claim.recipients, came.recipients, strict=True)
                ],
            )
            await connection.execute(
                """
                update outgoing_attempts set phase = %s, ended_at = %s, code = %s, said = %s, outcome = %s
                where request_id = %s and n = %s
                """,
                [
                    came.phase,
                    at,
                    came.answer.code if came.answer else None,
                    storable(came.said) if came.said else None,
                    result.course,
                    row.request_id,
                    claim.n,
                ],
            )
            report = await self._report(connection, claim, came, failure)  # before the log, which is locked last
            await self._enter(connection, row, claim, came, result, failure, at)
            return Attempted(status=await status_of(connection, row.request_id), route=report)

    async def _enter(
        self,
        connection: Connection,
        row: Row,
        claim: Claim,
        came: Transmission,
        result: Result,
        failure: Failure | None,
        at: datetime,
    ) -> None:
        """The state that follows, with its event."""
        wait = timedelta(minutes=result.minutes) * (self._settings.minute_seconds / 60)
        shown = failure.model_dump(mode="json") if failure else None
        facts = {"attempt": claim.n, **({"failure": failure.kind, "reference": failure.reference} if failure else {})}
        match result.course:
            case "doubt":
                if row.state is not MessageState.UNCERTAIN:  # whoever came after it has found that out
                    await self._doubt(connection, row, at, "connection_lost", last_failure=shown)
            case "hold":
                await change(
                    connection,
                    row,
                    state=MessageState.HELD.value,
                    reason=failure.kind if failure else "route",
                    since=at,
                    phase="composed",
                    token=None,
                    last_failure=shown,
                )
                await log(connection, row, "MessageHeld", f"held:{claim.n}", at, facts)
            case "wait":
                await change(
                    connection,
                    row,
                    state=MessageState.QUEUED.value,
                    reason=failure.kind if failure else "deferred",
                    since=at,
                    phase="composed",
                    token=None,
                    next_attempt_at=at + wait,
                    last_failure=shown,
                )
            case "end":
                await self._end(connection, row, came, shown, facts, at)

    async def _end(
        self,
        connection: Connection,
        row: Row,
        came: Transmission,
        shown: dict[str, object] | None,
        facts: dict[str, object],
        at: datetime,
    ) -> None:
        found = await (
            await connection.execute(
                """
                select count(*) filter (where state in ('accepted', 'bounced')), count(*) filter (where state = 'rejected')
                from outgoing_recipients where request_id = %s
                """,
                [row.request_id],
            )
        ).fetchone()
        assert found is not None
        accepted, rejected = found
        state = MessageState.REJECTED
        if accepted:
            state = MessageState.PARTLY_ACCEPTED if rejected else MessageState.ACCEPTED
        columns: dict[str, object] = {"last_failure": shown} if shown else {}
        if came.said:
            columns |= {"server_reply": storable(came.said)}
        if accepted:
            columns |= {"accepted_at": at, "copy": "pending"}
        await change(
            connection,
            row,
            state=state.value,
            reason=None if accepted and not rejected else "smtp_rejected",
            since=at,
            phase="answered",
            next_attempt_at=None,
            **columns,
        )
        kinds = {
            MessageState.ACCEPTED: "MessageAccepted",
            MessageState.PARTLY_ACCEPTED: "MessagePartlyAccepted",
            MessageState.REJECTED: "MessageRejected",
        }
        counts = {"accepted": accepted, "rejected": rejected}
        await log(connection, row, kinds[state], "answered", at, {**facts, **counts})

    async def _report(
        self, connection: Connection, claim: Claim, came: Transmission, failure: Failure | None
    ) -> AttemptFailed | AttemptWorked | None:
        """What the route's workflow has to know. What stops the route stops it here already, so that no other message makes the
        same attempt before the workflow has heard of this one."""
        trouble = came.trouble
        if trouble is None or failure is None or trouble.verdict.scope != "route":
            worked = came.phase not in BEFORE_THE_LINE and claim.works
            return AttemptWorked(settings_version=claim.version) if worked else None
        if trouble.verdict.course in ("suspend", "pause") or fate_of(failure.kind, 1).suspends:
            await connection.execute(
                """
                update sending_routes set stopped = coalesce(stopped, %s), stopped_version = %s
                where id = %s and settings_version = %s
                """,
                [Jsonb(failure.model_dump(mode="json")), claim.version, claim.row.route, claim.version],
            )
        return AttemptFailed(
            failure=failure,
            settings_version=claim.version,
            let_in=came.logged_in,
            minute_seconds=self._settings.minute_seconds,
        )


@dataclass(frozen=True, slots=True)
class RouteRow:
    settings: RouteSettings
    version: int
    state: str
    reason: str | None
    stopped: Failure | None
    has_failed: bool

    @property
    def why_closed(self) -> str | None:
        """Why it takes no mail; None where it does."""
        if self.stopped is not None:
            return self.stopped.kind
        return None if self.state == "active" else (self.reason or self.state)


async def _route(connection: Connection, route_id: str) -> RouteRow | None:
    """The route, which does not open or close until the transaction ends: who finds it closed is held before it opens again,
    and so is woken by that."""
    row = await (
        await connection.execute(
            """
            select settings::text, settings_version, state, reason, stopped, last_failure is not null
            from sending_routes where id = %s for share
            """,
            [route_id],
        )
    ).fetchone()
    if row is None:
        return None
    settings, version, state, reason, stopped, has_failed = row
    return RouteRow(
        RouteSettings.model_validate_json(settings),
        version,
        state,
        reason,
        Failure.model_validate(stopped) if stopped else None,
        has_failed,
    )


async def _before(connection: Connection, row: Row) -> int | None:
    """How many wait before it, where as many as may be are being sent by its route; None where it may go."""
    found = await (
        await connection.execute(
            """
            select count(*) filter (where state = 'sending' and since > now() - %(abandoned)s::interval),
                count(*) filter (where state in ('queued', 'held') and queued_at < own.at)
            from outgoing, (select queued_at as at from outgoing where request_id = %(own)s) own
            where route = %(route)s and state in ('sending', 'queued', 'held') and request_id <> %(own)s
            """,
            {"abandoned": ABANDONED, "own": row.request_id, "route": row.route},
        )
    ).fetchone()
    assert found is not None
    under_way, before = found
    return before if under_way >= MOST_SESSIONS else None


async def _why_held(connection: Connection, row: Row, route: RouteRow | None, *, by_hand: bool) -> str | None:
    """Why the message may not go now; None where it may. Mail of an account that is closed waits until it is cancelled."""
    if route is None:
        return "route_missing"
    account = await (
        await connection.execute("select state from accounts_recorded where address = %s", [row.account])
    ).fetchone()
    if account is None or account[0] == "closed":
        return "account_closed"
    return None if by_hand and route.state != "closed" else route.why_closed


async def _hold(connection: Connection, row: Row, at: datetime, why: str) -> None:
    if row.state is MessageState.HELD:
        return
    await change(
        connection,
        row,
        state=MessageState.HELD.value,
        reason=why,
        since=at,
        phase="composed",
        token=None,
        next_attempt_at=None,
    )
    await log(connection, row, "MessageHeld", f"held:{row.attempts}:{row.version}", at, {"reason": why})

"""What people may still do about a message: each command is one transaction that has its row locked, so that none of them can
lose a race against the mark."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from temporalio import activity

from activities.sending.outgoing import Row, change, locked, log, status_of, was_logged
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.sending.message import (
    AnyCommand,
    Cancel,
    MessageState,
    MessageStatus,
    Reschedule,
    Resolve,
    RetryNow,
)
from infra.database.pool import Connection, Pool
from workflows.contract import MessageCommandRequest

MODELS: dict[str, type[AnyCommand]] = {
    "cancel": Cancel,
    "retry_now": RetryNow,
    "resolve": Resolve,
    "reschedule": Reschedule,
}
WAITS = frozenset((MessageState.SCHEDULED, MessageState.QUEUED, MessageState.HELD))


class Changes:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def change_message(self, request: MessageCommandRequest) -> MessageStatus:
        """Carries a command out in the message's row; done again, it changes nothing. Raises Refused."""
        command = parse(MODELS[request.command], request.given, what=request.command)
        async with self._pool.connection() as connection, connection.transaction():
            row = await locked(connection, request.request_id)
            match command:
                case Cancel():
                    await _cancel(connection, row, command, request.at)
                case RetryNow():
                    await _retry_now(connection, row, request.at)
                case Resolve():
                    await _resolve(connection, row, command, request.at)
                case Reschedule():
                    await _reschedule(connection, row, command, request.at)
            return await status_of(connection, request.request_id)

    @activity.defn
    async def look_at_message(self, request_id: str) -> MessageStatus:
        """The message as its row has it, which others may have changed: who stored a reply to it, or its bounce."""
        async with self._pool.connection() as connection:
            return await status_of(connection, request_id)


async def _cancel(connection: Connection, row: Row, command: Cancel, at: datetime) -> None:
    """Taken where nobody has marked it: whoever is sending it finds that when they are to mark it."""
    if row.state is MessageState.CANCELLED:
        return
    if row.phase == "marked" or row.is_final:
        raise Refused("too_late", f"cancel: it is {_known(row)}: what was sent cannot be taken back")
    await change(
        connection,
        row,
        state=MessageState.CANCELLED.value,
        reason="operator",
        since=at,
        phase="composed",
        token=None,
        next_attempt_at=None,
    )
    await log(connection, row, "MessageCancelled", "cancelled", at, by=command.by)


async def _retry_now(connection: Connection, row: Row, at: datetime) -> None:
    match row.state:
        case MessageState.QUEUED:
            await change(connection, row, next_attempt_at=at)
        case MessageState.HELD:
            return  # the workflow tries it once, whatever its route says
        case MessageState.UNCERTAIN:
            raise Refused(
                "uncertain", "retry_now: whether it was sent is not known: say what became of it with resolve"
            )
        case _:
            raise Refused("too_late", f"retry_now: it is {_known(row)}: nothing waits to be tried again")


async def _resolve(connection: Connection, row: Row, command: Resolve, at: datetime) -> None:
    step = f"resolved:{row.attempts}"
    if await was_logged(connection, row, step, at):
        return
    if row.state is not MessageState.UNCERTAIN:
        raise Refused("not_uncertain", f"resolve: it is {_known(row)}: there is no doubt to end")
    facts: dict[str, Any] = {"outcome": command.outcome, "because": command.reason}
    if command.outcome == "accepted":
        await connection.execute(
            "update outgoing_recipients set state = 'accepted' where request_id = %s and state = 'uncertain'",
            [row.request_id],
        )
        await change(
            connection,
            row,
            state=MessageState.ACCEPTED.value,
            reason="operator",
            since=at,
            phase="answered",
            accepted_at=at,
            copy="pending",
        )
    else:
        await connection.execute(
            "update outgoing_recipients set state = 'pending' where request_id = %s and state = 'uncertain'",
            [row.request_id],
        )
        await change(
            connection,
            row,
            state=MessageState.QUEUED.value,
            reason="operator",
            since=at,
            phase="composed",
            token=None,
            next_attempt_at=at,
            # The time in doubt is not the message's fault.
            expires_at=max(row.expires_at, at + timedelta(hours=24)),
        )
    await log(connection, row, "UncertaintyResolved", step, at, facts, by=command.by)


async def _reschedule(connection: Connection, row: Row, command: Reschedule, at: datetime) -> None:
    if row.state not in WAITS:
        raise Refused("too_late", f"reschedule: it is {_known(row)}")
    if row.next_attempt_at == command.send_at and row.state is MessageState.SCHEDULED:
        return
    await change(
        connection,
        row,
        state=MessageState.SCHEDULED.value,
        reason=None,
        since=at,
        next_attempt_at=command.send_at,
        expires_at=max(row.expires_at, command.send_at + timedelta(hours=96)),
    )
    facts = {"send_at": command.send_at.isoformat()}
    await log(connection, row, "MessageRescheduled", f"rescheduled:{row.version}", at, facts, by=command.by)


def _known(row: Row) -> str:
    return "being sent, and its end may be on the line" if row.phase == "marked" else row.state.value

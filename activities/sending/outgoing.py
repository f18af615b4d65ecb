"""The row of an outgoing message: who may send it, the mark after which it is never sent again by itself, and what came of it.

| the process dies | the row says | what follows |
|---|---|---|
| before the mark | sending, with a token | the next attempt takes a token of its own, and sends it |
| after the mark, before the answer is committed | marked | uncertain: it is not sent again by itself |
| after that | answered | nothing is left to do but the copy in Sent |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from activities.core.log import append
from domain.core.log_event import SYSTEM, LoggedEvent
from domain.core.refusal import Refused
from domain.failures.failure import Failure
from domain.sending.message import FINAL, MessageState, MessageStatus, Recipients
from infra.database.pool import Connection


@dataclass(frozen=True, slots=True)
class Row:
    """The message as its transaction has it, locked."""

    request_id: str
    address: str
    account: str
    route: str
    state: MessageState
    phase: str
    token: UUID | None
    attempts: int
    version: int
    expires_at: datetime
    next_attempt_at: datetime | None
    since: datetime
    digest: bytes
    message_id: str
    size: int
    smtputf8: bool

    @property
    def is_final(self) -> bool:
        return self.state in FINAL


async def locked(connection: Connection, request_id: str) -> Row:
    """The row, which nobody changes until the transaction ends. Raises Refused `unknown_message`."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            select request_id, address, account, route, state, phase, token, attempts, version, expires_at, next_attempt_at,
                since, digest, message_id, size, smtputf8
            from outgoing where request_id = %s for no key update
            """,
            [request_id],
        )
        found = await cursor.fetchone()
    if found is None:
        raise unknown(request_id)
    found["state"] = MessageState(found["state"])
    found["digest"] = bytes(found["digest"])
    return Row(**found)


def unknown(request_id: str) -> Refused:
    return Refused(
        "unknown_message",
        f"no message was queued with the request id {request_id}: the view sent_messages has those that were",
    )


async def status_of(connection: Connection, request_id: str) -> MessageStatus:
    """The message as people are told of it. Raises Refused `unknown_message`."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            select o.request_id, o.version, o.address as sender, o.account, o.state, o.reason, o.since, o.route, o.message_id,
                o.attempts, o.next_attempt_at, o.expires_at, o.last_failure, o.mail as message, o.copy as sent,
                count(r.*) as all, count(r.*) filter (where r.state = 'accepted') as accepted,
                count(r.*) filter (where r.state = 'rejected') as rejected,
                count(r.*) filter (where r.state = 'deferred') as deferred,
                count(r.*) filter (where r.state = 'uncertain') as uncertain,
                count(r.*) filter (where r.state = 'bounced') as bounced
            from outgoing o left join outgoing_recipients r using (request_id) where o.request_id = %s group by o.request_id
            """,
            [request_id],
        )
        found = await cursor.fetchone()
    if found is None:
        raise unknown(request_id)
    counts = Recipients(**{name: found.pop(name) for name in Recipients.model_fields})
    failure = found.pop("last_failure")
    return MessageStatus(**found, recipients=counts, last_failure=Failure.model_validate(failure) if failure else None)


async def change(connection: Connection, row: Row, **columns: Any) -> None:
    """Writes columns of a row that this transaction has locked; a new state is one since `at`."""
    values = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in columns.items()}
    sets = ", ".join(f"{name} = %({name})s" for name in values)
    await connection.execute(
        f"update outgoing set version = version + 1, {sets} where request_id = %(request_id)s".encode(),
        {**values, "request_id": row.request_id},
    )


async def log(
    connection: Connection,
    row: Row,
    kind: str,
    step: str,
    at: datetime,
    facts: dict[str, Any] | None = None,
    *,
    by: str = SYSTEM,
) -> None:
    """An event of the account, once for each step of a message. Never a recipient, a subject or a word of it. Last in the
    transaction, as `append` says."""
    event = LoggedEvent(
        event_id=event_id(row.request_id, step),
        at=at,
        type=kind,
        actor=by,
        data={"request_id": row.request_id, "route": row.route, **(facts or {})},
    )
    await append(connection, row.account, event)


async def was_logged(connection: Connection, row: Row, step: str, at: datetime) -> bool:
    """Whether this very command has done that step: its activity is tried again, because its answer was lost."""
    found = await (
        await connection.execute(
            "select at = %s from account_events where event_id = %s", [at, event_id(row.request_id, step)]
        )
    ).fetchone()
    return found is not None and bool(found[0])


def event_id(request_id: str, step: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"mailroom:send:{request_id}:{step}")


async def recipients_left(connection: Connection, request_id: str) -> list[tuple[int, str]]:
    """Whom it has still to be offered to, in their order."""
    rows = await (
        await connection.execute(
            """
            select ordinal, address from outgoing_recipients
            where request_id = %s and state in ('pending', 'deferred') order by ordinal
            """,
            [request_id],
        )
    ).fetchall()
    return [(ordinal, address) for ordinal, address in rows]


async def settle_recipients(
    connection: Connection, request_id: str, outcomes: Sequence[tuple[int, str, int | None, str | None]]
) -> None:
    """Writes what became of recipients: ordinal, state, code and words."""
    await connection.execute(
        """
        update outgoing_recipients r set state = new.state, code = new.code, said = new.said
        from unnest(%s::int[], %s::text[], %s::int[], %s::text[]) as new (ordinal, state, code, said)
        where r.request_id = %s and r.ordinal = new.ordinal
        """,
        [
            [ordinal for ordinal, *_ in outcomes],
            [state for _, state, _, _ in outcomes],
            [code for _, _, code, _ in outcomes],
            [said for *_, said in outcomes],
            request_id,
        ],
    )

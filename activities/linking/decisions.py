"""Linking and unlinking by hand: what a person decides about a message and a record holds until it is undone.

A decision is a row of `link_decisions`, and its link says `manual`: linking anew leaves such a link alone but for its direction,
and mail that follows a merged record takes its decisions along (activities/linking/merged_records.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio import activity

from activities.core.commands import given
from activities.core.locks import hold_links
from activities.core.log import append, logged
from activities.linking.links import relink
from activities.linking.lookups import kept_private
from activities.linking.merged_records import what_became
from domain.core.log_event import LoggedEvent
from domain.core.refusal import Refused
from domain.linking.commands import Decision, LinkMessage, UndoDecision, UnlinkMessage
from domain.linking.model import SENT
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One message of the account and one record, both locked or known to be there."""

    message: int
    identity: bytes
    folder: str
    crm: str
    kind: str
    record: str

    @property
    def key(self) -> list[object]:
        return [self.message, self.crm, self.kind, self.record]


Effect = Callable[[Connection, Case, Decision, DeskRequest], Awaitable[None]]


class Decisions:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def link_message(self, request: DeskRequest) -> Answer:
        """Links a message with a record of one of its account's CRMs. Raises Refused where there is no such message or record."""
        return await self._decide(request, given(LinkMessage, request), "MessageLinked", _link)

    @activity.defn
    async def unlink_message(self, request: DeskRequest) -> Answer:
        """Unlinks a message from a record. Raises Refused where it never was linked with it."""
        return await self._decide(request, given(UnlinkMessage, request), "MessageUnlinked", _unlink)

    @activity.defn
    async def undo_decision(self, request: DeskRequest) -> Answer:
        """Leaves a message and a record to the rules again. Raises Refused where nothing was decided about them."""
        return await self._decide(request, given(UndoDecision, request), "DecisionUndone", _undo)

    async def _decide(self, request: DeskRequest, asked: Decision, kind: str, effect: Effect) -> Answer:
        """Does it with all that follows from it, once: tried again after a lost answer, it finds its event in the log."""
        async with self._pool.connection() as connection, connection.transaction():
            await hold_links(connection, [request.address])
            case = await _case(connection, request.address, asked)
            done = await logged(connection, request.address, request.event_id, request.at, asked.by)
            if done is None:
                await effect(connection, case, asked, request)
                await relink(connection, [case.message], [case.crm], replies=True)
            answer = await _answer(connection, case)
            if done is None:
                data = {name: answer[name] for name in ("message", "crm", "record_kind", "record_id", "linked")}
                event = LoggedEvent(
                    event_id=request.event_id,
                    at=request.at,
                    type=kind,
                    actor=asked.by,
                    data={**data, "because": asked.reason},
                )
                await append(connection, request.address, event)
        return answer


async def _case(connection: Connection, address: str, given: Decision) -> Case:
    row = await (
        await connection.execute(
            """
            select m.id, m.identity, m.folder, a.crm from mail m join accounts_recorded a using (address)
            where m.id = %s and m.address = %s and m.state = 'stored' for no key update of m
            """,
            [given.message, address],
        )
    ).fetchone()
    if row is None:
        raise Refused(
            "unknown_message",
            f"message {given.message} is no stored message of {address}: the view messages shows which there are",
            field="message",
        )
    message, identity, folder, crms = row
    if given.crm not in crms:
        raise Refused(
            "unknown_crm",
            f"{address} is not connected with a CRM of the name {given.crm}: its settings name them in crm",
            field="crm",
        )
    if isinstance(given, LinkMessage) and message in await kept_private(connection, [message]):
        raise Refused(
            "private",
            f"message {message} is kept out of every CRM: give make_private with private false for it first",
            field="message",
        )
    kind: str = given.record_kind
    record = given.record_id
    there = await (
        await connection.execute(
            "select from links where message = %s and crm = %s and record_kind = %s and record_id = %s "
            "and (unlinked_at is null or source = 'manual')",
            [message, given.crm, kind, record],
        )
    ).fetchone()
    if there is None:  # a record that was merged or converted is meant as what it became
        became = await what_became(connection, given.crm, kind, record)
        if became is None and isinstance(given, LinkMessage):
            raise Refused(
                "unknown_record",
                f"{given.crm} has no {kind} {record!r} that is known here: the view directory shows which there are",
                field="record_id",
            )
        kind, record = became or (kind, record)
    return Case(message, bytes(identity), folder, given.crm, kind, record)


async def _link(connection: Connection, case: Case, given: Decision, request: DeskRequest) -> None:
    await _note(connection, case, "linked", given, request)
    await connection.execute(
        """
        insert into links as l (
            message, crm, record_kind, record_id, address, identity, direction, matched_address, evidence, source, linked_at
        ) values (%s, %s, %s, %s, %s, %s, %s, '', '{"rule": "manual"}', 'manual', %s)
        on conflict (message, crm, record_kind, record_id) do update set
            source = 'manual', unlinked_at = null, direction = excluded.direction,
            linked_at = case when l.unlinked_at is null then l.linked_at else excluded.linked_at end
        """,
        [*case.key, request.address, case.identity, "Sent" if case.folder == SENT else "Received", request.at],
    )


async def _unlink(connection: Connection, case: Case, given: Decision, request: DeskRequest) -> None:
    done = await connection.execute(
        "update links set source = 'manual', unlinked_at = coalesce(unlinked_at, %s) "
        "where message = %s and crm = %s and record_kind = %s and record_id = %s",
        [request.at, *case.key],
    )
    if not done.rowcount:
        raise Refused(
            "not_linked",
            f"message {case.message} is not linked with the {case.kind} {case.record!r} of {case.crm}: the view "
            "correspondence shows what it is linked with",
            field="record_id",
        )
    await _note(connection, case, "unlinked", given, request)


async def _undo(connection: Connection, case: Case, given: Decision, request: DeskRequest) -> None:
    done = await connection.execute(
        "delete from link_decisions where message = %s and crm = %s and record_kind = %s and record_id = %s", case.key
    )
    if not done.rowcount:
        raise Refused(
            "nothing_decided",
            f"nothing was decided by hand about message {case.message} and the {case.kind} {case.record!r} of "
            f"{case.crm}: link_message and unlink_message decide",
            field="record_id",
        )
    await connection.execute(
        "update links set source = 'automatic' where message = %s and crm = %s and record_kind = %s and record_id = %s",
        case.key,
    )


async def _note(connection: Connection, case: Case, decision: str, given: Decision, request: DeskRequest) -> None:
    await connection.execute(
        """
        insert into link_decisions (message, crm, record_kind, record_id, decision, by, at) values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (message, crm, record_kind, record_id) do update set
            decision = excluded.decision, by = excluded.by, at = excluded.at
        """,
        [*case.key, decision, given.by, request.at],
    )


async def _answer(connection: Connection, case: Case) -> Answer:
    """What holds now for this message and this record."""
    row = await (
        await connection.execute(
            """
            select l.direction, d.decision
            from (select %s::bigint as message, %s as crm, %s as record_kind, %s as record_id) asked
            left join links l on (l.message, l.crm, l.record_kind, l.record_id)
                = (asked.message, asked.crm, asked.record_kind, asked.record_id) and l.unlinked_at is null
            left join link_decisions d on (d.message, d.crm, d.record_kind, d.record_id)
                = (asked.message, asked.crm, asked.record_kind, asked.record_id)
            """,
            case.key,
        )
    ).fetchone()
    assert row is not None
    direction, decision = row
    return {
        "message": case.message,
        "crm": case.crm,
        "record_kind": case.kind,
        "record_id": case.record,
        "linked": direction is not None,
        "direction": direction,
        "decision": decision,
    }

"""The commands that file stored mail anew: move, label, mark, undo. Correspondences follow in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from temporalio import activity

from activities.core.commands import at_the_desk, given, log, logged
from activities.core.locks import hold_links
from activities.filing.folders import own_folder
from activities.linking.links import relink
from domain.core.refusal import Refused
from domain.filing.commands import LabelMessages, MarkMessages, MoveMessages, UndoFiling
from domain.filing.evaluation import Place
from domain.filing.filters import FOLDERS
from domain.linking.changes import Changed
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest

MOST_NAMED = 20  # messages that a refusal names
UNDONE_AT_ONCE = 500

Places = Mapping[int, Place]


class Filing:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def move_messages(self, request: DeskRequest) -> dict[str, Any]:
        """All of them, or none where one is unknown; so do the other two. `messages` in the answer counts those that changed."""
        asked = given(MoveMessages, request)
        async with at_the_desk(self._pool, request.address) as connection:
            folder = asked.folder
            if folder not in FOLDERS:
                folder = await own_folder(connection, request.address, folder)
            there = await places(connection, request.address, asked.messages)
            after = {message: replace(place, folder=folder) for message, place in there.items()}
            facts = {"folder": folder if folder in FOLDERS else None}  # an own one may be called after a person
            return await self._file(connection, request, asked.by, "MessagesMoved", there, after, facts)

    @activity.defn
    async def label_messages(self, request: DeskRequest) -> dict[str, Any]:
        asked = given(LabelMessages, request)
        async with at_the_desk(self._pool, request.address) as connection:
            there = await places(connection, request.address, asked.messages)
            after = {
                message: replace(
                    place,
                    labels=tuple(
                        label for label in dict.fromkeys((*place.labels, *asked.add)) if label not in asked.remove
                    ),
                )
                for message, place in there.items()
            }
            return await self._file(connection, request, asked.by, "MessagesLabelled", there, after)

    @activity.defn
    async def mark_messages(self, request: DeskRequest) -> dict[str, Any]:
        asked = given(MarkMessages, request)
        on = {flag for flag in ("seen", "flagged") if getattr(asked, flag) is True}
        off = {flag for flag in ("seen", "flagged") if getattr(asked, flag) is False}
        async with at_the_desk(self._pool, request.address) as connection:
            there = await places(connection, request.address, asked.messages)
            after = {
                message: replace(place, flags=tuple(sorted({*place.flags, *on} - off)))
                for message, place in there.items()
            }
            facts = {"seen": asked.seen, "flagged": asked.flagged}
            return await self._file(connection, request, asked.by, "MessagesMarked", there, after, facts)

    @activity.defn
    async def undo_filing(self, request: DeskRequest) -> dict[str, Any]:
        """Page by page, like `apply_filter`. `kept` in the answer are messages that were filed anew since."""
        asked = given(UndoFiling, request)
        details = activity.info().heartbeat_details
        through = int(details[0]) if details else 0
        while True:
            async with at_the_desk(self._pool, request.address) as connection:
                changes = await _changes(connection, request.address, asked.run, through)
                there = await places(connection, request.address, changes)
                back = {message: changes[message][0] for message, now in there.items() if now == changes[message][1]}
                changed = await refile(connection, request.event_id, there, back)
                if back:
                    facts = {"run": str(request.event_id), "undone": str(asked.run), **told(back, changed)}
                    await log(connection, request, "FilingUndone", asked.by, facts, page=True)
            through = max(changes, default=through)
            activity.heartbeat(through)
            if len(changes) < UNDONE_AT_ONCE:
                break
        return await self._undone(request, asked.run)

    async def _undone(self, request: DeskRequest, run: UUID) -> dict[str, Any]:
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select count(*) filter (where run = %s), count(*) filter (where run = %s) from refilings where address = %s
                    """,
                    [request.event_id, run, request.address],
                )
            ).fetchone()
        assert row is not None
        undone, of = row
        if not of:
            raise Refused(
                "unknown_run",
                f"no stored mail of {request.address} was filed anew by a command with the run {run}",
                field="run",
            )
        return {"run": str(request.event_id), "messages": undone, "kept": of - undone}

    async def _file(
        self,
        connection: Connection,
        request: DeskRequest,
        by: str,
        kind: str,
        there: Places,
        after: Places,
        facts: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        if (done := await logged(connection, request, by)) is None:
            moved = {message: place for message, place in after.items() if place != there[message]}
            changed = await refile(connection, request.event_id, there, moved)
            done = told(moved, changed)
            if moved:
                await log(connection, request, kind, by, {**(facts or {}), **done})
        shown = ("messages", "linked", "unlinked", "turned")
        return {"run": str(request.event_id), **{name: done[name] for name in shown}}


async def places(connection: Connection, address: str, messages: Collection[int]) -> dict[int, Place]:
    """Where these messages of the account are filed, which nobody changes until the transaction ends. Raises Refused, naming
    those that are not its stored mail; a message of another account is as unknown as any."""
    await hold_links(connection, [address])
    rows = await (
        await connection.execute(
            """
            select id, folder, labels, flags, filed from mail where address = %s and state = 'stored' and id = any(%s)
            order by id for no key update
            """,
            [address, sorted(messages)],
        )
    ).fetchall()
    if missing := set(messages) - {row[0] for row in rows}:
        raise unknown_messages(address, missing)
    return {
        message: Place(folder, tuple(labels), tuple(flags), tuple(filed))
        for message, folder, labels, flags, filed in rows
    }


async def refile(connection: Connection, run: UUID, before: Places, after: Places) -> Changed:
    """Files messages as `after` says, keeps how it was, and links anew what was moved (R34)."""
    if not after:
        return Changed()
    ids = sorted(after)
    await connection.execute(
        """
        with new as (
            select * from unnest(%s::bigint[], %s::text[]::jsonb[], %s::text[]::jsonb[]) as new (id, before, after)
        ), kept as (
            insert into filing_changes (run, message, before, after) select %s, id, before, after from new
            on conflict do nothing
        )
        update mail m set
            folder = new.after ->> 'folder',
            labels = array(select jsonb_array_elements_text(new.after -> 'labels')),
            flags = array(select jsonb_array_elements_text(new.after -> 'flags')),
            filed = new.after -> 'by'
        from new where m.id = new.id
        """,
        [ids, [_json(before[one]) for one in ids], [_json(after[one]) for one in ids], run],
    )
    return await relink(connection, [one for one in ids if before[one].folder != after[one].folder])


def unknown_messages(address: str, missing: Collection[int]) -> Refused:
    named = ", ".join(str(one) for one in sorted(missing)[:MOST_NAMED])
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    return Refused(
        "unknown_message",
        f"{address} has no stored messages {named}{more}; nothing was done. The view messages has the ids (state stored)",
        field="messages",
    )


def told(after: Places, changed: Changed) -> dict[str, Any]:
    """What the log says of messages that were filed anew."""
    return {
        "messages": len(after),
        "linked": changed.linked,
        "unlinked": changed.unlinked,
        "turned": changed.turned,
        "changed": sorted(after),
    }


async def _changes(connection: Connection, address: str, run: UUID, after: int) -> dict[int, tuple[Place, Place]]:
    """The next messages that a command changed and that are still there: where each was, and where it put them."""
    rows = await (
        await connection.execute(
            """
            select message, before, after from refilings where address = %s and run = %s and message > %s
            order by message limit %s
            """,
            [address, run, after, UNDONE_AT_ONCE],
        )
    ).fetchall()
    return {message: (_place(before), _place(after)) for message, before, after in rows}


def _place(kept: Mapping[str, Any]) -> Place:
    return Place(kept["folder"], tuple(kept["labels"]), tuple(kept["flags"]), tuple(kept["by"]))


def _json(place: Place) -> str:
    kept: dict[str, Sequence[object]] = {
        "folder": place.folder,
        "labels": place.labels,
        "flags": place.flags,
        "by": place.by,
    }
    return json.dumps(kept, ensure_ascii=False)

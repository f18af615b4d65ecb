"""Applying a filter to the mail that is stored, page by page: nothing but this command ever files old mail anew (R36).

A page is one transaction with its own event. Dead before its commit, the page is done again; dead after it, the messages are
where the filter puts them, so that looking at them once more changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from temporalio import activity

from activities.core.commands import at_the_desk, given, log
from activities.core.locks import hold_links, keep_sessions_out
from activities.filing.filter_commands import unknown_filter
from activities.filing.place import LOOKED_AT, readable_head, saved_filters
from activities.filing.refile import refile, told
from activities.mailbox.own_addresses import compared, own_addresses
from domain.core.refusal import Refused
from domain.filing.budget import TooMuchWork
from domain.filing.commands import ApplyFilter
from domain.filing.evaluation import Place, Saved, act, fitting, holds
from domain.filing.filters import TRASH, Filter, reads_the_raw_message
from domain.linking.model import Mail
from domain.message.index import Participant
from infra.database.pool import Connection, Pool
from workflows.contract import DeskRequest

PAGE = 500  # messages of one transaction
RAW_PAGE = 50  # where their bytes are read as well
MOST_EXAMPLES = 10


class Progress(BaseModel):
    """How far it is, as heartbeats keep it: up to and with the message `through`. `matching` are all that the filter matches; the
    counts below it are of those that it changes."""

    through: int = 0
    checked: int = 0
    matching: int = 0
    changed: int = 0
    moved: int = 0
    labelled: int = 0
    marked: int = 0
    examples: list[int] = []

    def add(self, page: Page) -> None:
        self.through, self.checked = page.through, self.checked + page.checked
        self.matching += page.matching
        self.changed += len(page.after)
        for message, after in page.after.items():
            before = page.before[message]
            self.moved += before.folder != after.folder
            self.labelled += before.labels != after.labels
            self.marked += before.flags != after.flags
        self.examples = [*self.examples, *sorted(page.after)][:MOST_EXAMPLES]


class Page:
    """What one page of messages holds: where they are, and where the filter puts those that it changes."""

    def __init__(self) -> None:
        self.through = 0
        self.checked = 0
        self.matching = 0
        self.before: dict[int, Place] = {}
        self.after: dict[int, Place] = {}


class Application:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def apply_filter(self, request: DeskRequest) -> dict[str, Any]:
        """Counts, and the ids of a few messages that it changes; unless it is a dry run, also changes them."""
        asked = given(ApplyFilter, request)
        details = activity.info().heartbeat_details
        done = Progress.model_validate(details[0]) if details else Progress()
        saved, own = await self._begin(request.address, asked)
        assert saved.filter is not None
        most = RAW_PAGE if reads_the_raw_message([saved.filter]) else PAGE
        while True:
            async with at_the_desk(self._pool, request.address) as connection:
                page = await _page(connection, request.address, saved, own, after=done.through, most=most)
                if page.after and not asked.dry_run:
                    changed = await refile(connection, request.event_id, page.before, page.after)
                    facts = {"run": str(request.event_id), "filter": saved.id, "version": saved.version}
                    facts |= told(page.after, changed)
                    await log(connection, request, "FilterApplied", asked.by, facts, page=True)
            done.add(page)
            activity.heartbeat(done.model_dump())
            if page.checked < most:
                break
        if not asked.dry_run:
            await self._count_what_was_done(request, done)
        return {
            "dry_run": asked.dry_run,
            "run": None if asked.dry_run else str(request.event_id),
            "filter": saved.id,
            "version": saved.version,
            **done.model_dump(exclude={"through"}),
        }

    async def _begin(self, address: str, asked: ApplyFilter) -> tuple[Saved, frozenset[str]]:
        """The filter, once no transaction is under way that stores mail and has not seen it."""
        async with at_the_desk(self._pool, address) as connection:
            await keep_sessions_out(connection, address)
            row = await (
                await connection.execute(
                    "select id from account_filters where address = %s and name = %s", [address, asked.name]
                )
            ).fetchone()
            if row is None:
                raise unknown_filter(asked.name)
            (saved,) = [one for one in await saved_filters(connection, address) if one.id == row[0]]
            if saved.filter is None:
                raise Refused("invalid_field", "this version cannot read that filter: save it again", field="name")
            return saved, compared(await own_addresses(connection, address))

    async def _count_what_was_done(self, request: DeskRequest, done: Progress) -> None:
        """From what is kept of the changes: a page whose heartbeat was lost counts, too."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select count(*), count(*) filter (where before -> 'folder' <> after -> 'folder'),
                        count(*) filter (where before -> 'labels' <> after -> 'labels'),
                        count(*) filter (where before -> 'flags' <> after -> 'flags'),
                        (array_agg(message order by message))[:%s]
                    from filing_changes where run = %s
                    """,
                    [MOST_EXAMPLES, request.event_id],
                )
            ).fetchone()
        assert row is not None
        done.changed, done.moved, done.labelled, done.marked, examples = row
        done.examples = examples or []


async def _page(
    connection: Connection, address: str, saved: Saved, own: frozenset[str], *, after: int, most: int
) -> Page:
    assert saved.filter is not None
    await hold_links(connection, [address])
    rows = await (
        await connection.execute(
            """
            select id, folder, labels, flags, filed, participants, author, kind, automatic, traits, coalesce(subject, ''), size,
                sha256
            from mail where address = %s and state = 'stored' and id > %s order by id limit %s for no key update
            """,
            [address, after, most],
        )
    ).fetchall()
    page = Page()
    page.checked, page.through = len(rows), rows[-1][0] if rows else after
    raw = reads_the_raw_message([saved.filter])
    for row in rows:
        *looked_at, sha256 = row
        head = await _head(connection, sha256) if raw else b""
        await asyncio.to_thread(_look, page, saved, saved.filter, own, looked_at, head)
    return page


def _look(page: Page, saved: Saved, given: Filter, own: frozenset[str], row: Sequence[Any], head: bytes) -> None:
    """What the filter does to one message. What is in Trash was thrown away, and stays there; what would take the filter too
    long it does not match, as when mail is stored."""
    message, folder, labels, flags, filed, participants, author, kind, automatic, traits, subject, size = row
    mail = Mail(tuple(Participant(**who) for who in participants), author, kind, automatic, traits)
    try:
        read = readable_head(head, mail, subject=subject, size=size, own=own)
        actions = fitting(given.actions, read)
        if folder == TRASH or not actions or not holds(given, read):
            return
    except TooMuchWork:
        return
    page.matching += 1
    before = Place(folder, tuple(labels), tuple(flags), tuple(filed))
    after = act(before, actions, saved)
    if (before.folder, before.labels, before.flags) != (after.folder, after.labels, after.flags):
        page.before[message], page.after[message] = before, after


async def _head(connection: Connection, sha256: bytes) -> bytes:
    """How a stored message begins."""
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            """
            select coalesce(
                substring(b.raw from 1 for %(most)s),
                (select c.data from blob_chunks c where c.chunks = b.chunks order by c.position limit 1)
            ) from blobs b where b.sha256 = %(sha256)b
            """,
            {"most": LOOKED_AT, "sha256": sha256},
        )
        row = await cursor.fetchone()
    return bytes(row[0])[:LOOKED_AT] if row and row[0] is not None else b""

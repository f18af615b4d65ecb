"""A session's first look: what the server lists, what the ledger knows of it, and whether it is still the same server.

The order matters. A server that is not the one it was begins a new epoch of the ledger before anything else is decided:
what its UIDLs meant before they do not mean any more. Only then does `start` apply to what is unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activities.mailbox.desynchronisation import Suspects
from activities.mailbox.ledger import Ledger
from activities.mailbox.state import Mailbox
from activities.pop.connection import PopConnection, ProtocolViolation, ServerRefused
from activities.pop.session import Unusable
from activities.retrieval.context import SessionContext
from domain.core.foreign_text import in_notice
from domain.failures.classification import diagnose_reply
from domain.failures.failure import Diagnosis, Kind
from domain.failures.pop_remedies import NO_UIDL
from domain.failures.remedy import Remedy
from domain.mailbox.providers import profile_of
from domain.message.index import IndexedMessage, index
from domain.retrieval.identity import (
    MOST_OF_ONE_UIDL,
    MOST_WITHOUT_UIDL,
    arrived_at,
    header_key,
    is_other_mail,
    is_same,
    looks_moved,
    sample,
)
from domain.retrieval.plan import RECENT_DAYS, SIZE_UNKNOWN, Entry, Identity, Listed, listing
from infra.telemetry.spans import span

CLEARLY_BEFORE = timedelta(days=1)  # a clock may be wrong, and mail may be long on its way


@dataclass(frozen=True, slots=True)
class Found:
    """What a survey came to. `listed` are the messages that could be decided on; of those, `old` are too old for `start`.
    `counted` is what STAT said, `uids` how many messages UIDL named; `complete`: the messages are all that the server has,
    about which all agree of STAT, UIDL and LIST that the server has, two at least."""

    mailbox: Mailbox
    on_server: int = 0
    listed: list[Listed] = field(default_factory=list)
    known: Mapping[Identity, Entry] = field(default_factory=dict)
    old: frozenset[Identity] = frozenset()
    counted: int = 0
    uids: int = 0
    complete: bool = False

    @property
    def undecided(self) -> int:
        """Messages that this session had no time to decide on."""
        return self.on_server - len(self.listed)


async def counted(connection: PopConnection) -> int | None:
    """How many messages STAT says that there are. It is a hint: None where a server does not know it or says no number."""
    try:
        return await connection.stat()
    except ServerRefused as refused:
        if not refused.command or _reason(refused).remedy != NO_UIDL:
            raise  # Gmail and Outlook.com refuse a login only here
        return None


async def listed_uids(connection: PopConnection) -> list[tuple[int, str]] | None:
    """UIDL (RFC 1939, section 7), which is optional; None where the server does not know it."""
    try:
        return await connection.list_uids()
    except ServerRefused as refused:
        if not refused.command or _reason(refused, connection.capabilities).remedy != NO_UIDL:
            raise  # it knows UIDL, and has other trouble
        return None


async def listed_sizes(connection: PopConnection) -> dict[int, int] | None:
    """LIST; None where it is refused, for mail can be retrieved without: only a server that asks for patience is heard."""
    try:
        return await connection.list_sizes()
    except ServerRefused as refused:
        if not refused.command or _reason(refused).kind in (Kind.THROTTLED, Kind.MAILBOX_BUSY):
            raise
        return None


def _reason(refused: ServerRefused, capabilities: Collection[str] = ()) -> Diagnosis:
    """Its remedy is NO_UIDL where a server does not know the command, and has not said that it does."""
    return diagnose_reply(refused.text, phase="transaction", capabilities=capabilities)


async def check_that_messages_can_be_told_apart(connection: PopConnection, count: int | None) -> None:
    """Raises Unusable for a server that has neither UIDL nor TOP; of an empty maildrop it cannot be said of TOP."""
    if "UIDL" in connection.capabilities or await listed_uids(connection) is not None or not count:
        return
    async for _, shown in connection.headers([1]):
        if isinstance(shown, ServerRefused):
            raise Unusable(NO_UIDL)


def _blank(uids: Sequence[tuple[int, str]]) -> set[int]:
    return {number for number, uidl in uids if not uidl.strip()}


def _with_names(
    uids: Sequence[tuple[int, str]], blank: Container[int], made: Mapping[int, str]
) -> list[tuple[int, str]]:
    return [(number, made.get(number, uidl)) for number, uidl in uids if number in made or number not in blank]


def distinct(uids: Iterable[tuple[int, str]]) -> set[str]:
    """The UIDLs of a list, which is long at times."""
    return {uidl for _, uidl in uids}


def unknown(listed: Iterable[Listed], *known: Container[Identity]) -> list[Listed]:
    """What is listed and in none of them."""
    return [one for one in listed if not any(one.identity in some for some in known)]


def _times(uids: Sequence[tuple[int, str]]) -> Counter[str]:
    return Counter(uidl for _, uidl in uids)


def _doubtful(
    uids: Sequence[tuple[int, str]], known: Mapping[Identity, Entry]
) -> tuple[dict[str, list[tuple[int, Entry]]], list[tuple[int, str]]]:
    """The entries of each UIDL that was off the list or stands for several messages, and the messages that are listed by one."""
    times = _times(uids)
    doubtful: dict[str, list[tuple[int, Entry]]] = {}
    for (uidl, occurrence), entry in known.items():
        if entry.vanished or times[uidl] > 1:
            doubtful.setdefault(uidl, []).append((occurrence, entry))
    return doubtful, [(number, uidl) for number, uidl in uids if uidl in doubtful]


def _most_frequent(uids: Sequence[tuple[int, str]]) -> tuple[str, int]:
    return _times(uids).most_common(1)[0] if uids else ("", 0)


class Survey:
    def __init__(
        self, context: SessionContext, ledger: Ledger, suspects: Suspects, *, must_end: Callable[[], bool]
    ) -> None:
        self._context = context
        self._settings = context.settings
        self._lease = context.lease
        self._ledger = ledger
        self._suspects = suspects
        self._must_end = must_end

    async def take(self, connection: PopConnection, mailbox: Mailbox) -> Found:
        """STAT comes first: an empty maildrop needs no more, and some servers refuse a login only there. Where it says nothing,
        or LIST is refused, there is UIDL."""
        with span("pop.list"):
            await connection.send_ahead("STAT", "UIDL", "LIST")
            count = await counted(connection)
            if count == 0:
                await self._note_deleted_ones_gone(mailbox, ())
                return Found(mailbox, complete=True)
            named = await listed_uids(connection)
            list_of_sizes = await listed_sizes(connection) if named is not None else await connection.list_sizes()
            sizes = list_of_sizes or {}
            uids = await self._named(connection, named, sizes)
            names = await connection.lists.worked_out(len(uids), distinct, uids)
            await self._note_deleted_ones_gone(mailbox, names)
            known = await self._ledger.entries(
                self._settings.address, mailbox.epoch, names, emptied_at=mailbox.emptied_at
            )
            proven, refuted = await self._evidence(connection, mailbox, uids, known)
            listed = await connection.lists.worked_out(
                len(uids), listing, uids, sizes, known, proven=proven, refuted=refuted
            )
            if await self._has_moved(connection, mailbox, listed, known):
                mailbox = await self._ledger.begin_epoch(self._lease, self._context.row, mailbox, self._context.clock())
                known, listed = {}, await connection.lists.worked_out(len(uids), listing, uids, sizes, {})
        on_server = max(len(listed), len(sizes) if named is None else 0)
        listed, old = await self._tell_old_ones(connection, mailbox, listed, known)
        return Found(
            mailbox,
            on_server,
            listed,
            known,
            frozenset(old),
            counted=len(uids) if count is None else count,
            uids=len(uids),
            complete=len(listed) == len(uids) >= (count or 0)
            and (len(sizes) == len(uids) if list_of_sizes is not None else count is not None),
        )

    async def _named(
        self, connection: PopConnection, uids: list[tuple[int, str]] | None, sizes: Mapping[int, int]
    ) -> list[tuple[int, str]]:
        """Every message with the name that it goes by: its UIDL, or, where it has none, one made of its header."""
        if uids is None:
            return await self._named_by_headers(connection, list(sizes), sizes)
        blank = await connection.lists.worked_out(len(uids), _blank, uids)
        if blank:
            made = dict(await self._named_by_headers(connection, sorted(blank), sizes))
            uids = await connection.lists.worked_out(len(uids), _with_names, uids, blank, made)
        uidl, times = await connection.lists.worked_out(len(uids), _most_frequent, uids)
        if times > MOST_OF_ONE_UIDL:
            raise Unusable(
                Remedy.of(
                    f"The server gives {times} messages the same UIDL, {in_notice(uidl)}, so that nothing tells one from "
                    "another: ask the mail administrator to have the mailbox's UIDLs mended, or clear the mailbox."
                )
            )
        return uids

    async def _named_by_headers(
        self, connection: PopConnection, numbers: list[int], sizes: Mapping[int, int]
    ) -> list[tuple[int, str]]:
        """Names for messages without UIDL: they are told apart by their headers, which costs a TOP each, every time."""
        if self._settings.retrieval.after_store == "delete":
            numbers = numbers[:MOST_WITHOUT_UIDL]  # those behind move up as these are deleted
        if len(numbers) > MOST_WITHOUT_UIDL:
            raise Unusable(
                Remedy.of(
                    f"The server has no UIDL for {len(numbers)} messages, so they would have to be told apart by their "
                    f"headers at every look, and no more than {MOST_WITHOUT_UIDL} are: set after_store to delete, clear the "
                    "mailbox, or ask the mail administrator for UIDL."
                )
            )
        uids: list[tuple[int, str]] = []
        async for number, header in connection.headers(numbers):
            if isinstance(header, ServerRefused) and not uids:
                raise Unusable(NO_UIDL)  # without TOP, too, nothing tells one message from another
            size = sizes.get(number, SIZE_UNKNOWN)
            uids.append((number, header_key(header) if isinstance(header, bytes) else f"size-{size}"))
            self._lease.check()
        return uids

    async def _note_deleted_ones_gone(self, mailbox: Mailbox, listed: Container[str]) -> None:
        if mailbox.deleted_ones_listed:
            await self._ledger.note_deleted_ones_gone(
                self._lease, self._settings.address, mailbox.epoch, listed, self._context.clock()
            )

    async def _evidence(
        self,
        connection: PopConnection,
        mailbox: Mailbox,
        uids: Sequence[tuple[int, str]],
        known: Mapping[Identity, Entry],
    ) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
        """What headers say where a UIDL and a size do not: of messages whose UIDL was off the list or stands for several.

        Pairs of message number and occurrence: those that are proven to be the same message, and those proven not to be.
        """
        doubtful, asked = await connection.lists.worked_out(len(uids), _doubtful, uids, known)
        proven: set[tuple[int, int]] = set()
        refuted: set[tuple[int, int]] = set()
        if not asked:
            return proven, refuted
        envelopes = await self._ledger.envelopes(self._settings.address, mailbox.epoch, list(doubtful))
        waiting = iter(asked)
        async with contextlib.aclosing(connection.headers([number for number, _ in asked])) as shown:
            async for _, header in shown:
                number, uidl = next(waiting)
                self._lease.check()
                if not isinstance(header, bytes):
                    continue
                message = await asyncio.to_thread(index, header)
                for occurrence, entry in doubtful[uidl]:
                    same = is_same(header, message, entry, envelopes.get((uidl, occurrence)))
                    if same is not None:
                        (proven if same else refuted).add((number, occurrence))
        return proven, refuted

    async def _has_moved(
        self,
        connection: PopConnection,
        mailbox: Mailbox,
        listed: list[Listed],
        known: Mapping[Identity, Entry],
    ) -> bool:
        """Whether UIDLs mean something else now, because the provider moved its mailboxes or restored them.

        That nothing is as it was is only a suspicion, for people empty their mailboxes, too. Proof is that what seems new
        is not: mail that is stored, or that was there before our last look, which did not list it.
        """
        new = await connection.lists.worked_out(len(listed), unknown, listed, known)
        still = len(listed) - len(new)
        if not looks_moved(before=len(listed), still=still, new=len(new)):
            return False  # which is the rule, and asks nothing of the database
        before = await self._ledger.expected(self._settings.address, mailbox.epoch)
        if not looks_moved(before=before, still=still, new=len(new)):
            return False
        if await connection.lists.worked_out(len(listed), is_other_mail, new, known, before=before):
            return True
        envelopes, arrivals = list[tuple[str | None, datetime | None]](), list[datetime | None]()
        async for _, found in self._headers(connection, sample(new)):
            if found:  # no more is kept of it: a header may have a megabyte, and its index a multiple
                header, message = found
                envelopes.append((message.message_id, message.sent_at))
                arrivals.append(arrived_at(header, message))
        if await self._ledger.any_stored(self._settings.address, envelopes):
            return True
        older_may_be_new = profile_of(self._settings).queue_size is not None or mailbox.remaining > 0
        if older_may_be_new or mailbox.last_success_at is None:
            return False  # it comes into view as the newer is taken, or was left for a later session
        since = mailbox.last_success_at - CLEARLY_BEFORE
        return sum(at is not None and at < since for at in arrivals) > len(arrivals) / 2

    async def _headers(
        self, connection: PopConnection, messages: Sequence[Listed]
    ) -> AsyncGenerator[tuple[Listed, tuple[bytes, IndexedMessage] | None]]:
        """Each message with its header as TOP shows it (RFC 1939, section 7); None where the server does not."""
        asked = iter(messages)
        async with contextlib.aclosing(connection.headers([message.number for message in messages])) as shown:
            async for _, header in shown:
                self._lease.check()
                found = (header, await asyncio.to_thread(index, header)) if isinstance(header, bytes) else None
                yield next(asked), found

    async def _tell_old_ones(
        self,
        connection: PopConnection,
        mailbox: Mailbox,
        listed: list[Listed],
        known: Mapping[Identity, Entry],
    ) -> tuple[list[Listed], set[Identity]]:
        """Which messages this session could decide on, and which of them `start` leaves out by their age (R49, R50).

        By the header alone, with TOP. A message whose header the server does not show, or that has no date, is taken: one
        too many is better than one lost.
        """
        oldest = self._oldest(mailbox)
        old: set[Identity] = set()
        if oldest is None:
            return listed, old
        alone = await self._suspects.of(self._settings.address, mailbox.epoch)
        asked = await connection.lists.worked_out(len(listed), unknown, listed, known, alone)
        seen = 0
        with span("pop.top"):
            try:
                async with contextlib.aclosing(self._headers(connection, asked)) as headers:
                    async for message, found in headers:
                        seen += 1
                        at = None if found is None else self._dated(*found)
                        if at is not None and at < oldest:
                            old.add(message.identity)
                        if self._must_end():
                            # By its number: to compare messages takes much longer, and there may be hundreds of thousands.
                            listed = listed[: [one.number for one in listed].index(message.number) + 1]
                            break
                if asked:
                    await connection.prove_in_step()
            except (ProtocolViolation, EOFError, OSError) as broke:
                awaited, before = asked[min(seen, len(asked) - 1)], asked[seen - 1] if seen else None
                await self._suspects.blame(self._settings.address, mailbox.epoch, broke, awaited, before)
                raise
        return listed, old

    def _oldest(self, mailbox: Mailbox) -> datetime | None:
        """Before when mail is not wanted, while the first list of an epoch is worked through; None where no date decides.

        In a later epoch everything is new to the ledger, so that what `start` once left out is told by its date.
        """
        if mailbox.epoch_listed:
            return None
        connected_at = mailbox.listed_at or self._context.clock()
        match self._settings.retrieval.start:
            case "recent":
                return connected_at - timedelta(days=RECENT_DAYS)
            case "from_now" if mailbox.listed_at is not None:
                return connected_at
            case _:
                return None

    def _dated(self, header: bytes, message: IndexedMessage) -> datetime | None:
        if self._settings.retrieval.start == "from_now":
            return arrived_at(header, message)
        return message.sent_at

"""The plan of one session: given the server's list, the ledger and the settings, what to fetch, skip and delete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from domain.settings import Retrieval

LedgerState = Literal["stored", "skipped", "quarantined", "deleted"]
Identity = tuple[str, int]  # UIDL and occurrence: some servers list one UIDL twice

DELETIONS_PER_SESSION = 500  # a QUIT that has to remove more may take longer than servers and clients wait
QUARANTINE_PAUSES = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=7))


@dataclass(frozen=True, slots=True)
class Listed:
    """One message as UIDL and LIST name it; `size` in bytes is an estimate on some servers."""

    number: int
    uidl: str
    occurrence: int
    size: int

    @property
    def identity(self) -> Identity:
        return self.uidl, self.occurrence


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of one message."""

    state: LedgerState
    stored_at: datetime | None = None
    deletion_asked: bool = False
    retry_at: datetime | None = None
    attempts: int = 0


@dataclass(slots=True)
class Plan:
    """What one session does, in order: skip, fetch, delete. `oversized` are quarantined without being fetched."""

    skip: list[Listed] = field(default_factory=list)
    fetch: list[Listed] = field(default_factory=list)
    oversized: list[Listed] = field(default_factory=list)
    delete: list[Listed] = field(default_factory=list)
    blocked_by_quota: Listed | None = None
    backlog: int = 0


def listing(uids: Iterable[tuple[int, str]], sizes: Mapping[int, int]) -> list[Listed]:
    """UIDL and LIST put together. A UIDL listed twice counts as two messages: losing one is worse than seeing it twice."""
    seen: Counter[str] = Counter()
    listed = []
    for number, uidl in uids:
        if number not in sizes:
            continue  # gone between the two answers, or a server that cannot count; the next session sees
        listed.append(Listed(number=number, uidl=uidl, occurrence=seen[uidl], size=sizes[number]))
        seen[uidl] += 1
    return listed


def plan(
    listed: list[Listed],
    ledger: Mapping[Identity, Entry],
    settings: Retrieval,
    *,
    now: datetime,
    first: bool,
    largest: int,
    room: int,
    most: int | None,
) -> Plan:
    """Decides over every listed message.

    `first`: no list of this mailbox was ever worked through, so `start` applies (R49, R52). `largest` is the size above
    which a message is not fetched, `room` the bytes that the quota leaves (R20), `most` the number of messages that this
    session may fetch. Nothing is deleted but what was stored before and what the policy names (R43, R62).
    """
    made = Plan()
    fetchable = []
    for message in listed:
        entry = ledger.get(message.identity)
        if entry is None or _is_to_be_tried_again(entry, now, message, largest):
            if entry is None and first and settings.start == "from_now":
                made.skip.append(message)
            elif message.size > largest:
                made.oversized.append(message)
            else:
                fetchable.append(message)
        elif entry.state == "stored" and is_to_be_deleted(settings, entry.stored_at or now, now):
            made.delete.append(message)
    fetchable.sort(key=lambda message: message.number, reverse=settings.order == "newest_first")
    made.backlog = len(fetchable)
    for message in fetchable[:most]:
        room -= message.size
        if room < 0:
            made.blocked_by_quota = message
            break
        made.fetch.append(message)
    return made


def _is_to_be_tried_again(entry: Entry, now: datetime, message: Listed, largest: int) -> bool:
    if entry.state != "quarantined" or message.size > largest:
        return False
    return entry.retry_at is None or entry.retry_at <= now


def is_to_be_deleted(settings: Retrieval, stored_at: datetime, now: datetime) -> bool:
    """Whether the policy says DELE; the days count from our storing it, not from the message's date (R62)."""
    match settings.after_store:
        case "delete":
            return True
        case "delete_after_days":
            return now - stored_at >= timedelta(days=settings.delete_after_days or 0)
        case _:
            return False


def next_try(attempts: int, now: datetime) -> datetime:
    """When a message that the server would not hand out is asked for again."""
    return now + QUARANTINE_PAUSES[min(attempts, len(QUARANTINE_PAUSES)) - 1]

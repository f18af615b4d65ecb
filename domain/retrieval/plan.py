"""The plan of one session: given the server's list, the ledger and the settings, what to fetch, skip and delete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from domain.mailbox.settings import Retrieval
from domain.retrieval.deletion import is_to_be_deleted

ATTACHED = 0  # the epoch of what was attached by hand


LedgerState = Literal["stored", "skipped", "quarantined", "deleted"]
Identity = tuple[str, int]  # UIDL and occurrence: some servers list one UIDL twice, or use it again for other mail

NOT_FETCHED: tuple[LedgerState, ...] = ("skipped", "quarantined")  # what is not to be fetched because a size drifts
DELETIONS_PER_SESSION = 500  # a QUIT that has to remove more may take longer than servers and clients wait
RECENT_DAYS = 30  # R50
MISSED_LOOKS = 3  # and MISSED_MINUTES: then nobody looks at a mailbox any more
MISSED_MINUTES = 10
DAY = timedelta(days=1)
SIZE_UNKNOWN = 0  # LIST leaves the message out, or says nonsense of it; it is fetched all the same
UNDOWNLOADABLE_AFTER = 3  # sessions that were refused a message
MOST_PLANNED = 100_000  # messages of one session, which it keeps in memory to its end; the next one goes on
QUARANTINE_PAUSES = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=7))


@dataclass(frozen=True, slots=True)
class Listed:
    """One message as UIDL and LIST name it; `size` in bytes is an estimate on some servers. `shared`: its UIDL stands, or
    stood, for another message as well."""

    number: int
    uidl: str
    occurrence: int
    size: int
    shared: bool = False

    @property
    def identity(self) -> Identity:
        return self.uidl, self.occurrence


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of one message. `vanished`: a list has lacked it, so what has its UIDL now may be another."""

    state: LedgerState
    size: int
    stored_at: datetime | None = None
    retry_at: datetime | None = None
    attempts: int = 0
    vanished: bool = False
    first_seen_at: datetime | None = None


@dataclass(slots=True)
class Plan:
    """What one session does, in order: skip, fetch, delete. `oversized` are quarantined without being fetched."""

    skip: list[Listed] = field(default_factory=list)
    fetch: list[Listed] = field(default_factory=list)
    oversized: list[Listed] = field(default_factory=list)
    delete: list[Listed] = field(default_factory=list)
    blocked_by_quota: Listed | None = None
    blocked_for_today: Listed | None = None
    backlog: int = 0

    def cut(self, most: int) -> Plan:
        """Leaves what is to be fetched after the first `most` messages to the next session, as it leaves what is more than that
        session is to delete; what is skipped or oversized is done with."""
        left_out = most < len(self.fetch)
        return Plan(
            fetch=self.fetch[:most],
            delete=self.delete[:DELETIONS_PER_SESSION],
            blocked_by_quota=None if left_out else self.blocked_by_quota,  # which is further on
            blocked_for_today=None if left_out else self.blocked_for_today,
            backlog=self.backlog,
        )


def listing(
    uids: Iterable[tuple[int, str]],
    sizes: Mapping[int, int],
    ledger: Mapping[Identity, Entry],
    *,
    proven: Container[tuple[int, int]] = (),
    refuted: Container[tuple[int, int]] = (),
) -> list[Listed]:
    """UIDL and LIST put together, each message with the occurrence of its UIDL that the ledger knows it by.

    A UIDL is unique only while its message exists (RFC 1939, section 7), and some servers use one again or list it twice. So
    a message is a known one only if its size is the same (where both are known), and if that one never left the list; otherwise
    it is a new occurrence, which is fetched. Should it turn out to be the same message after all, storing finds that out: one
    RETR too many is better than a message lost. `proven` and `refuted` say of (message number, occurrence) what the messages'
    headers say, where they were looked at.
    """
    uids = list(uids)
    # Of nearly all mailboxes nearly every UIDL is one message, so only the others are given tables of their own.
    several = {uidl for uidl, times in Counter(uidl for _, uidl in uids).items() if times > 1}
    several.update(uidl for uidl, occurrence in ledger if occurrence > 0)
    known: dict[str, dict[int, Entry]] = {uidl: {} for uidl in several}
    for uidl, occurrence in sorted(identity for identity in ledger if identity[0] in several):
        known[uidl][occurrence] = ledger[uidl, occurrence]
    given = {uidl: _Occurrences(entries) for uidl, entries in known.items()}
    listed = []
    for number, uidl in uids:
        size = sizes.get(number, SIZE_UNKNOWN)
        if uidl in several:
            occurrence = given[uidl].take(number, size, proven, refuted)
        else:
            only = ledger.get((uidl, 0))
            if only is None or (
                not only.vanished
                and (number, 0) not in refuted
                and (only.size == size or SIZE_UNKNOWN in (only.size, size))
            ):
                occurrence = 0  # as nearly always, so it is not worth a table
            else:
                occurrence = _Occurrences({0: only}).take(number, size, proven, refuted)
        shared = uidl in several or occurrence > 0
        listed.append(Listed(number=number, uidl=uidl, occurrence=occurrence, size=size, shared=shared))
    return listed


class _Occurrences:
    """The messages that the ledger knows under one UIDL, given out to those of one list."""

    def __init__(self, entries: Mapping[int, Entry]) -> None:
        self._entries = entries
        self._free: dict[int, list[int]] = {}
        for occurrence, entry in entries.items():
            self._free.setdefault(entry.size, []).append(occurrence)
        self._next = max(entries, default=-1) + 1

    def take(
        self, number: int, size: int, proven: Container[tuple[int, int]], refuted: Container[tuple[int, int]]
    ) -> int:
        if size == SIZE_UNKNOWN:
            same = sorted(one for free in self._free.values() for one in free)
        else:
            same = [*self._free.get(size, ()), *self._free.get(SIZE_UNKNOWN, ())]
        for found in (
            next((one for one in same if (number, one) in proven), None),
            next((one for one in same if self._stayed(one) and (number, one) not in refuted), None),
            next((one for one in self._drifting(size) if self._stayed(one)), None),
        ):
            if found is not None:
                self._free[self._entries[found].size].remove(found)
                return found
        self._next += 1
        return self._next - 1

    def _stayed(self, occurrence: int) -> bool:
        return not self._entries[occurrence].vanished

    def _drifting(self, size: int) -> Iterator[int]:
        near = [free for of, free in self._free.items() if _drifts(of, size)]
        return (one for free in near for one in free if self._entries[one].state in NOT_FETCHED)


def _drifts(size: int, now: int) -> bool:
    """Whether a size is one that a server may estimate anew for the same message."""
    return abs(size - now) <= max(size // 50, 1024)


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
    old: Container[Identity] = (),
    volume: int | None = None,
) -> Plan:
    """Decides over every listed message.

    `first`: no list of this mailbox was ever worked through, so `start` applies (R49, R52). `largest` is the size above
    which a message is not fetched, `room` the bytes that the quota leaves (R20), `most` the number of messages that this
    session may fetch, `old` what `start` leaves out by its age (R49, R50), `volume` the bytes that the provider hands out
    today (None: any number). What is due in quarantine comes first, and where there is no room for it, it holds up nobody.
    Nothing is deleted but what was stored before and what the policy names (R43, R62).
    """
    made = Plan()
    fetchable = []
    for message in listed:
        entry = ledger.get(message.identity)
        if entry is None or _is_to_be_tried_again(entry, now, message, largest):
            if entry is None and (message.identity in old or (first and settings.start == "from_now")):
                made.skip.append(message)
            elif message.size > largest:
                made.oversized.append(message)
            else:
                fetchable.append(message)
        elif entry.state == "stored" and is_to_be_deleted(settings, entry.stored_at or now, now):
            made.delete.append(message)
    fetchable.sort(key=lambda message: message.number, reverse=settings.order == "newest_first")
    fetchable.sort(key=lambda message: message.identity not in ledger)
    made.backlog = len(fetchable)
    limit = MOST_PLANNED if most is None else min(most, MOST_PLANNED)
    for message in fetchable:
        if len(made.fetch) >= limit:
            break
        if message.identity in ledger and message.size > (room if volume is None else min(room, volume)):
            made.backlog -= 1
            continue
        room -= message.size
        if room < 0:
            made.blocked_by_quota = message
            break
        if volume is not None and (volume := volume - message.size) < 0:
            made.blocked_for_today = message
            break
        made.fetch.append(message)
    return made


def volume_left(taken: Sequence[tuple[datetime, int]], daily: int, largest: int) -> int:
    """Bytes that a provider of `daily` bytes still hands out, given what sessions of the last DAY have `taken`; with nothing
    taken at least one message of any size."""
    return daily - sum(size for _, size in taken) if taken else max(daily, largest)


def room_again_at(taken: Sequence[tuple[datetime, int]], daily: int, size: int) -> datetime:
    """When what was `taken` is so far back that a message of `size` bytes fits into `daily` again."""
    used, free_at = sum(one for _, one in taken), None
    for began_at, one in sorted(taken):
        used, free_at = used - one, began_at + DAY
        if used + size <= daily:
            break
    assert free_at is not None, "with nothing taken, one message always fits"
    return free_at


def _is_to_be_tried_again(entry: Entry, now: datetime, message: Listed, largest: int) -> bool:
    if entry.state != "quarantined" or message.size > largest:
        return False
    return entry.retry_at is None or entry.retry_at <= now


def unwatched_after(settings: Retrieval, login_delay_seconds: float, minute_seconds: float) -> float:
    """Seconds without any sign of a session after which an active account counts as one that nobody looks at."""
    pause = max(settings.interval_minutes * minute_seconds, login_delay_seconds)
    return MISSED_LOOKS * pause + MISSED_MINUTES * minute_seconds


def next_try(attempts: int, now: datetime) -> datetime:
    """When a message that the server would not hand out is asked for again."""
    return now + QUARANTINE_PAUSES[min(attempts, len(QUARANTINE_PAUSES)) - 1]

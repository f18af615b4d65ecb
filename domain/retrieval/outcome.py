"""What a session came to: whether it was news, what it leaves behind, and whether another follows at once.

The session's phases answer with the values that are here and change nothing; `outcome` alone decides, and knows no server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from domain.retrieval.plan import Listed, Plan


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of messages, in one transaction or in all of a session; `recognised` arrived and were stored mail already,
    `bytes` are those of the `stored`."""

    stored: int = 0
    skipped: int = 0
    quarantined: int = 0
    deleted: int = 0
    recognised: int = 0
    bytes: int = 0

    def __add__(self, more: Counts) -> Counts:
        return Counts(
            stored=self.stored + more.stored,
            skipped=self.skipped + more.skipped,
            quarantined=self.quarantined + more.quarantined,
            deleted=self.deleted + more.deleted,
            recognised=self.recognised + more.recognised,
            bytes=self.bytes + more.bytes,
        )

    @property
    def brought_news(self) -> bool:
        return bool(self.stored or self.skipped or self.quarantined or self.deleted or self.recognised)


@dataclass(frozen=True, slots=True)
class Agenda:
    """What a session has before it, in messages, once it has its list and its plan.

    The server lists `on_server`, of which there was no time to decide on `undecided`. Of a `backlog` to be fetched this session
    takes `to_fetch`, and stops there at the message that the user's quota, or the provider's volume of the day, has no room
    for. `not_entered` are too large, and were not entered as such yet; `to_delete` are those that policy names and a session
    before this one stored.
    """

    epoch: int = 1
    on_server: int = 0
    undecided: int = 0
    backlog: int = 0
    to_fetch: int = 0
    not_entered: int = 0
    to_delete: int = 0
    blocked_by_quota: Listed | None = None
    blocked_for_today: Listed | None = None

    def keeping(self, kept: Plan, not_entered: int) -> Agenda:
        """The same, where the session could keep no more of its plan, and enter no more of what is too large."""
        return replace(
            self,
            to_fetch=len(kept.fetch),
            not_entered=not_entered,
            blocked_by_quota=kept.blocked_by_quota,
            blocked_for_today=kept.blocked_for_today,
        )

    def remaining(self, done: int) -> int:
        """Messages that the next session comes to, after `done` of the backlog."""
        return max(self.backlog - done, 0) + self.undecided + self.not_entered

    def stopped_by_quota(self, done: int) -> Listed | None:
        """The message that the quota has no room for, where the session has come to it."""
        return self.blocked_by_quota if done >= self.to_fetch else None

    def stopped_for_today(self, done: int) -> Listed | None:
        """The message that the provider hands out on another day, where the session has come to it."""
        return self.blocked_for_today if done >= self.to_fetch else None


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that came to its end without a failure.

    `done` of its agenda's backlog are settled; `left_to_delete` were to be deleted on the server and are not. `room` is what the
    quota leaves now, in bytes, where that was looked at. `queue_size` is how many messages a full queue of the provider shows,
    None where it shows no queue. `unreported` messages are stored beyond those that the workflow knows of, by a worker that was
    lost before it could report; fewer than none where mail was deleted since. `noticed` and `unknown_quarantine`: what holds of
    the mailbox, or is in its quarantine, is not what the workflow knows. `asked_for`: the workflow wants a report of any session.
    """

    agenda: Agenda
    counts: Counts
    done: int = 0
    left_to_delete: int = 0
    room: int | None = None
    queue_size: int | None = None
    at_full_pace: bool = True
    unreported: int = 0
    noticed: bool = False
    unknown_quarantine: bool = False
    asked_for: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """`remaining` messages are left for later sessions, of which one follows at once where there is `more` to do; `blocked` is
    the message that the quota has no room for. `reported`: the workflow is told."""

    kind: Literal["mail", "nothing_new", "over_quota"]
    remaining: int
    more: bool
    blocked: Listed | None
    reported: bool


def outcome(ended: Ended) -> Outcome:
    """What a session is for the workflow that waits for it."""
    agenda, counts, done = ended.agenda, ended.counts, ended.done
    remaining = agenda.remaining(done)
    blocked = agenda.stopped_by_quota(done)
    if blocked and done and ended.room is not None and ended.room >= blocked.size:
        blocked = None  # what was fetched turned out to be there already, and took no room
    goes_on = remaining > 0 and blocked is None and agenda.stopped_for_today(done) is None
    # Of a queue that gave its whole length the next session finds more (R61).
    queued = ended.queue_size is not None and counts.stored + counts.recognised >= ended.queue_size
    unfinished = goes_on or ended.left_to_delete > 0 or queued
    # A session that got nowhere is not followed by another at once: a server may refuse every DELE.
    more = unfinished and counts.brought_news and ended.at_full_pace
    news = counts.brought_news or blocked is not None or ended.unreported != 0
    return Outcome(
        kind="over_quota" if blocked else "mail" if counts.stored or ended.unreported > 0 else "nothing_new",
        remaining=remaining,
        more=more,
        blocked=blocked,
        reported=news or ended.noticed or ended.unknown_quarantine or ended.asked_for,
    )


def pause(interval: timedelta, least: timedelta, room_again_at: datetime | None, now: datetime) -> timedelta:
    """To the next session, of an account that would wait for `interval` with a provider that puts up with `least` between two,
    and that hands out more only from `room_again_at`."""
    return max(interval, least, room_again_at - now if room_again_at is not None else interval)

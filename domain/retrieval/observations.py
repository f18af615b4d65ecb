"""What a session notices of a mailbox beside its mail, and what it makes of it: a full queue, another client, a gap.

`observe` is a pure function from what was remembered and what was seen now to what is to be remembered and what holds now.
An observation's facts stay the same for as long as it says the same, because a set that differs from what the workflow
knows is news, and a mailbox where nothing changes is to make none.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.mailbox.providers import EXCHANGE_GREETING, MARKS_READ, Profile
from domain.retrieval.plan import LedgerState

CLEAN_LOOKS = 3  # R56: in a row, with nothing new and the same list
GAP = timedelta(days=30)  # R66: what recent mode shows
REMEMBERED = timedelta(days=30)  # how long a gap or another client stays a warning after it was last seen
TURNOVERS = 3  # lists without a single message of the one before that prove another client, not a server that moved


class Observation(BaseModel):
    """One thing that holds of a mailbox: a code, and the facts that its text needs."""

    model_config = ConfigDict(frozen=True)

    code: str
    facts: dict[str, int | str] = {}


class Memory(BaseModel):
    """What sessions remember of the looks before, per mailbox. Another mode or another epoch begins anew.

    `digest` is that of the last list, `complete_digest` of the last complete one, `toggled_at` when recent mode was last found
    turned on or off. `missing` and `staying` are a look's, until its session has come to its end: lists are compared at its
    beginning.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int = 0
    recent_mode: bool | None = None
    toggled_at: datetime | None = None
    digest: str = ""
    complete_digest: str = ""
    missing: dict[LedgerState, int] = {}
    staying: int = 0
    clean_looks: int = 0
    full_queue: dict[str, int | str] | None = None
    turnovers: tuple[datetime, ...] = ()
    other_client_since: datetime | None = None
    other_client_at: datetime | None = None
    gap_from: datetime | None = None
    gap_to: datetime | None = None

    def comparing(self, digest: str, missing: Mapping[LedgerState, int], staying: int) -> Memory:
        """The memory of a session that has compared a complete list with the last one. What one that failed has found missing
        and nobody was told of is missing still."""
        missing = Counter(self.missing) + Counter(missing)
        return self.model_copy(update={"complete_digest": digest, "missing": dict(missing), "staying": staying})

    def entering(self, *, recent_mode: bool, at: datetime) -> Memory:
        """The memory of a session that logs in with or without recent mode."""
        if self.recent_mode in (None, recent_mode):
            return self.model_copy(update={"recent_mode": recent_mode})
        return Memory(recent_mode=recent_mode, toggled_at=at)


@dataclass(frozen=True, slots=True)
class Look:
    """One successful session, as far as it matters here.

    `counted` is what STAT said, `listed` what UIDL listed, `stored` how many of those are stored mail. `complete`: STAT, UIDL
    and LIST agree and the list is not empty. `quiet`: nothing new was listed, and nothing was stored, skipped or deleted.
    `missing` are messages of the last complete list that are not on this one and that nobody here asked to be deleted, by
    their state in the ledger; `staying` are those on both.
    """

    at: datetime
    last_look: datetime | None
    profile: Profile
    epoch: int
    counted: int = 0
    listed: int = 0
    stored: int = 0
    digest: str = ""
    complete: bool = False
    quiet: bool = True
    missing: Mapping[LedgerState, int] = field(default_factory=dict)
    staying: int = 0
    expire_days: int | None = None
    greeting: str = ""
    room_again_at: datetime | None = None


def digest_of(uidls: Iterable[str]) -> str:
    """One name for a list of UIDLs, in whatever order they come."""
    return hashlib.sha256(json.dumps(sorted(uidls)).encode()).hexdigest()[:16]


def observe(memory: Memory, look: Look) -> tuple[Memory, tuple[Observation, ...]]:
    """What is remembered after `look`, and what holds now, in the order of their codes."""
    if memory.epoch != look.epoch:
        memory = Memory(epoch=look.epoch, recent_mode=memory.recent_mode, toggled_at=memory.toggled_at)
        look = _without_past(look)
    changed = _full_queue(memory, look) | _other_client(memory, look) | _gap(memory, look)
    changed |= {"digest": look.digest, "missing": {}, "staying": 0}
    if look.complete:
        changed["complete_digest"] = look.digest
    memory = memory.model_copy(update=changed)
    found = []
    if look.room_again_at is not None:
        found.append(Observation(code="daily_limit", facts={"until": look.room_again_at.isoformat()}))
    if look.profile.name == "generic" and EXCHANGE_GREETING in look.greeting:
        found.append(Observation(code=MARKS_READ[0]))
    if look.expire_days is not None:
        found.append(Observation(code="expire", facts={"days": look.expire_days}))
    if memory.other_client_since is not None:
        found.append(Observation(code="other_pop_client", facts={"since": memory.other_client_since.isoformat()}))
    if memory.full_queue is not None:
        found.append(Observation(code="queue_saturated", facts=memory.full_queue))
    if memory.gap_from is not None and memory.gap_to is not None:
        facts: dict[str, int | str] = {"from": memory.gap_from.isoformat(), "to": memory.gap_to.isoformat()}
        found.append(Observation(code="recent_gap", facts=facts))
    return memory, tuple(sorted(found, key=lambda one: one.code))


def _without_past(look: Look) -> Look:
    """In a new epoch, or another mode, what was seen before is no measure."""
    return replace(look, last_look=None, missing={}, staying=0)


def _is_full(memory: Memory, look: Look) -> bool:
    """R56: a server that has more mail than it lists, or a queue that does not drain though all on it is known."""
    size = look.profile.queue_size
    stalled = size is not None and not memory.recent_mode and look.listed >= size
    return stalled or look.counted > look.listed


def _full_queue(memory: Memory, look: Look) -> dict[str, Any]:
    if not look.quiet or not _is_full(memory, look):
        return {"clean_looks": 0, "full_queue": None}
    if memory.full_queue is not None:
        return {}
    looks = memory.clean_looks + 1 if memory.clean_looks and memory.digest == look.digest else 1
    if looks < CLEAN_LOOKS:
        return {"clean_looks": looks}
    facts = {"counted": look.counted, "listed": look.listed, "stored": look.stored}
    return {"clean_looks": looks, "full_queue": facts}


def _other_client(memory: Memory, look: Look) -> dict[str, Any]:
    """R65. Proof is a complete list that lacks messages of the one before and still has others of it; or, where a list has
    none of them, that this happens for the third time: a mailbox that was moved turns over once."""
    turnovers = tuple(at for at in memory.turnovers if look.at - at < REMEMBERED)
    since, last = memory.other_client_since, memory.other_client_at
    if last is not None and look.at - last >= REMEMBERED:
        since = last = None
    if look.complete and _taken(memory, look):
        if not look.staying:
            turnovers = (*turnovers, look.at)[-TURNOVERS:]
        if look.staying or len(turnovers) == TURNOVERS:
            since, last = since or look.at, look.at
    return {"turnovers": turnovers, "other_client_since": since, "other_client_at": last}


def _taken(memory: Memory, look: Look) -> int:
    """How many messages only somebody else can have removed.

    In recent mode mail leaves the list when it is 30 days old; where mail leaves a queue when it was retrieved, only what
    this account never retrieved counts; and a server that announces EXPIRE removes mail by itself.
    """
    if look.profile.queue_size is not None:
        return 0 if memory.recent_mode else look.missing.get("skipped", 0)
    return 0 if memory.recent_mode or look.expire_days is not None else sum(look.missing.values())


def _gap(memory: Memory, look: Look) -> dict[str, Any]:
    if not memory.recent_mode:
        return {"gap_from": None, "gap_to": None}
    if look.last_look is not None and look.at - look.last_look > GAP:
        return {"gap_from": look.last_look, "gap_to": look.at}
    if memory.gap_to is not None and look.at - memory.gap_to >= REMEMBERED:
        return {"gap_from": None, "gap_to": None}
    return {}


def differing(known: Collection[Observation], found: Collection[Observation]) -> bool:
    """Whether what a session found is news to a workflow that knows `known`."""
    return sorted(known, key=lambda one: one.code) != sorted(found, key=lambda one: one.code)

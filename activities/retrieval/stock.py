"""Taking stock: a session's list becomes its plan, and what the list settles or leaves out is recorded at once.

The lists are held only until then. What comes out is what the rest of the session needs, and no more than there is memory for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from activities.mailbox.state import Mailbox
from activities.retrieval.batches import Batches
from activities.retrieval.context import SessionContext
from activities.retrieval.listing import Found
from activities.retrieval.observer import Remembered, Seen
from activities.retrieval.refusals import Withheld
from activities.retrieval.services import Services
from activities.storage.batch import BATCH_MESSAGES, Batch, NotRetrieved
from domain.mailbox.providers import profile_of
from domain.mailbox.settings import AccountSettings
from domain.retrieval.outcome import Agenda
from domain.retrieval.plan import DELETIONS_PER_SESSION, Identity, Listed, Plan, plan, volume_left
from workflows.contract import WatchRequest

LISTED_BYTES = 192  # that a planned message takes besides its UIDL: itself, its numbers, and its place in some lists


@dataclass(frozen=True, slots=True)
class Stock:
    """What a session goes on with: its agenda and its plan, as far as it may keep that; what the server withheld before; and what
    the observer concludes from in the end."""

    mailbox: Mailbox
    agenda: Agenda
    plan: Plan
    withheld: Withheld
    remembered: Remembered
    seen: Seen


async def make_plan(context: SessionContext, found: Found, remembered: Remembered) -> Plan:
    """What this session does about what it found."""
    daily = profile_of(context.settings).daily_bytes
    return await context.room.worked_out(
        len(found.listed),
        plan,
        found.listed,
        found.known,
        context.policy,
        now=context.clock(),
        first=found.mailbox.listed_at is None,
        largest=context.largest,
        room=found.mailbox.room,
        most=_most(context.settings, context.request),
        old=found.old,
        volume=None if daily is None else volume_left(remembered.taken, daily, context.largest),
    )


def agenda_of(found: Found, made: Plan) -> Agenda:
    return Agenda(
        epoch=found.mailbox.epoch,
        on_server=found.on_server,
        undecided=found.undecided,
        backlog=made.backlog,
        to_fetch=len(made.fetch),
        to_delete=len(made.delete),
        blocked_by_quota=made.blocked_by_quota,
        blocked_for_today=made.blocked_for_today,
    )


async def record(
    context: SessionContext,
    services: Services,
    batches: Batches,
    found: Found,
    made: Plan,
    remembered: Remembered,
    *,
    must_end: Callable[[], bool],
) -> Stock:
    """Records what is not to be fetched and what the list tells of the mailbox; answers what the session goes on with.

    `must_end`: there is no time for more of it.
    """
    agenda = agenda_of(found, made)
    if made.skip:
        skipped = await services.ledger.skip(
            context.lease, context.row, agenda.epoch, made.skip, context.clock(), complete=not agenda.undecided
        )
        context.row.count(skipped)
    not_entered = await _enter_oversized(context, batches, made.oversized, must_end)
    disclaimed = await _settle(context, services, found)
    remembered, seen = await services.observer.look(context, remembered, found, context.clock())
    kept = made.cut(context.room.keep(LISTED_BYTES + sys.getsizeof(one.uidl) for one in made.fetch))
    tried = {one.identity: found.known[one.identity] for one in kept.fetch if one.identity in found.known}
    withheld = Withheld(context.settings, tried, context.clock, disclaimed)
    return Stock(found.mailbox, agenda.keeping(kept, not_entered), kept, withheld, remembered, seen)


def _most(settings: AccountSettings, request: WatchRequest) -> int | None:
    """How many messages a session may fetch: one phase, or all of them phase after phase (R18, R19)."""
    if request.report or settings.retrieval.pace == "steady":
        return settings.retrieval.messages_per_phase
    return DELETIONS_PER_SESSION if settings.retrieval.after_store == "delete" else None


async def _enter_oversized(
    context: SessionContext, batches: Batches, oversized: Sequence[Listed], must_end: Callable[[], bool]
) -> int:
    """Puts what is too large in quarantine; answers for how many of it there was no time. These have no entry in the ledger, so
    the next session comes to them."""
    reason = f"larger than {context.largest} bytes (MAILROOM_MAX_MESSAGE_BYTES): not fetched"
    for part, first in enumerate(range(0, len(oversized), BATCH_MESSAGES)):
        messages = oversized[first : first + BATCH_MESSAGES]
        refused = [NotRetrieved(message, reason, 1, None) for message in messages]
        await batches.commit(Batch(number=0, refused=refused, part=part))
        if must_end():
            return len(oversized) - first - len(messages)
    return 0


async def _settle(context: SessionContext, services: Services, found: Found) -> set[Identity]:
    """Settles what the list tells of messages that could not be taken before, and of those that a QUIT was to delete whose
    answer was lost; answers which the server disclaimed."""
    lease, row, mailbox, at = context.lease, context.row, found.mailbox, context.clock()
    unsettled = mailbox.deletions_unsettled and found.complete
    if not (mailbox.quarantined or mailbox.disclaimed or unsettled):
        return set()
    listed = await context.room.worked_out(len(found.listed), lambda: {message.identity for message in found.listed})
    if mailbox.quarantined and found.complete:
        await services.quarantine.settle(lease, row, mailbox.epoch, listed, at)
    if unsettled:
        row.count(await services.ledger.settle_deletions(lease, row, mailbox.epoch, listed, at))
    if not mailbox.disclaimed:
        return set()
    return await services.quarantine.disclaimed(context.address, mailbox.epoch, listed)

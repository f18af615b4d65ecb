"""What becomes of each message that arrives, decided before any of it is written (activities/delivery/deliver.py does that).

A message is withheld where a rule of privacy says so, a duplicate where it is stored already or arrives twice, buried where it
was deleted or erased here, and else it is `Filed`: stored, in a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from activities.delivery.duplicates import recognise
from activities.delivery.recent_mode import RecentMode, copies_among, stored_copies
from activities.delivery.tombstones import buried
from activities.filing.place import Filed, file
from activities.linking.own_mail import tell_own_mail
from activities.mailbox.policy import StandingRules
from activities.privacy.privacy import withheld_among
from activities.storage.batch import Retrieved
from domain.retrieval.plan import Identity
from infra.database.pool import Connection


@dataclass(frozen=True, slots=True)
class Withheld:
    """One message that privacy keeps from being stored, by `rule`."""

    one: Retrieved
    rule: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One message that is stored mail (`of` is its id), or another copy of one that arrives with it (its identity)."""

    one: Retrieved
    of: int | Identity


@dataclass(frozen=True, slots=True)
class Buried:
    """One message that was deleted or erased here and is not to come again, or another copy of one that arrives with it."""

    one: Retrieved


Disposition = Filed | Duplicate | Withheld | Buried


async def dispositions(
    connection: Connection,
    rules: StandingRules,
    epoch: int,
    arrived: Sequence[Retrieved],
    mode: RecentMode | None = None,
) -> list[Disposition]:
    """One for each of `arrived`, in its order; they hold as long as the transaction in which `rules` are held. `epoch` is that
    of the list on which the messages are; `mode` is given where their mailbox is or was in recent mode."""
    settings = rules.settings
    withheld = withheld_among(settings, rules.privacy, arrived)
    wanted = [one for one in arrived if one.listed.identity not in withheld]
    known = await recognise(connection, settings.address, epoch, wanted, any_attached=rules.any_attached)
    copies = _repeated(wanted)
    if mode is not None:
        known = await stored_copies(connection, settings.address, mode, wanted) | known
        copies |= copies_among(mode, [one for one in wanted if one.listed.identity not in known])
    new = [one for one in wanted if one.listed.identity not in known and one.listed.identity not in copies]
    dead = await buried(connection, settings, epoch, new, any_erased=rules.any_erased)
    told = await tell_own_mail(connection, settings, [one for one in new if one.listed.identity not in dead])
    filed = {placed.one.listed.identity: placed for placed in await file(settings, rules.filters, told)}

    def decided(one: Retrieved) -> Disposition:
        identity = one.listed.identity
        if identity in withheld:
            return Withheld(one, withheld[identity])
        if identity in known:
            return Duplicate(one, known[identity])
        if identity in copies:
            first = copies[identity]
            return Duplicate(one, known.get(first, first)) if first in known or first in filed else Buried(one)
        return filed.get(identity, Buried(one))

    return [decided(one) for one in arrived]


def _repeated(arrived: Sequence[Retrieved]) -> dict[Identity, Identity]:
    """Messages that are another of these once more: the same bytes listed again under the same UIDL."""
    first: dict[tuple[str, bytes], Identity] = {}
    for one in arrived:
        first.setdefault((one.listed.uidl, one.sha256), one.listed.identity)
    firsts = {one.listed.identity: first[one.listed.uidl, one.sha256] for one in arrived}
    return {identity: of for identity, of in firsts.items() if identity != of}

"""Second copies of stored mail in and after recent mode, where one message may come under two UIDLs.

Elsewhere the UIDL alone decides, and equal bytes under two UIDLs are two messages. Recent mode differs in two ways. It shows
a message that its owner sent as well as the copy that came back (to the owner, or through a list), and those are one (R70).
And it is a second way to see the same mailbox: whatever UIDLs the server gives there, mail that was stored before the mode
was turned on or off is not stored once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.storage.batch import Retrieved
from domain.mailbox.settings import AccountSettings
from domain.mime.addresses import normal_address
from domain.retrieval.plan import Identity

SIZE_TOLERANCE = (
    0.05  # R70: the copy that came back has more header fields; where both have a Date, the same one tells, too
)

Envelope = tuple[str, str]  # Message-ID and From


@dataclass(frozen=True, slots=True)
class RecentMode:
    """Whether the mode is on, when it was last turned on or off, and which addresses are the account's own."""

    on: bool
    toggled_at: datetime | None
    own: frozenset[str]

    @classmethod
    def of(cls, settings: AccountSettings, *, toggled_at: datetime | None) -> RecentMode:
        own = {normal_address(address) for address in (settings.address, *settings.aliases)}
        return cls(settings.retrieval.recent_mode, toggled_at, frozenset(address for address in own if address))

    def sent(self, one: Retrieved) -> Envelope | None:
        """How to know a message of the owner's again; None for anybody else's, and while the mode is off."""
        message_id, sender = one.message.message_id, one.message.from_address
        return (message_id, sender) if self.on and message_id and sender and sender in self.own else None


async def stored_copies(
    connection: AsyncConnection[TupleRow], address: str, mode: RecentMode, arrived: Sequence[Retrieved]
) -> dict[Identity, int]:
    """The arrived messages that are second copies of stored mail, with its id."""
    digests = [one.sha256 for one in arrived] if mode.toggled_at else []
    envelopes = {one.listed.identity: sent for one in arrived if (sent := mode.sent(one))}
    if not digests and not envelopes:
        return {}
    rows = await (
        await connection.execute(
            """
            select id, sha256, message_id, from_address, size, sent_at, stored_at from mail
            where address = %s and state = 'stored' and (sha256 = any(%b::bytea[]) or message_id = any(%s::text[]))
            order by id
            """,
            [address, digests, sorted({message_id for message_id, _ in envelopes.values()})],
        )
    ).fetchall()
    found: dict[Identity, int] = {}
    for one in arrived:
        for mail, digest, message_id, sender, size, sent_at, stored_at in rows:
            same_mail = bool(mode.toggled_at and stored_at < mode.toggled_at and digest == one.sha256)
            came_back = envelopes.get(one.listed.identity) == (message_id, sender) and (
                alike(size, one.size) or same_date(sent_at, one.message.sent_at)
            )
            if same_mail or came_back:
                found.setdefault(one.listed.identity, mail)
    return found


def copies_among(mode: RecentMode, arrived: Sequence[Retrieved]) -> dict[Identity, Identity]:
    """The messages of one batch that are second copies of another of it, each with the first."""
    firsts: dict[Envelope, list[Retrieved]] = {}
    found: dict[Identity, Identity] = {}
    for one in arrived:
        if (sent := mode.sent(one)) is None:
            continue
        same = firsts.setdefault(sent, [])
        first = next(
            (
                other
                for other in same
                if alike(other.size, one.size) or same_date(other.message.sent_at, one.message.sent_at)
            ),
            None,
        )
        if first is None:
            same.append(one)
        else:
            found[one.listed.identity] = first.listed.identity
    return found


def same_date(at: datetime | None, other: datetime | None) -> bool:
    return at is not None and at == other


def alike(size: int, other: int) -> bool:
    """Whether two sizes in bytes differ by no more than a way back adds."""
    return abs(size - other) <= SIZE_TOLERANCE * max(size, other)

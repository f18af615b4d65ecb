"""Filing: where each message goes, before anybody can see it, inside the transaction that stores it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from activities.storage.batch import Retrieved
from activities.storage.uploads import Upload
from domain.core.text import storable
from domain.filing.evaluation import Place, Readable, Saved, place
from domain.filing.filters import INBOX
from domain.filing.stored import as_written
from domain.linking.model import Mail
from domain.mailbox.settings import AccountSettings
from domain.message.authorship import is_form
from domain.message.index import header_fields
from domain.mime.nesting import has_attachment
from infra.database.pool import Connection

LOOKED_AT = 1 << 20  # bytes of a message's beginning that conditions may read


@dataclass(frozen=True, slots=True)
class Filed:
    """One message with its place. `by`: the filters that filed it, with their versions."""

    one: Retrieved
    folder: str = INBOX
    labels: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    by: tuple[dict[str, Any], ...] = ()


async def file(settings: AccountSettings, filters: Sequence[Saved], new: Sequence[Retrieved]) -> list[Filed]:
    """Where each of `new` goes: Inbox, where no filter of the account says otherwise (R32, R33)."""
    if not filters or not new:
        return [Filed(one) for one in new]
    own = settings.own_addresses

    def placed() -> list[Filed]:
        return [_filed(one, place(_readable(one, own), filters)) for one in new]

    return await asyncio.to_thread(placed)  # heartbeats and the line go on meanwhile


def filters_at_work(filed: Sequence[Filed]) -> dict[str, object]:
    """What the log says of them: which filters filed how many messages, and which failed."""
    counts = Counter(json.dumps(one, sort_keys=True) for placed in filed for one in placed.by)
    return {"filters": [{**json.loads(one), "messages": count} for one, count in counts.items()]} if counts else {}


async def saved_filters(connection: Connection, address: str) -> list[Saved]:
    """The account's filters in their order."""
    rows = await (
        await connection.execute(
            """
            select id, version, name, match, conditions, actions, enabled from account_filters
            where address = %s order by position, id
            """,
            [address],
        )
    ).fetchall()
    return [Saved(number, version, as_written(*written)) for number, version, *written in rows]


def readable_head(head: bytes, mail: Mail, *, subject: str, size: int, own: frozenset[str]) -> Readable:
    """A message as conditions read it; `head` is its beginning, empty where no condition asks for it."""
    fields: Callable[[], Callable[[str], list[str]]] = cache(lambda: header_fields(head))

    @cache
    def headers(name: str) -> Sequence[str]:
        values = [storable(value) for value in fields()(name)]
        if name == "list-id":  # `"Our list" <ours.example.org>` is ours.example.org, too
            values += [value.rpartition("<")[2].rstrip(" >") for value in values if "<" in value]
        return values

    return Readable(
        participants=mail.participants,
        subject=subject,
        size=size,
        own=own,
        headers=headers,
        attached=cache(lambda: has_attachment(head)),
        automatic=mail.automatic,
        spoofed=bool(mail.traits.get("possibly_spoofed", False)),
        form=is_form(mail.traits),
    )


def _readable(one: Retrieved, own: frozenset[str]) -> Readable:
    head = one.content.head if isinstance(one.content, Upload) else one.content
    return readable_head(head[:LOOKED_AT], Mail.of(one.message), subject=one.message.subject, size=one.size, own=own)


def _filed(one: Retrieved, found: Place) -> Filed:
    return Filed(one, found.folder, found.labels, found.flags, found.by)

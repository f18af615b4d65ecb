"""Drafts: what is to be sent is stored first, so that no history ever holds a recipient, a subject or a body."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from activities.sending.routes import account_of
from domain.core.refusal import Refused
from domain.core.text import storable_all
from infra.database.pool import Connection, Pool

BASE64_GROWTH = 1.37  # four letters for three bytes, and a line end for each 57


@dataclass(frozen=True, slots=True)
class Part:
    """A file that goes with a draft, or the ready-made message that it is."""

    name: str | None
    content_type: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A draft as it is stored: `given` is what was typed, None where its only part is a ready-made message."""

    address: str
    given: dict[str, Any] | None
    parts: Sequence[Part]
    digest: bytes


class Drafts:
    def __init__(self, pool: Pool, most_bytes: int) -> None:
        self._pool = pool
        self._most_bytes = most_bytes

    async def store(self, address: str, given: dict[str, Any] | None, parts: Sequence[Part], by: str) -> UUID:
        """Stores a draft that was read already; answers its id. Raises Refused: `unknown_from`, `message_too_large`."""
        size = int(sum(len(part.data) for part in parts) * (1 if given is None else BASE64_GROWTH))
        if size > self._most_bytes:
            raise Refused(
                "message_too_large",
                f"it would have about {size:,} bytes on the wire, and MAILROOM_MAX_MESSAGE_BYTES allows {self._most_bytes:,}: "
                "send a link instead of the largest attachment, or raise that",
                field="attachments",
            )
        draft = uuid4()
        async with self._pool.connection() as connection, connection.transaction():
            if await account_of(connection, address) is None:
                raise Refused(
                    "unknown_from",
                    f"no account has the address {address}, as its own or as an alias: start its account first, or add the alias "
                    "with change_settings",
                    field="from",
                )
            await connection.execute(
                "insert into sending_drafts (id, address, given, digest, made_by) values (%s, %s, %s, %s, %s)",
                [
                    draft,
                    address,
                    None if given is None else Jsonb(storable_all(given)),
                    digest(address, given, parts),
                    by,
                ],
            )
            for ordinal, part in enumerate(parts):
                await connection.execute(
                    "insert into draft_parts (draft, ordinal, name, content_type, data) values (%s, %s, %s, %s, %b)",
                    [draft, ordinal, part.name, part.content_type, part.data],
                )
        return draft


def digest(address: str, given: dict[str, Any] | None, parts: Sequence[Part]) -> bytes:
    """By which two drafts are the same one, whatever their ids."""
    whole = hashlib.sha256(json.dumps([address, given], sort_keys=True).encode())
    for part in parts:
        named = json.dumps([part.name, part.content_type, hashlib.sha256(part.data).hexdigest()])
        whole.update(named.encode())
    return whole.digest()


async def stored_draft(connection: Connection, draft: UUID) -> Stored:
    """Raises Refused `unknown_draft`."""
    row = await (
        await connection.execute("select address, given, digest from sending_drafts where id = %s", [draft])
    ).fetchone()
    if row is None:
        raise Refused(
            "unknown_draft",
            f"there is no draft {draft}: store one with `mailroom draft ADDRESS FILE.json`, which prints its id",
            field="draft",
        )
    address, given, its_digest = row
    parts = await (
        await connection.execute(
            "select name, content_type, data from draft_parts where draft = %s order by ordinal", [draft]
        )
    ).fetchall()
    return Stored(address, given, [Part(name, kind, bytes(data)) for name, kind, data in parts], bytes(its_digest))

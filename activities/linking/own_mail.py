"""Mail from the account's own addresses, told apart before it is filed: copies to oneself, and what may be forged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from activities.storage.batch import Retrieved
from domain.bounces.recipients import without
from domain.core.text import storable
from domain.mailbox.settings import AccountSettings
from domain.message.authentication import claimed, own_mail
from domain.message.authorship import author_of, is_form
from infra.database.pool import Connection


async def tell_own_mail(connection: Connection, settings: AccountSettings, new: Sequence[Retrieved]) -> list[Retrieved]:
    """`new` with the traits that follow from the account's settings: a bounce names none of its own addresses; possibly spoofed
    is no message whose Message-ID is that of one in Sent."""
    own = settings.own_addresses
    traits: list[dict[str, Any]] = [own_mail(one.message, own, settings.authserv_id) for one in new]
    doubted = [one.message.message_id for one, found in zip(new, traits, strict=True) if "possibly_spoofed" in found]
    known = await _sent(connection, settings.address, doubted)
    made = []
    for one, found in zip(new, traits, strict=True):
        if one.message.message_id in known:
            found.pop("possibly_spoofed", None)
        if one.message.kind == "bounce" or found:
            told = {**without(one.message.traits, own), **found}
            one = replace(one, message=replace(one.message, traits=told, author=author_of(told, one.message.author)))
        made.append(one)
    return made


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored message, and the addresses that are its account's own now."""

    id: int
    address: str
    own: frozenset[str]
    sender: str | None
    participants: Sequence[Mapping[str, str]]
    traits: Mapping[str, Any]
    message_id: str | None


async def tell_own_mail_anew(connection: Connection, mail: Sequence[Stored]) -> dict[int, dict[str, Any]]:
    """The traits of those messages that came from one of the account's own addresses, and no longer do, or the other way round:
    other addresses are its own now. They are kept, too."""
    changed: dict[int, dict[str, Any]] = {}
    for one in mail:
        participants = [(who["field"], who["address"], who["normal"]) for who in one.participants]
        found = claimed(one.sender, participants, one.own, one.traits.get("authentication", {}), one.traits)
        if (found.get("own_copy"), "author" in found) == (one.traits.get("own_copy"), is_form(one.traits)):
            continue
        if "own_copy" in one.traits and found:
            found.pop("possibly_spoofed", None)  # it was known before whether it is
            found |= {name: one.traits[name] for name in ("possibly_spoofed",) if name in one.traits}
        elif "possibly_spoofed" in found and await _sent(connection, one.address, [one.message_id]):
            del found["possibly_spoofed"]
        told = ("own_copy", "possibly_spoofed", *(("author",) if is_form(one.traits) else ()))
        kept = {name: value for name, value in one.traits.items() if name not in told}
        changed[one.id] = kept | found
    if changed:
        await connection.execute(
            """
            update mail set traits = now.traits, author = now.author
            from unnest(%b::bigint[], %b::text[]::jsonb[], %b::text[]) as now (id, traits, author)
            where mail.id = now.id
            """,
            [
                list(changed),
                [storable(json.dumps(traits, ensure_ascii=False)) for traits in changed.values()],
                [author_of(changed[one.id], one.sender) for one in mail if one.id in changed],
            ],
        )
    return changed


async def _sent(connection: Connection, address: str, names: Sequence[str | None]) -> set[str]:
    """Which of these Message-IDs one in Sent has."""
    wanted = [name for name in names if name]
    if not wanted:
        return set()
    rows = await (
        await connection.execute(
            "select message_id from mail where address = %s and folder = 'Sent' and message_id = any(%s::text[])",
            [address, wanted],
        )
    ).fetchall()
    return {row[0] for row in rows}

"""Mail from the account's own addresses, told apart before it is filed: copies to oneself, and what may be forged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from activities.arrivals import Retrieved
from domain.authentication import own_mail
from domain.settings import AccountSettings


async def tell_own_mail(
    connection: AsyncConnection[TupleRow], settings: AccountSettings, new: Sequence[Retrieved]
) -> list[Retrieved]:
    """`new` with the traits that follow from the account's settings. Possibly spoofed is no message whose Message-ID is that of
    one in Sent."""
    own = settings.own_addresses
    traits: list[dict[str, Any]] = [own_mail(one.message, own, settings.authserv_id) for one in new]
    doubted = [one.message.message_id for one, found in zip(new, traits, strict=True) if "possibly_spoofed" in found]
    known: set[str] = set()
    if doubted:
        rows = await (
            await connection.execute(
                "select message_id from mail where address = %s and folder = 'Sent' and message_id = any(%s::text[])",
                [settings.address, [one for one in doubted if one]],
            )
        ).fetchall()
        known = {row[0] for row in rows}
    made = []
    for one, found in zip(new, traits, strict=True):
        if one.message.message_id in known:
            found.pop("possibly_spoofed", None)
        if found:
            one = replace(one, message=replace(one.message, traits={**one.message.traits, **found}))
        made.append(one)
    return made

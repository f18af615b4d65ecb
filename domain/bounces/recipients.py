"""Whom a bounce names, of those who may be named in a mailbox."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def without(traits: dict[str, Any], own: Collection[str]) -> dict[str, Any]:
    """`traits` whose bounce names none of the `own` addresses: whose mailbox this is has what was sent."""
    bounce = traits.get("bounce")
    if not bounce or not any(address in own for one in bounce["recipients"] for address in one["addresses"]):
        return traits
    others = [
        {**one, "addresses": kept}
        for one in bounce["recipients"]
        if (kept := [address for address in one["addresses"] if address not in own])
    ]
    return {**traits, "bounce": {**bounce, "recipients": others}}

"""The rules by which a CRM's records are looked for: how loosely two addresses agree."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from pydantic import ValidationError

from domain.core.validation import Strict
from domain.privacy.rules import Rule


def as_rules(said: Any) -> Rules:
    try:
        return Rules.model_validate(said or {}, strict=False)
    except ValidationError:  # of a later version: the plain rules are safe
        return Rules()


LEVELS = ("exact", "secondary", "subaddress", "gmail")  # of address matching, the nearest first


class Rules(Strict):
    """How mail is linked to one CRM. `records`: which kinds take part besides deals; `subaddresses` and `gmail_dots`: the levels
    of address matching beyond the exact one; `removed_addresses`: what becomes of mail that is linked by an address that its
    record has no more; `never_log`: the organisation's own list."""

    records: Literal["both", "contacts", "leads"] = "both"
    subaddresses: bool = False
    gmail_dots: bool = False
    automatic: bool = True
    removed_addresses: Literal["keep", "unlink"] = "keep"
    never_log: tuple[Rule, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of records that are matched by their addresses."""
        of = {"both": ("contact", "lead", "candidate"), "contacts": ("contact",), "leads": ("lead", "candidate")}
        return of[self.records]


def loose(address: str) -> str:
    """The form in which addresses of one mailbox agree at every level: without `+tag` (RFC 5233), at gmail.com without dots.
    The function `loose_address` of the database is the same."""
    local, _, domain = address.rpartition("@")
    if local.startswith('"'):
        return address
    local = _base(local)
    if domain in ("gmail.com", "googlemail.com"):
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def searched_loosely(addresses: Collection[str]) -> set[str]:
    """What stored mail with these addresses is found by where a record has another address of the same mailbox: no address, for
    none has a colon outside of quotes."""
    return {f"loose:{form}" for address in addresses if (form := loose(address)) != address}


def _base(local: str) -> str:
    plus = local.find("+")
    return local[:plus] if plus > 0 else local


def level_of(known: str, written: str, rules: Rules) -> str | None:
    """At which level two addresses with the same loose form are one, if the rules go so far."""
    a, b = known.rpartition("@"), written.rpartition("@")
    if rules.subaddresses and (_base(a[0]), a[2]) == (_base(b[0]), b[2]):
        return "subaddress"
    if not rules.gmail_dots or a[2] not in ("gmail.com", "googlemail.com"):
        return None
    if a[0].replace(".", "") == b[0].replace(".", "") or rules.subaddresses:
        return "gmail"
    return None

"""What is nobody's business: mail that is never stored, and mail that is stored and never linked."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from domain.core.validation import Strict
from domain.message.authorship import author_of, form_author
from domain.message.free_mail import FREE_MAIL
from domain.message.index import IndexedMessage
from domain.mime.addresses import normal_address
from domain.privacy.erasure import ERASED_RULE, is_meant


def _rule(text: str) -> str:
    if ERASED_RULE.fullmatch(text):
        return text
    domain = text.strip().lstrip("@")
    normal = normal_address(text if "@" in domain else f"anyone@{domain}")
    if normal is None:
        raise PydanticCustomError(
            "invalid_field", "is neither an address nor a domain: write jane@example.com or example.com"
        )
    return normal if "@" in domain else normal.partition("@")[2]


# An address, a domain with all below it, or what stands for the address of a person who was erased.
Rule = Annotated[str, Field(max_length=320), AfterValidator(_rule)]


class Privacy(Strict):
    """One account's rules. `never_log`: whose mail is never stored; `private`: whose mail is stored and linked to nothing.
    `internal`: what becomes of mail among people of the account's own domain alone, unless it is a free-mail domain."""

    never_log: Annotated[tuple[Rule, ...], Field(max_length=1000)] = ()
    private: Annotated[tuple[Rule, ...], Field(max_length=1000)] = ()
    internal: Literal["private", "never_log", "link"] = "private"


def rule_for(address: str, rules: Collection[str]) -> str | None:
    """The rule among `rules` (normal forms; best a set) that covers an address in normal form, None if none does."""
    if not rules:
        return None
    if address in rules:
        return address
    domain = address.rpartition("@")[2]
    while domain:
        if domain in rules:
            return domain
        domain = domain.partition(".")[2]
    return next((rule for rule in _of_erased(rules) if is_meant(rule, address)), None)


def _of_erased(rules: Collection[str]) -> tuple[str, ...]:
    return _sorted_out(rules if isinstance(rules, tuple | frozenset) else frozenset(rules))


@lru_cache(maxsize=256)
def _sorted_out(rules: tuple[str, ...] | frozenset[str]) -> tuple[str, ...]:
    return tuple(rule for rule in rules if rule.startswith("erased:"))


def is_internal(participants: Collection[str], account: str) -> bool:
    """Whether all `participants` besides the owner (normal forms) are of the account's own domain, and that is an
    organisation's."""
    domain = account.rpartition("@")[2]
    return (
        bool(participants) and domain not in FREE_MAIL and all(one.rpartition("@")[2] == domain for one in participants)
    )


def withheld_by(message: IndexedMessage, account: str, own: Collection[str], privacy: Privacy) -> str | None:
    """The rule that keeps a message from being stored, None if none does: `never_log: ` with the address or domain that covers
    its author, or From where a notifier names another author, or, of own mail, the first of its recipients if each is covered;
    or `internal`."""
    if not privacy.never_log and privacy.internal != "never_log":
        return None
    recipients = {who.normal for who in message.participants if who.field in ("to", "cc", "bcc")}
    others = sorted(recipients - set(own))
    if privacy.never_log:
        rules = frozenset(privacy.never_log)
        written = form_author(
            message.from_address,
            [(who.field, who.address, who.normal) for who in message.participants],
            own,
            message.traits,
        )
        author = author_of({"author": written}, None) if written else message.author
        written_by = [one for one in (author, message.from_address) if one is not None and one not in own]
        if written_by:
            covering = [next((rule for one in written_by if (rule := rule_for(one, rules))), None)]
        else:
            covering = [rule_for(one, rules) for one in others]
        if covering and all(covering):
            return f"never_log: {covering[0]}"
    authors = {message.author} if message.author else set()
    if privacy.internal == "never_log" and is_internal((recipients | authors) - set(own), account):
        return "internal"
    return None

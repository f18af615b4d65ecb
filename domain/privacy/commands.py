"""The commands about private mail, as they are typed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from domain.core.commands import Command, Messages
from domain.core.foreign_text import Reason
from domain.privacy.rules import Rule


class SetPrivacy(Command):
    """Set whose mail is not stored, whose is stored and linked to nothing, and what becomes of internal mail; what is left out
    stays as it is. `dry_run`: only say what would change."""

    never_log: Annotated[tuple[Rule, ...], Field(max_length=1000)] | None = None
    private: Annotated[tuple[Rule, ...], Field(max_length=1000)] | None = None
    internal: Literal["private", "never_log", "link"] | None = None
    reason: Reason | None = None
    dry_run: bool | None = None


class MakePrivate(Command):
    """Keep messages out of every CRM, whatever the rules say; with `private` false, leave them to the rules again."""

    messages: Messages
    private: bool = True

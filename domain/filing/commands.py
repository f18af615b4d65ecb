"""The commands about filters and about where stored mail is filed, as they are typed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.core.commands import Command, Messages
from domain.filing.filters import MOST_FILTERS, Filter, Folder, Label, Words

Labels = Annotated[tuple[Label, ...], Field(max_length=50)]


class SaveFilter(Filter, Command):
    """Make a filter, or replace the one of that name (R17, R35).

    `position` 1 is asked first; without one a new filter comes last, and a replaced one keeps its place.
    """

    position: Annotated[int, Field(ge=1)] | None = None

    def saved(self) -> Filter:
        return Filter.model_validate(self.model_dump(exclude={"by", "position"}))


class RemoveFilter(Command):
    """Remove a filter; mail that it filed stays where it is."""

    name: Words


class OrderFilters(Command):
    """Put the filters in this order; those that are not named follow in the order that they have."""

    names: Annotated[tuple[Words, ...], Field(min_length=1, max_length=MOST_FILTERS)]


class ApplyFilter(Command):
    """Apply a filter to the mail that is stored, except what is in Trash (R36). A dry run only counts."""

    name: Words
    dry_run: bool = True


class RecommendFilters(Command):
    """The ready-made filters for the owner's own mail, as save_filter takes them (R35, R71)."""


class MoveMessages(Command):
    """Move messages to a folder, an own one too; into or out of Sent, their correspondences follow (R34)."""

    messages: Messages
    folder: Folder


class LabelMessages(Command):
    """Add labels to messages, and take labels off."""

    messages: Messages
    add: Labels = ()
    remove: Labels = ()

    @model_validator(mode="after")
    def _says_something(self) -> LabelMessages:
        if not self.add and not self.remove:
            raise PydanticCustomError("invalid_field", "add and remove are empty: name a label in one of them")
        return self


class MarkMessages(Command):
    """Set or clear what marks messages: seen, flagged. What is left out stays."""

    messages: Messages
    seen: bool | None = None
    flagged: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> MarkMessages:
        if self.seen is None and self.flagged is None:
            raise PydanticCustomError(
                "invalid_field", "seen and flagged are left out: set one of them to true or false"
            )
        return self


class DeleteMessages(Command):
    """Delete messages for good, which frees quota. They are never imported again; on the server nothing is deleted. `dry_run`:
    only say what would go."""

    messages: Messages
    dry_run: bool | None = None


class UndoFiling(Command):
    """Put messages back where they were before a command moved, labelled or marked them; `run` is in that command's answer.
    What was filed anew since stays."""

    run: UUID

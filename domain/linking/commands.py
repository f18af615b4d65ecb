"""What a person may decide about a message and a record. No rule changes it; `undo_decision` leaves it to the rules again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.core.commands import Command
from domain.core.foreign_text import Reason
from domain.core.validation import Name
from domain.directory.records import RecordKind


class Decision(Command):
    """`message` is an id of the view `messages`; the record is one of the view `directory`."""

    message: Annotated[int, Field(ge=1, le=2**63 - 1)]
    crm: Name
    record_kind: RecordKind
    record_id: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Reason | None = None


class LinkMessage(Decision):
    """Link a message with a record, whatever the rules say; the direction follows its folder."""


class UnlinkMessage(Decision):
    """Unlink a message from a record, whatever the rules say."""


class UndoDecision(Decision):
    """Forget what was decided about a message and a record: the rules decide again."""


DECISIONS: tuple[type[Decision], ...] = (LinkMessage, UnlinkMessage, UndoDecision)

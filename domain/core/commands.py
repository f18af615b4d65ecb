"""What every command has: who gives it, and which messages it is about."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.core.foreign_text import By
from domain.core.validation import Strict


class Command(Strict):
    """An operator's command; `by` says who gives it and is kept in the log."""

    by: By = "operator"


class Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class WasRefused(Report):
    """A command that came as a signal, or got as far as a login, and was refused; `times`: as often, of the same kind."""

    command: str
    code: str
    message: str
    field: str | None = None
    by: str
    times: int = 1


class CountedRefusals(Report):
    """Refused signals of one kind: when the log was told of some, how many came since, and the last of them."""

    recorded_at: datetime
    times: int = 0
    last: WasRefused


def name_of(command: BaseModel | type[BaseModel]) -> str:
    """The name that people type: `ChangeSettings` is `change_settings`."""
    kind = command if isinstance(command, type) else type(command)
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


MOST_AT_ONCE = 1000  # messages of one command
Messages = Annotated[tuple[Annotated[int, Field(ge=1, lt=2**63)], ...], Field(min_length=1, max_length=MOST_AT_ONCE)]

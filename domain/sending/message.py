"""One outgoing message: what is asked for, the states it goes through, and what people see of it.

None of this holds a recipient, a subject or a body: those are rows of the database, which can be erased, and histories are not.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.core.commands import Command
from domain.core.foreign_text import By, Reason, markdown
from domain.core.validation import Strict
from domain.failures.failure import Failure
from domain.failures.wording import clock, failed
from domain.mailbox.settings import Address
from domain.sending.status import WHO

REQUEST_ID = r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,199}$"
A_WEEK = 7 * 24


class OutgoingMessage(Strict):
    """What a `SendMessage` is started with: a draft that is stored already, and how it goes. `source` changes nothing but what is
    told (R23). `undo_seconds`: how long it waits before it goes, so that it can be taken back."""

    model_config = ConfigDict(populate_by_name=True)

    request_id: Annotated[str, Field(pattern=REQUEST_ID)]
    sender: Annotated[Address, Field(alias="from")]
    draft: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    kind: Literal["personal"] = "personal"
    source: Literal["mail", "crm"] = "mail"
    send_at: AwareDatetime | None = None
    undo_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    expires_hours: Annotated[int, Field(ge=1, le=A_WEEK)] = 96
    by: By = "operator"

    @property
    def draft_id(self) -> UUID:
        return UUID(self.draft)


class MessageState(StrEnum):
    """`held` waits for its route and never expires; `uncertain`: whether the server took it is not known, and it is not sent
    again by itself."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    HELD = "held"
    SENDING = "sending"
    UNCERTAIN = "uncertain"
    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly_accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


FINAL = frozenset(
    (
        MessageState.ACCEPTED,
        MessageState.PARTLY_ACCEPTED,
        MessageState.REJECTED,
        MessageState.EXPIRED,
        MessageState.CANCELLED,
    )
)
SENT = frozenset((MessageState.ACCEPTED, MessageState.PARTLY_ACCEPTED))


class Recipients(BaseModel):
    """How many there are, and how far each has come."""

    model_config = ConfigDict(frozen=True)

    all: int = 0
    accepted: int = 0
    rejected: int = 0
    deferred: int = 0
    uncertain: int = 0
    bounced: int = 0


class MessageStatus(BaseModel):
    """What a `SendMessage` answers to the query `status` and in the end, as the database has it. `sent`: whether its copy lies in
    Sent already ("pending", "saved", or "none" for what was not sent); `message` is then its id."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    request_id: str
    version: int
    """Counts the changes of its row: of two answers, the one with the higher version is the later."""
    sender: Annotated[str, Field(serialization_alias="from", alias="from")]
    account: str
    """The account in whose log and mail it is: `from` is its address or an alias."""
    state: MessageState
    reason: str | None = None
    since: datetime
    route: str
    message_id: str
    recipients: Recipients = Recipients()
    attempts: int = 0
    next_attempt_at: datetime | None = None
    expires_at: datetime | None = None
    last_failure: Failure | None = None
    message: int | None = None
    sent: Literal["pending", "saved", "none"] = "none"

    @property
    def is_final(self) -> bool:
        return self.state in FINAL and not (self.state in SENT and self.sent == "pending")


# Commands -----------------------------------------------------------------------------------------------------------------


class Cancel(Command):
    """Do not send it, or no further: taken while nobody has begun to end its transmission, and refused as too_late after that."""


class RetryNow(Command):
    """Try now, instead of when its wait is over; where it is held, one try by this message alone."""


class Resolve(Command):
    """Say what became of a message of which that is uncertain: `not_accepted` sends it again, the same bytes."""

    outcome: Literal["accepted", "not_accepted"]
    reason: Reason


class Reschedule(Command):
    """Send it at another time, while it has not begun."""

    send_at: AwareDatetime


AnyCommand = Cancel | RetryNow | Resolve | Reschedule

TOLD: dict[MessageState, str] = {
    MessageState.SCHEDULED: "It waits for its time. `cancel` takes it back, `reschedule` moves it.",
    MessageState.QUEUED: "It goes out by itself. `retry_now` cuts the wait short, `cancel` ends it.",
    MessageState.HELD: "Its route takes no mail now: it goes out when the route works again, and never expires until then.",
    MessageState.SENDING: "A worker is sending it.",
    MessageState.UNCERTAIN: (
        "The server had all of it, and its answer was lost: whether it took it is not known, so it is not sent again by itself. "
        "Look in the mailbox's own Sent folder or ask a recipient, then give `resolve`."
    ),
    MessageState.ACCEPTED: "The server took it for all recipients.",
    MessageState.PARTLY_ACCEPTED: (
        "The server took it for some recipients and refused others: the view sent_recipients says which."
    ),
    MessageState.REJECTED: "The server refused it. Nobody has got it.",
    MessageState.EXPIRED: "It could not be sent in time, and nobody has got it.",
    MessageState.CANCELLED: "It was cancelled before it was sent.",
}


def details(status: MessageStatus) -> str:
    """The message in a few lines of markdown, for the Temporal UI."""
    counts = status.recipients
    state = f"**{status.state}**" + (f" ({status.reason})" if status.reason else "")
    lines = [
        f"A message from {markdown(status.sender)} is {state} since {clock(status.since)}",
        "",
        TOLD[status.state],
        "",
    ]
    some = {name: getattr(counts, name) for name in ("accepted", "rejected", "deferred", "uncertain", "bounced")}
    told = ", ".join(f"{count} {name}" for name, count in some.items() if count)
    lines.append(f"- recipients: {counts.all}" + (f" ({told})" if told else ""))
    lines.append(f"- attempts: {status.attempts}")
    if status.next_attempt_at:
        lines.append(f"- next attempt: {clock(status.next_attempt_at)}")
    if status.message:
        lines.append(f"- in Sent as message {status.message}")
    if status.last_failure:
        lines += failed(status.last_failure, status.reason, WHO)
    return "\n".join(lines)

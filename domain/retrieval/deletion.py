"""What a policy lets be deleted from the server, and what has to be said before it does."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from domain.core.refusal import Refused
from domain.mailbox.settings import Retrieval

# Between a change and the first session that deletes by it: turned back meanwhile, it has deleted nothing.
GRACE_MINUTES = 5
EXAMPLES = 5


class Deletable(BaseModel):
    """Messages that are stored here and, as far as the last list says, lie on the server: their number, and the ids of the
    latest ones."""

    model_config = ConfigDict(frozen=True)

    messages: int
    examples: tuple[int, ...] = ()


def kept_for(policy: Retrieval) -> timedelta | None:
    """How long a stored message is left on the server; None: for good."""
    match policy.after_store:
        case "delete":
            return timedelta(0)
        case "delete_after_days":
            return timedelta(days=policy.delete_after_days or 0)
        case _:
            return None


def is_to_be_deleted(policy: Retrieval, stored_at: datetime, now: datetime) -> bool:
    """Whether the policy says DELE; the days count from our storing it, not from the message's date (R62)."""
    kept = kept_for(policy)
    return kept is not None and now - stored_at >= kept


def deletes_sooner(before: Retrieval, after: Retrieval) -> bool:
    """Whether a change lets messages be deleted that would be left, or left longer."""
    now, then = kept_for(before), kept_for(after)
    return then is not None and (now is None or then < now)


def unconfirmed(found: int, confirmed: int | None) -> Refused | None:
    """The refusal of a change that does not say how many messages it has deleted from the server; None where it does, or where
    there is none."""
    if found == (confirmed or 0):
        return None
    are = "message that is stored here is" if found == 1 else "messages that are stored here are"
    said = "" if confirmed is None else f"confirm_deletes says {confirmed}, but "
    return Refused(
        "confirm_deletes",
        f"{said}{found or 'no'} {are} still on the server, and would be deleted there"
        + (
            f", which cannot be undone: give the command with confirm_deletes: {found} if that is meant; with dry_run: true it "
            "shows some of them"
            if found
            else ": give the command without it"
        ),
        field="confirm_deletes",
    )


def held_back(policy: Retrieval, deletes_from: datetime | None, now: datetime) -> Retrieval:
    """The policy of a session that begins `now`: nothing is deleted before `deletes_from`."""
    if deletes_from is None or now >= deletes_from:
        return policy
    return policy.model_copy(update={"after_store": "leave"})

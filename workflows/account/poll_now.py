"""What `poll_now` answers."""

from __future__ import annotations

from typing import Literal

from domain.account.lifecycle import Account, State
from domain.account.status import status
from domain.core.refusal import Refused
from domain.failures.failure import Failure
from workflows import contract


def poll_answer(
    outcome: Literal["mail", "nothing_new", "failed"], account: Account, stored: int = 0, failure: Failure | None = None
) -> contract.PollAnswer:
    return contract.PollAnswer(
        outcome=outcome,
        stored=stored,
        failure=failure.model_dump(mode="json") if failure else None,
        status=status(account).model_dump(mode="json"),
    )


def no_poll(account: Account) -> Refused | None:
    """Why no watch will come any more; None where one will."""
    match account.state:
        case State.DISABLED:
            return Refused("disabled", f"poll_now: the account is disabled ({account.reason}): use enable first")
        case State.CLOSED:
            return Refused("closed", "poll_now: the account was closed")
        case _:
            return None

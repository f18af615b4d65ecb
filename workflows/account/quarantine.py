"""How an account's workflow carries out the commands about its quarantine: what they change is in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.account.commands import RetryQuarantined, SkipMessage
from domain.account.lifecycle import Account, State
from domain.core.commands import name_of
from domain.core.foreign_text import markdown
from workflows import contract
from workflows.entity.activities import RETRY, not_answered, refused_by


async def change_quarantine(address: str, given: RetryQuarantined | SkipMessage) -> contract.QuarantineChange:
    """Releases or gives up messages, and logs it in the same transaction; raises Refused."""
    at, event_id = workflow.now(), workflow.uuid4()
    request: contract.RetryQuarantinedRequest | contract.SkipMessageRequest
    match given:
        case RetryQuarantined(uidl=uidl, by=by):
            request = contract.RetryQuarantinedRequest(address=address, uidl=uidl, by=by, event_id=event_id, at=at)
        case SkipMessage(uidl=uidl, occurrence=occurrence, reason=reason, by=by):
            request = contract.SkipMessageRequest(
                address=address, uidl=uidl, occurrence=occurrence, reason=reason, by=by, event_id=event_id, at=at
            )
    name = name_of(given)
    try:
        change: contract.QuarantineChange = await workflow.execute_activity(
            name,
            request,
            result_type=contract.QuarantineChange,
            summary=f"{name} {markdown(given.uidl)}" if given.uidl is not None else name,  # a server chose it
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RETRY,
        )
    except ActivityError as error:
        raise refused_by(error, name) or not_answered(error, name) from None
    return change


def waits_for(account: Account) -> Literal["enable", "set_quota"] | None:
    """The command without which nothing is asked for."""
    match account.state:
        case State.DISABLED:
            return "enable"
        case State.OVER_QUOTA:
            return "set_quota"
        case _:
            return None

"""Commands about stored mail: filing, linking and what is made of a message. Each is one activity of the command's name.

They change nothing of the account's life, so the workflow only passes them on: what they change is in the database, and so is
their event in the log, appended in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.core.commands import Command, name_of
from domain.core.refusal import Refused
from domain.crm.actions import ACTIONS
from domain.directory.commands import RemoveContact, SaveContact
from domain.filing.commands import (
    ApplyFilter,
    DeleteMessages,
    LabelMessages,
    MarkMessages,
    MoveMessages,
    OrderFilters,
    RecommendFilters,
    RemoveFilter,
    SaveFilter,
    UndoFiling,
)
from domain.linking.commands import DECISIONS
from domain.privacy.commands import MakePrivate, SetPrivacy
from workflows import contract
from workflows.entity.activities import RETRY, not_answered, refused_by
from workflows.entity.messages import command

FILING: tuple[type[Command], ...] = (
    SaveFilter,
    RemoveFilter,
    OrderFilters,
    ApplyFilter,
    RecommendFilters,
    MoveMessages,
    LabelMessages,
    MarkMessages,
    MakePrivate,
    DeleteMessages,
    UndoFiling,
)


Owner = TypeVar("Owner")

DESK: tuple[type[Command], ...] = (*FILING, SetPrivacy, SaveContact, RemoveContact, *DECISIONS, *ACTIONS)
AT_CRMS = frozenset(ACTIONS)  # a CRM is asked: on the queue that waits for CRMs
TIMEOUT = timedelta(minutes=10)  # for a filter applied to a large mailbox
HEARTBEAT = timedelta(seconds=30)
AT_A_CRM = timedelta(minutes=10)  # with all attempts and all waiting: an account that is closed ends only after it
WAITS_FOR_CRMS = "waits-for-crms"  # what a history has from which on a CRM holds up no mail
MOST_RESULTS = 1000  # of a run that waits for a CRM: ten times what it has otherwise
MOST_EVENTS = 20_000
MOST_BYTES = 20_000_000
WITHOUT_ANSWER = (
    f"nothing came of it in {AT_A_CRM.total_seconds() / 60:.0f} minutes: see that a worker has the role crm, then ask again; "
    "with the same request_id nothing is made twice"
)


def carries_out(*models: type[Command]) -> Callable[[type[Owner]], type[Owner]]:
    """Gives a workflow that has `carry_out` these commands, each under its name."""

    def add(owner: type[Owner]) -> type[Owner]:
        for model in models:
            name = name_of(model)

            async def carry_out(self: Any, given: Command) -> Any:
                return await self.carry_out(given)

            carry_out.__name__ = name
            setattr(owner, name, command(model)(carry_out))
        return owner

    return add


class Desk:
    """Has commands carried out, and knows how many of them wait for a CRM."""

    def __init__(self) -> None:
        self._at_crms = 0

    @property
    def waits(self) -> bool:
        return self._at_crms > 0

    async def carry_out(self, address: str, given: Command) -> Any:
        """What the command's activity answers, as plain JSON; raises Refused."""
        waits = type(given) in AT_CRMS and workflow.patched(WAITS_FOR_CRMS)
        self._at_crms += waits
        try:
            return await _carried_out(address, given)
        finally:
            self._at_crms -= waits


def may_be_longer(results: int) -> bool:
    """Whether a run that is long already may go on: far below the 51,200 events and 50 MB at which the server ends it."""
    info = workflow.info()
    return (
        results < MOST_RESULTS
        and info.get_current_history_length() < MOST_EVENTS
        and info.get_current_history_size() < MOST_BYTES
    )


async def _carried_out(address: str, given: Command) -> Any:
    name = name_of(given)
    asks_a_crm = type(given) in AT_CRMS
    request = contract.DeskRequest(
        address=address,
        given=given.model_dump(mode="json", exclude_none=True),  # workers before a new field are not told of it
        event_id=workflow.uuid4(),
        at=workflow.now(),
    )
    try:
        return await workflow.execute_activity(
            name,
            request,
            task_queue=contract.CRM_QUEUE if asks_a_crm else None,
            result_type=dict[str, Any],
            summary=name,
            start_to_close_timeout=TIMEOUT,
            schedule_to_close_timeout=AT_A_CRM if asks_a_crm else None,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRY,
        )
    except ActivityError as error:
        if asks_a_crm and not isinstance(error.cause, ApplicationError):
            raise Refused("not_answered", f"{name}: {WITHOUT_ANSWER}") from None
        raise refused_by(error, name) or not_answered(error, name) from None

"""The `StoredMail` workflow: one command about the mail of an address that has no account, or whose account is closed.

A living account's workflow takes the same commands; beside it there is no second way, so this one refuses such an address.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.core.commands import Command, name_of
from domain.core.refusal import Refused
from domain.filing.commands import DeleteMessages, LabelMessages, MarkMessages, MoveMessages, UndoFiling
from domain.linking.commands import DECISIONS
from domain.privacy.commands import MakePrivate
from workflows import contract
from workflows.account.mail_commands import Desk
from workflows.entity.activities import RETRY, not_answered, refused_by
from workflows.entity.messages import read, refusal

MODELS: tuple[type[Command], ...] = (
    *(MoveMessages, LabelMessages, MarkMessages, MakePrivate, DeleteMessages, UndoFiling),
    *DECISIONS,
)
COMMANDS = {name_of(model): model for model in MODELS}


@workflow.defn(name=contract.STORED_MAIL)
class StoredMail:
    """Gives one command about stored mail for which there is no account to give it to."""

    @workflow.run
    async def run(self, payload: Any = None, *rest: Any) -> Any:
        try:
            given = read(contract.StoredMailCommand, payload, rest, what="StoredMail")
            return await _carry_out(given)
        except Refused as error:
            raise refusal(error) from None


async def _carry_out(given: contract.StoredMailCommand) -> Any:
    model = COMMANDS.get(given.command)
    if model is None:
        raise Refused(
            "unknown_command",
            f"StoredMail: {given.command[:100]} is not a command about stored mail; those are {', '.join(COMMANDS)}",
            field="command",
        )
    command = read(model, given.input, (), what=given.command)
    try:
        await workflow.execute_activity(
            "check_that_no_account_lives",
            given.address,
            summary="whether the address has an account",
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RETRY,
        )
    except ActivityError as error:
        raise refused_by(error, given.command) or not_answered(error, given.command) from None
    return await Desk().carry_out(given.address, command)

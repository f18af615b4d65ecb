"""The `poll_now` that is waited for: those who ask at the same time share one session and its answer."""

from __future__ import annotations

import asyncio
from typing import Literal

from domain.account import Account, State
from domain.failures import Failure
from domain.refusal import Refused
from domain.status import AccountStatus
from workflows import contract

Poll = asyncio.Future[contract.PollAnswer]


class SharedPoll:
    """`asked` is None while nobody waits; it is answered or refused once, and then is over."""

    def __init__(self) -> None:
        self.asked: Poll | None = None

    def ask(self) -> Poll:
        self.asked = asyncio.get_running_loop().create_future()
        return self.asked

    def answer(
        self,
        poll: Poll | None,
        outcome: Literal["mail", "nothing_new", "failed"],
        stored: int,
        status: AccountStatus,
        failure: Failure | None = None,
    ) -> None:
        """Answers with the outcome of the watch that was started for `poll`."""
        if poll is None or poll is not self.asked:
            return  # this watch was not the one that poll_now waits for
        self.asked = None
        answer = contract.PollAnswer(
            outcome=outcome,
            stored=stored,
            failure=failure.model_dump(mode="json") if failure else None,
            status=status.model_dump(mode="json"),
        )
        poll.set_result(answer)

    def refuse(self, refused: Refused) -> None:
        if self.asked is not None:
            poll, self.asked = self.asked, None
            poll.set_exception(refused)

    def refuse_if_over(self, account: Account) -> None:
        """Refuses who waits, where no watch will come any more."""
        match account.state:
            case State.DISABLED:
                self.refuse(
                    Refused("disabled", f"poll_now: the account is disabled ({account.reason}): use enable first")
                )
            case State.CLOSED:
                self.refuse(Refused("closed", "poll_now: the account was closed"))

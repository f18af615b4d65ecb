"""The answer that is waited for: those who ask at the same time share one session and what it brings."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from domain.core.refusal import Refused

Answer = TypeVar("Answer")


class SharedAnswer(Generic[Answer]):
    """`asked` is None while nobody waits; it is given or refused once, and then is over."""

    def __init__(self) -> None:
        self.asked: asyncio.Future[Answer] | None = None

    def ask(self) -> asyncio.Future[Answer]:
        self.asked = asyncio.get_running_loop().create_future()
        return self.asked

    def give(self, asked: asyncio.Future[Answer] | None, answer: Answer) -> None:
        """Gives what the session that was started for `asked` has brought; nothing where that is not what is waited for."""
        if asked is not None and asked is self.asked:
            self.asked = None
            asked.set_result(answer)

    def refuse(self, refused: Refused) -> None:
        if self.asked is not None:
            asked, self.asked = self.asked, None
            asked.set_exception(refused)

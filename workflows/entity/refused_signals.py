"""Refused signals in the log: the first of a kind at once, those of the minute after it together, as one entry.

However many come, and however many runs of the workflow they fill: what was counted and not yet told is handed on to the next run
(`handed_on`), which tells it when the minute is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from temporalio import workflow

from domain.core.commands import CountedRefusals, WasRefused
from domain.core.refusal import Refused

COUNTED_FOR = timedelta(minutes=1)
COUNTS = "refused-signals-are-counted"
HANDS_ON = "refused-signals-are-handed-on"
UNKNOWN = "unknown_command"


class RefusedSignals:
    """Counts by kind: command and code. Of names that are no command there are any number, and they are one kind."""

    def __init__(
        self, tell: Callable[[WasRefused], Awaitable[None]], ended: Callable[[], bool], cut: Callable[[], bool]
    ) -> None:
        self._tell = tell
        self._ended = ended
        self._cut = cut  # whether the run is to go on as a new one
        self._kinds: dict[tuple[str, str], CountedRefusals] = {}
        self._taken_over = False
        self._waits: set[asyncio.Task[None]] = set()

    def take_over(self, counted: Sequence[CountedRefusals]) -> None:
        """What the run before this one handed on; taken once."""
        if self._taken_over:
            return
        self._taken_over = True
        for kind in counted:
            self._kinds[_kind_of(kind.last)] = kind
            if kind.times:
                self._tell_later(_kind_of(kind.last))

    def handed_on(self) -> tuple[CountedRefusals, ...]:
        now = workflow.now()
        return tuple(kind for kind in self._kinds.values() if kind.times or now < kind.recorded_at + COUNTED_FOR)

    async def count(self, refused: WasRefused) -> None:
        key, at = _kind_of(refused), workflow.now()
        kind = self._kinds.get(key)
        if kind is not None and kind.times:  # somebody waits already, and tells those too that come as the minute ends
            self._kinds[key] = _one_more(kind, refused)
            return
        if kind is None or at >= kind.recorded_at + COUNTED_FOR or not workflow.patched(COUNTS):
            self._kinds[key] = CountedRefusals(recorded_at=at, last=refused)
            await self._tell(refused)
            return
        self._kinds[key] = _one_more(kind, refused)
        if workflow.patched(HANDS_ON):
            self._tell_later(key)
        else:
            await self._tell_once_its_time_is_over(key, lambda: self._ended() or self._cut())

    def untold(self) -> list[WasRefused]:
        """What was counted, which is told by whoever asks: before the end, after which nothing is logged."""
        keys = [key for key, kind in self._kinds.items() if kind.times]
        return [self._all_of(key) for key in keys]

    def _tell_later(self, key: tuple[str, str]) -> None:
        """By a task, not by the signal's handler: for the end of a handler the end of a run would wait."""
        task = asyncio.create_task(self._tell_once_its_time_is_over(key, self._ended))
        self._waits.add(task)
        task.add_done_callback(self._waits.discard)

    async def _tell_once_its_time_is_over(self, key: tuple[str, str], sooner: Callable[[], bool]) -> None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                sooner,
                timeout=self._kinds[key].recorded_at + COUNTED_FOR - workflow.now(),
                timeout_summary="count refused signals for a minute",
            )
        if self._kinds[key].times:
            with contextlib.suppress(Refused):  # a log that takes nothing more: the run ends by it
                await self._tell(self._all_of(key))

    def _all_of(self, key: tuple[str, str]) -> WasRefused:
        kind = self._kinds[key]
        self._kinds[key] = CountedRefusals(recorded_at=workflow.now(), last=kind.last)
        return kind.last.model_copy(update={"times": kind.times})


def _kind_of(refused: WasRefused) -> tuple[str, str]:
    return UNKNOWN if refused.code == UNKNOWN else refused.command, refused.code


def _one_more(kind: CountedRefusals, refused: WasRefused) -> CountedRefusals:
    return kind.model_copy(update={"times": kind.times + 1, "last": refused})

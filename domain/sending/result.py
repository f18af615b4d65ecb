"""What a transmission comes to for the message as a whole: whether it ends, waits, is held, or is in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from domain.sending.outcomes import Verdict

Course = Literal["end", "wait", "hold", "doubt"]


class Outcome(Protocol):
    """What came of one recipient."""

    @property
    def state(self) -> Literal["accepted", "deferred", "rejected", "uncertain"]: ...
    @property
    def verdict(self) -> Verdict | None: ...


@dataclass(frozen=True, slots=True)
class Result:
    """end: no recipient is left. wait: some are, and are offered it again after `minutes`. hold: not before the route takes mail.
    doubt: whether the server took it is not known."""

    course: Course
    minutes: float = 0.0


def result_of(outcomes: Sequence[Outcome], trouble: Verdict | None, attempt: int) -> Result:
    """`trouble` is the route's or the whole message's; `attempt` counts from 1."""
    if any(one.state == "uncertain" for one in outcomes):
        return Result("doubt")
    left = [one for one in outcomes if one.state == "deferred"]
    if not left:
        return Result("end")
    if trouble is not None and trouble.scope == "route" and trouble.course in ("suspend", "pause"):
        return Result("hold")
    verdicts = [one.verdict for one in left if one.verdict is not None] or ([trouble] if trouble else [])
    if any(verdict.course == "next_transaction" for verdict in verdicts):
        return Result("wait", 0.0)
    return Result("wait", min((verdict.waits.after(attempt) for verdict in verdicts), default=1.0))

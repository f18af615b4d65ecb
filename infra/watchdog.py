"""What watches over sessions and trusts none: whether one waits for an answer, and whether it has ended in time.

A session is an activity's task and the tasks that it makes. Whatever it does, it does by calls: to the database, the mail
server, a CRM. One that holds a lease, waits for no answer and makes no call either will do nothing any more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

STILL_SECONDS = 60  # without a call: longer than anything that a session does between two
ENDING_SECONDS = 15  # that giving the lease back may take, once the work has ended


class Watched:
    """A session as the watchdog sees it, who looks every second (so a process that stood still has not let time pass)."""

    def __init__(self) -> None:
        self.given_up = False
        self._give_up: Callable[[], None] | None = None
        self._under_way = 0
        self._calls = 0
        self._seen = 0
        self._still = 0
        self._ending: int | None = None

    def look(self) -> str | None:
        """A second later: what is wrong with the session, if anything is."""
        if self._under_way or self._calls != self._seen or self._give_up is None:
            self._still = 0
        self._seen = self._calls
        self._still += 1
        if self._ending is not None:
            self._ending += 1
            if self._ending > ENDING_SECONDS:
                return f"has not ended {ENDING_SECONDS} s after its work"
        if self._still > STILL_SECONDS:
            return f"has done nothing for {STILL_SECONDS} s, and waits for nobody's answer"
        return None

    def give_up(self) -> None:
        """Nobody counts on it any more, and what it holds is not prolonged."""
        self.given_up = True
        if self._give_up is not None:
            self._give_up()

    @contextlib.contextmanager
    def holding(self, give_up: Callable[[], None]) -> Iterator[None]:
        """While it holds what `give_up` lets go; only then is it expected to do something."""
        self._give_up = give_up
        try:
            yield
        finally:
            self._give_up = None

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """While it gives back what it holds: its work has ended."""
        self._ending = 0
        try:
            yield
        finally:
            self._ending = None

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        self._calls += 1
        self._under_way += 1
        try:
            yield
        finally:
            self._calls += 1
            self._under_way -= 1


_WATCHED: ContextVar[Watched | None] = ContextVar("watched", default=None)


def watched() -> Watched:
    """The session that runs here; outside of any, one that nobody looks at."""
    return _WATCHED.get() or Watched()


@contextlib.contextmanager
def watching() -> Iterator[Watched]:
    """The block, and the tasks that it makes, as a session."""
    one = Watched()
    token = _WATCHED.set(one)
    try:
        yield one
    finally:
        _WATCHED.reset(token)


def awaits_an_answer() -> contextlib.AbstractContextManager[None]:
    """Around whatever is waited for that others do: it has a time limit of its own, or lasts for as long as they need."""
    return watched().calling()

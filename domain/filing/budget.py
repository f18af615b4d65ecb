"""How much filters may do on one message: counted, so that it is bounded and comes to the same wherever they run."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 5_000_000  # of all filters of an account: characters compared, times the size of a pattern's program
LEAST = 50_000  # that each of them may do, whatever those before it have done


class TooMuchWork(Exception):
    """A filter would take too long on this message."""


@dataclass(slots=True)
class Work:
    """What may still be done."""

    left: int = MOST

    def next_one(self) -> None:
        """Another filter begins."""
        self.left = max(self.left, LEAST)

    def compare(self, text: str, program: int = 1) -> None:
        """Notes one comparison; raises TooMuchWork where it is too much. `program`: instructions of a compiled pattern."""
        self.left -= (len(text) + 64) * program
        if self.left < 0:
            raise TooMuchWork

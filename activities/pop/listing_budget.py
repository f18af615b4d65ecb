"""One budget for the lists of all mailboxes that a process holds at a time: servers decide how long those are.

A list costs about five times its lines' bytes until its session ends: the numbers and UIDLs, what the ledger knows of each, and
the plan. One list alone may be as long as `conversation.LARGEST_LISTING` allows, whatever the budget: a very large mailbox is
retrieved, but not beside others of its size. A session that finds no room ends and comes again: nobody waits with a session open.
"""

from __future__ import annotations

LISTING_BYTES = 256 * 1024 * 1024
COST = 4  # bytes that a session needs for each byte that its lines take
STEP = 1024 * 1024  # bytes of lines that are asked for at a time; what is shorter is not counted


class NoRoom(Exception):
    """Other mailboxes' lists take the memory that there is for lists; nobody's failure. Come again in some seconds."""

    def __init__(self) -> None:
        super().__init__("the lists of other large mailboxes take this worker's memory for lists")


class ListingBudget:
    def __init__(self, most: int = LISTING_BYTES) -> None:
        self._most = most
        self.taken = 0

    def share(self) -> Share:
        """What one session holds of it."""
        return Share(self)

    def fits(self, held: int, more: int) -> bool:
        return self.taken == held or self.taken + more <= self._most


class Share:
    """To be given back when the session ends; harmless twice."""

    def __init__(self, budget: ListingBudget) -> None:
        self._budget = budget
        self._held = 0

    def grow(self, lines: int) -> None:
        """Takes what `lines` more bytes of lines will need; raises NoRoom."""
        more = lines * COST
        if not self._budget.fits(self._held, more):
            raise NoRoom
        self._held += more
        self._budget.taken += more

    @property
    def held(self) -> int:
        return self._held

    def give_back(self, *, but: int = 0) -> None:
        """All of it, `but` what was held before something that is over."""
        self._budget.taken -= self._held - but
        self._held = but

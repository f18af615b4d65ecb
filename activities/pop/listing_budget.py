"""One budget for the lists of all mailboxes that a process holds at a time: servers decide how long those are.

A list costs about five times its lines' bytes for as long as it is held: the numbers and UIDLs, what the ledger knows of each,
and the plan. One list alone may be as long as `conversation.LARGEST_LISTING` allows, whatever the budget: a very large mailbox is
retrieved, but not beside others of its size, and none of more than `conversation.LONGEST_LISTING` messages.

A list is dropped before the first message is asked for. What a session keeps of it, the messages that it will fetch, has a
budget of its own, and where that is short the session plans fewer of them: mail may come as slowly as a server likes, and no
other list waits for it.

A session that finds no room ends and comes again: nobody waits with one open.
It does not log in again before there is room for what it needed the last time, and twice that where it could not read to the end:
a provider that counts logins is asked a few times, and once for each look from then on.

Whoever has room takes turns: of all long lists one is read at a time, a piece of it, and one is worked on in a thread. It takes
no longer than all at once, and after each piece the loop is everybody else's: answers of the database, renewals of leases, small
mailboxes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from infra.watchdog import awaits_an_answer

Given = ParamSpec("Given")
Made = TypeVar("Made")

LISTING_BYTES = 256 * 1024 * 1024
COST = 4  # bytes that a session needs for each byte that its lines take
STEP = 1024 * 1024  # bytes of lines that are asked for at a time; what is shorter is not counted
PIECE = STEP // 4  # bytes of lines that are read in one turn
KEPT_BYTES = 48 * 1024 * 1024  # of all plans together
LEAST_KEPT = 1000  # messages that a session may plan however little room there is: it is to get on
RESERVED_SECONDS = 120.0  # that room is held for a list which does not come
MANY = 10_000  # lines of a list that is worked on in a thread


class NoRoom(Exception):
    """Other mailboxes' lists take the memory that there is for lists; nobody's failure. Come again in some seconds."""

    def __init__(self, wanted: int) -> None:
        super().__init__(
            "the lists of other large mailboxes take this worker's memory for lists: this one waits, without a session, for "
            f"room of {max(wanted >> 20, 1)} MiB"
        )


class ListingBudget:
    def __init__(self, most: int = LISTING_BYTES) -> None:
        self._most = most
        self.taken = 0
        self.kept = 0
        self.reading = asyncio.Lock()
        self.working = asyncio.Lock()
        self._expected: dict[str, int] = {}  # of each large mailbox, what it is thought to need

    def share(self, whose: str = "") -> Share:
        """What whoever looks at that mailbox holds of it, from the beginning what that needed before; raises NoRoom."""
        expected = self._expected.get(whose, 0)
        if expected and not self.fits(0, expected):
            raise NoRoom(expected)
        self.taken += expected
        return Share(self, whose, expected)

    def fits(self, held: int, more: int) -> bool:
        return self.taken == held or self.taken + more <= self._most

    def expect(self, whose: str, needed: int) -> int:
        """Remembers what a mailbox will need; the whole budget is enough for any. Little is not worth it."""
        needed = min(needed, self._most)
        if whose and needed >= STEP:
            self._expected[whose] = needed
        else:
            self._expected.pop(whose, None)
        return needed


class Share:
    """To be given back when nobody holds the lists any more; harmless twice."""

    def __init__(self, budget: ListingBudget, whose: str, held: int) -> None:
        self._budget = budget
        self._whose = whose
        self._held = held
        self._expected: int | None = held  # None once it has been said what the next one is to expect
        self._most = 0
        self._used = 0
        self._kept = 0

    def grow(self, lines: int) -> None:
        """Takes what `lines` more bytes of lines will need; raises NoRoom."""
        used = self._used + lines * COST
        more = max(used - self._held, 0)
        if not self._budget.fits(self._held, more):
            self._expected = None
            raise NoRoom(self._budget.expect(self._whose, 2 * used))
        self._held += more
        self._budget.taken += more
        self._used = used
        self._most = max(self._most, used)

    def release_unused(self) -> None:
        """What was needed the last time and has not come is not kept for it any longer."""
        self._hold(min(self._held, self._used))

    def keep(self, sizes: Iterable[int]) -> int:
        """The lists are dropped; of what was made of them so many are kept as fit, each of these sizes. Answers how many."""
        self._hold(0)
        kept = 0
        for size in sizes:
            if kept >= LEAST_KEPT and self._budget.kept + size > KEPT_BYTES:
                break
            self._budget.kept += size
            self._kept += size
            kept += 1
        return kept

    async def turn(self) -> None:
        """Returns when the next piece may be read."""
        with awaits_an_answer():
            async with self._budget.reading:
                await asyncio.sleep(0)

    async def worked_out(
        self, lines: int, work: Callable[Given, Made], *given: Given.args, **more: Given.kwargs
    ) -> Made:
        """What `work` makes of a list of so many lines; of a long one in a thread."""
        if lines <= MANY:
            return work(*given, **more)
        with awaits_an_answer():
            async with self._budget.working:
                return await asyncio.to_thread(work, *given, **more)

    def _hold(self, held: int) -> None:
        self._budget.taken += held - self._held
        self._held = held

    def give_back(self) -> None:
        self._hold(0)
        self._budget.kept -= self._kept
        self._kept = 0
        if self._expected is not None:  # where no list came, perhaps none is so long any more
            self._budget.expect(self._whose, self._most or self._expected // 2)
        self._expected = None

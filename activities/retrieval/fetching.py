"""Fetching what a session has planned: in order, in step with the server, and what breaks the conversation last and alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from activities.pop.connection import (
    Arrival,
    Arriving,
    MessageTooLarge,
    PopConnection,
    ProtocolViolation,
    ServerRefused,
)
from activities.pop.session import SERVERS_FAULTS
from activities.retrieval.batches import Batches
from activities.retrieval.context import SessionContext
from activities.retrieval.integrity import Doubts, reason
from activities.retrieval.refusals import GIVES_UP_AFTER, Withheld
from activities.retrieval.services import Services
from activities.storage.uploads import Upload
from domain.retrieval.plan import Listed
from infra.telemetry.spans import span

HELD_BYTES = 4 << 20  # of one message; a larger one is written to the database while it arrives


@dataclass(frozen=True, slots=True)
class Fetched:
    """What fetching found out beside the messages, which are in the batches. `dropped`: the line was dropped on purpose, so
    nothing more may be asked. `disclaimed` are messages that the server said for the first time it does not have."""

    dropped: bool = False
    disclaimed: Sequence[Listed] = ()


class Fetching:
    """What one session takes from the server: `messages`, of the list of `epoch`, into `batches`."""

    def __init__(
        self,
        context: SessionContext,
        services: Services,
        batches: Batches,
        withheld: Withheld,
        epoch: int,
        messages: Sequence[Listed],
        *,
        seconds_left: Callable[[], float],
        must_end: Callable[[], bool],
    ) -> None:
        """`messages` are one at least. `seconds_left` is how long a message may still take, `must_end` whether the session may
        begin no other."""
        self._context = context
        self._services = services
        self._batches = batches
        self._withheld = withheld
        self._epoch = epoch
        self._messages = messages
        self._seconds_left = seconds_left
        self._session_must_end = must_end
        self._doubts = Doubts()
        self._awaited = messages[0]

    async def fetch(self, connection: PopConnection) -> Fetched:
        """Fetches them; each batch is committed while the next is on the wire. Suspects come last.

        Raises what the server did; what had arrived whole is in the batches all the same.
        """
        address, messages, dropped = self._context.address, self._messages, False
        alone = await self._services.suspects.of(address, self._epoch)
        with span("pop.retrieve"):
            try:
                if not alone:  # as nearly always, and there may be many messages
                    await self._fetch(connection, messages)
                else:
                    await self._fetch(connection, [one for one in messages if one.identity not in alone])
                    suspects = [one for one in messages if one.identity in alone]
                    dropped = await self._fetch_suspects(connection, suspects)
            except SERVERS_FAULTS as broke:
                if not isinstance(broke, ServerRefused) or not broke.command:  # else it names a limit of the mailbox
                    taken_back = self._doubts.take_back(self._batches.current, broke)
                    before = next((listed for listed, _ in taken_back), None)
                    await self._services.suspects.blame(address, self._epoch, broke, self._awaited, before)
                raise
        self._withheld.judge(others_came=bool(self._batches.done or self._batches.current.arrived))
        await self._put_aside_withheld()
        return Fetched(dropped, self._withheld.disclaimed)

    async def _fetch(self, connection: PopConnection, messages: Sequence[Listed]) -> None:
        waiting = deque(messages)
        while waiting:
            # What is not asked for because an answer is in doubt is only looked at when it is its turn.
            wanted = (
                (message.number, message.size) for message in islice(messages, len(messages) - len(waiting), None)
            )
            largest = self._context.largest
            arrivals = connection.retrieve(wanted, largest=largest, held=min(HELD_BYTES, largest))
            async with contextlib.aclosing(arrivals) as arriving:
                while waiting:
                    self._awaited = waiting.popleft()
                    got = await self._arrival(self._awaited, arriving)  # in the order they were asked for
                    self._context.lease.check()
                    await self._take(self._awaited, got)
                    if isinstance(got, bytes | Upload) and self._doubts.demand_proof(self._awaited, got):
                        self._batches.in_doubt = True
                        break
                    if self._must_end():
                        break
            await connection.prove_in_step()
            self._doubts.proven()
            self._batches.in_doubt = False
            if self._must_end():
                return

    async def _fetch_suspects(self, connection: PopConnection, suspects: Sequence[Listed]) -> bool:
        """Each alone: nothing else is on the wire that an answer out of step could be taken for. Answers whether the line had to
        be dropped."""
        if suspects:
            connection.pipelining = False
        for message in suspects:
            try:
                await self._fetch(connection, [message])
            except SERVERS_FAULTS as broke:
                if isinstance(broke, ServerRefused) and broke.command:
                    raise
                taken_back = self._doubts.take_back(self._batches.current, broke)
                if all(one.listed is not message for one in self._batches.current.refused):
                    await self._batches.put_aside(self._withheld.put_aside(message, reason(broke, taken_back)))
                if not isinstance(broke, ProtocolViolation):
                    raise
                await connection.abort()  # without QUIT; what is to be deleted, the next session deletes
                return True
            if self._must_end():
                break
        return False

    async def _arrival(
        self, listed: Listed, arriving: AsyncGenerator[tuple[int, Arrival]]
    ) -> bytes | Upload | ServerRefused | MessageTooLarge:
        """The next message. One that takes so long that its session would be given up is put aside, or it would block those
        behind it for ever."""
        left = self._seconds_left()
        try:
            async with asyncio.timeout(left) as limit:
                _, got = await anext(arriving)
                if not isinstance(got, Arriving):
                    return got
                await self._batches.hand_over()  # what came before does not wait for all of a large message
                rule = await self._services.privacies.rule_against(self._context.settings, got.head)
                return await self._services.uploads.write(self._context.lease, got.head, got.rest(), withheld=rule)
        except MessageTooLarge as too_large:
            return too_large
        except TimeoutError:
            if limit.expired():
                await self._batches.put_aside(self._withheld.put_aside(listed, f"not here after {left:.0f} s"))
            raise

    async def _take(self, listed: Listed, got: bytes | Upload | ServerRefused | MessageTooLarge) -> None:
        if isinstance(got, ServerRefused):
            self._withheld.add(listed, got)
        elif isinstance(got, MessageTooLarge):
            await self._batches.put_aside(self._withheld.put_aside(listed, f"larger than the server said: {got}"))
        else:
            await self._put_aside_withheld()  # others are handed out, so it is about those messages
            await self._batches.add(listed, got)  # last: what is in doubt stays in the current batch until it is proven

    async def _put_aside_withheld(self) -> None:
        for one in self._withheld.quarantined():
            await self._batches.put_aside(one)

    def _must_end(self) -> bool:
        """Also when the server hands nothing out any more: it may hang up on who asks on."""
        return self._withheld.in_a_row >= GIVES_UP_AFTER or self._session_must_end()

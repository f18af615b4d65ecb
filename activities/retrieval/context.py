"""What one session is about, for all of its phases."""

from __future__ import annotations

from dataclasses import dataclass

from activities.mailbox.leases import Lease
from activities.mailbox.state import SessionRow
from activities.pop.listing_budget import Share
from activities.pop.session import Clock
from domain.mailbox.settings import AccountSettings, Retrieval
from domain.retrieval.deletion import held_back
from infra.settings import WorkerSettings
from workflows.contract import WatchRequest


@dataclass(frozen=True, slots=True)
class SessionContext:
    """The same from a session's beginning to its end: phases answer what they found, and write nothing here. Only `row`
    counts what a transaction came to, once that is committed.

    `room` is memory for the mailbox's lists, which are held until the session has planned.
    """

    request: WatchRequest
    lease: Lease
    room: Share
    row: SessionRow
    worker: WorkerSettings
    clock: Clock

    @property
    def settings(self) -> AccountSettings:
        return self.request.settings

    @property
    def policy(self) -> Retrieval:
        """What to fetch and what to delete. The session was begun before it may delete by it, or not: that holds to its end."""
        return held_back(self.settings.retrieval, self.request.deletes_from, self.row.started_at)

    @property
    def address(self) -> str:
        return self.request.settings.address

    @property
    def largest(self) -> int:
        """Bytes of a message that is still fetched."""
        return self.worker.max_message_bytes

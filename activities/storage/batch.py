"""What a session hands over to be stored: messages that have arrived, and those that could not be taken, in batches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from activities.storage.uploads import Upload
from domain.message.identity import fingerprint, message_identity
from domain.message.index import IndexedMessage, index
from domain.retrieval.plan import Listed

BATCH_MESSAGES = 200
BATCH_BYTES = 16 * 1024 * 1024
BATCH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One message as it came, indexed. `content` is its bytes, or where they were put because they are many; `identity` names
    it wherever a copy of it lies."""

    listed: Listed
    content: bytes | Upload
    sha256: bytes
    size: int
    message: IndexedMessage
    identity: bytes

    @classmethod
    def of(cls, listed: Listed, content: bytes | Upload) -> Retrieved:
        if isinstance(content, Upload):
            message, sha256, size, body = index(content.head), content.sha256, content.size, None
        else:
            message, sha256, size = index(content), hashlib.sha256(content).digest(), len(content)
            body = None if message.message_id else fingerprint(content)
        return cls(listed, content, sha256, size, message, message_identity(message, body=body, sha256=sha256))


@dataclass(frozen=True, slots=True)
class NotRetrieved:
    """One message that could not be taken: why, for the how many-th time, and when to try again (None: not by itself)."""

    listed: Listed
    reason: str
    attempts: int
    retry_at: datetime | None


@dataclass(slots=True)
class Batch:
    """What one transaction takes. `number` counts the session's batches; `bytes` are those of its messages.

    `part` counts the transactions that a batch is taken in whose messages are committed one at a time.
    """

    number: int
    limit: int = BATCH_BYTES
    arrived: list[tuple[Listed, bytes | Upload]] = field(default_factory=list)
    refused: list[NotRetrieved] = field(default_factory=list)
    bytes: int = 0
    began: float = 0.0
    part: int = 0

    def has_room_for(self, size: int, now: float) -> bool:
        """A batch ends at 200 messages, `limit` bytes or 10 s; a message that is larger than that is a batch of its own."""
        if not self.arrived and not self.refused:
            return True
        return (
            len(self.arrived) + len(self.refused) < BATCH_MESSAGES
            and self.bytes + size <= self.limit
            and now - self.began < BATCH_SECONDS
        )

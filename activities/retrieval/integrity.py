"""Which of a session's messages are whole: what tells, and what is taken back where nothing does.

Where a server's answers are out of step with what it was asked, a message is cut off, or is another one than it is taken
for. Only an answer that is unlike the others can prove that they are in step, STAT's; and only a size that differs from the
listed one raises a doubt before. Sizes that turn out to be estimates say nothing more, but that an empty message may have
been cut off.
"""

from __future__ import annotations

from activities.pop.connection import OutOfStep, ProtocolViolation
from activities.storage.batch import Batch
from activities.storage.uploads import Upload
from domain.retrieval.plan import Listed


class Doubts:
    """Those of one session."""

    def __init__(self) -> None:
        self._doubted: Listed | None = None
        self._unproven: list[Listed] = []
        self._estimates = False

    def demand_proof(self, listed: Listed, got: bytes | Upload) -> bool:
        """Whether, now that this message has come, no other is to be taken before the server is proven to be in step."""
        size, head = (got.size, got.head) if isinstance(got, Upload) else (len(got), got)
        self._unproven.append(listed)
        self._doubted = listed if size != listed.size else None
        if self._doubted and head.startswith(b"+OK"):
            raise ProtocolViolation("one answer stands within another")
        return self._doubted is not None and not (size and self._estimates)

    def proven(self) -> None:
        """The server is in step: all that came is whole, whatever its listed size."""
        self._estimates |= self._doubted is not None
        self._doubted = None
        self._unproven.clear()

    def take_back(self, batch: Batch, broke: Exception) -> list[tuple[Listed, int]]:
        """Removes from the batch what nothing tells to be whole; those messages, the last first, and their sizes.

        That is the last message, if its size is not what was listed. Where no message is in doubt and the server is out of
        step all the same, it is all that came since it was known to be in step.
        """
        if self._doubted is not None:
            untrusted = {self._doubted.identity}
        elif isinstance(broke, OutOfStep):
            untrusted = {listed.identity for listed in self._unproven}
        else:
            return []
        taken = []
        while batch.arrived and batch.arrived[-1][0].identity in untrusted:
            listed, got = batch.arrived.pop()
            size = got.size if isinstance(got, Upload) else len(got)
            batch.bytes -= size
            taken.append((listed, size))
        return taken


def reason(broke: Exception, taken_back: list[tuple[Listed, int]]) -> str:
    """Why a message that was asked for alone is put aside."""
    match broke, taken_back:
        case ProtocolViolation(), [(listed, size), *_] if size < listed.size:
            return (
                f"malformed dot-stuffing: the server listed {listed.size} bytes and ended the message after {size}, and what it "
                "sent then was no answer"
            )
        case ProtocolViolation(what=what), _:
            return f"it breaks the conversation with the server: {what}"
        case TimeoutError(), _:
            return "the server stops sending when it is asked for it"
        case _:
            return "the server drops the line when it is asked for it"

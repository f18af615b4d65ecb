"""Whether two messages are one: for servers that are no longer what they were, and servers without UIDL.

A UIDL means something only at the server that gave it. When a provider moves its mailboxes, or an account gets another
host, every message has a new one, and only the message itself can tell that it was stored before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.message.identity import _CHANGEABLE
from domain.message.index import IndexedMessage
from domain.mime.dates import moment
from domain.retrieval.plan import Entry, Identity, Listed

LEAST_REUSED = 5  # UIDLs: one or two messages may change their size without being others
SAMPLE = 12  # messages whose headers are looked at before a server is taken for a moved one
MOST_OF_ONE_UIDL = 1000  # messages that may have the same
MOST_WITHOUT_UIDL = 2000  # messages that may lie on a server that names them by their headers alone

_RECEIVED = re.compile(rb"^received[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)


def header_key(header: bytes) -> str:
    """What a message is called on a server without UIDL: a digest of its header block, 70 characters at most as a UIDL."""
    text = header.replace(b"\r", b"")
    end = text.find(b"\n\n")
    lasting = _CHANGEABLE.sub(b"", text[: end + 1] if end >= 0 else text.rstrip(b"\n") + b"\n")
    return f"top-{hashlib.sha256(lasting).hexdigest()[:60]}"


def arrived_at(header: bytes, message: IndexedMessage) -> datetime | None:
    """When a message came to its mailbox: what the topmost Received field says (RFC 5321, section 4.4), or else its Date."""
    found = _RECEIVED.search(header)
    if found is not None:
        at = moment(found[1].rpartition(b";")[2].decode("ascii", "replace").strip())
        if at is not None:
            return at
    return message.sent_at


def is_same(
    header: bytes, message: IndexedMessage, entry: Entry, envelope: tuple[str | None, datetime | None] | None
) -> bool | None:
    """Whether a message that is listed under a known UIDL is the one that the ledger knows by it; None if nothing tells.

    `envelope` is the Message-ID and Date of what is stored. Of a message that was left out nothing is stored: then it is the
    same if it had arrived before it was left out.
    """
    if envelope is not None:
        message_id, sent_at = envelope
        if message_id is None or message.message_id is None:
            return None
        return (message_id, sent_at) == (message.message_id, message.sent_at)
    if entry.state == "skipped" and entry.first_seen_at is not None:
        at = arrived_at(header, message)
        return None if at is None else at <= entry.first_seen_at
    return None


def looks_moved(*, before: int, still: int, new: int) -> bool:
    """Whether nearly all that is listed is `new`, and of the `before` messages that should be there only a tenth `still` is."""
    return new > 0 and before > 0 and 10 * still <= min(before, still + new)


def is_other_mail(new: Sequence[Listed], known: Mapping[Identity, Entry], *, before: int) -> bool:
    """Whether the UIDLs that were known stand for other mail now, which no server does to the mail it keeps."""
    uidls = {uidl for uidl, _ in known}
    return sum(message.uidl in uidls for message in new) >= max(0.9 * before, LEAST_REUSED)


def sample(new: Sequence[Listed]) -> list[Listed]:
    """Messages spread over the list, the oldest among them: those are the ones that another server would have, too."""
    step = max(len(new) // SAMPLE, 1)
    return list(new[::step][:SAMPLE])

"""Whether two messages are one: for servers that are no longer what they were, and servers without UIDL.

A UIDL means something only at the server that gave it. When a provider moves its mailboxes, or an account gets another
host, every message has a new one, and only the message itself can tell that it was stored before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from domain.dates import moment
from domain.message import IndexedMessage
from domain.retrieval import Entry, Identity, Listed

LEAST_REUSED = 5  # UIDLs: one or two messages may change their size without being others
SAMPLE = 12  # messages whose headers are looked at before a server is taken for a moved one
MOST_OF_ONE_UIDL = 1000  # messages that may have the same
MOST_WITHOUT_UIDL = 2000  # messages that may lie on a server that names them by their headers alone

_BLANK_LINE = re.compile(rb"\n\r*\n")
_RECEIVED = re.compile(rb"^received[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
# What servers write into a header after the fact: it says nothing about which message it is.
_CHANGEABLE = re.compile(
    rb"^(?:status|x-status|x-uidl|x-uid|x-keywords|x-mozilla-[a-z0-9-]+|content-length|lines)[ \t]*:.*(?:\n[ \t].*)*\n?",
    re.IGNORECASE | re.MULTILINE,
)


def message_identity(message: IndexedMessage, *, body: bytes | None, sha256: bytes) -> bytes:
    """Names one message wherever copies of it lie, 32 bytes: Message-ID, Date and author; without a Date the body instead of it;
    without a Message-ID the rest of the envelope and the body. `body` is the fingerprint of the body; where that is not known,
    `sha256` of all its bytes counts.

    Date and author are part of it, because a Message-ID can be forged: a forged one must not swallow a real mail. The author
    and not From, because lists write From anew. Devices that write no Date often write the same Message-ID every time. A
    Message-ID that a provider replaced is the one that the sender gave: the sender's own copies have that.
    Migration 0014 has the first expression, too.
    """
    moment = "" if message.sent_at is None else str(int(message.sent_at.timestamp()))
    author = message.author or message.from_address or ""
    message_id = message.traits.get("original_message_id") or message.message_id
    if message_id and moment:
        return hashlib.sha256(f"{message_id}\n{moment}\n{author}".encode()).digest()
    if body is None:
        return hashlib.sha256(b"content" + sha256).digest()
    if message_id:
        return hashlib.sha256(b"undated" + f"{message_id}\n{author}".encode() + b"\0" + body).digest()
    to = ",".join(who.normal for who in message.participants if who.field == "to")
    envelope = "\n".join((moment, author, to, message.subject))
    return hashlib.sha256(b"envelope" + envelope.encode() + b"\0" + body).digest()


class Fingerprint:
    """What stays of a message when a move adds header fields or changes line ends: a digest of its body.

    The message is given piece by piece, cut anywhere. Trailing line ends are left out: some servers add one.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._in_body = False
        self._last = b""  # byte of the header so far: its blank line may be cut in two
        self._line_ends = 0  # that may turn out to be the last ones
        self._empty = True

    def update(self, piece: bytes) -> None:
        text = piece.replace(b"\r", b"")
        if not self._in_body:
            text = self._last + text
            _, blank, body = text.partition(b"\n\n")
            if not blank:
                self._last = text[-1:]
                return
            self._in_body, text = True, body
        if lines := text.rstrip(b"\n"):
            self._digest.update(b"\n" * self._line_ends)
            self._digest.update(lines)
            self._line_ends = 0
            self._empty = self._empty and not lines.strip()
        self._line_ends += len(text) - len(lines)

    def digest(self) -> bytes | None:
        """None for a body without a visible character: it tells no message from another."""
        return None if self._empty else self._digest.digest()


def fingerprint(raw: bytes) -> bytes | None:
    """The `Fingerprint` of a whole message."""
    made = Fingerprint()
    made.update(raw)
    return made.digest()


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

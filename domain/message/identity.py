"""Which message this is, wherever copies of it lie, and what tells two of them apart."""

from __future__ import annotations

import hashlib
import re

from domain.message.index import IndexedMessage

_BLANK_LINE = re.compile(rb"\n\r*\n")
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

"""The POP3 wire protocol (RFC 1939, 2449, 2595, 5034) without I/O: commands in, bytes out; bytes in, events out.

How it works
------------
A POP3 server says nothing but a greeting and answers, and answers come in the order of their commands. So the whole
state of the conversation is a queue of the commands that await an answer (the greeting stands in it first) and what is
being read of the answer to the first of them:

    STATUS     a line `+OK text`, `-ERR text`, or for AUTH alone `+ challenge`
    LISTING    after `+OK`: lines, up to one that is a single dot
    MESSAGE    after `+OK`: a message of any length, up to CRLF.CRLF
    HANDSHAKE  STLS was accepted: what still arrives in clear is void (RFC 2595 section 4) until `secured()`

`ANSWERS` says for every command what follows its `+OK`; nothing else decides where an answer ends, least of all an octet
count, which Exchange only estimates. `-ERR` is the whole answer to any command, so a refused RETR amid a pipeline takes
one place in the queue and no body.

RFC 1939 knows neither of two things that some servers do. Lines may end in LF alone: a message whose status line did so ends
in LF.LF, too. And one empty line, which is no answer to anything, may stand before a status line.

`receive` may be fed any split of the bytes and says the same, up to where a message's data is cut in pieces. It scans
each byte once and keeps back at most an unfinished line of `LONGEST_LINE` bytes, or four bytes of a message. Once the
server breaks the protocol, the last event is a `Violation`, and nothing that comes after it is looked at: the only thing
to do with such a connection is to drop it without QUIT, lest a message be deleted that was not understood.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from infra.network.words import decoded

LONGEST_LINE = 64 * 1024
"""Bytes of a status or listing line, without its CRLF. RFC 1939 allows 512, and servers exceed that in their errors.
Lines of messages have no limit."""

GREETING = "greeting"
"""What the greeting counts as the answer to."""


class Answer(Enum):
    """What a command's answer is, when it is accepted."""

    LINE = auto()
    LISTING = auto()
    MESSAGE = auto()
    CHALLENGES = auto()


ANSWERS = {
    GREETING: Answer.LINE,
    "CAPA": Answer.LISTING,
    "STLS": Answer.LINE,
    "USER": Answer.LINE,
    "PASS": Answer.LINE,
    "AUTH": Answer.CHALLENGES,
    "STAT": Answer.LINE,
    "LIST": Answer.LISTING,  # without an argument, which is how we send it
    "UIDL": Answer.LISTING,
    "RETR": Answer.MESSAGE,
    "TOP": Answer.MESSAGE,
    "DELE": Answer.LINE,
    "RSET": Answer.LINE,
    "NOOP": Answer.LINE,
    "QUIT": Answer.LINE,
}

ALONE = {GREETING, "STLS", "USER", "PASS", "AUTH", "QUIT"}
"""Never sent while an answer is awaited, nor followed before their own: they change what all else means."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """The server's first words, without `+OK`."""

    text: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """`+OK` to `command`; a listing or a message follows where `ANSWERS` says so."""

    command: str
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """`-ERR` to `command`, with the server's words after it; of the greeting too."""

    command: str
    text: str


@dataclass(frozen=True, slots=True)
class Continuation:
    """`+ ` to AUTH: the server waits for `PopProtocol.respond`."""

    command: str


@dataclass(frozen=True, slots=True)
class ListingLine:
    """One line of a listing, un-stuffed, without its CRLF."""

    command: str
    line: bytes


@dataclass(frozen=True, slots=True)
class MessageData:
    """A piece of a message, as it was on the wire but un-stuffed. Pieces are cut anywhere."""

    command: str
    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfData:
    """The listing or message that answers `command` is complete."""

    command: str


@dataclass(frozen=True, slots=True)
class Unasked:
    """`-ERR` that answers nothing: how servers take their leave before they hang up."""

    text: str


@dataclass(frozen=True, slots=True)
class Violation:
    """The server broke the protocol; `what` says how, never in the server's own bytes, which may be mail.

    `received` is how a greeting began that is none of POP3's: it tells which protocol is spoken instead.
    """

    what: str
    received: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """The server closed the line; `awaiting` is the command whose answer did not come whole, or None."""

    awaiting: str | None


Event = (
    Greeting | Accepted | Refused | Continuation | ListingLine | MessageData | EndOfData | Unasked | Violation | Closed
)


class _Reading(Enum):
    STATUS = auto()
    LISTING = auto()
    MESSAGE = auto()
    HANDSHAKE = auto()
    NOTHING = auto()


class _Broken(Exception):
    """The server broke the protocol, in the words of its `Violation`."""


_STATUS = re.compile(rb"(\+OK|-ERR|\+)(?![0-9A-Za-z])[ \t]*(.*)", re.DOTALL)
_END_OF_MESSAGE = b"\r\n.\r\n"
_END_IN_LF = re.compile(rb"\n\.\r?\n")


class PopProtocol:
    """The client's side of one POP3 connection.

    `send` gives the bytes of a command and remembers that its answer is awaited; `receive` takes bytes of the server and
    gives the events they complete.
    """

    def __init__(self) -> None:
        self.pipelining = False
        """Whether commands may follow one another without waiting: only when the server's CAPA said PIPELINING."""
        self._awaited = deque([GREETING])
        self._reading = _Reading.STATUS
        self._buffer = bytearray()
        self._scanned = 0  # bytes at the front of the buffer that are known to hold no LF
        self._opening = 0  # bytes at the front of a message that are the end of its status line
        self._lf_alone = False  # how the status line of the message that is being read ended
        self._blank = False  # an empty line stood before the status line that comes next
        self._together = False

    @property
    def sent_together(self) -> bool:
        """Whether what is awaited was sent before the answer to something else had come."""
        return self._together and bool(self._awaited)

    @property
    def awaited(self) -> int:
        """Commands whose answers have not arrived whole."""
        return len(self._awaited)

    @property
    def current(self) -> str | None:
        """The command whose answer comes next, or is arriving."""
        return self._awaited[0] if self._awaited else None

    @property
    def in_message(self) -> bool:
        """Whether a message is being read, which is the one thing that a few bytes make no event of."""
        return self._reading is _Reading.MESSAGE

    def may_send(self, command: str) -> bool:
        """Whether `command` may be sent now, given what has not been answered yet."""
        if not self._awaited:
            return True
        return self.pipelining and command not in ALONE and self._awaited[-1] not in ALONE

    def send(self, command: str, *arguments: str | int) -> bytes:
        """The line of a command. ValueError if an argument holds what would end it early and begin another one."""
        ANSWERS[command]  # an unknown command is our own mistake, and must not enter the queue
        if not self.may_send(command):
            raise RuntimeError(f"{command} cannot be sent before {self._awaited[-1]} is answered")
        line = encode(command, " ".join([command, *map(str, arguments)])) + b"\r\n"
        self._together = bool(self._awaited)
        self._awaited.append(command)
        return line

    def respond(self, response: str) -> bytes:
        """The line that answers a `Continuation`; `*` cancels (RFC 5034 section 4)."""
        if not self._awaited or self._awaited[0] != "AUTH":
            raise RuntimeError("no AUTH awaits a response")
        return encode("AUTH", response) + b"\r\n"

    def secured(self) -> None:
        """The TLS handshake after STLS is done: nothing learnt or received before it counts any more."""
        self._buffer.clear()
        self._scanned = 0
        self.pipelining = False
        self._reading = _Reading.STATUS

    def receive(self, data: bytes) -> list[Event]:
        """The events that `data` completes, in order."""
        events: list[Event] = []
        self._buffer += data
        try:
            while self._advance(events):
                pass
        except _Broken as broken:
            received = decoded(bytes(self._buffer[:20])) if self.current == GREETING else ""
            events.append(Violation(str(broken), received))
            self._reading = _Reading.NOTHING
            self._buffer.clear()
        return events

    def receive_eof(self) -> list[Event]:
        """The event that the server closed the line."""
        return [Closed(self.current)]

    def _answer(self) -> str:
        """How a `Violation` calls what is being read."""
        match self.current:
            case None:
                return "a line that nothing had asked for"
            case command if command == GREETING:
                return "the greeting"
            case command:
                return f"the answer to {command}"

    def _advance(self, events: list[Event]) -> bool:
        """Read one line, or what there is of a message; False when that needs more bytes."""
        match self._reading:
            case _Reading.STATUS:
                return self._read_status(events)
            case _Reading.LISTING:
                return self._read_listing_line(events)
            case _Reading.MESSAGE:
                return self._read_message(events)
            case _Reading.HANDSHAKE | _Reading.NOTHING:
                self._buffer.clear()
                return False

    def _read_status(self, events: list[Event]) -> bool:
        if (peeked := self._peek_line()) is None:
            return False
        line, end = peeked
        command = self.current
        if not line and not self._blank and command != GREETING:
            self._blank = True
            self._consume(end)
            return True
        self._blank = False
        status = _STATUS.fullmatch(line)
        if status is None:
            raise _Broken(f"{self._answer()} begins with neither +OK nor -ERR")
        match status[1], command:
            case b"-ERR", None:
                events.append(Unasked(decoded(status[2])))
            case _, None:
                raise _Broken("the server answered what nothing had asked")
            case b"-ERR", _:
                events.append(Refused(self._awaited.popleft(), decoded(status[2])))
            case b"+", "AUTH":
                events.append(Continuation("AUTH"))
            case b"+", _:
                raise _Broken(f"{self._answer()} asks for more, which only AUTH may be answered")
            case _:
                self._accept(command, decoded(status[2]), events)
        if self._reading is _Reading.MESSAGE:
            # The CRLF of a status line also begins the CRLF.CRLF of an empty message: there it stays in the buffer.
            self._opening = end - len(line)
            self._lf_alone = self._opening == 1
            end = len(line)
        self._consume(end)
        return True

    def _accept(self, command: str, text: str, events: list[Event]) -> None:
        events.append(Greeting(text) if command == GREETING else Accepted(command, text))
        match ANSWERS[command]:
            case Answer.LISTING:
                self._reading = _Reading.LISTING
            case Answer.MESSAGE:
                self._reading = _Reading.MESSAGE
            case _:
                self._awaited.popleft()
                if command == "STLS":
                    self._reading = _Reading.HANDSHAKE

    def _read_listing_line(self, events: list[Event]) -> bool:
        if (peeked := self._peek_line()) is None:
            return False
        line, end = peeked
        self._consume(end)
        if line == b".":
            self._end_of_data(events)
        else:
            events.append(ListingLine(self._awaited[0], line[1:] if line.startswith(b"..") else line))
        return True

    def _read_message(self, events: list[Event]) -> bool:
        if self._lf_alone:
            return self._read_message_in_lf(events)
        end = self._buffer.find(_END_OF_MESSAGE)
        if end >= 0:
            self._read_piece(end + 2, events)  # the CRLF before the dot is the message's
            self._consume(len(_END_OF_MESSAGE) - 2)
            self._end_of_data(events)
            return True
        # What may turn out to begin the end, or a stuffed dot, waits for the bytes that tell.
        kept = next(n for n in (4, 3, 2, 1, 0) if self._buffer.endswith(_END_OF_MESSAGE[:n]))
        self._read_piece(len(self._buffer) - kept, events)
        return False

    def _read_message_in_lf(self, events: list[Event]) -> bool:
        if end := _END_IN_LF.search(self._buffer):
            start, length = end.start(), end.end() - end.start()
            end = None  # lets the buffer shrink
            self._read_piece(start + 1, events)
            self._consume(length - 1)
            self._end_of_data(events)
            return True
        kept = next(n for n in (3, 2, 1, 0) if self._buffer.endswith(b"\n.\r"[:n]))
        self._read_piece(len(self._buffer) - kept, events)
        return False

    def _read_piece(self, length: int, events: list[Event]) -> None:
        """Take `length` bytes of a message from the buffer. No stuffed dot straddles their end.

        Only a doubled dot loses one: Dovecot does not stuff a message's very first byte, and ".x" is then the message.
        """
        if length:
            with memoryview(self._buffer) as view:
                piece = bytes(view[:length])
            stuffed = b"\n.." if self._lf_alone else b"\r\n.."
            piece = piece.replace(stuffed, stuffed[:-1])[self._opening :]
            self._opening = 0
            self._consume(length)
            if piece:
                events.append(MessageData(self._awaited[0], piece))

    def _end_of_data(self, events: list[Event]) -> None:
        events.append(EndOfData(self._awaited.popleft()))
        self._reading = _Reading.STATUS

    def _peek_line(self) -> tuple[bytes, int] | None:
        """The line at the front of the buffer, without its CRLF or LF, and how many bytes it has with that; None while it is
        not complete."""
        end = self._buffer.find(b"\n", self._scanned)
        with_cr = end if end >= 0 else len(self._buffer)
        if with_cr > LONGEST_LINE + 1:
            raise _Broken(f"{self._answer()} has a line of more than {LONGEST_LINE} bytes")
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        return bytes(self._buffer[: end - 1 if self._buffer.endswith(b"\r", 0, end) else end]), end + 1

    def _consume(self, length: int) -> None:
        del self._buffer[:length]  # O(1): a bytearray only moves its start
        self._scanned = 0


def encode(command: str, text: str) -> bytes:
    """An argument as bytes. ValueError, without the text, for what would end the line early or has no encoding."""
    # The text may be a password: no error made here shows it, nor refers to an error that does.
    if any(character in "\r\n\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"an argument of {command} contains CR, LF, NUL or half a character")
    return text.encode()

"""The body of a message as DATA has it: dots stuffed (RFC 5321 section 4.5.2), line ends as they must be."""

from __future__ import annotations


class BareLineEnd(Exception):
    """A message that is to be sent holds CR or LF alone: some servers take that for a line's end, and what follows for
    commands (SMTP smuggling). It was made wrongly, and is not sent."""

    def __init__(self) -> None:
        super().__init__("the message has a line that does not end in CRLF")


class Stuffing:
    """Stuffs a message piece by piece, wherever it is cut. `stuff` and then `end` together give what goes before the final
    `.` CRLF."""

    def __init__(self) -> None:
        self._at_start = True  # of a line
        self._cr = b""  # the CR that the last piece ended in, whose LF is to come

    def stuff(self, piece: bytes) -> bytes:
        """The next bytes to be sent; raises BareLineEnd."""
        if not piece:
            return b""
        data = self._cr + piece
        self._cr = b"\r" if data.endswith(b"\r") else b""
        data = data.removesuffix(b"\r")
        ends = data.count(b"\r\n")
        if ends != data.count(b"\n") or ends != data.count(b"\r"):
            raise BareLineEnd
        if not data:
            return b""
        stuffed = data.replace(b"\n.", b"\n..")
        if self._at_start and stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self._at_start = data.endswith(b"\n")
        return stuffed

    def end(self) -> bytes:
        """What is missing to the end of the last line; raises BareLineEnd."""
        if self._cr:
            raise BareLineEnd
        return b"" if self._at_start else b"\r\n"

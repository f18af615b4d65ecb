"""Dots and line ends of a message, however it is cut into pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.smtp.stuffing import BareLineEnd, Stuffing

LINES = st.lists(st.text("a.", max_size=4).map(str.encode), max_size=12)


def stuffed(message: bytes, cuts: list[int]) -> bytes:
    stuffing = Stuffing()
    places = sorted({0, len(message), *(cut % (len(message) + 1) for cut in cuts)})
    pieces = [stuffing.stuff(message[start:end]) for start, end in itertools.pairwise(places)]
    return b"".join(pieces) + stuffing.end()


@given(LINES, st.lists(st.integers(0, 1000), max_size=20), st.booleans())
def test_what_a_server_unstuffs_is_the_message_wherever_it_is_cut(
    lines: list[bytes], cuts: list[int], ended: bool
) -> None:
    message = b"\r\n".join(lines) + (b"\r\n" if ended else b"")
    wire = stuffed(message, cuts) + b".\r\n"
    before, _, after = (b"\r\n" + wire).partition(b"\r\n.\r\n")
    assert after == b""  # the dot that ends it is the last one
    received = [line[1:] if line.startswith(b".") else line for line in before.split(b"\r\n")[1:]]
    expected = message.split(b"\r\n")
    assert received == (expected[:-1] if message.endswith(b"\r\n") or not message else expected)


@given(st.lists(st.sampled_from([b"a", b".", b"\r", b"\n", b"\r\n"]), max_size=12), st.lists(st.integers(0, 99)))
def test_a_bare_line_end_is_refused_wherever_the_message_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    message = b"".join(parts)
    bare = message.replace(b"\r\n", b"")
    if b"\r" in bare or b"\n" in bare:
        with pytest.raises(BareLineEnd):
            stuffed(message, cuts)
    else:
        stuffed(message, cuts)


def test_an_empty_message_is_an_empty_message() -> None:
    assert stuffed(b"", []) == b""

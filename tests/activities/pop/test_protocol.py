"""The sans-I/O POP3 protocol: which bytes make which events, however they are split."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.pop.protocol import (
    ANSWERS,
    LONGEST_LINE,
    Accepted,
    Answer,
    Closed,
    Continuation,
    EndOfData,
    Event,
    Greeting,
    ListingLine,
    MessageData,
    PopProtocol,
    Refused,
    Unasked,
    Violation,
)
from infra.network.words import decoded


def after(*commands: str, pipelining: bool = True) -> PopProtocol:
    """A protocol that was greeted and awaits the answers to `commands`."""
    protocol = PopProtocol()
    protocol.receive(b"+OK ready\r\n")
    protocol.pipelining = pipelining
    for command in commands:
        protocol.send(command)
    return protocol


def joined(events: Iterable[Event]) -> list[Event]:
    """The events with adjacent pieces of a message put together: where they are cut means nothing."""
    whole: list[Event] = []
    for event in events:
        if whole and isinstance(event, MessageData) and isinstance(whole[-1], MessageData):
            whole[-1] = MessageData(event.command, whole[-1].data + event.data)
        else:
            whole.append(event)
    return whole


def fed(protocol: PopProtocol, pieces: Iterable[bytes]) -> list[Event]:
    return joined(event for piece in pieces for event in protocol.receive(piece))


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


def test_the_first_line_is_the_greeting() -> None:
    assert PopProtocol().receive(b"+OK Dovecot ready.\r\n") == [Greeting("Dovecot ready.")]


def test_a_refused_greeting_is_refused() -> None:
    assert PopProtocol().receive(b"-ERR [SYS/TEMP] come back later\r\n") == [
        Refused("greeting", "[SYS/TEMP] come back later")
    ]


@pytest.mark.parametrize("reply", [b"+OK\r\n", b"+OK \r\n", b"+OK\t\r\n"])
def test_an_ok_needs_no_text(reply: bytes) -> None:
    assert after("NOOP").receive(reply) == [Accepted("NOOP", "")]


def test_a_response_code_may_follow_err_without_a_blank() -> None:
    assert after("PASS").receive(b"-ERR[AUTH] no\r\n") == [Refused("PASS", "[AUTH] no")]


@pytest.mark.parametrize("reply", [b"+ERR no\r\n", b"ERR\r\n", b"+OKAY\r\n", b"* OK imap\r\n", b" +OK\r\n"])
def test_what_is_neither_ok_nor_err_is_a_violation(reply: bytes) -> None:
    assert after("NOOP").receive(reply) == [Violation("the answer to NOOP begins with neither +OK nor -ERR")]


def test_a_violation_never_repeats_what_may_be_mail() -> None:
    (violation,) = after("NOOP").receive(b"the patient's results\r\n")
    assert "patient" not in str(violation)


def test_nothing_is_read_after_a_violation() -> None:
    protocol = after("NOOP", "NOOP")
    protocol.receive(b"garbage\r\n")
    assert protocol.receive(b"+OK\r\n") == []


def test_an_ok_that_answers_nothing_is_a_violation() -> None:
    protocol = after("NOOP")
    assert protocol.receive(b"+OK\r\n+OK again\r\n") == [
        Accepted("NOOP", ""),
        Violation("the server answered what nothing had asked"),
    ]


def test_an_err_that_answers_nothing_is_the_servers_leave_taking() -> None:
    assert after().receive(b"-ERR Disconnected for inactivity.\r\n") == [Unasked("Disconnected for inactivity.")]


def test_a_continuation_is_for_auth_only() -> None:
    assert after("AUTH").receive(b"+ \r\n") == [Continuation("AUTH")]
    assert after("AUTH").receive(b"+\r\n") == [Continuation("AUTH")]
    (violation,) = after("NOOP").receive(b"+ go on\r\n")
    assert isinstance(violation, Violation)


def test_auth_goes_on_until_its_status() -> None:
    protocol = after("AUTH")
    protocol.receive(b"+ \r\n")
    assert protocol.respond("AGEAYg==") == b"AGEAYg==\r\n"
    assert protocol.receive(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n") == [Continuation("AUTH")]
    assert protocol.respond("") == b"\r\n"
    assert protocol.receive(b"-ERR no\r\n") == [Refused("AUTH", "no")]
    with pytest.raises(RuntimeError):
        protocol.respond("again")


def test_a_listing_ends_at_the_lone_dot() -> None:
    assert after("UIDL").receive(b"+OK\r\n1 a\r\n2 ..b\r\n..c\r\n.\r\n") == [
        Accepted("UIDL", ""),
        ListingLine("UIDL", b"1 a"),
        ListingLine("UIDL", b"2 ..b"),
        ListingLine("UIDL", b".c"),
        EndOfData("UIDL"),
    ]


def test_an_empty_listing_is_empty() -> None:
    assert after("LIST").receive(b"+OK\r\n.\r\n") == [Accepted("LIST", ""), EndOfData("LIST")]


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"Hello\r\n.\r\n", b"Hello\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n..a\r\n.\r\n", b"..\r\n.a\r\n"),
        (b"a..\r\n..\r\n.\r\n", b"a..\r\n.\r\n"),
        (b"bare\n.\nlines\r\n.\r\n", b"bare\n.\nlines\r\n"),
        (b"bare\r.\r\r\n.\r\n", b"bare\r.\r\r\n"),
        (b"\r\n..\r\n\r\n..\r\n.\r\n", b"\r\n.\r\n\r\n.\r\n"),
        (b"\0\xff\x80\r\n.\r\n", b"\0\xff\x80\r\n"),
        (b".x\r\n.\r\n", b".x\r\n"),  # what Dovecot makes of a message that begins with a dot
    ],
)
def test_a_message_is_unstuffed_and_otherwise_unchanged(wire: bytes, message: bytes) -> None:
    expected = joined([Accepted("RETR", "n octets"), *([MessageData("RETR", message)] if message else [])])
    for pieces in [b"+OK n octets\r\n" + wire], byte_by_byte(b"+OK n octets\r\n" + wire):
        assert fed(after("RETR"), pieces) == [*expected, EndOfData("RETR")]


def test_a_message_whose_only_line_is_an_unstuffed_dot_puts_the_server_out_of_step() -> None:
    events = after("RETR", "RETR").receive(b"+OK 3 octets\r\n.\r\n.\r\n+OK\r\n")
    assert events == [
        Accepted("RETR", "3 octets"),
        EndOfData("RETR"),
        Violation("the answer to RETR begins with neither +OK nor -ERR"),
    ]


def test_a_refusal_amid_a_pipeline_has_no_body() -> None:
    events = after("RETR", "RETR", "DELE").receive(b"-ERR Message 1 expunged.\r\n+OK\r\nHi\r\n.\r\n+OK marked\r\n")
    assert events == [
        Refused("RETR", "Message 1 expunged."),
        Accepted("RETR", ""),
        MessageData("RETR", b"Hi\r\n"),
        EndOfData("RETR"),
        Accepted("DELE", "marked"),
    ]


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        ("密码错误".encode("gb18030"), "密码错误"),
        ("Passwort ungültig".encode(), "Passwort ungültig"),
        (b"\xff\xff?", "\ufffd\ufffd?"),
    ],
)
def test_a_reply_is_read_in_the_charset_that_fits(wire: bytes, text: str) -> None:
    assert after("PASS").receive(b"-ERR " + wire + b"\r\n") == [Refused("PASS", text)]
    assert decoded(wire) == text


@pytest.mark.parametrize("command", ["NOOP", "UIDL"])
@pytest.mark.parametrize("drip", [True, False])
def test_a_line_without_end_is_cut_off(command: str, drip: bool) -> None:
    protocol = after(command)
    protocol.receive(b"+OK " if command == "NOOP" else b"+OK\r\n")
    data = b"x" * (LONGEST_LINE + 2)
    events = fed(protocol, byte_by_byte(data) if drip else [data])
    assert events == [Violation(f"the answer to {command} has a line of more than {LONGEST_LINE} bytes")]


def test_the_longest_line_is_not_cut_off() -> None:
    line = b"1 " + b"x" * (LONGEST_LINE - 2)
    assert ListingLine("UIDL", line) in fed(after("UIDL"), [b"+OK\r\n", line + b"\r", b"\n"])


def test_a_megabyte_line_in_a_message_passes() -> None:
    line = b"x" * 1_000_000 + b"\r\n"
    assert MessageData("RETR", line) in fed(after("RETR"), [b"+OK\r\n" + line + b".\r\n"])


def test_an_empty_line_before_an_answer_is_passed_over_and_a_second_one_is_not() -> None:
    assert after("NOOP").receive(b"\r\n+OK\r\n\r\n") == [Accepted("NOOP", "")]
    assert after("NOOP").receive(b"\r\n\r\n") == [Violation("the answer to NOOP begins with neither +OK nor -ERR")]
    assert after().receive(b"\r\n\r\n") == [
        Violation("a line that nothing had asked for begins with neither +OK nor -ERR")
    ]
    (violation,) = PopProtocol().receive(b"\r\n+OK ready\r\n")
    assert isinstance(violation, Violation), "the first line is the greeting"


def test_lines_may_end_in_lf_alone() -> None:
    protocol = PopProtocol()
    assert protocol.receive(b"+OK ready\n") == [Greeting("ready")]
    protocol.send("UIDL")
    assert protocol.receive(b"+OK\n1 a\n2 b\r\n.\n") == [
        Accepted("UIDL", ""),
        ListingLine("UIDL", b"1 a"),
        ListingLine("UIDL", b"2 b"),
        EndOfData("UIDL"),
    ]


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (b".\n", b""),
        (b"Hello\n.\n", b"Hello\n"),
        (b"Hello\r\n.\r\n", b"Hello\r\n"),
        (b"Hello\n.\r\n", b"Hello\n"),
        (b"..\n...a\n\n.\n", b".\n..a\n\n"),
        (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n"),
        (b"a.\n.b\n\r.\r\n.\n", b"a.\n.b\n\r.\r\n"),
    ],
)
def test_a_message_whose_status_line_ends_in_lf_alone_ends_so(wire: bytes, message: bytes) -> None:
    expected = joined([Accepted("RETR", "n octets"), *([MessageData("RETR", message)] if message else [])])
    for pieces in [b"+OK n octets\n" + wire], byte_by_byte(b"+OK n octets\n" + wire):
        protocol = after("RETR", "NOOP")
        assert fed(protocol, pieces) == [*expected, EndOfData("RETR")]
        assert protocol.receive(b"+OK\n") == [Accepted("NOOP", "")], "and what follows is the next answer"


def test_within_a_message_in_crlf_lf_alone_ends_nothing() -> None:
    assert MessageData("RETR", b"a\n.\nb\r\n") in fed(after("RETR"), [b"+OK\r\na\n.\nb\r\n.\r\n"])


@pytest.mark.parametrize(
    ("sent", "answers", "together"),
    [
        (["STAT"], b"", False),
        (["STAT", "UIDL", "LIST"], b"", True),
        (["STAT", "UIDL", "LIST"], b"+OK 0 0\r\n+OK\r\n.\r\n", True),
        (["STAT", "UIDL"], b"+OK 0 0\r\n+OK\r\n.\r\n", False),
    ],
)
def test_it_is_known_whether_what_is_awaited_was_sent_with_others(
    sent: list[str], answers: bytes, together: bool
) -> None:
    protocol = after(*sent)
    protocol.receive(answers)
    assert protocol.sent_together is together
    protocol.receive_eof()
    assert protocol.sent_together is together


def test_a_command_after_all_answers_was_sent_alone() -> None:
    protocol = after("STAT", "NOOP")
    protocol.receive(b"+OK 0 0\r\n+OK\r\n")
    protocol.send("STAT")
    assert not protocol.sent_together


def test_what_arrives_in_clear_after_stls_is_void() -> None:
    protocol = after("STLS", pipelining=False)
    assert protocol.receive(b"+OK begin TLS\r\n+OK injected\r\n") == [Accepted("STLS", "begin TLS")]
    assert protocol.receive(b"-ERR injected, too\r\n+OK half a li") == []
    protocol.secured()
    protocol.send("CAPA")
    assert protocol.receive(b"+OK\r\nUIDL\r\n.\r\n") == [
        Accepted("CAPA", ""),
        ListingLine("CAPA", b"UIDL"),
        EndOfData("CAPA"),
    ]


def test_pipelining_is_forgotten_with_what_came_in_clear() -> None:
    protocol = after("STLS")
    protocol.receive(b"+OK\r\n")
    protocol.secured()
    assert not protocol.pipelining


def test_the_end_of_the_line_says_what_was_not_answered() -> None:
    protocol = after("RETR")
    protocol.receive(b"+OK\r\nhalf a mess")
    assert protocol.receive_eof() == [Closed("RETR")]
    assert PopProtocol().receive_eof() == [Closed("greeting")]
    assert after().receive_eof() == [Closed(None)]


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\0b", "secret\r\nDELE 1", "half \ud800"])
@pytest.mark.parametrize("command", ["USER", "PASS"])
def test_no_argument_can_smuggle_in_a_command(command: str, bad: str) -> None:
    protocol = after()
    with pytest.raises(ValueError, match=f"an argument of {command} contains") as caught:
        protocol.send(command, bad)
    assert "secret" not in str(caught.value)
    assert protocol.awaited == 0


def test_a_password_may_hold_blanks_and_any_letters() -> None:
    assert after().send("PASS", " pä ss ") == "PASS  pä ss \r\n".encode()


def test_without_pipelining_a_command_waits_for_the_answer_to_the_one_before() -> None:
    protocol = after("NOOP", pipelining=False)
    with pytest.raises(RuntimeError):
        protocol.send("NOOP")
    protocol.receive(b"+OK\r\n")
    assert protocol.send("RETR", 7) == b"RETR 7\r\n"


@pytest.mark.parametrize("alone", ["STLS", "USER", "PASS", "AUTH", "QUIT"])
def test_a_command_that_changes_what_others_mean_is_never_pipelined(alone: str) -> None:
    for first, second in pairwise(["NOOP", alone, "NOOP"]):
        protocol = after(first)
        with pytest.raises(RuntimeError):
            protocol.send(second)


def test_nothing_is_sent_before_the_greeting() -> None:
    with pytest.raises(RuntimeError):
        PopProtocol().send("USER", "jane")


# A conversation: what a server means to say, and how it says it.

texts = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)
listing_lines = st.binary(max_size=30).filter(lambda line: b"\n" not in line)
messages = st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\r", b"\n", b"a", b"\r\n.", b"\0\xff"]), max_size=30).map(
    lambda parts: b"".join([*parts, b"\r\n"] if parts else [])
)


def stuffed(message: bytes) -> bytes:
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, bytes, list[Event]]:
    """A command, a server's answer to it as bytes, and as events."""
    command = draw(st.sampled_from(["LIST", "UIDL", "CAPA", "RETR", "TOP", "DELE", "NOOP"]))
    text = draw(texts)
    if draw(st.booleans()):
        return command, f"-ERR {text}\r\n".encode(), [Refused(command, text)]
    first, wire, events = Accepted(command, text), f"+OK {text}\r\n".encode(), list[Event]()
    match ANSWERS[command]:
        case Answer.LISTING:
            lines = draw(st.lists(listing_lines, max_size=5))
            wire += b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"
            # A line that begins with one dot is stuffed on the wire, and a lone dot is not the end.
            events = [*(ListingLine(command, line) for line in lines), EndOfData(command)]
        case Answer.MESSAGE:
            message = draw(messages)
            wire += stuffed(message)
            events = [*([MessageData(command, message)] if message else []), EndOfData(command)]
    return command, wire, [first, *events]


def in_lf(wire: bytes) -> bytes:
    return wire.replace(b"\r\n", b"\n")


@given(st.lists(answers(), max_size=12), st.data())
def test_a_conversation_in_lf_with_empty_lines_means_the_same(
    conversation: list[tuple[str, bytes, list[Event]]], data: st.DataObject
) -> None:
    conversation = [one for one in conversation if not re.search(rb"\n\.|\r", in_lf(one[1])[:-3])]
    wire = b"".join(in_lf(answer) + b"\n" * data.draw(st.booleans()) for _, answer, _ in conversation)
    meant = [
        replace(event, data=in_lf(event.data)) if isinstance(event, MessageData) else event
        for _, _, events in conversation
        for event in events
    ]
    protocol = after(*(command for command, _, _ in conversation))
    assert fed(protocol, data.draw(splits(wire))) == meant
    assert protocol.awaited == 0


@st.composite
def splits(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=40)))
    return [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]


@given(st.lists(answers(), max_size=12), st.data())
def test_every_conversation_is_understood_in_every_split(
    conversation: list[tuple[str, bytes, list[Event]]], data: st.DataObject
) -> None:
    wire = b"".join(answer for _, answer, _ in conversation)
    meant = [event for _, _, events in conversation for event in events]
    protocol = after(*(command for command, _, _ in conversation))
    assert fed(protocol, data.draw(splits(wire))) == meant
    assert protocol.awaited == 0


noise = st.lists(
    st.sampled_from(
        [b"+OK", b"-ERR", b"+ ", b" ", b"\r\n", b"\r", b"\n", b".", b"\r\n.\r\n", b"+OK\r\n", b"x", b"\xe5"]
    )
).map(b"".join)


@given(st.lists(st.sampled_from(sorted(set(ANSWERS) - {"greeting"})), max_size=6), noise, st.data())
def test_any_bytes_mean_the_same_in_every_split(commands: list[str], wire: bytes, data: st.DataObject) -> None:
    def protocol() -> PopProtocol:
        fresh = PopProtocol()
        fresh.receive(b"+OK\r\n")
        fresh._awaited.extend(commands)  # even those that we would never pipeline
        return fresh

    at_once = fed(protocol(), [wire])
    assert fed(protocol(), data.draw(splits(wire))) == at_once
    assert fed(protocol(), byte_by_byte(wire)) == at_once


@given(messages, st.data())
def test_a_message_in_pieces_keeps_back_at_most_four_bytes(message: bytes, data: st.DataObject) -> None:
    protocol = after("RETR")
    protocol.receive(b"+OK\r\n")
    for piece in data.draw(splits(stuffed(message))):
        protocol.receive(piece)
        assert len(protocol._buffer) <= 4


torrent_pieces = st.one_of(st.sampled_from([b"x", b"\r\n.", b"+OK\r\n", b"1 a\r\n", b".\r\n", b"\r"]), st.binary())
torrents = st.lists(st.tuples(torrent_pieces, st.integers(1, 30_000)))


@given(st.lists(st.sampled_from(sorted(set(ANSWERS) - {"greeting"})), max_size=6), torrents)
def test_any_torrent_of_bytes_is_read_without_an_error_and_never_heaps_up(
    commands: list[str], torrent: list[tuple[bytes, int]]
) -> None:
    protocol = PopProtocol()
    protocol._awaited.extend(commands)
    ends = 0
    for piece, times in torrent:
        events = protocol.receive(piece * times)
        ends += sum(isinstance(event, Violation) for event in events)
        assert len(protocol._buffer) <= LONGEST_LINE + 1
    assert ends <= 1, "after a violation nothing is read"
    assert len(protocol.receive_eof()) == 1

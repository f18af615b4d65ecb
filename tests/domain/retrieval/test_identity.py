"""When two messages are one, told from the messages themselves."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.message.identity import Fingerprint, fingerprint, message_identity
from domain.message.index import index
from domain.retrieval.identity import SAMPLE, arrived_at, header_key, is_other_mail, looks_moved, sample
from domain.retrieval.plan import Entry, Identity, Listed

HEADER = b"From: ann@example.org\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n"


def listed(number: int, uidl: str | None = None) -> Listed:
    return Listed(number=number, uidl=uidl or f"uid-{number}", occurrence=0, size=100)


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_a_fingerprint_is_that_of_the_body_whatever_a_move_adds_to_the_header(body: bytes, added: bytes) -> None:
    field = b"X-Moved: " + added.replace(b"\n", b"").replace(b"\r", b"") + b"\r\n"
    moved = (field + HEADER + body).replace(b"\r\n", b"\n")
    assert fingerprint(moved) == fingerprint(HEADER + body)
    assert fingerprint(HEADER + body + b"\r\n") == fingerprint(HEADER + body)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"b: c", b"\r\n\r\n"]), max_size=12))
def test_a_fingerprint_is_the_same_however_the_message_is_cut(pieces: list[bytes]) -> None:
    made = Fingerprint()
    for piece in pieces:
        made.update(piece)
    assert made.digest() == fingerprint(b"".join(pieces))


@pytest.mark.parametrize("body", [b"", b"\r\n", b" \r\n\t\r\n"])
def test_an_empty_body_has_no_fingerprint(body: bytes) -> None:
    assert fingerprint(HEADER + body) is None
    assert fingerprint(HEADER.rstrip()) is None


def test_other_bodies_have_other_fingerprints() -> None:
    assert fingerprint(HEADER + b"yes\r\n") != fingerprint(HEADER + b"no\r\n")


def test_a_header_is_the_same_key_whatever_servers_note_in_it() -> None:
    noted = b"Status: RO\r\nX-Status: A\r\nX-UIDL: 77\r\nContent-Length: 12\r\n" + HEADER
    assert header_key(noted) == header_key(HEADER)
    assert header_key(HEADER + b"a line of the body") == header_key(HEADER)
    assert header_key(HEADER.replace(b"<1@", b"<2@")) != header_key(HEADER)
    assert len(header_key(HEADER)) <= 70  # as a UIDL


@pytest.mark.parametrize("odd", [b"", b"\r\n", b"\0", b"no header at all", b"Status:", b"Status: x\r\n y\r\n"])
def test_any_bytes_have_a_key(odd: bytes) -> None:
    assert header_key(odd).startswith("top-")


def test_mail_arrived_when_the_last_server_on_its_way_says() -> None:
    way = (
        b"Received: from b by a.example.com\r\n\twith ESMTP; Tue, 02 Jun 2026 12:00:00 +0200\r\n"
        b"Received: from c by b; Mon, 01 Jun 2026 09:00:00 +0000\r\n"
    )
    assert arrived_at(way + HEADER, index(way + HEADER)) == datetime(2026, 6, 2, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "received", [b"", b"Received: from b by a\r\n", b"Received: x; some day\r\n", b"Received: ;\xff\r\n"]
)
def test_without_such_a_line_the_date_has_to_do(received: bytes) -> None:
    assert arrived_at(received + HEADER, index(HEADER)) == datetime(2026, 6, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "still", "new", "moved"),
    [
        (100, 0, 100, True),
        (100, 10, 90, True),
        (100, 11, 100, False),  # a good part is as it was
        (100, 0, 0, False),  # nothing else is there: an empty list proves nothing
        (0, 0, 100, False),  # a mailbox that is looked at for the first time
        (1, 0, 1, True),
        (10_000, 50, 3, False),  # somebody keeps a mailbox small, and some mail came
    ],
)
def test_a_server_is_suspected_when_nearly_everything_is_gone_and_other_mail_is_there(
    before: int, still: int, new: int, moved: bool
) -> None:
    assert looks_moved(before=before, still=still, new=new) is moved


def test_uidls_that_are_used_again_for_all_messages_are_other_mail() -> None:
    known: dict[Identity, Entry] = {(str(n), 0): Entry("stored", 100) for n in range(10)}
    assert is_other_mail([listed(n, str(n)) for n in range(10)], known, before=10)
    assert not is_other_mail([listed(n, f"other-{n}") for n in range(10)], known, before=10)
    assert not is_other_mail([listed(1, "1")], {("1", 0): Entry("stored", 100)}, before=1)  # its size changed, perhaps


@pytest.mark.parametrize("count", [0, 1, SAMPLE, SAMPLE + 1, 1000])
def test_a_sample_begins_with_the_oldest_and_is_spread_over_the_list(count: int) -> None:
    new = [listed(number) for number in range(1, count + 1)]
    taken = sample(new)
    assert len(taken) == min(count, SAMPLE)
    assert taken[:1] == new[:1]
    if count == 1000:
        assert taken[-1].number > 900


def test_what_a_device_sends_without_a_date_under_one_message_id_are_many_messages() -> None:
    """With a Date they are one, whatever their bodies: the scans of F-RevoCRM#1651 cannot be told from a list's copies."""

    def identity(body: bytes, *header: str) -> bytes:
        raw = "\r\n".join(("From: fax@example.org", "Message-ID: <fax@device>", *header, "", "")).encode() + body
        return message_identity(index(raw), body=fingerprint(raw), sha256=hashlib.sha256(raw).digest())

    assert identity(b"Page 1\r\n") != identity(b"Page 2\r\n")
    assert identity(b"Page 1\r\n") == identity(b"Page 1\r\n", "Received: from elsewhere")
    date = "Date: Mon, 23 Nov 2026 10:00:00 +0100"
    assert identity(b"Hello\r\n", date) == identity(b"Hello\r\n-- \r\nof the list\r\n", date)


@pytest.mark.parametrize("field", ["X-Google-Original-Message-ID", "X-Microsoft-Original-Message-ID"])
def test_a_copy_whose_message_id_a_provider_replaced_is_the_message_that_was_sent(field: str) -> None:
    """chatmail/core#3445; ivaldi/brimir#274."""

    def copy(*header: str) -> tuple[str | None, bytes]:
        date = "Date: Mon, 23 Nov 2026 10:00:00 +0100"
        raw = "\r\n".join(("From: jane@example.com", date, *header, "", "Hello", "")).encode()
        found = index(raw)
        return found.message_id, message_identity(found, body=fingerprint(raw), sha256=hashlib.sha256(raw).digest())

    _, sent = copy("Message-ID: <1@example.com>")
    given, came = copy("Message-ID: <2@provider.example>", f"{field}: <1@example.com>")
    assert came == sent
    assert given == "<2@provider.example>"  # which answers to it name
    assert copy("Message-ID: <2@provider.example>")[1] != sent
    assert copy("Message-ID: <2@provider.example>", f"{field}: lost")[1] != sent

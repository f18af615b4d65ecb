"""The sandbox: its POP3 and SMTP servers as a client sees them, and its sample mail."""

from __future__ import annotations

import json
import poplib
import re
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.message.index import index, normal_address
from infra.dev.sandbox.maildrops import SAMPLE_MAIL
from infra.dev.sandbox.tour import Tour

PASSWORD = "correct horse"
DIRECTORY = SAMPLE_MAIL.parent / "directory.json"


class Sandbox:
    """One running `python -m infra.dev.sandbox`."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.password_file = state / "password"
        state.mkdir(exist_ok=True)
        self.password_file.write_text(PASSWORD + "\n")
        self.pop_port, self.smtp_port = free_port(), free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infra.dev.sandbox", *self.options()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()

    def options(self) -> list[str]:
        options = {
            "--state": self.state / "mail",
            "--pop-port": self.pop_port,
            "--smtp-port": self.smtp_port,
            "--password-file": self.password_file,
        }
        return [str(word) for option in options.items() for word in option]

    def connect(self) -> poplib.POP3:
        return poplib.POP3("127.0.0.1", self.pop_port, timeout=30)

    def login(self, address: str = "sandbox@example.com", password: str = PASSWORD) -> poplib.POP3:
        client = self.connect()
        client.user(address)
        client.pass_(password)
        return client

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Sandbox]]:
    started: list[Sandbox] = []

    def start_one() -> Sandbox:
        started.append(Sandbox(tmp_path))
        return started[-1]

    yield start_one
    for sandbox in started:
        sandbox.stop()


def samples(mailbox: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((SAMPLE_MAIL / mailbox).glob("*.eml"))]


def wire(raw: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", raw)


def exchange(port: int, commands: bytes) -> bytes:
    """Everything that the server answers to `commands`, all sent at once, until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(commands)
        received = b""
        while chunk := line.recv(65536):
            received += chunk
    return received


def test_says_that_it_is_ready_once_it_listens(start: Callable[[], Sandbox]) -> None:
    sandbox = start()
    assert sandbox.first_line == "sandbox: ready\n"
    assert sandbox.connect().getwelcome().startswith(b"+OK")


def test_every_sample_arrives_byte_for_byte_with_crlf_line_ends(start: Callable[[], Sandbox]) -> None:
    sandbox = start()
    expected = [wire(raw) for raw in samples("sandbox")]
    commands = b"USER sandbox@example.com\r\nPASS " + PASSWORD.encode() + b"\r\n"
    commands += b"".join(b"RETR %d\r\n" % number for number in range(1, len(expected) + 1)) + b"QUIT\r\n"
    received = exchange(sandbox.pop_port, commands)
    position = received.index(b"+OK", received.index(b"Authentication succeeded"))
    for raw in expected:
        head, position = (
            received[position : received.index(b"\r\n", position) + 2],
            received.index(b"\r\n", position) + 2,
        )
        assert head == b"+OK %d\r\n" % len(raw)
        end = received.index(b"\r\n.\r\n", position) + 2
        assert re.sub(rb"(?m)^\.\.", b".", received[position:end]) == raw
        position = end + 3


def test_a_message_of_many_chunks_with_dots_everywhere_arrives_as_it_was_sent(start: Callable[[], Sandbox]) -> None:
    sandbox = start()
    body = b".first\r\n" + b"".join(b"." * (number % 7) + b"line\r\n.\r\n" for number in range(20_000))
    (sandbox.state / "mail" / "sales@example.com" / "new" / "zz-dots").write_bytes(b".Odd: header\r\n\r\n" + body)
    client = sandbox.login("sales@example.com")
    number = client.stat()[0]
    _, lines, _ = client.retr(number)
    assert b"\r\n".join(lines) + b"\r\n" == b".Odd: header\r\n\r\n" + body
    assert int(client.list()[1][-1].split()[1]) == len(b".Odd: header\r\n\r\n" + body)
    client.quit()


def test_capabilities_are_those_of_the_rfcs(start: Callable[[], Sandbox]) -> None:
    client = start().connect()
    assert {"TOP", "USER", "UIDL", "PIPELINING", "RESP-CODES"} <= set(client.capa())


def test_a_wrong_password_is_refused_and_a_changed_one_counts_at_once(start: Callable[[], Sandbox]) -> None:
    sandbox = start()
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        sandbox.login(password="wrong")
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        sandbox.login("nobody@example.com")
    sandbox.password_file.write_text("new one")
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        sandbox.login()
    sandbox.login(password="new one").quit()


def test_a_mailbox_is_open_in_one_session_only(start: Callable[[], Sandbox]) -> None:
    sandbox = start()
    first = sandbox.login()
    with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"):
        sandbox.login()
    other = sandbox.login("sales@example.com")
    for _ in range(20):  # QUIT ends the session before it is answered
        first.quit()
        first = sandbox.login()
    other.quit()
    first.quit()


def test_the_uidls_are_the_same_after_a_restart_and_deletions_last(start: Callable[[], Sandbox]) -> None:
    sandbox = start()
    client = sandbox.login()
    before = [line.split()[1] for line in client.uidl()[1]]
    client.dele(2)
    client.quit()
    sandbox.stop()
    client = start().login()
    assert [line.split()[1] for line in client.uidl()[1]] == before[:1] + before[2:]
    client.quit()


def test_a_deletion_without_quit_deletes_nothing(start: Callable[[], Sandbox]) -> None:
    sandbox = start()
    client = sandbox.login("sales@example.com")
    client.dele(1)
    with pytest.raises(poplib.error_proto):
        client.dele(1)
    client.close()
    count = len(samples("sales"))
    assert len(list((sandbox.state / "mail" / "sales@example.com" / "new").iterdir())) == count


def test_a_refused_command_in_a_pipeline_takes_no_other_along(start: Callable[[], Sandbox]) -> None:
    commands = (
        b"USER sales@example.com\r\nPASS "
        + PASSWORD.encode()
        + b"\r\nRETR 1\r\nDELE 999\r\nDELE x\r\nXYZ\r\nNOOP\r\nQUIT\r\n"
    )
    received = exchange(start().pop_port, commands)
    answers = received[received.index(b"\r\n.\r\n") + 5 :].split(b"\r\n")
    assert [answer[:4] for answer in answers] == [b"-ERR", b"-ERR", b"-ERR", b"+OK ", b"+OK ", b""]


def test_mail_sent_to_a_mailbox_arrives_there_and_stands_last(start: Callable[[], Sandbox]) -> None:
    sandbox = start()
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port, timeout=30) as client:
        raw = b"From: anna.lindqvist@example.org\r\nSubject: =?utf-8?q?n=C3=A4chste_Woche?=\r\n\r\n.dot\r\n\xfc\r\n"
        refused = client.sendmail("anna.lindqvist@example.org", ["SALES@example.com", "nobody@example.net"], raw)
    assert list(refused) == ["nobody@example.net"]
    retrieving = sandbox.login("sales@example.com")
    received = b"\r\n".join(retrieving.retr(len(samples("sales")) + 1)[1]) + b"\r\n"
    retrieving.quit()
    assert received.startswith(b"Return-Path: <anna.lindqvist@example.org>\r\nReceived: from ")
    assert received.endswith(raw)
    assert index(received).subject == "nächste Woche"


def test_an_empty_password_or_a_taken_port_ends_it_with_words(start: Callable[[], Sandbox], tmp_path: Path) -> None:
    sandbox = start()
    command = [sys.executable, "-m", "infra.dev.sandbox", *sandbox.options()]
    taken = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert taken.returncode == 1
    assert str(sandbox.pop_port) in taken.stderr
    sandbox.password_file.write_text("\n")
    empty = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert empty.returncode == 1
    assert "is empty" in empty.stderr


def test_the_samples_are_a_few_dozen_and_only_of_reserved_domains() -> None:
    everything = samples("sandbox") + samples("sales")
    assert len(samples("sandbox")) >= 30
    domains = {
        address.rpartition(b"@")[2].lower()
        for raw in everything
        for address in re.findall(rb"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", raw)
    }
    assert all(re.fullmatch(rb"(?:[\w-]+\.)*example\.(?:com|org|net)", domain) for domain in domains), domains


def test_the_samples_are_all_indexed_and_one_says_why_it_cannot_be_parsed() -> None:
    messages = [index(wire(raw)) for raw in samples("sandbox")]
    assert all(message.from_address for message in messages)
    assert [message.parse_error for message in messages if message.parse_error] == ["multipart without a boundary"]
    subjects = {message.subject for message in messages}
    assert {"关于咖啡机报价的询问", "打ち合わせの日程について", "Вопрос по гарантии", "样机送货地址确认"} <= subjects


def test_most_samples_come_from_people_of_the_sample_directory() -> None:
    records = json.loads(DIRECTORY.read_text(encoding="utf-8"))
    known = {normal_address(address) for record in records for address in record["addresses"]}
    senders = [index(raw).from_address for raw in samples("sandbox") + samples("sales")]
    assert {record["record_kind"] for record in records} == {"contact", "lead"}
    assert known - set(senders) <= {"js@example.net", "marta.silva@example.net"}
    assert sum(sender in known for sender in senders) >= 25


def test_the_tour_does_not_wait_for_mail_that_was_deleted_or_erased_here() -> None:
    def seen(*, messages: int, skipped: int) -> bool:
        return Tour("jane@example.com", messages, skipped, on_server=35, linked=3, lines=()).complete

    assert seen(messages=35, skipped=0)
    assert seen(messages=33, skipped=2)
    assert not seen(messages=33, skipped=0)


@pytest.mark.parametrize(
    ("on_server", "said"), [(35, "30 of 35 messages"), (30, "30 of 30 messages"), (3, "30 messages")]
)
def test_the_tour_says_nothing_of_a_server_that_has_less_than_was_retrieved(on_server: int, said: str) -> None:
    assert Tour("jane@example.com", 30, 0, on_server, linked=3, lines=()).retrieved == said

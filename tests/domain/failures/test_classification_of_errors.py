"""The classifier: errors of the name service, the network and TLS become the right cause and the right advice."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.failures.classification import ErrorPhase as When
from domain.failures.classification import diagnose_error
from domain.failures.failure import Diagnosis, Kind
from tests.servers.certificates import Authority, ServerCertificate, of_an_untrusted_authority, self_signed

NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def error(error: BaseException, phase: When = "connect", egress: str = "") -> Diagnosis:
    return diagnose_error(error, phase=phase, host="pop.example.com", port=995, at=NOON, egress=egress)


@pytest.mark.requirement("R85")
@pytest.mark.parametrize(
    ("raised", "cause"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "dns"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "dns"),
        (UnicodeError("label empty or too long"), "dns"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "refused"),
        (
            OSError(f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] failed, [Errno {errno.ENETUNREACH}] failed"),
            "refused",
        ),
        (TimeoutError(), "timeout"),
        (
            ConnectionAbortedError("SSL handshake is taking longer than 60.0 seconds: aborting the connection"),
            "timeout",
        ),
        (OSError(errno.ETIMEDOUT, "timed out"), "timeout"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "reset"),
        (BrokenPipeError(errno.EPIPE, "broken"), "reset"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "unreachable"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "unreachable"),
        (EOFError(), "closed"),
        (asyncio.IncompleteReadError(b"", None), "closed"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "closed"),
        (ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]"), "reset"),
    ],
)
def test_an_error_of_the_network_is_a_connection_failure_with_its_cause(raised: BaseException, cause: str) -> None:
    diagnosis = error(raised)
    assert (diagnosis.kind, diagnosis.cause) == (Kind.CONNECTION, cause)


@pytest.mark.requirement("R85")
async def test_a_port_that_nobody_listens_on_refuses() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound but not listening: nobody else can take it meanwhile
        with pytest.raises(OSError, match="Connect call failed") as raised:
            await asyncio.open_connection("127.0.0.1", reserved.getsockname()[1])
    assert error(raised.value).cause == "refused"
    assert "does not offer POP at all" in error(raised.value).remedy.of_watching


@pytest.mark.requirement("R88")
@pytest.mark.parametrize("phase", ["connect", "tls", "greeting"])
@pytest.mark.parametrize("raised", [ConnectionRefusedError(), ConnectionResetError(), TimeoutError(), EOFError()])
def test_before_the_greeting_the_administrator_is_told_our_addresses_host_port_and_time(
    phase: When, raised: BaseException
) -> None:
    remedy = error(raised, phase, egress="192.0.2.1, 192.0.2.2").remedy.of_watching
    assert "only Mailroom's addresses" in remedy
    assert "192.0.2.1, 192.0.2.2 to pop.example.com port 995" in remedy
    assert "2026-11-23 12:30 UTC" in remedy


def test_after_the_greeting_our_addresses_are_no_matter() -> None:
    assert "192.0.2.1" not in error(EOFError(), "transaction", egress="192.0.2.1").remedy.of_watching


@pytest.mark.parametrize("raised", [EOFError(), ConnectionResetError()])
def test_a_server_that_hangs_up_on_the_login_is_a_connection_failure_that_names_the_password(
    raised: BaseException,
) -> None:
    diagnosis = error(raised, "login")
    assert diagnosis.kind is Kind.CONNECTION
    assert "password" in diagnosis.remedy.of_watching


def test_a_login_that_is_not_answered_in_time_is_the_servers_trouble() -> None:
    assert error(TimeoutError(), "login").kind is Kind.SERVER_ERROR
    assert error(TimeoutError(), "transaction").kind is Kind.CONNECTION


@pytest.mark.parametrize("raised", [OSError(errno.EMFILE, "Too many open files"), MemoryError(), KeyError("bug")])
def test_a_fault_of_ours_is_nobodys_failure(raised: BaseException) -> None:
    with pytest.raises(type(raised)):
        error(raised)


# --- TLS, by real handshakes in memory ---


def handshake(server: ssl.SSLContext | bytes, client: ssl.SSLContext, name: str) -> BaseException:
    """The client's error in a handshake with `server`, or with a server that only says these bytes."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = None
    if isinstance(server, bytes):
        to_client.write(server)
    else:
        theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        try:
            ours.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as raised:
            return raised
        try:
            if theirs:
                theirs.do_handshake()
        except ssl.SSLError:
            continue
    raise AssertionError("the handshake did not fail")


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


CertificateOf = Callable[[Authority, Path], ServerCertificate]
BAD_CERTIFICATES: list[tuple[str, str, CertificateOf]] = [
    ("self_signed", "localhost", lambda _, folder: self_signed(folder)),
    ("expired", "localhost", lambda authority, _: authority.expired()),
    ("not_yet_valid", "localhost", lambda authority, _: authority.not_yet_valid()),
    ("hostname_mismatch", "localhost", lambda authority, _: authority.wrong_host()),
    ("hostname_mismatch", "127.0.0.9", lambda authority, _: authority.good()),
    ("untrusted_ca", "localhost", lambda _, folder: of_an_untrusted_authority(folder)),
    ("untrusted_ca", "localhost", lambda _, folder: Authority(folder, "Another CA").good()),
]


@pytest.mark.requirement("R89")
@pytest.mark.parametrize(("cause", "name", "certificate"), BAD_CERTIFICATES)
def test_a_bad_certificate_is_a_class_of_its_own_with_its_reason(
    cause: str, name: str, certificate: CertificateOf, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    server = certificate(authority, tmp_path).context()
    diagnosis = error(handshake(server, trusting(authority.ca_file), name), "tls")
    assert (diagnosis.kind, diagnosis.cause) == (Kind.CERTIFICATE, cause)


@pytest.mark.requirement("R90")
def test_a_self_signed_certificate_has_no_switch_to_ignore_it_but_a_private_authority_may_be_trusted(
    tmp_path: Path,
) -> None:
    remedy = error(handshake(self_signed(tmp_path).context(), trusting(None), "localhost"), "tls").remedy.of_watching
    assert "no switch to ignore it" in remedy
    assert "MAILROOM_CA_FILE" in remedy
    assert "pop.example.com port 995 presented on 2026-11-23 12:30 UTC" in remedy


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (2, "untrusted_ca"),
        (19, "untrusted_ca"),
        (21, "untrusted_ca"),
        (62, "hostname_mismatch"),
        (66, "other"),
        (26, "other"),
    ],
)
def test_every_other_certificate_error_has_its_cause(code: int, cause: str) -> None:
    raised = ssl.SSLCertVerificationError(1, "certificate verify failed")
    raised.verify_code, raised.verify_message = code, "EE certificate key too weak"
    diagnosis = error(raised, "tls")
    assert (diagnosis.kind, diagnosis.cause) == (Kind.CERTIFICATE, cause)
    assert ("(EE certificate key too weak)" in diagnosis.remedy.of_watching) is (cause == "other")


def test_a_port_without_tls_is_a_matter_of_configuration() -> None:
    diagnosis = error(handshake(b"+OK POP3 ready\r\n", trusting(None), "localhost"), "tls")
    assert diagnosis.kind is Kind.CONFIGURATION
    assert "STARTTLS" in diagnosis.remedy.of_watching


def test_a_server_with_outdated_tls_is_a_matter_of_configuration(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server, client = authority.good().context(), trusting(authority.ca_file)
    server.maximum_version, client.minimum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    diagnosis = error(handshake(server, client, "localhost"), "tls")
    assert diagnosis.kind is Kind.CONFIGURATION
    assert "outdated" in diagnosis.remedy.of_watching

"""TLS with real certificates, right and wrong: what is trusted, what is not, and what is shown of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from activities.pop.certificates import presented_chain
from activities.pop.connection import PopConnection, ServerRefused, Timeouts, Tls
from infra.network.tls import trusting
from tests.servers.certificates import Authority, ServerCertificate, of_an_untrusted_authority, self_signed
from tests.servers.scripted_pop import Expect, Hang, MailboxServer, ScriptedServer, Send, StartTls, Step

UNANSWERED = Timeouts(connect=1)
MODES: list[Tls] = ["implicit", "starttls"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return trusting("POP", str(authority.ca_file))


def serving(certificate: ServerCertificate, tls: Tls) -> MailboxServer:
    context = certificate.context()
    message = {"u1": b"Subject: one\r\n\r\nHi\r\n"}
    if tls == "implicit":
        return MailboxServer(messages=message, tls=context)
    return MailboxServer(messages=message, starttls=context)


@pytest.mark.parametrize("tls", MODES)
async def test_a_session_over_tls_works_under_a_private_authority(
    authority: Authority, context: ssl.SSLContext, tls: Tls
) -> None:
    certificate = authority.good()
    async with serving(certificate, tls) as server:
        pop = await PopConnection.open([server.host], server.port, tls=tls, context=context, server_name="localhost")
        assert pop.certificates[0] == certificate.der
        await pop.ask_capabilities()
        await pop.login("jane", "secret")
        assert [message async for _, message in pop.retrieve([(1, 20)], largest=1000, held=1000)] == list(
            server.messages.values()
        )
        assert await pop.quit()


Made = Callable[[Authority, Path], ServerCertificate]
WRONG: list[tuple[Made, int]] = [
    (lambda authority, folder: self_signed(folder), 18),
    (lambda authority, folder: of_an_untrusted_authority(folder), 20),
    (lambda authority, folder: authority.expired(), 10),
    (lambda authority, folder: authority.not_yet_valid(), 9),
    (lambda authority, folder: authority.wrong_host(), 62),
    (lambda authority, folder: Authority(folder, "Somebody's Own CA").good(), 19),
]


@pytest.mark.parametrize("tls", MODES)
@pytest.mark.parametrize(
    ("made", "code"), WRONG, ids=["self_signed", "untrusted", "expired", "not_yet_valid", "wrong_host", "private_ca"]
)
async def test_a_bad_certificate_is_refused_for_its_reason_and_shown(
    authority: Authority, context: ssl.SSLContext, tmp_path: Path, tls: Tls, made: Made, code: int
) -> None:
    certificate = made(authority, tmp_path)
    async with serving(certificate, tls) as server:
        pop = PopConnection([server.host], server.port, tls=tls, context=context, server_name="localhost")
        with pytest.raises(ssl.SSLCertVerificationError) as refused:
            await pop.connect()
        assert refused.value.verify_code == code
        assert pop.phase == "tls"
        assert await pop.quit() is False
        chain = await presented_chain(server.host, server.port, starttls=tls == "starttls", timeout=60)
        assert chain[0] == certificate.der
        # No credential ever went to a server that is not who it should be.
        assert set(server.commands) <= {"STLS"}


async def test_a_whole_chain_is_shown(authority: Authority) -> None:
    async with serving(authority.good(), "implicit") as server:
        chain = await presented_chain(server.host, server.port, starttls=False, timeout=60)
    assert chain[1] == ssl.PEM_cert_to_DER_cert(authority.ca_file.read_text())


async def test_a_chain_is_shown_even_if_the_server_then_says_nothing(authority: Authority) -> None:
    certificate = authority.good()
    async with ScriptedServer([Hang()], tls=certificate.context()) as server:
        chain = await presented_chain(server.host, server.port, starttls=False, timeout=3)
    assert chain[0] == certificate.der


async def test_without_tls_there_is_no_chain_to_show() -> None:
    async with MailboxServer() as server:
        with pytest.raises(ssl.SSLError):
            await presented_chain(server.host, server.port, starttls=False, timeout=60)


async def test_tls_on_a_plain_port_is_an_ssl_error(context: ssl.SSLContext) -> None:
    async with MailboxServer() as server:
        with pytest.raises(ssl.SSLError):
            await PopConnection.open(server.host, server.port, tls="implicit", context=context)


async def test_a_server_that_refuses_stls_is_never_spoken_to_in_clear(context: ssl.SSLContext) -> None:
    async with MailboxServer() as server:
        with pytest.raises(ServerRefused) as refused:
            await PopConnection.open(server.host, server.port, tls="starttls", context=context)
        assert refused.value.command == "STLS"
        assert server.commands == ["STLS"]


async def test_what_was_injected_before_the_handshake_is_never_taken_for_an_answer(
    authority: Authority, context: ssl.SSLContext
) -> None:
    script: list[Step] = [
        Send(b"+OK\r\n"),
        Expect("STLS"),
        Send(b"+OK go\r\n+OK\r\nPIPELINING\r\n.\r\n-ERR injec"),
        StartTls(authority.good().context()),
        Expect("CAPA"),
        Send(b"+OK\r\nUIDL\r\n.\r\n"),
        Expect("QUIT"),
        Send(b"+OK\r\n"),
    ]
    async with ScriptedServer(script) as server:
        pop = await PopConnection.open(server.host, server.port, tls="starttls", context=context)
        assert await pop.ask_capabilities() == {"UIDL": ()}
        assert not pop.pipelining
        assert await pop.quit()


@pytest.mark.parametrize("tls", MODES)
async def test_a_handshake_that_nobody_answers_is_waited_for_only_so_long(tls: Tls, context: ssl.SSLContext) -> None:
    script: list[Step] = [Hang()] if tls == "implicit" else [Send(b"+OK\r\n"), Expect("STLS"), Send(b"+OK\r\n"), Hang()]
    async with ScriptedServer(script) as server:
        pop = PopConnection(server.host, server.port, tls=tls, context=context, timeouts=UNANSWERED)
        with pytest.raises(TimeoutError):
            await pop.connect()
        assert pop.phase == "tls"


@pytest.mark.parametrize("tls", MODES)
async def test_a_server_that_hangs_up_in_the_handshake_is_a_lost_connection(tls: Tls, context: ssl.SSLContext) -> None:
    script: list[Step] = [] if tls == "implicit" else [Send(b"+OK\r\n"), Expect("STLS"), Send(b"+OK\r\n")]
    async with ScriptedServer(script) as server:
        with pytest.raises((ConnectionError, ssl.SSLError, EOFError)):
            await PopConnection.open(server.host, server.port, tls=tls, context=context)


async def test_a_server_that_hangs_up_over_tls_is_an_eof(authority: Authority, context: ssl.SSLContext) -> None:
    async with serving(authority.good(), "implicit") as server:
        pop = await PopConnection.open(server.host, server.port, tls="implicit", context=context)
        server.closes.add("USER")
        with pytest.raises(EOFError):
            await pop.login("jane", "secret")
        await pop.abort()


def test_the_context_takes_no_old_tls_and_checks_names() -> None:
    context = trusting("POP", None)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED

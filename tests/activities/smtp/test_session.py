"""Sessions with an SMTP server: encryption, one login by one mechanism, and servers that are not what they say."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from activities.smtp.session import Login, SmtpFailure, Timeouts
from domain.core.refusal import Refused
from domain.failures.failure import Kind
from tests.servers.certificates import Authority, ServerCertificate, of_an_untrusted_authority, self_signed
from tests.servers.scripted_pop import Close, Expect, ScriptedServer, Send, Step
from tests.servers.scripted_smtp import CONNECT, SubmissionServer
from tests.support.submission import HASTY, JANE, LOGIN, PATIENT, at, send, sessions


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def failure(
    server: SubmissionServer | ScriptedServer,
    login: Login | None = LOGIN,
    *,
    tls: str = "none",
    timeouts: Timeouts = PATIENT,
    authority: Authority | None = None,
) -> SmtpFailure:
    place = at(server, tls, "localhost" if tls != "none" else "127.0.0.1")
    ca_file = str(authority.ca_file) if authority else None
    with pytest.raises(SmtpFailure) as failed:
        await sessions(timeouts, ca_file=ca_file).log_in_only(place, login)
    return failed.value


def course(failed: SmtpFailure) -> tuple[str, str, str]:
    verdict = failed.trouble.verdict
    return verdict.scope, verdict.course, failed.trouble.failure.kind


# --- logging in ---


@pytest.mark.parametrize(
    ("offered", "used"), [(["PLAIN", "LOGIN"], "PLAIN"), (["LOGIN", "CRAM-MD5"], "LOGIN"), (["login"], "LOGIN")]
)
async def test_a_probe_logs_in_by_one_mechanism_and_sends_nothing(offered: list[str], used: str) -> None:
    async with SubmissionServer(mechanisms=offered) as server:
        offers = await sessions().log_in_only(at(server), LOGIN)
        await server.until_over()
    assert [line.split(" ")[0] for line in server.commands] == ["EHLO", "AUTH", "QUIT"]
    assert server.commands[1].split(" ")[1] == used
    assert server.logins == 1
    assert offers["size"] == "50000000"


async def test_a_server_that_asks_again_for_what_came_with_auth_is_answered() -> None:
    async with SubmissionServer() as server:
        server.passes_over_initial_responses = True
        await sessions().log_in_only(at(server), LOGIN)
    assert server.logins == 1


async def test_a_token_is_presented_as_xoauth2_wants_it() -> None:
    async with SubmissionServer(password="ya29.token") as server:
        await sessions().log_in_only(at(server), Login(JANE, "ya29.token", "xoauth2"))
    assert server.logins == 1


@pytest.mark.parametrize(
    ("mechanisms", "login"),
    [
        (["PLAIN", "LOGIN"], Login(JANE, "hunter2hunter2")),
        (["LOGIN"], Login(JANE, "hunter2hunter2")),
        (["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"], Login(JANE, "hunter2hunter2", "xoauth2")),
    ],
)
async def test_a_wrong_password_is_tried_once(mechanisms: list[str], login: Login) -> None:
    async with SubmissionServer(mechanisms=mechanisms) as server:
        failed = await failure(server, login)
        await server.until_over()
    assert server.attempts == 1
    assert server.connections == 1
    assert course(failed) == ("route", "suspend", Kind.SMTP_AUTHENTICATION)
    assert "hunter2" not in repr(failed.trouble)
    assert not failed.logged_in


async def test_a_server_that_repeats_the_password_does_not_get_it_shown() -> None:
    async with SubmissionServer() as server:
        server.replies["AUTH"] = "535 5.7.8 jane@example.com may not log in with hunter2hunter2"
        failed = await failure(server, Login(JANE, "hunter2hunter2"))
    said = failed.trouble.failure.server_said or ""
    assert said.startswith("535 5.7.8")
    assert "hunter2" not in said
    assert "jane" not in said


@pytest.mark.parametrize(("mechanisms", "auth"), [(["CRAM-MD5"], "password"), ([], "password"), (["PLAIN"], "xoauth2")])
async def test_without_a_mechanism_nothing_is_tried(mechanisms: list[str], auth: str) -> None:
    async with SubmissionServer(mechanisms=mechanisms) as server:
        failed = await failure(server, Login(JANE, "secret", auth))  # type: ignore[arg-type]  # one of two words
    assert server.attempts == 0
    assert course(failed) == ("route", "suspend", Kind.CONFIGURATION)


@pytest.mark.parametrize("challenge", [b"334 \r\n", b"334 UGFzc3dvcmQ6\r\n"])
async def test_a_challenge_that_never_ends_is_ended(challenge: bytes) -> None:
    offers: list[Step] = [Send(b"220 hi\r\n"), Expect(), Send(b"250-hi\r\n250 AUTH LOGIN\r\n")]
    asks: list[Step] = [Expect(), Send(challenge)]
    async with ScriptedServer(offers + asks * 50) as server:
        failed = await failure(server)
    assert course(failed) == ("route", "retry", Kind.PROTOCOL_ERROR)
    assert len(server.received) <= 5


@pytest.mark.parametrize("secret", ["a\0b", "a\r\nb", "\ud800"])
async def test_a_secret_that_no_server_takes_is_refused_before_connecting(secret: str) -> None:
    async with SubmissionServer() as server:
        with pytest.raises(Refused) as refused:
            await sessions().log_in_only(at(server), Login(JANE, secret))
    assert refused.value.refusal.code == "secret_not_allowed"
    assert server.connections == 0


async def test_a_password_may_have_any_letters() -> None:
    async with SubmissionServer(password="pässwörd 密码") as server:
        await sessions().log_in_only(at(server), Login(JANE, "pässwörd 密码"))
    assert server.logins == 1


async def test_ehlo_names_us_by_a_whole_name_or_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async with SubmissionServer() as server:
        for name in ("mail.example.com", "box", "localhost.localdomain", "bad_name.example.com"):
            monkeypatch.setattr(socket, "gethostname", lambda name=name: name)
            await sessions().log_in_only(at(server), LOGIN)
    said = [line for line in server.commands if line.startswith("EHLO")]
    assert said == ["EHLO mail.example.com", *["EHLO [127.0.0.1]"] * 3]


# --- encryption ---


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_a_login_over_tls(authority: Authority, tls: str) -> None:
    context = authority.good().context()
    made = SubmissionServer(tls=context) if tls == "implicit" else SubmissionServer(starttls=context)
    async with made as server:
        await sessions(ca_file=str(authority.ca_file)).log_in_only(at(server, tls, "localhost"), LOGIN)
    before = [] if tls == "implicit" else ["EHLO", "STARTTLS"]
    assert [line.split(" ")[0] for line in server.commands] == [*before, "EHLO", "AUTH", "QUIT"]


async def test_stripped_starttls_is_named_and_nothing_is_sent_in_clear() -> None:
    async with SubmissionServer() as server:
        failed = await failure(server, tls="starttls")
        await server.until_over()
    assert course(failed) == ("route", "suspend", Kind.CONFIGURATION)
    assert failed.trouble.failure.cause == "starttls_missing"
    assert [line.split(" ")[0] for line in server.commands] == ["EHLO"]


@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"250-injec", b"421 bye\r\n", b"\x16\x03\x01"])
async def test_text_behind_the_consent_to_starttls_is_named(authority: Authority, behind: bytes) -> None:
    async with SubmissionServer(starttls=authority.good().context()) as server:
        server.replies["STARTTLS"] = b"220 2.0.0 go ahead\r\n" + behind
        failed = await failure(server, tls="starttls", authority=authority)
        await server.until_over()
    assert failed.trouble.failure.cause == "starttls_injected"
    assert failed.trouble.verdict.course == "retry"
    assert server.attempts == 0


@pytest.mark.parametrize(
    ("reply", "follows"), [("502 5.5.1 what", "suspend"), ("454 4.7.0 TLS not available due to local problem", "retry")]
)
async def test_a_refused_starttls_sends_nothing_in_clear(reply: str, follows: str) -> None:
    async with SubmissionServer(keywords=["STARTTLS"]) as server:
        server.replies["STARTTLS"] = reply
        failed = await failure(server, tls="starttls")
        await server.until_over()
    assert failed.trouble.verdict.course == follows
    assert server.attempts == 0


Made = Callable[[Authority, Path], ServerCertificate]
WRONG: list[tuple[Made, str]] = [
    (lambda authority, folder: self_signed(folder), "self_signed"),
    (lambda authority, folder: of_an_untrusted_authority(folder), "untrusted_ca"),
    (lambda authority, folder: authority.expired(), "expired"),
    (lambda authority, folder: authority.wrong_host(), "hostname_mismatch"),
]


@pytest.mark.requirement("R89")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(("made", "cause"), WRONG, ids=[cause for _, cause in WRONG])
async def test_a_bad_certificate_gets_no_password_and_is_shown(
    authority: Authority, tmp_path: Path, tls: str, made: Made, cause: str
) -> None:
    certificate = made(authority, tmp_path)
    context = certificate.context()
    server = SubmissionServer(tls=context) if tls == "implicit" else SubmissionServer(starttls=context)
    async with server:
        failed = await failure(server, tls=tls, authority=authority)
        assert server.attempts == 0
    assert course(failed) == ("route", "suspend", Kind.CERTIFICATE)
    shown = failed.trouble.failure
    assert shown.cause == cause
    assert shown.tls is not None
    assert shown.tls.chain
    assert "check_now" in shown.remedy


async def test_a_plain_server_at_the_port_of_implicit_tls_is_named() -> None:
    async with SubmissionServer() as server:
        failed = await failure(server, tls="implicit", timeouts=Timeouts(connect=5))
    assert course(failed) == ("route", "suspend", Kind.CONFIGURATION)
    assert "587" in failed.trouble.failure.remedy


async def test_a_host_without_tls_must_be_allowed() -> None:
    async with SubmissionServer() as server:
        with pytest.raises(Refused) as refused:
            await sessions(allow=()).log_in_only(at(server), LOGIN)
    assert (refused.value.refusal.code, refused.value.refusal.field) == ("host_not_allowed", "outgoing.tls")
    assert server.connections == 0


async def test_a_private_host_must_be_allowed() -> None:
    async with SubmissionServer() as server:
        with pytest.raises(Refused) as refused:
            await sessions(allow=()).log_in_only(at(server, "implicit"), LOGIN)
    assert refused.value.refusal.field == "outgoing.host"
    assert server.connections == 0


# --- servers that are not what they say ---


@pytest.mark.parametrize(
    ("greeting", "kind", "named"),
    [
        (b"+OK POP3 ready\r\n", Kind.CONFIGURATION, "POP3"),
        (b"* OK IMAP4rev1\r\n", Kind.CONFIGURATION, "IMAP"),
        (b"HTTP/1.1 400 Bad Request\r\n", Kind.CONFIGURATION, "HTTP"),
        (b"hello there\r\n", Kind.PROTOCOL_ERROR, "SMTP"),
    ],
)
async def test_another_service_at_the_port_is_named(greeting: bytes, kind: Kind, named: str) -> None:
    async with SubmissionServer() as server:
        server.replies[CONNECT] = greeting
        failed = await failure(server)
    assert failed.trouble.failure.kind is kind
    assert named in failed.trouble.failure.remedy
    assert "POP is usually" not in failed.trouble.failure.remedy


@pytest.mark.parametrize(
    ("greeting", "follows", "kind"),
    [
        (
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example.org",
            "suspend",
            Kind.CONFIGURATION,
        ),
        ("554 5.7.1 go away", "suspend", Kind.CONFIGURATION),
        ("450 4.3.2 busy", "retry", Kind.SERVER_ERROR),
        ("421 4.7.0 Too many connections from your IP", "pause", Kind.THROTTLED),
    ],
)
async def test_who_is_turned_away_at_the_door_holds_the_mail(greeting: str, follows: str, kind: Kind) -> None:
    async with SubmissionServer() as server:
        server.replies[CONNECT] = greeting
        failed = await failure(server)
    assert course(failed) == ("route", follows, kind)


@pytest.mark.parametrize("point", [CONNECT, "EHLO", "AUTH", "MAIL"])
@pytest.mark.parametrize(
    "flood", [b"250-x\r\n", b"x", b"250 x", b"\r\n"], ids=["lines", "no line end", "one line", "blank"]
)
async def test_replies_without_end_are_ended(point: str, flood: bytes) -> None:
    """Megabytes are on their way when it is noticed; what is kept is bounded (test_memory.py)."""
    async with SubmissionServer() as server:
        server.floods[point] = flood
        if point == "MAIL":
            one = await send(server)
            assert one.trouble is not None
            assert one.trouble.failure.kind is Kind.PROTOCOL_ERROR
        else:
            failed = await failure(server)
            assert course(failed) == ("route", "retry", Kind.PROTOCOL_ERROR)


async def test_a_reply_that_drips_is_waited_for_no_longer_than_said() -> None:
    async with SubmissionServer() as server:

        async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(1000):
                writer.write(b"220-x\r\n")
                await asyncio.sleep(0.02)

        server._serve = drips  # type: ignore[method-assign]  # never a whole greeting
        failed = await failure(server, timeouts=HASTY)
    assert failed.trouble.failure.cause == "timeout"


@pytest.mark.parametrize(
    "lines", [["AUTH"], ["AUTH=PLAIN LOGIN"], ["AUTH PLAIN"] * 900, ["", " ", "\x00\x01", "é" * 100, "AUTH PLAIN"]]
)
async def test_odd_keywords_harm_nothing(lines: list[str]) -> None:
    async with SubmissionServer(mechanisms=[], keywords=lines) as server:
        if any("PLAIN" in line for line in lines):
            await sessions().log_in_only(at(server), LOGIN)
            assert server.logins == 1
        else:
            assert course(await failure(server)) == ("route", "suspend", Kind.CONFIGURATION)


async def test_words_in_gb18030_can_be_read() -> None:
    async with SubmissionServer() as server:
        server.replies["AUTH"] = b"535 " + "登录失败".encode("gb18030") + b"\r\n"
        failed = await failure(server)
    assert failed.trouble.failure.server_said == "535 登录失败"
    assert failed.trouble.failure.kind is Kind.SMTP_AUTHENTICATION


async def test_nobody_listening_is_named_with_smtps_ports() -> None:
    async with SubmissionServer() as server:
        await server.down()
        failed = await failure(server)
        assert course(failed) == ("route", "retry", Kind.CONNECTION)
    assert "465" in failed.trouble.failure.remedy
    assert "the route is disabled" in failed.trouble.failure.remedy


async def test_a_script_that_closes_at_once_is_a_closed_connection() -> None:
    async with ScriptedServer([Close()]) as server:
        failed = await failure(server)
    assert failed.trouble.failure.cause in ("closed", "reset")

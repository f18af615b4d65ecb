"""Every way in which servers and networks fail ends as its kind, with words that help and nothing that is secret."""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.pop.connection import Timeouts
from domain.failures.failure import Failure, Kind
from infra.database.pool import Pool
from tests.domain.core.test_foreign_text import ACTS
from tests.servers.certificates import (
    Authority,
    ServerCertificate,
    alone,
    of_an_intermediate_authority,
    of_an_untrusted_authority,
    self_signed,
)
from tests.servers.scripted_pop import CONNECT, MailboxServer
from tests.support.accounts import active, after, failed
from tests.support.mailboxes import (
    JANE,
    PASSWORD,
    PATIENT,
    Watcher,
    account,
    failure_of,
    impatient,
    local_worker,
    mailbox,
)

REPLIES = Path(__file__).parents[2] / "data" / "refusals.tsv"
WITHOUT_AUTH_CODES = ("TOP", "UIDL", "RESP-CODES", "PIPELINING", "USER")
COMMANDS = {"greeting": CONNECT, "login": "PASS", "transaction": "STAT"}
FRAGMENTS_OF_A_LOGIN = [JANE, "jane", PASSWORD, base64.b64encode(PASSWORD.encode()).decode()]


def injections() -> list[tuple[str, str, str]]:
    """Command that is refused, words, kinds that are right: the POP3 rows of the collection where their phase has them."""
    with REPLIES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        (COMMANDS[row["phase"]], row["reply"].removeprefix("-ERR "), row["kinds"])
        for row in rows
        if row["protocol"] == "POP3" and row["round"] == "0" and row["phase"] in COMMANDS
    ]


def assert_it_helps_and_tells_no_secret(failure: Failure, error: ApplicationError) -> None:
    assert failure.support == "help@mailroom.example"
    assert failure.reference.startswith("MR-")
    for words in failure.remedy, failure.reference, failure.support:
        assert words in str(error)
    shown = failure.model_dump_json() + str(error) + str(error.details)
    for secret in FRAGMENTS_OF_A_LOGIN:
        assert secret not in shown, shown


@pytest.mark.requirement("R53", "R58", "R81", "R97")
@pytest.mark.parametrize(("command", "words", "kinds"), injections())
async def test_what_servers_say_ends_as_its_kind(pool: Pool, command: str, words: str, kinds: str) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, messages=mailbox(2), capabilities=WITHOUT_AUTH_CODES) as server:
        server.replies[command] = f"-ERR {words} <{JANE}> {PASSWORD}"
        with pytest.raises(ApplicationError) as ended:
            await watcher.watch(account(server.port))
    failure = failure_of(ended.value)
    assert failure.kind in kinds.split(",")
    assert failure.counts == (failure.kind if failure.kind in ("authentication", "connection") else None)
    assert failure.decided_by
    assert failure.server_said
    assert_it_helps_and_tells_no_secret(failure, ended.value)
    assert await watcher.column("select outcome from retrievals") == [failure.kind]
    assert await watcher.subjects() == []


@pytest.mark.parametrize("command", ["STAT", "UIDL", "LIST"])
@pytest.mark.parametrize(
    "words", ["[AUTH] Authentication failed.", "invalid password", "Command not understood", "Logon failure", ""]
)
async def test_what_comes_after_an_accepted_password_is_never_a_wrong_one(pool: Pool, command: str, words: str) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(2), capabilities=WITHOUT_AUTH_CODES) as server:
        server.replies[command] = f"-ERR {words}"
        watcher = Watcher(pool)
        try:  # without LIST, or a STAT that is known, mail is retrieved all the same
            await watcher.watch(account(server.port))
        except ApplicationError as ended:
            failure = failure_of(ended)
            assert failure.kind in ("server_error", "protocol_error")
            assert failure.counts is None
        else:
            assert command != "UIDL" or words == "Command not understood"
            assert await watcher.subjects() == ["message 1", "message 2"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("", "server_error"),
        ("failed", "server_error"),
        ("wrong password", "server_error"),
        ("[AUTH] no", "authentication"),
        ("unknown user", "authentication"),
        ("No such account here", "authentication"),
        ("user database is down", "server_error"),
    ],
)
async def test_a_refused_user_is_a_matter_of_login_only_if_it_says_so(pool: Pool, words: str, kind: str) -> None:
    async with MailboxServer(password=PASSWORD, capabilities=WITHOUT_AUTH_CODES) as server:
        server.replies["USER"] = f"-ERR {words}"
        failure = await Watcher(pool).fails(account(server.port))
    assert failure.kind == kind


async def test_a_host_that_offers_auth_codes_and_never_says_auth_is_found_out(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, capabilities=(*WITHOUT_AUTH_CODES, "AUTH-RESP-CODE")) as server:
        server.replies["PASS"] = "-ERR Authentication failed"
        kinds = [(await watcher.fails(account(server.port))).kind for _ in range(5)]
        assert kinds == [*["server_error"] * 3, *["authentication"] * 2]
        server.replies["PASS"] = "-ERR Authentication database is locked"
        assert (await watcher.fails(account(server.port))).kind == "server_error"
        server.replies["PASS"] = "-ERR [AUTH] Authentication failed"
        assert (await watcher.fails(account(server.port))).kind == "authentication"
        server.replies["PASS"] = "-ERR Authentication failed"
        assert (await watcher.fails(account(server.port))).kind == "server_error"


async def test_a_host_that_was_seen_to_say_auth_is_taken_at_its_word_however_often_it_does_not(pool: Pool) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD, capabilities=(*WITHOUT_AUTH_CODES, "AUTH-RESP-CODE")) as server:
        server.replies["PASS"] = "-ERR [AUTH] no"
        assert (await watcher.fails(account(server.port))).kind == "authentication"
        server.replies["PASS"] = "-ERR Authentication failed"
        assert [(await watcher.fails(account(server.port))).kind for _ in range(5)] == ["server_error"] * 5


@pytest.mark.requirement("R81")
async def test_a_refusal_is_quoted_in_the_servers_own_words_without_what_is_secret(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = Watcher(pool)
    async with MailboxServer(password=PASSWORD) as server:
        server.replies["PASS"] = f"-ERR [AUTH] No password {PASSWORD} for {JANE} or jane, today"
        failure = await watcher.fails(account(server.port))
    assert failure.server_said is not None
    assert failure.server_said.startswith("[AUTH] No password ")
    assert failure.server_said.endswith("today")
    for secret in PASSWORD, JANE, "jane":
        assert secret not in failure.server_said
    assert PASSWORD not in caplog.text
    assert failure.reference in [getattr(record, "reference", None) for record in caplog.records]


@pytest.mark.parametrize("command", ["STAT", "UIDL"])
async def test_a_mailbox_whose_list_is_refused_without_a_word_session_after_session_is_stuck(
    pool: Pool, command: str
) -> None:
    known = active()
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        server.replies[command] = "-ERR"
        for _ in range(3):
            with pytest.raises(ApplicationError) as ended:
                await Watcher(pool).watch(account(server.port))
            assert failure_of(ended.value).kind is Kind.SERVER_ERROR
            let_in = ended.value.details[1]["password_accepted"]
            known = after(known, failed(Kind.SERVER_ERROR, password_accepted=let_in))
    assert known.stuck


@pytest.mark.parametrize(
    ("command", "words", "accepted"),
    [
        ("PASS", "[AUTH] Authentication failed.", False),
        ("PASS", "[IN-USE] locked by another session", True),
        ("UIDL", "[SYS/TEMP] failed", True),
        (CONNECT, "Too many connections", False),
    ],
)
async def test_whether_the_password_was_accepted_goes_with_the_failure(
    pool: Pool, command: str, words: str, accepted: bool
) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        server.replies[command] = f"-ERR {words}"
        with pytest.raises(ApplicationError) as ended:
            await Watcher(pool).watch(account(server.port))
    about = ended.value.details[1]
    assert about["password_accepted"] is accepted
    assert (about["settings_version"], about["credential_version"]) == (3, 2)


# --- the network ---


async def connection_failure(pool: Pool, port: int, *, host: str = "127.0.0.1", timeouts: Timeouts = PATIENT) -> str:
    """The cause of the connection failure that a session ends in."""
    watcher = Watcher(pool, worker=local_worker(egress_addresses="203.0.113.7"), timeouts=timeouts)
    with pytest.raises(ApplicationError) as ended:
        await watcher.watch(account(port, host=host))
    failure = failure_of(ended.value)
    assert (failure.kind, failure.counts, failure.server_said) == (Kind.CONNECTION, "connection", None)
    assert_it_helps_and_tells_no_secret(failure, ended.value)
    assert host in failure.remedy
    if failure.cause in ("refused", "reset"):
        assert "203.0.113.7" in failure.remedy
    assert failure.cause is not None
    return failure.cause


@pytest.mark.requirement("R85", "R88")
async def test_a_port_that_nobody_listens_on_refuses(pool: Pool) -> None:
    async with MailboxServer() as server:
        port = server.port
    assert await connection_failure(pool, port) == "refused"


@pytest.mark.requirement("R85")
async def test_a_name_that_does_not_exist_is_a_matter_of_the_name_service(pool: Pool) -> None:
    watcher = Watcher(pool, worker=local_worker(allow_hosts=("pop.mailroom.invalid",)))
    failure = await watcher.fails(account(110, host="pop.mailroom.invalid"))
    assert (failure.kind, failure.cause) == (Kind.CONNECTION, "dns")
    assert "pop.mailroom.invalid" in failure.remedy


@pytest.mark.requirement("R85")
async def test_a_server_that_never_greets_times_out(pool: Pool) -> None:
    async with MailboxServer() as server:
        server.hangs.add(CONNECT)
        assert await connection_failure(pool, server.port, timeouts=impatient(CONNECT)) == "timeout"


@pytest.mark.requirement("R85")
async def test_a_server_that_stops_answering_times_out(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD, messages=mailbox(1)) as server:
        server.hangs.add("UIDL")
        assert await connection_failure(pool, server.port, timeouts=impatient("UIDL")) == "timeout"


@pytest.mark.requirement("R85")
async def test_a_connection_that_is_reset_is_told_from_one_that_is_closed(pool: Pool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reset() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        resetting = threading.Thread(target=reset)
        resetting.start()
        assert await connection_failure(pool, listener.getsockname()[1], timeouts=Timeouts()) == "reset"
        resetting.join()


@pytest.mark.requirement("R85")
@pytest.mark.parametrize("before_the_answer_to", [CONNECT, "USER", "PASS"])
async def test_a_server_that_hangs_up_before_it_answers_the_login_counts_as_a_connection(
    pool: Pool, before_the_answer_to: str
) -> None:
    async with MailboxServer(password=PASSWORD) as server:
        server.closes.add(before_the_answer_to)
        assert await connection_failure(pool, server.port, timeouts=Timeouts()) == "closed"


async def test_a_password_that_is_not_answered_in_time_is_the_servers_slowness(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD) as server:
        server.hangs.add("PASS")
        failure = await Watcher(pool, timeouts=impatient("PASS")).fails(account(server.port))
    assert (failure.kind, failure.counts) == (Kind.SERVER_ERROR, None)


@pytest.mark.requirement("R42")
@pytest.mark.parametrize("greeting", ["* OK IMAP4rev1 ready", "220 smtp.example.com ESMTP"])
async def test_a_port_that_speaks_another_protocol_offers_no_pop(pool: Pool, greeting: str) -> None:
    async with MailboxServer(greeting=greeting) as server:
        failure = await Watcher(pool).fails(account(server.port))
    assert failure.kind is Kind.POP_UNAVAILABLE


# --- TLS ---

Made = Callable[[Authority, Path], ServerCertificate]


@pytest.mark.requirement("R89", "R91")
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("made", "cause"),
    [
        pytest.param(lambda authority, folder: self_signed(folder), "self_signed", id="self_signed"),
        pytest.param(lambda authority, folder: authority.expired(), "expired", id="expired"),
        pytest.param(lambda authority, folder: authority.not_yet_valid(), "not_yet_valid", id="not_yet_valid"),
        pytest.param(lambda authority, folder: authority.wrong_host(), "hostname_mismatch", id="wrong_host"),
        pytest.param(lambda authority, folder: of_an_untrusted_authority(folder), "untrusted_ca", id="untrusted_ca"),
        pytest.param(
            lambda authority, folder: alone(of_an_intermediate_authority(authority)),
            "untrusted_ca",
            id="missing_intermediate",
        ),
        pytest.param(
            lambda authority, folder: Authority(folder, "Somebody's Own CA").good(), "untrusted_ca", id="private_ca"
        ),
    ],
)
async def test_certificate_trouble_has_its_reason_and_the_chain_as_evidence(
    pool: Pool, tmp_path: Path, made: Made, cause: str, tls: str
) -> None:
    authority = Authority(tmp_path)
    certificate = made(authority, tmp_path)
    context = certificate.context()
    watcher = Watcher(pool, worker=local_worker(ca_file=str(authority.ca_file)))
    implicit, starttls = (context, None) if tls == "implicit" else (None, context)
    async with MailboxServer(password=PASSWORD, tls=implicit, starttls=starttls) as server:
        with pytest.raises(ApplicationError) as ended:
            await watcher.watch(account(server.port, host="localhost", tls=tls))
        assert server.count("USER") == server.attempts == 0
    failure = failure_of(ended.value)
    assert (failure.kind, failure.cause, failure.counts) == (Kind.CERTIFICATE, cause, None)
    assert_it_helps_and_tells_no_secret(failure, ended.value)
    assert failure.tls is not None
    assert (failure.tls.host, failure.tls.port) == ("localhost", server.port)
    assert failure.tls.at.tzinfo is not None
    leaf = failure.tls.chain[0]
    assert leaf.sha256 == hashlib.sha256(certificate.der).hexdigest()
    assert leaf.not_before < leaf.not_after
    assert leaf.names
    assert leaf.issuer.startswith("CN=")


async def test_what_a_certificate_says_is_words(pool: Pool, tmp_path: Path) -> None:
    hostile = Authority(tmp_path, "Own \x1b]0;pwned\x07\x1b[2J\u202eevil\r\nCA")
    async with MailboxServer(password=PASSWORD, tls=hostile.good().context()) as server:
        failure = await Watcher(pool).fails(account(server.port, host="localhost", tls="implicit"))
    assert failure.tls is not None
    assert "evil" in failure.tls.chain[0].issuer
    assert not ACTS.search(failure.model_dump_json())
    assert all(said.isprintable() for one in failure.tls.chain for said in (one.issuer, one.subject, *one.names))


async def test_a_server_that_sends_its_intermediate_certificate_is_trusted(pool: Pool, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    watcher = Watcher(pool, worker=local_worker(ca_file=str(authority.ca_file)))
    context = of_an_intermediate_authority(authority).context()
    async with MailboxServer(password=PASSWORD, messages=mailbox(1), tls=context) as server:
        assert (await watcher.watch(account(server.port, host="localhost", tls="implicit"))).stored == 1


async def test_a_port_without_tls_where_tls_is_expected_is_a_matter_of_configuration(pool: Pool) -> None:
    async with MailboxServer(password=PASSWORD) as server:
        failure = await Watcher(pool).fails(account(server.port, host="localhost", tls="implicit"))
    assert failure.kind is Kind.CONFIGURATION
    assert "STARTTLS" in failure.remedy


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Unknown command.", Kind.CONFIGURATION),
        ("authentication failed", Kind.CONFIGURATION),
        ("[SYS/TEMP] TLS is not available just now", Kind.SERVER_ERROR),
    ],
)
async def test_a_server_that_refuses_starttls_is_never_sent_the_password(pool: Pool, words: str, kind: Kind) -> None:
    async with MailboxServer(password=PASSWORD) as server:
        server.replies["STLS"] = f"-ERR {words}"
        failure = await Watcher(pool).fails(account(server.port, host="localhost", tls="starttls"))
        assert server.count("USER") == server.attempts == 0
    assert (failure.kind, failure.counts) == (kind, None)
    assert ("STARTTLS" in failure.remedy) is (kind is Kind.CONFIGURATION)


def of_old_tls(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3


def of_old_ciphers(context: ssl.SSLContext) -> None:
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    context.options |= ssl.OP_NO_TLSv1_3


@pytest.mark.filterwarnings("ignore:ssl.OP_NO_:DeprecationWarning")
@pytest.mark.parametrize("outdated", [of_old_tls, of_old_ciphers])
async def test_a_server_of_outdated_tls_or_ciphers_only_is_a_matter_of_configuration(
    pool: Pool, tmp_path: Path, outdated: Callable[[ssl.SSLContext], None]
) -> None:
    authority = Authority(tmp_path)
    context = authority.good().context()
    outdated(context)
    watcher = Watcher(pool, worker=local_worker(ca_file=str(authority.ca_file)))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake_hands() -> None:
            # Not asyncio: it drops the line before it has sent the alert that a real server sends.
            accepted, _ = listener.accept()
            with accepted, contextlib.suppress(OSError):
                context.wrap_socket(accepted, server_side=True)

        server = threading.Thread(target=shake_hands)
        server.start()
        failure = await watcher.fails(account(listener.getsockname()[1], host="localhost", tls="implicit"))
        server.join()
    assert failure.kind is Kind.CONFIGURATION
    assert "TLS 1.2" in failure.remedy

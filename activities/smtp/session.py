"""A logged-in SMTP session: reaching the server as a route says, and naming whatever goes wrong.

Every error of the server or the network leaves here as `SmtpFailure`, judged. What is nobody's failure - a database that is
away, a bug - passes through.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from secrets import token_hex
from typing import Literal

from aiosmtplib.auth import auth_login_encode, auth_plain_encode, auth_xoauth2_encode
from aiosmtplib.esmtp import parse_esmtp_extensions

from activities.smtp.line import EarlyRefusal, NotSmtp, ServerLeft, SmtpLine
from domain.core.redaction import redact, without_words
from domain.core.refusal import Refused
from domain.failures.classification import ErrorPhase, diagnose_error, diagnose_violation
from domain.failures.failure import Failure, Kind
from domain.failures.services import SMTP_SERVICE
from domain.sending.outcomes import (
    Asked,
    Reply,
    Verdict,
    injected,
    no_login_method,
    no_starttls,
    verdict_on,
    verdict_without_an_answer,
)
from infra.network.addresses import OUTGOING, permitted_addresses
from infra.network.certificates import evidence
from infra.network.reaching import reached
from infra.network.tls import trusting
from infra.settings import WorkerSettings
from infra.telemetry.spans import span

logger = logging.getLogger(__name__)

Phase = Literal[
    "connect", "tls", "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "mark", "answer", "done"
]
"""How far a session or a transmission came: what was being waited for, or done. "body" reaches until the server has it all but
the dot, "mark" until the dot is written."""

MOST_CHALLENGES = 3  # LOGIN asks twice, PLAIN at most once, XOAUTH2 once when it refuses (and a server may do it again)
_NAME = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]", re.IGNORECASE)
_SIZE = re.compile(r"[0-9]{1,19}")
_ERROR_PHASES: dict[str, ErrorPhase] = {
    "connect": "connect",
    "tls": "tls",
    "greeting": "greeting",
    "auth": "login",
}


@dataclass(frozen=True, slots=True)
class Server:
    """Where a route's mail goes: `tls` as in its settings; `provider` sharpens what is told of failures."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """How a route logs in: `secret` is the password, or with `auth` xoauth2 an access token."""

    username: str
    secret: str = field(repr=False)
    auth: Literal["password", "xoauth2"] = "password"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for: the TCP connection and likewise the TLS handshake; the greeting; any other reply; the reply to DATA;
    room for another piece of the message; the answer to the dot (RFC 5321 section 4.5.3.2); and a QUIT's, which nobody needs."""

    connect: float = 30
    greeting: float = 300
    reply: float = 300
    data: float = 120
    piece: float = 180
    answer: float = 600
    quit: float = 5


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong: whose it is and what follows (`verdict`), and what is shown of it (`failure`, redacted)."""

    verdict: Verdict
    failure: Failure


class SmtpFailure(Exception):
    """A session that failed for a reason that has a name. `logged_in`: it was after the login had been accepted."""

    def __init__(self, trouble: Trouble, phase: Phase, *, logged_in: bool) -> None:
        super().__init__(trouble.failure.kind)
        self.trouble = trouble
        self.phase = phase
        self.logged_in = logged_in


class Decided(Exception):
    """A refusal, or a lack of the server, that is judged where it is noticed."""

    def __init__(self, verdict: Verdict, reply: Reply | None = None) -> None:
        super().__init__(verdict.course)
        self.verdict = verdict
        self.reply = reply


SERVERS_FAULTS = (Decided, ServerLeft, EarlyRefusal, NotSmtp, EOFError, OSError)


def now_utc() -> datetime:
    return datetime.now(UTC)


class SmtpSession:
    """One session with one server, from TCP to QUIT.

    `phase` is what is being done, `offers` what the last EHLO said: keyword in lower case -> its parameters.
    """

    def __init__(
        self,
        server: Server,
        login: Login | None,
        settings: WorkerSettings,
        *,
        timeouts: Timeouts,
        clock: Callable[[], datetime],
    ) -> None:
        self.server = server
        self.timeouts = timeouts
        self.phase: Phase = "connect"
        self.logged_in = False
        self.offers: dict[str, str] = {}
        self.hidden = [login.username, login.secret] if login else []
        self.addresses: list[str] = []
        """Those of the envelope: they are not shown either."""
        self.certificates: list[bytes] = []
        self._login = login
        self._settings = settings
        self._clock = clock
        self._addresses: list[str] = []
        self._line: SmtpLine | None = None

    @property
    def line(self) -> SmtpLine:
        """The connection, once there is one."""
        if self._line is None:
            raise RuntimeError("the session is not open")
        return self._line

    @property
    def largest(self) -> int | None:
        """Bytes that a message may have (RFC 1870); None where the server does not say so in a number, or has no limit."""
        said = self.offers.get("size", "").strip()
        return int(said) or None if _SIZE.fullmatch(said) else None

    async def open(self) -> None:
        """Connect, encrypt, EHLO, and AUTH where there is a login; whatever happens, it is for the caller to `abort`.

        Raises Refused for a host that may not be connected to or a secret that cannot be sent, and `SERVERS_FAULTS`
        (`named` makes failures of them).
        """
        words = _login_words(self._login) if self._login else []
        server = self.server
        self._addresses = await permitted_addresses(
            server.host, server.port, self._settings.allow_hosts, tls=server.tls, setting=OUTGOING
        )
        with span("smtp.connect"):
            await self._connect()
        if words:
            with span("smtp.login"):
                await self._log_in(words)

    async def ask(self, asked: Asked, *words: bytes, accepts: range = range(200, 300)) -> Reply:
        """Send one command; `Decided` for a reply that is not in `accepts`."""
        self.phase = asked if asked != "dot" else "answer"
        seconds = self.timeouts.data if asked == "data" else self.timeouts.reply
        return self.judge(asked, await self.line.command(*words, seconds=seconds), accepts)

    def judge(self, asked: Asked, reply: Reply, accepts: range = range(200, 300)) -> Reply:
        if reply.code not in accepts:
            if reply.code < 400:
                raise NotSmtp(f"the reply to {asked} makes no sense: {reply.code}")
            raise Decided(self.verdict(reply, asked), reply)
        return reply

    def verdict(
        self, reply: Reply, asked: Asked, *, hide: Iterable[str] = (), others_accepted: bool = False
    ) -> Verdict:
        return verdict_on(
            reply,
            asked,
            provider=self.server.provider,
            host=self.server.host,
            hide=[*self.hidden, *hide],
            others_accepted=others_accepted,
        )

    async def quit(self) -> None:
        """QUIT and close, briefly. Whatever the server does then changes nothing, and is not even looked at."""
        if self._line is not None:
            with contextlib.suppress(ServerLeft, EarlyRefusal, NotSmtp, EOFError, OSError):
                await self._line.command(b"QUIT", seconds=self.timeouts.quit)
                await self._line.close(seconds=self.timeouts.quit)
        self.abort()

    def abort(self) -> None:
        """Drop the connection: nothing more is sent, not even what is buffered."""
        if self._line is not None:
            self._line.abort()

    async def named(self, error: Exception, *, dot_sent: bool = False) -> Trouble:
        """What one of `SERVERS_FAULTS` means. Anything else is raised again."""
        at = self._clock()
        verdict, reply = self._judged(error, at, dot_sent)
        tls = None
        if verdict.diagnosis.kind is Kind.CERTIFICATE:
            tls = evidence(await self._presented(), host=self.server.host, port=self.server.port, at=at)
        return self.trouble(verdict, reply, at=at, tls=tls)

    def trouble(self, verdict: Verdict, reply: Reply | None, **more: object) -> Trouble:
        """The failure that a verdict comes to, with a reference of its own; it is logged."""
        said = self.shown(reply) if reply else None
        failure = verdict.diagnosis.failure(
            reference=f"MR-{token_hex(5).upper()}",
            support=self._settings.support,
            server_said=said,
            **{"at": self._clock(), **more},  # type: ignore[arg-type]  # at, tls
        )
        logger.warning(
            "sending by %s: %s at %s (%s)",
            self.server.host,
            failure.kind,
            self.phase,
            failure.cause or said or "no answer",
            extra={"reference": failure.reference, "kind": failure.kind, "decided_by": failure.decided_by},
        )
        return Trouble(verdict, failure)

    def shown(self, reply: Reply) -> str:
        """A reply as it may be shown and kept."""
        named = without_words(reply.text, self.addresses)
        return redact(f"{reply.code} {named}", hide=self.hidden)

    def _judged(self, error: Exception, at: datetime, dot_sent: bool) -> tuple[Verdict, Reply | None]:
        match error:
            case Decided(verdict=verdict, reply=reply):
                return verdict, reply
            case ServerLeft(reply=reply):
                return self.verdict(reply, _asked(self.phase)), reply
            case EarlyRefusal(reply=reply):
                return self.verdict(reply, "dot"), reply
            case NotSmtp(received=received):
                diagnosis = diagnose_violation(
                    received,
                    host=self.server.host,
                    port=self.server.port,
                    greeting=self.phase == "greeting",
                    service=SMTP_SERVICE,
                )
            case _:
                phase = _ERROR_PHASES.get(self.phase, "transaction")
                if isinstance(error, TimeoutError) and phase == "login":
                    phase = "transaction"  # no large mailbox has to be opened for it
                diagnosis = diagnose_error(
                    error,
                    phase=phase,
                    host=self.server.host,
                    port=self.server.port,
                    at=at,
                    egress=self._settings.egress_addresses,
                    service=SMTP_SERVICE,
                )
        return verdict_without_an_answer(diagnosis, dot_sent=dot_sent), None

    # --- opening ---

    async def _connect(self, context: ssl.SSLContext | None = None) -> None:
        """`context` None: whom every session trusts."""
        server = self.server
        self.phase = "connect"
        self._line = line = await reached(SmtpLine, self._addresses, server.port, seconds=self.timeouts.connect)
        if server.tls == "implicit":
            await self._secure(context)
        self.phase = "greeting"
        self.judge("greeting", await line.greeting(seconds=self.timeouts.greeting), range(220, 221))
        await self._hello()
        if server.tls == "starttls":
            if "starttls" not in self.offers:
                self.phase = "starttls"
                raise Decided(no_starttls())
            await self.ask("starttls", b"STARTTLS")
            if line.heard_more:
                raise Decided(injected())
            await self._secure(context)
            await self._hello()  # what was said in clear does not count (RFC 3207 section 4.2)

    async def _secure(self, context: ssl.SSLContext | None) -> None:
        self.phase = "tls"
        context = context or trusting("SMTP", self._settings.ca_file)
        self.certificates = await self.line.secure(context, self.server.host, seconds=self.timeouts.connect)

    async def _hello(self) -> None:
        reply = await self.ask("ehlo", b"EHLO", _own_name(self.line.local_address))
        self.offers, _ = parse_esmtp_extensions(reply.text)

    async def _log_in(self, words: list[bytes]) -> None:
        """One AUTH, by one mechanism: a second one might be counted as a second wrong password."""
        assert self._login is not None
        offered = self.offers.get("auth", "").upper().split()
        by_password = "PLAIN" if "PLAIN" in offered else "LOGIN"
        mechanism = "XOAUTH2" if self._login.auth == "xoauth2" else by_password
        self.phase = "auth"
        if mechanism not in offered:
            raise Decided(no_login_method())
        line, seconds = self.line, self.timeouts.reply
        match mechanism:
            case "LOGIN":
                first, answers = [b"AUTH", b"LOGIN"], words[1:]
            case "PLAIN":  # asked for once more by a server that passes over what comes with the command
                first, answers = [b"AUTH", b"PLAIN", words[0]], words[:1]
            case _:  # a challenge is how it refuses; an empty line then brings the refusal itself
                first, answers = [b"AUTH", b"XOAUTH2", words[0]], [b""]
        reply = await line.command(*first, seconds=seconds)
        for _ in range(MOST_CHALLENGES):
            if reply.code != 334:
                break
            if not answers:
                raise NotSmtp("AUTH asks for more than there is")
            reply = await line.command(answers[0], seconds=seconds)
            answers = answers[1:]
        self.judge("auth", reply, range(235, 236))
        self.logged_in = True

    async def _presented(self) -> list[bytes]:
        """The certificates that the server presents, valid or not (R91): on a connection that trusts anybody, and so sends
        nothing but EHLO and STARTTLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        short = replace(self.timeouts, greeting=self.timeouts.connect, reply=self.timeouts.connect)
        other = SmtpSession(self.server, None, self._settings, timeouts=short, clock=self._clock)
        other._addresses = self._addresses
        try:
            with contextlib.suppress(*SERVERS_FAULTS):
                await other._connect(context)
        finally:
            other.abort()
        return other.certificates


class SmtpSessions:
    """Opens sessions. Given its settings and clock, so that a test can give it others."""

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        timeouts: Timeouts | None = None,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        self._settings = settings
        self._timeouts = timeouts or Timeouts()
        self._clock = clock

    def session(self, server: Server, login: Login | None) -> SmtpSession:
        """A session that is not open yet."""
        return SmtpSession(server, login, self._settings, timeouts=self._timeouts, clock=self._clock)

    @contextlib.asynccontextmanager
    async def open(self, server: Server, login: Login | None) -> AsyncIterator[SmtpSession]:
        """A session that is logged in; it is dropped when the block is left, without QUIT unless the caller said it.

        Raises Refused (`host_not_allowed`, `secret_not_allowed`) and SmtpFailure for what the server or the network does
        before the block.
        """
        session = self.session(server, login)
        try:
            try:
                await session.open()
            except SERVERS_FAULTS as error:
                trouble = await session.named(error)
                raise SmtpFailure(trouble, session.phase, logged_in=session.logged_in) from None
            yield session
        finally:
            session.abort()

    async def log_in_only(self, server: Server, login: Login | None) -> dict[str, str]:
        """Probe a route: EHLO, AUTH, QUIT, and no mail. What the server offers; raises as `open` does."""
        async with self.open(server, login) as session:
            await session.quit()
            return session.offers


def _asked(phase: Phase) -> Asked:
    match phase:
        case "connect" | "tls" | "greeting":
            return "greeting"
        case "ehlo" | "starttls" | "auth" | "mail" | "rcpt" | "data":
            return phase
        case _:
            return "dot"


def _login_words(login: Login) -> list[bytes]:
    """What AUTH says, in base64: for PLAIN or XOAUTH2 in one, then for LOGIN in two."""
    if any(character in "\r\n\0" or "\ud800" <= character <= "\udfff" for character in login.username + login.secret):
        raise Refused(
            "secret_not_allowed",
            "the user name or the secret for sending holds a line break, NUL or half a character, which no SMTP server takes: "
            "set the secret again",
            field="outgoing.secret",
        )
    if login.auth == "xoauth2":
        if any(character < " " for character in login.username + login.secret):  # \\x01 ends a field
            raise Refused("secret_not_allowed", "the access token holds a control character", field="outgoing.secret")
        return [auth_xoauth2_encode(login.username, login.secret)]
    return [auth_plain_encode(login.username, login.secret), *auth_login_encode(login.username, login.secret)]


def _own_name(local_address: str) -> bytes:
    """What EHLO says of us (RFC 5321 section 4.1.4): the machine's own name where it has a whole one, else its address."""
    name = socket.gethostname()  # no name service is asked
    if _NAME.fullmatch(name) and not name.lower().startswith("localhost"):
        return name.encode()
    address = ip_address(local_address.partition("%")[0])
    return f"[IPv6:{address}]".encode() if address.version == 6 else f"[{address}]".encode()

"""A logged-in POP3 session: reaching the server as the settings say, and naming whatever goes wrong.

Every error of the server or the network leaves here as `SessionFailure`, classified. What is nobody's failure - a database
that is away, a bug - passes through and counts against no account.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex

from activities.pop.auth_codes import AuthCodes
from activities.pop.certificates import presented_chain
from activities.pop.connection import (
    ListTooLong,
    PopConnection,
    ProtocolViolation,
    ServerRefused,
    Timeouts,
    TokenMechanism,
)
from activities.pop.listing_budget import RESERVED_SECONDS, ListingBudget, Share
from domain.core.redaction import redact
from domain.core.refusal import Refused
from domain.failures.classification import diagnose_error, diagnose_reply, diagnose_violation, says_auth
from domain.failures.connection_rules import SENT_TOGETHER
from domain.failures.failure import Diagnosed, Diagnosis, Failure, Kind, TlsEvidence
from domain.failures.pop_remedies import LOGIN_METHOD
from domain.failures.remedy import Remedy
from domain.mailbox.providers import profile_of
from domain.mailbox.settings import AccountSettings
from domain.oauth import Grant, is_grant, token_refused
from domain.retrieval.reports import HostOutage, Progress
from infra.network.addresses import permitted_addresses
from infra.network.certificates import evidence
from infra.network.tls import trusting
from infra.oauth.tokens import AccessTokens
from infra.settings import WorkerSettings
from infra.telemetry.spans import span
from infra.vault.references import Secrets
from infra.vault.uses import use_of

logger = logging.getLogger(__name__)

LONGEST_LOGIN_DELAY = 24 * 60 * 60.0


class Unusable(Exception):
    """A server that does what it says and still cannot be retrieved from as the settings ask."""

    def __init__(self, remedy: Remedy) -> None:
        super().__init__(remedy.of_watching)
        self.remedy = remedy


SERVERS_FAULTS = (ServerRefused, ProtocolViolation, Unusable, EOFError, OSError)
UNANSWERED = (ProtocolViolation, EOFError, OSError)

Clock = Callable[[], datetime]


def now_utc() -> datetime:
    return datetime.now(UTC)


class SessionFailure(Exception):
    """A session that failed for a reason that has a name. `remedy` is the failure's."""

    def __init__(
        self, failure: Failure, remedy: Remedy, *, password_accepted: bool, login_delay_seconds: float
    ) -> None:
        super().__init__(failure.kind)
        self.failure = failure
        self.remedy = remedy
        self.password_accepted = password_accepted
        self.login_delay_seconds = login_delay_seconds
        self.progress: Progress | None = None  # what the session had come to, where it had begun to retrieve
        self.total_stored = 0
        self.host_outage: HostOutage | None = None  # the outage of its host that it is part of


class Session:
    """One session with one mailbox. `logged_in` is true from the moment the password was accepted."""

    def __init__(self, settings: AccountSettings, room: Share) -> None:
        self.settings = settings
        self.room = room
        self.connection: PopConnection | None = None
        self.logged_in = False
        self.asks_capabilities = True
        self.token_endpoint = ""  # of the grant that the login was tried with
        self.hidden = [settings.login_name, settings.address, settings.incoming.username or ""]

    @property
    def line(self) -> PopConnection:
        """The connection, once there is one."""
        if self.connection is None:
            raise RuntimeError("the session is not open")
        return self.connection

    @property
    def login_delay_seconds(self) -> float:
        """The server's LOGIN-DELAY (RFC 2449, section 6.5), 0 where it announces none; no more than a day is meant."""
        return min(float(self._announced("LOGIN-DELAY") or 0), LONGEST_LOGIN_DELAY)

    @property
    def expire_days(self) -> int | None:
        """The server's EXPIRE (RFC 2449, section 6.7); None where it announces none or NEVER."""
        return self._announced("EXPIRE")

    def _announced(self, capability: str) -> int | None:
        arguments = self.connection.capabilities.get(capability, ()) if self.connection else ()
        return int(arguments[0]) if arguments and re.fullmatch(r"[0-9]{1,9}", arguments[0]) else None


class Sessions:
    """Opens sessions. Given its secrets, settings and clock, so that a test can give it others."""

    def __init__(
        self,
        secrets: Secrets,
        settings: WorkerSettings,
        auth_codes: AuthCodes,
        *,
        clock: Clock = now_utc,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._secrets = secrets
        self._auth_codes = auth_codes
        self._worker = settings
        self._clock = clock
        self._tokens = AccessTokens(secrets, settings, clock=clock)
        self._timeouts = timeouts or Timeouts()
        self._context: ssl.SSLContext = trusting("POP", settings.ca_file)
        self._lists = ListingBudget()

    @contextlib.contextmanager
    def room(self, address: str) -> Iterator[Share]:
        """Memory for the mailbox's lists, for as long as the caller holds any; raises NoRoom, before any login if it can be
        known then."""
        share = self._lists.share(address)
        late = asyncio.get_running_loop().call_later(RESERVED_SECONDS, share.release_unused)
        try:
            yield share
        finally:
            late.cancel()
            share.give_back()

    @contextlib.asynccontextmanager
    async def open(self, settings: AccountSettings, room: Share) -> AsyncIterator[Session]:
        """A session that is logged in; it is closed, without QUIT unless the caller said it, when the block is left.

        `room` is for its lists.

        Raises Refused for what the settings lack (a secret, a host that may not be connected to) and SessionFailure
        for everything that the server or the network does, inside the block too.
        """
        session = Session(settings, room)
        addresses: list[str] = []
        try:
            addresses = await permitted_addresses(
                settings.incoming.host, settings.incoming.port, self._worker.allow_hosts, tls=settings.incoming.tls
            )
        except OSError as error:
            raise await self._named(session, addresses, error) from None
        ready = False
        try:
            await self._log_in(session, addresses)
            ready = True
        except (*SERVERS_FAULTS, Diagnosed) as error:
            raise await self._named(session, addresses, error) from None
        except ValueError:
            raise Refused(
                "secret_not_allowed",
                "the user name or the secret holds a line break or NUL, which no POP3 server takes: set the secret again",
                field="incoming.secret",
            ) from None
        finally:
            if not ready and session.connection is not None:
                await session.connection.abort()
        try:
            await self._secrets.accept(settings.incoming.secret, use_of(settings))
            yield session
        except SERVERS_FAULTS as error:
            raise await self._named(session, addresses, error) from None
        finally:
            await session.line.abort()

    async def _log_in(self, session: Session, addresses: list[str]) -> None:
        incoming = session.settings.incoming
        if incoming.auth == "xoauth2":
            await self._log_in_by_token(session, addresses)
            return
        password = await self._secrets.resolve(incoming.secret, use=use_of(session.settings))
        if is_grant(password):
            raise Refused(
                "secret_not_allowed",
                f"incoming.secret: {incoming.secret} holds an OAuth grant, which no mail server is to see: set "
                "incoming.auth to xoauth2",
                field="incoming.secret",
            )
        session.hidden.append(password)

        async def log_in(line: PopConnection) -> None:
            await line.login(session.settings.login_name, password)

        await self._log_in_and_ask(session, addresses, log_in)

    async def _log_in_and_ask(
        self, session: Session, addresses: list[str], log_in: Callable[[PopConnection], Awaitable[None]]
    ) -> None:
        """Logs in on a new line, and asks for the capabilities once more: Gmail lists PIPELINING only then. A server that breaks
        that off is logged in to once more, and not asked."""
        line = await self._connected(session, addresses)
        with self._logging_in(session):
            await log_in(line)
        if not session.asks_capabilities:
            return
        try:
            await line.ask_capabilities()
        except UNANSWERED:
            if session.login_delay_seconds:
                raise  # which a second login would break
            session.asks_capabilities = False
            await line.abort()
            await self._log_in_and_ask(session, addresses, log_in)

    async def _log_in_by_token(self, session: Session, addresses: list[str]) -> None:
        """Logs in with an access token; where the server refuses it, once more with a renewed one, on another line."""
        incoming = session.settings.incoming
        use = use_of(session.settings)
        grant = await self._tokens.get(incoming.secret, use=use)
        try:
            await self._present(session, addresses, grant)
        except ServerRefused as refused:
            if (await self._meaning(session, refused)).kind is not Kind.AUTHENTICATION:
                raise
            await session.line.abort()
            grant = await self._tokens.get(incoming.secret, use=use, rejected=grant.access_token)
            await self._present(session, addresses, grant)

    async def _present(self, session: Session, addresses: list[str], grant: Grant) -> None:
        session.hidden += grant.secrets
        session.token_endpoint = grant.token_endpoint

        async def log_in(line: PopConnection) -> None:
            mechanism = _token_mechanism(line.capabilities.get("SASL", ()), profile_of(session.settings).name)
            if mechanism is None:
                raise Diagnosed(Diagnosis(Kind.CONFIGURATION, None, LOGIN_METHOD))
            await line.login_with_token(mechanism, session.settings.login_name, grant.access_token or "")

        await self._log_in_and_ask(session, addresses, log_in)

    async def _connected(self, session: Session, addresses: list[str]) -> PopConnection:
        """A line that may be logged in on. CAPA came late (RFC 2449): there are servers that break off when they hear it, and
        they are reached once more and not asked."""
        incoming = session.settings.incoming
        session.connection = connection = PopConnection(
            addresses,
            incoming.port,
            tls=incoming.tls,
            context=self._context,
            timeouts=self._timeouts,
            server_name=incoming.host,
            lists=session.room,
        )
        with span("pop.connect"):
            await connection.connect()
            if not session.asks_capabilities:
                return connection
            try:
                await connection.ask_capabilities()
            except UNANSWERED:
                session.asks_capabilities = False
            else:
                return connection
        await connection.abort()
        return await self._connected(session, addresses)

    @contextlib.contextmanager
    def _logging_in(self, session: Session) -> Iterator[None]:
        with span("pop.login"):
            yield
            session.logged_in = True

    async def _named(self, session: Session, addresses: list[str], error: Exception) -> SessionFailure:
        settings, at = session.settings, self._clock()
        said = error.text if isinstance(error, ServerRefused) else None
        if isinstance(error, Diagnosed):  # not about the mail server, so no certificate of its either
            diagnosis, said, tls = error.diagnosis, error.said, None
        else:
            diagnosis = await self._diagnose(session, error, at)
            tls = await self._evidence(session, addresses, at) if diagnosis.kind is Kind.CERTIFICATE else None
        failure = diagnosis.failure(
            reference=f"MR-{token_hex(5).upper()}",
            support=self._worker.support,
            at=at,
            server_said=redact(said, hide=session.hidden) if said is not None else None,
            tls=tls,
        )
        logger.warning(
            "%s: %s at %s (%s)",
            settings.address,
            failure.kind,
            settings.incoming.host,
            failure.cause or failure.server_said or "no answer",
            extra={
                "reference": failure.reference,
                "kind": failure.kind,
                "cause": failure.cause,
                "decided_by": failure.decided_by,
            },
        )
        return SessionFailure(
            failure,
            diagnosis.remedy,
            # [IN-USE] is only said to who gave the right password (RFC 2449, section 8.1.1).
            password_accepted=session.logged_in or "[IN-USE]" in (said or "").upper(),
            login_delay_seconds=session.login_delay_seconds,
        )

    async def _diagnose(self, session: Session, error: Exception, at: datetime) -> Diagnosis:
        incoming = session.settings.incoming
        host, port = incoming.host, incoming.port
        phase = session.connection.phase if session.connection else "connect"
        if isinstance(error, ServerRefused):
            diagnosis = await self._meaning(session, error)
            if "AUTH-RESP-CODE" in session.line.capabilities and not session.logged_in:
                await self._learn(host, error, diagnosis)
            if session.token_endpoint and diagnosis.kind is Kind.AUTHENTICATION:
                return token_refused(incoming.secret, session.token_endpoint)
            return diagnosis
        if isinstance(error, Unusable):
            return Diagnosis(Kind.CONFIGURATION, None, error.remedy)
        if isinstance(error, ListTooLong):
            return Diagnosis(Kind.CONFIGURATION, None, Remedy.of(str(error)))
        if isinstance(error, ProtocolViolation):
            return diagnose_violation(error.received, host=host, port=port, greeting=phase == "greeting")
        diagnosis = diagnose_error(
            error, phase=phase, host=host, port=port, at=at, egress=self._worker.egress_addresses
        )
        if session.connection and session.connection.sent_together:
            return replace(diagnosis, remedy=diagnosis.remedy.and_then(SENT_TOGETHER))
        return diagnosis

    async def _meaning(self, session: Session, refused: ServerRefused) -> Diagnosis:
        phase = session.line.phase
        host = session.settings.incoming.host
        offered = session.line.capabilities
        return diagnose_reply(
            refused.text,
            phase="login" if phase == "connect" else phase,
            command=refused.command or None,
            capabilities=offered,
            marks_passwords="AUTH-RESP-CODE" not in offered or await self._auth_codes.marks_passwords(host),
            provider=profile_of(session.settings).name,
            host=host,
            hide=session.hidden,
        )

    async def _learn(self, host: str, refused: ServerRefused, diagnosis: Diagnosis) -> None:
        if says_auth(refused.text):
            await self._auth_codes.said_auth(host)
        elif diagnosis.about_the_password:
            await self._auth_codes.left_auth_out(host)

    async def _evidence(self, session: Session, addresses: list[str], at: datetime) -> TlsEvidence:
        """The certificates that the server presented, for its administrator (R91)."""
        incoming = session.settings.incoming
        chain: list[bytes] = []
        with contextlib.suppress(OSError, EOFError, ProtocolViolation, ServerRefused):
            chain = await presented_chain(
                addresses,
                incoming.port,
                server_name=incoming.host,
                starttls=incoming.tls == "starttls",
                timeout=self._timeouts.connect,
            )
        return evidence(chain, host=incoming.host, port=incoming.port, at=at)


def _token_mechanism(announced: Sequence[str], provider: str) -> TokenMechanism | None:
    """The mechanism to log in by; None where the server offers none. Google and Microsoft do not always say theirs."""
    offered = {mechanism.upper() for mechanism in announced}
    if {"XOAUTH2", "OAUTHBEARER"} <= offered or not {"XOAUTH2", "OAUTHBEARER"} & offered:
        if provider in ("google", "microsoft"):
            return "XOAUTH2"
    elif "XOAUTH2" in offered:
        return "XOAUTH2"
    return "OAUTHBEARER" if "OAUTHBEARER" in offered else None


def as_configuration(refused: Refused, support: str, at: datetime) -> SessionFailure:
    """What a watch makes of a refusal: the account's settings no longer work, and waiting does not mend them."""
    remedy = Remedy.of(refused.message)
    failure = Diagnosis(Kind.CONFIGURATION, None, remedy).failure(
        reference=f"MR-{token_hex(5).upper()}", support=support, at=at
    )
    return SessionFailure(failure, remedy, password_accepted=False, login_delay_seconds=0)

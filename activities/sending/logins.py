"""How a route logs in: its own secret, for its own server, and what a login that fails is told as."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.smtp.session import Login, Server, SmtpFailure, SmtpSessions, now_utc
from domain.core.refusal import Refused
from domain.failures.failure import Failure, Kind
from domain.oauth import is_grant
from domain.sending.failures import counter_of
from domain.sending.settings import RouteSettings
from infra.oauth.tokens import AccessTokens
from infra.settings import WorkerSettings
from infra.vault.references import Secrets
from infra.vault.uses import Use
from workflows.contract import CheckRouteRequest, RouteChecked

Result = TypeVar("Result")


class Logins:
    """The secrets of routes. One is bound to a route's server and login as an account's is (infra/vault/uses.py)."""

    def __init__(self, secrets: Secrets, settings: WorkerSettings) -> None:
        self._secrets = secrets
        self._tokens = AccessTokens(secrets, settings, clock=now_utc)

    async def login(self, settings: RouteSettings, *, rejected: str | None = None) -> Login:
        """What is given to AUTH; with `rejected`, an access token that the server refused, a renewed one. Raises Refused."""
        outgoing, use = settings.outgoing, use_of_route(settings)
        if outgoing.auth == "xoauth2":
            grant = await self._tokens.get(outgoing.secret, use=use, rejected=rejected)
            return Login(settings.login_name, grant.access_token or "", "xoauth2")
        password = await self._secrets.resolve(outgoing.secret, use=use)
        if is_grant(password):
            raise Refused(
                "secret_not_allowed",
                f"outgoing.secret: {outgoing.secret} holds an OAuth grant, which no mail server is to see: set outgoing.auth to "
                "xoauth2",
                field="outgoing.secret",
            )
        return Login(settings.login_name, password)

    async def worked(self, settings: RouteSettings) -> None:
        """The secret has opened this login: from now on it is nobody else's."""
        await self._secrets.accept(settings.outgoing.secret, use_of_route(settings))


def use_of_route(settings: RouteSettings) -> Use:
    outgoing = settings.outgoing
    return Use(settings.organisation, settings.login_name, outgoing.host, outgoing.port)


def server_of(settings: RouteSettings) -> Server:
    outgoing = settings.outgoing
    return Server(outgoing.host, outgoing.port, outgoing.tls)


def of_route(failure: Failure) -> Failure:
    """A failure as the route counts it: its counters are its own (R93)."""
    return failure.model_copy(update={"counts": counter_of(failure.kind)})


class RouteChecks:
    """Logins that send nothing."""

    def __init__(self, sessions: SmtpSessions, logins: Logins, settings: WorkerSettings) -> None:
        self._sessions = sessions
        self._logins = logins
        self._settings = settings

    @activity.defn
    async def check_route(self, request: CheckRouteRequest) -> RouteChecked:
        """EHLO, AUTH, QUIT. Raises the failure that the server, or the way to it, is named by; Refused for what the settings
        lack."""
        settings = request.settings

        async def log_in(login: Login) -> None:
            await self._sessions.log_in_only(server_of(settings), login)

        try:
            await with_a_fresh_token(self._logins, settings, log_in)
        except SmtpFailure as failed:
            raise told(of_route(failed.trouble.failure), self._settings.minute_seconds) from None
        await self._logins.worked(settings)
        return RouteChecked()


async def with_a_fresh_token(
    logins: Logins, settings: RouteSettings, attempt: Callable[[Login], Awaitable[Result]]
) -> Result:
    """Does it with the route's login; where an access token is refused, once more with a renewed one."""
    login = await logins.login(settings)
    try:
        return await attempt(login)
    except SmtpFailure as failed:
        if login.auth != "xoauth2" or failed.trouble.failure.kind is not Kind.SMTP_AUTHENTICATION:
            raise
    return await attempt(await logins.login(settings, rejected=login.secret))


def told(failure: Failure, minute_seconds: float) -> ApplicationError:
    said = f' The server said: "{failure.server_said}".' if failure.server_said else ""
    cause = f" ({failure.cause})" if failure.cause else ""
    return ApplicationError(
        f"{failure.kind}{cause}.{said} {failure.remedy} Reference {failure.reference}; support: {failure.support}",
        failure.model_dump(mode="json"),
        {"minute_seconds": minute_seconds},
        type=failure.kind,
        non_retryable=True,
    )

"""Access tokens out of the vault, renewed in time and once for everybody who needs one."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from domain.core.refusal import Refused
from domain.failures.failure import Diagnosed
from domain.oauth import RENEWED_BEFORE, Grant, NotAGrant, diagnose, read_grant
from infra.oauth.endpoint import AuthorizationServer, EndpointFailed
from infra.settings import WorkerSettings
from infra.vault.references import Renewal, Secrets
from infra.vault.uses import Use
from infra.watchdog import awaits_an_answer

logger = logging.getLogger(__name__)

RENEWALS_PER_HOST = 4
"""At a time and worker: each holds a database connection while it waits for the endpoint."""

LONGEST_LIFE = 10 * 365 * 86_400.0

Clock = Callable[[], datetime]


class _Shared:
    """A renewal that several sessions wait for; `asked`: the endpoint has been asked, so its answer must be kept."""

    task: asyncio.Task[Grant]

    def __init__(self) -> None:
        self.waiters = 0
        self.asked = False


class AccessTokens:
    """Gives out access tokens. A worker has one of these; what workers share is the row in the vault, and its lock.

    `needed_for` is the setting because of which a secret has to be a grant: where it is none, the refusal says so.
    """

    def __init__(
        self, secrets: Secrets, settings: WorkerSettings, *, clock: Clock, needed_for: str = "auth: xoauth2"
    ) -> None:
        self._secrets = secrets
        self._needed_for = needed_for
        self._server = AuthorizationServer(settings, field=secrets.field)
        self._clock = clock
        self._renewing: dict[tuple[str, Use], _Shared] = {}
        self._room: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(RENEWALS_PER_HOST))

    async def get(self, reference: str, *, use: Use, rejected: str | None = None) -> Grant:
        """The grant with an access token that lives for a while yet, to be used for `use` and nothing else.

        `rejected` is a token that the mail server would not take: another one is got. Raises Refused for an entry that
        is not to be had or is no grant, Diagnosed where the token endpoint gives no token. psycopg errors pass through.
        """
        grant = self._read(reference, await self._secrets.resolve(reference, use=use))
        if grant.access_token != rejected and grant.lives(self._clock(), seconds=RENEWED_BEFORE):
            return grant
        fresh = await self._share_renewal(reference, use, grant)
        if fresh.access_token == rejected:  # it was renewed before ours was rejected
            return await self._share_renewal(reference, use, fresh)
        return fresh

    async def _share_renewal(self, reference: str, use: Use, seen: Grant) -> Grant:
        """One renewal at a time in this process, whose outcome is everybody's: an endpoint that hangs, hangs once."""
        key = reference, use
        shared = self._renewing.get(key)
        if shared is None:
            self._renewing[key] = shared = _Shared()
            shared.task = asyncio.create_task(self._renew(reference, use, seen, shared))
            shared.task.add_done_callback(lambda done: self._forget(key, shared, done))
        shared.waiters += 1
        try:
            with awaits_an_answer():  # the endpoint may have others to serve first
                return await asyncio.shield(shared.task)
        except asyncio.CancelledError:
            if shared.asked:  # the answer may hold the only refresh token there is: it is waited for and kept
                await asyncio.wait([shared.task])
            elif shared.waiters == 1:
                self._renewing.pop(key, None)  # before anybody joins what is being cancelled
                shared.task.cancel()
            raise
        finally:
            shared.waiters -= 1

    def _forget(self, key: tuple[str, Use], shared: _Shared, done: asyncio.Task[Grant]) -> None:
        if self._renewing.get(key) is shared:
            del self._renewing[key]
        if not done.cancelled():
            done.exception()  # seen, even if nobody waits for it any more

    async def _renew(self, reference: str, use: Use, seen: Grant, shared: _Shared) -> Grant:
        """Renews the access token, unless another worker did since `seen` was read, and keeps what the endpoint answers.

        The row stays locked from before the request until the commit, so nobody uses a refresh token that is being
        replaced. If the process dies between the endpoint's answer and the commit, the answer is lost. Where the
        endpoint leaves the old refresh token valid (Google never replaces it, Microsoft accepts it for a while), the next
        renewal works with that one; where it ends it at once, the next renewal is refused with invalid_grant and the
        mailbox has to be connected again. So nothing stands between the two but the encryption and one UPDATE: the
        database is known to be there before the request, a cancellation waits, and a connection that breaks just then
        is replaced by another.
        """
        fresh: Grant | None = None
        renewal: Renewal | None = None
        async with self._room[seen.host]:
            try:
                async with self._secrets.renewing(reference, use=use) as renewal:
                    grant = self._read(reference, renewal.value)
                    if grant.access_token != seen.access_token and grant.lives(self._clock()):
                        return grant
                    shared.asked = True
                    fresh = renewed(grant, await self._server.refresh(grant), self._clock())
                    await renewal.save(fresh.model_dump_json(exclude_none=True))
            except EndpointFailed as failed:
                trouble = failed.trouble
                raise Diagnosed(diagnose(trouble, reference, grant.token_endpoint), trouble.said) from None
            except psycopg.Error:
                if fresh is None or renewal is None:
                    raise
                await renewal.save_late()
        logger.info("%s: access token renewed at %s", reference, fresh.host)
        return fresh

    def _read(self, reference: str, value: str) -> Grant:
        try:
            return read_grant(value)
        except NotAGrant as problem:
            field = self._secrets.field
            message = (
                f"{field}: {reference} holds no OAuth grant, which {self._needed_for} needs: {problem}; make one with "
                f"`mailroom oauth connect {reference.removeprefix('vault:')}`"
            )
        raise Refused("secret_not_allowed", message, field=field)


def renewed(grant: Grant, answer: dict[str, Any], now: datetime) -> Grant:
    """The grant after a token endpoint's answer (RFC 6749, section 5.1); one without a refresh token keeps the old one."""
    replaced = answer.get("refresh_token")
    usable = isinstance(replaced, str) and replaced and replaced.isascii() and replaced.isprintable()
    return grant.model_copy(
        update={
            "access_token": answer["access_token"],
            "refresh_token": replaced if usable else grant.refresh_token,
            "expires_at": _expiry(answer.get("expires_in"), now),
        }
    )


def _expiry(seconds: object, now: datetime) -> int | None:
    """When a token expires; None where the server does not say so in numbers: then it is used until it is refused."""
    try:
        life = float(str(seconds))
    except ValueError:
        return None
    if not 0 <= life <= LONGEST_LIFE:
        return None
    return int((now.astimezone(UTC) + timedelta(seconds=life)).timestamp())

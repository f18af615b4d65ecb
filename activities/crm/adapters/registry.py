"""Makes adapters: from a connection's settings, its secret and its host to something that speaks with the CRM."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from activities.crm.adapters.builtin.adapter import Builtin
from activities.crm.adapters.protocol import Crm, CrmFailure
from activities.crm.adapters.tryton.adapter import Tryton
from activities.crm.adapters.zoho.adapter import Zoho
from activities.crm.adapters.zoho.adapter import address as zoho_address
from domain.core.refusal import Refused
from domain.core.validation import parse
from domain.crm.settings import CrmKind, CrmSettings
from domain.failures.failure import Kind
from infra.database.pool import Pool
from infra.network.http import HttpHost, Response
from infra.oauth.tokens import AccessTokens
from infra.settings import WorkerSettings
from infra.telemetry.metrics import CrmMetrics
from infra.vault.references import Secrets
from infra.vault.uses import Use

HOURS = 25  # a bucket's calls may be up to an hour younger than the bucket


class CountedHost(HttpHost):
    """A CRM's host, whose requests are counted and, where `daily_calls` says how many there may be, bounded."""

    def __init__(self, url: str, settings: WorkerSettings) -> None:
        super().__init__(url, settings)
        self.calls = 0  # since they were last written down
        self.left: int | None = None
        self.again_after = 0.0  # seconds, once none is left

    def count(self) -> None:
        """One call more; raises crm_rate_limited where none is left."""
        if self.left is not None:
            if self.left <= 0:
                raise CrmFailure(Kind.CRM_RATE_LIMITED, "daily_calls", retry_after=self.again_after)
            self.left -= 1
        self.calls += 1

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        parameters: Mapping[str, str | Sequence[str]] | None = None,
        content: bytes = b"",
        seconds: float,
        largest: int,
    ) -> Response:
        self.count()
        return await super().request(
            method,
            path,
            headers=headers,
            parameters=parameters,
            content=content,
            seconds=seconds,
            largest=largest,
        )


def use_of(settings: CrmSettings, host: HttpHost) -> Use:
    """What a connection's secret is used for."""
    return Use(settings.organisation, "", host.host, host.port)


@dataclass(frozen=True, slots=True)
class Access:
    """What an adapter is made of. `host` is at the address of the settings; whoever logs in does so there and nowhere else."""

    settings: CrmSettings
    pool: Pool
    host: CountedHost
    secrets: Secrets
    tokens: AccessTokens

    @property
    def use(self) -> Use:
        """What the secret of the settings is used for."""
        return use_of(self.settings, self.host)

    async def secret(self) -> str:
        """The secret of the settings; raises Refused."""
        assert self.settings.secret is not None
        return await self.secrets.resolve(self.settings.secret, use=self.use)


@dataclass(frozen=True, slots=True)
class Made:
    """How connections of one kind are made: where their CRM is, and the adapter. The built-in CRM is nowhere."""

    address: Callable[[CrmSettings], str]
    adapter: Callable[[Access], Awaitable[Crm]]


async def builtin(access: Access) -> Crm:
    return Builtin(access.pool, access.settings)


async def tryton(access: Access) -> Crm:
    return Tryton(access.settings, access.host, await access.secret())


async def zoho(access: Access) -> Crm:
    return Zoho(access.settings, access.host, access.tokens, access.use)


KINDS: dict[CrmKind, Made] = {
    "builtin": Made(lambda _: "http://builtin.invalid", builtin),
    "tryton": Made(lambda settings: settings.url or "", tryton),
    "zoho": Made(zoho_address, zoho),
}


class Adapters:
    """Makes adapters of connections, for whoever asks a CRM for anything."""

    def __init__(self, pool: Pool, settings: WorkerSettings, metrics: CrmMetrics | None = None) -> None:
        self._pool = pool
        self._settings = settings
        self.metrics = metrics or CrmMetrics()
        self._secrets = Secrets(pool, settings, field="secret")
        self._tokens = AccessTokens(
            self._secrets, settings, clock=lambda: datetime.now(UTC), needed_for="this kind of CRM"
        )

    @contextlib.asynccontextmanager
    async def open(self, settings: CrmSettings) -> AsyncIterator[tuple[Crm, CountedHost]]:
        """An adapter with its host, which is closed after the block. Raises Refused for settings with which nothing can be
        reached, and CrmFailure as the adapter does."""
        made = KINDS[settings.kind]
        async with CountedHost(made.address(settings), self._settings) as host:
            crm = await made.adapter(Access(settings, self._pool, host, self._secrets, self._tokens))
            try:
                await self._read_budget(settings, host)
                yield crm, host
            finally:
                await self.write_down(settings, host)

    async def accept(self, settings: CrmSettings, host: CountedHost) -> None:
        """Called once the CRM has let us in: its secret belongs to it from then on. Raises Refused."""
        if settings.secret is not None:
            await self._secrets.accept(settings.secret, use_of(settings, host))

    @contextlib.asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[Crm]:
        """The adapter of a connection by its name, as it was last set up; raises Refused `unknown_crm`, `disabled`."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute("select settings, state from crms where name = %s", [name])
            ).fetchone()
        if row is None:
            raise Refused("unknown_crm", f"crm: there is no CRM connection named {name}", field="crm")
        given, state = row
        if state in ("disabled", "closed"):
            raise Refused("disabled", f"crm: the CRM connection {name} is {state}: give it enable first", field="crm")
        settings = parse(CrmSettings, given or {"name": name}, what="CrmConnection")
        async with self.open(settings) as (crm, _):
            yield crm

    async def write_down(self, settings: CrmSettings, host: CountedHost) -> None:
        """Adds what was called since the last time to the hour's count."""
        crm = settings.name
        calls, host.calls = host.calls, 0
        if calls:
            self.metrics.requested(settings.kind, calls)
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(
                    """
                    insert into crm_calls select name, date_trunc('hour', now()), %s from crms where name = %s
                    on conflict (crm, hour) do update set calls = crm_calls.calls + excluded.calls
                    """,
                    [calls, crm],
                )
                await connection.execute(
                    "delete from crm_calls where crm = %s and hour < now() - make_interval(hours => %s)", [crm, HOURS]
                )

    async def _read_budget(self, settings: CrmSettings, host: CountedHost) -> None:
        if settings.daily_calls is None:
            return
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    """
                    select coalesce(sum(calls), 0)::bigint,
                        coalesce(extract(epoch from min(hour) + make_interval(hours => %(hours)s) - now()), 3600)::float
                    from crm_calls where crm = %(crm)s and hour >= now() - make_interval(hours => %(hours)s)
                    """,
                    {"crm": settings.name, "hours": HOURS},
                )
            ).fetchone()
        assert row is not None
        calls, seconds = row
        host.left = max(settings.daily_calls - calls, 0)
        host.again_after = max(seconds, 60.0)

"""What each host was seen to do with AUTH-RESP-CODE, which some offer and never use (docs/decisions/28)."""

from __future__ import annotations

from infra.database.pool import Pool

ENOUGH = 3  # unmarked refusals of a host that was never seen to say [AUTH], from which on its words decide


class AuthCodes:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def marks_passwords(self, host: str) -> bool:
        """Whether a refusal without [AUTH] may be taken at RFC 3206's word: not of a host that is known not to use it."""
        async with self._pool.connection() as connection:
            row = await (
                await connection.execute(
                    "select said_at is not null or unmarked < %s from auth_codes where host = %s",
                    [ENOUGH, host.lower()],
                )
            ).fetchone()
        return row is None or bool(row[0])

    async def said_auth(self, host: str) -> None:
        """The host said [AUTH], so it uses the code."""
        await self._learn(
            """
            insert into auth_codes as known (host, said_at) values (%s, clock_timestamp())
            on conflict (host) do update set said_at = excluded.said_at where known.said_at is null
            """,
            [host.lower()],
        )

    async def left_auth_out(self, host: str) -> None:
        """The host refused in words about the password, or in none, and did not say [AUTH]."""
        await self._learn(
            """
            insert into auth_codes as known (host, unmarked) values (%s, 1)
            on conflict (host) do update set unmarked = known.unmarked + 1
            where known.said_at is null and known.unmarked < %s
            """,
            [host.lower(), ENOUGH],
        )

    async def _learn(self, statement: str, values: list[object]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(statement.encode(), values)

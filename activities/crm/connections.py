"""Which CRM connections there are: an account may name only those (R5)."""

from __future__ import annotations

from temporalio import activity

from domain.refusal import Refused
from infra.database import Pool


class CrmConnections:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def check_crms(self, names: list[str]) -> None:
        """Raises Refused `unknown_crm` for the first of `names` that no CRM connection has."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute("select name from crms")).fetchall()
        known = {name for (name,) in rows}
        for name in names:
            if name not in known:
                raise Refused(
                    "unknown_crm",
                    f"crm: there is no CRM connection named {name}: start it first, or leave it out ('builtin' always "
                    "exists)",
                    field="crm",
                )

"""A CRM's rules of linking change: mail that is stored is linked anew by them, and only where they did."""

from __future__ import annotations

from typing import Any

import pytest

from domain.core.validation import parse
from domain.crm.settings import CrmSettings
from infra.database.pool import Pool
from tests.support.directory import record_crm
from tests.support.mailboxes import Watcher
from tests.support.stored_mail import ANNA, CRM, links, pulled, stored, worked_off


async def recorded(pool: Pool, **linking: Any) -> None:
    """The connection after a command."""
    await record_crm(pool, parse(CrmSettings, {"name": CRM, "linking": linking}, what="change_settings"))


async def asked(pool: Pool) -> list[Any]:
    return await Watcher(pool).column("select cause from relinking")


@pytest.mark.requirement("R3")
async def test_stored_mail_is_linked_by_the_rules_that_hold_now(pool: Pool) -> None:
    await pulled(pool, ANNA)
    plain = await stored(pool, 1)
    tagged = await stored(pool, 2, sender="anna+news@example.org")
    await recorded(pool)
    await worked_off(pool)
    assert await links(pool) == [(plain, "c1", "Received")]
    await recorded(pool, subaddresses=True)
    await worked_off(pool)
    assert await links(pool) == [(plain, "c1", "Received"), (tagged, "c1", "Received")]
    await recorded(pool, subaddresses=True, never_log=["anna@example.org"])
    await worked_off(pool)
    assert await links(pool) == [(tagged, "c1", "Received")]
    await recorded(pool, records="leads")
    await worked_off(pool)
    assert await links(pool) == []
    await recorded(pool)
    await worked_off(pool)
    assert await links(pool) == [(plain, "c1", "Received")]


async def test_rules_other_than_the_plain_ones_count_when_a_connection_is_first_recorded(pool: Pool) -> None:
    await pulled(pool, ANNA)
    tagged = await stored(pool, 1, sender="anna+news@example.org")
    await worked_off(pool)
    await recorded(pool, subaddresses=True)
    await worked_off(pool)
    assert await links(pool) == [(tagged, "c1", "Received")]


async def test_a_connection_that_is_recorded_with_the_same_rules_asks_for_nothing(pool: Pool) -> None:
    await stored(pool, 1)
    await worked_off(pool)
    await recorded(pool)
    assert await asked(pool) == []
    async with pool.connection() as connection:  # as a release with fewer rules has kept them
        await connection.execute("""update crms set linking = '{"automatic": true}'""")
    await recorded(pool)
    assert await asked(pool) == []
